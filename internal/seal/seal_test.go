package seal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/seal"
)

func TestWhatIsSealedIsOpenedWithTheSameKeyOnly(t *testing.T) {
	keys := seal.NewKeys("", "sk-salt", "sk-master")
	for _, text := range []string{"", "sk-secret", strings.Repeat("é", 1000)} {
		sealed, err := keys.Seal(text)
		if err != nil || text != "" && strings.Contains(sealed, text) {
			t.Fatalf("%q became %q, %v", text, sealed, err)
		}
		if again, _ := keys.Seal(text); again == sealed {
			t.Errorf("%q is the same twice", text)
		}
		if plain, err := seal.NewKeys("sk-other", "sk-salt").Open(sealed); err != nil || plain != text {
			t.Errorf("%q was opened as %q, %v", text, plain, err)
		}
		if _, err := seal.NewKeys("sk-master").Open(sealed); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("another key: %v", err)
		}
	}
}

func TestWhatIsNotSealedIsRefused(t *testing.T) {
	keys := seal.NewKeys("sk-salt")
	for _, text := range []string{"", "sk-secret", "AAAA", "v2:gcm:AAAA", "v2:gcm:" + strings.Repeat("A", 64), strings.Repeat("A", 64)} {
		if _, err := keys.Open(text); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := seal.NewKeys("").Seal("a"); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

func TestKeysPrintNothing(t *testing.T) {
	if got := fmt.Sprintf("%v %#v", seal.NewKeys("sk-salt"), seal.NewKeys("sk-salt")); got != "[redacted] [redacted]" {
		t.Errorf("they print %s", got)
	}
}
