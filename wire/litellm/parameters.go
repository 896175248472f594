package litellm

import (
	"bytes"
	"cmp"
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

// Prepared is a body with the operator's parameters.
type Prepared struct {
	Body []byte
	// Warnings are about the client's members that the operator's parameters replace.
	Warnings []llm.Warning

	guarded bool // the operator has set a guardrail
}

// AddParameters adds the operator's parameters that a body does not set itself, after its last
// member. A body that is not a JSON object is returned as it is: decoding reports what is wrong.
func (o *Options) AddParameters(body []byte) (Prepared, error) {
	p := Prepared{Body: body}
	if o.Parameters == nil {
		return p, nil
	}
	if model := cmp.Or(o.Model, Model(body)); model != "" && len(o.Parameters(model)) == 0 {
		return p, nil
	}
	own, model, end := topOf(body)
	if o.Model != "" {
		model = o.Model
	}
	parameters := o.Parameters(model)
	if end <= 0 || len(parameters) == 0 {
		return p, nil
	}
	p.guarded = jsonx.Find(parameters, guardrail) != nil
	if p.guarded && own[guardrail] {
		var err error
		if body, err = except(body, func(name string) bool { return name == guardrail }); err != nil {
			return p, err
		}
		end = len(body) - 1
		delete(own, guardrail)
		p.Warnings = []llm.Warning{{Code: llm.WarnDropped, Field: guardrail}}
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
	p.Body = append(w.Buf, body[end:]...)
	return p, nil
}

// Drop removes the members that additional_drop_params names, and the member itself, with a warning
// for each. The operator's guardrail stays, and so do the members that the dialect cannot do
// without.
func (p *Prepared) Drop(names []string, needed ...string) ([]llm.Warning, error) {
	var warnings []llm.Warning
	body, err := except(p.Body, func(name string) bool {
		named := slices.Contains(names, name) && name != "model" && !slices.Contains(needed, name) && (name != guardrail || !p.guarded)
		if named {
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: name})
		}
		return named || name == dropList
	})
	if err != nil {
		return nil, err
	}
	p.Body = body
	return warnings, nil
}

// except returns a body without some of its members.
func except(body []byte, drop func(name string) bool) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, DecodeError(err)
	}
	w := jsonx.Writer{Buf: make([]byte, 0, len(body))}
	w.Object()
	w.Members(slices.DeleteFunc(members, func(m jsonx.Member) bool { return drop(m.Name) }))
	w.EndObject()
	return w.Buf, nil
}

// Model is the model of a body, without a look at what comes behind it; empty if it has none, or has something
// unusual before it.
func Model(body []byte) (model string) {
	p := jsonx.NewPlain(body)
	p.Object(func(name []byte) {
		if string(name) != "model" {
			p.Value()
			return
		}
		p.Text(&model)
		p.GiveUp()
	})
	return model
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
