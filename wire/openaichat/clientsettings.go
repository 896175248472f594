package openaichat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// isClientSetting reports whether a member is one of LiteLLM's connection settings of a deployment, which
// clients may send where they are allowed to (https://docs.litellm.ai/docs/proxy/clientside_auth).
// None of them is a model parameter: settings that are not accepted are refused, so that no secret
// is forwarded as a model parameter and no call runs with other permissions than its client asked
// for.
func isClientSetting(name string) bool {
	switch name {
	case "api_key", "api_base", "base_url", "region_name", "model_id", "ssl_verify", "ssl_certificate", "ssl_certificate_key":
		return true
	default:
		return strings.HasPrefix(name, "aws_")
	}
}

// isForeign reports whether a member is one of LiteLLM's connection settings of other providers, or
// of additional headers, which may contain a secret. They are not model parameters either, and AWS
// repeats unknown fields in its errors.
func isForeign(name string) bool {
	switch name {
	case "headers", "default_headers", "organization", "api_version", "api_type", "litellm_credential_name",
		"tenant_id", "client_id", "client_secret", "gcs_bucket_name", "bucket_name":
		return true
	}
	for _, prefix := range [...]string{"vertex_", "azure_", "s3_", "watsonx_", "oci_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// foreign refuses a member for which isForeign is true.
func foreign(name string) error {
	e := llm.Unsupported(name, "%s is not supported: it sets the connection to another provider", name)
	e.Fix = "Remove " + name + "."
	if name == "headers" || name == "default_headers" {
		e.Message = name + " is not supported: extra_headers sets headers of the request to the provider."
		e.Fix = "Send them as extra_headers, without credentials."
	}
	return e
}

// clientSettings reads the connection settings in the body, and returns the other members. Unless allow is
// true, it refuses the settings.
func (d *decoder) clientSettings(members []jsonx.Member, allow bool) ([]jsonx.Member, error) {
	var settings map[string]string
	rest := members[:0]
	for _, m := range members {
		switch {
		case isForeign(m.Name) && m.Value.Kind() != 'n' && !jsonx.Empty(m.Value):
			return nil, foreign(m.Name)
		case isForeign(m.Name):
		case !isClientSetting(m.Name):
			rest = append(rest, m)
		case m.Value.Kind() == 'n' || jsonx.Empty(m.Value):
		case !allow:
			e := llm.Unsupported(m.Name, "%s may not be set by clients for this model%s", m.Name, hintFor("api_key"))
			e.Fix = "Remove " + m.Name + ", or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
			return nil, e
		default:
			var value string
			if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, &value) != nil {
				return nil, llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
			}
			if settings == nil {
				settings = map[string]string{}
			}
			settings[m.Name] = value
		}
	}
	d.out.LLM.ClientSettings = llm.NewClientSettings(settings)
	return rest, nil
}
