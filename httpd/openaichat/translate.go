package openaichat

import (
	"errors"
	"io"

	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// translate encodes a stream event by event.
func (c *completion) translate(s llm.Stream) llm.RawStream {
	t := &translated{inner: s, completion: c, chunks: wire.NewChunks(envelope(c.call, c.request), c.request.IncludeUsage, 1)}
	t.meta = *s.Meta()
	t.sync()
	return t
}

// translated is a stream of the common language as chunks.
type translated struct {
	inner      llm.Stream
	completion *completion
	chunks     *wire.Chunks
	meta       llm.Meta
	at         llm.Event
	buf        []byte
	ended      bool
}

func (t *translated) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if t.ended {
		return io.EOF
	}
	switch err := t.inner.Next(&t.at); {
	case errors.Is(err, io.EOF):
		t.ended = true
		t.sync()
		t.buf = t.chunks.AppendEnd(t.buf[:0], t.meta.Warnings)
		ev.Content = true
	case err != nil:
		return err
	default:
		t.buf = t.chunks.Append(t.buf[:0], &t.at)
		ev.Content, ev.Length = t.at.HasContent(), len(t.at.Text)
		ev.RawStop, ev.ServiceTier, ev.Usage = t.at.RawStop, t.at.ServiceTier, t.at.Usage
		t.at = llm.Event{} // its texts are not held while the client is slow to read
		if err := t.chunks.Err(); err != nil {
			return err
		}
	}
	if ev.Data = t.buf; len(t.buf) == 0 {
		ev.Data = nil
	}
	return nil
}

// sync adopts what the inner stream has learnt about itself since.
func (t *translated) sync() {
	deployment, retries, price := t.meta.Deployment, t.meta.Retries, t.meta.Price // which the router has set
	t.meta = *t.inner.Meta()
	t.meta.Deployment, t.meta.Retries = deployment, retries
	if price != nil {
		t.meta.Price = price
	}
	t.meta.Warnings = t.completion.warnings(t.inner.Meta())
}

func (t *translated) More() bool { return t.ended || t.inner.More() }

func (t *translated) Meta() *llm.Meta { return &t.meta }

func (t *translated) Close() error { return t.inner.Close() }
