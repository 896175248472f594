package dialects

import (
	"errors"
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Completions speaks OpenAI's chat completions as an upstream
// (https://platform.openai.com/docs/api-reference/chat).
type Completions struct {
	// Model is the model that requests name.
	Model string
	// OldMaxTokens is whether the limit of tokens is max_tokens, instead of max_completion_tokens.
	OldMaxTokens bool
	// NoStreamOptions is whether stream_options is refused.
	NoStreamOptions bool
	// Denials are the refusals; nil for those of OpenAI and its vendors.
	Denials []providertest.Refusal
}

type object = map[string]any

// text is a value as JSON.
func text(v object) string {
	b, _ := jsonx.Marshal(v) // it holds nothing that has no JSON
	return string(b)
}

func finishOf(s llm.StopReason) string {
	switch s {
	case llm.StopToolUse:
		return "tool_calls"
	case llm.StopMaxTokens:
		return "length"
	default:
		return "stop"
	}
}

func usageOf(a *providertest.Answer) object {
	return object{
		"prompt_tokens": a.Input, "completion_tokens": a.Output, "total_tokens": a.Input + a.Output,
		"prompt_tokens_details":     object{"cached_tokens": a.Cached},
		"completion_tokens_details": object{"reasoning_tokens": a.Thought},
	}
}

// Whole is a chat completion.
func (Completions) Whole(a *providertest.Answer) string {
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
		"choices": []object{{"index": 0, "message": m, "finish_reason": finishOf(a.Stop), "logprobs": nil}}, "usage": usageOf(a), "system_fingerprint": "fp",
	})
}

// Events are its chunks, and the mark of the end.
func (Completions) Events(a *providertest.Answer) []string {
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
	chunk(object{}, finishOf(a.Stop))
	out = append(out, "data: "+text(object{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "rock-1-2026", "choices": []object{}, "usage": usageOf(a)})+"\n\n")
	return append(out, "data: [DONE]\n\n")
}

// Corrupt is a chunk that cannot be read.
func (Completions) Corrupt() string { return "data: {\"choices\":[{\"index\":0,\"delta\":{\"con\n\n" }

// asked is a request, with every member that the suite's requests have.
type asked struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string    `json:"role"`
		Content jsonx.Raw `json:"content"`
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
			Name        string    `json:"name"`
			Description string    `json:"description"`
			Parameters  jsonx.Raw `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	MaxTokens           int64    `json:"max_tokens"`
	MaxCompletionTokens int64    `json:"max_completion_tokens"`
	Stop                []string `json:"stop"`
	Format              *struct {
		Type   string `json:"type"`
		Schema struct {
			Name   string    `json:"name"`
			Schema jsonx.Raw `json:"schema"`
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

// Asked reads a request.
func (c Completions) Asked(body []byte) (*providertest.Question, error) {
	var s asked
	if err := strict(body, &s); err != nil {
		return nil, err
	}
	switch {
	case s.Model != c.Model:
		return nil, fmt.Errorf("the model is %q", s.Model)
	case s.Stream && !c.NoStreamOptions && (s.Options == nil || !s.Options.IncludeUsage):
		return nil, errors.New("the stream does not ask for its usage")
	case s.Options != nil && (!s.Stream || c.NoStreamOptions):
		return nil, errors.New("it has stream_options, which the vendor refuses here")
	case s.MaxTokens > 0 && !c.OldMaxTokens:
		return nil, errors.New("it has max_tokens, which is deprecated")
	case s.MaxCompletionTokens > 0 && c.OldMaxTokens:
		return nil, errors.New("it has max_completion_tokens, which the vendor does not have")
	}
	q := &providertest.Question{MaxTokens: s.MaxTokens + s.MaxCompletionTokens, Stop: s.Stop}
	for _, t := range s.Tools {
		if t.Type != "function" || t.Function.Description == "" || !jsonx.Valid(t.Function.Parameters) {
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
		plain, image, err := contentOf(m.Content)
		if err != nil {
			return nil, err
		}
		switch m.Role {
		case "system":
			q.System = plain
		case "user":
			q.Text, q.Image = plain, image
		case "assistant":
			for _, call := range m.Calls {
				q.Past = &providertest.Call{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments}
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

// contentOf is the text and the image of a message.
func contentOf(raw jsonx.Raw) (plain, image string, err error) {
	if string(raw) == "null" || jsonx.Unmarshal(raw, &plain) == nil {
		return plain, "", nil
	}
	var parts []struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Image struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if err := jsonx.Unmarshal(raw, &parts); err != nil {
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

// Refusals are refusals.
func (c Completions) Refusals() []providertest.Refusal {
	if c.Denials != nil {
		return c.Denials
	}
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

// Raw is a request of a client.
func (Completions) Raw(q *providertest.Question, model string, stream bool) []byte {
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

// said is a message, or a part of one.
type said struct {
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

// got is what a client reads: a response, or a chunk.
type got struct {
	Model   string `json:"model"`
	Choices []struct {
		Message said   `json:"message"`
		Delta   said   `json:"delta"`
		Finish  string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Details    struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
}

// Read reads what a client gets.
func (Completions) Read(body []byte, stream bool) (*providertest.Answer, error) {
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
		if err := jsonx.Unmarshal([]byte(doc), &g); err != nil {
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
