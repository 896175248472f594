package admin_test

import (
	"testing"

	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
	"outcrop/signin"
	"outcrop/store"
	"outcrop/tenant"
)

// userDefaults are the defaults of these tests.
func userDefaults(w *world) admin.Defaults {
	return admin.Defaults{Users: tenant.NewUsers{
		Role:   tenant.RoleUser,
		Fields: w.members(`{"budget_duration":"7d","models":["cheap"],"rpm_limit":5}`),
		Teams:  []tenant.NewMember{{Team: "rocks", Role: "user", Budget: jsonx.Raw("3")}, {Team: "gone", Role: "user"}, {Team: "capped", Role: "admin", Budget: jsonx.Raw("3")}},
		Budget: jsonx.Raw("20"), BudgetDuration: jsonx.Raw(`"1mo"`), Available: []string{"open"},
	}}
}

func TestNewUsersHaveTheDefaultsThatTheyDoNotSay(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.team("capped", `,"team_member_budget":9`)
		w.configured(userDefaults(w))
		silent := []string{"user_role", "internal_user", "max_budget", "20", "budget_duration", "7d", "models", `["cheap"]`, "rpm_limit", "5", "teams", `["rocks","capped"]`}
		w.master("/user/new", `{"user_id":"a"}`).is(200, silent...)
		w.master("/user/new", `{"user_id":"b","models":[],"max_budget":null,"user_role":null}`).is(200, silent...)
		w.master("/user/new", `{"user_id":"c","models":["dear"],"max_budget":1,"budget_duration":"1d","rpm_limit":0,"teams":[]}`).is(
			200, "max_budget", "1", "budget_duration", "1d", "models", `["dear"]`, "rpm_limit", "0", "teams", "[]")
		w.master("/user/new", `{"user_id":"d","user_role":"proxy_admin"}`).is(200, "max_budget", "null", "budget_duration", "null", "models", "[]", "rpm_limit", "null", "teams", `["rocks","capped"]`)
		w.master("/user/new", `{"user_id":"e","user_role":"internal_user_viewer","team_id":"rocks"}`).is(200, "max_budget", "null", "budget_duration", "7d", "rpm_limit", "5", "teams", `["rocks"]`)
		for id, want := range map[string][2]string{"rocks/a": {"3", "user"}, "capped/a": {"", "admin"}} {
			m, err := w.store.Entity(t.Context(), store.KindMember, id)
			if err != nil {
				t.Fatal(err)
			}
			if got := [2]string{read(t, m.Doc, "max_budget"), read(t, m.Doc, "role")}; got != want {
				t.Errorf("%s: %v, want %v", id, got, want)
			}
		}
		w.master("/team/member_add", `{"team_id":"rocks","member":{"role":"user","user_id":"f"}}`).is(200)
		w.ask(masterKey, "GET /v2/user/info", "user_id=f").is(200, "user_role", "internal_user", "max_budget", "20", "models", `["cheap"]`)
	})
}

func TestWhoBecomesAnInternalUserHasTheBudgetOfThem(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("v", "internal_user_viewer")
		w.configured(admin.Defaults{Users: tenant.NewUsers{Budget: jsonx.Raw("20"), BudgetDuration: jsonx.Raw(`"1mo"`)}})
		w.master("/user/update", `{"user_id":"v","user_alias":"x"}`).is(200, "data.max_budget", "null")
		w.master("/user/update", `{"user_id":"v","user_role":"internal_user","max_budget":3}`).is(200, "data.max_budget", "3", "data.budget_duration", "1mo")
		w.master("/user/update", `{"user_id":"v","user_role":"internal_user"}`).is(200, "data.max_budget", "20")
	})
}

func TestProvisionedUsersAndThoseWhoSignInHaveTheDefaults(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.configured(userDefaults(w))
		info := func(id string) *answer { return w.ask(masterKey, "GET /user/info", "user_id="+id) }
		w.master("/scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"scim"}`).is(201)
		w.master("/scim/v2/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"grouped"}]}`).is(201)
		b := &browser{w: w}
		b.signs(signin.Person{ID: "signed"})
		b.signs(signin.Person{ID: "viewer", Role: "proxy_admin_viewer"})
		info("viewer").is(200, "user_info.user_role", "proxy_admin_viewer", "user_info.max_budget", "null", "user_info.models", `["cheap"]`)
		for _, id := range []string{"scim", "grouped", "signed"} {
			info(id).is(200, "user_info.user_role", "internal_user", "user_info.max_budget", "20", "user_info.budget_duration", "7d", "user_info.models", `["cheap"]`)
			if _, err := w.store.Entity(t.Context(), store.KindMember, "rocks/"+id); err != nil {
				t.Errorf("%s is not in the default team: %v", id, err)
			}
		}
	})
}

func TestUsersMayJoinTheTeamsThatAreOpen(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("open", "")
		w.team("shut", "")
		key := w.user("u", "internal_user")
		other := w.user("o", "internal_user")
		if a := w.ask(key, "GET /team/available", ""); string(a.body) != "[]" {
			t.Errorf("%s", a.body)
		}
		w.configured(userDefaults(w))
		w.ask(key, "GET /team/available", "").is(200, "0.team_id", "open", "1", "")
		self := `{"role":"user","user_id":"u"}`
		for _, body := range []string{
			`{"team_id":"shut","member":` + self + `}`,
			`{"team_id":"open","member":{"role":"admin","user_id":"u"}}`,
			`{"team_id":"open","member":{"role":"user","user_id":"o"}}`,
			`{"team_id":"open","member":` + self + `,"max_budget_in_team":1000}`,
			`{"team_id":"open","member":[` + self + `,{"role":"user","user_id":"o"}]}`,
		} {
			if a := w.ask(key, "/team/member_add", body); a.status != 403 {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}
		w.ask(key, "/team/member_add", `{"team_id":"open","member":`+self+`}`).is(200)
		w.ask(key, "GET /team/available", "").is(200, "0", "")
		w.ask(other, "GET /team/available", "").is(200, "0.team_id", "open")
	})
}

func TestTheMembersOfTeamsMetadataAreListed(t *testing.T) {
	w := newWorld(t)
	w.master("GET /team/metadata_schema", "").is(200, "fields", "[]")
	w.configured(admin.Defaults{TeamMetadata: []admin.MetadataField{{Key: "cost_center", Label: "Cost center"}, {Key: "owner"}}})
	a := w.master("GET /team/metadata_schema", "")
	if want := `{"fields":[{"key":"cost_center","label":"Cost center"},{"key":"owner","label":null}]}`; string(a.body) != want {
		t.Errorf("%s, want %s", a.body, want)
	}
	w.master("/team/new", `{"team_id":"t","metadata":{"other":1}}`).is(200)
}
