package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// organization reads an organisation that the caller may see, or change if change is set. The error is the same
// for organisations that do not exist and for others', except for who sees all.
func (x *exchange) organization(id string, change bool) (*thing, error) {
	t, err := x.entity(store.KindOrganization, id)
	notFound := errors.Is(err, store.ErrNotFound)
	switch {
	case notFound && x.caller.sees():
		return nil, absent("organization_id", "Organization not found, passed organization_id=%s.", clip(id))
	case err != nil && !notFound:
		return nil, err
	case err == nil && (x.caller.admin() || !change && x.caller.sees() || x.caller.leads(id)):
		return t, nil
	case err == nil && !change && x.caller.UserID != "":
		if there, err := x.exists(store.KindOrgMember, id+"/"+x.caller.UserID); err != nil || there {
			return t, err
		}
	}
	return nil, forbidden("organization_id", "There is no organization %s, or this key may not use it.", clip(id))
}

// newOrganization serves /organization/new.
func (x *exchange) newOrganization() ([]byte, error) {
	given, err := x.given(organizationFields())
	if err != nil {
		return nil, err
	}
	if given.text("organization_alias") == "" {
		return nil, invalid("organization_alias", "organization_alias must be given.")
	}
	if err := x.knownBudget(given); err != nil {
		return nil, err
	}
	id := strings.TrimSpace(given.text("organization_id"))
	if id == "" {
		id = newID()
	}
	if strings.Contains(id, "/") {
		return nil, invalid("organization_id", "organization_id must not have a slash.")
	}
	t := x.create(store.KindOrganization, id, given, organizationFields())
	t.doc.put("organization_id", id)
	t.Alias = given.text("organization_alias")
	if err := x.add(refused("organization_id", "Organization %s already exists.", clip(id)), t); err != nil {
		return nil, err
	}
	d, err := x.budgeted(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// updateOrganization serves /organization/update.
func (x *exchange) updateOrganization() ([]byte, error) {
	given, err := x.given(organizationFields())
	if err != nil {
		return nil, err
	}
	if given.text("organization_id") == "" {
		return nil, invalid("organization_id", "organization_id must be given.")
	}
	if err := x.knownBudget(given); err != nil {
		return nil, err
	}
	t, err := x.organization(given.text("organization_id"), true)
	if err != nil {
		return nil, err
	}
	x.update(t, given, organizationFields())
	t.Alias = t.doc.text("organization_alias")
	if err := x.put(t); err != nil {
		return nil, err
	}
	if spend, ok := given.cost("spend"); ok {
		if err := x.setSpent(t, int64(spend)); err != nil {
			return nil, err
		}
	}
	return x.organizationInfo(t)
}

// patchOrganization serves PATCH /v2/organization/{organization_id}. As in LiteLLM, a field that it does not know is refused, and null
// takes a limit or the metadata back.
func (x *exchange) patchOrganization() ([]byte, error) {
	given, err := x.given(patchedOrganization())
	if err != nil {
		return nil, err
	}
	switch {
	case len(x.dropped) > 0:
		return nil, invalid(x.dropped[0], "%s is no field that can be changed here.", clip(x.dropped[0]))
	case given.has("organization_alias") && given.text("organization_alias") == "":
		return nil, invalid("organization_alias", "organization_alias cannot be cleared; it is required.")
	case given.has("models") && given.get("models") == nil:
		return nil, invalid("models", "models cannot be set to null; send [] to clear it.")
	}
	t, err := x.organization(x.r.PathValue("organization_id"), true)
	if err != nil {
		return nil, err
	}
	x.update(t, given, organizationFields())
	t.Alias = t.doc.text("organization_alias")
	if err := x.put(t); err != nil {
		return nil, err
	}
	return x.organizationInfo(t)
}

// patchedOrganization are the fields of an organisation that PATCH changes.
func patchedOrganization() []field {
	return append(limits(), field{name: "organization_alias", form: text}, field{name: "models", form: texts}, field{name: "metadata", form: object}, field{name: "object_permission", form: object, kept: true})
}

// organizationInfo is an organisation with its members and teams as answers have it.
func (x *exchange) organizationInfo(t *thing) ([]byte, error) {
	d, err := x.budgeted(t)
	if err != nil {
		return nil, err
	}
	members, _, err := x.entities(store.Filter{Kind: store.KindOrgMember, OrganizationID: t.ID, Ascending: true})
	if err != nil {
		return nil, err
	}
	shown, err := x.memberships(members)
	if err != nil {
		return nil, err
	}
	d.set("members", shown)
	found, _, err := x.entities(store.Filter{Kind: store.KindTeam, OrganizationID: t.ID, Ascending: true})
	if err != nil {
		return nil, err
	}
	if !x.caller.sees() && !x.caller.leads(t.ID) { // a member sees his own teams only
		found = slices.DeleteFunc(found, func(t *thing) bool { return x.caller.Teams[t.ID] == "" })
	}
	teams, err := x.teamsShown(found, false)
	if err != nil {
		return nil, err
	}
	d.set("teams", jsonx.Array(teams))
	return d.bytes(), nil
}

// getOrganization serves GET /organization/info.
func (x *exchange) getOrganization() ([]byte, error) {
	id := x.r.URL.Query().Get("organization_id")
	if id == "" {
		return nil, invalid("organization_id", "organization_id must be given.")
	}
	t, err := x.organization(id, false)
	if err != nil {
		return nil, err
	}
	return x.organizationInfo(t)
}

// getOrganizations serves POST /organization/info.
func (x *exchange) getOrganizations() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "organizations")
	if err != nil {
		return nil, err
	}
	var all []jsonx.Raw
	for _, id := range ids {
		t, err := x.organization(id, false)
		if err != nil {
			return nil, err
		}
		info, err := x.organizationInfo(t)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return jsonx.Array(all), nil
}

// listOrganizations serves /organization/list: all, or those of which the caller is a member.
func (x *exchange) listOrganizations() ([]byte, error) {
	q := x.r.URL.Query()
	f := store.Filter{Kind: store.KindOrganization}
	if !x.caller.sees() {
		memberships, _, err := x.entities(store.Filter{Kind: store.KindOrgMember, UserID: x.caller.UserID})
		if err != nil {
			return nil, err
		}
		f.IDs = slices.Clone(x.caller.Administers)
		for _, m := range memberships {
			if x.caller.UserID != "" && !slices.Contains(f.IDs, m.OrganizationID) {
				f.IDs = append(f.IDs, m.OrganizationID)
			}
		}
		if len(f.IDs) == 0 {
			return []byte("[]"), nil
		}
	}
	found, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	alias := strings.ToLower(q.Get("org_alias"))
	all := []jsonx.Raw{}
	for _, t := range found {
		if id := q.Get("org_id"); id != "" && t.ID != id || !strings.Contains(strings.ToLower(t.Alias), alias) {
			continue
		}
		info, err := x.organizationInfo(t)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return jsonx.Array(all), nil
}

// deleteOrganizations serves /organization/delete: organisations with their teams, keys and members.
func (x *exchange) deleteOrganizations() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "organization_ids")
	if err != nil {
		return nil, err
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var refs []store.Ref
	deleted := []jsonx.Raw{}
	for _, id := range ids {
		t, err := x.organization(id, true)
		if err != nil {
			return nil, err
		}
		info, err := x.organizationInfo(t)
		if err != nil {
			return nil, err
		}
		deleted = append(deleted, info)
		refs = append(refs, store.Ref{Kind: store.KindOrganization, ID: id})
		more, err := x.under(store.Filter{OrganizationID: id}, store.KindKey, store.KindOrgMember)
		if err != nil {
			return nil, err
		}
		refs = append(refs, more...)
		teams, _, err := x.entities(store.Filter{Kind: store.KindTeam, OrganizationID: id})
		if err != nil {
			return nil, err
		}
		for _, team := range teams {
			refs = append(refs, store.Ref{Kind: store.KindTeam, ID: team.ID})
			more, err := x.under(store.Filter{TeamID: team.ID}, store.KindKey, store.KindMember)
			if err != nil {
				return nil, err
			}
			refs = append(refs, more...)
		}
	}
	if err := x.change(store.Change{Delete: once(refs)}); err != nil {
		return nil, err
	}
	return jsonx.Array(deleted), nil
}

// once are references without repetitions.
func once(refs []store.Ref) []store.Ref {
	seen := map[store.Ref]bool{}
	return slices.DeleteFunc(refs, func(r store.Ref) bool {
		defer func() { seen[r] = true }()
		return seen[r]
	})
}

// addOrgMembers serves /organization/member_add.
func (x *exchange) addOrgMembers() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindOrgMember)
	if err != nil {
		return nil, err
	}
	if given.get("member") == nil {
		return nil, invalid("member", "member must be given: an object with role and user_id or user_email, or a list of them.")
	}
	joining, err := x.joiningOf(given.get("member"), "member", store.KindOrgMember)
	if err != nil {
		return nil, err
	}
	given.drop("role")
	users, memberships, err := x.join(store.KindOrgMember, t.ID, joining, given)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("organization_id")
		w.String(t.ID)
		w.Key("updated_users")
		w.Raw(jsonx.Array(users))
		w.Key("updated_organization_memberships")
		w.Raw(jsonx.Array(memberships))
		w.EndObject()
	}), nil
}

// updateOrgMember serves /organization/member_update.
func (x *exchange) updateOrgMember() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindOrgMember)
	if err != nil {
		return nil, err
	}
	if role := given.text("role"); role != "" && !slices.Contains(roles(store.KindOrgMember), role) {
		return nil, invalid("role", "Invalid role. Must be one of: %v.", roles(store.KindOrgMember))
	}
	m, err := x.memberNamed(store.KindOrgMember, t.ID, given)
	if err != nil {
		return nil, err
	}
	if !x.caller.admin() && m.UserID == x.caller.UserID {
		return nil, forbidden("user_id", "Admins of an organization cannot change their own membership.")
	}
	limitMember(m, given)
	x.touch(m)
	if err := x.put(m); err != nil {
		return nil, err
	}
	if err := x.count(m); err != nil {
		return nil, err
	}
	d, err := x.membership(m)
	if err != nil {
		return nil, err
	}
	d.set("max_budget_in_organization", m.doc.get("max_budget"))
	return d.bytes(), nil
}

// removeOrgMember serves /organization/member_delete.
func (x *exchange) removeOrgMember() ([]byte, error) {
	t, given, err := x.groupOfBody(store.KindOrgMember)
	if err != nil {
		return nil, err
	}
	m, err := x.memberNamed(store.KindOrgMember, t.ID, given)
	if err != nil {
		return nil, err
	}
	if err := x.count(m); err != nil {
		return nil, err
	}
	d, err := x.membership(m)
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: m.Kind, ID: m.ID}}}); err != nil {
		return nil, err
	}
	return d.bytes(), nil
}
