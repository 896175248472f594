package tenant

import (
	"context"
	"slices"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// served is a deployment with limits. It is not modified.
type served struct {
	limits llm.Limits
	counts []limit
}

// admission is what a call, or one of the parts of a call, has reserved of a deployment.
type admission struct {
	money, rates reserved
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
			add(limit{scope: scope{whose: whose}, id: base + "/spend", most: quota.Limit{Units: int64(b.Most.Value), Window: period(b.Duration, time.Time{})}})
		}
	}
	rate := func(what what, tokens Counted, suffix string, most llm.Opt[int64], l quota.Limit) {
		if l.Units = most.Value; most.Set {
			add(limit{scope: scope{whose: whose, what: what, tokens: tokens}, id: base + suffix, most: l})
		}
	}
	budget(whose, base, &limits.Budget)
	budget("the provider "+limits.Provider, "provider:"+limits.Provider, &limits.ProviderBudget)
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

// Admit reserves what the call may use of a deployment, or refuses the deployment. It is a llm.Admission.
func (ch *Charge) Admit(ctx context.Context, limits *llm.Limits) (failed func(), err error) {
	d := ch.c.d
	s := d.serves(limits)
	a := &admission{}
	a.money.limits, a.rates.limits = a.money.room[:0], a.rates.room[:0]
	a.money.add(s.counts, true)
	a.rates.add(s.counts, false)
	ch.mu.Lock()
	n := ch.needed().part()
	ch.mu.Unlock()
	if err := ch.reserve(ctx, &a.money, d.opt.Money, &n); err != nil {
		return nil, unserved(err)
	}
	if err := ch.reserve(ctx, &a.rates, d.opt.Rates, &n); err != nil {
		a.money.settle(nil, &use{})
		return nil, unserved(err)
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.admissions = append(ch.admissions, a)
	return func() { ch.fail(a) }, nil
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

// fail ends a deployment's reservation: the attempt counts as a request, and has cost nothing.
func (ch *Charge) fail(a *admission) {
	ch.mu.Lock()
	ch.admissions = slices.DeleteFunc(ch.admissions, func(other *admission) bool { return other == a })
	ch.mu.Unlock()
	a.money.settle(nil, &use{})
	a.rates.settle(nil, &use{requests: 1})
}

// leave ends what is reserved of deployments, and appends the charges of their money. Of a call that several attempts have
// served, each is charged for an equal part.
func (ch *Charge) leave(charges []store.Charge, u *use) []store.Charge {
	ch.mu.Lock()
	all := ch.admissions
	ch.admissions = nil
	ch.mu.Unlock()
	for i, a := range all {
		left := int64(len(all) - i)
		part := use{cost: u.cost / left, input: u.input / left, output: u.output / left, requests: u.requests}
		charges = a.money.settle(charges, &part)
		a.rates.settle(nil, &part)
		u = &use{cost: u.cost - part.cost, input: u.input - part.input, output: u.output - part.output, requests: u.requests}
	}
	return charges
}
