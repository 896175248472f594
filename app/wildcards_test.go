package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// TestNamesWithSeveralAsterisks looks at which model a provider is asked for.
func TestNamesWithSeveralAsterisks(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model string }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &asked)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`, asked.Model)
	}))
	t.Cleanup(upstream.Close)
	entry := func(name, model string) string {
		return fmt.Sprintf("  - {model_name: %q, litellm_params: {model: %q, api_base: %q, api_key: k}}\n", name, model, upstream.URL)
	}
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", entry("*", "openai/any-*")+entry("team-*/static-*", "openai/*::static::*")+entry("team-a/*", "openai/of-a-*")+
		entry("openai/*/claude-*", "openai/*")+entry("fixed-*-*", "openai/fixed")+"general_settings: {master_key: sk-master}\n"), DataDir: t.TempDir()})
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0001","models":["team-*/static-*"]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, tt := range []struct {
		key, name, model string
		status           int
	}{
		{"sk-master", "team-b/static-x", "b::static::x", 200},
		{"sk-master", "team-b/static-static-x", "b::static::static-x", 200},
		{"sk-master", "team-b/c/static-/static-x", "b/c/static-::static::x", 200}, // the first takes as much as it can
		{"sk-master", "team-b/static-", "any-team-b/static-", 200},                // each stands for something
		{"sk-master", "team-a/static-x", "of-a-static-x", 200},                    // more is written out before its first
		{"sk-master", "openai/eu/claude-3", "eu/claude-3", 200},                   // the whole name without the provider
		{"sk-master", "fixed-1-2", "fixed", 200},
		{"sk-of-the-test-0001", "team-b/static-x", "b::static::x", 200},
		{"sk-of-the-test-0001", "fixed-1-2", "", 403},
	} {
		status, body := asks(t, a, tt.key, "POST", "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, tt.name))
		if status != tt.status || status == 200 && !strings.Contains(body, fmt.Sprintf(`"content":%q`, tt.model)) {
			t.Errorf("%s: %d %s, want %s", tt.name, status, body, tt.model)
		}
	}
}
