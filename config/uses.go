package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"outcrop/provider"
)

// Parse reads the YAML of one file: its syntax tree, and all of its tokens, whose lines and columns are those of
// problems and uses. The problems are those of the file alone, whatever its keys mean; if one of them is an error,
// the tree is nil.
func Parse(name string, data []byte) (*ast.File, token.Tokens, []Problem) {
	l := newLoader(Source{Name: name})
	l.files = []string{name}
	parse(l, 0, data)
	problems := l.sorted()
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, nil, problems
	}
	d := &document{l: l}
	tree := d.syntaxTree(data)
	return tree, d.tokens, problems
}

// Effect is what becomes of a key that a file has.
type Effect int

const (
	// Works is a key that takes effect.
	Works Effect = iota
	// Neutral is a key that is not supported, with a value that is the same as leaving it out.
	Neutral
	// NoEffect is a key that changes nothing.
	NoEffect
	// Refused is a key with which the gateway does not start.
	Refused
)

// Use is a key in a configuration file. A key that an alias or a merge repeats, or a credential that several
// models refer to, has a use for each.
type Use struct {
	// Path is the setting, such as model_list[2].litellm_params.timeout.
	Path string
	// Key is the key by section and name. Without Known the table does not have it, and the rest is zero.
	Key   Key
	Known bool
	// Effect is what becomes of it.
	Effect Effect
	// Provider is the provider of the model that the key is for; empty if it is for none, or for an unknown one.
	Provider string
	// Hint is what may have been meant by an unknown key; empty if there is none.
	Hint string
	// Text is the value as it is written, without quotes; empty for lists and mappings.
	Text Secret
	// File, Line and Column are where the key is, and Value where its value begins.
	Position
	Value Position
}

// InspectUses is Inspect, and also returns the keys of the files in the order in which they are read.
func InspectUses(src Source) (*Config, []Problem, []Use) {
	var uses []Use
	l := newLoader(src)
	l.used = func(u Use) { uses = append(uses, u) }
	cfg := l.load()
	return cfg, l.sorted(), uses
}

// use passes a key on to those that want to know.
func (l *loader) use(k Key, known bool, m *member, section, path string, p *provider.Info) {
	if l.used == nil || m.line == 0 {
		return
	}
	u := Use{Path: path, Key: k, Known: known, Effect: l.effect(k, known, m, section, p), Position: Position{l.files[m.file], m.line, m.column}, Value: l.position(m.value)}
	if p != nil {
		u.Provider = p.Name
	}
	if !known {
		u.Key = Key{Section: section, Name: m.key}
		u.Hint = l.hint(m.key, section, p)
	}
	if m.value.kind == scalar {
		u.Text = Secret(m.value.text)
	}
	l.used(u)
}

// effect is what fields makes of a key.
func (l *loader) effect(k Key, known bool, m *member, section string, p *provider.Info) Effect {
	switch {
	case !known && l.restricts(m.key, section):
		return Refused
	case !known, k.Class == Ignored:
		return NoEffect
	case k.Class == Supported && m.value.kind != null:
		return Works
	case k.Class == PerProvider && m.value.kind != null && p != nil:
		return NoEffect
	case k.Class == NotYet && !off(k, m.value):
		return NoEffect
	case k.Class == Limits && !off(k, m.value):
		return Refused
	}
	return Neutral
}
