package admin

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// keyInfo is a key as answers have it, without its hash.
func (x *exchange) keyInfo(t *thing) (*document, error) {
	if err := x.count(t); err != nil {
		return nil, err
	}
	return x.keyShown(t)
}

// keyShown is keyInfo for a key whose spend is known.
func (x *exchange) keyShown(t *thing) (*document, error) {
	d := x.shown(t)
	d.drop("token")
	d.put("status", x.status(t))
	return d, x.budgetOf(d)
}

// status is LiteLLM's word for whether a key works.
func (x *exchange) status(t *thing) string {
	if t.doc.yes("blocked") {
		return "revoked"
	}
	if ends, ok := instant(t.doc.text("expires")); ok && ends.Before(x.now) {
		return "expired"
	}
	return "active"
}

// seesKey reports whether the caller may see a key: his own, his team's, or any for who sees all.
func (x *exchange) seesKey(t *thing) (bool, error) {
	switch {
	case x.caller.sees() || x.caller.Key == t.ID || x.owns(t):
		return true, nil
	case t.TeamID == "":
		return x.caller.leads(t.OrganizationID), nil
	case x.caller.Teams[t.TeamID] != "":
		return true, nil
	}
	team, err := x.entity(store.KindTeam, t.TeamID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && x.caller.leads(team.OrganizationID), err
}

// getKey serves /key/info.
func (x *exchange) getKey() ([]byte, error) {
	name := x.r.URL.Query().Get("key")
	id := keyID(name)
	if name == "" {
		if name, id = x.caller.Key, x.caller.Key; id == "" {
			return nil, refused("key", "No key passed in. Pass ?key= or authenticate with a virtual key.")
		}
	}
	t, err := x.entity(store.KindKey, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil {
		if x.caller.sees() {
			return nil, absent("key", "Key not found in database.")
		}
		return nil, forbidden("key", "You are not allowed to access this key's info, or the key does not exist.")
	}
	if ok, err := x.seesKey(t); err != nil || !ok {
		return nil, errors.Join(err, forbidden("key", "You are not allowed to access this key's info, or the key does not exist."))
	}
	info, err := x.keyInfo(t)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("key")
		w.String(name)
		w.Key("info")
		info.write(w)
		w.EndObject()
	}), nil
}

// getKeys serves /v2/key/info: those of the keys in the body that the caller may see.
func (x *exchange) getKeys() ([]byte, error) {
	given, err := x.given([]field{{name: "keys", form: texts}, {name: "key_aliases", form: texts}})
	if err != nil {
		return nil, err
	}
	if len(given.texts("keys"))+len(given.texts("key_aliases")) > mostAtOnce {
		return nil, refused("keys", "At most %d keys can be asked for at once.", mostAtOnce)
	}
	var found []*thing
	ids := make([]string, 0, len(given.texts("keys")))
	for _, key := range given.texts("keys") {
		ids = append(ids, keyID(key))
	}
	if len(ids) > 0 {
		if found, _, err = x.entities(store.Filter{Kind: store.KindKey, IDs: ids}); err != nil {
			return nil, err
		}
	}
	for _, alias := range given.texts("key_aliases") {
		more, _, err := x.entities(store.Filter{Kind: store.KindKey, Alias: alias})
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	infos, err := x.keysShown(found, false)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("key")
		w.Raw(orNull(given.get("keys")))
		w.Key("info")
		w.Raw(jsonx.Array(infos))
		w.EndObject()
	}), nil
}

// keysShown are those of keys that the caller may see, with their hashes if hashes is set.
func (x *exchange) keysShown(keys []*thing, hashes bool) ([]jsonx.Raw, error) {
	if err := x.count(keys...); err != nil {
		return nil, err
	}
	infos := []jsonx.Raw{}
	for _, t := range keys {
		ok, err := x.seesKey(t)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		d, err := x.keyShown(t)
		if err != nil {
			return nil, err
		}
		if hashes {
			d.put("token", t.ID)
		}
		infos = append(infos, d.bytes())
	}
	return infos, nil
}

// page is which part of a list is asked for.
type page struct{ number, size int }

// pages reads the page of a query, whose size has a name, a usual and a largest value.
func pages(q url.Values, sizeName string, usual, most int) (page, error) {
	p := page{1, usual}
	for _, v := range []struct {
		name string
		to   *int
		most int
	}{{"page", &p.number, 1_000_000}, {sizeName, &p.size, most}} {
		if text := q.Get(v.name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > v.most {
				return p, invalid(v.name, "%s must be an integer from 1 to %d.", v.name, v.most)
			}
			*v.to = n
		}
	}
	return p, nil
}

// of is the part of a list.
func of[T any](p page, all []T) []T {
	from := min((p.number-1)*p.size, len(all))
	return all[from:min(from+p.size, len(all))]
}

// count is how many pages n entries make.
func (p page) count(n int) int { return (n + p.size - 1) / p.size }

// list is the page as the lists of users and teams have it, under a name, of n entries in all.
func (p page) list(name string, entries []jsonx.Raw, n int) []byte {
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key(name)
		w.Raw(jsonx.Array(entries))
		p.numbers(w, n)
		w.EndObject()
	})
}

// numbers writes the members that lists and the spend log's pages have of n entries in all.
func (p page) numbers(w *jsonx.Writer, n int) {
	w.Key("total")
	w.Int(int64(n))
	w.Key("page")
	w.Int(int64(p.number))
	w.Key("page_size")
	w.Int(int64(p.size))
	w.Key("total_pages")
	w.Int(int64(p.count(n)))
}

// write writes the members that tell about pages.
func (p page) write(w *jsonx.Writer, total int) {
	w.Key("total_count")
	w.Int(int64(total))
	w.Key("current_page")
	w.Int(int64(p.number))
	w.Key("total_pages")
	w.Int(int64(p.count(total)))
}

// yes reads a truth of a query.
func yes(q url.Values, name string) bool {
	v := strings.ToLower(q.Get(name))
	return v == "true" || v == "1" || v == "yes" || v == "on"
}

// listKeys serves /key/list.
func (x *exchange) listKeys() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "size", 10, 100)
	if err != nil {
		return nil, err
	}
	found, total, err := x.keysListed(q, p)
	if err != nil {
		return nil, err
	}
	var keys []jsonx.Raw
	if yes(q, "return_full_object") || slices.Contains(q["expand"], "user") {
		if keys, err = x.keysShown(found, true); err != nil {
			return nil, err
		}
	} else {
		for _, t := range found {
			keys = append(keys, quote(t.ID))
		}
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("keys")
		w.Raw(jsonx.Array(keys))
		p.write(w, total)
		w.EndObject()
	}), nil
}

// keysListed are the keys of a page that a query selects and that the caller may see, and how many there are.
func (x *exchange) keysListed(q url.Values, p page) ([]*thing, int, error) {
	f := store.Filter{
		Kind: store.KindKey, Alias: q.Get("key_alias"), UserID: q.Get("user_id"), TeamID: q.Get("team_id"), OrganizationID: q.Get("organization_id"),
		Search: q.Get("search"), Ascending: q.Get("sort_order") == "asc", Offset: (p.number - 1) * p.size, Limit: p.size,
	}
	if yes(q, "substring_matching") && f.Alias != "" {
		f.Search, f.Alias = f.Alias, ""
	}
	if hash := q.Get("key_hash"); hash != "" {
		f.IDs = []string{keyID(hash)}
	}
	status := q.Get("status")
	switch status {
	case "", "active", "expired", "revoked":
	case "deleted":
		f.Deleted = true
	default:
		return nil, 0, refused("status", "Invalid status value. Supported: 'active', 'expired', 'revoked', 'deleted'.")
	}
	keep, narrowed, err := x.listable(&f, q)
	if err != nil {
		return nil, 0, err
	}
	project := q.Get("project_id")
	narrowed = narrowed || project != ""
	sorted := q.Get("sort_by")
	if sorted != "" && !slices.Contains([]string{"created_at", "updated_at", "spend", "max_budget", "user_id", "team_id", "key_alias", "expires"}, sorted) {
		return nil, 0, refused("sort_by", "sort_by must be one of created_at, updated_at, spend, max_budget, user_id, team_id, key_alias, expires.")
	}
	if !narrowed && (sorted == "" || sorted == "created_at") && (status == "" || status == "deleted") {
		return x.entities(f)
	}
	f.Offset, f.Limit = 0, 0
	all, _, err := x.entities(f)
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(t *thing) bool {
		return !keep(t) || project != "" && t.doc.text("project_id") != project || status != "" && status != "deleted" && x.status(t) != status
	})
	if err := x.sortKeys(all, sorted, f.Ascending); err != nil {
		return nil, 0, err
	}
	return of(p, all), len(all), nil
}

// listable narrows a filter to the keys that the caller may list; keep selects among what the filter finds, if
// narrowed is set.
func (x *exchange) listable(f *store.Filter, q url.Values) (keep func(*thing) bool, narrowed bool, err error) {
	all := func(*thing) bool { return true }
	switch {
	case x.caller.sees():
		return all, false, nil
	case f.UserID != "" && f.UserID != x.caller.UserID:
		return nil, false, forbidden("user_id", "You are not allowed to list the keys of another user.")
	case f.OrganizationID != "" && !x.caller.leads(f.OrganizationID):
		return nil, false, forbidden("organization_id", "You are not allowed to list the keys of this organization.")
	case f.OrganizationID != "":
		return all, false, nil
	case f.TeamID != "":
		team, err := x.team(f.TeamID)
		if err != nil {
			return nil, false, err
		}
		if x.manages(team) || permits(team, "/key/list") {
			return all, false, nil
		}
		return x.owns, true, nil
	case x.caller.UserID == "":
		return func(t *thing) bool { return t.ID == x.caller.Key }, true, nil
	case yes(q, "include_team_keys"):
		return func(t *thing) bool { return x.owns(t) || x.caller.Teams[t.TeamID] == TeamAdmin }, true, nil
	default:
		f.UserID = x.caller.UserID
		return all, false, nil
	}
}

// sortKeys sorts keys by a column.
func (x *exchange) sortKeys(keys []*thing, by string, ascending bool) error {
	if by == "spend" {
		if err := x.count(keys...); err != nil {
			return err
		}
	}
	order := func(a, b *thing) int {
		switch by {
		case "updated_at":
			return a.Updated.Compare(b.Updated)
		case "spend":
			return cmp.Compare(a.spent, b.spent)
		case "max_budget":
			m, _ := a.doc.cost(by)
			n, _ := b.doc.cost(by)
			return cmp.Compare(m, n)
		case "user_id":
			return cmp.Compare(a.UserID, b.UserID)
		case "team_id":
			return cmp.Compare(a.TeamID, b.TeamID)
		case "key_alias":
			return cmp.Compare(a.Alias, b.Alias)
		case "expires":
			return cmp.Compare(a.doc.text(by), b.doc.text(by))
		default:
			return a.Created.Compare(b.Created)
		}
	}
	slices.SortStableFunc(keys, func(a, b *thing) int {
		if ascending {
			return order(a, b)
		}
		return order(b, a)
	})
	return nil
}

// listAliases serves /key/aliases.
func (x *exchange) listAliases() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "size", 50, 100)
	if err != nil {
		return nil, err
	}
	f := store.Filter{Kind: store.KindKey, TeamID: q.Get("team_id")}
	all, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	var aliases []string
	search := strings.ToLower(q.Get("search"))
	for _, t := range all {
		if t.Alias == "" || !strings.Contains(strings.ToLower(t.Alias), search) {
			continue
		}
		if ok, err := x.seesKey(t); err != nil {
			return nil, err
		} else if ok {
			aliases = append(aliases, t.Alias)
		}
	}
	slices.Sort(aliases)
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("aliases")
		w.Raw(quoteAll(of(p, aliases)))
		p.write(w, len(aliases))
		w.Key("size")
		w.Int(int64(p.size))
		w.EndObject()
	}), nil
}

// keyHealth serves /key/health. Keys have no loggers of their own here, and one that has been admitted is healthy.
func (x *exchange) keyHealth() ([]byte, error) {
	return []byte(`{"key":"healthy","logging_callbacks":null}`), nil
}

// clip shortens a client's text for an error.
func clip(text string) string { return llm.Clip(text, 100) }
