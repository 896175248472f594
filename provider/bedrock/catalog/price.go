package catalog

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/bedrock/endpoint"
)

// Rate is the price of one token, in 10⁻¹² USD: an exact decimal for every price
// that AWS publishes.
type Rate int64

// Rates are the prices of tokens under one tier. An unset one is unknown, which is different from
// zero.
type Rates struct {
	Input, Output llm.Opt[Rate]
	// CacheRead is for tokens read from the cache; CacheWrite for those written for
	// five minutes and CacheWrite1h for those written for an hour.
	CacheRead, CacheWrite, CacheWrite1h llm.Opt[Rate]
	// Source is the source of the rates, and Source1h that of CacheWrite1h.
	Source, Source1h *Source
}

// Known reports whether there are any rates.
func (r *Rates) Known() bool { return r != nil && (r.Input.Set || r.Output.Set) }

// Tier is a service tier with its own price
// (https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html).
type Tier uint8

// Tiers. Batch is a model invocation job.
const (
	Standard Tier = iota
	Flex
	Priority
	Batch
)

// TierOf returns the tier for Bedrock's name: default, flex or priority. The empty name is default.
// Others, such as reserved, have no price per token.
func TierOf(word string) (t Tier, ok bool) {
	switch word {
	case "", "default", "standard":
		return Standard, true
	case "flex":
		return Flex, true
	case "priority":
		return Priority, true
	}
	return Standard, false
}

// Price is what a model costs in one region or profile. It is immutable.
type Price struct {
	// Profile is the prefix of the profiles through which the price holds. If it is
	// empty the price is that of calls by the bare id, in Regions or, where there
	// are none, in every region that has no price of its own.
	Profile string
	Regions []string

	Standard Rates
	// Flex, Priority and Batch are nil if unknown.
	Flex, Priority, Batch *Rates
	// Long are the rates of every token of a call whose prompt has more than
	// LongAbove tokens, those of the cache among them; nil and 0 if there are none.
	Long      *Rates
	LongAbove int64

	// Image is for an image and Query for a query of a reranker, in 10⁻¹² USD.
	Image, Query llm.Opt[llm.Cost]
	// UnitSource is the source of Image and Query.
	UnitSource *Source
}

// Rates returns the rates of a tier for a call with so many prompt tokens in total; nil if unknown.
func (p *Price) Rates(tier Tier, prompt int64) *Rates {
	r := &p.Standard
	switch tier {
	case Standard:
	case Flex:
		r = p.Flex
	case Priority:
		r = p.Priority
	case Batch:
		r = p.Batch
	}
	if p.LongAbove > 0 && prompt > p.LongAbove {
		if tier != Standard {
			return nil // no source prices long prompts of other tiers
		}
		r = p.Long
	}
	if !r.Known() {
		return nil
	}
	return r
}

// Cost returns the cost of a call. A call with search units or images costs these alone. ok is false if the
// price of something that was used is unknown.
func (p *Price) Cost(tier Tier, u *llm.Usage) (c llm.Cost, ok bool) {
	if u.SearchUnits > 0 {
		return plus(0, u.SearchUnits, Rate(p.Query.Value)), p.Query.Set
	}
	if u.Images > 0 { // no model of Bedrock counts tokens for them
		return plus(0, u.Images, Rate(p.Image.Value)), p.Image.Set && u.Prompt() == 0 && u.Output == 0
	}
	parts, ok := p.Parts(tier, u)
	if !ok {
		return 0, false
	}
	return parts.Sum(), true
}

// Parts returns the parts of the cost of a call that has only tokens.
func (p *Price) Parts(tier Tier, u *llm.Usage) (c llm.Parts, ok bool) {
	r := p.Rates(tier, u.Prompt())
	if r == nil || u.SearchUnits > 0 || u.Images > 0 {
		return c, false
	}
	hour := u.KeptForAnHour()
	ok = true
	add := func(part *llm.Cost, tokens int64, rate llm.Opt[Rate]) {
		ok = ok && (tokens == 0 || rate.Set)
		*part = plus(*part, tokens, rate.Value)
	}
	thought := min(u.Reasoning.Value, u.Output)
	add(&c.Input, u.Input, r.Input)
	add(&c.Output, u.Output, r.Output)
	add(&c.Reasoning, thought, r.Output)
	add(&c.CacheRead, u.CacheRead.Value, r.CacheRead)
	add(&c.CacheWrite, max(u.CacheWrite.Value-hour, 0), r.CacheWrite)
	add(&c.CacheWrite, hour, r.CacheWrite1h)
	return c, ok
}

// plus adds the cost of tokens at a rate. The counts come from the response, so the sum saturates
// at the maximum Cost, and negative counts are ignored.
func plus(c llm.Cost, tokens int64, rate Rate) llm.Cost {
	if tokens <= 0 || rate <= 0 {
		return c
	}
	if llm.Cost(tokens) > (math.MaxInt64-c)/llm.Cost(rate) {
		return math.MaxInt64
	}
	return c + llm.Cost(tokens)*llm.Cost(rate)
}

// Price returns what the model costs when it is called in a region through the profile of a prefix,
// or by its bare id if prefix is empty; nil if unknown. It is not exact if no source has a price
// for that profile and the price for the bare id is used: profiles of most models cost the same,
// those of newer Claude and OpenAI models a tenth more, except the global ones. Nor is it in
// regions that are not of the commercial partition, unless they have a price of their own: the
// tables cover the commercial regions, and prices that some of them have for us-gov are a fifth
// higher.
func (m *Model) Price(prefix, region string) (p *Price, exact bool) {
	for i := range m.prices {
		p := &m.prices[i]
		if prefix != "" && p.Profile == prefix || prefix == "" && region != "" && slices.Contains(p.Regions, region) {
			return p, true
		}
	}
	if len(m.prices) == 0 || !m.prices[0].isDefault() {
		return nil, prefix == "" && endpoint.PartitionOf(region).ID == "aws"
	}
	return &m.prices[0], prefix == "" && endpoint.PartitionOf(region).ID == "aws"
}

// isDefault reports whether the price holds where there is no other.
func (p *Price) isDefault() bool { return p.Profile == "" && len(p.Regions) == 0 }

// compare orders prices: that without profile and regions first, then by profile and region.
func (p *Price) compare(other *Price) int {
	return cmp.Or(strings.Compare(p.Profile, other.Profile), slices.Compare(p.Regions, other.Regions))
}

// Prices returns every price of the model: that without profile and regions first, then by profile
// and region.
func (m *Model) Prices() []*Price {
	all := make([]*Price, 0, len(m.prices))
	for i := range m.prices {
		all = append(all, &m.prices[i])
	}
	return all
}
