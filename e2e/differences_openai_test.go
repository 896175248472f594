package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/internal/jsonx"
)

// vendorConfig is a configuration with a model of each of some vendors, at a fake of OpenAI's API.
func vendorConfig(upstream string) string {
	var b strings.Builder
	b.WriteString("model_list:\n")
	for _, vendor := range comparedVendors() {
		fmt.Fprintf(&b, "  - model_name: %[1]s\n    litellm_params: {model: %[1]s/rock-1, api_base: %[2]q, api_key: sk-upstream-0123456789, num_retries: 0}\n", vendor, upstream+"/v1")
		fmt.Fprintf(&b, "  - model_name: %[1]s-drop\n    litellm_params: {model: %[1]s/rock-1, api_base: %[2]q, api_key: sk-upstream-0123456789, num_retries: 0, drop_params: true}\n", vendor, upstream+"/v1")
	}
	b.WriteString("general_settings: {master_key: " + masterKey + "}\nlitellm_settings: {num_retries: 0}\n")
	return b.String()
}

func comparedVendors() []string {
	return []string{"openai", "groq", "mistral", "deepseek", "hosted_vllm", "together_ai"}
}

// vendorRequests are requests by name: the members but for model and stream.
func vendorRequests() map[string]string {
	const said = `"messages":[{"role":"user","content":"Hi"}]`
	const tools = `,"tools":[{"type":"function","function":{"name":"find","description":"Finds.","parameters":{"type":"object","properties":{"rock":{"type":"string"}}}}}]`
	return map[string]string{
		"a text":                 said,
		"a system prompt":        `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]`,
		"a developer's prompt":   `"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"}]`,
		"parts":                  `"messages":[{"role":"user","content":[{"type":"text","text":"What"},{"type":"text","text":"is it?"}]}]`,
		"an image":               `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]}]`,
		"settings":               said + `,"temperature":0.5,"top_p":0.9,"stop":["END"],"max_tokens":50`,
		"max_completion_tokens":  said + `,"max_completion_tokens":50`,
		"seed":                   said + `,"seed":7`,
		"a user":                 said + `,"user":"u-1"`,
		"penalties":              said + `,"frequency_penalty":0.5,"presence_penalty":0.5`,
		"a tool":                 said + tools,
		"a forced tool":          said + tools + `,"tool_choice":{"type":"function","function":{"name":"find"}}`,
		"a required tool":        said + tools + `,"tool_choice":"required","parallel_tool_calls":false`,
		"a tool's result":        `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"find","arguments":"{\"rock\":\"granite\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"17 kg"}]` + tools,
		"a JSON schema":          said + `,"response_format":{"type":"json_schema","json_schema":{"name":"rock","strict":true,"schema":{"type":"object","properties":{"rock":{"type":"string"}},"required":["rock"],"additionalProperties":false}}}`,
		"JSON":                   said + `,"response_format":{"type":"json_object"}`,
		"an unknown member":      said + `,"brand_new":{"a":1}`,
		"extra_body":             said + `,"extra_body":{"min_p":0.1}`,
		"two choices":            said + `,"n":2`,
		"a stream without usage": said + `,"stream_options":{"include_usage":false}`,
	}
}

// recording is a fake of OpenAI's API that keeps the bodies that it got.
type recording struct {
	mu     sync.Mutex
	bodies []string
}

func (r *recording) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	if q.Method != http.MethodPost {
		_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
		return
	}
	r.mu.Lock()
	r.bodies = append(r.bodies, string(body))
	r.mu.Unlock()
	const usage = `{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}}`
	if !strings.Contains(string(body), `"stream":true`) && !strings.Contains(string(body), `"stream": true`) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"chatcmpl-9","object":"chat.completion","created":1,"model":"rock-1-2026","choices":[{"index":0,"message":{"role":"assistant","content":"granite","reasoning_content":"Hm."},"finish_reason":"stop"}],"usage":`+usage+`}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, choices := range []string{`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}`, `{"index":0,"delta":{"reasoning_content":"Hm."},"finish_reason":null}`, `{"index":0,"delta":{"content":"granite"},"finish_reason":null}`, `{"index":0,"delta":{},"finish_reason":"stop"}`} {
		_, _ = io.WriteString(w, `data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1,"model":"rock-1-2026","choices":[`+choices+`]}`+"\n\n")
	}
	_, _ = io.WriteString(w, `data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1,"model":"rock-1-2026","choices":[],"usage":`+usage+"}\n\ndata: [DONE]\n\n")
}

func (r *recording) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.bodies
	r.bodies = nil
	return all
}

// TestVendorsBesideLiteLLM sends the same chat requests for several vendors to LiteLLM and to Outcrop, and
// compares what the vendor gets and what the client gets. Where LiteLLM answers, Outcrop does, and no text,
// reasoning, finish reason or count of tokens differs.
func TestVendorsBesideLiteLLM(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	up := &recording{}
	server := httptest.NewServer(up)
	defer server.Close()
	text := vendorConfig(server.URL)
	proxy := program.Start(t, text, nil)
	own := startApp(t, text, "", nil).URL()
	requests, alike, refused := 0, 0, 0
	for _, vendor := range comparedVendors() {
		for _, name := range slices.Sorted(maps.Keys(vendorRequests())) {
			for _, model := range []string{vendor, vendor + "-drop"} {
				for _, stream := range []bool{false, true} {
					requests++
					theirs := askVendor(t, up, proxy, model, vendorRequests()[name], stream)
					ours := askVendor(t, up, own, model, vendorRequests()[name], stream)
					if wrong := compareVendor(t, theirs, ours); wrong != "" {
						t.Errorf("%s, %s, stream %t: %s", model, name, stream, wrong)
						continue
					}
					alike++
					if theirs.status != http.StatusOK && ours.status == http.StatusOK {
						refused++
					}
				}
			}
		}
	}
	t.Logf("%d requests, %d without an unexplained difference; LiteLLM refuses %d that Outcrop sends", requests, alike, refused)
}

// explainedVendor reports whether a member that the vendor gets differs for a known reason. theirs is
// LiteLLM's value and ours Outcrop's; empty if there is none.
func explainedVendor(path, theirs, ours string) bool {
	switch {
	case theirs == "" && ours == "null" || theirs == "null" && ours == "": // a null says nothing
	case path == "stream" && theirs == "false" && ours == "": // so does the default
	case path == "user" && theirs == "": // LiteLLM sends it only for models that it knows
	case strings.HasSuffix(path, ".role") && theirs == `"system"` && ours == `"developer"`: // likewise
	case path == "stream_options.include_usage" && (ours == "true" || ours == ""): // Outcrop counts the tokens of every stream, and sends no options of a stream without one
	case path == "n" && theirs == "": // LiteLLM drops what Mistral has
	case path == "max_tokens" || path == "max_completion_tokens": // two names of one limit; the vendor has both, or the one that Outcrop sends
	case path == "tool_choice" && theirs == `"any"` && ours == `"required"`: // Mistral has both
	case strings.Contains(path, ".content"): // LiteLLM joins texts without a space between them, and leaves out images that it thinks the vendor does not take
	case strings.HasSuffix(path, "_penalty") && theirs == "": // LiteLLM drops what Mistral has
	default:
		return false
	}
	return true
}

// vendorSide is what came of a request.
type vendorSide struct {
	status int
	text   string
	sent   []map[string]string
	answer map[string]string
}

func askVendor(t *testing.T, up *recording, url, model, members string, stream bool) vendorSide {
	t.Helper()
	up.taken()
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	body := `{"model":"` + model + `",` + members
	if stream {
		body += `,"stream":true`
	}
	resp := open(ctx, t, url, body+"}")
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	s := vendorSide{status: resp.StatusCode, text: string(raw), answer: map[string]string{}}
	for _, b := range up.taken() {
		flat := map[string]string{}
		flatten(t, "", jsonx.Raw(b), flat)
		s.sent = append(s.sent, flat)
	}
	docs := []string{s.text}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		docs = nil
		lines := bufio.NewScanner(strings.NewReader(s.text))
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "[DONE]" {
				docs = append(docs, data)
			}
		}
	}
	for _, doc := range docs {
		flat := map[string]string{}
		flatten(t, "", jsonx.Raw(doc), flat)
		for path, value := range flat {
			path = strings.Replace(path, ".delta.", ".message.", 1)
			switch {
			case strings.HasSuffix(path, ".content"), strings.HasSuffix(path, ".reasoning_content"):
				s.answer[path] = quoted(unquote(s.answer[path]) + unquote(value))
			case value != "null" && value != `""`:
				s.answer[path] = value
			}
		}
	}
	return s
}

// compareVendor returns what is wrong with ours beside theirs.
func compareVendor(t *testing.T, theirs, ours vendorSide) string {
	t.Helper()
	if theirs.status != http.StatusOK {
		return "" // they refuse it; the vendor has the last word with us
	}
	if ours.status != http.StatusOK {
		return fmt.Sprintf("LiteLLM answers, and Outcrop refuses: %s", ours.text)
	}
	var wrong []string
	if len(ours.sent) != len(theirs.sent) && !strings.Contains(ours.text, `"index":1`) {
		wrong = append(wrong, fmt.Sprintf("%d calls beside %d", len(ours.sent), len(theirs.sent)))
	}
	if len(ours.sent) > 0 && len(theirs.sent) > 0 {
		for _, path := range slices.Sorted(maps.Keys(merged(theirs.sent[0], ours.sent[0]))) {
			if a, b := theirs.sent[0][path], ours.sent[0][path]; a != b && !explainedVendor(path, a, b) {
				wrong = append(wrong, fmt.Sprintf("sent %s: %s beside LiteLLM's %s", path, b, a))
			}
		}
	}
	for _, path := range []string{"model", "choices[0].message.content", "choices[0].message.reasoning_content", "choices[0].finish_reason", "usage.prompt_tokens", "usage.completion_tokens", "usage.prompt_tokens_details.cached_tokens"} {
		if a, b := theirs.answer[path], ours.answer[path]; a != b {
			wrong = append(wrong, fmt.Sprintf("answered %s: %s beside LiteLLM's %s", path, b, a))
		}
	}
	return strings.Join(wrong, "; ")
}
