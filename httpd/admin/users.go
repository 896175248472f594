package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
	"outcrop/tenant"
)

// newUser serves /user/new: a user, who is made a member of teams and organisations, and gets a key unless
// auto_create_key is false.
func (x *exchange) newUser() ([]byte, error) {
	given, err := x.given(userFields())
	if err != nil {
		return nil, err
	}
	if given.get("password") != nil {
		return nil, invalid("password", "password cannot be set: users have no passwords here, only keys.")
	}
	if err := x.mayMakeUser(given); err != nil {
		return nil, err
	}
	id := strings.TrimSpace(given.text("user_id"))
	switch {
	case given.get("user_id") == nil:
		id = newID()
	case id == "":
		return nil, invalid("user_id", "user_id must not be empty.")
	case strings.Contains(id, "/"):
		return nil, invalid("user_id", "user_id must not have a slash.")
	}
	if err := x.freeEmail(given.text("user_email"), id); err != nil {
		return nil, err
	}
	t := x.create(store.KindUser, id, given, userFields())
	t.doc.put("user_id", id)
	if given.text("user_role") != string(tenant.RoleAdmin) {
		x.defaultUser(t, tenant.RoleUser)
	}
	findable(t)
	made := []*thing{t}
	teams, err := x.joined(given, t)
	if err != nil {
		return nil, err
	}
	if given.get("teams") == nil && given.text("team_id") == "" {
		if teams, err = x.defaultMemberships(t, ""); err != nil {
			return nil, err
		}
	}
	made = append(made, teams...)
	for _, org := range given.texts("organizations") {
		if there, err := x.exists(store.KindOrganization, org); err != nil {
			return nil, err
		} else if !there {
			return nil, absent("organizations", "Organization not found, passed organization_id=%s.", clip(org))
		}
		made = append(made, x.memberOf(store.KindOrgMember, org, t, string(tenant.RoleUser)))
	}
	secret, key, err := x.firstKey(given, t)
	if err != nil {
		return nil, err
	}
	if key != nil {
		made = append(made, key)
	}
	if err := x.add(refused("user_id", "User with id %s already exists.", clip(id)), made...); err != nil {
		return nil, err
	}
	d := x.shown(t)
	raise(d, userFields())
	ids := []string{}
	for _, m := range teams {
		ids = append(ids, m.TeamID)
	}
	d.set("teams", quoteAll(ids))
	d.put("key", secret)
	d.set("expires", nil)
	if key != nil {
		d.set("expires", key.doc.get("expires"))
		d.put("key_name", key.doc.text("key_name"))
		d.set("key_alias", key.doc.get("key_alias"))
	}
	return d.bytes(), nil
}

// mayMakeUser checks what an admin of an organisation may not do.
func (x *exchange) mayMakeUser(given *document) error {
	if x.caller.admin() {
		return nil
	}
	if role := given.text("user_role"); role == string(tenant.RoleAdmin) || role == string(tenant.RoleAdminViewer) {
		return forbidden("user_role", "Only proxy admins can create administrative users (proxy_admin, proxy_admin_viewer).")
	}
	orgs := given.texts("organizations")
	if len(orgs) == 0 {
		return forbidden("organizations", "Only proxy admins can create users outside their organizations: name one in organizations.")
	}
	for _, org := range orgs {
		if !x.caller.leads(org) {
			return forbidden("organizations", "You are not an admin of organization %s.", clip(org))
		}
	}
	return nil
}

// freeEmail checks that no other user has an e-mail address.
func (x *exchange) freeEmail(email, id string) error {
	if email == "" {
		return nil
	}
	other, err := x.userByEmail(email)
	if errors.Is(err, store.ErrNotFound) || err == nil && other.ID == id {
		return nil
	}
	if err != nil {
		return err
	}
	return refused("user_email", "User with email %s already exists.", clip(email))
}

// userByEmail finds the user with an e-mail address, in any case.
func (x *exchange) userByEmail(email string) (*thing, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindUser, Search: email})
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		if strings.EqualFold(t.doc.text("user_email"), email) {
			return t, nil
		}
	}
	return nil, store.ErrNotFound
}

// firstKey makes the key of a new user; nil if none is wanted.
func (x *exchange) firstKey(given *document, t *thing) (string, *thing, error) {
	if given.has("auto_create_key") && !given.yes("auto_create_key") {
		return "", nil, nil
	}
	k := &document{}
	k.put("user_id", t.ID)
	for _, name := range []string{"key_alias", "duration", "team_id", "models", "aliases", "config", "permissions", "blocked"} {
		if given.has(name) {
			k.set(name, given.get(name))
		}
	}
	if err := x.alias(k, "", ""); err != nil {
		return "", nil, err
	}
	secret := newKey()
	key := x.create(store.KindKey, tenant.Hash(secret), k, keyFields())
	key.doc.put("key_name", mask(secret))
	key.doc.set("expires", nil)
	if period := k.text("duration"); period != "" {
		key.doc.set("expires", moment(later(period, x.now)))
	}
	columns(key)
	x.keyMade(key.ID, secret)
	return secret, key, nil
}

// joined are the memberships of a new user in the teams that are given: ids, or objects with team_id,
// max_budget_in_team and user_role.
func (x *exchange) joined(given *document, user *thing) ([]*thing, error) {
	var items []jsonx.Raw
	if v := given.get("teams"); v != nil {
		if err := jsonx.Unmarshal(v, &items); err != nil {
			return nil, invalid("teams", "teams must be a list.")
		}
	}
	if id := given.text("team_id"); id != "" {
		items = []jsonx.Raw{quote(id)}
	}
	var all []*thing
	for _, item := range items {
		d := &document{}
		if item.Kind() == '{' {
			d = parse(item)
		} else {
			d.put("team_id", jsonx.Word(item))
		}
		team, err := x.managed(d.text("team_id"))
		if err != nil {
			return nil, err
		}
		role := d.text("user_role")
		if role == "" {
			role = TeamUser
		}
		if role != TeamUser && role != TeamAdmin {
			return nil, invalid("teams", "teams: user_role must be admin or user.")
		}
		m := x.memberOf(store.KindMember, team.ID, user, role)
		if v := d.get("max_budget_in_team"); v != nil {
			f := field{name: "max_budget_in_team", form: money}
			v, fault := f.check(v)
			if fault != "" {
				return nil, invalid("teams", "teams: max_budget_in_team %s.", fault)
			}
			m.doc.set("max_budget", v)
		}
		if !slices.ContainsFunc(all, func(o *thing) bool { return o.ID == m.ID }) {
			all = append(all, m)
		}
	}
	return all, nil
}

// updateUser serves /user/update.
func (x *exchange) updateUser() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	t, err := x.changeUser(body)
	if err != nil {
		return nil, err
	}
	d, err := x.userShown(t)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("user_id")
		w.String(t.ID)
		w.Key("data")
		d.write(w)
		w.EndObject()
	}), nil
}

// changeUser changes a user by the fields of a request.
func (x *exchange) changeUser(body []jsonx.Member) (*thing, error) {
	given, err := x.take(body, userFields())
	if err != nil {
		return nil, err
	}
	if given.get("password") != nil {
		return nil, invalid("password", "password cannot be set: users have no passwords here, only keys.")
	}
	t, err := x.userNamed(given)
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() {
		if given.has("user_role") && given.text("user_role") != t.doc.text("user_role") {
			return nil, forbidden("user_role", "Only proxy admins can modify user roles.")
		}
		if err := x.ofMine(t); err != nil {
			return nil, err
		}
		if f, ok := limited(given); ok && t.ID == x.caller.UserID {
			return nil, forbidden(f, "Only proxy admins can change their own %s.", f)
		}
	}
	if err := x.freeEmail(given.text("user_email"), t.ID); err != nil {
		return nil, err
	}
	if given.has("user_role") && given.text("user_role") == "" {
		given.drop("user_role")
	}
	for _, f := range x.h.opt.Defaults.Users.Limits(tenant.Role(given.text("user_role")), given.has) { // as in LiteLLM, whoever becomes an internal_user has them
		given.set(f.Name, f.Value)
	}
	x.update(t, given, userFields())
	findable(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	if spend, ok := given.cost("spend"); ok {
		return t, x.setSpent(t, int64(spend))
	}
	return t, nil
}

// limited is the first of the limits, and of models, that is given.
func limited(given *document) (name string, ok bool) {
	for _, f := range append(limits(), field{name: "models"}, field{name: "model_rpm_limit"}, field{name: "model_tpm_limit"}) {
		if given.has(f.name) {
			return f.name, true
		}
	}
	return "", false
}

// userNamed reads the user that a request names by user_id or user_email.
func (x *exchange) userNamed(given *document) (t *thing, err error) {
	id, email := given.text("user_id"), given.text("user_email")
	switch {
	case id != "":
		t, err = x.entity(store.KindUser, id)
	case email != "":
		t, err = x.userByEmail(email)
	default:
		return nil, invalid("user_id", "user_id or user_email must be given.")
	}
	if errors.Is(err, store.ErrNotFound) {
		if !x.caller.sees() {
			return nil, forbidden("user_id", "This user does not exist, or is not of your organization.")
		}
		return nil, absent("user_id", "User %s not found.", clip(id+email))
	}
	return t, err
}

// ofMine checks that a user belongs to organisations of which the caller is an admin, and to no others.
func (x *exchange) ofMine(t *thing) error {
	orgs, _, err := x.entities(store.Filter{Kind: store.KindOrgMember, UserID: t.ID})
	if err != nil {
		return err
	}
	role := tenant.Role(t.doc.text("user_role"))
	if len(orgs) > 0 && role != tenant.RoleAdmin && role != tenant.RoleAdminViewer && !slices.ContainsFunc(orgs, func(m *thing) bool { return !x.caller.leads(m.OrganizationID) }) {
		return nil
	}
	return forbidden("user_id", "This user does not exist, or is not of your organization.")
}

// updateUsers serves /user/bulk_update: each user by himself, as LiteLLM does.
func (x *exchange) updateUsers() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	var items [][]jsonx.Member
	if string(jsonx.Find(body, "all_users")) == "true" {
		updates, err := jsonx.Members(jsonx.Find(body, "user_updates"))
		if err != nil {
			return nil, invalid("user_updates", "user_updates must be an object.")
		}
		all, _, err := x.entities(store.Filter{Kind: store.KindUser})
		if err != nil {
			return nil, err
		}
		for _, t := range all {
			d := &document{members: slices.Clone(updates)}
			d.put("user_id", t.ID)
			items = append(items, d.members)
		}
	} else if items, err = objects(body, "users"); err != nil {
		return nil, err
	}
	var results []jsonx.Raw
	good := 0
	for _, item := range items {
		out := &document{}
		out.set("user_id", jsonx.Find(item, "user_id"))
		out.set("user_email", jsonx.Find(item, "user_email"))
		t, err := x.changeUser(item)
		var e *Error
		switch {
		case err == nil:
			good++
			d, err := x.userShown(t)
			if err != nil {
				return nil, err
			}
			out.put("user_id", t.ID)
			out.set("success", truthOf(true))
			out.set("error", nil)
			out.set("updated_user", d.bytes())
		case errors.As(err, &e) && e.Err == nil:
			out.set("success", truthOf(false))
			out.put("error", e.Message)
			out.set("updated_user", nil)
		default:
			return nil, err
		}
		results = append(results, out.bytes())
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("results")
		w.Raw(jsonx.Array(results))
		w.Key("total_requested")
		w.Int(int64(len(items)))
		w.Key("successful_updates")
		w.Int(int64(good))
		w.Key("failed_updates")
		w.Int(int64(len(items) - good))
		w.EndObject()
	}), nil
}

// deleteUsers serves /user/delete: users with their keys and memberships.
func (x *exchange) deleteUsers() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "user_ids")
	if err != nil {
		return nil, err
	}
	var refs []store.Ref
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		t, err := x.entity(store.KindUser, id)
		if errors.Is(err, store.ErrNotFound) && x.caller.sees() {
			return nil, absent("user_ids", "User not found, passed user_id=%s.", clip(id))
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err != nil {
			return nil, forbidden("user_ids", "This user does not exist, or is not of your organization.")
		}
		if !x.caller.admin() {
			if err := x.ofMine(t); err != nil {
				return nil, err
			}
		}
		more, err := x.userRefs(id)
		if err != nil {
			return nil, err
		}
		refs = append(refs, more...)
	}
	if err := x.change(store.Change{Delete: refs}); err != nil {
		return nil, err
	}
	return wholeOf(int64(len(ids))), nil
}

// userRefs are a user and what is deleted with him.
func (x *exchange) userRefs(id string) ([]store.Ref, error) {
	refs, err := x.under(store.Filter{UserID: id}, store.KindKey, store.KindMember, store.KindOrgMember, store.KindInvitation)
	return append(refs, store.Ref{Kind: store.KindUser, ID: id}), err
}

// under are the entities of some kinds that belong to what a filter says, and the replaced keys that stand for
// keys among them.
func (x *exchange) under(f store.Filter, kinds ...store.Kind) ([]store.Ref, error) {
	var refs []store.Ref
	for _, kind := range kinds {
		f.Kind = kind
		found, _, err := x.entities(f)
		if err != nil {
			return nil, err
		}
		var keys []store.Ref
		for _, t := range found {
			refs = append(refs, store.Ref{Kind: kind, ID: t.ID})
			if kind == store.KindKey {
				keys = append(keys, store.Ref{Kind: kind, ID: t.ID})
			}
		}
		old, err := x.oldKeys(keys)
		if err != nil {
			return nil, err
		}
		refs = append(refs, old...)
	}
	return refs, nil
}
