package tenant

import (
	"fmt"
	"slices"

	"outcrop/bearer"
	"outcrop/llm"
)

// TokenRole is whom LiteLLM takes the sender of a token for, to decide whether it may call and whose the calls are
// (litellm/proxy/_types.py, RBAC_ROLES, 1.110.2). It gives no role at the management API.
type TokenRole string

// The roles of tokens.
const (
	TokenOfAdmin TokenRole = "proxy_admin"
	TokenOfTeam  TokenRole = "team"
	TokenOfUser  TokenRole = "internal_user"
)

// RoleMapping says which role a value of the claim with roles stands for: role_mappings.
type RoleMapping struct {
	Claimed string
	Role    TokenRole
}

// ScopeMapping says which models tokens with a scope may call: scope_mappings.
type ScopeMapping struct {
	Scope  string
	Models []string
}

// role is the role of a token, in the order in which LiteLLM finds it (litellm/proxy/auth/handle_jwt.py, get_rbac_role,
// 1.110.2); empty for none.
func (t *Tokens) role(id *bearer.Identity) TokenRole {
	switch {
	case id.Admin:
		return TokenOfAdmin
	case id.Team != "":
		return TokenOfTeam
	case id.UserClaimed, slices.ContainsFunc(id.UserRoles, func(role string) bool { return slices.Contains(t.UserRoles, role) }):
		return TokenOfUser
	}
	for _, m := range t.RoleMappings {
		if slices.Contains(id.Roles, m.Claimed) {
			return m.Role
		}
	}
	return ""
}

// owned is a token's identity with what its role says of it: the claim of object_id_jwt_field is the id of a team or of a
// user. The error is an *llm.Error.
func (t *Tokens) owned(id *bearer.Identity) (*bearer.Identity, error) {
	role := t.role(id)
	if t.EnforceRoles && role == "" {
		return nil, of(403, "the token is neither an operator's nor a team's nor a user's, and litellm_jwtauth.enforce_rbac asks for one of them.",
			"Get a token with a role of role_mappings or user_allowed_roles, or with the claim of team_id_jwt_field or user_id_jwt_field.")
	}
	if id.Object != "" && (role == TokenOfTeam || role == TokenOfUser) {
		own := *id
		if role == TokenOfTeam {
			own.Team = id.Object
		} else {
			own.User = id.Object
		}
		id = &own
	}
	if t.EnforceRoles && !id.Admin && id.User == "" && id.Team == "" && len(id.Teams) == 0 {
		return nil, of(403, "the token has the id of no user and of no team, and litellm_jwtauth.enforce_rbac asks for one.", "Get a token with the id in the claim that object_id_jwt_field, user_id_jwt_field or team_id_jwt_field names.")
	}
	return id, nil
}

// scoped are the models that a token may call by its scopes, whatever else it may; nil for all.
func (t *Tokens) scoped(id *bearer.Identity) []string {
	if !t.EnforceScopes || len(t.ScopeMappings) == 0 {
		return nil
	}
	models := []string{}
	for _, m := range t.ScopeMappings {
		if slices.Contains(id.Scopes, m.Scope) {
			models = append(models, m.Models...)
		}
	}
	return models
}

// within refuses a model that a token's scopes or its role do not allow. Names count as LiteLLM counts them, to the letter
// (check_scope_based_access).
func (c *Caller) within(model string) error {
	if err := c.permission.model(model); err != nil {
		return err
	}
	if c.scopes == nil || model == "" || slices.Contains(c.scopes, model) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Class: classAuth, Param: "model", Message: fmt.Sprintf("the model %q is not available to tokens with these scopes.", llm.Clip(model, 200)),
		Fix: "Get a token with a scope for the model. The gateway's operator sets them in litellm_jwtauth.scope_mappings.",
	}
}

// behind is within for the model behind an alias of the caller's: whoever may give a team or a key aliases does not decide on what tokens
// may call. LiteLLM compares the alias alone. The names that the configuration has for models are the operator's, who lists them.
func (c *Caller) behind(req *Request) error {
	to := c.Model(req.Asked)
	if to == req.Asked || to != req.Model && req.Team == "" { // of a model of a team, req.Model is its name within the gateway
		return nil
	}
	return c.within(to)
}

// RolePermission is what tokens of a role may call: an element of general_settings.role_permissions, which holds if EnforceRoles
// is set. Models and Routes are nil for all.
type RolePermission struct {
	Role           TokenRole
	Models, Routes []string
}

// permission is what tokens of a role may call, as the first element for the role says it; nil for everything (litellm,
// auth_checks.py, _get_role_based_permissions, 1.110.2).
func (t *Tokens) permission(id *bearer.Identity) *RolePermission {
	if !t.EnforceRoles || len(t.RolePermissions) == 0 {
		return nil
	}
	role := t.role(id)
	if i := slices.IndexFunc(t.RolePermissions, func(p RolePermission) bool { return p.Role == role }); i >= 0 {
		return &t.RolePermissions[i]
	}
	return nil
}

// model refuses a model that tokens of the role may not call. Names count to the letter.
func (p *RolePermission) model(model string) error {
	if p == nil || p.Models == nil || model == "" || slices.Contains(p.Models, model) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Class: classAuth, Param: "model", Message: fmt.Sprintf("the model %q is not available to tokens with the role %s.", llm.Clip(model, 200), p.Role),
		Fix: "The gateway's operator sets the models of roles in general_settings.role_permissions.",
	}
}

// route refuses a path that tokens of the role may not call.
func (p *RolePermission) route(path string) error {
	if p == nil || p.Routes == nil || slices.ContainsFunc(p.Routes, func(entry string) bool { return routed(entry, path) }) {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: fmt.Sprintf("tokens with the role %s may not call %s.", p.Role, path),
		Fix: "The gateway's operator sets the paths of roles in general_settings.role_permissions.",
	}
}
