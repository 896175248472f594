package app_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/internal/jsonx"
)

// TestWhatProvidersWouldGetIsShownAndNotSent has the answers of LiteLLM 1.110.2's paths: their members and statuses.
func TestWhatProvidersWouldGetIsShownAndNotSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	defer server.Close()
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, `  - {model_name: chalk, litellm_params: {model: anthropic/claude-m, api_base: "`+server.URL+`", api_key: sk-very-secret, max_tokens: 77}}
  - {model_name: slate, litellm_params: {model: openai/gpt-m, api_base: "`+server.URL+`/v1", api_key: sk-very-secret}}
general_settings: {master_key: sk-master}
`)})
	const path, list = "/utils/transform_request", "/utils/supported_openai_params"
	tell(t, a,
		exchange{"POST", path, `{"call_type":"completion","request_body":{"model":"slate","messages":[{"role":"user","content":"hi"}]}}`, 200, `{"raw_request_api_base":"` + server.URL + `/v1/chat/completions","raw_request_body":{"model":"gpt-m","messages":[{"role":"user","content":"hi"}]},"raw_request_headers":{`},
		exchange{"POST", path, `{"call_type":"acompletion","request_body":{"model":"chalk","messages":[{"role":"user","content":"hi"}]}}`, 200, `"max_tokens":77`},
		exchange{"POST", path, `{"call_type":"acompletion","request_body":{"model":"chalk","messages":[{"role":"user","content":"hi"}]}}`, 200, server.URL + `/v1/messages`},
		exchange{"POST", path, `{"call_type":"completion","request_body":{"model":"anthropic/claude-m","messages":[{"role":"user","content":"hi"}],"stream":true}}`, 200, `"stream":true`},
		exchange{"POST", path, `{"call_type":"embedding","request_body":{"model":"slate","input":"stone"}}`, 200, `/v1/embeddings"`},
		exchange{"POST", path, `{"call_type":"completion","request_body":{"model":"basalt","messages":[{"role":"user","content":"hi"}]}}`, 200, `{"error":"`},
		exchange{"POST", path, `{"call_type":"completion","request_body":{"model":"slate"}}`, 200, `messages`},
		exchange{"POST", path, `{"call_type":"quarry","request_body":{"model":"slate"}}`, 422, `quarry`},
		exchange{"POST", path, `{"call_type":"completion"}`, 422, `request_body`},
		exchange{"GET", list + "?model=basalt", "", 400, `Could not map model=basalt`},
		exchange{"GET", list, "", 422, `model`},
	)
	_, shown := asks(t, a, "sk-master", "POST", path, `{"call_type":"completion","request_body":{"model":"slate","messages":[{"role":"user","content":"hi"}]}}`)
	if strings.Contains(shown, "very-secret") || !strings.Contains(shown, `"Authorization":"*****"`) || !strings.HasSuffix(strings.TrimSpace(shown), `"error":null}`) {
		t.Errorf("%s", shown)
	}
	for model, want := range map[string]struct{ has, lacks []string }{
		"chalk": {[]string{"max_tokens", "n", "stop", "stream", "temperature", "tool_choice", "tools", "top_p", "user"}, []string{"frequency_penalty", "logit_bias", "seed"}},
		"slate": {[]string{"frequency_penalty", "logit_bias", "max_tokens", "seed", "temperature", "tools"}, nil},
	} {
		status, body := asks(t, a, "sk-master", "GET", list+"?model="+model, "")
		var got struct {
			Names []string `json:"supported_openai_params"`
		}
		if err := jsonx.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, body, err)
		}
		for _, name := range want.has {
			if !slices.Contains(got.Names, name) {
				t.Errorf("%s has no %s: %v", model, name, got.Names)
			}
		}
		for _, name := range want.lacks {
			if slices.Contains(got.Names, name) {
				t.Errorf("%s has %s: %v", model, name, got.Names)
			}
		}
	}
	_, metrics := asks(t, a, "sk-master", "GET", "/metrics", "")
	if counted := regexp.MustCompile(`outcrop_requests_total\{.*door="openai_chat".*\} [1-9].*`).FindString(metrics); counted != "" {
		t.Errorf("the metrics count previews: %s", counted)
	}
	for _, request := range [][2]string{{"POST", path}, {"GET", list + "?model=slate"}} {
		if status, _ := asks(t, a, "sk-of-nobody", request[0], request[1], `{}`); status != 401 {
			t.Errorf("%s without a key: %d", request[1], status)
		}
	}
}
