package scim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// Filter is an expression that selects resources (RFC 7644, 3.4.2.2).
type Filter struct {
	// op is and, or, not, a comparison, pr, or [ for a filter of an attribute's values.
	op          string
	left, right *Filter
	attr        path
	value       jsonx.Raw // of a comparison; null for null
}

// path names an attribute: of an extension if schema is not empty, and a part of it if sub is not.
type path struct{ schema, name, sub string }

// Bounds of filters, whose writers are no people: what is deeper or longer is refused.
const (
	maxFilter = 4 << 10 // bytes
	maxDepth  = 32
)

// ParseFilter reads a filter. The error is an *Error.
func ParseFilter(text string) (*Filter, error) {
	if len(text) > maxFilter {
		return nil, Fault(InvalidFilter, "the filter has %d bytes; at most %d are possible", len(text), maxFilter)
	}
	p := &parser{rest: text, text: text, kind: InvalidFilter}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.blank(); p.rest != "" {
		return nil, p.fault("an operator or the end")
	}
	return f, nil
}

// parser reads filters, and paths of PATCH.
type parser struct {
	text, rest string
	kind       Type
	depth      int
}

func (p *parser) fault(want string) *Error {
	return Fault(p.kind, "%s: at position %d, %s is expected", strconv.Quote(p.text), len(p.text)-len(p.rest)+1, want)
}

func (p *parser) blank() { p.rest = strings.TrimLeft(p.rest, " ") }

// eat takes a text if it comes next.
func (p *parser) eat(token string) bool {
	p.blank()
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

// keyword takes a word in any case if it comes next.
func (p *parser) keyword(word string) bool {
	p.blank()
	n := len(word)
	if len(p.rest) < n || !strings.EqualFold(p.rest[:n], word) || len(p.rest) > n && nameByte(p.rest[n]) {
		return false
	}
	p.rest = p.rest[n:]
	return true
}

func nameByte(c byte) bool {
	return c == '_' || c == '-' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (p *parser) or() (*Filter, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, Fault(p.kind, "the filter is nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	return p.chain("or", func() (*Filter, error) { return p.chain("and", p.term) })
}

// chain reads what an operator connects, from left to right.
func (p *parser) chain(op string, next func() (*Filter, error)) (*Filter, error) {
	left, err := next()
	for err == nil && p.keyword(op) {
		var right *Filter
		if right, err = next(); err == nil {
			left = &Filter{op: op, left: left, right: right}
		}
	}
	if err != nil {
		return nil, err
	}
	return left, nil
}

func (p *parser) term() (*Filter, error) {
	before := p.rest
	if p.keyword("not") && p.eat("(") {
		f, err := p.closed(")")
		if err != nil {
			return nil, err
		}
		return &Filter{op: "not", left: f}, nil
	}
	p.rest = before
	if p.eat("(") {
		return p.closed(")")
	}
	attr, err := p.attribute()
	if err != nil {
		return nil, err
	}
	if p.eat("[") {
		f, err := p.closed("]")
		if err != nil {
			return nil, err
		}
		of := &Filter{op: "[", attr: attr, left: f}
		if sub, ok := strings.CutPrefix(p.rest, "."); ok { // as in emails[type eq "work"].value eq "a@example.com"
			p.rest = sub
			of.right = &Filter{attr: path{name: p.name()}}
			if err := p.comparison(of.right); err != nil {
				return nil, err
			}
		}
		return of, nil
	}
	f := &Filter{attr: attr}
	return f, p.comparison(f)
}

// closed reads a filter and what closes it.
func (p *parser) closed(by string) (*Filter, error) {
	f, err := p.or()
	if err == nil && !p.eat(by) {
		return nil, p.fault(strconv.Quote(by))
	}
	return f, err
}

// comparison reads an operator and its value.
func (p *parser) comparison(f *Filter) error {
	if p.keyword("pr") {
		f.op = "pr"
		return nil
	}
	for _, op := range [...]string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"} {
		if p.keyword(op) {
			f.op = op
			var err *Error
			if f.value, err = p.literal(); err != nil {
				return err
			}
			return nil
		}
	}
	return p.fault("one of eq, ne, co, sw, ew, gt, ge, lt, le, pr")
}

// name reads an attribute's name; empty if there is none.
func (p *parser) name() string {
	n := 0
	for n < len(p.rest) && nameByte(p.rest[n]) {
		n++
	}
	name := p.rest[:n]
	p.rest = p.rest[n:]
	return name
}

// attribute reads the path of an attribute, with a schema or without.
func (p *parser) attribute() (path, error) {
	p.blank()
	var at path
	if len(p.rest) >= 4 && strings.EqualFold(p.rest[:4], "urn:") {
		end := strings.IndexAny(p.rest, " [")
		if end < 0 {
			end = len(p.rest)
		}
		colon := strings.LastIndexByte(p.rest[:end], ':')
		at.schema, p.rest = p.rest[:colon], p.rest[colon+1:]
		if strings.EqualFold(at.schema, User) || strings.EqualFold(at.schema, Group) {
			at.schema = ""
		}
	}
	if at.name = p.name(); at.name == "" {
		return at, p.fault("the name of an attribute")
	}
	if rest, ok := strings.CutPrefix(p.rest, "."); ok {
		p.rest = rest
		if at.sub = p.name(); at.sub == "" {
			return at, p.fault("the name of a part of " + at.name)
		}
	}
	return at, nil
}

// literal reads a JSON value that is no object or list. A text may be in single quotes too, as LiteLLM takes it.
func (p *parser) literal() (jsonx.Raw, *Error) {
	p.blank()
	if p.rest == "" {
		return nil, p.fault("a value")
	}
	quote := p.rest[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(p.rest, " )]")
		if end < 0 {
			end = len(p.rest)
		}
		v := jsonx.Raw(strings.ToLower(p.rest[:end])) // Entra ID writes True
		if !jsonx.Valid(v) || v.Kind() == '{' || v.Kind() == '[' {
			return nil, p.fault("a text in quotation marks, a number, true, false or null")
		}
		p.rest = p.rest[end:]
		return v, nil
	}
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case quote:
			text := p.rest[1:i]
			if quote == '\'' {
				text = strings.ReplaceAll(strings.ReplaceAll(text, `\'`, `'`), `"`, `\"`)
			}
			v := jsonx.Raw(`"` + text + `"`)
			if !jsonx.Valid(v) {
				return nil, p.fault("a text in JSON's form")
			}
			p.rest = p.rest[i+1:]
			return v, nil
		}
	}
	return nil, p.fault("a closing quotation mark")
}

// Matches reports whether a resource is selected.
func (f *Filter) Matches(o *Object) bool {
	switch f.op {
	case "and":
		return f.left.Matches(o) && f.right.Matches(o)
	case "or":
		return f.left.Matches(o) || f.right.Matches(o)
	case "not":
		return !f.left.Matches(o)
	case "[":
		return slices.ContainsFunc(f.attr.values(o), func(v jsonx.Raw) bool {
			item := itemOf(v)
			return f.left.Matches(item) && (f.right == nil || f.right.Matches(item))
		})
	}
	values := f.attr.values(o)
	switch {
	case f.op == "pr":
		return slices.ContainsFunc(values, present)
	case f.op == "ne":
		return !slices.ContainsFunc(values, func(v jsonx.Raw) bool { return f.compare("eq", v) }) && (len(values) > 0 || f.value.Kind() != 'n')
	case f.op == "eq" && f.value.Kind() == 'n':
		return len(values) == 0
	default:
		return slices.ContainsFunc(values, func(v jsonx.Raw) bool { return f.compare(f.op, v) })
	}
}

// itemOf is an item of a list, whose value is the attribute value if it is no object.
func itemOf(v jsonx.Raw) *Object {
	if v.Kind() == '{' {
		return objectOf(v)
	}
	return &Object{[]jsonx.Member{{Name: "value", Value: v}}}
}

// values are those of an attribute. Those of a list of objects are their value, unless a part is named.
func (a path) values(o *Object) []jsonx.Raw {
	if a.schema != "" {
		if o.at(a.schema) < 0 && strings.EqualFold(a.schema+":"+a.name, EnterpriseUser) { // the extension itself
			return listOf(o.Get(EnterpriseUser))
		}
		o = o.Object(a.schema)
	}
	all := o.List(a.name)
	if a.sub == "" {
		return all
	}
	var parts []jsonx.Raw
	for _, v := range all {
		if part := itemOf(v).Get(a.sub); part != nil {
			parts = append(parts, listOf(part)...)
		}
	}
	return parts
}

func present(v jsonx.Raw) bool {
	switch v.Kind() {
	case '"':
		return textOf(v) != ""
	case '{':
		return !objectOf(v).Empty()
	default:
		return true
	}
}

// exact reports whether case matters in an attribute's texts (RFC 7643, 3.1 and 4.2).
func (a path) exact() bool {
	switch strings.ToLower(a.name) {
	case "id", "externalid":
		return true
	case "members", "groups":
		return a.sub == "" || strings.EqualFold(a.sub, "value")
	default:
		return false
	}
}

// compare compares a value with the filter's.
func (f *Filter) compare(op string, v jsonx.Raw) bool {
	if v.Kind() == '{' {
		if v = objectOf(v).Get("value"); v == nil {
			return false
		}
	}
	want := f.value
	if yes, ok := Truth(v); ok && v.Kind() != '"' {
		wanted, same := Truth(want)
		return op == "eq" && same && yes == wanted
	}
	if v.Kind() == '0' && want.Kind() == '0' {
		a, _ := strconv.ParseFloat(string(v), 64) // JSON's numbers are Go's, but for their size
		b, _ := strconv.ParseFloat(string(want), 64)
		return ordered(op, a < b, a > b)
	}
	if v.Kind() != '"' || want.Kind() != '"' {
		return false
	}
	a, b := textOf(v), textOf(want)
	if !f.attr.exact() {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	switch op {
	case "co":
		return strings.Contains(a, b)
	case "sw":
		return strings.HasPrefix(a, b)
	case "ew":
		return strings.HasSuffix(a, b)
	}
	if at, err := time.Parse(time.RFC3339, textOf(v)); err == nil {
		if than, err := time.Parse(time.RFC3339, textOf(want)); err == nil {
			return ordered(op, at.Before(than), at.After(than))
		}
	}
	return ordered(op, a < b, a > b)
}

func ordered(op string, less, more bool) bool {
	switch op {
	case "eq":
		return !less && !more
	case "gt":
		return more
	case "ge":
		return !less
	case "lt":
		return less
	case "le":
		return !more
	default:
		return false
	}
}

// Equal is the text that an attribute must have for a resource to be selected; false if the filter does not say so.
// Attributes are told in lower case.
func (f *Filter) Equal(attributes ...string) (text string, ok bool) {
	switch f.op {
	case "and":
		if text, ok = f.left.Equal(attributes...); ok {
			return text, ok
		}
		return f.right.Equal(attributes...)
	case "eq":
		name := strings.ToLower(f.attr.name)
		if f.attr.sub != "" {
			name += "." + strings.ToLower(f.attr.sub)
		}
		if f.attr.schema == "" && f.value.Kind() == '"' && slices.Contains(attributes, name) {
			return textOf(f.value), true
		}
	}
	return "", false
}

// Names reports whether the filter asks about an attribute.
func (f *Filter) Names(attribute string) bool {
	if f == nil {
		return false
	}
	return strings.EqualFold(f.attr.name, attribute) || f.left.Names(attribute) || f.op != "[" && f.right.Names(attribute)
}
