package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// newTeam serves /team/new. Its maker becomes an admin of it, as in LiteLLM.
func (x *exchange) newTeam() ([]byte, error) {
	given, err := x.given(teamFields())
	if err != nil {
		return nil, err
	}
	org := given.text("organization_id")
	if !x.caller.admin() && !x.caller.leads(org) {
		return nil, forbidden("organization_id", "Only proxy admins can make teams outside their organizations: name one in organization_id of which you are an admin.")
	}
	x.completeTeam(given, false)
	org = given.text("organization_id")
	if err := x.inOrganization(given, org); err != nil {
		return nil, err
	}
	id := strings.TrimSpace(given.text("team_id"))
	if id == "" {
		id = newID()
	}
	if strings.Contains(id, "/") {
		return nil, invalid("team_id", "team_id must not have a slash.")
	}
	if err := limitsFit(given); err != nil {
		return nil, err
	}
	t := x.create(store.KindTeam, id, given, teamFields())
	if err := x.passesKept(&document{}, t); err != nil {
		return nil, err
	}
	t.doc.put("team_id", id)
	t.Alias, t.OrganizationID = given.text("team_alias"), org
	joining, err := x.membersGiven(given)
	if err != nil {
		return nil, err
	}
	if maker := x.caller.name(); maker != "" && !slices.ContainsFunc(joining, func(j *joiner) bool { return j.user.ID == maker }) {
		joining = append(joining, &joiner{user: &thing{Entity: store.Entity{Kind: store.KindUser, ID: maker}, doc: &document{}}, role: TeamAdmin})
	}
	made := []*thing{t}
	for i, j := range joining {
		m := x.memberOf(store.KindMember, id, j.user, j.role)
		m.Created = nth(x.now, i)
		made = append(made, m)
	}
	if err := x.add(refused("team_id", "Team id = %s already exists. Please use a different team id.", clip(id)), made...); err != nil {
		return nil, err
	}
	if err := x.addUsers(joining); err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// inOrganization checks a team's fields against its organisation.
func (x *exchange) inOrganization(given *document, id string) error {
	if id == "" {
		return nil
	}
	org, err := x.entity(store.KindOrganization, id)
	if errors.Is(err, store.ErrNotFound) {
		return refused("organization_id", "Organization not found for organization_id=%s.", clip(id))
	}
	if err != nil {
		return err
	}
	have := org.doc.texts("models")
	if len(have) > 0 && !slices.Contains(have, "all-proxy-models") {
		for _, model := range given.texts("models") {
			if !slices.Contains(have, model) {
				return forbidden("models", "models cannot have %s: the organization is limited to %s.", clip(model), strings.Join(have, ", "))
			}
		}
	}
	most, limited := org.doc.cost("max_budget")
	if b, ok := given.cost("max_budget"); ok && limited && b > most {
		return refused("max_budget", "max_budget cannot exceed that of the organization, %s.", org.doc.get("max_budget"))
	}
	return nil
}

// adminsOnly are the fields of a team that an admin of the team himself cannot change; admins of its organisation
// can.
func adminsOnly() []string {
	return []string{
		"max_budget", "budget_duration", "budget_limits", "tpm_limit", "rpm_limit", "tpd_limit", "max_parallel_requests", "model_max_budget",
		"model_rpm_limit", "model_tpm_limit", "models", "organization_id", "blocked", "access_group_ids", "model_aliases", "router_settings",
	}
}

// updateTeam serves /team/update.
func (x *exchange) updateTeam() ([]byte, error) {
	given, err := x.given(teamFields())
	if err != nil {
		return nil, err
	}
	t, d, err := x.changeTeam(given)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("team_id")
		w.String(t.ID)
		w.Key("data")
		d.write(w)
		w.EndObject()
	}), nil
}

// changeTeam changes a team by the fields of a request, and returns it, and for the answer.
func (x *exchange) changeTeam(given *document) (*thing, *document, error) {
	if given.text("team_id") == "" {
		return nil, nil, invalid("team_id", "team_id must be given.")
	}
	t, err := x.managed(given.text("team_id"))
	if err != nil {
		return nil, nil, err
	}
	if !x.caller.admin() && !x.caller.leads(t.OrganizationID) {
		for _, name := range adminsOnly() {
			if given.has(name) && string(orNull(given.get(name))) != string(orNull(t.doc.get(name))) {
				return nil, nil, forbidden(name, "Team admins cannot change %s of their team; ask a proxy admin.", name)
			}
		}
	}
	if given.has("organization_id") {
		org := given.text("organization_id")
		if org != t.OrganizationID && !x.caller.admin() && !x.caller.leads(org) {
			return nil, nil, forbidden("organization_id", "You are not an admin of organization %s.", clip(org))
		}
		t.OrganizationID = org
	}
	if err := x.inOrganization(given, t.OrganizationID); err != nil {
		return nil, nil, err
	}
	if err := limitsFit(given); err != nil {
		return nil, nil, err
	}
	before := t.doc.metadata()
	x.update(t, given, teamFields())
	if err := x.passesKept(before, t); err != nil {
		return nil, nil, err
	}
	t.Alias = t.doc.text("team_alias")
	if err := x.put(t); err != nil {
		return nil, nil, err
	}
	if spend, ok := given.cost("spend"); ok {
		if err := x.setSpent(t, int64(spend)); err != nil {
			return nil, nil, err
		}
	}
	d, err := x.teamShown(t)
	return t, d, err
}

// deleteTeams serves /team/delete: teams with their keys and members.
func (x *exchange) deleteTeams() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "team_ids")
	if err != nil {
		return nil, err
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var refs []store.Ref
	for _, id := range ids {
		t, err := x.team(id)
		if err != nil {
			return nil, err
		}
		if !x.caller.admin() && !x.caller.leads(t.OrganizationID) {
			return nil, forbidden("team_ids", "There is no team %s, or this key may not delete it.", clip(id))
		}
		more, err := x.teamRefs(id)
		if err != nil {
			return nil, err
		}
		refs = append(refs, more...)
	}
	if err := x.change(store.Change{Delete: refs}); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("deleted_teams")
		w.Raw(quoteAll(ids))
		w.EndObject()
	}), nil
}

// teamRefs are a team and what is deleted with it.
func (x *exchange) teamRefs(id string) ([]store.Ref, error) {
	refs, err := x.under(store.Filter{TeamID: id}, store.KindKey, store.KindMember, store.KindModel)
	return append(refs, store.Ref{Kind: store.KindTeam, ID: id}), err
}

// blockTeam serves /team/block and /team/unblock.
func (x *exchange) blockTeam(blocked bool) ([]byte, error) {
	t, err := x.teamOfBody(false)
	if err != nil {
		return nil, err
	}
	t.doc.set("blocked", truthOf(blocked))
	return x.putTeam(t)
}

// teamOfBody reads the team that a body names, and that the caller may change; as an admin of the team if own is
// set.
func (x *exchange) teamOfBody(own bool) (*thing, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	id := jsonx.Word(jsonx.Find(body, "team_id"))
	if id == "" {
		return nil, invalid("team_id", "team_id must be given.")
	}
	t, err := x.managed(id)
	if err != nil {
		return nil, err
	}
	if !own && !x.caller.admin() && !x.caller.leads(t.OrganizationID) {
		return nil, forbidden("team_id", "Only proxy admins, and admins of the organization, can call %s.", x.action)
	}
	return t, nil
}

// putTeam writes a changed team, and returns the answer.
func (x *exchange) putTeam(t *thing) ([]byte, error) {
	x.touch(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// teamModels serves /team/model/add and /team/model/delete.
func (x *exchange) teamModels(add bool) ([]byte, error) {
	t, err := x.teamOfBody(false)
	if err != nil {
		return nil, err
	}
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	given, err := named(body, "models")
	if err != nil {
		return nil, err
	}
	have := t.doc.texts("models")
	if add && len(have) == 0 {
		have = []string{"all-proxy-models"} // the team is not limited, and adding a model does not limit it
	}
	for _, model := range given {
		at := slices.Index(have, model)
		switch {
		case add && at < 0:
			have = append(have, model)
		case !add && at >= 0:
			have = slices.Delete(have, at, at+1)
		}
	}
	if !add && len(have) == 0 && len(t.doc.texts("models")) > 0 {
		have = []string{"no-default-models"} // an empty list would allow all
	}
	t.doc.set("models", quoteAll(have))
	return x.putTeam(t)
}

// permissions are the endpoints that a team can let its members call for its keys, as in LiteLLM
// (KeyManagementRoutes).
func permissions() []string {
	return []string{
		"/key/generate", "/key/update", "/key/delete", "/key/regenerate", "/key/service-account/generate", "/key/{key_id}/regenerate",
		"/key/list", "/key/info", "/key/health", "/key/block", "/key/unblock", "/key/bulk_update", "/key/{key_id}/reset_spend", "/key/aliases",
		"/team/daily/activity", "/spend/logs",
	}
}

// listPermissions serves /team/permissions_list.
func (x *exchange) listPermissions() ([]byte, error) {
	t, err := x.team(x.r.URL.Query().Get("team_id"))
	if err != nil {
		return nil, err
	}
	if !x.caller.sees() && !x.manages(t) {
		return nil, forbidden("team_id", "Only proxy admins, and admins of the team or of its organization, can call %s.", x.action)
	}
	have := t.doc.texts("team_member_permissions")
	if t.doc.get("team_member_permissions") == nil {
		have = baseline()
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("team_id")
		w.String(t.ID)
		w.Key("team_member_permissions")
		w.Raw(quoteAll(have))
		w.Key("all_available_permissions")
		w.Raw(quoteAll(permissions()))
		w.EndObject()
	}), nil
}

// updatePermissions serves /team/permissions_update.
func (x *exchange) updatePermissions() ([]byte, error) {
	t, err := x.teamOfBody(true)
	if err != nil {
		return nil, err
	}
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	var list []string
	if v := jsonx.Find(body, "team_member_permissions"); v.Kind() != '[' || jsonx.Unmarshal(v, &list) != nil {
		return nil, invalid("team_member_permissions", "team_member_permissions must be a list of texts.")
	}
	for _, p := range list {
		if !slices.Contains(permissions(), p) {
			return nil, invalid("team_member_permissions", "team_member_permissions cannot have %s; /team/permissions_list lists what it can have.", clip(p))
		}
	}
	t.doc.set("team_member_permissions", quoteAll(list))
	return x.putTeam(t)
}
