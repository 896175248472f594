package telemetry

import (
	"strings"
	"unicode"

	"outcrop/llm"
)

// blank stands in the log for what a caller wrote.
const blank = "…"

// shortest is how long, in bytes, a name of a caller's must be to be looked for in a
// message; shorter ones would be found in other words.
const shortest = 4

// words are what the log may have of a refusal: its message, the field that it is
// about and the error underneath.
type words struct{ message, param, cause string }

// wordsOf gives what the log may have of a refusal. A caller that puts its parts in
// the wrong places has its prompt in a role, a type or the name of a member, and a
// refusal names those for the caller. So what the gateway itself says to a caller is
// logged without what stands in quotation marks, which is how messages write a
// caller's values, and without names of members that no dialect here has.
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
			message = e.Code.Info().Meaning // another form of the field, or one that was cut
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

// ofRequest reports whether an error is about what a caller sent, and not about the
// gateway's own settings, whose values the operator wants to see.
func ofRequest(e *llm.Error) bool {
	return e.Responsible() == llm.ActorCaller || strings.HasPrefix(string(e.Code), "gateway.")
}

// unquoted gives a text with a blank for all that stands in quotation marks, as
// strconv.Quote writes them, or in backquotes. A mark that is not closed, in a text
// that was cut, lasts to the end.
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

// closing is where a quotation ends; negative if it does not.
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

// knownFields gives a path such as messages[2].content with a blank for each name
// that no dialect here has, and those names.
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
