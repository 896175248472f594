package llm_test

import (
	"testing"

	"outcrop/llm"
)

func TestAdjustments(t *testing.T) {
	a := &llm.Adjustments{
		Discounts: map[string]float64{
			"bedrock": 0.05, "bedrock/*claude*": 0.1, "bedrock/*claude-sonnet*": 0.2, "bedrock/us.amazon.nova-lite-v1:0": 0.5, "openai/ft:*/[ab]?": 0.25,
		},
		Margins: map[string]llm.Margin{"bedrock": {Share: 0.1, Fixed: 7}, llm.AnyProvider: {Share: 1}},
	}
	for _, tt := range []struct {
		provider, model string
		want            llm.Adjusted
	}{
		{"bedrock", "meta.llama", llm.Adjusted{Cost: 1052, Original: 1000, Discount: 50, Margin: 102, MarginShare: 0.1}},
		{"bedrock", "anthropic.claude-haiku", llm.Adjusted{Cost: 997, Original: 1000, Discount: 100, Margin: 97, MarginShare: 0.1}},
		{"bedrock", "us.anthropic.claude-sonnet-4", llm.Adjusted{Cost: 887, Original: 1000, Discount: 200, Margin: 87, MarginShare: 0.1}},
		{"bedrock", "bedrock/us.amazon.nova-lite-v1:0", llm.Adjusted{Cost: 557, Original: 1000, Discount: 500, Margin: 57, MarginShare: 0.1}},
		{"openai", "ft:gpt/x/a1", llm.Adjusted{Cost: 1500, Original: 1000, Discount: 250, Margin: 750, MarginShare: 1}},
		{"openai", "gpt", llm.Adjusted{Cost: 2000, Original: 1000, Margin: 1000, MarginShare: 1}},
	} {
		if got := a.Of(tt.provider, tt.model, 1000); got != tt.want {
			t.Errorf("%s %s: %+v, want %+v", tt.provider, tt.model, got, tt.want)
		}
	}
	if got := (*llm.Adjustments)(nil).Of("bedrock", "x", 5); got != (llm.Adjusted{Cost: 5, Original: 5}) {
		t.Errorf("%+v", got)
	}
	for key, want := range map[string]bool{"bedrock": true, "bedrock/*": true, "bedrock/[": false, "": false, "/x": false} {
		if llm.ValidDiscount(key) != want {
			t.Errorf("%q is valid: %t", key, !want)
		}
	}
}
