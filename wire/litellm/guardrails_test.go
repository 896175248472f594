package litellm_test

import (
	"slices"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

func TestGuardrailsThatARequestNames(t *testing.T) {
	for value, want := range map[string][]string{
		`["a","b"]`:                     {"a", "b"},
		`[]`:                            nil,
		`[{"a":{"extra_body":{}}},"b"]`: {"a", "b"},
		`{"a":{},"b":{}}`:               {"a", "b"},
	} {
		call := llm.Call{}
		r := litellm.Reader{Call: &call}
		own, err := r.Member(&jsonx.Member{Name: "guardrails", Value: jsonx.Raw(value)})
		if !own || err != nil || !slices.Equal(call.Guardrails, want) {
			t.Errorf("%s: %v, %v", value, call.Guardrails, err)
		}
		for _, name := range []string{"metadata", "litellm_metadata"} {
			call = llm.Call{}
			if _, err = r.Member(&jsonx.Member{Name: name, Value: jsonx.Raw(`{"guardrails":` + value + `}`)}); err != nil || !slices.Equal(call.Guardrails, want) {
				t.Errorf("%s %s: %v, %v", name, value, call.Guardrails, err)
			}
		}
	}
	for _, value := range []string{`"a"`, `1`, `[1]`, `[""]`, `[["a"]]`, `[{"a":{"extra_body":{"x":1}}}]`} {
		if names, err := litellm.Guardrails("guardrails", jsonx.Raw(value)); llm.AsError(err).Status != 400 {
			t.Errorf("%s: %v, %v", value, names, err)
		}
	}
	if !litellm.IsSetting("guardrails") {
		t.Error("it is for the gateway")
	}
}
