package tenant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"outcrop/alert"
	"outcrop/quota"
	"outcrop/store"
)

// slice is how much longer than a minute units may count in a window that slides.
const slice = 5 * time.Second

// minute is the window of limits of requests and tokens: it begins with the first call, as LiteLLM's, or slides.
func (s *Settings) minute() quota.Window {
	if s.Sliding {
		return quota.Sliding(time.Minute, slice)
	}
	return quota.Window{Length: time.Minute}
}

// build makes the caller of a key's hash; nil if there is no such key.
func (d *Directory) build(ctx context.Context, r *reading, hash string) (*Caller, error) {
	f, err := d.keyOf(ctx, r, hash)
	if err != nil || f == nil {
		return nil, err
	}
	owner := keyOwner + f.hash // has the hash too: there may be a hundred thousand callers
	b := builder{d: d, r: r, c: &Caller{d: d, owner: owner, Hash: owner[len(keyOwner):], Name: f.doc.KeyName, Alias: f.doc.KeyAlias}}
	if err := b.key(ctx, f.doc, f.created); err != nil {
		return nil, err
	}
	b.c.ends(f.revoked)
	return b.c, nil
}

// keyed is a key's document under its own hash.
type keyed struct {
	found

	hash    string
	revoked time.Time // when a key that was replaced ends; the zero time for the key itself
}

// keyOf finds a key by its hash, or by that of the key that has replaced it.
func (d *Directory) keyOf(ctx context.Context, r *reading, hash string) (*keyed, error) {
	f, err := d.stored(ctx, store.KindKey, hash)
	if err != nil || f.doc != nil {
		return &keyed{found: f, hash: hash}, err
	}
	old, err := d.stored(ctx, store.KindOldKey, hash)
	if err != nil || old.doc == nil || old.doc.Active == "" {
		return nil, err
	}
	revoked, err := parseTime(old.doc.Revoked.Value)
	if err != nil {
		return nil, &unreadableError{store.KindOldKey, hash, fmt.Errorf("revoke_at: %w", err)}
	}
	d.also(r, store.Ref{Kind: store.KindKey, ID: old.doc.Active})
	if f, err = d.stored(ctx, store.KindKey, old.doc.Active); err != nil || f.doc == nil {
		return nil, err
	}
	return &keyed{f, old.doc.Active, revoked}, nil
}

// stored reads a document from the store.
func (d *Directory) stored(ctx context.Context, kind store.Kind, id string) (found, error) {
	e, err := d.opt.Store.Entity(ctx, kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return found{}, nil
	}
	if err != nil {
		return found{}, err
	}
	doc, err := decode(e)
	return found{doc, e.Created}, err
}

// builder makes a Caller from documents.
type builder struct {
	d *Directory
	r *reading
	c *Caller

	email string // of the caller's user
}

// read returns the document of something that the caller depends on; nil if there is none.
func (b *builder) read(ctx context.Context, kind store.Kind, id string) (*document, time.Time, error) {
	b.d.also(b.r, store.Ref{Kind: kind, ID: id})
	f, err := b.d.document(ctx, kind, id)
	if err != nil || f.doc == nil {
		return nil, time.Time{}, err
	}
	doc := *f.doc
	return &doc, f.created, b.budget(ctx, kind, &doc)
}

// budget fills what a document leaves open from the budget that it names.
func (b *builder) budget(ctx context.Context, kind store.Kind, doc *document) error {
	if doc.BudgetID == "" || kind == store.KindBudget {
		return nil
	}
	budget, _, err := b.read(ctx, store.KindBudget, doc.BudgetID)
	if err == nil {
		doc.over(budget)
	}
	return err
}

// key reads the key, and what it belongs to. doc is the key's own, and may be changed.
func (b *builder) key(ctx context.Context, doc *document, created time.Time) error {
	c := b.c
	c.blocked = doc.Blocked.Value
	if doc.Expires.Set && doc.Expires.Value != "" {
		at, err := parseTime(doc.Expires.Value)
		if err != nil {
			return &unreadableError{store.KindKey, c.Hash, fmt.Errorf("expires: %w", err)}
		}
		c.ends(at)
	}
	if err := b.budget(ctx, store.KindKey, doc); err != nil {
		return err
	}
	c.UserID, c.TeamID, c.OrganizationID = doc.UserID, doc.TeamID, doc.OrganizationID
	c.routes, c.tags, c.estimated = routesOf(doc), doc.tags(), doc.estimated()
	if doc.Routing.some() {
		c.routing = doc.Routing
	}
	c.aliases, c.cacheControls, c.cache = doc.Aliases, doc.CacheControls, doc.Metadata.Cache
	c.logging = doc.logging()
	c.demands, c.service = slices.Concat(doc.Demanded, doc.Metadata.Demanded), doc.Metadata.ServiceAccount.there
	c.guardrails, c.policies, c.regions, c.priority = doc.guardrails(), doc.policies(), doc.regions(), string(doc.Metadata.Priority)
	c.passes = doc.passes()
	b.limits(wholeKey, store.KindKey, c.Hash, doc, created)
	granted, err := b.groups(ctx, doc)
	if err != nil {
		return err
	}
	list := models(doc.Models)
	if len(list) > 0 {
		list = slices.Concat(list, granted.own)
	}
	team, err := b.team(ctx, granted.grants)
	if err != nil {
		return err
	}
	if slices.Contains(list, allTeamModels) {
		if list = nil; c.TeamID != "" && team == nil { // it is gone
			list = models{noDefaults}
		}
	}
	if len(list) > 0 { // the key's list is asked first
		c.allowed = slices.Insert(c.allowed, 0, allowance{store.KindKey, wholeKey, list})
	}
	if err := b.project(ctx, doc.ProjectID); err != nil {
		return err
	}
	if err := b.user(ctx); err != nil {
		return err
	}
	if err := b.organization(ctx); err != nil {
		return err
	}
	b.proxy()
	b.told(c.Hash, team)
	return nil
}

// team reads the key's team, and the user's membership of it. granted are models that the key may use beside the
// team's.
func (b *builder) team(ctx context.Context, granted models) (*document, error) {
	c := b.c
	if c.TeamID == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	doc, created, err := b.read(ctx, store.KindTeam, c.TeamID)
	if err != nil {
		return nil, err
	}
	if doc == nil { // the key's limits hold; LiteLLM takes such keys too
		b.charge(store.KindTeam, c.TeamID, quota.Window{})
		return nil, nil //nolint:nilnil // there is none
	}
	c.teamBlocked = doc.Blocked.Value
	c.priority = cmp.Or(string(doc.Metadata.Priority), c.priority) // the team's precedes, as in LiteLLM
	c.OrganizationID = cmp.Or(c.OrganizationID, doc.OrganizationID)
	c.estimated = cmp.Or(c.estimated, doc.estimated())
	c.passes = c.passes.under(doc.passes())
	c.tags = slices.Concat(c.tags, doc.tags())
	if c.routing == nil && doc.Routing.some() {
		c.routing = doc.Routing
	}
	c.teamAliases, c.TeamAlias = doc.ModelAliases, doc.TeamAlias
	c.logging = loggingOf(c.logging, doc.logging())
	c.policies = slices.Concat(c.policies, doc.policies())
	c.guardrails = slices.Concat(c.guardrails, doc.guardrails())
	c.regions = slices.Concat(c.regions, doc.regions())
	whose := "the team " + c.TeamID
	b.limits(whose, store.KindTeam, c.TeamID, doc, created)
	list := models(doc.Models)
	if len(list) > 0 {
		of, err := b.groups(ctx, doc)
		if err != nil {
			return nil, err
		}
		list = slices.Concat(list, of.own, granted)
	}
	c.allow(store.KindTeam, whose, list)
	if c.UserID == "" {
		return doc, nil
	}
	id := c.TeamID + "/" + c.UserID
	member, joined, err := b.read(ctx, store.KindMember, id)
	if err != nil {
		return nil, err
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
	whose = "the user " + c.UserID + " in the team " + c.TeamID
	b.limits(whose, store.KindMember, id, member, joined)
	c.allow(store.KindMember, whose, member.AllowedModels)
	return doc, nil
}

func (b *builder) user(ctx context.Context) error {
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
	c.userBlocked, c.userInactive = doc.Blocked.Value, bool(doc.Metadata.Inactive)
	b.email, c.UserEmail = doc.UserEmail, doc.UserEmail
	c.guardrails = slices.Concat(c.guardrails, doc.guardrails())
	c.regions = slices.Concat(c.regions, doc.regions())
	whose := "the user " + c.UserID
	if c.TeamID != "" { // as in LiteLLM, a user's budgets and models are for the keys of their own
		doc.MaxBudget, doc.BudgetLimits, doc.ModelMaxBudget = optional[money]{}, nil, nil
	} else {
		c.allow(store.KindUser, whose, doc.Models)
	}
	b.limits(whose, store.KindUser, c.UserID, doc, created)
	return nil
}

func (b *builder) organization(ctx context.Context) error {
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
	c.OrganizationAlias = doc.OrganizationAlias
	whose := "the organization " + c.OrganizationID
	b.limits(whose, store.KindOrganization, c.OrganizationID, doc, created)
	c.allow(store.KindOrganization, whose, doc.Models)
	c.guardrails = slices.Concat(c.guardrails, doc.guardrails())
	c.regions = slices.Concat(c.regions, doc.regions())
	return nil
}

// proxy adds the budget of the whole gateway.
func (b *builder) proxy() {
	s := b.d.settings()
	w := period(s.BudgetDuration, time.Unix(0, 0))
	if s.MaxBudget.Set {
		b.c.limits = append(b.c.limits, limit{scope: scope{whose: "this gateway"}, id: proxyCounter, most: quota.Limit{Units: int64(s.MaxBudget.Value), Window: w}})
		b.watch(&alert.Budget{Counter: proxyCounter, Window: w, About: alert.Event{Group: alert.GroupProxy, UserID: masterUser, MaxBudget: s.MaxBudget}})
	} else {
		b.c.charges = append(b.c.charges, store.Charge{Counter: proxyCounter, Window: w})
	}
	if s.GlobalParallel.Set {
		b.c.limits = append(b.c.limits, limit{
			scope: scope{whose: "this gateway", what: whatParallel}, id: parallelCounter, most: quota.Limit{Units: s.GlobalParallel.Value, Kind: quota.Held},
		})
	}
}

// parallelCounter is the calls of all keys that are under way.
const parallelCounter = "proxy:/parallel"

// proxyCounter is the money that the whole gateway has spent.
const proxyCounter = "proxy:/spend"

// charge makes calls count for what an entity without a budget spends.
func (b *builder) charge(kind store.Kind, id string, w quota.Window) {
	b.c.charges = append(b.c.charges, store.Charge{Counter: store.SpendCounter(kind, id), Window: w})
}

// limits adds the limits of an entity.
func (b *builder) limits(whose string, kind store.Kind, id string, doc *document, created time.Time) {
	c, base := b.c, string(kind)+":"+id
	w := doc.period(created)
	money := func(suffix string, s scope, most money, w quota.Window) limit {
		return limit{scope: s, id: base + "/spend" + suffix, most: quota.Limit{Units: int64(most), Window: w}}
	}
	if doc.MaxBudget.Set {
		c.limits = append(c.limits, money("", scope{whose: whose}, b.raised(doc), w))
	} else {
		b.charge(kind, id, w)
	}
	b.watched(kind, id, doc, w)
	lowest := map[string]int{}
	for _, several := range doc.BudgetLimits {
		l := money("@"+several.Duration, scope{whose: whose + " for " + several.Duration}, several.MaxBudget, period(several.Duration, created))
		at, twice := lowest[l.id]
		switch {
		case !twice:
			lowest[l.id] = len(c.limits)
			c.limits = append(c.limits, l)
		case l.most.Units < c.limits[at].most.Units:
			c.limits[at] = l
		}
	}
	for model, m := range doc.ModelMaxBudget {
		if most := cmp.Or(m.Limit, m.MaxBudget); most.Set {
			c.byModel = append(c.byModel, money("@model:"+model, scope{whose: whose, model: model}, most.Value, period(cmp.Or(m.Period, m.Duration), created)))
		}
	}
	minute := b.d.settings().minute()
	rate := func(what what, suffix, model string, most int64, l quota.Limit) limit {
		l.Units = most
		return limit{scope: scope{whose: whose, what: what, tokens: b.d.settings().Counted, model: model}, id: base + suffix, most: l}
	}
	if doc.RPM.Set {
		c.limits = append(c.limits, rate(whatRequests, "/requests", "", doc.RPM.Value, quota.Limit{Window: minute}))
	}
	if doc.TPM.Set {
		c.limits = append(c.limits, rate(whatTokens, "/tokens", "", doc.TPM.Value, quota.Limit{Window: minute}))
	}
	if kind == store.KindKey && !doc.Parallel.Set {
		doc.Parallel.Opt = b.d.settings().KeyParallel
	}
	if doc.Parallel.Set {
		c.limits = append(c.limits, rate(whatParallel, "/parallel", "", doc.Parallel.Value, quota.Limit{Kind: quota.Held}))
	}
	for model, most := range doc.ofModels(func(f *folded) map[string]optional[int64] { return f.ModelRPM }) {
		c.byModel = append(c.byModel, rate(whatRequests, "@"+model+"/requests", model, most, quota.Limit{Window: minute}))
	}
	for model, most := range doc.ofModels(func(f *folded) map[string]optional[int64] { return f.ModelTPM }) {
		c.byModel = append(c.byModel, rate(whatTokens, "@"+model+"/tokens", model, most, quota.Limit{Window: minute}))
	}
	if kind != store.KindProject {
		return
	}
	for _, of := range [...]struct {
		tokens Counted
		suffix string
		limits func(f *folded) map[string]optional[int64]
	}{
		{InputTokens, "/input_tokens", func(f *folded) map[string]optional[int64] { return f.ModelInputTPM }},
		{OutputTokens, "/output_tokens", func(f *folded) map[string]optional[int64] { return f.ModelOutputTPM }},
	} {
		for model, most := range doc.ofModels(of.limits) {
			l := rate(whatTokens, "@"+model+of.suffix, model, most, quota.Limit{Window: minute})
			l.scope.tokens = of.tokens
			c.byModel = append(c.byModel, l)
		}
	}
}

// raised is a budget with what has been added to it for a time. Until then it holds; it has to be read again after
// that.
func (b *builder) raised(doc *document) money {
	most := doc.MaxBudget.Value
	more, expiry := doc.temporary()
	if !more.Set || !expiry.Set {
		return most
	}
	until, err := parseTime(expiry.Value)
	if err != nil || !b.d.opt.Now().Before(until) {
		return most
	}
	if b.c.until.IsZero() || until.Before(b.c.until) {
		b.c.until = until
	}
	return most + more.Value
}
