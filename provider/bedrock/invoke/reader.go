package invoke

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// Event is one event of Anthropic's stream. Its data, without what Bedrock adds, stays valid until the
// next call of Next.
type Event = anthropic.RawEvent

// Reader reads the body of a response of InvokeModelWithResponseStream with status 200.
type Reader struct {
	frames *eventstream.Decoder
	tapped Tapped
	data   []byte
	some   bool // a frame has arrived
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
			return awserror.Ended(err, r.some, r.tapped.Done)
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
			err = r.take(ev)
		}
		if err == nil {
			return nil
		}
		if failure, ok := errors.AsType[*anthropic.APIError](err); ok {
			return fault(failure, true)
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
	if err := r.tapped.Take(ev, r.data); err != nil || ev.Type != "message_stop" {
		return err
	}
	return r.measured(ev)
}

// metrics is what Bedrock adds to the last event.
const metrics = "amazon-bedrock-invocationMetrics"

// measured takes Bedrock's measurements out of the last event.
func (r *Reader) measured(ev *Event) error {
	if !bytes.Contains(ev.Data, []byte(metrics)) {
		return nil
	}
	var m measurements
	const begin = `{"type":"message_stop"`
	// Bedrock writes them at the end. Take has shown that the event is valid.
	if last, ok := bytes.CutPrefix(ev.Data, []byte(begin+`,"`+metrics+`":`)); ok {
		last = last[:len(last)-1]
		if err := jsonx.Unmarshal(last, &m); err == nil { // otherwise more members follow
			r.measure(&m)
			ev.Data = append(ev.Data[:len(begin)], '}')
			return nil
		}
		m = measurements{}
	}
	doc, err := parse(ev.Data)
	if err != nil {
		return err
	}
	found := doc.root.member(metrics)
	if found == nil {
		return nil // it is a text somewhere
	}
	if err := jsonx.Unmarshal(doc.doc[found.start:found.end], &m); err != nil {
		return err
	}
	r.measure(&m)
	found.drop()
	ev.Data = bytes.Join(doc.render(&doc.root), nil)
	return nil
}

// measurements are the value of the member metrics.
type measurements struct {
	usage   llm.Usage
	latency llm.Opt[int64] // milliseconds
	given   bool           // it is not null
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (m *measurements) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	m.given = d.PeekKind() != 'n'
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "inputTokenCount":
			return jsonx.Int(d, &m.usage.Input)
		case "outputTokenCount":
			return jsonx.Int(d, &m.usage.Output)
		case "cacheReadInputTokenCount":
			return llm.ReadCount(d, &m.usage.CacheRead)
		case "cacheWriteInputTokenCount":
			return llm.ReadCount(d, &m.usage.CacheWrite)
		case "invocationLatency":
			return llm.ReadCount(d, &m.latency)
		default:
			return d.SkipValue()
		}
	})
}

// measure takes over what only the measurements say.
func (r *Reader) measure(m *measurements) {
	t := &r.tapped
	if m.latency.Set {
		t.LatencyMs = m.latency
	}
	if t.Counted || !m.given {
		return
	}
	t.Counted = true
	t.Usage.Input, t.Usage.Output = m.usage.Input, m.usage.Output
	if m.usage.CacheRead.Set {
		t.Usage.CacheRead = m.usage.CacheRead
	}
	if m.usage.CacheWrite.Set {
		t.Usage.CacheWrite = m.usage.CacheWrite
	}
	t.Usage.Total = t.Usage.Prompt() + t.Usage.Output
}

// Events reads the same body in the common language.
type Events struct {
	*Reader
	stream anthropic.StreamReader
}

// NewEvents makes Events of a Reader that has read nothing yet.
func NewEvents(r *Reader) *Events { return &Events{Reader: r} }

// Next fills ev with the next event. Its errors are those of Reader.Next.
func (e *Events) Next(ev *llm.Event) error {
	err := e.stream.Next(ev, e.Reader.Next)
	if broken, ok := errors.AsType[*anthropic.EventError](err); ok {
		return &awserror.Fault{Kind: awserror.FaultCorrupt, InStream: true, Err: broken, Message: broken.Error()}
	}
	if ev.Kind == llm.EventUsage { // what only Bedrock's additions say, which Reader has removed
		t := e.Tapped()
		ev.LatencyMs = t.LatencyMs
		if ev.Usage == nil && t.Counted {
			usage := t.Usage
			ev.Usage = &usage
		}
	}
	return err
}

// More reports whether Next can return without waiting for the network.
func (e *Events) More() bool { return e.stream.More(e.Reader.Next, e.Reader.More) }
