package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// object is a JSON object of the management API: its members in their order.
type object []jsonx.Member

// objectOf reads an object; nil if a value is none.
func objectOf(v jsonx.Raw) object {
	members, err := jsonx.Members(v)
	if err != nil {
		return nil
	}
	return members
}

// objectsOf reads a list of objects.
func objectsOf(v jsonx.Raw) ([]object, error) {
	var items []jsonx.Raw
	if err := jsonx.Unmarshal(v, &items); err != nil {
		return nil, err
	}
	all := make([]object, len(items))
	for i, item := range items {
		all[i] = objectOf(item)
	}
	return all, nil
}

// get returns the value of a member; nil if there is none, or if it is null.
func (o object) get(name string) jsonx.Raw {
	v := jsonx.Find(o, name)
	if v.Kind() == 'n' {
		return nil
	}
	return v
}

// text returns a member as text: strings as they are, lists with commas, other values as JSON; empty if there is
// none.
func (o object) text(name string) string { return plain(o.get(name)) }

// plain is a value as text.
func plain(v jsonx.Raw) string {
	switch v.Kind() {
	case '"':
		var s string
		if jsonx.Unmarshal(v, &s) != nil {
			return ""
		}
		return s
	case '[':
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return ""
		}
		words := make([]string, len(items))
		for i, item := range items {
			words[i] = plain(item)
		}
		return strings.Join(words, ", ")
	case '{':
		if jsonx.Empty(v) {
			return ""
		}
		return string(v)
	case 'n', 0:
		return ""
	default:
		return string(v)
	}
}

// money returns a member in US dollars as text.
func (o object) money(name string) string {
	usd, err := strconv.ParseFloat(o.text(name), 64)
	if err != nil {
		return ""
	}
	return dollars(usd)
}

// dollars formats an amount: to the cent, and small ones with three digits that count.
func dollars(usd float64) string {
	switch {
	case usd == 0:
		return "0"
	case usd >= 0.1 || usd <= -0.1:
		return strconv.FormatFloat(usd, 'f', 2, 64)
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(usd, 'g', 3, 64), 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(short, 'f', -1, 64)
}

// date returns the day of a time, or the time itself if it is none.
func (o object) date(name string) string {
	day, _, _ := strings.Cut(o.text(name), "T")
	return day
}

// withBudget returns an object with the limits of its budget in the place of those that it does not have itself.
func (o object) withBudget() object {
	const table = "litellm_budget_table"
	budget := objectOf(o.get(table))
	all := slices.DeleteFunc(slices.Clone(o), func(m jsonx.Member) bool { return m.Name == table })
	for _, name := range [...]string{"max_budget", "budget_duration", "budget_reset_at", "rpm_limit", "tpm_limit", "max_parallel_requests"} {
		if v := budget.get(name); v != nil && all.get(name) == nil {
			all.raw(name, v)
		}
	}
	return all
}

// put sets a member to a text.
func (o *object) put(name, text string) { o.raw(name, jsonx.AppendString(nil, text)) }

// raw sets a member to a value.
func (o *object) raw(name string, v jsonx.Raw) {
	if at := slices.IndexFunc(*o, func(m jsonx.Member) bool { return m.Name == name }); at >= 0 {
		(*o)[at].Value = v
		return
	}
	*o = append(*o, jsonx.Member{Name: name, Value: v})
}

// list sets a member to a list of texts.
func (o *object) list(name string, texts []string) {
	items := make([]jsonx.Raw, len(texts))
	for i, text := range texts {
		items[i] = jsonx.AppendString(nil, text)
	}
	o.raw(name, jsonx.Array(items))
}

// bytes returns the object as JSON.
func (o object) bytes() []byte {
	var w jsonx.Writer
	w.Object()
	for _, m := range o {
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
	return w.Buf
}

// printObjects prints a list of objects as JSON, or the selected fields of each.
func (f *outputFlags) printObjects(con console, all []object) error {
	for _, name := range f.Fields {
		if len(all) == 0 || slices.ContainsFunc(all, func(o object) bool { return jsonx.Find(o, name) != nil }) {
			continue
		}
		var known []string
		for _, m := range all[0] {
			known = append(known, m.Name)
		}
		return &usageError{fmt.Sprintf("--json: unknown field %q", name), "The fields are " + strings.Join(known, ", ") + "."}
	}
	items := make([]jsonx.Raw, len(all))
	for i, o := range all {
		if len(f.Fields) > 0 {
			var some object
			for _, name := range f.Fields {
				if v := jsonx.Find(o, name); v != nil {
					some.raw(name, v)
				}
			}
			o = some
		}
		items[i] = o.bytes()
	}
	return printRaw(con.out, jsonx.Array(items))
}

// printRaw prints JSON with indentation.
func printRaw(w io.Writer, v jsonx.Raw) error {
	text, err := jsonx.Indent(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// describe prints the members of an object that have a value, one a line.
func describe(w io.Writer, o object) {
	width := 0
	for _, m := range o {
		if plain(m.Value) != "" {
			width = max(width, len(m.Name))
		}
	}
	for _, m := range o {
		text := plain(m.Value)
		if text == "" || text == "false" {
			continue
		}
		if cost, ok := llm.ParseCost(text); ok && (m.Name == "spend" || strings.HasSuffix(m.Name, "max_budget")) {
			text = cost.String() + " USD"
		}
		fmt.Fprintf(w, "%-*s  %s\n", width, m.Name, printable(text))
	}
}

// show prints a table, and on a terminal says which columns did not fit.
func (t *table) show(con console) {
	s := screenOf(con.out)
	left := t.print(con.out, s)
	if s.terminal && len(left) > 0 {
		fmt.Fprintf(con.err, "%s\n", s.wrap("Columns hidden to fit this terminal: "+strings.Join(left, ", ")+". Use a wider terminal, or --json.", ""))
	}
}

// add adds a row, with - for what is empty.
func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = dash(printable(c))
	}
	t.rows = append(t.rows, cells)
}

// printable is a text that others have chosen, without what would control a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
