package admin

import (
	"cmp"

	"outcrop/secrets"
	"outcrop/store"
)

// keyMade notes a key that is going to be written, so that it can be kept with its hash.
func (x *exchange) keyMade(hash, secret string) {
	if x.made == nil {
		x.made = map[string]string{}
	}
	x.made[hash] = secret
}

// keptAs is the name of a key for whoever keeps it, as in LiteLLM (1.110.2,
// litellm/proxy/hooks/key_management_event_hooks.py): its alias, or else one made of its hash.
func keptAs(alias, hash string) string { return cmp.Or(alias, "virtual-key-"+hash) }

// kept is what becomes of the keys that are kept when a change is made: new ones and their replacements, other
// aliases, and deletions.
func (x *exchange) kept(c *store.Change) ([]secrets.Change, error) {
	if x.h.opt.Keys == nil {
		return nil, nil
	}
	before, err := x.keysBefore(c)
	if err != nil {
		return nil, err
	}
	var all []secrets.Change
	replaced := ""
	for i := range c.Put {
		t := &c.Put[i]
		if t.Kind != store.KindKey {
			continue
		}
		to := keptAs(t.Alias, t.ID)
		was, existed := before[t.ID]
		switch secret := x.made[t.ID]; {
		case secret != "" && len(c.Delete) == 1: // /key/regenerate
			replaced = c.Delete[0].ID
			all = append(all, secrets.Change{From: before[replaced], To: to, Value: secret})
		case secret != "":
			all = append(all, secrets.Change{To: to, Value: secret})
		case existed && was != to:
			all = append(all, secrets.Change{From: was, To: to})
		}
	}
	for _, ref := range c.Delete {
		if was, existed := before[ref.ID]; existed && ref.Kind == store.KindKey && ref.ID != replaced {
			all = append(all, secrets.Change{From: was})
		}
	}
	return all, nil
}

// keysBefore are the names under which the keys are kept that a change writes or deletes, by their hashes.
func (x *exchange) keysBefore(c *store.Change) (map[string]string, error) {
	var ids []string
	for i := range c.Put {
		if c.Put[i].Kind == store.KindKey && x.made[c.Put[i].ID] == "" {
			ids = append(ids, c.Put[i].ID)
		}
	}
	for _, ref := range c.Delete {
		if ref.Kind == store.KindKey {
			ids = append(ids, ref.ID)
		}
	}
	names := make(map[string]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	found, _, err := x.entities(store.Filter{Kind: store.KindKey, IDs: ids})
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		names[t.ID] = keptAs(t.Alias, t.ID)
	}
	return names, nil
}
