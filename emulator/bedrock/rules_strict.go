package bedrock

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// Limits of structured output
// (https://platform.claude.com/docs/en/build-with-claude/structured-outputs). They hold
// for all strict tools and the schema of the answer together.
const (
	maxStrictTools    = 20
	maxOptionalFields = 24
	maxUnionFields    = 16
)

// tally is what the limits of structured output count.
type tally struct{ optional, unions int }

// checkStructure refuses strict tools and a schema for the answer where the model
// has neither, and what Claude cannot follow strictly.
func checkStructure(q *question) error {
	native := q.native()
	strict := 0
	noStrict := q.info.Has(catalogue.NoStructuredOutput) || q.info.Has(catalogue.NoStrictTools)
	var sum tally
	for i := range q.request.Tools {
		t := &q.request.Tools[i]
		if !t.Strict.Value {
			continue
		}
		strict++
		switch {
		case noStrict && native:
			return returned("tools.%d.custom.strict: Extra inputs are not permitted", i)
		case noStrict:
			return unsupported("toolConfig.tools.toolSpec.strict")
		case native:
			if fault := sum.add(t.Schema); fault != "" {
				return returned("tools.%d.custom: %s", i, fault)
			}
		}
	}
	if strict > maxStrictTools {
		return returned("Too many strict tools (%d). The maximum number of strict tools supported is %d. Try reducing the number of tools marked as strict.", strict, maxStrictTools)
	}
	if format := q.request.Format; format != nil {
		switch {
		case q.info.Has(catalogue.NoStructuredOutput) && native:
			return returned("output_config.format: Extra inputs are not permitted")
		case q.info.Has(catalogue.NoStructuredOutput):
			return unsupported("outputConfig.textFormat")
		case native:
			if fault := sum.add(format.Schema); fault != "" {
				return returned("output_config.format.schema: %s", fault)
			}
		}
	}
	switch {
	case sum.optional > maxOptionalFields:
		return returned("Schemas contains too many optional parameters (%d), which would make grammar compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: %d).", sum.optional, maxOptionalFields)
	case sum.unions > maxUnionFields:
		return returned("Schemas contains too many parameters with union types (%d parameters with type arrays or anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters (limit: %d parameters with unions).", sum.unions, maxUnionFields)
	}
	return nil
}

// Keywords that Claude follows strictly
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html, and
// refusals in public reports of all others): those of any schema, those of a type, and
// those that may stand beside anyOf.
var (
	followed = map[string][]string{ // never written to
		"":        {"type", "title", "description", "default", "enum", "const", "$ref", "$defs", "definitions", "anyOf", "allOf", "$schema", "$id", "$comment"},
		"object":  {"properties", "required", "additionalProperties"},
		"array":   {"items", "minItems"},
		"string":  {"format", "pattern"},
		"integer": nil,
		"number":  nil,
	}
	besideAnyOf = []string{"anyOf", "title", "description", "default", "enum", "const"}                                 // never written to
	formats     = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"} // never written to
)

// add counts what the limits count of a schema, and gives what Claude says of a
// schema that it cannot follow strictly; empty if it can.
func (sum *tally) add(schema jsonx.Raw) string {
	if schema.Kind() != '{' {
		return "" // true and false are schemas too
	}
	members, err := jsonx.Members(schema)
	if err != nil {
		return ""
	}
	has := make(map[string]jsonx.Raw, len(members))
	for _, m := range members {
		has[m.Name] = m.Value
	}
	if _, ok := has["oneOf"]; ok {
		return "Schema type 'oneOf' is not supported"
	}
	if fault := keywordFault(has); fault != "" {
		return fault
	}
	if has["anyOf"] != nil || has["type"].Kind() == '[' {
		sum.unions++
	}
	sum.optional += optionalFields(has)
	for _, name := range slices.Sorted(maps.Keys(has)) {
		for _, inner := range subschemas(name, has[name]) {
			if fault := sum.add(inner); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// typeOf is the type of a schema, the first that is not null if there are several;
// empty if it has none.
func typeOf(has map[string]jsonx.Raw) string {
	kind := ""
	var several []string
	if has["type"] != nil && jsonx.Unmarshal(has["type"], &kind) != nil && jsonx.Unmarshal(has["type"], &several) == nil {
		for _, t := range several {
			if t != "null" {
				return t
			}
		}
	}
	return kind
}

// keywordFault is what Claude says of the keywords of one schema.
func keywordFault(has map[string]jsonx.Raw) string {
	kind := typeOf(has)
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(has)) {
		own := slices.Contains(followed[kind], name) || kind == "" && !requested(name)
		if has["anyOf"] != nil {
			if !slices.Contains(besideAnyOf, name) {
				bad = append(bad, name)
			}
		} else if !own && !slices.Contains(followed[""], name) {
			bad = append(bad, name)
		}
	}
	switch least := has["minItems"]; {
	case len(bad) > 0 && has["anyOf"] != nil:
		return fmt.Sprintf("For 'anyOf', '%s' is not supported", strings.Join(bad, ", "))
	case len(bad) == 1:
		return fmt.Sprintf("For '%s' type, property '%s' is not supported", kind, bad[0])
	case len(bad) > 1:
		return fmt.Sprintf("For '%s' type, properties %s are not supported", kind, strings.Join(bad, ", "))
	case kind == "array" && least != nil && string(least) != "0" && string(least) != "1":
		return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
	case kind == "object" && string(has["additionalProperties"]) != "false":
		return "For 'object' type, 'additionalProperties' must be explicitly set to false"
	case has["format"] != nil && !slices.Contains(formats, word(has["format"])):
		return fmt.Sprintf("For 'string' type, 'format' value %s is not supported", has["format"])
	case has["pattern"] != nil && !followsPattern(word(has["pattern"])):
		return fmt.Sprintf("For 'string' type, 'pattern' value %s is not supported", has["pattern"])
	}
	return enumFault(has)
}

// requested reports whether a keyword belongs to a type, of which followed knows those
// that are followed.
func requested(name string) bool {
	for kind, names := range followed {
		if kind != "" && slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// enumFault refuses choices among objects and lists, and those that a list of types
// does not name as one type (public reports).
func enumFault(has map[string]jsonx.Raw) string {
	var choices []jsonx.Raw
	if has["enum"] == nil || jsonx.Unmarshal(has["enum"], &choices) != nil {
		return ""
	}
	for _, c := range choices {
		if k := c.Kind(); k == '{' || k == '[' {
			return "Enum values of type " + schemaWord(k) + " are not supported"
		}
		declared := word(has["type"])
		numeric := declared == "integer" || declared == "number"
		if has["type"] != nil && declared != schemaWord(c.Kind()) && (!numeric || c.Kind() != '0') {
			return fmt.Sprintf("Enum value %s does not match declared type", c)
		}
	}
	return ""
}

// followsPattern reports whether Claude follows a regular expression: without
// references back, looking around and boundaries of words.
func followsPattern(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	return err == nil && !strings.Contains(parsed.String(), `\b`) && !strings.Contains(parsed.String(), `\B`)
}

// optionalFields counts the properties that are not required.
func optionalFields(has map[string]jsonx.Raw) int {
	properties, err := jsonx.Members(has["properties"])
	if err != nil {
		return 0
	}
	var required []string
	if has["required"] != nil && jsonx.Unmarshal(has["required"], &required) != nil {
		return 0
	}
	n := 0
	for _, p := range properties {
		if !slices.Contains(required, p.Name) {
			n++
		}
	}
	return n
}
