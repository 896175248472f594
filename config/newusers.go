package config

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/tenant"
)

// newUsers reads a setting of litellm_settings about new users. default_max_internal_user_budget stands for
// max_internal_user_budget where that is not set (LiteLLM 1.110.2, litellm/proxy/proxy_server.py).
func (l *loader) newUsers(to *tenant.NewUsers, k Key, n *node, path string) {
	switch k.Name {
	case "max_internal_user_budget":
		if v := l.param(k, n, path); v != nil {
			to.Budget = v
		}
	case "default_max_internal_user_budget":
		if v := l.param(k, n, path); to.Budget == nil {
			to.Budget = v
		}
	case "internal_user_budget_duration":
		to.BudgetDuration = l.param(k, n, path)
	default:
		l.fields(n, sectionNewUsers, path, nil, func(k Key, n *node, path string) { l.newUser(to, k, n, path) })
	}
}

// newUser reads a setting of default_internal_user_params.
func (l *loader) newUser(to *tenant.NewUsers, k Key, n *node, path string) {
	switch k.Name {
	case "user_role":
		to.Role = tenant.Role(l.among(k, n, path, tenant.RoleAdmin, tenant.RoleAdminViewer, tenant.RoleUser, tenant.RoleUserViewer))
	case "available_teams":
		to.Available = l.texts(n, path)
	case "teams":
		for i, item := range n.items {
			if m, ok := l.newMember(item, path+"["+strconv.Itoa(i)+"]"); ok {
				to.Teams = append(to.Teams, m)
			}
		}
	default:
		if v := l.param(k, n, path); v != nil {
			to.Fields = append(to.Fields, jsonx.Member{Name: k.Name, Value: v})
		}
	}
}

// newMember reads an entry of default_internal_user_params.teams: the id of a team, or a mapping.
func (l *loader) newMember(n *node, path string) (m tenant.NewMember, ok bool) {
	m.Role = "user"
	if n.kind == scalar {
		m.Team, ok = l.text(Key{Type: StringType}, n, path)
	} else {
		l.fields(n, sectionNewUserTeam, path, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "team_id":
				m.Team, _ = l.text(k, n, path)
			case "user_role":
				m.Role = l.among(k, n, path, "user", "admin")
			case "max_budget_in_team":
				m.Budget = l.param(k, n, path)
			}
		})
		ok = true
	}
	if ok && m.Team == "" {
		l.errorAt(n.file, n.line, n.column, path, "must have team_id", "the id of a team", "")
		return m, false
	}
	return m, ok
}

// among reads one of some words; empty if the value is wrong, which is reported.
func (l *loader) among(k Key, n *node, path string, words ...tenant.Role) string {
	text, ok := l.text(k, n, path)
	if ok && !slices.Contains(words, tenant.Role(text)) {
		var all []string
		for _, w := range words {
			all = append(all, string(w))
		}
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a role here", strings.Join(all, ", "), "")
		return ""
	}
	return text
}
