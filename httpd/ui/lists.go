package ui

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// listData is what the page of a list shows.
type listData struct {
	Name, One, About string
	Columns          []head
	Rows             []item
	Fields           []field
	// Values are those of the form that was refused, and Problem says why.
	Values  map[string]string
	Problem *Error
	// Secret is what is shown once, of Of.
	Secret, Of   string
	Page, Pages  int
	Total        int
	Before, Next string
	CSRF         string
	Changes      bool
	// Filters are the fields by which the list can be narrowed, with what they are set to.
	Filters []edit
	// Narrowed is whether one of them is set.
	Narrowed bool
}

type head struct {
	Title         string
	Wide, Numeric bool
}

// item is a row.
type item struct {
	ID, Label string
	// Open is the path of its page; empty for none.
	Open  string
	Cells []cell
	Edits []edit
	Acts  []act
}

type cell struct {
	Text          string
	Wide, Numeric bool
	Time, Long    bool
	Bad           bool
}

type edit struct {
	field

	Value string
}

// numeric reports whether values of a form stand at the right.
func (f form) numeric() bool { return f == formNumber || f == formMoney }

// text is a value of the API for people.
func (f form) text(v jsonx.Raw) string {
	if len(v) == 0 {
		return ""
	}
	switch v.Kind() {
	case 'n':
		return ""
	case 't':
		return "yes"
	case 'f':
		return ""
	case '"':
		s := ""
		if jsonx.Unmarshal(v, &s) != nil {
			return ""
		}
		if t, err := time.Parse(time.RFC3339, s); f == formTime && err == nil {
			return t.UTC().Format("2006-01-02 15:04")
		}
		return s
	case '0':
		n, err := strconv.ParseFloat(string(v), 64)
		if f == formMoney && err == nil {
			return dollars(n)
		}
		return string(v)
	case '[':
		var all []jsonx.Raw
		if jsonx.Unmarshal(v, &all) != nil {
			return ""
		}
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = formText.text(all[i])
		}
		return strings.Join(texts, ", ")
	default:
		return llm.Clip(string(v), 200)
	}
}

// mostItems is how many things a page shows.
const mostItems = 100

// list shows the list, with what d has already.
func (x *exchange) list(t *thing, status int, d *listData) error {
	d.Name, d.One, d.About, d.Fields, d.CSRF = t.name, t.one, t.about, t.fields, x.h.token(&x.session)
	d.Changes = t.makes != "" && mayChange(t, x.person.Role)
	for _, c := range t.columns {
		d.Columns = append(d.Columns, head{c.title, c.wide, c.form.numeric()})
	}
	items, err := x.items(t, d)
	if err != nil {
		if d.Problem == nil && d.Secret == "" {
			return err
		}
		items = nil // what is shown once must be
	}
	for _, raw := range items {
		members, err := jsonx.Members(raw)
		if err != nil {
			return err
		}
		d.Rows = append(d.Rows, t.item(members, d.Changes))
	}
	return x.show(status, "list", t.title, d)
}

// mayChange reports whether a role can change something of a list at all; the API decides about each.
func mayChange(t *thing, r Role) bool {
	return slices.ContainsFunc(routes(), func(o route) bool { return o.pattern == "POST "+Path+"/"+t.name+"/{act}" && o.who&of(r) != 0 })
}

// items asks the API for the page of the list that the query names.
func (x *exchange) items(t *thing, d *listData) ([]jsonx.Raw, error) {
	q, own := url.Values{}, url.Values{}
	maps.Copy(q, t.query)
	for _, f := range t.filters {
		value := strings.TrimSpace(llm.Clip(x.r.URL.Query().Get(f.Name), 200))
		if f.form == formDay && value != "" {
			value = day(value, x.h.opt.Now())
		}
		d.Filters = append(d.Filters, edit{f, value})
		if value != "" {
			d.Narrowed = true
			q.Set(f.Name, cmp.Or(t.words[value], value))
			own.Set(f.Name, value)
		}
	}
	turn := func(page int) string {
		own.Set("page", strconv.Itoa(page))
		return "?" + own.Encode()
	}
	d.Page = 1
	if n, err := strconv.Atoi(x.r.URL.Query().Get("page")); err == nil && n > 0 && t.size != "" {
		d.Page = n
	}
	if t.size != "" {
		q.Set("page", strconv.Itoa(d.Page))
		q.Set(t.size, strconv.Itoa(mostItems))
	}
	var raw jsonx.Raw
	if err := x.call(http.MethodGet, t.path, q, nil, &raw); err != nil {
		return nil, err
	}
	var all []jsonx.Raw
	if t.items == "" {
		err := jsonx.Unmarshal(raw, &all)
		d.Total = len(all)
		return all, err
	}
	members, err := jsonx.Members(raw)
	if err != nil {
		return nil, err
	}
	if err := jsonx.Unmarshal(jsonx.Find(members, t.items), &all); err != nil {
		return nil, err
	}
	for _, name := range []string{"total_count", "total"} {
		if v := jsonx.Find(members, name); len(v) > 0 {
			d.Total, _ = strconv.Atoi(string(v)) // the API's own
		}
	}
	if v := jsonx.Find(members, "total_pages"); len(v) > 0 {
		d.Pages, _ = strconv.Atoi(string(v))
	}
	if d.Page > 1 {
		d.Before = turn(d.Page - 1)
	}
	if d.Page < d.Pages {
		d.Next = turn(d.Page + 1)
	}
	return all, nil
}

// item is a row of the list.
func (t *thing) item(members []jsonx.Member, changes bool) item {
	it := item{ID: formText.text(jsonx.Find(members, t.id))}
	it.Label = cmp.Or(formText.text(jsonx.Find(members, t.label)), llm.Clip(it.ID, 12))
	if t.opens != "" && it.ID != "" {
		it.Open = t.opens + url.PathEscape(it.ID)
	}
	for i, c := range t.columns {
		text := c.form.text(within(members, c.member))
		if i == 0 && text == "" {
			text = it.Label
		}
		for word, own := range t.words {
			if own == text {
				text = word
			}
		}
		it.Cells = append(it.Cells, cell{text, c.wide, c.form.numeric(), c.form == formTime, len(text) > 36, c.form == formYes && text == "yes"})
	}
	if !changes {
		return it
	}
	for _, f := range t.fields {
		if slices.Contains(t.edits, f.Name) {
			it.Edits = append(it.Edits, edit{f, formText.text(jsonx.Find(members, f.Name))})
		}
	}
	for _, a := range t.acts {
		if a.only == "" || formYes.text(jsonx.Find(members, a.only)) == a.value {
			it.Acts = append(it.Acts, a)
		}
	}
	return it
}

// within is the member with a name, or with several with points between them: one of another.
func within(members []jsonx.Member, name string) jsonx.Raw {
	of, inner, deeper := strings.Cut(name, ".")
	v := jsonx.Find(members, of)
	if !deeper {
		return v
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return nil
	}
	return within(members, inner)
}

// change makes a change, and shows the list again: with what is shown once, or with why nothing was changed.
func (x *exchange) change(t *thing) error {
	name, id := x.r.PathValue("act"), x.r.PostFormValue("id")
	var path string
	var body []byte
	var err error
	switch i := slices.IndexFunc(t.acts, func(a act) bool { return a.Name == name }); {
	case name == "make":
		path = t.makes
		body, err = t.body(x.r, "", nil)
	case name == "edit":
		path = t.edit
		body, err = t.body(x.r, id, t.edits)
	case i >= 0:
		path = strings.ReplaceAll(t.acts[i].path, "{id}", id)
		body = t.acts[i].body(id)
	default:
		return x.nothing()
	}
	if err == nil && name != "make" && (id == "" || strings.ContainsAny(id, "/?#") && strings.Contains(path, id)) {
		err = &Error{Status: http.StatusBadRequest, Message: "id must name a " + t.one + "."}
	}
	var answer jsonx.Raw
	if err == nil {
		err = x.call(http.MethodPost, path, nil, body, &answer)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		d := &listData{Problem: e}
		if name == "make" {
			d.Values = map[string]string{}
			for _, f := range t.fields {
				d.Values[f.Name] = x.r.PostFormValue(f.Name)
			}
		}
		return x.list(t, e.Status, d)
	}
	if err != nil {
		return err
	}
	if secret := t.secretOf(answer); secret != "" && (name == "make" || name == "rotate") {
		return x.list(t, http.StatusOK, &listData{Secret: secret, Of: cmp.Or(x.r.PostFormValue("label"), x.r.PostFormValue(t.label))})
	}
	http.Redirect(x.w, x.r, Path+"/"+t.name, http.StatusSeeOther)
	return nil
}

// secretOf is what an answer has that is shown once.
func (t *thing) secretOf(answer jsonx.Raw) string {
	members, err := jsonx.Members(answer)
	if err != nil || t.secret == "" {
		return ""
	}
	return formText.text(jsonx.Find(members, t.secret))
}

// body is the body of a button's request.
func (a *act) body(id string) []byte {
	if a.member == "" {
		return []byte("{}")
	}
	value := jsonx.Raw(jsonx.AppendString(nil, id))
	if a.list {
		value = jsonx.Array([]jsonx.Raw{value})
	}
	var w jsonx.Writer
	w.Object()
	w.Key(a.member)
	w.Raw(value)
	w.EndObject()
	return w.Buf
}

// body is the body of a form's request. Of something that exists, it has what was changed; what was emptied becomes null.
func (t *thing) body(r *http.Request, id string, only []string) ([]byte, error) {
	var w jsonx.Writer
	w.Object()
	if id != "" {
		w.Key(cmp.Or(t.names, t.id))
		w.String(id)
	}
	for _, f := range t.fields {
		if only != nil && !slices.Contains(only, f.Name) {
			continue
		}
		text := strings.TrimSpace(r.PostFormValue(f.Name))
		if only == nil && text == "" || only != nil && text == strings.TrimSpace(r.PostFormValue("was_"+f.Name)) {
			continue
		}
		value, err := f.value(text)
		if err != nil {
			return nil, err
		}
		w.Key(f.Name)
		w.Raw(value)
	}
	w.EndObject()
	return w.Buf, nil
}

// value is what somebody has entered, for the API.
func (f *field) value(text string) (jsonx.Raw, error) {
	switch {
	case f.form == formList:
		all := []jsonx.Raw{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, jsonx.AppendString(nil, part))
			}
		}
		return jsonx.Array(all), nil
	case text == "":
		return jsonx.Raw("null"), nil
	case f.form == formNumber:
		n, err := strconv.ParseFloat(text, 64)
		raw := strconv.FormatFloat(n, 'f', -1, 64)
		if err != nil || !jsonx.Valid([]byte(raw)) {
			return nil, &Error{Status: http.StatusBadRequest, Message: f.Label + " must be a number, not " + strconv.Quote(llm.Clip(text, 60)) + "."}
		}
		return jsonx.Raw(raw), nil
	default:
		return jsonx.AppendString(nil, text), nil
	}
}
