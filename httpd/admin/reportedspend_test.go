package admin_test

import (
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

const may = "start_date=2026-05-01&end_date=2026-05-31"

func TestWhatAnOrganizationHasSpentByKeysAndTeams(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, id := range []string{"org", "other"} {
			w.master("/organization/new", `{"organization_id":"`+id+`","organization_alias":"`+id+`"}`).is(200)
		}
		w.team("rocks", `,"organization_id":"org"`)
		olga, udo := w.user("olga", "internal_user"), w.user("udo", "internal_user")
		w.master("/organization/member_add", `{"organization_id":"org","member":{"role":"org_admin","user_id":"olga"}}`).is(200)
		cheap, dear := w.key(`{"organization_id":"org"}`), w.key(`{"organization_id":"org","team_id":"rocks"}`)
		for i, r := range []store.Row{
			{Key: tenant.Hash(cheap), Model: "a", Cost: 1e12, Input: 1, Output: 2},
			{Key: tenant.Hash(dear), Team: "rocks", Model: "a", Cost: 2e12, Input: 3, Output: 4},
			{Key: tenant.Hash(dear), Team: "rocks", Model: "b", Cost: 3e12, Input: 5, Output: 6},
		} {
			r.RequestID, r.Organization, r.Start = string(rune('a'+i)), "org", w.now
			w.spend(r)
		}
		for name, a := range map[string]*answer{
			"the master key": w.master("GET /organization/spend/report", may+"&organization_id=org"), "its admin": w.ask(olga, "GET /organization/spend/report", may+"&organization_id=org"),
		} {
			a.is(200, "0.api_key", tenant.Hash(dear), "0.total_cost", "5", "0.total_input_tokens", "8", "0.total_output_tokens", "10", "0.model_details.0.team_id", "rocks", "0.model_details.1.model", "b",
				"0.model_details.1.total_cost", "3", "1.api_key", tenant.Hash(cheap), "1.total_cost", "1", "1.model_details.0.team_id", "null", "2", "")
			if t.Failed() {
				t.Fatal(name)
			}
		}
		for _, id := range []string{"other", "none"} {
			w.ask(olga, "GET /organization/spend/report", may+"&organization_id="+id).fails(403, "auth_error", "organization_id")
		}
		w.ask(udo, "GET /organization/spend/report", may+"&organization_id=org").fails(403, "auth_error", "organization_id")
		w.ask(udo, "GET /organization/spend/report", may).fails(400, "bad_request_error", "organization_id")
		w.ask(cheap, "GET /organization/spend/report", may).fails(403, "auth_error", "organization_id")
		w.master("GET /organization/spend/report", "organization_id=org").fails(400, "bad_request_error", "start_date")
		w.master("GET /organization/spend/report", "organization_id=org&start_date=2026-05-02&end_date=2026-05-01").fails(400, "bad_request_error", "end_date")
		w.master("GET /organization/spend/report", "organization_id=org&start_date=2024-05-02&end_date=2026-05-01").fails(400, "bad_request_error", "end_date")
		w.master("GET /organization/spend/report", "organization_id=org&start_date=then&end_date=2026-05-01").fails(400, "bad_request_error", "start_date")
	})
}

func TestWhatUsersHaveSpentInATeam(t *testing.T) {
	eachStore(t, func(w *world) {
		boss, mia := w.user("boss", "internal_user"), w.user("mia", "internal_user")
		stan := w.user("stan", "internal_user")
		w.team("rocks", `,"team_alias":"Rocks"`, "admin:boss", "user:mia")
		of := map[string]string{"boss": w.key(`{"team_id":"rocks","user_id":"boss"}`), "mia": w.key(`{"team_id":"rocks","user_id":"mia"}`), "": w.key(`{"team_id":"rocks"}`)}
		for i, r := range []store.Row{{User: "mia", Cost: 3e12, Input: 1, Output: 2}, {User: "boss", Cost: 1e12}, {Cost: 2e12}, {User: "mia", Cost: 1e12, Status: 500}} {
			r.RequestID, r.Key, r.Team, r.Start = string(rune('a'+i)), tenant.Hash(of[r.User]), "rocks", w.now
			w.spend(r)
		}
		w.master("/key/delete", `{"keys":["`+of["mia"]+`"]}`).is(200) // what it has spent stays mia's
		w.ask(boss, "GET /team/spend/by_user", may+"&team_ids=rocks").is(200, "start_date", "2026-05-01", "end_date", "2026-05-31", "results.0.user_id", "mia", "results.0.team_alias", "Rocks", "results.0.spend", "4",
			"results.0.total_tokens", "3", "results.0.api_requests", "2", "results.1.user_id", "", "results.1.spend", "2", "results.2.user_id", "boss", "results.3", "")
		w.ask(stan, "GET /team/spend/by_user", may+"&team_ids=rocks").fails(403, "auth_error", "team_id")
		w.ask(mia, "GET /team/spend/by_user", may+"&team_ids=rocks").is(200).hasNone("boss")
		w.master("GET /team/spend/by_user", may).fails(400, "bad_request_error", "team_ids")
		w.master("GET /team/spend/by_user", "team_ids=rocks").fails(400, "bad_request_error", "start_date")
	})
}

func TestHowManyUsersAndTeamsThereAre(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("udo", "internal_user")
		w.team("rocks", "")
		w.master("GET /user/available_users", "").is(200, "total_users", "null", "total_users_used", "1", "total_users_remaining", "null", "total_teams", "null", "total_teams_used", "1", "total_teams_remaining", "null")
	})
}

func TestSomeFieldsOfAnOrganizationAreChanged(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/organization/new", `{"organization_id":"org","organization_alias":"Org","models":["a"],"max_budget":5,"rpm_limit":3,"metadata":{"a":1}}`).is(200)
		w.master("PATCH /v2/organization/org", `{"max_budget":null,"models":[],"metadata":{"b":2}}`).is(200, "organization_alias", "Org", "litellm_budget_table.max_budget", "", "litellm_budget_table.rpm_limit", "3", "models", "[]", "metadata", `{"b":2}`)
		for body, param := range map[string]string{
			`{"organization_alias":null}`: "organization_alias", `{"models":null}`: "models", `{"budget_id":"b"}`: "budget_id", `{"max_budget":-1}`: "max_budget", `{"budget_duration":"soon"}`: "budget_duration",
		} {
			w.master("PATCH /v2/organization/org", body).fails(422, "bad_request_error", param)
		}
		w.master("PATCH /v2/organization/none", `{"max_budget":1}`).fails(404, "not_found_error", "organization_id")
	})
}
