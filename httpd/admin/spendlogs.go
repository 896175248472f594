package admin

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// mostRows is how many rows of the spend log an answer has at most.
const mostRows = 50_000

// rowsOf reads the rows that a query selects and that the caller may see: all, or those of his user and of teams of
// which he is an admin.
func (x *exchange) rowsOf(q url.Values) ([]store.Row, error) {
	f, some, err := x.rowFilter(q)
	if err != nil || !some {
		return nil, err
	}
	rows, total, err := x.store.Rows(x.r.Context(), f)
	if total > len(rows) {
		x.truncated = true
	}
	return rows, err
}

// rowFilter is what selects the rows of a query that the caller may see; some is whether there can be any.
func (x *exchange) rowFilter(q url.Values) (f store.RowFilter, some bool, err error) {
	f = store.RowFilter{RequestID: q.Get("request_id"), User: q.Get("user_id"), Team: q.Get("team_id"), Customer: q.Get("end_user"), Limit: mostRows}
	if key := q.Get("api_key"); key != "" {
		f.Key = keyID(key)
	}
	if f.Start, f.End, err = span(q.Get("start_date"), q.Get("end_date")); err != nil {
		return f, false, err
	}
	if !x.caller.sees() {
		if x.caller.UserID == "" {
			return f, false, nil
		}
		if f.User != "" && f.User != x.caller.UserID {
			return f, false, forbidden("user_id", "Not authorized to view the spend of another user.")
		}
		if f.Team == "" || x.caller.Teams[f.Team] != TeamAdmin {
			f.User = x.caller.UserID
		}
	}
	return f, true, nil
}

// rowShown is a row as answers have it, in the columns of LiteLLM's table LiteLLM_SpendLogs: with what was asked and answered
// unless content is nil.
func rowShown(w *jsonx.Writer, r *store.Row, content *store.Content) {
	word := func(name, value string) {
		w.Key(name)
		w.String(value)
	}
	w.Object()
	word("request_id", r.RequestID)
	word("call_type", r.CallType)
	word("api_key", r.Key)
	word("key_alias", r.KeyAlias)
	w.Key("spend")
	w.Raw(dollars(r.Cost))
	w.Key("total_tokens")
	w.Int(r.Input + r.Output)
	w.Key("prompt_tokens")
	w.Int(r.Input)
	w.Key("completion_tokens")
	w.Int(r.Output)
	w.Key("startTime")
	w.Raw(moment(r.Start))
	w.Key("endTime")
	w.Raw(moment(r.End))
	w.Key("completionStartTime")
	w.Raw(moment(r.First))
	w.Key("request_duration_ms")
	w.Int(max(r.End.Sub(r.Start).Milliseconds(), 0))
	word("model", r.Model)
	word("model_id", r.Deployment)
	word("model_group", r.Group)
	word("custom_llm_provider", r.Provider)
	word("user", r.User)
	word("end_user", r.Customer)
	for _, v := range [...][2]string{{"team_id", r.Team}, {"organization_id", r.Organization}, {"session_id", r.Session}, {"requester_ip_address", r.Address}} {
		w.Key(v[0])
		if v[1] == "" {
			w.Null()
		} else {
			w.String(v[1])
		}
	}
	w.Key("metadata")
	if len(r.Metadata) > 0 {
		w.Raw(r.Metadata)
	} else {
		w.Object()
		w.EndObject()
	}
	hit := "False"
	if r.Cached {
		hit = "True"
	}
	word("cache_hit", hit)
	w.Key("cache_read_input_tokens")
	w.Int(r.CacheRead)
	w.Key("cache_creation_input_tokens")
	w.Int(r.CacheWrite)
	w.Key("request_tags")
	w.Raw(quoteAll(r.Tags))
	status := "success"
	if r.Code != "" || r.Status >= 400 {
		status = "failure"
	}
	word("status", status)
	w.Key("status_code")
	w.Int(int64(r.Status))
	w.Key("error_code")
	w.StringOrNull(r.Code)
	w.Key("region")
	w.StringOrNull(r.Region)
	if content != nil {
		contentShown(w, content)
	}
	w.EndObject()
}

// spendLogs serves /spend/logs: the rows, newest first, or with two dates and without summarize=false what was spent
// each day by keys, users and models.
func (x *exchange) spendLogs() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") != "" && q.Get("end_date") != "" && q.Get("request_id") == "" && (q.Get("summarize") == "" || yes(q, "summarize")) {
		return x.spendDays(q)
	}
	rows, err := x.rowsOf(q)
	if err != nil {
		return nil, err
	}
	contents, err := x.contentsOf(rows)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for i := range rows {
			c := contents[rows[i].RequestID]
			rowShown(w, &rows[i], &c)
		}
		w.EndArray()
	}), nil
}

// day is what was spent on a day.
type day struct {
	all                 int64
	keys, users, models map[string]int64
}

// spendDays are the sums of days, in their order.
func (x *exchange) spendDays(q url.Values) ([]byte, error) {
	f, err := x.period(q)
	if err != nil {
		return nil, err
	}
	if key := q.Get("api_key"); key != "" {
		f.Key = keyID(key)
	}
	user := q.Get("user_id")
	if !x.caller.sees() {
		if user != "" && user != x.caller.UserID {
			return nil, forbidden("user_id", "Not authorized to view the spend of another user.")
		}
		if user = x.caller.UserID; user == "" {
			return []byte("[]"), nil
		}
	}
	f.Kind, f.By = store.KindUser, []store.Column{store.ByDay, store.ByID, store.ByKey, store.ByModel}
	if user != "" {
		f.IDs = []string{user}
	}
	byUser, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	all := byUser
	if user == "" { // calls without a user count too
		f.Kind = store.KindKey
		if all, err = x.store.Daily(x.r.Context(), f); err != nil {
			return nil, err
		}
	}
	days := map[string]*day{}
	for i := range all {
		s := &all[i]
		d := days[s.Day]
		if d == nil {
			d = &day{keys: map[string]int64{}, users: map[string]int64{}, models: map[string]int64{}}
			days[s.Day] = d
		}
		d.all += s.Cost
		d.keys[s.Key] += s.Cost
		d.models[s.Model] += s.Cost
	}
	for i := range byUser {
		if d := days[byUser[i].Day]; d != nil {
			d.users[byUser[i].ID] += byUser[i].Cost
		}
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, date := range sorted(days) {
			d := days[date]
			w.Object()
			amounts(w, d.keys)
			w.Key("startTime")
			w.String(date)
			w.Key("spend")
			w.Raw(dollars(d.all))
			w.Key("users")
			w.Object()
			amounts(w, d.users)
			w.EndObject()
			w.Key("models")
			w.Object()
			amounts(w, d.models)
			w.EndObject()
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// period reads the days of a query, both included.
func (x *exchange) period(q url.Values) (store.DailyFilter, error) {
	var f store.DailyFilter
	for _, v := range []struct {
		name string
		to   *time.Time
	}{{"start_date", &f.Start}, {"end_date", &f.End}} {
		text := q.Get(v.name)
		if text == "" {
			continue
		}
		t, ok := instant(text)
		if !ok {
			return f, refused(v.name, "%s must be a date, such as 2026-01-31.", v.name)
		}
		*v.to = t
	}
	if !f.Start.IsZero() && !f.End.IsZero() && f.End.Before(f.Start) {
		return f, refused("end_date", "end_date must not be before start_date.")
	}
	return f, nil
}

// amounts writes members whose values are amounts.
func amounts(w *jsonx.Writer, of map[string]int64) {
	for _, name := range sorted(of) {
		w.AnyKey(name)
		w.Raw(dollars(of[name]))
	}
}

// sorted are the names of a map, in order.
func sorted[V any](of map[string]V) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// dearest are the names of amounts, the largest first, at most n of them; n 0 is all.
func dearest(of map[string]int64, n int) []string {
	names := sorted(of)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(of[b], of[a]) })
	if n > 0 && len(names) > n {
		names = names[:n]
	}
	return names
}

// spendKeys serves /spend/keys: the keys that the caller may see, with what they have spent.
func (x *exchange) spendKeys() ([]byte, error) {
	f := store.Filter{Kind: store.KindKey}
	if !x.caller.sees() {
		if f.UserID = x.caller.UserID; f.UserID == "" {
			return []byte("[]"), nil
		}
	}
	found, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	keys, err := x.keysShown(found, true)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(keys, func(a, b jsonx.Raw) int {
		m, _ := parse(a).cost("spend")
		n, _ := parse(b).cost("spend")
		return cmp.Compare(n, m)
	})
	return jsonx.Array(keys), nil
}

// spendUsers serves /spend/users: the users that the caller may see, with what they have spent.
func (x *exchange) spendUsers() ([]byte, error) {
	f := store.Filter{Kind: store.KindUser}
	user := x.r.URL.Query().Get("user_id")
	if !x.caller.sees() {
		if user != "" && user != x.caller.UserID {
			return nil, forbidden("user_id", "Not authorized to view spend for another user.")
		}
		if user = x.caller.UserID; user == "" {
			return []byte("[]"), nil
		}
	}
	if user != "" {
		f.IDs = []string{user}
	}
	found, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	if err := x.count(found...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b *thing) int { return cmp.Compare(b.spent, a.spent) })
	all := []jsonx.Raw{}
	for _, t := range found {
		d, err := x.userShown(t)
		if err != nil {
			return nil, err
		}
		all = append(all, d.bytes())
	}
	return jsonx.Array(all), nil
}
