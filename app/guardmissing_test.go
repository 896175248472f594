package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

func TestCallsThatAskForAGuardrailThatThereIsNotAreRefused(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"sand"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`))
	}))
	defer upstream.Close()
	a := start(t, app.Options{Config: load(t, upstream.URL, `
  - model_name: sand
    litellm_params: {model: openai/sand, api_key: k, api_base: "`+upstream.URL+`"}
general_settings: {master_key: sk-master}
guardrails:
  - guardrail_name: elsewhere
    litellm_params: {guardrail: aporia, mode: pre_call, api_base: https://stone.example.com, api_key: k}
`)})
	for more, want := range map[string]int{"": 200, `,"guardrails":["elsewhere"]`: 503} {
		status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"sand","messages":[{"role":"user","content":"hi"}]`+more+`}`)
		if status != want || want == 503 && !strings.Contains(body, `the guardrail \"elsewhere\" gives no verdict`) {
			t.Errorf("%s: %d %s, want %d", more, status, body, want)
		}
	}
}
