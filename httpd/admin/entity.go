package admin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

// thing is an entity with its document, and what it has spent.
type thing struct {
	store.Entity
	doc   *document
	spent int64
}

// entity reads an entity. The error is store.ErrNotFound if there is none.
func (x *exchange) entity(kind store.Kind, id string) (*thing, error) {
	if id == "" {
		return nil, store.ErrNotFound
	}
	e, err := x.store.Entity(x.r.Context(), kind, id)
	if err != nil {
		return nil, err
	}
	return &thing{Entity: *e, doc: parse(e.Doc)}, nil
}

// entities reads those that a filter selects, and how many there are in all.
func (x *exchange) entities(f store.Filter) ([]*thing, int, error) {
	found, total, err := x.store.Entities(x.r.Context(), &f)
	if err != nil {
		return nil, 0, err
	}
	all := make([]*thing, len(found))
	for i := range found {
		all[i] = &thing{Entity: found[i], doc: parse(found[i].Doc)}
	}
	return all, total, nil
}

// exists reports whether there is an entity.
func (x *exchange) exists(kind store.Kind, id string) (bool, error) {
	_, err := x.entity(kind, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// count reads what entities have spent.
func (x *exchange) count(all ...*thing) error {
	if len(all) == 0 {
		return nil
	}
	counters := make([]string, len(all))
	for i, t := range all {
		counters[i] = store.SpendCounter(t.Kind, t.ID)
	}
	spent, err := x.store.Spent(x.r.Context(), counters)
	if err != nil {
		return err
	}
	for i, t := range all {
		t.spent = spent[counters[i]]
	}
	return nil
}

// create makes a new entity of given fields, which is not written yet.
func (x *exchange) create(kind store.Kind, id string, given *document, fields []field) *thing {
	t := &thing{Entity: store.Entity{Kind: kind, ID: id, Created: x.now, Updated: x.now}, doc: &document{}}
	fill(t.doc, given, fields, true)
	t.doc.put("created_by", x.caller.name())
	t.doc.put("updated_by", x.caller.name())
	return t
}

// update changes an entity by given fields; it is not written yet.
func (x *exchange) update(t *thing, given *document, fields []field) {
	fill(t.doc, given, fields, false)
	x.touch(t)
}

// touch notes that an entity has been changed.
func (x *exchange) touch(t *thing) {
	t.Updated = x.now
	t.doc.put("updated_by", x.caller.name())
}

// row is the entity as it is written.
func (t *thing) row() store.Entity {
	t.Doc = t.doc.bytes()
	return t.Entity
}

// change makes a change in the caller's name.
func (x *exchange) change(c store.Change) error {
	c.By, c.ByKey, c.Action = x.caller.name(), x.caller.Key, x.action
	if by := x.r.Header.Get("Litellm-Changed-By"); by != "" && x.caller.admin() {
		c.By = llm.Clip(by, 256)
	}
	if err := x.keepsAdminGroup(&c); err != nil {
		return err
	}
	if err := x.groupRoles(&c); err != nil {
		return err
	}
	ctx := context.WithoutCancel(x.r.Context())
	kept, err := x.kept(&c)
	if err != nil {
		return err
	}
	if _, err = x.store.Change(ctx, &c); err == nil && len(kept) > 0 {
		x.h.opt.Keys.Keep(ctx, kept)
	}
	return err
}

// put writes changed entities.
func (x *exchange) put(all ...*thing) error { return x.change(store.Change{Put: rows(all)}) }

// add writes new entities; existing is the error if there is one of them already.
func (x *exchange) add(existing error, all ...*thing) error {
	err := x.change(store.Change{Put: rows(all), Create: true})
	if errors.Is(err, store.ErrExists) {
		return existing
	}
	return err
}

func rows(all []*thing) []store.Entity {
	entities := make([]store.Entity, len(all))
	for i, t := range all {
		entities[i] = t.row()
	}
	return entities
}

// shown is an entity's document as answers have it: with its times, what it has spent, and when its budget begins
// anew.
func (x *exchange) shown(t *thing) *document {
	d := &document{members: append([]jsonx.Member(nil), t.doc.members...)}
	d.set("spend", dollars(t.spent))
	if d.has("budget_duration") {
		reset := moment(window(d, t.Created).End(x.now))
		if d.get("budget_duration") == nil {
			reset = nil
		}
		d.set("budget_reset_at", reset)
	}
	d.set("created_at", moment(t.Created))
	d.set("updated_at", moment(t.Updated))
	return d
}

// raise copies the folded fields of the metadata to the top, where LiteLLM's answers to new keys have them too.
func raise(d *document, fields []field) {
	metadata := d.metadata()
	for _, f := range fields {
		if f.at == folded && !d.has(f.name) {
			d.set(f.name, metadata.get(f.name))
		}
	}
}

// budgetOf adds the budget that an entity names by budget_id.
func (x *exchange) budgetOf(d *document) error {
	b, err := x.entity(store.KindBudget, d.text("budget_id"))
	if errors.Is(err, store.ErrNotFound) {
		d.set("litellm_budget_table", nil)
		return nil
	}
	if err != nil {
		return err
	}
	d.set("litellm_budget_table", x.shownBudget(b).bytes())
	return nil
}

// newKey makes a key in LiteLLM's form: sk- and 22 url-safe characters.
func newKey() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var random [22]byte
	_, _ = rand.Read(random[:]) // never fails
	for i := range random {
		random[i] = alphabet[random[i]&63]
	}
	return "sk-" + string(random[:])
}

// newID makes an id in the form of a UUID of version 4, as LiteLLM's are.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&15|0x40, b[8]&63|0x80
	text := hex.EncodeToString(b[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// keyID is the id of a key that is named by itself or by its hash.
func keyID(key string) string {
	if strings.HasPrefix(key, "sk-") {
		return tenant.Hash(key)
	}
	return strings.ToLower(key)
}

// encode encodes an answer.
func encode(build func(w *jsonx.Writer)) []byte {
	var w jsonx.Writer
	build(&w)
	return w.Buf
}

// wholeOf is an integer as JSON.
func wholeOf(n int64) jsonx.Raw { return strconv.AppendInt(nil, n, 10) }
