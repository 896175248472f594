package openaichat

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// isAccess reports whether a member is one of LiteLLM's settings of how a
// deployment is reached, which its callers can send where they are allowed to
// (https://docs.litellm.ai/docs/proxy/clientside_auth). None of them is the model's:
// what is not taken is refused, so that no secret goes on as a model's parameter and
// no call runs with other rights than its caller asked for.
func isAccess(name string) bool {
	switch name {
	case "api_key", "api_base", "base_url", "region_name", "model_id", "ssl_verify", "ssl_certificate", "ssl_certificate_key":
		return true
	default:
		return strings.HasPrefix(name, "aws_")
	}
}

// isForeign reports whether a member is one of LiteLLM's settings of how other
// providers are reached, or of headers that go along, which may hold a secret. No model
// has such a field either, and AWS repeats fields that it does not know.
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

// foreign refuses a member that isForeign.
func foreign(name string) error {
	e := llm.Unsupported(name, "%s is not supported: it sets the connection to another provider", name)
	e.Fix = "Remove " + name + "."
	if name == "headers" || name == "default_headers" {
		e.Message = name + " is not supported: extra_headers sets headers of the request to the provider."
		e.Fix = "Send them as extra_headers, without credentials."
	}
	return e
}

// access reads the members of the body that say how the deployment is reached, and
// gives the others. Without brings they are refused.
func (d *decoder) access(members []jsonx.Member, brings bool) ([]jsonx.Member, error) {
	var settings map[string]string
	rest := members[:0]
	for _, m := range members {
		switch {
		case isForeign(m.Name) && m.Value.Kind() != 'n' && !empty(m):
			return nil, foreign(m.Name)
		case isForeign(m.Name):
		case !isAccess(m.Name):
			rest = append(rest, m)
		case m.Value.Kind() == 'n' || empty(m):
		case !brings:
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
