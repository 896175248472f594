package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

const scimRoot = "/scim/v2"

// scim makes a request of SCIM with a key, whose path has the query.
func (w *world) scim(key, path, body string) *answer {
	w.t.Helper()
	method, path, _ := strings.Cut(path, " ")
	r := httptest.NewRequestWithContext(w.t.Context(), method, scimRoot+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/scim+json")
	out := httptest.NewRecorder()
	w.mux.ServeHTTP(out, r)
	a := &answer{w.t, method + " " + path + " " + body, out.Code, out.Header(), out.Body.Bytes()}
	if kind := a.header.Get("Content-Type"); kind != "application/scim+json" && a.status != http.StatusNoContent {
		w.t.Errorf("%s: %s", a.what, kind)
	}
	return a
}

// wrong checks that the answer is an error in SCIM's form.
func (a *answer) wrong(status int, kind string) {
	a.t.Helper()
	a.is(status, "schemas", `["urn:ietf:params:scim:api:messages:2.0:Error"]`, "status", fmt.Sprint(status), "scimType", kind)
}

// The bodies are those that Microsoft Entra ID and Okta document that they send
// (learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups,
// developer.okta.com/docs/api/openapi/okta-scim/guides/scim-20).
const (
	entraUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
 "userName":"Test_User_ab6490ee","active":true,"addresses":null,"displayName":"lennay","emails":[{"type":"work","value":"Test_User_fd0ea19b@testuser.com","primary":true}],"meta":{"resourceType":"User"},
 "name":{"formatted":"givenName familyName","familyName":"familyName","givenName":"givenName"},"roles":[],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D"}}`
	oktaUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"test.user@okta.local","name":{"givenName":"Test","familyName":"User"},
 "emails":[{"primary":true,"value":"test.user@okta.local","type":"work"}],"displayName":"Test User","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true}`
)

func (w *world) patch(path, op string) *answer {
	w.t.Helper()
	return w.scim(masterKey, "PATCH "+path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+op+`]}`)
}

func TestEntraProvisionsUsers(t *testing.T) {
	eachStore(t, func(w *world) {
		find := func(filter string) *answer {
			w.t.Helper()
			return w.scim(masterKey, "GET /Users?filter="+url.QueryEscape(filter), "")
		}
		find(`userName eq "non-existent user"`).is(200, "totalResults", "0", "Resources", "[]", "startIndex", "1", "itemsPerPage", "0")
		made := w.scim(masterKey, "POST /Users", entraUser).is(201, "id", "Test_User_ab6490ee", "userName", "Test_User_ab6490ee", "externalId", "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "active", "true",
			"displayName", "lennay", "name.formatted", "givenName familyName", "emails.0.value", "Test_User_fd0ea19b@testuser.com", "meta.resourceType", "User", "meta.location", "http://example.com/scim/v2/Users/Test_User_ab6490ee",
			"schemas.1", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "addresses", "", "groups", "")
		enterprise := func(a *answer, want string) {
			w.t.Helper()
			if got := a.at("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"); got != want {
				w.t.Errorf("%s: %s", a.what, got)
			}
		}
		enterprise(made, `{"department":"R&D"}`)
		if made.header.Get("Location") != made.at("meta", "location") {
			w.t.Error(made.header)
		}
		const path = "/Users/Test_User_ab6490ee"
		w.scim(masterKey, "POST /Users", entraUser).wrong(409, "uniqueness")
		w.scim(masterKey, "POST /Users", strings.ReplaceAll(entraUser, "ab6490ee", "AB6490EE")).wrong(409, "uniqueness")
		for _, filter := range []string{`userName eq "test_user_AB6490EE"`, `externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"`, `id eq "Test_User_ab6490ee"`, `emails[type eq "work"].value eq "test_user_fd0ea19b@testuser.com"`, `displayName sw "LEN" and active eq true`} {
			find(filter).is(200, "totalResults", "1", "Resources.0.id", "Test_User_ab6490ee")
		}
		find(`userName is "x"`).wrong(400, "invalidFilter")
		w.patch(path, `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"updated@testuser.com"},{"op":"replace","path":"name.familyName","value":"updatedFamilyName"},{"op":"Add","path":"title","value":"Boss"}`).
			is(200, "emails.0.value", "updated@testuser.com", "name.familyName", "updatedFamilyName", "title", "Boss", "name.givenName", "givenName")
		renamed := w.patch(path, `{"op":"Replace","path":"userName","value":"5b50642d"},{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"boss"}`).
			is(200, "userName", "5b50642d", "id", "Test_User_ab6490ee")
		enterprise(renamed, `{"department":"R&D","manager":{"value":"boss"}}`)
		find(`userName eq "5b50642d"`).is(200, "totalResults", "1")
		w.master("/user/new", `{"user_id":"other","user_email":"other@example.com"}`).is(200)
		w.patch(path, `{"op":"Replace","path":"userName","value":"OTHER@example.com"}`).wrong(409, "uniqueness")
		w.patch(path, `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"other@example.com"}`).wrong(409, "uniqueness")
		w.patch(path, `{"op":"remove","path":"userName"}`).wrong(400, "invalidValue")
		w.patch(path, `{"op":"Replace","path":"active","value":"maybe"}`).wrong(400, "invalidValue")
		w.patch(path, `{"op":"Replace","path":"id","value":"x"}`).wrong(400, "mutability")
		w.patch(path, `{"op":"Replace","path":"a..b","value":"x"}`).wrong(400, "invalidPath")
		w.patch(path, `{"op":"remove"}`).wrong(400, "noTarget")
		w.ask(masterKey, "GET /user/info", "user_id=Test_User_ab6490ee").is(200, "user_info.user_email", "updated@testuser.com", "user_info.user_alias", "lennay", "user_info.user_role", "internal_user_viewer", "user_info.sso_user_id", "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef").hasNone("1mz050nq")
		w.master("/user/update", `{"user_id":"Test_User_ab6490ee","user_email":"moved@example.com","user_alias":"Moved"}`).is(200)
		w.scim(masterKey, "GET "+path+"?attributes=emails,displayName", "").is(200, "emails.0.value", "moved@example.com", "displayName", "Moved", "userName", "", "id", "Test_User_ab6490ee")
		w.scim(masterKey, "DELETE "+path, "").is(204)
		w.scim(masterKey, "DELETE "+path, "").wrong(404, "")
		w.scim(masterKey, "GET "+path, "").wrong(404, "")
	})
}

func TestOktaProvisionsUsers(t *testing.T) {
	eachStore(t, func(w *world) {
		w.scim(masterKey, "POST /Users", oktaUser).is(201, "id", "test.user@okta.local", "locale", "en-US", "name.familyName", "User").hasNone("1mz050nq")
		const path = "/Users/test.user@okta.local"
		w.scim(masterKey, "PUT "+path, strings.ReplaceAll(oktaUser, `"locale":"en-US",`, `"nickName":"T",`)).is(200, "nickName", "T", "locale", "")
		w.scim(masterKey, "GET /Users?startIndex=1&count=1", "").is(200, "totalResults", "1", "itemsPerPage", "1", "Resources.0.id", "test.user@okta.local")
		key := w.key(`{"user_id":"test.user@okta.local"}`)
		locked := w.key(`{"user_id":"test.user@okta.local"}`)
		w.master("/key/block", `{"key":"`+locked+`"}`).is(200)
		blocked := func(key, want string) {
			w.t.Helper()
			w.ask(masterKey, "GET /key/info", info(key)).is(200, "info.blocked", want)
		}
		w.patch(path, `{"op":"replace","value":{"active":false}}`).is(200, "active", "false")
		blocked(key, "true")
		blocked(locked, "true")
		w.scim(masterKey, "PUT "+path, strings.ReplaceAll(oktaUser, `,"active":true`, "")).is(200, "active", "false") // it says nothing of it
		w.patch(path, `{"op":"replace","value":{"active":true}}`).is(200, "active", "true")
		blocked(key, "false")
		blocked(locked, "true")
		w.scim(masterKey, "GET /Users/nobody", "").wrong(404, "")
		for _, body := range []string{``, `[]`, `{"userName":`, `{"userName":"a","USERNAME":"b"}`} {
			w.scim(masterKey, "POST /Users", body).is(400, "status", "400")
		}
		for _, body := range []string{`{}`, `{"userName":" "}`, `{"userName":5}`, `{"userName":"a\u0000"}`, `{"userName":"` + strings.Repeat("x", 513) + `"}`, `{"userName":"a","emails":["` + strings.Repeat("x", 513) + `"]}`, `{"userName":"a","active":"x"}`, `{"userName":"a","schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`} {
			w.scim(masterKey, "POST /Users", body).wrong(400, "invalidValue")
		}
		long := strings.Repeat("x", 256) + strings.Repeat("ü", 128)
		w.scim(masterKey, "POST /Users", `{"userName":"1`+long[1:]+`","externalId":"2`+long[1:]+`","emails":["3`+long[1:]+`"],"displayName":"4`+long[1:]+`"}`).is(201)
		w.scim(masterKey, "DELETE /Users/"+url.PathEscape("1"+long[1:]), "").is(204)
		w.scim(masterKey, "POST /Users", `{"userName":"with/slash"}`).is(201, "userName", "with/slash")
		w.scim(masterKey, "GET /Users?count=x", "").wrong(400, "invalidValue")
		w.scim(masterKey, "GET /Users?startIndex=-5&count=-1", "").is(200, "totalResults", "2", "itemsPerPage", "0", "startIndex", "1")
	})
}

func TestAUserWhoIsThereIsAdoptedOnce(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.master("/user/new", `{"user_id":"u1","user_email":"Ann@example.com","user_role":"internal_user"}`).is(200).at("key")
		w.scim(masterKey, "GET /Users?filter="+url.QueryEscape(`userName eq "ann@example.com"`), "").is(200, "totalResults", "1", "Resources.0.id", "u1", "Resources.0.userName", "Ann@example.com", "Resources.0.active", "true")
		w.scim(masterKey, "POST /Users", `{"userName":"ann","emails":[{"value":"ann@example.com"}]}`).is(201, "id", "u1", "userName", "ann")
		w.ask(masterKey, "GET /user/info", "user_id=u1").is(200, "user_info.user_role", "internal_user")
		w.scim(masterKey, "POST /Users", `{"userName":"ann2","emails":[{"value":"ann@example.com"}]}`).wrong(409, "uniqueness")
		w.scim(masterKey, "DELETE /Users/u1", "").is(204)
		w.ask(key, "GET /key/info", "").is(401)
	})
}

func TestGroupsAreTeams(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, id := range []string{"ann", "bob", "cyd"} {
			w.scim(masterKey, "POST /Users", `{"userName":"`+id+`","externalId":"x-`+id+`","emails":[{"value":"`+id+`@example.com"}]}`).is(201)
		}
		// Entra ID makes a group without members, and adds them.
		w.scim(masterKey, "POST /Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0","displayName":"displayName","meta":{"resourceType":"Group"}}`).
			is(201, "id", "8aa1a0c0", "displayName", "displayName", "members", "", "meta.resourceType", "Group")
		const path = "/Groups/8aa1a0c0"
		w.scim(masterKey, "POST /Groups", `{"externalId":"8aa1a0c0","displayName":"another"}`).wrong(409, "uniqueness")
		find := func(filter, more string) *answer {
			w.t.Helper()
			return w.scim(masterKey, "GET /Groups?filter="+url.QueryEscape(filter)+more, "")
		}
		w.patch(path, `{"op":"Add","path":"members","value":[{"$ref":null,"value":"ann"},{"value":"x-bob"},{"value":"cyd@example.com","type":"User"},{"value":"8aa1a0c0"},{"value":"nested","type":"Group"}]}`).
			is(200, "members.0.value", "ann", "members.0.display", "ann@example.com", "members.1.value", "bob", "members.2.value", "cyd", "members.3", "")
		find(`displayName eq "DISPLAYNAME"`, "&excludedAttributes=members").is(200, "totalResults", "1", "Resources.0.id", "8aa1a0c0", "Resources.0.members", "")
		find(`externalId eq "8aa1a0c0"`, "").is(200, "totalResults", "1", "Resources.0.members.2.value", "cyd")
		find(`id eq "8aa1a0c0" and members eq "bob"`, "").is(200, "totalResults", "1")
		find(`id eq "8aa1a0c0" and members[value eq "dan"]`, "&excludedAttributes=members").is(200, "totalResults", "0")
		w.scim(masterKey, "GET "+path+"?excludedAttributes=members", "").is(200, "members", "", "displayName", "displayName")
		w.scim(masterKey, "GET /Users/bob", "").is(200, "groups.0.value", "8aa1a0c0", "groups.0.display", "displayName")
		w.scim(masterKey, "GET /Users?filter="+url.QueryEscape(`groups eq "8aa1a0c0"`), "").is(200, "totalResults", "3")
		// A member keeps role and limits, and loses the keys of the team with it.
		w.master("/team/member_update", `{"team_id":"8aa1a0c0","user_id":"ann","role":"admin","max_budget_in_team":5}`).is(200)
		teams := w.key(`{"user_id":"bob","team_id":"8aa1a0c0"}`)
		own := w.key(`{"user_id":"bob"}`)
		w.patch(path, `{"op":"Remove","path":"members","value":[{"value":"bob"}]}`).is(200, "members.1.value", "cyd", "members.2", "")
		w.ask(teams, "GET /key/info", "").is(401)
		w.ask(own, "GET /key/info", "").is(200)
		w.patch(path, `{"op":"remove","path":"members[value eq \"cyd\"]"}`).is(200, "members.1", "")
		w.scim(masterKey, "PUT "+path, `{"displayName":"renamed","externalId":"8aa1a0c0","members":[{"value":"ann"},{"value":"cyd"}]}`).is(200, "displayName", "renamed", "members.1.value", "cyd")
		w.ask(masterKey, "GET /team/info", "team_id=8aa1a0c0").is(200, "team_info.team_alias", "renamed", "team_info.members_with_roles.0.role", "admin", "team_info.members_with_roles.1.role", "user")
		// Okta renames with the id in the value.
		w.patch(path, `{"op":"replace","value":{"id":"8aa1a0c0","displayName":"Okta's"}}`).is(200, "displayName", "Okta's", "members.1.value", "cyd")
		w.patch(path, `{"op":"replace","path":"members","value":[]}`).is(200, "members", "")
		// Members who are not there are made.
		w.patch(path, `{"op":"add","path":"members","value":[{"value":"dan@example.com"}]}`).is(200, "members.0.value", "dan@example.com")
		w.ask(masterKey, "GET /user/info", "user_id=dan@example.com").is(200, "user_info.user_role", "internal_user_viewer", "user_info.metadata.created_via", "scim_group_membership")
		for _, members := range []string{`["ann"]`, `[{"value":""}]`, `[{"value":5}]`, `[{"display":"x"}]`, `[{"value":"a/b"}]`} {
			w.patch(path, `{"op":"add","path":"members","value":`+members+`}`).wrong(400, "invalidValue")
		}
		w.patch(path, `{"op":"remove","path":"displayName"}`).wrong(400, "invalidValue")
		w.scim(masterKey, "POST /Groups", `{}`).wrong(400, "invalidValue")
		w.scim(masterKey, "GET /Groups/none", "").wrong(404, "")
		w.scim(masterKey, "DELETE "+path, "").is(204)
		w.scim(masterKey, "PUT "+path, `{"displayName":"x"}`).wrong(404, "")
		w.scim(masterKey, "GET /Users/ann", "").is(200, "groups", "")
	})
}

func TestAMemberWhoIsMoreThanOneUserIsRefused(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/user/new", `{"user_id":"one","sso_user_id":"same@example.com"}`).is(200)
		w.master("/user/new", `{"user_id":"two","user_email":"same@example.com"}`).is(200)
		w.scim(masterKey, "POST /Groups", `{"displayName":"g","members":[{"value":"same@example.com"}]}`).wrong(400, "invalidValue")
		w.scim(masterKey, "GET /Groups", "").is(200, "totalResults", "0")
		w.scim(masterKey, "POST /Groups", `{"displayName":"g","members":[{"value":"two"}]}`).is(201, "members.0.value", "two")
	})
}

func TestPagesOfResources(t *testing.T) {
	eachStore(t, func(w *world) {
		for i := range 5 {
			w.scim(masterKey, "POST /Users", fmt.Sprintf(`{"userName":"u%d"}`, i)).is(201)
		}
		w.scim(masterKey, "GET /Users?startIndex=2&count=2", "").is(200, "totalResults", "5", "startIndex", "2", "itemsPerPage", "2", "Resources.0.id", "u1", "Resources.1.id", "u2")
		w.scim(masterKey, "GET /Users?startIndex=4&count=5&filter="+url.QueryEscape(`userName sw "u"`), "").is(200, "totalResults", "5", "itemsPerPage", "2", "Resources.0.id", "u3")
		w.scim(masterKey, "GET /Users?startIndex=9&filter="+url.QueryEscape(`userName sw "u"`), "").is(200, "totalResults", "5", "Resources", "[]")
		w.scim(masterKey, "POST /Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName sw \"u\"","startIndex":2,"count":1,"attributes":["userName","active"]}`).
			is(200, "totalResults", "5", "itemsPerPage", "1", "Resources.0.userName", "u1", "Resources.0.active", "true", "Resources.0.meta", "")
		w.scim(masterKey, "POST /Groups/.search", `{}`).is(200, "totalResults", "0")
		w.scim(masterKey, "POST /Groups", `{"displayName":"g"}`).is(201)
		w.scim(masterKey, "POST /.search", `{"startIndex":5}`).is(200, "totalResults", "6", "Resources.0.id", "u4", "Resources.1.displayName", "g")
		w.scim(masterKey, "POST /.search", `{"filter":"displayName eq \"g\" or userName eq \"u1\""}`).is(200, "totalResults", "2", "Resources.0.id", "u1")
		w.scim(masterKey, "POST /Users/.search", `[]`).wrong(400, "invalidSyntax")
		w.scim(masterKey, "GET /Users?count=0", "").is(200, "totalResults", "5", "Resources", "[]")
	})
}

func TestOnlyAKeyForSCIMNeedsNoRole(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.key(`{"allowed_routes":["/scim/*"]}`)
		w.scim(key, "POST /Users", entraUser).is(201)
		w.scim(key, "GET /ServiceProviderConfig", "").is(200, "patch.supported", "true", "bulk.supported", "false", "filter.maxResults", "100")
		w.ask(key, "GET /key/list", "").fails(403, "auth_error", "")
		w.ask(key, "/user/new", `{}`).is(401)
		users := w.key(`{"allowed_routes":["/scim/v2/Users"]}`)
		w.scim(users, "GET /Users", "").is(200, "totalResults", "1")
		w.scim(users, "GET /Groups", "").wrong(403, "")
		w.user("udo", "internal_user")
		w.scim(w.key(`{"user_id":"udo","allowed_routes":["/*"]}`), "GET /Users", "").wrong(401, "")
		w.scim(w.key(`{"allowed_routes":["management_routes"]}`), "GET /Users", "").wrong(403, "")
		log := w.ask(masterKey, "GET /audit", "table_name=LiteLLM_UserTable&object_id=Test_User_ab6490ee").is(200, "audit_logs.0.endpoint", "/scim/v2/Users", "audit_logs.0.action", "created", "audit_logs.0.changed_by_api_key", tenant.Hash(key))
		log.hasNone(key)
	})
}

func TestWhatSCIMServesIsDescribed(t *testing.T) {
	w := newWorld(t)
	w.scim(masterKey, "GET ", "").is(200, "totalResults", "2", "Resources.0.endpoint", "/Users")
	w.scim(masterKey, "GET /ResourceTypes/Group", "").is(200, "schema", "urn:ietf:params:scim:schemas:core:2.0:Group")
	w.scim(masterKey, "GET /Schemas", "").is(200, "totalResults", "3")
	w.scim(masterKey, "GET /Schemas/urn:ietf:params:scim:schemas:core:2.0:User", "").is(200, "name", "User", "attributes.0.name", "userName")
	w.scim(masterKey, "GET /Schemas/none", "").wrong(404, "")
	w.scim(masterKey, "GET /Schemas?filter=x", "").wrong(403, "")
}

func TestUsersOfLiteLLMAreProvisionedFurther(t *testing.T) {
	eachStore(t, func(w *world) {
		doc := `{"user_id":"old","user_email":"old@example.com","sso_user_id":"E9","metadata":{"scim_metadata":{"givenName":"Olga","familyName":null},"scim_active":false,"scim_roles":[{"value":"dev"}],"scim_data":5,"mine":1}}`
		_, err := w.store.Change(t.Context(), &store.Change{Put: []store.Entity{{Kind: store.KindUser, ID: "old", Alias: tenant.UserNames("old@example.com", "", "E9"), Doc: []byte(doc)}}})
		if err != nil {
			w.t.Fatal(err)
		}
		w.scim(masterKey, "GET /Users?filter="+url.QueryEscape(`externalId eq "E9"`), "").is(200, "Resources.0.userName", "old@example.com", "Resources.0.name.givenName", "Olga", "Resources.0.active", "false", "Resources.0.roles.0.value", "dev", "Resources.0.emails.0.value", "old@example.com")
		w.patch("/Users/old", `{"op":"replace","path":"active","value":"True"}`).is(200, "active", "true", "roles.0.value", "dev", "name.givenName", "Olga")
		w.ask(masterKey, "GET /user/info", "user_id=old").is(200, "user_info.metadata.mine", "1", "user_info.metadata.scim_active", "true")
	})
}
