package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
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
	Method string      `json:"-"`
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
		c := vendorCall{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
		if !strings.HasSuffix(c.Path, "/models?limit=1000") { // the list that the gateway reads at its start
			v.mu.Lock()
			v.sent = append(v.sent, c)
			v.mu.Unlock()
		}
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
			if to := r.header.Get("X-Outcrop-Target"); !strings.HasPrefix(to, "provider=anthropic; api=messages; id=claude-") {
				t.Errorf("target %q", to)
			}
		})
	}
	g.stop(t)
	if log := g.log.text.String(); strings.Contains(log, vendorSecret) || !strings.Contains(log, `"prompt_tokens":13`) {
		t.Errorf("logged %s", log)
	}
}

// geminiAPI answers like Gemini's API.
func geminiAPI(w http.ResponseWriter, c vendorCall) {
	const usage = `"usageMetadata":{"promptTokenCount":13,"cachedContentTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":16},"modelVersion":"gemini-2.5-flash","responseId":"r1"`
	piece := func(text, finish string) string {
		return `{"candidates":[{"content":{"role":"model","parts":[{"text":"` + text + `"}]}` + finish + `,"index":0}],` + usage + `}`
	}
	const stop = `,"finishReason":"STOP"`
	w.Header().Set("Content-Type", "application/json")
	switch path, query, _ := strings.Cut(c.Path, "?"); {
	case strings.HasSuffix(path, ":countTokens"):
		_, _ = io.WriteString(w, `{"totalTokens":11}`)
	case strings.HasSuffix(path, ":batchEmbedContents"):
		_, _ = io.WriteString(w, `{"embeddings":[{"values":[0.25,0.5]}]}`)
	case strings.HasSuffix(path, ":generateContent"):
		_, _ = io.WriteString(w, piece("It is granite.", stop))
	case strings.HasSuffix(path, ":streamGenerateContent") && query == "alt=sse":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: "+piece("It is ", "")+"\r\n\r\ndata: "+piece("granite.", stop)+"\r\n\r\n")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestGeminiServesChatAndMessages calls a Gemini by OpenAI's and by Anthropic's dialect, each whole and
// streamed, and by those that count and embed.
func TestGeminiServesChatAndMessages(t *testing.T) {
	v := startVendor(t, geminiAPI)
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
model_list:
  - {model_name: granite, litellm_params: {model: gemini/gemini-2.5-flash, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: vectors, litellm_params: {model: gemini/gemini-embedding-001, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
`, "", nil)
	for _, tt := range []struct{ name, path, body, operation, want string }{
		{"chat", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`, ":generateContent", `"content":"It is granite."`},
		{"chat streamed", "/v1/chat/completions", `{"model":"granite","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}`, ":streamGenerateContent?alt=sse", `"prompt_tokens":13`},
		{"messages", "/v1/messages", `{"model":"granite","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, ":generateContent", `"text":"It is granite."`},
		{"messages streamed", "/v1/messages", `{"model":"granite","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}`, ":streamGenerateContent?alt=sse", "event: message_stop"},
		{"count", "/v1/messages/count_tokens", `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`, ":countTokens", `{"input_tokens":11}`},
		{"embeddings", "/v1/embeddings", `{"model":"vectors","input":["Hi"],"encoding_format":"float"}`, ":batchEmbedContents", `[0.25,0.5]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v.taken()
			r := g.do(t, http.MethodPost, tt.path, tt.body)
			if r.status != http.StatusOK || !strings.Contains(r.body, tt.want) {
				t.Fatalf("%d %s", r.status, r.body)
			}
			sent := v.taken()
			if len(sent) != 1 || !strings.HasPrefix(sent[0].Path, "/v1beta/models/gemini-") || !strings.HasSuffix(sent[0].Path, tt.operation) || sent[0].Header.Get("X-Goog-Api-Key") != vendorSecret {
				t.Fatalf("sent %+v", sent)
			}
		})
	}
	g.stop(t)
	if log := g.log.text.String(); strings.Contains(log, vendorSecret) || !strings.Contains(log, `"prompt_tokens":13`) {
		t.Errorf("logged %s", log)
	}
}

// sdkRequests are requests in OpenAI's and in Anthropic's dialect that use much of them.
func sdkRequests(model string) map[string][]string {
	const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	const tool = `"parameters":{"type":"object","properties":{"rock":{"type":"string"}},"required":["rock"]}`
	chat := []string{
		`"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}],"temperature":0.5,"stop":["END"],"max_tokens":100,"user":"u-1"`,
		`"messages":[{"role":"user","content":"Find."},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"find","arguments":"{\"rock\":\"a\"}"}},{"id":"call_2","type":"function","function":{"name":"find","arguments":"{\"rock\":\"b\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"1 kg"},{"role":"tool","tool_call_id":"call_2","content":"2 kg"}],"tools":[{"type":"function","function":{"name":"find","description":"Finds.",` + tool + `}}],"tool_choice":"required","parallel_tool_calls":false`,
		`"messages":[{"role":"user","content":"Name one."}],"response_format":{"type":"json_schema","json_schema":{"name":"rock","strict":true,"schema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}`,
		`"messages":[{"role":"user","content":"Name one."}],"response_format":{"type":"json_object"}`,
		`"messages":[{"role":"user","content":"Think."}],"reasoning_effort":"high"`,
		`"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}},{"type":"text","text":"Read."}]}]`,
	}
	messages := []string{
		`"max_tokens":100,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}},{"type":"text","text":"What?"}]}],"top_k":5,"metadata":{"user_id":"u-1"}`,
		`"max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Find."},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"find","input":{"rock":"a"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"1 kg"}],"is_error":true}]}],"tools":[{"name":"find","description":"Finds.","input_schema":{"type":"object","properties":{"rock":{"type":"string"}}}}]`,
	}
	out := map[string][]string{}
	for path, all := range map[string][]string{"/v1/chat/completions": chat, "/v1/messages": messages} {
		for _, body := range all {
			for _, stream := range []string{"", `,"stream":true`} {
				out[path] = append(out[path], `{"model":"`+model+`",`+body+stream+"}")
			}
		}
	}
	counted, _, _ := strings.Cut(strings.TrimPrefix(messages[0], `"max_tokens":100,`), `,"top_k"`)
	out["/v1/messages/count_tokens"] = []string{`{"model":"` + model + `",` + counted + "}"}
	return out
}

// TestBodiesForVendorsAreOfTheirSDKsTypes judges what reaches Anthropic and Gemini by the types of their
// own SDKs.
func TestBodiesForVendorsAreOfTheirSDKsTypes(t *testing.T) {
	for _, tt := range []struct {
		folder string
		models []string
		serve  func(w http.ResponseWriter, c vendorCall)
	}{
		{"anthropic", []string{"anthropic/claude-sonnet-4-5", "anthropic/claude-opus-4-6", "anthropic/claude-opus-5", "anthropic/claude-3-5-haiku-20241022"}, anthropicAPI},
		{"google", []string{"gemini/gemini-2.5-pro", "gemini/gemini-3-flash"}, geminiAPI},
	} {
		t.Run(tt.folder, func(t *testing.T) {
			c := venv(t, tt.folder, tt.folder)
			v := startVendor(t, tt.serve)
			var calls bytes.Buffer
			count := 0
			for _, model := range tt.models {
				g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
litellm_settings: {drop_params: true}
model_list:
  - {model_name: granite, litellm_params: {model: `+model+`, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
`, "", nil)
				for path, bodies := range sdkRequests("granite") {
					for _, body := range bodies {
						if r := g.do(t, http.MethodPost, path, body); r.status != http.StatusOK {
							t.Errorf("%s %s: %d %s", path, body, r.status, r.body)
						}
					}
				}
				g.stop(t)
				for _, sent := range v.taken() {
					line, err := json.Marshal(map[string]any{"path": sent.Path, "body": json.RawMessage(sent.Body)})
					if err != nil {
						t.Fatal(err)
					}
					calls.Write(append(line, '\n'))
					count++
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
			defer cancel()
			judge := exec.CommandContext(ctx, c.interpreter, "judge_requests.py")
			judge.Dir, judge.Stdin = "sdks/"+tt.folder, &calls
			var log bytes.Buffer
			judge.Stderr = &log
			found, err := judge.Output()
			if err != nil || !strings.Contains(log.String(), fmt.Sprintf("judged %d\n", count)) {
				t.Fatalf("%v: %s", err, log.String())
			}
			if len(found) > 0 {
				t.Errorf("of %d bodies:\n%s", count, found)
			}
		})
	}
}
