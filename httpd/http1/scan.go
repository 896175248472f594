package http1

import (
	"bytes"
	"strings"
)

// verdict is what scanning a request's head has found.
type verdict int

const (
	more  verdict = iota // the head is not complete, and has nothing odd so far
	whole                // the head is complete, and can be served by the lean loop
	odd                  // net/http must serve or refuse the request
)

// scanner checks the head of a request line by line, as it arrives. It accepts only heads that
// every HTTP implementation understands in the same way: one valid Host, at most one plain
// Content-Length, no Transfer-Encoding, no line folding, no control characters. All others are odd.
type scanner struct {
	pos     int // where the first unchecked line begins
	lines   int // checked lines
	host    bool
	sized   bool  // there is a Content-Length
	length  int64 // its value
	options bool  // there is a Connection field
	close   bool  // it says close
}

// scan continues with b, which holds everything that has been read of the head, and possibly more.
// If it returns whole, the head is b[:pos].
func (s *scanner) scan(b []byte) verdict {
	for {
		i := bytes.IndexByte(b[s.pos:], '\n')
		if i < 0 {
			return more
		}
		line := b[s.pos : s.pos+i]
		s.pos += i + 1
		line, ok := bytes.CutSuffix(line, []byte("\r"))
		switch {
		case !ok:
			return odd
		case s.lines == 0:
			ok = plainRequestLine(line)
		case len(line) == 0:
			if s.host {
				return whole
			}
			return odd
		default:
			ok = s.field(line)
		}
		if !ok {
			return odd
		}
		s.lines++
	}
}

// plainRequestLine reports whether a line has the form GET /path HTTP/1.1.
func plainRequestLine(line []byte) bool {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(rest, []byte(" "))
	if len(method) == 0 || len(target) == 0 || target[0] != '/' || string(version) != "HTTP/1.1" || string(method) == "CONNECT" {
		return false
	}
	for _, c := range method {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	for _, c := range target {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// field checks a header field, and notes those that determine the message's length or the
// connection's fate.
func (s *scanner) field(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 {
		return false
	}
	for _, c := range name {
		if !isToken(c) {
			return false
		}
	}
	value = bytes.Trim(value, " \t")
	for _, c := range value {
		if (c < ' ' || c > '~') && c != '\t' {
			return false
		}
	}
	switch {
	case is(name, "host"):
		ok = !s.host && plainHost(value)
		s.host = true
	case is(name, "content-length"):
		ok = !s.sized && s.plainLength(value)
		s.sized = true
	case is(name, "connection"):
		s.close = is(value, "close")
		ok = !s.options && (s.close || is(value, "keep-alive"))
		s.options = true
	case is(name, "transfer-encoding"), is(name, "te"), is(name, "trailer"), is(name, "upgrade"), is(name, "expect"),
		is(name, "http2-settings"), is(name, "keep-alive"), is(name, "proxy-connection"):
		ok = false
	}
	return ok
}

// plainHost reports whether a Host is a name, an IPv4 address or an IPv6 address in brackets, with
// or without a port.
func plainHost(value []byte) bool {
	for _, c := range value {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return len(value) > 0
}

// plainLength reads a Content-Length without sign, separators or leading zeros, which always fits
// into an int64.
func (s *scanner) plainLength(value []byte) bool {
	if len(value) == 0 || len(value) > 18 || value[0] == '0' && len(value) > 1 {
		return false
	}
	s.length = 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		s.length = s.length*10 + int64(c-'0')
	}
	return true
}

// is compares b with a text in lower case, ignoring the case of ASCII letters in b.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// isToken reports whether c may be part of a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	default:
		return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
}
