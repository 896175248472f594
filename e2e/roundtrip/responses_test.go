package roundtrip

import (
	"encoding/json"
	"errors"
	"fmt"
)

// responses is OpenAI's Responses API, as https://platform.openai.com/docs/api-reference/responses has
// it, for clients.
type responses struct{}

func (responses) content(role string, parts []part) []object {
	out := []object{}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.kind == kindText && role == "assistant":
			out = append(out, object{"type": "output_text", "text": p.text, "annotations": []object{}})
		case p.kind == kindText:
			out = append(out, object{"type": "input_text", "text": p.text})
		case p.kind == kindImage:
			out = append(out, object{"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64," + p.text})
		case p.kind == kindDocument:
			out = append(out, object{"type": "input_file", "filename": p.title, "file_data": "data:application/pdf;base64," + p.text})
		}
	}
	return out
}

func (d responses) writeRequest(r *request, model string, stream bool) []byte {
	q := object{"model": model, "store": false, "include": []string{"reasoning.encrypted_content"}}
	if stream {
		q["stream"] = true
	}
	if len(r.system) > 0 {
		q["instructions"] = r.system[0].text
	}
	input := []object{}
	for _, t := range r.turns {
		var rest []part
		flush := func() {
			if rest != nil {
				message := object{"type": "message", "role": t.role, "content": d.content(t.role, rest)}
				if t.role == "assistant" {
					message["id"], message["status"] = "msg_1", "completed"
				}
				input = append(input, message)
				rest = nil
			}
		}
		for _, p := range t.parts {
			switch p.kind {
			case kindThought:
				item := object{"type": "reasoning", "id": "rs_1", "summary": []object{}, "encrypted_content": p.signature}
				if p.text != "" {
					item["summary"] = []object{{"type": "summary_text", "text": p.text}}
				}
				input = append(input, item)
			case kindCall:
				flush()
				input = append(input, object{"type": "function_call", "call_id": p.id, "name": p.name, "arguments": p.args})
			case kindResult:
				var output any = d.content("user", p.parts)
				if len(p.parts) == 1 && p.parts[0].kind == kindText {
					output = p.parts[0].text
				}
				input = append(input, object{"type": "function_call_output", "call_id": p.id, "output": output})
			default:
				rest = append(rest, p)
			}
		}
		flush()
	}
	q["input"] = input
	if len(r.tools) > 0 {
		tools := []object{}
		for _, t := range r.tools {
			tools = append(tools, object{"type": "function", "name": t.name, "description": t.help, "parameters": rawJSON(t.schema), "strict": t.strict})
		}
		q["tools"] = tools
	}
	switch r.choice {
	case "":
	case "auto", "none":
		q["tool_choice"] = r.choice
	case "any":
		q["tool_choice"] = "required"
	default:
		q["tool_choice"] = object{"type": "function", "name": r.choice}
	}
	for name, member := range map[string]string{setMaxTokens: "max_output_tokens", setTemp: "temperature", setTopP: "top_p", setUser: "user", setParallel: "parallel_tool_calls"} {
		if v := r.setting(name); v != nil {
			q[member] = v
		}
	}
	if r.settings[setThinking] != "" {
		q["reasoning"] = object{"effort": "high", "summary": "auto"}
	}
	if s := r.setting(setSchema); s != nil {
		q["text"] = object{"format": object{"type": "json_schema", "name": "rock", "strict": true, "schema": s}}
	}
	return raw(q)
}

// respGot is a response.
type respGot struct {
	Status     string `json:"status"`
	Incomplete struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Output []struct {
		Type    string `json:"type"`
		Content []struct {
			Type        string `json:"type"`
			Text        string `json:"text"`
			Refusal     string `json:"refusal"`
			Annotations []citationJSON
		} `json:"content"`
		Summary []struct {
			Text string `json:"text"`
		} `json:"summary"`
		Encrypted string `json:"encrypted_content"`
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"output"`
	Usage struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Details struct {
			Cached  int `json:"cached_tokens"`
			Written int `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
		Out struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

func (d responses) readAnswer(body []byte, stream bool) (*answer, error) {
	var g respGot
	deltas := ""
	if !stream {
		if err := json.Unmarshal(body, &g); err != nil {
			return nil, err
		}
	} else {
		ended := false
		for _, data := range sseData(body) {
			var e struct {
				Type     string  `json:"type"`
				Delta    string  `json:"delta"`
				Response respGot `json:"response"`
			}
			if err := json.Unmarshal(data, &e); err != nil {
				return nil, err
			}
			switch e.Type {
			case "response.output_text.delta", "response.function_call_arguments.delta", "response.reasoning_summary_text.delta", "response.refusal.delta":
				deltas += e.Delta
			case "response.completed", "response.incomplete":
				g, ended = e.Response, true
			case "error", "response.failed":
				return nil, fmt.Errorf("an error: %s", data)
			}
		}
		if !ended {
			return nil, errors.New("there is no response.completed")
		}
	}
	a, said := &answer{stop: stopEnd}, ""
	for i := range g.Output {
		switch o := &g.Output[i]; o.Type {
		case "message":
			p := part{kind: kindText}
			for _, c := range o.Content {
				p.text += c.Text + c.Refusal
				for _, page := range c.Annotations {
					p.citations = append(p.citations, citation{page.URL, page.Title})
				}
			}
			said += p.text
			a.parts = append(a.parts, p)
		case "reasoning":
			p := part{kind: kindThought, signature: o.Encrypted}
			for _, s := range o.Summary {
				p.text += s.Text
			}
			said += p.text
			a.parts = append(a.parts, p)
		case "function_call":
			said += o.Arguments
			a.parts = append(a.parts, part{kind: kindCall, id: o.CallID, name: o.Name, args: o.Arguments})
			a.stop = stopTool
		default:
			return nil, fmt.Errorf("an item %q", o.Type)
		}
	}
	if stream && deltas != said {
		return nil, fmt.Errorf("the deltas are %q, and the response says %q", deltas, said)
	}
	switch {
	case g.Status == "incomplete" && g.Incomplete.Reason == "max_output_tokens":
		a.stop = stopLength
	case g.Status == "incomplete" && g.Incomplete.Reason == "content_filter":
		a.stop = stopFilter
	case g.Status != "completed":
		return nil, fmt.Errorf("the status is %q", g.Status)
	}
	a.count(countInput, g.Usage.Input)
	a.count(countOutput, g.Usage.Output)
	a.count(countRead, g.Usage.Details.Cached)
	a.count(countWrite, g.Usage.Details.Written)
	a.count(countThink, g.Usage.Out.Reasoning)
	return a, nil
}
