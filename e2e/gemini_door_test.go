package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestGoogleGenAIIsServedByEveryProvider runs Google's SDK for Python against a Claude and a Nova of
// Bedrock, whose answers are translated, and a Gemini, whose bodies pass through.
func TestGoogleGenAIIsServedByEveryProvider(t *testing.T) { //nolint:tparallel // its subtests share a gateway
	t.Parallel()
	c := venv(t, "google", "google")
	v := startVendor(t, geminiAPI)
	upstream := startEmulator(t)
	g := startGateway(t, sdkConfig+`
  - {model_name: nova, litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0, litellm_credential_name: demo}}
  - {model_name: gemini, litellm_params: {model: gemini/gemini-2.5-flash, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: titan, litellm_params: {model: bedrock/amazon.titan-embed-text-v2:0, litellm_credential_name: demo}}
`, upstream.URL())
	for _, model := range []string{"claude", "nova", "gemini"} {
		t.Run(model, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			sdk := exec.CommandContext(ctx, c.interpreter, "google_genai.py")
			sdk.Dir = "sdks/google"
			sdk.Env = append(sdk.Environ(), "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL="+model)
			out, err := sdk.CombinedOutput()
			if err != nil || !strings.HasSuffix(string(out), "all passed\n") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	r := g.do(t, http.MethodPost, "/v1beta/models/gemini:generateContent", `{"contents":[{"parts":[{"text":"Hi"}]}],"future":{"a":1}}`)
	sent := v.taken()
	if last := sent[len(sent)-1]; r.status != http.StatusOK || string(last.Body) != `{"contents":[{"parts":[{"text":"Hi"}]}],"future":{"a":1}}` {
		t.Errorf("%d %s: sent %s", r.status, r.body, last.Body)
	}
}

// TestABlockedPromptIsAResponseForGooglesSDK runs Google's SDK against a Gemini that blocks a prompt, whose
// response passes through, and a Claude that does so with an error.
func TestABlockedPromptIsAResponseForGooglesSDK(t *testing.T) {
	t.Parallel()
	c := venv(t, "google", "google")
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		const blocked = `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5},"modelVersion":"gemini-2.5-flash"}`
		switch {
		case strings.Contains(c.Path, ":streamGenerateContent"):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+blocked+"\r\n\r\n")
		case strings.Contains(c.Path, ":generateContent"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, blocked)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}`)
		}
	})
	g := startGateway(t, sdkConfig+`
  - {model_name: gemini, litellm_params: {model: gemini/gemini-2.5-flash, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: anthropic, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
`, startEmulator(t).URL())
	for model, reason := range map[string]string{"gemini": "PROHIBITED_CONTENT", "anthropic": "SAFETY"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		sdk := exec.CommandContext(ctx, c.interpreter, "blocked.py")
		sdk.Dir = "sdks/google"
		sdk.Env = append(sdk.Environ(), "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL="+model, "REASON="+reason)
		if out, err := sdk.CombinedOutput(); err != nil || string(out) != "all passed\n" {
			t.Errorf("%s: %v: %s", model, err, out)
		}
	}
}

// TestErrorsOfTheGeminiFrontendAreGoogles reads refusals as Google's clients do.
func TestErrorsOfTheGeminiFrontendAreGoogles(t *testing.T) {
	g := startGateway(t, sdkConfig, startEmulator(t).URL())
	for _, tt := range []struct {
		path, body, word, says string
		status                 int
	}{
		{"none:generateContent", `{"contents":[{"parts":[{"text":"Hi"}]}]}`, "NOT_FOUND", "none", 404},
		{"claude:dance", `{}`, "NOT_FOUND", "generateContent", 404},
		{"claude", `{}`, "NOT_FOUND", "generateContent", 404},
		{"claude:generateContent", `{`, "INVALID_ARGUMENT", "not valid JSON", 400},
		{"claude:generateContent", `{}`, "INVALID_ARGUMENT", "contents", 400},
		{"claude:generateContent", `{"contents":[{"role":"system","parts":[]}]}`, "INVALID_ARGUMENT", "contents[0].role", 400},
		{"claude:generateContent", `{"contents":[{"parts":[{"text":"Hi"}]}],"generationConfig":{"presencePenalty":0.5}}`, "INVALID_ARGUMENT", "generationConfig.presencePenalty", 400},
		{"claude:generateContent", `{"contents":[{"parts":[{"text":"[[fault: throttle always]]"}]}]}`, "RESOURCE_EXHAUSTED", "", 429},
	} {
		r := g.do(t, http.MethodPost, "/v1beta/models/"+tt.path, tt.body)
		var e struct {
			Error struct {
				Code            int
				Message, Status string
			}
		}
		if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != tt.status || e.Error.Code != tt.status || e.Error.Status != tt.word || !strings.Contains(e.Error.Message, tt.says) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, r.status, r.body)
		}
	}
}
