package app_test

import (
	"net/http"
	"strings"
	"testing"

	"outcrop/app"
)

// policiesOf are guardrails for some calls only.
const policiesOf = `
general_settings: {master_key: sk-master}
guardrails:
  - {guardrail_name: basalt, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: basalt, action: BLOCK}]}}
  - {guardrail_name: quartz, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: quartz, action: BLOCK}]}}
policies:
  base: {guardrails: {add: [basalt, quartz]}}
  lenient: {inherit: base, guardrails: {remove: [quartz]}}
  models: {guardrails: {add: [quartz]}, condition: {model: "ba.*"}}
policy_attachments:
  - {policy: lenient, teams: ["geo*"]}
  - {policy: base, keys: [strict]}
  - {policy: base, tags: [prod]}
  - {policy: models, models: ["*"]}
`

func TestPoliciesPutGuardrailsInForce(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{Config: load(t, base, `
  - {model_name: sand, litellm_params: {model: openai/m, api_base: "`+base+`", api_key: sk-first-secret}}
  - {model_name: basic, litellm_params: {model: openai/m, api_base: "`+base+`", api_key: sk-first-secret}}
`+policiesOf), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"t1","team_alias":"geology"}`, 200, ""},
		exchange{"POST", "/team/new", `{"team_id":"t2","team_alias":"history","policies":["base"]}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-geology-001","team_id":"t1"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-history-001","team_id":"t2"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-strict-0000001","key_alias":"strict"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-0001","policies":["lenient"]}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-gone-000001","policies":["gone"]}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-plain-00000001"}`, 200, ""},
	)
	for _, tt := range []struct {
		name, key, model, text, more string
		status                       int
		applied, says                string
	}{
		{"no policy", "sk-plain-00000001", "sand", "basalt", "", 200, "", ""},
		{"a team's", "sk-of-geology-001", "sand", "basalt", "", 400, "lenient", "keyword 'basalt'"},
		{"a team's, without what was removed", "sk-of-geology-001", "sand", "quartz", "", 200, "lenient", ""},
		{"a key's, by its alias", "sk-strict-0000001", "sand", "quartz", "", 400, "base", "keyword 'quartz'"},
		{"named by the team", "sk-of-history-001", "sand", "quartz", "", 400, "base", "keyword 'quartz'"},
		{"named by the key", "sk-of-nobody-0001", "sand", "basalt", "", 400, "lenient", "keyword 'basalt'"},
		{"named by the key, without what was removed", "sk-of-nobody-0001", "sand", "quartz", "", 200, "lenient", ""},
		{"of a tag", "sk-plain-00000001", "sand", "quartz", ``, 400, "base", "keyword 'quartz'"},
		{"of a model", "sk-plain-00000001", "basic", "quartz", "", 400, "models", "keyword 'quartz'"},
		{"named by the request", "sk-plain-00000001", "sand", "basalt", `,"policies":["lenient"]`, 400, "lenient", "keyword 'basalt'"},
		{"named by the request, which goes on", "sk-plain-00000001", "sand", "hi", `,"policies":["lenient"]`, 200, "lenient", ""},
		{"that is none", "sk-plain-00000001", "sand", "hi", `,"policies":["none"]`, 400, "", `no policy \"none\"`},
		{"of a key that is none", "sk-of-gone-000001", "sand", "hi", "", 503, "", `is not configured: \"gone\"`},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(`{"model":"`+tt.model+`","max_tokens":5,"messages":[{"role":"user","content":"`+tt.text+`"}]`+tt.more+`}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+tt.key)
			if tt.name == "of a tag" {
				req.Header.Set("X-Litellm-Tags", "other,prod")
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			status, body := read(t, resp)
			if status != tt.status || !strings.Contains(body, tt.says) || status == http.StatusOK && resp.Header.Get("X-Litellm-Applied-Policies") != tt.applied {
				t.Errorf("%s, %s: %d %q %s", tt.name, path, status, resp.Header.Get("X-Litellm-Applied-Policies"), body)
			}
		}
	}
}
