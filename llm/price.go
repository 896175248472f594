package llm

import (
	"math"
	"strconv"
	"strings"
)

// ParseCost reads an amount in US dollars, such as 0.000003 or 3e-06; false if it is not a number from
// 0 to a million.
func ParseCost(text string) (Cost, bool) {
	dollars, err := strconv.ParseFloat(text, 64)
	if err != nil || !(dollars >= 0 && dollars <= 1e6) {
		return 0, false
	}
	return Cost(math.Round(dollars * costUnit)), true
}

// Rates are prices of a token under one service tier, for prompts of more than Above tokens. A rate
// that is not set is that of the same tier for shorter prompts, else that of the default tier.
type Rates struct {
	// Tier is empty for the default tier, else one of the Tier constants.
	Tier string
	// Above is the number of tokens in the prompt, with those of the cache, that a call must exceed.
	// The rates then hold for all its tokens.
	Above int64
	// Input and Output are for tokens that no other rate is for.
	Input, Output Opt[Cost]
	// CacheRead and CacheWrite are the price of Input if they are not set at all, and CacheWrite1h, for
	// tokens that are kept for an hour, that of CacheWrite.
	CacheRead, CacheWrite, CacheWrite1h Opt[Cost]
	// Reasoning is the price of Output if it is not set at all, and so are the prices of audio and images that
	// of Input and Output.
	Reasoning, AudioInput, AudioOutput, ImageInput, ImageOutput Opt[Cost]
}

// Tiers with prices of their own. Other words of providers, such as auto, on_demand and standard, are
// the default tier.
const (
	TierFlex      = "flex"
	TierBalanced  = "balanced"
	TierPriority  = "priority"
	TierUltrafast = "ultrafast"
	TierBatch     = "batch"
)

// tierOf is the tier of Rates for a provider's word.
func tierOf(word string) string {
	switch word = strings.ToLower(word); word {
	case TierFlex, TierBalanced, TierPriority, TierUltrafast, TierBatch:
		return word
	case "fast": // OpenAI's other word for it
		return TierPriority
	default:
		return ""
	}
}

// Prices are what the calls of a model cost.
type Prices struct {
	// Rates are those of each tier and length, in any order.
	Rates []Rates
	// Query is for a search of a reranker.
	Query Opt[Cost]
	// Image is for an image that a model makes, in place of the price of its tokens. Second is for a second of
	// audio that is read, and Character for a character that is spoken, by calls without tokens or models
	// without Rates.
	Image, Second, Character Opt[Cost]
	// AllTiers is whether tiers without rates cost the same as the default tier. If not, the cost of
	// their calls is unknown.
	AllTiers bool
}

// Free reports whether everything is known to cost nothing.
func (p *Prices) Free() bool {
	if p.Query.Set || p.Image.Set || p.Second.Set || p.Character.Set {
		return false
	}
	for i := range p.Rates {
		r := &p.Rates[i]
		if !r.Input.Set || !r.Output.Set || r.Input.Value != 0 || r.Output.Value != 0 {
			return false
		}
	}
	return len(p.Rates) > 0
}

// At returns the rates of a tier for prompts of more than above tokens, for the caller to fill in; they
// are added if p has none.
func (p *Prices) At(tier string, above int64) *Rates {
	for i := range p.Rates {
		if r := &p.Rates[i]; r.Tier == tier && r.Above == above {
			return r
		}
	}
	p.Rates = append(p.Rates, Rates{Tier: tier, Above: above})
	return &p.Rates[len(p.Rates)-1]
}

// For returns the rates of a call, by the provider's word for its tier and the tokens of its prompt. ok
// is false if the tier has no price.
func (p *Prices) For(word string, prompt int64) (rates Rates, ok bool) {
	tier := tierOf(word)
	rates = Rates{Tier: tier, Above: -1}
	ok = p.AllTiers || tier == ""
	for {
		next := int64(math.MaxInt64) // the next longer prompts with rates of their own
		for i := range p.Rates {
			if r := &p.Rates[i]; r.Above > rates.Above && r.Above < next && r.Above < max(prompt, 1) && (r.Tier == "" || r.Tier == tier) {
				next = r.Above
			}
		}
		if next == math.MaxInt64 {
			return rates, ok
		}
		for _, of := range [...]string{"", tier} { // the tier's own rates last, over the others
			for i := range p.Rates {
				if r := &p.Rates[i]; r.Above == next && r.Tier == of {
					rates.take(r)
					ok = ok || of == tier
				}
			}
		}
		rates.Above = next
	}
}

// take replaces the rates that other has.
func (r *Rates) take(other *Rates) {
	for _, pair := range [...]struct{ to, from *Opt[Cost] }{
		{&r.Input, &other.Input},
		{&r.Output, &other.Output},
		{&r.CacheRead, &other.CacheRead},
		{&r.CacheWrite, &other.CacheWrite},
		{&r.CacheWrite1h, &other.CacheWrite1h},
		{&r.Reasoning, &other.Reasoning},
		{&r.AudioInput, &other.AudioInput},
		{&r.AudioOutput, &other.AudioOutput},
		{&r.ImageInput, &other.ImageInput},
		{&r.ImageOutput, &other.ImageOutput},
	} {
		if pair.from.Set {
			*pair.to = *pair.from
		}
	}
}

// Batch returns the cost of a batch's usage, the sum of its requests'. estimated is whether that is not the
// price of each of them: the tier of batches has no price, and the default tier's is taken, or the price depends
// on the length of a prompt, and that of the shortest is taken. ok is false if the price is unknown.
func (p *Prices) Batch(u *Usage) (c Cost, estimated, ok bool) {
	each := *p
	each.Rates = nil
	for i := range p.Rates {
		if r := &p.Rates[i]; r.Above == 0 {
			each.Rates = append(each.Rates, *r)
		} else if r.Tier == "" || r.Tier == TierBatch {
			estimated = true
		}
	}
	if c, ok = each.Cost(TierBatch, u); ok {
		return c, estimated, true
	}
	c, ok = each.Cost("", u)
	return c, true, ok
}

// Cost returns the cost of usage under a tier, in the provider's word. A call with search units costs
// these alone, and one with images the images, beside the tokens that are none of them. ok is false if the price of something that was used is unknown.
func (p *Prices) Cost(tier string, u *Usage) (c Cost, ok bool) {
	if u.SearchUnits > 0 {
		return plus(0, u.SearchUnits, p.Query.Value), p.Query.Set
	}
	if u.Prompt()+u.Output == 0 || len(p.Rates) == 0 {
		if c, ok, some := p.units(u); some {
			return c, ok
		}
	}
	tokens, images, ok := p.tokens(tier, u)
	if !ok {
		return 0, false
	}
	return add(images, tokens.Sum()), true
}

// Parts returns the parts of the cost of usage that has only tokens.
func (p *Prices) Parts(tier string, u *Usage) (Parts, bool) {
	if u.SearchUnits > 0 || u.Prompt()+u.Output == 0 || len(p.Rates) == 0 {
		return Parts{}, false
	}
	parts, images, ok := p.tokens(tier, u)
	return parts, ok && images == 0
}

// tokens is the cost of the tokens of usage, and that of images which have a price of their own. ok is false if the price of something that
// was used is unknown.
func (p *Prices) tokens(tier string, u *Usage) (c Parts, images Cost, ok bool) {
	r, ok := p.For(tier, u.Prompt())
	output, imageOut := u.Output, u.ImageOutput.Value
	if u.Images > 0 && (p.Image.Set || imageOut == 0 || !r.ImageOutput.Set) { // otherwise by their tokens
		images, ok = plus(0, u.Images, p.Image.Value), ok && p.Image.Set
		output, imageOut = output-imageOut, 0
	}
	count := func(part *Cost, tokens int64, prices ...Opt[Cost]) {
		if tokens <= 0 {
			return
		}
		for _, price := range prices {
			if price.Set {
				*part = plus(*part, tokens, price.Value)
				return
			}
		}
		ok = false
	}
	hour := u.KeptForAnHour()
	audioIn := min(u.AudioInput.Value, u.Input)
	audioOut := min(u.AudioOutput.Value, output)
	imageIn := min(u.ImageInput.Value, u.Input-audioIn)
	imageOut = min(imageOut, output-audioOut)
	thought := min(u.Reasoning.Value, output-audioOut-imageOut)
	count(&c.Input, u.Input-audioIn-imageIn, r.Input)
	count(&c.Input, imageIn, r.ImageInput, r.Input)
	count(&c.Input, audioIn, r.AudioInput, r.Input)
	count(&c.Output, output-audioOut-imageOut-thought, r.Output)
	count(&c.Output, imageOut, r.ImageOutput, r.Output)
	count(&c.Output, audioOut, r.AudioOutput, r.Output)
	count(&c.Reasoning, thought, r.Reasoning, r.Output)
	count(&c.CacheRead, u.CacheRead.Value, r.CacheRead, r.Input)
	count(&c.CacheWrite, u.CacheWrite.Value-hour, r.CacheWrite, r.Input)
	count(&c.CacheWrite, hour, r.CacheWrite1h, r.CacheWrite, r.Input)
	c.Output = add(c.Output, c.Reasoning)
	return c, images, ok
}

// KeptForAnHour is how many tokens were written to a cache for an hour.
func (u *Usage) KeptForAnHour() (tokens int64) {
	for _, w := range u.CacheWrites {
		if w.TTL == "1h" {
			tokens += w.Tokens
		}
	}
	return tokens
}

// units is the cost of what is counted in other units than tokens. some is false if there is nothing of that.
func (p *Prices) units(u *Usage) (c Cost, ok, some bool) {
	ok = true
	for _, unit := range [...]struct {
		count float64
		price Opt[Cost]
	}{{float64(u.Images), p.Image}, {u.Seconds, p.Second}, {float64(u.Characters), p.Character}} {
		if !(unit.count > 0) {
			continue
		}
		some, ok = true, ok && unit.price.Set
		c += Cost(min(math.Round(unit.count*float64(unit.price.Value)), 1<<60)) // three of these do not overflow
	}
	if !ok {
		return 0, false, some
	}
	return c, true, some
}

// plus adds the cost of tokens. The counts come from the response, so the sum saturates, and negative
// counts are ignored.
func plus(c Cost, tokens int64, price Cost) Cost {
	if tokens <= 0 || price <= 0 {
		return c
	}
	if Cost(tokens) > (math.MaxInt64-c)/price {
		return math.MaxInt64
	}
	return c + Cost(tokens)*price
}
