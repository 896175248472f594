package litellm

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// SetPrice sets the price that a key names in LiteLLM's price map and in model_info, such as
// input_cost_per_token, cache_creation_input_token_cost_above_1hr or
// output_cost_per_token_above_200k_tokens_priority. It reports false, and sets nothing, for a key that is
// not a price of tokens, searches or images.
func SetPrice(p *llm.Prices, key string, cost llm.Cost) bool {
	switch key {
	case "input_cost_per_query":
		p.Query = llm.Some(cost)
		return true
	case "output_cost_per_image":
		p.Image = llm.Some(cost)
		return true
	}
	name, tier, above, ok := priceKey(key)
	if !ok {
		return false
	}
	if field := rate(&llm.Rates{}, name); field == nil {
		return false
	}
	*rate(p.At(tier, above), name) = llm.Some(cost)
	return true
}

// IsPrice reports whether SetPrice takes a key.
func IsPrice(key string) bool { return SetPrice(&llm.Prices{}, key, 0) }

// priceKey splits a key into what it prices, the tier, and the length of prompts.
func priceKey(key string) (name, tier string, above int64, ok bool) {
	name = key
	for _, suffix := range [...]struct{ text, tier string }{
		{"_flex", llm.TierFlex},
		{"_balanced", llm.TierBalanced},
		{"_priority", llm.TierPriority},
		{"_ultrafast", llm.TierUltrafast},
		{"_batches", llm.TierBatch},
	} {
		if rest, found := strings.CutSuffix(name, suffix.text); found {
			name, tier = rest, suffix.tier
			break
		}
	}
	rest, isLong := strings.CutSuffix(name, "_tokens")
	if !isLong {
		return name, tier, 0, true
	}
	at := strings.LastIndex(rest, "_above_")
	if at < 0 {
		return name, tier, 0, true
	}
	number, thousands := strings.CutSuffix(rest[at+len("_above_"):], "k")
	above, err := strconv.ParseInt(number, 10, 32)
	if err != nil || above <= 0 {
		return "", "", 0, false
	}
	if thousands {
		above *= 1000
	}
	return rest[:at], tier, above, true
}

// rate is the field of r that a name is for; nil if there is none.
func rate(r *llm.Rates, name string) *llm.Opt[llm.Cost] {
	switch name {
	case "input_cost_per_token":
		return &r.Input
	case "output_cost_per_token":
		return &r.Output
	case "cache_read_input_token_cost":
		return &r.CacheRead
	case "cache_creation_input_token_cost":
		return &r.CacheWrite
	case "cache_creation_input_token_cost_above_1hr":
		return &r.CacheWrite1h
	case "output_cost_per_reasoning_token":
		return &r.Reasoning
	case "input_cost_per_audio_token":
		return &r.AudioInput
	case "output_cost_per_audio_token":
		return &r.AudioOutput
	case "input_cost_per_image_token":
		return &r.ImageInput
	case "output_cost_per_image_token":
		return &r.ImageOutput
	default:
		return nil
	}
}

// AppendPrices writes the prices of tokens, searches and images as members, under the keys that SetPrice takes.
func AppendPrices(w *jsonx.Writer, p *llm.Prices) {
	member := func(key string, c llm.Opt[llm.Cost]) {
		if c.Set {
			w.Key(key)
			w.Float(c.Value.USD())
		}
	}
	for i := range p.Rates {
		r := &p.Rates[i]
		suffix := ""
		if r.Above > 0 {
			suffix = "_above_" + strconv.FormatInt(r.Above, 10) + "_tokens"
			if r.Above%1000 == 0 {
				suffix = "_above_" + strconv.FormatInt(r.Above/1000, 10) + "k_tokens"
			}
		}
		switch r.Tier {
		case "":
		case llm.TierBatch:
			suffix += "_batches"
		default:
			suffix += "_" + r.Tier
		}
		for _, name := range [...]string{
			"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost", "cache_creation_input_token_cost",
			"cache_creation_input_token_cost_above_1hr", "output_cost_per_reasoning_token", "input_cost_per_audio_token", "output_cost_per_audio_token",
			"input_cost_per_image_token", "output_cost_per_image_token",
		} {
			member(name+suffix, *rate(r, name))
		}
	}
	member("input_cost_per_query", p.Query)
	member("output_cost_per_image", p.Image)
}
