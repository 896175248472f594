package scim_test

import (
	"errors"
	"strings"
	"testing"

	"outcrop/internal/scim"
)

func parse(t *testing.T, doc string) *scim.Object {
	t.Helper()
	o, err := scim.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const ann = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"Ann","externalId":"E1","userName":"ann@example.com","name":{"givenName":"Ann","familyName":"O\"Hara"},
 "active":true,"emails":[{"value":"ann@example.com","type":"work","primary":true},{"value":"a@home.example","type":"home"}],"roles":["dev"],"title":"","n":5,
 "meta":{"lastModified":"2026-05-07T10:30:00.000Z"},"members":[{"value":"u1"}],
 "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","manager":{"value":"boss"}}}`

func TestFiltersSelect(t *testing.T) {
	o := parse(t, ann)
	for filter, want := range map[string]bool{
		`userName eq "ANN@example.com"`: true, `USERNAME Eq "ann@example.com"`: true, `userName eq 'ann@example.com'`: true, `userName ne "bob"`: true,
		`userName eq "bob"`: false, `id eq "Ann"`: true, `id eq "ann"`: false, `externalId eq "e1"`: false, `userName sw "ann" and userName ew ".com"`: true,
		`userName co "xyz" or active eq true`: true, `active eq "True"`: true, `active eq True`: true, `active eq false`: false, `active ne false`: true,
		`not (active eq true)`: false, `not (userName eq "x") and id pr`: true, `title pr`: false, `nickName pr`: false, `nickName eq null`: true, `nickName ne null`: false, `userName eq null`: false,
		`name pr`: true, `name.familyName eq "O\"Hara"`: true, `name.familyName eq "O\u0022hara"`: true, `emails eq "a@home.example"`: true, `emails.type eq "home"`: true,
		`emails[type eq "work" and value co "@home"]`: false, `emails[type eq "home" and value co "@home"]`: true, `emails[type eq "work"].value eq "ann@example.com"`: true,
		`emails[type eq "home"].value eq "ann@example.com"`: false, `roles eq "DEV"`: true, `roles[value eq "dev"]`: true, `members eq "u1"`: true, `members.value eq "U1"`: false, `members[value eq "u1"]`: true,
		`meta.lastModified gt "2026-05-07T12:00:00+02:00"`: true, `meta.lastModified ge "2026-05-07T10:30:00Z"`: true, `meta.lastModified lt "2026-05-07T10:30:00Z"`: false,
		`n gt 4.5`: true, `n le 5`: true, `n lt 5`: false, `n eq 5`: true, `n co 5`: false, `n eq "5"`: false,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ann"`: true, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d"`: true,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "boss"`: true, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr`: true,
		`(userName eq "x" or active eq true) and id eq "Ann"`: true, `userName eq "x" or active eq true and id eq "Bob"`: false, `name eq "x"`: false,
	} {
		f, err := scim.ParseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if f.Matches(o) != want {
			t.Errorf("%s: %v", filter, !want)
		}
	}
}

func TestWrongFiltersAreRefused(t *testing.T) {
	for _, filter := range []string{
		``, `userName`, `userName eq`, `userName eq bob`, `userName is "x"`, `userName eq "x" and`, `(userName eq "x"`, `emails[type eq "x"`, `userName eq "x" y`, `eq "x"`, `"x" eq userName`,
		`name. eq "x"`, `userName eq "x`, `userName eq {}`, `not userName pr`, `emails[type eq "x"].value`, `userName eq "\x"`, "userName eq \"\x00\"",
		strings.Repeat("(", 100) + "id pr" + strings.Repeat(")", 100), `userName eq "` + strings.Repeat("x", 5000) + `"`,
	} {
		_, err := scim.ParseFilter(filter)
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Type != scim.InvalidFilter || e.Status != 400 || e.Detail == "" {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

func TestAFilterTellsWhatMustBeEqual(t *testing.T) {
	for filter, want := range map[string]string{
		`userName eq "x"`: "x", `active eq true and emails.value eq "y"`: "y", `userName eq "x" or id eq "y"`: "", `not (userName eq "x")`: "", `userName co "x"`: "", `name.userName eq "x"`: "",
	} {
		f, err := scim.ParseFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := f.Equal("username", "emails.value"); text != want || ok != (want != "") {
			t.Errorf("%s: %q %v", filter, text, ok)
		}
	}
	f, err := scim.ParseFilter(`not (a pr and b[c eq "x"].d eq "y") or e eq 1`)
	if err != nil || !f.Names("B") || !f.Names("e") || f.Names("d") {
		t.Error(err, f.Names("b"), f.Names("e"), f.Names("d"))
	}
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func TestOperationsChange(t *testing.T) {
	for _, test := range []struct{ what, before, op, after string }{
		{"Entra ID's replace of a boolean", `{"active":true}`, `{"op":"Replace","path":"active","value":"False"}`, `{"active":"False"}`},
		{"Okta's deactivation", `{"active":true}`, `{"op":"replace","value":{"active":false}}`, `{"active":false}`},
		{"Okta's rename", `{"id":"1","displayName":"a"}`, `{"op":"replace","value":{"id":"2","displayName":"b"}}`, `{"id":"1","displayName":"b"}`},
		{"names in any case", `{"displayName":"a"}`, `{"OP":"REPLACE","PATH":"DISPLAYNAME","VALUE":"b"}`, `{"displayName":"b"}`},
		{"a core schema in front", `{}`, `{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User:title","value":"x"}`, `{"title":"x"}`},
		{"a part", `{}`, `{"op":"Add","path":"name.givenName","value":"Ann"}`, `{"name":{"givenName":"Ann"}}`},
		{"a part of an object", `{"name":{"givenName":"Ann","x":1}}`, `{"op":"replace","path":"name.givenName","value":"Anna"}`, `{"name":{"givenName":"Anna","x":1}}`},
		{"an object is merged", `{"name":{"givenName":"Ann","familyName":"B"}}`, `{"op":"replace","path":"name","value":{"familyname":"C","givenName":null}}`, `{"name":{"familyName":"C"}}`},
		{"a part is removed", `{"name":{"givenName":"Ann","x":1}}`, `{"op":"remove","path":"name.givenName"}`, `{"name":{"x":1}}`},
		{"a part of nothing is removed", `{}`, `{"op":"remove","path":"name.givenName"}`, `{}`},
		{"Entra ID's address of a type", `{}`, `{"op":"Add","path":"emails[type eq \"work\"].value","value":"a@b.c"}`, `{"emails":[{"type":"work","value":"a@b.c"}]}`},
		{"which is there", `{"emails":[{"type":"home","value":"x"},{"type":"work","value":"y"}]}`, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"z"}`, `{"emails":[{"type":"home","value":"x"},{"type":"work","value":"z"}]}`},
		{"paths as names", `{}`, `{"op":"add","value":{"emails[type eq \"work\"].value":"a","name.familyName":"B","` + enterprise + `:department":"D","title":null}}`, `{"emails":[{"type":"work","value":"a"}],"name":{"familyName":"B"},"` + enterprise + `":{"department":"D"}}`},
		{"roles that are primary", `{}`, `{"op":"add","path":"roles[primary eq \"True\"].value","value":"dev"}`, `{"roles":[{"primary":true,"value":"dev"}]}`},
		{"not primary", `{}`, `{"op":"add","path":"roles[primary eq false].value","value":"dev"}`, `{"roles":[{"primary":false,"value":"dev"}]}`},
		{"a manager as text", `{}`, `{"op":"Add","path":"` + enterprise + `:manager","value":"boss"}`, `{"` + enterprise + `":{"manager":{"value":"boss"}}}`},
		{"an extension", `{"` + enterprise + `":{"department":"D"}}`, `{"op":"add","path":"` + enterprise + `","value":{"costCenter":"1"}}`, `{"` + enterprise + `":{"department":"D","costCenter":"1"}}`},
		{"the last of an extension", `{"` + enterprise + `":{"department":"D"}}`, `{"op":"remove","path":"` + enterprise + `:department"}`, `{}`},
		{"an unknown extension", `{}`, `{"op":"add","path":"urn:example:1.0:User:x","value":1}`, `{"urn:example:1.0:User":{"x":1}}`},
		{"which is there", `{"urn:example:1.0:User":{"x":1}}`, `{"op":"remove","path":"urn:example:1.0:User"}`, `{}`},
		{"members are added once", `{"members":[{"value":"a"}]}`, `{"op":"Add","path":"members","value":[{"value":"a"},{"value":"b"},{"value":"b"}]}`, `{"members":[{"value":"a"},{"value":"b"}]}`},
		{"one member", `{}`, `{"op":"add","path":"members","value":{"value":"b"}}`, `{"members":[{"value":"b"}]}`},
		{"members are replaced", `{"members":[{"value":"a"}]}`, `{"op":"replace","path":"members","value":[{"value":"b"}]}`, `{"members":[{"value":"b"}]}`},
		{"Okta's removal", `{"members":[{"value":"a"},{"value":"b"}]}`, `{"op":"remove","path":"members[value eq \"a\"]"}`, `{"members":[{"value":"b"}]}`},
		{"of nobody", `{"members":[{"value":"a"}]}`, `{"op":"remove","path":"members[value eq \"x\"]"}`, `{"members":[{"value":"a"}]}`},
		{"Entra ID's removal", `{"members":[{"value":"a"},{"value":"b"}]}`, `{"op":"Remove","path":"members","value":[{"value":"b"}]}`, `{"members":[{"value":"a"}]}`},
		{"all are removed", `{"members":[{"value":"a"}]}`, `{"op":"remove","path":"members"}`, `{}`},
		{"a part of items is removed", `{"emails":[{"type":"work","value":"a","display":"A"}]}`, `{"op":"remove","path":"emails[type eq \"work\"].display"}`, `{"emails":[{"type":"work","value":"a"}]}`},
		{"an item is merged", `{"emails":[{"type":"work","value":"a"}]}`, `{"op":"add","path":"emails[type eq \"work\"]","value":{"primary":true}}`, `{"emails":[{"type":"work","value":"a","primary":true}]}`},
		{"an item is replaced", `{"emails":[{"type":"work","value":"a"}]}`, `{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"b"}}`, `{"emails":[{"value":"b"}]}`},
		{"an item's value", `{"emails":[{"type":"work","value":"a"}]}`, `{"op":"replace","path":"emails[type eq \"work\"]","value":"b"}`, `{"emails":[{"type":"work","value":"b"}]}`},
		{"a new primary one", `{"emails":[{"value":"a","primary":true}]}`, `{"op":"add","path":"emails","value":[{"value":"b","primary":true}]}`, `{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		{"a part of all items", `{"emails":[{"value":"a"},{"value":"b"}]}`, `{"op":"replace","path":"emails.type","value":"work"}`, `{"emails":[{"value":"a","type":"work"},{"value":"b","type":"work"}]}`},
		{"of no item", `{}`, `{"op":"add","path":"emails.value","value":"a"}`, `{"emails":[{"value":"a"}]}`},
		{"items without a value", `{"addresses":[{"locality":"x"}]}`, `{"op":"add","path":"addresses","value":[{"locality":"x"},{"locality":"y"}]}`, `{"addresses":[{"locality":"x"},{"locality":"y"}]}`},
	} {
		ops, err := scim.ParsePatch([]byte(`{"Operations":[` + test.op + `]}`))
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		o := parse(t, test.before)
		if err := o.Apply(ops[0]); err != nil || string(o.Bytes()) != test.after {
			t.Errorf("%s: %s, want %s (%v)", test.what, o.Bytes(), test.after, err)
		}
	}
}

func TestWrongOperationsAreRefused(t *testing.T) {
	for op, want := range map[string]scim.Type{
		`{"op":"move","path":"x","value":1}`: scim.InvalidSyntax, `{"path":"x","value":1}`: scim.InvalidSyntax, `1`: scim.InvalidSyntax,
		`{"op":"remove"}`: scim.NoTarget, `{"op":"remove","value":{"title":1}}`: scim.NoTarget, `{"op":"add","value":1}`: scim.InvalidValue, `{"op":"add","path":"title"}`: scim.InvalidValue,
		`{"op":"replace","path":"id","value":"x"}`: scim.Mutability, `{"op":"replace","path":"meta.created","value":"x"}`: scim.Mutability, `{"op":"add","path":"groups","value":[]}`: scim.Mutability,
		`{"op":"add","path":"emails[","value":1}`: scim.InvalidPath, `{"op":"add","path":"emails[type eq \"x\"","value":1}`: scim.InvalidPath, `{"op":"add","path":"a.b.c","value":1}`: scim.InvalidPath, `{"op":"add","path":"a b","value":1}`: scim.InvalidPath,
		`{"op":"add","path":"title.x","value":1}`: scim.InvalidPath, `{"op":"replace","path":"emails[type co \"x\"].value","value":1}`: scim.NoTarget,
		`{"op":"replace","path":"emails[type eq null].value","value":1}`: scim.NoTarget, `{"op":"add","value":{"a":1,"A":2}}`: scim.InvalidSyntax, `{"op":"replace","path":"name","value":{"a":1,"A":2}}`: scim.InvalidSyntax,
		`{"op":"add","path":"urn:","value":1}`: scim.InvalidPath,
	} {
		ops, err := scim.ParsePatch([]byte(`{"Operations":[` + op + `]}`))
		if err == nil {
			o := parse(t, `{"title":"x","name":{"a":0}}`)
			err = o.Apply(ops[0])
		}
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Type != want || e.Status != 400 {
			t.Errorf("%s: %v, want %s", op, err, want)
		}
	}
	for body, want := range map[string]scim.Type{``: scim.InvalidSyntax, `[]`: scim.InvalidSyntax, `{}`: scim.InvalidSyntax, `{"a":1,"A":1}`: scim.InvalidSyntax, `{"Operations":[` + strings.Repeat(`{},`, 1000) + `{}]}`: scim.TooMany} {
		_, err := scim.ParsePatch([]byte(body))
		if e, ok := errors.AsType[*scim.Error](err); !ok || e.Type != want {
			t.Errorf("%.40s: %v", body, err)
		}
	}
}

func TestResourcesAreSelectedInPart(t *testing.T) {
	for _, test := range []struct{ attributes, excluded, want string }{
		{"", "", `{"id":"1","schemas":[],"userName":"a","name":{},"members":[]}`},
		{"username", "", `{"id":"1","schemas":[],"userName":"a"}`},
		{"urn:ietf:params:scim:schemas:core:2.0:User:name.givenName, x", "", `{"id":"1","schemas":[],"name":{}}`},
		{"", "members,id", `{"id":"1","schemas":[],"userName":"a","name":{}}`},
	} {
		o := parse(t, `{"id":"1","schemas":[],"userName":"a","name":{},"members":[]}`)
		if o.Select(test.attributes, test.excluded); string(o.Bytes()) != test.want {
			t.Errorf("%q %q: %s", test.attributes, test.excluded, o.Bytes())
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	o := parse(t, `{"a":[{"value":"x"},{"value":"y","primary":"True"}],"b":["z"],"c":{"value":"w"},"d":"text","e":null,"f":1}`)
	for name, want := range map[string]string{"a": "y", "b": "z", "c": "w", "d": "text", "e": "", "f": "", "g": ""} {
		if got := scim.Primary(o.List(name)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	c := o.Clone()
	c.Drop("a", "b", "c")
	c.Put("d", "")
	c.Put("h", "new")
	if got := strings.Join(c.Names(), ","); got != "e,f,h" || o.Text("d") != "text" || o.Object("d").Empty() != true || o.Object("c").Text("VALUE") != "w" {
		t.Error(got, string(o.Bytes()))
	}
	for text, want := range map[string][2]bool{`true`: {true, true}, `"TRUE"`: {true, true}, `"False"`: {false, true}, `"x"`: {false, false}, `1`: {false, false}} {
		if yes, ok := scim.Truth([]byte(text)); yes != want[0] || ok != want[1] {
			t.Error(text, yes, ok)
		}
	}
}

func TestMessages(t *testing.T) {
	if got := string(scim.Fault(scim.Uniqueness, "it is there").Encode()); got != `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"uniqueness","detail":"It is there.","status":"409"}` {
		t.Error(got)
	}
	if got := string((&scim.Error{Status: 404, Detail: "No."}).Encode()); got != `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"No.","status":"404"}` {
		t.Error(got)
	}
	if got := string(scim.List(nil, 1, 7)); got != `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":7,"startIndex":1,"itemsPerPage":0,"Resources":[]}` {
		t.Error(got)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`emails[type eq "work" and not (value co "@")].value eq 'x'`)
	f.Add(`urn:a:b:c.d ge 5 or (x pr)`)
	o, err := scim.Parse([]byte(ann))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if filter, err := scim.ParseFilter(text); err == nil {
			filter.Matches(o)
			filter.Equal("username")
		}
		_ = o.Clone().Apply(scim.Operation{Op: "add", Path: text, Value: []byte(`{"value":"x"}`)}) // no panic
	})
}

func TestWhatIsServedIsDescribed(t *testing.T) {
	at := func(kind, id string) string { return "/" + kind + "/" + id }
	var described []string
	for _, s := range scim.Schemas(at) {
		var names []string
		for _, a := range s.List("attributes") {
			o := parse(t, string(a))
			names = append(names, o.Text("name"))
			if o.Text("type") == "complex" != (len(o.List("subAttributes")) > 0) || o.Get("multiValued") == nil || o.Text("description") == "" {
				t.Errorf("%s: %s", s.Text("id"), a)
			}
		}
		described = append(described, s.Text("name")+": "+strings.Join(names, " "))
		if s.Object("meta").Text("location") != "/Schemas/"+s.Text("id") {
			t.Error(s.Text("id"))
		}
	}
	want := []string{
		"User: userName name displayName nickName title userType preferredLanguage locale timezone profileUrl active emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates",
		"Group: displayName members", "EnterpriseUser: employeeNumber costCenter organization division department manager",
	}
	if strings.Join(described, "\n") != strings.Join(want, "\n") {
		t.Error(strings.Join(described, "\n"))
	}
	types := scim.ResourceTypes(at)
	if len(types) != 2 || types[0].Text("schema") != scim.User || types[1].Object("meta").Text("location") != "/ResourceTypes/Group" {
		t.Error(types)
	}
	if c := scim.Config(100, "/here"); string(c.Object("filter").Get("maxResults")) != "100" || c.Object("meta").Text("location") != "/here" || c.Text("schemas") != "" {
		t.Error(string(c.Bytes()))
	}
}
