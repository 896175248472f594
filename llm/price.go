package llm

import (
	"math"
	"strconv"
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

// Prices are prices of a token that hold for every service tier. Those of the cache that are not set
// are the price of input.
type Prices struct{ Input, Output, CacheRead, CacheWrite Opt[Cost] }

// Cost returns the cost of usage. ok is false if the price of something that was used is unknown.
func (p *Prices) Cost(_ string, u *Usage) (c Cost, ok bool) {
	ok = true
	add := func(tokens int64, prices ...Opt[Cost]) {
		if tokens <= 0 {
			return
		}
		for _, price := range prices {
			if !price.Set {
				continue
			}
			if price.Value > 0 && Cost(tokens) > (math.MaxInt64-c)/price.Value {
				c = math.MaxInt64 // the counts come from the response
			} else {
				c += Cost(tokens) * price.Value
			}
			return
		}
		ok = false
	}
	add(u.Input, p.Input)
	add(u.Output, p.Output)
	add(u.CacheRead.Value, p.CacheRead, p.Input)
	add(u.CacheWrite.Value, p.CacheWrite, p.Input)
	if !ok || u.SearchUnits > 0 { // what is billed by searches has no price of a token
		return 0, false
	}
	return c, true
}
