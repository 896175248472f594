package jsonx

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
)

// extractFrom is the length from which a string is extracted, in bytes.
const extractFrom = 4 << 10

// Extracted is a document whose long strings have been extracted. A request with an image is
// megabytes of one string, and one with a long conversation is hundreds of kilobytes of them, which a
// JSON library scans byte by byte and copies; the rest of the document is small.
type Extracted struct {
	// Doc is the document with a placeholder in place of each extracted string; of a data URI the
	// head remains before it.
	Doc []byte

	mark   string // prefix of the string's number; random, so that no document can contain it
	long   []long
	shares bool
}

// long is an extracted string, as it is between its quotation marks.
type long struct {
	quoted []byte
	text   bool // it does not look like base64
	taken  bool
}

// Extract takes strings that look like base64 out of a document; nil if there are none. It does not
// check them, neither as JSON nor as base64: the decoder of a string calls Resolve for a
// placeholder, which checks that it stands for base64, and base64 is valid in JSON as it is. If Doc
// cannot be decoded, or Unresolved is not 0 at the end, the whole document must be decoded. So only
// speed depends on what a string looks like.
//
// The strings share doc's memory, which must not be modified while they are used.
func Extract(doc []byte) *Extracted { return extract(doc, false) }

// Decode calls decode with a document from which all long strings have been extracted; if it fails or leaves one
// unresolved, because a text may be where only base64 is read, with one without long base64; and else with the whole
// document and nil. decode calls Text and Raw for what may have a long text, and Resolve for base64. shares is whether the result
// shares doc's memory. The error is that for the whole document.
func Decode[T any](doc []byte, decode func(doc []byte, extracted *Extracted) (T, error)) (result T, shares bool, err error) {
	for l := extract(doc, true); l != nil; l = l.withoutTexts(doc) {
		if result, err = decode(l.Doc, l); err == nil && l.Unresolved() == 0 {
			return result, l.shares, nil
		}
	}
	result, err = decode(doc, nil)
	return result, false, err
}

// withoutTexts is what Extract takes out of the document; nil if that is nothing, or all that has been taken out.
func (l *Extracted) withoutTexts(doc []byte) *Extracted {
	if !slices.ContainsFunc(l.long, func(s long) bool { return s.text }) {
		return nil
	}
	return Extract(doc)
}

func extract(doc []byte, texts bool) *Extracted {
	if len(doc) < extractFrom {
		return nil
	}
	var l *Extracted
	copied := 0
	for at := 0; ; {
		quote := bytes.IndexByte(doc[at:], '"')
		if quote < 0 {
			break
		}
		start := at + quote + 1
		end := stringEnd(doc, start)
		if end < 0 {
			break
		}
		at = end + 1
		if end-start < extractFrom {
			continue
		}
		head := dataHead(doc[start:end])
		text := !looksLikeBase64(doc[start+head : end])
		switch {
		case !text:
			start += head
		case !texts:
			continue
		}
		if l == nil {
			l = &Extracted{mark: "~" + rand.Text() + "."}
		}
		l.Doc = append(append(l.Doc, doc[copied:start]...), l.mark...)
		l.Doc = strconv.AppendInt(l.Doc, int64(len(l.long)), 10)
		l.long = append(l.long, long{quoted: doc[start:end:end], text: text})
		copied = end
	}
	if l != nil {
		l.Doc = append(l.Doc, doc[copied:]...)
	}
	return l
}

// Resolve returns the string that the placeholder text stands for, if check accepts it as base64. A
// nil Extracted has none.
func (l *Extracted) Resolve(text string, check func([]byte) bool) ([]byte, bool) {
	s := l.find(text)
	if s == nil || s.text || !check(s.quoted) {
		return nil, false
	}
	s.taken, l.shares = true, true
	return s.quoted, true
}

// Text replaces a placeholder by the text that it stands for, a copy; it leaves another text as it is. If the
// string is not valid it stays unresolved. A nil Extracted has none.
func (l *Extracted) Text(to *string) {
	if l == nil || len(*to) > len(l.mark)+8 || !strings.HasPrefix(*to, l.mark) {
		return
	}
	if s := l.find(*to); s != nil {
		if text, ok := unquote(s.quoted); ok {
			*to, s.taken = text, true
		}
	}
}

// Raw replaces the placeholders in a value by the strings that they stand for, in a copy of the value. Strings that
// are not valid stay unresolved. A nil Extracted has none.
func (l *Extracted) Raw(v *Raw) {
	if l == nil || !bytes.Contains(*v, []byte(l.mark)) {
		return
	}
	var whole Raw
	for rest := *v; ; {
		before, after, found := bytes.Cut(rest, []byte(l.mark))
		whole = append(whole, before...)
		if !found {
			*v = whole
			return
		}
		digits, _, _ := bytes.Cut(after, []byte{'"'})
		rest = after[len(digits):]
		placeholder := l.mark + string(digits[:min(len(digits), 20)])
		s := l.find(placeholder)
		if s == nil {
			whole = append(append(whole, l.mark...), digits...)
			continue
		}
		if _, s.taken = unquote(s.quoted); !s.taken {
			return
		}
		whole = append(whole, s.quoted...)
	}
}

// find returns the string that a placeholder stands for; nil for another text.
func (l *Extracted) find(placeholder string) *long {
	if l == nil {
		return nil
	}
	number, marked := strings.CutPrefix(placeholder, l.mark)
	n, err := strconv.Atoi(number)
	if !marked || err != nil || n < 0 || n >= len(l.long) {
		return nil
	}
	return &l.long[n]
}

// Unresolved is the number of strings that have not been resolved.
func (l *Extracted) Unresolved() int {
	n := 0
	for i := range l.long {
		if !l.long[i].taken {
			n++
		}
	}
	return n
}

// stringEnd is the position of the closing quotation mark of the string that begins at start; -1 if
// it has none.
func stringEnd(doc []byte, start int) int {
	for at := start; ; at++ {
		quote := bytes.IndexByte(doc[at:], '"')
		if quote < 0 {
			return -1
		}
		at += quote
		escapes := 0
		for at-1-escapes >= start && doc[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
	}
}

// maxDataHead is the maximum length of a data URI's head for its data to be extracted.
const maxDataHead = 256

// dataHead is the length of a base64 data URI's head (RFC 2397), comma included; 0 if s is not one.
func dataHead(s []byte) int {
	if len(s) < 5 || !strings.EqualFold(string(s[:5]), "data:") {
		return 0
	}
	comma := bytes.IndexByte(s[:min(len(s), maxDataHead)], ',')
	if comma < 0 || !bytes.HasSuffix(s[:comma], []byte(";base64")) {
		return 0
	}
	return comma + 1
}

// looksLikeBase64 inspects the first characters, which distinguish base64 from ordinary text.
func looksLikeBase64(s []byte) bool {
	if len(s) < extractFrom/2 {
		return false
	}
	for _, c := range s[:64] {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}
