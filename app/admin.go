package app

import (
	"context"
	"net/http"
	"slices"

	"outcrop/config"
	"outcrop/gateway"
	"outcrop/httpd/admin"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/store"
	"outcrop/tenant"
)

// admin makes the frontend of the management API.
func (a *App) admin(cfg *config.Config, signIn *signIn) *admin.Handler {
	g := a.client.Pipeline()
	var alerts admin.Alerts
	if a.alerts != nil {
		alerts = a.alerts.sender
	}
	var keys admin.Keeper
	if a.vault != nil {
		keys = a.vault
	}
	return admin.New(admin.Options{
		Alerts:  alerts,
		Keys:    keys,
		Price:   g.Price,
		Callers: &callers{g, a.tenants},
		Store: func(ctx context.Context) (admin.Store, error) {
			p, err := a.tenants.get(ctx)
			if err != nil {
				return nil, err
			}
			return &followed{p.store, p, a.added}, nil
		},
		SignIn: signIn.frontend(), ProviderBudgets: cfg.Accounting.Providers,
		AdminRoutes:  cfg.Accounting.AdminRoutes,
		PassThroughs: storedEndpoints{a.added}, Policies: storedPolicies{a.added},
		Models: a.added, KnownMembers: cfg.Accounting.KnownMembers, AdminGroup: cfg.Accounting.AdminGroup,
		Defaults: defaults(&cfg.Management), FileSettings: fileSettings(cfg), Cache: cacheSettings{a},
		Logger: a.opt.Logger,
	})
}

// defaults are what the configuration says of new keys, users and teams.
func defaults(m *config.Management) admin.Defaults {
	makers := admin.Makers{Limited: m.MakersLimited, Team: admin.KeyRule(m.TeamKeys), Personal: admin.KeyRule(m.PersonalKeys)}
	var members []admin.MetadataField
	for _, f := range m.TeamMetadata {
		members = append(members, admin.MetadataField(f))
	}
	return admin.Defaults{Makers: makers, TeamMetadata: members, Keys: m.NewKeys, KeyBounds: m.KeyBounds, Teams: m.NewTeams, Users: m.NewUsers, KeyAlias: m.KeyAlias, AliasRule: m.AliasRule}
}

// followed is the store, whose changes this process follows at once, before it answers.
type followed struct {
	*store.Store
	parts *parts
	added *added
}

func (f *followed) Change(ctx context.Context, c *store.Change) (int64, error) {
	revision, err := f.Store.Change(ctx, c)
	if err != nil {
		return revision, err
	}
	refs := slices.Clone(c.Delete)
	for i := range c.Put {
		refs = append(refs, store.Ref{Kind: c.Put[i].Kind, ID: c.Put[i].ID})
	}
	if concerns(refs) && f.added.Stored() {
		if err := f.added.reload(ctx, f.Store); err != nil {
			return revision, err
		}
	}
	return revision, f.parts.directory.Refresh(ctx)
}

func (f *followed) ResetSpend(ctx context.Context, counter string, units int64) error {
	err := f.Store.ResetSpend(ctx, counter, units)
	f.parts.money.Refresh(counter)
	return err
}

// callers tells the management API who calls.
type callers struct {
	gateway *gateway.Gateway
	tenants *tenants
}

// Authenticate returns who makes a request; the error is an *llm.Error.
func (c *callers) Authenticate(r *http.Request) (*admin.Caller, error) {
	presented := door.Keys(r)
	who, err := c.gateway.Authenticate(r.Context(), &presented)
	if err != nil {
		return nil, err
	}
	t := who.Tenant()
	if t != nil && t.Keyless() {
		if r.URL.Path != "/spend/calculate" { // all others show or change what is somebody's
			return nil, tenant.Missing()
		}
		return &admin.Caller{Role: t.Role, UserID: t.Owner()}, nil
	}
	if t == nil || t.Master() {
		return &admin.Caller{Master: true, Role: tenant.RoleAdmin}, nil
	}
	caller := &admin.Caller{Role: t.Role, Key: t.Hash, UserID: t.UserID, TeamID: t.TeamID, Teams: map[string]string{}, Manages: t.Manages}
	if t.UserID == "" || t.Role == tenant.RoleAdmin {
		return caller, nil
	}
	p, err := c.tenants.get(r.Context())
	if err != nil {
		return nil, err
	}
	teams, _, err := p.store.Entities(r.Context(), &store.Filter{Kind: store.KindMember, UserID: t.UserID})
	if err != nil {
		return nil, err
	}
	for i := range teams {
		caller.Teams[teams[i].TeamID] = roleIn(&teams[i], "role", admin.TeamUser)
	}
	organizations, _, err := p.store.Entities(r.Context(), &store.Filter{Kind: store.KindOrgMember, UserID: t.UserID})
	if err != nil {
		return nil, err
	}
	for i := range organizations {
		if roleIn(&organizations[i], "user_role", "") == string(tenant.RoleOrgAdmin) {
			caller.Administers = append(caller.Administers, organizations[i].OrganizationID)
		}
	}
	return caller, nil
}

// roleIn is the role of a member.
func roleIn(e *store.Entity, name, otherwise string) string {
	members, err := jsonx.Members(e.Doc)
	if err != nil {
		return otherwise
	}
	role := ""
	if v := jsonx.Find(members, name); v.Kind() == '"' && jsonx.Unmarshal(v, &role) == nil {
		return role
	}
	return otherwise
}
