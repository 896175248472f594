package admin

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/scim"
	"outcrop/store"
	"outcrop/tenant"
)

// Members of a team's metadata, as LiteLLM has them.
const (
	scimExternal = "externalId"
	scimManaged  = "scim_managed" // whether an identity provider has written it
	scimOrigin   = "created_via"  // of a user who was made as a member
)

// scimExternalID is the id by which the identity provider knows a team.
func scimExternalID(t *thing) string {
	if id := t.doc.metadata().text(scimExternal); id != "" {
		return id
	}
	return scimStored(t.doc.metadata()).Text("externalId") // where LiteLLM has it after a PUT
}

// scimGroup is a team as a resource, with its members if full is set.
func (x *exchange) scimGroup(t *thing, full bool) (*scim.Object, error) {
	var members []*thing
	if full {
		var err error
		if members, _, err = x.entities(store.Filter{Kind: store.KindMember, TeamID: t.ID, Ascending: true}); err != nil {
			return nil, err
		}
	}
	return x.scimGroupWith(t, members), nil
}

func (x *exchange) scimGroupWith(t *thing, members []*thing) *scim.Object {
	o := &scim.Object{}
	o.Set("schemas", quoteAll([]string{scim.Group}))
	o.Put("id", t.ID)
	o.Put("externalId", scimExternalID(t))
	name := t.doc.text("team_alias")
	if name == "" { // it must have one
		name = t.ID
	}
	o.Put("displayName", name)
	if len(members) > 0 {
		items := make([]jsonx.Raw, len(members))
		for i, m := range members {
			item := &scim.Object{}
			item.Put("value", m.UserID)
			item.Put("display", m.doc.text("user_email"))
			item.Put("type", "User")
			item.Put("$ref", x.location("Users", m.UserID))
			items[i] = item.Bytes()
		}
		o.Set("members", jsonx.Array(items))
	}
	o.Set("meta", x.scimMeta("Group", x.location("Groups", t.ID), t))
	return o
}

// scimGroups serves GET /scim/v2/Groups.
func (x *exchange) scimGroups() ([]byte, error) {
	p, err := x.scimQuery()
	if err != nil {
		return nil, err
	}
	return x.scimList(&p, x.scimGroupKind(&p))
}

// scimGroupKind says where those may be that a request wants.
func (x *exchange) scimGroupKind(p *scimPage) scimKind {
	f := store.Filter{Kind: store.KindTeam}
	if p.filter != nil {
		if id, ok := p.filter.Equal("id"); ok {
			f.IDs = []string{id}
		} else if name, ok := p.filter.Equal("displayname"); ok {
			f.Search = name
		}
	}
	return scimKind{filter: f, attribute: "members", of: x.scimGroup}
}

// scimTeamOf reads the team of the path.
func (x *exchange) scimTeamOf() (*thing, error) {
	t, err := x.entity(store.KindTeam, x.r.PathValue("group_id"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, &scim.Error{Status: http.StatusNotFound, Detail: "Group not found with ID: " + clip(x.r.PathValue("group_id")) + "."}
	}
	return t, err
}

// scimGetGroup serves GET /scim/v2/Groups/{group_id}.
func (x *exchange) scimGetGroup() ([]byte, error) {
	t, err := x.scimTeamOf()
	if err != nil {
		return nil, err
	}
	p, err := x.scimQuery()
	if err != nil {
		return nil, err
	}
	o, err := x.scimGroup(t, p.needs("members"))
	if err != nil {
		return nil, err
	}
	return x.scimOne(o, false)
}

// scimNewGroup serves POST /scim/v2/Groups. As in LiteLLM, the team's id is the externalId if there is one.
func (x *exchange) scimNewGroup() ([]byte, error) {
	o, err := x.scimBody(scim.Group)
	if err != nil {
		return nil, err
	}
	id, err := scimWord(o, "externalId")
	if err != nil {
		return nil, err
	}
	if id != "" {
		other, err := x.scimTeamBy(id)
		if err != nil {
			return nil, err
		}
		if other != nil {
			return nil, scim.Fault(scim.Uniqueness, "there is a group with the externalId %s: the one with the id %s", clip(id), clip(other.ID))
		}
	}
	if id == "" || strings.Contains(id, "/") {
		id = newID()
	}
	given := &document{}
	x.completeTeam(given, true)
	if err := x.inOrganization(given, given.text("organization_id")); err != nil {
		return nil, err
	}
	t := x.create(store.KindTeam, id, given, teamFields())
	t.doc.put("team_id", id)
	t.OrganizationID = given.text("organization_id")
	if o, err = x.scimSetGroup(t, o, nil, true); err != nil {
		return nil, err
	}
	return x.scimOne(o, true)
}

// scimTeamBy finds the team with an externalId; nil if there is none. There is no index of these.
func (x *exchange) scimTeamBy(externalID string) (*thing, error) {
	all, _, err := x.entities(store.Filter{Kind: store.KindTeam})
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.ID == externalID || scimExternalID(t) == externalID {
			return t, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// scimPutGroup serves PUT /scim/v2/Groups/{group_id}.
func (x *exchange) scimPutGroup() ([]byte, error) {
	return x.scimGroupChanged(func(*scim.Object) (*scim.Object, error) { return x.scimBody(scim.Group) })
}

// scimPatchGroup serves PATCH /scim/v2/Groups/{group_id}.
func (x *exchange) scimPatchGroup() ([]byte, error) {
	return x.scimGroupChanged(func(o *scim.Object) (*scim.Object, error) { return o, x.scimPatched(o) })
}

// scimGroupChanged makes the team of the path what change makes of it.
func (x *exchange) scimGroupChanged(change func(o *scim.Object) (*scim.Object, error)) ([]byte, error) {
	t, err := x.scimTeamOf()
	if err != nil {
		return nil, err
	}
	roster, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: t.ID, Ascending: true})
	if err != nil {
		return nil, err
	}
	o, err := change(x.scimGroupWith(t, roster))
	if err != nil {
		return nil, err
	}
	if o, err = x.scimSetGroup(t, o, roster, false); err != nil {
		return nil, err
	}
	return x.scimOne(o, false)
}

// scimSetGroup makes a team what a resource says, writes it with its members, and returns it as a resource. Members who
// stay keep their roles and limits; the keys that members who leave have in the team are deleted, as by
// /team/member_delete.
func (x *exchange) scimSetGroup(t *thing, o *scim.Object, roster []*thing, fresh bool) (*scim.Object, error) {
	name, err := scimWord(o, "displayName")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, scim.Fault(scim.InvalidValue, "displayName must be given")
	}
	external, err := scimWord(o, "externalId")
	if err != nil {
		return nil, err
	}
	before := t.doc.bytes()
	metadata := t.doc.metadata()
	metadata.set(scimManaged, truthOf(true))
	if external != "" {
		metadata.put(scimExternal, external)
	} else {
		metadata.drop(scimExternal, scimData)
	}
	t.doc.set("metadata", metadata.bytes())
	t.doc.put("team_alias", name)
	t.Alias = name
	members, change, err := x.scimRoster(t, o.List("members"), roster)
	if err != nil {
		return nil, err
	}
	changed := fresh || len(change.Put)+len(change.Delete) > 0 || !bytes.Equal(before, t.doc.bytes())
	if changed && !fresh {
		x.touch(t)
	}
	change.Put = append(change.Put, t.row()) // whose revision refuses what others change at the same time
	switch {
	case fresh:
		change.Create = true
		err = x.scimChange(change)
		if errors.Is(err, store.ErrExists) {
			there, missing := x.exists(store.KindTeam, t.ID)
			switch {
			case missing != nil:
				err = missing
			case there:
				err = scim.Fault(scim.Uniqueness, "there is a group with the id %s", clip(t.ID))
			default: // one of the users has been made meanwhile
				err = store.ErrConflict
			}
		}
	case changed:
		err = x.scimChange(change)
	}
	if err != nil {
		return nil, err
	}
	return x.scimGroupWith(t, members), nil
}

// scimRoster compares the members that a team is to have with those that it has, and returns the memberships that it
// will have, and the change.
func (x *exchange) scimRoster(t *thing, wanted []jsonx.Raw, roster []*thing) (members []*thing, c store.Change, err error) {
	have := map[string]*thing{}
	for _, m := range roster {
		have[m.UserID] = m
	}
	joining, stay, err := x.scimMembers(wanted, have)
	if err != nil {
		return nil, c, err
	}
	left := map[string]bool{}
	for _, m := range roster {
		if stay[m.UserID] {
			members = append(members, m)
			continue
		}
		left[m.UserID] = true
		c.Delete = append(c.Delete, store.Ref{Kind: m.Kind, ID: m.ID})
	}
	if len(left) > 0 {
		keys, _, err := x.entities(store.Filter{Kind: store.KindKey, TeamID: t.ID})
		if err != nil {
			return nil, c, err
		}
		var refs []store.Ref
		for _, k := range keys {
			if left[k.UserID] {
				refs = append(refs, store.Ref{Kind: store.KindKey, ID: k.ID})
			}
		}
		old, err := x.oldKeys(refs)
		if err != nil {
			return nil, c, err
		}
		c.Delete = append(append(c.Delete, refs...), old...)
	}
	for i, j := range joining {
		m := x.memberOf(store.KindMember, t.ID, j.user, j.role)
		m.Created = nth(x.now, i)
		members = append(members, m)
		c.Put = append(c.Put, m.row())
		if j.new {
			c.Put = append(c.Put, j.user.row())
			more, err := x.defaultMemberships(j.user, t.ID)
			if err != nil {
				return nil, c, err
			}
			c.Put = append(c.Put, rows(more)...)
		}
	}
	return members, c, nil
}

// scimMembers finds the users that a resource names as members: those who are none yet, and the ids of those who are.
// Groups within groups are left out, as in LiteLLM: teams have users only.
func (x *exchange) scimMembers(wanted []jsonx.Raw, have map[string]*thing) (joining []*joiner, stay map[string]bool, err error) {
	stay = map[string]bool{}
	seen := map[string]bool{}
	for i, item := range wanted {
		if item.Kind() != '{' {
			return nil, nil, scim.Fault(scim.InvalidValue, "members[%d] must be an object with value", i)
		}
		o, err := scim.Parse(item)
		if err != nil {
			return nil, nil, err
		}
		id, err := scimWord(o, "value")
		if err != nil {
			return nil, nil, err
		}
		switch {
		case strings.TrimSpace(id) == "":
			return nil, nil, scim.Fault(scim.InvalidValue, "members[%d].value must be the id of a user", i)
		case strings.EqualFold(o.Text("type"), "Group"):
		case have[id] != nil:
			stay[id] = true
		default:
			user, fresh, err := x.scimMember(id, o.Get("type") == nil)
			switch {
			case err != nil:
				return nil, nil, err
			case user == nil:
			case have[user.ID] != nil:
				stay[user.ID] = true
			case !seen[user.ID]:
				seen[user.ID] = true
				joining = append(joining, &joiner{user: user, role: TeamUser, new: fresh})
			}
		}
	}
	return joining, stay, nil
}

// scimMember is the user whom a member's value names: the id, or else the externalId or the e-mail address; nil for a
// team, which identity providers name without a type too. Who is not there is made, as in LiteLLM, unless
// litellm_settings.scim_upsert_user says otherwise.
func (x *exchange) scimMember(value string, untyped bool) (user *thing, fresh bool, err error) {
	if user, err = x.entity(store.KindUser, value); err == nil || !errors.Is(err, store.ErrNotFound) {
		return user, false, err
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindUser, Search: value})
	if err != nil {
		return nil, false, err
	}
	found = slices.DeleteFunc(found, func(t *thing) bool {
		return t.doc.text("sso_user_id") != value && !strings.EqualFold(t.doc.text("user_email"), value)
	})
	switch {
	case len(found) == 1:
		return found[0], false, nil
	case len(found) > 1:
		return nil, false, scim.Fault(scim.InvalidValue, "the member %s is more than one user, by externalId or e-mail address; name the user by the id", clip(value))
	}
	if untyped {
		if there, err := x.exists(store.KindTeam, value); err != nil || there {
			return nil, false, err
		}
	}
	if x.h.opt.KnownMembers || strings.Contains(value, "/") {
		return nil, false, scim.Fault(scim.InvalidValue, "User with ID '%s' does not exist. Please create the user first via POST /Users before adding to group", clip(value))
	}
	user = x.scimMade(value)
	x.defaultUser(user, tenant.RoleUserViewer)
	metadata := user.doc.metadata()
	metadata.put(scimOrigin, "scim_group_membership")
	user.doc.set("metadata", metadata.bytes())
	findable(user)
	return user, true, nil
}

// scimDeleteGroup serves DELETE /scim/v2/Groups/{group_id}.
func (x *exchange) scimDeleteGroup() ([]byte, error) {
	t, err := x.scimTeamOf()
	if err != nil {
		return nil, err
	}
	refs, err := x.teamRefs(t.ID)
	if err != nil {
		return nil, err
	}
	return nil, x.scimChange(store.Change{Delete: refs})
}
