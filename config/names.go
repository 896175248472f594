package config

import (
	"cmp"
	"slices"
	"strings"
)

// Names finds models by the names that callers use. It does not change once
// made, and looking up allocates nothing.
type Names struct {
	exact    map[string][]int
	ids      map[string][]int
	patterns []pattern // the most specific first
}

// pattern is a name with a *, and the models of that name.
type pattern struct {
	before, after string
	models        []int
}

// NewNames makes the names of models.
func NewNames(models []Model) *Names {
	n := &Names{exact: map[string][]int{}, ids: map[string][]int{}}
	for i, m := range models {
		before, after, wild := strings.Cut(m.Name, "*")
		if !wild {
			n.exact[m.Name] = append(n.exact[m.Name], i)
		} else {
			n.pattern(before, after, i)
		}
		if !strings.Contains(m.Model, "*") && m.ID != "" {
			n.ids[m.ID] = append(n.ids[m.ID], i)
		}
	}
	slices.SortStableFunc(n.patterns, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(len(b.before), len(a.before)), cmp.Compare(len(b.after), len(a.after)))
	})
	return n
}

func (n *Names) pattern(before, after string, model int) {
	for i := range n.patterns {
		if p := &n.patterns[i]; p.before == before && p.after == after {
			p.models = append(p.models, model)
			return
		}
	}
	n.patterns = append(n.patterns, pattern{before, after, []int{model}})
}

// Match gives the models that a name stands for, as indexes into the slice that
// NewNames got, and the text that stands for the *. An exact name wins, then
// the id of a model without a *, then the pattern with the most characters
// before its *, and of those the one with the most behind it. A * stands for
// one character at least. The slice is shared: callers do not change it. It is
// nil if no model has that name.
func (n *Names) Match(name string) (models []int, captured string) {
	if models, ok := n.exact[name]; ok {
		return models, ""
	}
	if models, ok := n.ids[name]; ok {
		return models, ""
	}
	for i := range n.patterns {
		p := &n.patterns[i]
		if len(name) > len(p.before)+len(p.after) && strings.HasPrefix(name, p.before) && strings.HasSuffix(name, p.after) {
			return p.models, name[len(p.before) : len(name)-len(p.after)]
		}
	}
	return nil, ""
}
