package config

import (
	"fmt"

	"outcrop/llm"
	"outcrop/route"
)

// sectionGroup is a group of model names with a strategy of their own.
const sectionGroup = "router_settings.routing_groups[]"

// choose changes how the deployments of a name are chosen.
func choose(p *route.Policy, name string, change func(c *route.Choice)) {
	if p.Names == nil {
		p.Names = map[string]route.Choice{}
	}
	c := p.Names[name]
	change(&c)
	p.Names[name] = c
}

// routingGroups reads groups of model names with a strategy of their own.
func (l *loader) routingGroups(p *route.Policy, n *node, path string) {
	owner := map[string]string{}
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind != mapping {
			l.errorAt(item.file, item.line, item.column, at, "must be a mapping, not "+item.kind.String(), "{group_name: fast, models: [a, b], routing_strategy: latency-based-routing}", "")
			continue
		}
		var c route.Choice
		var names []string
		group := ""
		l.fields(item, sectionGroup, at, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "group_name":
				group, _ = l.text(k, n, path)
			case "models":
				names = l.targets(n, path)
			case "routing_strategy":
				if n.kind == scalar && n.text == "priority" {
					l.errorAt(n.file, n.line, n.column, path, "groups by priority are not served", "", "give the entries of model_list one model_name and an order")
					return
				}
				c.Strategy = l.strategy(k, n, path, litellmStrategies())
			case "routing_strategy_args":
				l.fields(n, sectionStrategyArgs, path, nil, func(k Key, n *node, path string) {
					if k.Name == "lowest_latency_buffer" {
						c.LatencyBuffer = l.share(k, n, path, 10)
					}
				})
			}
		})
		if group == "" || item.get("models") == nil || item.get("routing_strategy") == nil {
			l.errorAt(item.file, item.line, item.column, at, "must have a group_name, models and a routing_strategy", "", "")
			continue
		}
		if p.Groups == nil {
			p.Groups = map[string][]string{}
		}
		p.Groups[group] = names
		choose(p, group, func(to *route.Choice) { to.Strategy, to.LatencyBuffer = c.Strategy, c.LatencyBuffer })
		for _, name := range names {
			if other, twice := owner[name]; twice {
				l.errorAt(item.file, item.line, item.column, at+".models", fmt.Sprintf("has %q, which the group %q has too", name, other), "a model in one group", "")
				continue
			}
			owner[name] = group
			choose(p, name, func(to *route.Choice) { to.Strategy, to.LatencyBuffer = c.Strategy, c.LatencyBuffer })
		}
	}
}

// nameAffinity reads which calls of a name go to the same deployment. A list without any of the affinities is none for the name.
func (l *loader) nameAffinity(p *route.Policy, n *node, path string) {
	for i := range n.members {
		m := &n.members[i]
		at := path + "." + m.key
		if m.value.kind != sequence {
			l.errorAt(m.value.file, m.value.line, m.value.column, at, "must be a list, not "+m.value.kind.String(), "such as [session_affinity]", "")
			continue
		}
		a := l.preCallChecks(m.value, at)
		choose(p, m.key, func(to *route.Choice) { to.Affinity = llm.Some(a) })
	}
}
