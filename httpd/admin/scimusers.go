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

// Members of a user's metadata. LiteLLM's are read and written so that its users are provisioned further; what it loses
// is in scimData, as it is in its teams.
const (
	scimData         = "scim_data"
	scimActive       = "scim_active"
	scimNames        = "scim_metadata" // givenName and familyName
	scimEnterprise   = "scim_enterprise"
	scimRoles        = "scim_roles"
	scimEntitlements = "scim_entitlements"
	scimBlocked      = "scim_blocked" // of a key: blocked because its user is not active
)

// scimElsewhere are the attributes that are not in scimData: those of the entity, of the metadata and of memberships, and
// the password, which is kept nowhere.
func scimElsewhere() []string {
	return []string{"schemas", "id", "meta", "groups", "members", "active", "externalId", "password", scim.EnterpriseUser, "roles", "entitlements"}
}

// scimKept are the attributes that have a member of the metadata of their own.
func scimKept() [3][2]string {
	return [...][2]string{{scim.EnterpriseUser, scimEnterprise}, {"roles", scimRoles}, {"entitlements", scimEntitlements}}
}

// scimStored is what an identity provider has said of an entity that has no other place.
func scimStored(metadata *document) *scim.Object {
	o, err := scim.Parse(metadata.get(scimData))
	if err != nil { // clients may write metadata
		return &scim.Object{}
	}
	return o
}

// scimUserName is the name by which an identity provider knows a user: for one whom it did not make the e-mail address,
// as in LiteLLM, or else the id.
func scimUserName(t *thing) string {
	for _, name := range []string{scimStored(t.doc.metadata()).Text("userName"), t.doc.text("user_email")} {
		if name != "" {
			return name
		}
	}
	return t.ID
}

// scimAlias is a user's name for people, as the resource has it.
func scimAlias(o *scim.Object) string {
	name := o.Object("name")
	for _, alias := range []string{o.Text("displayName"), name.Text("formatted"), strings.TrimSpace(name.Text("givenName") + " " + name.Text("familyName"))} {
		if alias != "" {
			return alias
		}
	}
	return ""
}

// scimUser is a user as a resource, with groups if full is set.
func (x *exchange) scimUser(t *thing, full bool) (*scim.Object, error) {
	metadata := t.doc.metadata()
	data := scimStored(metadata)
	o := &scim.Object{}
	schemas := []string{scim.User}
	if metadata.get(scimEnterprise) != nil {
		schemas = append(schemas, scim.EnterpriseUser)
	}
	o.Set("schemas", quoteAll(schemas))
	o.Put("id", t.ID)
	o.Put("externalId", t.doc.text("sso_user_id"))
	o.Put("userName", scimUserName(t))
	for _, name := range data.Names() {
		if !slices.ContainsFunc(scimElsewhere(), func(n string) bool { return strings.EqualFold(n, name) }) {
			o.Set(name, data.Get(name))
		}
	}
	if names := metadata.get(scimNames); o.Get("name") == nil && names != nil && names.Kind() == '{' { // LiteLLM's
		of := parse(names)
		n := &scim.Object{}
		n.Put("givenName", of.text("givenName"))
		n.Put("familyName", of.text("familyName"))
		if !n.Empty() {
			o.Set("name", n.Bytes())
		}
	}
	if alias := t.doc.text("user_alias"); alias != scimAlias(o) { // changed by /user/update
		o.Put("displayName", alias)
	}
	if email := t.doc.text("user_email"); !strings.EqualFold(email, scim.Primary(o.List("emails"))) {
		o.Drop("emails")
		if strings.Contains(email, "@") {
			o.Set("emails", jsonx.Array([]jsonx.Raw{encode(func(w *jsonx.Writer) {
				w.Object()
				w.Key("value")
				w.String(email)
				w.Key("primary")
				w.Bool(true)
				w.EndObject()
			})}))
		}
	}
	for _, kept := range scimKept() {
		if v := metadata.get(kept[1]); v != nil {
			o.Set(kept[0], v)
		}
	}
	o.Set("active", truthOf(string(metadata.get(scimActive)) != "false"))
	if full {
		groups, err := x.scimGroupsOf(t.ID)
		if err != nil {
			return nil, err
		}
		if len(groups) > 0 {
			o.Set("groups", jsonx.Array(groups))
		}
	}
	o.Set("meta", x.scimMeta("User", x.location("Users", t.ID), t))
	return o, nil
}

// scimGroupsOf are a user's teams, as a resource has them.
func (x *exchange) scimGroupsOf(user string) ([]jsonx.Raw, error) {
	ids, err := x.teamsOf(user)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	teams, _, err := x.entities(store.Filter{Kind: store.KindTeam, IDs: ids, Ascending: true})
	if err != nil {
		return nil, err
	}
	groups := make([]jsonx.Raw, len(teams))
	for i, t := range teams {
		g := &scim.Object{}
		g.Put("value", t.ID)
		g.Put("display", t.doc.text("team_alias"))
		g.Put("type", "direct")
		g.Put("$ref", x.location("Groups", t.ID))
		groups[i] = g.Bytes()
	}
	return groups, nil
}

// scimSetUser makes a user what a resource says. It is not written yet.
func (x *exchange) scimSetUser(t *thing, o *scim.Object) error {
	words := map[string]string{}
	for _, name := range []string{"userName", "externalId", "displayName"} {
		text, err := scimWord(o, name)
		if err != nil {
			return err
		}
		words[name] = text
	}
	userName := words["userName"]
	if strings.TrimSpace(userName) == "" {
		return scim.Fault(scim.InvalidValue, "userName must be given")
	}
	email := scim.Primary(o.List("emails"))
	if alias := scimAlias(o); strings.ContainsRune(email+alias, 0) || len(email) > scimLongest || len(alias) > scimLongest {
		return scim.Fault(scim.InvalidValue, "names and addresses must have no NUL, and at most %d bytes", scimLongest)
	}
	active := true
	if v := o.Get("active"); v != nil {
		var ok bool
		if active, ok = scim.Truth(v); !ok {
			return scim.Fault(scim.InvalidValue, "active must be true or false")
		}
	}
	if err := x.scimUnique(t, userName, email, words["externalId"]); err != nil {
		return err
	}
	data := o.Clone()
	data.Drop(scimElsewhere()...)
	metadata := t.doc.metadata()
	metadata.set(scimData, data.Bytes())
	metadata.set(scimActive, truthOf(active))
	name := o.Object("name")
	metadata.set(scimNames, encode(func(w *jsonx.Writer) {
		w.Object()
		for _, part := range [...]string{"givenName", "familyName"} {
			w.Key(part)
			if text := name.Text(part); text != "" {
				w.String(text)
			} else {
				w.Null()
			}
		}
		w.EndObject()
	}))
	for _, kept := range scimKept() {
		if v := o.Get(kept[0]); v != nil {
			metadata.set(kept[1], v)
		} else {
			metadata.drop(kept[1])
		}
	}
	t.doc.set("metadata", metadata.bytes())
	for member, text := range map[string]string{"user_email": email, "user_alias": scimAlias(o), "sso_user_id": words["externalId"]} {
		if text == "" {
			t.doc.set(member, nil)
		} else {
			t.doc.put(member, text)
		}
	}
	findable(t)
	return nil
}

// findable sets the texts by which a user is found.
func findable(t *thing) {
	t.Alias = tenant.UserNames(t.doc.text("user_email"), t.doc.text("user_alias"), t.doc.text("sso_user_id"), scimStored(t.doc.metadata()).Text("userName"))
}

// scimUnique refuses names that another user has.
func (x *exchange) scimUnique(t *thing, userName, email, externalID string) error {
	for _, name := range []struct {
		attribute, text string
		is              func(o *thing, text string) bool
	}{
		{"userName", userName, func(o *thing, text string) bool { return strings.EqualFold(scimUserName(o), text) || o.ID == text }},
		{"emails", email, func(o *thing, text string) bool { return strings.EqualFold(o.doc.text("user_email"), text) }},
		{"externalId", externalID, func(o *thing, text string) bool { return o.doc.text("sso_user_id") == text }},
	} {
		other, err := x.userKnownBy(name.text, name.is)
		if err != nil {
			return err
		}
		if other != nil && other.ID != t.ID {
			return scim.Fault(scim.Uniqueness, "another user has the %s %s: the one with the id %s", name.attribute, clip(name.text), clip(other.ID))
		}
	}
	return nil
}

// userKnownBy finds a user by one of the texts that findable sets; nil if there is none.
func (x *exchange) userKnownBy(text string, is func(t *thing, text string) bool) (*thing, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nobody is known by nothing
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindUser, Search: text, Ascending: true})
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		if is(t, text) {
			return t, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// scimUsers serves GET /scim/v2/Users.
func (x *exchange) scimUsers() ([]byte, error) {
	p, err := x.scimQuery()
	if err != nil {
		return nil, err
	}
	return x.scimList(&p, x.scimUserKind(&p))
}

// scimUserKind says where those may be that a request wants.
func (x *exchange) scimUserKind(p *scimPage) scimKind {
	f := store.Filter{Kind: store.KindUser}
	if p.filter != nil {
		if id, ok := p.filter.Equal("id"); ok {
			f.IDs = []string{id}
		} else if name, ok := p.filter.Equal("username", "externalid"); ok {
			f.Search = name
		}
	}
	return scimKind{filter: f, attribute: "groups", of: x.scimUser}
}

// scimUserOf reads the user of the path.
func (x *exchange) scimUserOf() (*thing, error) {
	t, err := x.entity(store.KindUser, x.r.PathValue("user_id"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, &scim.Error{Status: http.StatusNotFound, Detail: "User not found with ID: " + clip(x.r.PathValue("user_id")) + "."}
	}
	return t, err
}

// scimGetUser serves GET /scim/v2/Users/{user_id}.
func (x *exchange) scimGetUser() ([]byte, error) {
	t, err := x.scimUserOf()
	if err != nil {
		return nil, err
	}
	o, err := x.scimUser(t, true)
	if err != nil {
		return nil, err
	}
	return x.scimOne(o, false)
}

// scimNewUser serves POST /scim/v2/Users. As in LiteLLM, the user's id is the userName, and a user with the e-mail
// address whom no identity provider knows yet becomes its user.
func (x *exchange) scimNewUser() ([]byte, error) {
	o, err := x.scimBody(scim.User)
	if err != nil {
		return nil, err
	}
	userName, err := scimWord(o, "userName")
	if err != nil {
		return nil, err
	}
	t, err := x.userKnownBy(scim.Primary(o.List("emails")), func(t *thing, email string) bool { return strings.EqualFold(t.doc.text("user_email"), email) })
	if err != nil {
		return nil, err
	}
	adopted := t != nil && t.doc.metadata().get(scimData) == nil
	if !adopted {
		t = x.scimMade(userName)
		x.defaultUser(t, tenant.RoleUserViewer)
	}
	if err := x.scimSetUser(t, o); err != nil {
		return nil, err
	}
	if adopted {
		x.touch(t)
		err = x.scimPut(t)
	} else {
		var teams []*thing
		if teams, err = x.defaultMemberships(t, ""); err == nil {
			err = x.add(scim.Fault(scim.Uniqueness, "there is a user with the userName %s", clip(userName)), append(teams, t)...)
		}
	}
	if err != nil {
		return nil, err
	}
	if o, err = x.scimUser(t, true); err != nil {
		return nil, err
	}
	return x.scimOne(o, true)
}

// scimMade is a new user without a role, who is not written yet. The id is a name if it can be one.
func (x *exchange) scimMade(name string) *thing {
	id := name
	if id == "" || strings.Contains(id, "/") {
		id = newID()
	}
	t := x.create(store.KindUser, id, &document{}, userFields())
	t.doc.put("user_id", id)
	return t
}

// scimPut writes a changed user. The keys of a user who is not active are blocked, and those that were blocked because
// of it work again when the user is active.
func (x *exchange) scimPut(t *thing) error {
	c := store.Change{}
	keys, _, err := x.entities(store.Filter{Kind: store.KindKey, UserID: t.ID})
	if err != nil {
		return err
	}
	inactive := string(t.doc.metadata().get(scimActive)) == "false"
	for _, k := range keys {
		metadata := k.doc.metadata()
		marked := metadata.yes(scimBlocked)
		switch {
		case inactive && !k.doc.yes("blocked"):
			metadata.set(scimBlocked, truthOf(true))
		case !inactive && marked:
			metadata.drop(scimBlocked)
		default:
			continue
		}
		k.doc.set("metadata", metadata.bytes())
		k.doc.set("blocked", truthOf(inactive))
		x.touch(k)
		c.Put = append(c.Put, k.row())
	}
	c.Put = append(c.Put, t.row())
	return x.scimChange(c)
}

// scimPutUser serves PUT /scim/v2/Users/{user_id}. As in LiteLLM, a user stays as active as he was if nothing is said.
func (x *exchange) scimPutUser() ([]byte, error) {
	t, err := x.scimUserOf()
	if err != nil {
		return nil, err
	}
	o, err := x.scimBody(scim.User)
	if err != nil {
		return nil, err
	}
	if o.Get("active") == nil {
		o.Set("active", truthOf(string(t.doc.metadata().get(scimActive)) != "false"))
	}
	return x.scimChanged(t, o)
}

// scimPatchUser serves PATCH /scim/v2/Users/{user_id}.
func (x *exchange) scimPatchUser() ([]byte, error) {
	t, err := x.scimUserOf()
	if err != nil {
		return nil, err
	}
	o, err := x.scimUser(t, false)
	if err != nil {
		return nil, err
	}
	if err := x.scimPatched(o); err != nil {
		return nil, err
	}
	return x.scimChanged(t, o)
}

// scimChanged writes a user as a resource has it, unless nothing is changed, and answers with it.
func (x *exchange) scimChanged(t *thing, o *scim.Object) ([]byte, error) {
	before := t.doc.bytes()
	if err := x.scimSetUser(t, o); err != nil {
		return nil, err
	}
	if !bytes.Equal(before, t.doc.bytes()) {
		x.touch(t)
		if err := x.scimPut(t); err != nil {
			return nil, err
		}
	}
	o, err := x.scimUser(t, true)
	if err != nil {
		return nil, err
	}
	return x.scimOne(o, false)
}

// scimDeleteUser serves DELETE /scim/v2/Users/{user_id}.
func (x *exchange) scimDeleteUser() ([]byte, error) {
	t, err := x.scimUserOf()
	if err != nil {
		return nil, err
	}
	refs, err := x.userRefs(t.ID)
	if err != nil {
		return nil, err
	}
	return nil, x.scimChange(store.Change{Delete: refs})
}
