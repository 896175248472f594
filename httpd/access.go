package httpd

import (
	"net/http"
	"strings"

	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/tenant"
)

// Access is which paths may be called, and in which headers requests say who calls.
type Access struct {
	// Routes are the paths that may be called, whoever calls; nil for all. The server's own paths that need no key, such as
	// the health checks, may always be: general_settings.allowed_routes.
	Routes []string
	// Public are the paths that need no key: general_settings.public_routes.
	Public []string
	// KeyHeader is a header whose key precedes all others; empty for none: general_settings.litellm_key_header_name.
	KeyHeader string
	// CustomerHeaders are headers with the customer of a call, the first that is there: general_settings.user_header_mappings
	// and user_header_name.
	CustomerHeaders []string
}

// keyHeaders are the usual headers with a key.
func keyHeaders() []string {
	return []string{"Authorization", "Api-Key", "X-Api-Key", "X-Litellm-Api-Key", "X-Goog-Api-Key"}
}

// access refuses a path that may not be called, and returns the request in its usual form: the key and the customer in the
// headers where frontends look for them.
func (s *server) access(r *http.Request) (*http.Request, *llm.Error) {
	a := &s.opt.Access
	if a.Routes != nil && !tenant.Listed(a.Routes, r.URL.Path) && !s.public(r) {
		return r, &llm.Error{
			Code: llm.CodeRouteDenied, Status: http.StatusForbidden, Class: "auth_error", Message: "Access forbidden: Route " + printable(r.URL.Path) + " not allowed.",
			Fix: "Ask the gateway's operator to add the path to general_settings.allowed_routes.",
		}
	}
	if a.KeyHeader != "" {
		if key := strings.TrimSpace(r.Header.Get(a.KeyHeader)); key != "" {
			for _, name := range keyHeaders() {
				r.Header.Del(name)
			}
			if scheme, rest, ok := strings.Cut(key, " "); ok && strings.EqualFold(scheme, "Bearer") {
				key = strings.TrimSpace(rest)
			}
			r.Header.Del(a.KeyHeader)
			r.Header.Set("Authorization", "Bearer "+key)
		}
	}
	for _, name := range a.CustomerHeaders {
		customer := strings.TrimSpace(r.Header.Get(name))
		if customer == "" {
			continue
		}
		if r.Header.Get("X-Litellm-Customer-Id") == "" && r.Header.Get("X-Litellm-End-User-Id") == "" {
			r.Header.Set("X-Litellm-Customer-Id", customer)
		}
		break
	}
	if len(a.Public) > 0 && tenant.Listed(a.Public, r.URL.Path) {
		r = door.Public(r)
	}
	return r, nil
}
