package openaichat

import "outcrop/llm"

// names are the fields of a chat completion request, with LiteLLM's members
// (https://platform.openai.com/docs/api-reference/chat/create,
// https://docs.litellm.ai/docs/completion/input).
var names = llm.FieldWords{ //nolint:gochecknoglobals // a table
	Kinds: [...]string{
		llm.FieldModel:           "model",
		llm.FieldStream:          "stream",
		llm.FieldChoices:         "n",
		llm.FieldUser:            "user",
		llm.FieldMetadata:        "metadata",
		llm.FieldHeader:          "extra_headers",
		llm.FieldSystem:          "system",
		llm.FieldSystemCache:     "system.cache_control",
		llm.FieldMessages:        "messages",
		llm.FieldMessage:         "messages[#]",
		llm.FieldContent:         "messages[#].content",
		llm.FieldBlock:           "messages[#].content[*]",
		llm.FieldResultPart:      "messages[#].content[%]", // a message of its own
		llm.FieldMessageCache:    "messages[#].cache_control",
		llm.FieldReasoned:        "messages[#].thinking_blocks",
		llm.FieldReasonedText:    "messages[#].reasoning_content",
		llm.FieldToolCalls:       "messages[#].tool_calls",
		llm.FieldToolCall:        "messages[#].tool_calls[%]",
		llm.FieldTools:           "tools",
		llm.FieldTool:            "tools[#]",
		llm.FieldToolType:        "tools[#].type",
		llm.FieldToolName:        "tools[#].function.name",
		llm.FieldToolDescription: "tools[#].function.description",
		llm.FieldToolSchema:      "tools[#].function.parameters",
		llm.FieldToolStrict:      "tools[#].function.strict",
		llm.FieldToolCache:       "tools[#].cache_control",
		llm.FieldToolChoice:      "tool_choice",
		llm.FieldParallelTools:   "parallel_tool_calls",
		llm.FieldMaxTokens:       "max_tokens",
		llm.FieldTemperature:     "temperature",
		llm.FieldTopP:            "top_p",
		llm.FieldTopK:            "top_k",
		llm.FieldStop:            "stop",
		llm.FieldEffort:          "reasoning_effort",
		llm.FieldThinking:        "thinking",
		llm.FieldFormat:          "response_format",
		llm.FieldFormatSchema:    "response_format.json_schema.schema",
		llm.FieldServiceTier:     "service_tier",
		llm.FieldCache:           "cache_control",
		llm.FieldCacheRetention:  "prompt_cache_retention",
		llm.FieldWebSearch:       "web_search_options",
		llm.FieldModelFields:     "additionalModelRequestFields",
		llm.FieldResponseContent: "content",
		llm.FieldResponseCalls:   "tool_calls",
	},
	Top: []string{
		"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "stream", "stream_options", "tools", "tool_choice",
		"functions", "function_call", "parallel_tool_calls", "reasoning_effort", "thinking", "reasoning", "response_format", "service_tier", "n", "user", "metadata",
		"seed", "store", "logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty", "modalities", "prediction", "verbosity",
		"web_search_options", "safety_identifier", "prompt_cache_key", "drop_params",
	},
}

// FieldOf is the field that a member of a request is.
func FieldOf(member string) llm.Field {
	if member == "max_completion_tokens" {
		member = "max_tokens"
	}
	for kind, name := range names.Kinds {
		if name == member {
			return llm.Field{Kind: llm.FieldKind(kind)}
		}
	}
	return llm.Field{Kind: llm.FieldUnmapped, Name: member}
}
