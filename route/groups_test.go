package route

import (
	"slices"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestAGroupOfNamesIsCalledByItsOwn(t *testing.T) {
	a, b, c, own := &fake{name: "a", steps: []step{{}}}, &fake{name: "b", steps: []step{{}}}, &fake{name: "c", steps: []step{{}}}, &fake{name: "own", steps: []step{{}}}
	plan := Plan{
		Entries: []Entry{
			{Name: "a", ID: "1", Model: "m.a", Deployment: a, Settings: Settings{AccessGroups: []string{"beta"}, Guardrails: []string{"g"}}},
			{Name: "b", ID: "2", Model: "m.b", Deployment: b},
			{Name: "c", ID: "3", Model: "m.c", Deployment: c, Settings: Settings{Team: "t", Public: "c"}},
			{Name: "taken", ID: "4", Model: "m.own", Deployment: own},
		},
		Policy: Policy{
			Groups: map[string][]string{"both": {"a", "b", "c", "nobody", "both"}, "taken": {"a"}, "none": {"nobody"}},
			Names:  map[string]Choice{"both": {Strategy: LeastBusy}},
		},
	}
	r := New(plan, Options{})
	for range 8 {
		for _, name := range []string{"both", "taken"} {
			if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: name}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(a.calls) == 0 || len(b.calls) == 0 || len(a.calls)+len(b.calls) != 8 {
		t.Errorf("a got %v and b %v", a.calls, b.calls)
	}
	if len(c.calls) > 0 {
		t.Error("a model of a team is called by a group")
	}
	if len(own.calls) != 8 {
		t.Errorf("the entry with a group's name got %v", own.calls)
	}
	s := r.Settings("both")
	if len(s.AccessGroups) > 0 {
		t.Error("who may use one of the models may use the others by the group")
	}
	if !slices.Contains(s.Guardrails, "g") || s.Policy.Strategy != LeastBusy {
		t.Errorf("the group has the guardrails %v and the strategy %s", s.Guardrails, s.Policy.Strategy)
	}
	if r.Group("both") != "both" || r.Group("none") != "" {
		t.Errorf("the names lead to %q and %q", r.Group("both"), r.Group("none"))
	}
}

func TestAGroupOfNamesWithGuardrailsOfTheirOwnIsNoModel(t *testing.T) {
	guarded := Settings{Defaults: &llm.Defaults{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"g"}`)}}
	r := New(Plan{
		Entries: []Entry{{Name: "a", ID: "1", Model: "m.a", Deployment: &fake{}}, {Name: "b", ID: "2", Model: "m.b", Deployment: &fake{}, Settings: guarded}},
		Policy:  Policy{Groups: map[string][]string{"both": {"a", "b"}}},
	}, Options{})
	if got := r.Group("both"); got != "" {
		t.Errorf("a call of %q would pass the guardrail of b", got)
	}
}
