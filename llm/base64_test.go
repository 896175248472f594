package llm

import (
	"strings"
	"testing"
)

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

func TestReadBase64CorrectsWhatClientsWrite(t *testing.T) {
	for text, want := range map[string]string{
		"+3Jv": "\xfbro", "-3Jv": "\xfbro", "Pz8_": "???", "QQ": "A", "QQ=": "A", "QUI": "AB", "QU\r\nJD\n": "ABC", "Q\tUI\t": "AB",
	} {
		if b, ok := ReadBase64(text); !ok || string(b.Decode()) != want {
			t.Errorf("%q: %v, %q", text, ok, b.Decode())
		}
	}
	for _, text := range []string{"", " ", "=", "====", "Q", "QUJDR", "QU*D", "QQ==QQ=="} {
		if b, ok := ReadBase64(text); ok {
			t.Errorf("%q is taken for base64 of %q", text, b.Decode())
		}
	}
}
