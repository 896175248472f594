package route

import (
	"cmp"
	"context"
	"strconv"

	"outcrop/llm"
)

// admit moves at on to the first deployment whose limits let the call use it, and returns what is to be called if it fails;
// nil for nothing. If there is none, the error is the refusal that is over soonest: each says how long that takes.
func (c *call) admit(ctx context.Context, admit llm.Admission, order []*deployment, at *int) (failed func(), _ *llm.Error) {
	if admit == nil {
		return nil, nil
	}
	var soonest *llm.Error
	for range order {
		t := order[*at%len(order)]
		if t.Limits == nil {
			return nil, nil
		}
		failed, err := admit(ctx, t.Limits)
		if err == nil {
			return failed, nil
		}
		e := llm.AsError(err)
		if e.Code != llm.CodeRateLimited && e.Code != llm.CodeBudget {
			return nil, e // it is not about this deployment
		}
		if soonest == nil || seconds(e) < seconds(soonest) {
			soonest = e
		}
		*at++
	}
	return nil, soonest
}

// seconds is how many seconds a refusal asks to wait; 0 if it says nothing, which is that of a budget that does not begin anew.
func seconds(e *llm.Error) int {
	n, err := strconv.Atoi(e.RetryAfter)
	if err != nil {
		n = forever
	}
	return cmp.Or(n, forever)
}

// forever is longer than any Retry-After.
const forever = 1 << 40
