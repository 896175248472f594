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

// access reads the members of the body that say how the deployment is reached, and
// gives the others. Without brings they are refused.
func (d *decoder) access(members []jsonx.Member, brings bool) ([]jsonx.Member, error) {
	var brought map[string]string
	rest := members[:0]
	for _, m := range members {
		switch {
		case !isAccess(m.Name):
			rest = append(rest, m)
		case m.Value.Kind() == 'n' || empty(m):
		case !brings:
			e := llm.Unsupported(m.Name, "%s cannot be kept%s", m.Name, hintFor("api_key"))
			e.Fix = "Leave " + m.Name + " out, or ask whoever runs this gateway to let callers bring it (configurable_clientside_auth_params)."
			return nil, e
		default:
			var value string
			if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, &value) != nil {
				return nil, llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
			}
			if brought == nil {
				brought = map[string]string{}
			}
			brought[m.Name] = value
		}
	}
	d.out.LLM.Access = llm.NewAccess(brought)
	return rest, nil
}
