package admin

import (
	"cmp"
	"maps"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// cacheGroup is what the calls of one type had of the response cache.
type cacheGroup struct {
	callType                 string
	calls, hits, failures    int64
	cachedTokens, madeTokens int64
	codes                    map[string]int64 // of failures
}

func (g *cacheGroup) add(r *store.Row) {
	switch {
	case r.Cached:
		g.hits++
		g.cachedTokens += r.Output
		return
	case r.Code != "" || r.Status >= 400:
		g.failures++
		g.codes[cmp.Or(r.Code, "Unknown")]++
	default:
		g.calls++
	}
	g.madeTokens += r.Output
}

// cacheHits serves /global/activity/cache_hits: how many calls the response cache has answered, by types of calls
// (LiteLLM 1.110.2, litellm/proxy/analytics_endpoints/cache_activity.py). It looks at mostRows calls at most.
func (x *exchange) cacheHits() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	rows, err := x.rowsOf(q)
	if err != nil {
		return nil, err
	}
	groups, aliases, models := map[string]*cacheGroup{}, map[string]bool{}, map[string]bool{}
	for i := range rows {
		r := &rows[i]
		alias := cmp.Or(r.KeyAlias, "Unnamed Key")
		aliases[alias], models[r.Model] = true, true
		if !chosen(q["key_aliases"], alias) || !chosen(q["models"], r.Model) {
			continue
		}
		name := cmp.Or(r.CallType, "Unknown")
		if groups[name] == nil {
			groups[name] = &cacheGroup{callType: name, codes: map[string]int64{}}
		}
		groups[name].add(r)
	}
	list := slices.SortedFunc(maps.Values(groups), func(a, b *cacheGroup) int {
		return cmp.Or(cmp.Compare(b.calls+b.hits+b.failures, a.calls+a.hits+a.failures), cmp.Compare(a.callType, b.callType))
	})
	return encode(func(w *jsonx.Writer) {
		cacheActivity(w, list, slices.Sorted(maps.Keys(aliases)), slices.Sorted(maps.Keys(models)))
	}), nil
}

// chosen reports whether a list is empty, or has a word.
func chosen(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }

func cacheActivity(w *jsonx.Writer, groups []*cacheGroup, aliases, models []string) {
	count := func(name string, n int64) {
		w.Key(name)
		w.Int(n)
	}
	var all cacheGroup
	w.Object()
	w.Key("groups")
	w.Array()
	for _, g := range groups {
		w.Object()
		w.Key("call_type")
		w.String(g.callType)
		count("api_requests", g.calls)
		count("cache_hits", g.hits)
		count("failed_requests", g.failures)
		count("cached_completion_tokens", g.cachedTokens)
		count("generated_completion_tokens", g.madeTokens)
		w.EndObject()
		all.calls, all.hits, all.failures, all.cachedTokens = all.calls+g.calls, all.hits+g.hits, all.failures+g.failures, all.cachedTokens+g.cachedTokens
	}
	w.EndArray()
	w.Key("totals")
	w.Object()
	count("api_requests", all.calls)
	count("cache_hits", all.hits)
	count("failed_requests", all.failures)
	count("cached_completion_tokens", all.cachedTokens)
	w.Key("cache_hit_ratio") // in per cent
	w.Float(100 * float64(all.hits) / float64(max(1, all.calls+all.hits+all.failures)))
	w.EndObject()
	w.Key("filter_options")
	w.Object()
	w.Key("key_aliases")
	w.Raw(quoteAll(aliases))
	w.Key("models")
	w.Raw(quoteAll(models))
	w.EndObject()
	w.Key("error_breakdown")
	w.Array()
	for _, g := range groups {
		for _, code := range slices.Sorted(maps.Keys(g.codes)) {
			w.Object()
			w.Key("call_type")
			w.String(g.callType)
			w.Key("error_code")
			w.String(code)
			w.Key("error_class")
			w.String("Unknown")
			count("count", g.codes[code])
			w.EndObject()
		}
	}
	w.EndArray()
	w.EndObject()
}
