package admin

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// analyticsDays is how long a time /tag/user-agent/per-user-analytics is about, as in LiteLLM.
const analyticsDays = 30

// userUse is how much a user has used with tags.
type userUse struct {
	user, tag string
	store.Sums
}

// userAnalytics serves /tag/user-agent/per-user-analytics: what calls with tags of the last days have cost by the users of the keys,
// those with the most successful calls first. Calls with several tags count for each, as in LiteLLM.
func (x *exchange) userAnalytics() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "page_size", 50, 1000)
	if err != nil {
		return nil, err
	}
	end := time.Date(x.now.Year(), x.now.Month(), x.now.Day()+1, 0, 0, 0, 0, time.UTC)
	found, err := x.store.Daily(x.r.Context(), store.DailyFilter{
		Kind: store.KindTag, Start: end.AddDate(0, 0, -analyticsDays), End: end, By: []store.Column{store.ByID, store.ByKey},
	})
	if err != nil {
		return nil, err
	}
	exact, part := q["tag_filters"], q.Get("tag_filter")
	found = slices.DeleteFunc(found, func(s store.DailySum) bool {
		return len(exact) > 0 && !slices.Contains(exact, s.ID) || len(exact) == 0 && !strings.Contains(s.ID, part)
	})
	keys := map[string]bool{}
	for i := range found {
		keys[found[i].Key] = true
	}
	known, err := x.known(store.KindKey, sorted(keys))
	if err != nil {
		return nil, err
	}
	byUser := map[string]*userUse{}
	for i := range found {
		s := &found[i]
		k := known[s.Key]
		if k == nil || k.UserID == "" {
			continue
		}
		u := byUser[k.UserID]
		if u == nil {
			u = &userUse{user: k.UserID, tag: s.ID}
			byUser[k.UserID] = u
		}
		plus(&u.Sums, &s.Sums)
	}
	users, err := x.known(store.KindUser, sorted(byUser))
	if err != nil {
		return nil, err
	}
	all := make([]*userUse, 0, len(byUser))
	for _, id := range sorted(byUser) {
		all = append(all, byUser[id])
	}
	slices.SortStableFunc(all, func(a, b *userUse) int { return cmp.Compare(b.Requests-b.Failures, a.Requests-a.Failures) })
	rows := []jsonx.Raw{}
	for _, u := range of(p, all) {
		d := &document{}
		d.put("user_id", u.user)
		d.set("user_email", nil)
		if t := users[u.user]; t != nil {
			d.set("user_email", t.doc.get("user_email"))
		}
		d.put("user_agent", u.tag)
		d.set("successful_requests", wholeOf(u.Requests-u.Failures))
		d.set("failed_requests", wholeOf(u.Failures))
		d.set("total_requests", wholeOf(u.Requests))
		d.set("total_tokens", wholeOf(u.Input+u.Output))
		d.set("spend", dollars(u.Cost))
		rows = append(rows, d.bytes())
	}
	d := &document{}
	d.set("results", jsonx.Array(rows))
	d.set("total_count", wholeOf(int64(len(all))))
	d.set("page", wholeOf(int64(p.number)))
	d.set("page_size", wholeOf(int64(p.size)))
	d.set("total_pages", wholeOf(int64(p.count(len(all)))))
	return d.bytes(), nil
}
