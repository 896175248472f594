package llm

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	base64text "outcrop/internal/base64"
)

// Base64 is content in standard base64 with padding (RFC 4648, section 4), the form in which JSON
// carries bytes. It is checked when it is made, so that it can be written into a JSON string
// unchanged and its megabytes are not checked again. The zero Base64 has no content.
type Base64 struct{ text []byte }

// ParseBase64 takes text that is already base64, without decoding it. It reports false for anything
// but complete groups of four characters of the alphabet, the last with up to two = at its end. The
// Base64 shares text's memory, which must not be written to afterwards.
func ParseBase64(text []byte) (Base64, bool) {
	if !base64text.Valid(text) {
		return Base64{}, false
	}
	return Base64{text}, true
}

// ReadBase64 takes base64 as clients write it: white space, the URL-safe alphabet (RFC 4648,
// section 5) and missing padding are corrected. It reports false for anything else, and for a text
// without content.
func ReadBase64(text string) (Base64, bool) {
	if b, ok := ParseBase64([]byte(text)); ok {
		return b, !b.IsZero()
	}
	text = strings.TrimRight(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		default:
			return r
		}
	}, text), "=")
	if n := len(text) % 4; n > 1 {
		text += "=="[:4-n]
	}
	b, ok := ParseBase64([]byte(text))
	return b, ok && !b.IsZero()
}

// EncodeBase64 returns the base64 of content.
func EncodeBase64(content []byte) Base64 {
	return Base64{base64.StdEncoding.AppendEncode(nil, content)}
}

// String returns a copy of the base64 text.
func (b Base64) String() string { return string(b.text) }

// Bytes returns the base64 text itself, which must not be written to.
func (b Base64) Bytes() []byte { return b.text }

// Equal reports whether both hold the same content.
func (b Base64) Equal(other Base64) bool { return bytes.Equal(b.text, other.text) }

// IsZero reports whether there is no content.
func (b Base64) IsZero() bool { return len(b.text) == 0 }

// Size is the length of the decoded content in bytes.
func (b Base64) Size() int {
	return len(b.text)/4*3 - bytes.Count(b.text[max(0, len(b.text)-2):], []byte("="))
}

// Decode returns the content.
func (b Base64) Decode() []byte {
	content, _ := base64.StdEncoding.AppendDecode(nil, b.text) // checked when b was made
	return content
}

// Head returns at most the first n bytes of the content.
func (b Base64) Head(n int) []byte {
	head := Base64{b.text[:min(len(b.text), (n+2)/3*4)]}.Decode()
	return head[:min(len(head), n)]
}

// join is the base64 of b's content followed by that of more.
func (b Base64) join(more Base64) Base64 {
	if bytes.HasSuffix(b.text, []byte("=")) && !more.IsZero() {
		return EncodeBase64(append(b.Decode(), more.Decode()...))
	}
	return Base64{append(slices.Clip(b.text), more.text...)}
}
