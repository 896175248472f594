package admin_test

import (
	"regexp"
	"strings"
	"testing"

	"outcrop/httpd/admin"
)

func TestNewKeysHaveTheDefaultsThatTheyDoNotSay(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.configured(admin.Defaults{Keys: w.members(`{"max_budget":20,"budget_duration":"7d","duration":"90d","rpm_limit":10,"tpm_limit":1000,"max_parallel_requests":2,
			"user_id":"nobody","team_id":"rocks","models":["cheap"],"metadata":{"a":1},"allowed_routes":["/v1/chat/completions"],"object_permission":{"agents":["x"]}}`)})
		silent := []string{
			"max_budget", "20", "budget_duration", "7d", "expires", "2026-08-05T10:30:00.000Z", "rpm_limit", "10", "tpm_limit", "1000", "max_parallel_requests", "2",
			"user_id", "nobody", "team_id", "rocks", "models", `["cheap"]`, "metadata", `{"a":1}`, "allowed_routes", `["/v1/chat/completions"]`, "object_permission", `{"agents":["x"]}`,
		}
		w.master("/key/generate", `{}`).is(200, silent...)
		w.master("/key/generate", `{"max_budget":null,"models":[],"metadata":{},"duration":null,"user_id":null,"allowed_routes":[]}`).is(200, silent...)
		w.master("/key/generate", `{"max_budget":0,"budget_duration":"1d","duration":"1d","rpm_limit":0,"tpm_limit":5,"max_parallel_requests":9,"user_id":"u","team_id":"t",
			"models":["dear"],"metadata":{"b":2},"allowed_routes":["/v1/models"],"object_permission":{"agents":[],"mcp":["y"]}}`).is(
			200, "max_budget", "0", "budget_duration", "1d", "expires", "2026-05-08T10:30:00.000Z", "rpm_limit", "0", "tpm_limit", "5", "max_parallel_requests", "9", "user_id", "u", "team_id", "t",
			"models", `["dear"]`, "metadata", `{"b":2}`, "allowed_routes", `["/v1/models"]`, "object_permission", `{"agents":[],"mcp":["y"]}`)
		w.master("/key/generate", `{"budget_duration":null,"duration":"-1"}`).is(200, "budget_duration", "null", "expires", "null", "max_budget", "20")
		for kind, routes := range map[string]string{"llm_api": `["llm_api_routes"]`, "management": `["management_routes"]`, "default": `[]`} {
			w.master("/key/generate", `{"key_type":"`+kind+`"}`).is(200, "allowed_routes", routes)
		}
		w.master("/key/service-account/generate", `{"team_id":"rocks"}`).is(200, "user_id", "null", "allowed_routes", "[]", "rpm_limit", "10")
		key := w.key(`{"max_budget":1}`)
		w.master("/key/update", `{"key":"`+key+`","max_budget":null,"models":[]}`).is(200, "max_budget", "null", "models", "[]", "tpm_limit", "1000") // new keys only
	})
}

func TestKeysStayWithinTheBounds(t *testing.T) {
	eachStore(t, func(w *world) {
		old := w.key(`{"max_budget":500}`)
		w.user("u", "internal_user")
		w.configured(admin.Defaults{
			Keys:      w.members(`{"rpm_limit":99}`),
			KeyBounds: w.members(`{"max_budget":100,"budget_duration":"30d","duration":"1mo","rpm_limit":10,"tpm_limit":1000,"max_parallel_requests":2}`),
		})
		most := []string{"max_budget", "100", "budget_duration", "30d", "expires", "2026-06-07T10:30:00.000Z", "rpm_limit", "10", "tpm_limit", "1000", "max_parallel_requests", "2"}
		w.master("/key/generate", `{}`).is(200, most...)
		w.master("/key/generate", `{"budget_duration":null,"max_budget":null}`).is(200, most...)
		for _, tt := range []struct {
			field, value string
			over         bool
		}{
			{"max_budget", `100`, false},
			{"max_budget", `100.01`, true},
			{"max_budget", `"101"`, true},
			{"budget_duration", `"4w"`, false},
			{"budget_duration", `"720h"`, false},
			{"budget_duration", `"721h"`, true},
			{"budget_duration", `"5w"`, true},
			{"duration", `"31d"`, false}, // from 7 May to 7 June
			{"duration", `"32d"`, true},
			{"duration", `"745h"`, true},
			{"duration", `"-1"`, true},
			{"rpm_limit", `0`, false},
			{"rpm_limit", `11`, true},
			{"tpm_limit", `1001`, true},
			{"max_parallel_requests", `3`, true},
		} {
			key := w.key(`{"metadata":{"the":"key"}}`)
			for _, call := range [][2]string{{"/key/generate"}, {"/key/service-account/generate", `,"team_id":"t"`}, {"/key/update", `,"key":"` + key + `"`}, {"/key/regenerate", `,"key":"` + key + `"`}} {
				a := w.master(call[0], `{"`+tt.field+`":`+tt.value+call[1]+`}`)
				if !tt.over {
					a.is(200)
				} else if a.fails(400, "bad_request_error", tt.field); !strings.Contains(a.at("error", "message"), tt.field+" is over") || !strings.Contains(a.at("error", "message"), strings.Trim(tt.value, `"`)) {
					t.Errorf("%s: %s", a.what, a.body)
				}
			}
			if tt.over {
				w.master("/key/bulk_update", `{"keys":[{"key":"`+key+`","`+tt.field+`":`+tt.value+`}]}`).is(200, "successful_updates", "[]")
			}
		}
		w.master("/key/update", `{"key":"`+old+`","models":["a"]}`).is(200, "max_budget", "500", "duration", "")     // what is not changed stays
		w.master("/key/update", `{"key":"`+old+`","max_budget":null,"duration":null}`).is(200, "max_budget", "null") // an admin's decision
		own := w.key(`{"user_id":"u"}`)
		for _, field := range []string{"duration", "tpm_limit", "budget_duration"} {
			a := w.ask(own, "/key/update", `{"key":"`+own+`","`+field+`":null}`)
			if a.status == 200 {
				t.Errorf("its owner has taken back %s of a key: %s", field, a.body)
			}
		}
	})
}

// What a caller's own key is limited to, the defaults and the bounds: the least of them.
func TestDefaultsGiveNoMoreThanTheCallerHas(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("u", "internal_user")
		poor := w.key(`{"user_id":"u","max_budget":5,"rpm_limit":50,"duration":"10d","models":["cheap","dear"]}`)
		w.configured(admin.Defaults{
			Keys:      w.members(`{"max_budget":20,"budget_duration":"1d","duration":"90d","rpm_limit":30,"models":["cheap","other"]}`),
			KeyBounds: w.members(`{"rpm_limit":25,"budget_duration":"7d","duration":"9d"}`),
		})
		w.ask(poor, "/key/generate", `{}`).is(200, "max_budget", "5", "budget_duration", "null", "expires", "2026-05-16T10:30:00.000Z", "rpm_limit", "25", "models", `["cheap"]`)
		w.configured(admin.Defaults{Keys: w.members(`{"duration":"90d","models":["other"]}`)})
		w.ask(poor, "/key/generate", `{}`).is(200, "expires", "2026-05-17T10:30:00.000Z", "models", `["cheap","dear"]`, "rpm_limit", "50")
	})
}

func TestAliasesOfNewAndRenamedKeysHaveTheConfiguredForm(t *testing.T) {
	eachStore(t, func(w *world) {
		old := w.key(`{"key_alias":"old one"}`)
		w.configured(admin.Defaults{KeyAlias: regexp.MustCompile(`^[a-z]+-[0-9]+$`), AliasRule: "it must be like team-1"})
		for path, more := range map[string]string{"/key/generate": ``, "/key/service-account/generate": `,"team_id":"t"`, "/user/new": ``, "/key/update": `,"key":"` + old + `"`, "/key/regenerate": `,"key":"` + old + `"`} {
			a := w.master(path, `{"key_alias":"new one"`+more+`}`).fails(400, "bad_request_error", "key_alias")
			if !strings.Contains(a.at("error", "message"), `"new one"; it must be like team-1.`) {
				t.Errorf("%s: %s", a.what, a.body)
			}
		}
		w.key(`{}`)
		w.key(`{"key_alias":"team-1"}`)
		w.master("/key/update", `{"key":"`+old+`","key_alias":"old one","max_budget":1}`).is(200, "max_budget", "1") // it is not renamed
		w.master("/key/update", `{"key":"`+old+`","key_alias":"team-2"}`).is(200, "key_alias", "team-2")
		w.master("/key/generate", `{"key_alias":"a-`+strings.Repeat("1", 254)+`"}`).fails(400, "bad_request_error", "key_alias")
	})
}

func TestNewTeamsHaveTheDefaultsThatTheyDoNotSay(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/organization/new", `{"organization_id":"o","organization_alias":"O","max_budget":50}`).is(200)
		w.configured(admin.Defaults{Teams: w.members(`{"max_budget":10,"budget_duration":"7d","rpm_limit":5,"tpm_limit":50,"team_member_permissions":["/key/generate"],"access_group_ids":["g"],"organization_id":"o","models":["cheap"],"metadata":{"b":"c"}}`)})
		silent := []string{"max_budget", "10", "budget_duration", "7d", "rpm_limit", "5", "tpm_limit", "50", "team_member_permissions", `["/key/generate"]`, "access_group_ids", `["g"]`, "organization_id", "o"}
		ofRequests := append([]string{"models", "[]", "metadata", "{}"}, silent...)
		w.master("/team/new", `{"team_id":"a"}`).is(200, ofRequests...)
		w.master("/team/new", `{"team_id":"b","max_budget":null,"organization_id":null}`).is(200, ofRequests...)
		w.master("/team/new", `{"team_id":"c","max_budget":0,"budget_duration":null,"rpm_limit":1,"tpm_limit":2,"team_member_permissions":[],"access_group_ids":[]}`).is(
			200, "max_budget", "0", "budget_duration", "null", "rpm_limit", "1", "tpm_limit", "2", "team_member_permissions", "[]", "access_group_ids", "[]")
		w.master("GET /team/list", "organization_id=o").is(200, "0.organization_id", "o", "2.organization_id", "o")
		w.scim(masterKey, "POST /Groups", `{"externalId":"d","displayName":"D"}`).is(201)
		a := w.master("GET /team/info", "team_id=d").is(200, "team_info.models", `["cheap"]`, "team_info.metadata.b", "c", "team_info.team_alias", "D")
		for i := 0; i < len(silent); i += 2 {
			if got := a.at("team_info", silent[i]); got != silent[i+1] {
				t.Errorf("the group's %s is %s, want %s", silent[i], got, silent[i+1])
			}
		}
		w.master("/team/update", `{"team_id":"a","max_budget":null}`).is(200, "data.max_budget", "null") // new teams only

		w.configured(admin.Defaults{Teams: w.members(`{"organization_id":"gone"}`)})
		w.master("/team/new", `{}`).fails(400, "bad_request_error", "organization_id")
		w.scim(masterKey, "POST /Groups", `{"displayName":"E"}`).wrong(400, "")

		w.user("u", "internal_user")
		own := w.key(`{"user_id":"u"}`)
		w.configured(admin.Defaults{Teams: w.members(`{"organization_id":"o"}`)})
		if a := w.ask(own, "/team/new", `{}`); a.status == 200 {
			t.Errorf("the default organization makes everybody an admin of it: %s", a.body)
		}
	})
}
