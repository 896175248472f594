package claude

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestABodyWithReasoningOfAnotherProviderIsTranslated(t *testing.T) {
	for signature, want := range map[string]bool{`"signature":"EqQB"`: true, `"signature": "gemini.c2ln"`: false, `"signature":"responses.openai.rs_1..gAAA"`: false, `"thinking":"responses.x"`: true} {
		raw := &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{"messages":[{"role":"assistant","content":[{"type":"thinking",` + signature + `}]}]}`)}
		for verb, want := range map[llm.Verb]bool{llm.VerbChat: want, llm.VerbCount: want, llm.VerbRaw: true} {
			if got := (&Target{}).Takes(verb, raw); got != want {
				t.Errorf("%s, %s: %t", signature, verb, got)
			}
		}
	}
}
