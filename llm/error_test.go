package llm

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatAnErrorRepeatsIsBounded(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 5, 6, 7, 8, 20} {
		got := Clip("granît", n)
		if !utf8.ValidString(got) || len(got) > max(n, len("…")) || n >= len("granît") && got != "granît" {
			t.Errorf("in %d bytes: %q", n, got)
		}
	}
	e := Invalid(strings.Repeat("é", 1000), "%s is too long", strings.Repeat("é", 10_000))
	if len(e.Param) > maxParam || len(e.Message) > maxMessage || !strings.HasSuffix(e.Message, "…") || !utf8.ValidString(e.Param+e.Message) {
		t.Errorf("a field of %d bytes and a message of %d: %q", len(e.Param), len(e.Message), e.Message)
	}
}

func TestCodesThatPersistUntilSomebodyFixesThem(t *testing.T) {
	for code, want := range map[Code][2]bool{
		"iam.identity_missing": {true, true}, "access.marketplace": {false, true}, "credentials.expired": {false, true},
		CodeBadRequest: {false, false}, "limit.requests": {false, false}, "": {false, false},
	} {
		if got := [2]bool{code.Denied(), code.Persistent()}; got != want {
			t.Errorf("%s: denied and standing %v, want %v", code, got, want)
		}
	}
}
