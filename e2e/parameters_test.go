package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// TestParametersOfTheConfigurationReachBedrock checks that parameters in LiteLLM's
// model settings apply to calls that do not set them, and a guardrail to all.
func TestParametersOfTheConfigurationReachBedrock(t *testing.T) {
	k, url := startKeeping(t)
	g := startGateway(t, strings.Replace(openConfig, "      aws_region_name", `      temperature: 0.25
      cache_control_injection_points: [{location: message, role: system}]
      guardrailConfig: {guardrailIdentifier: abc123, guardrailVersion: "1"}
      aws_region_name`, 1), url)
	for _, tt := range []struct{ name, members, has, lacks string }{
		{"none of the caller's", ``, `"temperature":0.25`, ""},
		{"the caller's own", `,"temperature":0.75`, `"temperature":0.75`, "0.25"},
		{"a cache point", ``, `"system":[{"text":"` + strings.Repeat("Be brief. ", 5) + `"},{"cachePoint":{"type":"default"}}]`, ""},
		{"the guardrail", `,"guardrailConfig":{"guardrailIdentifier":"none00","guardrailVersion":"1"}`, `"guardrailIdentifier":"abc123"`, "none00"},
	} {
		resp := open(t.Context(), t, g.URL(), `{"model":"amazon.nova-lite-v1:0","messages":[{"role":"system","content":"`+strings.Repeat("Be brief. ", 5)+`"},{"role":"user","content":"What is granite?"}]`+tt.members+`}`)
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if body := k.last(); resp.StatusCode != http.StatusOK || !strings.Contains(body, tt.has) || tt.lacks != "" && strings.Contains(body, tt.lacks) {
			t.Errorf("%s: %d, sent %s\n%s", tt.name, resp.StatusCode, body, answer)
		}
	}
}

// TestParametersThatNoCallCanHaveStopTheStart checks the errors and their positions.
func TestParametersThatNoCallCanHaveStopTheStart(t *testing.T) {
	text := strings.Replace(openConfig, "      aws_region_name", "      temperature: 7\n      aws_region_name", 1)
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(strings.ReplaceAll(text, "UPSTREAM", "http://127.0.0.1:9")), Providers: all.Providers()})
	if cfg == nil {
		t.Fatal(problems)
	}
	_, err := app.New(t.Context(), app.Options{Config: cfg})
	if err == nil || !strings.Contains(err.Error(), "config.yaml:9:20: error: model_list[0].litellm_params.temperature: temperature must be between 0 and 2, not 7") {
		t.Errorf("%v", err)
	}
}
