package tenant_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// Shares of a model that takes 10 requests a minute: half of them for prod, 3 for batch, and 2 for others.
func shares() *tenant.Priorities {
	return &tenant.Priorities{Usual: 0.2, Threshold: 0.5, Shares: map[string]tenant.Share{
		"prod": {Value: 0.5, Kind: tenant.SharePart}, "batch": {Value: 3, Kind: tenant.ShareRequests}, "tokens": {Value: 0, Kind: tenant.ShareTokens},
	}}
}

// ofTen is a call of the model.
func ofTen() *tenant.Request {
	req := call(1)
	req.Capacity = &llm.Capacity{Requests: llm.Some(int64(10))}
	return req
}

// calls makes calls until one is refused, and returns how many were made.
func (w *world) calls(most int) (n int, refused *llm.Error) {
	w.t.Helper()
	for ; n < most; n++ {
		ch, err := w.begins(ofTen())
		if err != nil {
			return n, refusal(w.t, err)
		}
		w.settle(ch, 1)
	}
	return n, nil
}

func TestWhileAModelIsIdleAnyPriorityHasAllOfItUntilTheThreshold(t *testing.T) {
	t.Parallel()
	for priority, want := range map[string]int{"prod": 5, "batch": 5, "": 5, "unknown": 5} {
		w := begin(t, tenant.Settings{Priorities: shares()})
		w.key(`{"metadata":{"priority":"` + priority + `"}}`)
		n, e := w.calls(10) // all are below the threshold until five are made, and then each has had its share
		if n != want || e.Status != 429 || e.Class != "throttling_error" || e.RetryAfter != "60" || !strings.Contains(e.Message, "Priority-based rate limit exceeded") {
			t.Errorf("%q made %d calls: %+v", priority, n, e)
		}
	}
}

func TestASharesCallersHaveItWhenTheModelIsBusy(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{Priorities: shares()})
	w.key(`{}`)
	if n, e := w.calls(5); n != 5 {
		t.Fatalf("%d calls: %v", n, e)
	}
	w.put(store.KindTeam, "t", `{"metadata":{"priority":"batch"}}`)
	w.key(`{"team_id":"t","metadata":{"priority":"prod"}}`) // the team's counts
	if n, e := w.calls(10); n != 3 || !strings.Contains(e.Message, `calls with the priority "batch" of the model m: 3 requests a minute, while 80 % of the model's capacity is used`) {
		t.Errorf("%d calls: %v", n, e)
	}
	w.key(`{"metadata":{"priority":"prod"}}`)
	if n, e := w.calls(10); n != 2 || !strings.Contains(e.Message, "Rate limit exceeded for the model m: 10 requests a minute") {
		t.Errorf("%d calls: %v", n, e)
	}
	w.pass(time.Minute)
	if n, e := w.calls(3); n != 3 {
		t.Errorf("%d calls: %v", n, e)
	}
}

func TestSharesThatAreMoreThanAllBecomeSmaller(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{Priorities: &tenant.Priorities{Usual: 0.2, Shares: map[string]tenant.Share{"a": {Value: 0.6, Kind: tenant.SharePart}, "b": {Value: 9, Kind: tenant.ShareRequests}}}})
	w.key(`{"metadata":{"priority":"a"}}`)
	if n, _ := w.calls(10); n != 4 { // of 10, by 0.6/(0.6+0.9)
		t.Errorf("%d calls", n)
	}
}

func TestChangedSharesHoldForTheCallsThatBegin(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{Priorities: shares()})
	w.key(`{}`)
	if n, _ := w.calls(10); n != 5 {
		t.Fatalf("%d calls", n)
	}
	more := shares()
	more.Usual = 0.7
	w.directory.Set(tenant.Settings{Priorities: more})
	if n, _ := w.calls(10); n != 2 { // 7 of 10, of which 5 were made
		t.Errorf("%d calls with another share", n)
	}
	more = shares()
	more.Usual, more.Threshold = 0.7, 0.9
	w.directory.Set(tenant.Settings{Priorities: more})
	if n, _ := w.calls(10); n != 2 { // until 9 of 10 are made
		t.Errorf("%d calls with another threshold", n)
	}
}

func TestTokensAreSharedToo(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{Priorities: shares()})
	w.key(`{}`)
	req := func() *tenant.Request {
		r := call(10)
		r.Capacity = &llm.Capacity{Tokens: llm.Some(int64(100))}
		return r
	}
	for range 3 {
		w.settle(w.passes(req()), 10) // 20 tokens each
	}
	if e := w.fails(req()); !strings.Contains(e.Message, "calls without a priority of the model m: 20 tokens a minute, while 60 %") {
		t.Error(e.Message)
	}
}

func TestWithoutSharesOrLimitsOfTheModelPrioritiesCostNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings *tenant.Priorities
		capacity *llm.Capacity
	}{"no shares": {nil, &llm.Capacity{Requests: llm.Some(int64(1))}}, "no limits": {shares(), nil}} {
		w := begin(t, tenant.Settings{Priorities: tt.settings})
		w.key(`{"metadata":{"priority":"prod"}}`)
		for range 3 {
			req := call(1)
			req.Capacity = tt.capacity
			ch, err := w.begins(req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w.settle(ch, 1)
		}
	}
}
