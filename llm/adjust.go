package llm

import (
	"math"
	"path"
	"strings"
)

// Adjustments turn what providers charge into what callers are charged, as LiteLLM's cost_discount_config and
// cost_margin_config (litellm 1.110.2, cost_calculator.py): first a discount, then a margin on what is left. They are not
// modified once they are used.
type Adjustments struct {
	// Discounts are shares of the cost, by provider, or by provider, a slash and a model or a pattern of models, in which *
	// is any text, ? any character, and [abc] one of some.
	Discounts map[string]float64
	// Margins are by provider; AnyProvider is for the others.
	Margins map[string]Margin
}

// AnyProvider is the name of the margin for providers without one of their own.
const AnyProvider = "global"

// Margin is added to a cost: a share of it, and an amount for each call.
type Margin struct {
	Share float64
	Fixed Cost
}

// Adjusted is a cost, and what it is made of.
type Adjusted struct {
	// Cost is what the caller is charged: Original - Discount + Margin.
	Cost, Original, Discount, Margin Cost
	// MarginShare is the margin's share.
	MarginShare float64
}

// None reports whether nothing is adjusted.
func (a *Adjustments) None() bool { return a == nil || len(a.Discounts)+len(a.Margins) == 0 }

// Of adjusts the cost of a call to a model of a provider, whose name may have the provider in front.
func (a *Adjustments) Of(provider, model string, cost Cost) Adjusted {
	out := Adjusted{Cost: cost, Original: cost}
	if a.None() {
		return out
	}
	out.Discount = share(cost, a.discount(provider, model))
	out.Cost -= out.Discount
	m, ok := a.Margins[provider]
	if !ok {
		m = a.Margins[AnyProvider]
	}
	out.Margin, out.MarginShare = share(out.Cost, m.Share)+m.Fixed, m.Share
	out.Cost += out.Margin
	return out
}

// share is a share of a cost, to the nearest 10⁻¹² US dollars.
func share(c Cost, of float64) Cost { return Cost(math.Round(float64(c) * of)) }

// discount is the share for a model: that of its name, or else of the pattern with most characters that are no wildcard, or
// else that of the provider.
func (a *Adjustments) discount(provider, model string) float64 {
	if len(a.Discounts) == 0 {
		return 0
	}
	model = strings.TrimPrefix(model, provider+"/")
	if own, ok := a.Discounts[provider+"/"+model]; ok && model != "" {
		return own
	}
	best, literal := a.Discounts[provider], -1
	for key, of := range a.Discounts {
		pattern, ok := strings.CutPrefix(key, provider+"/")
		if !ok || !matchesAny(pattern, model) {
			continue
		}
		if n := literals(pattern); n > literal {
			best, literal = of, n
		}
	}
	return best
}

// matchesAny reports whether a name fits a pattern, whose * matches slashes too.
func matchesAny(pattern, name string) bool {
	const slash = "\x00" // in no name
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(name, "/", slash))
	return ok && err == nil
}

// literals is how many characters of a pattern stand for themselves.
func literals(pattern string) (n int) {
	inside := false
	for _, c := range pattern {
		switch {
		case inside:
			inside = c != ']'
		case c == '[':
			inside = true
		case c != '*' && c != '?':
			n++
		}
	}
	return n
}

// ValidDiscount reports whether a key of Discounts can be read.
func ValidDiscount(key string) bool {
	provider, pattern, _ := strings.Cut(key, "/")
	_, err := path.Match(pattern, "")
	return provider != "" && err == nil
}
