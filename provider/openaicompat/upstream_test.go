package openaicompat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/upstream"
)

// vendor returns a built-in vendor.
func vendor(t testing.TB, name string) *openaicompat.Vendor {
	t.Helper()
	all, err := openaicompat.Vendors()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("there is no vendor %s", name)
	return nil
}

// open opens a deployment of a vendor.
func open(t testing.TB, v *openaicompat.Vendor, model string, values, environ map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return v.Providers()[0].Open(t.Context(), provider.Params{
		Model: model, Values: values, Upstream: client, Environ: func(name string) string { return environ[name] },
	})
}

func TestEveryKindOfVendorPassesTheSuite(t *testing.T) {
	for _, name := range []string{"openai", "groq", "mistral", "deepseek", "openrouter", "perplexity", "hosted_vllm", "moonshot", "cerebras"} {
		v := vendor(t, name)
		p := &providertest.Provider{
			Model: "rock-1", Dialect: llm.DialectOpenAI, Upstream: openAI{v},
			Open: func(base string) (provider.Deployment, error) {
				return open(t, v, "rock-1", map[string]string{"api_base": base + "/v1", "api_key": providertest.Key}, nil)
			},
		}
		if v.APIs.Responses != "" {
			p.Lanes = []providertest.Lane{{Dialect: llm.DialectResponses, Upstream: dialects.Responses{Model: "rock-1"}, NoStop: true}}
		}
		t.Run(name, func(t *testing.T) {
			for _, c := range providertest.Cases(p) {
				t.Run(c.Name, func(t *testing.T) {
					if err := c.Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// TestAnOptionalTopKIsLeftOut has a client that sends top_k to every model call vendors with and without it.
func TestAnOptionalTopKIsLeftOut(t *testing.T) {
	for name, keeps := range map[string]bool{"openai": false, "hosted_vllm": true} {
		var sent bytes.Buffer
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = sent.ReadFrom(r.Body)
			_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"rock-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		}))
		t.Cleanup(server.Close)
		d, err := open(t, vendor(t, name), "rock-1", map[string]string{"api_base": server.URL + "/v1", "api_key": providertest.Key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, "rock-1")
		if err != nil {
			t.Fatal(err)
		}
		chat, ok := targets[0].(provider.Chatter)
		if !ok {
			t.Fatalf("%s: %T does not chat", name, targets[0])
		}
		answer, err := chat.Complete(t.Context(), &llm.Request{TopK: llm.Some(int64(64)), SamplingOptional: true, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(sent.String(), `"top_k":64`) != keeps || (len(answer.Meta.Warnings) == 0) != keeps {
			t.Errorf("%s: sent %s, with %v", name, sent.String(), answer.Meta.Warnings)
		}
	}
}

// openAI speaks OpenAI's chat completions as an upstream, with a vendor's quirks, which it knows from
// the same data.
type openAI struct{ v *openaicompat.Vendor }

type object = map[string]any

func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func reason(s llm.StopReason) string {
	switch s {
	case llm.StopToolUse:
		return "tool_calls"
	case llm.StopMaxTokens:
		return "length"
	default:
		return "stop"
	}
}

func usage(a *providertest.Answer) object {
	return object{
		"prompt_tokens": a.Input, "completion_tokens": a.Output, "total_tokens": a.Input + a.Output,
		"prompt_tokens_details":     object{"cached_tokens": a.Cached},
		"completion_tokens_details": object{"reasoning_tokens": a.Thought},
	}
}

func (u openAI) Whole(a *providertest.Answer) string {
	m := object{"role": "assistant", "content": a.Text, "refusal": nil}
	if a.Reasoning != "" {
		m["reasoning_content"] = a.Reasoning
	}
	if len(a.Calls) > 0 {
		var calls []object
		for _, c := range a.Calls {
			calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": c.Arguments}})
		}
		m["tool_calls"] = calls
		if a.Text == "" {
			m["content"] = nil
		}
	}
	return text(object{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "rock-1-2026",
		"choices": []object{{"index": 0, "message": m, "finish_reason": reason(a.Stop), "logprobs": nil}}, "usage": usage(a), "system_fingerprint": "fp",
	})
}

func (u openAI) Events(a *providertest.Answer) []string {
	var out []string
	chunk := func(delta object, finish any) {
		out = append(out, "data: "+text(object{
			"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "rock-1-2026", "usage": nil,
			"choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}},
		})+"\n\n")
	}
	chunk(object{"role": "assistant", "content": ""}, nil)
	for _, part := range strings.SplitAfter(a.Reasoning, " ") {
		if part != "" {
			chunk(object{"reasoning_content": part}, nil)
		}
	}
	for _, part := range strings.SplitAfter(a.Text, " ") {
		if part != "" {
			chunk(object{"content": part}, nil)
		}
	}
	for i, c := range a.Calls {
		chunk(object{"tool_calls": []object{{"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""}}}}, nil)
		for _, part := range []string{c.Arguments[:1], c.Arguments[1:]} {
			chunk(object{"tool_calls": []object{{"index": i, "function": object{"arguments": part}}}}, nil)
		}
	}
	chunk(object{}, reason(a.Stop))
	out = append(out, "data: "+text(object{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "rock-1-2026", "choices": []object{}, "usage": usage(a)})+"\n\n")
	return append(out, "data: [DONE]\n\n")
}

func (openAI) Corrupt() string { return "data: {\"choices\":[{\"index\":0,\"delta\":{\"con\n\n" }

// sent is a request, with every member that the suite's requests have.
type sent struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
		Calls   []struct {
			ID       string `json:"id"`
			Type     string `json:"type"`
			Function struct {
				Name      string `json:"name"`
				Arguments string `json:"arguments"`
			} `json:"function"`
		} `json:"tool_calls"`
		CallID string `json:"tool_call_id"`
	} `json:"messages"`
	Tools []struct {
		Type     string `json:"type"`
		Function struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	MaxTokens           int64    `json:"max_tokens"`
	MaxCompletionTokens int64    `json:"max_completion_tokens"`
	Stop                []string `json:"stop"`
	Format              *struct {
		Type   string `json:"type"`
		Schema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Stream  bool `json:"stream"`
	Options *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Usage *struct {
		Include bool `json:"include"`
	} `json:"usage"`
}

func (u openAI) Asked(body []byte) (*providertest.Question, error) {
	var s sent
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, err
	}
	quirks := u.v.Quirks
	switch {
	case s.Model != "rock-1":
		return nil, fmt.Errorf("the model is %q", s.Model)
	case s.Stream && !quirks.NoStreamOptions && (s.Options == nil || !s.Options.IncludeUsage):
		return nil, errors.New("the stream does not ask for its usage")
	case s.Options != nil && (!s.Stream || quirks.NoStreamOptions):
		return nil, errors.New("it has stream_options, which the vendor refuses here")
	case s.MaxTokens > 0 && quirks.Rename["max_completion_tokens"] == "":
		return nil, errors.New("it has max_tokens, which is deprecated")
	case s.MaxCompletionTokens > 0 && quirks.Rename["max_completion_tokens"] != "":
		return nil, errors.New("it has max_completion_tokens, which the vendor does not have")
	}
	q := &providertest.Question{MaxTokens: s.MaxTokens + s.MaxCompletionTokens, Stop: s.Stop}
	for _, t := range s.Tools {
		if t.Type != "function" || t.Function.Description == "" || !json.Valid(t.Function.Parameters) {
			return nil, fmt.Errorf("a tool is %+v", t)
		}
		q.Tools = append(q.Tools, t.Function.Name)
	}
	if s.Format != nil {
		if s.Format.Type != "json_schema" || s.Format.Schema.Name == "" {
			return nil, fmt.Errorf("the format is %+v", s.Format)
		}
		q.Schema = string(s.Format.Schema.Schema)
	}
	for _, m := range s.Messages {
		plain, image, err := content(m.Content)
		if err != nil {
			return nil, err
		}
		switch m.Role {
		case "system":
			q.System = plain
		case "user":
			q.Text, q.Image = plain, image
		case "assistant":
			for _, c := range m.Calls {
				q.Past = &providertest.Call{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}
			}
		case "tool":
			if q.Past == nil || q.Past.ID != m.CallID {
				return nil, fmt.Errorf("a result of %q follows no call", m.CallID)
			}
			q.Result = plain
		default:
			return nil, fmt.Errorf("a message has the role %q", m.Role)
		}
	}
	return q, nil
}

// content is the text and the image of a message.
func content(raw json.RawMessage) (plain, image string, err error) {
	if string(raw) == "null" || json.Unmarshal(raw, &plain) == nil {
		return plain, "", nil
	}
	var parts []struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Image struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", "", err
	}
	for _, p := range parts {
		switch p.Type {
		case "text":
			plain += p.Text
		case "image_url":
			data, ok := strings.CutPrefix(p.Image.URL, "data:image/png;base64,")
			if !ok {
				return "", "", fmt.Errorf("the image is %q", p.Image.URL)
			}
			image = data
		default:
			return "", "", fmt.Errorf("a part has the type %q", p.Type)
		}
	}
	return plain, image, nil
}

func (openAI) Refusals() []providertest.Refusal {
	openAI := func(message, kind, code string) string {
		return text(object{"error": object{"message": message, "type": kind, "param": nil, "code": code}})
	}
	return []providertest.Refusal{
		{Status: 429, Words: "Rate limit reached", Body: openAI("Rate limit reached for rock-1 in organization org-1 on requests per min (RPM): Limit 3, Used 3.", "requests", "rate_limit_exceeded"), Code: llm.CodeLimitRequests},
		{Status: 429, Words: "Rate limit reached", Body: openAI("Rate limit reached for rock-1 on tokens per min (TPM): Limit 300.", "tokens", "rate_limit_exceeded"), Code: llm.CodeLimitTokens},
		{Status: 401, Words: "Incorrect API key provided", Body: openAI("Incorrect API key provided: sk-provi****************d015.", "invalid_request_error", "invalid_api_key"), Code: llm.CodeAPIKeyInvalid},
		{Status: 401, Words: "Unauthorized", Body: `{"detail":"Unauthorized"}`, Code: llm.CodeAPIKeyInvalid},
		{Status: 403, Words: "does not have access to model", Body: openAI("Project proj_1 does not have access to model rock-1", "invalid_request_error", "model_access"), Code: llm.CodeNotGranted},
		{Status: 400, Words: "maximum context length", Body: openAI("This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.", "invalid_request_error", "context_length_exceeded"), Code: llm.CodeTooLong},
		{Status: 400, Words: "maximum context length", Body: `{"object":"error","message":"This model's maximum context length is 8192 tokens.","type":"BadRequestError","param":null,"code":400}`, Code: llm.CodeTooLong},
		{Status: 400, Words: "content management policy", Body: openAI("The response was filtered due to the prompt triggering the content management policy.", "", "content_filter"), Code: llm.CodeContentFiltered},
		{Status: 404, Words: "does not exist", Body: openAI("The model `rock-1` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"), Code: llm.CodeModelUnknown},
		{Status: 429, Words: "exceeded your current quota", Body: openAI("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"), Code: llm.CodeBilling},
		{Status: 402, Words: "Insufficient Balance", Body: openAI("Insufficient Balance", "unknown_error", "invalid_request_error"), Code: llm.CodeBilling},
		{Status: 400, Words: "Invalid value", Body: openAI("Invalid value: 'x'. Supported values are: 'a'.", "invalid_request_error", "invalid_value"), Code: llm.CodeInvalid},
		{Status: 422, Words: "Input should be", Body: `{"detail":[{"loc":["body","top_p"],"msg":"Input should be less than 1","type":"less_than"}]}`, Code: llm.CodeInvalid},
		{Status: 422, Words: "Extra inputs", Body: `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error"}`, Code: llm.CodeUnknownField},
		{Status: 503, Words: "overloaded", Body: openAI("The engine is currently overloaded, please try again later", "server_error", ""), Code: llm.CodeUnavailable},
		{Status: 500, Words: "had an error", Body: openAI("The server had an error while processing your request.", "server_error", ""), Code: llm.CodeServiceInternal},
		{Status: 403, Words: "not supported", Body: openAI("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"), Code: llm.CodeRegionBlocked},
	}
}

func (u openAI) Raw(q *providertest.Question, model string, stream bool) []byte {
	m := object{"model": model}
	if stream {
		m["stream"], m["stream_options"] = true, object{"include_usage": true}
	}
	var messages []object
	if q.System != "" {
		messages = append(messages, object{"role": "system", "content": q.System})
	}
	switch {
	case q.Past != nil:
		messages = append(messages, object{"role": "user", "content": "Look."},
			object{"role": "assistant", "content": nil, "tool_calls": []object{{"id": q.Past.ID, "type": "function", "function": object{"name": q.Past.Name, "arguments": q.Past.Arguments}}}},
			object{"role": "tool", "tool_call_id": q.Past.ID, "content": q.Result})
	case q.Image != "":
		messages = append(messages, object{"role": "user", "content": []object{{"type": "text", "text": q.Text}, {"type": "image_url", "image_url": object{"url": "data:image/png;base64," + q.Image}}}})
	default:
		messages = append(messages, object{"role": "user", "content": q.Text})
	}
	m["messages"] = messages
	if len(q.Tools) > 0 {
		var tools []object
		for _, name := range q.Tools {
			tools = append(tools, object{"type": "function", "function": object{"name": name, "description": "Looks " + name + " up.", "parameters": object{"type": "object"}}})
		}
		m["tools"] = tools
	}
	if q.MaxTokens > 0 {
		m["max_completion_tokens"] = q.MaxTokens
	}
	if q.Stop != nil {
		m["stop"] = q.Stop
	}
	return []byte(text(m))
}

// got is what a client reads: a response, or a chunk.
type got struct {
	Model   string `json:"model"`
	Choices []struct {
		Message, Delta struct {
			Content   string `json:"content"`
			Reasoning string `json:"reasoning_content"`
			Calls     []struct {
				Index    int    `json:"index"`
				ID       string `json:"id"`
				Function struct {
					Name      string `json:"name"`
					Arguments string `json:"arguments"`
				} `json:"function"`
			} `json:"tool_calls"`
		}
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Details    struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
}

func (u openAI) Read(body []byte, stream bool) (*providertest.Answer, error) {
	docs := []string{string(body)}
	if stream {
		docs = nil
		for line := range strings.SplitSeq(string(body), "\n\n") {
			if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]" {
				docs = append(docs, data)
			}
		}
		if !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
			return nil, errors.New("there is no [DONE]")
		}
	}
	a := &providertest.Answer{}
	for _, doc := range docs {
		var g got
		if err := json.Unmarshal([]byte(doc), &g); err != nil {
			return nil, err
		}
		if g.Model != "providertest" {
			return nil, fmt.Errorf("the client sees the model %q", g.Model)
		}
		for _, c := range g.Choices {
			a.Text += c.Message.Content + c.Delta.Content
			a.Reasoning += c.Message.Reasoning + c.Delta.Reasoning
			for _, call := range append(c.Message.Calls, c.Delta.Calls...) {
				if call.ID != "" {
					a.Calls = append(a.Calls, providertest.Call{ID: call.ID, Name: call.Function.Name})
				}
				a.Calls[len(a.Calls)-1].Arguments += call.Function.Arguments
			}
			switch c.Finish {
			case "stop":
				a.Stop = llm.StopEnd
			case "tool_calls":
				a.Stop = llm.StopToolUse
			case "length":
				a.Stop = llm.StopMaxTokens
			}
		}
		if g.Usage != nil {
			a.Input, a.Output, a.Cached = g.Usage.Prompt, g.Usage.Completion, g.Usage.Details.Cached
		}
	}
	return a, nil
}
