package converse

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// schemaKinds lists the kinds of value that each keyword of JSON Schema may have
// (https://json-schema.org/draft/2020-12/schema), each as the first character of the
// JSON, with t for a boolean. Converse validates the schema of a tool against them:
// "$.properties: null found, object expected" (public reports). The map is read-only.
var schemaKinds = map[string]string{
	"properties": "{", "$defs": "{", "definitions": "{", "patternProperties": "{", "dependentSchemas": "{", "dependentRequired": "{",
	"required": "[", "enum": "[", "anyOf": "[", "oneOf": "[", "allOf": "[", "prefixItems": "[", "examples": "[",
	"items": "{[t", "not": "{t", "if": "{t", "then": "{t", "else": "{t", "contains": "{t", "additionalProperties": "{t", "propertyNames": "{t",
	"type": `"[`, "description": `"`, "title": `"`, "format": `"`, "pattern": `"`, "$ref": `"`, "$id": `"`, "$schema": `"`, "$comment": `"`,
	"minimum": "0", "maximum": "0", "exclusiveMinimum": "0t", "exclusiveMaximum": "0t", "multipleOf": "0",
	"minLength": "0", "maxLength": "0", "minItems": "0", "maxItems": "0", "minProperties": "0", "maxProperties": "0", "uniqueItems": "t",
}

// booleans are the other keywords; a boolean may be their value and needs no change.
var booleans = []string{"default", "const", "nullable", "deprecated", "readOnly", "writeOnly", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "strict"} // never written to

// tidying rewrites a schema so that Converse accepts its form, and changes nothing
// else. It drops keywords whose value is null or of a kind that the keyword never has,
// and turns a property that is true into the empty schema. It drops bounds that do not
// fit into 64 bits and moves other such numbers into the description, since Claude's
// server refuses them ("int too big to convert").
type tidying struct {
	w       jsonx.Writer
	wrong   string // a keyword that was dropped because of its kind; empty if none was
	numbers bool   // whether a number was dropped or moved
	changed bool
}

// tidy returns the rewritten schema; nil if it needs no change.
func (t *tidying) tidy(schema jsonx.Raw) jsonx.Raw {
	if tidied(schema) {
		return nil
	}
	if err := jsonx.Unmarshal(schema, t); err != nil || !t.changed {
		return nil // AWS reports what is wrong with it
	}
	return t.w.Buf
}

// tidied reports whether a schema certainly needs no change, by scanning its tokens
// once. It reports false if properties have the names of keywords.
func tidied(schema []byte) bool {
	name, value := []byte(nil), false // the last string, and whether it is a name whose value is next
	for i := 0; i < len(schema); i++ {
		switch c := schema[i]; c {
		case ' ', '\t', '\r', '\n':
			continue
		case ':':
			value = true
			continue
		case '"':
			end := i + 1
			for end < len(schema) && schema[end] != '"' {
				if schema[end] == '\\' {
					end++
				}
				end++
			}
			if value && !allowsText(name, string(schema[i+1:min(end, len(schema))])) {
				return false
			}
			name, i = schema[i+1:min(end, len(schema))], end
		case '{', '[':
			if value && !allows(name, c) {
				return false
			}
		case 'n':
			return false
		case 't', 'f':
			if !value || !allows(name, 't') || schemaKinds[string(name)] == "" && !known(name) {
				return false
			}
			i += 3
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			end := i + 1
			for end < len(schema) && strings.IndexByte("0123456789.eE+-", schema[end]) >= 0 {
				end++
			}
			if value && !allows(name, '0') || huge(string(schema[i:end])) {
				return false
			}
			i = end - 1
		}
		value = false
	}
	return true
}

func known(name []byte) bool { return slices.Contains(booleans, string(name)) }

// allowsText reports whether a keyword may have a text as its value.
func allowsText(name []byte, text string) bool {
	return allows(name, '"') && (string(name) != "type" || typeWord(text) == text)
}

// allows reports whether a keyword may have a value of a kind.
func allows(name []byte, kind byte) bool {
	kinds, ok := schemaKinds[string(name)]
	return !ok || strings.IndexByte(kinds, kind) >= 0
}

// huge reports whether a number does not fit into a signed integer of 64 bits, once it
// has been through a floating-point number: Claude's server refuses 9223372036854775807
// (https://github.com/tailcallhq/forgecode/issues/3307).
func huge(number string) bool {
	if len(number) < 19 && !strings.ContainsAny(number, "eE") {
		return false
	}
	n, err := strconv.ParseFloat(number, 64)
	return err != nil || math.Abs(n) >= 1<<63
}

// UnmarshalJSONFrom receives the decoder of jsonx.
func (t *tidying) UnmarshalJSONFrom(d *jsonx.Decoder) error { return t.schema(d) }

// schema reads one schema.
func (t *tidying) schema(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case '{':
	case 'n', 't':
		t.changed = true
		t.w.Object()
		t.w.EndObject()
		return d.SkipValue()
	case 'f':
		t.changed = true
		t.w.Object()
		t.w.Key("not")
		t.w.Object()
		t.w.EndObject()
		t.w.EndObject()
		return d.SkipValue()
	default:
		return t.copy(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	t.w.Object()
	var description string
	var words []string
	for d.PeekKind() != '}' {
		name, err := member(d)
		if err != nil {
			return err
		}
		if name == "description" && d.PeekKind() == '"' {
			token, err := d.ReadToken()
			if err != nil {
				return err
			}
			description = token.String()
			continue
		}
		word, err := t.member(d, name)
		if err != nil {
			return err
		}
		if word != "" {
			words = append(words, word)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if len(words) > 0 {
		description = strings.TrimLeft(description+" {"+strings.Join(words, ", ")+"}", " ")
	}
	if description != "" {
		t.w.Key("description")
		t.w.String(description)
	}
	t.w.EndObject()
	return nil
}

// member reads the value of a keyword. word is the text that replaces it in the
// description.
func (t *tidying) member(d *jsonx.Decoder, name string) (word string, err error) {
	kind := byte(d.PeekKind())
	if kind == 'f' {
		kind = 't'
	}
	if kind == 'n' && name != "const" && name != "default" {
		t.changed = true
		return "", d.SkipValue()
	}
	if !allows([]byte(name), kind) {
		t.wrong, t.changed = firstOf(t.wrong, name), true
		return "", d.SkipValue()
	}
	switch name {
	case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas":
		t.w.AnyKey(name)
		return "", t.schemas(d)
	case "additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames", "prefixItems", "anyOf", "oneOf", "allOf":
		t.w.AnyKey(name)
		if kind == 't' {
			return "", t.copy(d)
		}
		return "", t.list(d)
	}
	value, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	if (name == "type" || name == "required") && kind == '[' {
		value = t.words(value, name == "type")
	}
	if name == "type" && kind == '"' {
		given := wordOf(value)
		word := typeWord(given)
		if word == "" {
			t.wrong, t.changed = firstOf(t.wrong, name), true
			return "", nil
		}
		if word != given {
			value, t.changed = jsonx.AppendString(nil, word), true
		}
	}
	if hasHuge(value) {
		t.numbers, t.changed = true, true
		if kind == '0' && strings.HasPrefix(schemaKinds[name], "0") {
			return "", nil // a bound that every number of 64 bits meets
		}
		return name + "=" + string(value), nil
	}
	t.w.AnyKey(name)
	t.w.Raw(value)
	return "", nil
}

// words returns a list of strings without the elements that are not strings. In a list
// of types, null becomes "null".
func (t *tidying) words(list jsonx.Raw, types bool) jsonx.Raw {
	var values []jsonx.Raw
	if jsonx.Unmarshal(list, &values) != nil || !slices.ContainsFunc(values, func(v jsonx.Raw) bool { return v.Kind() != '"' }) {
		return list
	}
	t.changed = true
	var kept []jsonx.Raw
	for _, v := range values {
		switch {
		case v.Kind() == '"':
			kept = append(kept, v)
		case v.Kind() == 'n' && types:
			kept = append(kept, jsonx.Raw(`"null"`))
		}
	}
	return array(kept)
}

// schemas reads an object of schemas.
func (t *tidying) schemas(d *jsonx.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	t.w.Object()
	for d.PeekKind() != '}' {
		name, err := member(d)
		if err != nil {
			return err
		}
		t.w.AnyKey(name)
		if err := t.schema(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	t.w.EndObject()
	return err
}

// list reads a schema or an array of them.
func (t *tidying) list(d *jsonx.Decoder) error {
	if d.PeekKind() != '[' {
		return t.schema(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	t.w.Array()
	for d.PeekKind() != ']' {
		if d.PeekKind() == 'n' {
			t.changed = true
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		if err := t.schema(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	t.w.EndArray()
	return err
}

func (t *tidying) copy(d *jsonx.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	t.w.Raw(value)
	return nil
}

// hasHuge reports whether a value holds a number that is huge.
func hasHuge(value jsonx.Raw) bool {
	if !bytes.ContainsAny(value, "0123456789") {
		return false
	}
	d := jsonx.NewDecoder(bytes.NewReader(value))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return false // the end of the value
		}
		if token.Kind() == '0' && huge(token.String()) {
			return true
		}
	}
}

// member reads the name of a member.
func member(d *jsonx.Decoder) (string, error) {
	token, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}
