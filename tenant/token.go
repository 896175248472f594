package tenant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"outcrop/bearer"
	"outcrop/llm"
	"outcrop/store"
)

// Tokens are the operator's settings for tokens: general_settings.litellm_jwtauth.
type Tokens struct {
	// MakeUsers is whether users who do not exist are made: user_id_upsert.
	MakeUsers bool
	// NewUsers are the defaults of these.
	NewUsers NewUsers
	// Domain is what e-mail addresses must end with, after the @; empty for any.
	Domain string
	// AdminRoutes are what tokens with the operators' scope may call.
	AdminRoutes []string
	// TeamRoutes are what tokens of teams may call; nil for LiteLLM's default, which is for tokens with a list of teams.
	TeamRoutes []string
	// NeedTeam is whether the token must name a team: team_id_jwt_field is set.
	NeedTeam bool
	// UserRoles are values of the claim with a user's roles that make a token a user's: user_allowed_roles.
	UserRoles []string
	// RoleMappings are looked through in their order. EnforceRoles is whether tokens without a role are refused:
	// enforce_rbac.
	RoleMappings []RoleMapping
	EnforceRoles bool
	// RolePermissions are what tokens may call by their roles, if EnforceRoles is set: general_settings.role_permissions.
	RolePermissions []RolePermission
	// SyncUsers is whether users get the role that RoleSyncs say for the roles of their tokens, which are looked through in their
	// order, and with SyncTeams the teams: sync_user_role_and_teams.
	SyncUsers, SyncTeams bool
	RoleSyncs            []RoleSync
	// ScopeMappings hold if EnforceScopes is set: enforce_scope_based_access.
	ScopeMappings []ScopeMapping
	EnforceScopes bool
	// EnforceTeam is whether calls must belong to a team of the token: enforce_team_based_model_access.
	EnforceTeam bool
}

// DefaultAdminRoutes and defaultTeamRoutes are LiteLLM's (litellm/proxy/_types.py, LiteLLM_JWTAuth, 1.110.2), as far as
// there are such routes here.
func DefaultAdminRoutes() []string {
	return []string{"management_routes", "spend_tracking_routes", "global_spend_tracking_routes", "info_routes"}
}

func defaultTeamRoutes() []string { return []string{"openai_routes", "info_routes", "/v1/messages"} }

// Bearer returns who sends a token that was verified. The error is an *llm.Error.
func (d *Directory) Bearer(ctx context.Context, token string, id *bearer.Identity) (*Caller, error) {
	hash := Hash(token)
	d.mu.RLock()
	c := d.callers[hash]
	d.mu.RUnlock()
	if c == nil || c.token == "" || c.over(d.opt.Now()) {
		id, err := d.settings().Tokens.owned(id)
		if err == nil {
			err = d.settings().Tokens.check(id)
		}
		if err != nil {
			return nil, err
		}
		if c, err = d.identify(ctx, hash, id); err != nil {
			if refusal, ok := errors.AsType[*llm.Error](err); ok {
				return nil, refusal
			}
			return nil, away(err)
		}
	}
	if err := c.usable(d.opt.Now()); err != nil {
		return nil, err
	}
	return c, nil
}

// check refuses what needs no database to be refused.
func (t *Tokens) check(id *bearer.Identity) error {
	if id.Admin {
		return nil
	}
	at := strings.LastIndexByte(id.Email, '@')
	if t.Domain != "" && (at < 0 || !strings.EqualFold(id.Email[at+1:], t.Domain)) {
		return &llm.Error{
			Code: llm.CodeTokenDenied, Status: 403, Class: classAuth, Param: "user_email", Message: fmt.Sprintf("the token's e-mail address is missing, not verified, or not of the domain %s.", t.Domain),
			Fix: "The gateway's operator has set litellm_jwtauth.user_allowed_email_domain and user_email_jwt_field.",
		}
	}
	switch {
	case t.NeedTeam && id.Team == "":
		return of(401, "the token names no team.", "The claim that litellm_jwtauth.team_id_jwt_field names must have the id of a team; team_id_default is for tokens without one.")
	case t.EnforceTeam && id.Team == "" && len(id.Teams) == 0:
		return of(403, "the token names no team, and litellm_jwtauth.enforce_team_based_model_access asks for one.", "Get a token with a team's id in the claim that team_id_jwt_field or team_ids_jwt_field names.")
	}
	return nil
}

// identify reads what a token belongs to.
func (d *Directory) identify(ctx context.Context, hash string, id *bearer.Identity) (c *Caller, err error) {
	err = d.again(ctx, func(r *reading) (func(), error) {
		who := identity{Identity: id, user: id.User, teams: id.Teams}
		if id.Team != "" || id.Admin {
			who.teams = nil
		}
		if err := d.known(ctx, r, &who); err != nil {
			return nil, err
		}
		if c, err = d.bearers(ctx, r, hash, &who); err != nil {
			return nil, err
		}
		return func() {
			if len(d.callers) >= maxCallers {
				clear(d.callers)
			}
			c.refs = r.refs
			c.find(d)
			for _, team := range c.teams {
				team.find(d)
				if c.until.IsZero() || !team.until.IsZero() && team.until.Before(c.until) {
					c.until = team.until
				}
			}
			d.callers[hash] = c
		}, nil
	})
	return c, err
}

// identity is a token's identity with its user and teams as they are here.
type identity struct {
	*bearer.Identity

	user, team string
	teams      []string
}

// known finds the user of a token, and its team if the token names none.
func (d *Directory) known(ctx context.Context, r *reading, who *identity) error {
	if who.Admin {
		return nil
	}
	who.team = who.Team
	if who.user == "" {
		return nil
	}
	there, err := d.exists(ctx, r, who.user)
	if err != nil {
		return err
	}
	if !there {
		if err := d.userOf(ctx, who); err != nil {
			return err
		}
		if there, err = d.exists(ctx, r, who.user); err != nil || !there {
			return cmp.Or(err, errChanging)
		}
	}
	if err := d.sync(ctx, who); err != nil {
		return err
	}
	if who.team != "" || len(who.teams) > 0 {
		return nil
	}
	d.also(r, memberships(who.user))
	teams, total, err := d.opt.Store.Entities(ctx, &store.Filter{Kind: store.KindMember, UserID: who.user, Limit: 2})
	if err == nil && total == 1 && len(teams) == 1 { // as in LiteLLM, a user's only team is that of his calls
		who.team = teams[0].TeamID
	}
	return err
}

// exists reports whether there is a user, whose document the reading depends on.
func (d *Directory) exists(ctx context.Context, r *reading, user string) (bool, error) {
	d.also(r, store.Ref{Kind: store.KindUser, ID: user})
	f, err := d.document(ctx, store.KindUser, user)
	return err == nil && f.doc != nil, err
}

// memberships stands for the teams of which a user is a member.
func memberships(user string) store.Ref { return store.Ref{Kind: store.KindMember, ID: "/" + user} }

// userOf finds a token's user by the e-mail address, or makes the user.
func (d *Directory) userOf(ctx context.Context, who *identity) error {
	if who.Email != "" {
		found, _, err := d.opt.Store.Entities(ctx, &store.Filter{Kind: store.KindUser, Search: who.Email})
		if err != nil {
			return err
		}
		for i := range found {
			doc, err := decode(&found[i])
			if err != nil {
				return err
			}
			if strings.EqualFold(doc.UserEmail, who.Email) {
				who.user = found[i].ID
				return nil
			}
		}
	}
	if !d.settings().Tokens.MakeUsers {
		return of(401, fmt.Sprintf("there is no user %s here, to whom the token belongs.", llm.Clip(who.user, 100)), "The gateway's operator can make the user with /user/new, or set litellm_jwtauth.user_id_upsert.")
	}
	if strings.Contains(who.user, "/") {
		return of(401, "the token's user cannot be made here, because the id has a slash.", "The gateway's operator can name another claim in litellm_jwtauth.user_id_jwt_field.")
	}
	return d.upsert(ctx, who)
}

// bearers makes the caller of a token, with one for each of its other teams.
func (d *Directory) bearers(ctx context.Context, r *reading, hash string, who *identity) (*Caller, error) {
	if len(who.teams) == 0 {
		return d.bearer(ctx, r, hash, who, who.team)
	}
	var first *Caller
	var refusal error
	for _, team := range who.teams {
		c, err := d.bearer(ctx, r, hash, who, team)
		if missing, ok := errors.AsType[*llm.Error](err); ok && missing.Status == 404 {
			refusal = err
			continue
		}
		switch {
		case err != nil:
			return nil, err
		case first == nil:
			first = c
		case c.teamBlocked:
		case first.teamBlocked:
			first = c
		default:
			first.teams = append(first.teams, c)
		}
	}
	if first == nil {
		return nil, refusal
	}
	return first, nil
}

// bearer makes the caller of a token for one team.
func (d *Directory) bearer(ctx context.Context, r *reading, hash string, who *identity, team string) (*Caller, error) {
	c := &Caller{d: d, token: hash, Name: "token", UserID: who.user, TeamID: team, OrganizationID: who.Organization, customer: who.Customer, owner: who.owner(team), scopes: d.settings().Tokens.scoped(who.Identity), permission: d.settings().Tokens.permission(who.Identity)}
	c.ends(who.Expires)
	b := builder{d: d, r: r, c: c}
	doc, err := b.team(ctx, nil)
	if err != nil {
		return nil, err
	}
	if team != "" && doc == nil {
		return nil, of(404, fmt.Sprintf("there is no team %s here, to which the token belongs.", llm.Clip(team, 100)), "The gateway's operator can make the team with /team/new.")
	}
	if err := b.user(ctx); err != nil {
		return nil, err
	}
	if err := b.organization(ctx); err != nil {
		return nil, err
	}
	b.proxy()
	routes := d.settings().Tokens.TeamRoutes
	if routes == nil && len(who.teams) > 0 {
		routes = defaultTeamRoutes()
	}
	switch {
	case who.Admin:
		c.Role, c.scoped, c.routes = RoleAdmin, true, d.settings().Tokens.AdminRoutes
	case team != "" && c.Role != RoleAdmin:
		c.routes = routes
	}
	return c, nil
}

// owner names whose things are that calls of a token make: another token of the same user has them too.
func (who *identity) owner(team string) string {
	switch {
	case who.user != "":
		return "user:" + who.user
	case team != "" && len(who.teams) == 0:
		return "team:" + team
	default:
		return "subject:" + who.Issuer + " " + who.Subject
	}
}

// Owner names whose things are that calls of the caller make; empty for the master key.
func (c *Caller) Owner() string { return c.owner }

// keyOwner is before the hash of a key in the owner's name.
const keyOwner = "key:"

// Master reports whether the caller has the master key.
func (c *Caller) Master() bool { return c.token == "" && c.Hash == "" }
