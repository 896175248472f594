package admin_test

import (
	"testing"

	"outcrop/store"
)

func TestModelsJoinAndLeaveAccessGroups(t *testing.T) {
	eachStore(t, func(w *world) {
		for id, name := range map[string]string{"one": "a", "two": "a", "three": "b"} {
			w.master("/model/new", `{"model_name":"`+name+`","litellm_params":{"model":"openai/`+id+`"},"model_info":{"id":"`+id+`"}}`).is(200)
		}
		w.master("GET /access_group/list", "").is(200, "access_groups", "[]")
		w.master("/access_group/new", `{"model_names":["a"]}`).fails(400, "bad_request_error", "access_group")
		w.master("/access_group/new", `{"access_group":"g"}`).fails(400, "bad_request_error", "model_names")
		w.master("/access_group/new", `{"access_group":"g","model_names":["a","none"]}`).fails(400, "bad_request_error", "model_names")
		w.master("/access_group/new", `{"access_group":"g","model_names":["a"]}`).is(200, "access_group", "g", "model_names", `["a"]`, "model_ids", "null", "models_updated", "2")
		w.master("/access_group/new", `{"access_group":"g","model_names":["a"]}`).fails(409, "bad_request_error", "access_group")
		w.master("/access_group/new", `{"access_group":"f","model_ids":["three"]}`).is(200, "models_updated", "1")
		w.master("GET /access_group/list", "").is(200, "access_groups.0.access_group", "f", "access_groups.1.model_names", `["a"]`, "access_groups.1.deployment_count", "2", "access_groups.1.budget", "null")
		w.master("PUT /access_group/g/update", `{"model_ids":["two","three"]}`).is(200, "access_group", "g", "models_updated", "2")
		w.master("GET /access_group/g/info", "").is(200, "model_names", `["a","b"]`, "deployment_count", "2", "spend", "0")
		w.master("PUT /access_group/none/update", `{"model_ids":["two"]}`).fails(404, "not_found_error", "access_group")
		w.master("GET /access_group/none/info", "").fails(404, "not_found_error", "access_group")
		w.master("DELETE /access_group/none/delete", "").fails(404, "not_found_error", "access_group")
		w.master("DELETE /access_group/g/delete", "").is(200, "access_group", "g", "models_updated", "2")
		w.master("GET /access_group/g/info", "").fails(404, "not_found_error", "access_group")
		e, err := w.store.Entity(t.Context(), store.KindModel, "three")
		if err != nil || read(t, e.Doc, "model_info", "access_groups") != `["f"]` {
			t.Errorf("%v, %s", err, e.Doc)
		}
	})
}

func TestProviderBudgetsAreThoseOfTheConfiguration(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("GET /provider/budgets", "").fails(500, "internal_server_error", "")
		w.budgets = map[string]string{"openai": "1d", "bedrock": ""}
		w.keeper(nil)
		w.spend(store.Row{RequestID: "r", Cost: 25e10}, "provider:openai/spend")
		w.master("GET /provider/budgets", "").is(200, "providers.openai.budget_limit", "5", "providers.openai.time_period", "1d", "providers.openai.spend", "0.25", "providers.openai.budget_reset_at", "2026-05-08T00:00:00.000Z",
			"providers.bedrock.spend", "0", "providers.bedrock.time_period", "null", "providers.bedrock.budget_reset_at", "null")
	})
}
