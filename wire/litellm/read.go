package litellm

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Read reads the members of a body that its dialect does not name into call, model and user included,
// for a dialect without parameters that only some models have. It returns the parameters that are
// specific to the model, and warnings about members without effect.
func (o *Options) Read(call *llm.Call, rest jsonx.Raw) ([]jsonx.Member, []llm.Warning, error) {
	members, err := Members(rest)
	if err != nil {
		return nil, nil, err
	}
	var warnings []llm.Warning
	r := &Reader{Call: call, Warnings: &warnings}
	if members, err = r.first(o, members); err != nil {
		return nil, nil, err
	}
	if members, err = r.Settings(members); err != nil {
		return nil, nil, err
	}
	var fields []jsonx.Member
	for i := range members {
		m := &members[i]
		own, err := r.Member(m)
		switch {
		case err != nil:
			return nil, nil, err
		case own:
		case m.Name == "store" || m.Name == "allowed_openai_params": // of chats
			if string(m.Value) != "false" {
				r.dropped(m.Name)
			}
		case len(fields) == maxFields:
			return nil, nil, llm.Invalid(m.Name, "%s: too many model parameters (limit %d)", m.Name, maxFields)
		case jsonx.Find(fields, m.Name) != nil:
			return nil, nil, llm.Invalid(m.Name, "%s is set twice, at the top level and in extra_body; send it once", m.Name)
		default:
			fields = append(fields, *m)
		}
	}
	r.Finish()
	return fields, warnings, nil
}

// first reads what decides how the other members are read, and returns the others.
func (r *Reader) first(o *Options, members []jsonx.Member) ([]jsonx.Member, error) {
	rest := members[:0]
	for i := range members {
		m := &members[i]
		var err error
		switch m.Name {
		case "model":
			err = text(m, &r.Call.Model)
		case "user":
			err = r.user(m)
		case "drop_params":
			if jsonx.Unmarshal(m.Value, &r.Call.DropParams) != nil {
				err = llm.Invalid(m.Name, "%s must be a boolean, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
			}
		default:
			rest = append(rest, *m)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Model != "" {
		r.Call.Model = o.Model
	}
	if err := CheckModel(r.Call.Model); err != nil {
		return nil, err
	}
	r.Call.DropParams = r.Call.DropParams || o.DropParams != nil && o.DropParams(r.Call.Model)
	r.AllowClientSettings = o.AllowClientSettings != nil && o.AllowClientSettings(r.Call.Model)
	return rest, nil
}
