package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"outcrop/provider"
)

// callers reads configurable_clientside_auth_params: names of settings that clients
// may set, or mappings from a name to a pattern for the value, as in LiteLLM
// (https://docs.litellm.ai/docs/proxy/clientside_auth). A pattern must match the
// whole value. In LiteLLM it need only match a prefix, so that
// https://good.example also allows https://good.example.evil.example.
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
					e.l.errorAt(mem.value.file, mem.value.line, mem.value.column, at+"."+mem.key, shown(Key{}, mem.value)+" is not a valid regular expression", "RE2 syntax, without look-around", "")
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

// allow lets clients set a setting.
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
	for _, o := range p.Settings() {
		if o.ClientSettable {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	e.l.errorAt(n.file, n.line, n.column, path, "clients may not set "+shown(Key{}, &node{kind: scalar, text: name}), strings.Join(names, ", "), "")
}

// connection fills in the TLS settings that litellm_settings gives for all models.
// The environment takes precedence over them, as in LiteLLM.
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
		m.Values[name] = all.value
		m.options.set(name, all.place)
	}
}

// settingAt is a setting and its place in the file.
type settingAt struct {
	value string
	place place
}
