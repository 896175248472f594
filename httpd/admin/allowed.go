package admin

import (
	"errors"
	"slices"
	"strings"

	"outcrop/store"
	"outcrop/tenant"
)

// infoRoutes are the endpoints of LiteLLM's group info_routes (litellm/proxy/_types.py, LiteLLMRoutes).
func infoRoutes() []string {
	return []string{
		"/key/info", "/key/health", "/key/list", "/v2/key/info", "/team/info", "/team/list", "/v2/team/list", "/team/available", "/team/metadata_schema",
		"/organization/list", "/user/info", "/v2/user/info", "/user/filter/ui",
	}
}

// inGroup reports whether an endpoint is in one of LiteLLM's groups of routes. The other groups have none of this
// API.
func inGroup(group, path string) bool {
	in := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
	}
	switch group {
	case "info_routes":
		return slices.Contains(infoRoutes(), path)
	case "key_management_routes":
		return in("/key/", "/v2/key/")
	case "management_routes":
		return in("/key/", "/v2/key/", "/user/", "/v2/user/", "/team/", "/v2/team/")
	case "spend_tracking_routes":
		return in("/spend/")
	case "global_spend_tracking_routes":
		return in("/global/spend")
	default:
		return false
	}
}

// allows reports whether an entry of a key's allowed_routes is for an endpoint: a group, a path, what is below a
// path, or a path that ends with an asterisk.
func allows(entry, path string) bool {
	prefix, wild := strings.CutSuffix(entry, "*")
	switch {
	case !strings.HasPrefix(entry, "/"):
		return inGroup(entry, path)
	case wild:
		return strings.HasPrefix(path, prefix)
	default:
		return path == entry || strings.HasPrefix(path, strings.TrimSuffix(entry, "/")+"/")
	}
}

// routed refuses a caller whose key may not call the request's path, whatever its role. The routes are the key's, if it
// has been allowed some only.
func (x *exchange) routed() (routes []string, err error) {
	if !x.caller.admin() && (tenant.Listed(x.h.opt.AdminRoutes, x.r.URL.Path) || slices.ContainsFunc(x.h.opt.AdminRoutes, func(group string) bool { return inGroup(group, x.action) })) {
		return nil, tenant.AdminRoute(x.action)
	}
	if x.caller.Manages != nil && !x.caller.Manages(x.allowed) {
		return nil, &Error{
			Status: 401, Type: typeAuth,
			Message: "Authentication Error, Admin not allowed to access this route. Route=" + x.action + ". The gateway's operator can add it, or a group of routes, to litellm_jwtauth.admin_allowed_routes.",
		}
	}
	if x.caller.Master || x.caller.Key == "" {
		return nil, nil
	}
	own, err := x.entity(store.KindKey, x.caller.Key)
	if errors.Is(err, store.ErrNotFound) { // deleted since it was admitted
		return nil, &Error{Status: 401, Type: "token_not_found_in_db", Param: "key", Message: "Authentication Error, Invalid API key provided."}
	}
	if err != nil {
		return nil, err
	}
	routes = own.doc.texts("allowed_routes")
	if len(routes) == 0 || slices.ContainsFunc(routes, x.allowed) {
		return routes, nil
	}
	return nil, forbidden("", "Virtual key is not allowed to call this route. Only allowed to call routes: %s. Tried to call route: %s.", strings.Join(routes, ", "), x.action)
}

// allowed reports whether an entry of allowed routes is for the request's path or for its endpoint.
func (x *exchange) allowed(entry string) bool {
	return allows(entry, x.r.URL.Path) || allows(entry, x.action)
}
