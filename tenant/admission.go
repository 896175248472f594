package tenant

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

func providerBase(name string) string { return "provider:" + name }

// ProviderCounter is the counter of what all deployments of a provider have spent of its budget.
func ProviderCounter(name string) string { return providerBase(name) + spendSuffix }

// spendSuffix ends the names of counters of money.
const spendSuffix = "/spend"

// served is a deployment with limits. It is not modified.
type served struct {
	limits llm.Limits
	counts []limit
}

// admission is what a call, or one of the parts of a call, has reserved of a deployment.
type admission struct {
	money, rates reserved
	watch        llm.Watcher // nil for nobody
	own          *admission  // of the caller's limits for the deployment's model; nil for none
}

// settle ends the reservation, and appends the charges of its money.
func (a *admission) settle(charges []store.Charge, u *use) []store.Charge {
	charges = a.money.settle(charges, u)
	a.rates.settle(nil, u)
	if a.own != nil {
		charges = a.own.settle(charges, u)
	}
	if a.watch != nil {
		a.watch.Free()
	}
	return charges
}

// serves returns a deployment's limits with their counters.
func (d *Directory) serves(limits *llm.Limits) *served {
	d.mu.RLock()
	s := d.served[limits.Deployment]
	d.mu.RUnlock()
	if s != nil && s.limits == *limits {
		return s
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s = d.served[limits.Deployment]; s != nil && s.limits == *limits {
		return s
	}
	s = &served{limits: *limits}
	whose, base := "the deployment "+limits.Deployment, "deployment:"+limits.Deployment
	add := func(l limit) {
		ledger := d.opt.Rates
		if l.scope.what == whatMoney {
			ledger = d.opt.Money
		}
		l.counter = ledger.Counter(l.id, l.most)
		s.counts = append(s.counts, l)
	}
	budget := func(whose, base string, b *llm.Budget) {
		if b.Most.Set {
			add(limit{scope: scope{whose: whose}, id: base + spendSuffix, most: quota.Limit{Units: int64(b.Most.Value), Window: period(b.Duration, time.Time{})}})
		}
	}
	minute := d.settings().minute()
	rate := func(what what, tokens Counted, suffix string, most llm.Opt[int64], l quota.Limit) {
		if l.Units = most.Value; most.Set {
			add(limit{scope: scope{whose: whose, what: what, tokens: tokens}, id: base + suffix, most: l})
		}
	}
	budget(whose, base, &limits.Budget)
	budget("the provider "+limits.Provider, providerBase(limits.Provider), &limits.ProviderBudget)
	rate(whatRequests, AllTokens, "/requests", limits.Requests, quota.Limit{Window: minute})
	rate(whatTokens, AllTokens, "/tokens", limits.Tokens, quota.Limit{Window: minute})
	rate(whatTokens, InputTokens, "@input/tokens", limits.Input, quota.Limit{Window: minute})
	rate(whatTokens, OutputTokens, "@output/tokens", limits.Output, quota.Limit{Window: minute})
	rate(whatParallel, AllTokens, "/parallel", limits.Parallel, quota.Limit{Kind: quota.Held})
	if d.served == nil {
		d.served = map[string]*served{}
	}
	d.served[limits.Deployment] = s
	return s
}

// Admission reserves what the call may use of deployments, as long as the call is not over.
func (ch *Charge) Admission() llm.Admission {
	of := ch.ended
	return func(ctx context.Context, limits *llm.Limits, name string) (failed func(), err error) {
		return ch.admit(ctx, of, limits, name)
	}
}

// errOver is for an attempt that was given up, of a call that is over.
func errOver() error {
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the call is over"}
}

// admit reserves what a call may use of a deployment and of its model by its own name, or refuses the deployment. of counts the calls
// before it.
func (ch *Charge) admit(ctx context.Context, of int, limits *llm.Limits, name string) (failed func(), err error) {
	ch.mu.Lock()
	if ch.ended != of {
		ch.mu.Unlock()
		return nil, errOver()
	}
	ch.admitted = true // so that the charge remains this call's
	d, n, team := ch.c.d, ch.needed().part(), ch.c.TeamID
	ch.mu.Unlock()
	if limits != nil && limits.Reserved != nil {
		if until := limits.Reserved.Until(team, d.opt.Now()); !until.IsZero() {
			return nil, keptAway(until.Sub(d.opt.Now()))
		}
	}
	a := &admission{}
	if own := ch.ofModel(name); len(own) > 0 {
		a.own = &admission{}
		if err := ch.take(ctx, a.own, own, &n); err != nil {
			return nil, err
		}
	}
	if limits != nil {
		if err := ch.take(ctx, a, d.serves(limits).counts, &n); err != nil {
			if a.own != nil {
				a.own.settle(nil, &use{})
			}
			return nil, unserved(err)
		}
		a.watch = limits.Watch
	}
	ch.mu.Lock()
	over := ch.ended != of
	if !over {
		ch.admissions = append(ch.admissions, a)
	}
	ch.mu.Unlock()
	if over { // meanwhile
		a.settle(nil, &use{})
		return nil, errOver()
	}
	return func() { ch.fail(a) }, nil
}

// take reserves what a call may use of limits.
func (ch *Charge) take(ctx context.Context, a *admission, limits []limit, n *needs) error {
	d := ch.c.d
	a.money.limits, a.rates.limits = a.money.room[:0], a.rates.room[:0]
	a.money.add(limits, true)
	a.rates.add(limits, false)
	if err := ch.reserve(ctx, &a.money, d.opt.Money, n); err != nil {
		return err
	}
	if err := ch.reserve(ctx, &a.rates, d.opt.Rates, n); err != nil {
		a.money.settle(nil, &use{})
		return err
	}
	return nil
}

// ofModel are the limits for a model that the call has not been counted for by the names that it has itself.
func (ch *Charge) ofModel(name string) (limits []limit) {
	if name == "" || slices.Contains(ch.names[:], name) {
		return nil
	}
	for _, p := range ch.parties {
		for i := range p.byModel {
			if l := &p.byModel[i]; l.scope.model == name && (!ch.mirrored || l.scope.what == whatMoney) {
				limits = append(limits, *l)
			}
		}
	}
	return limits
}

// unserved is the refusal of a call that no deployment can serve: it is not the caller's limit, so a budget is told as
// LiteLLM tells it, as a rate limit.
func unserved(err error) error {
	e := llm.AsError(err)
	if e.Code == llm.CodeBudget {
		e.Status, e.Class = 429, classRate
	}
	if e.Code == llm.CodeBudget || e.Code == llm.CodeRateLimited {
		e.Message = "No deployments available for selected model: " + e.Message
	}
	return e
}

// keptAway is the refusal of a deployment that is other teams' for some time.
func keptAway(wait time.Duration) error {
	e := &llm.Error{Code: llm.CodeRateLimited, Status: 429, Class: classRate, RetryAfter: strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}
	e.Message = "No deployments available for selected model: at this time of day it is reserved for other teams (model_info.access_windows)."
	e.Fix = "Send the request again after " + e.RetryAfter + " s."
	return e
}

// fail ends a deployment's reservation: the attempt counts as a request, and has cost nothing.
func (ch *Charge) fail(a *admission) {
	ch.mu.Lock()
	ch.admissions = slices.DeleteFunc(ch.admissions, func(other *admission) bool { return other == a })
	ch.mu.Unlock()
	a.settle(nil, &use{requests: 1})
}

// leave ends what is reserved of deployments, and appends the charges of their money. Of a call that several attempts have
// served, each is charged for an equal part.
func (ch *Charge) leave(charges []store.Charge, u *use) []store.Charge {
	ch.mu.Lock()
	all := ch.admissions
	ch.admissions = nil
	ch.ended++
	ch.mu.Unlock()
	for i, a := range all {
		left := int64(len(all) - i)
		part := use{cost: u.cost / left, input: u.input / left, output: u.output / left, requests: u.requests}
		charges = a.settle(charges, &part)
		u = &use{cost: u.cost - part.cost, input: u.input - part.input, output: u.output - part.output, requests: u.requests}
	}
	return charges
}
