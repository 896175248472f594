package openaichat

import (
	"bytes"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// guardrail is the parameter that clients cannot set if the operator has set it: clients must not
// lift the operator's limits.
const guardrail = "guardrailConfig"

// alike are groups of equivalent members: if a body has one of a group, the operator's parameters
// of that group do not apply.
func alike(name string) []string {
	switch name {
	case "max_tokens", "max_completion_tokens":
		return []string{"max_tokens", "max_completion_tokens"}
	case "reasoning_effort", "thinking", "reasoning":
		return []string{"reasoning_effort", "thinking", "reasoning"}
	case "user", "safety_identifier":
		return []string{"user", "safety_identifier"}
	default:
		return []string{name}
	}
}

// withParameters returns the body with the operator's parameters that it does not set itself, after
// its last member.
func (d *decoder) withParameters(body []byte, opt Options) ([]byte, error) {
	if opt.Parameters == nil {
		return body, nil
	}
	own, model, end := topOf(body)
	if opt.Model != "" {
		model = opt.Model
	}
	parameters := opt.Parameters(model)
	if end <= 0 || len(parameters) == 0 {
		return body, nil // decoding reports what is wrong with it
	}
	d.guarded = jsonx.Find(parameters, guardrail) != nil
	if d.guarded && own[guardrail] {
		var err error
		if body, err = except(body, func(name string) bool { return name == guardrail }); err != nil {
			return nil, err
		}
		end = len(body) - 1
		delete(own, guardrail)
		d.warn(llm.WarnDropped, guardrail)
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+256)}
	w.Buf = append(w.Buf, body[:end]...)
	some := len(own) > 0
	for _, p := range parameters {
		if slices.ContainsFunc(alike(p.Name), func(name string) bool { return own[name] }) {
			continue
		}
		if some {
			w.Buf = append(w.Buf, ',')
		}
		some = true
		w.Buf = append(jsonx.AppendString(w.Buf, p.Name), ':')
		w.Buf = append(w.Buf, p.Value...)
	}
	return append(w.Buf, body[end:]...), nil
}

// topOf scans the top level of a body: the names of its members, its model, and the position of its
// closing brace; 0 if it is not an object.
func topOf(body []byte) (own map[string]bool, model string, end int) {
	d := jsonx.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != '{' {
		return nil, "", 0
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, "", 0
	}
	own = map[string]bool{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, "", 0
		}
		name := token.String()
		switch kind := d.PeekKind(); {
		case name == "model" && kind == '"':
			if token, err = d.ReadToken(); err == nil {
				model = token.String()
			}
			own[name] = true
		default:
			own[name] = true
			err = d.SkipValue()
		}
		if err != nil {
			return nil, "", 0
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, "", 0
	}
	end = int(d.InputOffset()) - 1
	if len(bytes.TrimSpace(body[end+1:])) > 0 {
		return nil, "", 0
	}
	return own, model, end
}

// CheckParameters reports what is wrong with the operator's parameters: an *llm.Error that names
// one of them, or nil.
func CheckParameters(parameters []jsonx.Member) error {
	w := jsonx.Writer{}
	w.Object()
	w.Key("model")
	w.Word("m")
	w.Key("messages")
	w.Raw(jsonx.Raw(`[{"role":"user","content":"Hi"}]`))
	w.Members(parameters)
	w.EndObject()
	// For clients, unsupported parameters are refused, or dropped under drop_params.
	_, err := Decode(w.Buf, Options{DropParams: func(string) bool { return true }})
	return err
}
