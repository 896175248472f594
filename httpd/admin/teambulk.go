package admin

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// bulkMemberFields are those of /team/bulk_member_add.
func bulkMemberFields() []field {
	return []field{{name: "team_id", form: text}, {name: "members", form: anything}, {name: "all_users", form: truth}, {name: "max_budget_in_team", form: money}}
}

// addManyMembers serves /team/bulk_member_add. As in LiteLLM the answer tells of a failure by member, with the status 200.
func (x *exchange) addManyMembers() ([]byte, error) {
	given, err := x.given(bulkMemberFields())
	if err != nil {
		return nil, err
	}
	if given.text("team_id") == "" {
		return nil, invalid("team_id", "team_id must be given.")
	}
	t, err := x.managed(given.text("team_id"))
	if err != nil {
		return nil, err
	}
	joining, err := x.manyJoining(given)
	if err != nil {
		return nil, err
	}
	limits := &document{}
	if v := given.get("max_budget_in_team"); v != nil {
		limits.set("max_budget_in_team", v)
	}
	users, memberships, err := x.join(store.KindMember, t.ID, joining, limits)
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Err != nil) {
		return nil, err
	}
	results := make([]jsonx.Raw, len(joining))
	for i, j := range joining {
		r := &document{}
		r.put("user_id", j.user.ID)
		r.set("user_email", j.user.doc.get("user_email"))
		r.set("success", truthOf(e == nil))
		if e == nil {
			r.set("error", nil)
			r.set("updated_user", users[i])
			r.set("updated_team_membership", memberships[i])
		} else {
			r.put("error", e.Message)
		}
		results[i] = r.bytes()
	}
	done, failed := len(joining), 0
	out := &document{}
	out.put("team_id", t.ID)
	out.set("results", jsonx.Array(results))
	out.set("total_requested", wholeOf(int64(len(joining))))
	if e != nil {
		done, failed = 0, len(joining)
	}
	out.set("successful_additions", wholeOf(int64(done)))
	out.set("failed_additions", wholeOf(int64(failed)))
	out.set("updated_team", nil)
	if e == nil {
		d, err := x.teamShown(t)
		if err != nil {
			return nil, err
		}
		d.set("updated_users", jsonx.Array(users))
		d.set("updated_team_memberships", jsonx.Array(memberships))
		out.set("updated_team", d.bytes())
	}
	return out.bytes(), nil
}

// manyJoining are the members whom a request names, or all users.
func (x *exchange) manyJoining(given *document) ([]*joiner, error) {
	if !given.yes("all_users") {
		v := given.get("members")
		if v == nil || string(v) == "[]" {
			return nil, refused("members", "members must have one member or more: objects with role and user_id or user_email.")
		}
		return x.joiningOf(v, "members", store.KindMember)
	}
	if !x.caller.admin() {
		return nil, forbidden("all_users", "Only proxy admins can set all_users. Name the members in members.")
	}
	users, _, err := x.entities(store.Filter{Kind: store.KindUser})
	if err != nil {
		return nil, err
	}
	if len(users) == 0 || len(users) > mostAtOnce {
		return nil, refused("all_users", "There are %d users; at least one and at most %d can be added at once. Name them in members.", len(users), mostAtOnce)
	}
	all := make([]*joiner, len(users))
	for i, u := range users {
		all[i] = &joiner{user: u, role: TeamUser}
	}
	return all, nil
}

// patchTeam serves PATCH /team/{team_id}: members of the metadata that are not given stay as they are (RFC 7396).
func (x *exchange) patchTeam() ([]byte, error) {
	given, err := x.given(teamFields())
	if err != nil {
		return nil, err
	}
	id := x.r.PathValue("team_id")
	if body := given.text("team_id"); body != "" && body != id {
		return nil, refused("team_id", "team_id is %s in the body and %s in the path; leave it out of the body.", clip(body), clip(id))
	}
	given.put("team_id", id)
	if patch := given.get("metadata"); patch != nil {
		t, err := x.managed(id)
		if err != nil {
			return nil, err
		}
		given.set("metadata", mergePatch(t.doc.get("metadata"), patch))
	}
	_, d, err := x.changeTeam(given)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// mergePatch applies a JSON merge patch (RFC 7396).
func mergePatch(to, patch jsonx.Raw) jsonx.Raw {
	if patch.Kind() != '{' {
		return patch
	}
	d := &document{}
	if to.Kind() == '{' {
		d = parse(to)
	}
	for _, m := range parse(patch).members {
		if m.Value.Kind() == 'n' {
			d.drop(m.Name)
			continue
		}
		d.set(m.Name, mergePatch(orNull(d.get(m.Name)), m.Value))
	}
	return d.bytes()
}

// permitMany serves /team/permissions_bulk_update, which adds to what members of teams may call.
func (x *exchange) permitMany() ([]byte, error) {
	if !x.caller.admin() {
		return nil, forbidden("", "Only proxy admins can change the permissions of several teams.")
	}
	given, err := x.given([]field{{name: "permissions", form: texts}, {name: "team_ids", form: texts}, {name: "apply_to_all_teams", form: truth}})
	if err != nil {
		return nil, err
	}
	add, ids, everywhere := given.texts("permissions"), given.texts("team_ids"), given.yes("apply_to_all_teams")
	for _, p := range add {
		if !slices.Contains(permissions(), p) {
			return nil, invalid("permissions", "permissions cannot have %s; /team/permissions_list lists what it can have.", clip(p))
		}
	}
	out := &document{}
	switch {
	case len(add) == 0:
		out.put("message", "No permissions provided")
		out.set("teams_updated", wholeOf(0))
		return out.bytes(), nil
	case !everywhere && len(ids) == 0:
		return nil, refused("team_ids", "team_ids must be given, or apply_to_all_teams be true.")
	case everywhere && len(ids) > 0:
		return nil, refused("team_ids", "team_ids and apply_to_all_teams cannot both be given.")
	}
	var teams []*thing
	if everywhere {
		if teams, _, err = x.entities(store.Filter{Kind: store.KindTeam}); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		t, err := x.team(id)
		if err != nil {
			return nil, err
		}
		teams = append(teams, t)
	}
	var changed []*thing
	for _, t := range teams {
		have := t.doc.texts("team_member_permissions")
		before := len(have)
		for _, p := range add {
			if !slices.Contains(have, p) {
				have = append(have, p)
			}
		}
		if len(have) > before {
			t.doc.set("team_member_permissions", quoteAll(have))
			x.touch(t)
			changed = append(changed, t)
		}
	}
	if len(changed) > 0 {
		if err := x.put(changed...); err != nil {
			return nil, err
		}
	}
	out.put("message", "Team permissions updated successfully")
	out.set("teams_updated", wholeOf(int64(len(changed))))
	out.set("permissions_appended", quoteAll(add))
	return out.bytes(), nil
}

// ownMembership serves /team/{team_id}/members/me.
func (x *exchange) ownMembership() ([]byte, error) {
	if x.caller.UserID == "" && !x.caller.Master {
		return nil, refused("user_id", "This key has no user, so it is no member of a team. Use the key of a user.")
	}
	user := x.caller.name()
	t, err := x.entity(store.KindTeam, x.r.PathValue("team_id"))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	var m *thing
	if err == nil {
		m, err = x.entity(store.KindMember, t.ID+"/"+user)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("team_id", "User %s is not a member of team %s.", clip(user), clip(x.r.PathValue("team_id")))
	}
	if err != nil {
		return nil, err
	}
	if err := x.count(m); err != nil {
		return nil, err
	}
	d, err := x.membership(m)
	if err != nil {
		return nil, err
	}
	d.put("role", m.doc.text("role"))
	d.set("user_email", m.doc.get("user_email"))
	d.set("team_alias", t.doc.get("team_alias"))
	return d.bytes(), nil
}

// unlimitMember serves /team/{team_id}/member/{user_id}/reset_budget: the member has the team's default limits again, if there
// are some. What the member has spent stays.
func (x *exchange) unlimitMember() ([]byte, error) {
	t, err := x.managed(x.r.PathValue("team_id"))
	if err != nil {
		return nil, err
	}
	m, err := x.entity(store.KindMember, t.ID+"/"+x.r.PathValue("user_id"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("user_id", "User %s is not a member of the team.", clip(x.r.PathValue("user_id")))
	}
	if err != nil {
		return nil, err
	}
	before := m.doc.get("budget_id")
	m.doc.drop(append(memberLimits(), "budget_id")...)
	x.touch(m)
	if err := x.put(m); err != nil {
		return nil, err
	}
	source := "none"
	if t.doc.get("team_member_budget") != nil || t.doc.metadata().get("team_member_budget") != nil {
		source = "team_default"
	}
	d := &document{}
	d.put("team_id", t.ID)
	d.put("user_id", m.UserID)
	d.set("budget_id", nil)
	d.set("previous_budget_id", before)
	d.put("budget_source", source)
	return d.bytes(), nil
}

// bulkKeyFields are what /team/key/bulk_update can change of keys: nothing of whose they are and of what they may call.
func bulkKeyFields() []string {
	return []string{
		"max_budget", "budget_id", "budget_duration", "budget_limits", "model_max_budget", "tpm_limit", "rpm_limit", "model_tpm_limit", "model_rpm_limit",
		"max_parallel_requests", "rpm_limit_type", "tpm_limit_type", "temp_budget_increase", "temp_budget_expiry", "duration", "tags", "metadata",
	}
}

// updateTeamKeys serves /team/key/bulk_update: the same change of several keys of a team.
func (x *exchange) updateTeamKeys() ([]byte, error) {
	given, err := x.given([]field{{name: "team_id", form: text}, {name: "key_ids", form: texts}, {name: "all_keys_in_team", form: truth}, {name: "update_fields", form: object}})
	if err != nil {
		return nil, err
	}
	id, names, everything, change := given.text("team_id"), given.texts("key_ids"), given.yes("all_keys_in_team"), parse(given.get("update_fields"))
	switch {
	case id == "":
		return nil, invalid("team_id", "team_id must be given.")
	case everything == (len(names) > 0):
		return nil, invalid("key_ids", "Either key_ids or all_keys_in_team must be given, and not both.")
	case len(change.members) == 0:
		return nil, invalid("update_fields", "update_fields must have a field or more.")
	case len(names) > mostAtOnce:
		return nil, refused("key_ids", "key_ids has %d entries; at most %d can be changed at once.", len(names), mostAtOnce)
	}
	for _, m := range change.members {
		if !slices.Contains(bulkKeyFields(), m.Name) {
			return nil, invalid("update_fields", "update_fields cannot have %s; accepted: %s.", clip(m.Name), strings.Join(bulkKeyFields(), ", "))
		}
	}
	x.action = "/key/update" // which is what the caller must be permitted
	if _, err := x.inTeam(id); err != nil {
		return nil, err
	}
	if everything {
		if names, err = x.keysInUse(id); err != nil {
			return nil, err
		}
	}
	if len(names) == 0 {
		return nil, absent("team_id", "No keys found for team %s.", clip(id))
	}
	var done, failed []jsonx.Raw
	seen := map[string]bool{}
	for _, name := range names {
		if seen[keyID(name)] {
			continue
		}
		seen[keyID(name)] = true
		out := &document{}
		out.put("key", name)
		d, err := x.changeTeamKey(id, name, change)
		var e *Error
		switch {
		case err == nil:
			out.set("key_info", d.bytes())
			done = append(done, out.bytes())
		case errors.As(err, &e) && e.Err == nil:
			out.set("key_info", nil)
			out.put("failed_reason", e.Message)
			failed = append(failed, out.bytes())
		default:
			return nil, err
		}
	}
	d := &document{}
	d.set("total_requested", wholeOf(int64(len(seen))))
	d.set("successful_updates", jsonx.Array(done))
	d.set("failed_updates", jsonx.Array(failed))
	return d.bytes(), nil
}

// changeTeamKey changes a key of a team.
func (x *exchange) changeTeamKey(team, name string, change *document) (*document, error) {
	t, err := x.entity(store.KindKey, keyID(name))
	if errors.Is(err, store.ErrNotFound) || err == nil && t.TeamID != team {
		return nil, absent("key", "Key not found in team %s.", clip(team))
	}
	if err != nil {
		return nil, err
	}
	return x.changeKey(append([]jsonx.Member{{Name: "key", Value: quote(name)}}, change.members...))
}

// keysInUse are the ids of a team's keys that are neither blocked nor over, so that a change of all brings none of these back.
func (x *exchange) keysInUse(team string) ([]string, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindKey, TeamID: team})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range found {
		ends, ok := instant(cmp.Or(t.doc.text("expires"), x.now.Add(time.Hour).Format(timeForm)))
		if !t.doc.yes("blocked") && (!ok || ends.After(x.now)) {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) > mostAtOnce {
		return nil, &Error{Status: http.StatusBadRequest, Type: typeBadRequest, Param: "all_keys_in_team", Message: "The team has more than 500 keys; name them in key_ids, 500 at a time."}
	}
	slices.Sort(ids)
	return ids, nil
}
