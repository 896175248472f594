package openaicompat

import (
	"context"
	"fmt"
	"slices"

	"outcrop/internal/parallel"
	"outcrop/llm"
	"outcrop/provider"
)

// parallelEmbeds bounds the calls of one request for embeddings that are made at once: enough to hide the
// latency, and too few to use up the account's limits.
const parallelEmbeds = 8

// Embed makes the calls that a request for embeddings needs. The response's id is that of the first.
func (t *nativeTarget) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if len(req.Inputs) == 0 {
		return nil, llm.Invalid("input", "input must contain at least one element")
	}
	calls, warnings, err := t.d.vendor.dialect.Embeddings(req, t.id)
	if err != nil {
		return nil, err
	}
	parts := make([]*llm.EmbedResponse, len(calls))
	metas := make([]llm.Meta, len(calls))
	err = parallel.Do(ctx, len(calls), parallelEmbeds, func(ctx context.Context, i int) error {
		var err error
		parts[i], metas[i], err = t.embedPart(ctx, req, &calls[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, len(req.Inputs)), Meta: metas[0]}
	out.Meta.Warnings = slices.Concat(out.Meta.Warnings, warnings)
	for i, part := range parts {
		for j, input := range calls[i].Inputs {
			out.Vectors[input] = part.Vectors[j]
		}
		out.Usage.Add(&part.Usage)
		out.Estimated = out.Estimated || part.Estimated
		out.Meta.Warnings = append(out.Meta.Warnings, part.Meta.Warnings...)
		if part.Meta.Price != nil {
			out.Meta.Price = part.Meta.Price
		}
	}
	if out.Estimated {
		out.Meta.Warnings = append(out.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "tokens were estimated"})
	}
	return out, nil
}

// embedPart makes one call.
func (t *nativeTarget) embedPart(ctx context.Context, req *llm.EmbedRequest, call *EmbedCall) (*llm.EmbedResponse, llm.Meta, error) {
	x, err := t.post(ctx, APIEmbeddings, t.d.end.URL(APIEmbeddings, t.id), req.Headers, call.Body, nil)
	if err != nil {
		return nil, llm.Meta{}, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, llm.Meta{}, err
	}
	resp, err := call.Decode(body)
	if err == nil && len(resp.Vectors) != len(call.Inputs) {
		err = fmt.Errorf("it has %d vectors for %d inputs", len(resp.Vectors), len(call.Inputs))
	}
	if err == nil {
		err = hollow(resp.Vectors)
	}
	if err != nil {
		return nil, llm.Meta{}, x.failed("response", reported(err))
	}
	return resp, x.meta, nil
}

// hollow is the error for vectors of which one has no values.
func hollow(vectors []llm.Vector) error {
	for i := range vectors {
		if len(vectors[i].Float) == 0 && len(vectors[i].Others) == 0 {
			return fmt.Errorf("its vector %d is empty", i)
		}
	}
	return nil
}

var _ provider.Embedder = (*nativeTarget)(nil)
