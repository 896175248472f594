package openaichat

import (
	"slices"
	"strings"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// headers reads extra_headers, an object of strings.
func (d *decoder) headers(m jsonx.Member) error {
	members, err := jsonx.Members(m.Value)
	if err != nil {
		return llm.Invalid(m.Name, "%s must be an object", m.Name)
	}
	for _, h := range members {
		field := m.Name + "." + h.Name
		var value string
		if h.Value.Kind() != '"' || jsonx.Unmarshal(h.Value, &value) != nil {
			return llm.Invalid(field, "%s must be a string", field)
		}
		switch {
		case !httpfield.IsToken(h.Name):
			return llm.Invalid(m.Name, "%s: invalid header name %q", m.Name, h.Name)
		case !httpfield.IsValue(value):
			return llm.Invalid(field, "%s contains a character that is not allowed in a header", field)
		case strings.EqualFold(h.Name, "anthropic-beta"):
			d.beta = append(slices.Clip(d.beta), value)
		case httpfield.RuleOf(h.Name) == httpfield.Refuse:
			return llm.Unsupported(field, "%s cannot be set by clients: the gateway sets it itself", field)
		default:
			d.out.LLM.Headers = append(d.out.LLM.Headers, llm.Label{Name: h.Name, Value: value})
		}
	}
	return nil
}

// betas passes on the values of the header anthropic-beta, a comma-separated list or a JSON array.
// The provider decides what to do with them.
func (d *decoder) betas() {
	var words []string
	for _, value := range d.beta {
		var array []string
		if jsonx.Unmarshal([]byte(value), &array) != nil {
			array = strings.Split(value, ",")
		}
		for _, word := range array {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	if len(words) > 0 {
		d.out.LLM.Headers = append(d.out.LLM.Headers, llm.Label{Name: "anthropic-beta", Value: strings.Join(words, ",")})
	}
}
