package admin

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// attachmentFields are those of an attachment of a policy (litellm/types/proxy/policy_engine/resolver_types.py,
// PolicyAttachmentCreateRequest).
func attachmentFields() []field {
	return []field{
		{name: "policy_name", form: text},
		{name: "scope", form: text},
		{name: "teams", form: texts, std: "[]"},
		{name: "keys", form: texts, std: "[]"},
		{name: "models", form: texts, std: "[]"},
		{name: "tags", form: texts, std: "[]"},
		{name: "priority", form: anything, kept: true},
		{name: "default", form: truth, std: "false"},
	}
}

// attachmentShown is an attachment of the store as answers have it.
func attachmentShown(t *thing) jsonx.Raw {
	d := &document{}
	d.put("attachment_id", t.ID)
	for _, f := range attachmentFields() {
		v := t.doc.get(f.name)
		if v == nil || v.Kind() == 'n' {
			v = f.usual()
		}
		d.set(f.name, orNull(v))
	}
	return stored(d, t)
}

// listAttachments serves GET /policies/attachments/list.
func (x *exchange) listAttachments() ([]byte, error) {
	found, _, err := x.entities(store.Filter{Kind: store.KindAttachment})
	if err != nil {
		return nil, err
	}
	all := []jsonx.Raw{}
	for _, t := range found {
		all = append(all, attachmentShown(t))
	}
	if p := x.h.opt.Policies; p != nil {
		all = append(all, p.ConfiguredAttachments()...)
	}
	return shownList("attachments", all), nil
}

// newAttachment serves POST /policies/attachments.
func (x *exchange) newAttachment() ([]byte, error) {
	given, err := x.storable(attachmentFields())
	if err != nil {
		return nil, err
	}
	name := given.text("policy_name")
	if name == "" {
		return nil, invalid("policy_name", "policy_name must be given.")
	}
	t := &thing{Entity: store.Entity{Kind: store.KindAttachment, ID: newID(), Alias: name, Created: x.now, Updated: x.now}, doc: &document{}}
	for _, f := range attachmentFields() {
		if v := given.get(f.name); v != nil {
			t.doc.set(f.name, v)
		}
	}
	t.doc.put("created_by", x.caller.name())
	x.touch(t)
	if err := faulty(x.h.opt.Policies.CheckAttachment(t.doc.bytes())); err != nil {
		return nil, err
	}
	for field, kind := range map[string]store.Kind{"teams": store.KindTeam, "keys": store.KindKey} {
		if err := x.aliased(field, kind, given.texts(field)); err != nil {
			return nil, err
		}
	}
	if err := x.add(refused("attachment_id", "The attachment exists already."), t); err != nil {
		return nil, err
	}
	return attachmentShown(t), nil
}

// aliased checks that names without a * are aliases that there are: with one that was misspelt the policy would not be in force.
func (x *exchange) aliased(field string, kind store.Kind, names []string) error {
	for _, name := range names {
		if strings.HasSuffix(name, "*") {
			continue
		}
		found, _, err := x.entities(store.Filter{Kind: kind, Alias: name, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return refused(field, "No %s has the alias %s. For aliases that begin with it, write %s*.", kind, clip(name), clip(name))
		}
	}
	return nil
}

// attachmentOfPath is the attachment that the path names.
func (x *exchange) attachmentOfPath() (*thing, error) {
	return x.ofStore(store.KindAttachment, x.r.PathValue("attachment_id"), "attachment_id", "Attachment", "/policies/attachments/list")
}

// getAttachment serves GET /policies/attachments/{attachment_id}.
func (x *exchange) getAttachment() ([]byte, error) {
	t, err := x.attachmentOfPath()
	if err != nil {
		return nil, err
	}
	return attachmentShown(t), nil
}

// deleteAttachment serves DELETE /policies/attachments/{attachment_id}.
func (x *exchange) deleteAttachment() ([]byte, error) {
	if err := x.storing(); err != nil {
		return nil, err
	}
	t, err := x.attachmentOfPath()
	if err != nil {
		return nil, err
	}
	if err := x.change(store.Change{Delete: []store.Ref{{Kind: t.Kind, ID: t.ID}}}); err != nil {
		return nil, err
	}
	d := &document{}
	d.put("message", "Attachment "+t.ID+" deleted successfully")
	return d.bytes(), nil
}
