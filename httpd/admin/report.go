package admin

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// report serves /global/spend/report: what each day has cost each team or customer, by keys and models, or what a
// key, a user or a team has cost by models.
func (x *exchange) report() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	switch group := q.Get("group_by"); {
	case q.Get("api_key") != "" || group == "api_key":
		key := q.Get("api_key")
		if key != "" {
			key = keyID(key)
		}
		return x.reportKeys(key, store.KindKey, "")
	case q.Get("internal_user_id") != "":
		return x.reportKeys("", store.KindUser, q.Get("internal_user_id"))
	case q.Get("team_id") != "" && group == "":
		return x.reportKeys("", store.KindTeam, q.Get("team_id"))
	case group == "" || group == "team":
		return x.reportDays(store.KindTeam, "teams", "team_name")
	case group == "customer":
		return x.reportDays(store.KindCustomer, "customers", "customer")
	default:
		return nil, refused("group_by", "group_by must be team, customer or api_key.")
	}
}

// reportKeys is what keys have cost by models: one key, or those by which an entity has called.
func (x *exchange) reportKeys(key string, kind store.Kind, id string) ([]byte, error) {
	f, err := x.period(x.r.URL.Query())
	if err != nil {
		return nil, err
	}
	f.Kind, f.By = kind, []store.Column{store.ByKey, store.ByModel}
	if key != "" {
		f.Key = key
	}
	if id != "" {
		f.IDs = []string{id}
	}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	keys := map[string][]*store.DailySum{}
	for i := range found {
		keys[found[i].Key] = append(keys[found[i].Key], &found[i])
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, key := range sorted(keys) {
			var all store.Sums
			for _, s := range keys[key] {
				all.Cost, all.Input, all.Output = all.Cost+s.Cost, all.Input+s.Input, all.Output+s.Output
			}
			w.Object()
			w.Key("api_key")
			w.String(key)
			w.Key("total_cost")
			w.Raw(dollars(all.Cost))
			w.Key("total_input_tokens")
			w.Int(all.Input)
			w.Key("total_output_tokens")
			w.Int(all.Output)
			w.Key("model_details")
			w.Array()
			for _, s := range keys[key] {
				w.Object()
				w.Key("model")
				w.String(s.Model)
				w.Key("total_cost")
				w.Raw(dollars(s.Cost))
				w.Key("total_input_tokens")
				w.Int(s.Input)
				w.Key("total_output_tokens")
				w.Int(s.Output)
				w.EndObject()
			}
			w.EndArray()
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// reportDays is what each day has cost each entity of a kind, by keys and models.
func (x *exchange) reportDays(kind store.Kind, list, name string) ([]byte, error) {
	f, err := x.period(x.r.URL.Query())
	if err != nil {
		return nil, err
	}
	q := x.r.URL.Query()
	f.Kind, f.By = kind, []store.Column{store.ByDay, store.ByID, store.ByKey, store.ByModel}
	if id := q.Get("customer_id"); id != "" && kind == store.KindCustomer {
		f.IDs = []string{id}
	}
	if id := q.Get("team_id"); id != "" && kind == store.KindTeam {
		f.IDs = []string{id}
	}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for i := range found {
		ids[found[i].ID] = true
	}
	known, err := x.known(kind, sorted(ids))
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for len(found) > 0 {
			day := found[0].Day
			n := slices.IndexFunc(found, func(s store.DailySum) bool { return s.Day != day })
			if n < 0 {
				n = len(found)
			}
			w.Object()
			w.Key("group_by_day")
			w.String(day)
			w.Key(list)
			reportDay(w, found[:n], name, known)
			w.EndObject()
			found = found[n:]
		}
		w.EndArray()
	}), nil
}

// reportDay writes the entities of a day, whose sums are in the order of their ids.
func reportDay(w *jsonx.Writer, sums []store.DailySum, name string, known map[string]*thing) {
	w.Array()
	for len(sums) > 0 {
		id := sums[0].ID
		n := slices.IndexFunc(sums, func(s store.DailySum) bool { return s.ID != id })
		if n < 0 {
			n = len(sums)
		}
		var all int64
		for i := range sums[:n] {
			all += sums[i].Cost
		}
		w.Object()
		w.Key(name)
		if t := known[id]; t != nil && t.Alias != "" {
			w.String(t.Alias)
		} else {
			w.String(id)
		}
		w.Key("total_spend")
		w.Raw(dollars(all))
		w.Key("metadata")
		w.Array()
		for i := range sums[:n] {
			s := &sums[i]
			w.Object()
			w.Key("model")
			w.String(s.Model)
			w.Key("spend")
			w.Raw(dollars(s.Cost))
			w.Key("api_key")
			w.String(s.Key)
			w.Key("total_tokens")
			w.Int(s.Input + s.Output)
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
		sums = sums[n:]
	}
	w.EndArray()
}
