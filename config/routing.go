package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"outcrop/provider"
	"outcrop/route"
)

// Sections of mappings within the routing settings.
const (
	sectionRetryPolicy  = "router_settings.retry_policy"
	sectionFailPolicy   = "router_settings.allowed_fails_policy"
	sectionStrategyArgs = "router_settings.routing_strategy_args"
	sectionAlias        = "router_settings.model_group_alias.NAME"
	sectionRouting      = "outcrop_settings.routing"
)

// routing collects the settings of how calls are routed. What router_settings has takes precedence over litellm_settings.
type routing struct {
	settings map[string]setting // by key
	own      map[string]setting // of outcrop_settings.routing
}

// setting is a key with its value.
type setting struct {
	k    Key
	n    *node
	path string
}

// routes reports whether a key is about routing.
func routes(name string) bool {
	switch name {
	case "routing_strategy", "routing_strategy_args", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks",
		"max_fallbacks", "allowed_fails", "allowed_fails_policy", "cooldown_time", "disable_cooldowns", "retry_after", "retry_policy",
		"model_group_retry_policy", "model_group_alias", "model_alias_map", "enable_pre_call_checks", "enable_tag_filtering",
		"tag_filtering_match_any", "optional_pre_call_checks", "default_priority", "routing_groups", "model_group_affinity_config":
		return true
	default:
		return false
	}
}

// take remembers a setting, and reports whether it is one of these.
func (r *routing) take(k Key, n *node, path string) bool {
	if !routes(k.Name) {
		return false
	}
	if r.settings == nil {
		r.settings = map[string]setting{}
	}
	if _, given := r.settings[k.Name]; !given || k.Section == "router_settings" {
		r.settings[k.Name] = setting{k, n, path}
	}
	return true
}

// settle reads the settings.
func (r *routing) settle(l *loader, models []Model) (p route.Policy) {
	for _, name := range slices.Sorted(maps.Keys(r.settings)) {
		s := r.settings[name]
		k, n, path := s.k, s.n, s.path
		switch name {
		case "routing_strategy":
			p.Strategy = l.strategy(k, n, path, litellmStrategies())
		case "routing_strategy_args":
			l.fields(n, sectionStrategyArgs, path, nil, func(k Key, n *node, path string) {
				if k.Name == "lowest_latency_buffer" {
					p.LatencyBuffer = l.share(k, n, path, 10)
				}
			})
		case "fallbacks":
			p.Fallbacks.General = l.fallbacks(n, path)
		case "context_window_fallbacks":
			p.Fallbacks.Window = l.fallbacks(n, path)
		case "content_policy_fallbacks":
			p.Fallbacks.Content = l.fallbacks(n, path)
		case "default_fallbacks":
			p.Fallbacks.Default = l.targets(n, path)
		case "max_fallbacks":
			p.MaxFallbacks = l.integer(k, n, path)
		case "allowed_fails":
			if f, ok := l.number(k, n, path); ok {
				n := int(f)
				p.AllowedFails.Others = &n
			}
		case "allowed_fails_policy":
			p.AllowedFails.ByClass, _ = l.classes(n, path, sectionFailPolicy, "ErrorAllowedFails")
		case "cooldown_time":
			p.Cooldown = l.pause(k, n, path)
			p.NoCooldowns = p.NoCooldowns || p.Cooldown == 0
		case "disable_cooldowns":
			off, _ := l.boolean(k, n, path)
			p.NoCooldowns = p.NoCooldowns || off
		case "retry_after":
			p.RetryAfter = l.pause(k, n, path)
		case "retry_policy":
			p.Retries = l.retryPolicy(n, path)
		case "model_group_retry_policy":
			p.NameRetries = map[string]route.RetryPolicy{}
			for i := range n.members {
				m := &n.members[i]
				p.NameRetries[m.key] = l.retryPolicy(m.value, path+"."+m.key)
			}
		case "enable_pre_call_checks":
			p.FitWindow, _ = l.boolean(k, n, path)
		case "enable_tag_filtering":
			p.ByTags, _ = l.boolean(k, n, path)
		case "tag_filtering_match_any":
			some, ok := l.boolean(k, n, path)
			p.AllTags = ok && !some
		case "routing_groups":
			l.routingGroups(&p, n, path)
		case "model_group_affinity_config":
			l.nameAffinity(&p, n, path)
		case "default_priority":
			p.Queue.Priority = int64(l.integer(k, n, path))
		case "optional_pre_call_checks":
			p.Affinity = l.preCallChecks(n, path)
		}
	}
	for _, name := range []string{"model_alias_map", "model_group_alias"} { // the second takes precedence
		if s, ok := r.settings[name]; ok {
			l.aliases(&p, s, models)
		}
	}
	if s, ok := r.own["strategy"]; ok {
		p.Strategy = l.strategy(s.k, s.n, s.path, route.Strategies())
	}
	if s, ok := r.own["affinity"]; ok {
		p.Affinity = l.affinity(s)
	}
	p.Queue.Size, p.Queue.Wait = defaultQueue, defaultQueueWait
	if s, ok := r.own["queue_size"]; ok {
		p.Queue.Size = l.integer(s.k, s.n, s.path)
	}
	if s, ok := r.own["queue_timeout"]; ok {
		p.Queue.Wait = l.pause(s.k, s.n, s.path)
	}
	r.check(l, &p, models)
	return p
}

// How many calls of a name wait for a deployment with room, and for how long.
const (
	defaultQueue     = 1000
	defaultQueueWait = 30 * time.Second
)

// litellmStrategies are the strategies that LiteLLM has too.
func litellmStrategies() []route.Strategy {
	return slices.DeleteFunc(route.Strategies(), func(s route.Strategy) bool { return s == route.TwoChoices })
}

func (l *loader) strategy(k Key, n *node, path string, known []route.Strategy) route.Strategy {
	s, ok := l.text(k, n, path)
	if !ok {
		return ""
	}
	if !slices.Contains(known, route.Strategy(s)) {
		names := make([]string, len(known))
		for i, name := range known {
			names[i] = string(name)
		}
		hint := ""
		if s == string(route.TwoChoices) {
			hint = "outcrop_settings.routing.strategy has it: LiteLLM does not start with this value"
		}
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no routing strategy", strings.Join(names, ", "), hint)
		return ""
	}
	return route.Strategy(s)
}

// fallbacks reads a list of mappings from a name to the names that replace it.
func (l *loader) fallbacks(n *node, path string) map[string][]string {
	all := map[string][]string{}
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind != mapping {
			l.errorAt(item.file, item.line, item.column, at, "must be a mapping, not "+item.kind.String(), "from a model name to a list of model names: {a: [b, c]}", "")
			continue
		}
		for j := range item.members {
			m := &item.members[j]
			all[m.key] = append(all[m.key], l.targets(m.value, at+"."+m.key)...)
		}
	}
	return all
}

// targets reads a list of names.
func (l *loader) targets(n *node, path string) (names []string) {
	if n.kind != sequence {
		hint := ""
		if n.kind == scalar {
			hint = "write [" + n.text + "]: LiteLLM does not start without the brackets"
		}
		l.errorAt(n.file, n.line, n.column, path, "must be a list of model names, not "+n.kind.String(), "such as [b, c]", hint)
		return nil
	}
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.kind == mapping { // the form of a request's fallbacks
			if model := item.get("model"); model != nil && len(item.members) == 1 {
				item = model
			}
		}
		if s, ok := l.text(Key{Type: StringType}, item, at); ok {
			names = append(names, s)
		}
	}
	return names
}

// integer reads a whole number.
func (l *loader) integer(k Key, n *node, path string) int {
	f, _ := l.number(k, n, path)
	return int(f)
}

// pause reads a number of seconds, which may be 0.
func (l *loader) pause(k Key, n *node, path string) time.Duration {
	f, ok := l.number(k, n, path)
	if ok && (f < 0 || f > 1e6) {
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is out of range", "seconds from 0 to 1000000", "")
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// classes reads numbers by class of failure; the second is that of DefaultRetries.
func (l *loader) classes(n *node, path, section, suffix string) (by map[route.Class]int, rest *int) {
	by = map[route.Class]int{}
	l.fields(n, section, path, nil, func(k Key, n *node, path string) {
		number := l.integer(k, n, path)
		if k.Name == "DefaultRetries" {
			rest = &number
			return
		}
		by[route.Class(strings.TrimSuffix(k.Name, suffix))] = number
	})
	return by, rest
}

func (l *loader) retryPolicy(n *node, path string) (p route.RetryPolicy) {
	p.ByClass, p.Default = l.classes(n, path, sectionRetryPolicy, "ErrorRetries")
	return p
}

// aliases adds names for names.
func (l *loader) aliases(p *route.Policy, s setting, models []Model) {
	if p.Aliases == nil {
		p.Aliases = map[string]route.Alias{}
	}
	for i := range s.n.members {
		m := &s.n.members[i]
		path := s.path + "." + m.key
		var a route.Alias
		at := m.value
		if m.value.kind == mapping {
			l.fields(m.value, sectionAlias, path, nil, func(k Key, n *node, path string) {
				switch k.Name {
				case "model":
					a.Name, _ = l.text(k, n, path)
					at = n
				case "hidden":
					a.Hidden, _ = l.boolean(k, n, path)
				}
			})
		} else {
			a.Name, _ = l.text(Key{Type: StringType}, m.value, path)
		}
		if a.Name == "" {
			l.errorAt(at.file, at.line, at.column, path, "names no model", "the name of an entry of model_list, or {model: NAME, hidden: true}", "")
			continue
		}
		if slices.ContainsFunc(models, func(o Model) bool { return o.Name == m.key }) {
			l.warnAt(m.file, m.line, m.column, path, "has no effect, because an entry of model_list has this name", "")
			continue
		}
		p.Aliases[m.key] = a
	}
}

// preCallChecks reads which checks are made before a call.
func (l *loader) preCallChecks(n *node, path string) (a route.Affinity) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		s, ok := l.text(Key{Type: StringType}, item, at)
		switch {
		case !ok:
		case s == "prompt_caching":
			a = route.ByPrompt
		case s == "deployment_affinity":
			a = route.ByKey
		case s == "session_affinity":
			a = route.BySession
		case slices.Contains(alwaysChecked(), s):
		default:
			l.errorAt(item.file, item.line, item.column, at, shown(Key{}, item)+" is no check that Outcrop knows", "prompt_caching, deployment_affinity, session_affinity, "+strings.Join(alwaysChecked(), ", "), "")
		}
	}
	return a
}

// alwaysChecked are the checks that are made in any case.
func alwaysChecked() []string {
	return []string{"router_budget_limiting", "enforce_model_rate_limits", "responses_api_deployment_check", "encrypted_content_affinity"}
}

func (l *loader) affinity(s setting) route.Affinity {
	text, ok := l.text(s.k, s.n, s.path)
	a := route.Affinity(text)
	if ok && a != route.ByPrompt && a != route.ByKey && a != route.BySession {
		l.errorAt(s.n.file, s.n.line, s.n.column, s.path, shown(s.k, s.n)+" is no affinity", "prompt, key or session", "")
		return ""
	}
	return a
}

// check warns of names that nothing serves.
func (r *routing) check(l *loader, p *route.Policy, models []Model) {
	served := func(name string) bool {
		if _, ok := p.Aliases[name]; ok || name == "*" {
			return true
		}
		if _, ok := p.Groups[name]; ok {
			return true
		}
		return slices.ContainsFunc(models, func(m Model) bool { return m.serves(name) })
	}
	for _, key := range []string{"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"} {
		s, ok := r.settings[key]
		if !ok {
			continue
		}
		for _, item := range s.n.items {
			for i := range item.members {
				m := &item.members[i]
				if !served(m.key) {
					l.warnAt(m.file, m.line, m.column, s.path+"."+m.key, "no entry of model_list has this name, so that the list is not used", "")
				}
				l.checkTargets(m.value, s.path, served)
			}
		}
	}
	if s, ok := r.settings["default_fallbacks"]; ok {
		l.checkTargets(s.n, s.path, served)
	}
	checkSilent(l, models, served)
	for _, alias := range slices.Sorted(maps.Keys(p.Aliases)) {
		if served(p.Aliases[alias].Name) {
			continue
		}
		s := r.settings["model_group_alias"]
		if s.n == nil || s.n.get(alias) == nil {
			s = r.settings["model_alias_map"]
		}
		l.warnAt(s.n.file, s.n.line, s.n.column, s.path+"."+alias, fmt.Sprintf("no entry of model_list has the name %q", p.Aliases[alias].Name), "")
	}
}

// silent reads the models to which calls are mirrored: one, or a list.
func (e *entry) silent(k Key, n *node, path string) []string {
	if n.kind == sequence {
		return e.words(n, path)
	}
	k.Type = StringType
	if s, ok := e.l.text(k, n, path); ok && s != "" {
		return []string{s}
	}
	return nil
}

// checkSilent warns of models that nothing serves, to which calls are to be mirrored.
func checkSilent(l *loader, models []Model, served func(name string) bool) {
	for i := range models {
		m := &models[i]
		for _, name := range m.Silent {
			if !served(name) {
				l.warnAt(slices.Index(l.files, m.Position.File), m.Position.Line, m.Position.Column, m.Path+".litellm_params.silent_model", fmt.Sprintf("no entry of model_list has the name %q, so that no call is mirrored to it", name), "models that are added while the gateway runs may have it")
			}
		}
	}
}

// checkTargets warns of names in a list that nothing serves.
func (l *loader) checkTargets(list *node, path string, served func(name string) bool) {
	for _, item := range list.items {
		if model := item.get("model"); item.kind == mapping && model != nil {
			item = model
		}
		if item.kind == scalar && !refers(item.text) && !served(item.text) {
			l.warnAt(item.file, item.line, item.column, path, fmt.Sprintf("no entry of model_list has the name %q, so that it is left out", item.text), "models that are added while the gateway runs may have it")
		}
	}
}

// serves reports whether clients can call the entry by a name.
func (m *Model) serves(name string) bool {
	return m.Name == name || m.ID == name || covers(m.Name, name)
}

// isRouting reports whether a setting of litellm_params is about how the deployment is chosen.
func isRouting(name string) bool {
	switch name {
	case "weight", "order", "cooldown_time", "tags", "tag_regex", "region_name", "silent_model":
		return true
	default:
		return false
	}
}

// routing reads a setting of how the deployment is chosen.
func (e *entry) routing(m *Model, p *provider.Info, k Key, n *node, path string) {
	l := e.l
	switch k.Name {
	case "region_name":
		region, _ := l.text(k, n, path)
		if _, aws := option(p, k.Name); aws && !strings.EqualFold(region, "eu") && !strings.EqualFold(region, "us") { // AWS's own name, whose inference profiles may lead elsewhere
			e.value(m, p, e.params, k, n, path)
			return
		}
		m.Region = region
	case "weight":
		m.Weight, _ = l.number(k, n, path)
		if m.Weight < 0 {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is out of range", "a number of 0 or more", "")
		}
	case "order":
		m.Order = l.integer(k, n, path)
	case "cooldown_time":
		d := l.pause(k, n, path)
		m.Cooldown = &d
	case "tags":
		m.Tags = e.words(n, path)
	case "silent_model":
		m.Silent = e.silent(k, n, path)
	case "tag_regex":
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			s, ok := l.text(Key{Type: StringType}, item, at)
			if !ok {
				continue
			}
			pattern, err := regexp.Compile(s)
			if err != nil {
				l.errorAt(item.file, item.line, item.column, at, "is no regular expression: "+err.Error(), `such as ^User-Agent:\s*claude-code/, in the syntax of RE2`, "")
				continue
			}
			m.TagPatterns = append(m.TagPatterns, pattern)
		}
	}
}
