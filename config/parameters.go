package config

import (
	"fmt"
	"maps"
	"slices"

	"outcrop/internal/jsonx"
)

// parameter reads the default of a request parameter.
func (e *entry) parameter(m *Model, k Key, n *node, path string) {
	l := e.l
	if n.kind == null {
		return
	}
	var w jsonx.Writer
	switch k.Type {
	case BoolType:
		v, ok := l.boolean(k, n, path)
		if !ok {
			return
		}
		w.Bool(v)
	case IntType:
		f, ok := l.number(k, n, path)
		if !ok {
			return
		}
		w.Int(int64(f))
	case NumberType:
		f, ok := l.number(k, n, path)
		if !ok {
			return
		}
		w.Float(f)
	case ListType, MapType, AnyType:
		if k.Type == AnyType && n.kind == mapping { // a string or a list of strings
			l.wrong(k, n, path, "must not be "+n.kind.String())
			return
		}
		plain, ok := l.resolved(k, n, path)
		if !ok {
			return
		}
		v, ok := raw(plain, maxList)
		if !ok {
			l.errorAt(n.file, n.line, n.column, path, "is too large", fmt.Sprintf("at most %d KiB", maxList>>10), "")
			return
		}
		w.Raw(v)
	default:
		s, ok := l.text(k, n, path)
		if !ok {
			return
		}
		w.String(s)
	}
	name := k.Name
	if name == "headers" { // LiteLLM's alias
		name = "extra_headers"
	}
	m.Parameters = append(m.Parameters, jsonx.Member{Name: name, Value: w.Buf})
	m.options.set(name, place{l.position(n), path})
}

// sameParameters reports entries with the same name but different parameters: those of
// the first apply to all. For a guardrail, which is a restriction, it is an error.
func (l *loader) sameParameters(models []Model) {
	first := map[string]*Model{}
	for i := range models {
		m := &models[i]
		f, ok := first[m.Name]
		if !ok {
			first[m.Name] = m
			continue
		}
		all := map[string]bool{}
		for _, p := range f.Parameters {
			all[p.Name] = true
		}
		for _, p := range m.Parameters {
			all[p.Name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if string(jsonx.Find(f.Parameters, name)) == string(jsonx.Find(m.Parameters, name)) {
				continue
			}
			severity := Warning
			if name == "guardrailConfig" {
				severity = Error
			}
			at, ok := m.options.find(name)
			if !ok {
				at.Position = m.Position
			}
			l.report(severity, slices.Index(l.files, at.File), at.Line, at.Column, m.Path+".litellm_params."+name,
				"differs from "+f.Path+", which has the same model_name; the parameters of "+f.Path+" apply to both", "", "give both the same value, or this entry another model_name")
		}
	}
}
