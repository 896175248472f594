package route

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/internal/wildcard"
	"outcrop/provider"
)

// names finds the group for a model name. Exact names take precedence, then aliases, then wildcards: the one with
// the most characters before its first *, and among those the one with the most others. A * matches at
// least one character.
type names struct {
	exact map[string]*group
	order []*group // of exact, as configured
	wild  []wild
	alias map[string]Alias // none is a name of exact
}

type wild struct {
	wildcard.Pattern
	group *group
}

func newNames(groups []*group, aliases map[string]Alias) *names {
	n := &names{exact: map[string]*group{}, alias: aliases}
	for _, g := range groups {
		pattern, ok := wildcard.Parse(g.name)
		if !ok {
			n.exact[g.name] = g
			n.order = append(n.order, g)
			continue
		}
		n.wild = append(n.wild, wild{pattern, g})
	}
	slices.SortStableFunc(n.wild, func(a, b wild) int {
		return cmp.Or(cmp.Compare(b.Before(), a.Before()), cmp.Compare(b.Literal(), a.Literal()))
	})
	return n
}

// find returns the group of a name and what its * matched, as wildcard.Pattern has it.
func (n *names) find(name string) (g *group, captured string) {
	if g := n.exact[name]; g != nil {
		return g, ""
	}
	if a, ok := n.alias[name]; ok && a.Name != name {
		return n.named(a.Name)
	}
	return n.named(name)
}

// named is find for what is no alias.
func (n *names) named(name string) (g *group, captured string) {
	if g := n.exact[name]; g != nil {
		return g, ""
	}
	for _, w := range n.wild {
		if captured, ok := w.Match(name); ok {
			return w.group, captured
		}
	}
	return nil, ""
}

// maxMeant is the longest name, in bytes, for which alternatives are searched.
const maxMeant = 256

// meant returns the name under which a wildcard serves a model that was requested without the
// wildcard's prefix and suffix, such as bedrock/nova-lite for nova-lite; empty if no deployment of
// a wildcard knows the model.
func (n *names) meant(name string) string {
	if len(name) > maxMeant {
		return ""
	}
	for _, w := range n.wild {
		if !w.Single() {
			continue
		}
		for _, t := range w.group.deployments {
			reviewer, ok := t.Deployment.(provider.Reviewer)
			if ok && strings.Contains(t.Model, "*") && reviewer.Describe(strings.Replace(t.Model, "*", name, 1)).Known {
				return wildcard.Fill(w.group.name, name)
			}
		}
	}
	return ""
}

// unheardOf is a model string that leads to no model, unless the deployment calls the same model
// whatever the string.
const unheardOf = "no-such-model"

// same returns the first configured name, without a *, that serves the same model as a name that is
// not configured: the deployments tell which model that is.
func (n *names) same(name string) string {
	if len(name) > maxMeant {
		return ""
	}
	id := ""
	for _, g := range n.order {
		for _, t := range g.deployments {
			reviewer, ok := t.Deployment.(provider.Reviewer)
			if !ok || t.Team != "" || strings.Contains(t.Model, "*") {
				continue
			}
			if id == "" {
				if meant := reviewer.Describe(name); meant.Known && !reviewer.Describe(unheardOf).Known {
					id = meant.Base
				}
			}
			if id != "" && reviewer.Describe(t.Model).Base == id {
				return g.name
			}
		}
	}
	return ""
}
