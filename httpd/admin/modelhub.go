package admin

import (
	"errors"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// Settings of the store: which models everybody may see, and the links beside them. A document has the setting under its own name.
const (
	PublicGroups = "public_model_groups"
	PublicLinks  = "public_model_groups_links"
)

// publicFields are those of /model_group/make_public, and linkFields those of /model_hub/update_useful_links.
func publicFields() []field { return []field{{name: "model_groups", form: texts}} }
func linkFields() []field   { return []field{{name: "useful_links", form: object}} }

// makePublic serves POST /model_group/make_public: everybody may see the models with these names, and no others.
func (x *exchange) makePublic() ([]byte, error) {
	given, err := x.storable(publicFields())
	if err != nil {
		return nil, err
	}
	groups := given.get("model_groups")
	if groups == nil {
		return nil, invalid("model_groups", "model_groups must be given: the names of the models that are public, which may be none.")
	}
	return x.putSetting(PublicGroups, PublicGroups, groups, "Successfully updated public model groups")
}

// updateLinks serves POST /model_hub/update_useful_links. A link is an address, or an object with url and index.
func (x *exchange) updateLinks() ([]byte, error) {
	given, err := x.storable(linkFields())
	if err != nil {
		return nil, err
	}
	links := given.get("useful_links")
	if links == nil {
		return nil, invalid("useful_links", "useful_links must be given: an object with the links by their names, which may be empty.")
	}
	for _, m := range parse(links).members {
		if kind := m.Value.Kind(); kind != '"' && kind != '{' {
			return nil, invalid("useful_links", "useful_links.%s must be a text or an object, not %s.", clip(m.Name), jsonx.KindName(kind))
		}
	}
	return x.putSetting(PublicLinks, "useful_links", links, "Successfully updated useful links")
}

// putSetting writes a setting of the store, and answers with it under a name.
func (x *exchange) putSetting(setting, name string, value jsonx.Raw, message string) ([]byte, error) {
	if slices.Contains(x.h.opt.FileSettings, setting) {
		return nil, refused(name, "litellm_settings.%s is set in the configuration's file, and can only be changed there. Remove it from the file to change it here.", setting)
	}
	t, err := x.entity(store.KindSetting, setting)
	if errors.Is(err, store.ErrNotFound) {
		t, err = &thing{Entity: store.Entity{Kind: store.KindSetting, ID: setting, Created: x.now}, doc: &document{}}, nil
	}
	if err != nil {
		return nil, err
	}
	t.doc.set(setting, value)
	x.touch(t)
	if err := x.put(t); err != nil {
		return nil, err
	}
	d := &document{}
	d.put("message", message)
	d.set(name, value)
	d.put("updated_by", x.caller.name())
	return d.bytes(), nil
}
