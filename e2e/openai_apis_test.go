package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// openAIAPIsConfig configures the gateway for OpenAI's APIs other than chat completions.
const openAIAPIsConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0}
model_list:
  - {model_name: instruct, litellm_params: {model: openai/gpt-3.5-turbo-instruct, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1", input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
  - {model_name: chatted, litellm_params: {model: openai/gpt-4o, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
`

// openAIAPIs answers like OpenAI's API. What it is not meant to get is a 500.
func openAIAPIs(w http.ResponseWriter, c vendorCall) {
	if c.Header.Get("Authorization") != "Bearer "+vendorSecret {
		http.Error(w, "not the vendor's key", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch path, _, _ := strings.Cut(c.Path, "?"); path {
	case "/v1/chat/completions":
		openAIChat(w, c)
	case "/v1/completions":
		openAICompletions(w, c)
	default:
		http.Error(w, "no such path: "+c.Path, http.StatusInternalServerError)
	}
}

// stream writes server-sent events, and the end mark.
func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range append(events, "[DONE]") {
		_, _ = fmt.Fprintf(w, "data: %s\n\n", e)
	}
}

func openAIChat(w http.ResponseWriter, c vendorCall) {
	var req struct{ Stream bool }
	_ = json.Unmarshal(c.Body, &req)
	const usage = `"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}`
	if !req.Stream {
		_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"It is granite.","refusal":null},"logprobs":null,"finish_reason":"stop"}],`+usage+`}`)
		return
	}
	chunk := func(choices, more string) string {
		return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[` + choices + `]` + more + `}`
	}
	stream(w,
		chunk(`{"index":0,"delta":{"role":"assistant","content":"It is "},"finish_reason":null}`, ""),
		chunk(`{"index":0,"delta":{"content":"granite."},"finish_reason":null}`, ""),
		chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`, ""),
		chunk("", ","+usage),
	)
}

// openAICompletions answers each prompt with granite.
func openAICompletions(w http.ResponseWriter, c vendorCall) {
	var req struct {
		Model    string
		Prompt   json.RawMessage
		N        int
		Echo     bool
		Logprobs *int
		Stream   bool
	}
	if err := json.Unmarshal(c.Body, &req); err != nil || req.Model != "gpt-3.5-turbo-instruct" {
		http.Error(w, "not a request", http.StatusInternalServerError)
		return
	}
	var prompts []json.RawMessage
	if json.Unmarshal(req.Prompt, &prompts) != nil {
		prompts = []json.RawMessage{req.Prompt}
	}
	const head = `{"id":"cmpl-1","object":"text_completion","created":1,"model":"gpt-3.5-turbo-instruct:20230824-v2","choices":[`
	const usage = `"usage":{"prompt_tokens":4,"completion_tokens":8,"total_tokens":12}`
	if strings.Contains(string(req.Prompt), "limit me") {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"Rate limit reached in the granite quarry.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)
		return
	}
	if req.Stream {
		piece := func(text, finish string) string {
			return head + fmt.Sprintf(`{"text":%q,"index":0,"logprobs":null,"finish_reason":%s}]}`, text, finish)
		}
		stream(w, piece("gran", "null"), piece("ite.", "null"), piece("", `"stop"`), head+"],"+usage+"}")
		return
	}
	var choices []string
	for _, p := range prompts {
		text := "granite."
		if req.Echo {
			var s string
			_ = json.Unmarshal(p, &s)
			text = s + " " + text
		}
		logprobs := "null"
		if req.Logprobs != nil {
			logprobs = `{"tokens":["granite"],"token_logprobs":[-0.1],"top_logprobs":[{"granite":-0.1}],"text_offset":[0]}`
		}
		for range max(1, req.N) {
			choices = append(choices, fmt.Sprintf(`{"text":%q,"index":%d,"logprobs":%s,"finish_reason":"stop"}`, text, len(choices), logprobs))
		}
	}
	_, _ = io.WriteString(w, head+strings.Join(choices, ",")+"],"+usage+"}")
}

// TestOpenAISDKForPythonWithOtherAPIs calls OpenAI's APIs other than chat completions by its SDK.
func TestOpenAISDKForPythonWithOtherAPIs(t *testing.T) {
	c := python(t)
	v := startVendor(t, openAIAPIs)
	g := startApp(t, strings.ReplaceAll(openAIAPIsConfig, "UPSTREAM", v.URL), t.TempDir(), nil)
	c.run(t, "openai_apis.py", []string{
		"a text completion passes with logprobs, echo and several choices",
		"tokens and a suffix pass",
		"a streamed text completion passes, and has its usage only if asked",
		"a model for conversations completes texts, each prompt and choice by itself",
		"a model for conversations streams texts",
		"what a conversation cannot carry is refused by name, or dropped with a warning",
		"a refusal of a text completion has the vendor's words",
		"the Azure client's path names the model",
	}, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=instruct", "RETRIED=instruct")
	g.stop(t)
	log := g.log.text.String()
	if strings.Contains(log, vendorSecret) || strings.Contains(log, "granite.") {
		t.Errorf("the log has a secret or content: %s", log)
	}
	for _, call := range v.taken() {
		if strings.Contains(fmt.Sprint(call.Header)+string(call.Body), masterKey) {
			t.Errorf("the vendor got the gateway's key: %v", call.Header)
		}
	}
}
