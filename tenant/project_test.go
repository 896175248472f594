package tenant_test

import (
	"errors"
	"slices"
	"testing"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

func TestABlockedProjectBlocksItsKeysUntilItIsUnblocked(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.put(store.KindProject, "p", `{"blocked":true}`)
	w.key(`{"team_id":"t","project_id":"p"}`)
	_, err := w.directory.Caller(t.Context(), key)
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 401 || e.Code != llm.CodeKeyBlocked || e.Message != "the project p is blocked." {
		t.Errorf("the error is %v", err)
	}
	project, err := w.store.Entity(t.Context(), store.KindProject, "p")
	if err != nil {
		t.Fatal(err)
	}
	project.Doc = []byte(`{"blocked":false}`)
	w.change(store.Change{Put: []store.Entity{*project}})
	w.passes(call(1)).Cancel()
}

func TestACallCountsForItsProject(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{"with a budget": `{"max_budget":1,"metadata":{"tags":["search"],"guardrails":["words"]}}`, "without one": `{"metadata":{"tags":["search"],"guardrails":["words"]}}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.put(store.KindProject, "p", doc)
			w.key(`{"project_id":"p"}`)
			row := w.settle(w.passes(call(10)), 10)
			of := store.SpendCounter(store.KindProject, "p")
			if i := slices.IndexFunc(row.Charges, func(c store.Charge) bool { return c.Counter == of }); i < 0 || row.Charges[i].Units != row.Cost {
				t.Errorf("the charges are %+v", row.Charges)
			}
			if !slices.Equal(row.Tags, []string{"search"}) || !slices.Equal(w.caller().Guardrails(), []string{"words"}) {
				t.Errorf("tags %q, guardrails %q", row.Tags, w.caller().Guardrails())
			}
		})
	}
}

func TestABudgetOfAnAccessGroupIsForThoseWhoseModelsNameIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key, team, project string
		pays               bool
	}{
		"a key that names it":        {key: `{"models":["beta"]}`, pays: true},
		"a team that names it":       {key: `{"team_id":"t"}`, team: `{"models":["n","beta"]}`, pays: true},
		"a project that names it":    {key: `{"team_id":"t","project_id":"p"}`, team: `{}`, project: `{"models":["beta"]}`, pays: true},
		"a key with all models":      {key: `{"models":[]}`},
		"a key that names the model": {key: `{"models":["m"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.put(store.KindBudget, "b", `{"max_budget":0.2}`)
			w.put(store.KindGroupBudget, "beta", `{"budget_id":"b"}`)
			for kind, e := range map[store.Kind][2]string{store.KindTeam: {"t", tt.team}, store.KindProject: {"p", tt.project}} {
				if e[1] != "" {
					w.put(kind, e[0], e[1])
				}
			}
			w.key(tt.key)
			req := call(10)
			req.Groups = []string{"alpha", "beta"}
			row := w.settle(w.passes(req), 10)
			of := store.SpendCounter(store.KindGroupBudget, "beta")
			if pays := slices.ContainsFunc(row.Charges, func(c store.Charge) bool { return c.Counter == of }); pays != tt.pays {
				t.Errorf("the charges are %+v", row.Charges)
			}
			if !tt.pays {
				w.passes(req).Cancel()
				return
			}
			if e := w.fails(req); e.Class != "budget_exceeded" || e.Message != "the budget of the access group beta is used up: Budget has been exceeded! Current cost: 0.2, Max budget: 0.2." {
				t.Errorf("%s: %s", e.Class, e.Message)
			}
		})
	}
}

func TestAnAccessGroupWithoutABudgetCostsNothingAndGetsOneAtOnce(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"models":["beta"]}`)
	req := call(1)
	req.Groups = []string{"beta"}
	w.passes(req).Cancel()
	reads := 0
	w.store.read = func(store.Kind, string) { reads++ }
	row := w.settle(w.passes(req), 1)
	w.store.read = nil
	if reads != 0 || slices.ContainsFunc(row.Charges, func(c store.Charge) bool { return c.Counter == store.SpendCounter(store.KindGroupBudget, "beta") }) {
		t.Errorf("%d reads of the store; the charges are %+v", reads, row.Charges)
	}
	w.put(store.KindGroupBudget, "beta", `{"max_budget":0}`)
	if e := w.fails(req); e.Class != "budget_exceeded" {
		t.Errorf("%s: %s", e.Class, e.Message)
	}
}

func TestAKeysCallerIsReadAnewWhenItsProjectIsMade(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"project_id":"p"}`)
	w.passes(call(1)).Cancel()
	w.put(store.KindProject, "p", `{"max_budget":0}`)
	if e := w.fails(call(1)); e.Class != "budget_exceeded" {
		t.Errorf("%s: %s", e.Class, e.Message)
	}
}
