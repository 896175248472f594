package tenant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

func some(n int64) llm.Opt[int64] { return llm.Some(n) }

// admitted makes a call that a deployment admits.
func (w *world) admitted(l *llm.Limits) (*tenant.Charge, func()) {
	w.t.Helper()
	ch := w.passes(call(10))
	failed, err := ch.Admission()(w.t.Context(), l, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return ch, failed
}

// unserved makes a call that a deployment refuses, and returns why.
func (w *world) unserved(l *llm.Limits) *llm.Error {
	w.t.Helper()
	ch := w.passes(call(10))
	defer ch.Cancel()
	_, err := ch.Admission()(w.t.Context(), l, "")
	if err == nil {
		w.t.Fatal("the deployment admits the call")
	}
	return llm.AsError(err)
}

func TestADeploymentServesAsManyRequestsAsItMay(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	l := &llm.Limits{Deployment: "d", Provider: "p", Requests: some(2)}
	ch, _ := w.admitted(l)
	w.settle(ch, 1)
	ch, failed := w.admitted(l)
	failed() // a request all the same
	w.settle(ch, 1)
	e := w.unserved(l)
	if e.Status != 429 || e.Code != llm.CodeRateLimited || e.RetryAfter == "" || !strings.Contains(e.Message, "the deployment d: 2 requests a minute") {
		t.Errorf("%d %s, after %q: %s", e.Status, e.Code, e.RetryAfter, e.Message)
	}
	w.admitted(&llm.Limits{Deployment: "other", Requests: some(2)})
	w.pass(time.Minute)
	w.admitted(l)
}

func TestACallThatIsCancelledUsesNothingOfADeployment(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	l := &llm.Limits{Deployment: "d", Requests: some(1), Parallel: some(1)}
	ch, _ := w.admitted(l)
	_ = w.unserved(l)
	ch.Cancel()
	w.admitted(l)
}

func TestPlacesOfADeploymentAreFreeWhenItsCallsEnd(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	l := &llm.Limits{Deployment: "d", Parallel: some(2)}
	one, _ := w.admitted(l)
	_, failed := w.admitted(l)
	if e := w.unserved(l); e.Status != 429 || !strings.Contains(e.Message, "2 calls at a time") {
		t.Errorf("%d: %s", e.Status, e.Message)
	}
	failed()
	w.admitted(l)
	_ = w.unserved(l)
	w.settle(one, 1)
	w.admitted(l)
}

func TestTokensOfADeploymentAreCountedAsItSays(t *testing.T) {
	for name, l := range map[string]*llm.Limits{
		"all tokens": {Deployment: "d", Tokens: some(40)}, // 10 of the prompt, 10 of the response
		"prompts":    {Deployment: "d", Input: some(20)},
		"responses":  {Deployment: "d", Output: some(20)},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, tenant.Settings{Counted: tenant.InputTokens}) // which is for keys
			w.key(`{}`)
			for range 2 {
				ch, _ := w.admitted(l)
				w.settle(ch, 10)
			}
			if e := w.unserved(l); e.Status != 429 || !strings.Contains(e.Message, "tokens") {
				t.Errorf("%d: %s", e.Status, e.Message)
			}
		})
	}
}

func TestABudgetOfAProviderIsThatOfAllItsDeployments(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	budget := llm.Budget{Most: llm.Some(llm.Cost(20e10)), Duration: "1d"}
	a, b := &llm.Limits{Deployment: "a", Provider: "p", ProviderBudget: budget}, &llm.Limits{Deployment: "b", Provider: "p", ProviderBudget: budget}
	ch, _ := w.admitted(a)
	if row := w.settle(ch, 5); !slices.ContainsFunc(row.Charges, func(c store.Charge) bool {
		return c.Counter == "provider:p/spend" && c.Units == row.Cost && c.Taken > 0
	}) {
		t.Errorf("charged are %+v", row.Charges)
	}
	ch, _ = w.admitted(b)
	w.settle(ch, 5)
	e := w.unserved(a)
	if e.Status != 429 || e.Code != llm.CodeBudget || !strings.Contains(e.Message, "the provider p") {
		t.Errorf("%d %s: %s", e.Status, e.Code, e.Message)
	}
	if _, err := w.passes(call(10)).Admission()(t.Context(), &llm.Limits{Deployment: "c", Provider: "q", ProviderBudget: budget}, ""); err != nil {
		t.Errorf("another provider: %v", err)
	}
	w.pass(24 * time.Hour)
	w.admitted(b)
}

// TestPartsOfACallShareItsCost checks a call whose responses came from several deployments.
func TestPartsOfACallShareItsCost(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{}`)
	ch, _ := w.admitted(&llm.Limits{Deployment: "a", Budget: llm.Budget{Most: llm.Some(llm.Cost(1000e10))}})
	if _, err := ch.Admission()(t.Context(), &llm.Limits{Deployment: "b", Budget: llm.Budget{Most: llm.Some(llm.Cost(1000e10))}}, ""); err != nil {
		t.Fatal(err)
	}
	row := w.settle(ch, 5)
	var sum int64
	for _, c := range row.Charges {
		if strings.HasPrefix(c.Counter, "deployment:") {
			sum += c.Units
		}
	}
	if sum != row.Cost || row.Cost == 0 {
		t.Errorf("the deployments are charged %d of %d", sum, row.Cost)
	}
}

func TestWhichTokensLimitsCountIsASetting(t *testing.T) {
	for counted, passes := range map[tenant.Counted]int{tenant.AllTokens: 2, tenant.InputTokens: 4, tenant.OutputTokens: 4} {
		w := begin(t, tenant.Settings{Counted: counted})
		w.key(`{"tpm_limit":40}`)
		for range passes {
			w.settle(w.passes(call(10)), 10)
		}
		if e := w.fails(call(10)); e.Status != 429 {
			t.Errorf("%s: %v", counted, e)
		}
	}
}

func TestParallelCallsOfAllKeysAndOfKeysWithoutALimit(t *testing.T) {
	w := begin(t, tenant.Settings{GlobalParallel: some(2)})
	w.key(`{}`)
	w.passes(call(10))
	ch := w.passes(call(10))
	if e := w.fails(call(10)); e.Status != 429 || !strings.Contains(e.Message, "this gateway: 2 calls at a time") {
		t.Errorf("%d: %s", e.Status, e.Message)
	}
	w.settle(ch, 1)
	w.passes(call(10))

	w = begin(t, tenant.Settings{KeyParallel: some(1)})
	w.key(`{}`)
	w.passes(call(10))
	if e := w.fails(call(10)); e.Status != 429 || !strings.Contains(e.Message, "this key: 1 calls at a time") {
		t.Errorf("%d: %s", e.Status, e.Message)
	}
}

// TestAnAttemptThatWasGivenUpReservesNothingOfLaterCalls checks an attempt that asks for a deployment when its call is over,
// and what it reserved belongs to another.
func TestAnAttemptThatWasGivenUpReservesNothingOfLaterCalls(t *testing.T) {
	w := begin(t, tenant.Settings{})
	w.key(`{"max_parallel_requests":2}`)
	l := &llm.Limits{Deployment: "d", Parallel: some(1)}
	for range 3 {
		ch := w.passes(call(10))
		late := ch.Admission()
		w.settle(ch, 1)
		next := w.passes(call(10))
		if _, err := late(t.Context(), l, ""); err == nil || llm.AsError(err).Code != llm.CodeClientGone {
			t.Errorf("an attempt of a call that is over: %v", err)
		}
		if _, err := next.Admission()(t.Context(), l, ""); err != nil {
			t.Errorf("the next call: %v", err)
		}
		w.settle(next, 1)
	}
}

func TestADeploymentIsKeptForATeamForSomeTimeOfTheDay(t *testing.T) {
	w := begin(t, tenant.Settings{}) // at noon
	w.put(store.KindTeam, "geology", `{"team_id":"geology"}`)
	l := &llm.Limits{Deployment: "d", Reserved: &llm.Reserved{Windows: []llm.AccessWindow{{Start: 9 * time.Hour, End: 13 * time.Hour, Zone: time.UTC, Teams: []string{"geology"}}}}}
	w.key(`{}`)
	e := w.unserved(l)
	if e.Status != 429 || e.Code != llm.CodeRateLimited || e.RetryAfter != "3600" || !strings.Contains(e.Message, "reserved for other teams") {
		t.Errorf("%d %s, after %q: %s", e.Status, e.Code, e.RetryAfter, e.Message)
	}
	w.pass(time.Hour)
	w.admitted(l)
	w.pass(23 * time.Hour)
	_ = w.unserved(l)
	w.key(`{"team_id":"geology"}`)
	w.admitted(l)
}
