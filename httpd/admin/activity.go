package admin

import (
	"math"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// globalActivity serves /global/activity: how many requests and tokens each day had; for an internal user, his own.
func (x *exchange) globalActivity() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	found, err := x.sums(store.KindKey, false, store.ByDay)
	if err != nil {
		return nil, err
	}
	var requests, tokens int64
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("daily_data")
		w.Array()
		for i := range found {
			s := &found[i]
			w.Object()
			dayOf(w, s)
			w.EndObject()
			requests, tokens = requests+s.Requests, tokens+s.Input+s.Output
		}
		w.EndArray()
		w.Key("sum_api_requests")
		w.Int(requests)
		w.Key("sum_total_tokens")
		w.Int(tokens)
		w.EndObject()
	}), nil
}

// dayOf writes what a day had, as members.
func dayOf(w *jsonx.Writer, s *store.DailySum) {
	day, _ := time.Parse(time.DateOnly, s.Day)
	w.Key("date")
	w.String(day.Format("Jan 02"))
	w.Key("api_requests")
	w.Int(s.Requests)
	w.Key("total_tokens")
	w.Int(s.Input + s.Output)
}

// plus adds sums.
func plus(a *store.Sums, b *store.Sums) {
	a.Requests += b.Requests
	a.Failures += b.Failures
	a.Input += b.Input
	a.Output += b.Output
	a.CacheRead += b.CacheRead
	a.CacheWrite += b.CacheWrite
	a.Cost += b.Cost
}

// breakdown are the sums of a day by what an answer tells them apart.
type breakdown struct {
	all   store.Sums
	parts map[string]map[string]*part // by the member's name, and by what it tells apart
}

// part is a sum with the sums of its keys.
type part struct {
	store.Sums

	keys map[string]*store.Sums
}

func (b *breakdown) add(member, name string, s *store.DailySum) {
	if name == "" {
		return
	}
	of := b.parts[member]
	if of == nil {
		of = map[string]*part{}
		b.parts[member] = of
	}
	p := of[name]
	if p == nil {
		p = &part{keys: map[string]*store.Sums{}}
		of[name] = p
	}
	plus(&p.Sums, &s.Sums)
	k := p.keys[s.Key]
	if k == nil {
		k = &store.Sums{}
		p.keys[s.Key] = k
	}
	plus(k, &s.Sums)
}

// members are the names of what an answer tells a day's sums apart by.
func breakdowns() []string {
	return []string{"mcp_servers", "models", "model_groups", "providers", "endpoints", "api_keys", "entities"}
}

// activity serves the paths that end in /daily/activity: what each day has cost by models, providers and keys. ids
// is the name of the query's list of entities. All days are in one answer if whole is set, and else a page of them.
func (x *exchange) activity(kind store.Kind, ids string, whole bool) ([]byte, error) {
	p, err := pages(x.r.URL.Query(), "page_size", 50, 1000)
	if err != nil {
		return nil, err
	}
	if whole {
		p = page{number: 1, size: math.MaxInt32}
	}
	f, own, err := x.activityFilter(kind, ids)
	if err != nil {
		return nil, err
	}
	if kind == store.KindUser && f.IDs == nil {
		f.Kind = store.KindKey // calls without a user count too
	}
	found, err := x.daily(f, own)
	if err != nil {
		return nil, err
	}
	days, keys, all := map[string]*breakdown{}, map[string]bool{}, store.Sums{}
	for i := range found {
		s := &found[i]
		b := days[s.Day]
		if b == nil {
			b = &breakdown{parts: map[string]map[string]*part{}}
			days[s.Day] = b
		}
		plus(&b.all, &s.Sums)
		plus(&all, &s.Sums)
		keys[s.Key] = true
		b.add("models", s.Model, s)
		b.add("model_groups", s.Group, s)
		b.add("providers", s.Provider, s)
		b.add("api_keys", s.Key, s)
		if f.Kind == kind {
			b.add("entities", s.ID, s)
		}
	}
	known, err := x.known(store.KindKey, sorted(keys))
	if err != nil {
		return nil, err
	}
	dates := sorted(days)
	slices.Reverse(dates) // newest first
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("results")
		w.Array()
		for _, date := range of(p, dates) {
			w.Object()
			w.Key("date")
			w.String(date)
			w.Key("metrics")
			metrics(w, &days[date].all, "")
			w.Key("breakdown")
			days[date].write(w, known)
			w.EndObject()
		}
		w.EndArray()
		w.Key("metadata")
		w.Object()
		figures(w, &all, "total_")
		w.Key("page")
		w.Int(int64(p.number))
		w.Key("total_pages")
		w.Int(int64(max(p.count(len(dates)), 1)))
		w.Key("has_more")
		w.Bool(p.number < p.count(len(dates)))
		w.EndObject()
		w.EndObject()
	}), nil
}

// activityFilter is what a request for activity selects, of what its caller may see; own is as that of activityScope.
func (x *exchange) activityFilter(kind store.Kind, ids string) (f store.DailyFilter, own map[string]bool, err error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return f, nil, refused("start_date", "Please provide start_date and end_date.")
	}
	if f, err = x.period(q); err != nil {
		return f, nil, err
	}
	f.Kind, f.Model = kind, q.Get("model")
	if key := q.Get("api_key"); key != "" {
		f.Key = keyID(key)
	}
	if list := q.Get(ids); list != "" {
		f.IDs = strings.Split(list, ",")
	}
	own, err = x.activityScope(&f, kind)
	return f, own, err
}

// daily reads sums of days, narrowed to the pairs of own unless it is nil.
func (x *exchange) daily(f store.DailyFilter, own map[string]bool) ([]store.DailySum, error) {
	found, err := x.store.Daily(x.r.Context(), f)
	if err == nil && own != nil {
		found = slices.DeleteFunc(found, func(s store.DailySum) bool { return !own[s.ID+"/"+s.Key] })
	}
	return found, err
}

// activityScope narrows a filter to what the caller may see. own, unless it is nil, has the team/key pairs to which
// the result must be narrowed further.
func (x *exchange) activityScope(f *store.DailyFilter, kind store.Kind) (own map[string]bool, err error) {
	if x.caller.sees() {
		return nil, nil //nolint:nilnil // nil is no narrowing
	}
	switch kind {
	case store.KindUser:
		if x.caller.UserID == "" || len(f.IDs) > 1 || len(f.IDs) == 1 && f.IDs[0] != x.caller.UserID {
			return nil, forbidden("user_id", "Non-admin users can only view their own spend data.")
		}
		f.IDs = []string{x.caller.UserID}
		return nil, nil //nolint:nilnil // nil is no narrowing
	case store.KindOrganization:
		if f.IDs == nil {
			f.IDs = append([]string{}, x.caller.Administers...)
		}
		for _, id := range f.IDs {
			if !x.caller.leads(id) {
				return nil, forbidden("organization_ids", "You are not an admin of organization %s.", clip(id))
			}
		}
		return nil, nil //nolint:nilnil // nil is no narrowing
	default: // teams: the others are for those who see all
	}
	if f.IDs == nil {
		f.IDs = sorted(x.caller.Teams)
	}
	own = map[string]bool{}
	narrow := false
	for _, id := range f.IDs {
		t, err := x.team(id)
		if err != nil {
			return nil, err
		}
		all := x.manages(t) || permits(t, "/team/daily/activity")
		narrow = narrow || !all
		filter := store.Filter{Kind: store.KindKey, TeamID: id}
		if !all {
			filter.UserID = x.caller.UserID
		}
		keys, _, err := x.entities(filter)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			own[id+"/"+k.ID] = true
		}
	}
	if !narrow {
		return nil, nil //nolint:nilnil // nil is no narrowing; deleted keys count too
	}
	return own, nil
}

// write writes a day's parts.
func (b *breakdown) write(w *jsonx.Writer, keys map[string]*thing) {
	w.Object()
	for _, member := range breakdowns() {
		w.Key(member)
		w.Object()
		for _, name := range sorted(b.parts[member]) {
			p := b.parts[member][name]
			w.AnyKey(name)
			w.Object()
			w.Key("metrics")
			metrics(w, &p.Sums, "")
			w.Key("metadata")
			if member == "api_keys" {
				keyMetadata(w, keys[name])
				w.EndObject()
				continue
			}
			w.Object()
			w.EndObject()
			w.Key("api_key_breakdown")
			w.Object()
			for _, key := range sorted(p.keys) {
				w.AnyKey(key)
				w.Object()
				w.Key("metrics")
				metrics(w, p.keys[key], "")
				w.Key("metadata")
				keyMetadata(w, keys[key])
				w.EndObject()
			}
			w.EndObject()
			w.EndObject()
		}
		w.EndObject()
	}
	w.EndObject()
}

// keyMetadata writes what answers tell of a key; nil is one that was deleted.
func keyMetadata(w *jsonx.Writer, t *thing) {
	w.Object()
	for _, name := range [...]string{"key_alias", "team_id", "user_id"} {
		w.Key(name)
		if t != nil {
			w.Raw(orNull(t.doc.get(name)))
		} else {
			w.Null()
		}
	}
	w.Key("key_exists")
	w.Bool(t != nil)
	w.EndObject()
}

// metrics writes sums as an object.
func metrics(w *jsonx.Writer, s *store.Sums, prefix string) {
	w.Object()
	figures(w, s, prefix)
	w.EndObject()
}

// figures writes sums as members, whose names have a prefix.
func figures(w *jsonx.Writer, s *store.Sums, prefix string) {
	w.Key(prefix + "spend")
	w.Raw(dollars(s.Cost))
	for _, v := range []struct {
		name string
		n    int64
	}{
		{"prompt_tokens", s.Input},
		{"completion_tokens", s.Output},
		{"cache_read_input_tokens", s.CacheRead},
		{"cache_creation_input_tokens", s.CacheWrite},
		{"tokens", s.Input + s.Output},
		{"successful_requests", s.Requests - s.Failures},
		{"failed_requests", s.Failures},
		{"api_requests", s.Requests},
	} {
		name := prefix + v.name
		if v.name == "tokens" {
			name = "total_tokens"
		}
		w.Key(name)
		w.Int(v.n)
	}
}
