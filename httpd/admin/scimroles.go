package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/store"
	"outcrop/tenant"
)

// groupRoles adds to a change of an identity provider's the roles of the users whose groups it changes: those in AdminGroup are
// proxy admins, and others have the usual role, as in LiteLLM (scim_v2.py, _resolve_scim_user_role). They are written together with
// the change, so that whoever leaves the group is no admin from then on.
func (x *exchange) groupRoles(c *store.Change) error {
	if x.h.opt.AdminGroup == "" || !strings.HasPrefix(x.action, scimRoot+"/") {
		return nil
	}
	users, err := x.regrouped(c)
	if err != nil {
		return err
	}
	for _, id := range sorted(users) {
		leads, err := x.inAdminGroup(id, c)
		if err != nil {
			return err
		}
		if err := x.giveRole(id, leads, c); err != nil {
			return err
		}
	}
	return nil
}

// keepsAdminGroup refuses to make a team the admins' group to whoever is no proxy admin: its members would be admins with the next change
// of the identity provider's.
func (x *exchange) keepsAdminGroup(c *store.Change) error {
	group := x.h.opt.AdminGroup
	if group == "" || x.caller.admin() || strings.HasPrefix(x.action, scimRoot+"/") {
		return nil
	}
	for i := range c.Put {
		e := &c.Put[i]
		if e.Kind != store.KindTeam || e.ID != group && e.Alias != group {
			continue
		}
		was, err := x.entity(store.KindTeam, e.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && (was.ID == group || was.Alias == group) {
			continue
		}
		field := "team_alias"
		if e.ID == group {
			field = "team_id"
		}
		return forbidden(field, "Only proxy admins can make a team with the %s %s: it is the group of the proxy admins (scim_admin_group).", field, clip(group))
	}
	return nil
}

// regrouped are the users whose roles a change may change.
func (x *exchange) regrouped(c *store.Change) (map[string]bool, error) {
	users, teams := map[string]bool{}, map[string]bool{}
	for i := range c.Put {
		switch e := &c.Put[i]; e.Kind {
		case store.KindMember:
			users[e.UserID] = true
		case store.KindTeam: // which may have another name
			teams[e.ID] = true
		default:
		}
	}
	for _, ref := range c.Delete {
		switch ref.Kind {
		case store.KindMember:
			_, user, _ := strings.Cut(ref.ID, "/")
			users[user] = true
		case store.KindTeam:
			teams[ref.ID] = true
		default:
		}
	}
	for id := range teams {
		members, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: id})
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			users[m.UserID] = true
		}
	}
	for _, ref := range c.Delete {
		if ref.Kind == store.KindUser {
			delete(users, ref.ID)
		}
	}
	return users, nil
}

// inAdminGroup reports whether a user will be in the admins' group after a change.
func (x *exchange) inAdminGroup(user string, c *store.Change) (bool, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindMember, UserID: user})
	if err != nil {
		return false, err
	}
	teams := map[string]bool{}
	for _, m := range found {
		teams[m.TeamID] = true
	}
	for i := range c.Put {
		if e := &c.Put[i]; e.Kind == store.KindMember && e.UserID == user {
			teams[e.TeamID] = true
		}
	}
	for _, ref := range c.Delete {
		if team, of, _ := strings.Cut(ref.ID, "/"); ref.Kind == store.KindMember && of == user {
			delete(teams, team)
		}
		if ref.Kind == store.KindTeam {
			delete(teams, ref.ID)
		}
	}
	for id := range teams {
		if id == x.h.opt.AdminGroup {
			return true, nil
		}
		at := slices.IndexFunc(c.Put, func(e store.Entity) bool { return e.Kind == store.KindTeam && e.ID == id })
		if at >= 0 {
			if c.Put[at].Alias == x.h.opt.AdminGroup {
				return true, nil
			}
			continue
		}
		t, err := x.entity(store.KindTeam, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return false, err
		case t.Alias == x.h.opt.AdminGroup:
			return true, nil
		}
	}
	return false, nil
}

// giveRole writes the role of a user into a change, if it is another one.
func (x *exchange) giveRole(id string, leads bool, c *store.Change) error {
	role := tenant.RoleUserViewer
	switch {
	case leads:
		role = tenant.RoleAdmin
	case x.h.opt.Defaults.Users.Role != "":
		role = x.h.opt.Defaults.Users.Role
	}
	if at := slices.IndexFunc(c.Put, func(e store.Entity) bool { return e.Kind == store.KindUser && e.ID == id }); at >= 0 {
		d := parse(c.Put[at].Doc)
		d.put("user_role", string(role))
		c.Put[at].Doc = d.bytes()
		return nil
	}
	t, err := x.entity(store.KindUser, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || t.doc.text("user_role") == string(role) {
		return err
	}
	t.doc.put("user_role", string(role))
	x.touch(t)
	c.Put = append(c.Put, t.row())
	return nil
}
