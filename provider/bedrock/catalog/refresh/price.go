package refresh

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/provider/bedrock/catalog/schema"
)

// settlePrices decides on the prices of a model, place by place.
//
// The rates of the standard tier are taken together, from the newest table that
// has them. What it lacks comes from an older one only if that one agrees with it
// on them: the rate of a write for an hour, those of long prompts, and those of
// batch, flex and priority, which are fractions and multiples of the standard
// ones. A table that has another standard price, one of before or without what a
// place costs more, has those of another price too, and they are unknown rather
// than wrong.
func (c *claims) settlePrices(base string) []schema.Price {
	type place struct{ profile, region string }
	places := map[place][]priceClaim{}
	for _, p := range c.prices[base] {
		for _, region := range regionsOf(&p.price) {
			key := place{p.price.Profile, region}
			places[key] = append(places[key], p)
		}
	}
	alike := map[string]*schema.Price{} // by profile and prices
	for key, said := range places {
		slices.SortStableFunc(said, func(a, b priceClaim) int { return newer(a.by, b.by) })
		p := &schema.Price{Profile: key.profile}
		for _, s := range said {
			merge(p, &s.price)
		}
		c.writeForAnHour(base, p)
		text := string(appendPrice(nil, p))
		if key.region == "" {
			text = "elsewhere " + text // never one with regions of the same price
		}
		if alike[text] == nil {
			alike[text] = p
		}
		if key.region != "" {
			alike[text].Regions = append(alike[text].Regions, key.region)
		}
	}
	prices := make([]schema.Price, 0, len(alike))
	for _, p := range alike {
		slices.Sort(p.Regions)
		prices = append(prices, *p)
	}
	slices.SortFunc(prices, func(a, b schema.Price) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), slices.Compare(a.Regions, b.Regions))
	})
	return prices
}

// regionsOf gives the regions of a price, of which one without a name stands for
// all that have no price of their own.
func regionsOf(p *schema.Price) []string {
	if len(p.Regions) == 0 {
		return []string{""}
	}
	return p.Regions
}

// merge takes over from an older claim what p lacks.
func merge(p, older *schema.Price) {
	p.Units = cmp.Or(p.Units, older.Units)
	switch {
	case older.Standard == nil:
		return // nothing tells of which price its other rates are
	case p.Standard == nil:
		p.Standard = older.Standard
	case !agree(p.Standard, older.Standard):
		return
	case p.Standard.CacheWrite1h == nil && older.Standard.CacheWrite1h != nil:
		// A copy, for the claim is the table's.
		full := *p.Standard
		full.CacheWrite1h, full.By1h = older.Standard.CacheWrite1h, older.Standard.By
		p.Standard = &full
	}
	if p.Long == nil {
		p.Long, p.LongAbove = older.Long, older.LongAbove
	}
	p.Batch = cmp.Or(p.Batch, older.Batch)
	p.Flex = cmp.Or(p.Flex, older.Flex)
	p.Priority = cmp.Or(p.Priority, older.Priority)
}

// agree reports whether two tables speak of the same price: those of input and
// output are the same, and those of the cache where both have them.
func agree(a, b *schema.Rates) bool {
	same := func(a, b *schema.Amount) bool { return a == b || a != nil && b != nil && *a == *b }
	unlike := func(a, b *schema.Amount) bool { return a != nil && b != nil && *a != *b }
	return same(a.Input, b.Input) && same(a.Output, b.Output) && !unlike(a.CacheRead, b.CacheRead) && !unlike(a.CacheWrite, b.CacheWrite)
}

// withoutCache takes the rates of the cache out of all tiers of a price.
func withoutCache(p *schema.Price) {
	for _, r := range [...]*schema.Rates{p.Standard, p.Long, p.Batch, p.Flex, p.Priority} {
		if r != nil {
			r.CacheRead, r.CacheWrite, r.CacheWrite1h, r.By1h = nil, nil, nil, ""
		}
	}
}

// writeForAnHour fills in the price of a cache write for an hour where a model of
// Anthropic's has one for five minutes and no table has the other: by its maker's
// rule it is twice the price of input.
func (c *claims) writeForAnHour(base string, p *schema.Price) {
	const rule = "anthropic-prices"
	if !strings.HasPrefix(base, "anthropic.") || c.sources[rule] == nil {
		return
	}
	for _, r := range []**schema.Rates{&p.Standard, &p.Long} {
		if *r == nil || (*r).CacheWrite1h != nil || (*r).CacheWrite == nil || (*r).Input == nil {
			continue
		}
		full := **r
		twice := 2 * *full.Input
		full.CacheWrite1h, full.By1h = &twice, rule
		*r = &full
	}
}

// amount reads a price in a table; scale is how many digits it has behind the
// point when written in 10⁻¹² USD for a token. A price that is not there is nil.
func amount(text string, scale int) (*schema.Amount, error) {
	if text == "" || text == "null" {
		return nil, nil //nolint:nilnil // no price is no error
	}
	n, err := schema.ParseDecimal(text, scale)
	if err != nil {
		return nil, err
	}
	a := schema.Amount(n)
	return &a, nil
}

// Scales of the prices in tables.
const (
	perMillion    = 6  // USD for a million tokens
	centsPerToken = 10 // US cents for a token
	perToken      = 12 // USD for a token
)

// paid is nil for a price of 0: tables write it for what is not sold, such as a
// cache that a model does not have.
func paid(a *schema.Amount) *schema.Amount {
	if a == nil || *a == 0 {
		return nil
	}
	return a
}
