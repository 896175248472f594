package bedrock

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// checkInputSchema holds the schema of the tool at a place of toolConfig.tools
// against what Converse itself asks of it (public reports).
func checkInputSchema(schema jsonx.Raw, at int) error {
	members, err := jsonx.Members(schema)
	if err != nil {
		return err // the decoder has seen to it that it is an object
	}
	if fault := shapeFault(schema, "$"); fault != "" {
		return invalid("The json schema definition at toolConfig.tools.%d.toolSpec.inputSchema is invalid. Fix the following errors and try again: %s", at, fault)
	}
	if string(jsonx.Find(members, "type")) != `"object"` {
		return invalid("The value at toolConfig.tools.%d.toolSpec.inputSchema.json.type must be one of the following: object.", at)
	}
	return nil
}

// keywordKinds are the kinds of value that JSON Schema's meta-schema allows a keyword
// (https://json-schema.org/draft/2020-12/schema), each as the first character of the
// JSON: t stands for a boolean.
var keywordKinds = map[string]string{ // never written to
	"properties": "{", "$defs": "{", "definitions": "{", "patternProperties": "{", "dependentSchemas": "{",
	"required": "[", "enum": "[", "anyOf": "[", "oneOf": "[", "allOf": "[", "prefixItems": "[", "examples": "[",
	"items": "{[t", "not": "{t", "if": "{t", "then": "{t", "else": "{t", "contains": "{t", "additionalProperties": "{t", "propertyNames": "{t",
	"description": "\"", "title": "\"", "format": "\"", "pattern": "\"", "$ref": "\"",
	"minimum": "0", "maximum": "0", "exclusiveMinimum": "0t", "exclusiveMaximum": "0t", "multipleOf": "0",
	"minLength": "0", "maxLength": "0", "minItems": "0", "maxItems": "0", "uniqueItems": "t",
}

// shapeFault is what Converse says of the first keyword whose value is of a kind that
// no schema has there; empty if there is none. Its type is looked at last, where it is
// the root's.
func shapeFault(schema jsonx.Raw, path string) string {
	switch schema.Kind() {
	case '{':
	case 't', 'f':
		return ""
	default:
		return path + ": " + schemaWord(schema.Kind()) + " found, [object, boolean] expected"
	}
	members, err := jsonx.Members(schema)
	if err != nil {
		return ""
	}
	for _, m := range members {
		kind := m.Value.Kind()
		if kind == 'f' {
			kind = 't'
		}
		at := path + "." + m.Name
		if m.Name == "type" && path != "$" && kind != '"' && kind != '[' {
			return at + ": " + schemaWord(kind) + " found, [string, array] expected"
		}
		kinds, known := keywordKinds[m.Name]
		if known && strings.IndexByte(kinds, byte(kind)) < 0 {
			return at + ": " + schemaWord(kind) + " found, " + schemaWord(jsonx.Kind(kinds[0])) + " expected"
		}
		for name, inner := range subschemas(m.Name, m.Value) {
			if fault := shapeFault(inner, at+name); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// schemaWord is JSON Schema's word for a kind of value.
func schemaWord(kind jsonx.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case '"':
		return "string"
	case '0':
		return "number"
	case '[':
		return "array"
	case '{':
		return "object"
	default:
		return "boolean"
	}
}

// subschemas are the schemas that a keyword holds, by what leads to them.
func subschemas(keyword string, value jsonx.Raw) func(yield func(path string, schema jsonx.Raw) bool) {
	return func(yield func(string, jsonx.Raw) bool) {
		switch keyword {
		case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas":
			members, err := jsonx.Members(value)
			if err != nil {
				return
			}
			for _, m := range members {
				if !yield("."+m.Name, m.Value) {
					return
				}
			}
		case "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames":
			if value.Kind() == '{' {
				yield("", value)
				return
			}
			listed(value, yield)
		case "anyOf", "oneOf", "allOf", "prefixItems":
			listed(value, yield)
		}
	}
}

// listed yields the schemas of an array.
func listed(value jsonx.Raw, yield func(string, jsonx.Raw) bool) {
	var list []jsonx.Raw
	if value.Kind() != '[' || jsonx.Unmarshal(value, &list) != nil {
		return
	}
	for i, schema := range list {
		if !yield("["+strconv.Itoa(i)+"]", schema) {
			return
		}
	}
}

// checkClaudeSchema holds the schema of the tool with number i against what
// Anthropic's server asks of any (public reports).
func checkClaudeSchema(q *question, schema jsonx.Raw, i int) error {
	if !q.native() {
		return nil
	}
	members, err := jsonx.Members(schema)
	if err != nil {
		return err // the decoder has seen to it that it is an object
	}
	if slices.ContainsFunc(members, func(m jsonx.Member) bool { return m.Name == "oneOf" || m.Name == "allOf" || m.Name == "anyOf" }) {
		return returned("tools.%d.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level", i)
	}
	if hasHuge(schema) {
		return returned("tools.%d.custom.input_schema: int too big to convert", i)
	}
	return nil
}

// hasHuge reports whether a value holds a number that does not fit into a signed
// integer of 64 bits once it has been through a floating-point number: the reports have
// 9223372036854775807.
func hasHuge(value jsonx.Raw) bool {
	switch value.Kind() {
	case '0':
		n, err := strconv.ParseFloat(string(value), 64)
		return err != nil || math.Abs(n) >= 1<<63
	case '{':
		members, err := jsonx.Members(value)
		return err == nil && slices.ContainsFunc(members, func(m jsonx.Member) bool { return hasHuge(m.Value) })
	case '[':
		var list []jsonx.Raw
		return jsonx.Unmarshal(value, &list) == nil && slices.ContainsFunc(list, hasHuge)
	default:
		return false
	}
}
