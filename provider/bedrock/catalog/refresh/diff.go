package refresh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// Change is a difference between two sets of data files.
type Change struct {
	// ID is the model, profile, geography or source that changes.
	ID string
	// Fact says what of it, such as context, or price us standard input; empty if it
	// comes or goes as a whole.
	Fact string
	// Old and New are the values; empty where there is none.
	Old, New string
}

// String is the change as a sentence.
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

// Diff gives what changes from one set of data files to another, by id and fact.
// A fact that only gets another source is no change; a source with another day is
// one.
func Diff(from, to map[string][]byte) ([]Change, error) {
	was, err := flattenAll(from)
	if err != nil {
		return nil, err
	}
	is, err := flattenAll(to)
	if err != nil {
		return nil, err
	}
	var changes []Change
	ids := map[string]bool{}
	for id := range was {
		ids[id] = true
	}
	for id := range is {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		switch {
		case was[id] == nil:
			changes = append(changes, Change{ID: id, New: id})
		case is[id] == nil:
			changes = append(changes, Change{ID: id, Old: id})
		default:
			changes = append(changes, diffFacts(id, was[id], is[id])...)
		}
	}
	return changes, nil
}

func diffFacts(id string, was, is map[string]string) []Change {
	var changes []Change
	for fact, old := range was {
		if is[fact] != old {
			changes = append(changes, Change{id, fact, old, is[fact]})
		}
	}
	for fact, now := range is {
		if _, ok := was[fact]; !ok {
			changes = append(changes, Change{ID: id, Fact: fact, New: now})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Fact, b.Fact) })
	return changes
}

// flattenAll gives the facts of everything in a set of files, by id and by name.
func flattenAll(files map[string][]byte) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
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
			for _, row := range rows {
				facts := map[string]string{}
				if err := flatten(facts, "", row); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				all[nameOf(facts, list.Name)] = facts
			}
		}
	}
	return all, nil
}

// nameOf gives what a row is called: after its own id, or after its list.
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

// flatten notes the members of an object under the path to them, its words joined
// by spaces. Sources are left out.
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

// flattenList notes a list of words as one fact, and the prices of a model by
// their places.
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
