package admin

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// teamShown is a team as answers have it, with its members.
func (x *exchange) teamShown(t *thing) (*document, error) {
	if err := x.count(t); err != nil {
		return nil, err
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: t.ID, Ascending: true})
	if err != nil {
		return nil, err
	}
	return x.teamWith(t, found), nil
}

// teamWith is teamShown for a team whose spend and members are known.
func (x *exchange) teamWith(t *thing, found []*thing) *document {
	d := x.shown(t)
	raise(d, teamFields())
	list := []jsonx.Raw{}
	for _, m := range found {
		r := &document{}
		r.put("user_id", m.UserID)
		r.set("user_email", m.doc.get("user_email"))
		r.put("role", m.doc.text("role"))
		list = append(list, r.bytes())
	}
	d.set("members_with_roles", jsonx.Array(list))
	d.set("admins", jsonx.Raw("[]"))
	d.set("members", jsonx.Raw("[]"))
	if d.get("model_aliases") != nil {
		table := &document{}
		table.set("model_aliases", d.get("model_aliases"))
		d.set("litellm_model_table", table.bytes())
	} else {
		d.set("litellm_model_table", nil)
	}
	return d
}

// membership is a membership as answers have it, in LiteLLM's form: with the budget of its budget_id, or its own limits.
func (x *exchange) membership(m *thing) (*document, error) {
	d := &document{}
	d.put("user_id", m.UserID)
	if m.Kind == store.KindMember {
		d.put("team_id", m.TeamID)
	} else {
		d.put("organization_id", m.OrganizationID)
		d.put("user_role", m.doc.text("user_role"))
		d.set("user_email", m.doc.get("user_email"))
		d.set("created_at", moment(m.Created))
		d.set("updated_at", moment(m.Updated))
	}
	d.set("budget_id", m.doc.get("budget_id"))
	d.set("spend", dollars(m.spent))
	if m.doc.text("budget_id") != "" {
		return d, x.budgetOf(d)
	}
	table := &document{}
	for _, f := range memberLimits() {
		table.set(f, m.doc.get(f))
	}
	if m.doc.get("budget_duration") != nil {
		table.set("budget_reset_at", moment(window(m.doc, m.Created).End(x.now)))
	}
	if slices.ContainsFunc(table.members, func(v jsonx.Member) bool { return string(v.Value) != "null" }) {
		d.set("litellm_budget_table", table.bytes())
	} else {
		d.set("litellm_budget_table", nil)
	}
	return d, nil
}

// memberships are several as answers have them, with what they have spent.
func (x *exchange) memberships(members []*thing) (jsonx.Raw, error) {
	if err := x.count(members...); err != nil {
		return nil, err
	}
	shown := make([]jsonx.Raw, len(members))
	for i, m := range members {
		d, err := x.membership(m)
		if err != nil {
			return nil, err
		}
		shown[i] = d.bytes()
	}
	return jsonx.Array(shown), nil
}

// memberLimits are the fields of a membership that LiteLLM's answers have as its budget.
func memberLimits() []string {
	return []string{"max_budget", "budget_duration", "tpm_limit", "rpm_limit", "allowed_models", "temp_budget_increase", "temp_budget_expiry", "model_max_budget"}
}

// getTeam serves /team/info.
func (x *exchange) getTeam() ([]byte, error) {
	id := x.r.URL.Query().Get("team_id")
	if id == "" {
		if id = x.caller.TeamID; id == "" {
			return nil, invalid("team_id", "team_id must be given.")
		}
	}
	t, err := x.team(id)
	if err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindKey, TeamID: t.ID})
	if err != nil {
		return nil, err
	}
	if !x.caller.sees() && !x.manages(t) && !permits(t, "/key/list") {
		found = slices.DeleteFunc(found, func(k *thing) bool { return !x.owns(k) && k.ID != x.caller.Key })
	}
	keys, err := x.keysShown(found, true)
	if err != nil {
		return nil, err
	}
	members, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: t.ID, Ascending: true})
	if err != nil {
		return nil, err
	}
	memberships, err := x.memberships(members)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("team_id")
		w.String(t.ID)
		w.Key("team_info")
		d.write(w)
		w.Key("keys")
		w.Raw(jsonx.Array(keys))
		w.Key("team_memberships")
		w.Raw(memberships)
		w.EndObject()
	}), nil
}

// teamsListed are the teams that a query selects and that the caller may list: all, those of his organisations, or
// his own.
func (x *exchange) teamsListed() ([]*thing, error) {
	q := x.r.URL.Query()
	f := store.Filter{Kind: store.KindTeam, OrganizationID: q.Get("organization_id"), Search: q.Get("search"), Deleted: q.Get("status") == "deleted"}
	user := q.Get("user_id")
	if f.Deleted && !x.caller.sees() {
		return nil, forbidden("status", "Only admins can list deleted teams.")
	}
	all, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	if user == "" && !x.caller.sees() && len(x.caller.Administers) == 0 {
		user = x.caller.UserID
	}
	if user != "" && user != x.caller.UserID && !x.caller.sees() && len(x.caller.Administers) == 0 {
		return nil, &Error{Status: 401, Type: typeAuth, Param: "user_id", Message: "Only admin users can query all teams/other teams."}
	}
	var of []string
	if user != "" {
		if of, err = x.teamsOf(user); err != nil {
			return nil, err
		}
	}
	alias := strings.ToLower(q.Get("team_alias"))
	return slices.DeleteFunc(all, func(t *thing) bool {
		switch {
		case user != "" && !slices.Contains(of, t.ID):
			return true
		case q.Get("team_id") != "" && t.ID != q.Get("team_id"):
			return true
		case alias != "" && !strings.Contains(strings.ToLower(t.Alias), alias):
			return true
		case x.caller.sees() || user != "" && user == x.caller.UserID || x.caller.leads(t.OrganizationID):
			return false
		default:
			return x.caller.TeamID != t.ID || user != ""
		}
	}), nil
}

// teamsShown are teams as answers have them, with their keys and memberships if full is set.
func (x *exchange) teamsShown(teams []*thing, full bool) ([]jsonx.Raw, error) {
	if err := x.count(teams...); err != nil {
		return nil, err
	}
	shown := []jsonx.Raw{}
	for _, t := range teams {
		members, _, err := x.entities(store.Filter{Kind: store.KindMember, TeamID: t.ID, Ascending: true})
		if err != nil {
			return nil, err
		}
		d := x.teamWith(t, members)
		if full {
			found, _, err := x.entities(store.Filter{Kind: store.KindKey, TeamID: t.ID})
			if err != nil {
				return nil, err
			}
			keys, err := x.keysShown(found, true)
			if err != nil {
				return nil, err
			}
			d.set("keys", jsonx.Array(keys))
			memberships, err := x.memberships(members)
			if err != nil {
				return nil, err
			}
			d.set("team_memberships", memberships)
		}
		shown = append(shown, d.bytes())
	}
	return shown, nil
}

func byAlias(a, b *thing) int { return cmp.Or(cmp.Compare(a.Alias, b.Alias), cmp.Compare(a.ID, b.ID)) }

// listTeams serves /team/list.
func (x *exchange) listTeams() ([]byte, error) {
	all, err := x.teamsListed()
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, byAlias)
	shown, err := x.teamsShown(all, true)
	if err != nil {
		return nil, err
	}
	return jsonx.Array(shown), nil
}

// listTeamPages serves /v2/team/list.
func (x *exchange) listTeamPages() ([]byte, error) {
	q := x.r.URL.Query()
	p, err := pages(q, "page_size", 10, 100)
	if err != nil {
		return nil, err
	}
	all, err := x.teamsListed()
	if err != nil {
		return nil, err
	}
	order := byAlias
	if by := q.Get("sort_by"); by == "created_at" {
		order = func(a, b *thing) int { return a.Created.Compare(b.Created) }
	} else if by == "team_id" {
		order = func(a, b *thing) int { return cmp.Compare(a.ID, b.ID) }
	}
	slices.SortStableFunc(all, func(a, b *thing) int {
		if q.Get("sort_order") == "desc" {
			return order(b, a)
		}
		return order(a, b)
	})
	shown, err := x.teamsShown(of(p, all), false)
	if err != nil {
		return nil, err
	}
	return p.list("teams", shown, len(all)), nil
}
