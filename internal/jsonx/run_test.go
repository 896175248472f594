package jsonx

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// texts are texts with each byte at each of sixteen places, and what else may be in a string.
func texts() []string {
	list := []string{"", "\u2028 \u2029 <&>", "日本語 and ASCII, 日本語", "\xff\xfe", "a\xf0\x9f\x98", "😀😀", "\x00\x1f\x7f", strings.Repeat("a long text\nof \"lines\"\t\\", 50)}
	for c := range 256 {
		for at := range 16 {
			text := []byte("sixteen letters.")
			text[at] = byte(c)
			list = append(list, string(text))
		}
	}
	return list
}

func TestStringsAreQuotedAsTheLibraryDoes(t *testing.T) {
	for _, text := range texts() {
		want, _ := jsontext.AppendQuote([]byte("x"), text) // the error only reports that bytes were replaced
		if got := AppendString([]byte("x"), text); string(got) != string(want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestStringsAreUnquotedAsTheLibraryDoes(t *testing.T) {
	quoted := []string{`\u00e9\u20ac`, `\ud83d\ude00`, `\ud83d`, `\u12`, `\u123g`, `\x`, `\`, `\/\b\f\n\r\t\"\\`, `"`, "é\x80"}
	for _, text := range texts() {
		quoted = append(quoted, text, string(AppendString(nil, text)[1:])) // which has a quotation mark
		s := AppendString(nil, text)
		quoted = append(quoted, string(s[1:len(s)-1]))
	}
	for _, q := range quoted {
		want, err := jsontext.AppendUnquote(nil, `"`+q+`"`)
		got, ok := unquote([]byte(q))
		switch surrogates := strings.Contains(q, `\ud`); {
		case ok && (err != nil || got != string(want)):
			t.Errorf("%q: got %q, want %q, %v", q, got, want, err)
		case !ok && err == nil && !surrogates:
			t.Errorf("%q is not read", q)
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, text := range map[string]string{"without escapes": strings.Repeat("x", 1<<20), "lines": strings.Repeat(strings.Repeat("word ", 15)+"\n", 1<<14), "name": "completion_tokens", "id": "chatcmpl-0123456789abcdef0123"} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			dst := make([]byte, 0, 2*len(text))
			for b.Loop() {
				dst = AppendString(dst[:0], text)
			}
		})
	}
}
