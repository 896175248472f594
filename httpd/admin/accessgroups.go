package admin

import (
	"errors"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// group reads an access group.
func (x *exchange) group() (*thing, error) {
	id := x.r.PathValue("access_group_id")
	t, err := x.entity(store.KindAccessGroup, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("access_group_id", "Access group '%s' not found.", clip(id))
	}
	return t, err
}

// groupShown is an access group as answers have it.
func (x *exchange) groupShown(t *thing) (jsonx.Raw, error) {
	d := x.shown(t)
	d.drop("spend")
	for _, of := range [...]struct {
		from, to string
		kind     store.Kind
	}{
		{"access_mcp_server_ids", "access_mcp_servers", ""},
		{"access_agent_ids", "access_agents", ""},
		{"assigned_team_ids", "assigned_teams", store.KindTeam},
		{"assigned_key_ids", "assigned_keys", store.KindKey},
	} {
		var list []jsonx.Raw
		for _, id := range d.texts(of.from) {
			r := &document{}
			r.put("id", id)
			r.set("name", nil)
			if of.kind != "" {
				u, err := x.entity(of.kind, id)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return nil, err
				}
				if err == nil && u.Alias != "" {
					r.put("name", u.Alias)
				}
			}
			list = append(list, r.bytes())
		}
		d.set(of.to, jsonx.Array(list))
	}
	return d.bytes(), nil
}

// putGroup serves POST and PUT /v1/access_group. The teams and keys to which a group is assigned have its id in
// their access_group_ids, from the same moment on.
func (x *exchange) putGroup(fresh bool) ([]byte, error) {
	given, err := x.given(groupFields())
	if err != nil {
		return nil, err
	}
	name := given.text("access_group_name")
	if name == "" && (fresh || given.has("access_group_name")) {
		return nil, invalid("access_group_name", "access_group_name must be given.")
	}
	id := newID()
	var t *thing
	if !fresh {
		if t, err = x.group(); err != nil {
			return nil, err
		}
		id = t.ID
	}
	if name != "" {
		others, _, err := x.entities(store.Filter{Kind: store.KindAccessGroup, Alias: name})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(others, func(o *thing) bool { return o.ID != id }) {
			return nil, &Error{Status: 409, Type: typeBadRequest, Param: "access_group_name", Message: "Access group '" + clip(name) + "' already exists."}
		}
	}
	before := &document{}
	if fresh {
		t = x.create(store.KindAccessGroup, id, given, groupFields())
		t.doc.put("access_group_id", id)
	} else {
		before.members = slices.Clone(t.doc.members)
		x.update(t, given, groupFields())
	}
	t.Alias = t.doc.text("access_group_name")
	touched, err := x.assign(id, before, t.doc)
	if err != nil {
		return nil, err
	}
	if err := x.put(append(touched, t)...); err != nil {
		return nil, err
	}
	return x.groupShown(t)
}

// assign are the teams and keys that an access group is newly assigned to, or no longer.
func (x *exchange) assign(group string, before, after *document) ([]*thing, error) {
	var touched []*thing
	for _, of := range [...]struct {
		name string
		kind store.Kind
	}{{"assigned_team_ids", store.KindTeam}, {"assigned_key_ids", store.KindKey}} {
		had, has := before.texts(of.name), after.texts(of.name)
		for _, id := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(had, has)))) {
			was, is := slices.Contains(had, id), slices.Contains(has, id)
			if was == is {
				continue
			}
			t, err := x.entity(of.kind, id)
			if errors.Is(err, store.ErrNotFound) && !is {
				continue
			}
			if errors.Is(err, store.ErrNotFound) {
				return nil, refused(of.name, "%s: there is no %s %s.", of.name, of.kind, clip(id))
			}
			if err != nil {
				return nil, err
			}
			ids := t.doc.texts("access_group_ids")
			ids = slices.DeleteFunc(ids, func(g string) bool { return g == group })
			if is {
				ids = append(ids, group)
			}
			t.doc.set("access_group_ids", quoteAll(ids))
			x.touch(t)
			touched = append(touched, t)
		}
	}
	return touched, nil
}

// getGroup serves GET /v1/access_group/{access_group_id}.
func (x *exchange) getGroup() ([]byte, error) {
	t, err := x.group()
	if err != nil {
		return nil, err
	}
	return x.groupShown(t)
}

// listGroups serves GET /v1/access_group.
func (x *exchange) listGroups() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindAccessGroup})
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		shown, err := x.groupShown(t)
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	return jsonx.Array(all), nil
}

// deleteGroup serves DELETE /v1/access_group/{access_group_id}.
func (x *exchange) deleteGroup() ([]byte, error) {
	t, err := x.group()
	if err != nil {
		return nil, err
	}
	touched, err := x.assign(t.ID, t.doc, &document{})
	if err != nil {
		return nil, err
	}
	return nil, x.change(store.Change{Put: rows(touched), Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}})
}
