package cache

import (
	"bytes"

	"outcrop/internal/jsonx"
)

// scanner finds the members of a JSON object without looking into their values: a request that the cache answers is not decoded. It
// accepts some documents that are no JSON. That does no harm: they are refused when they are decoded, so that no answer
// to them is ever kept, and what is compared are their bytes.
type scanner struct {
	doc []byte
	at  int
}

// peek is the next byte that is no white space; 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.doc); s.at++ {
		if c := s.doc[s.at]; !isSpace(c) {
			return c
		}
	}
	return 0
}

// take reports whether the next byte is c, and goes on behind it.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// text goes behind a text, which begins here.
func (s *scanner) text() bool {
	for from := s.at + 1; ; {
		n := bytes.IndexByte(s.doc[from:], '"')
		if n < 0 {
			return false
		}
		end := from + n
		escapes := 0
		for i := end - 1; i > s.at && s.doc[i] == '\\'; i-- {
			escapes++
		}
		if from = end + 1; escapes%2 == 0 {
			s.at = from
			return true
		}
	}
}

// name reads the name of a member.
func (s *scanner) name() (string, bool) {
	if s.peek() != '"' {
		return "", false
	}
	from := s.at
	if !s.text() {
		return "", false
	}
	quoted := s.doc[from:s.at]
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return jsonx.Name(inner), true
	}
	var name string
	return name, unquoted(quoted, &name)
}

// unquoted reads a text with its quotation marks.
func unquoted(quoted []byte, to *string) bool {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 {
		*to = string(inner)
		return true
	}
	return jsonx.Unmarshal(quoted, to) == nil
}

// value goes behind a value, and returns how many objects are in it, if it is a list.
func (s *scanner) value() (value jsonx.Raw, objects int, ok bool) {
	c, from := s.peek(), s.at
	switch c {
	case '"':
		ok = s.text()
	case '{', '[':
		objects, ok = s.nested()
		if c == '{' {
			objects = 0
		}
	case 0, ',', ':', '}', ']':
		return nil, 0, false
	default:
		for s.at < len(s.doc) && !isSpace(s.doc[s.at]) && s.doc[s.at] != ',' && s.doc[s.at] != '}' {
			s.at++
		}
		ok = jsonx.Valid(s.doc[from:s.at])
	}
	return s.doc[from:s.at], objects, ok
}

// nested goes behind an object or a list, and returns how many objects are directly in it.
func (s *scanner) nested() (objects int, ok bool) {
	for depth := 0; s.at < len(s.doc); {
		switch s.doc[s.at] {
		case '"':
			if !s.text() {
				return 0, false
			}
			continue
		case '{', '[':
			if depth == 1 && s.doc[s.at] == '{' {
				objects++
			}
			depth++
		case '}', ']':
			depth--
		}
		if s.at++; depth == 0 {
			return objects, true
		}
	}
	return 0, false
}

// members calls take for each member of the document, until it returns false. It reports whether the document is an object, and
// nothing else, and take has taken all of its members.
func (s *scanner) members(take func(name string, value jsonx.Raw, objects int) bool) bool {
	if !s.take('{') {
		return false
	}
	if !s.take('}') {
		for {
			name, ok := s.name()
			if !ok || !s.take(':') {
				return false
			}
			value, objects, ok := s.value()
			if !ok || !take(name, value, objects) {
				return false
			}
			if s.take('}') {
				break
			}
			if !s.take(',') {
				return false
			}
		}
	}
	return s.peek() == 0 && s.at == len(s.doc)
}
