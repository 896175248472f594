package openaicompat

import (
	"errors"
	"log/slog"
	"maps"
	"strings"

	"outcrop/internal/netguard"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// maxOverrideValue bounds a value that a client sets, in bytes.
const maxOverrideValue = 20_000

// WithOverrides returns the deployment with a request's api_key and api_base. It is made for the
// request: nothing has to be opened.
func (d *Deployment) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	p := d.params
	p.Values = maps.Clone(p.Values)
	p.Logger = slog.New(slog.DiscardHandler)
	guard := upstream.Anywhere
	settings := map[string]string{}
	for _, name := range access.Names() {
		option, value := name, access.Get(name)
		if name == "base_url" {
			option = "api_base"
		}
		if err := d.allow(name, option, value); err != nil {
			return nil, nil, err
		}
		settings[option] = value
	}
	if base := settings["api_base"]; base != "" {
		if settings["api_key"] == "" {
			e := llm.Invalid("api_base", "api_base requires api_key in the same request: the gateway does not send its own to a client-supplied address")
			e.Fix = "Also send api_key."
			return nil, nil, e
		}
		guard = upstream.PublicOnly
		if pattern := p.ClientPolicy.Names["api_base"]; pattern != nil && !p.ClientPolicy.All && netguard.Names(pattern, base) {
			guard = upstream.NoMetadata
		}
		for _, name := range []string{"ssl_certificate", "ssl_certificate_key"} { // they identify the gateway
			delete(p.Values, name)
		}
		environ := p.Environ
		p.Environ = func(name string) string {
			if name == "SSL_CERTIFICATE" {
				return ""
			}
			return environ(name)
		}
	}
	for name := range d.vendor.HeaderOptions { // such as the gateway's organization
		delete(p.Values, name)
	}
	maps.Copy(p.Values, settings)
	made, err := d.reopen(p, guard)
	if e, ok := errors.AsType[*provider.OptionError](err); ok {
		return nil, nil, llm.Invalid(e.Option, "%s", e.Error())
	}
	if err != nil {
		return nil, nil, err
	}
	return made, func() { _ = made.Close() }, nil
}

// allow checks a setting of a client.
func (d *Deployment) allow(name, option, value string) error {
	setting, withValue := d.params.ClientPolicy.Allows(option, value)
	switch {
	case option != "api_key" && option != "api_base" || d.reopen == nil:
		return llm.Unsupported(name, "%s cannot be set by a request; the gateway's operator can set it for the model", name)
	case !setting:
		e := llm.Unsupported(name, "%s is not allowed: clients may not set it for this model", name)
		e.Fix = "Leave " + name + " out, or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
		return e
	case strings.HasPrefix(value, "os.environ/") || strings.HasPrefix(value, "oidc/"):
		return llm.Invalid(name, "%s must be the value itself: a request cannot refer to the gateway's environment or tokens", name)
	case len(value) > maxOverrideValue:
		return llm.Invalid(name, "%s must be at most %d bytes long, not %d", name, maxOverrideValue, len(value))
	case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return llm.Invalid(name, "%s must be printable ASCII without white space", name)
	case !withValue:
		return llm.Invalid(name, "%s has a value that clients may not set for this model", name)
	}
	return nil
}

var _ provider.Overridable = (*Deployment)(nil)
