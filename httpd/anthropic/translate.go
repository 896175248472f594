package anthropic

import (
	"cmp"
	"errors"
	"io"

	"outcrop/llm"
	wire "outcrop/wire/anthropic"
)

// translate encodes a stream event by event.
func (m *message) translate(s llm.Stream) llm.RawStream {
	t := &translated{inner: s, message: m, events: wire.NewEvents(m.env)}
	t.meta = *s.Meta()
	t.sync()
	return t
}

// translated is a stream of the common language as Anthropic's events.
type translated struct {
	inner   llm.Stream
	message *message
	events  *wire.Events
	meta    llm.Meta
	at      llm.Event
	buf     []byte
	ended   bool
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
	deployment, retries, price := t.meta.Deployment, t.meta.Retries, t.meta.Price // which the router has set
	t.meta = *t.inner.Meta()
	t.meta.Deployment, t.meta.Retries = deployment, retries
	if price != nil {
		t.meta.Price = price
	}
	t.meta.Warnings = t.message.warnings(t.inner.Meta())
}

func (t *translated) More() bool { return t.ended || t.inner.More() }

func (t *translated) Meta() *llm.Meta { return &t.meta }

func (t *translated) Close() error { return t.inner.Close() }
