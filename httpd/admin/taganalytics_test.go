package admin_test

import (
	"testing"
	"time"

	"outcrop/store"
	"outcrop/tenant"
)

// calls posts calls of two keys with tags on several days.
func calls(w *world) (ann, ben string) {
	w.team("rocks", "", "user:ann")
	ann = w.key(`{"user_id":"ann","team_id":"rocks"}`)
	ben = w.user("ben", "internal_user")
	row := func(id, key, user string, before time.Duration, tags ...string) {
		at := w.now.Add(-before)
		w.spend(store.Row{RequestID: id, Key: tenant.Hash(key), User: user, Team: map[string]string{"ann": "rocks"}[user], Model: "granite", Input: 3, Output: 2, Cost: 5e11, Tags: tags, Start: at, End: at})
	}
	const day = 24 * time.Hour
	row("1", ann, "ann", 0, "batch", "User-Agent: x", "a:b")
	row("2", ben, "ben", 0, "batch")
	row("3", ann, "ann", day, "batch")
	row("4", ann, "ann", 8*day, "other")
	return ann, ben
}

func TestHowMuchTagsWereUsed(t *testing.T) {
	eachStore(t, func(w *world) {
		_, ben := calls(w)
		w.master("GET /tag/distinct", "").is(200, "results.0.tag", "batch", "results.1.tag", "User-Agent: x", "results.2.tag", "other", "results.3", "")
		w.master("GET /tag/summary", "start_date=2026-05-01&end_date=2026-05-07&tag_filter=BAT").is(200, "results.0.tag", "batch", "results.0.unique_users", "2", "results.0.total_requests", "3", "results.0.successful_requests", "3",
			"results.0.failed_requests", "0", "results.0.total_tokens", "15", "results.0.total_spend", "1.5", "results.1", "")
		w.master("GET /tag/summary", "start_date=2026-05-01&end_date=2026-05-07&tag_filters=a:b&tag_filters=other").is(200, "results.0.tag", "a:b", "results.1", "")
		w.master("GET /tag/summary", "").fails(422, "bad_request_error", "start_date")
		w.master("GET /tag/dau", "tag_filters=batch").is(200, "results.0.tag", "batch", "results.0.active_users", "2", "results.0.date", "2026-05-07", "results.0.period_start", "null",
			"results.1.active_users", "1", "results.1.date", "2026-05-06", "results.2", "")
		w.master("GET /tag/wau", "tag_filter=t").is(200, "results.0.tag", "other", "results.0.date", "Week 6 (Apr 25)", "results.0.period_start", "2026-04-25 00:00:00", "results.0.period_end", "2026-05-01 00:00:00",
			"results.1.tag", "batch", "results.1.active_users", "2", "results.1.date", "Week 7 (May 02)")
		w.master("GET /tag/mau", "tag_filter=batch").is(200, "results.0.active_users", "2", "results.0.date", "Month 7 (Apr)", "results.1", "")
		w.ask(ben, "GET /tag/distinct", "").fails(401, "auth_error", "")
	})
}

func TestReportsOfOnesOwn(t *testing.T) {
	eachStore(t, func(w *world) {
		ann, ben := calls(w)
		const days = "start_date=2026-05-01&end_date=2026-05-07"
		w.ask(ann, "GET /key/spend/report", days).is(200, "0.api_key", tenant.Hash(ann), "0.total_cost", "1", "0.model_details.0.model", "granite", "0.model_details.0.total_input_tokens", "6", "1", "")
		w.ask(ann, "GET /user/spend/report", days).is(200, "0.api_key", tenant.Hash(ann), "1", "")
		w.ask(ann, "GET /team/spend/report", days).is(200, "0.api_key", tenant.Hash(ann), "1", "")
		w.ask(ben, "GET /user/spend/report", days+"&internal_user_id=ben").is(200, "0.total_cost", "0.5")
		w.ask(ben, "GET /user/spend/report", days+"&internal_user_id=ann").fails(403, "auth_error", "internal_user_id")
		w.ask(ben, "GET /key/spend/report", days+"&api_key="+ann).fails(403, "auth_error", "api_key")
		w.ask(ben, "GET /team/spend/report", days+"&team_id=rocks").fails(403, "auth_error", "team_id")
		w.ask(ben, "GET /team/spend/report", days).fails(400, "bad_request_error", "team_id")
		w.ask(ben, "GET /key/spend/report", "").fails(400, "bad_request_error", "start_date")
		w.ask(ben, "GET /key/spend/report", "start_date=2024-01-01&end_date=2026-05-07").fails(400, "bad_request_error", "end_date")
		w.master("GET /key/spend/report", days+"&api_key="+tenant.Hash(ben)).is(200, "0.total_cost", "0.5")
		w.master("GET /team/spend/report", days+"&team_id=rocks").is(200, "0.total_cost", "1")
	})
}
