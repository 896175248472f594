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
		if got := isBase64([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
	long := strings.Repeat("A", 37)
	for at := range long {
		for b := range 256 {
			text := long[:at] + string([]byte{byte(b)}) + long[at+1:]
			want := b == '=' && at == len(long)-1 || b != '=' && strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", byte(b)) >= 0
			if got := isBase64([]byte(text)); got != want {
				t.Fatalf("byte %#x at %d: %v; want %v", b, at, got, want)
			}
		}
	}
}

func TestBase64HoldsWhatItWasMadeOf(t *testing.T) {
	for n := range 100 {
		content := []byte(strings.Repeat("\xfbrock\xff", 20))[:n]
		b := EncodeBase64(content)
		again, ok := ParseBase64([]byte(b.String()))
		if !ok || !again.Equal(b) || b.Size() != n || string(b.Decode()) != string(content) || b.IsZero() != (n == 0) {
			t.Errorf("%d bytes: %v, size %d, %q", n, ok, b.Size(), b.Decode())
		}
		for _, first := range []int{0, 1, 2, 3, 10, n, n + 1} {
			if got := b.Head(first); string(got) != string(content[:min(first, n)]) {
				t.Errorf("the first %d of %d bytes: %q", first, n, got)
			}
		}
		for cut := range n {
			if got := EncodeBase64(content[:cut]).join(EncodeBase64(content[cut:])); !got.Equal(b) {
				t.Errorf("%d bytes and %d: %s", cut, n-cut, got)
			}
		}
	}
	for _, text := range []string{"QQ", "QQ=", "Q===", "====", "QQ==QQ==", "QUJD\n", "QU D", `"QUJ`} {
		if b, ok := ParseBase64([]byte(text)); ok || !b.IsZero() {
			t.Errorf("%q is taken for base64", text)
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
			if !isBase64([]byte(text)) {
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
