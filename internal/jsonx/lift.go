package jsonx

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
)

// extractFrom is the length from which a string is taken out of a document, in bytes.
const extractFrom = 4 << 10

// Extracted is a document whose long strings of base64 stand beside it. A request with
// an image is megabytes of one string, which a JSON library looks at byte by byte
// and copies; what is left without it is small.
type Extracted struct {
	// Doc is the document with a mark in place of each string that has been taken
	// out; of a data URI the head stays before it.
	Doc []byte

	mark  string // before the number of the string; at random, so that nobody can write it
	long  [][]byte
	taken []bool
}

// Extract takes what looks like base64 out of a document; nil if there is nothing to
// take. What it takes is not checked, be it as JSON or as base64: who comes upon a
// mark has Take check it to be base64, which is JSON as it is. When Doc cannot be
// read, or when Rest is not 0 at the end, the document must be read whole. So
// nothing depends on the look of a string but speed.
//
// The strings share doc's memory, which must not be written to while they are used.
func Extract(doc []byte) *Extracted {
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
		start += dataHead(doc[start:end])
		if !looksLikeBase64(doc[start:end]) {
			continue
		}
		if l == nil {
			l = &Extracted{mark: "~" + rand.Text() + "."}
		}
		l.Doc = append(append(l.Doc, doc[copied:start]...), l.mark...)
		l.Doc = strconv.AppendInt(l.Doc, int64(len(l.long)), 10)
		l.long = append(l.long, doc[start:end:end])
		copied = end
	}
	if l != nil {
		l.Doc = append(l.Doc, doc[copied:]...)
		l.taken = make([]bool, len(l.long))
	}
	return l
}

// Resolve gives the string that text is the mark of, if check finds it to be base64.
// A nil Lifted has none.
func (l *Extracted) Resolve(text string, check func([]byte) bool) ([]byte, bool) {
	if l == nil {
		return nil, false
	}
	number, marked := strings.CutPrefix(text, l.mark)
	n, err := strconv.Atoi(number)
	if !marked || err != nil || n < 0 || n >= len(l.long) || !check(l.long[n]) {
		return nil, false
	}
	l.taken[n] = true
	return l.long[n], true
}

// Unresolved is the number of strings that nobody has taken.
func (l *Extracted) Unresolved() int {
	n := 0
	for _, taken := range l.taken {
		if !taken {
			n++
		}
	}
	return n
}

// stringEnd is where the string that begins at start has its closing quotation
// mark; -1 if it has none.
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

// maxDataHead is how long a data URI's head may be for its data to be taken out.
const maxDataHead = 256

// dataHead is the length of a base64 data URI's head (RFC 2397), its comma
// included; 0 if s is none.
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

// looksLikeBase64 looks at the first characters, which tells it from a text.
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
