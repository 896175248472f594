package embed

import (
	"outcrop/internal/cl100k"
	"outcrop/llm"
)

// detokenize returns the text of tokens: no model of Bedrock takes tokens of OpenAI's. Clients that
// send tokens, such as LangChain's OpenAIEmbeddings, take an unknown model's encoding to be
// cl100k_base; LiteLLM does the same in the other direction.
func detokenize(field string, tokens []int64) (string, error) {
	text, err := cl100k.Decode(tokens)
	if err != nil {
		e := llm.Invalid(field, "%s cannot be decoded: %v", field, err)
		e.Fix = "Send the text itself; tokens must be those of OpenAI's encoding cl100k_base."
		return "", e
	}
	return text, nil
}
