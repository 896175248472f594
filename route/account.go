package route

import (
	"strings"
	"sync/atomic"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// Account is a deployment whose account keeps what clients refer to later, such as files.
type Account struct {
	// Model is a name by which the deployment is routed to, and Deployment its id.
	Model, Deployment string
}

// Account returns a deployment that speaks a dialect: the first of a model name, or, if that is empty, of a
// provider; of all if both are empty. Of the deployments with the same account it is the one that is
// configured first, so that an account always has the same name. It reports false if there is none. It does
// not block.
func (r *Router) Account(dialect, name, of string) (Account, bool) {
	groups := r.table().all
	if name != "" {
		g, _ := r.table().names.find(name)
		if g == nil {
			return Account{}, false
		}
		groups = []*group{g}
	}
	for _, g := range groups {
		for _, t := range g.deployments {
			if name == "" && t.Team != "" { // it is a team's own account
				continue
			}
			if of != "" && t.Provider != of || !t.speaks(dialect, r.captured(g)) {
				continue
			}
			return r.sameAccount(dialect, Account{Model: g.name, Deployment: t.ID}, t), true
		}
	}
	return Account{}, false
}

// captured is what the * of a group's own name matches, when the name is used as it is.
func (r *Router) captured(g *group) string {
	_, captured := r.table().names.find(g.name)
	return captured
}

// sameAccount is the first deployment with the account of another.
func (r *Router) sameAccount(dialect string, found Account, as *deployment) Account {
	own, ok := as.Deployment.(provider.Accounter)
	if !ok {
		return found
	}
	for _, g := range r.table().all {
		for _, t := range g.deployments {
			if other, ok := t.Deployment.(provider.Accounter); ok && t.Team == as.Team && t.Provider == as.Provider && other.Account() == own.Account() && t.speaks(dialect, r.captured(g)) {
				return Account{Model: g.name, Deployment: t.ID}
			}
		}
	}
	return found
}

// speaks reports whether all targets for what the name's * has matched speak a dialect.
func (t *deployment) speaks(dialect, captured string) bool {
	targets, err := t.Deployment.Targets(llm.VerbService, t.modelFor(captured))
	if err != nil {
		return false
	}
	for _, target := range targets {
		if p, ok := target.(provider.Passer); !ok || !p.Speaks(dialect) {
			return false
		}
	}
	return true
}

// ModelAt returns the model that a model name means at the provider of a deployment; empty if no deployment
// of the name has that provider.
func (r *Router) ModelAt(id, name string) string {
	at := ""
	for _, g := range r.table().all {
		for _, t := range g.deployments {
			if t.ID == id {
				at = t.Provider
			}
		}
	}
	g, captured := r.table().names.find(name)
	if g == nil || at == "" {
		return ""
	}
	for _, t := range g.deployments {
		if t.Provider == at {
			return t.modelFor(captured)
		}
	}
	return ""
}

// PriceAt returns the price of a provider's model at a deployment: the operator's, otherwise the known one; nil
// if there is none.
func (r *Router) PriceAt(id, model string) llm.Pricer {
	for _, g := range r.table().all {
		for _, t := range g.deployments {
			switch {
			case t.ID != id:
			case t.Price != nil:
				return t.Price
			case t.Facts != nil:
				if known := t.Facts(model); known != nil && known.Prices != nil {
					return known.Prices
				}
				return nil
			}
		}
	}
	return nil
}

// Terms are what calls of a model name cost, and the most that a response can have.
type Terms struct {
	// MostOutput is in tokens; 0 if unknown.
	MostOutput int64

	prices   [4]priced // of the first deployments
	adjusted *llm.Adjustments
}

// priced is the price of a model of a provider.
type priced struct {
	llm.Pricer

	provider, model string
}

// Priced reports whether any price is known.
func (t *Terms) Priced() bool { return t.prices[0].Pricer != nil }

// Cost is what usage costs at most; 0 if no price is known.
func (t *Terms) Cost(u *llm.Usage) (most llm.Cost) {
	for i := range t.prices {
		p := &t.prices[i]
		if p.Pricer == nil {
			break
		}
		if cost, ok := p.Cost("", u); ok {
			most = max(most, t.adjusted.Of(p.provider, p.model, cost).Cost)
		}
	}
	return most
}

// termsFor is how long the terms of a name are not asked for again: prices and profiles that become known meanwhile matter
// little.
const termsFor = time.Second

// recentTerms are terms that were found at a time.
type recentTerms struct {
	Terms

	at       time.Time
	captured string // by the wildcard of the name; empty for none
}

// rememberedTerms are terms of a group that were found lately: those of a name, or of some that a wildcard has captured.
type rememberedTerms [8]atomic.Pointer[recentTerms]

// of is where the terms of a name are remembered, and those of others may be.
func (r *rememberedTerms) of(captured string) *atomic.Pointer[recentTerms] {
	sum := 0
	for i := range len(captured) {
		sum += int(captured[i])
	}
	return &r[sum%len(r)]
}

// Terms returns the terms of a model name before it is called. They are not modified. It does not block.
func (r *Router) Terms(name string) *Terms {
	g, captured := r.table().names.find(name)
	if g == nil {
		return &Terms{}
	}
	now, at := r.opt.Now(), g.terms.of(captured)
	recent := at.Load()
	if recent == nil || recent.captured != captured || now.Sub(recent.at).Abs() > termsFor {
		captured = strings.Clone(captured) // which may be a part of a large body
		recent = &recentTerms{*g.findTerms(captured, r.opt.Adjustments), now, captured}
		at.Store(recent)
	}
	return &recent.Terms
}

func (g *group) findTerms(captured string, adjusted *llm.Adjustments) *Terms {
	terms, n := &Terms{adjusted: adjusted}, 0
	for _, t := range g.deployments {
		model := t.modelFor(captured)
		if t.Facts != nil {
			if known := t.Facts(model); known != nil {
				terms.MostOutput = max(terms.MostOutput, known.MaxOutput)
			}
		}
		if p := t.pricer(model); p != nil && n < len(terms.prices) {
			terms.prices[n] = priced{p, t.Provider, model}
			n++
		}
	}
	return terms
}

// pricer is the price of a model at a deployment: the operator's, that of its first target, or the catalogue's;
// nil if there is none.
func (t *deployment) pricer(model string) llm.Pricer {
	if t.Price != nil {
		return t.Price
	}
	if targets, err := t.Deployment.Targets(llm.VerbChat, model); err == nil && len(targets) > 0 {
		if p, ok := targets[0].(llm.Pricer); ok {
			return p
		}
	}
	if t.Facts != nil {
		if known := t.Facts(model); known != nil && known.Prices != nil {
			return known.Prices
		}
	}
	return nil
}

// only returns the deployment with an id; nil if the group has none.
func (g *group) only(id string) []*deployment {
	for i, t := range g.deployments {
		if t.ID == id {
			return g.deployments[i : i+1]
		}
	}
	return nil
}

// goneError is the error for a model that the deployment which holds what a request refers to does not
// serve, or no longer.
func goneError(model string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeStateNotFound, Status: 404, Message: "the deployment that holds what the request refers to does not serve the model " + quote(model) + ".",
		Fix: "Use the model's name of the earlier call, or send the whole content again.",
	}
}
