package admin

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// availableUsers serves /user/available_users. There is no licence that would bound how many there can be.
func (x *exchange) availableUsers() ([]byte, error) {
	d := &document{}
	for _, kind := range [...]struct {
		name string
		of   store.Kind
	}{{"users", store.KindUser}, {"teams", store.KindTeam}} {
		_, n, err := x.entities(store.Filter{Kind: kind.of, Limit: 1})
		if err != nil {
			return nil, err
		}
		d.set("total_"+kind.name, nil)
		d.set("total_"+kind.name+"_used", wholeOf(int64(n)))
		d.set("total_"+kind.name+"_remaining", nil)
	}
	return d.bytes(), nil
}

// reported reads the days that a report of spend is about.
func (x *exchange) reported() (store.DailyFilter, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return store.DailyFilter{}, refused("start_date", "Please provide start_date and end_date.")
	}
	f, err := x.period(q)
	switch {
	case err != nil:
		return f, err
	case f.End.Before(f.Start):
		return f, refused("end_date", "start_date must be on or before end_date.")
	case f.End.Sub(f.Start) > longestReport:
		return f, refused("end_date", "Date range too large; maximum is 366 days.")
	}
	return f, nil
}

// organizationReport serves /organization/spend/report: what an organisation has cost by keys, the dearest first, and each key by
// models and teams.
func (x *exchange) organizationReport() ([]byte, error) {
	f, err := x.reported()
	if err != nil {
		return nil, err
	}
	id := x.r.URL.Query().Get("organization_id")
	if id == "" {
		if id, err = x.ownOrganization(); err != nil {
			return nil, err
		}
	}
	if !x.caller.sees() && !x.caller.leads(id) {
		return nil, forbidden("organization_id", "There is no organization %s, or this key may not see what it has spent.", clip(id))
	}
	f.Kind, f.IDs, f.By = store.KindOrganization, []string{id}, []store.Column{store.ByKey, store.ByModel}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	keys, sums := map[string][]*store.DailySum{}, map[string]*store.Sums{}
	for i := range found {
		s := &found[i]
		if sums[s.Key] == nil {
			sums[s.Key] = &store.Sums{}
		}
		plus(sums[s.Key], &s.Sums)
		keys[s.Key] = append(keys[s.Key], s)
	}
	names := sorted(keys)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(sums[b].Cost, sums[a].Cost) })
	owners, err := x.owners(names)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, key := range names {
			w.Object()
			w.Key("api_key")
			w.String(key)
			reportSums(w, sums[key])
			w.Key("model_details")
			w.Array()
			for _, s := range keys[key] {
				w.Object()
				w.Key("team_id")
				if of := owners[key]; of != nil && of.TeamID != "" {
					w.String(of.TeamID)
				} else {
					w.Null()
				}
				w.Key("model")
				w.String(s.Model)
				reportSums(w, &s.Sums)
				w.EndObject()
			}
			w.EndArray()
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// reportSums writes sums as members of a report.
func reportSums(w *jsonx.Writer, s *store.Sums) {
	w.Key("total_cost")
	w.Raw(dollars(s.Cost))
	w.Key("total_input_tokens")
	w.Int(s.Input)
	w.Key("total_output_tokens")
	w.Int(s.Output)
}

// ownOrganization is the organisation of the caller's key.
func (x *exchange) ownOrganization() (string, error) {
	var own *thing
	if x.caller.Key != "" {
		keys, err := x.owners([]string{x.caller.Key})
		if err != nil {
			return "", err
		}
		own = keys[x.caller.Key]
	}
	if own == nil || own.OrganizationID == "" {
		return "", refused("organization_id", "No organization_id associated with this API key; pass an organization_id query param.")
	}
	return own.OrganizationID, nil
}

// owners are keys by their hashes, those that have been deleted among them.
func (x *exchange) owners(keys []string) (map[string]*thing, error) {
	all, err := x.known(store.KindKey, keys)
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return all[key] != nil })
	for part := range slices.Chunk(gone, mostAtOnce) {
		found, _, err := x.entities(store.Filter{Kind: store.KindKey, IDs: part, Deleted: true})
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			all[t.ID] = t
		}
	}
	return all, nil
}

// spender is a user in a team, as /team/spend/by_user tells it.
type spender struct{ team, user string }

// spendByUser serves /team/spend/by_user: what teams have cost by the users of the keys, the dearest first. A member who may not see
// all keys of a team sees their own only.
func (x *exchange) spendByUser() ([]byte, error) {
	f, err := x.reported()
	if err != nil {
		return nil, err
	}
	q := x.r.URL.Query()
	if q.Get("team_ids") == "" {
		return nil, refused("team_ids", "Please provide team_ids.")
	}
	f.Kind, f.IDs, f.By = store.KindTeam, strings.Split(q.Get("team_ids"), ","), []store.Column{store.ByID, store.ByKey}
	own, err := x.activityScope(&f, store.KindTeam)
	if err != nil {
		return nil, err
	}
	found, err := x.store.Daily(x.r.Context(), f)
	if err != nil {
		return nil, err
	}
	hashes := map[string]bool{}
	for i := range found {
		hashes[found[i].Key] = true
	}
	keys, err := x.owners(sorted(hashes))
	if err != nil {
		return nil, err
	}
	sums, users, teams := map[spender]*store.Sums{}, map[string]bool{}, map[string]bool{}
	for i := range found {
		s := &found[i]
		if own != nil && !own[s.ID+"/"+s.Key] {
			continue
		}
		of := spender{team: s.ID}
		if key := keys[s.Key]; key != nil {
			of.user = key.UserID
		}
		if sums[of] == nil {
			sums[of] = &store.Sums{}
		}
		plus(sums[of], &s.Sums)
		users[of.user], teams[of.team] = true, true
	}
	people, err := x.known(store.KindUser, sorted(users))
	if err != nil {
		return nil, err
	}
	groups, err := x.known(store.KindTeam, sorted(teams))
	if err != nil {
		return nil, err
	}
	return spendersShown(q.Get("start_date"), q.Get("end_date"), sums, people, groups), nil
}

// spendersShown is the answer of /team/spend/by_user.
func spendersShown(start, end string, sums map[spender]*store.Sums, people, teams map[string]*thing) []byte {
	all := make([]spender, 0, len(sums))
	for of := range sums {
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b spender) int {
		return cmp.Or(cmp.Compare(sums[b].Cost, sums[a].Cost), strings.Compare(a.team, b.team), strings.Compare(a.user, b.user))
	})
	field := func(t *thing, name string) jsonx.Raw {
		if t == nil {
			return nil
		}
		return t.doc.get(name)
	}
	rows := []jsonx.Raw{}
	for _, of := range all {
		s, d := sums[of], &document{}
		d.put("team_id", of.team)
		d.set("team_alias", field(teams[of.team], "team_alias"))
		d.put("user_id", of.user)
		d.set("user_email", field(people[of.user], "user_email"))
		d.set("user_alias", field(people[of.user], "user_alias"))
		d.set("spend", dollars(s.Cost))
		d.set("prompt_tokens", wholeOf(s.Input))
		d.set("completion_tokens", wholeOf(s.Output))
		d.set("total_tokens", wholeOf(s.Input+s.Output))
		d.set("api_requests", wholeOf(s.Requests))
		d.set("successful_requests", wholeOf(s.Requests-s.Failures))
		d.set("failed_requests", wholeOf(s.Failures))
		rows = append(rows, d.bytes())
	}
	d := &document{}
	d.put("start_date", start)
	d.put("end_date", end)
	d.set("results", jsonx.Array(rows))
	return d.bytes()
}
