package takeover

import (
	"slices"

	"outcrop/internal/jsonx"
)

// doc is a JSON object that is being made.
type doc struct{ members []jsonx.Member }

// parse reads an object; it is empty if it is none.
func parse(v jsonx.Raw) *doc {
	members, err := jsonx.Members(v)
	if err != nil {
		return &doc{}
	}
	return &doc{members}
}

func (d *doc) index(name string) int {
	return slices.IndexFunc(d.members, func(m jsonx.Member) bool { return m.Name == name })
}

func (d *doc) has(name string) bool { return d.index(name) >= 0 }

// get is a member; nil if it is absent.
func (d *doc) get(name string) jsonx.Raw { return jsonx.Find(d.members, name) }

// set sets a member.
func (d *doc) set(name string, v jsonx.Raw) {
	if v == nil {
		v = jsonx.Raw("null")
	}
	if i := d.index(name); i >= 0 {
		d.members[i].Value = v
		return
	}
	d.members = append(d.members, jsonx.Member{Name: name, Value: v})
}

// put sets a member to a text.
func (d *doc) put(name, text string) { d.set(name, jsonx.AppendString(nil, text)) }

func (d *doc) drop(name string) {
	d.members = slices.DeleteFunc(d.members, func(m jsonx.Member) bool { return m.Name == name })
}

// bytes is the object as JSON.
func (d *doc) bytes() []byte {
	var w jsonx.Writer
	w.Object()
	w.Members(d.members)
	w.EndObject()
	return w.Buf
}

// merged is a document with what has changed between two others, as it is written in a third.
func merged(current, before, after, written []byte) []byte {
	d, old, now, own := parse(current), parse(before), parse(after), parse(written)
	for _, m := range now.members {
		if string(old.get(m.Name)) != string(m.Value) {
			d.set(m.Name, own.get(m.Name))
		}
	}
	for _, m := range old.members {
		if !now.has(m.Name) {
			d.drop(m.Name)
		}
	}
	return d.bytes()
}
