package admin_test

import (
	"strings"
	"testing"

	"outcrop/httpd/admin"
)

// says checks that the answer's message has a text.
func (a *answer) says(text string) {
	a.t.Helper()
	if m := a.at("error", "message"); !strings.Contains(m, text) {
		a.t.Errorf("%s: %s, want %q", a.what, m, text)
	}
}

func TestOnlySomeMayMakeKeys(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", `,"team_member_permissions":["/key/generate","/key/delete","/key/service-account/generate"]`, "admin:boss", "user:u")
		boss, u := w.master("/key/generate", `{"user_id":"boss"}`).is(200).at("key"), w.master("/key/generate", `{"user_id":"u"}`).is(200).at("key")
		mine := w.ask(u, "/key/generate", `{"team_id":"rocks"}`).is(200).at("key")
		w.configured(admin.Defaults{Makers: admin.Makers{
			Limited:  true,
			Team:     admin.KeyRule{Roles: []string{"admin"}, Required: []string{"tags"}},
			Personal: admin.KeyRule{Roles: []string{"proxy_admin"}, Required: []string{"key_alias"}},
		}})
		w.ask(u, "/key/generate", `{"team_id":"rocks","tags":[]}`).fails(400, "bad_request_error", "team_id").says("Team member role user not in allowed_team_member_roles=[admin]")
		w.ask(u, "/key/service-account/generate", `{"team_id":"rocks","tags":[]}`).fails(400, "bad_request_error", "team_id")
		w.ask(u, "/key/delete", `{"keys":["`+mine+`"]}`).fails(400, "bad_request_error", "team_id")
		w.ask(boss, "/key/generate", `{"team_id":"rocks"}`).fails(400, "bad_request_error", "tags").says("Required param tags not in data")
		w.ask(boss, "/key/generate", `{"team_id":"rocks","tags":null}`).is(200)
		w.ask(boss, "/key/delete", `{"keys":["`+mine+`"]}`).is(200)
		w.ask(u, "/key/generate", `{"key_alias":"a"}`).fails(400, "bad_request_error", "user_role").says("Allowed roles=[proxy_admin]. Your role=internal_user")
		w.master("/key/generate", `{}`).fails(400, "bad_request_error", "key_alias")
		w.master("/key/generate", `{"key_alias":"a"}`).is(200)
		w.master("/key/generate", `{"team_id":"rocks"}`).is(200)
		w.master("/key/generate", `{"team_id":"gone"}`).fails(400, "bad_request_error", "team_id").says("Unable to find team object")
		w.configured(admin.Defaults{})
		w.master("/key/generate", `{"team_id":"gone"}`).is(200)
	})
}
