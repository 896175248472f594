package tables

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"outcrop/catalog/schema"
)

// fact is one fact of a row: whether a row has it, and how to move it to another row.
type fact struct {
	name string
	has  func(m *schema.Model) bool
	move func(to, from *schema.Model)
}

func field[T comparable](name string, at func(m *schema.Model) *T) fact {
	return fact{
		name: name,
		has:  func(m *schema.Model) bool { var none T; return *at(m) != none },
		move: func(to, from *schema.Model) { *at(to) = *at(from) },
	}
}

// facts lists the facts of a row.
func facts() []fact {
	return []fact{
		field("alias", func(m *schema.Model) *string { return &m.Alias }),
		field("name", func(m *schema.Model) *string { return &m.Name }),
		field("kind", func(m *schema.Model) *string { return &m.Kind }),
		field("context", func(m *schema.Model) *int64 { return &m.Context }),
		field("maxInput", func(m *schema.Model) *int64 { return &m.MaxInput }),
		field("maxOutput", func(m *schema.Model) *int64 { return &m.MaxOutput }),
		field("dimensions", func(m *schema.Model) *int64 { return &m.Dimensions }),
		field("input", func(m *schema.Model) *string { return &m.Input }),
		field("output", func(m *schema.Model) *string { return &m.Output }),
		field("tools", func(m *schema.Model) **bool { return &m.Tools }),
		field("schema", func(m *schema.Model) **bool { return &m.Schema }),
		field("reasoning", func(m *schema.Model) **bool { return &m.Reasoning }),
		field("cache", func(m *schema.Model) **bool { return &m.Cache }),
		field("responsesOnly", func(m *schema.Model) **bool { return &m.ResponsesOnly }),
		field("endOfLife", func(m *schema.Model) *string { return &m.EndOfLife }),
		field("successor", func(m *schema.Model) *string { return &m.Successor }),
		{
			name: "prices",
			has:  func(m *schema.Model) bool { return len(m.Prices) > 0 },
			move: func(to, from *schema.Model) { to.Prices = from.Prices },
		},
		{
			name: "units",
			has:  func(m *schema.Model) bool { return len(m.Units) > 0 },
			move: func(to, from *schema.Model) { to.Units = from.Units },
		},
	}
}

// stated returns the facts of a row that one source states; false if there are none.
func stated(row *schema.Model, key string) (*schema.Model, bool) {
	by := map[string]string{}
	for of, names := range row.Also {
		for name := range strings.FieldsSeq(names) {
			by[name] = of
		}
	}
	part, some := &schema.Model{ID: row.ID}, row.By == key
	for _, f := range facts() {
		if f.has(row) && cmp.Or(by[f.name], row.By) == key {
			f.move(part, row)
			some = true
		}
	}
	return part, some
}

// merger makes the rows of the catalogue from the tables, which are in the order in which they are asked.
type merger struct {
	tables        []*table
	disagreements []string
}

// provider returns the rows of a provider, sorted.
func (m *merger) provider(name string) []*schema.Model {
	ids := map[string]bool{}
	for _, t := range m.tables {
		for id := range t.models[name] {
			ids[id] = true
		}
	}
	var rows []*schema.Model
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if row := m.model(name, id); row.Alias == "" || ids[row.Alias] {
			rows = append(rows, row)
		}
	}
	return rows
}

// model merges what the tables state of a model. An id that the first of them has as another name stays
// one.
func (m *merger) model(provider, id string) *schema.Model {
	var all []*schema.Model
	for _, t := range m.tables {
		if row := t.models[provider][id]; row != nil {
			all = append(all, row)
		}
	}
	row := &schema.Model{ID: id, By: all[0].By}
	if all[0].Alias != "" {
		row.Alias = all[0].Alias
		return row
	}
	also := map[string][]string{}
	priced := m.prices(provider, id, all)
	for _, f := range facts() {
		for _, from := range all {
			if from.Alias != "" || !f.has(from) || f.name == "prices" && from != priced {
				continue
			}
			f.move(row, from)
			if from.By != row.By {
				also[from.By] = append(also[from.By], f.name)
			}
			break
		}
	}
	m.limits(provider, id, all)
	if row.Context < row.MaxInput { // the window has room for the prompt, whatever another table says
		row.Context = 0
		for key := range also {
			also[key] = slices.DeleteFunc(also[key], func(name string) bool { return name == "context" })
			if len(also[key]) == 0 {
				delete(also, key)
			}
		}
	}
	for key, names := range also {
		if row.Also == nil {
			row.Also = map[string]string{}
		}
		row.Also[key] = strings.Join(names, " ")
	}
	return row
}

// prices chooses the row whose prices of tokens are taken; nil if there is none.
func (m *merger) prices(provider, id string, all []*schema.Model) *schema.Model {
	var rows []*schema.Model
	for _, row := range all {
		if standard(row) != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		if at := slices.IndexFunc(all, func(row *schema.Model) bool { return len(row.Prices) > 0 }); at >= 0 {
			return all[at]
		}
		return nil
	}
	first := rows[0]
	at := slices.IndexFunc(rows, func(row *schema.Model) bool { return !same(standard(row), standard(first)) })
	opinion, judgement := m.judged(provider, id)
	if at < 0 {
		if opinion != nil && !same(opinion, standard(first)) {
			m.disagree(provider, id, "prices", amounts(standard(first))+" ("+first.By+"), "+amounts(opinion)+" ("+judgement+")", first.By)
		}
		return first
	}
	second, taken := rows[at], first
	said := amounts(standard(first)) + " (" + first.By + "), " + amounts(standard(second)) + " (" + second.By + ")"
	if opinion != nil {
		said += ", " + amounts(opinion) + " (" + judgement + ")"
		if same(opinion, standard(second)) {
			taken = second
		}
	}
	m.disagree(provider, id, "prices", said, taken.By)
	return taken
}

// judged returns what a table that is asked in doubt says, and its key.
func (m *merger) judged(provider, id string) (*schema.Rates, string) {
	for _, t := range m.tables {
		if t.price != nil {
			if r := t.price(provider, id); r != nil {
				return r, t.source.Key
			}
		}
	}
	return nil, ""
}

// limits reports limits that tables state differently.
func (m *merger) limits(provider, id string, all []*schema.Model) {
	var first *schema.Model
	for _, row := range all {
		switch {
		case row.MaxOutput == 0:
		case first == nil:
			first = row
		case row.MaxOutput != first.MaxOutput:
			m.disagree(provider, id, "maxOutput", fmt.Sprintf("%d (%s), %d (%s)", first.MaxOutput, first.By, row.MaxOutput, row.By), first.By)
		}
	}
}

func (m *merger) disagree(provider, id, what, said, taken string) {
	m.disagreements = append(m.disagreements, fmt.Sprintf("%s/%s: %s: %s; taken from %s", provider, id, what, said, taken))
}

// standard returns the rates of the default tier for any length; nil if a row has none.
func standard(row *schema.Model) *schema.Rates {
	for i := range row.Prices {
		if r := &row.Prices[i]; r.Tier == "" && r.Above == 0 && r.Input != nil {
			return r
		}
	}
	return nil
}

// same reports whether rates of input and output are the same but for rounding, which is less than a
// hundredth. A missing one of output, as embeddings have it, is 0.
func same(a, b *schema.Rates) bool {
	near := func(a, b schema.Amount) bool { return max(a-b, b-a) <= max(a, b)/100 }
	return near(value(a.Input), value(b.Input)) && near(value(a.Output), value(b.Output))
}

func value(a *schema.Amount) schema.Amount {
	if a == nil {
		return 0
	}
	return *a
}

// amounts are the prices of input and output for people, in dollars for a million tokens.
func amounts(r *schema.Rates) string {
	return string(value(r.Input).Append(nil)) + "/" + string(value(r.Output).Append(nil))
}

// sortRates brings rates into the order of the files: the default tier first, and short prompts before
// long ones.
func sortRates(rates []schema.Rates) {
	slices.SortFunc(rates, func(a, b schema.Rates) int {
		return cmp.Or(strings.Compare(a.Tier, b.Tier), cmp.Compare(a.Above, b.Above))
	})
}
