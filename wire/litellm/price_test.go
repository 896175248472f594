package litellm_test

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

func TestPricesHaveLiteLLMsKeys(t *testing.T) {
	var p llm.Prices
	keys := []string{
		"input_cost_per_token", "output_cost_per_token", "cache_creation_input_token_cost_above_1hr",
		"input_cost_per_token_above_272k_tokens", "output_cost_per_token_above_1500_tokens_flex", "cache_read_input_token_cost_priority", "output_cost_per_token_batches",
		"cache_creation_input_token_cost_above_1hr_above_200k_tokens", "input_cost_per_query",
	}
	want := map[string]float64{}
	for i, key := range keys {
		if !litellm.SetPrice(&p, key, llm.Cost(i+1)*1_000_000) {
			t.Errorf("%s is not a price", key)
		}
		want[key] = float64(i+1) / 1e6
	}
	var w jsonx.Writer
	w.Object()
	litellm.AppendPrices(&w, &p)
	w.EndObject()
	got := map[string]float64{}
	if err := jsonx.Unmarshal(w.Buf, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	for key, price := range want {
		if got[key] != price {
			t.Errorf("%s is %v, want %v", key, got[key], price)
		}
	}
	for _, key := range []string{"input_cost_per_second", "input_cost_per_token_above_k_tokens", "input_cost_per_token_above_-1k_tokens", "max_tokens", "", "_flex", "input_cost_per_token_slow"} {
		if litellm.IsPrice(key) {
			t.Errorf("%q is a price", key)
		}
	}
}
