package route

import (
	"bytes"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
)

// table is what a router knows of names at a time. It is not modified.
type table struct {
	policy Policy
	names  *names
	all    []*group // as configured, without those of names.alone
	// mirrors is whether calls of any deployment are mirrored.
	mirrors bool
	// teams are names of entries by the team that they are for, and the name by which it uses them.
	teams map[string]map[string]string
}

// table is the present one. A call finds its deployments in one table, and ends with them, whatever is set
// meanwhile.
func (r *Router) table() *table { return r.current.Load() }

// Set replaces the whole plan, for the calls that begin from then on. An entry with the Deployment and the ID of
// one before it keeps what was learned of its health, and a name keeps its budget of retries. Set is not called
// twice at the same time.
func (r *Router) Set(plan Plan) {
	before := r.current.Load()
	if before == nil {
		before = &table{names: newNames(nil, nil, nil, &Policy{})}
	}
	known, states := map[provider.Deployment]*deployment{}, map[string]*shared{}
	for _, g := range before.all {
		states[g.name] = g.shared
		for _, t := range g.deployments {
			known[t.Deployment] = t
		}
	}
	for _, t := range before.names.alone {
		if g := t.alone.Load(); g != nil {
			states[g.name] = g.shared
		}
	}
	var groups []*group
	byName := map[string]*group{}
	join := func(name string, t *deployment) {
		g := byName[name]
		if g == nil {
			g = newGroup(name, states[name])
			byName[name] = g
			groups = append(groups, g)
		}
		g.deployments = append(g.deployments, t)
	}
	all := make([]deployment, len(plan.Entries)) // together, so that the collector has one object to mark
	room := make([]state, fresh(plan.Entries, known))
	mirrors := false
	for i := range plan.Entries {
		t, e := &all[i], &plan.Entries[i]
		t.Entry, t.hash, t.late = *e, hashOf(e.ID), lateAfter(e.Timeout)
		t.observer, _ = e.Deployment.(provider.Observer)
		if old := known[e.Deployment]; old != nil && old.ID == e.ID {
			t.state = old.state
		} else {
			t.state, room = &room[0], room[1:]
		}
		mirrors = mirrors || len(e.Silent) > 0
		join(e.Name, t)
	}
	next := &table{policy: plan.Policy, mirrors: mirrors, teams: teamsOf(all)}
	named := plan.Policy.named()
	alone := map[string]*deployment{}
	for i := range all { // a deployment's id is a name too, unless an entry has that name
		t := &all[i]
		switch {
		case t.ID == "" || byName[t.ID] != nil || alone[t.ID] != nil || strings.Contains(t.Model, "*"):
		case strings.Contains(t.ID, "*") || named[t.ID] || states[t.ID] != nil || t.canFill(&plan.Policy):
			join(t.ID, t)
		default:
			alone[t.ID] = t
		}
	}
	several := map[*group]bool{}
	for _, name := range slices.Sorted(maps.Keys(plan.Policy.Groups)) {
		if _, alias := plan.Policy.Aliases[name]; alias || byName[name] != nil || alone[name] != nil {
			continue
		}
		for _, t := range together(plan.Policy.Groups[name], byName, several) {
			join(name, t)
		}
		if g := byName[name]; g != nil {
			several[g] = true
		}
	}
	for _, g := range groups {
		g.gather(several[g])
	}
	watch(groups, &plan.Policy)
	next.all, next.names = groups, newNames(groups, all, alone, &next.policy)
	for _, g := range groups {
		g.reach = next.policy.Fallbacks.reach(next.names, g)
	}
	for _, g := range groups {
		g.settle(&next.policy)
	}
	r.current.Store(next)
}

// newGroup is the group of a name without deployments. What it shares with the group before it is nil if there is none.
func newGroup(name string, with *shared) *group {
	if with == nil {
		with = &shared{}
		with.budget.fill()
		with.overrideBudget.fill()
	}
	return &group{name: name, shared: with}
}

// fresh counts the entries that keep nothing of one before them.
func fresh(entries []Entry, known map[provider.Deployment]*deployment) (n int) {
	for i := range entries {
		if old := known[entries[i].Deployment]; old == nil || old.ID != entries[i].ID {
			n++
		}
	}
	return n
}

// canFill reports whether calls can wait until the deployment has room.
func (t *deployment) canFill(p *Policy) bool {
	return t.Limits != nil && t.Limits.Parallel.Set && p.Queue.Size > 0
}

// gather sets what the deployments of a group have in common. Those of several names have no access groups: who may use one of the
// names may not use the others by it.
func (g *group) gather(several bool) {
	g.tiers = tiersOf(g.deployments)
	g.spoken, g.capacity = spoken(g.deployments), capacity(g.deployments)
	for _, t := range g.deployments {
		g.ids = append(g.ids, t.ID)
		if !several {
			g.accessGroups = union(g.accessGroups, t.AccessGroups)
		}
		g.guardrails = union(g.guardrails, t.Guardrails)
	}
}

// settle sets what depends on the policy and on the groups that the group's calls may go on with.
func (g *group) settle(p *Policy) {
	g.common, g.policy = g.commonly(), p.of(g.name)
	g.settings = g.own()
}

// own is how calls of the group's name are translated: as its first deployment says, with what the router sets.
func (g *group) own() Settings {
	s := g.deployments[0].Settings
	s.Spoken, s.Deployments, s.AccessGroups, s.Guardrails = g.common, g.ids, g.accessGroups, g.guardrails
	s.Policy, s.FallsBack, s.Capacity = g.policy, len(g.reach) > 0, g.capacity
	return s
}

// capacity is what all deployments that have limits take together in a minute, as LiteLLM counts it (litellm/router.py,
// _set_model_group_info); nil if none has one.
func capacity(all []*deployment) *llm.Capacity {
	var c llm.Capacity
	for _, t := range all {
		if t.Limits == nil {
			continue
		}
		for _, of := range [...]struct{ to, from *llm.Opt[int64] }{{&c.Requests, &t.Limits.Requests}, {&c.Tokens, &t.Limits.Tokens}} {
			if of.from.Set {
				*of.to = llm.Some(of.to.Value + of.from.Value)
			}
		}
	}
	if !c.Requests.Set && !c.Tokens.Set {
		return nil
	}
	return &c
}

// together are the deployments of the names of a group, but for those of other groups, those of a team, and those whose model is
// known by what a * matches. There are none if they differ in the provider's guardrail, because a call has that of its name.
func together(names []string, byName map[string]*group, several map[*group]bool) (all []*deployment) {
	for _, name := range names {
		of := byName[name]
		if of == nil || several[of] {
			continue
		}
		for _, t := range of.deployments {
			if t.Team == "" && !strings.Contains(t.Model, "*") && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	if slices.ContainsFunc(all, func(t *deployment) bool { return !bytes.Equal(t.guardrail(), all[0].guardrail()) }) {
		return nil
	}
	return all
}

// guardrail is the operator's guardrail of the provider for calls of the deployment's name.
func (t *deployment) guardrail() []byte {
	if t.Defaults == nil {
		return nil
	}
	return t.Defaults.Guardrail
}

// union appends those of more to names that are not among them.
func union(names, more []string) []string {
	for _, name := range more {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// commonly lists the dialects of a name's deployments, and whether all of them and of those that its calls may go on with
// speak them.
func (g *group) commonly() []Spoken {
	own := slices.Clone(g.spoken)
	for i := range own {
		own[i].All = own[i].All && !slices.ContainsFunc(g.reach, func(f *group) bool { return !f.speaks(own[i].Dialect) })
	}
	return own
}

// teamsOf are the names of teams' entries by team and by the name that the team uses.
func teamsOf(all []deployment) map[string]map[string]string {
	teams := map[string]map[string]string{}
	for i := range all {
		t := &all[i]
		if t.Team == "" {
			continue
		}
		if teams[t.Team] == nil {
			teams[t.Team] = map[string]string{}
		}
		teams[t.Team][t.Public] = t.Name
	}
	return teams
}

// speaks reports whether all deployments of the name speak a dialect.
func (g *group) speaks(dialect string) bool {
	return slices.Contains(g.spoken, Spoken{dialect, true})
}

// hashOf is a hash of an id that is the same in all processes (FNV-1a).
func hashOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it does not fail
	return h.Sum64()
}
