package app_test

import (
	"strings"
	"testing"

	"outcrop/app"
)

// TestLimitsOfAModelHoldByAllItsNames is about a group of names, aliases of the router and of the key, and the id of a deployment.
func TestLimitsOfAModelHoldByAllItsNames(t *testing.T) {
	base := named(t)
	entry := func(name string) string {
		return `  - {model_name: ` + name + `, litellm_params: {model: openai/` + name + `, api_base: "` + base + `", api_key: k, input_cost_per_token: 0.1, output_cost_per_token: 0.1}, model_info: {id: id-of-` + name + "}}\n"
	}
	a := start(t, app.Options{Config: load(t, base, entry("sand")+entry("clay")+`
router_settings:
  routing_groups: [{group_name: both, models: [sand, clay], routing_strategy: simple-shuffle}]
  model_group_alias: {fine: sand, any: both}
general_settings: {master_key: sk-master}
`), DataDir: t.TempDir()})
	calls := func(key, model string) (status int, body string) {
		return asks(t, a, key, "POST", "/v1/chat/completions", `{"model":"`+model+`","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`)
	}
	for i, tt := range []struct {
		limit string // of the key, for both models
		first string // the name of the first call, which may be the last for its model
	}{
		{`"model_rpm_limit":{"sand":1,"clay":1}`, "both"},
		{`"model_rpm_limit":{"sand":1,"clay":1}`, "any"},
		{`"model_rpm_limit":{"sand":1,"clay":1}`, "id-of-sand"},
		{`"model_rpm_limit":{"sand":1,"clay":1}`, "fine"},
		{`"model_rpm_limit":{"sand":1,"clay":1}`, "own"},
		{`"model_max_budget":{"sand":{"budget_limit":0.15,"time_period":"1d"},"clay":{"budget_limit":0.15,"time_period":"1d"}}`, "both"},
	} {
		key := "sk-of-a-test-00000" + string(rune('0'+i))
		tell(t, a, exchange{"POST", "/key/generate", `{"key":"` + key + `","aliases":{"own":"sand"},` + tt.limit + `}`, 200, ""})
		if status, body := calls(key, tt.first); status != 200 {
			t.Errorf("%s, %s: %d %s", tt.limit, tt.first, status, body)
		}
		if status, body := calls(key, "both"); status != 200 { // the other model
			t.Errorf("%s, %s, the other model: %d %s", tt.limit, tt.first, status, body)
		}
		for _, name := range []string{"both", "any", "sand", "clay", "fine", "own", "id-of-clay"} {
			if status, body := calls(key, name); status != 429 && status != 422 || !strings.Contains(body, "for the model") {
				t.Errorf("%s, %s, then %s: %d %s", tt.limit, tt.first, name, status, body)
			}
		}
	}
	// A limit of a name for several models is for calls of that name.
	tell(t, a, exchange{"POST", "/key/generate", `{"key":"sk-of-a-group-0001","model_rpm_limit":{"both":1}}`, 200, ""})
	for _, tt := range []struct {
		model  string
		status int
	}{{"any", 200}, {"both", 429}, {"sand", 200}} {
		if status, body := calls("sk-of-a-group-0001", tt.model); status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.model, status, body, tt.status)
		}
	}
}
