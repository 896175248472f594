package route

import (
	"time"

	"outcrop/catalog"
	"outcrop/llm"
)

// Served describes how a call was served.
type Served struct {
	Deployment string // its id
	Retries    int    // the failed attempts before
	Tries      []llm.Try
	Fallbacks  int    // how many fallbacks were tried, including the one that served it
	Group      string // the fallback that served the call; empty if none has

	deployment *deployment
	foreign    bool      // with the client's own settings, which say nothing of the deployment
	began      time.Time // the attempt that succeeded
	now        func() time.Time

	price llm.Pricer
	facts func(model string) *catalog.Model
	model string
}

func (s Served) note(m *llm.Meta) {
	m.Deployment, m.Retries, m.Tries, m.Fallbacks, m.Fallback = s.Deployment, s.Retries, s.Tries, s.Fallbacks, s.Group
	switch {
	case s.price != nil:
		m.Price, m.Bill = s.price, "" // the operator knows better
	case m.Price == nil && s.facts != nil:
		if known := s.facts(s.model); known != nil && known.Prices != nil {
			m.Price = known.Prices
		}
	}
}

// used counts what a call has used, if that is known.
func (s *Served) used(u *llm.Usage) {
	if u != nil && !s.foreign {
		s.deployment.used(u.Prompt()+u.Output, s.now())
	}
}

// opened notes that the first content of a stream has arrived, or succeeded that a response is complete; tokens are those of its output, 0
// if unknown.
func (s *Served) opened() { s.measured(0, true) }

func (s *Served) succeeded(tokens int64) {
	s.measured(tokens, false)
	s.deployment.inFlight.Add(-1)
}

func (s *Served) measured(tokens int64, stream bool) {
	if s.foreign {
		s.deployment.release()
		return
	}
	now := s.now()
	s.deployment.succeeded(sample{took: now.Sub(s.began), tokens: tokens, stream: stream}, now)
}
