package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAnthropicDoor(t *testing.T) {
	const list = "\nmodel_list: [{model_name: small, litellm_params: {model: bedrock/a}}, {model_name: \"x-*\", litellm_params: {model: bedrock/*}}]"
	for _, tt := range []struct {
		text string
		want AnthropicDoor
	}{
		{"", AnthropicDoor{}},
		{"outcrop_settings: {anthropic_door: {}}", AnthropicDoor{}},
		{
			`outcrop_settings: {anthropic_door: {model_aliases: {"claude-haiku-*": small, b: x-1}, default_model: small, unknown_betas: pass}}`,
			AnthropicDoor{Aliases: []Alias{{"claude-haiku-*", "small"}, {"b", "x-1"}}, DefaultModel: "small", PassUnknownBetas: true},
		},
		{"outcrop_settings: {anthropic_door: {unknown_betas: drop}}", AnthropicDoor{}},
	} {
		cfg, problems := Load(source("c.yaml", tt.text+list))
		if cfg == nil || len(problems) > 0 {
			t.Errorf("%s: %v", tt.text, problems)
			continue
		}
		if diff := cmp.Diff(tt.want, cfg.Anthropic, cmpopts.IgnoreUnexported(AnthropicDoor{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
	for text, want := range map[string]string{
		"outcrop_settings: {anthropic_door: {default_model: large}}":           `c.yaml:1:52: error: outcrop_settings.anthropic_door.default_model: no entry of model_list has the name "large"`,
		"outcrop_settings: {anthropic_door: {default_model: x-}}":              `no entry of model_list has the name "x-"`,
		`outcrop_settings: {anthropic_door: {model_aliases: {"a": "large"}}}`:  `outcrop_settings.anthropic_door.model_aliases.a: no entry of model_list has the name "large"`,
		`outcrop_settings: {anthropic_door: {model_aliases: {"a*b*": small}}}`: "has more than one *",
		`outcrop_settings: {anthropic_door: {model_aliases: {a: [small]}}}`:    "model_aliases.a: must not be a list",
		`outcrop_settings: {anthropic_door: {model_aliases: small}}`:           "model_aliases: must not be",
		`outcrop_settings: {anthropic_door: {unknown_betas: maybe}}`:           `"maybe" is neither drop nor pass`,
		`outcrop_settings: {anthropic_door: {unknown_beta: drop}}`:             "unknown_betas",
	} {
		_, problems := Load(source("c.yaml", text+list))
		found := false
		for _, p := range problems {
			found = found || strings.Contains(p.String(), want)
		}
		if !found {
			t.Errorf("%s: %v", text, problems)
		}
	}
}
