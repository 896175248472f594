package door

import (
	"cmp"
	"errors"
	"io"

	"outcrop/llm"
)

// Encoder encodes the events of a stream in a dialect.
type Encoder interface {
	// Append appends what an event becomes, if anything.
	Append(dst []byte, ev *llm.Event) []byte
	// AppendEnd appends the end of a complete response, with its warnings where the dialect has a
	// place for them.
	AppendEnd(dst []byte, warnings []llm.Warning) []byte
	// Err is why the stream cannot be encoded; nil if it can.
	Err() error
}

// Translate encodes a stream event by event. warnings are those of the response with its metadata.
func Translate(s llm.Stream, e Encoder, warnings func(*llm.Meta) []llm.Warning) llm.RawStream {
	t := &translating{inner: s, events: e, warnings: warnings, meta: *s.Meta()}
	t.sync()
	return t
}

// translating is a stream of the common language as the events of a dialect.
type translating struct {
	inner    llm.Stream
	events   Encoder
	warnings func(*llm.Meta) []llm.Warning
	meta     llm.Meta
	at       llm.Event
	buf      []byte       // what Next has returned, and from told on what it returns next
	told     int          // how much of buf
	spare    []byte       // the other buffer, which More and Next take in turns
	next     llm.RawEvent // what is known of the next event
	err      error        // comes instead of the next event
	ended    bool
}

func (t *translating) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if t.told == len(t.buf) {
		t.buf, t.told = t.buf[:0], 0
	}
	for !t.ready() {
		t.read()
	}
	if t.err != nil {
		return t.err
	}
	*ev, t.next = t.next, llm.RawEvent{}
	ev.Data, t.told = t.buf[t.told:len(t.buf):len(t.buf)], len(t.buf)
	if t.ended {
		t.err = io.EOF
	}
	return nil
}

// ready reports whether Next has something to return.
func (t *translating) ready() bool { return len(t.buf) > t.told || t.ended || t.err != nil }

// read encodes one event of the inner stream, which may become nothing.
func (t *translating) read() {
	switch err := t.inner.Next(&t.at); {
	case errors.Is(err, io.EOF):
		t.ended = true
		t.sync()
		t.buf = t.events.AppendEnd(t.buf, t.meta.Warnings)
		t.next.Content = true
	case err != nil:
		t.err = err
	default:
		t.take(&t.next)
		t.err = t.events.Err()
	}
}

// take encodes one event, and notes what it reports.
func (t *translating) take(ev *llm.RawEvent) {
	t.buf = t.events.Append(t.buf, &t.at)
	ev.Content = ev.Content || t.at.HasContent()
	ev.Length += len(t.at.Text)
	ev.RawStop = cmp.Or(t.at.RawStop, ev.RawStop)
	ev.ServiceTier = cmp.Or(t.at.ServiceTier, ev.ServiceTier)
	if t.at.Usage != nil {
		ev.Usage = t.at.Usage
	}
	t.at = llm.Event{} // its texts are not held while the client is slow to read
}

// sync adopts what the inner stream has learnt about itself since, and keeps what the router has set.
func (t *translating) sync() {
	deployment, retries, price := t.meta.Deployment, t.meta.Retries, t.meta.Price
	t.meta = *t.inner.Meta()
	t.meta.Deployment, t.meta.Retries = deployment, retries
	if price != nil {
		t.meta.Price = price
	}
	t.meta.Warnings = t.warnings(t.inner.Meta())
}

// More encodes ahead, behind what Next has returned: not everything that has arrived becomes something.
func (t *translating) More() bool {
	if len(t.buf) > 0 && t.told == len(t.buf) { // what Next has returned stays valid
		t.buf, t.spare, t.told = t.spare[:0], t.buf, 0
	}
	for !t.ready() && t.inner.More() {
		t.read()
	}
	return t.ready()
}

func (t *translating) Meta() *llm.Meta { return &t.meta }

func (t *translating) Close() error { return t.inner.Close() }
