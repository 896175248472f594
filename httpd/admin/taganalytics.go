package admin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// mostTags and mostPeriods bound LiteLLM's answers about tags and their users (1.110.2,
// litellm/proxy/management_endpoints/user_agent_analytics_endpoints.py).
const (
	mostTags    = 250
	mostPeriods = 7
)

// tagUse is how much a tag was used, in some time.
type tagUse struct {
	tag    string
	period int
	store.Sums

	days  map[string]bool
	users map[string]bool
}

// tagUses are the uses of the tags that a request asks for, told apart by of, which is false for days that are in no
// period. Users are those of the keys that called.
func (x *exchange) tagUses(f store.DailyFilter, of func(day string) (period int, ok bool)) ([]*tagUse, error) {
	f.Kind, f.By = store.KindTag, []store.Column{store.ByDay, store.ByID, store.ByKey}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	q := x.r.URL.Query()
	exact, part := q["tag_filters"], strings.ToLower(q.Get("tag_filter"))
	keys := map[string]bool{}
	for i := range found {
		keys[found[i].Key] = true
	}
	known, err := x.known(store.KindKey, sorted(keys))
	if err != nil {
		return nil, err
	}
	type key struct {
		tag    string
		period int
	}
	uses := map[key]*tagUse{}
	var all []*tagUse
	for i := range found {
		s := &found[i]
		period, ok := of(s.Day)
		if !ok || len(exact) > 0 && !slices.Contains(exact, s.ID) || len(exact) == 0 && !strings.Contains(strings.ToLower(s.ID), part) {
			continue
		}
		u := uses[key{s.ID, period}]
		if u == nil {
			u = &tagUse{tag: s.ID, period: period, days: map[string]bool{}, users: map[string]bool{}}
			uses[key{s.ID, period}] = u
			all = append(all, u)
		}
		plus(&u.Sums, &s.Sums)
		u.days[s.Day] = true
		if k := known[s.Key]; k != nil && k.UserID != "" {
			u.users[k.UserID] = true
		}
	}
	return all, nil
}

// results writes an answer with a list.
func results(all []*tagUse, write func(w *jsonx.Writer, u *tagUse)) []byte {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("results")
		w.Array()
		for _, u := range all {
			w.Object()
			w.Key("tag")
			w.String(u.tag)
			if write != nil {
				write(w, u)
			}
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
	})
}

// distinctTags serves /tag/distinct: the tags that calls had, those of the most days first. As in LiteLLM, tags with a colon
// are left out, but for those of user agents.
func (x *exchange) distinctTags() ([]byte, error) {
	all, err := x.tagUses(store.DailyFilter{}, func(string) (int, bool) { return 0, true })
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(u *tagUse) bool {
		return strings.Contains(u.tag, ":") && !strings.HasPrefix(u.tag, "User-Agent:")
	})
	slices.SortFunc(all, func(a, b *tagUse) int {
		return cmp.Or(cmp.Compare(len(b.days), len(a.days)), cmp.Compare(a.tag, b.tag))
	})
	return results(all[:min(len(all), mostTags)], nil), nil
}

// tagSummary serves /tag/summary: how much each tag was used in some days.
func (x *exchange) tagSummary() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, invalid("start_date", "Please provide start_date and end_date.")
	}
	f, err := x.period(q)
	if err != nil {
		return nil, err
	}
	all, err := x.tagUses(f, func(string) (int, bool) { return 0, true })
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *tagUse) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.tag, b.tag))
	})
	return results(all, func(w *jsonx.Writer, u *tagUse) {
		for _, n := range [...]struct {
			name  string
			count int64
		}{
			{"unique_users", int64(len(u.users))},
			{"total_requests", u.Requests},
			{"successful_requests", u.Requests - u.Failures},
			{"failed_requests", u.Failures},
			{"total_tokens", u.Input + u.Output},
		} {
			w.Key(n.name)
			w.Int(n.count)
		}
		w.Key("total_spend")
		w.Raw(dollars(u.Cost))
	}), nil
}

// activeUsers serves /tag/dau, /tag/wau and /tag/mau: how many users have called with each tag in each of the last seven days,
// weeks or 30 days, of which the last ends tomorrow, as in LiteLLM.
func (x *exchange) activeUsers(days int) ([]byte, error) {
	end := time.Date(x.now.Year(), x.now.Month(), x.now.Day()+1, 0, 0, 0, 0, time.UTC)
	f := store.DailyFilter{Start: end.AddDate(0, 0, 1-days*mostPeriods), End: end}
	if days == 1 {
		f.Start = end.AddDate(0, 0, -mostPeriods)
	}
	all, err := x.tagUses(f, func(day string) (int, bool) {
		t, err := time.Parse(time.DateOnly, day)
		return int(end.Sub(t)/(24*time.Hour)) / days, err == nil
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(u *tagUse) bool { return len(u.users) == 0 })
	slices.SortFunc(all, func(a, b *tagUse) int {
		order := cmp.Compare(b.period, a.period) // the earliest first
		if days == 1 {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(len(b.users), len(a.users)), cmp.Compare(a.tag, b.tag))
	})
	return results(all, func(w *jsonx.Writer, u *tagUse) {
		w.Key("active_users")
		w.Int(int64(len(u.users)))
		last := end.AddDate(0, 0, -u.period*days)
		first := last.AddDate(0, 0, 1-days)
		name, from, to := last.Format(time.DateOnly), "", ""
		if days > 1 {
			from, to = first.Format(time.DateTime), last.Format(time.DateTime)
			number := strconv.Itoa(mostPeriods - u.period)
			if name = "Week " + number + " (" + first.Format("Jan 02") + ")"; days > 7 {
				name = "Month " + number + " (" + first.Format("Jan") + ")"
			}
		}
		w.Key("date")
		w.String(name)
		for _, edge := range [...][2]string{{"period_start", from}, {"period_end", to}} {
			if w.Key(edge[0]); edge[1] == "" {
				w.Null()
			} else {
				w.String(edge[1])
			}
		}
	}), nil
}
