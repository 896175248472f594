package invoke

import (
	"strings"

	"outcrop/llm"
	"outcrop/wire/anthropic"
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

// Relay reads a stream as server-sent events of the dialect.
type Relay struct {
	*Reader
	relay anthropic.Relay
	event Event
}

// NewRelay makes a Relay of a Reader that has read nothing yet. model is the client's name for the
// model; if it is empty, AWS's stays.
func NewRelay(r *Reader, model string) *Relay {
	return &Relay{Reader: r, relay: anthropic.Relay{Model: model}}
}

// Next fills ev with the next event. Its errors are those of Reader.Next.
func (s *Relay) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if err := s.Reader.Next(&s.event); err != nil {
		s.relay = anthropic.Relay{}
		return err
	}
	s.relay.Fill(ev, &s.event, &s.Tapped().Tapped)
	return nil
}
