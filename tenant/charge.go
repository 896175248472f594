package tenant

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/telemetry"
)

// Caller is who makes calls: a key, and what it belongs to, as they were when they were read. It is not
// modified.
type Caller struct {
	party

	d *Directory
	// Hash identifies the key; Name is what may be shown of it, such as sk-...abcd, and Alias its name for people.
	Hash, Name, Alias string
	// UserID, TeamID and OrganizationID are what the key belongs to; empty for none.
	UserID, TeamID, OrganizationID string
	// UserEmail, TeamAlias and OrganizationAlias are what people know them by; empty if they have none.
	UserEmail, TeamAlias, OrganizationAlias string
	// Role is what the key may do with the gateway itself.
	Role Role

	// owner is whose things are that the caller makes; empty for the master key. token is the hash of the token that the
	// caller has in place of a key; empty for keys.
	owner, token string
	// scoped is whether a token is an operator's by its scope, whose routes hold for the management API too.
	scoped bool
	// customer is the customer of all calls of a token; empty for none.
	customer string
	// scopes are the only models that a token may call by its scopes; nil for all.
	scopes []string
	// permission is what a token may call by its role; nil for everything.
	permission *RolePermission
	// demands are the members that bodies must have, and service is whether the key is a service account's.
	demands []string
	service bool
	// teams are the callers for the other teams of a token.
	teams []*Caller

	teamBlocked, userBlocked, userInactive bool
	projectBlocked                         string // the project, if it is blocked
	expires                                time.Time
	aliases, teamAliases                   map[string]string
	cacheControls                          []string
	cache                                  jsonx.Raw
	routes                                 []string
	priority                               string
	passes                                 passes
	tags, guardrails, policies             []string
	estimated                              int64
	logging                                *telemetry.Logging
	routing                                *Routing // nil if neither the key nor its team says how its calls are routed
}

// ends makes the key expire at a time, unless it does so before; never for the zero time.
func (c *Caller) ends(at time.Time) {
	if c.expires.IsZero() || !at.IsZero() && at.Before(c.expires) {
		c.expires = at
	}
}

// masterUser is the user of calls with the master key.
const masterUser = "default_user_id"

// MasterAlias is the key of calls with the master key in the sums of days, as in LiteLLM.
const MasterAlias = "litellm_proxy_master_key"

// masterCaller is who calls with the master key: LiteLLM's proxy admin, whose user is default_user_id.
func (d *Directory) masterCaller() *Caller {
	b := builder{d: d, c: &Caller{d: d, Name: "master key", Alias: MasterAlias, UserID: masterUser, Role: RoleAdmin}}
	b.charge(store.KindUser, b.c.UserID, quota.Window{})
	b.proxy()
	b.told("", nil)
	b.c.find(d)
	return b.c
}

// Demands are the members that bodies of the caller's requests must have, and whether the key is a service account's.
func (c *Caller) Demands() (members []string, service bool) { return c.demands, c.service }

// Master is who calls with the master key.
func (d *Directory) Master() *Caller {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.master
}

// usable says why the key may not be used; nil if it may.
func (c *Caller) usable(now time.Time) error {
	switch {
	case c.blocked:
		return blocked("this API key", "The gateway's operator can unblock it with /key/unblock.")
	case !c.expires.IsZero() && !now.Before(c.expires):
		return expired(c.Name, c.expires, now)
	case c.teamBlocked:
		return blocked("the team "+c.TeamID, "The gateway's operator can unblock it with /team/unblock.")
	case c.projectBlocked != "":
		return blocked("the project "+c.projectBlocked, "The gateway's operator can unblock it with /project/update.")
	case c.userInactive:
		return blocked("the user "+c.UserID, "The identity provider has deactivated the user, and can activate the user again (SCIM).")
	case c.userBlocked:
		return blocked("the user "+c.UserID, "The gateway's operator can unblock the user.")
	}
	return nil
}

// Cache is which settings of the response cache the key's requests may have, none for all, and those that the key has itself: a
// JSON object, empty for none.
func (c *Caller) Cache() (allowed []string, own jsonx.Raw) { return c.cacheControls, c.cache }

// Model is the model that a name means for the caller: the aliases of the key and of its team, and those of their
// router settings, are names of others.
func (c *Caller) Model(name string) string {
	if c.routing != nil {
		if to, ok := c.routing.aliases[name]; ok { // it is as if the client had asked for that one, as in LiteLLM
			name = to
		}
	}
	for _, team := range c.teams {
		if _, own := c.teamAliases[name]; !own {
			if to, ok := team.teamAliases[name]; ok {
				return to
			}
		}
	}
	if to, ok := c.aliases[name]; ok {
		return to
	}
	if to, ok := c.teamAliases[name]; ok {
		return to
	}
	return name
}

// Allows reports whether the caller may call a model: its name, the configured name that serves it, and the
// access groups that it is in.
func (c *Caller) Allows(name, group string, groups []string) bool {
	return c.within(name) == nil && c.denied(name, group, groups) == nil || slices.ContainsFunc(c.teams, func(team *Caller) bool { return team.Allows(name, group, groups) })
}

// Charge is what a call has reserved, and what its cost counts for.
type Charge struct {
	c        *Caller
	customer string
	tags     []string
	parties  []*party
	money    reserved
	rates    reserved
	room     [3]*party
	names    [3]string       // of the model, by which limits have been found
	mirrored bool            // the call copies another one, and only its money counts
	estimate func() Estimate // nil for a call whose size is not known
	needs    llm.Opt[needs]  // what it comes to, once it was asked for

	mu         sync.Mutex // parts of a call may be served at the same time
	admissions []*admission
	admitted   bool
	ended      int // how many calls it has served

	// The row is written in the charge's own memory, as all that a call with the usual limits needs.
	row     store.Row
	charges [usualCharges]store.Charge
	usage   llm.Usage // of which an estimate is the cost
}

// reserved is a reservation and its limits.
type reserved struct {
	limits []*limit
	r      quota.Reservation
	room   [quota.Usual]*limit
}

func (r *reserved) add(limits []limit, money bool) {
	for i := range limits {
		if l := &limits[i]; money == (l.scope.what == whatMoney) {
			r.limits = append(r.limits, l)
		}
	}
}

// Check is Begin for a call that uses nothing.
func (c *Caller) Check(req *Request) error {
	_, err := c.may(req)
	return err
}

// may is the caller for one of the teams of a token that may make a call, which is the caller itself for one team and
// for keys.
func (c *Caller) may(req *Request) (*Caller, error) {
	if err := c.behind(req); err != nil {
		return nil, err
	}
	err := c.permitted(req)
	if err == nil {
		return c, nil
	}
	for _, team := range c.teams {
		if team.permitted(req) == nil {
			return team, nil
		}
	}
	return nil, err
}

// permitted says why the caller may not call a model; nil if it may.
func (c *Caller) permitted(req *Request) error {
	if err := c.within(cmp.Or(req.Asked, req.Model)); err != nil {
		return err
	}
	if req.Team != "" {
		return c.permittedInTeam(req)
	}
	if a := c.denied(req.Model, req.Group, req.Groups); a != nil && !c.aliased(req.Asked, req.Model) {
		return deniedModel(cmp.Or(req.Asked, req.Model), a)
	}
	return nil
}

// aliased reports whether a name is an alias that the team has given a model, which its keys may then use whatever
// their lists say (litellm, auth_checks.py, _model_in_team_aliases).
func (c *Caller) aliased(asked, model string) bool {
	to, ok := c.teamAliases[asked]
	return ok && to == model
}

// TagsOf are the labels of a call: the caller's own, and those of the call itself. The result is not modified.
func (c *Caller) TagsOf(call, more []string) []string {
	if len(call)+len(more) == 0 && len(c.tags) <= 1 {
		return c.tags
	}
	all := slices.Concat(c.tags, call, more)
	slices.Sort(all)
	return slices.Compact(all)
}

// Begin checks that the caller may make a call, and reserves what it may use. The error is an *llm.Error.
func (c *Caller) Begin(ctx context.Context, req *Request) (*Charge, error) {
	asked := req
	if req.Mirrors != nil {
		asked = req.Mirrors
	}
	c, err := c.may(asked)
	if err != nil {
		return nil, err
	}
	if c.customer != "" && asked.Customer != c.customer {
		own := *asked
		own.Customer, asked = c.customer, &own
	}
	ch := c.d.charge()
	ch.c, ch.customer, ch.tags, ch.estimate = c, asked.Customer, c.TagsOf(req.Tags, nil), req.Estimate
	if ch.parties, err = c.d.others(ctx, append(ch.room[:0], &c.party), asked, ch.tags); err != nil {
		return nil, err
	}
	ch.limit(req)
	if req.Mirrors == nil {
		if p := c.d.pooled(req.Group, c.priority, req.Capacity); p != nil {
			if refusal := p.spent(c.d.opt.Rates); refusal != nil {
				return nil, refusal
			}
			ch.rates.add(p.model, false)
			ch.rates.add(p.own, false)
		}
	}
	if len(ch.money.limits)+len(ch.rates.limits) == 0 {
		return ch, nil
	}
	e := ch.needed()
	if err := ch.reserve(ctx, &ch.money, c.d.opt.Money, e); err != nil {
		return nil, err
	}
	if err := ch.reserve(ctx, &ch.rates, c.d.opt.Rates, e); err != nil {
		ch.money.settle(nil, &use{})
		return nil, err
	}
	return ch, nil
}

// limit finds the limits that hold for a call.
func (ch *Charge) limit(req *Request) {
	ch.money.limits, ch.rates.limits = ch.money.room[:0], ch.rates.room[:0]
	ch.names, ch.mirrored = [...]string{req.Model, req.Group, req.Asked}, req.Mirrors != nil
	add := func(limits []limit) {
		ch.money.add(limits, true)
		if req.Mirrors == nil {
			ch.rates.add(limits, false)
		}
	}
	for _, p := range ch.parties {
		add(p.limits)
		for i := range p.byModel {
			if slices.Contains(ch.names[:], p.byModel[i].scope.model) {
				add(p.byModel[i : i+1])
			}
		}
	}
}

// charge returns an empty charge: of a call that is over, if there is one.
func (d *Directory) charge() *Charge {
	if ch, ok := d.charges.Get().(*Charge); ok {
		return ch
	}
	return &Charge{}
}

// end ends the use of a charge, which another call may use then. One of which deployments have a part is not used again: an
// attempt that was given up may still end its part.
func (ch *Charge) end() {
	d := ch.c.d
	ch.mu.Lock()
	again := !ch.admitted
	if again {
		ch.c, ch.customer, ch.tags, ch.parties, ch.estimate, ch.needs = nil, "", nil, nil, nil, llm.Opt[needs]{}
		clear(ch.charges[:min(len(ch.row.Charges), len(ch.charges))])
		ch.row = store.Row{}
		clear(ch.room[:])
	}
	ch.mu.Unlock()
	if again {
		d.charges.Put(ch)
	}
}

func (ch *Charge) reserve(ctx context.Context, to *reserved, ledger *quota.Ledger, n *needs) error {
	if len(to.limits) == 0 {
		return nil
	}
	var room [quota.Usual]quota.Use
	uses, full := room[:0], ch.c.d.settings().Full
	for _, l := range to.limits {
		u := quota.Use{Counter: l.counter, Units: 1}
		switch l.scope.what {
		case whatMoney:
			if u.Units = n.cost; !full {
				u.Least = 1
			}
		case whatTokens:
			units, least := n.tokens(l.scope.tokens)
			u.Units = max(1, min(units, l.most.Units)) // more than a minute has would never pass
			if !full {
				u.Least = min(least, u.Units)
			}
		case whatRequests, whatParallel:
		}
		uses = append(uses, u)
	}
	err := ledger.Reserve(ctx, &to.r, uses)
	if err == nil {
		return nil
	}
	if e := asExceeded(err); e != nil {
		if watch := ch.c.d.opt.Budgets; watch != nil && to.limits[e.Use].scope.what == whatMoney {
			for _, p := range ch.parties {
				watch.Refused(p.budgets)
			}
		}
		return to.limits[e.Use].scope.exceeded(e, uses[e.Use].Units, ch.c.d.settings().BudgetStatus)
	}
	switch {
	case errors.Is(err, quota.ErrAway) && ch.c.d.settings().OpenWhenAway:
		return nil
	case errors.Is(err, quota.ErrAway), ctx.Err() != nil:
		return away(err)
	default:
		return llm.AsError(err)
	}
}

// Cover reserves of every budget at least what a call has cost so far, and returns how much that is of the one that
// has reserved least; everything if no budget ends the call. The error, an *llm.Error, says which budget is used up.
// While the counters cannot be reached, nobody knows, and the call goes on.
func (ch *Charge) Cover(ctx context.Context, cost llm.Cost) (covered llm.Cost, err error) {
	covered, m := math.MaxInt64, &ch.money
	if !m.r.Active() || !ch.c.d.settings().EndStreams {
		return covered, nil
	}
	ahead := int64(cost)/16 + 1 // so that the next part of the response need not ask
	for i, l := range m.limits {
		n := m.r.Units(i)
		for n < int64(cost) {
			n, err = m.r.Extend(ctx, i, int64(cost)-n+ahead)
			if e := asExceeded(err); e != nil {
				return 0, l.scope.exceeded(e, int64(cost), ch.c.d.settings().BudgetStatus)
			}
			if err != nil {
				n = int64(cost) + ahead
			}
		}
		covered = min(covered, llm.Cost(n))
	}
	return covered, nil
}

// use is what a call has used.
type use struct {
	cost, input, output, requests int64
}

// tokens are those that a limit counts.
func (u *use) tokens(counted Counted) int64 {
	switch counted {
	case InputTokens:
		return u.input
	case OutputTokens:
		return u.output
	default:
		return u.input + u.output
	}
}

// settle ends a reservation, and appends the charges of its money, with the shares that the cost came out of.
func (r *reserved) settle(charges []store.Charge, u *use) []store.Charge {
	var room [quota.Usual]int64
	var ends [quota.Usual]quota.Settled
	used := room[:0]
	for _, l := range r.limits {
		switch l.scope.what {
		case whatMoney:
			used = append(used, u.cost)
		case whatTokens:
			used = append(used, u.tokens(l.scope.tokens))
		case whatRequests:
			used = append(used, u.requests)
		case whatParallel:
			used = append(used, 0)
		}
	}
	settled := r.r.Settle(ends[:0], used) // none if nothing is reserved
	for i, l := range r.limits {
		if l.scope.what != whatMoney {
			continue
		}
		charge := l.charge()
		charge.Units = u.cost
		if len(settled) > 0 {
			charge.Taken, charge.Period = settled[i].Taken, settled[i].Period
		}
		charges = append(charges, charge)
	}
	return charges
}

// Settle ends the reservation with what the call has used, and writes its row to the journal, with the caller, the labels and
// the charges. Neither it nor the charge is used again.
func (ch *Charge) Settle(used *store.Row) {
	ch.row = *used
	c, row := ch.c, &ch.row
	row.Key, row.KeyAlias, row.User, row.Team, row.Organization = c.Hash, c.Alias, c.UserID, c.TeamID, c.OrganizationID
	row.Customer, row.Tags = ch.customer, ch.tags
	if c.Master() { // so that the sums have it, under the name that LiteLLM's have
		row.Key = c.Alias
	}
	row.Charges = ch.charges[:0]
	for _, p := range ch.parties {
		for _, charge := range p.charges {
			charge.Units = row.Cost
			row.Charges = append(row.Charges, charge)
		}
	}
	u := use{cost: row.Cost, requests: 1}
	if !row.Cached { // which has used no token
		u.input, u.output = row.Input, row.Output
	}
	row.Charges = ch.money.settle(row.Charges, &u)
	ch.rates.settle(nil, &u)
	row.Charges = ch.leave(row.Charges, &u)
	if watch := c.d.opt.Budgets; watch != nil {
		for _, p := range ch.parties {
			watch.Know(p.budgets)
		}
	}
	if err := c.d.opt.Journal.Append(row); err != nil {
		c.d.opt.Logger.Error("what a call has cost could not be written", slog.String("id", row.RequestID), slog.String("cost_usd", llm.Cost(row.Cost).String()), slog.String("error", err.Error()))
	}
	ch.end()
}

// Cancel ends the reservation of a call that has not been made: nothing of it counts. It is called in place of
// Settle.
func (ch *Charge) Cancel() {
	ch.money.settle(nil, &use{})
	ch.rates.settle(nil, &use{})
	ch.leave(nil, &use{})
	ch.end()
}
