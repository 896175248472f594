package admin

import (
	"errors"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// tagShown is a tag as answers have it.
func (x *exchange) tagShown(t *thing) (*document, error) {
	d, err := x.budgeted(t)
	if err != nil {
		return nil, err
	}
	d.drop("model_max_budget")
	if d.get("model_info") == nil {
		d.set("model_info", jsonx.Raw("{}"))
	}
	return d, nil
}

// tag reads a tag.
func (x *exchange) tag(name string) (*thing, error) {
	t, err := x.entity(store.KindTag, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent("name", "Tag %s not found.", clip(name))
	}
	return t, err
}

// putTag serves /tag/new and /tag/update.
func (x *exchange) putTag(fresh bool) ([]byte, error) {
	given, err := x.given(tagFields())
	if err != nil {
		return nil, err
	}
	name := given.text("name")
	if name == "" {
		return nil, invalid("name", "name must be given.")
	}
	if err := x.knownBudget(given); err != nil {
		return nil, err
	}
	var t *thing
	word := " created successfully"
	if fresh {
		t = x.create(store.KindTag, name, given, tagFields())
		t.doc.put("name", name)
		t.Alias = name
		err = x.add(refused("name", "Tag %s already exists.", clip(name)), t)
	} else {
		word = " updated successfully"
		if t, err = x.tag(name); err != nil {
			return nil, err
		}
		x.update(t, given, tagFields())
		err = x.put(t)
	}
	if err != nil {
		return nil, err
	}
	if spend, ok := given.cost("spend"); ok && !fresh {
		if err := x.setSpent(t, int64(spend)); err != nil {
			return nil, err
		}
	}
	d, err := x.tagShown(t)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("message")
		w.String("Tag " + name + word)
		w.Key("tag")
		d.write(w)
		w.EndObject()
	}), nil
}

// getTags serves /tag/info.
func (x *exchange) getTags() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	names, err := named(body, "names")
	if err != nil {
		return nil, err
	}
	out := &document{}
	var missing []string
	for _, name := range names {
		t, err := x.tag(name)
		if _, ok := errors.AsType[*Error](err); ok {
			missing = append(missing, clip(name))
			continue
		}
		if err != nil {
			return nil, err
		}
		d, err := x.tagShown(t)
		if err != nil {
			return nil, err
		}
		out.set(name, d.bytes())
	}
	if len(missing) > 0 {
		return nil, absent("names", "Tags not found: %s.", strings.Join(missing, ", "))
	}
	return out.bytes(), nil
}

// listTags serves /tag/list.
func (x *exchange) listTags() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindTag})
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		d, err := x.tagShown(t)
		if err != nil {
			return nil, err
		}
		all = append(all, d.bytes())
	}
	return jsonx.Array(all), nil
}

// deleteTag serves /tag/delete.
func (x *exchange) deleteTag() ([]byte, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	t, err := x.tag(jsonx.Word(jsonx.Find(body, "name")))
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("message")
		w.String("Tag " + t.ID + " deleted successfully")
		w.EndObject()
	}), nil
}
