package admin_test

import (
	"testing"

	"outcrop/store"
)

func TestABudgetOfAnAccessGroupIsSetShownAndTakenBack(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/model/new", `{"model_name":"a","litellm_params":{"model":"openai/one"},"model_info":{"id":"one","access_groups":["g"]}}`).is(200)
		w.master("GET /access_group/g/budget", "").is(200, "access_group", "g", "spend", "0", "budget", "null")
		w.master("DELETE /access_group/g/budget", "").is(200, "access_group", "g", "budget_deleted", "false")
		for body, want := range map[string][2]string{
			`{}`: {"400", ""}, `{"max_budget":null}`: {"400", ""}, `{"max_budget":-1}`: {"422", "max_budget"}, `{"rpm_limit":5}`: {"422", "rpm_limit"},
			`{"budget_id":"none"}`: {"400", "budget_id"}, `{"budget_duration":"soon"}`: {"422", "budget_duration"},
		} {
			a := w.master("PUT /access_group/g/budget", body)
			if a.at("error", "code") != want[0] || want[1] != "" && a.at("error", "param") != want[1] {
				t.Errorf("%s: %s", body, a.body)
			}
		}
		id := w.master("PUT /access_group/g/budget", `{"max_budget":100,"budget_duration":"1d"}`).is(200,
			"access_group", "g", "spend", "0", "budget.max_budget", "100", "budget.soft_budget", "null", "budget.budget_duration", "1d", "budget.budget_reset_at", "2026-05-08T00:00:00.000Z").at("budget", "budget_id")
		w.master("PUT /access_group/g/budget", `{"soft_budget":50}`).is(200, "budget.max_budget", "100", "budget.soft_budget", "50", "budget.budget_id", id)
		w.spend(store.Row{RequestID: "r", Cost: 2e12, Start: w.now}, store.SpendCounter(store.KindGroupBudget, "g"))
		w.master("GET /access_group/g/budget", "").is(200, "spend", "2", "budget.max_budget", "100")
		w.master("GET /access_group/g/info", "").is(200, "spend", "2", "budget.budget_id", id)
		w.master("GET /access_group/list", "").is(200, "access_groups.0.budget.max_budget", "100")
		w.master("/budget/new", `{"budget_id":"shared","max_budget":7}`).is(200)
		w.master("PUT /access_group/g/budget", `{"budget_id":"shared"}`).is(200, "budget.budget_id", "shared", "budget.max_budget", "7", "spend", "2")
		w.master("GET /audit", "table_name=LiteLLM_ModelAccessGroupBudgetTable").is(200, "audit_logs.0.object_id", "g")
		w.master("DELETE /access_group/g/budget", "").is(200, "budget_deleted", "true")
		w.master("/budget/info", `{"budgets":["shared"]}`).is(200, "0.budget_id", "shared")
		w.master("PUT /access_group/g/budget", `{"max_budget":1}`).is(200, "spend", "0")
		for _, method := range []string{"GET", "DELETE"} {
			w.master(method+" /access_group/none/budget", "").fails(404, "not_found_error", "access_group")
		}
		w.master("PUT /access_group/none/budget", `{"max_budget":1}`).fails(404, "not_found_error", "access_group")
		w.master("DELETE /access_group/g/delete", "").is(200)
		if _, err := w.store.Entity(t.Context(), store.KindGroupBudget, "g"); err == nil {
			t.Error("the group is gone, and its budget is not")
		}
	})
}
