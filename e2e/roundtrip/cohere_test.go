package roundtrip

import (
	"encoding/json"
	"fmt"
	"strings"
)

// cohereChat is version 2 of Cohere's chat, as https://docs.cohere.com/v2/reference/chat has it.
type cohereChat struct{}

type (
	coherePart struct {
		Type     string   `json:"type"`
		Text     string   `json:"text,omitempty"`
		Thinking string   `json:"thinking,omitempty"`
		ImageURL *chatURL `json:"image_url,omitempty"`
	}
	cohereMessage struct {
		Role    string     `json:"role"`
		Content rawJSON    `json:"content,omitempty"`
		Plan    string     `json:"tool_plan,omitempty"`
		Calls   []chatCall `json:"tool_calls,omitempty"`
		CallID  string     `json:"tool_call_id,omitempty"`
	}
	cohereRequest struct {
		Model       string          `json:"model"`
		Stream      bool            `json:"stream,omitempty"`
		Messages    []cohereMessage `json:"messages"`
		Tools       []chatTool      `json:"tools,omitempty"`
		StrictTools bool            `json:"strict_tools,omitempty"`
		Choice      string          `json:"tool_choice,omitempty"`
		MaxTokens   rawJSON         `json:"max_tokens,omitempty"`
		Temperature rawJSON         `json:"temperature,omitempty"`
		TopP        rawJSON         `json:"p,omitempty"`
		TopK        rawJSON         `json:"k,omitempty"`
		Stop        rawJSON         `json:"stop_sequences,omitempty"`
		Seed        rawJSON         `json:"seed,omitempty"`
		Presence    rawJSON         `json:"presence_penalty,omitempty"`
		Frequency   rawJSON         `json:"frequency_penalty,omitempty"`
		Thinking    *struct {
			Type   string `json:"type"`
			Budget int    `json:"token_budget,omitempty"`
		} `json:"thinking,omitempty"`
		Format *struct {
			Type   string  `json:"type"`
			Schema rawJSON `json:"json_schema,omitempty"`
		} `json:"response_format,omitempty"`
	}
)

func (cohereChat) read(content rawJSON) ([]part, error) {
	var s string
	if len(content) == 0 {
		return nil, nil
	} else if json.Unmarshal(content, &s) == nil {
		return []part{text(s)}, nil
	}
	var parts []coherePart
	if err := strict(content, &parts); err != nil {
		return nil, err
	}
	var out []part
	for _, p := range parts {
		switch {
		case p.Type == "text":
			out = append(out, text(p.Text))
		case p.Type == "thinking":
			out = append(out, part{kind: kindThought, text: p.Thinking})
		case p.Type == "image_url" && p.ImageURL != nil:
			out = append(out, part{kind: kindImage, text: strings.TrimPrefix(p.ImageURL.URL, "data:image/png;base64,")})
		default:
			return nil, fmt.Errorf("a part of type %q", p.Type)
		}
	}
	return out, nil
}

func (c cohereChat) readRequest(body []byte) (*request, error) {
	var q cohereRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	var order []chatMessage
	for i := range q.Messages {
		m := &q.Messages[i]
		parts, err := c.read(m.Content)
		if err != nil {
			return nil, err
		}
		order = append(order, chatMessage{Role: m.Role, CallID: m.CallID, Calls: m.Calls})
		switch m.Role {
		case "system":
			r.system = append(r.system, parts...)
			continue
		case "tool":
			r.turns = append(r.turns, user(part{kind: kindResult, id: m.CallID, parts: parts}))
			continue
		case "user", "assistant":
		default:
			return nil, fmt.Errorf("a message of %q", m.Role)
		}
		if m.Plan != "" {
			parts = append(parts, text(m.Plan))
		}
		for _, call := range m.Calls {
			parts = append(parts, part{kind: kindCall, id: call.ID, name: call.Function.Name, args: call.Function.Arguments})
		}
		r.turns = append(r.turns, turn{m.Role, parts})
	}
	if err := answered(order); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		r.tools = append(r.tools, tool{name: t.Function.Name, help: t.Function.Description, schema: string(t.Function.Parameters), strict: q.StrictTools})
	}
	r.choice = map[string]string{"": "", "NONE": "none", "REQUIRED": "any"}[q.Choice]
	if r.choice == "any" && len(r.tools) == 1 { // as one that must be called is named here
		r.choice = r.tools[0].name
	}
	for name, value := range map[string]rawJSON{
		setMaxTokens: q.MaxTokens, setTemp: q.Temperature, setTopP: q.TopP, setTopK: q.TopK, setStop: q.Stop, setSeed: q.Seed, setPresence: q.Presence, setFrequency: q.Frequency,
	} {
		r.settle(name, value)
	}
	if q.Thinking != nil && q.Thinking.Type == "enabled" {
		r.settle(setThinking, rawJSON("true"))
	}
	if q.Format != nil {
		r.settle(setSchema, q.Format.Schema)
	}
	return r, nil
}

var cohereStops = map[string]string{stopEnd: "COMPLETE", stopSequence: "STOP_SEQUENCE", stopTool: "TOOL_CALL", stopLength: "MAX_TOKENS", stopFilter: "ERROR_TOXIC"}

func (cohereChat) usage(a *answer) object {
	count := object{"input_tokens": float64(a.usage[countInput]), "output_tokens": float64(a.usage[countOutput])}
	return object{"billed_units": count, "tokens": count, "cached_tokens": float64(a.usage[countRead])}
}

func (c cohereChat) writeAnswer(a *answer, _ string) string {
	m := object{"role": "assistant"}
	content, calls := []object{}, []object{}
	for i := range a.parts {
		switch p := &a.parts[i]; p.kind {
		case kindText:
			content = append(content, object{"type": "text", "text": p.text})
		case kindThought:
			content = append(content, object{"type": "thinking", "thinking": p.text})
		case kindCall:
			calls = append(calls, object{"id": p.id, "type": "function", "function": object{"name": p.name, "arguments": p.args}})
		}
	}
	if len(content) > 0 {
		m["content"] = content
	}
	if len(calls) > 0 {
		m["tool_calls"] = calls
	}
	return encoded(object{"id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4", "finish_reason": a.stopWord(cohereStops), "message": m, "usage": c.usage(a)})
}

func (c cohereChat) writeStream(a *answer, _ string) []string {
	var out []string
	event := func(kind string, members object) {
		members["type"] = kind
		out = append(out, "event: "+kind+"\ndata: "+encoded(members)+"\n\n")
	}
	delta := func(i int, message object) object { return object{"index": i, "delta": object{"message": message}} }
	event("message-start", object{"id": "c14c80c3", "delta": object{"message": object{"role": "assistant", "content": []object{}, "tool_plan": "", "tool_calls": []object{}, "citations": []object{}}}})
	for i := range a.parts {
		p := &a.parts[i]
		if p.kind == kindCall {
			event("tool-call-start", delta(i, object{"tool_calls": object{"id": p.id, "type": "function", "function": object{"name": p.name, "arguments": ""}}}))
			for _, s := range halves(p.args) {
				event("tool-call-delta", delta(i, object{"tool_calls": object{"function": object{"arguments": s}}}))
			}
			event("tool-call-end", object{"index": i})
			continue
		}
		kind := map[string]string{kindText: "text", kindThought: "thinking"}[p.kind]
		event("content-start", delta(i, object{"content": object{"type": kind, kind: ""}}))
		for _, s := range halves(p.text) {
			event("content-delta", delta(i, object{"content": object{kind: s}}))
		}
		event("content-end", object{"index": i})
	}
	event("message-end", object{"delta": object{"finish_reason": a.stopWord(cohereStops), "usage": c.usage(a)}})
	return out
}
