package llm

import (
	"math"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Cost is an amount of money in units of 10⁻¹² USD, which represents every published price per
// token exactly.
type Cost int64

// costUnit is a US dollar in Costs.
const costUnit = 1_000_000_000_000

// USD returns the cost in US dollars.
func (c Cost) USD() float64 { return float64(c) / costUnit }

// String returns the cost in US dollars as a plain decimal, such as 0.0000153.
func (c Cost) String() string {
	var room [32]byte
	return string(c.Append(room[:0]))
}

// Append appends the text that String returns.
func (c Cost) Append(dst []byte) []byte {
	n := uint64(c)
	if c < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = strconv.AppendUint(dst, n/costUnit, 10)
	rest := n % costUnit
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for digit := uint64(costUnit / 10); rest > 0; digit /= 10 {
		dst = append(dst, byte('0'+rest/digit))
		rest %= digit
	}
	return dst
}

// ticks is what a member with this ending counts: 10⁻¹⁰ US dollars, of xAI (https://docs.x.ai/docs/api-reference).
const ticks = "_ticks"

// StatedCost reads from Stated what the provider says the call cost: the member at a path of names separated by
// dots, such as cost.total_cost, in US dollars, or in ticks if its name ends with _ticks. It reports false if
// that is not a cost.
func (u *Usage) StatedCost(path string) (Cost, bool) {
	name, rest, deeper := strings.Cut(path, ".")
	value := jsonx.Find(u.Stated, name)
	for deeper && value.Kind() == '{' {
		members, err := jsonx.Members(value)
		if err != nil {
			return 0, false
		}
		name, rest, deeper = strings.Cut(rest, ".")
		value = jsonx.Find(members, name)
	}
	if deeper || len(value) == 0 || value.Kind() != '0' {
		return 0, false
	}
	if strings.HasSuffix(name, ticks) {
		n, err := strconv.ParseInt(string(value), 10, 64)
		const each = costUnit / 10_000_000_000
		if err != nil || n < 0 || n > 1_000_000*costUnit/each {
			return 0, false
		}
		return Cost(n) * each, true
	}
	return ParseCost(string(value))
}

// Parts are what the tokens of a call have cost, by what they were: together they are its cost, unless something other than tokens has a
// price. Input is without the tokens of caches, and Output includes Reasoning.
type Parts struct{ Input, Output, CacheRead, CacheWrite, Reasoning Cost }

// Sum is the cost of all tokens.
func (p *Parts) Sum() Cost {
	return add(add(p.Input, p.Output), add(p.CacheRead, p.CacheWrite))
}

// add adds costs of which none is negative. The sum saturates.
func add(a, b Cost) Cost {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// PartsPricer is a Pricer that knows the parts of a cost.
type PartsPricer interface {
	// Parts returns the parts of what Cost returns; false if that is unknown, or not a sum of parts.
	Parts(tier string, u *Usage) (Parts, bool)
}

// Pricer computes the cost of calls to one model at one target.
type Pricer interface {
	// Cost returns the cost of usage under a service tier, named as the provider names it and empty
	// for the default tier. ok is false if a price that matters is unknown.
	Cost(tier string, u *Usage) (c Cost, ok bool)
}
