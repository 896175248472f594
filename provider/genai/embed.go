package genai

import (
	"context"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/parallel"
	"outcrop/llm"
	"outcrop/provider/embedding"
	"outcrop/wire/gemini"
)

// Embed makes one call of batchEmbedContents on AI Studio. On Vertex AI, it makes as many calls as the
// model needs for the inputs; of what they warn of, the first one's counts.
func (t *Target) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if t.opt.Vertex {
		return t.embedVertex(ctx, req)
	}
	var w jsonx.Writer
	warnings, err := gemini.AppendEmbedRequest(&w, req, t.opt.Resource)
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, Embed, req.Headers, w.Segments(), warnings)
	if err != nil {
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := gemini.DecodeEmbedResponse(answer, len(req.Inputs))
	if err != nil {
		return nil, x.failed(&answerError{err})
	}
	resp.Meta = x.meta
	return counted(req, resp), nil
}

// How many inputs Vertex AI's models take in a call
// (https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings): those of
// predict a number, except for Gemini's first, which takes one; and embedContent one. embedParallel is
// how many calls are made at once.
const (
	maxInstances  = 250
	embedParallel = 8
)

// perCall is how many inputs the model takes in a call, and the operation that it has.
func (t *Target) perCall() (inputs int, operation string) {
	switch model := t.opt.Model; {
	case strings.HasPrefix(model, "gemini-embedding-001"):
		return 1, Predict
	case strings.HasPrefix(model, "gemini-embedding-"):
		return 1, EmbedOne
	default:
		return maxInstances, Predict
	}
}

// embedVertex embeds the inputs on Vertex AI.
func (t *Target) embedVertex(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	size, operation := t.perCall()
	resp := &llm.EmbedResponse{Vectors: make([]llm.Vector, len(req.Inputs))}
	calls := (len(req.Inputs) + size - 1) / size
	usages, metas := make([]llm.Usage, calls), make([]llm.Meta, calls)
	err := parallel.Do(ctx, calls, embedParallel, func(ctx context.Context, call int) error {
		from := call * size
		to := min(from+size, len(req.Inputs))
		var err error
		metas[call], usages[call], err = t.embedPart(ctx, req, operation, from, resp.Vectors[from:to])
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range usages {
		resp.Usage.Input += usages[i].Input
	}
	resp.Usage.Total = resp.Usage.Input
	if calls > 0 {
		resp.Meta = metas[0]
	}
	return counted(req, resp), nil
}

// embedPart makes one call for the inputs from a number on, one for each element of into.
func (t *Target) embedPart(ctx context.Context, req *llm.EmbedRequest, operation string, from int, into []llm.Vector) (llm.Meta, llm.Usage, error) {
	var w jsonx.Writer
	var warnings []llm.Warning
	var err error
	if operation == EmbedOne {
		warnings, err = gemini.AppendEmbedOne(&w, req, from)
	} else {
		warnings, err = gemini.AppendPredictRequest(&w, req, from, from+len(into))
	}
	if err != nil {
		return llm.Meta{}, llm.Usage{}, err
	}
	x, err := t.post(ctx, operation, req.Headers, w.Segments(), warnings)
	if err != nil {
		return llm.Meta{}, llm.Usage{}, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return llm.Meta{}, llm.Usage{}, err
	}
	found := make([]llm.Vector, 1)
	var usage llm.Usage
	if operation == EmbedOne {
		found[0], usage, err = gemini.DecodeEmbedOne(answer)
	} else {
		found, usage, err = gemini.DecodePredictResponse(answer, len(into))
	}
	if err != nil {
		return llm.Meta{}, llm.Usage{}, x.failed(&answerError{err})
	}
	copy(into, found)
	return x.meta, usage, nil
}

// counted estimates the usage of a response that reports none.
func counted(req *llm.EmbedRequest, resp *llm.EmbedResponse) *llm.EmbedResponse {
	if resp.Usage.Input == 0 {
		resp.Usage, resp.Estimated = estimated(req), true
	}
	return resp
}

// estimated is the usage of a call that reports none.
func estimated(req *llm.EmbedRequest) llm.Usage {
	var n int64
	for i := range req.Inputs {
		n += embedding.Estimate(&req.Inputs[i], req.Inputs[i].Text)
	}
	return llm.Usage{Input: n, Total: n}
}
