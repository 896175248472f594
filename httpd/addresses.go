package httpd

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"outcrop/llm"
)

// allowed reports whether a request comes from an address that may call.
func (s *server) allowed(r *http.Request) bool {
	if s.opt.Allowed == nil {
		return true
	}
	if ip, err := netip.ParseAddr(s.address(r)); err == nil {
		ip = ip.Unmap().WithZone("")
		if slices.ContainsFunc(s.opt.Allowed, func(p netip.Prefix) bool { return p.Contains(ip) }) {
			return true
		}
	}
	return s.public(r)
}

// address is the client's address: that of the connection, or all of X-Forwarded-For if it counts. As in LiteLLM
// (litellm/proxy/auth/auth_utils.py, get_request_ip_address), a header that a proxy has only added to, after what the
// client wrote, is no address.
func (s *server) address(r *http.Request) string {
	if forwarded := r.Header.Values("X-Forwarded-For"); s.opt.Forwarded && len(forwarded) > 0 {
		return strings.TrimSpace(strings.Join(forwarded, ", "))
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return from.Addr().String()
}

// public reports whether a request is for a path of the server's own that needs no key, such as the health checks.
func (s *server) public(r *http.Request) bool {
	if s.owner(r.URL.Path) != nil {
		return false
	}
	return slices.ContainsFunc(s.routes(), func(e endpoint) bool {
		return !e.keyed && strings.TrimPrefix(e.pattern, "GET ") == r.URL.Path || e.path == "/" && r.URL.Path == "/"
	})
}

// elsewhere is the refusal of a request from an address that may not call, with LiteLLM's words.
func (s *server) elsewhere(r *http.Request) *llm.Error {
	return &llm.Error{
		Code: llm.CodeAddressDenied, Status: http.StatusForbidden, Class: "auth_error", Message: "Access forbidden: IP address " + printable(s.address(r)) + " not allowed.",
		Fix: "Ask the gateway's operator to add the address to general_settings.allowed_ips.",
	}
}
