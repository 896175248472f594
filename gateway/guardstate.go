package gateway

import (
	"slices"
	"sync"

	"outcrop/guard"
	"outcrop/telemetry"
)

// GuardrailState is how a guardrail does.
type GuardrailState struct {
	Name string
	// Err is why its last check had no verdict; nil if it had one.
	Err error
}

// GuardrailStates are how the guardrails do, in their order.
func (g *Gateway) GuardrailStates() []GuardrailState { return g.states.all() }

// guarding is what guardrails have to do with a call.
type guarding struct {
	rules    []rule       // that are in force
	policies []string     // that are in force
	byModel  []string     // the guardrails of the model's entries
	restore  []guard.Pair // what guardrails have masked and is put back into the response
	given    bool         // a provider may have the request
}

// guardStates is how the last check of each guardrail ended.
type guardStates struct {
	down func(name string, err error) // is told of changes

	mu     sync.Mutex
	states []GuardrailState
}

// begin sets what there is. Nothing is known yet of those that were not there before, and those that are there no longer do not count as
// failing.
func (s *guardStates) begin(rules []*guard.Rule, recorder *telemetry.Recorder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = recorder.GuardrailDown
	before := s.states
	s.states = nil
	for _, r := range rules {
		if at := slices.IndexFunc(before, func(was GuardrailState) bool { return was.Name == r.Name }); at >= 0 {
			s.states = append(s.states, before[at])
			before = slices.Delete(slices.Clone(before), at, at+1)
			continue
		}
		s.states = append(s.states, GuardrailState{Name: r.Name})
		s.down(r.Name, nil)
	}
	for _, gone := range before {
		s.down(gone.Name, nil)
	}
}

// became keeps how a check ended.
func (s *guardStates) became(r *guard.Rule, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.states {
		state := &s.states[i]
		if state.Name != r.Name {
			continue
		}
		if changed := (state.Err == nil) != (err == nil); changed {
			s.down(r.Name, err)
		}
		state.Err = err
		return
	}
}

func (s *guardStates) all() []GuardrailState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]GuardrailState(nil), s.states...)
}

// guardCaller is who makes the call, for services that are told of it.
func (c *Call) guardCaller() guard.Caller {
	t := c.caller.tenant
	if t == nil {
		return guard.Caller{EndUser: c.labels.customer}
	}
	w := t.Who(c.labels.customer, nil)
	return guard.Caller{
		KeyHash: w.KeyHash, KeyAlias: w.KeyAlias, UserID: w.UserID, UserEmail: w.UserEmail, TeamID: w.TeamID, TeamAlias: w.TeamAlias,
		OrganizationID: w.OrganizationID, EndUser: w.Customer,
	}
}
