package roundtrip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"outcrop/wire/eventstream"
)

var conStops = map[string]string{stopEnd: "end_turn", stopSequence: "stop_sequence", stopTool: "tool_use", stopLength: "max_tokens", stopFilter: "content_filtered"}

func conUsage(a *answer) object {
	u := object{
		"inputTokens": a.usage[countInput] - a.usage[countRead] - a.usage[countWrite], "outputTokens": a.usage[countOutput], "totalTokens": a.usage[countInput] + a.usage[countOutput],
	}
	if a.has(countRead) || a.has(countWrite) {
		u["cacheReadInputTokens"], u["cacheWriteInputTokens"] = a.usage[countRead], a.usage[countWrite]
	}
	return u
}

func (c converse) writeAnswer(a *answer, _ string) string {
	return encoded(object{
		"output": object{"message": object{"role": "assistant", "content": c.blocks(a.parts)}}, "stopReason": a.stopWord(conStops), "usage": conUsage(a), "metrics": object{"latencyMs": 7},
	})
}

// frame is a frame of AWS's event streams.
func frame(kind string, payload any) string {
	return string(eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind}, {Name: eventstream.HeaderContentType, Value: "application/json"}, {Name: eventstream.HeaderMessageType, Value: "event"},
	}, raw(payload)))
}

// exceptionFrame is an exception with which a stream ends.
func exceptionFrame(kind string, payload any) string {
	return string(eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderExceptionType, Value: kind}, {Name: eventstream.HeaderContentType, Value: "application/json"}, {Name: eventstream.HeaderMessageType, Value: "exception"},
	}, raw(payload)))
}

// framed is a frame that was read.
type framed struct {
	kind    string
	payload []byte
}

// frames reads a stream of frames. An exception is an error.
func frames(body []byte) iter.Seq2[framed, error] {
	return func(yield func(framed, error) bool) {
		d := eventstream.NewDecoder(bytes.NewReader(body))
		for {
			f, err := d.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(framed{}, err)
				return
			}
			if kind := string(f.Header(eventstream.HeaderMessageType)); kind != "event" {
				yield(framed{}, fmt.Errorf("an error: %s %s", f.Header(eventstream.HeaderExceptionType), f.Payload))
				return
			}
			if !yield(framed{string(f.Header(eventstream.HeaderEventType)), bytes.Clone(f.Payload)}, nil) {
				return
			}
		}
	}
}

func (c converse) writeStream(a *answer, _ string) []string {
	out := []string{frame("messageStart", object{"role": "assistant", "p": "ab"})}
	for i := range a.parts {
		p := &a.parts[i]
		delta := func(d object) {
			out = append(out, frame("contentBlockDelta", object{"contentBlockIndex": i, "delta": d, "p": "abc"}))
		}
		switch p.kind {
		case kindText:
			for _, s := range halves(p.text) {
				delta(object{"text": s})
			}
			for _, cite := range p.citations {
				delta(object{"citation": conCite(cite)})
			}
		case kindThought:
			for _, s := range halves(p.text) {
				delta(object{"reasoningContent": object{"text": s}})
			}
			delta(object{"reasoningContent": object{"signature": p.signature}})
		case kindCall:
			out = append(out, frame("contentBlockStart", object{"contentBlockIndex": i, "start": object{"toolUse": object{"toolUseId": p.id, "name": p.name}}}))
			for _, s := range halves(p.args) {
				delta(object{"toolUse": object{"input": s}})
			}
		}
		out = append(out, frame("contentBlockStop", object{"contentBlockIndex": i}))
	}
	return append(out, frame("messageStop", object{"stopReason": a.stopWord(conStops)}), frame("metadata", object{"usage": conUsage(a), "metrics": object{"latencyMs": 7}}))
}

// conGot is a response.
type conGot struct {
	Output struct {
		Message conMessage `json:"message"`
	} `json:"output"`
	Stop  string `json:"stopReason"`
	Usage struct {
		Input   int `json:"inputTokens"`
		Output  int `json:"outputTokens"`
		Read    int `json:"cacheReadInputTokens"`
		Written int `json:"cacheWriteInputTokens"`
	} `json:"usage"`
}

func (c converse) readAnswer(body []byte, stream bool) (*answer, error) {
	var g conGot
	if stream {
		if err := g.assemble(body); err != nil {
			return nil, err
		}
	} else if err := json.Unmarshal(body, &g); err != nil {
		return nil, err
	}
	a := &answer{}
	var err error
	if a.parts, err = c.read(g.Output.Message.Content); err != nil {
		return nil, err
	}
	for stop, word := range conStops {
		if word == g.Stop {
			a.stop = stop
		}
	}
	if g.Stop == "guardrail_intervened" || g.Stop == "refusal" {
		a.stop = stopFilter
	}
	a.count(countInput, g.Usage.Input+g.Usage.Read+g.Usage.Written)
	a.count(countOutput, g.Usage.Output)
	a.count(countRead, g.Usage.Read)
	a.count(countWrite, g.Usage.Written)
	return a, nil
}

// assemble reads the frames of a stream.
func (g *conGot) assemble(body []byte) error {
	blocks := map[int]*conBlock{}
	counted := false
	for f, err := range frames(body) {
		if err != nil {
			return err
		}
		var e struct {
			Index int `json:"contentBlockIndex"`
			Start struct {
				Call *conCall `json:"toolUse"`
			} `json:"start"`
			Delta struct {
				Text string `json:"text"`
				Call struct {
					Input string `json:"input"`
				} `json:"toolUse"`
				Thought *struct {
					Text, Signature string
					Redacted        string `json:"redactedContent"`
				} `json:"reasoningContent"`
				Citation *conCitation `json:"citation"`
			} `json:"delta"`
		}
		if err := json.Unmarshal(f.payload, &e); err != nil {
			return err
		}
		b := blocks[e.Index]
		if b == nil && strings.HasPrefix(f.kind, "contentBlock") {
			if e.Index != len(blocks) {
				return fmt.Errorf("block %d begins behind %d blocks", e.Index, len(blocks))
			}
			b = &conBlock{}
			blocks[e.Index] = b
		}
		switch f.kind {
		case "contentBlockStart":
			b.Call = e.Start.Call
		case "contentBlockDelta":
			b.take(e.Delta.Text, e.Delta.Call.Input)
			if th := e.Delta.Thought; th != nil {
				b.think(th.Text, th.Signature, th.Redacted)
			}
			if e.Delta.Citation != nil {
				b.cite(e.Delta.Citation)
			}
		case "messageStop", "metadata":
			if err := json.Unmarshal(f.payload, g); err != nil {
				return err
			}
			counted = counted || f.kind == "metadata"
		}
	}
	for i := range len(blocks) {
		g.Output.Message.Content = append(g.Output.Message.Content, *blocks[i])
	}
	if !counted || g.Stop == "" {
		return errors.New("there is no messageStop or no metadata")
	}
	return nil
}

func (b *conBlock) take(words, input string) {
	switch {
	case b.Call != nil:
		b.Call.Input = append(b.Call.Input, input...)
	case words != "" && b.Text == nil:
		b.Text = &words
	case words != "":
		*b.Text += words
	}
}

func (b *conBlock) think(words, signature, redacted string) {
	if b.Thought == nil {
		b.Thought = &conThought{Redacted: redacted}
	}
	if redacted != "" {
		return
	}
	if b.Thought.Text == nil {
		b.Thought.Text = &struct {
			Text      string `json:"text"`
			Signature string `json:"signature,omitempty"`
		}{}
	}
	b.Thought.Text.Text += words
	b.Thought.Text.Signature += signature
}

func (b *conBlock) cite(c *conCitation) {
	if b.Cited == nil {
		b.Cited = &conCitations{}
		if b.Text != nil {
			b.Cited.Content = append(b.Cited.Content, struct {
				Text string `json:"text"`
			}{*b.Text})
			b.Text = nil
		}
	}
	b.Cited.Citations = append(b.Cited.Citations, *c)
}
