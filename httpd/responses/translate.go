package responses

import (
	"cmp"
	"errors"
	"io"

	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// translate encodes a stream event by event.
func (x *exchange) translate(s llm.Stream) llm.RawStream {
	x.events = wire.NewEvents(x.env)
	t := &translated{inner: s, exchange: x, events: x.events}
	t.meta = *s.Meta()
	t.sync()
	return t
}

// translated is a stream of the common language as events of the API.
type translated struct {
	inner    llm.Stream
	exchange *exchange
	events   *wire.Events
	meta     llm.Meta
	at       llm.Event
	buf      []byte
	ended    bool
}

func (t *translated) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if t.ended {
		return io.EOF
	}
	t.buf = t.buf[:0]
	for len(t.buf) == 0 {
		switch err := t.inner.Next(&t.at); {
		case errors.Is(err, io.EOF):
			t.ended = true
			t.sync()
			t.buf = t.events.AppendEnd(t.buf, t.meta.Warnings)
			ev.Content = true
		case err != nil:
			return err
		default:
			t.take(ev)
			if err := t.events.Err(); err != nil {
				return err
			}
		}
	}
	ev.Data = t.buf
	return nil
}

// take encodes one event, and notes what it reports.
func (t *translated) take(ev *llm.RawEvent) {
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

// sync adopts what the inner stream has learnt about itself since.
func (t *translated) sync() {
	deployment, retries := t.meta.Deployment, t.meta.Retries
	t.meta = *t.inner.Meta()
	t.meta.Deployment, t.meta.Retries = deployment, retries
	t.meta.Warnings = t.exchange.warnings(t.inner.Meta())
}

func (t *translated) More() bool { return t.ended || t.inner.More() }

func (t *translated) Meta() *llm.Meta { return &t.meta }

func (t *translated) Close() error { return t.inner.Close() }
