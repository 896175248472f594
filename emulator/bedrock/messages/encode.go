package messages

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// Message is an answer of InvokeModel.
type Message struct {
	*llm.Response

	// Model is the model's id in the catalogue; the message has Anthropic's name for it.
	Model string
	// ID identifies the answer; the message's id is derived from it.
	ID string
	// StopSequence is the sequence that ended the answer; empty if none did.
	StopSequence string
}

var bedrockVersion = lazyregexp.New(`-v\d+(:\d+)?$`)

// Name returns Anthropic's name for a model of Bedrock, such as claude-opus-4-6 (recorded
// exchange).
func Name(id string) string {
	return bedrockVersion.ReplaceAllString(strings.TrimPrefix(id, "anthropic."), "")
}

// mark returns an id without its prefix: 24 letters and digits, the first two 01
// (recorded exchange).
func mark(of string) string {
	sum := sha256.Sum256([]byte(of))
	plain := strings.NewReplacer("-", "A", "_", "B").Replace(base64.RawURLEncoding.EncodeToString(sum[:]))
	return "01" + plain[:22]
}

// Append appends the whole message.
func (m *Message) Append(dst []byte) []byte {
	w := &jsonx.Writer{Buf: dst}
	m.write(w, func() {
		for i := range m.Blocks {
			m.block(w, &m.Blocks[i], false)
		}
	}, func() {
		w.String(m.RawStop)
		w.Key("stop_sequence")
		m.stopSequence(w)
	}, m.Usage.Output)
	return w.Buf
}

// write writes a message; content and stop write its variable parts.
func (m *Message) write(w *jsonx.Writer, content, stop func(), output int64) {
	w.Object()
	w.Key("model")
	w.String(Name(m.Model))
	w.Key("id")
	w.String("msg_bdrk_" + mark(m.ID))
	w.Key("type")
	w.Word("message")
	w.Key("role")
	w.Word("assistant")
	w.Key("content")
	w.Array()
	content()
	w.EndArray()
	w.Key("stop_reason")
	stop()
	w.Key("usage")
	m.usage(w, output)
	w.EndObject()
}

func (m *Message) stopSequence(w *jsonx.Writer) {
	if m.RawStop == "stop_sequence" {
		w.String(m.StopSequence)
	} else {
		w.Null()
	}
}

// usage writes Anthropic's usage, whose input_tokens exclude the cache.
func (m *Message) usage(w *jsonx.Writer, output int64) {
	u := &m.Usage
	byTTL := map[string]int64{}
	for _, c := range u.CacheWrites {
		byTTL[c.TTL] += c.Tokens
	}
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Input)
	w.Key("cache_creation_input_tokens")
	w.Int(u.CacheWrite.Value)
	w.Key("cache_read_input_tokens")
	w.Int(u.CacheRead.Value)
	w.Key("cache_creation")
	w.Object()
	w.Key("ephemeral_5m_input_tokens")
	w.Int(byTTL["5m"])
	w.Key("ephemeral_1h_input_tokens")
	w.Int(byTTL["1h"])
	w.EndObject()
	w.Key("output_tokens")
	w.Int(output)
	w.EndObject()
}

// block writes a block, or if begins is set the empty block at its start in a stream.
func (m *Message) block(w *jsonx.Writer, b *llm.Block, begins bool) {
	text := func(s string) string {
		if begins {
			return ""
		}
		return s
	}
	w.Object()
	w.Key("type")
	switch b.Kind {
	case llm.BlockReasoning:
		w.Word("thinking")
		w.Key("thinking")
		w.String(text(b.Text))
		w.Key("signature")
		w.String(text(b.Signature))
	case llm.BlockRedacted:
		w.Word("redacted_thinking")
		w.Key("data")
		w.String(b.Text)
	case llm.BlockToolUse:
		w.Word("tool_use")
		w.Key("id")
		w.String("toolu_bdrk_" + mark(b.ToolUse.ID))
		w.Key("name")
		w.String(b.ToolUse.Name)
		w.Key("input")
		if begins {
			w.Raw(jsonx.Raw("{}"))
		} else {
			w.Raw(b.ToolUse.Input)
		}
	default: // the pretend model writes no other blocks
		w.Word("text")
		w.Key("text")
		w.String(text(b.Text))
	}
	w.EndObject()
}

// Event is one event of a stream: the data of Anthropic's SSE.
type Event struct {
	JSON []byte
	// Delta is whether the event is a delta; Text is its text.
	Text  string
	Delta bool
	// Stop is set for the events after the content.
	Stop bool
}

// Metrics are the durations at the end of a stream, in milliseconds.
type Metrics struct{ InvocationLatency, FirstByteLatency int64 }

// Events returns the message as the events of a stream. steps are the same answer's
// events in the common form, whose deltas are kept.
func (m *Message) Events(steps []llm.Event, metrics Metrics) []Event {
	var events []Event
	add := func(e Event, write func(w *jsonx.Writer)) {
		w := &jsonx.Writer{}
		write(w)
		e.JSON = w.Buf
		events = append(events, e)
	}
	add(Event{}, func(w *jsonx.Writer) {
		w.Object()
		w.Key("type")
		w.Word("message_start")
		w.Key("message")
		m.write(w, func() {}, func() {
			w.Null()
			w.Key("stop_sequence")
			w.Null()
		}, 1)
		w.EndObject()
	})
	open := -1
	for i := range steps {
		s := &steps[i]
		switch s.Kind {
		case llm.EventBlockStart, llm.EventDelta:
			if open != s.Index {
				open = s.Index
				add(Event{}, func(w *jsonx.Writer) { m.begin(w, s.Index) })
			}
			if s.Kind == llm.EventDelta && s.Block != llm.BlockRedacted {
				add(Event{Delta: true, Text: s.Text}, func(w *jsonx.Writer) { delta(w, s) })
			}
		case llm.EventBlockEnd:
			add(Event{}, func(w *jsonx.Writer) {
				w.Object()
				w.Key("type")
				w.Word("content_block_stop")
				w.Key("index")
				w.Int(int64(s.Index))
				w.EndObject()
			})
		case llm.EventStop:
			add(Event{Stop: true}, m.messageDelta)
			add(Event{Stop: true}, func(w *jsonx.Writer) { m.messageStop(w, metrics) })
		default: // Anthropic's events have all of the others in these
		}
	}
	return events
}

func (m *Message) begin(w *jsonx.Writer, index int) {
	w.Object()
	w.Key("type")
	w.Word("content_block_start")
	w.Key("index")
	w.Int(int64(index))
	w.Key("content_block")
	m.block(w, &m.Blocks[index], true)
	w.EndObject()
}

func delta(w *jsonx.Writer, s *llm.Event) {
	kind, member, text := "text_delta", "text", s.Text
	switch {
	case s.Signature != "":
		kind, member, text = "signature_delta", "signature", s.Signature
	case s.Block == llm.BlockReasoning:
		kind, member = "thinking_delta", "thinking"
	case s.Block == llm.BlockToolUse:
		kind, member = "input_json_delta", "partial_json"
	}
	w.Object()
	w.Key("type")
	w.Word("content_block_delta")
	w.Key("index")
	w.Int(int64(s.Index))
	w.Key("delta")
	w.Object()
	w.Key("type")
	w.Word(kind)
	w.Key(member)
	w.String(text)
	w.EndObject()
	w.EndObject()
}

func (m *Message) messageDelta(w *jsonx.Writer) {
	w.Object()
	w.Key("type")
	w.Word("message_delta")
	w.Key("delta")
	w.Object()
	w.Key("stop_reason")
	w.String(m.RawStop)
	w.Key("stop_sequence")
	m.stopSequence(w)
	w.EndObject()
	w.Key("usage")
	w.Object()
	w.Key("output_tokens")
	w.Int(m.Usage.Output)
	w.EndObject()
	w.EndObject()
}

func (m *Message) messageStop(w *jsonx.Writer, metrics Metrics) {
	w.Object()
	w.Key("type")
	w.Word("message_stop")
	w.Key("amazon-bedrock-invocationMetrics")
	w.Object()
	for _, n := range [...]struct {
		name  string
		value int64
	}{
		{"inputTokenCount", m.Usage.Input},
		{"outputTokenCount", m.Usage.Output},
		{"invocationLatency", metrics.InvocationLatency},
		{"firstByteLatency", metrics.FirstByteLatency},
	} {
		w.Key(n.name)
		w.Int(n.value)
	}
	if m.Usage.CacheRead.Value+m.Usage.CacheWrite.Value > 0 {
		w.Key("cacheReadInputTokenCount")
		w.Int(m.Usage.CacheRead.Value)
		w.Key("cacheWriteInputTokenCount")
		w.Int(m.Usage.CacheWrite.Value)
	}
	w.EndObject()
	w.EndObject()
}
