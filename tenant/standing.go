package tenant

import (
	"time"

	"outcrop/llm"
)

// Standing is what is left of a key's own limits.
type Standing struct {
	// MaxBudget is the key's budget, and Spend what was spent or reserved of it.
	MaxBudget, Spend llm.Opt[llm.Cost]
	// Requests and Tokens are the limits of a minute.
	Requests, Tokens Rate
}

// Rate is what is left of a limit.
type Rate struct {
	// Set is whether there is a limit.
	Set         bool
	Limit, Left int64
	// Resets is when the limit begins anew; 0 if it has not begun.
	Resets time.Duration
}

// wholeKey is scope.whose of a key's own limits.
const wholeKey = "this key"

// Standing is what is left of the key's own limits, as far as this process knows; false if it has none. It asks
// nobody.
func (c *Caller) Standing() (s Standing, some bool) {
	for i := range c.limits {
		l := &c.limits[i]
		if l.scope.whose != wholeKey {
			continue
		}
		switch l.scope.what {
		case whatMoney:
			state := c.d.opt.Money.State(l.counter)
			s.MaxBudget, s.Spend = llm.Some(llm.Cost(state.Limit)), llm.Some(llm.Cost(max(0, state.Limit-state.Left)))
		case whatRequests, whatTokens:
			state := c.d.opt.Rates.State(l.counter)
			r := Rate{Set: true, Limit: state.Limit, Left: max(0, state.Left), Resets: state.Resets}
			if l.scope.what == whatRequests {
				s.Requests = r
			} else {
				s.Tokens = r
			}
		case whatParallel:
			continue
		}
		some = true
	}
	return s, some
}
