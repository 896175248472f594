package admin_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

func TestCallsAreFoundByWhatTheyHave(t *testing.T) {
	eachStore(t, func(w *world) {
		ann, bob := w.user("ann", "internal_user"), w.user("bob", "internal_user")
		for i := range 40 {
			r := store.Row{
				RequestID: fmt.Sprintf("r%02d", i), CallType: "openai_chat", Key: tenant.Hash(ann), KeyAlias: "laptop", User: "ann", Start: w.now.Add(time.Duration(i) * time.Second), Model: "us.nova", Group: "nova", Status: 200, Region: "us-east-1",
			}
			r.End, r.First = r.Start.Add(time.Second), r.Start.Add(200*time.Millisecond)
			switch i {
			case 3:
				r.Status, r.Code, r.Metadata = 403, "iam.identity_missing", []byte(`{"error_information":{"error_message":"No permission for Granite."},"outcrop":{"tries":[{"region":"eu-west-1"}]}}`)
			case 4:
				r.Metadata = []byte(`{"outcrop":{"warnings":[{"code":"dropped","field":"logit_bias"}]}}`)
			case 5:
				r.Key, r.KeyAlias, r.User, r.Group, r.Region, r.Cached = tenant.Hash(bob), "", "bob", "haiku", "eu-central-1", true
			}
			w.spend(r)
		}
		find := func(query string, ids ...string) {
			w.t.Helper()
			want := []string{}
			for i, id := range ids {
				want = append(want, fmt.Sprint("data.", i, ".request_id"), id)
			}
			w.master("GET /spend/logs/search", query).is(200, append(want, fmt.Sprint("data.", len(ids)), "", "next", "null")...)
		}
		find("error_code=iam", "r03")
		find("status=failed&model=NOVA", "r03")
		find("status=403", "r03")
		find("status=5xx")
		find("warning=logit", "r04")
		find("warning=granite")
		find("text=granite", "r03")
		find("text=eu-", "r05", "r03")
		find("key=lap&text=r39", "r39")
		find("model=haiku", "r05")
		find("user_id=bob", "r05")
		find("api_key="+bob, "r05")
		first := w.master("GET /spend/logs/search", "limit=2").is(200, "data.0.request_id", "r39", "data.1.request_id", "r38", "data.2", "")
		w.master("GET /spend/logs/search", "limit=2&from="+url.QueryEscape(first.at("next"))).is(200, "data.0.request_id", "r37", "data.1.request_id", "r36")
		w.master("GET /spend/logs/search", "from=x").fails(400, "bad_request_error", "from")
		w.master("GET /spend/logs/search", "limit=9999").fails(400, "bad_request_error", "limit")
		w.master("GET /spend/logs/search", "status=odd").fails(400, "bad_request_error", "status")
		w.ask(bob, "GET /spend/logs/search", "").is(200, "data.0.request_id", "r05", "data.1", "")
		w.ask(bob, "GET /spend/logs/search", "user_id=ann").fails(403, "auth_error", "user_id")

		days := "start_date=2026-05-07&end_date=2026-05-07"
		w.master("GET /global/activity/calls", days).is(200, "models.0.model_group", "nova", "models.0.duration.count", "38", "models.0.first_token.count", "38", "errors.0.error_code", "iam.identity_missing", "errors.0.count", "1", "cache_hits.0.count", "1")
		w.master("GET /region/daily/activity/aggregated", days).is(200, "results.0.breakdown.entities.us-east-1.metrics.api_requests", "39", "results.0.breakdown.entities.eu-central-1.metrics.api_requests", "1", "results.0.metrics.api_requests", "40")
	})
}

func TestWhatWasAskedIsForThoseWhoMaySeeTheCall(t *testing.T) {
	eachStore(t, func(w *world) {
		ann, bob := w.user("ann", "internal_user"), w.user("bob", "internal_user")
		for _, id := range []string{"kept", "bare", "other"} {
			w.spend(store.Row{RequestID: id, Key: tenant.Hash(ann), User: "ann", Start: w.now, End: w.now, Status: 200})
		}
		w.keep(store.Content{RequestID: "kept", Start: w.now, Request: []byte(`{"model":"nova","messages":[{"role":"user","content":"Hello"}]}`), Response: []byte(`{"id":"x"}`)})
		w.keep(store.Content{RequestID: "other", Start: w.now.Add(time.Hour), Request: []byte(`{"messages":"of a call with the same id"}`)})
		for _, key := range []string{ann, masterKey} {
			w.ask(key, "GET /spend/logs/ui/kept", "").is(200, "messages.0.content", "Hello", "response.id", "x", "proxy_server_request.model", "nova")
			w.ask(key, "GET /spend/logs", "request_id=kept").is(200, "0.messages.0.content", "Hello", "0.response.id", "x")
		}
		w.master("GET /spend/logs/ui/bare", "").is(200, "messages", "{}", "response", "{}", "proxy_server_request", "{}")
		w.master("GET /spend/logs/ui/other", "").is(200, "messages", "{}")
		w.master("GET /spend/logs/v2", "start_date=2026-05-07&end_date=2026-05-07").is(200, "data.0.messages", "")
		w.ask(bob, "GET /spend/logs/ui/kept", "").is(404)
		w.ask(bob, "GET /spend/logs", "request_id=kept").is(200, "0", "")
	})
}
