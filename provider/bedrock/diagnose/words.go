package diagnose

import (
	"strings"
	"unicode"
)

// wrapper stands in front of what a model's own server said, where Converse
// passes that on (recorded exchanges).
const wrapper = "the model returned the following errors"

// plainly gives a message of AWS's as plain words, each with one space around it,
// so that what it says does not hang on how it is set: in lower case, without
// punctuation, names such as toolResult and tool_result as two words, and
// contractions written out. What stands in quotation marks is left out unless it is
// one name, such as 'tool_use': AWS quotes there what the caller sent.
func plainly(message string) string {
	var b strings.Builder
	b.WriteByte(' ')
	space := true
	var last rune // of the text, what stood before
	put := func(r rune) {
		b.WriteRune(r)
		space = false
	}
	gap := func() {
		if !space {
			b.WriteByte(' ')
			space = true
		}
	}
	text := []rune(strings.Map(straight, message))
	for i := 0; i < len(text); i++ {
		r := text[i]
		switch {
		case r == '\'' || r == '"':
			if end := closing(text, i); end > 0 && !isName(text[i+1:end]) {
				gap()
				i = end
			} else if r == '"' || !unicode.IsLetter(last) {
				gap()
			} // else an apostrophe: isn't becomes isnt
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				gap()
			}
			put(unicode.ToLower(r))
		default:
			gap()
		}
		last = r
	}
	gap()
	return contractions.Replace(b.String())
}

// straight makes typographic quotation marks and apostrophes plain ones: AWS
// writes isn’t with U+2019.
func straight(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u02bc':
		return '\''
	case '\u201c', '\u201d':
		return '"'
	}
	return r
}

// closing finds the end of what is quoted from text[at] on; 0 if nothing is: a
// quotation begins behind a space or bracket and ends in front of one, or of
// punctuation.
func closing(text []rune, at int) int {
	if at > 0 && (unicode.IsLetter(text[at-1]) || unicode.IsDigit(text[at-1])) {
		return 0
	}
	for i := at + 1; i < len(text); i++ {
		if text[i] == text[at] && (i+1 == len(text) || !unicode.IsLetter(text[i+1]) && !unicode.IsDigit(text[i+1])) {
			return i
		}
	}
	return 0
}

// unquoted gives a message without what stands in quotation marks, but for single
// names; empty if that is the message itself. AWS quotes what the caller sent, and
// that is the client's to read and not the log's.
func unquoted(message string) string {
	text := []rune(message)
	plain := []rune(strings.Map(straight, message)) // a rune for a rune
	var b strings.Builder
	cut := false
	for i := 0; i < len(text); i++ {
		if plain[i] == '\'' || plain[i] == '"' {
			if end := closing(plain, i); end > 0 && !isName(plain[i+1:end]) {
				b.WriteRune(text[i])
				b.WriteString("…")
				b.WriteRune(text[end])
				i, cut = end, true
				continue
			}
		}
		b.WriteRune(text[i])
	}
	if !cut {
		return ""
	}
	return b.String()
}

// isName reports whether quoted text is one name, of a field or the like.
func isName(text []rune) bool {
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r) {
			return false
		}
	}
	return true
}

// contractions is never written to. The text has a space around each word.
var contractions = strings.NewReplacer( //nolint:gochecknoglobals // a table
	" isnt ", " is not ", " arent ", " are not ", " doesnt ", " does not ", " dont ", " do not ", " cant ", " cannot ",
	" wasnt ", " was not ", " hasnt ", " has not ", " havent ", " have not ", " wont ", " will not ", " authorised ", " authorized ",
)

// said is a message in plain words.
type said string

// says reports whether the message has one of the phrases, which are divided by a
// bar, for each of wanted.
func (s said) says(wanted ...string) bool {
	for _, phrases := range wanted {
		found := false
		for phrase := range strings.SplitSeq(phrases, "|") {
			if strings.Contains(string(s), " "+phrase+" ") {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// begins reports whether the message begins with one of the phrases.
func (s said) begins(phrases string) bool {
	for phrase := range strings.SplitSeq(phrases, "|") {
		if strings.HasPrefix(string(s), " "+phrase+" ") {
			return true
		}
	}
	return false
}

// unwrapped takes away what stands in front of the message itself: an SDK's words
// that an operation failed, the exception's name, and Converse's that the model's
// own server is quoted.
func unwrapped(s said) said {
	for {
		rest := s
		if _, behind, ok := strings.Cut(string(s), " when calling the "); ok && s.begins("an error occurred|error") {
			if _, behind, ok = strings.Cut(behind, " operation "); ok {
				rest = said(" " + behind)
			}
		}
		for _, front := range []string{wrapper, "validation exception", "validation error", "validationexception", "access denied exception", "resource not found exception", "bedrock exception"} {
			if behind, ok := strings.CutPrefix(string(rest), " "+front+" "); ok {
				rest = said(" " + behind)
			}
		}
		if rest == s || len(rest) < 2 {
			return rest
		}
		s = rest
	}
}
