package roundtrip

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

var chatStops = map[string]string{stopEnd: "stop", stopSequence: "stop", stopTool: "tool_calls", stopLength: "length", stopFilter: "content_filter"}

func chatUsage(a *answer) object {
	return object{
		"prompt_tokens": a.usage[countInput], "completion_tokens": a.usage[countOutput], "total_tokens": a.usage[countInput] + a.usage[countOutput],
		"prompt_tokens_details":     object{"cached_tokens": a.usage[countRead], "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": a.usage[countThink], "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func annotations(p *part) []object {
	out := []object{}
	for _, c := range p.citations {
		out = append(out, object{"type": "url_citation", "url_citation": object{"start_index": 0, "end_index": len([]rune(p.text)), "url": c.url, "title": c.title}})
	}
	return out
}

func (chat) writeAnswer(a *answer, model string) string {
	m := object{"role": "assistant", "content": nil, "refusal": nil}
	var calls []object
	for i := range a.parts {
		switch p := &a.parts[i]; p.kind {
		case kindText:
			m["content"], m["annotations"] = p.text, annotations(p)
		case kindThought:
			m["reasoning_content"] = p.text
		case kindCall:
			calls = append(calls, object{"id": p.id, "type": "function", "function": object{"name": p.name, "arguments": p.args}})
		}
	}
	if calls != nil {
		m["tool_calls"] = calls
	}
	return encoded(object{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1764380000, "model": model, "system_fingerprint": "fp_1", "service_tier": "default",
		"choices": []object{{"index": 0, "message": m, "logprobs": nil, "finish_reason": a.stopWord(chatStops)}}, "usage": chatUsage(a),
	})
}

func (chat) writeStream(a *answer, model string) []string {
	var out []string
	chunk := func(delta object, finish, usage any, choices bool) {
		list := []object{}
		if choices {
			list = append(list, object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish})
		}
		out = append(out, "data: "+encoded(object{
			"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764380000, "model": model, "system_fingerprint": "fp_1", "service_tier": "default", "choices": list, "usage": usage,
		})+"\n\n")
	}
	chunk(object{"role": "assistant", "content": "", "refusal": nil}, nil, nil, true)
	calls := 0
	for i := range a.parts {
		switch p := &a.parts[i]; p.kind {
		case kindText:
			for _, s := range halves(p.text) {
				chunk(object{"content": s}, nil, nil, true)
			}
			if p.citations != nil {
				chunk(object{"annotations": annotations(p)}, nil, nil, true)
			}
		case kindThought:
			for _, s := range halves(p.text) {
				chunk(object{"reasoning_content": s}, nil, nil, true)
			}
		case kindCall:
			chunk(object{"tool_calls": []object{{"index": calls, "id": p.id, "type": "function", "function": object{"name": p.name, "arguments": ""}}}}, nil, nil, true)
			for _, s := range halves(p.args) {
				chunk(object{"tool_calls": []object{{"index": calls, "function": object{"arguments": s}}}}, nil, nil, true)
			}
			calls++
		}
	}
	chunk(object{}, a.stopWord(chatStops), nil, true)
	chunk(nil, nil, chatUsage(a), false)
	return append(out, "data: [DONE]\n\n")
}

// chatGot is a response, or a chunk of one.
type chatGot struct {
	Choices []struct {
		Message, Delta struct {
			Content     string        `json:"content"`
			Reasoning   string        `json:"reasoning_content"`
			Thoughts    []chatThought `json:"thinking_blocks"`
			Calls       []chatCall    `json:"tool_calls"`
			Annotations []struct {
				Page citationJSON `json:"url_citation"`
			} `json:"annotations"`
		}
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Error *rawJSON `json:"error"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Written    int `json:"cache_creation_input_tokens"`
		Details    struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
}

type citationJSON struct {
	URL   string `json:"url"`
	Title string `json:"title"`
}

func (chat) readAnswer(body []byte, stream bool) (*answer, error) {
	docs := [][]byte{body}
	if stream {
		events := sseData(body)
		if len(events) == 0 || string(events[len(events)-1]) != "[DONE]" {
			return nil, errors.New("there is no [DONE]")
		}
		docs = events[:len(events)-1]
	}
	a := &answer{}
	say, thought := part{kind: kindText}, part{kind: kindThought}
	var calls []part
	for _, doc := range docs {
		var g chatGot
		if err := json.Unmarshal(doc, &g); err != nil {
			return nil, err
		}
		if g.Error != nil {
			return nil, fmt.Errorf("an error: %s", *g.Error)
		}
		for i := range g.Choices {
			c := &g.Choices[i]
			say.text += c.Message.Content + c.Delta.Content
			thought.text += c.Message.Reasoning + c.Delta.Reasoning
			for _, b := range append(c.Message.Thoughts, c.Delta.Thoughts...) {
				thought.signature += b.Signature
			}
			for _, page := range append(c.Message.Annotations, c.Delta.Annotations...) {
				say.citations = append(say.citations, citation{page.Page.URL, page.Page.Title})
			}
			for _, call := range append(c.Message.Calls, c.Delta.Calls...) {
				if call.ID != "" {
					calls = append(calls, part{kind: kindCall, id: call.ID, name: call.Function.Name})
				}
				if len(calls) == 0 {
					return nil, errors.New("a piece of no call")
				}
				last := &calls[len(calls)-1]
				last.args += call.Function.Arguments
				if call.Own != nil {
					last.signature += call.Own.Signature
				}
			}
			for stop, word := range chatStops {
				if c.Finish == word && stop != stopSequence {
					a.stop = stop
				}
			}
		}
		if u := g.Usage; u != nil {
			a.count(countInput, u.Prompt)
			a.count(countOutput, u.Completion)
			a.count(countRead, u.Details.Cached)
			a.count(countWrite, u.Written)
			a.count(countThink, u.Out.Reasoning)
		}
	}
	if thought.text != "" || thought.signature != "" {
		a.parts = append(a.parts, thought)
	}
	if say.text != "" {
		a.parts = append(a.parts, say)
	}
	a.parts = append(a.parts, calls...)
	return a, nil
}

// sseData are the data of server-sent events.
func sseData(body []byte) [][]byte {
	var out [][]byte
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			out = append(out, []byte(data))
		}
	}
	return out
}
