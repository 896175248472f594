package route

import (
	"outcrop/catalog"
	"outcrop/llm"
)

// Served describes how a call was served.
type Served struct {
	Deployment string // its id
	Retries    int    // the failed attempts before

	price llm.Pricer
	facts func(model string) *catalog.Model
	model string
}

func (s Served) note(m *llm.Meta) {
	m.Deployment, m.Retries = s.Deployment, s.Retries
	switch {
	case s.price != nil:
		m.Price, m.Bill = s.price, "" // the operator knows better
	case m.Price == nil && s.facts != nil:
		if known := s.facts(s.model); known != nil && known.Prices != nil {
			m.Price = known.Prices
		}
	}
}
