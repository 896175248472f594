package invoke

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// Encode writes a request of the common language as a body for a model, and adapts it. Members of
// Converse in Extensions become InvokeModel's headers, in Adapted.Headers
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html). The error
// is an *llm.Error.
func Encode(m *Model, req *llm.Request, opt Options) (*Adapted, error) {
	headers, guard, err := headersOf(req)
	if err != nil {
		return nil, err
	}
	r := *req
	r.ModelFields = unguarded(req)
	if guard != nil {
		r.ModelFields = append(slices.Clip(r.ModelFields), *guard)
	}
	var w jsonx.Writer
	if err := anthropic.AppendRequest(&w, &r); err != nil {
		return nil, err
	}
	a, err := Adapt(m, w.Buf, nil, opt)
	if err != nil {
		return nil, err
	}
	a.Model, a.Stream, a.Headers = req.Model, req.Stream, append(headers, a.Headers...)
	return a, nil
}

// headersOf turns what Converse has in its body, and InvokeModel in headers, into these. body is a
// member of the body that goes with a guardrail; nil if there is none.
func headersOf(req *llm.Request) (headers []llm.Label, body *jsonx.Member, err error) {
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, llm.Label{Name: "X-Amzn-Bedrock-" + name, Value: value})
		}
	}
	add("Service-Tier", req.ServiceTier)
	for _, x := range req.Extensions {
		var v struct {
			Latency string `json:"latency"`
			Type    string `json:"type"`
		}
		switch x.Name {
		case "performanceConfig", "serviceTier":
			if err := jsonx.Unmarshal(x.Value, &v); err != nil {
				return nil, nil, llm.Invalid(x.Name, "%s: %v", x.Name, err)
			}
		}
		switch x.Name {
		case "guardrailConfig":
			g, err := NewGuard(x.Value)
			if err != nil {
				return nil, nil, err
			}
			headers, body = append(headers, g.Headers...), g.Member
		case "performanceConfig":
			add("PerformanceConfig-Latency", v.Latency)
		case "serviceTier":
			add("Service-Tier", v.Type)
		case "requestMetadata":
			compact, err := jsonx.Compact(x.Value)
			if err != nil {
				return nil, nil, llm.Invalid(x.Name, "%s: %v", x.Name, err)
			}
			add("Request-Metadata", string(compact))
		case "additionalModelResponseFieldPaths": // InvokeModel returns all fields
		default:
			return nil, nil, llm.Unsupported(x.Name, "%s is a member of Converse, which InvokeModel does not have", x.Name)
		}
	}
	return headers, body, nil
}
