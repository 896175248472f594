package converse

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// schemas makes of the tools' schemas what AWS and the model take: AWS wants the top
// to be of type object (its words: The value at toolConfig.tools.N.toolSpec.inputSchema.json.type
// must be one of the following: object), Claude wants it to be no union, and in the
// place of references Nova is given what they lead to.
func (p *fitting) schemas() {
	owned := false
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if t.Other != nil || len(t.Schema) == 0 {
			continue
		}
		field := "tools[" + strconv.Itoa(i) + "].function.parameters"
		if t.Name == p.f.reply {
			field = "response_format.json_schema.schema"
		}
		schema := p.schema(t.Schema, field)
		if schema == nil {
			continue
		}
		if !owned {
			p.out.Tools, owned = slices.Clone(p.out.Tools), true
		}
		p.out.Tools[i].Schema = schema
	}
}

// schema gives the schema as the model takes it; nil if it needs no change.
func (p *fitting) schema(schema jsonx.Raw, field string) (changed jsonx.Raw) {
	if p.model.any(noRefs) && bytes.Contains(schema, []byte(`"$ref"`)) {
		if inlined, ok := inline(schema); ok {
			schema, changed = inlined, inlined
		}
	}
	typed, union := top(schema)
	union = union && p.model.any(noTopUnion)
	if typed && !union {
		return changed
	}
	members, err := jsonx.Members(schema)
	if err != nil {
		return changed // AWS says what is wrong with it
	}
	var w jsonx.Writer
	w.Object()
	if !typed {
		w.Key("type")
		w.Word("object")
	}
	for _, m := range members {
		if union && isUnion(m.Name) {
			p.warn(llm.WarnDropped, field+"."+m.Name, "Claude takes none at the top of a schema")
			continue
		}
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
	return w.Buf
}

// top looks at the top of a schema: whether it says a type, and whether it is a union.
func top(schema jsonx.Raw) (typed, union bool) {
	d := jsonx.NewDecoder(bytes.NewBuffer(schema))
	if d.PeekKind() != '{' {
		return true, false
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var name string
		if name, err = member(d); err == nil {
			typed = typed || name == "type"
			union = union || isUnion(name)
			err = d.SkipValue()
		}
	}
	return typed || err != nil, union
}

func isUnion(keyword string) bool {
	return keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf"
}

// maxInlined bounds a schema whose references have been replaced, in bytes: those that
// lead to others grow without bound.
const maxInlined = 128 << 10

// inline puts into the place of each reference what it leads to within the schema. It
// fails where one leads to itself, to nothing or elsewhere.
func inline(schema jsonx.Raw) (jsonx.Raw, bool) {
	in := inliner{root: schema, open: map[string]bool{}}
	in.value(schema, true)
	return in.w.Buf, !in.failed
}

// inliner writes a schema without references.
type inliner struct {
	root   jsonx.Raw
	w      jsonx.Writer
	open   map[string]bool // the references that are being followed
	failed bool
}

func (in *inliner) value(v jsonx.Raw, isRoot bool) {
	if in.failed = in.failed || len(in.w.Buf) > maxInlined; in.failed {
		in.w.Null()
		return
	}
	switch v.Kind() {
	case '{':
		members, err := jsonx.Members(v)
		in.failed = in.failed || err != nil
		in.object(members, isRoot)
	case '[':
		var elements []jsonx.Raw
		in.failed = in.failed || jsonx.Unmarshal(v, &elements) != nil
		in.w.Array()
		for _, e := range elements {
			in.value(e, false)
		}
		in.w.EndArray()
	default:
		in.w.Raw(v)
	}
}

func (in *inliner) object(members []jsonx.Member, isRoot bool) {
	in.w.Object()
	in.members(members, nil, isRoot)
	in.w.EndObject()
}

// members writes the members of a schema, but for those that have been said; behind
// them those that a reference among them leads to.
func (in *inliner) members(members []jsonx.Member, said []string, isRoot bool) {
	ref := ""
	for _, m := range members {
		switch {
		case m.Name == "$ref" && m.Value.Kind() == '"':
			in.failed = in.failed || jsonx.Unmarshal(m.Value, &ref) != nil
			continue
		case isRoot && (m.Name == "$defs" || m.Name == "definitions"), slices.Contains(said, m.Name):
			continue
		}
		said = append(said, m.Name)
		in.w.AnyKey(m.Name)
		switch m.Name {
		case "enum", "const", "default", "examples": // are no schemas
			in.w.Raw(m.Value)
		default:
			in.value(m.Value, false)
		}
	}
	if ref == "" {
		return
	}
	target := resolved(in.root, ref)
	if in.failed = in.failed || in.open[ref] || target.Kind() != '{'; in.failed {
		return
	}
	further, err := jsonx.Members(target)
	if err != nil {
		in.failed = true
		return
	}
	in.open[ref] = true
	in.members(further, said, false)
	delete(in.open, ref)
}

// resolved is what a reference within a document leads to (RFC 6901, section 6); nil
// if it leads to nothing that a schema can be.
func resolved(doc jsonx.Raw, ref string) jsonx.Raw {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	for name := range strings.SplitSeq(path, "/") {
		members, err := jsonx.Members(doc)
		if err != nil {
			return nil
		}
		doc = jsonx.Find(members, strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return doc
}
