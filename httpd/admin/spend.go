package admin

import (
	"errors"
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// recent is how many days the endpoints without dates are about, as in LiteLLM.
const recent = 30

// sums reads the daily sums of a kind in the period of the query, or in the last days if last is set, told apart by
// columns.
func (x *exchange) sums(kind store.Kind, last bool, by ...store.Column) ([]store.DailySum, error) {
	f, err := x.period(x.r.URL.Query())
	if err != nil {
		return nil, err
	}
	if last && f.Start.IsZero() {
		f.Start = x.now.AddDate(0, 0, -recent)
	}
	f.Kind, f.By = kind, append([]store.Column{}, by...)
	if !x.caller.sees() { // only reached by endpoints that internal users may call
		f.Kind, f.IDs = store.KindUser, []string{x.caller.UserID}
	}
	return x.store.Daily(x.r.Context(), f)
}

// spendTags serves /spend/tags and /global/spend/tags.
func (x *exchange) spendTags(global bool) ([]byte, error) {
	if !x.caller.sees() {
		return x.ownTags()
	}
	found, err := x.sums(store.KindTag, false, store.ByID)
	if err != nil {
		return nil, err
	}
	count, cost := map[string]int64{}, map[string]int64{}
	for i := range found {
		count[found[i].ID], cost[found[i].ID] = found[i].Requests, found[i].Cost
	}
	return x.tagsSpent(global, count, cost)
}

// ownTags are the tags of the caller's own calls.
func (x *exchange) ownTags() ([]byte, error) {
	rows, err := x.rowsOf(x.r.URL.Query())
	if err != nil {
		return nil, err
	}
	count, cost := map[string]int64{}, map[string]int64{}
	for i := range rows {
		for _, tag := range rows[i].Tags {
			count[tag]++
			cost[tag] += rows[i].Cost
		}
	}
	return x.tagsSpent(false, count, cost)
}

func (x *exchange) tagsSpent(global bool, count, cost map[string]int64) ([]byte, error) {
	tag, total := "individual_request_tag", "total_spend"
	if global {
		tag, total = "name", "spend"
	}
	return encode(func(w *jsonx.Writer) {
		if global {
			w.Object()
			w.Key("spend_per_tag")
		}
		w.Array()
		for _, name := range dearest(cost, 0) {
			w.Object()
			w.Key(tag)
			w.String(name)
			w.Key("log_count")
			w.Int(count[name])
			w.Key(total)
			w.Raw(dollars(cost[name]))
			w.EndObject()
		}
		w.EndArray()
		if global {
			w.EndObject()
		}
	}), nil
}

// globalSpend serves /global/spend: what the last days have cost. The gateway as a whole has no budget.
func (x *exchange) globalSpend() ([]byte, error) {
	found, err := x.sums(store.KindKey, true)
	if err != nil {
		return nil, err
	}
	var all int64
	for i := range found {
		all += found[i].Cost
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("spend")
		w.Raw(dollars(all))
		w.Key("max_budget")
		w.Int(0)
		w.EndObject()
	}), nil
}

// globalLogs serves /global/spend/logs: what each of the last days has cost.
func (x *exchange) globalLogs() ([]byte, error) {
	f, err := x.period(x.r.URL.Query())
	if err != nil {
		return nil, err
	}
	if f.Start.IsZero() {
		f.Start = x.now.AddDate(0, 0, -recent)
	}
	f.Kind, f.By = store.KindKey, []store.Column{store.ByDay}
	if key := x.r.URL.Query().Get("api_key"); key != "" {
		f.Key = keyID(key)
	}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for i := range found {
			w.Object()
			w.Key("date")
			w.String(found[i].Day)
			w.Key("spend")
			w.Raw(dollars(found[i].Cost))
			if f.Key != "" {
				w.Key("api_key")
				w.String(f.Key)
			}
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// limit reads how many entries are asked for.
func (x *exchange) limit() (int, error) {
	text := x.r.URL.Query().Get("limit")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid("limit", "limit must be an integer from 1.")
	}
	return n, nil
}

// globalKeys serves /global/spend/keys: the keys of which the last days have cost most.
func (x *exchange) globalKeys() ([]byte, error) {
	n, err := x.limit()
	if err != nil {
		return nil, err
	}
	found, err := x.sums(store.KindKey, true, store.ByKey)
	if err != nil {
		return nil, err
	}
	cost := map[string]int64{}
	for i := range found {
		cost[found[i].Key] += found[i].Cost
	}
	ids := dearest(cost, n)
	keys, err := x.known(store.KindKey, ids)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, id := range ids {
			w.Object()
			w.Key("api_key")
			w.String(id)
			for _, name := range [...]string{"key_alias", "key_name"} {
				w.Key(name)
				if t := keys[id]; t != nil {
					w.Raw(orNull(t.doc.get(name)))
				} else {
					w.Null()
				}
			}
			w.Key("total_spend")
			w.Raw(dollars(cost[id]))
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// known are those of entities that exist, by their ids.
func (x *exchange) known(kind store.Kind, ids []string) (map[string]*thing, error) {
	all := make(map[string]*thing, len(ids))
	for part := range slices.Chunk(ids, mostAtOnce) {
		found, _, err := x.entities(store.Filter{Kind: kind, IDs: part})
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			all[t.ID] = t
		}
	}
	return all, nil
}

// globalTeams serves /global/spend/teams: what each of the last days has cost each team.
func (x *exchange) globalTeams() ([]byte, error) {
	found, err := x.sums(store.KindTeam, true, store.ByDay, store.ByID)
	if err != nil {
		return nil, err
	}
	days, cost := map[string]map[string]int64{}, map[string]int64{}
	for i := range found {
		s := &found[i]
		if days[s.Day] == nil {
			days[s.Day] = map[string]int64{}
		}
		days[s.Day][s.ID] += s.Cost
		cost[s.ID] += s.Cost
	}
	teams, err := x.known(store.KindTeam, sorted(cost))
	if err != nil {
		return nil, err
	}
	name := func(id string) string {
		if t := teams[id]; t != nil && t.Alias != "" {
			return t.Alias
		}
		return id
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("daily_spend")
		w.Array()
		for _, day := range sorted(days) {
			w.Object()
			w.Key("date")
			w.String(day)
			byName := map[string]int64{} // teams may have the same alias
			for id, c := range days[day] {
				byName[name(id)] += c
			}
			amounts(w, byName)
			w.EndObject()
		}
		w.EndArray()
		w.Key("teams")
		w.Array()
		for _, id := range sorted(cost) {
			w.String(name(id))
		}
		w.EndArray()
		w.Key("total_spend_per_team")
		w.Array()
		for _, id := range dearest(cost, 10) {
			w.Object()
			w.Key("team_id")
			w.String(name(id))
			w.Key("total_spend")
			w.Raw(dollars(cost[id]))
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
	}), nil
}

// globalBy serves /global/spend/models and /global/spend/provider: what each of them has cost.
func (x *exchange) globalBy(column store.Column) ([]byte, error) {
	n, err := x.limit()
	if err != nil {
		return nil, err
	}
	found, err := x.sums(store.KindKey, true, column)
	if err != nil {
		return nil, err
	}
	cost := map[string]int64{}
	name, amount := "model", "total_spend"
	for i := range found {
		id := found[i].Model
		if column == store.ByProvider {
			id, name, amount = found[i].Provider, "provider", "spend"
		}
		cost[id] += found[i].Cost
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, id := range dearest(cost, n) {
			w.Object()
			w.Key(name)
			w.String(id)
			w.Key(amount)
			w.Raw(dollars(cost[id]))
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// resetAll serves /global/spend/reset: what all keys and teams have spent in their periods becomes nothing. The
// spend log stays.
func (x *exchange) resetAll() ([]byte, error) {
	for _, kind := range []store.Kind{store.KindTeam, store.KindKey} {
		all, _, err := x.entities(store.Filter{Kind: kind})
		if err != nil {
			return nil, err
		}
		for part := range slices.Chunk(all, mostAtOnce) {
			if err := x.count(part...); err != nil {
				return nil, err
			}
			for _, t := range part {
				if t.spent == 0 {
					continue
				}
				if err := x.reset(t, 0); err != nil && !errors.Is(err, store.ErrConflict) {
					return nil, err
				}
			}
		}
	}
	return []byte(`{"message":"Spend for all API Keys and Teams reset successfully","status":"success"}`), nil
}
