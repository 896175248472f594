package llm

import (
	"bytes"
	"strconv"

	"outcrop/internal/jsonx"
)

// Within returns the request with MaxTokens lowered to most, the number of tokens that the model can write,
// and the warning of it. The request stays as it is if it asks for no more, if most is 0 because it is not
// known, or if a beta of Anthropic's raises the limit.
func (r *Request) Within(most int64) (*Request, []Warning) {
	if most <= 0 || r.MaxTokens.Value <= most || bytes.Contains(jsonx.Find(r.ModelFields, "anthropic_beta"), []byte(`"output-`)) {
		return r, nil
	}
	lowered := *r
	lowered.MaxTokens.Value = most
	return &lowered, []Warning{{
		Code: WarnChanged, Field: r.FieldName(Field{Kind: FieldMaxTokens}),
		Detail: "set to " + strconv.FormatInt(most, 10) + ", the most that this model can write",
	}}
}
