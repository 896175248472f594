package diagnose

import (
	"maps"
	"strings"
	"unicode"
)

// wrapper precedes the message of a model's own server when Converse passes it on
// (recorded exchanges).
const wrapper = "the model returned the following errors"

// plainly normalizes a message of AWS's to words with one space around each, so that
// matching does not depend on formatting: in lower case, without punctuation, with
// names such as toolResult and tool_result split into two words, and with contractions
// written out. It drops quoted text unless that is a single name, such as 'tool_use':
// AWS quotes there what the caller sent.
func plainly(message string) normalized {
	text := []rune(strings.Map(straight, message))
	quotes := quotations(text)
	var b strings.Builder
	b.WriteByte(' ')
	space := true
	gap := func() {
		if !space {
			b.WriteByte(' ')
			space = true
		}
	}
	for i := 0; i < len(text); i++ {
		r := text[i]
		switch {
		case r == '\'' || r == '"':
			if end := quotes[i]; end > 0 && !isName(text[i+1:end]) {
				gap()
				i = end
			} else if r == '"' || i == 0 || !unicode.IsLetter(text[i-1]) {
				gap()
			} // otherwise an apostrophe: isn't becomes isnt
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if i > 0 && unicode.IsUpper(r) && unicode.IsLower(text[i-1]) {
				gap()
			}
			b.WriteRune(unicode.ToLower(r))
			space = false
		default:
			gap()
		}
	}
	gap()
	return normalized(contractions.Replace(b.String()))
}

// spoken normalizes like plainly, but keeps only AWS's own words: it drops everything
// quoted or in brackets, and words that may be the caller's names, such as
// tools.0.input_schema, #/tools/0 and tooluse_1.
func spoken(message string) normalized {
	text := []rune(strings.Map(straight, message))
	quotes := quotations(text)
	var b strings.Builder
	depth := 0
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case quotes[i] > 0:
			b.WriteByte(' ')
			i = quotes[i]
		case r == '[' || r == '{':
			depth++
		case (r == ']' || r == '}') && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	words := strings.Fields(b.String())
	own := words[:0]
	for _, w := range words {
		if bare := strings.Trim(w, ".,;:!?()"); !strings.ContainsAny(bare, "._/#=@\\<>`:") {
			own = append(own, w)
		}
	}
	return plainly(strings.Join(own, " "))
}

// straight replaces typographic quotation marks and apostrophes with plain ones: AWS
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

// quotations maps the start of each quotation to its end. A quotation starts after a
// character that is not a letter and ends before one. Each rune is examined once.
func quotations(text []rune) map[int]int {
	var ends map[int]int
	open := map[rune]int{}
	plain := func(i int) bool {
		return i < 0 || i >= len(text) || !unicode.IsLetter(text[i]) && !unicode.IsDigit(text[i])
	}
	for i, r := range text {
		if r != '\'' && r != '"' {
			continue
		}
		from, begun := open[r]
		switch {
		case begun && plain(i+1):
			if ends == nil {
				ends = map[int]int{}
			}
			ends[from] = i
			maps.DeleteFunc(open, func(_ rune, at int) bool { return at >= from }) // quotations that begin inside this one also end inside
		case !begun && plain(i-1):
			open[r] = i
		}
	}
	return ends
}

// unquoted returns a message without its quoted text, except single names; empty if
// nothing was removed. AWS quotes what the caller sent, which the client may see but
// the log must not contain.
func unquoted(message string) string {
	text := []rune(message)
	quotes := quotations([]rune(strings.Map(straight, message))) // keeps the number of runes
	var b strings.Builder
	cut := false
	for i := 0; i < len(text); i++ {
		b.WriteRune(text[i])
		if end := quotes[i]; end > 0 && !isPath(text[i+1:end]) {
			b.WriteString("…")
			b.WriteRune(text[end])
			i, cut = end, true
		}
	}
	if !cut {
		return ""
	}
	return b.String()
}

// isPath reports whether quoted text is the name or the path of a field, such as
// messages.1.member.content: words of letters, and numbers.
func isPath(text []rune) bool {
	for part := range strings.SplitSeq(string(text), ".") {
		letters := strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
		if part == "" || len(part) > 40 || !letters && strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// isName reports whether quoted text is a single name, of a field or the like.
func isName(text []rune) bool {
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_.-", r) {
			return false
		}
	}
	return true
}

// contractions is read-only. The text has a space around each word.
var contractions = strings.NewReplacer( //nolint:gochecknoglobals // a table
	" isnt ", " is not ", " arent ", " are not ", " doesnt ", " does not ", " dont ", " do not ", " cant ", " cannot ",
	" wasnt ", " was not ", " hasnt ", " has not ", " havent ", " have not ", " wont ", " will not ", " authorised ", " authorized ",
)

// normalized is a message as plainly returns it.
type normalized string

// says reports whether the message has one of the phrases, separated by bars, of each
// wanted argument.
func (s normalized) says(wanted ...string) bool {
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
func (s normalized) begins(phrases string) bool {
	for phrase := range strings.SplitSeq(phrases, "|") {
		if strings.HasPrefix(string(s), " "+phrase+" ") {
			return true
		}
	}
	return false
}

// unwrapped removes what precedes the message itself: an SDK's statement that an
// operation failed, the exception's name, and Converse's statement that the model's own
// server is quoted.
func unwrapped(s normalized) normalized {
	for {
		rest := s
		if _, behind, ok := strings.Cut(string(s), " when calling the "); ok && s.begins("an error occurred|error") {
			if _, behind, ok = strings.Cut(behind, " operation "); ok {
				rest = normalized(" " + behind)
			}
		}
		for _, front := range []string{wrapper, "validation exception", "validation error", "validationexception", "access denied exception", "resource not found exception", "bedrock exception"} {
			if behind, ok := strings.CutPrefix(string(rest), " "+front+" "); ok {
				rest = normalized(" " + behind)
			}
		}
		if rest == s || len(rest) < 2 {
			return rest
		}
		s = rest
	}
}
