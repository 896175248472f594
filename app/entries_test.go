package app_test

import (
	"strings"
	"testing"

	"outcrop/app"
)

// TestEntriesOfTheFileCanBeATeamsOrBlocked has a model of a team, by a name that everybody's model has too, and one that is
// blocked, in the configuration's file.
func TestEntriesOfTheFileCanBeATeamsOrBlocked(t *testing.T) {
	base := account(t)
	entry := func(name, key, info string) string {
		return `  - model_name: ` + name + `
    litellm_params: {model: openai/m, api_base: "` + base + `", api_key: ` + key + `}
    model_info: {` + info + `}
`
	}
	a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, base, entry("basalt", "sk-second-secret", "id: all")+entry("basalt", "sk-first-secret", "id: own, team_id: core")+
		entry("slate", "sk-first-secret", "id: shut, blocked: true")+storing)})
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"core"}`, 200, "core"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-the-core-team","team_id":"core"}`, 200, "sk-of"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-at-all"}`, 200, "sk-of"},
	)
	for _, tt := range []struct {
		key, model string
		status     int
		says       string
	}{
		{"sk-of-the-core-team", "basalt", 200, `"content":"first"`},
		{"sk-of-nobody-at-all", "basalt", 200, `"content":"second"`},
		{"sk-master", "basalt", 200, `"content":"second"`},
		{"sk-of-nobody-at-all", "own", 403, "not available"},
		{"sk-master", "slate", 404, "slate"},
	} {
		if status, answer := asks(t, a, tt.key, "POST", "/v1/chat/completions", strings.Replace(basalt, "basalt", tt.model, 1)); status != tt.status || !strings.Contains(answer, tt.says) {
			t.Errorf("%s with %s: %d %s", tt.model, tt.key, status, answer)
		}
	}
	if _, answer := asks(t, a, "sk-master", "GET", "/model/info?litellm_model_id=shut", ""); !strings.Contains(answer, `"blocked":true`) || !strings.Contains(answer, `"db_model":false`) {
		t.Errorf("%s", answer)
	}
	if _, answer := asks(t, a, "sk-of-nobody-at-all", "GET", "/v1/models", ""); strings.Contains(answer, "model_name_") || strings.Contains(answer, "slate") {
		t.Errorf("%s", answer)
	}
	// A further model that the team has by this name is another deployment of it.
	tell(t, a, exchange{"POST", "/model/new", `{"model_name":"basalt","litellm_params":{"model":"openai/m","api_base":"` + base + `","api_key":"sk-first-secret"},"model_info":{"id":"more","team_id":"core"}}`, 200, `"model_id":"more"`})
	if status, answer := asks(t, a, "sk-of-the-core-team", "POST", "/v1/chat/completions", basalt); status != 200 || !strings.Contains(answer, `"content":"first"`) {
		t.Errorf("%d %s", status, answer)
	}
}
