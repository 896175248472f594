package tenant

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"outcrop/llm"
)

// passes are the endpoints of the operator's that a key or a team may and may not call, by their paths.
type passes struct{ allowed, denied []string }

// passes are those of a document: of its metadata, where LiteLLM has them.
func (d *document) passes() passes {
	return passes{
		allowed: slices.Concat(d.PassAllowed, d.Metadata.PassAllowed),
		denied:  slices.Concat(d.PassDenied, d.Metadata.PassDenied),
	}
}

// under are the lists of a key in a team: a list of the key's own replaces the team's, and all that either denies is denied, as in
// LiteLLM (litellm/proxy/auth/route_checks.py, 1.110.2).
func (p passes) under(team passes) passes {
	if len(p.allowed) == 0 {
		p.allowed = team.allowed
	}
	p.denied = slices.Concat(p.denied, team.denied)
	return p
}

// PassThrough checks that the caller may call an endpoint of the operator's by a path: admins may, and those to whom it is granted, by
// allowed_passthrough_routes, or else by allowed_routes of the key unless strict is set. For a token of several teams, the result is the
// caller for the first one that may. The error is an *llm.Error.
func (c *Caller) PassThrough(at string, strict bool) (*Caller, error) {
	if c.Role != RoleAdmin && Listed(c.d.settings().AdminRoutes, at) {
		return nil, AdminRoute(at)
	}
	if err := c.permission.route(at); err != nil {
		return nil, err
	}
	err := c.passThrough(at, strict)
	if err == nil {
		return c, nil
	}
	for _, team := range c.teams {
		if team.passThrough(at, strict) == nil {
			return team, nil
		}
	}
	return nil, err
}

func (c *Caller) passThrough(at string, strict bool) error {
	clean := path.Clean(at) // as the target may read it
	named := c.Named(at) && c.Named(clean)
	switch {
	case len(c.routes) == 0, named:
	case c.token != "" && (c.scoped || c.Role == RoleAdmin):
		return deniedToken(at, c.scoped)
	case c.token != "": // what a token's team may call is what it is granted
	case !slices.Contains(c.routes, "llm_api_routes") && !slices.Contains(c.routes, "openai_routes"):
		return deniedRoute(at)
	}
	if c.Role == RoleAdmin {
		return nil
	}
	for _, entry := range c.passes.denied {
		if PassDenied(entry, at) || PassDenied(entry, clean) {
			return deniedPass(at, entry)
		}
	}
	switch {
	case slices.ContainsFunc(c.passes.allowed, func(entry string) bool { return passAllowed(entry, clean) }):
		return nil
	case named && c.token == "" && !strict:
		return nil
	case named && slices.ContainsFunc(c.routes, func(entry string) bool { return strings.Trim(entry, "*/") != "" && passWild(entry, clean) }) && c.token != "":
		return nil
	}
	return ungranted(at)
}

// passAllowed reports whether an entry of allowed_passthrough_routes grants a path: the path, one above it, or a beginning with an
// asterisk at the end.
func passAllowed(entry, at string) bool {
	return entry != "" && (strings.HasPrefix(at, entry+"/") || passWild(entry, at))
}

// PassDenied reports whether an entry of denied_passthrough_routes denies a path: as one of the others grants it, and / for everything.
func PassDenied(entry, at string) bool {
	whole := strings.TrimRight(entry, "/")
	return entry != "" && (whole == "" || at == whole || strings.HasPrefix(at, whole+"/") || passWild(entry, at))
}

// passWild reports whether a path is an entry, or begins as it does before an asterisk at its end.
func passWild(entry, at string) bool {
	prefix, wild := strings.CutSuffix(entry, "*")
	return at == entry || wild && strings.HasPrefix(at, prefix)
}

// ungranted is the refusal of an endpoint of the operator's that nobody has granted to the key.
func ungranted(at string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: fmt.Sprintf("Key/team not allowed to access passthrough route %s.", at),
		Fix: "The gateway's operator can add the path to allowed_passthrough_routes of the key or of its team.",
	}
}

// deniedPass is the refusal of an endpoint of the operator's by a list of the key or of its team.
func deniedPass(at, entry string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: fmt.Sprintf("Key/team denied access to passthrough route %s: it is in denied_passthrough_routes as %s.", at, entry),
		Fix: "The gateway's operator can change denied_passthrough_routes of the key or of its team.",
	}
}
