package modelid

import "strings"

// checkBytes checks the length and the bytes of a model string. An ARN may not contain
// brackets.
func checkBytes(s string, arn bool) error {
	if len(s) > MaxLen {
		return &Error{Input: s, Reason: "is longer than 2048 bytes"}
	}
	if s == "" {
		return &Error{Reason: "is empty", Hint: "bedrock/us.amazon.nova-pro-v1:0"}
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= ':', '-' <= c && c <= '/', 'A' <= c && c <= 'Z', c == '_':
		case (c == '[' || c == ']') && !arn:
		default:
			return badByte(s, i)
		}
	}
	if found := strings.Contains(s, ".."); found {
		return &Error{Input: s, Part: "..", Reason: "is an empty segment", Hint: strings.ReplaceAll(s, "..", ".")}
	}
	return nil
}

// badByte returns the error for the byte of s at i.
func badByte(s string, i int) error {
	e := &Error{Input: s, Part: s[i : i+1], Reason: "is not allowed in a model id"}
	switch {
	case strings.TrimSpace(s) != s:
		e.Reason, e.Hint = "is white space around the model id", strings.TrimSpace(s)
	case s[i] == '%':
		e.Reason = "is not allowed in a model id, which Outcrop escapes itself"
		e.Hint = strings.NewReplacer("%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/").Replace(s)
	case s[i] == '*':
		e.Reason = "is a wildcard; replace it with a model id"
	case s[i] == '@':
		e.Reason, e.Hint = "is not allowed in a model id; versions follow a hyphen or colon", strings.Replace(s, "@", "-", 1)
	}
	return e
}

// checkDots checks that an id has no empty segment between its dots and colons.
func checkDots(input, id string) error {
	for i := range len(id) {
		switch id[i] {
		case '.', ':':
			if i == 0 || i == len(id)-1 || id[i-1] == '.' || id[i-1] == ':' {
				return &Error{Input: input, Part: id, Reason: "has an empty segment", Hint: strings.Trim(id, ".:")}
			}
		}
	}
	return nil
}

// isGeography reports whether s has the form of a geography's prefix.
func isGeography(s string) bool {
	if s == "global" || s == "apac" {
		return true
	}
	letters, word, more := strings.Cut(s, "-")
	return len(letters) == 2 && consists(letters, 'a', 'z') && (!more || len(word) >= 2 && consists(word, 'a', 'z'))
}

// isVendor reports whether s has the form of a vendor's name.
func isVendor(s string) bool {
	if len(s) < 3 || !isLetter(s[0]) || s[0] == 'v' && consists(s[1:], '0', '9') {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isLetter(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// isWord reports whether s contains only letters, digits, hyphens and underscores.
func isWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

// consists reports whether s has at least one byte, and only bytes from lo to hi.
func consists(s string, lo, hi byte) bool {
	for i := range len(s) {
		if s[i] < lo || s[i] > hi {
			return false
		}
	}
	return s != ""
}
