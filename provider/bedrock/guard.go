package bedrock

import (
	"bytes"
	"net/http"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/invoke"
)

// guardMember is the member of Converse's bodies with the guardrail.
const guardMember = "guardrailConfig"

// Guards reports whether the target has guardrails: Converse has them in its body, and InvokeModel in
// headers; OpenAI's APIs have none.
func (w *target) Guards() bool { return !w.onMantle() && !w.answersByResponses() }

// guard puts the operator's guardrail into a call of AWS's own API, in place of the client's. It
// returns the body in segments, which share its memory. An operation that cannot have a guardrail is
// refused.
func guard(raw *llm.Raw, body jsonx.Raw, header http.Header) (_ [][]byte, warnings []llm.Warning, err error) {
	whole := [][]byte{body}
	if len(raw.Guardrail) == 0 || raw.Operation == opCountTokens { // a count writes nothing
		return whole, nil, nil
	}
	for _, name := range invoke.GuardHeaders {
		if header.Get(name) != "" {
			header.Del(name)
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: name, Detail: invoke.ByOperator})
		}
	}
	var own jsonx.Member
	switch raw.Operation {
	case opConverse, opConverseStream:
		own = jsonx.Member{Name: guardMember, Value: raw.Guardrail}
		if raw.Operation == opConverse {
			if own.Value, err = withoutMode(own.Value); err != nil {
				return nil, nil, err
			}
		}
	case opInvoke, opInvokeStream:
		g, err := invoke.NewGuard(raw.Guardrail)
		if err != nil {
			return nil, nil, err
		}
		for _, h := range g.Headers {
			header.Set(h.Name, h.Value)
		}
		own.Name = invoke.GuardMember
		if g.Member != nil && raw.Operation == opInvokeStream {
			own.Value = g.Member.Value
		}
	default:
		e := llm.Unsupported("modelId", "The gateway's operator has set a guardrail for this model, which %s cannot have.", raw.Operation)
		e.Fix = "Use Converse or InvokeModel."
		return nil, nil, e
	}
	given, ok := hasMember(body, own.Name)
	switch {
	case !ok && own.Name == guardMember:
		return nil, nil, llm.Invalid("body", "The request body is not a JSON object.")
	case !ok: // a model's own form, which is not JSON
		return whole, warnings, nil
	case given:
		warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: own.Name, Detail: invoke.ByOperator})
		if whole, err = withoutMember(body, own.Name); err != nil {
			return nil, nil, err
		}
	}
	if own.Value != nil {
		whole = withMember(whole[0], own)
	}
	return whole, warnings, nil
}

// withoutMode is a guardrail without the setting that only streams have.
func withoutMode(config jsonx.Raw) (jsonx.Raw, error) {
	members, err := jsonx.Members(config)
	if err != nil {
		return nil, llm.Invalid(guardMember, "%s must be an object", guardMember)
	}
	return object(slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "streamProcessingMode" })), nil
}

func object(members []jsonx.Member) jsonx.Raw {
	var w jsonx.Writer
	w.Object()
	w.Members(members)
	w.EndObject()
	return w.Buf
}

// hasMember reports whether an object has a member; ok is false if the body is not one JSON object.
func hasMember(body jsonx.Raw, name string) (given, ok bool) {
	d := jsonx.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != '{' {
		return false, false
	}
	if _, err := d.ReadToken(); err != nil {
		return false, false
	}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return false, false
		}
		given = given || token.String() == name
		if d.SkipValue() != nil {
			return false, false
		}
	}
	_, err := d.ReadToken()
	return given, err == nil
}

// withoutMember is an object without a member that it has.
func withoutMember(body jsonx.Raw, name string) ([][]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, llm.Invalid("body", "The request body is not a JSON object.")
	}
	return [][]byte{object(slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == name }))}, nil
}

// withMember is an object with a member before the others, in segments.
func withMember(body []byte, m jsonx.Member) [][]byte {
	at := bytes.IndexByte(body, '{') + 1
	head := append(append(jsonx.AppendString([]byte{'{'}, m.Name), ':'), m.Value...)
	if bytes.TrimLeft(body[at:], " \t\r\n")[0] != '}' {
		head = append(head, ',')
	}
	return [][]byte{head, body[at:]}
}

// guardHeaders are the headers of a call of InvokeModel for embeddings or a rerank: the client's, and
// those of the operator's guardrail.
func guardHeaders(c *llm.Call) ([]llm.Label, error) {
	if len(c.Guardrail) == 0 {
		return c.Headers, nil
	}
	g, err := invoke.NewGuard(c.Guardrail)
	return slices.Concat(c.Headers, g.Headers), err
}

// unguarded returns model fields without a guardrail, if the operator has set one: InvokeModel has it in
// headers.
func unguarded(c *llm.Call, fields []jsonx.Member) []jsonx.Member {
	if len(c.Guardrail) == 0 {
		return fields
	}
	return slices.DeleteFunc(slices.Clone(fields), func(m jsonx.Member) bool { return m.Name == guardMember || m.Name == invoke.GuardMember })
}

var _ provider.Guarder = (*target)(nil)
