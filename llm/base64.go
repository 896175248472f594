package llm

import (
	"bytes"
	"encoding/base64"
	"slices"

	base64text "outcrop/internal/base64"
)

// Base64 is content in standard base64 with padding (RFC 4648, section 4), the way
// JSON carries bytes. It has been checked when it was made, so that it can stand in
// a JSON string as it is and nobody looks at its megabytes again. The zero Base64
// holds nothing.
type Base64 struct{ text []byte }

// ParseBase64 takes text that is base64 already, without decoding it. It reports
// false for anything but whole groups of four characters of the alphabet, the last
// with up to two = at its end. The Base64 shares text's memory, which must not be
// written to any more.
func ParseBase64(text []byte) (Base64, bool) {
	if !base64text.Valid(text) {
		return Base64{}, false
	}
	return Base64{text}, true
}

// EncodeBase64 gives the base64 of content.
func EncodeBase64(content []byte) Base64 {
	return Base64{base64.StdEncoding.AppendEncode(nil, content)}
}

// String gives a copy of the base64 itself.
func (b Base64) String() string { return string(b.text) }

// Bytes gives the base64 itself, which must not be written to.
func (b Base64) Bytes() []byte { return b.text }

// Equal reports whether both hold the same content.
func (b Base64) Equal(other Base64) bool { return bytes.Equal(b.text, other.text) }

// IsZero reports whether there is no content.
func (b Base64) IsZero() bool { return len(b.text) == 0 }

// Size is the number of bytes that the base64 stands for.
func (b Base64) Size() int {
	return len(b.text)/4*3 - bytes.Count(b.text[max(0, len(b.text)-2):], []byte("="))
}

// Decode gives the content.
func (b Base64) Decode() []byte {
	content, _ := base64.StdEncoding.AppendDecode(nil, b.text) // it has been checked
	return content
}

// Head gives the first bytes of the content, n at most.
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
