package route

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

// still is a deployment that is told apart by its address.
type still struct{ name string }

func (*still) Targets(llm.Verb, string) ([]provider.Target, error) { return nil, context.Canceled }
func (*still) Close() error                                        { return nil }

func TestEntriesThatStayKeepTheirHealth(t *testing.T) {
	a, b := &still{"a"}, &still{"b"}
	r := New(Plan{Entries: []Entry{{Name: "x", ID: "1", Deployment: a}}}, Options{})
	old, _ := r.table().names.find("x")
	old.deployments[0].until.Store(7)
	old.budget.spend()
	r.Set(Plan{Entries: []Entry{{Name: "x", ID: "1", Deployment: a}, {Name: "x", ID: "2", Deployment: b}, {Name: "y", ID: "3", Deployment: &still{"c"}}}})
	now, _ := r.table().names.find("x")
	if len(now.deployments) != 2 || now.deployments[0].until.Load() != 7 || now.budget.tenths.Load() != budgetFull-10 {
		t.Errorf("the entry is %+v", now)
	}
	if len(old.deployments) != 1 {
		t.Error("the table that calls under way have was changed")
	}
	if r.Group("y") != "y" || r.Group("3") != "3" {
		t.Error("the new entry is not found")
	}
	r.Set(Plan{Entries: []Entry{{Name: "y", ID: "3", Deployment: b}}})
	if r.Group("x") != "" || r.Group("1") != "" {
		t.Error("the entry that is gone is found")
	}
}

func TestTheIDOfADeploymentIsANameOfItsOwn(t *testing.T) {
	a, b := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{}}}
	plan := Plan{
		Entries: []Entry{
			{Name: "x", ID: "1", Model: "m", Deployment: a, Settings: Settings{Guardrails: []string{"g"}, AccessGroups: []string{"beta"}}},
			{Name: "x", ID: "second", Model: "m", Deployment: b},
		},
		Policy: Policy{
			Names: map[string]Choice{"second": {Strategy: LeastBusy}}, Aliases: map[string]Alias{"other": {Name: "second"}, "1": {Name: "second"}},
			Fallbacks: Fallbacks{General: map[string][]string{"1": {"second"}, "second": {"1"}}},
		},
	}
	for _, mentioned := range []bool{true, false} {
		if !mentioned {
			plan.Policy.Fallbacks.General = map[string][]string{"1": {"x"}}
		}
		r := New(plan, Options{})
		for _, name := range []string{"1", "second", "other"} {
			if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: name}}); err != nil {
				t.Fatal(err)
			}
		}
		first, second := r.Settings("1"), r.Settings("second")
		if !first.FallsBack || second.FallsBack != mentioned || len(first.Guardrails) != 1 || len(second.Guardrails) > 0 || len(first.AccessGroups) != 1 || second.Policy.Strategy != LeastBusy || len(first.Deployments) != 1 {
			t.Errorf("calls of the ids are translated as %+v and %+v", first, second)
		}
		if r.Group("other") != "second" || r.Group("x") != "x" || r.Group("3") != "" {
			t.Errorf("the names lead to %q, %q and %q", r.Group("other"), r.Group("x"), r.Group("3"))
		}
		if e := r.notConfigured("secnd"); !strings.Contains(e.Fix, `"second"`) {
			t.Errorf("the misspelled id is refused with %q", e.Fix)
		}
		before, _ := r.table().names.find("1")
		before.budget.spend()
		r.Set(plan)
		if now, _ := r.table().names.find("1"); now == before || now.budget.tenths.Load() != before.budget.tenths.Load() {
			t.Error("the id has forgotten its retries")
		}
	}
	if len(a.calls) != 2 || len(b.calls) != 4 {
		t.Errorf("a got %v and b %v", a.calls, b.calls)
	}
}

func TestDeploymentsHaveNoGroupUntilTheirIDsAreCalled(t *testing.T) {
	const n = 1000
	var plan Plan
	for i := range n {
		plan.Entries = append(plan.Entries, Entry{Name: "x", ID: "id-" + strconv.Itoa(i), Model: "m", Deployment: &still{"d"}})
	}
	plan.Policy.Fallbacks.Default = []string{"id-7"}
	r := New(plan, Options{})
	if got := len(r.table().all); got != 2 { // x and id-7, to which others fall back
		t.Errorf("%d deployments have %d groups", n, got)
	}
	if allocated := testing.AllocsPerRun(5, func() { r.Set(plan) }); allocated > 5*n {
		t.Errorf("a table of %d deployments takes %.0f pieces of memory", n, allocated)
	}
	if r.Group("id-8") != "id-8" || !r.Settings("id-8").FallsBack {
		t.Error("the id of a deployment is no name")
	}
	if got := len(r.table().all); got != 2 {
		t.Errorf("the table that others read has %d groups after a call", got)
	}
}
