package admin

import (
	"errors"
	"slices"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
	"outcrop/tenant"
)

// memberOf makes a membership of a user in a team or an organisation, which is not written yet.
func (x *exchange) memberOf(kind store.Kind, group string, user *thing, role string) *thing {
	m := &thing{Entity: store.Entity{Kind: kind, ID: group + "/" + user.ID, UserID: user.ID, Created: x.now, Updated: x.now}, doc: &document{}}
	m.doc.put("user_id", user.ID)
	m.doc.set("user_email", user.doc.get("user_email"))
	if kind == store.KindMember {
		m.TeamID = group
		m.doc.put("team_id", group)
	} else {
		m.OrganizationID = group
		m.doc.put("organization_id", group)
	}
	m.doc.put(roleName(kind), role)
	return m
}

// nth is when the nth member of a request joined, so that lists have them in the request's order.
func nth(now time.Time, n int) time.Time { return now.Add(time.Duration(n) * time.Microsecond) }

// joiner is a user who is to become a member.
type joiner struct {
	user *thing
	role string
	new  bool // whether the user is to be made first
}

// roleName is the member of a membership's document that has the role, as in LiteLLM's tables.
func roleName(kind store.Kind) string {
	if kind == store.KindMember {
		return "role"
	}
	return "user_role"
}

// roles are those in a kind of group.
func roles(kind store.Kind) []string {
	if kind == store.KindMember {
		return []string{TeamAdmin, TeamUser}
	}
	return []string{string(tenant.RoleOrgAdmin), string(tenant.RoleUser), string(tenant.RoleUserViewer)}
}

// membersGiven reads the members of a new team.
func (x *exchange) membersGiven(given *document) ([]*joiner, error) {
	var all []*joiner
	if v := given.get("members_with_roles"); v != nil {
		found, err := x.joiningOf(v, "members_with_roles", store.KindMember)
		if err != nil {
			return nil, err
		}
		all = found
	}
	for _, old := range [...]struct{ name, role string }{{"admins", TeamAdmin}, {"members", TeamUser}} {
		for _, id := range given.texts(old.name) {
			j, err := x.joiningUser(id, "", old.role)
			if err != nil {
				return nil, err
			}
			all = append(all, j)
		}
	}
	return all, nil
}

// joiningOf reads a member, or a list of members: objects with role and user_id or user_email.
func (x *exchange) joiningOf(v jsonx.Raw, param string, kind store.Kind) ([]*joiner, error) {
	items := []jsonx.Raw{v}
	if v.Kind() == '[' {
		if err := jsonx.Unmarshal(v, &items); err != nil {
			return nil, invalid(param, "%s must be an object, or a list of objects.", param)
		}
	}
	if len(items) > mostAtOnce {
		return nil, refused(param, "%s has %d entries; at most %d can be changed at once.", param, len(items), mostAtOnce)
	}
	var all []*joiner
	for _, item := range items {
		if item.Kind() != '{' {
			return nil, invalid(param, "%s must be an object with role and user_id or user_email, or a list of them.", param)
		}
		d := parse(item)
		role := d.text("role")
		if !slices.Contains(roles(kind), role) {
			return nil, invalid(param, "%s: role must be one of %v.", param, roles(kind))
		}
		if d.text("user_id") == "" && d.text("user_email") == "" {
			return nil, invalid(param, "%s: user_id or user_email must be given.", param)
		}
		j, err := x.joiningUser(d.text("user_id"), d.text("user_email"), role)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(o *joiner) bool { return o.user.ID == j.user.ID }) {
			all = append(all, j)
		}
	}
	return all, nil
}

// joiningUser is the user with an id or an e-mail address, or a new one, as LiteLLM makes one.
func (x *exchange) joiningUser(id, email, role string) (*joiner, error) {
	var t *thing
	var err error
	if id != "" {
		t, err = x.entity(store.KindUser, id)
	} else {
		t, err = x.userByEmail(email)
	}
	if err == nil {
		return &joiner{user: t, role: role}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if id == "" {
		id = newID()
	}
	given := &document{}
	if email != "" {
		given.put("user_email", email)
	}
	t = x.create(store.KindUser, id, given, userFields())
	t.doc.put("user_id", id)
	t.doc.put("user_role", string(tenant.RoleUser)) // whatever the default is, as in LiteLLM
	x.defaultFields(t)
	findable(t)
	return &joiner{user: t, role: role, new: true}, nil
}

// addUsers writes the new users among those that join. One whom another request has made meanwhile is left as he is.
func (x *exchange) addUsers(joining []*joiner) error {
	for _, j := range joining {
		if !j.new {
			continue
		}
		err := x.change(store.Change{Put: rows([]*thing{j.user}), Create: true})
		if err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	return nil
}

// limitMember sets the role and the limits of a membership.
func limitMember(m *thing, given *document) {
	for _, f := range memberFields() {
		name := f.name
		if !given.has(name) || f.at == spoken {
			continue
		}
		value := given.get(name)
		if name == "max_budget_in_team" || name == "max_budget_in_organization" {
			name = "max_budget"
		}
		if name == "role" {
			if value == nil {
				continue
			}
			name = roleName(m.Kind)
		}
		m.doc.set(name, value)
	}
}

// addMembers serves /team/member_add.
func (x *exchange) addMembers() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindMember)
	if err != nil {
		return nil, err
	}
	if given.get("member") == nil {
		return nil, invalid("member", "member must be given: an object with role and user_id or user_email, or a list of them.")
	}
	joining, err := x.joiningOf(given.get("member"), "member", store.KindMember)
	if err != nil {
		return nil, err
	}
	given.drop("role")
	users, memberships, err := x.join(store.KindMember, t.ID, joining, given)
	if err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	d.set("updated_users", jsonx.Array(users))
	d.set("updated_team_memberships", jsonx.Array(memberships))
	return d.bytes(), nil
}

// join makes users members, and returns them and the memberships as answers have them.
func (x *exchange) join(kind store.Kind, group string, joining []*joiner, given *document) (users, memberships []jsonx.Raw, err error) {
	made := make([]*thing, len(joining))
	for i, j := range joining {
		made[i] = x.memberOf(kind, group, j.user, j.role)
		made[i].Created = nth(x.now, i)
		limitMember(made[i], given)
		if there, err := x.exists(kind, made[i].ID); err != nil {
			return nil, nil, err
		} else if there {
			return nil, nil, refused("member", "User %s is a member already.", clip(j.user.ID))
		}
	}
	if err := x.addUsers(joining); err != nil {
		return nil, nil, err
	}
	if err := x.add(refused("member", "One of these users is a member already."), made...); err != nil {
		return nil, nil, err
	}
	if err := x.count(made...); err != nil {
		return nil, nil, err
	}
	users, memberships = []jsonx.Raw{}, []jsonx.Raw{}
	for i, j := range joining {
		d, err := x.userShown(j.user)
		if err != nil {
			return nil, nil, err
		}
		m, err := x.membership(made[i])
		if err != nil {
			return nil, nil, err
		}
		users, memberships = append(users, d.bytes()), append(memberships, m.bytes())
	}
	return users, memberships, nil
}

// groupOfBody reads the team or the organisation that a body names, which the caller must be able to change, and
// the body's fields.
func (x *exchange) groupOfBody(kind store.Kind) (*thing, *document, error) {
	body, err := x.object()
	if err != nil {
		return nil, nil, err
	}
	given, err := x.take(body, memberFields())
	if err != nil {
		return nil, nil, err
	}
	if given.has("temp_budget_increase") != given.has("temp_budget_expiry") {
		return nil, nil, invalid("temp_budget_increase", "temp_budget_increase and temp_budget_expiry must be set together.")
	}
	var t *thing
	if kind == store.KindMember {
		if given.text("team_id") == "" {
			return nil, nil, invalid("team_id", "team_id must be given.")
		}
		t, err = x.joinable(given)
	} else {
		if given.text("organization_id") == "" {
			return nil, nil, invalid("organization_id", "organization_id must be given.")
		}
		t, err = x.organization(given.text("organization_id"), true)
	}
	return t, given, err
}

// memberNamed reads the membership of the user whom a body names.
func (x *exchange) memberNamed(kind store.Kind, group string, given *document) (*thing, error) {
	id := given.text("user_id")
	if email := given.text("user_email"); id == "" && email != "" {
		t, err := x.userByEmail(email)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			id = t.ID
		}
	} else if id == "" {
		return nil, invalid("user_id", "user_id or user_email must be given.")
	}
	m, err := x.entity(kind, group+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused("user_id", "User is not a member. User_id=%s.", clip(id))
	}
	return m, err
}

// updateMember serves /team/member_update.
func (x *exchange) updateMember() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindMember)
	if err != nil {
		return nil, err
	}
	if role := given.text("role"); role != "" && !slices.Contains(roles(store.KindMember), role) {
		return nil, invalid("role", "role must be one of %v.", roles(store.KindMember))
	}
	m, err := x.memberNamed(store.KindMember, t.ID, given)
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() && !x.caller.leads(t.OrganizationID) && m.UserID == x.caller.UserID {
		return nil, forbidden("user_id", "Team admins cannot change their own membership.")
	}
	limitMember(m, given)
	x.touch(m)
	if err := x.put(m); err != nil {
		return nil, err
	}
	d := &document{}
	d.put("team_id", t.ID)
	d.put("user_id", m.UserID)
	d.set("user_email", m.doc.get("user_email"))
	for _, name := range memberLimits() {
		v := m.doc.get(name)
		if name == "max_budget" {
			name = "max_budget_in_team"
		}
		d.set(name, v)
	}
	return d.bytes(), nil
}

// removeMember serves /team/member_delete: the member, with his keys of the team.
func (x *exchange) removeMember() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindMember)
	if err != nil {
		return nil, err
	}
	m, err := x.memberNamed(store.KindMember, t.ID, given)
	if err != nil {
		return nil, err
	}
	keys, err := x.under(store.Filter{TeamID: t.ID, UserID: m.UserID}, store.KindKey)
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: append(keys, store.Ref{Kind: m.Kind, ID: m.ID})}); err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// resetMember serves /team/{team_id}/member/{user_id}/reset_spend.
func (x *exchange) resetMember() ([]byte, error) {
	to, err := x.resetTo()
	if err != nil {
		return nil, err
	}
	t, err := x.managed(x.r.PathValue("team_id"))
	if err != nil {
		return nil, err
	}
	m, err := x.entity(store.KindMember, t.ID+"/"+x.r.PathValue("user_id"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("user_id", "User %s is not a member of the team.", clip(x.r.PathValue("user_id")))
	}
	if err != nil {
		return nil, err
	}
	if err := x.count(m); err != nil {
		return nil, err
	}
	before := m.spent
	if err := x.reset(m, to); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("team_id")
		w.String(t.ID)
		w.Key("user_id")
		w.String(m.UserID)
		w.Key("spend")
		w.Raw(dollars(to))
		w.Key("previous_spend")
		w.Raw(dollars(before))
		w.Key("max_budget")
		w.Raw(orNull(m.doc.get("max_budget")))
		w.EndObject()
	}), nil
}
