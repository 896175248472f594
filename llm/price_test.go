package llm_test

import (
	"math"
	"testing"

	"outcrop/llm"
)

func TestPricesOfTokens(t *testing.T) {
	price := func(s string) llm.Opt[llm.Cost] {
		c, ok := llm.ParseCost(s)
		if !ok {
			t.Fatalf("%s is not a price", s)
		}
		return llm.Some(c)
	}
	all := &llm.Prices{Input: price("3e-06"), Output: price("0.000015"), CacheRead: price("3e-07"), CacheWrite: price("0.00000375")}
	plain := &llm.Prices{Input: price("3e-06"), Output: price("0.000015")}
	used := &llm.Usage{Input: 1000, Output: 100, CacheRead: llm.Some[int64](10_000), CacheWrite: llm.Some[int64](100)}
	for _, tt := range []struct {
		name   string
		prices *llm.Prices
		usage  *llm.Usage
		want   string
		ok     bool
	}{
		{"every price", all, used, "0.007875", true},
		{"the cache at the price of input", plain, used, "0.0348", true},
		{"nothing used", plain, &llm.Usage{}, "0", true},
		{"an unknown price of output", &llm.Prices{Input: price("1e-06")}, used, "0", false},
		{"an embedding needs no price of output", &llm.Prices{Input: price("2e-08")}, &llm.Usage{Input: 50}, "0.000001", true},
		{"searches", plain, &llm.Usage{SearchUnits: 1}, "0", false},
		{"counts beyond any sum", all, &llm.Usage{Input: math.MaxInt64}, llm.Cost(math.MaxInt64).String(), true},
	} {
		if got, ok := tt.prices.Cost("", tt.usage); got.String() != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %t", tt.name, got, ok)
		}
	}
	for _, wrong := range []string{"", "-1", "free", "NaN", "Inf", "1e7"} {
		if _, ok := llm.ParseCost(wrong); ok {
			t.Errorf("%q is a price", wrong)
		}
	}
}
