package anthropic_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// TestAMisspelledMemberIsSaidTo holds that the words by which clients recognize unknown members stay as they are where
// nothing is misspelled.
func TestAMisspelledMemberIsSaidTo(t *testing.T) {
	for member, want := range map[string]string{
		`"temprature":1`:   "temprature: Extra inputs are not permitted. Did you mean temperature? Rename temprature, or remove it.",
		`"mesages":[]`:     "mesages: Extra inputs are not permitted. Did you mean messages? Rename mesages, or remove it.",
		`"safeguards":[1]`: "safeguards: Extra inputs are not permitted",
		`"granite":1`:      "granite: Extra inputs are not permitted",
	} {
		_, err := anthropic.Decode([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],`+member+`}`), anthropic.Options{})
		if err == nil {
			t.Errorf("%s is accepted", member)
			continue
		}
		if got := string(anthropic.AppendError(nil, llm.AsError(err), "req_1")); !strings.Contains(got, `"message":"`+want+`"`) {
			t.Errorf("%s: %s", member, got)
		}
	}
}
