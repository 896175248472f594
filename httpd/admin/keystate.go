package admin

import (
	"context"
	"errors"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// deleteKeys serves /key/delete.
func (x *exchange) deleteKeys() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	member, byAlias := "keys", false
	if jsonx.Find(body, "keys") == nil && jsonx.Find(body, "key_aliases") != nil {
		member, byAlias = "key_aliases", true
	}
	names, err := named(body, member)
	if err != nil {
		return nil, err
	}
	var refs []store.Ref
	var deleted []string
	for _, name := range names {
		id := name
		if byAlias {
			if id, err = x.keyByAlias(name); err != nil {
				return nil, err
			}
		}
		t, err := x.key(id, true)
		var e *Error
		if errors.As(err, &e) && e.Type == typeNotFound {
			continue // one that is not there needs no deletion
		}
		if err == nil {
			err = x.mayDelete(t)
		}
		if err != nil {
			return nil, err
		}
		refs, deleted = append(refs, store.Ref{Kind: store.KindKey, ID: t.ID}), append(deleted, name)
	}
	if len(refs) == 0 {
		return nil, absent(member, "No keys found.")
	}
	old, err := x.oldKeys(refs)
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: append(refs, old...)}); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("deleted_keys")
		w.Raw(quoteAll(deleted))
		w.EndObject()
	}), nil
}

// oldKeys are the replaced keys that stand for keys which are going to be deleted.
func (x *exchange) oldKeys(refs []store.Ref) ([]store.Ref, error) {
	var all []store.Ref
	for _, ref := range refs {
		old, _, err := x.entities(store.Filter{Kind: store.KindOldKey, Alias: ref.ID})
		if err != nil {
			return nil, err
		}
		for _, t := range old {
			all = append(all, store.Ref{Kind: store.KindOldKey, ID: t.ID})
		}
	}
	return all, nil
}

// blockKey serves /key/block and /key/unblock.
func (x *exchange) blockKey(blocked bool) ([]byte, error) {
	given, err := x.given([]field{{name: "key", form: text}})
	if err != nil {
		return nil, err
	}
	if given.text("key") == "" {
		return nil, invalid("key", "key must be given: the key, or its hash.")
	}
	t, err := x.key(given.text("key"), false)
	if err != nil {
		return nil, err
	}
	t.doc.set("blocked", truthOf(blocked))
	x.touch(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	if err := x.count(t); err != nil {
		return nil, err
	}
	d := x.shown(t)
	d.put("token", t.ID)
	return d.bytes(), nil
}

func truthOf(yes bool) jsonx.Raw {
	if yes {
		return jsonx.Raw("true")
	}
	return jsonx.Raw("false")
}

// regenerateKey serves /key/regenerate: the key gets a new secret and keeps all else that is not given. The old
// secret works until the grace period is over.
func (x *exchange) regenerateKey() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	given, err := x.take(body, regenerateFields())
	if err != nil {
		return nil, err
	}
	if given.text("new_master_key") != "" {
		return nil, refused("new_master_key", "The master key is the configuration's: set general_settings.master_key, and start the gateway again.")
	}
	name := given.text("key")
	if name == "" {
		name = x.r.PathValue("key")
	}
	if name == "" {
		return nil, invalid("key", "key must be given: the key, or its hash.")
	}
	t, err := x.key(name, true)
	if err != nil {
		return nil, err
	}
	if err := x.changeable(t, given); err != nil {
		return nil, err
	}
	if err := x.inProject(given, t); err != nil {
		return nil, err
	}
	if err := x.bounded(body, given); err != nil {
		return nil, err
	}
	if err := x.alias(given, t.ID, t.Alias); err != nil {
		return nil, err
	}
	secret, err := chosenKey(given, "new_key")
	if err != nil {
		return nil, err
	}
	if err := x.count(t); err != nil {
		return nil, err
	}
	oldID, id := t.ID, tenant.Hash(secret)
	if id == oldID {
		return nil, refused("new_key", "new_key must not be the key that it replaces.")
	}
	if there, err := x.exists(store.KindKey, id); err != nil || there {
		return nil, errors.Join(err, refused("new_key", "This key exists already."))
	}
	before := t.doc.metadata()
	x.update(t, given, keyFields())
	if err := x.passesKept(before, t); err != nil {
		return nil, err
	}
	if given.has("duration") {
		t.doc.set("expires", moment(later(given.text("duration"), x.now)))
	}
	n := t.doc.whole("rotation_count")
	t.doc.set("rotation_count", wholeOf(n+1))
	t.doc.set("last_rotation_at", moment(x.now))
	t.doc.put("key_name", mask(secret))
	t.ID, t.Revision = id, 0
	columns(t)
	x.keyMade(id, secret)
	c := store.Change{Put: rows([]*thing{t}), Delete: []store.Ref{{Kind: store.KindKey, ID: oldID}}}
	earlier, _, err := x.entities(store.Filter{Kind: store.KindOldKey, Alias: oldID})
	if err != nil {
		return nil, err
	}
	for _, o := range earlier { // their grace goes on, for the new key
		o.Alias = id
		o.doc.put("active_token_id", id)
		c.Put = append(c.Put, o.row())
	}
	if grace := given.text("grace_period"); grace != "" {
		until := later(grace, x.now)
		o := &thing{Entity: store.Entity{Kind: store.KindOldKey, ID: oldID, Alias: id, Created: x.now, Updated: x.now}, doc: &document{}}
		o.doc.put("active_token_id", id)
		o.doc.set("revoke_at", moment(until))
		c.Put = append(c.Put, o.row())
	}
	if err := x.change(c); err != nil {
		return nil, err
	}
	if t.spent != 0 { // what was spent stays spent
		if err := x.setSpent(t, t.spent); err != nil {
			return nil, err
		}
	}
	return x.born(secret, t), nil
}

// resetKey serves /key/{key}/reset_spend.
func (x *exchange) resetKey() ([]byte, error) {
	to, err := x.resetTo()
	if err != nil {
		return nil, err
	}
	t, err := x.key(x.r.PathValue("key"), false)
	if err != nil {
		return nil, err
	}
	if err := x.count(t); err != nil {
		return nil, err
	}
	before := t.spent
	if err := x.reset(t, to); err != nil {
		return nil, err
	}
	d := x.shown(t)
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("key_hash")
		w.String(t.ID)
		w.Key("spend")
		w.Raw(dollars(to))
		w.Key("previous_spend")
		w.Raw(dollars(before))
		w.Key("max_budget")
		w.Raw(orNull(t.doc.get("max_budget")))
		w.Key("budget_reset_at")
		w.Raw(orNull(d.get("budget_reset_at")))
		w.EndObject()
	}), nil
}

func orNull(v jsonx.Raw) jsonx.Raw {
	if v == nil {
		return jsonx.Raw("null")
	}
	return v
}

// resetTo reads the body of a request that resets what was spent.
func (x *exchange) resetTo() (int64, error) {
	body, err := x.object()
	if err != nil {
		return 0, err
	}
	v := jsonx.Find(body, "reset_to")
	if v == nil || v.Kind() != '0' {
		return 0, invalid("reset_to", "reset_to must be a number, in US dollars.")
	}
	c, ok := llm.ParseCost(string(v))
	if !ok {
		return 0, refused("reset_to", "reset_to must be from 0 to 1000000.")
	}
	return int64(c), nil
}

// reset sets what an entity has spent in its period to less than it is, for the record too.
func (x *exchange) reset(t *thing, to int64) error {
	if to > t.spent {
		return refused("reset_to", "reset_to (%s) must be at most what was spent (%s).", dollars(to), dollars(t.spent))
	}
	if most, ok := t.doc.cost("max_budget"); ok && to > int64(most) {
		return refused("reset_to", "reset_to (%s) must be at most the budget (%s).", dollars(to), t.doc.get("max_budget"))
	}
	x.touch(t)
	if err := x.put(t); err != nil { // readers of the store look again
		return err
	}
	return x.setSpent(t, to)
}

// setSpent sets what an entity has spent in its period.
func (x *exchange) setSpent(t *thing, units int64) error {
	t.spent = units
	return x.store.ResetSpend(context.WithoutCancel(x.r.Context()), store.SpendCounter(t.Kind, t.ID), units)
}
