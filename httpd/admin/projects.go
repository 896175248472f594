package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// project reads a project; param is the field of the request that names it.
func (x *exchange) project(id, param string) (*thing, error) {
	t, err := x.entity(store.KindProject, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(param, "Project not found, project_id=%s.", clip(id))
	}
	return t, err
}

// projectTeam reads the team that a project belongs to or is to belong to.
func (x *exchange) projectTeam(id string) (*thing, error) {
	t, err := x.entity(store.KindTeam, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("team_id", "Team not found, team_id=%s.", clip(id))
	}
	return t, err
}

// projectShown is a project as answers have it. As in LiteLLM its limits are in its budget.
func (x *exchange) projectShown(t *thing) (*document, error) {
	d, err := x.budgeted(t)
	if err != nil {
		return nil, err
	}
	raise(d, []field{{name: "model_rpm_limit", at: folded}, {name: "model_tpm_limit", at: folded}})
	for _, f := range limits() {
		d.drop(f.name)
	}
	d.drop("budget_reset_at")
	return d, nil
}

// newProject serves /project/new.
func (x *exchange) newProject() ([]byte, error) {
	given, err := x.given(projectFields())
	if err != nil {
		return nil, err
	}
	if given.text("team_id") == "" {
		return nil, invalid("team_id", "team_id must be given: the team that the project belongs to.")
	}
	if !x.caller.admin() {
		return nil, forbidden("", "Only proxy admins can create projects. Your role is %s.", x.caller.Role)
	}
	team, err := x.projectTeam(given.text("team_id"))
	if err != nil {
		return nil, err
	}
	if err := x.projectFits(given, team); err != nil {
		return nil, err
	}
	id := given.text("project_id")
	if id == "" {
		id = newID()
	}
	t := x.create(store.KindProject, id, given, projectFields())
	t.doc.put("project_id", id)
	t.Alias, t.TeamID = given.text("project_alias"), team.ID
	if err := x.add(refused("project_id", "Project id = %s already exists. Please use a different project id.", clip(id)), t); err != nil {
		return nil, err
	}
	return x.projectAnswer(t)
}

func (x *exchange) projectAnswer(t *thing) ([]byte, error) {
	d, err := x.projectShown(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// projectFits checks what is given for a project against its team: a project can use no more than the team.
func (x *exchange) projectFits(given *document, team *thing) error {
	if soft, ok := given.cost("soft_budget"); ok {
		if most, limited := given.cost("max_budget"); limited && soft >= most {
			return refused("soft_budget", "soft_budget (%s) must be strictly lower than max_budget (%s).", given.get("soft_budget"), given.get("max_budget"))
		}
	}
	if have := team.doc.texts("models"); len(have) > 0 && !slices.Contains(have, "all-proxy-models") {
		for _, model := range given.texts("models") {
			if !slices.Contains(have, model) {
				return refused("models", "Model '%s' not in team's allowed models. Team allowed models=%s. Team: %s.", clip(model), llm.Clip(strings.Join(have, ", "), 500), team.ID)
			}
		}
	}
	for _, name := range [...]string{"max_budget", "tpm_limit", "rpm_limit"} {
		asked, ok := given.cost(name)
		if most, limited := team.doc.cost(name); ok && limited && asked > most {
			return refused(name, "Project %s (%s) exceeds team's %s (%s). Team: %s.", name, given.get(name), name, team.doc.get(name), team.ID)
		}
	}
	return x.knownBudget(given)
}

// updateProject serves /project/update.
func (x *exchange) updateProject() ([]byte, error) {
	given, err := x.given(projectFields())
	if err != nil {
		return nil, err
	}
	id := given.text("project_id")
	if id == "" {
		return nil, invalid("project_id", "project_id must be given.")
	}
	if !x.caller.admin() {
		return nil, forbidden("", "Only proxy admins can update projects. Your role is %s.", x.caller.Role)
	}
	t, err := x.project(id, "project_id")
	if err != nil {
		return nil, err
	}
	if given.text("team_id") == "" { // every project belongs to a team
		given.drop("team_id")
	}
	to := t.TeamID
	if id := given.text("team_id"); id != "" {
		to = id
	}
	team, err := x.projectTeam(to)
	if err != nil {
		return nil, err
	}
	if err := x.projectFits(given, team); err != nil {
		return nil, err
	}
	if to != t.TeamID {
		if err := x.projectMoves(t, to); err != nil {
			return nil, err
		}
	}
	x.update(t, given, projectFields())
	t.Alias, t.TeamID = t.doc.text("project_alias"), team.ID
	if err := x.put(t); err != nil {
		return nil, err
	}
	return x.projectAnswer(t)
}

// projectKeys are the keys of a project.
func (x *exchange) projectKeys(t *thing) ([]*thing, error) {
	keys, _, err := x.entities(store.Filter{Kind: store.KindKey, TeamID: t.TeamID})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(k *thing) bool { return k.doc.text("project_id") != t.ID }), nil
}

// projectMoves refuses to give a project to another team while keys of its own team have it.
func (x *exchange) projectMoves(t *thing, to string) error {
	keys, err := x.projectKeys(t)
	if err == nil && len(keys) > 0 {
		return refused("team_id", "Project %s has %d key(s) that do not belong to team %s. Detach or delete them before moving the project.", t.ID, len(keys), clip(to))
	}
	return err
}

// deleteProjects serves /project/delete.
func (x *exchange) deleteProjects() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "project_ids")
	if err != nil {
		return nil, err
	}
	refs := make([]store.Ref, 0, len(ids))
	shown := make([]jsonx.Raw, 0, len(ids))
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		t, err := x.project(id, "project_ids")
		if err != nil {
			return nil, err
		}
		keys, err := x.projectKeys(t)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 {
			return nil, refused("project_ids", "Cannot delete project %s. %d key(s) are associated with it. Please delete or reassign the keys first.", clip(id), len(keys))
		}
		d, err := x.projectShown(t)
		if err != nil {
			return nil, err
		}
		refs, shown = append(refs, store.Ref{Kind: t.Kind, ID: t.ID}), append(shown, d.bytes())
	}
	if err := x.change(store.Change{Delete: refs}); err != nil {
		return nil, err
	}
	return jsonx.Array(shown), nil
}

// seesProject reports whether the caller may see a project: one of a team of theirs, or of a team of an organisation that they
// administer.
func (x *exchange) seesProject(t *thing) (bool, error) {
	switch {
	case x.caller.sees():
		return true, nil
	case x.caller.UserID == "":
		return false, nil
	case x.caller.Teams[t.TeamID] != "":
		return true, nil
	case len(x.caller.Administers) == 0:
		return false, nil
	}
	team, err := x.entity(store.KindTeam, t.TeamID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && x.caller.leads(team.OrganizationID), err
}

// getProject serves /project/info.
func (x *exchange) getProject() ([]byte, error) {
	id := x.r.URL.Query().Get("project_id")
	if id == "" {
		return nil, invalid("project_id", "project_id must be given.")
	}
	t, err := x.project(id, "project_id")
	if _, ok := errors.AsType[*Error](err); err != nil && (!ok || x.caller.sees()) {
		return nil, err
	}
	seen := false
	if err == nil {
		if seen, err = x.seesProject(t); err != nil {
			return nil, err
		}
	}
	if !seen { // the same for projects that do not exist
		return nil, forbidden("project_id", "There is no project %s, or this key may not see it.", clip(id))
	}
	return x.projectAnswer(t)
}

// listProjects serves /project/list.
func (x *exchange) listProjects() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindProject})
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		if seen, err := x.seesProject(t); err != nil {
			return nil, err
		} else if !seen {
			continue
		}
		d, err := x.projectShown(t)
		if err != nil {
			return nil, err
		}
		all = append(all, d.bytes())
	}
	return jsonx.Array(all), nil
}

// inProject checks that a key with given fields may belong to the project that is given for it, or that it has. key is nil for a
// new one.
func (x *exchange) inProject(given *document, key *thing) error {
	id, team := given.text("project_id"), given.text("team_id")
	models, budget := given, given
	if key != nil {
		had := key.doc.text("project_id")
		if !given.has("project_id") {
			id = had
		}
		if !given.has("team_id") {
			team = key.TeamID
		}
		if id != "" && had != "" && id != had {
			return refused("project_id", "Project reassignment is not supported. Use null to detach the key.")
		}
		if !given.has("models") {
			models = key.doc
		}
		if !given.has("max_budget") {
			budget = key.doc
		}
	}
	if id == "" || key != nil && !given.has("project_id") && !given.has("team_id") && !given.has("models") && !given.has("max_budget") {
		return nil
	}
	t, err := x.project(id, "project_id")
	if err != nil {
		return err
	}
	if t.TeamID != team {
		whose := "no team"
		if team != "" {
			whose = clip(team)
		}
		return refused("project_id", "Project %s belongs to team %s, but the key belongs to %s. A key can only be attached to a project owned by its own team.", clip(id), t.TeamID, whose)
	}
	if have := t.doc.texts("models"); len(have) > 0 {
		for _, model := range models.texts("models") {
			if !slices.Contains(have, model) && model != "all-team-models" && model != "all-proxy-models" {
				return refused("models", "Model '%s' not in project's allowed models. Project allowed models=%s. Project: %s.", clip(model), llm.Clip(strings.Join(have, ", "), 500), clip(id))
			}
		}
	}
	return x.projectPays(budget, t)
}

// projectPays refuses a key's budget that is larger than that of its project.
func (x *exchange) projectPays(key *document, t *thing) error {
	asked, ok := key.cost("max_budget")
	if !ok {
		return nil
	}
	budget := t.doc
	if id := t.doc.text("budget_id"); id != "" && t.doc.get("max_budget") == nil {
		b, err := x.entity(store.KindBudget, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		budget = b.doc
	}
	if most, limited := budget.cost("max_budget"); limited && asked > most {
		return refused("max_budget", "Key max_budget (%s) exceeds project's max_budget (%s). Project: %s.", key.get("max_budget"), budget.get("max_budget"), t.ID)
	}
	return nil
}
