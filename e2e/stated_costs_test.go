package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Where a provider says what a call cost, that is its cost, whole, streamed and passed on, except for entries
// with prices of their own; without it, prices are used.
func TestProvidersSayWhatCallsCost(t *testing.T) {
	usage := ""
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		switch {
		case strings.HasSuffix(c.Path, "/images/generations"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"created":1,"data":[{"url":"https://example.com/a"}],"usage":{"cost_in_usd_ticks":700000000}}`)
		case strings.Contains(string(c.Body), `"stream":true`):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"granite\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":%s}\n\ndata: [DONE]\n\n", usage)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"granite"},"finish_reason":"stop"}],"usage":%s}`, usage)
		}
	})
	list := "general_settings: {master_key: " + masterKey + "}\nmodel_list:\n"
	for name, model := range map[string]string{"router": "openrouter/openai/gpt-5", "sonar": "perplexity/sonar", "grok": "xai/grok-4.3", "vercel": "vercel_ai_gateway/anthropic/claude-sonnet-4", "go": "opencode_go/glm-5.1", "image": "xai/grok-imagine-image", "gpt": "openai/gpt-5"} {
		list += "  - {model_name: " + name + ", litellm_params: {model: " + model + ", api_base: " + v.URL + "/v1, api_key: " + vendorSecret + "}}\n"
	}
	list += "  - {model_name: own, litellm_params: {model: openrouter/own, input_cost_per_token: 0.001, output_cost_per_token: 0.001, api_base: " + v.URL + "/v1, api_key: " + vendorSecret + "}}\n"
	g := startApp(t, list, "", nil)
	const tokens = `"prompt_tokens":4,"completion_tokens":2,"total_tokens":6`
	tests := []struct{ path, model, usage, cost, source string }{
		{"/v1/chat/completions", "router", `{` + tokens + `,"cost":0.125}`, "0.125", "provider"},
		{"/v1/chat/completions", "router", `{` + tokens + `,"cost":null}`, "0.000025", ""},
		{"/v1/chat/completions", "router", `{` + tokens + `,"cost":0}`, "0", "provider"},
		{"/v1/messages", "router", `{` + tokens + `,"cost":0.125}`, "0.125", "provider"},
		{"/v1/chat/completions", "sonar", `{` + tokens + `,"cost":{"input_tokens_cost":0.1,"total_cost":0.25}}`, "0.25", "provider"},
		{"/v1/chat/completions", "grok", `{` + tokens + `,"cost_in_usd_ticks":37756000}`, "0.0037756", "provider"},
		{"/v1/images/generations", "image", "", "0.07", "provider"},
		{"/v1/chat/completions", "vercel", `{` + tokens + `,"cost":0.000573,"is_byok":false,"cost_details":{"upstream_inference_cost":null},"market_cost":0.000573}`, "0.000573", "provider"},
		{"/v1/chat/completions", "go", `{` + tokens + `,"cost":0,"opencode":{"list_cost":0.0042}}`, "0.0042", "provider"},
		{"/v1/chat/completions", "gpt", `{` + tokens + `,"cost":0.125}`, "0.000025", ""},
		{"/v1/chat/completions", "own", `{` + tokens + `,"cost":0.125}`, "0.006", ""},
		{"/openrouter/v1/chat/completions", "openai/gpt-5", `{` + tokens + `,"cost":0.125}`, "0.125", "provider"},
		{"/openrouter/v1/chat/completions", "own", `{` + tokens + `,"cost":0.125}`, "0.006", ""},
	}
	for _, tt := range tests {
		usage = tt.usage
		body := `{"model":"` + tt.model + `","max_tokens":9,"messages":[{"role":"user","content":"Name a rock."}]}`
		if tt.model == "image" {
			body = `{"model":"image","prompt":"Granite"}`
		}
		r := g.send(t, http.MethodPost, tt.path, body, map[string]string{"Authorization": "Bearer " + masterKey, "Content-Type": "application/json"})
		if got := r.header.Get("X-Outcrop-Cost"); r.status != http.StatusOK || got != tt.cost {
			t.Errorf("%s %s %s: %d, cost %q, want %q, %s", tt.path, tt.model, tt.usage, r.status, got, tt.cost, r.body)
		}
	}
	usage = `{` + tokens + `,"cost":0.5}`
	r := g.send(t, http.MethodPost, "/v1/chat/completions", `{"model":"router","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Name a rock."}]}`, map[string]string{"Authorization": "Bearer " + masterKey})
	g.stop(t)
	log := g.log.text.String()
	if r.status != http.StatusOK || !strings.Contains(log, `"cost_usd":0.5,"cost_source":"provider"`) {
		t.Errorf("streamed: %d %s", r.status, r.body)
	}
	lines := strings.Split(log, "\n")
	for i, tt := range tests {
		if strings.Contains(lines[i], `"cost_source":"provider"`) != (tt.source != "") {
			t.Errorf("%s %s: logged %s", tt.path, tt.model, lines[i])
		}
	}
}
