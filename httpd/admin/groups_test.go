package admin_test

import (
	"testing"
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

func TestUsersAreMadeWithAKeyAndTeams(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		a := w.master("/user/new", `{"user_id":"udo","user_email":"Udo@example.com","max_budget":5,"teams":[{"team_id":"rocks","max_budget_in_team":2,"user_role":"admin"}],"models":["cheap"],"metadata":{"x":1}}`).is(200,
			"user_id", "udo", "user_role", "internal_user", "max_budget", "5", "teams", `["rocks"]`, "key_alias", "null", "spend", "0")
		w.master("GET /key/info", info(a.at("key"))).is(200, "info.user_id", "udo", "info.models", `["cheap"]`, "info.max_budget", "null")
		w.master("GET /user/info", "user_id=udo").is(200, "user_id", "udo", "user_info.max_budget", "5", "user_info.user_email", "Udo@example.com", "user_info.teams", `["rocks"]`,
			"keys.0.user_id", "udo", "teams.0.team_id", "rocks", "user_info.spend", "0")
		w.master("GET /v2/user/info", "user_id=udo").is(200, "user_id", "udo", "keys", "")
		w.master("GET /team/info", "team_id=rocks").is(200, "team_memberships.1.litellm_budget_table.max_budget", "2", "team_info.members_with_roles.1.role", "admin")
		w.master("/user/new", `{"user_id":"udo"}`).fails(400, "bad_request_error", "user_id")
		w.master("/user/new", `{"user_email":"udo@EXAMPLE.com"}`).fails(400, "bad_request_error", "user_email")
		if key := w.master("/user/new", `{"user_id":"keyless","auto_create_key":false}`).is(200).at("key"); key != "" {
			w.t.Errorf("a user without a key has %s", key)
		}
		w.master("/user/update", `{"user_email":"udo@example.com","max_budget":null,"user_alias":"Udo"}`).is(200, "user_id", "udo", "data.max_budget", "null", "data.user_alias", "Udo", "data.user_role", "internal_user")
		w.master("/user/update", `{"user_id":"nobody","max_budget":1}`).fails(404, "not_found_error", "user_id")
		w.master("/user/bulk_update", `{"users":[{"user_id":"udo","max_budget":9},{"user_id":"nobody"}]}`).is(200, "total_requested", "2", "successful_updates", "1", "failed_updates", "1", "results.0.updated_user.max_budget", "9", "results.1.error", "User nobody not found.")
		w.master("GET /user/list", "user_email=EXAMPLE").is(200, "total", "1", "users.0.user_id", "udo", "users.0.key_count", "1", "page_size", "25")
		w.master("GET /user/list", "team=rocks&role=internal_user").is(200, "total", "1")
		w.master("GET /user/filter/ui", "user_id=key").is(200, "0.user_id", "keyless", "0.user_email", "null", "1", "")
		w.master("GET /user/available_roles", "").is(200, "proxy_admin.ui_label", "Admin")
		w.master("GET /user/info", "user_id=nobody").fails(404, "not_found_error", "user_id")
		w.master("/user/delete", `{"user_ids":["nobody"]}`).fails(404, "not_found_error", "user_ids")
		w.master("/user/delete", `{"user_ids":["udo"]}`).is(200)
		w.master("GET /key/info", info(a.at("key"))).fails(404, "not_found_error", "key")
		w.master("GET /team/info", "team_id=rocks").is(200, "team_memberships.1", "")
	})
}

func TestTeamsHaveMembersWithLimits(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/team/new", `{"team_id":"rocks","team_alias":"Rocks","max_budget":0.00276,"budget_duration":"1d","members_with_roles":[{"role":"user","user_email":"mia@example.com"}],"model_aliases":{"a":"b"},"tags":["t"]}`).is(200,
			"team_id", "rocks", "max_budget", "0.00276", "blocked", "false", "models", "[]", "budget_reset_at", "2026-05-08T00:00:00.000Z", "metadata.tags", `["t"]`,
			"members_with_roles.0.user_email", "mia@example.com", "members_with_roles.1.user_id", "default_user_id", "members_with_roles.1.role", "admin", "litellm_model_table.model_aliases.a", "b")
		mia := w.master("GET /user/list", "user_email=mia").is(200, "total", "1").at("users", "0", "user_id")
		w.master("/team/new", `{"team_id":"rocks"}`).fails(400, "bad_request_error", "team_id")
		w.master("/team/member_add", `{"team_id":"rocks","member":[{"role":"user","user_id":"new"},{"role":"admin","user_id":"boss"}],"max_budget_in_team":1.5}`).is(200,
			"updated_users.0.user_id", "new", "updated_users.0.teams", `["rocks"]`, "updated_team_memberships.0.litellm_budget_table.max_budget", "1.5")
		w.master("/team/member_add", `{"team_id":"rocks","member":{"role":"user","user_id":"new"}}`).fails(400, "bad_request_error", "member")
		w.master("/team/member_add", `{"team_id":"none","member":{"role":"user","user_id":"new"}}`).fails(404, "not_found_error", "team_id")
		w.master("/team/member_update", `{"team_id":"rocks","user_email":"mia@example.com","role":"admin","max_budget_in_team":3,"rpm_limit":7}`).is(200, "user_id", mia, "max_budget_in_team", "3", "rpm_limit", "7")
		w.master("/team/member_update", `{"team_id":"rocks","user_id":"stranger"}`).fails(400, "bad_request_error", "user_id")
		key := w.key(`{"team_id":"rocks","user_id":"new"}`)
		w.spend(store.Row{RequestID: "r", Key: tenant.Hash(key), User: "new", Team: "rocks", Cost: 1_000_000_000_000, Start: w.now, End: w.now},
			store.SpendCounter(store.KindTeam, "rocks"), store.SpendCounter(store.KindMember, "rocks/new"))
		w.master("GET /team/info", "team_id=rocks").is(200, "team_info.spend", "1", "keys.0.team_id", "rocks", "team_memberships.2.user_id", "boss")
		w.master("/team/rocks/member/new/reset_spend", `{"reset_to":0.25}`).is(200, "spend", "0.25", "previous_spend", "1", "max_budget", "1.5", "user_id", "new")
		w.master("/team/rocks/member/nobody/reset_spend", `{"reset_to":0}`).fails(404, "not_found_error", "user_id")
		w.master("/team/model/add", `{"team_id":"rocks","models":["cheap"]}`).is(200, "models", `["all-proxy-models","cheap"]`)
		w.master("/team/model/delete", `{"team_id":"rocks","models":["all-proxy-models","cheap"]}`).is(200, "models", `["no-default-models"]`)
		w.master("/team/update", `{"team_id":"rocks","models":["cheap"],"team_alias":"Stones"}`).is(200, "team_id", "rocks", "data.models", `["cheap"]`, "data.team_alias", "Stones", "data.max_budget", "0.00276")
		w.master("/team/block", `{"team_id":"rocks"}`).is(200, "blocked", "true")
		w.master("/team/unblock", `{"team_id":"rocks"}`).is(200, "blocked", "false")
		w.master("/team/member_delete", `{"team_id":"rocks","user_id":"new"}`).is(200)
		w.master("GET /key/info", info(key)).fails(404, "not_found_error", "key")
		w.team("other", "")
		w.master("GET /team/list", "").is(200, "0.team_id", "other", "1.team_id", "rocks", "1.keys", "[]")
		w.master("GET /v2/team/list", "team_alias=stone").is(200, "total", "1", "teams.0.team_id", "rocks", "page_size", "10")
		w.master("GET /team/list", "user_id=boss").is(200, "0.team_id", "rocks", "1", "")
		w.master("GET /team/available", "").is(200)
		w.master("/team/delete", `{"team_ids":["rocks","none"]}`).fails(404, "not_found_error", "team_id")
		w.master("/team/delete", `{"team_ids":["rocks"]}`).is(200, "deleted_teams", `["rocks"]`)
		w.master("GET /team/info", "team_id=rocks").fails(404, "not_found_error", "team_id")
	})
}

func TestOrganizationsHaveTeamsAndMembers(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/budget/new", `{"budget_id":"big","max_budget":100,"budget_duration":"30d"}`).is(200)
		w.master("/organization/new", `{"organization_id":"org","organization_alias":"Org","budget_id":"none"}`).fails(400, "bad_request_error", "budget_id")
		w.master("/organization/new", `{"organization_id":"org","organization_alias":"Org","budget_id":"big"}`).is(200, "organization_id", "org", "litellm_budget_table.max_budget", "100", "litellm_budget_table.budget_reset_at", "2026-06-01T00:00:00.000Z")
		w.master("/organization/new", `{"organization_id":"org","organization_alias":"Org"}`).fails(400, "bad_request_error", "organization_id")
		w.master("/team/new", `{"team_id":"rocks","organization_id":"org"}`).is(200)
		w.master("/team/new", `{"team_id":"stones","organization_id":"none"}`).fails(400, "bad_request_error", "organization_id")
		w.master("/organization/member_add", `{"organization_id":"org","member":{"role":"internal_user","user_id":"udo"},"max_budget_in_organization":4}`).is(200, "organization_id", "org",
			"updated_organization_memberships.0.user_role", "internal_user", "updated_organization_memberships.0.litellm_budget_table.max_budget", "4")
		w.master("PATCH /organization/member_update", `{"organization_id":"org","user_id":"udo","role":"org_admin"}`).is(200, "user_role", "org_admin", "max_budget_in_organization", "4")
		w.master("PATCH /organization/update", `{"organization_id":"org","models":["cheap"],"budget_id":null,"max_budget":7}`).is(200, "models", `["cheap"]`, "litellm_budget_table.max_budget", "7", "teams.0.team_id", "rocks", "members.0.user_id", "udo")
		w.master("GET /organization/info", "organization_id=org").is(200, "teams.0.team_id", "rocks", "members.0.user_id", "udo")
		w.master("GET /organization/info", "organization_id=none").fails(404, "not_found_error", "organization_id")
		w.master("/organization/info", `{"organizations":["org"]}`).is(200, "0.organization_id", "org")
		w.master("GET /organization/list", "org_alias=or").is(200, "0.organization_id", "org")
		w.master("DELETE /organization/member_delete", `{"organization_id":"org","user_id":"udo"}`).is(200, "user_id", "udo")
		key := w.key(`{"team_id":"rocks"}`)
		w.master("DELETE /organization/delete", `{"organization_ids":["org"]}`).is(200, "0.organization_id", "org")
		w.master("GET /team/info", "team_id=rocks").fails(404, "not_found_error", "team_id")
		w.master("GET /key/info", info(key)).fails(404, "not_found_error", "key")
	})
}

func TestCustomersHaveBudgets(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/budget/new", `{"budget_id":"small","max_budget":0.5}`).is(200, "budget_id", "small", "max_budget", "0.5", "spend", "")
		w.master("/customer/new", `{"user_id":"c","alias":"Customer","budget_id":"small"}`).is(200, "user_id", "c", "blocked", "false", "litellm_budget_table.max_budget", "0.5", "spend", "0")
		w.master("/end_user/new", `{"user_id":"c"}`).fails(400, "bad_request_error", "user_id")
		w.master("/customer/update", `{"user_id":"c","max_budget":3}`).is(200, "budget_id", "null", "litellm_budget_table.max_budget", "3", "alias", "Customer")
		w.master("/customer/update", `{"user_id":"nobody"}`).fails(404, "not_found_error", "user_id")
		w.master("/customer/block", `{"user_ids":["c","new"]}`).is(200, "blocked_users.0.blocked", "true", "blocked_users.1.user_id", "new")
		w.master("/end_user/unblock", `{"user_ids":["c"]}`).is(200, "unblocked_users.0.blocked", "false")
		w.master("GET /customer/info", "end_user_id=new").is(200, "blocked", "true")
		w.master("GET /end_user/info", "end_user_id=nobody").fails(404, "not_found_error", "end_user_id")
		w.master("GET /customer/list", "").is(200, "1.user_id", "c", "2", "")
		w.master("/customer/delete", `{"user_ids":["c","nobody"]}`).fails(404, "not_found_error", "user_ids")
		w.master("/customer/delete", `{"user_ids":["c"]}`).is(200, "deleted_customers", "1")
	})
}

func TestBudgetsTagsGroupsAndInvitations(t *testing.T) {
	eachStore(t, func(w *world) {
		id := w.master("/budget/new", `{"max_budget":1,"rpm_limit":3}`).is(200, "created_by", "default_user_id").at("budget_id")
		w.master("/budget/new", `{"budget_id":"`+id+`"}`).fails(400, "bad_request_error", "budget_id")
		w.master("/budget/update", `{"budget_id":"`+id+`","rpm_limit":null,"max_budget":2}`).is(200, "rpm_limit", "null", "max_budget", "2")
		w.master("/budget/update", `{"budget_id":"none"}`).fails(404, "not_found_error", "budget_id")
		w.master("/budget/info", `{"budgets":["`+id+`"]}`).is(200, "0.max_budget", "2")
		w.master("GET /budget/settings", "budget_id="+id).is(200, "4.field_name", "max_budget", "4.field_value", "2")
		key := w.key(`{"budget_id":"` + id + `"}`)
		w.master("GET /key/info", info(key)).is(200, "info.budget_id", id, "info.litellm_budget_table.max_budget", "2")
		w.master("/budget/delete", `{"id":"`+id+`"}`).is(200, "budget_id", id)
		w.master("GET /budget/list", "").is(200, "0", "")
		w.master("/tag/new", `{"name":"red","description":"Red","max_budget":5,"models":["cheap"]}`).is(200, "message", "Tag red created successfully", "tag.name", "red", "tag.litellm_budget_table.max_budget", "5")
		w.master("/tag/new", `{"name":"red"}`).fails(400, "bad_request_error", "name")
		w.master("/tag/update", `{"name":"red","max_budget":6}`).is(200, "tag.litellm_budget_table.max_budget", "6", "tag.description", "Red")
		w.master("/tag/info", `{"names":["red"]}`).is(200, "red.models", `["cheap"]`)
		w.master("/tag/info", `{"names":["red","blue"]}`).fails(404, "not_found_error", "names")
		w.master("GET /tag/list", "").is(200, "0.name", "red")
		w.master("/tag/delete", `{"name":"red"}`).is(200)
		w.master("/tag/delete", `{"name":"red"}`).fails(404, "not_found_error", "name")
		w.team("rocks", "")
		group := w.master("/v1/access_group", `{"access_group_name":"g","access_model_names":["cheap"],"assigned_team_ids":["rocks"],"assigned_key_ids":["`+tenant.Hash(key)+`"]}`).is(201, "assigned_teams.0.id", "rocks", "access_agents", "[]").at("access_group_id")
		w.master("GET /team/info", "team_id=rocks").is(200, "team_info.access_group_ids", `["`+group+`"]`)
		w.master("GET /key/info", info(key)).is(200, "info.access_group_ids", `["`+group+`"]`)
		w.master("/v1/unified_access_group", `{"access_group_name":"g"}`).fails(409, "bad_request_error", "access_group_name")
		w.master("/v1/access_group", `{"access_group_name":"h","assigned_team_ids":["none"]}`).fails(400, "bad_request_error", "assigned_team_ids")
		w.master("PUT /v1/access_group/"+group, `{"assigned_team_ids":[],"description":"d"}`).is(200, "description", "d", "access_model_names", `["cheap"]`)
		w.master("GET /team/info", "team_id=rocks").is(200, "team_info.access_group_ids", `[]`)
		w.master("GET /v1/access_group", "").is(200, "0.access_group_name", "g")
		w.master("DELETE /v1/access_group/"+group, "").is(204)
		w.master("GET /key/info", info(key)).is(200, "info.access_group_ids", `[]`)
		w.master("GET /v1/access_group/"+group, "").fails(404, "not_found_error", "access_group_id")
		w.user("udo", "internal_user")
		inv := w.master("/invitation/new", `{"user_id":"udo"}`).is(200, "is_accepted", "false", "expires_at", "2026-05-14T10:30:00.000Z").at("id")
		w.master("/invitation/update", `{"invitation_id":"`+inv+`","is_accepted":true}`).is(200, "is_accepted", "true", "accepted_at", "2026-05-07T10:30:00.000Z")
		w.master("GET /invitation/info", "invitation_id="+inv).is(200, "user_id", "udo")
		w.master("/invitation/delete", `{"invitation_id":"`+inv+`"}`).is(200)
		w.master("GET /invitation/info", "invitation_id="+inv).fails(400, "bad_request_error", "invitation_id")
	})
}

func TestEveryChangeIsInTheAuditLog(t *testing.T) {
	eachStore(t, func(w *world) {
		udo := w.user("udo", "proxy_admin")
		key := w.ask(udo, "/key/generate", `{"key_alias":"k"}`).is(200).at("token")
		w.ask(udo, "/key/update", `{"key":"`+key+`","max_budget":1}`).is(200)
		w.ask(udo, "/key/delete", `{"keys":["`+key+`"]}`).is(200)
		a := w.master("GET /audit", "object_id="+key).is(200, "total", "3", "audit_logs.0.action", "deleted", "audit_logs.0.table_name", "LiteLLM_VerificationToken", "audit_logs.0.changed_by", "udo",
			"audit_logs.0.changed_by_api_key", tenant.Hash(udo), "audit_logs.1.updated_values.max_budget", "1", "audit_logs.1.before_value.max_budget", "null", "audit_logs.1.endpoint", "/key/update", "audit_logs.2.before_value", "null", "audit_logs.2.action", "created")
		w.master("GET /audit/"+a.at("audit_logs", "1", "id"), "").is(200, "endpoint", "/key/update")
		w.master("GET /audit/none", "").fails(404, "not_found_error", "id")
		w.master("GET /audit", "action=deleted&page_size=1").is(200, "total", "1", "audit_logs.0.object_id", key)
		w.master("GET /audit", "start_date=tomorrow").fails(400, "bad_request_error", "start_date")
	})
}

func TestWhatCallsHaveCostIsTold(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", `,"team_alias":"Rocks"`, "user:udo", "admin:boss")
		boss, udo := w.key(`{"user_id":"boss"}`), w.key(`{"user_id":"udo","team_id":"rocks","key_alias":"udo's"}`)
		nobody := w.key(`{}`)
		row := func(id, key, user, team string, cost int64, at time.Time, status int, tags ...string) {
			r := store.Row{
				RequestID: id, CallType: "acompletion", Key: tenant.Hash(key), User: user, Team: team, Cost: cost, Start: at, End: at.Add(time.Second), Model: "nova", Group: "cheap", Provider: "bedrock",
				Input: 10, Output: 5, Status: status, Tags: tags, Customer: "c",
			}
			if status >= 400 {
				r.Code = "throttled"
			}
			w.spend(r, store.SpendCounter(store.KindKey, r.Key), store.SpendCounter(store.KindUser, user))
		}
		row("r1", udo, "udo", "rocks", 120_000_000, w.now, 200, "red")
		row("r2", udo, "udo", "rocks", 120_000_000, w.now.AddDate(0, 0, 1), 200, "red", "blue")
		row("r3", nobody, "", "", 1_000_000, w.now, 200)
		row("r4", udo, "udo", "rocks", 0, w.now, 429)
		w.now = w.now.AddDate(0, 0, 2)
		w.master("GET /spend/logs", "").is(200, "0.request_id", "r2", "3.request_id", "r1", "0.spend", "0.00012", "0.total_tokens", "15", "0.status", "success", "0.api_key", tenant.Hash(udo), "0.request_tags", `["red","blue"]`, "0.startTime", "2026-05-08T10:30:00.000Z")
		w.master("GET /spend/logs", "request_id=r4").is(200, "0.status", "failure", "0.error_code", "throttled", "1", "")
		w.master("GET /spend/logs", "api_key="+nobody).is(200, "0.request_id", "r3", "1", "")
		days := "start_date=2026-05-07&end_date=2026-05-08"
		w.master("GET /spend/logs", days).is(200, "0.startTime", "2026-05-07", "0.spend", "0.000121", "0.users.udo", "0.00012", "0.models.nova", "0.000121", "1.spend", "0.00012", "2", "")
		w.master("GET /spend/logs", days+"&summarize=false&user_id=udo").is(200, "2.request_id", "r1", "3", "")
		w.ask(udo, "GET /spend/logs", "").is(200, "2.request_id", "r1", "3", "")
		w.ask(boss, "GET /spend/logs", "").is(200, "0", "")
		w.ask(boss, "GET /spend/logs", "team_id=rocks").is(200, "2.request_id", "r1", "3", "")
		w.master("/user/new", `{"user_id":"wim","user_role":"internal_user_viewer","auto_create_key":false}`).is(200)
		wim := w.key(`{"user_id":"wim"}`)
		w.ask(wim, "GET /spend/logs", "").is(200, "0", "")
		w.ask(wim, "GET /spend/logs", "user_id=udo").fails(403, "auth_error", "user_id")
		w.ask(wim, "GET /user/daily/activity", days+"&user_id=udo").fails(403, "auth_error", "user_id")
		w.ask(wim, "GET /team/daily/activity", days+"&team_ids=rocks").fails(403, "auth_error", "team_id")
		w.master("GET /spend/keys", "").is(200, "0.key_alias", "udo's", "0.spend", "0.00024")
		w.master("GET /spend/users", "user_id=wim").is(200, "0.user_id", "wim", "1", "")
		w.master("GET /spend/tags", "").is(200, "0.individual_request_tag", "red", "0.log_count", "2", "0.total_spend", "0.00024", "1.individual_request_tag", "blue")
		w.master("GET /global/spend", "").is(200, "spend", "0.000241")
		w.master("GET /global/spend/logs", "").is(200, "0.date", "2026-05-07", "0.spend", "0.000121")
		w.master("GET /global/spend/keys", "limit=1").is(200, "0.api_key", tenant.Hash(udo), "0.key_alias", "udo's", "0.total_spend", "0.00024", "1", "")
		w.master("GET /global/spend/teams", "").is(200, "teams", `["Rocks"]`, "daily_spend.0.Rocks", "0.00012", "total_spend_per_team.0.total_spend", "0.00024")
		w.master("GET /global/spend/models", "").is(200, "0.model", "nova", "0.total_spend", "0.000241")
		w.master("GET /global/spend/provider", days).is(200, "0.provider", "bedrock", "0.spend", "0.000241")
		w.master("GET /global/spend/tags", "").is(200, "spend_per_tag.0.name", "red", "spend_per_tag.0.spend", "0.00024")
		w.master("GET /global/spend/report", days).is(200, "0.group_by_day", "2026-05-07", "0.teams.0.team_name", "Rocks", "0.teams.0.total_spend", "0.00012", "0.teams.0.metadata.0.model", "nova", "1.group_by_day", "2026-05-08")
		w.master("GET /global/spend/report", days+"&group_by=customer").is(200, "0.customers.0.customer", "c")
		w.master("GET /global/spend/report", days+"&api_key="+udo).is(200, "0.total_cost", "0.00024", "0.model_details.0.total_input_tokens", "30", "1", "")
		w.master("GET /global/spend/report", "").fails(400, "bad_request_error", "start_date")
		w.master("GET /global/activity", days).is(200, "sum_api_requests", "4", "sum_total_tokens", "60", "daily_data.0.date", "May 07", "daily_data.1.api_requests", "1")
		w.master("GET /global/activity/model", days).is(200, "0.model", "cheap", "0.sum_api_requests", "4", "0.sum_total_tokens", "60", "0.daily_data.0.date", "May 07", "0.daily_data.0.api_requests", "3", "1", "")
		w.master("GET /global/activity/model", "").fails(400, "bad_request_error", "start_date")
		w.master("GET /spend/logs/v2", days+"&page_size=3").is(200, "data.0.request_id", "r2", "data.3", "", "total", "4", "page", "1", "page_size", "3", "total_pages", "2")
		w.master("GET /spend/logs/v2", days+"&page_size=3&page=2").is(200, "data.0.request_id", "r1", "data.1", "", "total", "4")
		w.master("GET /spend/logs/v2", "start_date=2026-05-07+00:00:00&end_date=2026-05-07+10:31:00").is(200, "total", "3")
		w.master("GET /spend/logs/v2", days+"&status_filter=failure").is(200, "data.0.request_id", "r4", "total", "1")
		w.master("GET /spend/logs/v2", days+"&status_filter=success&sort_by=spend&sort_order=asc").is(200, "data.0.request_id", "r3", "total", "3")
		w.master("GET /spend/logs/v2", days+"&min_spend=0.00001&max_spend=0.001&page_size=1&page=2").is(200, "data.0.request_id", "r1", "total", "2", "total_pages", "2")
		w.master("GET /spend/logs/v2", days+"&error_code=429&model=nova&model_group=cheap").is(200, "data.0.request_id", "r4", "total", "1")
		w.master("GET /spend/logs/v2", days+"&model_id=other").is(200, "total", "0", "total_pages", "0")
		w.master("GET /spend/logs/v2", "request_id=r1").fails(400, "bad_request_error", "start_date")
		w.master("GET /spend/logs/ui", "request_id=r1").is(200, "data.0.request_id", "r1", "total", "1")
		for _, wrong := range [][2]string{{"sort_by", "colour"}, {"sort_order", "up"}, {"status_filter", "some"}} {
			w.master("GET /spend/logs/v2", days+"&"+wrong[0]+"="+wrong[1]).fails(400, "bad_request_error", wrong[0])
		}
		w.master("GET /spend/logs/v2", days+"&min_spend=much").fails(422, "bad_request_error", "min_spend")
		w.ask(udo, "GET /spend/logs/v2", days).is(200, "total", "3")
		w.ask(wim, "GET /spend/logs/v2", days).is(200, "total", "0")
		w.ask(wim, "GET /spend/logs/ui", "request_id=r1").is(200, "total", "0")
		w.ask(wim, "GET /spend/logs/v2", days+"&user_id=udo").fails(403, "auth_error", "user_id")
		w.master("GET /user/daily/activity", days).is(200, "results.0.date", "2026-05-08", "results.1.metrics.spend", "0.000121", "results.1.metrics.failed_requests", "1", "results.1.metrics.successful_requests", "2",
			"metadata.total_spend", "0.000241", "metadata.total_tokens", "60", "metadata.total_api_requests", "4", "results.0.breakdown.models.nova.metrics.spend", "0.00012",
			"results.0.breakdown.api_keys."+tenant.Hash(udo)+".metadata.key_alias", "udo's", "metadata.has_more", "false")
		w.master("GET /team/daily/activity", days+"&team_ids=rocks").is(200, "results.0.breakdown.entities.rocks.metrics.spend", "0.00012", "metadata.total_spend", "0.00024")
		w.master("GET /user/daily/activity", days+"&page_size=1").is(200, "results.0.date", "2026-05-08", "metadata.total_pages", "2", "metadata.has_more", "true")
		w.master("GET /user/daily/activity/aggregated", days+"&page_size=1").is(200, "results.0.date", "2026-05-08", "results.1.metrics.spend", "0.000121", "metadata.page", "1", "metadata.total_pages", "1", "metadata.has_more", "false")
		w.master("GET /tag/daily/activity", days+"&tags=blue").is(200, "metadata.total_spend", "0.00012")
		w.master("GET /customer/daily/activity", days).is(200, "metadata.total_spend", "0.000241")
		w.master("GET /user/daily/activity", "").fails(400, "bad_request_error", "start_date")
		w.master("GET /user/daily/activity", "start_date=2026-05-08&end_date=2026-05-07").fails(400, "bad_request_error", "end_date")
		w.ask(boss, "GET /key/info", "").is(200)
		w.master("/global/spend/reset", "").is(200, "status", "success")
		w.master("GET /key/info", info(udo)).is(200, "info.spend", "0")
		w.master("GET /spend/logs", "").is(200, "3.request_id", "r1")
		w.master("GET /global/activity/cache_hits", "").fails(400, "bad_request_error", "start_date")
		hit := store.Row{RequestID: "r5", CallType: "acompletion", Key: tenant.Hash(udo), KeyAlias: "udo's", User: "udo", Start: w.now.AddDate(0, 0, 1), End: w.now.AddDate(0, 0, 1), Model: "nova", Output: 7, Status: 200, Cached: true}
		w.spend(hit, store.SpendCounter(store.KindKey, hit.Key))
		later := "start_date=2026-05-07&end_date=2026-05-10"
		w.master("GET /global/activity/cache_hits", later).is(200, "groups.0.call_type", "acompletion", "groups.0.api_requests", "3", "groups.0.cache_hits", "1", "groups.0.failed_requests", "1", "groups.0.cached_completion_tokens", "7", "groups.0.generated_completion_tokens", "20",
			"totals.cache_hit_ratio", "20", "filter_options.models", `["nova"]`, "error_breakdown.0.error_code", "throttled", "error_breakdown.0.count", "1", "groups.1", "")
		w.master("GET /global/activity/cache_hits", later+"&key_aliases=udo's").is(200, "totals.api_requests", "0", "totals.cache_hits", "1")
		w.master("GET /spend/logs", "request_id=r5").is(200, "0.cache_hit", "True", "0.completion_tokens", "7")
	})
}
