package outcrop

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// EntryHealth is whether an entry of the configuration can be called, as far as that is known.
type EntryHealth struct {
	// Name is the name that clients request, Model the provider and the model string, and ID that of the deployment.
	Name, Model, ID string
	// Fault is why calls will probably fail, with the code of the error that they would get, if that is known; empty
	// if nothing is wrong.
	Fault string

	// Provider is the name of the provider, and Mode model_info.mode; empty if there is none.
	Provider, Mode string
	// Called is whether Probe has called the model, and Err the error of the call; nil if the check has found otherwise what is
	// wrong, or nothing.
	Called bool
	Err    *llm.Error
	// At is when Probe had its result, and Took how long that took.
	At   time.Time
	Took time.Duration
}

// Times of Health.
const (
	healthTimeout = 8 * time.Second  // of each check
	healthBound   = 10 * time.Second // of all
	healthKept    = 30 * time.Second // how long a result is given again
)

// healthChecks keeps the last results, so that a monitor that asks often makes few calls.
type healthChecks struct {
	mu   sync.Mutex
	at   time.Time
	last []EntryHealth

	probes probes
}

// Health checks every entry with the checks of Check that are free of charge: credentials, addresses, and whether
// providers answer; models that are unknown or retired count as well. It takes up to 10 seconds, whatever ctx is, and
// returns the last result if that is at most 30 seconds old. Callers must not modify the slice.
func (c *Client) Health(ctx context.Context) []EntryHealth {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	if now := time.Now(); c.health.last == nil || now.Sub(c.health.at) > healthKept {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthBound) // others wait for the result
		defer cancel()
		c.health.last = c.checkHealth(limited, now)
		c.health.at = time.Now()
	}
	return c.health.last
}

// checkHealth makes the checks.
func (c *Client) checkHealth(ctx context.Context, now time.Time) []EntryHealth {
	found := map[int][]Finding{} // by identity
	x := &check{c: c, s: c.served(), CheckOptions: CheckOptions{Free: true, Brief: true, Since: now.Add(-healthKept), Timeout: healthTimeout}, report: func(f Finding) {
		found[f.CallerIndex] = append(found[f.CallerIndex], f)
	}}
	x.identify()
	x.check(ctx)
	s := x.s
	all := make([]EntryHealth, len(s.models))
	doubted := map[string]string{}
	for _, d := range c.Doubts() {
		if !d.Mild && doubted[d.Entry] == "" {
			doubted[d.Entry] = d.Message
		}
	}
	for i := range all {
		m := s.models[i]
		all[i] = EntryHealth{Name: cmp.Or(m.Public, m.Name), Model: m.Provider + "/" + m.Model, ID: m.ID}
		if r, ok := s.deployments[i].(provider.Readier); ok {
			if err := r.Ready(ctx); err != nil {
				all[i].Fault = faultOf(llm.AsError(err))
			}
		}
		if subject := x.of[i]; subject != nil {
			all[i].Fault = cmp.Or(all[i].Fault, firstFault(found[subject.number], x.locations[i]))
		}
		all[i].Fault = cmp.Or(all[i].Fault, doubted[m.Path])
	}
	return all
}

// faultOf is an error as Fault has it.
func faultOf(e *llm.Error) string { return string(e.Code) + ": " + e.Message }

// firstFault is the first failure among the findings of an identity that concerns an entry with some locations; empty
// if there is none.
func firstFault(found []Finding, locations []string) string {
	if len(found) == 0 {
		return faultOf(&llm.Error{Code: llm.CodeTimeout, Message: "the provider has not answered in time."})
	}
	for i := range found {
		f := &found[i]
		switch {
		case f.State != provider.StateFail || f.Location != "" && len(locations) > 0 && !slices.Contains(locations, f.Location):
		case f.Err != nil:
			return faultOf(f.Err)
		default:
			return f.Detail
		}
	}
	return ""
}
