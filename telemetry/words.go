package telemetry

import (
	"strings"
	"unicode"

	"outcrop/llm"
)

// blank replaces client content in the log.
const blank = "…"

// shortest is the minimum length, in bytes, of a client's name that is searched for in a message;
// shorter ones would match parts of other words.
const shortest = 4

// words are the parts of a refusal that the log may contain: its message, the field and the
// underlying error.
type words struct{ message, param, cause string }

// wordsOf returns the parts of a refusal that may be logged. A client that mixes up its fields may
// have its prompt in a role, a type or a member name, and the refusal names those for the client.
// So errors that the gateway itself produces are logged without quoted text, which is how messages
// show a client's values, and without member names that no dialect here knows.
func wordsOf(e *llm.Error) words {
	param, unknown := knownFields(e.Param)
	switch {
	case e.Logged != "":
		return words{e.Logged, param, cause(e)}
	case e.Upstream || !ofRequest(e):
		return words{e.Message, param, cause(e)}
	}
	message := e.Message
	if len(unknown) > 0 {
		message = strings.ReplaceAll(message, e.Param, param)
	}
	message = unquoted(message)
	for _, name := range unknown {
		if name = strings.TrimSuffix(name, blank); len(name) >= shortest && strings.Contains(message, name) {
			message = e.Code.Info().Meaning // the field in another form, or cut short
		}
	}
	return words{message, param, unquoted(cause(e))}
}

func cause(e *llm.Error) string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// ofRequest reports whether an error is about the client's request, and not about the gateway's own
// settings, whose values the operator needs to see.
func ofRequest(e *llm.Error) bool {
	return e.Responsible() == llm.ActorCaller || strings.HasPrefix(string(e.Code), "gateway.")
}

// unquoted returns a text with a blank in place of everything in quotation marks, as strconv.Quote
// writes them, or in backquotes. An unclosed quotation, in a text that was cut, extends to the end.
func unquoted(s string) string {
	if !strings.ContainsAny(s, "\"`") {
		return s
	}
	var b strings.Builder
	for s != "" {
		at := strings.IndexAny(s, "\"`")
		if at < 0 {
			break
		}
		b.WriteString(s[:at+1])
		b.WriteString(blank)
		n := closing(s[at+1:], s[at])
		if n < 0 {
			return b.String()
		}
		b.WriteByte(s[at])
		s = s[at+1+n+1:]
	}
	return b.String() + s
}

// closing is the position where a quotation ends; negative if it does not.
func closing(s string, mark byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if mark == '"' {
				i++
			}
		case mark:
			return i
		}
	}
	return -1
}

// knownFields returns a path such as messages[2].content with a blank for each name that no dialect
// here knows, and those names.
func knownFields(param string) (path string, unknown []string) {
	var b strings.Builder
	for i, segment := range strings.Split(param, ".") {
		if i > 0 {
			b.WriteByte('.')
		}
		name, index, _ := strings.Cut(segment, "[")
		switch {
		case !knownField(name):
			unknown = append(unknown, name)
			b.WriteString(blank)
		default:
			b.WriteString(name)
		}
		if index != "" {
			if strings.ContainsFunc(index, func(r rune) bool { return !unicode.IsDigit(r) && r != ']' && r != '[' }) {
				unknown = append(unknown, index)
				index = blank + "]"
			}
			b.WriteString("[" + index)
		}
	}
	return b.String(), unknown
}
