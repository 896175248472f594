package llm_test

import (
	"testing"

	"outcrop/llm"
)

func TestCostsAreWrittenAsPlainDecimals(t *testing.T) {
	for _, tt := range []struct {
		cost llm.Cost
		want string
	}{
		{0, "0"},
		{1, "0.000000000001"},
		{15_300_000, "0.0000153"},
		{1_000_000_000_000, "1"},
		{12_500_000_000_000, "12.5"},
		{-250_000_000_000, "-0.25"},
		{9_223_372_036_854_775_807, "9223372.036854775807"},
		{-9_223_372_036_854_775_808, "-9223372.036854775808"},
	} {
		if got := tt.cost.String(); got != tt.want {
			t.Errorf("%d: %s, want %s", tt.cost, got, tt.want)
		}
	}
}
