package tenant

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// RoleSync says which role here a role of the identity provider stands for: an element of jwt_litellm_role_map. Claimed is a
// pattern, as the shell's are.
type RoleSync struct {
	Claimed string
	Role    Role
}

// synced is the role that a token's roles stand for: that of the first pattern that fits one of them; empty for none (litellm,
// handle_jwt.py, map_jwt_role_to_litellm_role, 1.110.2).
func (t *Tokens) synced(roles []string) Role {
	whole := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") } // a slash is a character as others are
	for _, m := range t.RoleSyncs {
		if slices.ContainsFunc(roles, func(role string) bool {
			fits, err := path.Match(whole(m.Claimed), whole(role))
			return err == nil && fits
		}) {
			return m.Role
		}
	}
	return ""
}

// sync writes into the user of a token what the identity provider says of the role and the teams, as LiteLLM does with
// sync_user_role_and_teams: the user is then a member of the teams of the token, and of no others. Other than there, teams
// are left alone unless a claim has them.
func (d *Directory) sync(ctx context.Context, who *identity) error {
	t := &d.settings().Tokens
	if !t.SyncUsers || who.Admin || who.user == "" {
		return nil
	}
	c := store.Change{By: who.user, Action: "/user/update"}
	user, err := d.opt.Store.Entity(ctx, store.KindUser, who.user)
	if err != nil {
		return err
	}
	if role := t.synced(who.Roles); role != "" {
		if err := setRole(user, role, &c); err != nil {
			return err
		}
	}
	if t.SyncTeams {
		if err := d.syncTeams(ctx, who, &c); err != nil {
			return err
		}
	}
	if len(c.Put)+len(c.Delete) == 0 {
		return nil
	}
	if _, err := d.opt.Store.Change(ctx, &c); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) { // another call has done it
		return err
	}
	return d.Refresh(ctx)
}

// setRole adds the role of a user to a change, if it is another one.
func setRole(user *store.Entity, role Role, c *store.Change) error {
	members, err := jsonx.Members(user.Doc)
	if err != nil {
		return &unreadableError{store.KindUser, user.ID, err}
	}
	value := jsonx.AppendString(nil, string(role))
	at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "user_role" })
	switch {
	case at < 0:
		members = append(members, jsonx.Member{Name: "user_role", Value: value})
	case string(members[at].Value) == string(value):
		return nil
	default:
		members[at].Value = value
	}
	user.Doc = object(members)
	c.Put = append(c.Put, *user)
	return nil
}

// syncTeams adds to a change the teams that a user joins and leaves. A team that is not there is passed over.
func (d *Directory) syncTeams(ctx context.Context, who *identity, c *store.Change) error {
	found, _, err := d.opt.Store.Entities(ctx, &store.Filter{Kind: store.KindMember, UserID: who.user})
	if err != nil {
		return err
	}
	for i := range found {
		if !slices.Contains(who.Teams, found[i].TeamID) {
			c.Delete = append(c.Delete, store.Ref{Kind: store.KindMember, ID: found[i].ID})
		}
	}
	if len(found) > 0 && len(who.Teams) == 0 { // the identity provider may have forgotten the claim
		d.opt.Logger.Warn("a user leaves all teams, because the token names none", slog.String("user_id", who.user), slog.Int("teams", len(found)))
	}
	now := d.opt.Now()
	for _, team := range who.Teams {
		if slices.ContainsFunc(found, func(e store.Entity) bool { return e.TeamID == team }) {
			continue
		}
		joined, err := d.joined(ctx, who, NewMember{Team: team, Role: "user"}, now)
		if err != nil {
			return err
		}
		c.Put = append(c.Put, joined...)
	}
	return nil
}
