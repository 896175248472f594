package tenant

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"outcrop/llm"
	"outcrop/quota"
)

// Priorities are shares of what models can take, by the priority of keys and teams: litellm_settings.priority_reservation and
// priority_reservation_settings (litellm/proxy/hooks/dynamic_rate_limiter_v3.py, 1.110.2).
type Priorities struct {
	Shares map[string]Share
	// Usual is the share of all callers together whose priority has none, and Threshold how much of a model must be used before
	// shares hold. Both are parts of 1.
	Usual, Threshold float64
}

// Share is a part of what a model can take in a minute.
type Share struct {
	Value float64
	Kind  ShareKind
}

// ShareKind is what a share is given in, in LiteLLM's words.
type ShareKind string

// The kinds of shares.
const (
	SharePart     ShareKind = "percent" // a part of 1
	ShareRequests ShareKind = "rpm"
	ShareTokens   ShareKind = "tpm"
)

// of is a share as a part of 1.
func (s Share) of(c *llm.Capacity) float64 {
	switch {
	case s.Kind == ShareRequests && c.Requests.Value > 0:
		return s.Value / float64(c.Requests.Value)
	case s.Kind == ShareTokens && c.Tokens.Value > 0:
		return s.Value / float64(c.Tokens.Value)
	default:
		return s.Value
	}
}

// part is what callers with a priority have of a model, and the name of those who share it. Shares that are more than all
// are made smaller alike.
func (p *Priorities) part(priority string, c *llm.Capacity) (part float64, pool string) {
	own, there := p.Shares[priority]
	if !there {
		return p.Usual, ""
	}
	sum := 0.0
	for _, s := range p.Shares {
		sum += s.of(c)
	}
	return own.of(c) / max(1, sum), priority
}

// pooled are the counters of a model of which callers with a priority have a part. They are not modified.
type pooled struct {
	capacity llm.Capacity
	// model counts all calls of the model, and own those of the priority. Both are bounded by what the model can take.
	model, own []limit
	most       []int64 // what the priority may use of each once the model is used so far
	threshold  float64
	whose      string
}

// pool is a priority's part of a model.
type pool struct{ model, priority string }

// pooled returns the counters of a model for callers with a priority; nil if shares are not configured or nothing is known of
// what the model can take.
func (d *Directory) pooled(model, priority string, c *llm.Capacity) *pooled {
	settings := d.settings().Priorities
	if settings == nil || c == nil {
		return nil
	}
	part, name := settings.part(priority, c)
	at := pool{model, name}
	d.mu.RLock()
	p := d.pools[at]
	d.mu.RUnlock()
	if p != nil && p.capacity == *c {
		return p
	}
	p = &pooled{capacity: *c, threshold: settings.Threshold, whose: "calls without a priority"}
	if name != "" {
		p.whose = "calls with the priority " + strconv.Quote(name)
	}
	minute := d.settings().minute()
	add := func(what what, suffix string, most llm.Opt[int64]) {
		if !most.Set {
			return
		}
		bound := quota.Limit{Units: most.Value, Window: minute}
		counted := func(whose, base string) limit {
			l := limit{scope: scope{whose: whose, what: what, tokens: d.settings().Counted}, id: base + suffix, most: bound}
			l.counter = d.opt.Rates.Counter(l.id, l.most)
			return l
		}
		p.model = append(p.model, counted("the model "+model, "model:"+model))
		p.own = append(p.own, counted(p.whose+" of the model "+model, "priority:"+name+":"+model))
		p.most = append(p.most, int64(float64(most.Value)*part+1e-9)) // 4 of 10 are 0.6/1.5 of them
	}
	add(whatRequests, "/requests", c.Requests)
	add(whatTokens, "/tokens", c.Tokens)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pools == nil {
		d.pools = map[pool]*pooled{}
	}
	d.pools[at] = p
	return p
}

// spent is whether a priority has used its part of a model that is used as far as the threshold, before another call.
func (p *pooled) spent(rates *quota.Ledger) *llm.Error {
	saturated := 0.0
	for i := range p.model {
		s := rates.State(p.model[i].counter)
		saturated = max(saturated, float64(s.Limit-s.Left)/float64(max(s.Limit, 1)))
	}
	if saturated < p.threshold {
		return nil
	}
	for i := range p.own {
		s := rates.State(p.own[i].counter)
		if s.Limit-s.Left >= p.most[i] {
			return p.refused(&p.own[i], p.most[i], s.Resets, saturated)
		}
	}
	return nil
}

// refused is the refusal of a call whose priority has used its part of a model.
func (p *pooled) refused(l *limit, most int64, resets time.Duration, saturated float64) *llm.Error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: 429, Class: classRate, RetryAfter: strconv.Itoa(cmp.Or(int(math.Ceil(resets.Seconds())), 60))}
	unit := "requests"
	if l.scope.what == whatTokens {
		unit = l.scope.tokens.String()
	}
	e.Message = fmt.Sprintf("Priority-based rate limit exceeded for %s: %d %s a minute, while %d %% of the model's capacity is used.", l.scope.whose, most, unit, int(saturated*100))
	e.Fix = "Send the request again after " + e.RetryAfter + " s, or ask the gateway's operator for another priority (metadata.priority of the key or its team)."
	return e
}
