package e2e

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// meteredAPI is a provider's own API that reports usage, byte for byte as written here.
func meteredAPI(w http.ResponseWriter, c vendorCall) {
	path, _, _ := strings.Cut(c.Path, "?")
	streamed := strings.Contains(string(c.Body), `"stream":true`) || strings.Contains(string(c.Body), `"stream": true`)
	kind, body := "application/json", `{"ok":true}`
	switch {
	case strings.HasSuffix(path, "/chat/completions") && streamed:
		kind, body = "text/event-stream", "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"granite\"},\"finish_reason\":null}]}\n\n"
		if strings.Contains(string(c.Body), "include_usage") {
			body += "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}\n\n"
		}
		body += "data: [DONE]\n\n"
	case strings.HasSuffix(path, "/chat/completions"):
		body = `{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"granite"},"finish_reason":"stop"}],  "usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}`
	case strings.HasSuffix(path, "/responses"):
		kind, body = "text/event-stream", "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":1,\"response\":{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"model\":\"gpt-4o-2024-08-06\",\"output\":[],\"usage\":{\"input_tokens\":4,\"output_tokens\":2,\"total_tokens\":6}}}\n\n"
	case strings.HasSuffix(path, "/embeddings"):
		body = `{"object":"list","model":"text-embedding-3-small","data":[{"object":"embedding","index":0,"embedding":[0.5,0.25]}],"usage":{"prompt_tokens":4,"total_tokens":4}}`
	case strings.HasSuffix(path, ":generateContent"):
		body = `{"candidates":[{"content":{"parts":[{"text":"granite"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"totalTokenCount":6},"modelVersion":"gemini-2.5-pro"}`
	case strings.HasSuffix(path, ":streamGenerateContent"):
		body = "[{\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1}}\n,\r\n{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2},\"modelVersion\":\"gemini-2.5-pro\"}\n]"
	case path == "/v2/rerank":
		body = `{"results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}`
	}
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, body)
}

// passedLine is what the log has of a call of a provider's own API.
type passedLine struct {
	Msg        string   `json:"msg"`
	Model      string   `json:"model"`
	Stream     bool     `json:"stream"`
	Prompt     int      `json:"prompt_tokens"`
	Completion int      `json:"completion_tokens"`
	Cost       *float64 `json:"cost_usd"`
	Unknown    string   `json:"usage_unknown"`
}

// passedLines are those of the calls so far.
func (g *gateway) passedLines(t *testing.T) (all []passedLine) {
	t.Helper()
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	for text := range strings.Lines(g.log.text.String()) {
		var l passedLine
		if jsonx.Unmarshal([]byte(text), &l) == nil && l.Msg == "call" {
			all = append(all, l)
		}
	}
	return all
}

// Calls of providers' own APIs have model, tokens and cost in the log, the metrics and the headers, and their
// bodies are what the provider sent.
func TestPassThroughIsMetered(t *testing.T) {
	v := startVendor(t, meteredAPI)
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL)+
		"  - {model_name: own, litellm_params: {model: openai/mine, input_cost_per_token: 0.001, output_cost_per_token: 0.002, api_key: "+vendorSecret+", api_base: \""+v.URL+"/v1\"}}\n", "", nil)
	tests := []struct {
		path, body, cost string
		want             passedLine
	}{
		{"/openai_passthrough/v1/chat/completions", `{"model":"gpt-4o"}`, "0.00003", passedLine{Model: "openai/gpt-4o", Prompt: 4, Completion: 2}},
		{"/openai_passthrough/v1/chat/completions", `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}`, "", passedLine{Model: "openai/gpt-4o", Stream: true, Prompt: 4, Completion: 2}},
		{"/openai_passthrough/v1/chat/completions", `{"model":"gpt-4o","stream":true}`, "", passedLine{Model: "openai/gpt-4o", Stream: true, Unknown: "a stream of this API reports its usage only if the request has stream_options.include_usage"}},
		{"/openai_passthrough/v1/responses", `{"model":"gpt-4o","stream":true}`, "", passedLine{Model: "openai/gpt-4o", Stream: true, Prompt: 4, Completion: 2}},
		{"/azure/openai/deployments/mine/chat/completions", `{}`, "0.00003", passedLine{Model: "azure/mine", Prompt: 4, Completion: 2}},
		{"/gemini/v1beta/models/gemini-2.5-pro:generateContent", `{}`, "0.000025", passedLine{Model: "gemini/gemini-2.5-pro", Prompt: 4, Completion: 2}},
		{"/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent", `{}`, "", passedLine{Model: "gemini/gemini-2.5-pro", Stream: true, Prompt: 4, Completion: 2}},
		{"/cohere/v2/rerank", `{"model":"rerank-v3.5"}`, "0.002", passedLine{Model: "cohere/rerank-v3.5"}},
		{"/openai/v1/fine_tuning/jobs", `{"model":"gpt-4o"}`, "", passedLine{Model: "openai", Unknown: "the path is not one of an API whose usage the gateway reads"}},
	}
	for _, tt := range tests {
		sent := httpBody(t, v, tt.body, tt.path)
		r := g.send(t, http.MethodPost, tt.path, tt.body, map[string]string{"Authorization": "Bearer " + masterKey, "Content-Type": "application/json"})
		if r.status != http.StatusOK || r.body != sent || r.header.Get("X-Outcrop-Cost") != tt.cost {
			t.Errorf("%s: %d, cost %q, %s", tt.path, r.status, r.header.Get("X-Outcrop-Cost"), r.body)
		}
	}
	metrics := g.send(t, http.MethodGet, "/metrics", "", map[string]string{"Authorization": "Bearer " + masterKey}).body
	for _, want := range []string{
		`outcrop_tokens_total{kind="input",model="openai"} 12`, `outcrop_tokens_total{kind="output",model="gemini"} 4`, `outcrop_cost_usd_total{model="gemini"} 5e-05`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	g.stop(t)
	lines := g.passedLines(t)
	if len(lines) != len(tests) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, tt := range tests {
		got := lines[i]
		if known := got.Cost != nil; known != (tt.want.Unknown == "") {
			t.Errorf("%s: cost %v", tt.path, got.Cost)
		}
		got.Cost, got.Msg = nil, ""
		if got != tt.want {
			t.Errorf("%s: logged %+v, want %+v", tt.path, got, tt.want)
		}
	}
}

// httpBody is the body with which the provider itself answers a request.
func httpBody(t *testing.T, v *vendor, body, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Path = strings.TrimPrefix(path, "/cohere")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A response that breaks off before anything of it has been sent is an error in the client's dialect, a large
// one is not held, and a client that leaves a stream is not charged for what was not reported.
func TestPassThroughMetersWhatBreaksOff(t *testing.T) {
	gone := make(chan struct{})
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		switch {
		case strings.Contains(string(c.Body), "cut"):
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"usage":{"input_tokens":4`)
		case strings.Contains(string(c.Body), "large"):
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"content":"`+strings.Repeat("x", 1<<20)+`","stop_reason":"end_turn","usage":{"input_tokens":4,"output_tokens":2}}`)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":4,\"output_tokens\":1}}}\n\n")
			_ = http.NewResponseController(w).Flush()
			<-gone
		}
	})
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL), "", nil)
	key := map[string]string{"X-Api-Key": masterKey, "Content-Type": "application/json"}
	r := g.send(t, http.MethodPost, "/anthropic//v1/messages", `{"model":"claude-sonnet-4-5","x":"cut"}`, key)
	if r.status != http.StatusBadGateway || !strings.Contains(r.body, `"type":"error"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	r = g.send(t, http.MethodPost, "/anthropic//v1/messages", `{"model":"claude-sonnet-4-5","x":"large"}`, key)
	if r.status != http.StatusOK || len(r.body) < 1<<20 {
		t.Errorf("%d, %d bytes", r.status, len(r.body))
	}
	resp := g.begin(t, http.MethodPost, "/anthropic//v1/messages", `{"model":"claude-sonnet-4-5","stream":true}`, key)
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Error(err)
	}
	_ = resp.Body.Close()
	g.stop(t)
	close(gone)
	lines := g.passedLines(t)
	const cut = "the response ended before its last usage"
	if len(lines) != 3 || lines[0].Unknown != cut || lines[0].Prompt != 0 || lines[1].Unknown != "" || lines[1].Prompt != 4 || lines[1].Completion != 2 || lines[2].Unknown != cut || lines[2].Prompt != 4 {
		t.Errorf("logged %+v", lines)
	}
}

// TestOpenAISDKForPythonPassesThrough calls OpenAI's own API by its SDK.
func TestOpenAISDKForPythonPassesThrough(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	v := startVendor(t, meteredAPI)
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL), "", nil)
	c.run(t, "pass_through.py", []string{"a chat, with its cost in a header", "a streamed chat", "a streamed response", "embeddings"},
		"BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=gpt-4o", "RETRIED=gpt-4o")
	g.stop(t)
	lines := g.passedLines(t)
	for i, l := range lines {
		if l.Prompt != 4 || l.Cost == nil || l.Unknown != "" || i < 3 && l.Completion != 2 {
			t.Errorf("call %d: %+v", i, l)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines", len(lines))
	}
}

// Keys ask models by providers' own APIs within their lists, limits and budgets, and what it costs is in the books.
func TestPassThroughOfKeysIsBounded(t *testing.T) {
	v := startVendor(t, meteredAPI)
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL), "", nil)
	defer g.stop(t)
	admin := map[string]string{"Authorization": "Bearer " + masterKey, "Content-Type": "application/json"}
	newKey := func(doc string) map[string]string {
		t.Helper()
		var made struct {
			Key string `json:"key"`
		}
		r := g.send(t, http.MethodPost, "/key/generate", doc, admin)
		if err := jsonx.Unmarshal([]byte(r.body), &made); err != nil || made.Key == "" {
			t.Fatal(r.status, r.body)
		}
		return map[string]string{"Authorization": "Bearer " + made.Key, "Content-Type": "application/json"}
	}
	const chat, files = "/openai_passthrough/v1/chat/completions", "/openai_passthrough/v1/files"
	const ask = `{"model":"gpt-4o","max_tokens":2}`
	spent := func(key map[string]string) float64 {
		t.Helper()
		var info struct {
			Info struct {
				Spend float64 `json:"spend"`
			} `json:"info"`
		}
		r := g.send(t, http.MethodGet, "/key/info?key="+strings.TrimPrefix(key["Authorization"], "Bearer "), "", admin)
		if err := jsonx.Unmarshal([]byte(r.body), &info); err != nil {
			t.Fatal(r.status, r.body)
		}
		return info.Info.Spend
	}

	key := newKey(`{"models":["openai/gpt-4o"],"max_budget":0.00005}`)
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{http.MethodPost, chat, ask, 200, "granite"},
		{http.MethodPost, chat, `{"model":"gpt-4o-mini"}`, 403, "gpt-4o-mini"},
		{http.MethodPost, chat, `{}`, 403, "names no model"},
		{http.MethodGet, files, "", 403, "allowed_routes"},
		{http.MethodPost, "/openai_passthrough/v1/fine_tuning/jobs", `{"model":"gpt-4o"}`, 403, "allowed_routes"},
		{http.MethodPost, chat, ask, 200, "granite"}, // with the rest of the budget
		{http.MethodPost, chat, ask, 422, "budget"},
	} {
		if r := g.send(t, tt.method, tt.path, tt.body, key); r.status != tt.status || !strings.Contains(r.body, tt.says) {
			t.Errorf("%s %s: %d %s, want %d", tt.path, tt.body, r.status, r.body, tt.status)
		}
	}
	eventually(t, "two calls are in the books", func() bool { return spent(key) == 0.00006 })

	limited := newKey(`{"rpm_limit":1}`)
	for _, status := range []int{200, 429} {
		if r := g.send(t, http.MethodPost, chat, ask, limited); r.status != status {
			t.Errorf("%d %s, want %d", r.status, r.body, status)
		}
	}
	untold := newKey(`{}`)
	if r := g.send(t, http.MethodPost, chat, `{"model":"gpt-4o","stream":true}`, untold); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	eventually(t, "a stream that does not say what it has used is in the books", func() bool { return spent(untold) > 0 })

	wide := newKey(`{"allowed_routes":["/openai_passthrough/*"]}`)
	if r := g.send(t, http.MethodGet, files, "", wide); r.status != 200 {
		t.Errorf("a key whose routes name the path: %d %s", r.status, r.body)
	}
}
