package llm

import "strings"

// IsBase64 reports whether s has only the characters of standard base64 (RFC
// 4648, section 4), with up to two = behind them, so that it can stand in a JSON
// string as it is. It decodes nothing and leaves the length to its caller, to
// whom missing padding may or may not matter.
//
// Media is megabytes, so eight characters are looked at for each branch: noise
// makes a branch for each character mispredicted.
func IsBase64(s string) bool {
	s = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	var foreign byte
	for ; len(s) >= 8; s = s[8:] {
		foreign |= notBase64[s[0]] | notBase64[s[1]] | notBase64[s[2]] | notBase64[s[3]] |
			notBase64[s[4]] | notBase64[s[5]] | notBase64[s[6]] | notBase64[s[7]]
	}
	for i := range len(s) {
		foreign |= notBase64[s[i]]
	}
	return foreign == 0
}

// notBase64 has a 1 for every byte outside the alphabet. It is never written to.
var notBase64 = func() (set [256]byte) {
	for i := range set {
		set[i] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		set[c] = 0
	}
	return set
}()
