// Package gemini implements the API of Google's Gemini models: generateContent, its stream,
// countTokens, and embeddings, as Google AI Studio and Vertex AI serve them. It encodes requests of
// llm's form and decodes responses, events and errors.
//
// The format is described at https://ai.google.dev/api/generate-content and, for fields that this
// page lacks, by the types of Google's SDK (google-genai 3.6.1).
//
// # Thought signatures
//
// The API signs a function call, or the end of a text, with a thoughtSignature, which has to come back
// in the same place (https://ai.google.dev/gemini-api/docs/thought-signatures). In llm's form a
// signature is a block of reasoning without text: before the call that it belongs to, or behind the
// text. The signature has a mark in front, by which those of other models are told apart, and left
// out.
package gemini

import "strings"

// unsigned is the signature of a function call that came without one, such as of another model: newer
// models refuse a call without a signature
// (https://ai.google.dev/gemini-api/docs/thought-signatures).
const unsigned = "skip_thought_signature_validator"

// isSigned reports whether a thoughtSignature is one, and not a value by which clients skip the check of
// a call that came without one. Google's page names both.
func isSigned(sign string) bool {
	return sign != "" && sign != unsigned && sign != "context_engineering_is_the_way_to_go"
}

// Generation is the first number of the version in a model's name, such as 2 for gemini-2.5-pro; 0 if
// it has none.
func Generation(model string) int {
	rest, ok := strings.CutPrefix(model, "gemini-")
	if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' {
		return 0
	}
	n := 0
	for _, c := range rest {
		if c < '0' || c > '9' || n > 99 {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}
