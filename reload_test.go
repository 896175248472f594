package outcrop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/config"
	"outcrop/provider/all"
)

// loaded is a configuration of a text in which UPSTREAM stands for an address.
func loaded(t *testing.T, text, upstream string) *config.Config {
	t.Helper()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(strings.ReplaceAll(text, "UPSTREAM", upstream)), Providers: all.Providers()})
	if cfg == nil {
		t.Fatal(problems)
	}
	return cfg
}

const reloadable = `
model_list:
  - {model_name: stone, litellm_params: {model: openai/granite, api_base: UPSTREAM, api_key: sk-1}, model_info: {id: granite}}
  - {model_name: sand, litellm_params: {model: openai/quartz, api_base: UPSTREAM, api_key: sk-1}, model_info: {id: quartz}}
`

func TestReload(t *testing.T) {
	var asked atomic.Pointer[string]
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := string(body)
		asked.Store(&text)
		if strings.Contains(text, "hold") {
			began <- struct{}{}
			<-goOn
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer server.Close()
	c, err := New(Options{Config: loaded(t, reloadable, server.URL)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	call := func(model, prompt string) (string, error) {
		resp, err := c.Complete(t.Context(), &Request{Call: Call{Model: model}, Turns: []Turn{User(prompt)}})
		if err != nil {
			return "", err
		}
		return resp.Meta.Deployment, nil
	}
	type answer struct {
		id  string
		err error
	}
	answered := make(chan answer)
	go func() {
		id, err := call("stone", "hold")
		answered <- answer{id, err}
	}()
	<-began

	next := loaded(t, `
model_list:
  - {model_name: stone, litellm_params: {model: openai/granite, api_base: UPSTREAM, api_key: sk-1, weight: 2}, model_info: {id: granite}}
  - {model_name: sand, litellm_params: {model: openai/feldspar, api_base: UPSTREAM, api_key: sk-1}, model_info: {id: quartz}}
  - {model_name: clay, litellm_params: {model: openai/kaolin, api_base: UPSTREAM, api_key: sk-1}, model_info: {id: kaolin}}
router_settings: {model_group_alias: {old: clay}}
general_settings: {max_in_flight_mb: 64}
`, server.URL)
	if got := NeedRestart(c.Config(), next); strings.Join(got, ", ") != "general_settings.max_in_flight_mb" {
		t.Errorf("needs a restart: %v", got)
	}
	got, err := c.Reload(next)
	if err != nil || got != (Reloaded{Kept: 1, Opened: 2, Closed: 1}) {
		t.Fatalf("%+v, %v", got, err)
	}
	for model, id := range map[string]string{"stone": "granite", "sand": "quartz", "old": "kaolin"} {
		if got, err := call(model, "go"); err != nil || got != id {
			t.Errorf("%s: %s, %v", model, got, err)
		}
	}
	if id, _ := call("sand", "go"); !strings.Contains(*asked.Load(), "feldspar") {
		t.Errorf("%s is asked for %s", id, *asked.Load())
	}
	close(goOn)
	if a := <-answered; a.err != nil || a.id != "granite" {
		t.Errorf("the call under way ended with %s, %v", a.id, a.err)
	}

	broken := loaded(t, `
model_list:
  - {model_name: mud, litellm_params: {model: openai/mud, api_base: UPSTREAM, api_key: sk-1}}
  - {model_name: far, litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0, aws_region_name: nowhere}}
`, server.URL)
	if _, err := c.Reload(broken); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a broken configuration: %v", err)
	}
	if _, err := call("mud", "go"); err == nil {
		t.Error("a part of a broken configuration is served")
	}
	if id, err := call("old", "go"); err != nil || id != "kaolin" || c.Config() != next {
		t.Errorf("after a broken configuration: %s, %v", id, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Reload(next); err == nil {
		t.Error("a closed client takes a configuration")
	}
}

func TestTheSameConfigurationNeedsNoRestart(t *testing.T) {
	const text = `
model_list:
  - {model_name: stone, litellm_params: {model: openai/granite, api_base: "http://127.0.0.1:1", api_key: sk-1, tag_regex: ["^User-Agent: x"]}, model_info: {access_windows: [{start: "08:00", end: "18:00", timezone: UTC, team_ids: [geology]}]}}
general_settings: {master_key: sk-0123456789abcdef, enforced_params: [user], allowed_ips: [10.0.0.0/8], max_parallel_requests: 9}
litellm_settings: {cache: true, cache_params: {type: local}, callbacks: [prometheus, otel], max_budget: 100, budget_duration: 30d}
callback_settings: {otel: {message_logging: true}}
guardrails:
  - guardrail_name: words
    litellm_params: {guardrail: litellm_content_filter, mode: pre_call, default_on: true, patterns: [{pattern_type: prebuilt, pattern_name: email, action: MASK}], blocked_words: [{keyword: mud, action: BLOCK}]}
`
	if got := NeedRestart(loaded(t, text, ""), loaded(t, text, "")); len(got) > 0 {
		t.Errorf("the same file needs a restart: %v", got)
	}
	for change, settings := range map[[2]string]string{
		{"keyword: mud", "keyword: clay"}:                                          "",
		{"type: local", "type: disk"}:                                              "",
		{"[prometheus, otel]", "[]"}:                                               "",
		{"enforced_params: [user], ", ""}:                                          "",
		{"allowed_ips: [10.0.0.0/8], ", ""}:                                        "",
		{"max_budget: 100, budget_duration: 30d", ""}:                              "",
		{"master_key: sk-0123456789abcdef, ", ""}:                                  "general_settings.master_key, which cannot be set or removed while calls are served",
		{"master_key: sk-0123456789abcdef, ", "master_key: sk-fedcba9876543210, "}: "",
		{"max_parallel_requests: 9", "max_in_flight_mb: 64"}:                       "general_settings.max_in_flight_mb",
		{"max_budget: 100", "cost_discount_config: {openai: 0.1}"}:                 "litellm_settings.cost_discount_config and cost_margin_config",
	} {
		if got := NeedRestart(loaded(t, text, ""), loaded(t, strings.Replace(text, change[0], change[1], 1), "")); strings.Join(got, "; ") != settings {
			t.Errorf("%q: %v, want %s", change, got, settings)
		}
	}
}
