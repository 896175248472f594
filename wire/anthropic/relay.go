package anthropic

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// keptData is the largest buffer for an event that is kept for the next one, in bytes.
const keptData = 4 << 10

// Relay turns the raw events of a provider's stream into those of a client's. The zero value leaves
// the provider's name for the model.
type Relay struct {
	// Model is the client's name for the model; if it is empty, the provider's stays.
	Model string
	buf   []byte
}

// Fill fills to with an event as a server-sent event, valid until the next call. t is what the stream
// has said of itself so far.
func (r *Relay) Fill(to *llm.RawEvent, ev *RawEvent, t *Tapped) {
	if cap(r.buf) > keptData {
		r.buf = nil
	}
	r.buf = AppendRawEvent(r.buf[:0], ev, r.Model)
	*to = llm.RawEvent{Type: ev.Type, Data: r.buf, Content: ev.HasContent()}
	switch ev.Type {
	case "content_block_delta":
		to.Length = len(ev.Data)
	case "message_start", "message_delta", "message_stop":
		if t.Counted {
			usage := t.Usage
			to.Usage = &usage
		}
		if ev.Type != "message_start" {
			to.RawStop, to.ServiceTier = t.RawStop, t.ServiceTier
		}
	}
}

// AppendRawEvent appends an event as a server-sent event, in the form of Anthropic's API
// (https://platform.claude.com/docs/en/build-with-claude/streaming). model is the client's name for
// the model; if it is empty, the provider's stays.
func AppendRawEvent(dst []byte, ev *RawEvent, model string) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, ev.Type...)
	dst = append(dst, "\ndata: "...)
	switch {
	case ev.Type != "message_start" || model == "":
	case ev.modelEnd > 0:
		dst = append(dst, ev.Data[:ev.modelStart]...)
		dst = jsonx.AppendString(dst, model)
		dst = append(dst, ev.Data[ev.modelEnd:]...)
		return append(dst, "\n\n"...)
	default:
		if segments, err := renamed(ev.Data, model, "message", "model"); err == nil {
			for _, s := range segments {
				dst = append(dst, s...)
			}
			return append(dst, "\n\n"...)
		}
	}
	dst = append(dst, ev.Data...)
	return append(dst, "\n\n"...)
}

// StreamReader turns raw events into those of the common language. The zero value is ready for use.
type StreamReader struct {
	reader EventReader
	queue  llm.EventQueue
	raw    RawEvent // while it is read
}

// EventError is an event that cannot be decoded.
type EventError struct {
	Type string
	Err  error
}

func (e *EventError) Error() string {
	return fmt.Sprintf("an event %s cannot be decoded: %v", e.Type, e.Err)
}

func (e *EventError) Unwrap() error { return e.Err }

// Next fills ev with the next event, for which it calls next as often as needed. Its errors are those
// of next, and an *EventError; they come after the events before them, and are final.
func (s *StreamReader) Next(ev *llm.Event, next func(*RawEvent) error) error {
	return s.queue.Next(ev, func(events []llm.Event) ([]llm.Event, error) { return s.read(events, next) })
}

// More reports whether Next will return without waiting. more reports whether next would.
func (s *StreamReader) More(next func(*RawEvent) error, more func() bool) bool {
	return s.queue.More(func(events []llm.Event) ([]llm.Event, error) { return s.read(events, next) }, more)
}

func (s *StreamReader) read(events []llm.Event, next func(*RawEvent) error) ([]llm.Event, error) {
	defer func() { s.raw = RawEvent{} }()
	if err := next(&s.raw); err != nil {
		return events, err
	}
	read, err := s.reader.appendRaw(events, &s.raw)
	if err != nil {
		return events, &EventError{s.raw.Type, err}
	}
	return read, nil
}

// renamed returns a document with another string in the member at a path of names; unchanged if it
// has no such member.
func renamed(doc []byte, name string, path ...string) ([][]byte, error) {
	v := valueFinder{path: path}
	if err := jsonx.Unmarshal(doc, &v); err != nil {
		return nil, err
	}
	if v.end == 0 {
		return [][]byte{doc}, nil
	}
	return [][]byte{doc[:v.start], jsonx.AppendString(nil, name), doc[v.end:]}, nil
}

// valueFinder finds the value of a member.
type valueFinder struct {
	path       []string
	start, end int
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (v *valueFinder) UnmarshalJSONFrom(d *jsonx.Decoder) error { return v.find(d, v.path) }

func (v *valueFinder) find(d *jsonx.Decoder, path []string) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	return jsonx.Object(d, func(name []byte) error {
		switch {
		case string(name) != path[0]:
			return d.SkipValue()
		case len(path) > 1:
			return v.find(d, path[1:])
		}
		value, err := d.ReadValue()
		v.end = int(d.InputOffset())
		v.start = v.end - len(value)
		return err
	})
}
