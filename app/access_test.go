package app_test

import (
	"net/http"
	"strings"
	"testing"

	"outcrop/app"
)

// sends makes a request with some headers, and returns the status and the answer.
func sends(t *testing.T, a *app.App, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

const chatPath = "/v1/chat/completions"

// guarded starts a gateway with an entry basalt and some general_settings.
func guarded(t *testing.T, settings string) *app.App {
	t.Helper()
	base := account(t)
	entry := `  - {model_name: basalt, litellm_params: {model: openai/m, api_base: "` + base + `", api_key: sk-first-secret}}
`
	return start(t, app.Options{DataDir: t.TempDir(), Config: load(t, base, entry+"general_settings: {master_key: sk-master, "+settings+"}\n")})
}

// answers checks the status of a request, and what its answer says.
func answers(t *testing.T, a *app.App, status int, says, method, path, body string, header ...string) {
	t.Helper()
	if got, answer := sends(t, a, method, path, body, header...); got != status || !strings.Contains(answer, says) {
		t.Errorf("%s %s %s %v: %d %s, want %d and %q", method, path, body, header, got, answer, status, says)
	}
}

func TestOnlySomePathsMayBeCalled(t *testing.T) {
	a := guarded(t, `allowed_routes: [/v1/chat/completions, "/key/*", LiteLLMRoutes.model_info_routes]`)
	master := []string{"Authorization", "Bearer sk-master"}
	answers(t, a, 200, "first", "POST", chatPath, basalt, master...)
	answers(t, a, 200, "sk-", "POST", "/key/generate", "{}", master...)
	answers(t, a, 200, "basalt", "GET", "/model/info", "", master...)
	answers(t, a, 200, "alive", "GET", "/health/liveliness", "")
	answers(t, a, 403, "Access forbidden: Route /chat/completions not allowed", "POST", "/chat/completions", basalt, master...)
	answers(t, a, 403, "not allowed", "GET", "/v1/models", "", master...)
	answers(t, a, 403, "not allowed", "POST", "/openai/v1/x", "{}", master...)
}

func TestSomePathsAreForAdminsOnly(t *testing.T) {
	a := guarded(t, `admin_only_routes: [/v1/models, /v1/chat/completions, /key/info]`)
	tell(t, a, exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-at-all"}`, 200, "sk-of"})
	for _, path := range []string{"GET /v1/models", "POST " + chatPath, "GET /key/info"} {
		method, path, _ := strings.Cut(path, " ")
		answers(t, a, 403, "is an admin only route", method, path, basalt, "Authorization", "Bearer sk-of-nobody-at-all")
	}
	answers(t, a, 200, "basalt", "GET", "/v1/models", "", "Authorization", "Bearer sk-master")
	answers(t, a, 200, "first", "POST", chatPath, basalt, "Authorization", "Bearer sk-master")
	answers(t, a, 200, "basalt", "GET", "/models", "", "Authorization", "Bearer sk-of-nobody-at-all")
}

func TestSomePathsNeedNoKey(t *testing.T) {
	a := guarded(t, `public_routes: [/v1/models, /v1/chat/completions, /spend/calculate, "/key/*"]`)
	answers(t, a, 200, "basalt", "GET", "/v1/models", "")
	answers(t, a, 200, "first", "POST", chatPath, basalt, "Authorization", "Bearer junk")
	answers(t, a, 401, "", "POST", "/v1/embeddings", "{}")
	answers(t, a, 401, "", "GET", "/key/list", "")
	answers(t, a, 401, "", "POST", "/key/generate", "{}")
	answers(t, a, 200, "sk-", "POST", "/key/generate", "{}", "Authorization", "Bearer sk-master")
	if status, _ := sends(t, a, "POST", "/spend/calculate", `{"model":"basalt","messages":[]}`); status == 401 || status == 403 {
		t.Errorf("/spend/calculate: %d", status)
	}
}

func TestAKeyComesInAHeaderOfTheOperatorsChoice(t *testing.T) {
	a := guarded(t, `litellm_key_header_name: X-Company-Key`)
	answers(t, a, 200, "basalt", "GET", "/v1/models", "", "x-company-key", "Bearer sk-master", "Authorization", "Bearer of-another-service")
	answers(t, a, 200, "basalt", "GET", "/v1/models", "", "x-company-key", "sk-master")
	answers(t, a, 401, "", "GET", "/v1/models", "", "x-company-key", "sk-wrong-key-wrong-key", "Authorization", "Bearer sk-master")
	answers(t, a, 200, "basalt", "GET", "/v1/models", "", "Authorization", "Bearer sk-master")
}

func TestAHeaderNamesTheCustomer(t *testing.T) {
	a := guarded(t, `user_header_mappings: [{header_name: X-Customer, litellm_user_role: customer}], user_header_name: x-other`)
	key := []string{"Authorization", "Bearer sk-of-nobody-at-all"}
	tell(t, a,
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-at-all"}`, 200, "sk-of"},
		exchange{"POST", "/customer/new", `{"user_id":"bad","blocked":true}`, 200, "bad"},
	)
	named := strings.Replace(basalt, "{", `{"user":"bad",`, 1)
	for _, header := range []string{"X-Customer", "x-other", "x-litellm-customer-id", "x-litellm-end-user-id"} {
		if status, answer := sends(t, a, "POST", chatPath, basalt, append(key, header, "bad")...); status == 200 {
			t.Errorf("%s: %s", header, answer)
		}
		answers(t, a, 200, "first", "POST", chatPath, named, append(key, header, "good")...) // precedes the body
	}
	answers(t, a, 200, "first", "POST", chatPath, basalt, append(key, "X-Customer", "bad", "x-litellm-end-user-id", "good")...)
	if status, answer := sends(t, a, "POST", chatPath, named, key...); status == 200 {
		t.Errorf("user: %s", answer)
	}
}

func TestBodiesMustHaveWhatTheOperatorAndTheKeyDemand(t *testing.T) {
	a := guarded(t, `enforce_user_param: true, enforced_params: [metadata.job], reject_clientside_metadata_tags: true, service_account_settings: {enforced_params: [seed]}`)
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"core"}`, 200, "core"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-at-all","enforced_params":["temperature"]}`, 200, "sk-of"},
		exchange{"POST", "/key/service-account/generate", `{"key":"sk-of-the-service","team_id":"core"}`, 200, "sk-of"},
	)
	body := func(more string) string { return strings.Replace(basalt, "{", "{"+more, 1) }
	whole := body(`"user":"u","metadata":{"job":"j"},`)
	for _, tt := range []struct {
		key, path, body string
		status          int
		says            string
	}{
		{"sk-master", chatPath, whole, 200, "first"},
		{"sk-master", chatPath, basalt, 401, "'user' param not passed in"},
		{"sk-master", chatPath, body(`"user":"u",`), 401, "param=metadata in request body"},
		{"sk-master", chatPath, body(`"user":"u","metadata":{"job":"j","tags":["a"]},`), 400, "Client-side 'metadata.tags' not allowed"},
		{"sk-master", "/v1/messages", `{"model":"basalt","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`, 401, "'user' param not passed in"},
		{"sk-master", "/v1/responses", `{"model":"basalt","input":"hi"}`, 401, "'user' param not passed in"},
		{"sk-master", "/v1/embeddings", `{"model":"basalt","input":"hi"}`, 401, "'user' param not passed in"},
		{"sk-of-nobody-at-all", chatPath, whole, 401, "param=temperature in request body"},
		{"sk-of-nobody-at-all", chatPath, body(`"user":"u","metadata":{"job":"j"},"temperature":1,`), 200, "first"},
		{"sk-of-the-service", chatPath, whole, 401, "param=seed in request body"},
	} {
		answers(t, a, tt.status, tt.says, "POST", tt.path, tt.body, "Authorization", "Bearer "+tt.key)
	}
}
