package invoke

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// GuardMember is the member of InvokeModel's bodies with what belongs to a guardrail but has no header:
// how it is applied to a stream, and the tag of the parts of a prompt that it checks, which leaves the
// others unchecked (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-tagging.html).
const GuardMember = "amazon-bedrock-guardrailConfig"

// Guard is a guardrail as calls of InvokeModel have it
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
type Guard struct {
	// Headers are its id, its version and whether there is a trace.
	Headers []llm.Label
	// Member is GuardMember of a streaming call; nil if it has none.
	Member *jsonx.Member
}

// NewGuard returns a guardrail from Converse's guardrailConfig. The error is an *llm.Error.
func NewGuard(config jsonx.Raw) (g Guard, err error) {
	var v struct {
		ID      string `json:"guardrailIdentifier"`
		Version string `json:"guardrailVersion"`
		Trace   string `json:"trace"`
		Mode    string `json:"streamProcessingMode"`
	}
	if err := jsonx.Unmarshal(config, &v); err != nil {
		return g, llm.Invalid("guardrailConfig", "guardrailConfig: %v", err)
	}
	for _, h := range [...]llm.Label{{Name: GuardHeaders[0], Value: v.ID}, {Name: GuardHeaders[1], Value: v.Version}, {Name: GuardHeaders[2], Value: strings.ToUpper(v.Trace)}} {
		if h.Value != "" {
			g.Headers = append(g.Headers, h)
		}
	}
	if v.Mode != "" {
		g.Member = &jsonx.Member{Name: GuardMember, Value: jsonx.Raw(`{"streamProcessingMode":` + string(jsonx.AppendString(nil, strings.ToUpper(v.Mode))) + `}`)}
	}
	return g, nil
}

// GuardHeaders are the names of the headers of a guardrail. It is never written to.
var GuardHeaders = [...]string{"X-Amzn-Bedrock-GuardrailIdentifier", "X-Amzn-Bedrock-GuardrailVersion", "X-Amzn-Bedrock-Trace"}

// ByOperator is the detail of a warning about a guardrail of the client that the operator's replaces.
const ByOperator = "the gateway's operator has set a guardrail"

// guard applies the operator's guardrail, in place of the client's.
func (a *adapter) guard() error {
	if len(a.opt.Guardrail) == 0 {
		return nil
	}
	root := &a.doc.root
	for _, name := range [...]string{GuardMember, "guardrailConfig"} {
		if n := root.member(name); n != nil {
			a.dropAs(n, name, ByOperator)
		}
	}
	if a.opt.Count {
		return nil
	}
	g, err := NewGuard(a.opt.Guardrail)
	if err != nil {
		return err
	}
	a.out.Headers = append(a.out.Headers, g.Headers...)
	if g.Member != nil && a.out.Stream {
		root.add(string(jsonx.AppendString(nil, g.Member.Name)) + ":" + string(g.Member.Value))
	}
	return nil
}

// unguarded returns the model fields of a request without a client's GuardMember, if the operator has
// set a guardrail.
func unguarded(req *llm.Request) []jsonx.Member {
	if len(req.Guardrail) == 0 {
		return req.ModelFields
	}
	return slices.DeleteFunc(slices.Clone(req.ModelFields), func(m jsonx.Member) bool { return m.Name == GuardMember })
}
