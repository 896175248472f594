package converse

import (
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Limits of the schemas that a model is held to: those of strict tools and of the
// answer together. They are Anthropic's
// (https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read on
// 2026-11-28, and its refusals in public reports: "Schemas contains too many optional
// parameters (limit: 24)", "too many parameters with union types (limit: 16 parameters
// with unions)").
const (
	maxStrict   = 20 // strict tools
	maxOptional = 24 // properties that are not required
	maxUnions   = 16 // schemas with anyOf or a list of types
)

// keywordUse is what becomes of a keyword in a schema that a model is held to.
type keywordUse uint8

const (
	fateWords keywordUse = iota // it goes into the description: a bound, or a keyword that nobody knows
	fateKept                    // AWS follows it
	fateLeft                    // it says nothing about values, and is left out
	fateNever                   // a schema with it cannot be followed
)

// keywords is what a schema that a model is held to may hold: by keyword its fate, and
// for one that belongs to values of a type that type
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html and
// https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read on
// 2026-11-28). AWS refuses every other: "For 'string' type, property 'minLength' is not
// supported". It is never written to.
var keywords = map[string]struct {
	fate keywordUse
	of   string
}{
	"type": {fate: fateKept}, "title": {fate: fateKept}, "description": {fate: fateKept}, "default": {fate: fateKept},
	"enum": {fate: fateKept}, "const": {fate: fateKept}, "anyOf": {fate: fateKept},
	"$ref": {fate: fateKept}, "$defs": {fate: fateKept}, "definitions": {fate: fateKept},
	"properties": {fateKept, "object"}, "required": {fateKept, "object"}, "additionalProperties": {fateKept, "object"},
	"items": {fateKept, "array"}, "minItems": {fateKept, "array"},
	"format": {fateKept, "string"}, "pattern": {fateKept, "string"},

	"$schema": {fate: fateLeft}, "$id": {fate: fateLeft}, "$comment": {fate: fateLeft}, "$anchor": {fate: fateLeft},
	"deprecated": {fate: fateLeft}, "readOnly": {fate: fateLeft}, "writeOnly": {fate: fateLeft},

	"allOf": {fate: fateNever}, "patternProperties": {fate: fateNever}, "dependentSchemas": {fate: fateNever}, "prefixItems": {fate: fateNever},
	"additionalItems": {fate: fateNever}, "unevaluatedItems": {fate: fateNever}, "unevaluatedProperties": {fate: fateNever}, "$dynamicRef": {fate: fateNever},
}

// stringFormats are the values of format that AWS follows, by the same pages.
var stringFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"} // never written to

// besideAnyOf are the keywords that may stand beside anyOf (public reports: "For
// 'anyOf', '$defs' is not supported", "For 'anyOf', 'type' is not supported").
var besideAnyOf = []string{"anyOf", "title", "description", "default", "enum", "const"} // never written to

// closing rewrites a JSON schema as AWS wants it of answers and of strict tools:
// every object is closed by "additionalProperties":false, oneOf is anyOf, and what AWS
// does not follow stands in the description. An answer that follows the rewritten
// schema follows the given one but for that. The zero value is ready.
type closing struct {
	// open is what cannot be said in a closed schema: an additionalProperties that lets
	// others in, a $ref into itself or outside, and others; empty if there is none.
	open string
	// bound is whether bounds were moved into a description, and loose whether oneOf
	// became anyOf.
	bound, loose bool
	// optional and unions are how many there are of what the limits count.
	optional, unions int

	// tool is whether it is the schema of a tool, which may have no parameters.
	tool bool

	changed bool
	w       jsonx.Writer
	def     string              // the definition that is being read
	refs    map[string][]string // by definition, those that it refers to
}

// close gives the rewritten schema; nil if it needs no change, or if it cannot be
// closed.
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

// node is what is to be known of one schema before it is written.
type node struct {
	types   []string
	listed  bool     // type is a list
	words   []string // what goes into the description
	object  bool
	closed  bool // it has additionalProperties
	anyOf   bool
	nothing bool      // no value of its enum is of its type
	choice  jsonx.Raw // the anyOf that stands for a type and an enum
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

// maxClosed is how long a schema may be that is closed, in bytes.
const maxClosed = 256 << 10

// plainly puts the keywords of an allOf of one schema into the schema around it, and
// calls oneOf anyOf: what fits exactly one fits any.
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

// look reads what is to be known of a schema, and what cannot be kept of it.
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
		switch f, detail := c.fate(m, &n); f {
		case fateNever:
			c.open = firstOf(detail, m.Name)
		case fateWords:
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

// fate is what becomes of a keyword of a schema; detail says more of what can never
// be followed.
func (c *closing) fate(m jsonx.Member, n *node) (f keywordUse, detail string) {
	k := keywords[m.Name]
	is := func(kind string) bool { return len(n.types) == 0 || slices.Contains(n.types, kind) }
	switch {
	case n.anyOf && k.fate == fateKept && !slices.Contains(besideAnyOf, m.Name):
		if m.Name == "type" && !n.listed {
			return fateWords, ""
		}
		return fateNever, m.Name + " next to anyOf"
	case n.choice != nil && (k.of != "" || m.Name == "const"):
		return fateWords, ""
	case k.of != "" && !is(k.of):
		return fateWords, ""
	}
	switch m.Name {
	case "additionalProperties":
		if m.Value.Kind() != 'f' {
			return fateNever, "additionalProperties other than false"
		}
	case "unevaluatedProperties":
		if m.Value.Kind() == 'f' {
			return fateLeft, "" // which additionalProperties says
		}
	case "items":
		if m.Value.Kind() != '{' && m.Value.Kind() != 't' {
			return fateNever, "items with several schemas"
		}
	case "minItems":
		if text := string(m.Value); text != "0" && text != "1" {
			return fateWords, ""
		}
	case "format":
		if !slices.Contains(stringFormats, wordOf(m.Value)) {
			return fateWords, ""
		}
	case "pattern":
		if !followed(wordOf(m.Value)) {
			return fateWords, ""
		}
	case "enum":
		if n.nothing || n.choice == nil && !primitives(m.Value) {
			return fateWords, ""
		}
	case "const":
		if k := m.Value.Kind(); k == '{' || k == '[' {
			return fateWords, ""
		}
	}
	return k.fate, ""
}

// member writes what is kept of a keyword.
func (c *closing) member(m jsonx.Member, n *node, depth int) {
	f, _ := c.fate(m, n)
	if f != fateKept {
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

// single reports whether there is one type.
func (n *node) single() bool { return len(n.types) == 1 }

// worded is a description with what goes into it.
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

// schemas writes an object of schemas. Those of an object of definitions are known by
// prefix and name.
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

// reference writes a $ref and notes where it leads.
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

// recursive reports whether a definition leads to itself.
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

// typesOf are the types that a type of a schema names.
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

// wordOf is what a JSON string says; empty if v is none.
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

// followed reports whether AWS follows a regular expression: it takes none that refers
// back, looks around or asks for the boundary of a word.
func followed(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	return err == nil && !asksBoundary(parsed)
}

func asksBoundary(r *syntax.Regexp) bool {
	return r.Op == syntax.OpWordBoundary || r.Op == syntax.OpNoWordBoundary || slices.ContainsFunc(r.Sub, asksBoundary)
}

// allowance is what has been used of the limits in a request.
type allowance struct{ tools, optional, unions int }

// takes counts what a closed schema needs, if there is room for it; otherwise it says
// what there is too much of.
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
