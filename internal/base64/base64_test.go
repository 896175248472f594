package base64_test

import (
	"bytes"
	stdbase64 "encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"outcrop/internal/base64"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func TestValid(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"nothing", "", true},
		{"the whole alphabet", alphabet, true},
		{"one =", "QUI=", true},
		{"two =", "QQ==", true},
		{"no padding", "QQ", false},
		{"three =", "Q===", false},
		{"four =", "====", false},
		{"a = in the middle", "QQ==QQ==", false},
		{"the alphabet for addresses", "_-8=", false},
		{"a line's end", "QUJD\nREVG", false},
		{"a line's end in place of a character", "QUJ\n", false},
		{"a quotation mark", `QUJ"`, false},
		{"a letter beyond ASCII", "QUé", false},
	} {
		if got := base64.Valid([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}

// Every byte at every place is told, in texts that are looked at in either way: one
// that fits into words, one that ends within a vector, one of several chunks.
func TestEveryByteIsToldAtEveryPlace(t *testing.T) {
	for length, step := range map[int]int{40: 1, 4096 + 100: 5, 3*16<<10 + 36: 997} {
		long := strings.Repeat(alphabet, length/64+1)[:length]
		for at := (length - 1) % step; at < length; at += step { // up to the last
			for b := range 256 {
				text := []byte(long)
				text[at] = byte(b)
				want := b == '=' && at == length-1 || b != '=' && strings.IndexByte(alphabet, byte(b)) >= 0
				if got := base64.Valid(text); got != want {
					t.Fatalf("byte %#x at %d of %d: %v; want %v", b, at, length, got, want)
				}
			}
		}
	}
}

// FuzzValid holds the answer to that of encoding/base64 for texts without line ends.
func FuzzValid(f *testing.F) {
	f.Add([]byte("QUJD"), uint16(0))
	f.Add([]byte("QQ=="), uint16(5000))
	f.Add([]byte("\n"), uint16(16384))
	f.Fuzz(func(t *testing.T, end []byte, before uint16) {
		text := append([]byte(strings.Repeat("A", int(before))), end...)
		_, err := stdbase64.StdEncoding.DecodeString(string(text))
		want := err == nil && !bytes.ContainsAny(text, "\r\n")
		if got := base64.Valid(text); got != want {
			t.Errorf("%q behind %d characters: %v; want %v", end, before, got, want)
		}
	})
}

// BenchmarkValid stands beside decoding, which would tell the same.
func BenchmarkValid(b *testing.B) {
	raw := make([]byte, 1<<20)
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(noise.Uint32())
	}
	text := []byte(stdbase64.StdEncoding.EncodeToString(raw))
	b.Run("looking", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if !base64.Valid(text) {
				b.Fatal("not base64")
			}
		}
	})
	b.Run("decoding", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		into := make([]byte, len(text))
		for b.Loop() {
			if _, err := stdbase64.StdEncoding.Decode(into, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
