package admin

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// keySum is what a key has cost.
type keySum struct {
	key string
	store.Sums
}

// keySums are what keys have cost that a request selects, in the order of less, and by cost if it is nil. more narrows what is
// selected further; it may be nil.
func (x *exchange) keySums(kind store.Kind, ids string, more func(f *store.DailyFilter), less func(a, b *keySum) int) ([]*keySum, error) {
	f, own, err := x.activityFilter(kind, ids)
	if err != nil {
		return nil, err
	}
	if kind == store.KindUser && f.IDs == nil {
		f.Kind = store.KindKey // calls without a user count too
	}
	f.By = []store.Column{store.ByID, store.ByKey}
	if more != nil {
		more(&f)
	}
	found, err := x.daily(f, own)
	if err != nil {
		return nil, err
	}
	byKey := map[string]*keySum{}
	var all []*keySum
	for i := range found {
		s := &found[i]
		k := byKey[s.Key]
		if k == nil {
			k = &keySum{key: s.Key}
			byKey[s.Key] = k
			all = append(all, k)
		}
		plus(&k.Sums, &s.Sums)
	}
	slices.SortFunc(all, func(a, b *keySum) int {
		if less != nil {
			return cmp.Or(less(a, b), strings.Compare(a.key, b.key))
		}
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), strings.Compare(a.key, b.key))
	})
	return all, nil
}

// most reads a number of a query between bounds.
func most(q url.Values, name string, usual, least, largest int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > largest {
		return 0, invalid(name, "%s must be an integer from %d to %d.", name, least, largest)
	}
	return n, nil
}

// described are keys and their users, for what answers tell of keys.
type described struct{ active, gone, users map[string]*thing }

// describe reads what answers tell of keys.
func (x *exchange) describe(keys []string) (*described, error) {
	active, err := x.known(store.KindKey, keys)
	if err != nil {
		return nil, err
	}
	all, err := x.owners(keys)
	if err != nil {
		return nil, err
	}
	d := &described{active: active, gone: all}
	users := map[string]bool{}
	for _, t := range all {
		users[t.UserID] = true
	}
	d.users, err = x.known(store.KindUser, sorted(users))
	return d, err
}

// write writes what is told of a key.
func (d *described) write(w *jsonx.Writer, key string) {
	of := &document{}
	t := d.gone[key]
	for _, name := range [...]string{"key_alias", "team_id", "user_id"} {
		of.set(name, nil)
		if t != nil {
			of.set(name, t.doc.get(name))
		}
	}
	of.set("user_email", d.email(key))
	of.set("key_exists", truthOf(d.active[key] != nil))
	of.write(w)
}

// email is the e-mail address of a key's user, as JSON.
func (d *described) email(key string) jsonx.Raw {
	if t := d.gone[key]; t != nil && d.users[t.UserID] != nil {
		return d.users[t.UserID].doc.get("user_email")
	}
	return nil
}

// keyRows are keys as answers have them.
func (x *exchange) keyRows(all []*keySum) (jsonx.Raw, error) {
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = k.key
	}
	d, err := x.describe(names)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, k := range all {
			w.Object()
			w.Key("api_key")
			w.String(k.key)
			w.Key("metrics")
			metrics(w, &k.Sums, "")
			w.Key("metadata")
			d.write(w, k.key)
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// usageKeys serves /daily/activity/aggregated/keys.
func (x *exchange) usageKeys(kind store.Kind, ids string) ([]byte, error) {
	q := x.r.URL.Query()
	offset, err := most(q, "offset", 0, 0, 1_000_000)
	if err != nil {
		return nil, err
	}
	limit, err := most(q, "limit", 50, 1, 100)
	if err != nil {
		return nil, err
	}
	all, err := x.keySums(kind, ids, nil, nil)
	if err != nil {
		return nil, err
	}
	from := min(offset, len(all))
	rows, err := x.keyRows(all[from:min(from+limit, len(all))])
	if err != nil {
		return nil, err
	}
	d := &document{}
	d.set("api_keys", rows)
	d.set("total_api_keys", wholeOf(int64(len(all))))
	d.set("offset", wholeOf(int64(offset)))
	d.set("limit", wholeOf(int64(limit)))
	return d.bytes(), nil
}

// searchUsage serves /daily/activity/aggregated/search: keys whose hash, alias or user has a text, in any case.
func (x *exchange) searchUsage(kind store.Kind, ids string) ([]byte, error) {
	q := x.r.URL.Query()
	text := strings.ToLower(q.Get("search"))
	if text == "" {
		return nil, invalid("search", "search must be given: a part of a key's hash, alias, user id or e-mail address.")
	}
	limit, err := most(q, "limit", 100, 1, 100)
	if err != nil {
		return nil, err
	}
	all, err := x.keySums(kind, ids, nil, nil)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = k.key
	}
	d, err := x.describe(names)
	if err != nil {
		return nil, err
	}
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	found := slices.DeleteFunc(all, func(k *keySum) bool {
		t := d.gone[k.key]
		return !has(k.key) && (t == nil || !has(t.Alias) && !has(t.UserID) && !has(jsonx.Word(d.email(k.key))))
	})
	return x.keyList(found[:min(limit, len(found))], &document{})
}

// keyList adds keys to an answer.
func (x *exchange) keyList(all []*keySum, d *document) ([]byte, error) {
	rows, err := x.keyRows(all)
	if err != nil {
		return nil, err
	}
	d.set("api_keys", rows)
	return d.bytes(), nil
}

// modelKeys serves /daily/activity/aggregated/model_top_keys.
func (x *exchange) modelKeys(kind store.Kind, ids string) ([]byte, error) {
	q := x.r.URL.Query()
	name := q.Get("model_group")
	if name == "" {
		return nil, invalid("model_group", "model_group must be given: the name of a model.")
	}
	limit, err := most(q, "limit", 5, 1, 100)
	if err != nil {
		return nil, err
	}
	byGroup := q.Get("by_model_group") == "" || yes(q, "by_model_group")
	all, err := x.keySums(kind, ids, func(f *store.DailyFilter) {
		if byGroup {
			f.Group = name
		} else {
			f.Model = name
		}
	}, nil)
	if err != nil {
		return nil, err
	}
	d := &document{}
	d.put("model", name)
	d.set("by_model_group", truthOf(byGroup))
	return x.keyList(all[:min(limit, len(all))], d)
}

// leakyKeys serves /daily/activity/aggregated/cache_leakage_keys.
func (x *exchange) leakyKeys(kind store.Kind, ids string) ([]byte, error) {
	limit, err := most(x.r.URL.Query(), "limit", 20, 1, 100)
	if err != nil {
		return nil, err
	}
	fresh := func(k *keySum) int64 { return k.Input - k.CacheRead }
	all, err := x.keySums(kind, ids, nil, func(a, b *keySum) int { return cmp.Compare(fresh(b), fresh(a)) })
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k *keySum) bool { return fresh(k) <= 0 })
	return x.keyList(all[:min(limit, len(all))], &document{})
}

// usageUsers serves /user/daily/activity/aggregated/users: what keys have cost by their users.
func (x *exchange) usageUsers(kind store.Kind, ids string) ([]byte, error) {
	q := x.r.URL.Query()
	offset, err := most(q, "offset", 0, 0, 1_000_000)
	if err != nil {
		return nil, err
	}
	limit, err := most(q, "limit", 50, 1, 100)
	if err != nil {
		return nil, err
	}
	keys, err := x.keySums(kind, ids, nil, nil)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.key
	}
	of, err := x.describe(names)
	if err != nil {
		return nil, err
	}
	sums := map[string]*store.Sums{}
	for _, k := range keys {
		user := ""
		if t := of.gone[k.key]; t != nil {
			user = t.UserID
		}
		if sums[user] == nil {
			sums[user] = &store.Sums{}
		}
		plus(sums[user], &k.Sums)
	}
	users := sorted(sums)
	slices.SortStableFunc(users, func(a, b string) int { return cmp.Compare(sums[b].Cost, sums[a].Cost) })
	rows := []jsonx.Raw{}
	from := min(offset, len(users))
	for _, id := range users[from:min(from+limit, len(users))] {
		s, r := sums[id], &document{}
		r.set("user_id", nil)
		if id != "" {
			r.put("user_id", id)
		}
		for _, name := range [...]string{"user_email", "user_alias"} {
			r.set(name, nil)
			if t := of.users[id]; t != nil {
				r.set(name, t.doc.get(name))
			}
		}
		r.set("spend", dollars(s.Cost))
		r.set("prompt_tokens", wholeOf(s.Input))
		r.set("completion_tokens", wholeOf(s.Output))
		r.set("total_tokens", wholeOf(s.Input+s.Output))
		r.set("api_requests", wholeOf(s.Requests))
		r.set("successful_requests", wholeOf(s.Requests-s.Failures))
		r.set("failed_requests", wholeOf(s.Failures))
		rows = append(rows, r.bytes())
	}
	d := &document{}
	d.set("users", jsonx.Array(rows))
	d.set("total_users", wholeOf(int64(len(users))))
	d.set("offset", wholeOf(int64(offset)))
	d.set("limit", wholeOf(int64(limit)))
	return d.bytes(), nil
}
