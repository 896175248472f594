package tenant

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// Caller is who makes calls: a key, and what it belongs to, as they were when they were read. It is not
// modified.
type Caller struct {
	d *Directory
	// Hash identifies the key; Name is what may be shown of it, such as sk-...abcd, and Alias its name for people.
	Hash, Name, Alias string
	// UserID, TeamID and OrganizationID are what the key belongs to; empty for none.
	UserID, TeamID, OrganizationID string
	// Role is what the key may do with the gateway itself.
	Role Role

	blocked, teamBlocked, userBlocked bool
	expires                           time.Time
	allowed                           []allowance
	aliases                           map[string]string
	routes                            []string
	keyType                           string
	tags                              []string
	estimated                         int64

	charges []store.Charge // counters of money, without units
	limits  []limit        // of every call
	byModel []limit        // of calls of some models
	refs    []store.Ref    // what it was read from
}

// limit is a limit of calls.
type limit struct {
	scope   scope
	counter *quota.Counter
	most    int64 // that the counter allows
	charge  int   // the position of the counter's charge, for money
}

// allowance is a list of models and whose it is.
type allowance struct {
	whose string
	list  models
}

func (c *Caller) allow(whose string, list models) {
	if len(list) > 0 {
		c.allowed = append(c.allowed, allowance{whose, list})
	}
}

func (c *Caller) dependsOn(ref store.Ref) bool {
	for _, r := range c.refs {
		if r == ref {
			return true
		}
	}
	return false
}

// masterCaller is who calls with the master key: LiteLLM's proxy admin, whose user is default_user_id.
func (d *Directory) masterCaller() *Caller {
	b := builder{d: d, c: &Caller{d: d, Name: "master key", Alias: "litellm_proxy_master_key", UserID: "default_user_id", Role: RoleAdmin}}
	b.charge(store.KindUser, b.c.UserID, quota.Window{})
	b.proxy()
	return b.c
}

// Master is who calls with the master key.
func (d *Directory) Master() *Caller { return d.master }

// usable says why the key may not be used; nil if it may.
func (c *Caller) usable(now time.Time) error {
	switch {
	case c.blocked:
		return blocked("this API key", "The gateway's operator can unblock it with /key/unblock.")
	case !c.expires.IsZero() && !now.Before(c.expires):
		return expired(c.Name, c.expires, now)
	case c.teamBlocked:
		return blocked("the team "+c.TeamID, "The gateway's operator can unblock it with /team/unblock.")
	case c.userBlocked:
		return blocked("the user "+c.UserID, "The gateway's operator can unblock the user.")
	}
	return nil
}

// Model is the model that a name means for the caller: its own aliases are names of others.
func (c *Caller) Model(name string) string {
	if to, ok := c.aliases[name]; ok {
		return to
	}
	return name
}

// Allows reports whether the caller may call a model: its name, the configured name that serves it, and the
// access groups that it is in.
func (c *Caller) Allows(name, group string, groups []string) bool {
	_, ok := c.denied(name, group, groups)
	return !ok
}

func (c *Caller) denied(name, group string, groups []string) (whose string, denied bool) {
	for _, a := range c.allowed {
		if !a.list.allows(name, group, groups) {
			return a.whose, true
		}
	}
	return "", false
}

// Estimate is what a call may use.
type Estimate struct {
	// Prompt are the tokens of the request, about.
	Prompt int64
	// Output is the most that the response may have, and MostOutput the most that the model can write; 0 if they
	// are not known. Output is -1 for a response that is no text.
	Output, MostOutput int64
	// Cost is what a use of tokens costs at most; 0 if unknown.
	Cost func(*llm.Usage) llm.Cost
	// Times is how many responses the call asks for.
	Times int64
}

// Request is a call to be made.
type Request struct {
	// Model is the name, Group the configured name that serves it, and Groups the access groups that it is in.
	Model, Group string
	Groups       []string
	// Customer is the client's own user, and Tags the call's labels.
	Customer string
	Tags     []string
	// Estimate is called only if there is a limit that needs it.
	Estimate func() Estimate
}

// Charge is what a call has reserved, and what its cost counts for.
type Charge struct {
	c       *Caller
	model   string // the name and the configured name of the model
	group   string
	charges []store.Charge
	money   reserved
	rates   reserved
}

// reserved is a reservation and its limits.
type reserved struct {
	limits []limit
	r      *quota.Reservation
}

// defaultOutput is how many tokens are reserved for a response if neither the request, the operator nor the
// catalogue says how many it may have.
const defaultOutput = 4096

// Check is Begin for a call that uses nothing.
func (c *Caller) Check(req *Request) error {
	if whose, denied := c.denied(req.Model, req.Group, req.Groups); denied {
		return deniedModel(req.Model, whose)
	}
	return nil
}

// Begin checks that the caller may make a call, and reserves what it may use. The error is an *llm.Error.
func (c *Caller) Begin(ctx context.Context, req *Request) (*Charge, error) {
	if err := c.Check(req); err != nil {
		return nil, err
	}
	ch := &Charge{c: c, model: req.Model, group: req.Group, charges: c.charges}
	limits := c.limits
	for _, l := range c.byModel {
		if l.scope.model == req.Model || l.scope.model == req.Group {
			limits = append(limits[:len(limits):len(limits)], l)
		}
	}
	var err error
	if limits, err = c.d.others(ctx, ch, limits, req); err != nil {
		return nil, err
	}
	if len(limits) == 0 {
		return ch, nil
	}
	e := estimateOf(c, req)
	for _, l := range limits {
		if l.scope.what == whatMoney {
			ch.money.limits = append(ch.money.limits, l)
		} else {
			ch.rates.limits = append(ch.rates.limits, l)
		}
	}
	if err := ch.reserve(ctx, &ch.money, c.d.opt.Money, &e); err != nil {
		return nil, err
	}
	if err := ch.reserve(ctx, &ch.rates, c.d.opt.Rates, &e); err != nil {
		ch.money.settle(nil, &use{})
		return nil, err
	}
	return ch, nil
}

// needs are the units that a call reserves.
type needs struct {
	cost, tokens int64
}

func estimateOf(c *Caller, req *Request) needs {
	if req.Estimate == nil {
		return needs{1, 1}
	}
	e := req.Estimate()
	out := e.Output
	if out < 0 { // it makes no text
		return needs{tokens: max(1, e.Prompt), cost: max(1, costOf(&e, e.Prompt, 0))}
	}
	for _, next := range [...]int64{c.estimated, c.d.opt.Settings.EstimatedOutput, e.MostOutput, defaultOutput} {
		if out == 0 {
			out = next
		}
	}
	times := max(1, e.Times)
	out = min(out, 1<<40)
	return needs{tokens: max(1, e.Prompt+out*times), cost: max(1, costOf(&e, e.Prompt*times, out*times))}
}

func costOf(e *Estimate, in, out int64) int64 {
	if e.Cost == nil {
		return 0
	}
	return int64(e.Cost(&llm.Usage{Input: in, Output: out}))
}

func (ch *Charge) reserve(ctx context.Context, to *reserved, ledger *quota.Ledger, n *needs) error {
	if len(to.limits) == 0 {
		return nil
	}
	uses := make([]quota.Use, len(to.limits))
	for i, l := range to.limits {
		u := quota.Use{Counter: l.counter, Units: 1}
		switch l.scope.what {
		case whatMoney:
			u.Units, u.Bounded = n.cost, !ch.c.d.opt.Settings.Full
		case whatTokens:
			u.Units = max(1, min(n.tokens, l.most)) // a call that may use more than a minute has passes if the minute is whole
		case whatRequests, whatParallel:
		}
		uses[i] = u
	}
	r, err := ledger.Reserve(ctx, uses)
	if err == nil {
		to.r = r
		return nil
	}
	if e := asExceeded(err); e != nil {
		return to.limits[e.Use].scope.exceeded(e, ch.c.d.opt.Settings.BudgetStatus)
	}
	if errors.Is(err, quota.ErrAway) {
		if ch.c.d.opt.Settings.OpenWhenAway {
			to.limits = nil
			return nil
		}
		return away(err)
	}
	return llm.AsError(err)
}

// use is what a call has used.
type use struct {
	cost, tokens, requests int64
}

// settle ends a reservation. The shares that the cost came out of are noted in the charges, if there are any.
func (r *reserved) settle(charges []store.Charge, u *use) {
	if r.r == nil {
		return
	}
	used := make([]int64, len(r.limits))
	for i, l := range r.limits {
		switch l.scope.what {
		case whatMoney:
			used[i] = u.cost
		case whatTokens:
			used[i] = u.tokens
		case whatRequests:
			used[i] = u.requests
		case whatParallel:
		}
	}
	for i, s := range r.r.Settle(nil, used) {
		if at := r.limits[i].charge; at >= 0 && charges != nil {
			charges[at].Taken, charges[at].Period = s.Taken, s.Period
		}
	}
	r.r = nil
}

// Settle ends the reservation with what the call has used, and writes its row, whose caller and charges it sets,
// to the journal. It is called once.
func (ch *Charge) Settle(row *store.Row) {
	c := ch.c
	row.Key, row.KeyAlias, row.User, row.Team, row.Organization = c.Hash, c.Alias, c.UserID, c.TeamID, c.OrganizationID
	row.Charges = make([]store.Charge, 0, len(ch.charges))
	for _, charge := range ch.charges {
		charge.Units = row.Cost
		row.Charges = append(row.Charges, charge)
	}
	u := use{cost: row.Cost, tokens: row.Input + row.Output, requests: 1}
	ch.money.settle(row.Charges, &u)
	ch.rates.settle(nil, &u)
	row.Charges = ch.forModel(row.Charges)
	if err := c.d.opt.Journal.Append(row); err != nil {
		c.d.opt.Logger.Error("what a call has cost could not be written", slog.String("id", row.RequestID), slog.String("cost_usd", llm.Cost(row.Cost).String()), slog.String("error", err.Error()))
	}
}

// forModel drops the charges of budgets for other models.
func (ch *Charge) forModel(charges []store.Charge) []store.Charge {
	if len(ch.c.byModel) == 0 {
		return charges
	}
	kept := charges[:0]
	for _, charge := range charges {
		_, of, ok := strings.Cut(charge.Counter, "/spend@model:")
		if !ok || of == ch.model || of == ch.group {
			kept = append(kept, charge)
		}
	}
	return kept
}
