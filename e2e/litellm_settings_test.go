package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// namingVendor is a vendor of OpenAI's API that answers every call, and from which a test learns which model and which last text it has been
// sent.
func namingVendor(t *testing.T) *vendor {
	t.Helper()
	return startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(c.Path, "/moderations"):
			fmt.Fprint(w, `{"id":"m1","model":"m","results":[{"flagged":false,"categories":{},"category_scores":{}}]}`)
		case strings.HasSuffix(c.Path, "/images/generations"):
			fmt.Fprint(w, `{"created":1,"data":[{"b64_json":"aGVsbG8="}]}`)
		case strings.HasSuffix(c.Path, "/embeddings"):
			fmt.Fprint(w, `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`)
		case strings.HasSuffix(c.Path, "/responses"):
			fmt.Fprint(w, `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"hello","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}`)
		case strings.HasSuffix(c.Path, "/completions") && !strings.HasSuffix(c.Path, "/chat/completions"):
			fmt.Fprint(w, `{"id":"c1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"hello","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		default:
			fmt.Fprint(w, `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}
	})
}

// posts sends a body to a gateway, and returns the status.
func posts(t *testing.T, address, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+masterKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestModelsThatReplaceOthersAreLiteLLMs sends calls to both gateways, and compares which model their vendor gets.
func TestModelsThatReplaceOthersAreLiteLLMs(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	v := namingVendor(t)
	var config strings.Builder
	config.WriteString("model_list:\n")
	for _, name := range []string{"chat", "other", "image", "judge"} {
		fmt.Fprintf(&config, "  - {model_name: %s, litellm_params: {model: openai/%s-upstream, api_base: %q, api_key: %s}}\n", name, name, v.URL+"/v1", vendorSecret)
	}
	fmt.Fprintf(&config, "general_settings: {master_key: %s, completion_model: chat, image_generation_model: image, moderation_model: judge}\n", masterKey)
	proxy, own := program.Start(t, config.String(), nil), startGateway(t, config.String(), "").URL()
	v.taken()
	for _, c := range []struct{ path, body, better string }{
		{path: "/v1/chat/completions", body: `{"model":"other","messages":[{"role":"user","content":"hi"}]}`},
		{path: "/v1/chat/completions", body: `{"messages":[{"role":"user","content":"hi"}]}`},
		{path: "/v1/chat/completions", body: `{"model":"not there","messages":[{"role":"user","content":"hi"}]}`},
		{path: "/openai/deployments/other/chat/completions", body: `{"messages":[{"role":"user","content":"hi"}]}`},
		{path: "/v1/completions", body: `{"model":"other","prompt":"hi"}`},
		{path: "/v1/completions", body: `{"prompt":"hi"}`},
		{path: "/v1/responses", body: `{"model":"other","input":"hi"}`},
		{path: "/v1/messages", body: `{"model":"other","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		{path: "/v1/images/generations", body: `{"model":"other","prompt":"hi"}`},
		{path: "/v1/moderations", body: `{"model":"other","input":"hi"}`},
		{path: "/v1/embeddings", body: `{"model":"other","input":"hi"}`, better: "other-upstream"}, // a model of chats has no embeddings
	} {
		models := [2]string{}
		for i, address := range []string{proxy, own} {
			status := posts(t, address, c.path, c.body)
			for _, call := range v.taken() {
				var body struct {
					Model string `json:"model"`
				}
				if err := jsonx.Unmarshal(call.Body, &body); err != nil {
					t.Errorf("%s: %v", call.Path, err)
				}
				models[i] += body.Model
			}
			if i == 1 && status != http.StatusOK {
				t.Errorf("%s %s: Outcrop answers with %d", c.path, c.body, status)
			}
		}
		want := models[0]
		if c.better != "" {
			want = c.better
		}
		if models[1] != want || want == "" {
			t.Errorf("%s %s: LiteLLM calls %q, Outcrop %q", c.path, c.body, models[0], models[1])
		}
	}
}

// TestPipelinesAreLiteLLMs sends texts to both gateways, and compares what becomes of them.
func TestPipelinesAreLiteLLMs(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	v := namingVendor(t)
	var config strings.Builder
	config.WriteString("model_list:\n")
	for _, name := range []string{"milder", "hard", "masked", "lets", "none", "kept", "plain"} {
		fmt.Fprintf(&config, "  - {model_name: %s, litellm_params: {model: openai/upstream, api_base: %q, api_key: %s}}\n", name, v.URL+"/v1", vendorSecret)
	}
	fmt.Fprintf(&config, `general_settings: {master_key: %s}
guardrails:
  - {guardrail_name: strict, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: granite, action: BLOCK}, {keyword: slate, action: BLOCK}]}}
  - {guardrail_name: mild, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: granite, action: BLOCK}]}}
  - {guardrail_name: mask, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, default_on: true, blocked_words: [{keyword: basalt, action: MASK}, {keyword: tuff, action: BLOCK}]}}
policies:
  milder:
    guardrails: {add: [strict, mild]}
    pipeline: {mode: pre_call, steps: [{guardrail: strict, on_fail: next}, {guardrail: mild}]}
  hard:
    guardrails: {add: [strict, mild]}
    pipeline: {mode: pre_call, steps: [{guardrail: mild, on_pass: next}, {guardrail: strict, on_pass: allow, on_fail: block}]}
  masked:
    guardrails: {add: [mask, strict]}
    pipeline: {mode: pre_call, steps: [{guardrail: mask, on_pass: next, pass_data: true}, {guardrail: strict}]}
  lets:
    guardrails: {add: [mask, strict]}
    pipeline: {mode: pre_call, steps: [{guardrail: mask, on_fail: allow, pass_data: true}]}
  kept:
    guardrails: {add: [mask, strict]}
    pipeline: {mode: pre_call, steps: [{guardrail: mask, on_pass: next, pass_data: false}, {guardrail: strict}]}
  none:
    guardrails: {add: [strict]}
    pipeline: {mode: pre_call, steps: [{guardrail: strict, on_pass: block, on_fail: block}]}
policy_attachments:
  - {policy: milder, models: [milder]}
  - {policy: hard, models: [hard]}
  - {policy: masked, models: [masked]}
  - {policy: lets, models: [lets]}
  - {policy: none, models: [none]}
  - {policy: kept, models: [kept]}
`, masterKey)
	proxy, own := program.Start(t, config.String(), nil), startGateway(t, config.String(), "").URL()
	v.taken()
	seen := map[string]bool{}
	for _, model := range []string{"milder", "hard", "masked", "lets", "none", "kept", "plain"} {
		for _, text := range []string{"hello", "slate", "granite", "basalt", "tuff", "basalt and slate"} {
			outcomes := [2]string{}
			for i, address := range []string{proxy, own} {
				outcomes[i] = fmt.Sprint(posts(t, address, "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]}`, model, text)))
				for _, call := range v.taken() {
					var body struct {
						Messages []struct {
							Content string `json:"content"`
						} `json:"messages"`
					}
					if err := jsonx.Unmarshal(call.Body, &body); err != nil || len(body.Messages) != 1 {
						t.Errorf("%v: %s", err, call.Body)
						continue
					}
					outcomes[i] += " sent " + body.Messages[0].Content
				}
			}
			seen[outcomes[1]] = true
			if outcomes[0] != outcomes[1] {
				t.Errorf("%q with the policy %s: LiteLLM %s, Outcrop %s", text, model, outcomes[0], outcomes[1])
			}
		}
	}
	for _, want := range []string{"200 sent hello", "200 sent slate", "200 sent tuff", "200 sent [KEYWORD_REDACTED]", "400"} {
		if !seen[want] {
			t.Errorf("nothing has become of a text as in %q: %v", want, seen)
		}
	}
}

// TestResponsesOfPipelinesAreLiteLLMs compares what both say in place of the model.
func TestResponsesOfPipelinesAreLiteLLMs(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	v := namingVendor(t)
	config := fmt.Sprintf(`model_list: [{model_name: chat, litellm_params: {model: openai/upstream, api_base: %q, api_key: %s}}]
general_settings: {master_key: %s}
guardrails:
  - {guardrail_name: strict, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: granite, action: BLOCK}]}}
policies:
  kind:
    guardrails: {add: [strict]}
    pipeline: {mode: pre_call, steps: [{guardrail: strict, on_fail: modify_response, modify_response_message: Ask about sand.}]}
policy_attachments: [{policy: kind, scope: "*"}]
`, v.URL+"/v1", vendorSecret, masterKey)
	proxy, own := program.Start(t, config, nil), startGateway(t, config, "").URL()
	v.taken()
	for _, c := range []struct{ path, body, end string }{
		{"/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"granite"}]}`, "finish_reason"},
		{"/v1/messages", `{"model":"chat","max_tokens":9,"messages":[{"role":"user","content":"granite"}]}`, "stop_reason"},
		{"/v1/responses", `{"model":"chat","input":"granite"}`, "status"},
	} {
		var outcomes [2]string
		for i, address := range []string{proxy, own} {
			got := ask(t, address, http.MethodPost, c.path, masterKey, c.body)
			found := regexp.MustCompile(`"(?:content|text|role|input_tokens|output_tokens|prompt_tokens|completion_tokens|`+c.end+`)": ?(?:"[^"]*"|[0-9]+)`).FindAllString(string(got.body), -1)
			slices.Sort(found)
			outcomes[i] = fmt.Sprint(got.status, found)
		}
		if outcomes[0] != outcomes[1] || !strings.Contains(outcomes[1], "Ask about sand.") {
			t.Errorf("%s: LiteLLM %s, Outcrop %s", c.path, outcomes[0], outcomes[1])
		}
	}
	if calls := v.taken(); len(calls) > 0 {
		t.Errorf("the model was asked %d times", len(calls))
	}
}
