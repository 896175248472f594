package tenant_test

import (
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// entity is one to write.
type entity struct {
	kind    store.Kind
	id, doc string
}

func TestCustomersWithoutABudgetHaveTheConfigured(t *testing.T) {
	t.Parallel()
	byID := tenant.Settings{CustomerBudgetID: "default"}
	amount := tenant.Settings{CustomerBudget: llm.Some(llm.Cost(0.2e12))}
	both := tenant.Settings{CustomerBudgetID: "default", CustomerBudget: llm.Some(llm.Cost(0.2e12))}
	poor := entity{store.KindBudget, "default", `{"max_budget":0.2}`}
	for name, tt := range map[string]struct {
		settings tenant.Settings
		docs     []entity
		passes   bool
	}{
		"one whom nobody knows":              {settings: byID, docs: []entity{poor}},
		"one without a budget":               {settings: byID, docs: []entity{poor, {store.KindCustomer, "c", `{"alias":"x"}`}}},
		"one whose budget is gone":           {settings: byID, docs: []entity{poor, {store.KindCustomer, "c", `{"budget_id":"gone"}`}}},
		"one with a budget of its own":       {settings: byID, docs: []entity{poor, {store.KindCustomer, "c", `{"max_budget":9}`}}, passes: true},
		"one with another limit":             {settings: byID, docs: []entity{poor, {store.KindCustomer, "c", `{"rpm_limit":9}`}}, passes: true},
		"one with another budget":            {settings: byID, docs: []entity{poor, {store.KindCustomer, "c", `{"budget_id":"b"}`}, {store.KindBudget, "b", `{}`}}, passes: true},
		"the budget does not exist":          {settings: byID, passes: true},
		"the budget has a limit of requests": {settings: byID, docs: []entity{{store.KindBudget, "default", `{"rpm_limit":1}`}}},
		"an amount":                          {settings: amount},
		"an amount, for one who is known":    {settings: amount, docs: []entity{{store.KindCustomer, "c", `{"rpm_limit":9}`}}},
		"an amount, for one who has more":    {settings: amount, docs: []entity{{store.KindCustomer, "c", `{"max_budget":9}`}}, passes: true},
		"an amount, if the budget is gone":   {settings: both},
		"the budget precedes the amount":     {settings: both, docs: []entity{{store.KindBudget, "default", `{"max_budget":9}`}}, passes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tt.settings)
			w.key(`{}`)
			for _, d := range tt.docs {
				w.put(d.kind, d.id, d.doc)
			}
			of := func(customer string) *tenant.Request {
				req := call(10)
				req.Customer = customer
				return req
			}
			w.settle(w.passes(of("c")), 10)
			w.settle(w.passes(of("another")), 10) // has a budget to itself
			if tt.passes {
				w.settle(w.passes(of("c")), 10)
				return
			}
			if e := w.fails(of("c")); !strings.Contains(e.Message, "the customer c") {
				t.Error(e)
			}
			w.settle(w.passes(call(10)), 10)
		})
	}
}

func TestTheConfiguredBudgetOfCustomersFollowsItsChanges(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{CustomerBudgetID: "default"})
	w.key(`{}`)
	w.put(store.KindBudget, "default", `{"max_budget":9,"budget_duration":"1h"}`)
	req := call(10)
	req.Customer = "c"
	w.settle(w.passes(req), 10)
	w.put(store.KindBudget, "default", `{"max_budget":0.2,"budget_duration":"1h"}`)
	if e := w.fails(req); e.Code != llm.CodeBudget {
		t.Error(e)
	}
	w.put(store.KindCustomer, "c", `{"max_budget":9}`)
	w.settle(w.passes(req), 10)
	req.Customer = "d"
	w.settle(w.passes(req), 10)
	if e := w.fails(req); e.Code != llm.CodeBudget {
		t.Error(e)
	}
	w.pass(time.Hour) // periods are the budget's, which was made at noon
	w.settle(w.passes(req), 10)
}

func TestBudgetsOfTagsInTheConfiguration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		duration string
		docs     []entity
	}{
		"of a tag that nobody has made":    {},
		"of a tag that has been made":      {docs: []entity{{store.KindTag, "red", `{"rpm_limit":9}`}}},
		"beside a larger one of the tag's": {docs: []entity{{store.KindTag, "red", `{"max_budget":9}`}}, duration: "1d"},
		"beside a smaller one":             {docs: []entity{{store.KindTag, "red", `{"max_budget":0.1}`}}},
		"for a day":                        {duration: "1d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{TagBudgets: map[string]llm.Budget{"red": {Most: llm.Some(llm.Cost(0.2e12)), Duration: tt.duration}}})
			w.key(`{}`)
			for _, d := range tt.docs {
				w.put(d.kind, d.id, d.doc)
			}
			red, blue := call(10), call(10)
			red.Tags, blue.Tags = []string{"red"}, []string{"blue"}
			w.settle(w.passes(red), 10)
			if e := w.fails(red); e.Code != llm.CodeBudget || !strings.Contains(e.Message, "the tag red") {
				t.Error(e)
			}
			w.settle(w.passes(blue), 10)
			if tt.duration != "" {
				w.pass(12 * time.Hour) // until midnight
				w.settle(w.passes(red), 10)
			}
		})
	}
}
