package scim

import "outcrop/internal/jsonx"

// attribute describes an attribute (RFC 7643, 7). Its form is that of most: a text without regard to case that clients may
// write and need not, that is in each response, and that several resources may have.
type attribute struct {
	name, about string
	form        string // its type; string if empty
	list        bool
	required    bool
	unique      bool
	exact       bool
	readOnly    bool
	fixed       bool // immutable
	refers      []string
	words       []string // canonical values
	parts       []attribute
}

func (a *attribute) write(w *jsonx.Writer) {
	form, mutability, uniqueness := a.form, "readWrite", "none"
	if form == "" {
		form = "string"
	}
	switch {
	case a.readOnly:
		mutability = "readOnly"
	case a.fixed:
		mutability = "immutable"
	}
	if a.unique {
		uniqueness = "server"
	}
	w.Object()
	for _, text := range [...][2]string{{"name", a.name}, {"type", form}, {"description", a.about}, {"mutability", mutability}, {"returned", "default"}, {"uniqueness", uniqueness}} {
		w.Key(text[0])
		w.String(text[1])
	}
	w.Key("multiValued")
	w.Bool(a.list)
	w.Key("required")
	w.Bool(a.required)
	w.Key("caseExact")
	w.Bool(a.exact)
	for _, list := range [...]struct {
		name  string
		words []string
	}{{"referenceTypes", a.refers}, {"canonicalValues", a.words}} {
		if len(list.words) > 0 {
			w.Key(list.name)
			w.Array()
			for _, word := range list.words {
				w.String(word)
			}
			w.EndArray()
		}
	}
	if len(a.parts) > 0 {
		w.Key("subAttributes")
		w.Array()
		for i := range a.parts {
			a.parts[i].write(w)
		}
		w.EndArray()
	}
	w.EndObject()
}

// several is an attribute that is a list of values with a type, one of which may be the primary one.
func several(name, about, form string, words ...string) attribute {
	return attribute{name: name, about: about, form: "complex", list: true, parts: []attribute{
		{name: "value", about: "The value.", form: form, exact: form == "binary" || form == "reference", refers: external(form)},
		{name: "display", about: "The value for people."},
		{name: "type", about: "What the value is for.", words: words},
		{name: "primary", about: "Whether it is the preferred one.", form: "boolean"},
	}}
}

func external(form string) []string {
	if form == "reference" {
		return []string{"external"}
	}
	return nil
}

func texts(pairs ...string) []attribute {
	var all []attribute
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, attribute{name: pairs[i], about: pairs[i+1]})
	}
	return all
}

func userAttributes() []attribute {
	all := []attribute{
		{name: "userName", about: "The name by which the identity provider knows the user. No two users have the same.", required: true, unique: true},
		{name: "name", about: "The parts of the user's name.", form: "complex", parts: texts(
			"formatted", "The whole name.", "familyName", "The family name.", "givenName", "The given name.", "middleName", "The middle names.",
			"honorificPrefix", "What comes before the name, such as Ms.", "honorificSuffix", "What comes after the name, such as III.")},
	}
	all = append(all, texts(
		"displayName", "The user's name for people.", "nickName", "The casual name.", "title", "The title, such as Vice President.", "userType", "How the user belongs to the organization, such as Contractor.",
		"preferredLanguage", "The preferred language, such as en-US.", "locale", "The locale, such as en-US.", "timezone", "The time zone, such as Europe/Berlin.")...)
	address := attribute{name: "addresses", about: "The user's addresses.", form: "complex", list: true, parts: texts(
		"formatted", "The whole address.", "streetAddress", "The street.", "locality", "The city.", "region", "The state or region.", "postalCode", "The postal code.", "country", "The country.")}
	address.parts = append(address.parts, attribute{name: "type", about: "What the address is for.", words: []string{"work", "home", "other"}}, attribute{name: "primary", about: "Whether it is the preferred one.", form: "boolean"})
	return append(
		all,
		attribute{name: "profileUrl", about: "A page about the user.", form: "reference", exact: true, refers: []string{"external"}},
		attribute{name: "active", about: "Whether the user's keys work.", form: "boolean"},
		several("emails", "The user's e-mail addresses. The primary one is the user's user_email.", "", "work", "home", "other"),
		several("phoneNumbers", "The user's telephone numbers.", "", "work", "home", "mobile", "fax", "pager", "other"),
		several("ims", "The user's addresses of instant messages.", ""),
		several("photos", "The user's photos.", "reference", "photo", "thumbnail"),
		address,
		attribute{name: "groups", about: "The user's teams, which are changed at the groups.", form: "complex", list: true, readOnly: true, parts: []attribute{
			{name: "value", about: "The team's id.", readOnly: true},
			{name: "$ref", about: "The group's address.", form: "reference", exact: true, readOnly: true, refers: []string{"Group"}},
			{name: "display", about: "The team's name.", readOnly: true},
			{name: "type", about: "How the user belongs to it.", readOnly: true, words: []string{"direct"}},
		}},
		several("entitlements", "What the user may have.", ""),
		several("roles", "The user's roles at the identity provider. They are kept; the user's role here is user_role.", ""),
		several("x509Certificates", "The user's certificates.", "binary"),
	)
}

func enterpriseAttributes() []attribute {
	return append(texts(
		"employeeNumber", "The number of the employee.", "costCenter", "The cost center.", "organization", "The organization.", "division", "The division.", "department", "The department."),
		attribute{name: "manager", about: "The user's manager.", form: "complex", parts: []attribute{
			{name: "value", about: "The manager's id."},
			{name: "$ref", about: "The manager's address.", form: "reference", exact: true, refers: []string{"User"}},
			{name: "displayName", about: "The manager's name.", readOnly: true},
		}})
}

func groupAttributes() []attribute {
	return []attribute{
		{name: "displayName", about: "The team's name.", required: true},
		{name: "members", about: "The team's members, who are users.", form: "complex", list: true, parts: []attribute{
			{name: "value", about: "The user's id.", exact: true, fixed: true},
			{name: "$ref", about: "The user's address.", form: "reference", exact: true, fixed: true, refers: []string{"User"}},
			{name: "type", about: "What the member is. Members of the type Group are left out.", fixed: true, words: []string{"User", "Group"}},
			{name: "display", about: "The user's e-mail address.", readOnly: true},
		}},
	}
}

// made is an object of one of SCIM's own schemas.
func made(schema string, fill func(o *Object)) *Object {
	o := &Object{}
	o.Set("schemas", jsonx.Array([]jsonx.Raw{jsonx.AppendString(nil, "urn:ietf:params:scim:schemas:core:2.0:"+schema)}))
	fill(o)
	return o
}

func meta(resource, location string) jsonx.Raw {
	m := &Object{}
	m.Put("resourceType", resource)
	m.Put("location", location)
	return m.Bytes()
}

// Schemas describe the attributes of users and groups. location is the address of a resource of a kind, such as Schemas.
func Schemas(location func(kind, id string) string) []*Object {
	var all []*Object
	for _, s := range []struct {
		id, name, about string
		attributes      []attribute
	}{
		{User, "User", "A user.", userAttributes()},
		{Group, "Group", "A team.", groupAttributes()},
		{EnterpriseUser, "EnterpriseUser", "What enterprises say of a user. It is kept, and nothing is done by it.", enterpriseAttributes()},
	} {
		all = append(all, made("Schema", func(o *Object) {
			o.Put("id", s.id)
			o.Put("name", s.name)
			o.Put("description", s.about)
			var w jsonx.Writer
			w.Array()
			for i := range s.attributes {
				s.attributes[i].write(&w)
			}
			w.EndArray()
			o.Set("attributes", w.Buf)
			o.Set("meta", meta("Schema", location("Schemas", s.id)))
		}))
	}
	return all
}

// ResourceTypes are users and groups.
func ResourceTypes(location func(kind, id string) string) []*Object {
	return []*Object{
		made("ResourceType", func(o *Object) {
			o.Put("id", "User")
			o.Put("name", "User")
			o.Put("description", "Users")
			o.Put("endpoint", "/Users")
			o.Put("schema", User)
			o.Set("schemaExtensions", jsonx.Raw(`[{"schema":"`+EnterpriseUser+`","required":false}]`))
			o.Set("meta", meta("ResourceType", location("ResourceTypes", "User")))
		}),
		made("ResourceType", func(o *Object) {
			o.Put("id", "Group")
			o.Put("name", "Group")
			o.Put("description", "Teams")
			o.Put("endpoint", "/Groups")
			o.Put("schema", Group)
			o.Set("meta", meta("ResourceType", location("ResourceTypes", "Group")))
		}),
	}
}

// Config says which parts of SCIM are served, with the most resources in a page.
func Config(most int, location string) *Object {
	return made("ServiceProviderConfig", func(o *Object) {
		o.Put("documentationUri", "https://datatracker.ietf.org/doc/html/rfc7644")
		o.Set("patch", jsonx.Raw(`{"supported":true}`))
		o.Set("bulk", jsonx.Raw(`{"supported":false,"maxOperations":0,"maxPayloadSize":0}`))
		filter := &Object{}
		filter.Set("supported", jsonx.Raw("true"))
		var w jsonx.Writer
		w.Int(int64(most))
		filter.Set("maxResults", w.Buf)
		o.Set("filter", filter.Bytes())
		for _, no := range []string{"changePassword", "sort", "etag"} {
			o.Set(no, jsonx.Raw(`{"supported":false}`))
		}
		o.Set("authenticationSchemes", jsonx.Raw(`[{"type":"oauthbearertoken","name":"Key","description":"A key in the header Authorization, after the word Bearer.","primary":true}]`))
		o.Set("meta", meta("ServiceProviderConfig", location))
	})
}
