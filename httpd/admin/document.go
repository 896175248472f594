package admin

import (
	"slices"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// document is a JSON object whose members keep their order.
type document struct{ members []jsonx.Member }

// parse reads a document of the store, which has valid ones only.
func parse(doc []byte) *document {
	members, err := jsonx.Members(doc)
	if err != nil {
		return &document{}
	}
	return &document{members}
}

// get is the value of a member; nil if it is absent or null.
func (d *document) get(name string) jsonx.Raw {
	v := jsonx.Find(d.members, name)
	if len(v) == 0 || v.Kind() == 'n' {
		return nil
	}
	return v
}

// set sets a member; nil sets null.
func (d *document) set(name string, value jsonx.Raw) {
	if value == nil {
		value = jsonx.Raw("null")
	}
	for i := range d.members {
		if d.members[i].Name == name {
			d.members[i].Value = value
			return
		}
	}
	d.members = append(d.members, jsonx.Member{Name: name, Value: value})
}

// put sets a member to a text.
func (d *document) put(name, text string) { d.set(name, quote(text)) }

// drop removes a member.
func (d *document) drop(names ...string) {
	d.members = slices.DeleteFunc(d.members, func(m jsonx.Member) bool { return slices.Contains(names, m.Name) })
}

// text is the text of a member; empty if it is none.
func (d *document) text(name string) string { return jsonx.Word(d.get(name)) }

// yes reports whether a member is true.
func (d *document) yes(name string) bool { return string(d.get(name)) == "true" }

// texts are the texts of a member that is a list.
func (d *document) texts(name string) []string {
	var list []string
	if v := d.get(name); v == nil || jsonx.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
}

// metadata is the document's metadata.
func (d *document) metadata() *document {
	v := d.get("metadata")
	if v == nil || v.Kind() != '{' {
		return &document{}
	}
	return parse(v)
}

// cost is an amount of money; ok is false if there is none. Amounts above a million dollars are a million, which
// is the most that is counted.
func (d *document) cost(name string) (c llm.Cost, ok bool) { return costOf(d.get(name)) }

func costOf(v jsonx.Raw) (llm.Cost, bool) {
	if v == nil || v.Kind() != '0' {
		return 0, false
	}
	if c, ok := llm.ParseCost(string(v)); ok {
		return c, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 {
		return 0, false
	}
	c, _ := llm.ParseCost("1000000")
	return c, true
}

// whole is an integer; 0 if there is none.
func (d *document) whole(name string) int64 {
	n, err := strconv.ParseInt(string(d.get(name)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// bytes is the document as JSON.
func (d *document) bytes() []byte {
	var w jsonx.Writer
	d.write(&w)
	return w.Buf
}

// write writes the document.
func (d *document) write(w *jsonx.Writer) {
	w.Object()
	w.Members(d.members)
	w.EndObject()
}

// quote is a text as JSON.
func quote(text string) jsonx.Raw { return jsonx.AppendString(nil, text) }

// quoteAll is a list of texts as JSON.
func quoteAll(list []string) jsonx.Raw {
	items := make([]jsonx.Raw, len(list))
	for i, text := range list {
		items[i] = quote(text)
	}
	return jsonx.Array(items)
}

// dollars is an amount as JSON.
func dollars(units int64) jsonx.Raw { return llm.Cost(units).Append(nil) }

// timeForm is how times are written, in UTC.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

// moment is a time as JSON; null for the zero time.
func moment(t time.Time) jsonx.Raw {
	if t.IsZero() {
		return jsonx.Raw("null")
	}
	return quote(t.UTC().Format(timeForm))
}

// instant reads a time as LiteLLM's clients write it: with or without a zone, UTC then, or only a date.
func instant(text string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
