package converse

import (
	"bytes"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tidySchemas rewrites the schemas of the tools and of the answer so that Converse
// accepts them as well-formed; see tidying. A tool's schema gets the type object at its
// top.
func (p *adapter) tidySchemas() error {
	owned := false
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if t.Other != nil || len(t.Own) > 0 || len(t.Schema) == 0 {
			continue
		}
		field := p.tool(llm.FieldToolSchema, i)
		schema, changed := p.tidied(t.Schema, field)
		topped, err := objectTop(schema, field)
		if err != nil {
			return err
		}
		if topped == nil && !changed {
			continue
		}
		if topped != nil {
			schema = topped
		}
		if !owned {
			p.out.Tools, owned = slices.Clone(p.out.Tools), true
		}
		p.out.Tools[i].Schema = schema
	}
	if f := p.out.Format; f != nil && len(f.Schema) > 0 {
		if schema, changed := p.tidied(f.Schema, p.name(llm.FieldFormatSchema)); changed {
			format := *f
			format.Schema = schema
			p.out.Format = &format
		}
	}
	return nil
}

// tidied returns a well-formed schema, and whether it differs from the given one.
func (p *adapter) tidied(schema jsonx.Raw, field string) (jsonx.Raw, bool) {
	var t tidying
	tidy := t.tidy(schema)
	if rooted := rootReplaced(firstRaw(tidy, schema)); rooted != nil {
		tidy = rooted
	}
	if tidy == nil {
		return schema, false
	}
	if t.wrong != "" {
		p.warn(llm.WarnDropped, field, "the value of "+t.wrong+" is of the wrong type")
	}
	if t.numbers {
		p.warn(llm.WarnChanged, field, "bounds beyond 64 bits were dropped, and other numbers beyond 64 bits were moved to the descriptions")
	}
	return tidy, true
}

func firstRaw(a, b jsonx.Raw) jsonx.Raw {
	if a != nil {
		return a
	}
	return b
}

// rootReplaced replaces a reference at the top of a schema with its target, since AWS
// requires an object there. It returns nil if there is no reference, or if it stands
// next to properties.
func rootReplaced(schema jsonx.Raw) jsonx.Raw {
	if !bytes.Contains(schema, []byte(`"$ref"`)) {
		return nil
	}
	members, err := jsonx.Members(schema)
	ref := wordOf(jsonx.Find(members, "$ref"))
	if err != nil || ref == "" || jsonx.Find(members, "properties") != nil {
		return nil
	}
	in := inliner{root: schema, targets: map[string]jsonx.Raw{}}
	seen := map[string]bool{}
	for ref != "" && !seen[ref] {
		seen[ref] = true
		inner, err := jsonx.Members(in.target(ref))
		if err != nil {
			return nil
		}
		ref = wordOf(jsonx.Find(inner, "$ref"))
		members = slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "$ref" })
		for _, m := range inner {
			if jsonx.Find(members, m.Name) == nil {
				members = append(members, m)
			}
		}
	}
	if ref != "" {
		return nil
	}
	var w jsonx.Writer
	w.Object()
	w.Members(members)
	w.EndObject()
	return w.Buf
}

// objectTop returns the schema with the type object at its top, the only type that AWS
// accepts there ("The value at toolConfig.tools.N.toolSpec.inputSchema.json.type must
// be one of the following: object"). It returns nil if the schema has it already, and
// an error if the top has another type.
func objectTop(schema jsonx.Raw, field string) (jsonx.Raw, error) {
	members, err := jsonx.Members(schema)
	if err != nil {
		return nil, nil //nolint:nilerr // AWS reports what is wrong with it
	}
	kind := jsonx.Find(members, "type")
	switch {
	case string(kind) == `"object"`:
		return nil, nil
	case kind != nil && !slices.Contains(typesOf(kind), "object"):
		return nil, llm.Invalid(field+".type", "%s.type must be object, not %s: the arguments of a tool call are an object", field, kind)
	}
	var w jsonx.Writer
	w.Object()
	w.Key("type")
	w.Word("object")
	for _, m := range members {
		if m.Name != "type" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf, nil
}

// schemas adapts the tools' schemas to the model: Claude does not accept a union at the
// top, and for Nova references are replaced with their targets.
func (p *adapter) schemas() {
	owned := false
	for i := range p.out.Tools {
		t := p.out.Tools[i]
		if t.Other != nil || len(t.Schema) == 0 {
			continue
		}
		field := p.tool(llm.FieldToolSchema, i)
		if t.Name == p.f.reply {
			field = p.name(llm.FieldFormatSchema)
		}
		changed := false
		if p.model.any(noRefs) && bytes.Contains(t.Schema, []byte(`"$ref"`)) {
			if inlined, ok := inline(t.Schema); ok {
				t.Schema, changed = inlined, true
			}
		}
		if p.model.any(noTopUnion) && isUnion(t.Schema) {
			changed = true
			p.flatten(&t, field)
		}
		if !changed {
			continue
		}
		if !owned {
			p.out.Tools, owned = slices.Clone(p.out.Tools), true
		}
		p.out.Tools[i] = t
	}
}

// isUnion reports whether the top of a schema is a union.
func isUnion(schema jsonx.Raw) bool {
	if !bytes.Contains(schema, []byte("Of\"")) {
		return false
	}
	members, err := jsonx.Members(schema)
	return err == nil && slices.ContainsFunc(members, func(m jsonx.Member) bool { return unionWord(m.Name) })
}

func unionWord(keyword string) bool {
	return keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf"
}

// Bounds for replacing references: a request may be much larger, and nested references
// grow exponentially.
const (
	maxInlined = 64 << 10 // bytes, before and after
	maxDepth   = 64       // nested schemas
	maxRefs    = 200      // replaced references
)

// inline replaces each reference within the schema with its target. It fails, and
// leaves the schema as it is, if a reference leads to itself, to nothing or outside the
// schema, if it stands next to keywords other than annotations, or if a bound is
// exceeded.
func inline(schema jsonx.Raw) (jsonx.Raw, bool) {
	if len(schema) > maxInlined {
		return nil, false
	}
	in := inliner{root: schema, open: map[string]bool{}, targets: map[string]jsonx.Raw{}}
	in.schema(schema, 0)
	return in.w.Buf, !in.failed
}

// inliner writes a schema without references.
type inliner struct {
	root    jsonx.Raw
	w       jsonx.Writer
	open    map[string]bool      // the references being followed
	targets map[string]jsonx.Raw // the targets of references
	failed  bool
}

// members splits an object, within the bounds.
func (in *inliner) members(v jsonx.Raw, depth int) []jsonx.Member {
	if in.failed = in.failed || depth > maxDepth || len(in.w.Buf) > maxInlined; in.failed {
		return nil
	}
	members, err := jsonx.Members(v)
	in.failed = err != nil
	return members
}

// schema writes a schema, an array of schemas, or a boolean in place of a schema.
func (in *inliner) schema(v jsonx.Raw, depth int) {
	switch v.Kind() {
	case '{':
		in.w.Object()
		in.keywords(in.members(v, depth), nil, depth)
		in.w.EndObject()
	case '[':
		var elements []jsonx.Raw
		in.failed = in.failed || jsonx.Unmarshal(v, &elements) != nil
		in.w.Array()
		for _, e := range elements {
			in.schema(e, depth+1)
		}
		in.w.EndArray()
	default:
		in.w.Raw(v)
	}
}

// keywords writes the keywords of a schema except those in seen, and then those of the
// schema that a reference among them leads to.
func (in *inliner) keywords(members []jsonx.Member, seen []string, depth int) {
	ref := ""
	if v := jsonx.Find(members, "$ref"); v != nil {
		in.failed = in.failed || v.Kind() != '"' || jsonx.Unmarshal(v, &ref) != nil
	}
	for _, m := range members {
		if in.failed || m.Name == "$ref" || m.Name == "$defs" || m.Name == "definitions" || slices.Contains(seen, m.Name) {
			continue
		}
		seen = append(seen, m.Name)
		in.w.AnyKey(m.Name)
		switch m.Name {
		case "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly":
			in.w.Raw(m.Value) // annotations, which take precedence over those of the target
			continue
		}
		in.failed = in.failed || ref != "" // both would apply
		switch m.Name {
		case "properties", "patternProperties", "dependentSchemas":
			in.w.Object()
			for _, p := range in.members(m.Value, depth) {
				in.w.AnyKey(p.Name)
				in.schema(p.Value, depth+1)
			}
			in.w.EndObject()
		case "items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties", "propertyNames",
			"anyOf", "oneOf", "allOf", "not", "if", "then", "else":
			in.schema(m.Value, depth+1)
		case "enum", "const":
			in.w.Raw(m.Value)
		default:
			in.failed = in.failed || bytes.Contains(m.Value, []byte(`"$ref"`)) // of an unknown keyword
			in.w.Raw(m.Value)
		}
	}
	if ref == "" || in.failed {
		return
	}
	target := in.target(ref)
	if in.failed = in.failed || in.open[ref] || target.Kind() != '{'; in.failed {
		return
	}
	in.open[ref] = true
	in.keywords(in.members(target, depth+1), seen, depth+1)
	delete(in.open, ref)
}

// target returns what a reference leads to within the schema (RFC 6901, section 6); nil
// if the reference leads to nothing or to something that cannot be a schema.
func (in *inliner) target(ref string) jsonx.Raw {
	if v, known := in.targets[ref]; known {
		return v
	}
	path, ok := strings.CutPrefix(ref, "#/")
	if in.failed = in.failed || !ok || len(in.targets) == maxRefs; in.failed {
		return nil
	}
	v := in.root
	for name := range strings.SplitSeq(path, "/") {
		members, err := jsonx.Members(v)
		if err != nil {
			return nil
		}
		v = jsonx.Find(members, strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	in.targets[ref] = v
	return v
}
