package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits that protect memory and stack from a hostile or broken file.
const (
	maxFile    = 4 << 20 // bytes in a file
	maxDepth   = 100     // levels of brackets, and of sequences opened on one line
	maxMarks   = 10_000  // anchors, tags and complex keys in a file
	maxMerged  = 100_000 // members added by merge keys
	maxInclude = 100     // files
)

// kind is what a node is.
type kind int

const (
	null kind = iota
	scalar
	sequence
	mapping
)

func (k kind) String() string {
	return [...]string{"nothing", "a value", "a list", "a mapping"}[k]
}

// node is a YAML value. Aliases of one anchor share a node, so a document of
// nodes is a graph without cycles, and no larger than its file.
type node struct {
	kind    kind
	text    string // of a scalar, as written but for quotes and escapes
	plain   bool   // the scalar has no quotes, so that it may be a number or a boolean
	items   []*node
	members []member
	file    int // index of the file
	line    int
	column  int
}

// member is a key of a mapping with its value. line and column are the key's.
type member struct {
	key          string
	line, column int
	file         int
	value        *node
	merged       bool // added by a merge key; an explicit key overrides it
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if n != nil {
		for i := range n.members {
			if n.members[i].key == key {
				return n.members[i].value
			}
		}
	}
	return nil
}

// document makes nodes of one file's YAML.
type document struct {
	l       *loader
	file    int
	anchors map[string]*node
	texts   map[string]string // see text
	merged  int
	tokens  token.Tokens
}

// parse reads one file. It returns nil if the file is empty or invalid, and reports
// problems to l.
func parse(l *loader, file int, data []byte) *node {
	d := &document{l: l, file: file, anchors: map[string]*node{}, texts: map[string]string{}}
	f := d.syntaxTree(data)
	if f == nil {
		return nil
	}
	var root *node
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			d.fail(start(doc.Body), "a second document begins here", "one YAML document in a file")
			return nil
		}
		root = d.node(doc.Body)
	}
	return root
}

// syntaxTree reads the YAML of a file. It returns nil if it is invalid.
func (d *document) syntaxTree(data []byte) *ast.File {
	text, ok := d.decode(data)
	if !ok {
		return nil
	}
	d.tokens = lexer.Tokenize(text)
	if !d.bounded(d.tokens) {
		return nil
	}
	f, err := parser.Parse(d.tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	return f
}

// decode checks the encoding and normalizes the line ends.
func (d *document) decode(data []byte) (string, bool) {
	if len(data) > maxFile {
		d.l.errorAt(d.file, 0, 0, "", fmt.Sprintf("the file is larger than %d MiB", maxFile>>20), "", "")
		return "", false
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		d.l.errorAt(d.file, 1, 1, "", "the file is UTF-16", "UTF-8", "")
		return "", false
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			d.l.errorAt(d.file, line, column, "", fmt.Sprintf("byte 0x%02x is not UTF-8", data[i]), "UTF-8", "")
			return "", false
		case r < ' ' && r != '\n' && r != '\r' && r != '\t':
			d.l.errorAt(d.file, line, column, "", fmt.Sprintf("control character 0x%02x", data[i]), "text", "")
			return "", false
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		i += size
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n"), true
}

// bounded checks the tokens for nesting that would make the parser recurse too deeply.
func (d *document) bounded(tokens token.Tokens) bool {
	depth, line, dashes, marks := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
		case token.AnchorType, token.TagType, token.MappingKeyType:
			marks++
		default: // no recursion
		}
		if depth > maxDepth || dashes > maxDepth {
			d.fail(t, "nested too deep", fmt.Sprintf("at most %d levels", maxDepth))
			return false
		}
		if marks > maxMarks {
			d.fail(t, "too many anchors and tags", fmt.Sprintf("at most %d", maxMarks))
			return false
		}
	}
	return true
}

func (d *document) syntax(err error) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		d.l.errorAt(d.file, 0, 0, "", "the file is not YAML", "", "")
		return
	}
	hint := ""
	if m := syntax.GetMessage(); strings.Contains(m, "'\t'") || strings.Contains(m, "tab character") {
		hint = "indent with spaces, not with tabs"
	} else if strings.Contains(m, "not allowed in this context") || strings.Contains(m, "unexpected key name") || strings.Contains(m, "non-map value") || strings.Contains(m, "indent") {
		hint = "check the indentation of this line and the line before it: the keys of a mapping begin in the same column, and the value of a key is indented further"
	}
	p := position(syntax.GetToken())
	// The message is about the grammar and names no values; the error's own text
	// would quote the file.
	d.l.errorAt(d.file, p.Line, p.Column, "", "the file is not YAML: "+syntax.GetMessage(), "", hint)
}

func (d *document) fail(t *token.Token, message, accepted string) {
	p := position(t)
	d.l.errorAt(d.file, p.Line, p.Column, "", message, accepted, "")
}

func position(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{}
	}
	return Position{Line: t.Position.Line, Column: t.Position.Column}
}

// node converts a value of the syntax tree.
func (d *document) node(n ast.Node) *node {
	p := position(start(n))
	out := &node{file: d.file, line: p.Line, column: p.Column}
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		out.kind = mapping
		d.members(out, n.Values)
	case *ast.MappingValueNode:
		out.kind = mapping
		d.members(out, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out.kind = sequence
		out.items = make([]*node, 0, len(n.Values))
		for _, v := range n.Values {
			out.items = append(out.items, d.node(v))
		}
	case *ast.AnchorNode:
		out = d.node(n.Value)
		d.anchors[n.Name.GetToken().Value] = out
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if target, ok := d.anchors[name]; ok {
			return target
		}
		d.fail(n.GetToken(), fmt.Sprintf("this alias refers to an anchor &%s that is not defined before it", name), "")
	case *ast.TagNode:
		out = d.node(n.Value)
		if n.GetToken().Value == "!!str" && out.kind == null {
			out.kind = scalar
		}
		if n.GetToken().Value == "!!str" {
			out.plain = false
		}
	case *ast.LiteralNode:
		out.kind, out.text = scalar, d.text(n.Value.Value)
	case *ast.StringNode:
		out.kind, out.text = scalar, d.text(n.Value)
		t := n.GetToken().Type
		out.plain = t != token.SingleQuoteType && t != token.DoubleQuoteType
	case ast.ScalarNode:
		out.kind, out.text, out.plain = scalar, d.text(n.GetToken().Value), true
	default:
		d.fail(n.GetToken(), "this kind of YAML value is not supported", "mappings, lists and values")
	}
	return out
}

// text is a scalar's text, which is kept once however often the file has it: thousands of entries have few models, regions and
// addresses.
func (d *document) text(s string) string {
	if known, ok := d.texts[s]; ok {
		return known
	}
	d.texts[s] = s
	return s
}

// start returns the first token of a node. GetToken of a block mapping returns its
// first colon instead.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// members converts the members of a mapping. An explicit key takes precedence over one
// from a merge key, and the first of several merged mappings over the others, as
// specified in https://yaml.org/type/merge.html.
func (d *document) members(out *node, values []*ast.MappingValueNode) {
	seen := make(map[string]int, len(values)) // index in out.members
	for _, v := range values {
		if v.Key.IsMergeKey() {
			d.merge(out, seen, d.node(v.Value))
			continue
		}
		key, ok := keyText(v.Key)
		if !ok {
			d.fail(v.Key.GetToken(), "a key must be a plain value", "")
			continue
		}
		p := position(v.Key.GetToken())
		m := member{key: key, line: p.Line, column: p.Column, file: d.file, value: d.node(v.Value)}
		switch i, dup := seen[key]; {
		case !dup:
			seen[key] = len(out.members)
			out.members = append(out.members, m)
		case out.members[i].merged:
			out.members[i] = m
		default:
			first := out.members[i]
			d.l.errorAt(d.file, p.Line, p.Column, "", fmt.Sprintf("key %q is given twice: first at line %d, column %d", key, first.line, first.column), "", "keep one of the two")
		}
	}
}

// merge adds the members of the mappings that a merge key refers to.
func (d *document) merge(out *node, seen map[string]int, from *node) {
	var sources []*node
	switch from.kind {
	case mapping:
		sources = []*node{from}
	case sequence:
		sources = from.items
	default:
		d.l.errorAt(d.file, from.line, from.column, "", fmt.Sprintf("a merge key cannot merge %s", from.kind), "a mapping or a list of mappings", "")
	}
	for _, s := range sources {
		if d.merged > maxMerged {
			return
		}
		if d.merged += 1 + len(s.members); d.merged > maxMerged {
			d.l.errorAt(d.file, from.line, from.column, "", "merge keys add too many keys", fmt.Sprintf("at most %d keys", maxMerged), "")
			return
		}
		for _, m := range s.members {
			if _, dup := seen[m.key]; !dup {
				m.merged = true
				seen[m.key] = len(out.members)
				out.members = append(out.members, m)
			}
		}
	}
}

// keyText returns the text of a scalar key.
func keyText(n ast.MapKeyNode) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.MappingKeyNode:
		if s, ok := n.Value.(*ast.StringNode); ok {
			return s.Value, true
		}
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}
