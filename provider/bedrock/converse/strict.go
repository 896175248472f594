package converse

import (
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Limits of the schemas that constrain a model, over all strict tools and the answer
// together. They are Anthropic's
// (https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read on
// 2026-11-28, and its refusals in public reports: "Schemas contains too many optional
// parameters (limit: 24)", "too many parameters with union types (limit: 16 parameters
// with unions)").
const (
	maxStrict   = 20 // strict tools
	maxOptional = 24 // properties that are not required
	maxUnions   = 16 // schemas with anyOf or a list of types
)

// keywordUse is how a keyword of a constraining schema is handled.
type keywordUse uint8

const (
	useDescription keywordUse = iota // moved into the description: a bound, or an unknown keyword
	useKeep                          // supported by AWS
	useDrop                          // dropped: it does not restrict values
	useReject                        // a schema with it cannot be enforced
)

// keywords lists the keywords that a constraining schema may have: the use of each, and
// for one that applies to values of a single type that type
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html and
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read on
// 2026-11-28). AWS refuses every other: "For 'string' type, property 'minLength' is not
// supported". The map is read-only.
var keywords = map[string]struct {
	use keywordUse
	of  string
}{
	"type": {use: useKeep}, "title": {use: useKeep}, "description": {use: useKeep}, "default": {use: useKeep},
	"enum": {use: useKeep}, "const": {use: useKeep}, "anyOf": {use: useKeep},
	"$ref": {use: useKeep}, "$defs": {use: useKeep}, "definitions": {use: useKeep},
	"properties": {useKeep, "object"}, "required": {useKeep, "object"}, "additionalProperties": {useKeep, "object"},
	"items": {useKeep, "array"}, "minItems": {useKeep, "array"},
	"format": {useKeep, "string"}, "pattern": {useKeep, "string"},

	"$schema": {use: useDrop}, "$id": {use: useDrop}, "$comment": {use: useDrop}, "$anchor": {use: useDrop},
	"deprecated": {use: useDrop}, "readOnly": {use: useDrop}, "writeOnly": {use: useDrop},

	"allOf": {use: useReject}, "patternProperties": {use: useReject}, "dependentSchemas": {use: useReject}, "prefixItems": {use: useReject},
	"additionalItems": {use: useReject}, "unevaluatedItems": {use: useReject}, "unevaluatedProperties": {use: useReject}, "$dynamicRef": {use: useReject},
}

// stringFormats are the values of format that AWS supports, according to the same
// pages.
var stringFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"} // never written to

// withAnyOf are the keywords that may stand next to anyOf (public reports: "For
// 'anyOf', '$defs' is not supported", "For 'anyOf', 'type' is not supported").
var withAnyOf = []string{"anyOf", "title", "description", "default", "enum", "const"} // never written to

// closing rewrites a JSON schema into the form that AWS requires for answers and strict
// tools: every object gets "additionalProperties":false, oneOf becomes anyOf, and what
// AWS does not support moves into the description. Apart from that, an answer that
// matches the rewritten schema matches the original. The zero value is ready.
type closing struct {
	// open is what a closed schema cannot express: an additionalProperties that allows
	// other members, a $ref into itself or outside, and others; empty if there is
	// nothing.
	open string
	// bound reports whether bounds were moved into a description, and loose whether
	// oneOf became anyOf.
	bound, loose bool
	// optional and unions are the numbers that the limits apply to.
	optional, unions int

	// tool reports whether the schema is that of a tool, which may have no parameters.
	tool bool

	changed bool
	w       jsonx.Writer
	def     string              // the definition being read
	refs    map[string][]string // by definition, those that it refers to
}

// close returns the rewritten schema; nil if it needs no change or cannot be closed.
func (c *closing) close(schema jsonx.Raw) jsonx.Raw {
	if len(schema) == 0 {
		return nil
	}
	if c.schema(schema, 0); c.open == "" && c.recursive() {
		c.open = "a recursive $ref"
	}
	if c.open != "" || !c.changed {
		return nil
	}
	return c.w.Buf
}

// node holds what has to be known about a schema before it is written.
type node struct {
	types   []string
	listed  bool     // type is a list
	words   []string // what goes into the description
	object  bool
	closed  bool // it has additionalProperties
	anyOf   bool
	nothing bool      // no value of its enum has its type
	choice  jsonx.Raw // the anyOf that replaces a type and an enum
}

// schema writes one schema.
func (c *closing) schema(v jsonx.Raw, depth int) {
	switch {
	case c.open != "":
		return
	case v.Kind() == 'f':
		c.open = "a schema that no value matches"
		return
	case v.Kind() != '{':
		c.w.Raw(v)
		return
	case depth > maxDepth || len(v) > maxClosed:
		c.open = "a schema of this size"
		return
	}
	members, err := jsonx.Members(v)
	if err != nil {
		c.open = "a malformed schema"
		return
	}
	members = c.plainly(members)
	n := c.look(members, depth)
	if c.open != "" {
		return
	}
	described := jsonx.Find(members, "description") != nil
	c.w.Object()
	for _, m := range members {
		c.member(m, &n, depth)
	}
	if len(n.words) > 0 && !described {
		c.w.Key("description")
		c.w.String(n.worded(""))
	}
	if n.object && !n.closed {
		c.changed = true
		c.w.Key("additionalProperties")
		c.w.Bool(false)
	}
	c.w.EndObject()
}

// maxClosed is the maximum length in bytes of a schema that is closed.
const maxClosed = 256 << 10

// plainly merges an allOf with one schema into the surrounding schema, and renames
// oneOf to anyOf: a value that matches exactly one matches any.
func (c *closing) plainly(members []jsonx.Member) []jsonx.Member {
	at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "oneOf" })
	if at >= 0 && jsonx.Find(members, "anyOf") == nil {
		members = slices.Clone(members)
		members[at].Name = "anyOf"
		c.changed, c.loose = true, true
	}
	at = slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "allOf" })
	if at < 0 {
		return members
	}
	var all []jsonx.Raw
	if jsonx.Unmarshal(members[at].Value, &all) != nil || len(all) != 1 || all[0].Kind() != '{' {
		return members
	}
	inner, err := jsonx.Members(all[0])
	if err != nil || slices.ContainsFunc(inner, func(m jsonx.Member) bool { return jsonx.Find(members, m.Name) != nil }) {
		return members
	}
	c.changed = true
	return slices.Concat(members[:at], inner, members[at+1:])
}

// look collects what has to be known about a schema, and what of it is not supported.
func (c *closing) look(members []jsonx.Member, depth int) node {
	var n node
	if t := jsonx.Find(members, "type"); t != nil {
		n.listed = t.Kind() == '['
		n.types = typesOf(t)
	}
	n.object = slices.Contains(n.types, "object") || n.types == nil && jsonx.Find(members, "properties") != nil
	n.anyOf = jsonx.Find(members, "anyOf") != nil
	if enum := jsonx.Find(members, "enum"); enum != nil && !n.anyOf && len(n.types) > 0 {
		n.choice, n.nothing = c.choice(&n, enum)
	}
	for _, m := range members {
		switch f, detail := c.use(m, &n); f {
		case useReject:
			c.open = firstOf(detail, m.Name)
		case useDescription:
			n.words = append(n.words, m.Name+"="+string(m.Value))
		default:
		}
	}
	n.closed = jsonx.Find(members, "additionalProperties") != nil
	if n.object && !n.closed && (!c.tool || depth > 0) && jsonx.Find(members, "properties") == nil {
		c.open = "an object without properties"
	}
	if n.anyOf || n.choice != nil || len(n.types) > 1 {
		c.unions++
	}
	c.optional += optional(members)
	if len(n.words) > 0 {
		c.bound, c.changed = true, true
	}
	return n
}

// use returns how a keyword of a schema is handled; detail explains one that cannot be
// enforced.
func (c *closing) use(m jsonx.Member, n *node) (f keywordUse, detail string) {
	k := keywords[m.Name]
	is := func(kind string) bool { return len(n.types) == 0 || slices.Contains(n.types, kind) }
	switch {
	case n.anyOf && k.use == useKeep && !slices.Contains(withAnyOf, m.Name):
		if m.Name == "type" && !n.listed {
			return useDescription, ""
		}
		return useReject, m.Name + " next to anyOf"
	case n.choice != nil && (k.of != "" || m.Name == "const"):
		return useDescription, ""
	case k.of != "" && !is(k.of):
		return useDescription, ""
	}
	switch m.Name {
	case "additionalProperties":
		if m.Value.Kind() != 'f' {
			return useReject, "additionalProperties other than false"
		}
	case "unevaluatedProperties":
		if m.Value.Kind() == 'f' {
			return useDrop, "" // implied by additionalProperties
		}
	case "items":
		if m.Value.Kind() != '{' && m.Value.Kind() != 't' {
			return useReject, "items with several schemas"
		}
	case "minItems":
		if text := string(m.Value); text != "0" && text != "1" {
			return useDescription, ""
		}
	case "format":
		if !slices.Contains(stringFormats, wordOf(m.Value)) {
			return useDescription, ""
		}
	case "pattern":
		if !followed(wordOf(m.Value)) {
			return useDescription, ""
		}
	case "enum":
		if n.nothing || n.choice == nil && !primitives(m.Value) {
			return useDescription, ""
		}
	case "const":
		if k := m.Value.Kind(); k == '{' || k == '[' {
			return useDescription, ""
		}
	}
	return k.use, ""
}

// member writes what is kept of a keyword.
func (c *closing) member(m jsonx.Member, n *node, depth int) {
	f, _ := c.use(m, n)
	if f != useKeep {
		c.changed = true
		return
	}
	switch {
	case m.Name == "description" && len(n.words) > 0:
		c.w.Key(m.Name)
		c.w.String(n.worded(wordOf(m.Value)))
		return
	case m.Name == "enum" && n.choice != nil:
		c.changed = true
		if n.single() {
			c.w.Key("enum")
		} else {
			c.w.Key("anyOf")
		}
		c.w.Raw(n.choice)
		return
	case m.Name == "type" && n.choice != nil && !n.single():
		c.changed = true
		return
	case m.Name == "type" && n.listed && len(n.types) == 1:
		c.changed = true
		c.w.Key(m.Name)
		c.w.String(n.types[0])
		return
	}
	c.w.AnyKey(m.Name)
	switch m.Name {
	case "properties":
		c.schemas(m.Value, "", depth)
	case "$defs", "definitions":
		c.schemas(m.Value, "#/"+m.Name+"/", depth)
	case "items":
		c.schema(m.Value, depth+1)
	case "anyOf":
		c.list(m.Value, depth)
	case "$ref":
		c.reference(m.Value)
	default:
		c.w.Raw(m.Value)
	}
}

// single reports whether there is exactly one type.
func (n *node) single() bool { return len(n.types) == 1 }

// worded returns a description with the moved texts added.
func (n *node) worded(description string) string {
	return strings.TrimLeft(description+" {"+strings.Join(n.words, ", ")+"}", " ")
}

// list writes an array of schemas.
func (c *closing) list(v jsonx.Raw, depth int) {
	var all []jsonx.Raw
	if jsonx.Unmarshal(v, &all) != nil {
		c.open = "anyOf that is not a list"
		return
	}
	c.w.Array()
	for _, one := range all {
		c.schema(one, depth+1)
	}
	c.w.EndArray()
}

// schemas writes an object of schemas. Definitions are identified by prefix and name.
func (c *closing) schemas(v jsonx.Raw, prefix string, depth int) {
	members, err := jsonx.Members(v)
	if err != nil {
		c.open = "properties that are not an object"
		return
	}
	c.w.Object()
	for _, m := range members {
		c.w.AnyKey(m.Name)
		outer := c.def
		if prefix != "" {
			c.def = prefix + m.Name
		}
		c.schema(m.Value, depth+1)
		c.def = outer
	}
	c.w.EndObject()
}

// reference writes a $ref and records its target.
func (c *closing) reference(v jsonx.Raw) {
	c.w.Raw(v)
	switch to := wordOf(v); {
	case to == "#":
		c.open = "a recursive $ref"
	case !strings.HasPrefix(to, "#"):
		c.open = "a $ref to another document"
	default:
		if c.refs == nil {
			c.refs = map[string][]string{}
		}
		c.refs[c.def] = append(c.refs[c.def], to)
	}
}

// recursive reports whether a definition refers to itself.
func (c *closing) recursive() bool {
	const open, done = 1, 2
	state := map[string]int{}
	var cycle func(def string) bool
	cycle = func(def string) bool {
		switch state[def] {
		case open:
			return true
		case done:
			return false
		}
		state[def] = open
		if slices.ContainsFunc(c.refs[def], cycle) {
			return true
		}
		state[def] = done
		return false
	}
	for def := range c.refs {
		if cycle(def) {
			return true
		}
	}
	return false
}

// typesOf returns the types that a schema's type names.
func typesOf(v jsonx.Raw) []string {
	if one := wordOf(v); one != "" {
		return []string{one}
	}
	var several []string
	if jsonx.Unmarshal(v, &several) != nil {
		return nil
	}
	return slices.Compact(several)
}

// wordOf returns the text of a JSON string; empty if v is not a string.
func wordOf(v jsonx.Raw) string {
	var s string
	if v.Kind() != '"' || jsonx.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// optional counts the properties that are not required.
func optional(members []jsonx.Member) int {
	properties, err := jsonx.Members(jsonx.Find(members, "properties"))
	if err != nil {
		return 0
	}
	var required []string
	if r := jsonx.Find(members, "required"); r != nil && jsonx.Unmarshal(r, &required) != nil {
		return len(properties)
	}
	n := 0
	for _, p := range properties {
		if !slices.Contains(required, p.Name) {
			n++
		}
	}
	return n
}

// followed reports whether AWS supports a regular expression: back references,
// lookaround and word boundaries are not supported.
func followed(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	return err == nil && !asksBoundary(parsed)
}

func asksBoundary(r *syntax.Regexp) bool {
	return r.Op == syntax.OpWordBoundary || r.Op == syntax.OpNoWordBoundary || slices.ContainsFunc(r.Sub, asksBoundary)
}

// allowance counts how much of the limits a request has used.
type allowance struct{ tools, optional, unions int }

// takes adds what a closed schema needs if the limits allow it; otherwise it returns
// the limit that is exceeded.
func (b *allowance) takes(c *closing) (detail string) {
	switch {
	case b.optional+c.optional > maxOptional:
		return strconv.Itoa(maxOptional) + " optional properties in all strict schemas together, and this request has " + strconv.Itoa(b.optional+c.optional)
	case b.unions+c.unions > maxUnions:
		return strconv.Itoa(maxUnions) + " unions in all strict schemas together, and this request has " + strconv.Itoa(b.unions+c.unions)
	}
	b.optional += c.optional
	b.unions += c.unions
	return ""
}
