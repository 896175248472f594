package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// customer reads a customer.
func (x *exchange) customer(id, param string) (*thing, error) {
	t, err := x.entity(store.KindCustomer, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(param, "End User Id=%s does not exist in db.", clip(id))
	}
	return t, err
}

// customerGiven reads the fields of a customer in a body, and the customer's id.
func (x *exchange) customerGiven() (*document, string, error) {
	body, err := x.object()
	if err != nil {
		return nil, "", err
	}
	given, err := x.take(body, customerFields())
	if err != nil {
		return nil, "", err
	}
	id := given.text("user_id")
	switch {
	case strings.TrimSpace(id) == "":
		return nil, "", invalid("user_id", "user_id must be given.")
	case given.get("max_budget") != nil && given.get("budget_id") != nil:
		return nil, "", invalid("budget_id", "Set either 'max_budget' or 'budget_id', not both.")
	}
	return given, id, x.knownBudget(given)
}

// newCustomer serves /customer/new.
func (x *exchange) newCustomer() ([]byte, error) {
	given, id, err := x.customerGiven()
	if err != nil {
		return nil, err
	}
	t := x.create(store.KindCustomer, id, given, customerFields())
	t.doc.put("user_id", id)
	t.Alias = given.text("alias")
	if err := x.add(refused("user_id", "Customer already exists, passed user_id=%s. Please pass a new user_id.", clip(id)), t); err != nil {
		return nil, err
	}
	return x.customerAnswer(t)
}

func (x *exchange) customerAnswer(t *thing) ([]byte, error) {
	d, err := x.budgeted(t)
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// updateCustomer serves /customer/update.
func (x *exchange) updateCustomer() ([]byte, error) {
	given, id, err := x.customerGiven()
	if err != nil {
		return nil, err
	}
	t, err := x.customer(id, "user_id")
	if err != nil {
		return nil, err
	}
	if given.get("max_budget") != nil {
		given.set("budget_id", nil)
	} else if given.get("budget_id") != nil {
		given.set("max_budget", nil)
	}
	x.update(t, given, customerFields())
	t.Alias = t.doc.text("alias")
	if err := x.put(t); err != nil {
		return nil, err
	}
	if spend, ok := given.cost("spend"); ok {
		if err := x.setSpent(t, int64(spend)); err != nil {
			return nil, err
		}
	}
	return x.customerAnswer(t)
}

// deleteCustomers serves /customer/delete.
func (x *exchange) deleteCustomers() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "user_ids")
	if err != nil {
		return nil, err
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var refs []store.Ref
	for _, id := range ids {
		if _, err := x.customer(id, "user_ids"); err != nil {
			return nil, err
		}
		refs = append(refs, store.Ref{Kind: store.KindCustomer, ID: id})
	}
	if err := x.change(store.Change{Delete: refs}); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("deleted_customers")
		w.Int(int64(len(ids)))
		w.Key("message")
		w.String("Successfully deleted customers with ids: " + strings.Join(ids, ", "))
		w.EndObject()
	}), nil
}

// getCustomer serves /customer/info.
func (x *exchange) getCustomer() ([]byte, error) {
	id := x.r.URL.Query().Get("end_user_id")
	if id == "" {
		return nil, invalid("end_user_id", "end_user_id must be given.")
	}
	t, err := x.customer(id, "end_user_id")
	if err != nil {
		return nil, err
	}
	return x.customerAnswer(t)
}

// listCustomers serves /customer/list.
func (x *exchange) listCustomers() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindCustomer})
	if err != nil {
		return nil, err
	}
	all, err := x.allBudgeted(found)
	if err != nil {
		return nil, err
	}
	return jsonx.Array(all), nil
}

// blockCustomers serves /customer/block and /customer/unblock. A customer who does not exist yet is made by
// blocking, as in LiteLLM.
func (x *exchange) blockCustomers(blocked bool) ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	ids, err := named(body, "user_ids")
	if err != nil {
		return nil, err
	}
	var changed []*thing
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		t, err := x.customer(id, "user_ids")
		var e *Error
		if errors.As(err, &e) && blocked {
			t, err = x.create(store.KindCustomer, id, &document{}, customerFields()), nil
			t.doc.put("user_id", id)
		}
		if err != nil {
			return nil, err
		}
		t.doc.set("blocked", truthOf(blocked))
		x.touch(t)
		changed = append(changed, t)
	}
	if err := x.put(changed...); err != nil {
		return nil, err
	}
	all, err := x.allBudgeted(changed)
	if err != nil {
		return nil, err
	}
	member := "blocked_users"
	if !blocked {
		member = "unblocked_users"
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key(member)
		w.Raw(jsonx.Array(all))
		w.EndObject()
	}), nil
}
