package roundtrip

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// What a request of the Responses API has.
type (
	respPart struct {
		Type        string    `json:"type"`
		Text        string    `json:"text,omitempty"`
		Detail      string    `json:"detail,omitempty"`
		ImageURL    string    `json:"image_url,omitempty"`
		Name        string    `json:"filename,omitempty"`
		Data        string    `json:"file_data,omitempty"`
		Annotations []rawJSON `json:"annotations,omitempty"`
	}
	respItem struct {
		Type      string      `json:"type"`
		ID        string      `json:"id,omitempty"`
		Status    string      `json:"status,omitempty"`
		Role      string      `json:"role,omitempty"`
		Content   respContent `json:"content,omitempty"`
		Summary   []respPart  `json:"summary,omitempty"`
		Encrypted string      `json:"encrypted_content,omitempty"`
		CallID    string      `json:"call_id,omitempty"`
		Name      string      `json:"name,omitempty"`
		Arguments string      `json:"arguments,omitempty"`
		Output    rawJSON     `json:"output,omitempty"`
	}
	respTool struct {
		Type        string  `json:"type"`
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Parameters  rawJSON `json:"parameters"`
		Strict      bool    `json:"strict"`
	}
	respFormat struct {
		Type   string  `json:"type"`
		Name   string  `json:"name"`
		Strict bool    `json:"strict"`
		Schema rawJSON `json:"schema"`
	}
	respRequest struct {
		Model        string     `json:"model"`
		Stream       bool       `json:"stream,omitempty"`
		Store        bool       `json:"store"`
		Include      []string   `json:"include,omitempty"`
		Instructions string     `json:"instructions,omitempty"`
		Input        []respItem `json:"input"`
		Tools        []respTool `json:"tools,omitempty"`
		Choice       rawJSON    `json:"tool_choice,omitempty"`
		MaxTokens    rawJSON    `json:"max_output_tokens,omitempty"`
		Temperature  rawJSON    `json:"temperature,omitempty"`
		TopP         rawJSON    `json:"top_p,omitempty"`
		User         rawJSON    `json:"user,omitempty"`
		Parallel     rawJSON    `json:"parallel_tool_calls,omitempty"`
		Reasoning    *object    `json:"reasoning,omitempty"`
		Text         *struct {
			Format respFormat `json:"format"`
		} `json:"text,omitempty"`
	}
)

// respContent are the parts of a message; a text alone is one.
type respContent []respPart

func (c *respContent) UnmarshalJSON(data []byte) error {
	var said string
	if json.Unmarshal(data, &said) == nil {
		*c = respContent{{Type: "input_text", Text: said}}
		return nil
	}
	var parts []respPart
	err := strict(data, &parts)
	*c = parts
	return err
}

func (responses) read(content []respPart) ([]part, error) {
	var out []part
	for _, p := range content {
		switch p.Type {
		case "input_text", "output_text":
			out = append(out, text(p.Text))
		case "input_image":
			out = append(out, part{kind: kindImage, text: strings.TrimPrefix(p.ImageURL, "data:image/png;base64,")})
		case "input_file":
			out = append(out, part{kind: kindDocument, title: p.Name, text: strings.TrimPrefix(p.Data, "data:application/pdf;base64,")})
		default:
			return nil, fmt.Errorf("a part of type %q", p.Type)
		}
	}
	return out, nil
}

// item reads an item of the input, and returns whose it is.
func (d responses) item(item *respItem) (role string, parts []part, err error) {
	switch item.Type {
	case "message":
		parts, err = d.read(item.Content)
		return item.Role, parts, err
	case "reasoning":
		p := part{kind: kindThought, signature: item.Encrypted}
		for _, s := range item.Summary {
			p.text += s.Text
		}
		return "assistant", []part{p}, nil
	case "function_call":
		return "assistant", []part{{kind: kindCall, id: item.CallID, name: item.Name, args: item.Arguments}}, nil
	case "function_call_output":
		p := part{kind: kindResult, id: item.CallID}
		var said string
		if json.Unmarshal(item.Output, &said) == nil {
			p.parts = []part{text(said)}
			return "user", []part{p}, nil
		}
		var content []respPart
		if err := strict(item.Output, &content); err != nil {
			return "", nil, err
		}
		p.parts, err = d.read(content)
		return "user", []part{p}, err
	default:
		return "", nil, fmt.Errorf("an item %q", item.Type)
	}
}

func (d responses) readRequest(body []byte) (*request, error) {
	var q respRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	if q.Instructions != "" {
		r.system = []part{text(q.Instructions)}
	}
	for i := range q.Input {
		role, parts, err := d.item(&q.Input[i])
		if err != nil {
			return nil, fmt.Errorf("input[%d]: %w", i, err)
		}
		if last := len(r.turns) - 1; last >= 0 && r.turns[last].role == role {
			r.turns[last].parts = append(r.turns[last].parts, parts...)
			continue
		}
		r.turns = append(r.turns, turn{role, parts})
	}
	if err := alternating(r.turns); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		r.tools = append(r.tools, tool{name: t.Name, help: t.Description, schema: string(t.Parameters), strict: t.Strict})
	}
	if len(q.Choice) > 0 {
		var named struct{ Type, Name string }
		var word string
		if json.Unmarshal(q.Choice, &word) == nil {
			r.choice = map[string]string{"auto": "auto", "none": "none", "required": "any"}[word]
		} else if err := strict(q.Choice, &named); err != nil {
			return nil, err
		} else {
			r.choice = named.Name
		}
	}
	r.settle(setMaxTokens, q.MaxTokens)
	r.settle(setTemp, q.Temperature)
	r.settle(setTopP, q.TopP)
	r.settle(setUser, q.User)
	r.settle(setParallel, q.Parallel)
	if q.Reasoning != nil {
		r.settle(setThinking, rawJSON("true"))
	}
	if q.Text != nil {
		r.settle(setSchema, q.Text.Format.Schema)
	}
	return r, nil
}

// items are the items of an answer.
func (responses) items(a *answer) []object {
	out := []object{}
	for i := range a.parts {
		id := fmt.Sprintf("item_%d", i+1)
		switch p := &a.parts[i]; p.kind {
		case kindText:
			pages := []object{}
			for _, c := range p.citations {
				pages = append(pages, object{"type": "url_citation", "start_index": 0, "end_index": len([]rune(p.text)), "url": c.url, "title": c.title})
			}
			out = append(out, object{
				"type": "message", "id": id, "status": "completed", "role": "assistant",
				"content": []object{{"type": "output_text", "text": p.text, "annotations": pages, "logprobs": []object{}}},
			})
		case kindThought:
			out = append(out, object{"type": "reasoning", "id": id, "summary": []object{{"type": "summary_text", "text": p.text}}, "encrypted_content": p.signature})
		case kindCall:
			out = append(out, object{"type": "function_call", "id": id, "status": "completed", "call_id": p.id, "name": p.name, "arguments": p.args})
		}
	}
	return out
}

// response is an answer, or the beginning of one, which has no stop yet.
func (d responses) response(a *answer, model string) object {
	r := object{
		"id": "resp_1", "object": "response", "created_at": 1764380000, "status": "completed", "error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
		"model": model, "output": d.items(a), "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": []object{}, "top_p": 1.0, "usage": nil,
	}
	switch a.stop {
	case "":
		r["status"] = "in_progress"
		return r
	case stopLength:
		r["status"], r["incomplete_details"] = "incomplete", object{"reason": "max_output_tokens"}
	case stopFilter:
		r["status"], r["incomplete_details"] = "incomplete", object{"reason": "content_filter"}
	}
	r["usage"] = object{
		"input_tokens": a.usage[countInput], "output_tokens": a.usage[countOutput], "total_tokens": a.usage[countInput] + a.usage[countOutput],
		"input_tokens_details":  object{"cached_tokens": a.usage[countRead], "cache_write_tokens": a.usage[countWrite]},
		"output_tokens_details": object{"reasoning_tokens": a.usage[countThink]},
	}
	return r
}

func (d responses) writeAnswer(a *answer, model string) string { return encoded(d.response(a, model)) }

func (d responses) writeStream(a *answer, model string) []string {
	var out []string
	event := func(kind string, members object) {
		members["type"], members["sequence_number"] = kind, len(out)
		out = append(out, "event: "+kind+"\ndata: "+encoded(members)+"\n\n")
	}
	begun := d.response(&answer{}, model)
	event("response.created", object{"response": begun})
	event("response.in_progress", object{"response": begun})
	for i, item := range d.items(a) {
		at := func(more object) object {
			more["item_id"], more["output_index"] = item["id"], i
			return more
		}
		p := &a.parts[i]
		opened := object{}
		maps.Copy(opened, item)
		switch p.kind {
		case kindText:
			opened["status"], opened["content"] = "in_progress", []object{}
		case kindThought:
			opened["summary"] = []object{}
		case kindCall:
			opened["status"], opened["arguments"] = "in_progress", ""
		}
		event("response.output_item.added", object{"output_index": i, "item": opened})
		switch p.kind {
		case kindText:
			whole, _ := item["content"].([]object)
			event("response.content_part.added", at(object{"content_index": 0, "part": object{"type": "output_text", "text": "", "annotations": []object{}, "logprobs": []object{}}}))
			for _, s := range halves(p.text) {
				event("response.output_text.delta", at(object{"content_index": 0, "delta": s, "logprobs": []object{}}))
			}
			event("response.output_text.done", at(object{"content_index": 0, "text": p.text, "logprobs": []object{}}))
			event("response.content_part.done", at(object{"content_index": 0, "part": whole[0]}))
		case kindThought:
			event("response.reasoning_summary_part.added", at(object{"summary_index": 0, "part": object{"type": "summary_text", "text": ""}}))
			for _, s := range halves(p.text) {
				event("response.reasoning_summary_text.delta", at(object{"summary_index": 0, "delta": s}))
			}
			event("response.reasoning_summary_text.done", at(object{"summary_index": 0, "text": p.text}))
			event("response.reasoning_summary_part.done", at(object{"summary_index": 0, "part": object{"type": "summary_text", "text": p.text}}))
		case kindCall:
			for _, s := range halves(p.args) {
				event("response.function_call_arguments.delta", at(object{"delta": s}))
			}
			event("response.function_call_arguments.done", at(object{"name": p.name, "arguments": p.args}))
		}
		event("response.output_item.done", object{"output_index": i, "item": item})
	}
	last := "response.completed"
	if a.stop == stopLength || a.stop == stopFilter {
		last = "response.incomplete"
	}
	event(last, object{"response": d.response(a, model)})
	return out
}
