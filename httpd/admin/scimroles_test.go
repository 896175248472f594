package admin_test

import (
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

// role checks the role of a user.
func (w *world) role(user string, want tenant.Role) {
	w.t.Helper()
	e, err := w.store.Entity(w.t.Context(), store.KindUser, user)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := read(w.t, e.Doc, "user_role"); got != string(want) {
		w.t.Errorf("%s has the role %s, want %s", user, got, want)
	}
}

func TestMembersOfTheAdminGroupAreAdminsAsLongAsTheyAreMembers(t *testing.T) {
	for name, group := range map[string]string{"by its name": "Operators", "by its id": "ops"} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(w *world) {
				w.adminGroup = group
				w.keeper(nil)
				for _, user := range []string{"ann", "bob", "cyd"} {
					w.scim(masterKey, "POST /Users", `{"userName":"`+user+`"}`).is(201)
					w.role(user, tenant.RoleUserViewer)
				}
				w.scim(masterKey, "POST /Groups", `{"externalId":"ops","displayName":"Operators","members":[{"value":"ann"},{"value":"new"}]}`).is(201)
				w.scim(masterKey, "POST /Groups", `{"externalId":"maps","displayName":"Maps","members":[{"value":"cyd"}]}`).is(201)
				w.role("ann", tenant.RoleAdmin)
				w.role("new", tenant.RoleAdmin)
				w.role("cyd", tenant.RoleUserViewer)
				w.patch("/Groups/ops", `{"op":"add","path":"members","value":[{"value":"bob"}]},{"op":"remove","path":"members[value eq \"ann\"]"}`).is(200)
				w.role("ann", tenant.RoleUserViewer)
				w.role("bob", tenant.RoleAdmin)
				w.scim(masterKey, "PUT /Groups/ops", `{"externalId":"ops","displayName":"Operators","members":[{"value":"cyd"}]}`).is(200)
				w.role("bob", tenant.RoleUserViewer)
				w.role("cyd", tenant.RoleAdmin)
				w.patch("/Users/cyd", `{"op":"replace","path":"displayName","value":"Cyd"}`).is(200)
				w.role("cyd", tenant.RoleAdmin)
				w.scim(masterKey, "DELETE /Groups/ops", "").is(204)
				w.role("cyd", tenant.RoleUserViewer)
			})
		})
	}
}

func TestAGroupThatGetsTheNameOfTheAdminGroupIsIt(t *testing.T) {
	eachStore(t, func(w *world) {
		w.adminGroup = "Operators"
		w.keeper(nil)
		w.scim(masterKey, "POST /Groups", `{"externalId":"g","displayName":"Others","members":[{"value":"ann"}]}`).is(201)
		w.role("ann", tenant.RoleUserViewer)
		w.patch("/Groups/g", `{"op":"replace","path":"displayName","value":"Operators"}`).is(200)
		w.role("ann", tenant.RoleAdmin)
		w.patch("/Groups/g", `{"op":"replace","path":"displayName","value":"Others"}`).is(200)
		w.role("ann", tenant.RoleUserViewer)
	})
}

func TestOnlyProxyAdminsMakeATeamTheAdminGroup(t *testing.T) {
	eachStore(t, func(w *world) {
		w.adminGroup = "Operators"
		w.keeper(nil)
		leader := w.user("ann", "internal_user")
		w.team("t", "", "admin:ann")
		w.ask(leader, "POST /team/update", `{"team_id":"t","team_alias":"Operators"}`).is(403)
		w.ask(leader, "POST /team/update", `{"team_id":"t","team_alias":"Others"}`).is(200)
		w.master("POST /team/update", `{"team_id":"t","team_alias":"Operators"}`).is(200)
		w.ask(leader, "POST /team/update", `{"team_id":"t","team_alias":"Operators","metadata":{"a":1}}`).is(200)
	})
}

func TestWithoutAnAdminGroupRolesStayAsTheyAre(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("ann", "proxy_admin")
		w.scim(masterKey, "POST /Groups", `{"externalId":"g","displayName":"Operators","members":[{"value":"ann"}]}`).is(201)
		w.patch("/Groups/g", `{"op":"remove","path":"members[value eq \"ann\"]"}`).is(200)
		w.role("ann", tenant.RoleAdmin)
	})
}
