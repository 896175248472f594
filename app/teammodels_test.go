package app_test

import (
	"strings"
	"testing"

	"outcrop/app"
)

// TestAModelOfATeamIsSeenAndCalledByItsKeysOnly adds models for teams, two of which have the same name in a team, and one the
// name of everybody's model.
func TestAModelOfATeamIsSeenAndCalledByItsKeysOnly(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, base, storing)})
	model := func(id, name, key, more string) exchange {
		return exchange{"POST", "/model/new", `{"model_name":"` + name + `","litellm_params":{"model":"openai/m","api_base":"` + base + `","api_key":"` + key + `"},"model_info":{"id":"` + id + `"` + more + `}}`, 200, `"model_id":"` + id + `"`}
	}
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"core","models":["granite"]}`, 200, "core"},
		exchange{"POST", "/team/new", `{"team_id":"other"}`, 200, "other"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-the-core-team","team_id":"core"}`, 200, "sk-of"},
		exchange{"POST", "/key/generate", `{"key":"sk-narrow-core-team","team_id":"core","models":["granite"]}`, 200, "sk-narrow"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-the-other-team","team_id":"other"}`, 200, "sk-of"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-at-all"}`, 200, "sk-of"},
		exchange{"POST", "/model/new", `{"model_name":"x","litellm_params":{"model":"openai/m"},"model_info":{"team_id":"none"}}`, 400, "There is no team none"},
		exchange{"POST", "/model/new", `{"model_name":"x*","litellm_params":{"model":"openai/m"},"model_info":{"team_id":"core"}}`, 400, "is not possible there"},
		model("one", "basalt", "sk-first-secret", `,"team_id":"core"`),
		model("all", "granite2", "sk-second-secret", ``),
		model("over", "granite2", "sk-first-secret", `,"team_id":"core"`),
		exchange{"GET", "/team/info?team_id=core", "", 200, `"models":["granite","basalt","granite2"]`},
		exchange{"GET", "/model/info?litellm_model_id=one", "", 200, `"model_name":"basalt"`},
		exchange{"GET", "/model/info?litellm_model_id=one", "", 200, `"team_public_model_name":"basalt"`},
	)
	ask := func(key, method, path, body string, status int, says string) {
		t.Helper()
		if got, answer := asks(t, a, key, method, path, body); got != status || !strings.Contains(answer, says) {
			t.Errorf("%s: %s %s %s: %d %s, want %d and %q", key, method, path, body, got, answer, status, says)
		}
	}
	call := func(key, model string, status int, says string) {
		t.Helper()
		ask(key, "POST", "/v1/chat/completions", strings.Replace(basalt, "basalt", model, 1), status, says)
	}
	lists := func(key string, sees bool) {
		t.Helper()
		for _, path := range []string{"/v1/models", "/model/info", "/v2/model/info", "/model_group/info"} {
			if _, answer := asks(t, a, key, "GET", path, ""); strings.Contains(answer, `"basalt"`) != sees || strings.Contains(answer, `:"model_name_`) {
				t.Errorf("%s: %s: %s", key, path, answer)
			}
		}
	}
	call("sk-of-the-core-team", "basalt", 200, `"content":"first"`)
	call("sk-of-the-core-team", "granite2", 200, `"content":"first"`)   // the team's own
	call("sk-of-the-other-team", "granite2", 200, `"content":"second"`) // everybody's
	call("sk-narrow-core-team", "basalt", 403, "not available")
	call("sk-of-the-other-team", "basalt", 404, "basalt")
	call("sk-of-nobody-at-all", "basalt", 404, "basalt")
	call("sk-of-the-other-team", "one", 403, "not available") // by its id
	call("sk-master", "one", 403, "not available")
	call("sk-of-the-core-team", "one", 200, `"content":"first"`)
	lists("sk-of-the-core-team", true)
	lists("sk-narrow-core-team", false)
	lists("sk-of-the-other-team", false)
	lists("sk-of-nobody-at-all", false)
	if _, answer := asks(t, a, "sk-master", "GET", "/v1/models", ""); strings.Contains(answer, "basalt") {
		t.Errorf("the master key lists a team's model: %s", answer)
	}
	_, answer := asks(t, a, "sk-master", "GET", "/model/info", "")
	if strings.Count(answer, `"granite2"`) < 2 {
		t.Errorf("the master key does not see everything: %s", answer)
	}
	// A further deployment of the same name is another one of it, and a new name is one in the team.
	tell(t, a,
		model("two", "basalt", "sk-first-secret", `,"team_id":"core"`),
		exchange{"PATCH", "/model/one/update", `{"model_name":"slate"}`, 200, `"team_public_model_name":"slate"`},
	)
	call("sk-of-the-core-team", "slate", 200, `"content":"first"`)
	call("sk-of-the-core-team", "basalt", 200, `"content":"first"`)
	tell(t, a,
		exchange{"POST", "/model/delete", `{"id":"two"}`, 200, "deleted"},
		exchange{"GET", "/team/info?team_id=core", "", 200, `"models":["granite","granite2","slate"]`},
	)
	call("sk-of-the-core-team", "basalt", 403, "not available") // it is none of the team's names any more
	// A model that was everybody's becomes a team's.
	tell(t, a, exchange{"PATCH", "/model/all/update", `{"model_info":{"team_id":"other"}}`, 200, `"team_public_model_name":"granite2"`})
	call("sk-of-the-other-team", "granite2", 200, `"content":"second"`)
	call("sk-of-nobody-at-all", "granite2", 404, "granite2")
	tell(t, a,
		exchange{"POST", "/team/delete", `{"team_ids":["other"]}`, 200, "other"},
		exchange{"GET", "/v2/model/info?modelId=all", "", 200, `"total_count":0`},
	)
}
