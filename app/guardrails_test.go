package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
)

// TestGuardrailsAtEveryDoor asks a gateway with guardrails by several APIs, and looks at what the provider gets and what the client does.
func TestGuardrailsAtEveryDoor(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		sent = append(sent, string(body))
		mu.Unlock()
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, piece := range []string{"write to jo@exam", "ple.org or ", "jane@example.org"} {
				fmt.Fprintf(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", piece)
			}
			_, _ = io.WriteString(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"write to jo@example.org"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer upstream.Close()
	cfg := load(t, upstream.URL, `
  - model_name: sand
    litellm_params: {model: openai/sand, api_key: k, api_base: "`+upstream.URL+`"}
general_settings: {master_key: sk-master}
guardrails:
  - guardrail_name: personal
    litellm_params:
      guardrail: litellm_content_filter
      mode: [pre_call, post_call]
      default_on: true
      patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}, {pattern_type: prebuilt, pattern_name: us_ssn, action: BLOCK}]
  - guardrail_name: words
    litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: basalt, action: BLOCK}]}
`)
	a := start(t, app.Options{Config: cfg})
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0002","guardrails":["words"]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, door := range []struct{ path, body, refusal string }{
		{"/v1/chat/completions", `{"model":"sand","messages":[{"role":"user","content":%q}]%s}`, `{"error":{"message":"Content blocked: us_ssn pattern detected","type":"None","param":null,"code":"400"`},
		{"/v1/messages", `{"model":"sand","max_tokens":9,"messages":[{"role":"user","content":%q}]%s}`, `{"type":"error","error":{"type":"invalid_request_error","message":"Content blocked: us_ssn pattern detected"`},
		{"/v1/responses", `{"model":"sand","input":%q%s}`, `"message":"Content blocked: us_ssn pattern detected"`},
	} {
		for _, more := range []string{"", `,"stream":true`} {
			sent = nil
			status, body := asks(t, a, "sk-master", "POST", door.path, fmt.Sprintf(door.body, "my number is 078-05-1120", more))
			if status != 400 || !strings.Contains(body, door.refusal) || len(sent) > 0 {
				t.Errorf("%s%s: %d %s", door.path, more, status, body)
			}
			status, body = asks(t, a, "sk-master", "POST", door.path, fmt.Sprintf(door.body, "I am max@example.org", more))
			if status != 200 || strings.Contains(body, "example.org") || strings.Contains(body, "exam") || !strings.Contains(body, "[EMAIL_REDACTED]") || len(sent) != 1 || strings.Contains(sent[0], "max@") || !strings.Contains(sent[0], "[EMAIL_REDACTED]") {
				t.Errorf("%s%s: %d %s\nsent %s", door.path, more, status, body, sent)
			}
			if status, body = asks(t, a, "sk-of-the-test-0002", "POST", door.path, fmt.Sprintf(door.body, "basalt", more)); status != 400 || !strings.Contains(body, "keyword 'basalt' detected") {
				t.Errorf("%s%s: the key's own guardrail: %d %s", door.path, more, status, body)
			}
			if status, body = asks(t, a, "sk-master", "POST", door.path, fmt.Sprintf(door.body, "basalt", more+`,"guardrails":["words"]`)); status != 400 || !strings.Contains(body, "keyword 'basalt' detected") {
				t.Errorf("%s%s: the request's guardrail: %d %s", door.path, more, status, body)
			}
			if status, body = asks(t, a, "sk-master", "POST", door.path, fmt.Sprintf(door.body, "basalt", more+`,"guardrails":["no-such"]`)); status != 400 || !strings.Contains(body, "no-such") {
				t.Errorf("%s%s: a name that is none: %d %s", door.path, more, status, body)
			}
		}
	}
	status, body := asks(t, a, "sk-master", "POST", "/v1/images/generations", `{"model":"sand","prompt":"a"}`)
	var e struct{ Error struct{ Message string } }
	if json.Unmarshal([]byte(body), &e) != nil || status != 400 || !strings.Contains(e.Error.Message, "cannot be checked") {
		t.Errorf("images: %d %s", status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(`{"model":"sand","messages":[{"role":"user","content":"hi"}],"guardrails":["words"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk-master")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, _ = read(t, resp); resp.Header.Get("X-Litellm-Applied-Guardrails") != "personal,words" {
		t.Errorf("got %v", resp.Header)
	}
}
