package converse

import (
	"bytes"
	"encoding/base64"
)

// sealedTwice gives the redacted thinking of a Claude as Converse takes it: base64 of
// Anthropic's own text, which is base64 itself. Histories hold either: what Converse
// answered, or since LiteLLM 1.109 Anthropic's text alone (seen by running 1.110.2,
// 2026-11-28). The first decodes to letters, the second to bytes that are no text.
func sealedTwice(data string) string {
	inner, err := base64.StdEncoding.DecodeString(data)
	if err != nil || bytes.IndexFunc(inner, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return data
	}
	return base64.StdEncoding.EncodeToString([]byte(data))
}
