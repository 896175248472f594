package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outcrop/provider"
)

// callers reads configurable_clientside_auth_params: names of settings that callers
// may bring, or mappings of a name to a pattern for the value, as LiteLLM has them
// (https://docs.litellm.ai/docs/proxy/clientside_auth). A pattern must match the
// whole value: LiteLLM's need only match its beginning, so that
// https://good.example lets in https://good.example.evil.example.
func (e *entry) callers(m *Model, p *provider.Info, n *node, path string) {
	if p == nil {
		return
	}
	m.Callers.Names = map[string]*regexp.Regexp{}
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		switch item.kind {
		case mapping:
			for _, mem := range item.members {
				pattern, ok := e.l.text(Key{Type: StringType}, mem.value, at+"."+mem.key)
				if !ok {
					continue
				}
				whole, err := regexp.Compile(`^(?:` + pattern + `)$`)
				if err != nil {
					e.l.errorAt(mem.value.file, mem.value.line, mem.value.column, at+"."+mem.key, shown(Key{}, mem.value)+" is no pattern that can be read", "a regular expression of RE2, without look-around", "")
					continue
				}
				e.allow(m, p, mem.key, whole, item, at)
			}
		case scalar:
			if name, ok := e.l.text(Key{Type: StringType}, item, at); ok {
				e.allow(m, p, name, nil, item, at)
			}
		case null, sequence:
			e.l.errorAt(item.file, item.line, item.column, at, "must not be "+item.kind.String(), "the name of a setting, or a mapping of one to a pattern", "")
		}
	}
}

// allow lets callers bring a setting.
func (e *entry) allow(m *Model, p *provider.Info, name string, pattern *regexp.Regexp, n *node, path string) {
	wanted := name
	if name == "base_url" {
		wanted = "api_base"
	}
	if o, ok := option(p, wanted); ok && o.ClientSettable {
		m.Callers.Names[o.Name] = pattern
		return
	}
	var names []string
	for _, o := range p.Options {
		if o.ClientSettable {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	e.l.errorAt(n.file, n.line, n.column, path, "callers cannot bring "+shown(Key{}, &node{kind: scalar, text: name}), strings.Join(names, ", "), "")
}

// connection fills in how connections are made where litellm_settings says so for
// all: what the environment says goes before it, as in LiteLLM.
func (g *globals) connection(l *loader, m *Model) {
	i := slices.IndexFunc(l.src.Providers, func(p provider.Info) bool { return p.Name == m.Provider })
	if i < 0 {
		return
	}
	for name, variable := range map[string]string{"ssl_verify": "SSL_VERIFY", "ssl_certificate": "SSL_CERTIFICATE"} {
		all, set := g.tls[name]
		_, own := m.Values[name]
		_, takes := option(&l.src.Providers[i], name)
		if outer, _ := l.env(variable); !set || own || !takes || outer != "" {
			continue
		}
		m.Values[name], m.options[name] = all.value, all.place
	}
}

// settingAt is a setting with where it stands.
type settingAt struct {
	value string
	place place
}
