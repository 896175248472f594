package admin

import (
	"errors"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// team reads a team that the caller may see; the error is the same for teams that do not exist and for others'.
func (x *exchange) team(id string) (*thing, error) {
	t, err := x.entity(store.KindTeam, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && x.caller.sees():
		return nil, absent("team_id", "Team not found, passed team id: %s.", llm.Clip(id, 100))
	case errors.Is(err, store.ErrNotFound):
		return nil, forbidden("team_id", "There is no team %s, or this key may not use it.", llm.Clip(id, 100))
	case err != nil:
		return nil, err
	case x.caller.sees() || x.caller.Teams[id] != "" || x.caller.TeamID == id || x.caller.leads(t.OrganizationID):
		return t, nil
	default:
		return nil, forbidden("team_id", "There is no team %s, or this key may not use it.", llm.Clip(id, 100))
	}
}

// manages reports whether the caller is an admin of a team, of its organisation, or of everything.
func (x *exchange) manages(t *thing) bool {
	return x.caller.admin() || x.caller.Teams[t.ID] == TeamAdmin || x.caller.leads(t.OrganizationID)
}

// managed reads a team that the caller may change.
func (x *exchange) managed(id string) (*thing, error) {
	t, err := x.team(id)
	if err != nil {
		return nil, err
	}
	if !x.manages(t) {
		return nil, forbidden("team_id", "Only proxy admins, and admins of the team or of its organization, can call %s.", x.action)
	}
	return t, nil
}

// baseline are the endpoints that all members of a team may call for its keys.
func baseline() []string { return []string{"/key/info", "/key/health"} }

// permits reports whether a team lets its ordinary members call an endpoint for its keys.
func permits(team *thing, action string) bool {
	for _, p := range append(baseline(), team.doc.texts("team_member_permissions")...) {
		if p == action || strings.HasSuffix(p, "/regenerate") && strings.HasSuffix(action, "/regenerate") {
			return true
		}
	}
	return false
}

// inTeam checks that the caller may do the request's action for keys of a team, and returns the team.
func (x *exchange) inTeam(id string) (*thing, error) {
	t, err := x.team(id)
	if err != nil {
		return nil, err
	}
	if x.manages(t) || x.caller.Teams[id] == TeamUser && permits(t, x.action) {
		return t, nil
	}
	return nil, &Error{
		Status: 401, Type: typeMember, Param: "team_id",
		Message: "Team member permissions of team " + llm.Clip(id, 100) + " do not include " + x.action + ". An admin of the team can add it by /team/permissions_update.",
	}
}

// key reads a key that the caller may act upon: his own, one of a team that lets him, or any for an admin. The
// error is the same for keys that do not exist and for others'. name is as the client has given it.
func (x *exchange) key(name string, own bool) (*thing, error) {
	t, err := x.entity(store.KindKey, keyID(name))
	notFound := errors.Is(err, store.ErrNotFound)
	switch {
	case err != nil && !notFound:
		return nil, err
	case x.caller.admin():
		if notFound {
			return nil, absent("key", "Key not found in database.")
		}
		return t, nil
	case notFound:
	case t.TeamID != "":
		team, err := x.entity(store.KindTeam, t.TeamID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil && (x.manages(team) || own && x.caller.Teams[team.ID] != "" && permits(team, x.action) && x.owns(t)) {
			return t, nil
		}
	case own && x.owns(t):
		return t, nil
	}
	return nil, forbidden("key", "This key does not exist, or this caller may not call %s for it.", x.action)
}

// owns reports whether a key is the caller's.
func (x *exchange) owns(key *thing) bool {
	return x.caller.UserID != "" && key.UserID == x.caller.UserID
}

// ceiling is what the caller's own key is limited to, and so what it can grant; nil for no limits.
func (x *exchange) ceiling() (*thing, error) {
	if x.caller.admin() || x.caller.Key == "" {
		return nil, nil //nolint:nilnil // nil is no ceiling
	}
	t, err := x.entity(store.KindKey, x.caller.Key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, forbidden("", "This key does not exist any more.")
	}
	return t, err
}

// grant checks that a caller who is no admin grants a key no more than he has: what is given for a key beside what
// it has already, which is nil for a new key. What is not said of a new key is as the caller's own.
func (x *exchange) grant(given *document, key *thing) error {
	own, err := x.ceiling()
	if err != nil || own == nil {
		return err
	}
	for _, name := range []string{"max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests"} {
		if err := x.within(given, key, own, name); err != nil {
			return err
		}
	}
	if key != nil && own.doc.get("max_budget") != nil && given.has("budget_duration") && given.text("budget_duration") != key.doc.text("budget_duration") {
		return forbidden("budget_duration", "Only an admin can change the budget_duration of a key with a budget.")
	}
	if key == nil && own.doc.get("max_budget") != nil {
		given.set("budget_duration", own.doc.get("budget_duration")) // a shorter period would be more money
	}
	if err := x.granted(given, key, own.doc.texts("models"), "your key"); err != nil {
		return err
	}
	return x.lives(given, key, own)
}

// within checks a limit against the caller's own.
func (x *exchange) within(given *document, key, own *thing, name string) error {
	most := own.doc.get(name)
	switch {
	case most == nil:
		return nil
	case key == nil && given.get(name) == nil:
		given.set(name, most)
		return nil
	case !given.has(name):
		return nil
	}
	a, _ := costOf(most)
	b, ok := costOf(given.get(name))
	if ok && b <= a {
		return nil
	}
	status := refused
	if key != nil {
		status = forbidden
	}
	return status(name, "%s cannot exceed that of the caller's own key, %s.", name, most)
}

// granted checks that the models of a key are among those of its granter; none granted means all that the granter
// has.
func (x *exchange) granted(given *document, key *thing, have []string, whose string) error {
	if len(have) == 0 || slices.Contains(have, "all-proxy-models") {
		return nil
	}
	asked := given.texts("models")
	switch {
	case len(asked) == 0 && key == nil:
		given.set("models", quoteAll(have))
		return nil
	case !given.has("models"):
		return nil
	case len(asked) == 0:
		return forbidden("models", "models cannot be emptied: %s is limited to %s.", whose, strings.Join(have, ", "))
	}
	for _, model := range asked {
		if !slices.Contains(have, model) {
			return forbidden("models", "models cannot have %s: %s is limited to %s.", llm.Clip(model, 100), whose, strings.Join(have, ", "))
		}
	}
	return nil
}

// lives checks that a key does not outlive the caller's own.
func (x *exchange) lives(given *document, key, own *thing) error {
	ends, ok := instant(own.doc.text("expires"))
	if !ok || key != nil && !given.has("duration") {
		return nil
	}
	period := given.text("duration")
	if period != "" && !later(period, x.now).After(ends) {
		return nil
	}
	if period == "" && key == nil {
		given.set("expires", moment(ends))
		return nil
	}
	return forbidden("duration", "A key cannot outlive the caller's own, which expires at %s.", ends.Format(time.RFC3339))
}

// inherits checks a key's fields against its team: models are among the team's, and its budget is not larger.
func (x *exchange) inherits(given *document, team *thing) error {
	if x.caller.admin() || team == nil {
		return nil
	}
	if most, limited := team.doc.cost("max_budget"); limited {
		if b, ok := given.cost("max_budget"); ok && b > most {
			return refused("max_budget", "max_budget cannot exceed that of the team, %s.", team.doc.get("max_budget"))
		}
	}
	if have := team.doc.texts("models"); len(have) > 0 && !slices.Contains(have, "all-proxy-models") {
		for _, model := range given.texts("models") {
			if model != "all-team-models" && !slices.Contains(have, model) {
				return forbidden("models", "models cannot have %s: the team is limited to %s.", llm.Clip(model, 100), strings.Join(have, ", "))
			}
		}
	}
	return nil
}

// limitsFit checks the values of budget_limits.
func limitsFit(given *document) error {
	v := given.get("budget_limits")
	if v == nil {
		return nil
	}
	var windows []jsonx.Raw
	if err := jsonx.Unmarshal(v, &windows); err != nil {
		return invalid("budget_limits", "budget_limits must be a list of objects.")
	}
	for _, w := range windows {
		if w.Kind() != '{' {
			return invalid("budget_limits", "budget_limits must be a list of objects.")
		}
		d := parse(w)
		for _, f := range []field{{name: "max_budget", form: money}, {name: "budget_duration", form: period}} {
			v := d.get(f.name)
			if v == nil {
				return invalid("budget_limits", "budget_limits must have %s in each entry.", f.name)
			}
			if _, fault := f.check(v); fault != "" {
				return invalid("budget_limits", "budget_limits: %s %s.", f.name, fault)
			}
		}
	}
	return nil
}
