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
	// alone are the deployments whose ids are names of theirs alone. With thousands of deployments most ids are never called, so a
	// group is made when one is.
	alone  map[string]*deployment
	all    []deployment // in the order of the entries
	wild   []wild
	policy *Policy // its aliases are no names of exact
}

type wild struct {
	wildcard.Pattern
	group *group
}

func newNames(groups []*group, all []deployment, alone map[string]*deployment, p *Policy) *names {
	n := &names{exact: map[string]*group{}, all: all, alone: alone, policy: p}
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
	if g := n.called(name); g != nil {
		return g, ""
	}
	if a, ok := n.policy.Aliases[name]; ok && a.Name != name {
		return n.named(a.Name)
	}
	return n.named(name)
}

// called is the group with exactly a name; nil if there is none.
func (n *names) called(name string) *group {
	if g := n.exact[name]; g != nil {
		return g
	}
	t := n.alone[name]
	if t == nil {
		return nil
	}
	if g := t.alone.Load(); g != nil {
		return g
	}
	g := newGroup(t.ID, nil)
	g.deployments = []*deployment{t}
	g.gather(false)
	g.reach = n.policy.Fallbacks.reach(n, g) // which are groups already: Policy.named has them
	g.settle(n.policy)
	if !t.alone.CompareAndSwap(nil, g) { // another call was first
		g = t.alone.Load()
	}
	return g
}

// has reports whether a name is configured as it is.
func (n *names) has(name string) bool { return n.exact[name] != nil || n.alone[name] != nil }

// each visits the configured names with their deployments, until visit returns false.
func (n *names) each(visit func(name string, deployments ...*deployment) bool) {
	for _, g := range n.order {
		if !visit(g.name, g.deployments...) {
			return
		}
	}
	for i := range n.all {
		if t := &n.all[i]; n.alone[t.ID] == t && !visit(t.ID, t) {
			return
		}
	}
}

// named is find for what is no alias.
func (n *names) named(name string) (g *group, captured string) {
	if g := n.called(name); g != nil {
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
	id, found := "", ""
	n.each(func(called string, deployments ...*deployment) bool {
		for _, t := range deployments {
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
				found = called
				return false
			}
		}
		return true
	})
	return found
}
