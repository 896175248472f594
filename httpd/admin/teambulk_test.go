package admin_test

import (
	"testing"
)

func TestSeveralMembersJoinATeamTogether(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("ann", "internal_user")
		w.user("bob", "internal_user")
		w.team("core", "", "admin:ann")
		w.master("/team/bulk_member_add", `{"members":[{"role":"user","user_id":"bob"}]}`).fails(422, "bad_request_error", "team_id")
		w.master("/team/bulk_member_add", `{"team_id":"core","members":[]}`).fails(400, "bad_request_error", "members")
		w.master("/team/bulk_member_add", `{"team_id":"core","members":[{"role":"user","user_id":"bob"},{"role":"user","user_email":"new@example.com"}],"max_budget_in_team":3}`).
			is(200, "total_requested", "2", "successful_additions", "2", "failed_additions", "0", "results.0.user_id", "bob", "results.0.success", "true", "results.1.user_email", "new@example.com",
				"results.0.updated_team_membership.litellm_budget_table.max_budget", "3", "updated_team.team_id", "core")
		w.master("/team/bulk_member_add", `{"team_id":"core","members":[{"role":"user","user_id":"bob"}]}`).
			is(200, "successful_additions", "0", "failed_additions", "1", "results.0.success", "false", "results.0.error", "User bob is a member already.", "updated_team", "null")
		w.team("all", "")
		w.master("/team/bulk_member_add", `{"team_id":"all","all_users":true}`).is(200, "successful_additions", "3")
	})
}

func TestAMemberSeesItselfAndGetsTheTeamsLimitsBack(t *testing.T) {
	eachStore(t, func(w *world) {
		bob, eve := w.user("bob", "internal_user"), w.user("eve", "internal_user")
		w.team("core", `,"team_alias":"Core","team_member_budget":9`, "user:bob")
		w.master("/team/member_update", `{"team_id":"core","user_id":"bob","max_budget_in_team":3,"rpm_limit":4}`).is(200)
		w.ask(bob, "GET /team/core/members/me", "").is(200, "user_id", "bob", "team_id", "core", "team_alias", "Core", "role", "user", "spend", "0", "litellm_budget_table.max_budget", "3")
		w.ask(eve, "GET /team/core/members/me", "").fails(404, "not_found_error", "team_id")
		w.master("GET /team/none/members/me", "").fails(404, "not_found_error", "team_id")
		w.ask(w.key(`{"team_id":"core"}`), "GET /team/core/members/me", "").fails(400, "bad_request_error", "user_id")
		w.ask(bob, "/team/core/member/bob/reset_budget", "{}").fails(403, "auth_error", "team_id")
		w.master("/team/core/member/eve/reset_budget", "{}").fails(404, "not_found_error", "user_id")
		w.master("/team/core/member/bob/reset_budget", "{}").is(200, "team_id", "core", "user_id", "bob", "budget_id", "null", "previous_budget_id", "null", "budget_source", "team_default")
		w.ask(bob, "GET /team/core/members/me", "").is(200, "litellm_budget_table", "null")
		w.team("poor", "", "user:bob")
		w.master("/team/poor/member/bob/reset_budget", "{}").is(200, "budget_source", "none")
	})
}

func TestAPatchOfATeamKeepsWhatItDoesNotName(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("core", `,"max_budget":5,"metadata":{"a":1,"b":{"c":2,"d":3},"e":4}`)
		w.master("PATCH /team/core", `{"team_id":"other"}`).fails(400, "bad_request_error", "team_id")
		w.master("PATCH /team/core", `{"team_alias":"C","metadata":{"a":null,"b":{"c":7},"f":[1]}}`).
			is(200, "team_id", "core", "team_alias", "C", "max_budget", "5", "metadata", `{"b":{"c":7,"d":3},"e":4,"f":[1]}`)
		w.master("PATCH /team/core", `{"max_budget":6}`).is(200, "max_budget", "6", "team_alias", "C", "metadata.e", "4")
		w.master("PATCH /team/none", `{"max_budget":6}`).fails(404, "not_found_error", "team_id")
	})
}

func TestPermissionsAreAddedToSeveralTeams(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("one", `,"team_member_permissions":["/key/generate"]`)
		w.team("two", "")
		w.user("olga", "internal_user")
		w.master("/team/permissions_bulk_update", `{"permissions":[]}`).is(200, "teams_updated", "0")
		w.master("/team/permissions_bulk_update", `{"permissions":["/nothing"],"apply_to_all_teams":true}`).fails(422, "bad_request_error", "permissions")
		w.master("/team/permissions_bulk_update", `{"permissions":["/key/list"]}`).fails(400, "bad_request_error", "team_ids")
		w.master("/team/permissions_bulk_update", `{"permissions":["/key/list"],"team_ids":["one"],"apply_to_all_teams":true}`).fails(400, "bad_request_error", "team_ids")
		w.master("/team/permissions_bulk_update", `{"permissions":["/key/list"],"team_ids":["none"]}`).fails(404, "not_found_error", "team_id")
		w.master("/team/permissions_bulk_update", `{"permissions":["/key/list","/key/generate"],"team_ids":["one","one"]}`).is(200, "teams_updated", "1", "permissions_appended", `["/key/list","/key/generate"]`)
		w.master("GET /team/permissions_list", "team_id=one").is(200, "team_member_permissions", `["/key/generate","/key/list"]`)
		w.master("/team/permissions_bulk_update", `{"permissions":["/key/list"],"apply_to_all_teams":true}`).is(200, "teams_updated", "1")
		w.master("GET /team/permissions_list", "team_id=two").is(200, "team_member_permissions", `["/key/list"]`)
	})
}

func TestKeysOfATeamAreChangedTogether(t *testing.T) {
	eachStore(t, func(w *world) {
		ann, bob := w.user("ann", "internal_user"), w.user("bob", "internal_user")
		w.team("core", "", "admin:ann", "user:bob")
		w.team("other", "")
		one, two, blocked, away := w.key(`{"team_id":"core"}`), w.key(`{"team_id":"core"}`), w.key(`{"team_id":"core"}`), w.key(`{"team_id":"other"}`)
		w.master("/key/block", `{"key":"`+blocked+`"}`).is(200)
		for body, param := range map[string]string{
			`{"update_fields":{"rpm_limit":1},"all_keys_in_team":true}`:                                            "team_id",
			`{"team_id":"core","update_fields":{"rpm_limit":1}}`:                                                   "key_ids",
			`{"team_id":"core","update_fields":{"rpm_limit":1},"key_ids":["` + one + `"],"all_keys_in_team":true}`: "key_ids",
			`{"team_id":"core","update_fields":{},"all_keys_in_team":true}`:                                        "update_fields",
			`{"team_id":"core","update_fields":{"user_id":"eve"},"all_keys_in_team":true}`:                         "update_fields",
			`{"team_id":"core","update_fields":{"models":["x"]},"all_keys_in_team":true}`:                          "update_fields",
		} {
			w.master("/team/key/bulk_update", body).fails(422, "bad_request_error", param)
		}
		w.ask(bob, "/team/key/bulk_update", `{"team_id":"core","update_fields":{"rpm_limit":7},"all_keys_in_team":true}`).is(401)
		w.ask(ann, "/team/key/bulk_update", `{"team_id":"core","update_fields":{"rpm_limit":7},"all_keys_in_team":true}`).is(200, "total_requested", "2", "failed_updates", "[]")
		w.master("GET /key/info", info(one)).is(200, "info.rpm_limit", "7")
		w.master("GET /key/info", info(blocked)).is(200, "info.rpm_limit", "null")
		w.master("/team/key/bulk_update", `{"team_id":"core","update_fields":{"rpm_limit":8},"key_ids":["`+two+`","`+away+`","`+two+`"]}`).
			is(200, "total_requested", "2", "successful_updates.0.key", two, "successful_updates.0.key_info.rpm_limit", "8", "failed_updates.0.failed_reason", "Key not found in team core.")
		w.master("GET /key/info", info(one)).is(200, "info.rpm_limit", "7")
		w.master("GET /key/info", info(away)).is(200, "info.rpm_limit", "null")
		w.master("/team/key/bulk_update", `{"team_id":"none","update_fields":{"rpm_limit":8},"all_keys_in_team":true}`).is(404)
	})
}
