package gemini

import "outcrop/llm"

// Names are the names of a request's fields in the dialect, for errors and warnings.
func Names() llm.Names { return &fieldWords }

// fieldWords are the fields of a generateContent request (https://ai.google.dev/api/generate-content). A
// signature is a part of its own in a turn, so parts are not numbered; nor are lists of functions, which
// become one.
var fieldWords = llm.FieldWords{ //nolint:gochecknoglobals // a table
	Kinds: [...]string{
		llm.FieldModel:           "model",
		llm.FieldStream:          "alt",
		llm.FieldChoices:         "generationConfig.candidateCount",
		llm.FieldUser:            "labels", // which the gateway does not read
		llm.FieldMetadata:        "labels",
		llm.FieldHeader:          "", // headers are named as they are
		llm.FieldSystem:          "systemInstruction",
		llm.FieldSystemCache:     "systemInstruction",
		llm.FieldMessages:        "contents",
		llm.FieldMessage:         "contents[#]",
		llm.FieldContent:         "contents[#].parts",
		llm.FieldBlock:           "contents[#].parts",
		llm.FieldResultPart:      "contents[#].parts",
		llm.FieldMessageCache:    "contents[#].parts",
		llm.FieldReasoned:        "contents[#].parts",
		llm.FieldReasonedText:    "contents[#].parts",
		llm.FieldToolCalls:       "contents[#].parts",
		llm.FieldToolCall:        "contents[#].parts",
		llm.FieldTools:           "tools",
		llm.FieldTool:            "tools.functionDeclarations[#]",
		llm.FieldToolType:        "tools.functionDeclarations[#]",
		llm.FieldToolName:        "tools.functionDeclarations[#].name",
		llm.FieldToolDescription: "tools.functionDeclarations[#].description",
		llm.FieldToolSchema:      "tools.functionDeclarations[#].parameters",
		llm.FieldToolStrict:      "toolConfig.functionCallingConfig.mode",
		llm.FieldToolCache:       "tools.functionDeclarations[#]",
		llm.FieldToolChoice:      "toolConfig.functionCallingConfig",
		llm.FieldParallelTools:   "toolConfig",
		llm.FieldMaxTokens:       "generationConfig.maxOutputTokens",
		llm.FieldTemperature:     "generationConfig.temperature",
		llm.FieldTopP:            "generationConfig.topP",
		llm.FieldTopK:            "generationConfig.topK",
		llm.FieldStop:            "generationConfig.stopSequences",
		llm.FieldEffort:          "generationConfig.thinkingConfig",
		llm.FieldThinking:        "generationConfig.thinkingConfig",
		llm.FieldFormat:          "generationConfig.responseMimeType",
		llm.FieldFormatSchema:    "generationConfig.responseJsonSchema",
		llm.FieldServiceTier:     "serviceTier",
		llm.FieldCache:           "cachedContent",
		llm.FieldCacheRetention:  "cachedContent",
		llm.FieldWebSearch:       "tools.googleSearch",
		llm.FieldModelFields:     "", // settings of the operator's
		llm.FieldResponseContent: "candidates.content",
		llm.FieldResponseCalls:   "candidates.content",
	},
	Unmapped: map[string]string{
		"seed": "generationConfig.seed", "presence_penalty": "generationConfig.presencePenalty", "frequency_penalty": "generationConfig.frequencyPenalty",
		"modalities": "generationConfig.responseModalities", "logprobs": "generationConfig.responseLogprobs", "top_logprobs": "generationConfig.logprobs",
	},
	Top: []string{"contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings", "cachedContent", "model"},
}
