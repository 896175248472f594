package openaicompat

import (
	"context"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	wire "outcrop/wire/openaichat"
	"outcrop/wire/openairesponses"
)

// CountRaw makes one call of OpenAI's API for the number of tokens of a request for a response
// (https://platform.openai.com/docs/api-reference/responses/input-tokens). A vendor without it, or a server that
// turns out not to have it, is an error that has the gateway estimate the number.
func (t *target) CountRaw(ctx context.Context, raw *llm.Raw) (*llm.Count, error) {
	u := t.d.end.URL(APIResponses, t.id)
	if raw.Dialect != llm.DialectResponses || u == nil || !t.d.vendor.Quirks.CountsResponses || t.d.noCount.Load() {
		return nil, t.uncounted()
	}
	body, err := countable(raw.Body)
	if err != nil {
		return nil, err
	}
	edit := wire.Edit{Edits: &t.d.vendor.responseEdits, Model: t.name, DropParams: raw.DropParams}
	pieces, warnings, err := edit.Apply(body)
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, APIResponses, u.JoinPath("input_tokens"), raw.Headers, pieces, warnings)
	if err != nil {
		if lacksResponses(llm.AsError(err)) {
			t.d.noCount.Store(true)
			return nil, t.uncounted()
		}
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	n, err := openairesponses.DecodeCount(answer)
	if err != nil {
		return nil, x.failed("response", err)
	}
	return &llm.Count{Tokens: n, Meta: x.meta}, nil
}

// uncounted is the error for a model whose tokens the vendor does not count.
func (t *target) uncounted() error {
	e := llm.Unsupported("model", "%s does not count the tokens of requests", t.d.vendor.Title)
	e.Code, e.Destination = llm.CodeFeature, t.to(APIResponses)
	return e
}

// countable is the part of a request for a response that has tokens: the API refuses other members.
func countable(body jsonx.Raw) (jsonx.Raw, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, llm.Invalid("", "the request body is not a JSON object")
	}
	w := jsonx.Writer{}
	w.Object()
	for _, m := range members {
		switch m.Name {
		case "conversation", "input", "instructions", "model", "parallel_tool_calls", "personality", "previous_response_id", "reasoning", "text", "tool_choice", "tools", "truncation":
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf, nil
}

var _ provider.RawCounter = (*target)(nil)
