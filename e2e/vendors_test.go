package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/internal/jsonx"
)

// vendorSecret is the key that the gateways of these tests have for a vendor.
const vendorSecret = "sk-e2e-vendor-granite"

// vendor is the API of a model's vendor, which records what it receives.
type vendor struct {
	*httptest.Server
	mu   sync.Mutex
	sent []vendorCall
}

// vendorCall is a request that a vendor received.
type vendorCall struct {
	Path   string      `json:"path"`
	Header http.Header `json:"-"`
	Body   jsonx.Raw   `json:"body"`
}

// startVendor serves an API until the test ends.
func startVendor(t *testing.T, serve func(w http.ResponseWriter, c vendorCall)) *vendor {
	t.Helper()
	v := &vendor{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c := vendorCall{Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
		v.mu.Lock()
		v.sent = append(v.sent, c)
		v.mu.Unlock()
		serve(w, c)
	}))
	t.Cleanup(v.Close)
	return v
}

// taken returns what has been received since the last call.
func (v *vendor) taken() []vendorCall {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := v.sent
	v.sent = nil
	return out
}

// anthropicAPI answers like Anthropic's API.
func anthropicAPI(w http.ResponseWriter, c vendorCall) {
	w.Header().Set("Request-Id", "req_e2e")
	var req struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	_ = json.Unmarshal(c.Body, &req)
	usage := `"usage":{"input_tokens":11,"output_tokens":3,"cache_read_input_tokens":2}`
	switch {
	case strings.HasSuffix(c.Path, "/count_tokens"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"input_tokens":11}`)
	case !req.Stream:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"id":"msg_1","type":"message","role":"assistant","model":%q,"content":[{"type":"text","text":"It is granite."}],"stop_reason":"end_turn","stop_sequence":null,%s}`, req.Model, usage)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range []string{
			fmt.Sprintf(`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":%q,"content":[],"stop_reason":null,%s}}`, req.Model, usage),
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It is "}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"granite."}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}`,
			`{"type":"message_stop"}`,
		} {
			kind, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
			_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, e)
		}
	}
}

// TestAnthropicServesChatAndMessages calls a model of Anthropic's own API by OpenAI's and by
// Anthropic's dialect, each whole and streamed.
func TestAnthropicServesChatAndMessages(t *testing.T) {
	v := startVendor(t, anthropicAPI)
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
model_list:
  - {model_name: granite, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: "anthropic/*", litellm_params: {model: "anthropic/*", api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
`, "", nil)
	for _, tt := range []struct{ name, path, body, upstream, want string }{
		{"chat", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`, "/v1/messages", `"content":"It is granite."`},
		{"chat streamed", "/v1/chat/completions", `{"model":"granite","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}`, "/v1/messages", `"prompt_tokens":13`},
		{"messages", "/v1/messages", `{"model":"granite","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, "/v1/messages", `"text":"It is granite."`},
		{"messages streamed", "/v1/messages", `{"model":"anthropic/claude-opus-4-5","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}`, "/v1/messages", "event: message_stop"},
		{"count", "/v1/messages/count_tokens", `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`, "/v1/messages/count_tokens", `{"input_tokens":11}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v.taken()
			r := g.do(t, http.MethodPost, tt.path, tt.body)
			if r.status != http.StatusOK || !strings.Contains(r.body, tt.want) {
				t.Fatalf("%d %s", r.status, r.body)
			}
			sent := v.taken()
			if len(sent) != 1 || sent[0].Path != tt.upstream || sent[0].Header.Get("X-Api-Key") != vendorSecret {
				t.Fatalf("sent %+v", sent)
			}
			var body struct{ Model string }
			if err := json.Unmarshal(sent[0].Body, &body); err != nil || !strings.HasPrefix(body.Model, "claude-") {
				t.Errorf("sent %s", sent[0].Body)
			}
			if to := r.header.Get("X-Outcrop-Target"); !strings.HasPrefix(to, "api=messages; id=claude-") {
				t.Errorf("target %q", to)
			}
		})
	}
	g.stop(t)
	if log := g.log.text.String(); strings.Contains(log, vendorSecret) || !strings.Contains(log, `"prompt_tokens":13`) {
		t.Errorf("logged %s", log)
	}
}
