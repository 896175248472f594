package llm

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestBase64IsToldByEveryCharacter(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"nothing", "", true},
		{"the whole alphabet", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true},
		{"one =", "QUI=", true},
		{"two =", "QQ==", true},
		{"no padding", "QQ", true},
		{"three =", "Q===", false},
		{"a = in the middle", "QQ==QQ==", false},
		{"the alphabet for addresses", "_-8=", false},
		{"a line's end", "QUJD\nREVG", false},
		{"a quotation mark", `QUJD"`, false},
		{"a letter beyond ASCII", "QUJDé", false},
	} {
		if got := IsBase64(c.text); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
	long := strings.Repeat("A", 37)
	for at := range long {
		for b := range 256 {
			text := long[:at] + string([]byte{byte(b)}) + long[at+1:]
			want := b == '=' && at == len(long)-1 || b != '=' && strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", byte(b)) >= 0
			if got := IsBase64(text); got != want {
				t.Fatalf("byte %#x at %d: %v; want %v", b, at, got, want)
			}
		}
	}
}

// BenchmarkIsBase64 stands beside decoding, which would tell the same.
func BenchmarkIsBase64(b *testing.B) {
	raw := make([]byte, 1<<20)
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(noise.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(raw)
	b.Run("looking", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if !IsBase64(text) {
				b.Fatal("not base64")
			}
		}
	})
	b.Run("decoding", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		into := make([]byte, len(raw))
		for b.Loop() {
			if _, err := base64.StdEncoding.Decode(into, []byte(text)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
