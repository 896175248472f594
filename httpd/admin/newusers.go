package admin

import (
	"errors"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/store"
	"outcrop/tenant"
)

// defaultUser fills in what is not said of a new user. usual is the role of users for whom neither the request nor the
// configuration says one.
func (x *exchange) defaultUser(t *thing, usual tenant.Role) {
	defaults := &x.h.opt.Defaults.Users
	if t.doc.text("user_role") == "" {
		t.doc.put("user_role", string(usual))
		if defaults.Role != "" {
			t.doc.put("user_role", string(defaults.Role))
		}
	}
	x.defaultFields(t)
}

// defaultFields fills in what is not said of a new user whose role is known.
func (x *exchange) defaultFields(t *thing) {
	for _, f := range x.h.opt.Defaults.Users.Missing(tenant.Role(t.doc.text("user_role")), t.doc.says) {
		t.doc.set(f.Name, f.Value)
	}
}

// says reports whether a document has a value that is no empty list.
func (d *document) says(name string) bool {
	v := d.get(name)
	return v != nil && !jsonx.Empty(v)
}

// defaultMemberships are those that a new user gets, but for one team. Teams that are not there are passed over, as in
// LiteLLM; so the caller need not manage them.
func (x *exchange) defaultMemberships(user *thing, but string) ([]*thing, error) {
	var all []*thing
	for _, m := range x.h.opt.Defaults.Users.Teams {
		team, err := x.entity(store.KindTeam, m.Team)
		if errors.Is(err, store.ErrNotFound) || m.Team == but {
			continue
		}
		if err != nil {
			return nil, err
		}
		membership := x.memberOf(store.KindMember, team.ID, user, m.Role)
		membership.Created = nth(x.now, len(all))
		if m.Budget != nil && team.doc.get("team_member_budget") == nil { // the team's own begins anew
			membership.doc.set("max_budget", m.Budget)
		}
		all = append(all, membership)
	}
	return all, nil
}

// availableTeams serves /team/available: the teams that users may join by themselves, but those of which the caller is a
// member (litellm_settings.default_internal_user_params.available_teams).
func (x *exchange) availableTeams() ([]byte, error) {
	open := slices.DeleteFunc(slices.Clone(x.h.opt.Defaults.Users.Available), func(id string) bool { return x.caller.Teams[id] != "" })
	if len(open) == 0 {
		return []byte("[]"), nil
	}
	teams, _, err := x.entities(store.Filter{Kind: store.KindTeam, IDs: open, Ascending: true})
	if err != nil {
		return nil, err
	}
	if err := x.count(teams...); err != nil {
		return nil, err
	}
	items := make([]jsonx.Raw, len(teams))
	for i, t := range teams {
		d, err := x.teamShown(t)
		if err != nil {
			return nil, err
		}
		items[i] = d.bytes()
	}
	return jsonx.Array(items), nil
}

// joinable reads the team whose members a request changes: one that the caller may change, or one to which a request adds
// the caller who may join it.
func (x *exchange) joinable(given *document) (*thing, error) {
	if !x.joinsAvailable(given) {
		return x.managed(given.text("team_id"))
	}
	t, err := x.entity(store.KindTeam, given.text("team_id"))
	if errors.Is(err, store.ErrNotFound) {
		return x.managed(given.text("team_id")) // with its error
	}
	return t, err
}

// joinsAvailable reports whether a request adds the caller, and nobody else, to a team that users may join by themselves,
// without limits of his own and as an ordinary member.
func (x *exchange) joinsAvailable(given *document) bool {
	if x.action != "/team/member_add" || x.caller.UserID == "" || given.get("member") == nil || !slices.Contains(x.h.opt.Defaults.Users.Available, given.text("team_id")) {
		return false
	}
	for _, f := range memberFields() {
		if f.at != spoken && f.name != "role" && given.get(f.name) != nil {
			return false
		}
	}
	items := []jsonx.Raw{given.get("member")}
	if items[0].Kind() == '[' && jsonx.Unmarshal(items[0], &items) != nil {
		return false
	}
	return len(items) == 1 && items[0].Kind() == '{' && parse(items[0]).text("user_id") == x.caller.UserID && parse(items[0]).text("role") == TeamUser
}
