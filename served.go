package outcrop

import (
	"slices"

	"outcrop/catalog"
	"outcrop/config"
	"outcrop/provider"
)

// served are the entries that calls find at a time, and what belongs to each of them, in one order: those of the
// configuration first. It is not modified once calls can see it.
type served struct {
	cfg         *config.Config
	models      []*config.Model
	deployments []provider.Deployment               // nil for an entry that could not be opened
	facts       []func(model string) *catalog.Model // nil for those with a catalogue of their own
	incomplete  []bool                              // whether it was opened without settings that are invalid
}

// opened is an entry with its deployment.
type opened struct {
	model      *config.Model
	deployment provider.Deployment
	facts      func(model string) *catalog.Model
	incomplete bool
}

// grow makes room for n further entries.
func (s *served) grow(n int) {
	s.models, s.deployments = slices.Grow(s.models, n), slices.Grow(s.deployments, n)
	s.facts, s.incomplete = slices.Grow(s.facts, n), slices.Grow(s.incomplete, n)
}

func (s *served) add(o *opened) {
	s.models, s.deployments = append(s.models, o.model), append(s.deployments, o.deployment)
	s.facts, s.incomplete = append(s.facts, o.facts), append(s.incomplete, o.incomplete)
}

// served are the entries at present.
func (c *Client) served() *served { return c.current.Load() }

// Entry is an entry of the configuration, or one that was added.
type Entry struct {
	*config.Model

	// Known is what is known of its model; of one with a *, its id alone.
	Known provider.Model
	// Added is whether it is not of the configuration.
	Added bool
}

// Entries lists what is served: the configuration's entries, and those that were added.
func (c *Client) Entries() []Entry {
	s := c.served()
	out := make([]Entry, len(s.models))
	for i := range out {
		out[i] = Entry{Model: s.models[i], Known: s.about(i), Added: i >= len(s.cfg.Models)}
	}
	return out
}
