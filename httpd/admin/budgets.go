package admin

import (
	"errors"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// shownBudget is a budget as answers have it.
func (x *exchange) shownBudget(t *thing) *document {
	d := x.shown(t)
	d.drop("spend") // it is what several have each, and spends nothing itself
	return d
}

// budgeted is an entity as answers have it, with its budget: that of its budget_id, or its own limits.
func (x *exchange) budgeted(t *thing) (*document, error) {
	if err := x.count(t); err != nil {
		return nil, err
	}
	d := x.shown(t)
	if d.text("budget_id") != "" {
		return d, x.budgetOf(d)
	}
	table := &document{}
	for _, f := range limits() {
		if v := d.get(f.name); v != nil && string(v) != "{}" {
			table.set(f.name, v)
		}
	}
	if d.get("budget_reset_at") != nil {
		table.set("budget_reset_at", d.get("budget_reset_at"))
	}
	if len(table.members) == 0 {
		d.set("litellm_budget_table", nil)
	} else {
		d.set("litellm_budget_table", table.bytes())
	}
	return d, nil
}

// allBudgeted is budgeted for several.
func (x *exchange) allBudgeted(found []*thing) ([]jsonx.Raw, error) {
	all := make([]jsonx.Raw, len(found))
	for i, t := range found {
		d, err := x.budgeted(t)
		if err != nil {
			return nil, err
		}
		all[i] = d.bytes()
	}
	return all, nil
}

// knownBudget checks that the budget that is named exists.
func (x *exchange) knownBudget(given *document) error {
	id := given.text("budget_id")
	if id == "" {
		return nil
	}
	there, err := x.exists(store.KindBudget, id)
	if err == nil && !there {
		return refused("budget_id", "There is no budget %s; make it by /budget/new.", clip(id))
	}
	return err
}

// newBudget serves /budget/new.
func (x *exchange) newBudget() ([]byte, error) {
	given, err := x.given(budgetFields())
	if err != nil {
		return nil, err
	}
	id := given.text("budget_id")
	if id == "" {
		id = newID()
	}
	t := x.create(store.KindBudget, id, given, budgetFields())
	t.doc.put("budget_id", id)
	if err := x.add(refused("budget_id", "Budget with id '%s' already exists.", clip(id)), t); err != nil {
		return nil, err
	}
	return x.shownBudget(t).bytes(), nil
}

// budget reads a budget.
func (x *exchange) budget(id, param string) (*thing, error) {
	if id == "" {
		return nil, refused(param, "%s is required.", param)
	}
	t, err := x.entity(store.KindBudget, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(param, "Budget %s not found.", clip(id))
	}
	return t, err
}

// updateBudget serves /budget/update.
func (x *exchange) updateBudget() ([]byte, error) {
	given, err := x.given(budgetFields())
	if err != nil {
		return nil, err
	}
	t, err := x.budget(given.text("budget_id"), "budget_id")
	if err != nil {
		return nil, err
	}
	x.update(t, given, budgetFields())
	if err := x.put(t); err != nil {
		return nil, err
	}
	return x.shownBudget(t).bytes(), nil
}

// getBudgets serves /budget/info.
func (x *exchange) getBudgets() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "budgets")
	if err != nil {
		return nil, err
	}
	return x.budgetsOf(store.Filter{Kind: store.KindBudget, IDs: ids})
}

func (x *exchange) budgetsOf(f store.Filter) ([]byte, error) {
	found, _, err := x.entities(f)
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		all = append(all, x.shownBudget(t).bytes())
	}
	return jsonx.Array(all), nil
}

// listBudgets serves /budget/list.
func (x *exchange) listBudgets() ([]byte, error) {
	return x.budgetsOf(store.Filter{Kind: store.KindBudget})
}

// budgetSettings serves /budget/settings: which fields a budget has, for LiteLLM's user interface.
func (x *exchange) budgetSettings() ([]byte, error) {
	id := x.r.URL.Query().Get("budget_id")
	t, err := x.entity(store.KindBudget, id)
	if errors.Is(err, store.ErrNotFound) {
		t, err = &thing{doc: &document{}}, nil
	}
	if err != nil {
		return nil, err
	}
	about := [...][3]string{
		{"max_parallel_requests", "Integer", "The most requests at the same time."},
		{"tpm_limit", "Integer", "The most tokens a minute."},
		{"rpm_limit", "Integer", "The most requests a minute."},
		{"budget_duration", "String", "After which time the budget begins anew, such as 30d."},
		{"max_budget", "Float", "The most that may be spent, in US dollars."},
		{"soft_budget", "Float", "The amount in US dollars from which people are told; nothing is refused by it."},
		{"model_max_budget", "Object", "The most that may be spent on each model."},
	}
	var all []jsonx.Raw
	for _, f := range about {
		d := &document{}
		d.put("field_name", f[0])
		d.put("field_type", f[1])
		d.put("field_description", f[2])
		d.set("field_value", t.doc.get(f[0]))
		d.set("stored_in_db", truthOf(true))
		d.set("field_default_value", nil)
		all = append(all, d.bytes())
	}
	return jsonx.Array(all), nil
}

// deleteBudget serves /budget/delete. What names the budget is no longer limited by it.
func (x *exchange) deleteBudget() ([]byte, error) {
	given, err := x.given([]field{{name: "id", form: text}})
	if err != nil {
		return nil, err
	}
	t, err := x.budget(given.text("id"), "id")
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return x.shownBudget(t).bytes(), nil
}
