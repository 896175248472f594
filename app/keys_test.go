package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// asks makes a request with a key, and returns the answer's status and its body.
func asks(t *testing.T, a *app.App, key, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func TestAKeyMayUseItsGroupsModelsOnItsRoutes(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	cfg := load(t, upstream.URL, `
  - model_name: basalt
    litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "`+upstream.URL+`"}
    model_info: {access_groups: [beta]}
general_settings: {master_key: sk-master}
`)
	a := start(t, app.Options{Config: cfg})
	status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0001","models":["beta"],"allowed_routes":["/v1/chat/completions","/v1/models"],"max_budget":1}`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	const key, chat = "sk-of-the-test-0001", `","messages":[{"role":"user","content":"hi"}],"tags":["a"]}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1/chat/completions", `{"model":"basalt` + chat, 200, `"content":"granite"`},
		{"POST", "/v1/chat/completions", `{"model":"granite` + chat, 403, "key_model_access_denied"},
		{"POST", "/v1/messages", `{"model":"basalt","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`, 403, "this key may not call /v1/messages."},
		{"GET", "/v1/models", "", 200, `"basalt"`},
		{"GET", "/health", "", 403, "this key may not call /health."},
	} {
		status, body := asks(t, a, key, tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
		}
		if tt.path == "/v1/models" && strings.Contains(body, `"granite"`) {
			t.Errorf("the list has a model that the key may not call: %s", body)
		}
	}
}
