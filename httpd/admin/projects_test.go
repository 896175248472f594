package admin_test

import (
	"strings"
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

func TestAProjectIsMadeChangedShownAndDeleted(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", `,"models":["cheap","dear"],"max_budget":100`)
		id := w.master("/project/new", `{"team_id":"rocks","project_alias":"Search","description":"Finds flights","models":["cheap"],"max_budget":50,"budget_duration":"1d",
			"model_rpm_limit":{"cheap":5},"metadata":{"use_case":"S-1"},"tags":["search"]}`).is(200,
			"project_alias", "Search", "description", "Finds flights", "team_id", "rocks", "models", `["cheap"]`, "blocked", "false", "spend", "0",
			"litellm_budget_table.max_budget", "50", "litellm_budget_table.budget_duration", "1d", "litellm_budget_table.budget_reset_at", "2026-05-08T00:00:00.000Z",
			"model_rpm_limit.cheap", "5", "metadata.model_rpm_limit.cheap", "5", "metadata.use_case", "S-1", "metadata.tags", `["search"]`,
			"max_budget", "", "created_by", "default_user_id").at("project_id")
		w.spend(store.Row{RequestID: "r", Cost: 2e12, Start: w.now}, store.SpendCounter(store.KindProject, id))
		w.master("GET /project/info", "project_id="+id).is(200, "project_id", id, "spend", "2")
		w.master("/project/update", `{"project_id":"`+id+`","max_budget":60,"blocked":true,"models":["cheap","dear"]}`).is(200,
			"litellm_budget_table.max_budget", "60", "litellm_budget_table.budget_duration", "1d", "blocked", "true", "models", `["cheap","dear"]`, "description", "Finds flights")
		w.master("/project/update", `{"project_id":"`+id+`","max_budget":null}`).is(200, "litellm_budget_table.max_budget", "")
		w.master("GET /project/list", "").is(200, "0.project_id", id, "1", "")
		w.master("GET /audit", "object_id="+id+"&table_name=LiteLLM_ProjectTable").is(200, "audit_logs.0.action", "updated", "audit_logs.2.action", "created", "audit_logs.2.endpoint", "/project/new")
		w.master("DELETE /project/delete", `{"project_ids":["`+id+`"]}`).is(200, "0.project_id", id, "1", "")
		w.master("GET /project/info", "project_id="+id).fails(404, "not_found_error", "project_id")
		w.master("GET /project/list", "").is(200, "0", "")
	})
}

func TestAProjectNeedsATeamAndFitsIntoIt(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", `,"models":["cheap"],"max_budget":100,"tpm_limit":10,"rpm_limit":5`)
		w.team("sands", "")
		w.master("/project/new", `{"project_id":"p","team_id":"rocks"}`).is(200, "project_id", "p", "models", "[]")
		for body, want := range map[string]string{
			`{}`:                                                 "422 team_id",
			`{"team_id":"none"}`:                                 "404 team_id",
			`{"team_id":"rocks","project_id":"p"}`:               "400 project_id",
			`{"team_id":"rocks","models":["dear"]}`:              "400 models",
			`{"team_id":"rocks","max_budget":101}`:               "400 max_budget",
			`{"team_id":"rocks","tpm_limit":11}`:                 "400 tpm_limit",
			`{"team_id":"rocks","rpm_limit":6}`:                  "400 rpm_limit",
			`{"team_id":"rocks","soft_budget":5,"max_budget":5}`: "400 soft_budget",
			`{"team_id":"rocks","max_budget":-1}`:                "422 max_budget",
			`{"team_id":"rocks","tags":"a"}`:                     "422 tags",
			`{"team_id":"rocks","models":"cheap"}`:               "422 models",
			`{"team_id":"rocks","budget_id":"no"}`:               "400 budget_id",
			`{"team_id":"rocks","budget_duration":"soon"}`:       "422 budget_duration",
		} {
			a := w.master("/project/new", body)
			if got := a.at("error", "code") + " " + a.at("error", "param"); got != want || !strings.HasPrefix(want, a.at("error", "code")) {
				t.Errorf("%s: %s, want %s", body, a.body, want)
			}
		}
		w.master("/project/update", `{"project_id":"p","max_budget":101}`).fails(400, "bad_request_error", "max_budget")
		w.master("/project/update", `{"project_id":"p","team_id":"none"}`).fails(404, "not_found_error", "team_id")
		w.master("/project/update", `{"project_id":"q"}`).fails(404, "not_found_error", "project_id")
		w.master("/project/update", `{}`).fails(422, "bad_request_error", "project_id")
		w.master("DELETE /project/delete", `{"project_ids":[]}`).fails(422, "bad_request_error", "project_ids")
		w.master("DELETE /project/delete", `{"project_ids":["q"]}`).fails(404, "not_found_error", "project_ids")
		w.master("GET /project/info", "").fails(422, "bad_request_error", "project_id")
		w.master("/project/update", `{"project_id":"p","team_id":"sands","max_budget":500}`).is(200, "team_id", "sands")
	})
}

func TestAKeyBelongsToAProjectOfItsOwnTeam(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.team("sands", "")
		w.master("/project/new", `{"project_id":"p","team_id":"rocks","models":["cheap"],"max_budget":5}`).is(200)
		w.master("/project/new", `{"project_id":"q","team_id":"rocks"}`).is(200)
		for body, param := range map[string]string{
			`"team_id":"sands","project_id":"p"`:                   "project_id",
			`"project_id":"p"`:                                     "project_id",
			`"team_id":"rocks","project_id":"p","models":["dear"]`: "models",
			`"team_id":"rocks","project_id":"p","max_budget":6`:    "max_budget",
		} {
			w.master("/key/generate", `{`+body+`}`).fails(400, "bad_request_error", param)
		}
		w.master("/key/generate", `{"team_id":"rocks","project_id":"none"}`).fails(404, "not_found_error", "project_id")
		key := w.key(`{"team_id":"rocks","project_id":"p","models":["all-team-models"],"max_budget":5}`)
		w.master("GET /key/info", info(key)).is(200, "info.project_id", "p")
		w.master("GET /key/list", "project_id=p").is(200, "keys.0", tenant.Hash(key), "total_count", "1")
		w.master("GET /key/list", "project_id=q").is(200, "total_count", "0")
		for body, param := range map[string]string{`"team_id":"sands"`: "project_id", `"project_id":"q"`: "project_id", `"max_budget":6`: "max_budget", `"models":["dear"]`: "models"} {
			w.master("/key/update", `{"key":"`+key+`",`+body+`}`).fails(400, "bad_request_error", param)
		}
		w.master("/key/regenerate", `{"key":"`+key+`","max_budget":6}`).fails(400, "bad_request_error", "max_budget")
		w.master("/project/update", `{"project_id":"p","team_id":"sands"}`).fails(400, "bad_request_error", "team_id")
		w.master("DELETE /project/delete", `{"project_ids":["p"]}`).fails(400, "bad_request_error", "project_ids")
		w.master("/key/update", `{"key":"`+key+`","project_id":null,"max_budget":6}`).is(200, "project_id", "null")
		w.master("/key/update", `{"key":"`+key+`","project_id":"q","max_budget":7}`).is(200, "project_id", "q")
		w.master("DELETE /project/delete", `{"project_ids":["p"]}`).is(200)
	})
}

func TestPeopleSeeTheProjectsOfTheirTeamsAndChangeNone(t *testing.T) {
	eachStore(t, func(w *world) {
		udo, otto, vera := w.user("udo", "internal_user"), w.user("otto", "internal_user"), w.user("vera", "proxy_admin_viewer")
		w.team("rocks", `,"team_member_permissions":["/key/generate","/key/update"]`, "admin:udo")
		w.master("/project/new", `{"project_id":"p","team_id":"rocks"}`).is(200)
		w.ask(udo, "GET /project/list", "").is(200, "0.project_id", "p")
		w.ask(udo, "GET /project/info", "project_id=p").is(200, "project_id", "p")
		w.ask(otto, "GET /project/list", "").is(200, "0", "")
		for _, id := range []string{"p", "none"} { // no difference
			w.ask(otto, "GET /project/info", "project_id="+id).fails(403, "auth_error", "project_id")
		}
		w.ask(vera, "GET /project/info", "project_id=p").is(200)
		for _, key := range []string{udo, otto, vera} {
			w.ask(key, "/project/new", `{"team_id":"rocks"}`).fails(403, "auth_error", "")
			w.ask(key, "/project/update", `{"project_id":"p","max_budget":1}`).fails(403, "auth_error", "")
		}
		w.master("/team/member_add", `{"team_id":"rocks","member":{"role":"user","user_id":"otto"}}`).is(200)
		key := w.ask(otto, "/key/generate", `{"team_id":"rocks","project_id":"p"}`).is(200, "project_id", "p").at("key")
		w.ask(otto, "/key/update", `{"key":"`+key+`","project_id":null}`).fails(403, "auth_error", "project_id")
	})
}
