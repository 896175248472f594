package config

import (
	"slices"
	"strconv"

	"outcrop/tenant"
)

// Sections of the mappings of roles and scopes.
const (
	sectionRoleMapping  = sectionTokens + ".role_mappings[]"
	sectionScopeMapping = sectionTokens + ".scope_mappings[]"

	sectionRoleSync       = sectionTokens + ".jwt_litellm_role_map[]"
	sectionRolePermission = "general_settings.role_permissions[]"
)

// roleMappings reads role_mappings.
func (l *loader) roleMappings(n *node, path string) (all []tenant.RoleMapping) {
	for i, item := range n.items {
		var m tenant.RoleMapping
		at := path + "[" + strconv.Itoa(i) + "]"
		l.fields(item, sectionRoleMapping, at, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "role":
				m.Claimed, _ = l.text(k, n, path)
			default:
				m.Role = l.tokenRole(k, n, path)
			}
		})
		if m.Claimed == "" || m.Role == "" {
			l.errorAt(item.file, item.line, item.column, at, "must have role and internal_role", "a value of the claim of roles_jwt_field, and the role that it stands for", "")
			continue
		}
		all = append(all, m)
	}
	return all
}

// tokenRole reads a role of tokens; empty if it is none.
func (l *loader) tokenRole(k Key, n *node, path string) tenant.TokenRole {
	s, ok := l.text(k, n, path)
	switch role := tenant.TokenRole(s); {
	case !ok:
	case role == tenant.TokenOfAdmin, role == tenant.TokenOfTeam, role == tenant.TokenOfUser:
		return role
	default:
		l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a role of tokens", "proxy_admin, team, internal_user", "")
	}
	return ""
}

// rolePermissions reads general_settings.role_permissions.
func (l *loader) rolePermissions(n *node, path string) (all []tenant.RolePermission) {
	for i, item := range n.items {
		var p tenant.RolePermission
		at := path + "[" + strconv.Itoa(i) + "]"
		l.fields(item, sectionRolePermission, at, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "models":
				p.Models = append([]string{}, l.texts(n, path)...)
			case "routes":
				p.Routes = l.routes(k, n, path)
			case "role":
				p.Role = l.tokenRole(k, n, path)
			}
		})
		if p.Role == "" {
			l.errorAt(item.file, item.line, item.column, at, "must have role", "proxy_admin, team or internal_user, and the models and routes that tokens with it may call", "")
			continue
		}
		all = append(all, p)
	}
	return all
}

// roleSyncs reads jwt_litellm_role_map.
func (l *loader) roleSyncs(n *node, path string) (all []tenant.RoleSync) {
	for i, item := range n.items {
		var m tenant.RoleSync
		at := path + "[" + strconv.Itoa(i) + "]"
		l.fields(item, sectionRoleSync, at, nil, func(k Key, n *node, path string) {
			s, ok := l.text(k, n, path)
			switch role := tenant.Role(s); {
			case !ok:
			case k.Name == "jwt_role":
				m.Claimed = s
			case slices.Contains([]tenant.Role{tenant.RoleAdmin, tenant.RoleAdminViewer, tenant.RoleUser, tenant.RoleUserViewer}, role):
				m.Role = role
			default:
				l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not a role of users", "proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer", "")
			}
		})
		if m.Claimed == "" || m.Role == "" {
			l.errorAt(item.file, item.line, item.column, at, "must have jwt_role and litellm_role", "a value of the claim of roles_jwt_field, and the role of users who have it", "")
			continue
		}
		all = append(all, m)
	}
	return all
}

// scopeMappings reads scope_mappings.
func (l *loader) scopeMappings(n *node, path string) (all []tenant.ScopeMapping) {
	for i, item := range n.items {
		var m tenant.ScopeMapping
		at := path + "[" + strconv.Itoa(i) + "]"
		l.fields(item, sectionScopeMapping, at, nil, func(k Key, n *node, path string) {
			switch k.Name {
			case "scope":
				m.Scope, _ = l.text(k, n, path)
			case "models":
				m.Models = l.texts(n, path)
			}
		})
		if m.Scope == "" {
			l.errorAt(item.file, item.line, item.column, at, "must have scope", "a scope of tokens, and the models that tokens with it may call", "")
			continue
		}
		all = append(all, m)
	}
	return all
}

// roleSettings checks the settings of roles and scopes against one another, as LiteLLM does when it starts
// (litellm/proxy/_types.py, LiteLLM_JWTAuth, 1.110.2), and warns of what has no effect.
func (l *loader) roleSettings(to *Tokens, n *node, path string) {
	has := func(name string) bool {
		return slices.ContainsFunc(n.members, func(m member) bool { return m.key == name && m.value.kind != null })
	}
	wrong := func(message, accepted string) {
		l.errorAt(n.file, n.line, n.column, path, message, accepted, "")
	}
	if has("user_roles_jwt_field") != has("user_allowed_roles") {
		wrong("has one of user_roles_jwt_field and user_allowed_roles without the other", "both, or neither")
	}
	if has("object_id_jwt_field") && !has("role_mappings") {
		wrong("has object_id_jwt_field without role_mappings, which say whose id it is", "role_mappings and roles_jwt_field beside it")
	}
	if has("scope_mappings") && !to.Policy.EnforceScopes {
		wrong("has scope_mappings without enforce_scope_based_access: true, so they would restrict nothing", "both, or neither")
	}
	if len(to.Policy.RoleSyncs) > 0 && (!to.Policy.SyncUsers || to.Fields.Roles == "") {
		l.warnAt(n.file, n.line, n.column, path, "jwt_litellm_role_map has no effect without sync_user_role_and_teams and roles_jwt_field", "set both of them")
	}
	if len(to.Policy.RoleMappings) > 0 && to.Fields.Roles == "" {
		l.warnAt(n.file, n.line, n.column, path, "role_mappings have no effect without roles_jwt_field", "set it to the claim with the roles")
	}
	if to.Policy.EnforceScopes && len(to.Policy.ScopeMappings) == 0 {
		l.warnAt(n.file, n.line, n.column, path, "enforce_scope_based_access has no effect without scope_mappings", "set scope_mappings: which models tokens with a scope may call")
	}
}
