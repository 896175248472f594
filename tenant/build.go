package tenant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"outcrop/llm"
	"outcrop/quota"
	"outcrop/store"
)

// minute is the period of limits of requests and tokens: it begins with the first call, as LiteLLM's.
var minute = quota.Window{Length: time.Minute} //nolint:gochecknoglobals // it is never written to

// build makes the caller of a key's hash; nil if there is no such key.
func (d *Directory) build(ctx context.Context, hash string) (*Caller, error) {
	f, err := d.keyOf(ctx, hash)
	if err != nil || f == nil {
		return nil, err
	}
	b := builder{d: d, c: &Caller{d: d, Hash: f.hash, Name: f.doc.KeyName, Alias: f.doc.KeyAlias, refs: []store.Ref{{Kind: store.KindKey, ID: f.hash}}}}
	if err := b.key(ctx, f.doc, f.created); err != nil {
		return nil, err
	}
	return b.c, nil
}

// keyed is a key's document under its own hash.
type keyed struct {
	*found
	hash string
}

// keyOf finds a key by its hash, or by that of the key that it has replaced.
func (d *Directory) keyOf(ctx context.Context, hash string) (*keyed, error) {
	read := func(kind store.Kind, id string) (*found, error) {
		e, err := d.opt.Store.Entity(ctx, kind, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil //nolint:nilnil // there is none
		}
		if err != nil {
			return nil, err
		}
		doc, err := decode(e)
		return &found{doc, e.Created}, err
	}
	f, err := read(store.KindKey, hash)
	if err != nil || f != nil {
		return &keyed{f, hash}, err
	}
	old, err := read(store.KindOldKey, hash)
	if err != nil || old == nil || old.doc.Active == "" {
		return nil, err
	}
	if f, err = read(store.KindKey, old.doc.Active); err != nil || f == nil {
		return nil, err
	}
	if old.doc.Expires.Set { // the earlier end counts
		f.doc.Expires = old.doc.Expires
	}
	return &keyed{f, old.doc.Active}, nil
}

// builder makes a Caller from documents.
type builder struct {
	d *Directory
	c *Caller
}

// read returns the document of something that the caller depends on; nil if there is none.
func (b *builder) read(ctx context.Context, kind store.Kind, id string) (*document, time.Time, error) {
	b.c.refs = append(b.c.refs, store.Ref{Kind: kind, ID: id})
	f, err := b.d.document(ctx, kind, id)
	if err != nil || f.doc == nil {
		return nil, time.Time{}, err
	}
	doc := *f.doc
	if doc.BudgetID != "" && kind != store.KindBudget {
		budget, _, err := b.read(ctx, store.KindBudget, doc.BudgetID)
		if err != nil {
			return nil, time.Time{}, err
		}
		doc.over(budget)
	}
	return &doc, f.created, nil
}

// key reads the key, and what it belongs to.
func (b *builder) key(ctx context.Context, doc *document, created time.Time) error {
	c := b.c
	c.blocked = doc.Blocked.Value
	if doc.Expires.Set && doc.Expires.Value != "" {
		at, err := parseTime(doc.Expires.Value)
		if err != nil {
			return fmt.Errorf("expires of the key %s: %w", c.Name, err)
		}
		c.expires = at
	}
	if doc.BudgetID != "" {
		budget, _, err := b.read(ctx, store.KindBudget, doc.BudgetID)
		if err != nil {
			return err
		}
		own := *doc
		own.over(budget)
		doc = &own
	}
	c.UserID, c.TeamID, c.OrganizationID = doc.UserID, doc.TeamID, doc.OrganizationID
	c.routes, c.tags, c.estimated = doc.AllowedRoutes, doc.Tags, doc.EstimatedOutput.Value
	c.aliases = maps.Clone(doc.Aliases)
	c.keyType = doc.KeyType
	b.limits(ctx, wholeKey, store.KindKey, c.Hash, doc, created)
	list := models(doc.Models)
	for _, read := range [...]func(context.Context, *models) error{b.team, b.user, b.organization} {
		if err := read(ctx, &list); err != nil {
			return err
		}
	}
	c.allow(wholeKey, list)
	b.proxy()
	return nil
}

func (b *builder) team(ctx context.Context, list *models) error {
	c := b.c
	if c.TeamID == "" {
		return nil
	}
	doc, created, err := b.read(ctx, store.KindTeam, c.TeamID)
	if err != nil {
		return err
	}
	if doc == nil { // the key's limits hold; LiteLLM takes such keys too
		b.charge(store.KindTeam, c.TeamID, quota.Window{})
		return nil
	}
	c.teamBlocked = doc.Blocked.Value
	if c.OrganizationID == "" {
		c.OrganizationID = doc.OrganizationID
	}
	if c.estimated == 0 {
		c.estimated = doc.EstimatedOutput.Value
	}
	for from, to := range doc.ModelAliases {
		if c.aliases == nil {
			c.aliases = map[string]string{}
		}
		if _, own := c.aliases[from]; !own {
			c.aliases[from] = to
		}
	}
	whose := "the team " + c.TeamID
	b.limits(ctx, whose, store.KindTeam, c.TeamID, doc, created)
	if slices.Contains(*list, allTeamModels) {
		*list = slices.DeleteFunc(slices.Clone(*list), func(m string) bool { return m == allTeamModels })
		*list = append(*list, doc.Models...)
	}
	c.allow(whose, doc.Models)
	if c.UserID == "" {
		return nil
	}
	id := c.TeamID + "/" + c.UserID
	member, joined, err := b.read(ctx, store.KindMember, id)
	if err != nil {
		return err
	}
	if member == nil {
		member, joined = &document{}, created
	}
	if member.MaxInTeam.Set && !member.MaxBudget.Set {
		member.MaxBudget = member.MaxInTeam
	}
	if !member.MaxBudget.Set {
		member.MaxBudget, member.BudgetDuration = doc.MemberBudget, doc.MemberDuration
	}
	if !member.RPM.Set {
		member.RPM = doc.MemberRPM
	}
	if !member.TPM.Set {
		member.TPM = doc.MemberTPM
	}
	b.limits(ctx, "the user "+c.UserID+" in the team "+c.TeamID, store.KindMember, id, member, joined)
	return nil
}

func (b *builder) user(ctx context.Context, _ *models) error {
	c := b.c
	if c.UserID == "" {
		if c.TeamID != "" {
			c.Role = RoleTeam
		}
		return nil
	}
	doc, created, err := b.read(ctx, store.KindUser, c.UserID)
	if err != nil {
		return err
	}
	c.Role = RoleUser
	if doc == nil {
		b.charge(store.KindUser, c.UserID, quota.Window{})
		return nil
	}
	if doc.UserRole != "" {
		c.Role = Role(doc.UserRole)
	}
	c.userBlocked = doc.Blocked.Value
	whose := "the user " + c.UserID
	if c.TeamID != "" { // as in LiteLLM, a user's budget is for the keys of his own
		b.charge(store.KindUser, c.UserID, period(doc.BudgetDuration, created))
		return nil
	}
	b.limits(ctx, whose, store.KindUser, c.UserID, doc, created)
	c.allow(whose, doc.Models)
	return nil
}

func (b *builder) organization(ctx context.Context, _ *models) error {
	c := b.c
	if c.OrganizationID == "" {
		return nil
	}
	doc, created, err := b.read(ctx, store.KindOrganization, c.OrganizationID)
	if err != nil {
		return err
	}
	if doc == nil {
		b.charge(store.KindOrganization, c.OrganizationID, quota.Window{})
		return nil
	}
	whose := "the organization " + c.OrganizationID
	b.limits(ctx, whose, store.KindOrganization, c.OrganizationID, doc, created)
	c.allow(whose, doc.Models)
	return nil
}

// proxy adds the budget of the whole gateway.
func (b *builder) proxy() {
	s := &b.d.opt.Settings
	id := proxyCounter
	w := period(s.BudgetDuration, time.Unix(0, 0))
	b.c.charges = append(b.c.charges, store.Charge{Counter: id, Window: w})
	if s.MaxBudget.Set {
		b.c.limits = append(b.c.limits, limit{scope{whose: "this gateway"}, b.d.opt.Money.Counter(id, quota.Limit{Units: int64(s.MaxBudget.Value), Window: w}), int64(s.MaxBudget.Value), len(b.c.charges) - 1})
	}
}

// proxyCounter is the money that the whole gateway has spent.
const proxyCounter = "proxy:/spend"

// charge makes calls count for what an entity spends, and returns the position of the charge.
func (b *builder) charge(kind store.Kind, id string, w quota.Window) int {
	b.c.charges = append(b.c.charges, store.Charge{Counter: store.SpendCounter(kind, id), Window: w})
	return len(b.c.charges) - 1
}

// limits adds the limits of an entity.
func (b *builder) limits(_ context.Context, whose string, kind store.Kind, id string, doc *document, created time.Time) {
	c, base := b.c, string(kind)+":"+id
	w := period(doc.BudgetDuration, created)
	at := b.charge(kind, id, w)
	money := func(suffix string, s scope, max llm.Cost, w quota.Window, at int) limit {
		return limit{s, b.d.opt.Money.Counter(base+"/spend"+suffix, quota.Limit{Units: int64(max), Window: w}), int64(max), at}
	}
	if doc.MaxBudget.Set {
		most := doc.MaxBudget.Value
		if doc.TempIncrease.Set && doc.TempExpiry.Set {
			if until, err := parseTime(doc.TempExpiry.Value); err == nil && b.d.opt.Now().Before(until) {
				most += doc.TempIncrease.Value
			}
		}
		c.limits = append(c.limits, money("", scope{whose: whose}, llm.Cost(most), w, at))
	}
	for _, several := range doc.BudgetLimits {
		w := period(several.Duration, created)
		suffix := "@" + several.Duration
		c.charges = append(c.charges, store.Charge{Counter: base + "/spend" + suffix, Window: w})
		c.limits = append(c.limits, money(suffix, scope{whose: whose + " for " + several.Duration}, llm.Cost(several.MaxBudget), w, len(c.charges)-1))
	}
	for model, m := range doc.ModelMaxBudget {
		most := m.Limit
		if !most.Set {
			most = m.MaxBudget
		}
		if !most.Set {
			continue
		}
		w := period(m.Period+m.Duration, created)
		suffix := "@model:" + model
		c.charges = append(c.charges, store.Charge{Counter: base + "/spend" + suffix, Window: w})
		c.byModel = append(c.byModel, money(suffix, scope{whose: whose, model: model}, llm.Cost(most.Value), w, len(c.charges)-1))
	}
	rate := func(what what, suffix, model string, most int64, l quota.Limit) limit {
		l.Units = most
		return limit{scope{whose: whose, what: what, model: model}, b.d.opt.Rates.Counter(base+suffix, l), most, -1}
	}
	if doc.RPM.Set {
		c.limits = append(c.limits, rate(whatRequests, "/requests", "", doc.RPM.Value, quota.Limit{Window: minute}))
	}
	if doc.TPM.Set {
		c.limits = append(c.limits, rate(whatTokens, "/tokens", "", doc.TPM.Value, quota.Limit{Window: minute}))
	}
	if doc.Parallel.Set {
		c.limits = append(c.limits, rate(whatParallel, "/parallel", "", doc.Parallel.Value, quota.Limit{Kind: quota.Held}))
	}
	for model, most := range doc.ModelRPM {
		c.byModel = append(c.byModel, rate(whatRequests, "@"+model+"/requests", model, most, quota.Limit{Window: minute}))
	}
	for model, most := range doc.ModelTPM {
		c.byModel = append(c.byModel, rate(whatTokens, "@"+model+"/tokens", model, most, quota.Limit{Window: minute}))
	}
}
