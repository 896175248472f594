package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// namingModels has OpenAI's API: a model whose name begins with bad fails, and any other says its name.
func namingModels(t *testing.T) (url string) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Model string `json:"model"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(asked.Model, "bad") {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"message":"broken","type":"server_error"}}`)
			return
		}
		_, _ = io.WriteString(w, strings.Replace(chatAnswer, `"granite"`, `"I am `+asked.Model+`"`, 1))
	}))
	t.Cleanup(upstream.Close)
	return upstream.URL
}

func TestKeysAndTeamsHaveRouterSettingsOfTheirOwn(t *testing.T) {
	url := namingModels(t)
	entry := func(name, model, more string) string {
		return "  - {model_name: " + name + ", litellm_params: {model: openai/" + model + `, api_base: "` + url + `/v1", api_key: sk-test` + more + "}}\n"
	}
	a := start(t, app.Options{Config: load(t, url, "\n"+
		entry("bad", "bad", "")+entry("ok", "ok", "")+entry("other", "other", "")+
		entry("tagged", "tagged.a", ", tags: [a]")+entry("tagged", "tagged.b", ", tags: [b]")+
		entry("priced", "cheap", ", input_cost_per_token: 0.000001, output_cost_per_token: 0.000001")+entry("priced", "dear", ", input_cost_per_token: 0.001, output_cost_per_token: 0.001")+`
router_settings: {fallbacks: [{bad: [other]}], num_retries: 0, disable_cooldowns: true}
general_settings: {master_key: sk-master}
`)})
	put := func(path, body string) {
		t.Helper()
		if status, answer := asks(t, a, "sk-master", "POST", path, body); status != 200 {
			t.Fatalf("%s: %d %s", body, status, answer)
		}
	}
	put("/team/new", `{"team_id":"t","router_settings":{"fallbacks":[{"ok":["other"]}],"num_retries":0}}`)
	put("/key/generate", `{"key":"sk-no-settings-0001"}`)
	put("/key/generate", `{"key":"sk-fallbacks-000001","router_settings":{"fallbacks":[{"bad":["ok"]}]}}`)
	put("/key/generate", `{"key":"sk-of-the-team-0001","team_id":"t"}`)
	put("/key/generate", `{"key":"sk-in-the-team-0001","team_id":"t","router_settings":{"num_retries":1}}`)
	put("/key/generate", `{"key":"sk-empty-in-team-01","team_id":"t","router_settings":{}}`)
	put("/key/generate", `{"key":"sk-restricted-00001","models":["bad"],"router_settings":{"fallbacks":[{"*":["ok"]}]}}`)
	put("/key/generate", `{"key":"sk-alias-0000000001","models":["ok"],"router_settings":{"model_group_alias":{"fast":"ok","far":{"model":"other"}}}}`)
	put("/key/generate", `{"key":"sk-tags-00000000001","router_settings":{"enable_tag_filtering":true}}`)
	put("/key/generate", `{"key":"sk-strategy-0000001","router_settings":{"routing_strategy":"cost-based-routing","weights":{}}}`)
	const failed, denied, unknown = `"broken`, "key_model_access_denied", "fast"
	for _, tt := range []struct {
		key, model, more string
		status           int
		says             string
	}{
		{"sk-no-settings-0001", "bad", "", 200, "I am other"},
		{"sk-fallbacks-000001", "bad", "", 200, "I am ok"},
		{"sk-fallbacks-000001", "bad", `,"fallbacks":["other"]`, 200, "I am other"}, // the request precedes the key
		{"sk-of-the-team-0001", "bad", "", 500, failed},                             // whose list replaces the configuration's
		{"sk-in-the-team-0001", "bad", "", 200, "I am other"},                       // whose settings replace the team's as a whole
		{"sk-empty-in-team-01", "bad", "", 500, failed},
		{"sk-restricted-00001", "bad", "", 500, failed}, // it may not use the fallback
		{"sk-alias-0000000001", "fast", "", 200, "I am ok"},
		{"sk-alias-0000000001", "far", "", 403, denied},
		{"sk-no-settings-0001", "fast", "", 404, unknown},
	} {
		status, body := asks(t, a, tt.key, "POST", "/v1/chat/completions", `{"model":"`+tt.model+`","messages":[{"role":"user","content":"hi"}]`+tt.more+`}`)
		if status != tt.status || !strings.Contains(body, strings.Trim(tt.says, `"`)) {
			t.Errorf("%s asks for %s%s: %d %s, want %d %s", tt.key, tt.model, tt.more, status, body, tt.status, tt.says)
		}
	}
	for range 6 {
		if _, body := asks(t, a, "sk-tags-00000000001", "POST", "/v1/chat/completions", `{"model":"tagged","tags":["b"],"messages":[{"role":"user","content":"hi"}]}`); !strings.Contains(body, "I am tagged.b") {
			t.Errorf("tags do not select: %s", body)
		}
		if _, body := asks(t, a, "sk-strategy-0000001", "POST", "/v1/chat/completions", `{"model":"priced","messages":[{"role":"user","content":"hi"}]}`); !strings.Contains(body, "I am cheap") {
			t.Errorf("the cheapest is not chosen: %s", body)
		}
	}
	if _, body := asks(t, a, "sk-master", "GET", "/key/info?key=sk-fallbacks-000001", ""); !strings.Contains(body, `"router_settings":{"fallbacks":[{"bad":["ok"]}]}`) {
		t.Errorf("/key/info: %s", body)
	}
	if _, body := asks(t, a, "sk-master", "GET", "/team/info?team_id=t", ""); !strings.Contains(body, `"router_settings":{"fallbacks":[{"ok":["other"]}],"num_retries":0}`) {
		t.Errorf("/team/info: %s", body)
	}
	put("/key/update", `{"key":"sk-fallbacks-000001","router_settings":{"fallbacks":[{"bad":["tagged"]}]}}`)
	if _, body := asks(t, a, "sk-fallbacks-000001", "POST", "/v1/chat/completions", `{"model":"bad","messages":[{"role":"user","content":"hi"}]}`); !strings.Contains(body, "I am tagged") {
		t.Errorf("after the update: %s", body)
	}
}

func TestWrongRouterSettingsAreRefusedByName(t *testing.T) {
	url := namingModels(t)
	a := start(t, app.Options{Config: load(t, url, "\ngeneral_settings: {master_key: sk-master}\n")})
	for _, tt := range []struct{ settings, says string }{
		{`[]`, "router_settings must be an object, not an array"},
		{`{"num_retries":"many"}`, "router_settings has num_retries, which must be an integer from 0 to 100"},
		{`{"num_retries":-1}`, "router_settings has num_retries, which must be an integer from 0 to 100"},
		{`{"timeout":0}`, "router_settings has timeout, which must be a number of seconds above 0"},
		{`{"fallbacks":{"a":["b"]}}`, "router_settings has fallbacks, which must be a list of objects"},
		{`{"context_window_fallbacks":[{"a":"b"}]}`, "router_settings has context_window_fallbacks, which must be a list of objects"},
		{`{"routing_strategy":"fastest"}`, "router_settings has routing_strategy, which must be one of simple-shuffle, "},
		{`{"enable_tag_filtering":"on"}`, "router_settings has enable_tag_filtering, which must be true or false"},
		{`{"model_group_alias":{"a":["b"]}}`, "router_settings has model_group_alias, which must be an object from a name"},
	} {
		for _, path := range []string{"/key/generate", "/team/new"} {
			if status, body := asks(t, a, "sk-master", "POST", path, `{"router_settings":`+tt.settings+`}`); status != 422 || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), tt.says) {
				t.Errorf("%s with %s: %d %s, want %s", path, tt.settings, status, body, tt.says)
			}
		}
	}
}

func TestAFallbackHasItsOwnCapacity(t *testing.T) {
	url := namingModels(t)
	at := `, api_base: "` + url + `/v1", api_key: sk-test`
	a := start(t, app.Options{Config: load(t, url, `
  - {model_name: bad, litellm_params: {model: openai/bad`+at+`, rpm: 10}}
  - {model_name: ok, litellm_params: {model: openai/ok`+at+`}}
router_settings: {fallbacks: [{bad: [ok]}], num_retries: 0, disable_cooldowns: true}
litellm_settings: {priority_reservation: {batch: 0.1}, priority_reservation_settings: {saturation_threshold: 0.01}}
general_settings: {master_key: sk-master}
`)})
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-batch-001","metadata":{"priority":"batch"}}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for range 3 { // its share of the other model is one call
		if status, body := asks(t, a, "sk-of-the-batch-001", "POST", "/v1/chat/completions", `{"model":"bad","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
			t.Errorf("the fallback, which has no limits: %d %s", status, body)
		}
	}
}
