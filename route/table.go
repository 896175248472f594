package route

import (
	"slices"
	"strings"

	"outcrop/provider"
)

// table is what a router knows of names at a time. It is not modified.
type table struct {
	names *names
	all   []*group // as configured
}

// table is the present one. A call finds its deployments in one table, and ends with them, whatever is set
// meanwhile.
func (r *Router) table() *table { return r.current.Load() }

// Set replaces all entries, for the calls that begin from then on. An entry with the Deployment and the ID of
// one before it keeps what was learned of its health, and a name keeps its budget of retries. Set is not called
// twice at the same time.
func (r *Router) Set(entries []Entry) {
	before := r.current.Load()
	if before == nil {
		before = &table{names: newNames(nil)}
	}
	known, states := map[provider.Deployment]*deployment{}, map[string]*shared{}
	for _, g := range before.all {
		states[g.name] = g.shared
		for _, t := range g.deployments {
			known[t.Deployment] = t
		}
	}
	var groups []*group
	byName := map[string]*group{}
	join := func(name string, t *deployment) {
		g := byName[name]
		if g == nil {
			g = &group{name: name, shared: states[name]}
			if g.shared == nil {
				g.shared = &shared{}
				g.budget.fill()
				g.overrideBudget.fill()
			}
			byName[name] = g
			groups = append(groups, g)
		}
		g.deployments = append(g.deployments, t)
	}
	var all []*deployment
	for _, e := range entries {
		t := known[e.Deployment]
		if t == nil || t.ID != e.ID {
			t = &deployment{Entry: e, late: lateAfter(e.Timeout)}
			t.observer, _ = e.Deployment.(provider.Observer)
		}
		all = append(all, t)
		join(e.Name, t)
	}
	for _, t := range all { // a deployment's id is a name too, unless an entry has that name
		if t.ID != "" && byName[t.ID] == nil && !strings.Contains(t.Model, "*") {
			join(t.ID, t)
		}
	}
	for _, g := range groups {
		g.spoken = spoken(g.deployments)
		for _, t := range g.deployments {
			g.ids = append(g.ids, t.ID)
			for _, name := range t.AccessGroups {
				if !slices.Contains(g.accessGroups, name) {
					g.accessGroups = append(g.accessGroups, name)
				}
			}
		}
	}
	r.current.Store(&table{names: newNames(groups), all: groups})
}
