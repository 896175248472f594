package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
)

// file is a configuration file in memory.
type file struct {
	mu   sync.Mutex
	text string
}

func (f *file) write(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = text
}

func (f *file) load(context.Context) (*config.Config, []config.Problem, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(f.text), Providers: all.Providers()})
	return cfg, problems, nil
}

func TestTheConfigurationIsReloaded(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer upstream.Close()
	entry := func(name, more string) string {
		return "  - {model_name: " + name + ", litellm_params: {model: openai/" + name + ", api_base: \"" + upstream.URL + "/v1\", api_key: sk-test" + more + "}}\n"
	}
	general := "general_settings: {master_key: sk-master-0123456789}\n"
	f := &file{text: "model_list:\n" + entry("stone", "") + general}
	cfg, _, _ := f.load(t.Context())
	a := start(t, app.Options{Config: cfg, Reload: f.load, Environ: func(string) string { return "" }})
	master := "sk-master-0123456789"
	calls := func(model string) int {
		status, _ := asks(t, a, master, "POST", "/v1/chat/completions", `{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`)
		return status
	}
	reload := func() (int, string) { return asks(t, a, master, "POST", "/config/reload", "") }

	f.write("model_list:\n" + entry("stone", ", weight: 3") + entry("sand", ", temperature: 0.5") + "router_settings: {model_group_alias: {dune: sand}}\n" + general)
	status, body := reload()
	var got struct {
		Status       string   `json:"status"`
		Kept         int      `json:"kept"`
		Opened       int      `json:"opened"`
		Closed       int      `json:"closed"`
		NeedsRestart []string `json:"needs_restart"`
		Warnings     []string `json:"warnings"`
	}
	if err := jsonx.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.Status != "success" || got.Kept+got.Opened != 2 || len(got.NeedsRestart) > 0 {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	for _, model := range []string{"stone", "sand", "dune"} {
		if s := calls(model); s != 200 {
			t.Errorf("%s: %d", model, s)
		}
	}
	if _, list := asks(t, a, master, "GET", "/v1/models", ""); !strings.Contains(list, `"dune"`) || !strings.Contains(list, `"sand"`) {
		t.Errorf("the list is %s", list)
	}

	f.write("model_list:\n" + entry("clay", ", weight: -1") + general)
	if status, body := reload(); status != 400 || !strings.Contains(body, "config.yaml:2:") || !strings.Contains(body, "is out of range") || !strings.Contains(body, "still in force") {
		t.Errorf("a broken file: %d %s", status, body)
	}
	if calls("clay") == 200 || calls("dune") != 200 {
		t.Error("a broken file has changed what is served")
	}

	f.write("model_list:\n" + entry("stone", "") + "general_settings: {master_key: sk-master-9876543210}\n")
	if status, body := reload(); status != 200 || !strings.Contains(body, `"needs_restart":[]`) {
		t.Errorf("another master key: %d %s", status, body)
	}
	if calls("stone") != 401 {
		t.Error("the old master key is still accepted")
	}
	master = "sk-master-9876543210"
	if calls("stone") != 200 || calls("sand") == 200 {
		t.Error("the models are not those of the file")
	}
	if status, _ := asks(t, a, "sk-wrong-key-0123456789", "POST", "/config/reload", ""); status != 401 {
		t.Errorf("a stranger reloads: %d", status)
	}
}

func TestMemoryIsSettledAfterTheStartAndEachReload(t *testing.T) {
	f := &file{text: "model_list: [{model_name: stone, litellm_params: {model: openai/stone, api_base: \"http://127.0.0.1:9/v1\", api_key: sk-test}}]\n"}
	cfg, _, _ := f.load(t.Context())
	settled := make(chan struct{})
	a := start(t, app.Options{Config: cfg, Reload: f.load, Settled: func() {
		select {
		case settled <- struct{}{}:
		case <-t.Context().Done():
		}
	}, Environ: func(string) string { return "" }})
	<-settled // after the start
	for range 2 {
		if _, err := a.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-settled
	}
}

func TestWithoutAFileThereIsNothingToReload(t *testing.T) {
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", "")})
	if status, body := asks(t, a, "", "POST", "/config/reload", ""); status != 400 || !strings.Contains(body, "without a configuration file") {
		t.Errorf("%d %s", status, body)
	}
}

// TestTheCacheDoesNotPassByGuardrails makes a call twice: while there are guardrails, nothing is answered before they have checked it.
func TestTheCacheDoesNotPassByGuardrails(t *testing.T) {
	for name, want := range map[string]int64{"": 1, "guardrails: [{guardrail_name: words, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: mud, action: BLOCK}]}}]\n": 2} {
		var called atomic.Int64
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}))
		f := &file{text: `
model_list: [{model_name: stone, litellm_params: {model: openai/granite, api_base: "` + upstream.URL + `/v1", api_key: sk-test}}]
litellm_settings: {cache: true, cache_params: {type: local}}
` + name}
		cfg, problems, _ := f.load(t.Context())
		if cfg == nil {
			t.Fatal(problems)
		}
		a := start(t, app.Options{Config: cfg, Environ: func(string) string { return "" }})
		for range 2 {
			if status, body := post(t, a, `{"model":"stone","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		}
		if n := called.Load(); n != want {
			t.Errorf("with %q the provider was called %d times, want %d", name, n, want)
		}
		upstream.Close()
	}
}
