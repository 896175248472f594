// Package overrides applies the settings that a client sends with its request to those of a
// deployment: whether the client may set them, and that nothing of the gateway's own identity goes
// where a client points.
package overrides

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"outcrop/internal/netguard"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// maxValue bounds a value that a client sets, in bytes; STS accepts web identity tokens of up to
// 20,000
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
const maxValue = 20_000

// Read checks a client's settings against the options of a provider and the policy of a deployment,
// and returns them by option. An error is an *llm.Error that names the setting as the client does.
func Read(options []provider.Option, policy provider.ClientPolicy, access *llm.ClientSettings) (map[string]string, error) {
	settings := map[string]string{}
	for _, name := range access.Names() {
		option := optionOf(name)
		if !slices.ContainsFunc(options, func(o provider.Option) bool { return o.Name == option && o.ClientSettable }) {
			return nil, llm.Unsupported(name, "%s cannot be set by a request; the gateway's operator can set it for the model", name)
		}
		value := access.Get(name)
		if err := check(policy, name, option, value); err != nil {
			return nil, err
		}
		if _, twice := settings[option]; twice {
			return nil, llm.Invalid(name, "%s is set twice, under two names; send only one", option)
		}
		settings[option] = value
	}
	return settings, nil
}

// check checks one setting.
func check(policy provider.ClientPolicy, name, option, value string) error {
	setting, withValue := policy.Allows(option, value)
	switch {
	case !setting:
		e := llm.Unsupported(name, "%s is not allowed: clients may not set it for this model", name)
		e.Fix = "Leave " + name + " out, or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
		return e
	case strings.HasPrefix(value, "os.environ/") || strings.HasPrefix(value, "os.file/") || strings.HasPrefix(value, "oidc/"):
		return llm.Invalid(name, "%s must be the value itself: a request cannot refer to the gateway's environment, files or tokens", name)
	case len(value) > maxValue:
		return llm.Invalid(name, "%s must be at most %d bytes long, not %d", name, maxValue, len(value))
	case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return llm.Invalid(name, "%s must be printable ASCII without white space", name)
	case !withValue:
		return llm.Invalid(name, "%s has a value that clients may not set for this model", name)
	}
	return nil
}

// optionOf is the option that a name in a request stands for.
func optionOf(name string) string {
	switch name {
	case "region_name":
		return "aws_region_name"
	case "base_url":
		return "api_base"
	default:
		return name
	}
}

// Keyed applies api_key and api_base of a client to the settings of a deployment of a provider with
// options. own are the options that say something of the gateway's identity beside its key; they are
// left out. An address that the client names requires a key of the client's, gets no certificate of
// the gateway's, and is guarded: it must be public, unless a pattern of the operator names its host.
// An error is an *llm.Error.
func Keyed(p provider.Params, options []provider.Option, own []string, access *llm.ClientSettings) (provider.Params, upstream.Guard, error) {
	guard := upstream.Anywhere
	settings, err := Read(options, p.ClientPolicy, access)
	if err != nil {
		return p, guard, err
	}
	p.Values = maps.Clone(p.Values)
	if p.Values == nil {
		p.Values = map[string]string{}
	}
	p.Logger = slog.New(slog.DiscardHandler)
	if base := settings["api_base"]; base != "" {
		if settings["api_key"] == "" {
			e := llm.Invalid("api_base", "api_base requires api_key in the same request: the gateway does not send its own to a client-supplied address")
			e.Fix = "Also send api_key."
			return p, guard, e
		}
		guard = upstream.PublicOnly
		if pattern := p.ClientPolicy.Names["api_base"]; pattern != nil && !p.ClientPolicy.All && netguard.Names(pattern, base) {
			guard = upstream.NoMetadata
		}
		own = append(slices.Clip(own), "ssl_certificate", "ssl_certificate_key") // they identify the gateway
		environ := p.Environ
		p.Environ = func(name string) string {
			if name == "SSL_CERTIFICATE" {
				return ""
			}
			return environ(name)
		}
	}
	for _, name := range own {
		delete(p.Values, name)
	}
	maps.Copy(p.Values, settings)
	return p, guard, nil
}

// AsRequests turns an invalid setting into an error of the request that has it.
func AsRequests(err error) error {
	if e, ok := errors.AsType[*provider.OptionError](err); ok {
		return llm.Invalid(e.Option, "%s", e.Error())
	}
	return err
}
