package route

import (
	"testing"

	"outcrop/llm"
)

func TestWhatANameTakesIsTheSumOfItsDeploymentsLimits(t *testing.T) {
	limited := func(requests, tokens llm.Opt[int64]) *deployment {
		return &deployment{Entry: Entry{Limits: &llm.Limits{Requests: requests, Tokens: tokens}}}
	}
	none, ten := llm.Opt[int64]{}, llm.Some(int64(10))
	for name, tt := range map[string]struct {
		all  []*deployment
		want *llm.Capacity
	}{
		"no limits":                      {all: []*deployment{{}, limited(none, none)}},
		"the sum of those that have one": {all: []*deployment{limited(ten, none), {}, limited(ten, ten)}, want: &llm.Capacity{Requests: llm.Some(int64(20)), Tokens: ten}},
	} {
		if got := capacity(tt.all); (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
