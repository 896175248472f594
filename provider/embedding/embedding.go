// Package embedding has what providers share of requests for embeddings whose models take texts: it makes
// texts of tokens, divides inputs into calls, and estimates tokens. It does no I/O.
package embedding

import (
	"outcrop/internal/cl100k"
	"outcrop/llm"
)

// Texts returns the text of each input, empty for those of several parts or of media. Tokens are decoded, with a warning: they
// are those of OpenAI's models, and other models have others. Clients that send tokens, such as LangChain's
// OpenAIEmbeddings, take an unknown model's encoding to be cl100k_base. The error is an *llm.Error with
// the name of the input.
func Texts(req *llm.EmbedRequest) ([]string, []llm.Warning, error) {
	texts := make([]string, len(req.Inputs))
	var warnings []llm.Warning
	for i := range req.Inputs {
		in := &req.Inputs[i]
		if texts[i] = in.Text; isText(in.Parts) {
			texts[i] = in.Parts[0].Text
		}
		if in.Tokens == nil {
			continue
		}
		text, err := cl100k.Decode(in.Tokens)
		if err != nil {
			e := llm.Invalid(in.Name(i), "%s cannot be decoded: %v", in.Name(i), err)
			e.Fix = "Send the text itself; tokens must be those of OpenAI's encoding cl100k_base."
			return nil, nil, e
		}
		texts[i] = text
		if warnings == nil {
			warnings = []llm.Warning{{Code: llm.WarnChanged, Field: "input", Detail: "tokens were decoded as cl100k_base"}}
		}
	}
	return texts, warnings, nil
}

// isText reports whether parts are one text.
func isText(parts []llm.Block) bool { return len(parts) == 1 && parts[0].Kind == llm.BlockText }

// Estimate is about how many tokens the texts of an input have: one for four bytes. text is that of an
// input without parts.
func Estimate(in *llm.EmbedInput, text string) int64 {
	if len(in.Parts) == 0 {
		return int64(len(text)+3) / 4
	}
	var n int64
	for i := range in.Parts {
		n += int64(len(in.Parts[i].Text)+3) / 4
	}
	return n
}

// HasMedia reports whether a request has inputs that are not texts.
func HasMedia(req *llm.EmbedRequest) bool {
	for i := range req.Inputs {
		for j := range req.Inputs[i].Parts {
			if req.Inputs[i].Parts[j].Media != nil {
				return true
			}
		}
	}
	return false
}
