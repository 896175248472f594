package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// Makers says who may make keys, and what requests for them must say: litellm_settings.key_generation_settings (LiteLLM
// 1.110.2, litellm/proxy/management_endpoints/key_management_endpoints.py).
type Makers struct {
	// Limited is whether the configuration has the setting: a key of a team then needs a team that exists.
	Limited bool
	// Team is for keys with a team_id, and roles in the team; Personal is for other keys, and roles of users.
	Team, Personal KeyRule
}

// KeyRule is who may make a kind of keys.
type KeyRule struct {
	// Roles are those that may; nil for all.
	Roles []string
	// Required are the fields that requests must have.
	Required []string
}

// lacks checks that a request has all fields of a rule.
func (r *KeyRule) lacks(body []jsonx.Member) error {
	for _, name := range r.Required {
		if !slices.ContainsFunc(body, func(m jsonx.Member) bool { return m.Name == name }) {
			return refused(name, "Required param %s not in data. litellm_settings.key_generation_settings asks for it in all requests for such keys.", name)
		}
	}
	return nil
}

// mayMake checks that the caller may make a key as the request asks for it.
func (x *exchange) mayMake(given *document) error {
	rules := &x.h.opt.Defaults.Makers
	body, err := x.object()
	if err != nil || !rules.Limited {
		return err
	}
	id := given.text("team_id")
	if id == "" {
		if role := string(x.caller.Role); rules.Personal.Roles != nil && !slices.Contains(rules.Personal.Roles, role) {
			return refused("user_role", "Personal key creation has been restricted by admin. Allowed roles=%s. Your role=%s", listed(rules.Personal.Roles), role)
		}
		return rules.Personal.lacks(body)
	}
	there, err := x.exists(store.KindTeam, id)
	switch {
	case err != nil:
		return err
	case !there:
		return refused("team_id", "Unable to find team object in database. Team ID: %s", clip(id))
	case x.caller.admin():
		return nil
	}
	team, err := x.team(id)
	if err != nil {
		return err
	}
	if err := x.roleIn(team); err != nil {
		return err
	}
	return rules.Team.lacks(body)
}

// roleIn checks that the caller's role in a team is one of those that make and delete its keys. Who manages the team from
// outside counts as its admin.
func (x *exchange) roleIn(team *thing) error {
	roles, role := x.h.opt.Defaults.Makers.Team.Roles, x.caller.Teams[team.ID]
	if role != TeamAdmin && x.manages(team) {
		role = TeamAdmin
	}
	if roles == nil || x.caller.admin() || slices.Contains(roles, role) {
		return nil
	}
	return refused("team_id", "Team member role %s not in allowed_team_member_roles=%s", role, listed(roles))
}

// mayDelete checks that the caller's role in a key's team is one of those that delete its keys.
func (x *exchange) mayDelete(key *thing) error {
	if key.TeamID == "" || x.h.opt.Defaults.Makers.Team.Roles == nil {
		return nil
	}
	team, err := x.entity(store.KindTeam, key.TeamID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return x.roleIn(team)
}

// listed is a list for people.
func listed(list []string) string { return fmt.Sprintf("[%s]", strings.Join(list, ", ")) }
