package refresh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Change is a difference between two sets of data files.
type Change struct {
	// List is the list that changes: models, profiles, geographies, sources or regions.
	List string
	// ID is the model, profile, geography or source that changes.
	ID string
	// Fact is the fact that changes, such as context, or price us standard input; empty
	// if the whole entry is added or removed.
	Fact string
	// Old and New are the values; empty if there is none.
	Old, New string
}

// String returns the change as a sentence.
func (c Change) String() string {
	switch {
	case c.Fact == "" && c.Old == "":
		return c.ID + " is new"
	case c.Fact == "":
		return c.ID + " is gone"
	case c.Old == "":
		return c.ID + ": " + c.Fact + " is now known: " + c.New
	case c.New == "":
		return c.ID + ": " + c.Fact + " is no longer known; it was " + c.Old
	}
	return c.ID + ": " + c.Fact + " was " + c.Old + ", is " + c.New
}

// Diff returns the changes from one set of data files to another: the models, each
// followed by its profiles, and then the rest, by id and fact. A fact that only gets
// another source is not a change; a source with another day is one.
func Diff(from, to map[string][]byte) ([]Change, error) {
	was, err := flattenAll(from)
	if err != nil {
		return nil, err
	}
	is, err := flattenAll(to)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	var changes []Change
	for id, r := range all {
		switch before, after := was[id], is[id]; {
		case before.facts == nil:
			changes = append(changes, Change{List: r.list, ID: id, New: id})
		case after.facts == nil:
			changes = append(changes, Change{List: r.list, ID: id, Old: id})
		default:
			changes = append(changes, diffFacts(r.list, id, before.facts, after.facts)...)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.model(), b.model()), cmp.Compare(a.List, b.List), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Fact, b.Fact))
	})
	return changes, nil
}

// rank is 0 for changes of models and their profiles, and 1 for others.
func rank(c Change) int {
	if c.model() == "" {
		return 1
	}
	return 0
}

// model returns the base id of the model that changes or whose profile changes; empty
// for other changes.
func (c Change) model() string {
	switch c.List {
	case "models":
		return c.ID
	case "profiles":
		return baseOf(c.ID)
	}
	return ""
}

// baseOf returns the base id of a profile's id.
func baseOf(profile string) string {
	_, base, _ := strings.Cut(profile, ".")
	return base
}

func diffFacts(list, id string, was, is map[string]string) []Change {
	var changes []Change
	for fact, old := range was {
		if is[fact] != old {
			changes = append(changes, Change{list, id, fact, old, is[fact]})
		}
	}
	for fact, now := range is {
		if _, ok := was[fact]; !ok {
			changes = append(changes, Change{List: list, ID: id, Fact: fact, New: now})
		}
	}
	return changes
}

// Summary counts the changes, such as "12 changes in 3 models; 2 new models".
func Summary(changes []Change) string {
	models, profiles := map[string]bool{}, map[string]bool{}
	var facts, came, went, arrived, left, others int
	for _, c := range changes {
		whole := c.Fact == ""
		switch {
		case c.model() == "":
			others++
		case !whole && c.List == "profiles":
			profiles[c.ID] = true
		case !whole:
			facts++
			models[c.ID] = true
		case c.List == "models" && c.Old == "":
			came++
		case c.List == "models":
			went++
		case c.Old == "":
			arrived++
		default:
			left++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		one  string
		many string
	}{
		{came, "new model", "new models"},
		{went, "model gone", "models gone"},
		{arrived, "new profile", "new profiles"},
		{left, "profile gone", "profiles gone"},
		{len(profiles), "profile changed", "profiles changed"},
		{others, "change of sources, geographies or regions", "changes of sources, geographies or regions"},
	} {
		if p.n > 0 {
			parts = append(parts, counted(p.n, p.one, p.many))
		}
	}
	if facts > 0 {
		first := counted(facts, "change", "changes") + " in " + counted(len(models), "model", "models")
		parts = append([]string{first}, parts...)
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, "; ")
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// row is a row of a list in the data files.
type row struct {
	list  string
	facts map[string]string
}

// flattenAll returns the facts of everything in a set of files, by id and by name.
func flattenAll(files map[string][]byte) (map[string]row, error) {
	all := map[string]row{}
	for name, data := range files {
		lists, err := jsonx.Members(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, list := range lists {
			var rows []jsonx.Raw
			if list.Value.Kind() == '[' {
				if err := jsonx.Unmarshal(list.Value, &rows); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			} else {
				rows = []jsonx.Raw{list.Value}
			}
			for _, object := range rows {
				facts := map[string]string{}
				if err := flatten(facts, "", object); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				all[nameOf(facts, list.Name)] = row{list.Name, facts}
			}
		}
	}
	return all, nil
}

// nameOf returns the name of a row: its own id, or that of its list.
func nameOf(facts map[string]string, list string) string {
	switch {
	case facts["id"] != "":
		return facts["id"]
	case facts["key"] != "":
		return "source " + facts["key"]
	case facts["prefix"] != "":
		return "geography " + facts["prefix"]
	}
	return list
}

// flatten adds the members of an object under the path to them, with words joined by
// spaces. It skips sources.
func flatten(facts map[string]string, path string, object jsonx.Raw) error {
	members, err := jsonx.Members(object)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == "by" || m.Name == "by1h" || m.Name == "regionsBy" {
			continue
		}
		at := strings.TrimSpace(path + " " + m.Name)
		switch m.Value.Kind() {
		case '{':
			err = flatten(facts, at, m.Value)
		case '[':
			err = flattenList(facts, at, m)
		default:
			facts[at] = strings.Trim(string(m.Value), `"`)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// flattenList adds a list of words as one fact, and the prices of a model by their
// places.
func flattenList(facts map[string]string, at string, m jsonx.Member) error {
	if m.Name != "prices" {
		var words []string
		if err := jsonx.Unmarshal(m.Value, &words); err != nil {
			return err
		}
		facts[at] = strings.Join(words, ", ")
		return nil
	}
	var prices []jsonx.Raw
	if err := jsonx.Unmarshal(m.Value, &prices); err != nil {
		return err
	}
	for _, price := range prices {
		var place struct {
			Profile string   `json:"profile"`
			Regions []string `json:"regions"`
		}
		if err := jsonx.Unmarshal(price, &place); err != nil {
			return err
		}
		for _, region := range append(place.Regions, place.Profile) {
			if region == "" && len(place.Regions) > 0 {
				continue
			}
			inner := map[string]string{}
			if err := flatten(inner, strings.TrimSpace("price "+region), price); err != nil {
				return err
			}
			for name, value := range inner {
				if !strings.HasSuffix(name, " profile") && !strings.HasSuffix(name, " regions") {
					facts[name] = value
				}
			}
		}
	}
	return nil
}
