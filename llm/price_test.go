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
	one := func(r llm.Rates) *llm.Prices { return &llm.Prices{Rates: []llm.Rates{r}} }
	all := one(llm.Rates{Input: price("3e-06"), Output: price("0.000015"), CacheRead: price("3e-07"), CacheWrite: price("0.00000375")})
	plain := one(llm.Rates{Input: price("3e-06"), Output: price("0.000015")})
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
		{"an unknown price of output", one(llm.Rates{Input: price("1e-06")}), used, "0", false},
		{"an embedding needs no price of output", one(llm.Rates{Input: price("2e-08")}), &llm.Usage{Input: 50}, "0.000001", true},
		{"searches", plain, &llm.Usage{SearchUnits: 1}, "0", false},
		{"counts beyond any sum", all, &llm.Usage{Input: math.MaxInt64}, llm.Cost(math.MaxInt64).String(), true},
	} {
		if got, ok := tt.prices.Cost("", tt.usage); got.String() != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %t", tt.name, got, ok)
		}
	}
	parts, ok := all.Parts("", &llm.Usage{Input: 1000, Output: 100, Reasoning: llm.Some[int64](40), CacheRead: llm.Some[int64](10_000), CacheWrite: llm.Some[int64](100)})
	want := llm.Parts{Input: price("0.003").Value, Output: price("0.0015").Value, CacheRead: price("0.003").Value, CacheWrite: price("0.000375").Value, Reasoning: price("0.0006").Value}
	if parts != want || !ok || parts.Sum() != price("0.007875").Value {
		t.Errorf("the parts of a cost: %+v, %t", parts, ok)
	}
	for _, u := range []*llm.Usage{{}, {SearchUnits: 1}, {Input: 1, Output: 1, Images: 1}} {
		if parts, ok := all.Parts("", u); ok {
			t.Errorf("%+v has parts of its cost: %+v", u, parts)
		}
	}
	for _, wrong := range []string{"", "-1", "free", "NaN", "Inf", "1e7"} {
		if _, ok := llm.ParseCost(wrong); ok {
			t.Errorf("%q is a price", wrong)
		}
	}
}

func TestPricesOfTiersAndLongPrompts(t *testing.T) {
	price := func(micro int64) llm.Opt[llm.Cost] { return llm.Some(llm.Cost(micro * 1_000_000)) }
	p := &llm.Prices{Rates: []llm.Rates{
		{Tier: llm.TierPriority, Input: price(4), Output: price(20)},
		{Above: 200_000, Input: price(4), Output: price(15)},
		{Input: price(2), Output: price(10), CacheRead: price(1), CacheWrite: price(3), CacheWrite1h: price(5), Reasoning: price(12), AudioInput: price(30), AudioOutput: price(60)},
		{Tier: llm.TierPriority, Above: 200_000, Input: price(8)},
	}}
	writes := []llm.CacheWrite{{TTL: "5m", Tokens: 10}, {TTL: "1h", Tokens: 30}}
	for _, tt := range []struct {
		name, tier string
		usage      llm.Usage
		want       string
		ok         bool
	}{
		{"the default tier", "", llm.Usage{Input: 100, Output: 10}, "0.0003", true},
		{"other words for it", "on_demand", llm.Usage{Input: 100, Output: 10}, "0.0003", true},
		{"a prompt that is as long as the short ones may be", "", llm.Usage{Input: 200_000}, "0.4", true},
		{"a long prompt", "", llm.Usage{Input: 200_001, Output: 100}, "0.801504", true},
		{"a prompt that the cache makes long", "", llm.Usage{Input: 1, CacheRead: llm.Some[int64](200_000)}, "0.200004", true},
		{"a tier", "priority", llm.Usage{Input: 100, Output: 10}, "0.0006", true},
		{"its other name", "fast", llm.Usage{Input: 100, Output: 10}, "0.0006", true},
		{"a tier's long prompt, whose output only the default tier prices", "priority", llm.Usage{Input: 200_001, Output: 100}, "1.601508", true},
		{"a tier without prices", "flex", llm.Usage{Input: 100}, "0", false},
		{"reasoning", "", llm.Usage{Output: 100, Reasoning: llm.Some[int64](60)}, "0.00112", true},
		{"more reasoning than output", "", llm.Usage{Output: 100, Reasoning: llm.Some[int64](600)}, "0.0012", true},
		{"audio", "", llm.Usage{Input: 100, Output: 100, AudioInput: llm.Some[int64](90), AudioOutput: llm.Some[int64](80)}, "0.00772", true},
		{"writes to the cache", "", llm.Usage{CacheWrite: llm.Some[int64](40), CacheWrites: writes}, "0.00018", true},
	} {
		if got, ok := p.Cost(tt.tier, &tt.usage); got.String() != tt.want || ok != tt.ok {
			t.Errorf("%s: %s, %t, want %s, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	p.AllTiers = true
	if got, ok := p.Cost("flex", &llm.Usage{Input: 100}); got.String() != "0.0002" || !ok {
		t.Errorf("a tier at the price of all: %s, %t", got, ok)
	}
	p.Query = price(1)
	if got, ok := p.Cost("", &llm.Usage{SearchUnits: 3, Input: 9}); got.String() != "0.000003" || !ok {
		t.Errorf("searches: %s, %t", got, ok)
	}
}

// A batch's usage is the sum of many requests', so its length says nothing of theirs.
func TestPricesOfBatches(t *testing.T) {
	price := func(micro int64) llm.Opt[llm.Cost] { return llm.Some(llm.Cost(micro * 1_000_000)) }
	short, batch := llm.Rates{Input: price(2), Output: price(10)}, llm.Rates{Tier: llm.TierBatch, Input: price(1), Output: price(5)}
	long, priority := llm.Rates{Above: 200_000, Input: price(4)}, llm.Rates{Tier: llm.TierPriority, Above: 200_000, Input: price(8)}
	for _, tt := range []struct {
		name      string
		rates     []llm.Rates
		want      string
		estimated bool
		ok        bool
	}{
		{"a price of batches", []llm.Rates{short, batch}, "6", false, true},
		{"long prompts of another tier", []llm.Rates{short, batch, priority}, "6", false, true},
		{"long prompts", []llm.Rates{short, batch, long}, "6", true, true},
		{"no price of batches", []llm.Rates{short}, "12", true, true},
		{"no price", nil, "", false, false},
		{"a price of half of it", []llm.Rates{{Input: price(2)}}, "", false, false},
	} {
		p := &llm.Prices{Rates: tt.rates}
		cost, estimated, ok := p.Batch(&llm.Usage{Input: 1_000_000, Output: 1_000_000})
		if ok != tt.ok || ok && (cost.String() != tt.want || estimated != tt.estimated) {
			t.Errorf("%s: %v, %t, %t", tt.name, cost, estimated, ok)
		}
	}
}

func TestImagesCostTheirPriceBesideTheirTokens(t *testing.T) {
	p := &llm.Prices{Rates: []llm.Rates{{Input: llm.Some[llm.Cost](2), Output: llm.Some[llm.Cost](10)}}, Image: llm.Some[llm.Cost](1000)}
	u := &llm.Usage{Input: 5, Output: 1300, ImageOutput: llm.Some[int64](1290), Images: 2}
	if c, ok := p.Cost("", u); !ok || c != 2*1000+5*2+10*10 {
		t.Errorf("with tokens: %d, %v", c, ok)
	}
	if c, ok := p.Cost("", &llm.Usage{Images: 3}); !ok || c != 3000 {
		t.Errorf("alone: %d, %v", c, ok)
	}
	p.Image = llm.Opt[llm.Cost]{}
	if _, ok := p.Cost("", u); ok {
		t.Error("images without a price have a cost")
	}
}
