package admin

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// modelGroupFields are those of /access_group/new and of its changes.
func modelGroupFields() []field {
	return []field{{name: "access_group", form: text}, {name: "model_names", form: texts}, {name: "model_ids", form: texts}}
}

// modelGroup is an access group that models of the database name in model_info.access_groups. It exists as long as one of them
// does.
type modelGroup struct {
	name   string
	models []*thing
}

// modelGroups are those that there are, by name.
func (x *exchange) modelGroups() (groups []*modelGroup, models []*thing, err error) {
	models, _, err = x.entities(store.Filter{Kind: store.KindModel})
	if err != nil {
		return nil, nil, err
	}
	byName := map[string]*modelGroup{}
	for _, t := range models {
		for _, name := range parse(t.doc.get("model_info")).texts("access_groups") {
			g := byName[name]
			if g == nil {
				g = &modelGroup{name: name}
				byName[name] = g
				groups = append(groups, g)
			}
			if !slices.Contains(g.models, t) {
				g.models = append(g.models, t)
			}
		}
	}
	slices.SortFunc(groups, func(a, b *modelGroup) int { return strings.Compare(a.name, b.name) })
	return groups, models, nil
}

// modelGroupShown is a group as answers have it.
func (x *exchange) modelGroupShown(g *modelGroup) (jsonx.Raw, error) {
	link, budget, err := x.groupBudget(g.name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range g.models {
		names = append(names, t.doc.text("model_name"))
	}
	slices.Sort(names)
	d := &document{}
	d.put("access_group", g.name)
	d.set("model_names", quoteAll(slices.Compact(names)))
	d.set("deployment_count", wholeOf(int64(len(g.models))))
	x.groupBudgetShown(d, link, budget)
	return d.bytes(), nil
}

// listModelGroups serves /access_group/list.
func (x *exchange) listModelGroups() ([]byte, error) {
	groups, _, err := x.modelGroups()
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, g := range groups {
		shown, err := x.modelGroupShown(g)
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	d := &document{}
	d.set("access_groups", jsonx.Array(all))
	return d.bytes(), nil
}

// modelGroupOfPath finds the group that the path names, and all models.
func (x *exchange) modelGroupOfPath() (*modelGroup, []*thing, error) {
	name := x.r.PathValue("access_group")
	groups, models, err := x.modelGroups()
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(groups, func(g *modelGroup) bool { return g.name == name })
	if at < 0 {
		return nil, nil, absent("access_group", "Access group '%s' not found: GET /access_group/list lists them.", clip(name))
	}
	return groups[at], models, nil
}

// getModelGroup serves GET /access_group/{access_group}/info.
func (x *exchange) getModelGroup() ([]byte, error) {
	g, _, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	return x.modelGroupShown(g)
}

// newModelGroup serves POST /access_group/new.
func (x *exchange) newModelGroup() ([]byte, error) {
	given, err := x.storable(modelGroupFields())
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(given.text("access_group"))
	if name == "" {
		return nil, refused("access_group", "access_group must be given: the name of the group.")
	}
	groups, models, err := x.modelGroups()
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(groups, func(g *modelGroup) bool { return g.name == name }) {
		return nil, &Error{Status: 409, Type: typeBadRequest, Param: "access_group", Message: "Access group '" + clip(name) + "' already exists. Use PUT /access_group/" + clip(name) + "/update to change it."}
	}
	return x.putModelGroup(&modelGroup{name: name}, models, given)
}

// updateModelGroup serves PUT /access_group/{access_group}/update: the group has the models that are given, and no others.
func (x *exchange) updateModelGroup() ([]byte, error) {
	given, err := x.storable(modelGroupFields())
	if err != nil {
		return nil, err
	}
	g, models, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	return x.putModelGroup(g, models, given)
}

func (x *exchange) putModelGroup(g *modelGroup, models []*thing, given *document) ([]byte, error) {
	chosen, err := chosenModels(models, given)
	if err != nil {
		return nil, err
	}
	var changed []*thing
	for _, t := range models {
		if x.joins(t, g.name, slices.Contains(chosen, t)) {
			changed = append(changed, t)
		}
	}
	if len(changed) > 0 {
		if err := x.put(changed...); err != nil {
			return nil, err
		}
	}
	d := &document{}
	d.put("access_group", g.name)
	d.set("model_names", given.get("model_names"))
	d.set("model_ids", given.get("model_ids"))
	d.set("models_updated", wholeOf(int64(len(chosen))))
	return d.bytes(), nil
}

// chosenModels are the models that a request names: by their ids, or else by their names.
func chosenModels(models []*thing, given *document) ([]*thing, error) {
	names, by, of := given.texts("model_ids"), "model_ids", func(t *thing) string { return t.ID }
	if len(names) == 0 {
		names, by, of = given.texts("model_names"), "model_names", func(t *thing) string { return t.doc.text("model_name") }
	}
	if len(names) == 0 {
		return nil, refused("model_names", "Either model_names or model_ids must be given, with one model or more.")
	}
	var chosen []*thing
	for _, name := range names {
		found := false
		for _, t := range models {
			if of(t) == name {
				found, chosen = true, append(chosen, t)
			}
		}
		if !found {
			return nil, refused(by, "%s: no model of the database is %s. Models of the configuration's file have their groups in model_info.access_groups there.", by, clip(name))
		}
	}
	return chosen, nil
}

// joins puts a model into a group, or takes it out, and reports whether that is a change.
func (x *exchange) joins(t *thing, group string, in bool) bool {
	info := parse(t.doc.get("model_info"))
	groups := info.texts("access_groups")
	if slices.Contains(groups, group) == in {
		return false
	}
	groups = slices.DeleteFunc(groups, func(g string) bool { return g == group })
	if in {
		groups = append(groups, group)
	}
	info.set("access_groups", quoteAll(groups))
	t.doc.set("model_info", info.bytes())
	x.touch(t)
	return true
}

// deleteModelGroup serves DELETE /access_group/{access_group}/delete.
func (x *exchange) deleteModelGroup() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	g, _, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	for _, t := range g.models {
		x.joins(t, g.name, false)
	}
	link, _, err := x.groupBudget(g.name)
	if err != nil {
		return nil, err
	}
	c := store.Change{Put: rows(g.models)}
	if link != nil {
		c.Delete = []store.Ref{{Kind: link.Kind, ID: link.ID}}
	}
	if err := x.change(c); err != nil {
		return nil, err
	}
	d := &document{}
	d.put("access_group", g.name)
	d.set("models_updated", wholeOf(int64(len(g.models))))
	d.put("message", "Access group '"+g.name+"' deleted successfully")
	return d.bytes(), nil
}
