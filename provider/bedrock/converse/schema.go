package converse

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// closing rewrites a JSON schema as AWS wants it of answers and of strict tools:
// every object is closed by "additionalProperties":false, and bounds of numbers
// and counts stand in the description instead
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html, and
// recorded exchanges). An answer that follows the rewritten schema follows the
// given one but for the bounds. The zero value is ready.
type closing struct {
	// open is the keyword that cannot be said in a closed schema: an
	// additionalProperties that lets others in, or a $ref into itself or outside;
	// empty if there is none.
	open string
	// bound is whether bounds were moved.
	bound bool

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
	if err := jsonx.Unmarshal(schema, c); err != nil {
		c.open = "schema that cannot be read"
	}
	if c.open == "" && c.recursive() {
		c.open = "$ref into itself"
	}
	if c.open != "" || !c.changed {
		return nil
	}
	return c.w.Buf
}

// UnmarshalJSONFrom is how jsonx hands over its decoder.
func (c *closing) UnmarshalJSONFrom(d *jsonx.Decoder) error { return c.schema(d) }

// object is what has been read of one schema.
type object struct {
	bounds      []string
	description string
	is          bool // it is about objects
	closed      bool // it has additionalProperties
}

// schema reads one schema.
func (c *closing) schema(d *jsonx.Decoder) error {
	if d.PeekKind() != '{' {
		return c.copy(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	c.w.Object()
	var o object
	for d.PeekKind() != '}' {
		name, err := member(d)
		if err != nil {
			return err
		}
		if err := c.member(d, name, &o); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if len(o.bounds) > 0 {
		c.bound, c.changed = true, true
		o.description = strings.TrimLeft(o.description+" {"+strings.Join(o.bounds, ", ")+"}", " ")
	}
	if o.description != "" {
		c.w.Key("description")
		c.w.String(o.description)
	}
	if o.is && !o.closed {
		c.changed = true
		c.w.Key("additionalProperties")
		c.w.Bool(false)
	}
	c.w.EndObject()
	return nil
}

// member reads one member of a schema.
func (c *closing) member(d *jsonx.Decoder, name string, o *object) error {
	switch name {
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems":
		value, err := d.ReadValue()
		if text := string(value); name == "minItems" && (text == "0" || text == "1") {
			c.w.AnyKey(name)
			c.w.Raw(value)
		} else {
			o.bounds = append(o.bounds, name+"="+text)
		}
		return err
	case "description":
		if d.PeekKind() == '"' {
			token, err := d.ReadToken()
			o.description = token.String()
			return err
		}
	case "properties":
		o.is = true
	case "additionalProperties", "type":
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if name == "type" {
			o.is = o.is || strings.Contains(string(value), `"object"`)
		} else if o.closed = true; value.Kind() != 'f' {
			c.open = name + " but false"
		}
		c.w.AnyKey(name)
		c.w.Raw(value)
		return nil
	}
	c.w.AnyKey(name)
	return c.keyword(d, name)
}

// keyword reads the value of a keyword, with the schemas in it.
func (c *closing) keyword(d *jsonx.Decoder, name string) error {
	switch name {
	case "properties", "patternProperties", "dependentSchemas":
		return c.schemas(d, "")
	case "$defs", "definitions":
		return c.schemas(d, "#/"+name+"/")
	case "items", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems", "prefixItems", "anyOf", "oneOf", "allOf":
		return c.list(d)
	case "$ref", "$dynamicRef":
		return c.reference(d)
	default:
		return c.copy(d)
	}
}

// list reads a schema or an array of them.
func (c *closing) list(d *jsonx.Decoder) error {
	if d.PeekKind() != '[' {
		return c.schema(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	c.w.Array()
	for d.PeekKind() != ']' {
		if err := c.schema(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	c.w.EndArray()
	return err
}

// schemas reads an object of schemas. Those of an object of definitions are known
// by prefix and name.
func (c *closing) schemas(d *jsonx.Decoder, prefix string) error {
	if d.PeekKind() != '{' {
		return c.copy(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	c.w.Object()
	for d.PeekKind() != '}' {
		name, err := member(d)
		if err != nil {
			return err
		}
		c.w.AnyKey(name)
		outer := c.def
		if prefix != "" {
			c.def = prefix + name
		}
		if err := c.schema(d); err != nil {
			return err
		}
		c.def = outer
	}
	_, err := d.ReadToken()
	c.w.EndObject()
	return err
}

// reference reads a $ref and notes where it leads.
func (c *closing) reference(d *jsonx.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	c.w.Raw(value)
	to := strings.Trim(string(value), `"`)
	switch {
	case to == "#":
		c.open = "$ref into itself"
	case !strings.HasPrefix(to, "#"):
		c.open = "$ref to elsewhere"
	default:
		if c.refs == nil {
			c.refs = map[string][]string{}
		}
		c.refs[c.def] = append(c.refs[c.def], to)
	}
	return nil
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

func (c *closing) copy(d *jsonx.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	c.w.Raw(value)
	return nil
}

// member reads the name of a member.
func member(d *jsonx.Decoder) (string, error) {
	token, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}
