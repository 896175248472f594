package admin

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// exportRow is a row of a file of usage: a day of an entity, and of one of its keys, models or users.
type exportRow struct {
	day, id, of string
	store.Sums
}

// exportUsage serves /daily/activity/export: a file of what days have cost, as CSV or JSON.
func (x *exchange) exportUsage(kind store.Kind, ids string) ([]byte, error) {
	q := x.r.URL.Query()
	by, format := cmp.Or(q.Get("export_type"), "daily"), cmp.Or(q.Get("format"), "csv")
	columns := map[string][]store.Column{"daily": nil, "daily_with_keys": {store.ByKey}, "daily_with_models": {store.ByModel}, "daily_with_users": {store.ByKey}}
	more, there := columns[by]
	switch {
	case !there:
		return nil, invalid("export_type", "export_type must be one of daily, daily_with_keys, daily_with_models and daily_with_users, not %s.", clip(by))
	case format != "csv" && format != "json":
		return nil, invalid("format", "format must be csv or json, not %s.", clip(format))
	}
	f, own, err := x.activityFilter(kind, ids)
	if err != nil {
		return nil, err
	}
	f.By = append([]store.Column{store.ByDay, store.ByID}, more...)
	if own != nil && more == nil || own != nil && by == "daily_with_models" {
		f.By = append(f.By, store.ByKey) // by which they are narrowed
	}
	found, err := x.daily(f, own)
	if err != nil {
		return nil, err
	}
	hashes, entities := map[string]bool{}, map[string]bool{}
	for i := range found {
		hashes[found[i].Key], entities[found[i].ID] = true, true
	}
	keys, err := x.describe(sorted(hashes))
	if err != nil {
		return nil, err
	}
	aliases := map[string]*thing{}
	if kind == store.KindTeam || kind == store.KindOrganization {
		if aliases, err = x.known(kind, sorted(entities)); err != nil {
			return nil, err
		}
	}
	var rows []jsonx.Raw
	for _, r := range exportRows(found, by, keys) {
		rows = append(rows, r.document(by, keys, aliases).bytes())
	}
	x.file = string(kind) + "-usage-" + f.Start.Format(time.DateOnly) + "-" + f.End.Format(time.DateOnly) + "-" + by + "." + format
	if format == "json" {
		x.media = "application/json"
		return jsonx.Array(rows), nil
	}
	x.media = "text/csv; charset=utf-8"
	return csvOf(exportNames(), rows)
}

// exportRows adds up sums by day, entity, and what a row is of besides.
func exportRows(found []store.DailySum, by string, keys *described) []*exportRow {
	type place struct{ day, id, of string }
	rows := map[place]*exportRow{}
	var all []*exportRow
	for i := range found {
		s := &found[i]
		at := place{day: s.Day, id: s.ID}
		switch by {
		case "daily_with_keys":
			at.of = s.Key
		case "daily_with_models":
			at.of = s.Model
		case "daily_with_users":
			if t := keys.gone[s.Key]; t != nil {
				at.of = t.UserID
			}
		}
		r := rows[at]
		if r == nil {
			r = &exportRow{day: at.day, id: at.id, of: at.of}
			rows[at] = r
			all = append(all, r)
		}
		plus(&r.Sums, &s.Sums)
	}
	slices.SortFunc(all, func(a, b *exportRow) int {
		return cmp.Or(strings.Compare(a.day, b.day), strings.Compare(a.id, b.id), strings.Compare(a.of, b.of))
	})
	return all
}

// exportNames are the columns of a file.
func exportNames() []string {
	return []string{
		"date", "entity_id", "entity_alias", "api_key", "key_alias", "user_id", "user_email", "model", "spend", "flat_cost", "prompt_tokens", "completion_tokens",
		"api_requests", "successful_requests", "failed_requests", "cache_read_input_tokens", "cache_creation_input_tokens",
	}
}

// document is a row with the columns of a file.
func (r *exportRow) document(by string, keys *described, aliases map[string]*thing) *document {
	d := &document{}
	for _, name := range exportNames() {
		d.set(name, nil)
	}
	d.put("date", r.day)
	d.put("entity_id", r.id)
	if t := aliases[r.id]; t != nil && t.Alias != "" {
		d.put("entity_alias", t.Alias)
	}
	user := ""
	switch by {
	case "daily_with_keys":
		d.put("api_key", r.of)
		if t := keys.gone[r.of]; t != nil {
			d.set("key_alias", t.doc.get("key_alias"))
			user = t.UserID
		}
	case "daily_with_models":
		d.put("model", r.of)
	case "daily_with_users":
		user = r.of
	}
	if user != "" {
		d.put("user_id", user)
		if t := keys.users[user]; t != nil {
			d.set("user_email", t.doc.get("user_email"))
		}
	}
	d.set("spend", dollars(r.Cost))
	d.set("flat_cost", wholeOf(0))
	d.set("prompt_tokens", wholeOf(r.Input))
	d.set("completion_tokens", wholeOf(r.Output))
	d.set("api_requests", wholeOf(r.Requests))
	d.set("successful_requests", wholeOf(r.Requests-r.Failures))
	d.set("failed_requests", wholeOf(r.Failures))
	d.set("cache_read_input_tokens", wholeOf(r.CacheRead))
	d.set("cache_creation_input_tokens", wholeOf(r.CacheWrite))
	return d
}

// csvOf is a table of objects as CSV. Texts that spreadsheets would take for formulas begin with an apostrophe, as in LiteLLM.
func csvOf(names []string, rows []jsonx.Raw) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	errs := []error{w.Write(names)}
	for _, row := range rows {
		d := parse(row)
		cells := make([]string, len(names))
		for i, name := range names {
			switch v := d.get(name); {
			case v == nil:
			case v.Kind() == '"':
				if cells[i] = jsonx.Word(v); cells[i] != "" && strings.ContainsRune("=+-@\t\r", rune(cells[i][0])) {
					cells[i] = "'" + cells[i]
				}
			default:
				cells[i] = string(v)
			}
		}
		errs = append(errs, w.Write(cells))
	}
	w.Flush()
	return b.Bytes(), errors.Join(append(errs, w.Error())...)
}
