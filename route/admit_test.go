package route

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
)

// admissions notes who asks, and refuses deployments by their ids.
type admissions struct {
	refuse map[string]*llm.Error
	seen   []string
}

func (a *admissions) admit(_ context.Context, limits *llm.Limits, _ string) (func(), error) {
	if e := a.refuse[limits.Deployment]; e != nil {
		a.seen = append(a.seen, "refused "+limits.Deployment)
		return nil, e
	}
	a.seen = append(a.seen, limits.Deployment)
	return func() { a.seen = append(a.seen, "failed "+limits.Deployment) }, nil
}

func limitedEntry(d *fake) Entry {
	e := entry("granite", d)
	e.Limits = &llm.Limits{Deployment: d.name}
	return e
}

func TestACallGoesToADeploymentWhoseLimitsAdmitIt(t *testing.T) {
	over := func(after string) *llm.Error {
		return &llm.Error{Code: llm.CodeRateLimited, Status: 429, RetryAfter: after, Message: "after " + after}
	}
	spent := &llm.Error{Code: llm.CodeBudget, Status: 429, Message: "spent"}
	gone := &llm.Error{Code: llm.CodeLimitsAway, Status: 503, Message: "away"}
	for name, test := range map[string]struct {
		refuse map[string]*llm.Error
		a, b   []step
		seen   string
		served string // or the error
	}{
		"the first":                  {nil, []step{{}}, []step{{}}, "a", "a"},
		"the second":                 {map[string]*llm.Error{"a": over("9")}, []step{{}}, []step{{}}, "refused a, b", "b"},
		"the one that is free first": {map[string]*llm.Error{"a": over("9"), "b": over("3")}, nil, nil, "refused a, refused b", "after 3"},
		"a rate before a budget":     {map[string]*llm.Error{"a": spent, "b": over("30")}, nil, nil, "refused a, refused b", "after 30"},
		"none of whom is known":      {map[string]*llm.Error{"a": gone}, nil, []step{{}}, "refused a", "away"},
		"after a failure":            {nil, []step{{err: unavailable()}}, []step{{}}, "a, failed a, b", "b"},
		"after a failure, nobody":    {map[string]*llm.Error{"b": over("5")}, []step{{err: unavailable()}}, nil, "a, failed a, refused b, a, failed a, refused b, a, failed a", "down"},
	} {
		t.Run(name, func(t *testing.T) {
			var pauses []time.Duration
			a, b := &fake{name: "a", steps: test.a}, &fake{name: "b", steps: test.b}
			r := instant(&pauses, limitedEntry(a), limitedEntry(b))
			asked := &admissions{refuse: test.refuse}
			resp, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Admit: asked.admit}})
			var served string
			if err != nil {
				served = llm.AsError(err).Message
			} else {
				served = resp.RawStop
			}
			if seen := strings.Join(asked.seen, ", "); served != test.served || seen != test.seen {
				t.Errorf("%s after %q; want %s after %q", served, seen, test.served, test.seen)
			}
		})
	}
}

func TestDeploymentsWithoutLimitsAreNotAskedFor(t *testing.T) {
	free := &fake{name: "free", steps: []step{{}}}
	full := &fake{name: "full", steps: []step{{}}}
	r := New(Plan{Entries: []Entry{limitedEntry(full), entry("granite", free)}}, Options{})
	asked := &admissions{refuse: map[string]*llm.Error{"full": {Code: llm.CodeRateLimited, Status: 429}}}
	for range 4 {
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite", Admit: asked.admit}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(free.calls) != 4 || len(full.calls) != 0 || slices.Contains(asked.seen, "free") {
		t.Errorf("%d and %d calls, %q", len(free.calls), len(full.calls), asked.seen)
	}
}

// TestADeploymentIsAskedForByItsOwnName is about calls that come to it by a name for several models, or by its id.
func TestADeploymentIsAskedForByItsOwnName(t *testing.T) {
	a, b := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{}}}
	r := New(Plan{Entries: []Entry{entry("sand", a), entry("clay", b)}, Policy: Policy{
		Groups: map[string][]string{"both": {"sand", "clay"}}, Aliases: map[string]Alias{"any": {Name: "both"}, "fine": {Name: "sand"}},
	}}, Options{})
	for _, tt := range []struct{ model, name string }{{"both", "clay"}, {"any", "clay"}, {"b", "clay"}, {"clay", ""}, {"fine", ""}} {
		var asked []string
		_, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: tt.model, Admit: func(_ context.Context, _ *llm.Limits, name string) (func(), error) {
			asked = append(asked, name)
			if name == "sand" {
				return nil, &llm.Error{Code: llm.CodeRateLimited, Status: 429}
			}
			return func() {}, nil
		}}})
		if err != nil {
			t.Errorf("%s: %v", tt.model, err)
		}
		if got := slices.DeleteFunc(asked, func(name string) bool { return name == "sand" }); !slices.Equal(got, strings.Fields(tt.name)) {
			t.Errorf("%s: asked for %q, want %q", tt.model, got, tt.name)
		}
	}
}
