package refresh

import (
	"cmp"
	"slices"
	"strings"

	common "outcrop/catalog/schema"
	"outcrop/provider/bedrock/catalog/schema"
)

// settlePrices chooses the prices of a model, place by place.
//
// The rates of the standard tier are taken together, from the newest table that has
// them. Missing rates come from an older table only if its standard rates agree: the
// rate of a one-hour cache write, those of long prompts, and those of batch, flex and
// priority, which are fractions and multiples of the standard ones. If a table has
// another standard price, an outdated one or one without a regional surcharge, its
// other rates belong to another price too, and are better unknown than wrong.
func (c *claims) settlePrices(base string) []schema.Price {
	type place struct{ profile, region string }
	places, noted := map[place][]priceClaim{}, map[place]*schema.Price{}
	for _, p := range c.prices[base] {
		for _, region := range regionsOf(&p.price) {
			key := place{p.price.Profile, region}
			places[key] = append(places[key], p)
		}
	}
	for i := range c.notes.Prices {
		if n := &c.notes.Prices[i]; n.ID == base {
			for _, region := range regionsOf(&n.Price) {
				key := place{n.Price.Profile, region}
				noted[key] = &n.Price
				if _, ok := places[key]; !ok {
					places[key] = nil // no table has it
				}
			}
		}
	}
	alike := map[string]*schema.Price{} // by profile and prices
	for key, claimed := range places {
		slices.SortStableFunc(claimed, func(a, b priceClaim) int { return newer(a.by, b.by) })
		p := &schema.Price{Profile: key.profile}
		for _, s := range claimed {
			merge(p, &s.price)
		}
		if n := noted[key]; n != nil {
			merge(p, n)
		}
		c.writeForAnHour(base, p)
		text := string(appendPrice(nil, p))
		if key.region == "" {
			text = "elsewhere " + text // kept apart from one with regions of the same price
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

// regionsOf returns the regions of a price; an empty name means all regions without a
// price of their own.
func regionsOf(p *schema.Price) []string {
	if len(p.Regions) == 0 {
		return []string{""}
	}
	return p.Regions
}

// merge copies from an older claim what p lacks.
func merge(p, older *schema.Price) {
	p.Units = cmp.Or(p.Units, older.Units)
	switch {
	case older.Standard == nil:
		return // unknown which price its other rates belong to
	case p.Standard == nil:
		p.Standard = older.Standard
	case !agree(p.Standard, older.Standard):
		return
	case p.Standard.CacheWrite1h == nil && older.Standard.CacheWrite1h != nil:
		// A copy, since the table owns the claim.
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

// agree reports whether two tables have the same price: the same rates of input and
// output, and of the cache if both have them.
func agree(a, b *schema.Rates) bool {
	same := func(a, b *schema.Amount) bool { return a == b || a != nil && b != nil && *a == *b }
	unlike := func(a, b *schema.Amount) bool { return a != nil && b != nil && *a != *b }
	return same(a.Input, b.Input) && same(a.Output, b.Output) && !unlike(a.CacheRead, b.CacheRead) && !unlike(a.CacheWrite, b.CacheWrite)
}

// withoutCache removes the cache rates from all tiers of a price.
func withoutCache(p *schema.Price) {
	for _, r := range [...]*schema.Rates{p.Standard, p.Long, p.Batch, p.Flex, p.Priority} {
		if r != nil {
			r.CacheRead, r.CacheWrite, r.CacheWrite1h, r.By1h = nil, nil, nil, ""
		}
	}
}

// writeForAnHour fills in the price of a one-hour cache write if a model of Anthropic's
// has one for five minutes and no table has the other: Anthropic defines it as twice
// the price of input.
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

// amount parses a price in a table; scale is the number of its decimals when written in
// 10⁻¹² USD per token. A missing price is nil.
func amount(text string, scale int) (*schema.Amount, error) {
	if text == "" || text == "null" {
		return nil, nil //nolint:nilnil // a missing price is not an error
	}
	n, err := common.ParseDecimal(text, scale)
	if err != nil {
		return nil, err
	}
	a := schema.Amount(n)
	return &a, nil
}

// Scales of the prices in tables.
const (
	perMillion    = 6  // USD per million tokens
	centsPerToken = 10 // US cents per token
	perToken      = 12 // USD per token
)

// paid returns nil for a price of 0, which tables use for what is not sold, such as a
// cache that a model does not have.
func paid(a *schema.Amount) *schema.Amount {
	if a == nil || *a == 0 {
		return nil
	}
	return a
}
