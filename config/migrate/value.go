package migrate

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"outcrop/config"
	"outcrop/internal/jsonx"
)

// kind is what a value is.
type kind int

const (
	null kind = iota
	scalar
	array
	object
)

// value is a value of a JSON file, with its place, and with what has been made of its members.
type value struct {
	kind         kind
	text         string // of a scalar
	quoted       bool   // it is a string
	items        []*value
	members      []*member
	line, column int
}

// member is a member of an object.
type member struct {
	name         string
	value        *value
	line, column int
	taken        bool // it was asked for
}

func isKind(v *value, k kind) bool { return v != nil && v.kind == k }

// find returns a member's value; nil if there is none, or null.
func (v *value) find(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name && m.value.kind != null {
			return m.value
		}
	}
	return nil
}

// take is find, and marks the member as one that is taken care of.
func (v *value) take(name string) *value {
	if v != nil {
		for _, m := range v.members {
			if m.name == name {
				m.taken = true
			}
		}
	}
	return v.find(name)
}

// string takes a member that is a text, a number or a boolean; empty if there is none.
func (v *value) string(name string) string {
	if s := v.find(name); isKind(s, scalar) {
		return v.take(name).text
	}
	return ""
}

// list takes a member that is a list of texts.
func (v *value) list(name string) []string {
	from := v.find(name)
	if !isKind(from, array) {
		return nil
	}
	var texts []string
	for _, item := range v.take(name).items {
		texts = append(texts, item.text)
	}
	return texts
}

// read converts a syntax tree; nil if there is none. Anchors and aliases are not what JSON has, and null.
func read(n ast.Node) *value {
	if n == nil {
		return nil
	}
	v := &value{}
	if t := first(n); t != nil {
		v.line, v.column = t.Position.Line, t.Position.Column
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		v.kind = object
		for _, m := range n.Values {
			v.add(m)
		}
	case *ast.MappingValueNode:
		v.kind = object
		v.add(n)
	case *ast.SequenceNode:
		v.kind = array
		for _, item := range n.Values {
			v.items = append(v.items, read(item))
		}
	case *ast.NullNode:
	case *ast.LiteralNode:
		v.kind, v.text, v.quoted = scalar, n.Value.Value, true
	case *ast.StringNode:
		v.kind, v.text, v.quoted = scalar, n.Value, true
	case ast.ScalarNode:
		v.kind, v.text = scalar, n.GetToken().Value
	}
	return v
}

func (v *value) add(n *ast.MappingValueNode) {
	t := n.Key.GetToken()
	name := t.Value
	if s, ok := n.Key.(*ast.StringNode); ok {
		name = s.Value
	}
	v.members = append(v.members, &member{name: name, value: read(n.Value), line: t.Position.Line, column: t.Position.Column})
}

// first returns the first token of a node.
func first(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// notJSON returns the problems of a file that is not YAML: if it was to be JSON, where that is wrong.
func notJSON(src config.Source, problems []config.Problem) []config.Problem {
	data := bytes.TrimPrefix(src.Data, []byte("\ufeff"))
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) || !utf8.Valid(data) {
		return problems
	}
	var raw jsonx.Raw
	var fault *jsonx.Error
	if !errors.As(jsonx.Unmarshal(data, &raw), &fault) || !fault.Syntax {
		return problems
	}
	before := string(data[:min(int64(len(data)), max(0, fault.Offset))])
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return []config.Problem{{Severity: config.Error, File: src.Name, Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(line), Message: "the file is not JSON: " + strings.TrimPrefix(fault.Reason, "invalid JSON: ")}}
}
