package openaiapi

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Batch is what a provider says of a batch of requests that is over.
type Batch struct {
	// Model is the provider's id of the model, and Usage the tokens of all requests.
	Model string
	Usage llm.Usage
}

// BatchOf reads a batch (https://platform.openai.com/docs/api-reference/batch/object). It reports false for
// one that goes on, and for one of which the provider does not tell the model and the tokens.
func BatchOf(body []byte) (b Batch, ok bool) {
	var s struct {
		Status jsonx.Raw `json:"status"`
		Model  jsonx.Raw `json:"model"`
		Rest   jsonx.Raw `json:",embed"`
	}
	var status string
	if jsonx.Unmarshal(body, &s) != nil || s.Status.Kind() != '"' || s.Model.Kind() != '"' || jsonx.Unmarshal(s.Status, &status) != nil || jsonx.Unmarshal(s.Model, &b.Model) != nil {
		return Batch{}, false
	}
	switch status {
	case "completed", "expired", "cancelled", "failed":
	default:
		return Batch{}, false
	}
	b.Usage, ok = Usage(body)
	return b, ok && b.Model != "" && b.Usage.Prompt()+b.Usage.Output > 0
}
