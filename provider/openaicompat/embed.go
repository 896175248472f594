package openaicompat

import (
	"context"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/wire/cohererank"
	wire "outcrop/wire/openaichat"
	"outcrop/wire/openaiembed"
)

// Embed makes one call of the embeddings API.
func (t *target) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	var w jsonx.Writer
	warnings, err := openaiembed.AppendRequest(&w, req, t.name, t.d.vendor.Quirks.Base64Vectors)
	if err != nil {
		return nil, err
	}
	x, body, err := t.whole(ctx, APIEmbeddings, req.Headers, w.Buf, req.DropParams, warnings)
	if err != nil {
		return nil, err
	}
	resp, err := openaiembed.DecodeResponse(body, len(req.Inputs))
	if err != nil {
		return nil, x.failed("response", err)
	}
	resp.Meta = x.meta
	return resp, nil
}

// Rerank makes one call of the rerank API, in Cohere's form.
func (t *target) Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	var w jsonx.Writer
	cohererank.AppendRequest(&w, req, t.name)
	x, body, err := t.whole(ctx, APIRerank, req.Headers, w.Buf, req.DropParams, nil)
	if err != nil {
		return nil, err
	}
	resp, err := cohererank.DecodeResponse(body, len(req.Documents))
	if err != nil {
		return nil, x.failed("response", err)
	}
	if req.TopN.Set && int64(len(resp.Results)) > req.TopN.Value {
		resp.Results = resp.Results[:req.TopN.Value]
	}
	resp.Meta = x.meta
	return resp, nil
}

// whole makes a call with the vendor's edits, and reads its response.
func (t *target) whole(ctx context.Context, api API, headers []llm.Label, body []byte, dropParams bool, warnings []llm.Warning) (*exchange, []byte, error) {
	edit := wire.Edit{Edits: &t.d.vendor.otherEdits, Model: t.name, DropParams: dropParams}
	pieces, changed, err := edit.Apply(body)
	if err != nil {
		return nil, nil, err
	}
	x, err := t.post(ctx, api, t.d.end.URL(api, t.id), headers, pieces, slices.Concat(warnings, changed))
	if err != nil {
		return nil, nil, err
	}
	answer, err := x.body(ctx)
	return x, answer, err
}

var (
	_ provider.Embedder = (*target)(nil)
	_ provider.Reranker = (*target)(nil)
)
