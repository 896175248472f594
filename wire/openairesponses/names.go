package openairesponses

import (
	"strings"

	"outcrop/llm"
)

// names are the words of the Responses API for one request.
type names struct{ places *places }

// FieldName is a field's name in the client's request, such as input[1].content[0]. An item is a turn,
// so that what is in a turn is in the item of its number.
func (n names) FieldName(f llm.Field) string {
	if f.Kind >= llm.FieldTool && f.Kind <= llm.FieldToolCache && f.Index < len(n.places.tools) {
		member := strings.TrimPrefix(fieldWords.Kinds[f.Kind], "tools[#]")
		if f.Name != "" {
			member += "." + f.Name
		}
		return n.places.name(n.places.tools[f.Index]) + member
	}
	return n.places.name(fieldWords.FieldName(f))
}

// Members are the members of a request.
func (names) Members() []string { return fieldWords.Members() }

// FieldOf is the field that a member of a request of AppendRequest expresses, or a path that begins with one: what
// is inside has other places in the client's request.
func FieldOf(member string) llm.Field {
	if end := strings.IndexAny(member, ".["); end >= 0 {
		member = member[:end]
	}
	switch member {
	case "text":
		return llm.Field{Kind: llm.FieldFormat}
	case "reasoning":
		return llm.Field{Kind: llm.FieldEffort}
	}
	for kind, name := range fieldWords.Kinds {
		if name == member {
			return llm.Field{Kind: llm.FieldKind(kind)}
		}
	}
	return llm.Field{Kind: llm.FieldUnmapped, Name: member}
}

// fieldWords are the fields of a request for a response
// (https://platform.openai.com/docs/api-reference/responses/create). Tools are named by their places,
// because items of the input bring some of them.
var fieldWords = llm.FieldWords{ //nolint:gochecknoglobals // a table
	Kinds: [...]string{
		llm.FieldModel:           "model",
		llm.FieldStream:          "stream",
		llm.FieldChoices:         "n", // which the dialect does not have
		llm.FieldUser:            "user",
		llm.FieldMetadata:        "metadata",
		llm.FieldHeader:          "extra_headers",
		llm.FieldSystem:          "instructions",
		llm.FieldSystemCache:     "instructions",
		llm.FieldMessages:        "input",
		llm.FieldMessage:         "input[#]",
		llm.FieldContent:         "input[#].content",
		llm.FieldBlock:           "input[#].content[*]",
		llm.FieldMessageCache:    "input[#].prompt_cache_breakpoint",
		llm.FieldReasoned:        "input[#].encrypted_content",
		llm.FieldReasonedText:    "input[#].summary",
		llm.FieldToolCalls:       "input[#]",
		llm.FieldToolCall:        "input[#]",
		llm.FieldTools:           "tools",
		llm.FieldTool:            "tools[#]",
		llm.FieldToolType:        "tools[#].type",
		llm.FieldToolName:        "tools[#].name",
		llm.FieldToolDescription: "tools[#].description",
		llm.FieldToolSchema:      "tools[#].parameters",
		llm.FieldToolStrict:      "tools[#].strict",
		llm.FieldToolCache:       "tools[#]",
		llm.FieldToolChoice:      "tool_choice",
		llm.FieldParallelTools:   "parallel_tool_calls",
		llm.FieldMaxTokens:       "max_output_tokens",
		llm.FieldTemperature:     "temperature",
		llm.FieldTopP:            "top_p",
		llm.FieldTopK:            "top_k",
		llm.FieldStop:            "stop",
		llm.FieldEffort:          "reasoning.effort",
		llm.FieldThinking:        "thinking",
		llm.FieldFormat:          "text.format",
		llm.FieldFormatSchema:    "text.format.schema",
		llm.FieldServiceTier:     "service_tier",
		llm.FieldCache:           "prompt_cache_breakpoint",
		llm.FieldCacheRetention:  "prompt_cache_retention",
		llm.FieldWebSearch:       "tools",
		llm.FieldModelFields:     "additionalModelRequestFields",
		llm.FieldResponseContent: "output",
		llm.FieldResponseCalls:   "output",
	},
	Unmapped: map[string]string{"verbosity": "text.verbosity", "logprobs": "include"},
	Top: []string{
		"model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "stream", "tools", "tool_choice", "parallel_tool_calls",
		"reasoning", "text", "include", "store", "background", "previous_response_id", "conversation", "metadata", "user", "service_tier",
		"truncation", "max_tool_calls", "top_logprobs", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "drop_params",
	},
}
