package roundtrip

import (
	"encoding/json"
	"fmt"
	"strings"
)

// chat is OpenAI's chat completions, as https://platform.openai.com/docs/api-reference/chat has it;
// client says whether LiteLLM's members for thinking and caching are there too, which only clients of a
// gateway send.
type chat struct{ client bool }

type (
	object  = map[string]any
	rawJSON = json.RawMessage

	chatPart struct {
		Type     string    `json:"type"`
		Text     string    `json:"text,omitempty"`
		ImageURL *chatURL  `json:"image_url,omitempty"`
		File     *chatFile `json:"file,omitempty"`
		Cache    *object   `json:"cache_control,omitempty"`
	}
	chatURL struct {
		URL    string `json:"url"`
		Detail string `json:"detail,omitempty"`
	}
	chatFile struct {
		Name string `json:"filename,omitempty"`
		Data string `json:"file_data"`
	}
	chatCall struct {
		Index    *int   `json:"index,omitempty"`
		ID       string `json:"id,omitempty"`
		Type     string `json:"type,omitempty"`
		Function struct {
			Name      string `json:"name,omitempty"`
			Arguments string `json:"arguments"`
		} `json:"function"`
		Own *struct {
			Signature string `json:"thought_signature,omitempty"`
		} `json:"provider_specific_fields,omitempty"`
	}
	chatThought struct {
		Type      string `json:"type"`
		Thinking  string `json:"thinking"`
		Signature string `json:"signature"`
	}
	chatMessage struct {
		Role      string        `json:"role"`
		Content   rawJSON       `json:"content,omitempty"`
		Calls     []chatCall    `json:"tool_calls,omitempty"`
		CallID    string        `json:"tool_call_id,omitempty"`
		Reasoning string        `json:"reasoning_content,omitempty"`
		Thoughts  []chatThought `json:"thinking_blocks,omitempty"`
	}
	chatTool struct {
		Type     string `json:"type"`
		Function struct {
			Name        string  `json:"name"`
			Description string  `json:"description"`
			Parameters  rawJSON `json:"parameters"`
			Strict      bool    `json:"strict,omitempty"`
		} `json:"function"`
		Cache *object `json:"cache_control,omitempty"`
	}
	chatRequest struct {
		Model           string        `json:"model"`
		Messages        []chatMessage `json:"messages"`
		Tools           []chatTool    `json:"tools,omitempty"`
		Choice          rawJSON       `json:"tool_choice,omitempty"`
		MaxTokens       rawJSON       `json:"max_completion_tokens,omitempty"`
		Temperature     rawJSON       `json:"temperature,omitempty"`
		OldMaxTokens    rawJSON       `json:"max_tokens,omitempty"` // some vendors' only name for it
		TopP            rawJSON       `json:"top_p,omitempty"`
		TopK            rawJSON       `json:"top_k,omitempty"`
		Stop            rawJSON       `json:"stop,omitempty"`
		Seed            rawJSON       `json:"seed,omitempty"`
		Presence        rawJSON       `json:"presence_penalty,omitempty"`
		Frequency       rawJSON       `json:"frequency_penalty,omitempty"`
		User            rawJSON       `json:"user,omitempty"`
		Parallel        rawJSON       `json:"parallel_tool_calls,omitempty"`
		ReasoningEffort string        `json:"reasoning_effort,omitempty"`
		Thinking        *object       `json:"thinking,omitempty"` // DeepSeek's
		Format          *chatFormat   `json:"response_format,omitempty"`
		Stream          bool          `json:"stream,omitempty"`
		Options         *struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options,omitempty"`
	}
	chatFormat struct {
		Type   string `json:"type"`
		Schema struct {
			Name   string  `json:"name"`
			Strict *bool   `json:"strict,omitempty"`
			Schema rawJSON `json:"schema"`
		} `json:"json_schema"`
	}
)

func ephemeral(yes bool) *object {
	if !yes {
		return nil
	}
	return &object{"type": "ephemeral"}
}

func raw(v any) rawJSON { return rawJSON(encoded(v)) }

// setting is the JSON of a setting; none if it is not set.
func (r *request) setting(name string) rawJSON {
	if r.settings[name] == "" {
		return nil
	}
	return rawJSON(r.settings[name])
}

// settle takes settings that are there.
func (r *request) settle(name string, value rawJSON) {
	if len(value) == 0 || string(value) == "null" {
		return
	}
	if r.settings == nil {
		r.settings = map[string]string{}
	}
	r.settings[name] = string(value)
}

func (chat) parts(parts []part) rawJSON {
	if len(parts) == 1 && parts[0].kind == kindText && !parts[0].cache {
		return raw(parts[0].text)
	}
	out := []chatPart{}
	for i := range parts {
		p := &parts[i]
		switch p.kind {
		case kindText:
			out = append(out, chatPart{Type: "text", Text: p.text, Cache: ephemeral(p.cache)})
		case kindImage:
			out = append(out, chatPart{Type: "image_url", ImageURL: &chatURL{URL: "data:image/png;base64," + p.text}})
		case kindDocument:
			out = append(out, chatPart{Type: "file", File: &chatFile{p.title, "data:application/pdf;base64," + p.text}})
		}
	}
	return raw(out)
}

func (c chat) writeRequest(r *request, model string, stream bool) []byte {
	q := chatRequest{
		Model: model, Stream: stream, MaxTokens: r.setting(setMaxTokens), Temperature: r.setting(setTemp), TopP: r.setting(setTopP), TopK: r.setting(setTopK),
		Stop: r.setting(setStop), Seed: r.setting(setSeed), Presence: r.setting(setPresence), Frequency: r.setting(setFrequency), User: r.setting(setUser), Parallel: r.setting(setParallel),
	}
	if stream {
		q.Options = &struct {
			Usage bool `json:"include_usage"`
		}{true}
	}
	if r.settings[setThinking] != "" {
		q.ReasoningEffort = "high"
	}
	if s := r.setting(setSchema); s != nil {
		q.Format = &chatFormat{Type: "json_schema"}
		q.Format.Schema.Name, q.Format.Schema.Schema = "rock", s
	}
	if len(r.system) > 0 {
		q.Messages = append(q.Messages, chatMessage{Role: "system", Content: c.parts(r.system)})
	}
	for _, t := range r.turns {
		var m chatMessage
		var rest []part
		for _, p := range t.parts {
			switch p.kind {
			case kindResult:
				q.Messages = append(q.Messages, chatMessage{Role: "tool", CallID: p.id, Content: c.parts(p.parts)})
			case kindCall:
				call := chatCall{ID: p.id, Type: "function"}
				call.Function.Name, call.Function.Arguments = p.name, p.args
				if p.signature != "" {
					call.Own = &struct {
						Signature string `json:"thought_signature,omitempty"`
					}{p.signature}
				}
				m.Calls = append(m.Calls, call)
			case kindThought:
				m.Thoughts = append(m.Thoughts, chatThought{"thinking", p.text, p.signature})
			default:
				rest = append(rest, p)
			}
		}
		m.Role = t.role
		if len(rest) > 0 {
			m.Content = c.parts(rest)
		}
		if rest != nil || m.Calls != nil || m.Thoughts != nil {
			q.Messages = append(q.Messages, m)
		}
	}
	for _, t := range r.tools {
		one := chatTool{Type: "function", Cache: ephemeral(t.cache)}
		one.Function.Name, one.Function.Description, one.Function.Parameters, one.Function.Strict = t.name, t.help, rawJSON(t.schema), t.strict
		q.Tools = append(q.Tools, one)
	}
	switch r.choice {
	case "":
	case "auto", "none":
		q.Choice = raw(r.choice)
	case "any":
		q.Choice = raw("required")
	default:
		q.Choice = raw(object{"type": "function", "function": object{"name": r.choice}})
	}
	return raw(q)
}

func (chat) read(content rawJSON) ([]part, error) {
	var s string
	switch {
	case len(content) == 0 || string(content) == "null":
		return nil, nil
	case json.Unmarshal(content, &s) == nil:
		return []part{text(s)}, nil
	}
	var parts []chatPart
	if err := strict(content, &parts); err != nil {
		return nil, err
	}
	var out []part
	for _, p := range parts {
		switch {
		case p.Type == "text":
			out = append(out, part{kind: kindText, text: p.Text, cache: p.Cache != nil})
		case p.Type == "image_url" && p.ImageURL != nil:
			out = append(out, part{kind: kindImage, text: strings.TrimPrefix(p.ImageURL.URL, "data:image/png;base64,")})
		case p.Type == "file" && p.File != nil:
			out = append(out, part{kind: kindDocument, title: p.File.Name, text: strings.TrimPrefix(p.File.Data, "data:application/pdf;base64,")})
		default:
			return nil, fmt.Errorf("a part of type %q", p.Type)
		}
	}
	return out, nil
}

func (c chat) readRequest(body []byte) (*request, error) {
	var q chatRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	for _, m := range q.Messages {
		parts, err := c.read(m.Content)
		if err != nil {
			return nil, err
		}
		var t turn
		switch m.Role {
		case "system":
			r.system = append(r.system, parts...)
			continue
		case "tool":
			r.turns = append(r.turns, user(part{kind: kindResult, id: m.CallID, parts: parts}))
			continue
		case "user", "assistant":
			t.role = m.Role
		default:
			return nil, fmt.Errorf("a message of %q", m.Role)
		}
		if m.Reasoning != "" {
			t.parts = append(t.parts, part{kind: kindThought, text: m.Reasoning})
		}
		for _, th := range m.Thoughts {
			t.parts = append(t.parts, part{kind: kindThought, text: th.Thinking, signature: th.Signature})
		}
		t.parts = append(t.parts, parts...)
		for _, call := range m.Calls {
			t.parts = append(t.parts, part{kind: kindCall, id: call.ID, name: call.Function.Name, args: call.Function.Arguments})
		}
		r.turns = append(r.turns, t)
	}
	if err := answered(q.Messages); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		r.tools = append(r.tools, tool{name: t.Function.Name, help: t.Function.Description, schema: string(t.Function.Parameters), cache: t.Cache != nil, strict: t.Function.Strict})
	}
	var word string
	var named struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	switch {
	case len(q.Choice) == 0:
	case json.Unmarshal(q.Choice, &word) == nil:
		r.choice = map[string]string{"auto": "auto", "none": "none", "required": "any", "any": "any"}[word]
	default:
		if err := strict(q.Choice, &named); err != nil {
			return nil, err
		}
		r.choice = named.Function.Name
	}
	r.settle(setMaxTokens, q.OldMaxTokens)
	r.settle(setMaxTokens, q.MaxTokens)
	r.settle(setTemp, q.Temperature)
	r.settle(setTopP, q.TopP)
	r.settle(setTopK, q.TopK)
	r.settle(setStop, q.Stop)
	r.settle(setSeed, q.Seed)
	r.settle(setPresence, q.Presence)
	r.settle(setFrequency, q.Frequency)
	r.settle(setUser, q.User)
	r.settle(setParallel, q.Parallel)
	if q.Thinking != nil || q.ReasoningEffort != "" && q.ReasoningEffort != "none" {
		r.settle(setThinking, rawJSON("true"))
	}
	if q.Format != nil {
		r.settle(setSchema, q.Format.Schema.Schema)
	}
	return r, nil
}

// answered checks that the results of a message's calls are directly behind it, as the API requires.
func answered(messages []chatMessage) error {
	waiting := map[string]bool{}
	for i := range messages {
		m := &messages[i]
		if m.Role == "tool" {
			if !waiting[m.CallID] {
				return fmt.Errorf("messages[%d] answers no call of the message before: %q", i, m.CallID)
			}
			delete(waiting, m.CallID)
			continue
		}
		if len(waiting) > 0 {
			return fmt.Errorf("messages[%d] comes before the results of %d calls", i, len(waiting))
		}
		for _, call := range m.Calls {
			waiting[call.ID] = true
		}
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%d calls have no result", len(waiting))
	}
	return nil
}

// alternating checks that no two neighbours are of the same role, and that the results of a turn's calls
// are in the next one, as Anthropic, Converse and Gemini require.
func alternating(turns []turn) error {
	waiting := map[string]bool{}
	for i, t := range turns {
		if i > 0 && turns[i-1].role == t.role {
			return fmt.Errorf("turns %d and %d are both the %s's", i-1, i, t.role)
		}
		for _, p := range t.parts {
			if p.kind == kindResult {
				if !waiting[p.id] {
					return fmt.Errorf("turn %d has a result of no call: %q", i, p.id)
				}
				delete(waiting, p.id)
			}
		}
		if len(waiting) > 0 {
			return fmt.Errorf("turn %d does not have the results of %d calls", i, len(waiting))
		}
		for _, p := range t.parts {
			if p.kind == kindCall {
				waiting[p.id] = true
			}
		}
	}
	return nil
}
