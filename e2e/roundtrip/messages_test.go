package roundtrip

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// messages is Anthropic's Messages API, as https://docs.claude.com/en/api/messages has it.
type messages struct{}

type (
	msgSource struct {
		Type  string `json:"type"`
		Media string `json:"media_type"`
		Data  string `json:"data"`
	}
	msgBlock struct {
		Type      string        `json:"type"`
		Text      *string       `json:"text,omitempty"`
		Source    *msgSource    `json:"source,omitempty"`
		Title     string        `json:"title,omitempty"`
		ID        string        `json:"id,omitempty"`
		Name      string        `json:"name,omitempty"`
		Input     rawJSON       `json:"input,omitempty"`
		CallID    string        `json:"tool_use_id,omitempty"`
		Content   rawJSON       `json:"content,omitempty"`
		Failed    bool          `json:"is_error,omitempty"`
		Thinking  *string       `json:"thinking,omitempty"`
		Signature *string       `json:"signature,omitempty"`
		Data      string        `json:"data,omitempty"`
		Cache     *object       `json:"cache_control,omitempty"`
		Citations []msgCitation `json:"citations,omitempty"`
	}
	msgCitation struct {
		Type  string `json:"type"`
		URL   string `json:"url"`
		Title string `json:"title"`
		Cited string `json:"cited_text"`
		Index string `json:"encrypted_index"`
	}
	msgMessage struct {
		Role    string  `json:"role"`
		Content rawJSON `json:"content"`
	}
	msgTool struct {
		Type        string  `json:"type,omitempty"` // custom
		Name        string  `json:"name"`
		Description string  `json:"description"`
		Schema      rawJSON `json:"input_schema"`
		Strict      bool    `json:"strict,omitempty"`
		Cache       *object `json:"cache_control,omitempty"`
	}
	msgChoice struct {
		Type   string `json:"type"`
		Name   string `json:"name,omitempty"`
		Single bool   `json:"disable_parallel_tool_use,omitempty"`
	}
	msgFormat struct {
		Type   string  `json:"type"`
		Schema rawJSON `json:"schema"`
	}
	msgRequest struct {
		OldFormat   *msgFormat   `json:"output_format,omitempty"` // of the beta before output_config
		Model       string       `json:"model,omitempty"`
		Version     string       `json:"anthropic_version,omitempty"`
		Betas       []string     `json:"anthropic_beta,omitempty"`
		MaxTokens   rawJSON      `json:"max_tokens,omitempty"`
		System      rawJSON      `json:"system,omitempty"`
		Messages    []msgMessage `json:"messages"`
		Tools       []msgTool    `json:"tools,omitempty"`
		Choice      *msgChoice   `json:"tool_choice,omitempty"`
		Temperature rawJSON      `json:"temperature,omitempty"`
		TopP        rawJSON      `json:"top_p,omitempty"`
		TopK        rawJSON      `json:"top_k,omitempty"`
		Stop        rawJSON      `json:"stop_sequences,omitempty"`
		Metadata    *struct {
			User rawJSON `json:"user_id"`
		} `json:"metadata,omitempty"`
		Thinking *struct {
			Type   string `json:"type"`
			Budget int    `json:"budget_tokens,omitempty"`
		} `json:"thinking,omitempty"`
		Output *struct {
			Effort string `json:"effort,omitempty"`
			Format *struct {
				Type   string  `json:"type"`
				Schema rawJSON `json:"schema"`
			} `json:"format,omitempty"`
		} `json:"output_config,omitempty"`
		Stream bool `json:"stream,omitempty"`
	}
)

func (m messages) blocks(parts []part) []msgBlock {
	out := []msgBlock{}
	for i := range parts {
		p := &parts[i]
		b := msgBlock{Cache: ephemeral(p.cache)}
		switch p.kind {
		case kindText:
			b.Type, b.Text = "text", &p.text
			for _, c := range p.citations {
				b.Citations = append(b.Citations, msgCitation{"web_search_result_location", c.url, c.title, "Granite", "ZW5j"})
			}
		case kindImage:
			b.Type, b.Source = "image", &msgSource{"base64", "image/png", p.text}
		case kindDocument:
			b.Type, b.Title, b.Source = "document", p.title, &msgSource{"base64", "application/pdf", p.text}
		case kindThought:
			b.Type, b.Thinking, b.Signature = "thinking", &p.text, &p.signature
		case kindCall:
			b.Type, b.ID, b.Name, b.Input = "tool_use", p.id, p.name, rawJSON(p.args)
		case kindResult:
			b.Type, b.CallID, b.Failed, b.Content = "tool_result", p.id, p.failed, raw(m.blocks(p.parts))
		}
		out = append(out, b)
	}
	return out
}

func (m messages) request(r *request, model string, stream bool) *msgRequest {
	q := &msgRequest{
		Model: model, Stream: stream, MaxTokens: r.setting(setMaxTokens), Temperature: r.setting(setTemp), TopP: r.setting(setTopP), TopK: r.setting(setTopK), Stop: r.setting(setStop),
	}
	if len(r.system) > 0 {
		q.System = raw(m.blocks(r.system))
	}
	for _, t := range r.turns {
		q.Messages = append(q.Messages, msgMessage{t.role, raw(m.blocks(t.parts))})
	}
	for _, t := range r.tools {
		q.Tools = append(q.Tools, msgTool{"", t.name, t.help, rawJSON(t.schema), t.strict, ephemeral(t.cache)})
	}
	if u := r.setting(setUser); u != nil {
		q.Metadata = &struct {
			User rawJSON `json:"user_id"`
		}{u}
	}
	if r.settings[setThinking] != "" {
		q.Thinking = &struct {
			Type   string `json:"type"`
			Budget int    `json:"budget_tokens,omitempty"`
		}{"enabled", 2048}
	}
	if s := r.setting(setSchema); s != nil {
		q.Output = &struct {
			Effort string `json:"effort,omitempty"`
			Format *struct {
				Type   string  `json:"type"`
				Schema rawJSON `json:"schema"`
			} `json:"format,omitempty"`
		}{"", &struct {
			Type   string  `json:"type"`
			Schema rawJSON `json:"schema"`
		}{"json_schema", s}}
	}
	switch r.choice {
	case "":
		if r.settings[setParallel] == "false" {
			q.Choice = &msgChoice{Type: "auto", Single: true}
		}
	case "auto", "none", "any":
		q.Choice = &msgChoice{Type: r.choice}
	default:
		q.Choice = &msgChoice{Type: "tool", Name: r.choice}
	}
	return q
}

func (m messages) writeRequest(r *request, model string, stream bool) []byte {
	return raw(m.request(r, model, stream))
}

func (m messages) read(content rawJSON) ([]part, error) {
	var s string
	if json.Unmarshal(content, &s) == nil {
		return []part{text(s)}, nil
	}
	var blocks []msgBlock
	if len(content) > 0 {
		if err := strict(content, &blocks); err != nil {
			return nil, err
		}
	}
	var out []part
	for i := range blocks {
		p, err := m.part(&blocks[i])
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (m messages) part(b *msgBlock) (part, error) {
	p := part{cache: b.Cache != nil}
	switch {
	case b.Type == "text" && b.Text != nil:
		p.kind, p.text = kindText, *b.Text
		for _, c := range b.Citations {
			p.citations = append(p.citations, citation{c.URL, c.Title})
		}
	case b.Type == "image" && b.Source != nil:
		p.kind, p.text = kindImage, b.Source.Data
	case b.Type == "document" && b.Source != nil:
		p.kind, p.text, p.title = kindDocument, b.Source.Data, b.Title
	case b.Type == "thinking" && b.Thinking != nil && b.Signature != nil:
		p.kind, p.text, p.signature = kindThought, *b.Thinking, *b.Signature
	case b.Type == "redacted_thinking":
		p.kind, p.signature = kindThought, b.Data
	case b.Type == "tool_use":
		p.kind, p.id, p.name, p.args = kindCall, b.ID, b.Name, string(b.Input)
	case b.Type == "tool_result":
		inner, err := m.read(b.Content)
		if err != nil {
			return p, err
		}
		p.kind, p.id, p.failed, p.parts = kindResult, b.CallID, b.Failed, inner
	default:
		return p, fmt.Errorf("a block %s", encoded(b))
	}
	return p, nil
}

func (m messages) readRequest(body []byte) (*request, error) {
	var q msgRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	var err error
	if r.system, err = m.read(q.System); err != nil {
		return nil, err
	}
	if len(q.System) == 0 {
		r.system = nil
	}
	for _, message := range q.Messages {
		parts, err := m.read(message.Content)
		if err != nil {
			return nil, err
		}
		r.turns = append(r.turns, turn{message.Role, parts})
	}
	if err := alternating(r.turns); err != nil {
		return nil, err
	}
	for _, t := range q.Tools {
		r.tools = append(r.tools, tool{t.Name, t.Description, string(t.Schema), t.Cache != nil, t.Strict})
	}
	if c := q.Choice; c != nil {
		if c.Single {
			r.settle(setParallel, rawJSON("false"))
		}
		switch {
		case c.Type == "tool":
			r.choice = c.Name
		case c.Type == "auto" && c.Single: // the form of disable_parallel_tool_use without a choice
		default:
			r.choice = c.Type
		}
	}
	r.settle(setMaxTokens, q.MaxTokens)
	r.settle(setTemp, q.Temperature)
	r.settle(setTopP, q.TopP)
	r.settle(setTopK, q.TopK)
	r.settle(setStop, q.Stop)
	if q.Metadata != nil {
		r.settle(setUser, q.Metadata.User)
	}
	if q.Thinking != nil && q.Thinking.Type != "disabled" {
		r.settle(setThinking, rawJSON("true"))
	}
	if q.OldFormat != nil {
		r.settle(setSchema, q.OldFormat.Schema)
	}
	if q.Output != nil && q.Output.Format != nil {
		r.settle(setSchema, q.Output.Format.Schema)
	}
	return r, nil
}

var msgStops = map[string]string{stopEnd: "end_turn", stopSequence: "stop_sequence", stopTool: "tool_use", stopLength: "max_tokens", stopFilter: "refusal"}

func msgUsage(a *answer) object {
	u := object{
		"input_tokens": a.usage[countInput] - a.usage[countRead] - a.usage[countWrite], "output_tokens": a.usage[countOutput],
		"cache_read_input_tokens": a.usage[countRead], "cache_creation_input_tokens": a.usage[countWrite], "service_tier": "standard",
	}
	if a.has(countThink) {
		u["output_tokens_details"] = object{"thinking_tokens": a.usage[countThink]}
	}
	return u
}

// sequence is the stop sequence of an answer that ended there.
func (a *answer) sequence() any {
	if a.stop == stopSequence {
		return "END"
	}
	return nil
}

func (m messages) writeAnswer(a *answer, model string) string {
	return encoded(object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": m.blocks(a.parts), "stop_reason": a.stopWord(msgStops), "stop_sequence": a.sequence(), "usage": msgUsage(a),
	})
}

// events are the JSON of the events of a stream.
func (m messages) events(a *answer, model string) []object {
	out := []object{{"type": "message_start", "message": object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []object{}, "stop_reason": nil, "stop_sequence": nil, "usage": msgUsage(a),
	}}}
	for i := range a.parts {
		p := &a.parts[i]
		delta := func(d object) { out = append(out, object{"type": "content_block_delta", "index": i, "delta": d}) }
		start := object{}
		out = append(out, object{"type": "content_block_start", "index": i, "content_block": start})
		switch p.kind {
		case kindText:
			start["type"], start["text"] = "text", ""
			for _, s := range halves(p.text) {
				delta(object{"type": "text_delta", "text": s})
			}
			for _, c := range m.blocks([]part{*p})[0].Citations {
				delta(object{"type": "citations_delta", "citation": c})
			}
		case kindThought:
			start["type"], start["thinking"], start["signature"] = "thinking", "", ""
			for _, s := range halves(p.text) {
				delta(object{"type": "thinking_delta", "thinking": s})
			}
			delta(object{"type": "signature_delta", "signature": p.signature})
		case kindCall:
			start["type"], start["id"], start["name"], start["input"] = "tool_use", p.id, p.name, object{}
			for _, s := range halves(p.args) {
				delta(object{"type": "input_json_delta", "partial_json": s})
			}
		}
		out = append(out, object{"type": "content_block_stop", "index": i})
	}
	return append(out, object{"type": "message_delta", "delta": object{"stop_reason": a.stopWord(msgStops), "stop_sequence": a.sequence()}, "usage": msgUsage(a)}, object{"type": "message_stop"})
}

func (m messages) writeStream(a *answer, model string) []string {
	var out []string
	for _, e := range m.events(a, model) {
		out = append(out, fmt.Sprintf("event: %s\ndata: %s\n\n", e["type"], encoded(e)))
	}
	return out
}

// msgGot is a message.
type msgGot struct {
	Content []msgBlock `json:"content"`
	Stop    string     `json:"stop_reason"`
	Usage   struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Read    int `json:"cache_read_input_tokens"`
		Written int `json:"cache_creation_input_tokens"`
		Details struct {
			Thinking int `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

func (m messages) readAnswer(body []byte, stream bool) (*answer, error) {
	if stream {
		return m.assemble(sseData(body))
	}
	var g msgGot
	if err := json.Unmarshal(body, &g); err != nil {
		return nil, err
	}
	return m.answer(&g)
}

func (m messages) answer(g *msgGot) (*answer, error) {
	a := &answer{}
	for i := range g.Content {
		p, err := m.part(&g.Content[i])
		if err != nil {
			return nil, err
		}
		a.parts = append(a.parts, p)
	}
	for stop, word := range msgStops {
		if word == g.Stop {
			a.stop = stop
		}
	}
	a.count(countInput, g.Usage.Input+g.Usage.Read+g.Usage.Written)
	a.count(countOutput, g.Usage.Output)
	a.count(countRead, g.Usage.Read)
	a.count(countWrite, g.Usage.Written)
	a.count(countThink, g.Usage.Details.Thinking)
	return a, nil
}

// assemble reads the events of a stream.
func (m messages) assemble(events [][]byte) (*answer, error) {
	var g msgGot
	inputs := map[int]string{}
	ended := false
	for _, data := range events {
		var e struct {
			Type    string   `json:"type"`
			Message *msgGot  `json:"message"`
			Block   msgBlock `json:"content_block"`
			Index   int      `json:"index"`
			Error   rawJSON  `json:"error"`
			Delta   struct {
				Text, Thinking, Signature string
				Partial                   string       `json:"partial_json"`
				Stop                      string       `json:"stop_reason"`
				Citation                  *msgCitation `json:"citation"`
			} `json:"delta"`
			Usage rawJSON `json:"usage"`
		}
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		if strings.HasPrefix(e.Type, "content_block_d") && e.Index >= len(g.Content) {
			return nil, errors.New("a delta of a block that has not begun")
		}
		switch e.Type {
		case "message_start":
			g = *e.Message
		case "content_block_start":
			if e.Index != len(g.Content) {
				return nil, fmt.Errorf("block %d begins behind %d blocks", e.Index, len(g.Content))
			}
			b := e.Block
			for _, s := range []**string{&b.Text, &b.Thinking, &b.Signature} {
				if *s == nil {
					*s = new(string)
				}
			}
			g.Content = append(g.Content, b)
		case "content_block_delta":
			b := &g.Content[e.Index]
			*b.Text += e.Delta.Text
			*b.Thinking += e.Delta.Thinking
			*b.Signature += e.Delta.Signature
			inputs[e.Index] += e.Delta.Partial
			if e.Delta.Citation != nil {
				b.Citations = append(b.Citations, *e.Delta.Citation)
			}
		case "message_delta":
			g.Stop = e.Delta.Stop
			if err := json.Unmarshal(e.Usage, &g.Usage); err != nil {
				return nil, err
			}
		case "message_stop":
			ended = true
		case "error":
			return nil, fmt.Errorf("an error: %s", e.Error)
		}
	}
	for i, input := range inputs {
		if input != "" {
			g.Content[i].Input = rawJSON(input)
		}
	}
	if !ended {
		return nil, errors.New("there is no message_stop")
	}
	return m.answer(&g)
}
