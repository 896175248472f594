// Package wildcard matches names of models with patterns in which each * stands for one character or more.
package wildcard

import "strings"

// separator is between the parts that several * have matched. No name with it is matched.
const separator = "\x00"

// Pattern is a pattern with at least one *. The zero value is none.
type Pattern struct {
	parts []string // around each *
}

// Parse returns the pattern of a text; false if it has no *.
func Parse(text string) (Pattern, bool) {
	parts := strings.Split(text, "*")
	return Pattern{parts}, len(parts) > 1
}

// Before is how many bytes are before the first *, and Literal how many are not *.
func (p Pattern) Before() int { return len(p.parts[0]) }

// Literal is how many bytes the pattern has beside *.
func (p Pattern) Literal() (n int) {
	for _, part := range p.parts {
		n += len(part)
	}
	return n
}

// Single reports whether there is one *.
func (p Pattern) Single() bool { return len(p.parts) == 2 }

// Match reports whether a name is of the pattern, and returns what its * have matched, for Fill. Of several * an earlier one matches as much
// as it can.
func (p Pattern) Match(name string) (captured string, ok bool) {
	last := len(p.parts) - 1
	first, end := len(p.parts[0]), len(name)-len(p.parts[last])
	if end-first < last || !strings.HasPrefix(name, p.parts[0]) || !strings.HasSuffix(name, p.parts[last]) || strings.Contains(name, separator) {
		return "", false
	}
	if p.Single() {
		return name[first:end], true
	}
	matched := make([]string, last)
	for i := last - 1; i > 0; i-- { // the later a part is found, the more is left for what is before it
		if end-1 < first+1 {
			return "", false
		}
		at := strings.LastIndex(name[first+1:end-1], p.parts[i])
		if at < 0 {
			return "", false
		}
		at += first + 1
		matched[i] = name[at+len(p.parts[i]) : end]
		end = at
	}
	matched[0] = name[first:end]
	return strings.Join(matched, separator), true
}

// Parts is how many * have matched what Match has returned.
func Parts(captured string) int { return 1 + strings.Count(captured, separator) }

// Fill puts what Match has returned in the place of the * of a text, one after the other.
func Fill(text, captured string) string {
	for {
		part, rest, more := strings.Cut(captured, separator)
		text = strings.Replace(text, "*", part, 1)
		if !more {
			return text
		}
		captured = rest
	}
}
