package admin

import (
	"cmp"
	"slices"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// callActivity serves /global/activity/calls, which LiteLLM does not have: how long the calls of some days took, by models,
// with which codes they have failed, and how many the response cache has answered. It reads daily sums alone.
func (x *exchange) callActivity() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	f, err := x.period(q)
	if err != nil {
		return nil, err
	}
	times, err := x.store.Times(x.r.Context(), f.Start, f.End)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(times, func(a, b store.Times) int { return cmp.Compare(b.Took.Count(), a.Took.Count()) })
	f.Kind, f.By = store.KindCode, []store.Column{store.ByID}
	codes, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(codes, func(a, b store.DailySum) int { return cmp.Compare(b.Requests, a.Requests) })
	f.Kind, f.By = store.KindCached, []store.Column{store.ByDay}
	hits, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("models")
		w.Array()
		for i := range times {
			timesShown(w, &times[i])
		}
		w.EndArray()
		w.Key("errors")
		w.Array()
		for i := range codes {
			w.Object()
			w.Key("error_code")
			w.String(codes[i].ID)
			w.Key("count")
			w.Int(codes[i].Requests)
			w.EndObject()
		}
		w.EndArray()
		w.Key("cache_hits")
		w.Array()
		for i := range hits {
			w.Object()
			w.Key("date")
			w.String(hits[i].Day)
			w.Key("count")
			w.Int(hits[i].Requests)
			w.Key("tokens")
			w.Int(hits[i].Input + hits[i].Output)
			w.EndObject()
		}
		w.EndArray()
		w.EndObject()
	}), nil
}

// timesShown writes how long calls of a model took, in milliseconds.
func timesShown(w *jsonx.Writer, t *store.Times) {
	w.Object()
	w.Key("model")
	w.String(t.Model)
	w.Key("model_group")
	w.String(t.Group)
	for _, of := range [...]struct {
		name string
		h    *store.Histogram
	}{{"duration", &t.Took}, {"first_token", &t.First}} {
		w.Key(of.name)
		w.Object()
		w.Key("count")
		w.Int(of.h.Count())
		for _, p := range [...]struct {
			name    string
			percent float64
		}{{"p50_ms", 50}, {"p95_ms", 95}, {"p99_ms", 99}} {
			w.Key(p.name)
			w.Float(float64(of.h.Percentile(p.percent).Round(time.Microsecond).Microseconds()) / 1000)
		}
		w.EndObject()
	}
	w.EndObject()
}
