package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
)

// TestHeadersOfClientsGoOn has two models of an upstream that notes the headers of calls, in both ways that a body takes: as it
// is, and translated.
func TestHeadersOfClientsGoOnWhereTheOperatorWantsIt(t *testing.T) {
	var mu sync.Mutex
	var last http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		last = r.Header.Clone()
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/messages") {
			_, _ = io.WriteString(w, `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer server.Close()
	models := `  - {model_name: slate, litellm_params: {model: openai/m, api_base: "` + server.URL + `/v1", api_key: k}}
  - {model_name: chalk, litellm_params: {model: anthropic/m, api_base: "` + server.URL + `", api_key: k}}
`
	for _, tt := range []struct{ settings, slate, chalk string }{
		{"", "", ""},
		{"general_settings: {master_key: sk-master, forward_client_headers_to_llm_api: true}\n", "red", "red"},
		{"general_settings: {master_key: sk-master}\nlitellm_settings: {model_group_settings: {forward_client_headers_to_llm_api: [\"ch*\"]}}\n", "", "red"},
	} {
		a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, models+tt.settings)})
		for model, want := range map[string]string{"slate": tt.slate, "chalk": tt.chalk} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(strings.Replace(basalt, "basalt", model, 1)))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Authorization": "Bearer sk-master", "X-Team-Colour": "red", "X-Api-Key": "sk-master", "X-Litellm-Tags": "a", "X-Forwarded-For": "203.0.113.1", "Content-Type": "application/json"} {
				req.Header.Set(name, value)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := read(t, resp); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			mu.Lock()
			got := last
			mu.Unlock()
			if got.Get("X-Team-Colour") != want || got.Get("X-Litellm-Tags") != "" || got.Get("X-Forwarded-For") != "" {
				t.Errorf("%s with %q: %v", model, tt.settings, got)
			}
			for name, values := range got {
				if strings.Contains(strings.Join(values, " "), "sk-master") {
					t.Errorf("the gateway's key goes on in %s", name)
				}
			}
		}
	}
}

// TestStreamsEndWithTheirUsage has an upstream that reports the usage if it is asked for it.
func TestStreamsEndWithTheirUsageIfTheOperatorWantsIt(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`+"\n\n")
		if strings.Contains(string(body), `"include_usage":true`) {
			_, _ = io.WriteString(w, `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`+"\n\n")
		}
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}))
	defer server.Close()
	model := `  - {model_name: slate, litellm_params: {model: openai/m, api_base: "` + server.URL + `/v1", api_key: k}}` + "\n"
	for setting, usage := range map[string]bool{"false": false, "true": true} {
		a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, model+"general_settings: {master_key: sk-master, always_include_stream_usage: "+setting+"}\n")})
		for options, always := range map[string]bool{"": false, `,"stream_options":{"include_usage":false}`: false, `,"stream_options":{"include_usage":true}`: true} {
			want := always || usage && options == ""
			status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"slate","stream":true,"messages":[{"role":"user","content":"hi"}]`+options+`}`)
			if status != 200 || strings.Contains(body, `"total_tokens":2`) != want {
				t.Errorf("%s%s: %d %s", setting, options, status, body)
			}
		}
	}
}
