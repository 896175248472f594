package llm_test

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestThinkingIsAskedForByAnyOtherTypeThanDisabled(t *testing.T) {
	for set, want := range map[string]bool{
		"": false, `{"type":"disabled"}`: false, `{"type":"enabled","budget_tokens":1024}`: true, `{"type":"adaptive","display":"omitted"}`: true, `{"budget_tokens":1024}`: true,
	} {
		r := llm.Reasoning{Thinking: jsonx.Raw(set)}
		if r.Thinks() != want {
			t.Errorf("%s: %v", set, !want)
		}
	}
}
