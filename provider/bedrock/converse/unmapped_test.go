package converse_test

import (
	"slices"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

func TestParametersThatConverseLacks(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		message     string // of the refusal; empty if the parameter is dropped
		silent      bool   // it asks for what happens anyway
	}{
		{"seed", `7`, "", false},
		{"prediction", `{"type":"content","content":"a"}`, "", false},
		{"prompt_cache_key", `"k"`, "", false},
		{"store", `true`, "", false},
		{"store", `false`, "", true},
		{"verbosity", `"low"`, "", false},
		{"verbosity", `"medium"`, "", true},
		{"logprobs", `true`, "logprobs is not supported by this model: it returns no log probabilities", false},
		{"logprobs", `false`, "", true},
		{"top_logprobs", `2`, "top_logprobs is not supported by this model: it returns no log probabilities", false},
		{"top_logprobs", `0`, "", true},
		{"presence_penalty", `-0.5`, "presence_penalty is not supported by this model: it has no penalties", false},
		{"frequency_penalty", `0.0`, "", true},
		{"modalities", `["text","audio"]`, "modalities is not supported by this model: it returns text only", false},
		{"modalities", `["text"]`, "", true},
		{"audio", `{"voice":"a"}`, "audio is not supported by this model: it returns text only", false},
		{"logit_bias", `{"1":2}`, "logit_bias is not supported by this model", false},
		{"logit_bias", `{ }`, "", true},
		{"of_next_year", `1`, "of_next_year is not supported by this model", false},
	} {
		for _, drop := range []bool{false, true} {
			req := &llm.Request{
				Call:     llm.Call{Model: "m", DropParams: drop},
				Turns:    []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}},
				Unmapped: []jsonx.Member{{Name: tt.name, Value: jsonx.Raw(tt.value)}},
			}
			adapted, err := converse.Adapt(model(t, "amazon.nova-lite-v1:0"), req, false)
			if tt.message != "" && !drop {
				want := "Leave " + tt.name + " out, or set drop_params to drop unsupported parameters."
				if e := llm.AsError(err); err == nil || e.Code != llm.CodeUnsupported || e.Status != 400 || e.Param != tt.name || e.Message != tt.message || e.Fix != want {
					t.Errorf("%s %s: %v", tt.name, tt.value, err)
				}
				continue
			}
			var want []llm.Warning
			if !tt.silent {
				want = []llm.Warning{{Code: llm.WarnDropped, Field: tt.name}}
			}
			if err != nil || !slices.Equal(adapted.Warnings, want) || len(adapted.Request.Unmapped) > 0 || len(adapted.Request.ModelFields) > 0 || len(req.Unmapped) != 1 {
				t.Errorf("%s %s, drop %t: %v, %+v", tt.name, tt.value, drop, err, adapted)
			}
		}
	}
}
