package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

const (
	sectionOutcrop        = "outcrop_settings"
	sectionBedrock        = "outcrop_settings.bedrock"
	sectionResponses      = "outcrop_settings.responses"
	sectionLimits         = "outcrop_settings.limits"
	sectionProviderBudget = "router_settings.provider_budget_config.PROVIDER"
	sectionNewKeys        = "litellm_settings.default_key_generate_params"
	sectionNewTeams       = "litellm_settings.default_team_params"
	sectionNewUsers       = "litellm_settings.default_internal_user_params"
	sectionNewUserTeam    = "litellm_settings.default_internal_user_params.teams[]"
	sectionMakers         = "litellm_settings.key_generation_settings"
	sectionKeyBounds      = "litellm_settings.upperbound_key_generate_params"
	sectionAlertType      = "general_settings.alert_type_config.TYPE"
	sectionAlertArgs      = "general_settings.alerting_args"
	sectionPolicy         = "outcrop_settings.bedrock.policy"
	sectionInfoOutcrop    = "model_list[].model_info.outcrop"
)

// policy is which regions and inference profiles calls may use, as one place in the
// file sets it. Settings that are not set are nil or empty.
type policy struct {
	strict, global       *bool
	geographies, regions []string
	prefer               string

	at places
}

// place is the position of a setting, and its path if that is not below
// litellm_params.
type place struct {
	Position
	path string
}

// places are the places of the settings of an entry, by the provider's name of the setting. A list takes less memory than a map, and
// entries have few.
type places []placeOf

type placeOf struct {
	name string
	place
}

// find returns the place of a setting, and whether it is set.
func (p places) find(name string) (place, bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].place, true
		}
	}
	return place{}, false
}

// set notes the place of a setting, instead of one that is known.
func (p *places) set(name string, at place) {
	for i := range *p {
		if (*p)[i].name == name {
			(*p)[i].place = at
			return
		}
	}
	*p = append(*p, placeOf{name, at})
}

// usualPlaces are as many as entries usually have.
const usualPlaces = 4

// keep returns places of an entry in memory that the entries share: thousands of pieces of it cost the garbage collector more than one.
func (l *loader) keep(p places) places {
	if len(p) > cap(l.places)-len(l.places) {
		return slices.Clone(p)
	}
	n := len(l.places)
	l.places = append(l.places, p...)
	return l.places[n:len(l.places):len(l.places)]
}

// outcrop reads outcrop_settings.
func (l *loader) outcrop(cfg *Config, caching *cacheReader, to *routing, n *node, path string) (all policy) {
	l.fields(n, sectionOutcrop, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "media":
			l.media(cfg, n, path)
			return
		case "aws_door":
			l.awsDoor(cfg, n, path)
			return
		case "anthropic_door":
			l.anthropic(cfg, n, path)
			return
		case "pass_through":
			if v, ok := l.boolean(k, n, path); ok {
				cfg.NoPassThrough = !v
			}
			return
		case "cache":
			caching.store(l, n, path)
			return
		case "routing":
			l.fields(n, sectionRouting, path, nil, func(k Key, n *node, path string) {
				to.own[k.Name] = setting{k, n, path}
			})
			return
		case "limits":
			l.limits(&cfg.Accounting, n, path)
			return
		case "responses":
			l.fields(n, sectionResponses, path, nil, func(k Key, n *node, path string) {
				days, _ := l.number(k, n, path)
				cfg.Responses.Retention = time.Duration(days * 24 * float64(time.Hour))
			})
			return
		}
		l.fields(n, sectionBedrock, path, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "refresh_seconds":
				cfg.Refresh = l.seconds(k, n, path)
			case "attribution":
				cfg.Attribution = l.attribution(k, n, path, "key_alias", "user_id", "team_id", "organization_id", "end_user", "tags")
			case "session_tags":
				cfg.SessionTags = l.attribution(k, n, path, "key_alias", "user_id", "team_id", "organization_id")
			case "policy":
				all = l.policy(n, path)
			}
		})
	})
	return all
}

// attribution reads what AWS is told of who calls.
func (l *loader) attribution(k Key, n *node, path string, known ...string) []string {
	names := l.texts(n, path)
	for _, name := range names {
		if !slices.Contains(known, name) {
			l.wrong(k, n, path, strconv.Quote(name)+" is not one of "+strings.Join(known, ", "))
			return nil
		}
	}
	return names
}

// policy reads a policy.
func (l *loader) policy(n *node, path string) policy {
	p := policy{}
	l.fields(n, sectionPolicy, path, nil, func(k Key, n *node, path string) {
		p.at.set("policy."+k.Name, place{l.position(n), path})
		switch k.Name {
		case "strict":
			p.strict = l.flag(k, n, path)
		case "global":
			p.global = l.flag(k, n, path)
		case "geographies":
			p.geographies = l.texts(n, path)
		case "regions":
			p.regions = l.texts(n, path)
		case "prefer":
			p.prefer, _ = l.text(k, n, path)
		}
	})
	return p
}

// flag reads a boolean; if the value is invalid, it reports that and returns nil.
func (l *loader) flag(k Key, n *node, path string) *bool {
	v, ok := l.boolean(k, n, path)
	if !ok {
		return nil
	}
	return &v
}

// texts reads a list of strings; the result is never nil.
func (l *loader) texts(n *node, path string) []string {
	list := make([]string, 0, len(n.items))
	for _, item := range n.items {
		if s, ok := l.text(Key{Type: StringType}, item, path); ok {
			list = append(list, s)
		}
	}
	return list
}

// settle sets the model's policy: each setting is its own, else that for all models.
func (p policy) settle(all policy, m *Model) {
	for _, at := range []places{all.at, p.at} {
		for i := range at {
			m.options.set(at[i].name, at[i].place)
		}
	}
	m.Policy = provider.Policy{Prefer: cmp.Or(p.prefer, all.prefer), Geographies: all.geographies, Regions: all.regions}
	if strict := cmp.Or(p.strict, all.strict); strict != nil {
		m.Policy.Strict = *strict
	}
	if global := cmp.Or(p.global, all.global); global != nil {
		m.Policy.Global = llm.Some(*global)
	}
	if p.geographies != nil {
		m.Policy.Geographies = p.geographies
	}
	if p.regions != nil {
		m.Policy.Regions = p.regions
	}
}

// ReadPolicy reads a policy as written in a configuration, such as
// {geographies: [eu], global: false}, and returns all problems.
func ReadPolicy(text string) (provider.Policy, []Problem) {
	l := newLoader(Source{Name: "policy", Data: []byte(text)})
	root := l.open()
	m := Model{}
	if root != nil {
		l.policy(root, "").settle(policy{}, &m)
	}
	return m.Policy, l.sorted()
}
