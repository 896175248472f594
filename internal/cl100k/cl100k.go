// Package cl100k decodes cl100k_base, the encoding of texts as tokens that OpenAI's embedding models
// use. Some clients, LangChain's among them, send tokens instead of a text.
//
// The vocabulary is that of OpenAI's file cl100k_base.tiktoken, which
// https://github.com/openai/tiktoken publishes under the MIT licence; a test compares its SHA-256.
// The package's data file has the same tokens in a form that is used as it is, without a table in
// memory.
package cl100k

import (
	_ "embed" // for data
	"encoding/binary"
	"fmt"
	"strings"
)

// data are the positions of every 64th token's text (32 bits, little endian), the length of every
// token's text in one byte, and the texts.
//
//go:embed cl100k_base.bin
var data string

const (
	size      = 100_256 // tokens that have a text in data
	stride    = 64
	positions = (size + stride - 1) / stride * 4
	texts     = positions + size
)

// Decode returns the text of tokens. A token list can begin or end within a character; the bytes
// that are left of it become U+FFFD, as in OpenAI's own library. An error names the first token that
// the encoding does not have.
func Decode(tokens []int64) (string, error) {
	var b strings.Builder
	for i, token := range tokens {
		text, ok := textOf(token)
		if !ok {
			return "", fmt.Errorf("token %d at position %d is not in the encoding cl100k_base", token, i)
		}
		b.WriteString(text)
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD"), nil
}

// textOf returns the bytes of a token.
func textOf(token int64) (text string, ok bool) {
	switch token { // the special tokens
	case 100_257:
		return "<|endoftext|>", true
	case 100_258:
		return "<|fim_prefix|>", true
	case 100_259:
		return "<|fim_middle|>", true
	case 100_260:
		return "<|fim_suffix|>", true
	case 100_276:
		return "<|endofprompt|>", true
	}
	if token < 0 || token >= size {
		return "", false
	}
	n := int(token)
	at := texts + int(binary.LittleEndian.Uint32([]byte(data[n/stride*4:][:4])))
	for i := n / stride * stride; i < n; i++ {
		at += int(data[positions+i])
	}
	return data[at : at+int(data[positions+n])], true
}
