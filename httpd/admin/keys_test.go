package admin_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

func TestAKeyIsShownOnceAndStoredAsItsHash(t *testing.T) {
	eachStore(t, func(w *world) {
		a := w.master("/key/generate", `{"max_budget":0.00348,"models":["cheap"],"duration":"30d","budget_duration":"30d","metadata":{"a":1},"key_alias":"first","tags":["x"],"rpm_limit":10}`).is(200,
			"max_budget", "0.00348", "models", `["cheap"]`, "duration", "null", "key_alias", "first", "spend", "0", "rpm_limit", "10", "tpm_limit", "null",
			"created_by", "default_user_id", "expires", "2026-06-06T10:30:00.000Z", "budget_reset_at", "2026-06-01T00:00:00.000Z", "tags", `["x"]`, "metadata", `{"a":1,"tags":["x"]}`,
			"created_at", "2026-05-07T10:30:00.000Z", "user_id", "null", "aliases", "{}", "permissions", "{}")
		key := a.at("key")
		if !regexp.MustCompile(`^sk-[A-Za-z0-9_-]{22}$`).MatchString(key) || a.at("token") != tenant.Hash(key) || a.at("token_id") != a.at("token") || a.at("key_name") != "sk-..."+key[21:] {
			w.t.Errorf("the key is %s; %s", key, a.body)
		}
		shown := w.master("GET /key/info", info(key)).is(200, "key", key, "info.max_budget", "0.00348", "info.spend", "0", "info.status", "active", "info.token", "", "info.expires", "2026-06-06T10:30:00.000Z", "info.litellm_budget_table", "null")
		byHash := w.master("GET /key/info", info(tenant.Hash(key))).is(200, "key", tenant.Hash(key))
		if shown.at("info") != byHash.at("info") {
			w.t.Errorf("by the key %s, by its hash %s", shown.body, byHash.body)
		}
		w.master("GET /key/list", "return_full_object=true").is(200, "total_count", "1", "keys.0.token", tenant.Hash(key)).hasNone(key)
		w.master("GET /audit", "").is(200).hasNone(key)
		e, err := w.store.Entity(w.t.Context(), store.KindKey, tenant.Hash(key))
		if err != nil || strings.Contains(string(e.Doc), key) || e.Alias != "first" {
			w.t.Errorf("the store has %+v, %v", e, err)
		}
	})
}

func TestAClientChoosesItsKey(t *testing.T) {
	eachStore(t, func(w *world) {
		w.master("/key/generate", `{"key":"sk-0123456789abc"}`).is(200, "key", "sk-0123456789abc", "key_name", "sk-...9abc")
		for body, param := range map[string]string{
			`{"key":"sk-0123456789abc"}`:     "key", // it exists
			`{"key":"sk-0123456789ab"}`:      "key", // too short
			`{"key":"0123456789abcdefgh"}`:   "key",
			`{"key":"sk-0123456789 abcdef"}`: "key",
		} {
			w.master("/key/generate", body).fails(400, "bad_request_error", param)
		}
	})
}

func TestWrongValuesAreRefusedByField(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, tt := range []struct{ path, body, param string }{
			{"/key/generate", `{"models":"cheap"}`, "models"},
			{"/key/generate", `{"models":[1]}`, "models"},
			{"/key/generate", `{"max_budget":-1}`, "max_budget"},
			{"/key/generate", `{"max_budget":"much"}`, "max_budget"},
			{"/key/generate", `{"rpm_limit":1.5}`, "rpm_limit"},
			{"/key/generate", `{"rpm_limit":-1}`, "rpm_limit"},
			{"/key/generate", `{"duration":"forever"}`, "duration"},
			{"/key/generate", `{"budget_duration":"1y"}`, "budget_duration"},
			{"/key/generate", `{"metadata":[]}`, "metadata"},
			{"/key/generate", `{"blocked":"perhaps"}`, "blocked"},
			{"/key/generate", `{"key_type":"super"}`, "key_type"},
			{"/key/generate", `{"budget_limits":[{"max_budget":1}]}`, "budget_limits"},
			{"/key/generate", `{"key_alias":5}`, "key_alias"},
			{"/key/update", `{"max_budget":1}`, "key"},
			{"/key/block", `{}`, "key"},
			{"/key/delete", `{}`, "keys"},
			{"/key/bulk_update", `{"keys":[]}`, "keys"},
			{"/user/new", `{"user_role":"king"}`, "user_role"},
			{"/user/new", `{"user_id":" "}`, "user_id"},
			{"/user/new", `{"password":"x"}`, "password"},
			{"/user/update", `{}`, "user_id"},
			{"/team/member_add", `{"team_id":"x","member":{"role":"king","user_id":"u"}}`, "member"},
			{"/team/update", `{}`, "team_id"},
			{"/organization/new", `{}`, "organization_alias"},
			{"/customer/new", `{"user_id":"c","max_budget":1,"budget_id":"b"}`, "budget_id"},
			{"/tag/new", `{}`, "name"},
			{"/v1/access_group", `{}`, "access_group_name"},
		} {
			if tt.path == "/team/member_add" {
				w.team("x", "")
			}
			a := w.master(tt.path, tt.body).fails(422, "bad_request_error", tt.param)
			if !strings.HasPrefix(a.at("error", "message"), tt.param) && !strings.Contains(a.at("error", "message"), tt.param) || a.at("detail", "0", "loc", "1") != tt.param {
				w.t.Errorf("%s %s: %s", tt.path, tt.body, a.body)
			}
		}
		w.master("/key/generate", `[]`).fails(400, "bad_request_error", "")
		w.master("/key/generate", `{"models":`).fails(400, "bad_request_error", "")
		if a := w.master("/key/generate", `{"colour":"red"}`).is(200); a.header.Get("X-Outcrop-Warnings") != `dropped;field="colour"` {
			w.t.Errorf("a field that nobody knows: %v", a.header)
		}
		w.master("/key/generate", `{"max_budget":"12.5","rpm_limit":"3","blocked":"false"}`).is(200, "max_budget", "12.5", "rpm_limit", "3", "blocked", "false")
	})
}

func TestUpdateChangesWhatIsSaidAndNullTakesBack(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.key(`{"max_budget":1,"models":["cheap"],"metadata":{"a":1},"model_rpm_limit":{"cheap":5},"key_alias":"one"}`)
		w.now = w.now.Add(time.Hour)
		w.master("/key/update", `{"key":"`+key+`","max_budget":2.5}`).is(200, "key", key, "max_budget", "2.5", "models", `["cheap"]`, "key_alias", "one",
			"metadata", `{"a":1,"model_rpm_limit":{"cheap":5}}`, "updated_at", "2026-05-07T11:30:00.000Z", "created_at", "2026-05-07T10:30:00.000Z")
		w.master("/key/update", `{"key":"`+key+`","max_budget":null,"models":null,"key_alias":null}`).is(200, "max_budget", "null", "models", "[]", "key_alias", "null")
		w.master("/key/update", `{"key":"`+key+`","metadata":{"b":2}}`).is(200, "metadata", `{"b":2,"model_rpm_limit":{"cheap":5}}`)
		w.master("/key/update", `{"key":"`+key+`","model_rpm_limit":null}`).is(200, "metadata", `{"b":2}`)
		w.master("/key/update", `{"key":"`+key+`","duration":"1h"}`).is(200, "expires", "2026-05-07T12:30:00.000Z")
		w.master("/key/update", `{"key":"`+key+`","duration":"-1"}`).is(200, "expires", "null")
		w.master("/key/update", `{"key":"sk-unknown-unknown","max_budget":1}`).fails(404, "not_found_error", "key")
		w.master("/key/update", `{"key":"`+key+`","temp_budget_increase":1}`).fails(422, "bad_request_error", "temp_budget_increase")
		w.master("/key/update", `{"key":"`+key+`","temp_budget_increase":1,"temp_budget_expiry":"2026-06-01"}`).is(200, "metadata.temp_budget_expiry", "2026-06-01T00:00:00.000Z")
	})
}

func TestOfChangesAtTheSameTimeNoneIsLost(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.key(`{}`)
		done := make(chan int)
		fields := []string{"max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests", "soft_budget", "tpd_limit"}
		for _, f := range fields {
			go func() { done <- w.ask(masterKey, "/key/update", `{"key":"`+key+`","`+f+`":7}`).status }()
		}
		for range fields {
			if status := <-done; status != 200 {
				w.t.Errorf("status %d", status)
			}
		}
		a := w.master("GET /key/info", info(key))
		for _, f := range fields {
			a.is(200, "info."+f, "7")
		}
	})
}

func TestAliasesOfKeysAreUnique(t *testing.T) {
	eachStore(t, func(w *world) {
		w.key(`{"key_alias":"one"}`)
		two := w.key(`{"key_alias":"two"}`)
		w.master("/key/generate", `{"key_alias":"one"}`).fails(400, "bad_request_error", "key_alias")
		w.master("/key/update", `{"key":"`+two+`","key_alias":"one"}`).fails(400, "bad_request_error", "key_alias")
		w.master("/key/update", `{"key":"`+two+`","key_alias":"two"}`).is(200)
		w.master("/key/update", `{"key_alias":"two","max_budget":3}`).is(200, "max_budget", "3")
		w.master("GET /key/aliases", "search=T").is(200, "aliases", `["two"]`, "total_count", "1", "size", "50")
		w.master("/key/delete", `{"key_aliases":["two"]}`).is(200, "deleted_keys", `["two"]`)
		w.master("/key/generate", `{"key_alias":"two"}`).is(200)
	})
}

func TestKeysAreBlockedAndDeleted(t *testing.T) {
	eachStore(t, func(w *world) {
		key, other := w.key(`{}`), w.key(`{}`)
		w.master("/key/block", `{"key":"`+key+`"}`).is(200, "blocked", "true", "token", tenant.Hash(key))
		w.master("GET /key/info", info(key)).is(200, "info.blocked", "true", "info.status", "revoked")
		w.master("/key/unblock", `{"key":"`+tenant.Hash(key)+`"}`).is(200, "blocked", "false")
		w.master("/key/delete", `{"keys":["`+key+`","`+tenant.Hash(other)+`","sk-not-there-at-all"]}`).is(200, "deleted_keys", `["`+key+`","`+tenant.Hash(other)+`"]`)
		w.master("GET /key/info", info(key)).fails(404, "not_found_error", "key")
		w.master("/key/delete", `{"keys":["`+key+`"]}`).fails(404, "not_found_error", "keys")
		w.master("/key/block", `{"key":"`+key+`"}`).fails(404, "not_found_error", "key")
		w.master("GET /key/list", "status=deleted").is(200, "total_count", "2")
		w.master("GET /key/list", "").is(200, "total_count", "0", "keys", "[]", "total_pages", "0")
	})
}

func TestAReplacedKeyWorksUntilItsGraceIsOver(t *testing.T) {
	eachStore(t, func(w *world) {
		old := w.key(`{"key_alias":"it","max_budget":5,"user_id":"u"}`)
		w.spend(store.Row{RequestID: "r", Key: tenant.Hash(old), Cost: 2_000_000_000_000, Start: w.now, End: w.now}, store.SpendCounter(store.KindKey, tenant.Hash(old)))
		a := w.master("/key/"+url.PathEscape(old)+"/regenerate", `{"grace_period":"2h","max_budget":6}`).is(200, "max_budget", "6", "key_alias", "it", "spend", "2", "user_id", "u", "rotation_count", "1")
		fresh := a.at("key")
		w.master("GET /key/info", info(fresh)).is(200, "info.spend", "2", "info.key_alias", "it")
		w.master("GET /key/info", info(old)).fails(404, "not_found_error", "key")
		e, err := w.store.Entity(w.t.Context(), store.KindOldKey, tenant.Hash(old))
		if err != nil || read(w.t, e.Doc, "active_token_id") != tenant.Hash(fresh) || read(w.t, e.Doc, "revoke_at") != "2026-05-07T12:30:00.000Z" {
			w.t.Fatalf("%+v, %v", e, err)
		}
		third := w.master("/key/regenerate", `{"key":"`+fresh+`","new_key":"sk-chosen-by-client"}`).is(200, "key", "sk-chosen-by-client").at("key")
		if e, err = w.store.Entity(w.t.Context(), store.KindOldKey, tenant.Hash(old)); err != nil || read(w.t, e.Doc, "active_token_id") != tenant.Hash(third) {
			w.t.Errorf("the grace of the first key is for %+v, %v", e, err)
		}
		if _, err := w.store.Entity(w.t.Context(), store.KindOldKey, tenant.Hash(fresh)); err == nil {
			w.t.Error("a key that was replaced without grace has some")
		}
		w.master("/key/delete", `{"keys":["`+third+`"]}`).is(200)
		if _, err := w.store.Entity(w.t.Context(), store.KindOldKey, tenant.Hash(old)); err == nil {
			w.t.Error("an old key outlives the key")
		}
	})
}

func TestSpendIsResetToLess(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.key(`{"max_budget":10}`)
		w.spend(store.Row{RequestID: "r", Key: tenant.Hash(key), Cost: 3_480_000_000, Start: w.now, End: w.now}, store.SpendCounter(store.KindKey, tenant.Hash(key)))
		w.master("GET /key/info", info(key)).is(200, "info.spend", "0.00348")
		w.master("/key/"+key+"/reset_spend", `{"reset_to":1}`).fails(400, "bad_request_error", "reset_to")
		w.master("/key/"+key+"/reset_spend", `{"reset_to":"1"}`).fails(422, "bad_request_error", "reset_to")
		w.master("/key/"+key+"/reset_spend", `{"reset_to":0.001}`).is(200, "key_hash", tenant.Hash(key), "spend", "0.001", "previous_spend", "0.00348", "max_budget", "10")
		w.master("GET /key/info", info(key)).is(200, "info.spend", "0.001")
		w.master("/key/update", `{"key":"`+key+`","spend":7}`).is(200, "spend", "7")
		w.master("GET /v2/key/info", "")
		w.master("/v2/key/info", `{"keys":["`+key+`","sk-unknown"]}`).is(200, "info.0.spend", "7", "info.1", "")
	})
}

func TestKeysAreListedByPages(t *testing.T) {
	eachStore(t, func(w *world) {
		for i := range 5 {
			w.now = w.now.Add(time.Second)
			w.key(`{"key_alias":"k` + string(rune('0'+i)) + `","user_id":"u` + string(rune('0'+i%2)) + `","max_budget":` + string(rune('5'-i)) + `}`)
		}
		w.master("GET /key/list", "size=2&page=2&return_full_object=true").is(200, "keys.0.key_alias", "k2", "keys.1.key_alias", "k1", "keys.2", "", "total_count", "5", "current_page", "2", "total_pages", "3")
		w.master("GET /key/list", "user_id=u1&return_full_object=true").is(200, "total_count", "2", "keys.0.key_alias", "k3")
		w.master("GET /key/list", "sort_by=max_budget&sort_order=asc&return_full_object=true&size=1").is(200, "total_count", "5", "keys.0.key_alias", "k4")
		w.master("GET /key/list", "key_alias=k2").is(200, "total_count", "1")
		w.master("GET /key/list", "key_alias=K&substring_matching=true").is(200, "total_count", "5")
		w.master("GET /key/list", "status=expired").is(200, "total_count", "0")
		w.master("GET /key/list", "size=1000").fails(422, "bad_request_error", "size")
		w.master("GET /key/list", "status=odd").fails(400, "bad_request_error", "status")
	})
}

func TestBulkUpdatesChangeEachKeyByItself(t *testing.T) {
	eachStore(t, func(w *world) {
		key := w.key(`{}`)
		w.master("/key/bulk_update", `{"keys":[{"key":"`+key+`","max_budget":4},{"key":"sk-unknown-unknown","max_budget":4},{"key":"`+key+`","models":1}]}`).is(200,
			"total_requested", "3", "successful_updates.0.key_info.max_budget", "4", "failed_updates.0.failed_reason", "Key not found in database.", "failed_updates.1.failed_reason", "models must be a list of texts.")
	})
}

func TestKeysOfTeamsWithoutAUser(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		w.master("/key/service-account/generate", `{"key_alias":"robot"}`).fails(400, "bad_request_error", "team_id")
		key := w.master("/key/service-account/generate", `{"key_alias":"robot","team_id":"rocks","user_id":"u"}`).is(200, "team_id", "rocks", "user_id", "null", "metadata.service_account_id", "robot").at("key")
		w.master("/key/update", `{"key":"`+key+`","metadata":{"a":1}}`).is(200, "metadata", `{"a":1,"service_account_id":"robot"}`)
		w.ask(key, "GET /key/info", "").is(200, "info.team_id", "rocks", "key", tenant.Hash(key))
	})
}
