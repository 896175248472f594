package roundtrip

import (
	"encoding/json"
	"errors"
	"fmt"
)

// completions is OpenAI's text completions, as https://platform.openai.com/docs/api-reference/completions
// has it: one text in, one text out.
type completions struct{}

func (completions) writeRequest(r *request, model string, stream bool) []byte {
	q := object{"model": model, "prompt": r.turns[0].parts[0].text, "max_tokens": 4000}
	if stream {
		q["stream"], q["stream_options"] = true, object{"include_usage": true}
	}
	return raw(q)
}

func (completions) readRequest(body []byte) (*request, error) {
	var q struct {
		Prompt string `json:"prompt"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	return &request{turns: []turn{user(text(q.Prompt))}}, nil
}

// piece is a response, or a chunk of one.
func (completions) piece(said string, finish, usage any, model string) string {
	return encoded(object{
		"id": "cmpl-1", "object": "text_completion", "created": 1764380000, "model": model, "usage": usage,
		"choices": []object{{"index": 0, "text": said, "logprobs": nil, "finish_reason": finish}},
	})
}

func (c completions) writeAnswer(a *answer, model string) string {
	return c.piece(a.text(), a.stopWord(chatStops), chatUsage(a), model)
}

func (c completions) writeStream(a *answer, model string) []string {
	var out []string
	for _, s := range halves(a.text()) {
		out = append(out, "data: "+c.piece(s, nil, nil, model)+"\n\n")
	}
	return append(out, "data: "+c.piece("", a.stopWord(chatStops), chatUsage(a), model)+"\n\n", "data: [DONE]\n\n")
}

func (completions) readAnswer(body []byte, stream bool) (*answer, error) {
	docs := [][]byte{body}
	if stream {
		events := sseData(body)
		if len(events) == 0 || string(events[len(events)-1]) != "[DONE]" {
			return nil, errors.New("there is no [DONE]")
		}
		docs = events[:len(events)-1]
	}
	a := &answer{}
	said := ""
	for _, doc := range docs {
		var g struct {
			Choices []struct {
				Text   string `json:"text"`
				Finish string `json:"finish_reason"`
			} `json:"choices"`
			Error *rawJSON `json:"error"`
		}
		if err := json.Unmarshal(doc, &g); err != nil {
			return nil, err
		}
		if g.Error != nil {
			return nil, fmt.Errorf("an error: %s", *g.Error)
		}
		for _, c := range g.Choices {
			said += c.Text
			for stop, word := range chatStops {
				if c.Finish == word && stop != stopSequence {
					a.stop = stop
				}
			}
		}
	}
	a.parts = []part{text(said)}
	return a, nil
}

// generateArray is Gemini's API whose streams are JSON arrays.
type generateArray struct{ generate }

func (g generateArray) readAnswer(body []byte, stream bool) (*answer, error) {
	if !stream {
		return g.generate.readAnswer(body, false)
	}
	var elements []rawJSON
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, err
	}
	var events []byte
	for _, e := range elements {
		events = append(append(append(events, "data: "...), compact(string(e))...), "\n\n"...)
	}
	return g.generate.readAnswer(events, true)
}
