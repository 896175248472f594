package converse

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// flatten removes the union at the top of a tool's schema. The properties of all its
// alternatives become optional there, and the description contains the original union,
// so that the model still sees all of it.
func (p *adapter) flatten(t *llm.Tool, field string) {
	members, err := jsonx.Members(t.Schema)
	if err != nil {
		return // AWS reports what is wrong with it
	}
	u := flattening{root: t.Schema}
	var union jsonx.Writer
	union.Object()
	for _, m := range members {
		if unionWord(m.Name) {
			union.AnyKey(m.Name)
			union.Raw(m.Value)
			p.warn(llm.WarnChanged, field+"."+m.Name, "the union was moved to the tool's description and its properties to the top level, where Claude does not support a union")
		}
	}
	union.EndObject()
	u.add(members, true, 0)
	t.Schema = u.write(members)
	if t.Description != "" {
		t.Description += "\n\n"
	}
	words := jsonx.Raw(union.Buf)
	if compact, err := jsonx.Compact(words); err == nil {
		words = compact
	}
	t.Description += "The input must also match this JSON schema: " + string(words)
}

// flattening collects the properties of a union's alternatives.
type flattening struct {
	root     jsonx.Raw
	names    []string
	schemas  map[string][]jsonx.Raw // by name, the different ones
	required []string
	count    int // schemas visited
}

// maxAlternatives is how many schemas of a union are visited, nested ones included.
const maxAlternatives = 200

// add adds the properties of a schema and of its alternatives. needed reports whether
// the schema applies in any case.
func (u *flattening) add(members []jsonx.Member, needed bool, depth int) {
	if u.count++; u.count > maxAlternatives || depth > maxDepth {
		return
	}
	if properties, err := jsonx.Members(jsonx.Find(members, "properties")); err == nil {
		for _, property := range properties {
			u.property(property)
		}
	}
	var required []string
	if r := jsonx.Find(members, "required"); needed && r != nil && jsonx.Unmarshal(r, &required) == nil {
		for _, name := range required {
			if !slices.Contains(u.required, name) {
				u.required = append(u.required, name)
			}
		}
	}
	for _, m := range members {
		var all []jsonx.Raw
		if !unionWord(m.Name) || jsonx.Unmarshal(m.Value, &all) != nil {
			continue
		}
		for _, one := range all {
			if inner, err := jsonx.Members(u.resolved(one)); err == nil {
				u.add(inner, needed && (m.Name == "allOf" || len(all) == 1), depth+1)
			}
		}
	}
}

func (u *flattening) property(m jsonx.Member) {
	if u.schemas == nil {
		u.schemas = map[string][]jsonx.Raw{}
	}
	have, known := u.schemas[m.Name]
	if !known {
		u.names = append(u.names, m.Name)
	}
	if !slices.ContainsFunc(have, func(s jsonx.Raw) bool { return string(s) == string(m.Value) }) {
		u.schemas[m.Name] = append(have, m.Value)
	}
}

// resolved returns a schema, or the target of its reference.
func (u *flattening) resolved(schema jsonx.Raw) jsonx.Raw {
	in := inliner{root: u.root, targets: map[string]jsonx.Raw{}}
	for range 8 {
		members, err := jsonx.Members(schema)
		if err != nil {
			return schema
		}
		ref := wordOf(jsonx.Find(members, "$ref"))
		target := in.target(ref)
		if ref == "" || target == nil {
			return schema
		}
		schema = target
	}
	return schema
}

// write writes the schema without its unions.
func (u *flattening) write(members []jsonx.Member) jsonx.Raw {
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		if !unionWord(m.Name) && m.Name != "properties" && m.Name != "required" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.Key("properties")
	w.Object()
	for _, name := range u.names {
		w.AnyKey(name)
		if schemas := u.schemas[name]; len(schemas) == 1 {
			w.Raw(schemas[0])
		} else {
			w.Object()
			w.Key("anyOf")
			w.Raw(array(schemas))
			w.EndObject()
		}
	}
	w.EndObject()
	if required := slices.DeleteFunc(u.required, func(name string) bool { return !slices.Contains(u.names, name) }); len(required) > 0 {
		w.Key("required")
		w.Array()
		for _, name := range required {
			w.String(name)
		}
		w.EndArray()
	}
	w.EndObject()
	return w.Buf
}
