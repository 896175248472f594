package invoke

import (
	"bytes"
	"strings"

	"outcrop/llm"
)

// Betas takes the values of the header anthropic-beta out of a call's headers, for Adapt; Bedrock
// does not read the header.
func Betas(headers []llm.Label) (betas []string, rest []llm.Label) {
	for _, h := range headers {
		if strings.EqualFold(h.Name, fieldBeta) {
			betas = append(betas, h.Value)
		} else {
			rest = append(rest, h)
		}
	}
	return betas, rest
}

// Bytes returns Body in one piece.
func (a *Answer) Bytes() []byte { return bytes.Join(a.Body, nil) }

// Relay reads a stream as server-sent events of the dialect.
type Relay struct {
	*Reader
	writer EventWriter
	event  Event
	buf    []byte
}

// NewRelay makes a Relay of a Reader that has read nothing yet. model is the client's name for the
// model; if it is empty, AWS's stays.
func NewRelay(r *Reader, model string) *Relay { return &Relay{Reader: r, writer: EventWriter{model}} }

// Next fills ev with the next event. Its errors are those of Reader.Next.
func (s *Relay) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if err := s.Reader.Next(&s.event); err != nil {
		s.buf = nil
		return err
	}
	if cap(s.buf) > keptData {
		s.buf = nil
	}
	s.buf = s.writer.Append(s.buf[:0], &s.event)
	ev.Type, ev.Data, ev.Content = s.event.Type, s.buf, s.event.HasContent()
	switch ev.Type {
	case "content_block_delta":
		ev.Length = len(s.event.Data)
	case "message_start", "message_delta", "message_stop":
		t := s.Tapped()
		if t.Counted {
			usage := t.Usage
			ev.Usage = &usage
		}
		if ev.Type != "message_start" {
			ev.RawStop, ev.ServiceTier = t.RawStop, t.ServiceTier
		}
	}
	return nil
}
