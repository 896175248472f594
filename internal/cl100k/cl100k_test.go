package cl100k_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"outcrop/internal/cl100k"
)

// published is the SHA-256 of cl100k_base.tiktoken that OpenAI's library checks its download with.
const published = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"

func TestTheVocabularyIsOpenAIs(t *testing.T) {
	data, err := os.ReadFile("cl100k_base.bin")
	if err != nil {
		t.Fatal(err)
	}
	const tokens = 100_256
	lengths := (tokens + 63) / 64 * 4
	at := lengths + tokens
	h := sha256.New()
	for i := range tokens {
		n := int(data[lengths+i])
		text := data[at : at+n]
		at += n
		fmt.Fprintf(h, "%s %d\n", base64.StdEncoding.EncodeToString(text), i)
		if !utf8.Valid(text) {
			continue
		}
		if got, err := cl100k.Decode([]int64{int64(i)}); err != nil || got != string(text) {
			t.Fatalf("token %d is %q, %v; want %q", i, got, err, text)
		}
	}
	if at != len(data) {
		t.Errorf("%d bytes behind the last token", len(data)-at)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != published {
		t.Errorf("the vocabulary's SHA-256 is %s, want %s", got, published)
	}
}

func TestTokensOfTexts(t *testing.T) {
	for want, tokens := range map[string][]int64{
		"": nil,
		"Hello, world! Grüße 你好 🎉 naïve": {9906, 11, 1917, 0, 95163, 24352, 220, 57668, 53901, 11410, 236, 231, 95980, 588},
		"a<|endoftext|><|endofprompt|>":  {64, 100_257, 100_276},
		"<|fim_prefix|><|fim_middle|>":   {100_258, 100_259},
		"<|fim_suffix|>":                 {100_260},
		" \uFFFD":                        {11410}, // the first bytes of a character
		"\uFFFD naïve":                   {236, 231, 95980, 588},
		strings.Repeat("Hello", 100_000): repeated(9906, 100_000),
	} {
		if got, err := cl100k.Decode(tokens); err != nil || got != want {
			t.Errorf("%.20v is %.40q, %v; want %.40q", tokens, got, err, want)
		}
	}
}

func repeated(token int64, n int) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = token
	}
	return all
}

func TestUnknownTokensAreNamed(t *testing.T) {
	for _, token := range []int64{-1, 100_256, 100_261, 100_275, 100_277, 1 << 40} {
		_, err := cl100k.Decode([]int64{9906, token})
		if want := fmt.Sprintf("token %d at position 1 is not in the encoding cl100k_base", token); err == nil || err.Error() != want {
			t.Errorf("token %d: %v, want %s", token, err, want)
		}
	}
}
