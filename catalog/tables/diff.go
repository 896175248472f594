package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outcrop/catalog"
	"outcrop/catalog/schema"
)

// Change is a difference between two catalogues.
type Change struct {
	// Model is provider/id.
	Model string
	// New and Gone are whether only the later or only the earlier catalogue has the model.
	New, Gone bool
	// What says what was changed; empty for a model that is new or gone.
	What string
}

// String describes the change in a line.
func (c Change) String() string {
	switch {
	case c.New:
		return c.Model + " is new"
	case c.Gone:
		return c.Model + " is gone"
	default:
		return c.Model + ": " + c.What
	}
}

// Diff lists how prices and limits of models differ between two catalogues, by provider and id. Facts of
// other kinds are not compared.
func Diff(before, after fs.FS) ([]Change, error) {
	old, err := rows(before)
	if err != nil {
		return nil, err
	}
	later, err := rows(after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(old)
	maps.Copy(all, later)
	var changes []Change
	for _, model := range slices.Sorted(maps.Keys(all)) {
		a, b := old[model], later[model]
		switch {
		case a == nil:
			changes = append(changes, Change{Model: model, New: true})
		case b == nil:
			changes = append(changes, Change{Model: model, Gone: true})
		default:
			if what := compare(a, b); len(what) > 0 {
				changes = append(changes, Change{Model: model, What: strings.Join(what, ", ")})
			}
		}
	}
	return changes, nil
}

// rows are the rows of all providers, by provider/id.
func rows(files fs.FS) (map[string]*schema.Model, error) {
	names, err := fs.Glob(files, "*"+catalog.Extension)
	if err != nil {
		return nil, err
	}
	all := map[string]*schema.Model{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = catalog.ParseModels(text, func(row *schema.Model) error {
				all[strings.TrimSuffix(name, catalog.Extension)+"/"+row.ID] = row
				return nil
			})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// compare says how rows differ.
func compare(a, b *schema.Model) []string {
	var what []string
	changed := func(name, was, is string) {
		if was != is {
			what = append(what, fmt.Sprintf("%s was %s, is %s", name, none(was), none(is)))
		}
	}
	changed("alias", a.Alias, b.Alias)
	for _, f := range [...]struct {
		name    string
		was, is int64
	}{{"context", a.Context, b.Context}, {"maxInput", a.MaxInput, b.MaxInput}, {"maxOutput", a.MaxOutput, b.MaxOutput}} {
		changed(f.name, positive(f.was), positive(f.is))
	}
	was, is := priceTexts(a), priceTexts(b)
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		changed(name, was[name], is[name])
	}
	return what
}

func none(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func positive(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// priceTexts are the prices of a row by what they are for.
func priceTexts(m *schema.Model) map[string]string {
	all := map[string]string{}
	for i := range m.Prices {
		r := &m.Prices[i]
		label := "price"
		if r.Tier != "" {
			label += " " + r.Tier
		}
		if r.Above > 0 {
			label += " above " + strconv.FormatInt(r.Above, 10)
		}
		for _, f := range r.Fields() {
			if *f.Amount != nil {
				all[label+" "+f.Name] = string((*f.Amount).Append(nil))
			}
		}
	}
	for name, price := range m.Units {
		all["price of "+name] = string(price.Append(nil))
	}
	return all
}
