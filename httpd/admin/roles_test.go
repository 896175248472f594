package admin_test

import (
	"strings"
	"testing"

	"outcrop/tenant"
)

// allowed says who may call each endpoint at all: the master key, an admin, an admin viewer, an admin of an
// organisation, an internal user, an internal viewer, a key of a team, and a key of nobody. LiteLLM 1.110.2's
// rules are the source (litellm/proxy/_types.py, LiteLLMRoutes, and litellm/proxy/auth/route_checks.py).
const allowed = `
POST /key/generate                                    M A . O U . . .
POST /key/service-account/generate                    M A . O U . . .
GET /key/info                                         M A V O U W T N
POST /v2/key/info                                     M A V O U W T N
POST /key/update                                      M A . O U . . .
POST /key/bulk_update                                 M A . . . . . .
POST /key/delete                                      M A . O U . . .
POST /key/block                                       M A . O U . . .
POST /key/unblock                                     M A . O U . . .
POST /key/regenerate                                  M A . O U . . .
POST /key/{key}/regenerate                            M A . O U . . .
POST /key/{key}/reset_spend                           M A . O U . . .
GET /key/list                                         M A V O U W T N
GET /key/aliases                                      M A V O U . . .
POST /key/health                                      M A V O U W T N
POST /user/new                                        M A . O . . . .
POST /user/update                                     M A . O . . . .
POST /user/bulk_update                                M A . . . . . .
POST /user/delete                                     M A . O . . . .
GET /user/info                                        M A V O U W T N
GET /v2/user/info                                     M A V O U W T N
GET /user/list                                        M A V O . . . .
GET /user/filter/ui                                   M A V O . . . .
GET /user/available_users                             M A V . . . . .
GET /user/available_roles                             M A V O U W T N
POST /team/new                                        M A . O . . . .
POST /team/update                                     M A . O U . . .
POST /team/delete                                     M A . O . . . .
POST /team/block                                      M A . O . . . .
POST /team/unblock                                    M A . O . . . .
GET /team/info                                        M A V O U W T N
GET /team/list                                        M A V O U W T N
GET /v2/team/list                                     M A V O U W T N
GET /team/metadata_schema                             M A V O U W T N
GET /team/available                                   M A V O U W T N
POST /team/member_add                                 M A . O U . . .
POST /team/member_update                              M A . O U . . .
POST /team/member_delete                              M A . O U . . .
POST /team/{team_id}/member/{user_id}/reset_spend     M A . O U . . .
POST /team/{team_id}/member/{user_id}/reset_budget    M A . O U . . .
POST /team/bulk_member_add                            M A . . . . . .
PATCH /team/{team_id}                                 M A . O . . . .
POST /team/permissions_bulk_update                    M A . O . . . .
POST /team/key/bulk_update                            M A . O U . . .
GET /team/{team_id}/members/me                        M A V O U W T N
GET /team/{team_id}/callback                          M A V O U W T N
POST /team/{team_id}/callback                         M A V O U W T N
DELETE /team/{team_id}/callback/{callback_name}       M A V O U W T N
POST /team/{team_id}/disable_logging                  M A . . . . . .
GET /team/spend/by_user                               M A V O U W T N
POST /team/model/add                                  M A . O . . . .
POST /team/model/delete                               M A . O . . . .
GET /team/permissions_list                            M A V O U . . .
POST /team/permissions_update                         M A . O U . . .
POST /organization/new                                M A . . . . . .
PATCH /organization/update                            M A . . . . . .
PATCH /v2/organization/{organization_id}              M A . . . . . .
DELETE /organization/delete                           M A . O . . . .
GET /organization/list                                M A V O U W T N
GET /organization/info                                M A V O U W T N
POST /organization/info                               M A V O U W T N
POST /organization/member_add                         M A . O . . . .
PATCH /organization/member_update                     M A . O . . . .
DELETE /organization/member_delete                    M A . O . . . .
POST /project/new                                     M A V O U W T N
POST /project/update                                  M A V O U W T N
DELETE /project/delete                                M A . . . . . .
GET /project/info                                     M A V O U W T N
GET /project/list                                     M A V O U W T N
POST /customer/new                                    M A . . . . . .
POST /customer/update                                 M A . . . . . .
POST /customer/delete                                 M A . . . . . .
GET /customer/info                                    M A V . . . . .
GET /customer/list                                    M A V . . . . .
POST /customer/block                                  M A . . . . . .
POST /customer/unblock                                M A . . . . . .
POST /end_user/new                                    M A . . . . . .
POST /end_user/update                                 M A . . . . . .
POST /end_user/delete                                 M A . . . . . .
GET /end_user/info                                    M A V . . . . .
GET /end_user/list                                    M A V . . . . .
POST /end_user/block                                  M A . . . . . .
POST /end_user/unblock                                M A . . . . . .
POST /budget/new                                      M A . . . . . .
POST /budget/update                                   M A . . . . . .
POST /budget/info                                     M A V . . . . .
GET /budget/settings                                  M A V . . . . .
GET /budget/list                                      M A V . . . . .
POST /budget/delete                                   M A . . . . . .
POST /tag/new                                         M A . . . . . .
POST /tag/update                                      M A . . . . . .
POST /tag/info                                        M A V . . . . .
GET /tag/list                                         M A V . . . . .
POST /tag/delete                                      M A . . . . . .
POST /v1/access_group                                 M A . . . . . .
GET /v1/access_group                                  M A V . . . . .
GET /v1/access_group/{access_group_id}                M A V . . . . .
PUT /v1/access_group/{access_group_id}                M A . . . . . .
DELETE /v1/access_group/{access_group_id}             M A . . . . . .
POST /v1/unified_access_group                         M A . . . . . .
GET /v1/unified_access_group                          M A V . . . . .
GET /v1/unified_access_group/{access_group_id}        M A V . . . . .
PUT /v1/unified_access_group/{access_group_id}        M A . . . . . .
DELETE /v1/unified_access_group/{access_group_id}     M A . . . . . .
POST /access_group/new                                M A . . . . . .
GET /access_group/list                                M A V . . . . .
GET /access_group/{access_group}/info                 M A V . . . . .
PUT /access_group/{access_group}/update               M A . . . . . .
DELETE /access_group/{access_group}/delete            M A . . . . . .
GET /access_group/{access_group}/budget               M A V . . . . .
PUT /access_group/{access_group}/budget               M A . . . . . .
DELETE /access_group/{access_group}/budget            M A . . . . . .
GET /provider/budgets                                 M A V . . . . .
POST /invitation/new                                  M A . O . . . .
GET /invitation/info                                  M A V . . . . .
POST /invitation/update                               M A . . . . . .
POST /invitation/delete                               M A . O . . . .
GET /audit                                            M A V . . . . .
GET /audit/{id}                                       M A V . . . . .
POST /model/new                                       M A . . . . . .
POST /model/update                                    M A . . . . . .
PATCH /model/{model_id}/update                        M A . . . . . .
POST /model/delete                                    M A . . . . . .
POST /model/block                                     M A . . . . . .
POST /model/unblock                                   M A . . . . . .
POST /credentials                                     M A . . . . . .
GET /credentials                                      M A . . . . . .
GET /credentials/by_name/{credential_name}            M A . . . . . .
GET /credentials/by_model/{model_id}                  M A . . . . . .
PATCH /credentials/{credential_name}                  M A . . . . . .
DELETE /credentials/{credential_name}                 M A . . . . . .
POST /model_group/make_public                         M A . . . . . .
POST /model_hub/update_useful_links                   M A . . . . . .
GET /config/pass_through_endpoint                     M A . . . . . .
GET /config/pass_through_endpoint/team/{team_id}      M A . . . . . .
POST /config/pass_through_endpoint                    M A . . . . . .
POST /config/pass_through_endpoint/{endpoint_id}      M A . . . . . .
DELETE /config/pass_through_endpoint                  M A . . . . . .
GET /policies/list                                    M A V . . . . .
POST /policies                                        M A . . . . . .
GET /policies/compare                                 M A V . . . . .
POST /policies/resolve                                M A V . . . . .
GET /policies/name/{policy_name}/versions             M A V . . . . .
POST /policies/name/{policy_name}/versions            M A . . . . . .
DELETE /policies/name/{policy_name}/all-versions      M A . . . . . .
GET /policies/{policy_id}                             M A V . . . . .
PUT /policies/{policy_id}                             M A . . . . . .
DELETE /policies/{policy_id}                          M A . . . . . .
GET /policies/{policy_id}/resolved-guardrails         M A V . . . . .
POST /policies/test-pipeline                          M A . . . . . .
PUT /policies/{policy_id}/status                      M A . . . . . .
GET /policies/attachments/list                        M A V . . . . .
POST /policies/attachments                            M A . . . . . .
POST /policies/attachments/estimate-impact            M A V . . . . .
GET /policies/attachments/{attachment_id}             M A V . . . . .
DELETE /policies/attachments/{attachment_id}          M A . . . . . .
GET /cache/settings                                   M A . . . . . .
POST /cache/settings                                  M A . . . . . .
POST /cache/settings/test                             M A . . . . . .
GET /policy/list                                      M A V . . . . .
GET /policy/info/{policy_name}                        M A V . . . . .
POST /policy/test                                     M A V . . . . .
POST /policy/validate                                 M A V . . . . .
GET /spend/logs                                       M A V O U W . .
GET /spend/logs/v2                                    M A V O U W . .
GET /spend/logs/ui                                    M A V O U W . .
GET /spend/logs/ui/{request_id}                       M A V O U W . .
GET /spend/logs/search                                M A V O U W . .
POST /spend/calculate                                 M A V O U W . .
GET /spend/keys                                       M A V O U W . .
GET /spend/users                                      M A V O U W . .
GET /spend/tags                                       M A V O U W . .
GET /global/spend                                     M A V . . . . .
GET /global/spend/logs                                M A V . . . . .
GET /global/spend/keys                                M A V . . . . .
GET /global/spend/teams                               M A V . . . . .
GET /global/spend/models                              M A V . . . . .
GET /global/spend/provider                            M A V . . . . .
GET /global/spend/tags                                M A V . . . . .
GET /global/spend/report                              M A V . . . . .
POST /global/spend/reset                              M . . . . . . .
GET /global/activity                                  M A V O U . . .
GET /global/activity/model                            M A V O U . . .
GET /global/activity/cache_hits                       M A V O U . . .
GET /global/activity/calls                            M A V . . . . .
GET /user/daily/activity                              M A V O U W . .
GET /user/daily/activity/aggregated                   M A V O U W . .
GET /team/daily/activity                              M A V O U W . .
GET /team/daily/activity/aggregated                   M A V O U W . .
GET /organization/daily/activity                      M A V O . . . .
GET /organization/daily/activity/aggregated           M A V O . . . .
GET /key/spend/report                                 M A V O U W T N
GET /user/spend/report                                M A V O U W T N
GET /team/spend/report                                M A V O U W T N
GET /organization/spend/report                        M A V O U W T N
GET /tag/distinct                                     M A V . . . . .
GET /tag/summary                                      M A V . . . . .
GET /tag/dau                                          M A V . . . . .
GET /tag/wau                                          M A V . . . . .
GET /tag/mau                                          M A V . . . . .
GET /tag/user-agent/per-user-analytics                M A V . . . . .
GET /tag/daily/activity                               M A V . . . . .
GET /tag/daily/activity/aggregated                    M A V . . . . .
GET /region/daily/activity                            M A V . . . . .
GET /region/daily/activity/aggregated                 M A V . . . . .
GET /customer/daily/activity                          M A V . . . . .
GET /customer/daily/activity/aggregated               M A V . . . . .
GET /end_user/daily/activity                          M A V . . . . .
GET /end_user/daily/activity/aggregated               M A V . . . . .
GET /user/daily/activity/aggregated/keys              M A V O U W . .
GET /user/daily/activity/aggregated/search            M A V O U W . .
GET /user/daily/activity/aggregated/model_top_keys    M A V O U W . .
GET /user/daily/activity/export                       M A V O U W . .
GET /user/daily/activity/aggregated/users             M A V O U W . .
GET /user/daily/activity/aggregated/cache_leakage_keys M A V O U W . .
GET /team/daily/activity/aggregated/keys              M A V O U W . .
GET /team/daily/activity/aggregated/search            M A V O U W . .
GET /team/daily/activity/aggregated/model_top_keys    M A V O U W . .
GET /team/daily/activity/export                       M A V O U W . .
GET /organization/daily/activity/aggregated/keys      M A V O . . . .
GET /organization/daily/activity/aggregated/search    M A V O . . . .
GET /organization/daily/activity/aggregated/model_top_keys M A V O . . . .
GET /organization/daily/activity/export               M A V O . . . .
GET /tag/daily/activity/aggregated/keys               M A V . . . . .
GET /tag/daily/activity/aggregated/search             M A V . . . . .
GET /tag/daily/activity/aggregated/model_top_keys     M A V . . . . .
GET /tag/daily/activity/export                        M A V . . . . .
GET /customer/daily/activity/aggregated/keys          M A V . . . . .
GET /customer/daily/activity/aggregated/search        M A V . . . . .
GET /customer/daily/activity/aggregated/model_top_keys M A V . . . . .
GET /customer/daily/activity/export                   M A V . . . . .
GET /end_user/daily/activity/aggregated/keys          M A V . . . . .
GET /end_user/daily/activity/aggregated/search        M A V . . . . .
GET /end_user/daily/activity/aggregated/model_top_keys M A V . . . . .
GET /end_user/daily/activity/export                   M A V . . . . .
GET /scim/v2                                          M A . . . . . .
GET /scim/v2/ResourceTypes                            M A . . . . . .
GET /scim/v2/ResourceTypes/{id}                       M A . . . . . .
GET /scim/v2/Schemas                                  M A . . . . . .
GET /scim/v2/Schemas/{id}                             M A . . . . . .
GET /scim/v2/ServiceProviderConfig                    M A . . . . . .
GET /scim/v2/Users                                    M A . . . . . .
GET /scim/v2/Users/{user_id}                          M A . . . . . .
POST /scim/v2/.search                                 M A . . . . . .
POST /scim/v2/Users/.search                           M A . . . . . .
POST /scim/v2/Users                                   M A . . . . . .
PUT /scim/v2/Users/{user_id}                          M A . . . . . .
PATCH /scim/v2/Users/{user_id}                        M A . . . . . .
DELETE /scim/v2/Users/{user_id}                       M A . . . . . .
GET /scim/v2/Groups                                   M A . . . . . .
GET /scim/v2/Groups/{group_id}                        M A . . . . . .
POST /scim/v2/Groups/.search                          M A . . . . . .
POST /scim/v2/Groups                                  M A . . . . . .
PUT /scim/v2/Groups/{group_id}                        M A . . . . . .
PATCH /scim/v2/Groups/{group_id}                      M A . . . . . .
DELETE /scim/v2/Groups/{group_id}                     M A . . . . . .
`

func TestEachRoleMayCallItsEndpointsAndNoOthers(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/organization/new", `{"organization_id":"org","organization_alias":"Org"}`).is(200)
		w.team("rocks", "")
		keys := map[string]string{
			"M": masterKey, "A": w.user("adam", "proxy_admin"), "V": w.user("vera", "proxy_admin_viewer"), "O": w.user("olga", "internal_user"),
			"U": w.user("udo", "internal_user"), "W": w.user("wim", "internal_user_viewer"), "T": w.key(`{"team_id":"rocks"}`), "N": w.key(`{}`),
		}
		w.master("/organization/member_add", `{"organization_id":"org","member":{"role":"org_admin","user_id":"olga"}}`).is(200)
		w.budgets = map[string]string{"openai": "1d"}
		w.keeper(nil)
		roles := map[string]string{}
		for line := range strings.Lines(strings.TrimSpace(allowed)) {
			method, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			path, may, _ := strings.Cut(rest, " ")
			roles[method+" "+path] = may
		}
		for _, r := range w.routes() {
			method, _, _ := strings.Cut(r.Pattern, " ")
			endpoint := method + " " + r.Path
			may, known := roles[endpoint]
			if !known {
				w.t.Errorf("the test has no roles for %s", endpoint)
				continue
			}
			delete(roles, endpoint)
			path := strings.NewReplacer("{key}", "sk-none", "{team_id}", "none", "{organization_id}", "none", "{callback_name}", "none", "{user_id}", "none", "{access_group_id}", "none", "{access_group}", "none", "{id}", "none", "{request_id}", "none", "{group_id}", "none").Replace(endpoint)
			for name, key := range keys {
				body := `{}`
				if strings.HasPrefix(path, "GET ") {
					body = ""
				}
				a := w.ask(key, path, body)
				refused := a.status == 401 && strings.Contains(string(a.body), "may not call") ||
					endpoint == "GET /user/list" && a.status == 403
				if refused == strings.Contains(may, name) {
					w.t.Errorf("%s %s: %d %s", name, endpoint, a.status, a.body)
				}
				if a.status >= 500 {
					w.t.Errorf("%s %s: %d %s", name, endpoint, a.status, a.body)
				}
			}
		}
		for pattern := range roles {
			w.t.Errorf("%s is not served", pattern)
		}
	})
}

func TestWithoutAKeyNothingIsServed(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, r := range w.routes() {
			a := w.ask("sk-unknown-unknown", r.Pattern, "")
			if strings.HasPrefix(r.Path, "/scim") {
				a.is(401, "status", "401", "schemas", `["urn:ietf:params:scim:api:messages:2.0:Error"]`)
			} else {
				a.is(401, "error.type", "token_not_found_in_db", "error.code", "401", "error.param", "key")
			}
			if a.header.Get("Www-Authenticate") != "Bearer" {
				w.t.Errorf("%s: %v", r.Pattern, a.header)
			}
			if path := strings.NewReplacer("{", "", "}", "").Replace(r.Path); w.h.Owns(path) == w.h.SCIM().Owns(path) {
				w.t.Errorf("%s is not owned", r.Path)
			}
		}
	})
}

func TestAKeyWithoutAUserChangesNothing(t *testing.T) {
	eachStore(t, func(w *world) {
		key, other := w.key(`{"max_budget":1}`), w.key(`{}`)
		for path, body := range map[string]string{
			"/key/update": `{"key":"` + key + `","max_budget":100}`, "/key/generate": `{"max_budget":100}`, "/key/block": `{"key":"` + key + `"}`,
			"/team/new": `{}`, "/user/new": `{}`, "/key/delete": `{"keys":["` + other + `"]}`, "/key/regenerate": `{}`,
		} {
			w.ask(key, path, body).fails(401, "auth_error", "")
		}
		w.ask(key, "GET /key/info", "").is(200, "key", tenant.Hash(key), "info.max_budget", "1")
		w.ask(key, "GET /key/info", info(other)).fails(403, "auth_error", "key")
	})
}

func TestAnInternalUserHasHisOwnKeysOnly(t *testing.T) {
	eachStore(t, func(w *world) {
		udo, otto := w.user("udo", "internal_user"), w.user("otto", "internal_user")
		mine := w.ask(udo, "/key/generate", `{"key_alias":"mine"}`).is(200, "user_id", "udo", "created_by", "udo").at("key")
		w.ask(udo, "/key/generate", `{"user_id":"otto"}`).fails(403, "auth_error", "user_id")
		w.ask(udo, "/key/generate", `{"permissions":{"get_spend_routes":true}}`).fails(403, "auth_error", "permissions")
		w.ask(udo, "/key/generate", `{"allowed_routes":["/key/update"]}`).fails(403, "auth_error", "allowed_routes")
		w.ask(udo, "/key/generate", `{"spend":-1}`).fails(422, "bad_request_error", "spend")
		w.ask(udo, "/key/generate", `{"organization_id":"org"}`).fails(403, "auth_error", "organization_id")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","spend":0}`).fails(403, "auth_error", "spend")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","user_id":"otto"}`).fails(403, "auth_error", "user_id")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","user_id":null}`).fails(403, "auth_error", "user_id")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","max_budget":5}`).is(200, "max_budget", "5")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","max_budget":6}`).fails(403, "auth_error", "max_budget")
		w.ask(udo, "/key/update", `{"key":"`+mine+`","max_budget":null}`).fails(403, "auth_error", "max_budget")
		w.ask(udo, "/key/block", `{"key":"`+mine+`"}`).fails(403, "auth_error", "key")
		w.ask(udo, "/key/"+mine+"/reset_spend", `{"reset_to":0}`).fails(403, "auth_error", "key")
		// Keys of others and keys that do not exist have the same answer.
		for _, key := range []string{otto, "sk-does-not-exist-at-all"} {
			w.ask(udo, "GET /key/info", info(key)).fails(403, "auth_error", "key")
			w.ask(udo, "/key/update", `{"key":"`+key+`","max_budget":1}`).fails(403, "auth_error", "key")
			w.ask(udo, "/key/delete", `{"keys":["`+key+`"]}`).fails(403, "auth_error", "key")
			w.ask(udo, "/key/regenerate", `{"key":"`+key+`"}`).fails(403, "auth_error", "key")
		}
		w.ask(udo, "GET /key/list", "").is(200, "total_count", "2")
		w.ask(udo, "GET /key/list", "user_id=otto").fails(403, "auth_error", "user_id")
		w.ask(udo, "GET /key/aliases", "").is(200, "aliases", `["mine"]`)
		w.ask(udo, "GET /user/info", "user_id=otto").fails(403, "auth_error", "user_id")
		w.ask(udo, "GET /user/info", "user_id=nobody").fails(403, "auth_error", "user_id")
		w.ask(udo, "GET /user/info", "").is(200, "user_id", "udo", "keys.1.user_id", "udo")
		w.ask(udo, "/key/regenerate", `{"key":"`+mine+`"}`).is(200, "user_id", "udo")
		w.ask(udo, "/key/delete", `{"key_aliases":["mine"]}`).is(200)
	})
}

func TestNobodyGrantsMoreThanHeHas(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("udo", "internal_user")
		poor := w.key(`{"user_id":"udo","max_budget":1,"models":["cheap"],"rpm_limit":5,"duration":"1h","budget_duration":"1d"}`)
		w.ask(poor, "/key/generate", `{}`).is(200, "max_budget", "1", "models", `["cheap"]`, "rpm_limit", "5", "expires", "2026-05-07T11:30:00.000Z", "budget_duration", "1d")
		w.ask(poor, "/key/generate", `{"max_budget":0.5,"duration":"30m","budget_duration":"1h"}`).is(200, "max_budget", "0.5", "expires", "2026-05-07T11:00:00.000Z", "budget_duration", "1d")
		for body, param := range map[string]string{`{"max_budget":1.01}`: "max_budget", `{"rpm_limit":6}`: "rpm_limit"} {
			w.ask(poor, "/key/generate", body).fails(400, "bad_request_error", param)
		}
		for body, param := range map[string]string{`{"models":["dear"]}`: "models", `{"duration":"2h"}`: "duration"} {
			w.ask(poor, "/key/generate", body).fails(403, "auth_error", param)
		}
		for body, param := range map[string]string{
			`"max_budget":2`: "max_budget", `"max_budget":null`: "max_budget", `"models":["dear"]`: "models", `"models":[]`: "models", `"models":null`: "models",
			`"duration":"-1"`: "duration", `"duration":null`: "duration", `"rpm_limit":null`: "rpm_limit", `"budget_duration":"1m"`: "budget_duration",
			`"budget_id":"b"`: "budget_id", `"temp_budget_increase":5,"temp_budget_expiry":"2027-01-01"`: "temp_budget_increase", `"team_id":"t"`: "team_id",
			`"metadata":{"temp_budget_increase":5}`: "metadata",
		} {
			w.ask(poor, "/key/update", `{"key":"`+poor+`",`+body+`}`).fails(403, "auth_error", param)
		}
		w.ask(poor, "/key/update", `{"key":"`+poor+`","max_budget":0.9,"key_alias":"mine"}`).is(200, "max_budget", "0.9", "key_alias", "mine")
	})
}

func TestTeamsLetTheirMembersDoWhatTheirPermissionsSay(t *testing.T) {
	eachStore(t, func(w *world) {
		boss, member, stranger := w.user("boss", "internal_user"), w.user("mia", "internal_user"), w.user("stan", "internal_user")
		w.team("rocks", `,"max_budget":10,"models":["cheap"]`, "admin:boss", "user:mia")
		w.ask(member, "/key/generate", `{"team_id":"rocks"}`).fails(401, "team_member_permission_error", "team_id")
		w.ask(stranger, "/key/generate", `{"team_id":"rocks"}`).fails(403, "auth_error", "team_id")
		w.ask(stranger, "/key/generate", `{"team_id":"unknown"}`).fails(403, "auth_error", "team_id")
		w.ask(boss, "/key/generate", `{"team_id":"rocks","max_budget":11}`).fails(400, "bad_request_error", "max_budget")
		w.ask(boss, "/key/generate", `{"team_id":"rocks","models":["dear"]}`).fails(403, "auth_error", "models")
		bosses := w.ask(boss, "/key/generate", `{"team_id":"rocks","max_budget":2}`).is(200, "team_id", "rocks", "user_id", "boss").at("key")
		w.ask(member, "/team/permissions_update", `{"team_id":"rocks","team_member_permissions":["/key/generate"]}`).fails(403, "auth_error", "team_id")
		w.ask(boss, "/team/permissions_update", `{"team_id":"rocks","team_member_permissions":["/key/everything"]}`).fails(422, "bad_request_error", "team_member_permissions")
		w.ask(boss, "/team/permissions_update", `{"team_id":"rocks","team_member_permissions":["/key/generate","/key/update","/key/delete"]}`).is(200, "team_member_permissions", `["/key/generate","/key/update","/key/delete"]`)
		w.ask(boss, "GET /team/permissions_list", "team_id=rocks").is(200, "team_member_permissions.0", "/key/generate")
		mias := w.ask(member, "/key/generate", `{"team_id":"rocks","key_alias":"mias"}`).is(200, "user_id", "mia").at("key")
		w.ask(member, "/key/update", `{"key":"`+mias+`","key_alias":"mia's"}`).is(200)
		w.ask(member, "/key/update", `{"key":"`+bosses+`","key_alias":"x"}`).fails(403, "auth_error", "key")
		w.ask(boss, "/key/update", `{"key":"`+mias+`","max_budget":3}`).is(200, "max_budget", "3")
		w.ask(boss, "/key/update", `{"key":"`+mias+`","max_budget":30}`).fails(400, "bad_request_error", "max_budget")
		w.ask(boss, "/key/block", `{"key":"`+mias+`"}`).is(200)
		w.ask(boss, "GET /key/list", "team_id=rocks").is(200, "total_count", "2")
		w.ask(member, "GET /key/list", "team_id=rocks").is(200, "total_count", "1")
		w.ask(member, "GET /team/info", "team_id=rocks").is(200, "keys.0.key_alias", "mia's", "keys.1", "")
		w.ask(stranger, "GET /team/info", "team_id=rocks").fails(403, "auth_error", "team_id")
		w.ask(stranger, "GET /team/info", "team_id=unknown").fails(403, "auth_error", "team_id")
		w.ask(stranger, "GET /team/list", "").is(200).hasNone("rocks")
		w.ask(member, "GET /team/list", "").is(200, "0.team_id", "rocks")
		w.ask(boss, "/team/update", `{"team_id":"rocks","team_alias":"Rocks"}`).is(200, "data.team_alias", "Rocks")
		w.ask(boss, "/team/update", `{"team_id":"rocks","max_budget":100}`).fails(403, "auth_error", "max_budget")
		w.ask(boss, "/team/member_add", `{"team_id":"rocks","member":{"role":"user","user_id":"stan"}}`).is(200)
		w.ask(boss, "/team/member_update", `{"team_id":"rocks","user_id":"boss","max_budget_in_team":100}`).fails(403, "auth_error", "user_id")
		w.ask(member, "/team/member_add", `{"team_id":"rocks","member":{"role":"admin","user_id":"mia"}}`).fails(403, "auth_error", "team_id")
		w.ask(boss, "/team/delete", `{"team_ids":["rocks"]}`).fails(401, "auth_error", "")
	})
}

func TestAdminsOfOrganizationsRuleTheirsOnly(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, id := range []string{"here", "there"} {
			w.master("/organization/new", `{"organization_id":"`+id+`","organization_alias":"`+id+`","models":["cheap"],"max_budget":100}`).is(200)
		}
		olga := w.user("olga", "internal_user")
		w.master("/organization/member_add", `{"organization_id":"here","member":[{"role":"org_admin","user_id":"olga"}]}`).is(200)
		w.master("/team/new", `{"team_id":"foreign","organization_id":"there"}`).is(200)
		w.ask(olga, "/team/new", `{"team_id":"own","organization_id":"here"}`).is(200, "organization_id", "here", "members_with_roles.0.user_id", "olga", "members_with_roles.0.role", "admin")
		w.ask(olga, "/team/new", `{"organization_id":"there"}`).fails(403, "auth_error", "organization_id")
		w.ask(olga, "/team/new", `{}`).fails(403, "auth_error", "organization_id")
		w.ask(olga, "/team/new", `{"organization_id":"here","models":["dear"]}`).fails(403, "auth_error", "models")
		w.ask(olga, "/team/new", `{"organization_id":"here","max_budget":101}`).fails(400, "bad_request_error", "max_budget")
		w.ask(olga, "/team/block", `{"team_id":"own"}`).is(200, "blocked", "true")
		w.ask(olga, "/team/block", `{"team_id":"foreign"}`).fails(403, "auth_error", "team_id")
		w.ask(olga, "/user/new", `{"user_id":"new","organizations":["here"]}`).is(200)
		w.ask(olga, "/user/new", `{"organizations":["there"]}`).fails(403, "auth_error", "organizations")
		w.ask(olga, "/user/new", `{"user_role":"proxy_admin","organizations":["here"]}`).fails(403, "auth_error", "user_role")
		w.user("other", "internal_user")
		w.ask(olga, "/user/update", `{"user_id":"new","user_alias":"New"}`).is(200)
		w.ask(olga, "/user/update", `{"user_id":"new","user_role":"proxy_admin"}`).fails(403, "auth_error", "user_role")
		w.ask(olga, "/user/update", `{"user_id":"other","user_alias":"x"}`).fails(403, "auth_error", "user_id")
		w.ask(olga, "/user/delete", `{"user_ids":["other"]}`).fails(403, "auth_error", "user_id")
		w.ask(olga, "GET /user/list", "").is(200, "total", "2")
		w.ask(olga, "GET /organization/list", "").is(200, "0.organization_id", "here", "1", "")
		w.ask(olga, "GET /organization/info", "organization_id=there").fails(403, "auth_error", "organization_id")
		w.ask(olga, "/organization/member_add", `{"organization_id":"there","member":{"role":"org_admin","user_id":"olga"}}`).fails(403, "auth_error", "organization_id")
		w.ask(olga, "/user/update", `{"user_id":"olga","max_budget":1000}`).fails(403, "auth_error", "max_budget")
		w.ask(olga, "/user/new", `{"organizations":["here"],"permissions":{"get_spend_routes":true}}`).fails(403, "auth_error", "permissions")
		w.ask(olga, "PATCH /organization/member_update", `{"organization_id":"here","user_id":"olga","max_budget_in_organization":1000}`).fails(403, "auth_error", "user_id")
		w.ask(olga, "/user/delete", `{"user_ids":["new"]}`).is(200)
	})
}
