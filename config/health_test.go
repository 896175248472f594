package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

func TestHealthChecksAreReadAsLiteLLMsSettings(t *testing.T) {
	cfg, problems := Load(source("c.yaml", `
model_list:
- model_name: a
  litellm_params: {model: bedrock/a}
  model_info: {mode: embedding, health_check_timeout: 5, disable_background_health_check: true}
- model_name: b
  litellm_params: {model: bedrock/b}
  model_info: {health_check_model: bedrock/c, health_check_max_tokens_reasoning: 100, health_check_supports_max_tokens: false, health_check_reasoning_effort: none, health_check_params: {temperature: 0}}
- {model_name: c, litellm_params: {model: bedrock/c}}
general_settings:
  background_health_checks: true
  health_check_interval: 60
  health_check_details: false
  health_check_concurrency: 3
  health_check_ignore_transient_errors: true
  background_health_check_model_groups: [a, b]
router_settings: {enable_health_check_routing: true}
`))
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	h := &cfg.General.Health
	if want := (Health{Background: true, Interval: time.Minute, Parallel: 3, Brief: true, Routing: true, Stale: 2 * time.Minute, Patient: true, Groups: []string{"a", "b"}}); !reflect.DeepEqual(*h, want) {
		t.Errorf("got %+v", *h)
	}
	var checked []string
	for i := range cfg.Models {
		if h.Checked(&cfg.Models[i]) {
			checked = append(checked, cfg.Models[i].Name)
		}
	}
	if !slices.Equal(checked, []string{"b"}) {
		t.Errorf("checked in the background: %v", checked)
	}
	if p := cfg.Models[0].Probe; p.Mode != "embedding" || p.Timeout != 5*time.Second || !p.Skip {
		t.Errorf("a: %+v", p)
	}
	if p := cfg.Models[1].Probe; p.Model != "bedrock/c" || p.MaxReasoning != 100 || !p.Unbounded || p.Effort != "none" || string(jsonx.Find(p.Parameters, "temperature")) != "0" {
		t.Errorf("b: %+v", p)
	}
}

func TestHealthCheckRoutingWithoutHealthChecksIsWarnedOf(t *testing.T) {
	_, problems := Load(source("c.yaml", "model_list: [{model_name: a, litellm_params: {model: bedrock/a}}]\ngeneral_settings: {enable_health_check_routing: true}\n"))
	if len(problems) != 1 || problems[0].Severity != Warning || problems[0].Line != 2 || !strings.Contains(problems[0].Hint, "background_health_checks") {
		t.Errorf("%v", problems)
	}
}

func TestTheIntervalOfKeepAlivesHasTwoNames(t *testing.T) {
	const model = "model_list: [{model_name: a, litellm_params: {model: bedrock/a}}]\n"
	for settings, want := range map[string]time.Duration{
		"litellm_settings: {sse_keepalive_ping_interval_seconds: 5}\n":                                          5 * time.Second,
		"litellm_settings: {sse_keepalive_ping_interval_seconds: 5}\nrouter_settings: {keepalive_seconds: 7}\n": 7 * time.Second,
		"": 15 * time.Second,
	} {
		cfg, problems := Load(source("c.yaml", model+settings))
		if cfg == nil || len(problems) > 0 || cfg.KeepAlive != want || cfg.Models[0].KeepAlive != want {
			t.Errorf("%s: %v %v", settings, cfg, problems)
		}
	}
}
