package roundtrip

import "fmt"

// ollamaChat is Ollama's own chat, as https://docs.ollama.com/api/chat has it.
type ollamaChat struct{}

type (
	ollamaCall struct {
		ID       string `json:"id,omitempty"`
		Function struct {
			Name      string  `json:"name"`
			Arguments rawJSON `json:"arguments"`
		} `json:"function"`
	}
	ollamaMessage struct {
		Role     string       `json:"role"`
		Content  string       `json:"content"`
		Thinking string       `json:"thinking,omitempty"`
		Images   []string     `json:"images,omitempty"`
		Calls    []ollamaCall `json:"tool_calls,omitempty"`
		ToolName string       `json:"tool_name,omitempty"`
		CallID   string       `json:"tool_call_id,omitempty"`
	}
	ollamaRequest struct {
		Model    string          `json:"model"`
		Stream   bool            `json:"stream"`
		Messages []ollamaMessage `json:"messages"`
		Tools    []chatTool      `json:"tools,omitempty"`
		Think    rawJSON         `json:"think,omitempty"`
		Format   rawJSON         `json:"format,omitempty"`
		Options  struct {
			MaxTokens   rawJSON `json:"num_predict,omitempty"`
			Temperature rawJSON `json:"temperature,omitempty"`
			TopP        rawJSON `json:"top_p,omitempty"`
			TopK        rawJSON `json:"top_k,omitempty"`
			Stop        rawJSON `json:"stop,omitempty"`
			Seed        rawJSON `json:"seed,omitempty"`
			Presence    rawJSON `json:"presence_penalty,omitempty"`
			Frequency   rawJSON `json:"frequency_penalty,omitempty"`
		} `json:"options"`
	}
)

func (ollamaChat) readRequest(body []byte) (*request, error) {
	var q ollamaRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	var order []chatMessage
	for i := range q.Messages {
		m := &q.Messages[i]
		var parts []part
		if m.Thinking != "" {
			parts = append(parts, part{kind: kindThought, text: m.Thinking})
		}
		if m.Content != "" {
			parts = append(parts, text(m.Content))
		}
		for _, image := range m.Images {
			parts = append(parts, part{kind: kindImage, text: image})
		}
		one := chatMessage{Role: m.Role, CallID: m.CallID}
		for _, call := range m.Calls {
			parts = append(parts, part{kind: kindCall, id: call.ID, name: call.Function.Name, args: string(call.Function.Arguments)})
			one.Calls = append(one.Calls, chatCall{ID: call.ID})
		}
		order = append(order, one)
		switch m.Role {
		case "system":
			r.system = append(r.system, parts...)
		case "tool":
			r.turns = append(r.turns, user(part{kind: kindResult, id: m.CallID, name: m.ToolName, parts: parts}))
		case "user", "assistant":
			r.turns = append(r.turns, turn{m.Role, parts})
		default:
			return nil, fmt.Errorf("a message of %q", m.Role)
		}
	}
	if err := answered(order); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		r.tools = append(r.tools, tool{name: t.Function.Name, help: t.Function.Description, schema: string(t.Function.Parameters)})
	}
	o := &q.Options
	for name, value := range map[string]rawJSON{
		setMaxTokens: o.MaxTokens, setTemp: o.Temperature, setTopP: o.TopP, setTopK: o.TopK, setStop: o.Stop, setSeed: o.Seed, setPresence: o.Presence, setFrequency: o.Frequency, setSchema: q.Format,
	} {
		r.settle(name, value)
	}
	if string(q.Think) == "true" {
		r.settle(setThinking, q.Think)
	}
	return r, nil
}

// piece is a response, or a part of a stream.
func (ollamaChat) piece(a *answer, message object, model string, last bool) string {
	message["role"] = "assistant"
	if message["content"] == nil {
		message["content"] = ""
	}
	r := object{"model": model, "created_at": "2026-11-28T12:00:00.000000Z", "message": message, "done": last}
	if last {
		r["done_reason"] = map[bool]string{true: "length", false: "stop"}[a.stop == stopLength]
		r["total_duration"], r["load_duration"], r["prompt_eval_duration"], r["eval_duration"] = 5191566416, 2154458, 383809000, 4799921000
		r["prompt_eval_count"], r["eval_count"] = a.usage[countInput], a.usage[countOutput]
	}
	return encoded(r) + "\n"
}

func (ollamaChat) call(p *part, index int) object {
	return object{"id": p.id, "function": object{"index": index, "name": p.name, "arguments": rawJSON(p.args)}}
}

func (o ollamaChat) writeAnswer(a *answer, model string) string {
	message := object{}
	var calls []object
	for i := range a.parts {
		switch p := &a.parts[i]; p.kind {
		case kindText:
			message["content"] = p.text
		case kindThought:
			message["thinking"] = p.text
		case kindCall:
			calls = append(calls, o.call(p, len(calls)))
		}
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	return o.piece(a, message, model, true)
}

func (o ollamaChat) writeStream(a *answer, model string) []string {
	var out []string
	calls := 0
	for i := range a.parts {
		p := &a.parts[i]
		if p.kind == kindCall {
			out = append(out, o.piece(a, object{"tool_calls": []object{o.call(p, calls)}}, model, false))
			calls++
			continue
		}
		for _, s := range halves(p.text) {
			out = append(out, o.piece(a, object{map[string]string{kindText: "content", kindThought: "thinking"}[p.kind]: s}, model, false))
		}
	}
	return append(out, o.piece(a, object{}, model, true))
}
