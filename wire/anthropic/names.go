package anthropic

import (
	"slices"

	"outcrop/llm"
)

// names are the words of the Messages API for one request.
type names struct {
	// ends are, for messages whose blocks are not those of their turn, how many blocks the turn has
	// after each of the client's: cache points are blocks of their own in a turn, and some of the
	// client's blocks are left out.
	ends map[int][]int
}

// FieldName is a field's name in the client's request, such as messages.1.content.0.
func (n names) FieldName(f llm.Field) string {
	if ends := n.ends[f.Index]; len(ends) > 0 && (f.Kind == llm.FieldBlock || f.Kind == llm.FieldToolCall || f.Kind == llm.FieldResultPart) {
		at, _ := slices.BinarySearch(ends, f.Block+1)
		f.Block = min(at, len(ends)-1)
	}
	return fieldWords.FieldName(f)
}

// Members are the members of a request.
func (names) Members() []string { return fieldWords.Members() }

// fieldWords are the fields of a Messages request (https://platform.claude.com/docs/en/api/messages).
// Blocks of all kinds are in one list, and what a message has apart from it in other dialects is its
// content.
var fieldWords = llm.FieldWords{ //nolint:gochecknoglobals // a table
	Kinds: [...]string{
		llm.FieldModel:           "model",
		llm.FieldStream:          "stream",
		llm.FieldChoices:         "n", // which the dialect does not have
		llm.FieldUser:            "metadata.user_id",
		llm.FieldMetadata:        "metadata",
		llm.FieldHeader:          "", // headers are named as they are
		llm.FieldSystem:          "system",
		llm.FieldSystemCache:     "system.cache_control",
		llm.FieldMessages:        "messages",
		llm.FieldMessage:         "messages.#",
		llm.FieldContent:         "messages.#.content",
		llm.FieldBlock:           "messages.#.content.*",
		llm.FieldResultPart:      "messages.#.content.*.content.%",
		llm.FieldMessageCache:    "messages.#.content",
		llm.FieldReasoned:        "messages.#.content",
		llm.FieldReasonedText:    "messages.#.content",
		llm.FieldToolCalls:       "messages.#.content",
		llm.FieldToolCall:        "messages.#.content.*",
		llm.FieldTools:           "tools",
		llm.FieldTool:            "tools.#",
		llm.FieldToolType:        "tools.#.type",
		llm.FieldToolName:        "tools.#.name",
		llm.FieldToolDescription: "tools.#.description",
		llm.FieldToolSchema:      "tools.#.input_schema",
		llm.FieldToolStrict:      "tools.#.strict",
		llm.FieldToolCache:       "tools.#.cache_control",
		llm.FieldToolChoice:      "tool_choice",
		llm.FieldParallelTools:   "tool_choice.disable_parallel_tool_use",
		llm.FieldMaxTokens:       "max_tokens",
		llm.FieldTemperature:     "temperature",
		llm.FieldTopP:            "top_p",
		llm.FieldTopK:            "top_k",
		llm.FieldStop:            "stop_sequences",
		llm.FieldEffort:          "output_config.effort",
		llm.FieldThinking:        "thinking",
		llm.FieldFormat:          "output_config.format",
		llm.FieldFormatSchema:    "output_config.format.schema",
		llm.FieldServiceTier:     "service_tier",
		llm.FieldCache:           "cache_control",
		llm.FieldCacheRetention:  "cache_control",
		llm.FieldWebSearch:       "tools.web_search",
		llm.FieldModelFields:     "", // they are members of the request
		llm.FieldResponseContent: "content",
		llm.FieldResponseCalls:   "content",
	},
	Top: []string{
		"model", "messages", "system", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "stream", "tools", "tool_choice",
		"thinking", "output_config", "metadata", "service_tier", "cache_control", "context_management", "container", "mcp_servers", "inference_geo",
	},
}
