package admin

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/quota"
	"outcrop/tenant"
)

// form is what a field's value is.
type form uint8

const (
	text   form = iota
	money       // US dollars
	whole       // an integer from 0
	truth       // true or false
	texts       // a list of texts
	object      // an object
	list        // a list
	period      // such as 30d
	date
	routing // router settings
	anything
)

// words describe forms in errors.
func (f form) words() string {
	return [...]string{"a text", "a number from 0, in US dollars", "an integer from 0", "true or false", "a list of texts", "an object", "a list", "a period: a number followed by s, m, h, d, w or mo, such as 30d", "a date, such as 2027-01-31T00:00:00Z", "an object", "a value"}[f]
}

// place is where a field of a request goes.
type place uint8

const (
	own    place = iota // the document has it
	folded              // the document's metadata has it, as in LiteLLM
	spoken              // it is for the request only
)

// field is a field of a kind of entity.
type field struct {
	name string
	form form
	at   place
	// std is its value if nothing is said, as JSON; empty for null.
	std string
	// words are the texts that it may have; nil for any.
	words []string
	// admins is whether only proxy admins may set it.
	admins bool
	// kept is whether Outcrop keeps it for its clients without doing anything by it.
	kept bool
}

// find returns the field with a name.
func find(fields []field, name string) *field {
	if i := slices.IndexFunc(fields, func(f field) bool { return f.name == name }); i >= 0 {
		return &fields[i]
	}
	return nil
}

// given is what the request's body has of fields; see take.
func (x *exchange) given(fields []field) (*document, error) {
	body, err := x.object()
	if err != nil {
		return nil, err
	}
	return x.take(body, fields)
}

// take checks the members of a body against fields, and returns those that are known, in their usual form.
// Others are ignored, as in LiteLLM, which the answer's header tells.
func (x *exchange) take(body []jsonx.Member, fields []field) (*document, error) {
	given := &document{}
	for _, m := range body {
		f := find(fields, m.Name)
		if f == nil {
			x.dropped = append(x.dropped, m.Name)
			continue
		}
		v, fault := f.check(m.Value)
		if fault != "" {
			return nil, invalid(f.name, "%s %s.", f.name, fault)
		}
		if f.admins && !x.caller.admin() && string(v) != "null" {
			return nil, forbidden(f.name, "Only proxy admins can set %s.", f.name)
		}
		given.set(m.Name, v)
	}
	return given, nil
}

// check returns a value in its usual form, and what is wrong with it. Numbers and truths may be texts, as
// LiteLLM takes them.
func (f *field) check(v jsonx.Raw) (out jsonx.Raw, fault string) {
	kind := v.Kind()
	if kind == 'n' {
		return jsonx.Raw("null"), ""
	}
	fault = "must be " + f.form.words() + ", not " + jsonx.KindName(kind)
	word := jsonx.Word(v)
	switch f.form {
	case text:
		return f.text(v, word, fault)
	case money, whole:
		return f.number(v, word, fault)
	case truth:
		return truthFrom(v, word, fault)
	case texts:
		var all []string
		if kind != '[' || jsonx.Unmarshal(v, &all) != nil {
			return nil, "must be a list of texts"
		}
	case object:
		if kind != '{' {
			return nil, fault
		}
	case list:
		if kind != '[' {
			return nil, fault
		}
	case period:
		return f.period(v, word, fault)
	case date:
		t, ok := instant(word)
		if !ok {
			return nil, "must be " + f.form.words()
		}
		return moment(t), ""
	case routing:
		if kind != '{' {
			return nil, fault
		}
		return v, tenant.CheckRouting(v)
	case anything:
	}
	return v, ""
}

// text checks a text.
func (f *field) text(v jsonx.Raw, word, fault string) (jsonx.Raw, string) {
	switch {
	case v.Kind() != '"':
		return nil, fault
	case strings.ContainsRune(word, 0):
		return nil, "must have no NUL"
	case f.words != nil && word != "" && !slices.Contains(f.words, word):
		return nil, "must be one of " + strings.Join(f.words, ", ")
	}
	return v, ""
}

// truthFrom reads true or false.
func truthFrom(v jsonx.Raw, word, fault string) (jsonx.Raw, string) {
	switch strings.ToLower(word) {
	case "true", "1", "yes", "on":
		return jsonx.Raw("true"), ""
	case "false", "0", "no", "off":
		return jsonx.Raw("false"), ""
	}
	if kind := v.Kind(); kind != 't' && kind != 'f' {
		return nil, fault
	}
	return v, ""
}

// period checks a period; the empty one is none.
func (f *field) period(v jsonx.Raw, word, fault string) (jsonx.Raw, string) {
	if v.Kind() != '"' {
		return nil, fault
	}
	if word == "" || word == "-1" && f.name == "duration" {
		return jsonx.Raw("null"), ""
	}
	if _, err := quota.ParseWindow(word, time.Time{}); err != nil {
		return nil, "must be " + f.form.words()
	}
	return v, ""
}

// number checks a number.
func (f *field) number(v jsonx.Raw, word, fault string) (jsonx.Raw, string) {
	if v.Kind() == '"' {
		if word == "" {
			return jsonx.Raw("null"), ""
		}
		if v = jsonx.Raw(strings.TrimSpace(word)); !jsonx.Valid(v) || v.Kind() != '0' {
			return nil, fault
		}
	}
	n, err := strconv.ParseFloat(string(v), 64)
	switch {
	case v.Kind() != '0' || err != nil || math.IsInf(n, 0):
		return nil, fault
	case n < 0:
		return nil, "must be " + f.form.words() + ", not less"
	case f.form == money:
		return v, ""
	case n != math.Trunc(n) || n > 1<<53:
		return nil, fault
	default:
		return strconv.AppendInt(nil, int64(n), 10), ""
	}
}

// fill writes the given fields into a document, and those that are not given with their usual values if the
// document is new. Null stands for the usual value: it takes back what was set.
func fill(d *document, given *document, fields []field, fresh bool) {
	metadata := d.metadata()
	if given.has("metadata") {
		metadata = given.metadata()
	}
	touched := given.has("metadata") || fresh && find(fields, "metadata") != nil
	for _, f := range fields {
		said := given.has(f.name)
		switch {
		case f.name == "metadata" || f.at == spoken:
		case f.at == folded && said:
			touched = true
			if v := given.get(f.name); v != nil {
				metadata.set(f.name, v)
			} else {
				metadata.drop(f.name)
			}
		case f.at == folded:
			if old := d.metadata().get(f.name); old != nil && touched && !metadata.has(f.name) && !fresh {
				metadata.set(f.name, old) // a new metadata object does not take back limits
			}
		case said && given.get(f.name) != nil:
			d.set(f.name, given.get(f.name))
		case said || fresh:
			d.set(f.name, f.usual())
		}
	}
	if touched {
		d.set("metadata", metadata.bytes())
	}
}

func (f *field) usual() jsonx.Raw {
	if f.std == "" {
		return nil
	}
	return jsonx.Raw(f.std)
}

// has reports whether a member is there, be it null.
func (d *document) has(name string) bool {
	return slices.ContainsFunc(d.members, func(m jsonx.Member) bool { return m.Name == name })
}

// window is the period of an entity's budget; the zero Window if it does not begin anew.
func window(d *document, created time.Time) quota.Window {
	ends, _ := instant(d.text("budget_reset_at")) // of one that was taken over
	w, err := quota.ParseWindowEnding(d.text("budget_duration"), created, ends)
	if err != nil {
		return quota.Window{}
	}
	return w
}

// later is the time a period after another.
func later(text string, from time.Time) time.Time {
	w, err := quota.ParseWindow(text, from)
	switch {
	case err != nil:
		return time.Time{}
	case w.Length > 0:
		return from.Add(w.Length)
	case w.Months > 0 && !strings.HasSuffix(text, "d"):
		return from.AddDate(0, w.Months, 0)
	case w.Months > 0:
		return from.AddDate(0, 0, 30) // 30d is a month by the calendar for budgets only
	default:
		return from.AddDate(0, 0, w.Days)
	}
}
