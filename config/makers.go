package config

import (
	"slices"
	"strings"
)

// KeyRule is who may make a kind of keys, and which fields requests must have. Roles are nil for all.
type KeyRule struct{ Roles, Required []string }

// makers reads key_generation_settings.
func (l *loader) makers(to *Management, n *node, path string) {
	to.MakersLimited = n.kind == mapping && len(n.members) > 0
	l.fields(n, sectionMakers, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "team_key_generation":
			l.keyRule(&to.TeamKeys, n, k.Name, path, "admin", "user")
		case "personal_key_generation":
			l.keyRule(&to.PersonalKeys, n, k.Name, path, "proxy_admin", "proxy_admin_viewer", "org_admin", "internal_user", "internal_user_viewer", "team", "customer")
		}
	})
}

// keyRule reads a rule, whose roles are among some words.
func (l *loader) keyRule(to *KeyRule, n *node, name, path string, words ...string) {
	l.fields(n, sectionMakers+"."+name, path, nil, func(k Key, n *node, path string) {
		list := l.texts(n, path)
		if k.Name == "required_params" {
			to.Required = list
			return
		}
		to.Roles = list
		for _, role := range list {
			if !slices.Contains(words, role) {
				l.errorAt(n.file, n.line, n.column, path, shown(k, &node{kind: scalar, text: role})+" is not a role here", strings.Join(words, ", "), "")
			}
		}
	})
}
