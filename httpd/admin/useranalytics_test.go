package admin_test

import (
	"testing"

	"outcrop/store"
	"outcrop/tenant"
)

func TestWhatUsersHaveUsedByTheirTools(t *testing.T) {
	eachStore(t, func(w *world) {
		w.user("mia", "internal_user")
		w.user("udo", "internal_user")
		w.master("/user/update", `{"user_id":"mia","user_email":"mia@example.com"}`).is(200)
		mias, udos, nobodys := w.key(`{"user_id":"mia"}`), w.key(`{"user_id":"udo"}`), w.key(`{}`)
		for i, r := range []store.Row{
			{Key: mias, Cost: 2e12, Input: 3, Output: 4, Tags: []string{"User-Agent:a"}},
			{Key: mias, Cost: 1e12, Status: 500, Tags: []string{"User-Agent:a"}},
			{Key: udos, Cost: 1e12, Tags: []string{"User-Agent:b"}},
			{Key: udos, Cost: 1e12, Tags: []string{"User-Agent:b"}},
			{Key: nobodys, Cost: 9e12, Tags: []string{"User-Agent:a"}},
			{Key: mias, Cost: 5e12, Tags: []string{"User-Agent:a"}, Start: w.now.AddDate(0, 0, -40)},
			{Key: mias, Cost: 7e12},
		} {
			r.RequestID, r.Key = string(rune('a'+i)), tenant.Hash(r.Key)
			if r.Start.IsZero() {
				r.Start = w.now
			}
			w.spend(r)
		}
		const path = "GET /tag/user-agent/per-user-analytics"
		w.master(path, "").is(200, "total_count", "2", "page", "1", "page_size", "50", "total_pages", "1", "results.0.user_id", "udo", "results.0.successful_requests", "2", "results.0.user_email", "null",
			"results.1.user_id", "mia", "results.1.user_email", "mia@example.com", "results.1.user_agent", "User-Agent:a", "results.1.successful_requests", "1", "results.1.failed_requests", "1", "results.1.total_requests", "2",
			"results.1.total_tokens", "7", "results.1.spend", "3")
		w.master(path, "tag_filter=Agent:a").is(200, "total_count", "1", "results.0.user_id", "mia")
		w.master(path, "tag_filters=User-Agent:b&tag_filter=a").is(200, "total_count", "1", "results.0.user_id", "udo")
		w.master(path, "page=2&page_size=1").is(200, "total_pages", "2", "results.0.user_id", "mia", "results.1", "")
		w.master(path, "page_size=0").fails(422, "bad_request_error", "page_size")
	})
}
