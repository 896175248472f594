package openaicompat

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"outcrop/llm"
	"outcrop/provider"
)

// endpoint is a vendor's endpoint with an API key.
type endpoint struct {
	vendor  *Vendor
	base    *url.URL
	key     [1]string // empty if there is none
	header  string    // that has the key
	value   [1]string // of the header
	origin  string
	headers http.Header // the vendor's own; nil without any
	within  string      // what the operator has set of the key's organizations and projects
	missing *llm.Error  // the error of every call, because there is no key
}

// endpoint resolves the address and the key of a deployment.
func (v *Vendor) endpoint(p provider.Params) (*endpoint, error) {
	base, from := p.Values["api_base"], "api_base"
	for _, name := range v.BaseURLVariables {
		if base == "" {
			base, from = p.Environ(name), name
		}
	}
	if base == "" {
		base, from = v.BaseURL, "base_url"
	}
	if base == "" {
		reason := "is required: the URL of the server, such as http://localhost:8000/v1"
		if len(v.BaseURLVariables) > 0 {
			reason += ", here or in " + strings.Join(v.BaseURLVariables, " or ")
		}
		return nil, &provider.OptionError{Option: "api_base", Reason: reason}
	}
	u, err := v.addresses.base(base)
	if err != nil {
		if from != "api_base" {
			return nil, &provider.OptionError{Option: "api_base", Reason: from + ": " + err.Error()}
		}
		return nil, &provider.OptionError{Option: "api_base", Reason: err.Error()}
	}
	e := &endpoint{vendor: v, base: u, origin: "api_key"}
	key := p.Values["api_key"]
	for _, name := range v.KeyVariables {
		if key == "" {
			key, e.origin = p.Environ(name), name
		}
	}
	if key == "" {
		e.origin = ""
		if !v.KeyOptional && "https://"+u.Host == origin(v.BaseURL) { // another server may need none
			e.missing = v.keyMissing()
		}
	}
	e.header, e.value[0], e.key[0] = http.CanonicalHeaderKey(v.KeyHeader), key, key
	if v.KeyHeader == "" {
		e.header, e.value[0] = "Authorization", "Bearer "+key
		e.key[0] = strings.TrimPrefix(e.value[0], "Bearer ") // one text in memory
	}
	for name, value := range v.Headers {
		e.add(name, value)
	}
	for _, option := range sortedKeys(v.HeaderOptions) {
		if value := p.Values[option]; value != "" {
			e.add(v.HeaderOptions[option], value)
			e.within += "\x00" + value
		}
	}
	return e, nil
}

// add adds one of the vendor's own headers.
func (e *endpoint) add(name, value string) {
	if e.headers == nil {
		e.headers = http.Header{}
	}
	e.headers.Set(name, value)
}

// origin is a URL without its path.
func origin(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// ParseBase reads the setting api_base: an http or https URL.
func ParseBase(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not a URL such as https://host/v1", llm.Clip(base, 100))
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s must not contain a user or a password; set api_key", u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.Fragment = ""
	return u, nil
}

// keyMissing is the error of calls without a key.
func (v *Vendor) keyMissing() *llm.Error {
	e := &llm.Error{
		Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden,
		Message: "there is no API key for " + v.Title + ".",
		Fix:     "Set api_key in litellm_params of the model",
	}
	if len(v.KeyVariables) > 0 {
		e.Fix += ", or the environment variable " + strings.Join(v.KeyVariables, " or ")
	}
	e.Fix += "."
	return e
}

// URL joins the base URL and the path of an API. A base URL that already has the path of chat
// completions, as some users write it, counts as the base of all.
func (e *endpoint) URL(api API, _ string) *url.URL {
	path := e.vendor.Path(api)
	if path == "" {
		return nil
	}
	return e.vendor.addresses.of(e.base, path, func() *url.URL { return e.join(path) })
}

func (e *endpoint) join(path string) *url.URL {
	u := *e.base
	if chat := e.vendor.APIs.Chat; chat != "" {
		u.Path = strings.TrimSuffix(u.Path, chat)
	}
	for _, ending := range e.vendor.BaseURLEndings {
		if before, ok := strings.CutSuffix(u.Path, ending); ok {
			u.Path = before
			break
		}
	}
	path, query, _ := strings.Cut(path, "?")
	first, _, _ := strings.Cut(path[1:], "/")
	if before, ok := strings.CutSuffix(u.Path, "/"+first); ok { // such as /v1, with Ollama
		u.Path = before
	}
	u.Path += path
	if query != "" {
		u.RawQuery = query
	}
	return &u
}

// Root is the base URL, or the vendor's own API on the same host.
func (e *endpoint) Root() *url.URL {
	u := *e.base
	if chat := e.vendor.APIs.Chat; chat != "" {
		u.Path = strings.TrimSuffix(u.Path, chat)
	}
	if e.vendor.Native != "" {
		u.Path = strings.TrimRight(e.vendor.Native, "/")
	}
	u.RawPath = ""
	return &u
}

// Authorize sets the key and the vendor's own headers.
func (e *endpoint) Authorize(_ context.Context, h http.Header) ([]string, error) {
	if e.missing != nil {
		return nil, e.missing
	}
	maps.Copy(h, e.headers)
	if e.key[0] == "" {
		return nil, nil
	}
	h[e.header] = e.value[:]
	return e.key[:], nil
}

// Missing is the error of calls without a key.
func (e *endpoint) Missing() *llm.Error { return e.missing }

// Identity is a digest of address, key, and organization.
func (e *endpoint) Identity() (id, origin string) {
	return e.vendor.Name + " " + e.base.Host + " " + digest(e.key[0]+e.within), cmp.Or(e.origin, "no key")
}

// Close does nothing.
func (e *endpoint) Close() error { return nil }
