package admin

import (
	"errors"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// groupBudgetFields are those of PUT /access_group/{access_group}/budget. Others are refused, as in LiteLLM, so that nobody takes a
// limit of requests for one that holds.
func groupBudgetFields() []field {
	return []field{{name: "budget_id", form: text}, {name: "max_budget", form: money}, {name: "soft_budget", form: money}, {name: "budget_duration", form: period}}
}

// groupBudget reads what a group has of a budget: an entity that names it, and the budget itself. Both are nil for a group without.
func (x *exchange) groupBudget(group string) (link, budget *thing, err error) {
	link, err = x.entity(store.KindGroupBudget, group)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := x.count(link); err != nil {
		return nil, nil, err
	}
	budget, err = x.entity(store.KindBudget, link.doc.text("budget_id"))
	if errors.Is(err, store.ErrNotFound) { // it was deleted
		return link, nil, nil
	}
	return link, budget, err
}

// groupBudgetShown adds what has been spent of a group's budget, and the budget, to an answer.
func (x *exchange) groupBudgetShown(d *document, link, budget *thing) {
	spent := int64(0)
	if link != nil {
		spent = link.spent
	}
	d.set("spend", dollars(spent))
	if budget == nil {
		d.set("budget", nil)
		return
	}
	shown, all := &document{}, x.shownBudget(budget)
	for _, name := range [...]string{"budget_id", "max_budget", "soft_budget", "budget_duration", "budget_reset_at"} {
		shown.set(name, all.get(name))
	}
	d.set("budget", shown.bytes())
}

func (x *exchange) groupBudgetAnswer(group string, link, budget *thing) []byte {
	d := &document{}
	d.put("access_group", group)
	x.groupBudgetShown(d, link, budget)
	return d.bytes()
}

// getGroupBudget serves GET /access_group/{access_group}/budget.
func (x *exchange) getGroupBudget() ([]byte, error) {
	g, _, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	link, budget, err := x.groupBudget(g.name)
	if err != nil {
		return nil, err
	}
	return x.groupBudgetAnswer(g.name, link, budget), nil
}

// putGroupBudget serves PUT /access_group/{access_group}/budget: all keys that may use the group share the budget. It makes a
// budget, changes that of the group, or takes one that there is.
func (x *exchange) putGroupBudget() ([]byte, error) {
	given, err := x.given(groupBudgetFields())
	if err != nil {
		return nil, err
	}
	if len(x.dropped) > 0 {
		return nil, invalid(x.dropped[0], "%s is no field of an access group's budget; they are max_budget, soft_budget, budget_duration and budget_id.", clip(x.dropped[0]))
	}
	some := false
	for _, f := range groupBudgetFields() {
		some = some || given.get(f.name) != nil
	}
	if !some {
		return nil, refused("", "One of max_budget, soft_budget, budget_duration or budget_id is required.")
	}
	g, _, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	if err := x.knownBudget(given); err != nil {
		return nil, err
	}
	link, budget, err := x.groupBudget(g.name)
	if err != nil {
		return nil, err
	}
	fresh := link == nil
	if fresh {
		link = x.create(store.KindGroupBudget, g.name, &document{}, nil)
		link.Alias = g.name
	}
	if id := given.text("budget_id"); id != "" {
		if budget, err = x.budget(id, "budget_id"); err != nil {
			return nil, err
		}
	}
	var changed []*thing
	switch limits := given.get("max_budget") != nil || given.get("soft_budget") != nil || given.get("budget_duration") != nil; {
	case budget == nil:
		id := newID()
		given.put("budget_id", id)
		budget = x.create(store.KindBudget, id, given, budgetFields())
		budget.doc.put("budget_id", id)
		changed = append(changed, budget)
	case limits && given.text("budget_id") == "":
		x.update(budget, given, budgetFields())
		changed = append(changed, budget)
	}
	link.doc.put("budget_id", budget.ID)
	x.touch(link)
	if err := x.put(append(changed, link)...); err != nil {
		return nil, err
	}
	if fresh { // what was spent before an earlier budget was taken back does not count
		if err := x.setSpent(link, 0); err != nil {
			return nil, err
		}
	}
	return x.groupBudgetAnswer(g.name, link, budget), nil
}

// deleteGroupBudget serves DELETE /access_group/{access_group}/budget. The budget itself stays, which others may have too.
func (x *exchange) deleteGroupBudget() ([]byte, error) {
	g, _, err := x.modelGroupOfPath()
	if err != nil {
		return nil, err
	}
	link, _, err := x.groupBudget(g.name)
	if err != nil {
		return nil, err
	}
	message := "Access group '" + g.name + "' has no budget to delete"
	if link != nil {
		message = "Budget for access group '" + g.name + "' deleted successfully"
		if err := x.change(store.Change{Delete: []store.Ref{{Kind: link.Kind, ID: link.ID}}}); err != nil {
			return nil, err
		}
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("access_group")
		w.String(g.name)
		w.Key("budget_deleted")
		w.Bool(link != nil)
		w.Key("message")
		w.String(message)
		w.EndObject()
	}), nil
}
