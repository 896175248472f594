package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// userShown is a user as answers have it, with the ids of his teams.
func (x *exchange) userShown(t *thing) (*document, error) {
	if err := x.count(t); err != nil {
		return nil, err
	}
	d := x.shown(t)
	teams, err := x.teamsOf(t.ID)
	if err != nil {
		return nil, err
	}
	d.set("teams", quoteAll(teams))
	return d, nil
}

// teamsOf are the ids of a user's teams.
func (x *exchange) teamsOf(user string) ([]string, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindMember, UserID: user, Ascending: true})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, t := range found {
		ids[i] = t.TeamID
	}
	return ids, nil
}

// userSeen reads the user of a query who may be seen by the caller: himself, members of his teams for an admin of
// them, and all for who sees all.
func (x *exchange) userSeen() (*thing, error) {
	id := x.r.URL.Query().Get("user_id")
	if id == "" {
		id = x.caller.UserID
	}
	if id == "" {
		return nil, refused("user_id", "user_id must be given: this key has no user.")
	}
	t, err := x.entity(store.KindUser, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if x.caller.sees() || id == x.caller.UserID {
		if err != nil {
			return nil, absent("user_id", "User %s not found.", clip(id))
		}
		return t, nil
	}
	unseen := forbidden("user_id", "key not allowed to access this user's info, or there is no such user.")
	if err != nil {
		return nil, unseen
	}
	teams, err := x.teamsOf(id)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(teams, func(team string) bool { return x.caller.Teams[team] == TeamAdmin }) {
		return t, nil
	}
	orgs, _, err := x.entities(store.Filter{Kind: store.KindOrgMember, UserID: id})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(orgs, func(m *thing) bool { return x.caller.leads(m.OrganizationID) }) {
		return t, nil
	}
	return nil, unseen
}

// getUser serves /user/info.
func (x *exchange) getUser() ([]byte, error) {
	t, err := x.userSeen()
	if err != nil {
		return nil, err
	}
	d, err := x.userShown(t)
	if err != nil {
		return nil, err
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindKey, UserID: t.ID})
	if err != nil {
		return nil, err
	}
	keys, err := x.keysShown(found, true)
	if err != nil {
		return nil, err
	}
	var teams []jsonx.Raw
	for _, id := range d.texts("teams") {
		team, err := x.entity(store.KindTeam, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		shown, err := x.teamShown(team)
		if err != nil {
			return nil, err
		}
		teams = append(teams, shown.bytes())
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("user_id")
		w.String(t.ID)
		w.Key("user_info")
		d.write(w)
		w.Key("keys")
		w.Raw(jsonx.Array(keys))
		w.Key("teams")
		w.Raw(jsonx.Array(teams))
		w.EndObject()
	}), nil
}

// getUserOnly serves /v2/user/info: the user without keys and teams.
func (x *exchange) getUserOnly() ([]byte, error) {
	t, err := x.userSeen()
	if err != nil {
		return nil, err
	}
	d, err := x.userShown(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// usersListed are the users that a query selects, as far as the caller may list them.
func (x *exchange) usersListed() ([]*thing, error) {
	q := x.r.URL.Query()
	f := store.Filter{Kind: store.KindUser, Search: q.Get("search"), Ascending: q.Get("sort_order") == "asc" && q.Get("sort_by") != ""}
	if ids := q.Get("user_ids"); ids != "" {
		f.IDs = strings.Split(ids, ",")
	}
	all, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	var of map[string]bool // users of the caller's organisations; nil for all
	if !x.caller.sees() {
		of = map[string]bool{}
		for _, org := range x.caller.Administers {
			members, _, err := x.entities(store.Filter{Kind: store.KindOrgMember, OrganizationID: org})
			if err != nil {
				return nil, err
			}
			for _, m := range members {
				of[m.UserID] = true
			}
		}
	}
	var in map[string]bool // members of the team that is asked for; nil for all
	if team := q.Get("team"); team != "" {
		in = map[string]bool{}
		members, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: team})
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			in[m.UserID] = true
		}
	}
	return slices.DeleteFunc(all, func(t *thing) bool {
		return of != nil && !of[t.ID] || in != nil && !in[t.ID] ||
			q.Get("role") != "" && t.doc.text("user_role") != q.Get("role") ||
			q.Get("user_email") != "" && !strings.Contains(strings.ToLower(t.doc.text("user_email")), strings.ToLower(q.Get("user_email"))) ||
			q.Get("sso_user_ids") != "" && !slices.Contains(strings.Split(q.Get("sso_user_ids"), ","), t.doc.text("sso_user_id"))
	}), nil
}

// listUsers serves /user/list.
func (x *exchange) listUsers() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "page_size", 25, 100)
	if err != nil {
		return nil, err
	}
	all, err := x.usersListed()
	if err != nil {
		return nil, err
	}
	by := q.Get("sort_by")
	if by != "" && by != "created_at" {
		if !slices.Contains([]string{"user_id", "user_email", "user_alias", "user_role", "spend"}, by) {
			return nil, refused("sort_by", "sort_by must be one of user_id, user_email, user_alias, user_role, created_at, spend.")
		}
		if by == "spend" {
			if err := x.count(all...); err != nil {
				return nil, err
			}
		}
		down := q.Get("sort_order") == "desc"
		slices.SortStableFunc(all, func(a, b *thing) int {
			if down {
				a, b = b, a
			}
			if by == "spend" {
				return int(min(max(a.spent-b.spent, -1), 1))
			}
			return strings.Compare(a.doc.text(by), b.doc.text(by))
		})
	}
	users := []jsonx.Raw{}
	for _, t := range of(p, all) {
		d, err := x.userShown(t)
		if err != nil {
			return nil, err
		}
		_, keys, err := x.entities(store.Filter{Kind: store.KindKey, UserID: t.ID, Limit: 1})
		if err != nil {
			return nil, err
		}
		d.set("key_count", wholeOf(int64(keys)))
		users = append(users, d.bytes())
	}
	return p.list("users", users, len(all)), nil
}

// filterUsers serves /user/filter/ui: the ids and e-mail addresses of users whom a query selects.
func (x *exchange) filterUsers() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "page_size", 50, 100)
	if err != nil {
		return nil, err
	}
	all, err := x.usersListed()
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(q.Get("user_id"))
	all = slices.DeleteFunc(all, func(t *thing) bool { return !strings.Contains(strings.ToLower(t.ID), id) })
	var users []jsonx.Raw
	for _, t := range of(p, all) {
		d := &document{}
		d.put("user_id", t.ID)
		d.set("user_email", t.doc.get("user_email"))
		users = append(users, d.bytes())
	}
	return jsonx.Array(users), nil
}

// availableRoles serves /user/available_roles.
func (x *exchange) availableRoles() ([]byte, error) {
	about := [...][2]string{
		{"may do everything", "Admin"},
		{"may see everything and change nothing", "Admin (view only)"},
		{"may make, see and delete his own keys, and see his own spend", "Internal user"},
		{"may see his own keys and spend", "Internal user (view only)"},
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		for i, role := range userRoles() {
			w.AnyKey(role)
			w.Object()
			w.Key("description")
			w.String(about[i][0])
			w.Key("ui_label")
			w.String(about[i][1])
			w.EndObject()
		}
		w.EndObject()
	}), nil
}
