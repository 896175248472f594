package invoke

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// Event is one event of Anthropic's stream.
type Event struct {
	// Type is the event's type, such as content_block_delta.
	Type string
	// Data is its JSON, on one line, without what Bedrock adds. It stays valid until the next call of
	// Next.
	Data []byte
}

// HasContent reports whether the event is part of the response itself: a delta, the beginning of a
// tool call, or the end. Before the first such event nothing of the response has been sent, and the
// call can be retried.
func (e *Event) HasContent() bool {
	switch e.Type {
	case "message_start", "ping", "content_block_stop":
		return false
	case "content_block_start":
		return !bytes.Contains(e.Data, []byte(`"type":"text"`)) && !bytes.Contains(e.Data, []byte(`"type":"thinking"`))
	default:
		return true
	}
}

// Reader reads the body of a response of InvokeModelWithResponseStream with status 200.
type Reader struct {
	frames *eventstream.Decoder
	tapped Tapped
	data   []byte
	some   bool // a frame has arrived
	done   bool // message_stop has arrived
	err    error
}

// NewReader makes a Reader of a body.
func NewReader(body io.Reader) *Reader { return &Reader{frames: eventstream.NewDecoder(body)} }

// Share makes the Reader take its buffers for large frames from b, and returns the Reader. It is
// called before the first Next.
func (r *Reader) Share(b *eventstream.Buffers) *Reader {
	r.frames.Share(b)
	return r
}

// More reports whether Next can return without waiting for the network.
func (r *Reader) More() bool { return r.err == nil && r.frames.More() }

// Tapped returns what the response has said of itself so far.
func (r *Reader) Tapped() *Tapped { return &r.tapped }

// Next fills ev with the next event. It returns io.EOF where the body ends after message_stop and
// between two frames. Any other end is a *awserror.Fault with InStream set, of the same kinds as for
// Converse: a stream without message_stop is never complete. An error ends the stream: Next returns
// it from then on.
func (r *Reader) Next(ev *Event) error {
	*ev = Event{}
	if r.err == nil {
		if r.err = r.next(ev); r.err == nil {
			return nil
		}
		r.frames.Release()
		r.data = nil
		*ev = Event{}
	}
	return r.err
}

// keptData is the largest buffer for an event that is kept for the next one, in bytes.
const keptData = 4 << 10

func (r *Reader) next(ev *Event) error {
	for {
		frame, err := r.frames.Next()
		if err != nil {
			return awserror.Ended(err, r.some, r.done)
		}
		r.some = true
		if fault := awserror.Exception(frame); fault != nil {
			return fault
		}
		if string(frame.Header(eventstream.HeaderEventType)) != "chunk" {
			continue // a member that the service model may get
		}
		if cap(r.data) > keptData {
			r.data = nil
		}
		r.data, err = content(r.data[:0], frame.Payload)
		r.frames.Trim()
		if err == nil {
			ev.Data = r.data
			err = r.take(ev)
		}
		if err == nil {
			return nil
		}
		if fault, ok := errors.AsType[*awserror.Fault](err); ok {
			return fault
		}
		return &awserror.Fault{Kind: awserror.FaultCorrupt, InStream: true, Err: err, Message: "a chunk cannot be decoded: " + err.Error()}
	}
}

// content appends the bytes of a chunk: {"bytes":"...","p":"..."}.
func content(dst, payload []byte) ([]byte, error) {
	const begin = `{"bytes":"`
	if rest, ok := bytes.CutPrefix(payload, []byte(begin)); ok {
		if text, tail, ok := bytes.Cut(rest, []byte{'"'}); ok && padding(tail) {
			if out, err := base64.StdEncoding.AppendDecode(dst, text); err == nil {
				return out, nil
			}
		}
	}
	var p struct {
		Bytes *string `json:"bytes"`
	}
	if err := jsonx.Unmarshal(payload, &p); err != nil {
		return dst, err
	}
	if p.Bytes == nil {
		return dst, errors.New("it has no bytes")
	}
	return base64.StdEncoding.AppendDecode(dst, []byte(*p.Bytes))
}

// padding reports whether the rest of a chunk is nothing but the member p, if any: letters and
// digits.
func padding(tail []byte) bool {
	if string(tail) == "}" {
		return true
	}
	tail, ok := bytes.CutPrefix(tail, []byte(`,"p":"`))
	if !ok {
		return false
	}
	tail, ok = bytes.CutSuffix(tail, []byte(`"}`))
	for _, c := range tail {
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9')
	}
	return ok
}

// take reads what an event says of the response, and removes what Bedrock adds.
func (r *Reader) take(ev *Event) error {
	var err error
	if ev.Type, err = typeOf(ev.Data); err != nil {
		return err
	}
	if strings.ContainsAny(ev.Type, "\r\n") {
		return errors.New("its type is not a name")
	}
	switch ev.Type {
	case "message_start", "message_delta", "message_stop":
		err = r.tap(ev)
	case "error":
		return asException(ev.Data)
	default:
		if plainDelta(ev.Data) {
			return nil
		}
		if !jsonx.Valid(ev.Data) {
			err = errors.New("it is not JSON")
		}
	}
	if err == nil && bytes.ContainsAny(ev.Data, "\r\n") { // between tokens: a string has none
		ev.Data, err = jsonx.Compact(ev.Data)
	}
	return err
}

// plainDelta reports whether an event is a text delta as AWS writes it, on one line and without
// escapes in its text, which is most of a stream. Such an event is valid JSON.
func plainDelta(data []byte) bool {
	rest, ok := bytes.CutPrefix(data, []byte(`{"type":"content_block_delta","index":`))
	if !ok || len(rest) == 0 || rest[0] < '0' || rest[0] > '9' {
		return false // an index above 9 is left to the JSON library
	}
	text, ok := bytes.CutPrefix(rest[1:], []byte(`,"delta":{"type":"text_delta","text":"`))
	if !ok {
		return false
	}
	if text, ok = bytes.CutSuffix(text, []byte(`"}}`)); !ok {
		return false
	}
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(text)
}

// metrics is what Bedrock adds to the last event.
const metrics = "amazon-bedrock-invocationMetrics"

func (r *Reader) tap(ev *Event) error {
	var e struct {
		Message message   `json:"message"`
		Delta   message   `json:"delta"`
		Usage   jsonx.Raw `json:"usage"`
		Metrics *struct {
			Input      int64  `json:"inputTokenCount"`
			Output     int64  `json:"outputTokenCount"`
			CacheRead  *int64 `json:"cacheReadInputTokenCount"`
			CacheWrite *int64 `json:"cacheWriteInputTokenCount"`
			Latency    *int64 `json:"invocationLatency"`
		} `json:"amazon-bedrock-invocationMetrics"`
	}
	if err := jsonx.Unmarshal(ev.Data, &e); err != nil {
		return err
	}
	t := &r.tapped
	switch ev.Type {
	case "message_start":
		return t.message(&e.Message)
	case "message_delta":
		t.stop(e.Delta.StopReason)
		return t.count(e.Usage)
	}
	r.done = true
	m := e.Metrics
	if m == nil {
		return nil
	}
	if m.Latency != nil {
		t.LatencyMs = llm.Some(*m.Latency)
	}
	if !t.Counted {
		t.Counted = true
		t.Usage.Input, t.Usage.Output = m.Input, m.Output
		if m.CacheRead != nil {
			t.Usage.CacheRead = llm.Some(*m.CacheRead)
		}
		if m.CacheWrite != nil {
			t.Usage.CacheWrite = llm.Some(*m.CacheWrite)
		}
		t.Usage.Total = t.Usage.Prompt() + t.Usage.Output
	}
	doc, err := parse(ev.Data)
	if err != nil {
		return err
	}
	doc.root.member(metrics).drop()
	ev.Data = bytes.Join(doc.render(&doc.root), nil)
	return nil
}

// Events reads the same body in the common language.
type Events struct {
	*Reader
	decoder anthropic.EventReader
	queue   []llm.Event
	next    int // of queue
	failed  error
}

// NewEvents makes Events of a Reader that has read nothing yet.
func NewEvents(r *Reader) *Events { return &Events{Reader: r} }

// Next fills ev with the next event. Its errors are those of Reader.Next.
func (e *Events) Next(ev *llm.Event) error {
	*ev = llm.Event{}
	for e.next == len(e.queue) {
		if e.failed != nil {
			return e.failed
		}
		clear(e.queue)
		e.queue, e.next = e.queue[:0], 0
		var raw Event
		if e.failed = e.Reader.Next(&raw); e.failed != nil {
			continue
		}
		var err error
		if e.queue, err = e.decoder.Append(e.queue, raw.Data); err != nil {
			clear(e.queue)
			e.queue = e.queue[:0]
			e.failed = &awserror.Fault{
				Kind: awserror.FaultCorrupt, InStream: true, Err: err, Message: "an event " + raw.Type + " cannot be decoded: " + err.Error(),
			}
		}
		e.complete()
	}
	*ev = e.queue[e.next]
	e.next++
	return nil
}

// complete adds to the last event what only Bedrock's additions say, which Reader has removed.
func (e *Events) complete() {
	for i := range e.queue {
		ev := &e.queue[i]
		if ev.Kind != llm.EventUsage {
			continue
		}
		t := e.Tapped()
		ev.LatencyMs = t.LatencyMs
		if ev.Usage == nil && t.Counted {
			usage := t.Usage
			ev.Usage = &usage
		}
	}
}

// More reports whether Next can return without waiting for the network.
func (e *Events) More() bool { return e.next < len(e.queue) || e.failed == nil && e.Reader.More() }
