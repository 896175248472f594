package levenshtein

import (
	"strings"
	"testing"
)

func TestMeant(t *testing.T) {
	words := []string{"input", "max_tokens", "temperature", "top_p", "n"}
	for name, want := range map[string]string{
		"inptu": "input", "inputs": "input", "output": "", "temprature": "temperature", "maxTokens": "max_tokens", "max-token": "max_tokens",
		"topp": "top_p", "m": "", "temperature": "", "": "", strings.Repeat("input", 20): "",
	} {
		if got := Meant(name, words); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
