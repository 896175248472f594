package gemini

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// snakeName is a name in snake case. It is never written to.
var snakeName = lazyregexp.New(`"[a-z]+(?:_[a-z0-9]+)+"\s*:`)

// camelCased returns a body whose names are in camel case. Google's servers take both, and its SDKs
// write both into one body. What belongs to the client, such as the arguments of a call, stays as it is.
func camelCased(body jsonx.Raw) (jsonx.Raw, error) {
	if !snakeName.Match(body) {
		return body, nil
	}
	var r renaming
	err := jsonx.Unmarshal(body, &r)
	return r.w.Buf, err
}

// renaming copies a document with other names.
type renaming struct{ w jsonx.Writer }

// UnmarshalJSONFrom receives jsonx's decoder.
func (r *renaming) UnmarshalJSONFrom(d *jsonx.Decoder) error { return r.value(d) }

func (r *renaming) value(d *jsonx.Decoder) error {
	kind := d.PeekKind()
	if kind != '{' && kind != '[' {
		return r.copy(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if kind == '[' {
		r.w.Array()
		for d.PeekKind() != ']' {
			if err := r.value(d); err != nil {
				return err
			}
		}
		r.w.EndArray()
	} else {
		r.w.Object()
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return err
			}
			camel := camelName(name.String())
			r.w.AnyKey(camel)
			next := r.value
			if clients(camel) {
				next = r.copy
			}
			if err := next(d); err != nil {
				return err
			}
		}
		r.w.EndObject()
	}
	_, err := d.ReadToken()
	return err
}

func (r *renaming) copy(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err == nil {
		r.w.Raw(v)
	}
	return err
}

// clients reports whether the value of a member is the client's own: names in it mean nothing to the
// API.
func clients(name string) bool {
	switch name {
	case "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels":
		return true
	default:
		return false
	}
}

// camelName is a name in camel case.
func camelName(name string) string {
	first, rest, ok := strings.Cut(name, "_")
	if !ok || first == "" {
		return name
	}
	var b strings.Builder
	b.WriteString(first)
	for part := range strings.SplitSeq(rest, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]))
			b.WriteString(part[1:])
		}
	}
	return b.String()
}
