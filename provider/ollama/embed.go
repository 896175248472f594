package ollama

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/embedding"
	"outcrop/provider/openaicompat"
	wire "outcrop/wire/ollama"
)

// Embeddings makes the one call for embeddings: the server takes any number of texts.
func (dialect) Embeddings(req *llm.EmbedRequest, model string) ([]openaicompat.EmbedCall, []llm.Warning, error) {
	texts, decoded, err := embedding.Texts(req)
	if err != nil {
		return nil, nil, err
	}
	w := jsonx.Writer{}
	warnings, err := wire.AppendEmbed(&w, req, texts, model)
	if err != nil {
		return nil, nil, err
	}
	inputs := make([]int, len(req.Inputs))
	var estimate int64
	for i := range inputs {
		inputs[i] = i
		estimate += embedding.Estimate(&req.Inputs[i], texts[i])
	}
	call := openaicompat.EmbedCall{
		Body: w.Segments(), Inputs: inputs,
		Decode: func(answer []byte) (*llm.EmbedResponse, error) { return wire.DecodeEmbed(answer, estimate) },
	}
	return []openaicompat.EmbedCall{call}, append(decoded, warnings...), nil
}
