package bedrock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// checkTools refuses schemas that describe no object, and choices that the model
// does not take.
func checkTools(q *question) error {
	names := map[string]bool{}
	at := 0 // in toolConfig.tools, where cache points count too
	for i := range q.request.Tools {
		t := &q.request.Tools[i]
		if t.Other == nil {
			if err := checkInputSchema(t.Schema, at); err != nil {
				return err
			}
			if q.native() && isUnion(t.Schema) {
				return returned("tools.%d.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level", i)
			}
			if names[t.Name] && q.native() {
				return returned("tools: Tool names must be unique.")
			}
			names[t.Name] = true
		}
		if at++; t.Cache != nil {
			at++
		}
	}
	if !forcesTool(q) {
		return nil
	}
	choice := "toolConfig.toolChoice.any"
	if namesTool(q) {
		choice = "toolConfig.toolChoice.tool"
	}
	switch {
	case q.info.Has(catalogue.NoForcedTools) && q.native():
		return returned(`tool_choice: type "tool" and "any" are not supported for this model.`)
	case q.info.Has(catalogue.NoForcedTools), q.info.Has(catalogue.NoNamedTool) && namesTool(q):
		return unsupported(choice)
	}
	return nil
}

// isUnion reports whether the top of a schema is a union, which Claude refuses (public
// reports).
func isUnion(schema jsonx.Raw) bool {
	members, err := jsonx.Members(schema)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(members, func(m jsonx.Member) bool { return m.Name == "oneOf" || m.Name == "allOf" || m.Name == "anyOf" })
}

// checkInputSchema holds the schema of the tool at a place of toolConfig.tools
// against what Converse itself asks of it (public reports).
func checkInputSchema(schema jsonx.Raw, at int) error {
	members, err := jsonx.Members(schema)
	if err != nil {
		return err // the decoder has seen to it that it is an object
	}
	typed := false
	for _, m := range members {
		switch m.Name {
		case "type":
			typed = string(m.Value) == `"object"`
		case "properties":
			if kind := m.Value.Kind(); kind != '{' {
				return invalid("The json schema definition at toolConfig.tools.%d.toolSpec.inputSchema is invalid. Fix the following errors and try again: $.properties: %s found, object expected", at, schemaWord(kind))
			}
		case "required":
			if kind := m.Value.Kind(); kind != '[' {
				return invalid("The json schema definition at toolConfig.tools.%d.toolSpec.inputSchema is invalid. Fix the following errors and try again: $.required: %s found, array expected", at, schemaWord(kind))
			}
		}
	}
	if !typed {
		return invalid("The value at toolConfig.tools.%d.toolSpec.inputSchema.json.type must be one of the following: object.", at)
	}
	return nil
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

// Limits of structured output
// (https://platform.claude.com/docs/en/build-with-claude/structured-outputs).
const (
	maxStrictTools    = 20
	maxOptionalFields = 24
)

// checkStructure refuses strict tools and a schema for the answer where the model
// has neither, and what Claude cannot follow strictly.
func checkStructure(q *question) error {
	native := q.native()
	strict, optional := 0, 0
	for i := range q.request.Tools {
		t := &q.request.Tools[i]
		if !t.Strict.Value {
			continue
		}
		strict++
		switch {
		case q.info.Has(catalogue.NoStructuredOutput) && native:
			return returned("tools.%d.custom.strict: Extra inputs are not permitted", i)
		case q.info.Has(catalogue.NoStructuredOutput):
			return unsupported("toolConfig.tools.toolSpec.strict")
		case native:
			if fault := strictFault(t.Schema, &optional); fault != "" {
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
			if fault := strictFault(format.Schema, &optional); fault != "" {
				return returned("output_config.format.schema: %s", fault)
			}
		}
	}
	if optional > maxOptionalFields {
		return returned("Schemas contains too many optional parameters (%d), which would make grammar compilation inefficient. Reduce the number of optional parameters in your tool schemas (limit: %d).", optional, maxOptionalFields)
	}
	return nil
}

// unfollowed are the keywords that Claude does not follow strictly, by the type
// that they belong to
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html).
var unfollowed = map[string][]string{ // never written to
	"integer": {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"},
	"number":  {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"},
	"string":  {"maxLength", "minLength"},
	"array":   {"maxItems"},
}

// strictFault is what Claude says of a schema that it cannot follow strictly;
// empty if it can. The properties that may be left out are added to optional.
func strictFault(schema jsonx.Raw, optional *int) string {
	members, err := jsonx.Members(schema)
	if err != nil {
		return "" // true and false are schemas too
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
	*optional += optionalFields(has)
	for _, name := range slices.Sorted(maps.Keys(has)) {
		for _, inner := range subschemas(name, has[name]) {
			if fault := strictFault(inner, optional); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// keywordFault is what Claude says of the keywords of one schema.
func keywordFault(has map[string]jsonx.Raw) string {
	kind := ""
	var several []string
	if jsonx.Unmarshal(has["type"], &kind) != nil && jsonx.Unmarshal(has["type"], &several) == nil {
		for _, t := range several {
			if t != "null" {
				kind = t
				break
			}
		}
	}
	var bad []string
	for _, keyword := range unfollowed[kind] {
		if _, ok := has[keyword]; ok {
			bad = append(bad, keyword)
		}
	}
	switch least := has["minItems"]; {
	case len(bad) == 1:
		return fmt.Sprintf("For '%s' type, property '%s' is not supported", kind, bad[0])
	case len(bad) > 1:
		return fmt.Sprintf("For '%s' type, properties %s are not supported", kind, strings.Join(bad, ", "))
	case kind == "array" && least != nil && string(least) != "0" && string(least) != "1":
		return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
	case kind == "object" && string(has["additionalProperties"]) != "false":
		return "For 'object' type, 'additionalProperties' must be explicitly set to false"
	}
	return ""
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

// subschemas are the schemas that a keyword holds.
func subschemas(keyword string, value jsonx.Raw) []jsonx.Raw {
	switch keyword {
	case "properties", "$defs", "definitions":
		members, err := jsonx.Members(value)
		if err != nil {
			return nil
		}
		inner := make([]jsonx.Raw, len(members))
		for i, m := range members {
			inner[i] = m.Value
		}
		return inner
	case "items":
		if value.Kind() == '{' {
			return []jsonx.Raw{value}
		}
	case "anyOf", "allOf", "prefixItems":
		var inner []jsonx.Raw
		if jsonx.Unmarshal(value, &inner) == nil {
			return inner
		}
	}
	return nil
}

// checkResultMedia refuses what a model does not take within a tool's result.
// Nova's schema then does not know the turn any more (recorded exchange).
func checkResultMedia(q *question) error {
	return q.refuseFirst(func(p place, b *llm.Block) error {
		if p.inner < 0 {
			return nil
		}
		var kind string
		switch b.Kind {
		case llm.BlockImage:
			kind = "image"
		case llm.BlockDocument:
			kind = "document"
		case llm.BlockVideo:
			kind = "video"
		default: // no medium
			return nil
		}
		plain := b.Kind == llm.BlockDocument && slices.Contains(plainFormats, b.Media.Format)
		if b.Kind == llm.BlockVideo && q.info.Has(catalogue.NoResultVideo) ||
			b.Kind == llm.BlockDocument && !plain && q.info.Has(catalogue.NoResultPDF) {
			return malformedInput("#/messages/%d/content/%d: extraneous key [toolResult] is not permitted", p.turn, p.block)
		}
		if !q.info.TakesInResult(kind) {
			return invalid("This model doesn't support the %s field for user messages. Remove %s and try again.", kind, kind)
		}
		return nil
	})
}

// plainFormats are the documents that are text as they are.
var plainFormats = []string{"txt", "md", "csv", "html"} // never written to

// ownChoice reads the tool_choice of additionalModelRequestFields, which is Anthropic's
// own, into the common form
// (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use).
func (q *question) ownChoice() {
	field := q.field("tool_choice")
	if field == nil || !q.native() {
		return
	}
	var own struct {
		Type string `json:"type"`
		Name string `json:"name"`
		Once bool   `json:"disable_parallel_tool_use"`
	}
	if jsonx.Unmarshal(field, &own) != nil {
		return
	}
	if own.Once {
		q.request.ParallelTools = llm.Some(false)
	}
	switch own.Type {
	case "any":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceAny}
	case "tool":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: own.Name}
	case "none":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNone}
	}
}
