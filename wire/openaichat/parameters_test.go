package openaichat_test

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// What the operator has set counts for calls without it, and no caller sets another
// guardrail.
func TestParametersOfTheOperatorsCountWhereACallHasNone(t *testing.T) {
	set := func(body string) []jsonx.Member {
		members, err := jsonx.Members(jsonx.Raw(body))
		if err != nil {
			t.Fatal(err)
		}
		return members
	}
	guard := `{"guardrailConfig":{"guardrailIdentifier":"theirs","guardrailVersion":"1"}}`
	for _, tt := range []struct {
		name, parameters, members string
		has, not                  []string // in what Converse is sent
		warned                    string
		refused                   string
	}{
		{"a number", `{"temperature":0.25,"max_tokens":77}`, ``, []string{`"temperature":0.25`, `"maxTokens":77`}, nil, "", ""},
		{"one of the caller's", `{"temperature":0.25,"max_tokens":77}`, `,"temperature":0.75`, []string{`"temperature":0.75`, `"maxTokens":77`}, []string{"0.25"}, "", ""},
		{"the same by another name", `{"max_tokens":77}`, `,"max_completion_tokens":5`, []string{`"maxTokens":5`}, []string{"77"}, "", ""},
		{"the caller wants none", `{"temperature":0.25}`, `,"temperature":null`, nil, []string{"temperature"}, "", ""},
		{"cache points", `{"cache_control_injection_points":[{"location":"message","index":-1}]}`, ``, []string{`{"cachePoint":{"type":"default"}}`}, nil, "", ""},
		{"what is left out", `{"additional_drop_params":["seed"]}`, `,"seed":4`, nil, []string{"seed"}, "seed", ""},
		{"what is allowed", `{"allowed_openai_params":["seed"]}`, `,"seed":4`, []string{`"seed":4`}, nil, "", ""},
		{"a guardrail", guard, ``, []string{`"guardrailIdentifier":"theirs"`}, nil, "", ""},
		{"a guardrail in place of the caller's", guard, `,"guardrailConfig":{"guardrailIdentifier":"mine","guardrailVersion":"1"},"seed":4`, []string{`"guardrailIdentifier":"theirs"`}, []string{"mine"}, "guardrailConfig", ""},
		{"and of none", guard, `,"guardrailConfig":null`, []string{`"guardrailIdentifier":"theirs"`}, nil, "guardrailConfig", ""},
		{"nor by another way", guard, `,"extra_body":{"guardrailConfig":{"guardrailIdentifier":"mine","guardrailVersion":"1"}}`, nil, nil, "", "guardrailConfig"},
		{"nor by leaving it out", guard, `,"additional_drop_params":["guardrailConfig"]`, []string{`"guardrailIdentifier":"theirs"`}, nil, "", ""},
		{"nothing", `{}`, `,"temperature":0.5`, []string{`"temperature":0.5`}, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opt := openaichat.Options{Parameters: func(model string) []jsonx.Member {
				if model != "amazon.nova-lite-v1:0" {
					t.Errorf("asked for those of %q", model)
				}
				return set(tt.parameters)
			}}
			body := ` {"model":"amazon.nova-lite-v1:0","messages":[{"role":"user","content":"Hi"}]` + tt.members + "} \n"
			upstream, _, warnings, err := translateWith([]byte(body), opt)
			if err != nil || tt.refused != "" {
				if e := llm.AsError(err); e == nil || e.Param != tt.refused || e.Status != 400 {
					t.Fatalf("refused: %v; want it for %q", err, tt.refused)
				}
				return
			}
			for _, part := range tt.has {
				if !strings.Contains(string(upstream), part) {
					t.Errorf("no %s in %s", part, upstream)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(string(upstream), part) {
					t.Errorf("%s in %s", part, upstream)
				}
			}
			if tt.warned != "" && !isWarnedOf(warnings, tt.warned) {
				t.Errorf("warned of %v, not of %s", warnings, tt.warned)
			}
		})
	}
	opt := openaichat.Options{Parameters: func(string) []jsonx.Member { return set(`{"temperature":0.5}`) }}
	for _, body := range []string{``, `{`, `[]`, `{"model":"m","messages":[],"messages":[]}`, `{"model":"m"} x`, `{}`, `null`} {
		_, whole := openaichat.Decode([]byte(body), openaichat.Options{})
		_, err := openaichat.Decode([]byte(body), opt)
		if err == nil || err.Error() != whole.Error() {
			t.Errorf("%s: %v; want %v", body, err, whole)
		}
	}
}

func TestParametersAreChecked(t *testing.T) {
	for parameters, param := range map[string]string{
		`{}`:                                     "",
		`{"temperature":0.5,"logprobs":true}`:    "",
		`{"temperature":7}`:                      "temperature",
		`{"max_tokens":0}`:                       "max_tokens",
		`{"reasoning_effort":"hard"}`:            "reasoning_effort",
		`{"cache_control_injection_points":[1]}`: "cache_control_injection_points[0]",
	} {
		members, err := jsonx.Members(jsonx.Raw(parameters))
		if err != nil {
			t.Fatal(err)
		}
		_, err = openaichat.Defaults(members)
		switch {
		case err == nil && param != "":
			t.Errorf("%s: taken", parameters)
		case err != nil && llm.AsError(err).Param != param:
			t.Errorf("%s: refused for another than %q: %v", parameters, param, err)
		}
	}
}
