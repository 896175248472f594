package admin_test

import (
	"strings"
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

// used makes a team with a key of each of two users, which have cost 4 and 1, and another key of nobody, which has cost 2.
func (w *world) used() (boss, member string, keys map[string]string) {
	w.t.Helper()
	boss, member = w.user("boss", "internal_user"), w.user("mia", "internal_user")
	w.master("/user/update", `{"user_id":"mia","user_email":"mia@example.com"}`).is(200)
	w.team("rocks", `,"team_alias":"=Rocks"`, "admin:boss", "user:mia")
	keys = map[string]string{"mia": w.key(`{"team_id":"rocks","user_id":"mia","key_alias":"maps"}`), "boss": w.key(`{"team_id":"rocks","user_id":"boss"}`), "": w.key(`{"team_id":"rocks"}`)}
	for i, r := range []store.Row{
		{User: "mia", Model: "a", Group: "A", Cost: 3e12, Input: 10, CacheRead: 9, Output: 2},
		{User: "boss", Model: "a", Group: "A", Cost: 1e12, Input: 5, Output: 1},
		{Model: "b", Group: "B", Cost: 2e12, Input: 7, CacheRead: 7},
		{User: "mia", Model: "b", Group: "B", Cost: 1e12, Status: 500},
	} {
		r.RequestID, r.Key, r.Team, r.Start = string(rune('a'+i)), tenant.Hash(keys[r.User]), "rocks", w.now
		w.spend(r)
	}
	return boss, member, keys
}

func TestTheKeysThatHaveSpentMost(t *testing.T) {
	eachStore(t, func(w *world) {
		boss, member, keys := w.used()
		of := may + "&team_ids=rocks"
		w.ask(boss, "GET /team/daily/activity/aggregated/keys", of+"&limit=2").is(200, "total_api_keys", "3", "offset", "0", "limit", "2", "api_keys.0.api_key", tenant.Hash(keys["mia"]), "api_keys.0.metrics.spend", "4",
			"api_keys.0.metrics.api_requests", "2", "api_keys.0.metrics.failed_requests", "1", "api_keys.0.metadata.key_alias", "maps", "api_keys.0.metadata.user_email", "mia@example.com", "api_keys.0.metadata.key_exists", "true",
			"api_keys.1.api_key", tenant.Hash(keys[""]), "api_keys.2", "")
		w.master("GET /team/daily/activity/aggregated/keys", of+"&offset=2").is(200, "api_keys.0.api_key", tenant.Hash(keys["boss"]), "api_keys.1", "")
		w.ask(member, "GET /team/daily/activity/aggregated/keys", of).is(200, "total_api_keys", "1", "api_keys.0.metadata.user_id", "mia")
		w.master("GET /team/daily/activity/aggregated/model_top_keys", of+"&model_group=A&limit=1").is(200, "model", "A", "by_model_group", "true", "api_keys.0.metrics.spend", "3", "api_keys.1", "")
		w.master("GET /team/daily/activity/aggregated/model_top_keys", of+"&model_group=b&by_model_group=false").is(200, "api_keys.0.metrics.spend", "2", "api_keys.1.metrics.spend", "1")
		w.master("/key/delete", `{"keys":["`+keys["mia"]+`"]}`).is(200)
		for _, text := range []string{"MAPS", "mia", "EXAMPLE.com", tenant.Hash(keys["mia"])[:20]} {
			w.master("GET /team/daily/activity/aggregated/search", of+"&search="+text).is(200, "api_keys.0.api_key", tenant.Hash(keys["mia"]), "api_keys.0.metadata.key_exists", "false", "api_keys.1", "")
		}
		w.master("GET /team/daily/activity/aggregated/search", of+"&search=nothing").is(200, "api_keys", "[]")
		w.master("GET /user/daily/activity/aggregated/cache_leakage_keys", may).is(200, "api_keys.0.api_key", tenant.Hash(keys["boss"]), "api_keys.1.api_key", tenant.Hash(keys["mia"]), "api_keys.2", "")
		w.master("GET /user/daily/activity/aggregated/users", may).is(200, "total_users", "3", "users.0.user_id", "mia", "users.0.user_email", "mia@example.com", "users.0.spend", "4", "users.1.user_id", "null", "users.2.user_id", "boss")
		w.ask(boss, "GET /user/daily/activity/aggregated/keys", may+"&user_id=mia").fails(403, "auth_error", "user_id")
	})
}

func TestUsageThatCannotBeAskedFor(t *testing.T) {
	eachStore(t, func(w *world) {
		for query, param := range map[string]string{
			"aggregated/keys?" + may + "&limit=0": "limit", "aggregated/keys?" + may + "&limit=101": "limit", "aggregated/keys?" + may + "&offset=-1": "offset", "aggregated/search?" + may: "search",
			"aggregated/model_top_keys?" + may: "model_group", "export?" + may + "&format=xml": "format", "export?" + may + "&export_type=hourly": "export_type", "aggregated/users?" + may + "&limit=x": "limit",
			"aggregated/cache_leakage_keys?" + may + "&limit=1000": "limit",
		} {
			path, q, _ := strings.Cut(query, "?")
			w.master("GET /user/daily/activity/"+path, q).fails(422, "bad_request_error", param)
		}
		for _, path := range []string{"aggregated/keys", "export", "aggregated/users"} {
			w.master("GET /user/daily/activity/"+path, "").fails(400, "bad_request_error", "start_date")
		}
	})
}

func TestUsageIsExportedAsAFile(t *testing.T) {
	eachStore(t, func(w *world) {
		_, member, keys := w.used()
		const head = "date,entity_id,entity_alias,api_key,key_alias,user_id,user_email,model,spend,flat_cost,prompt_tokens,completion_tokens,api_requests,successful_requests,failed_requests,cache_read_input_tokens,cache_creation_input_tokens\r\n"
		of := may + "&team_ids=rocks"
		for query, want := range map[string]string{
			"":                               "2026-05-07,rocks,'=Rocks,,,,,,7,0,22,3,4,3,1,16,0\r\n",
			"&export_type=daily_with_models": "2026-05-07,rocks,'=Rocks,,,,,a,4,0,15,3,2,2,0,9,0\r\n2026-05-07,rocks,'=Rocks,,,,,b,3,0,7,0,2,1,1,7,0\r\n",
			"&export_type=daily_with_users":  "2026-05-07,rocks,'=Rocks,,,,,,2,0,7,0,1,1,0,7,0\r\n2026-05-07,rocks,'=Rocks,,,boss,,,1,0,5,1,1,1,0,0,0\r\n2026-05-07,rocks,'=Rocks,,,mia,mia@example.com,,4,0,10,2,2,1,1,9,0\r\n",
		} {
			a := w.master("GET /team/daily/activity/export", of+query)
			if string(a.body) != head+want || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
				t.Errorf("%s %s:\n%s", query, a.header, a.body)
			}
		}
		a := w.ask(member, "GET /team/daily/activity/export", of+"&export_type=daily_with_keys&format=json").is(200, "0.api_key", tenant.Hash(keys["mia"]), "0.key_alias", "maps", "0.user_email", "mia@example.com", "0.spend", "4", "1", "")
		if got := a.header.Get("Content-Disposition"); got != `attachment; filename="team-usage-2026-05-01-2026-05-31-daily_with_keys.json"` {
			t.Error(got)
		}
		w.ask(member, "GET /team/daily/activity/export", of+"&format=json").is(200, "0.spend", "4", "1", "")
		w.master("GET /user/daily/activity/export", "start_date=2025-01-01&end_date=2025-01-02&format=json").is(200, "0", "")
	})
}
