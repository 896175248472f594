package policy

import "strings"

// pattern is a text of a policy. If wildcards are enabled, * matches any characters and
// ? one; if variables are enabled, ${key} is replaced by a value of the request (IAM
// User Guide, "IAM policy elements: Variables and tags").
type pattern []part

// part is a piece of a pattern: text, a wildcard, or a variable.
type part struct {
	kind     partKind
	text     string // the text, or the key of a variable in lower case
	fallback string // of a variable
	safe     bool   // a variable has a fallback
}

type partKind int

const (
	text partKind = iota
	many          // *
	one           // ?
	variable
)

// compile parses a pattern. ${*}, ${?} and ${$} are those characters themselves. An
// unclosed variable is text.
func compile(s string, wildcards, variables bool) pattern {
	var p pattern
	add := func(s string) {
		if n := len(p); n > 0 && p[n-1].kind == text {
			p[n-1].text += s
		} else {
			p = append(p, part{kind: text, text: s})
		}
	}
	for len(s) > 0 {
		switch {
		case variables && strings.HasPrefix(s, "${") && strings.Contains(s, "}"):
			name, rest, _ := strings.Cut(s[2:], "}")
			s = rest
			if name == "*" || name == "?" || name == "$" {
				add(name)
				continue
			}
			key, fallback, safe := strings.Cut(name, ",")
			p = append(p, part{
				kind: variable, text: strings.ToLower(strings.TrimSpace(key)), safe: safe,
				fallback: strings.Trim(strings.TrimSpace(fallback), "'"),
			})
		case wildcards && s[0] == '*':
			p, s = append(p, part{kind: many}), s[1:]
		case wildcards && s[0] == '?':
			p, s = append(p, part{kind: one}), s[1:]
		default:
			add(s[:1])
			s = s[1:]
		}
	}
	return p
}

// expand replaces the variables with the request's values; false if one of them has no
// value or several, in which case the pattern matches nothing.
func (p pattern) expand(c context) (pattern, bool) {
	var full pattern
	for i, part := range p {
		if part.kind != variable {
			if full != nil {
				full = append(full, part)
			}
			continue
		}
		if full == nil {
			full = append(make(pattern, 0, len(p)), p[:i]...)
		}
		value := part.fallback
		if values := c[part.text]; len(values) == 1 {
			value = values[0]
		} else if !part.safe {
			return nil, false
		}
		full = append(full, pattern{{kind: text, text: value}}...)
	}
	if full == nil {
		return p, true
	}
	return full, true
}

// fixed reports whether the pattern is plain text, and returns the text.
func (p pattern) fixed() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].kind == text:
		return p[0].text, true
	default:
		return "", false
	}
}

// literal returns the text of a pattern without wildcards whose variables are expanded.
func (p pattern) literal() string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString(part.text)
	}
	return b.String()
}

// match reports whether the whole of s matches a pattern whose variables are expanded.
// A wildcard matches any character, including ':' and '/'.
func (p pattern) match(s string) bool {
	// The usual search with one point to backtrack to: a later * makes an earlier one's
	// choice irrelevant.
	at, star, from := 0, -1, 0
	i := 0
	for {
		if at == len(p) {
			if i == len(s) {
				return true
			}
		} else {
			switch part := p[at]; {
			case part.kind == many:
				star, from = at, i
				at++
				continue
			case part.kind == one && i < len(s):
				at++
				i += len(firstRune(s[i:]))
				continue
			case part.kind == text && strings.HasPrefix(s[i:], part.text):
				at++
				i += len(part.text)
				continue
			}
		}
		if star < 0 || from >= len(s) {
			return false
		}
		from++
		at, i = star+1, from
	}
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// arnParts is the number of parts in an ARN, separated by ':'; the last may contain
// more of them.
const arnParts = 6

// matchARN reports whether s is an ARN that matches part by part: a wildcard does not
// match a ':' except in the last part (IAM User Guide, "Amazon Resource Name (ARN)
// condition operators"). The pattern * matches every ARN.
func (p pattern) matchARN(s string) bool {
	values := strings.SplitN(s, ":", arnParts)
	if len(values) != arnParts || values[0] != "arn" {
		return false
	}
	if len(p) == 1 && p[0].kind == many {
		return true
	}
	parts := p.split()
	if len(parts) != arnParts {
		return false
	}
	for i, part := range parts {
		if !part.match(values[i]) {
			return false
		}
	}
	return true
}

// split splits a pattern at the ':' of its text, into at most arnParts.
func (p pattern) split() []pattern {
	all := []pattern{nil}
	for _, piece := range p {
		last := len(all) - 1
		if piece.kind != text {
			all[last] = append(all[last], piece)
			continue
		}
		for i, s := range strings.SplitN(piece.text, ":", arnParts-last) {
			if i > 0 {
				all = append(all, nil)
			}
			if s != "" {
				all[len(all)-1] = append(all[len(all)-1], part{kind: text, text: s})
			}
		}
	}
	return all
}
