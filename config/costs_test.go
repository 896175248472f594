package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"outcrop/llm"
)

func TestDiscountsAndMargins(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `model_list: []
litellm_settings:
  cost_discount_config: {bedrock: 0.05, "bedrock/*claude*": 0.1}
  cost_margin_config: {openai: {percentage: 0.08, fixed_amount: 0.0005}, global: 0.5}
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	want := llm.Adjustments{
		Discounts: map[string]float64{"bedrock": 0.05, "bedrock/*claude*": 0.1},
		Margins:   map[string]llm.Margin{"openai": {Share: 0.08, Fixed: 500_000_000}, "global": {Share: 0.5}},
	}
	if got := cfg.Accounting.Adjustments; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	for text, says := range map[string]string{
		"cost_discount_config: {bedrock: 5}":                     "litellm_settings.cost_discount_config.bedrock: \"5\" is out of range; accepted: a share such as 0.05 for 5 %",
		"cost_discount_config: {bedrock: -0.1}":                  "out of range",
		"cost_discount_config: {bedrock: much}":                  "not a number",
		`cost_discount_config: {"bedrock/[": 0.1}`:               "is not a provider, or a provider, a slash and a model",
		"cost_margin_config: {global: 11}":                       "out of range",
		"cost_margin_config: {global: {fixed_amount: 90000000}}": "out of range",
	} {
		if cfg, problems := Load(source("c.yaml", "model_list: []\nlitellm_settings: {"+text+"}")); cfg != nil || !strings.Contains(fmt.Sprint(problems), says) {
			t.Errorf("%s: %v", text, problems)
		}
	}
}
