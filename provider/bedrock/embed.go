package bedrock

import (
	"context"
	"net/http"
	"slices"

	"outcrop/internal/parallel"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/embed"
	"outcrop/provider/bedrock/rerank"
	"outcrop/provider/embedding"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// parallelEmbeds bounds the concurrent calls of one request for embeddings, to models that take one
// input a call: enough to hide the latency, and too few to use up the account's limits at once.
const parallelEmbeds = 8

// Embed makes the calls of InvokeModel that a request for embeddings needs.
func (w *target) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	ctx = withSession(ctx, &req.Call)
	headers, err := guardHeaders(&req.Call)
	if err != nil {
		return nil, err
	}
	own := *req
	own.ModelFields = unguarded(&req.Call, req.ModelFields)
	req = &own
	items, warnings, err := embed.NewModel(w.described.Vendor, w.described.Name, w.facts).Plan(req)
	if err != nil {
		return nil, err
	}
	results, ids := make([]*embed.Result, len(items)), make([]string, len(items))
	err = parallel.Do(ctx, len(items), parallelEmbeds, func(ctx context.Context, i int) error {
		body, header, err := w.invoke(ctx, items[i].Body, headers)
		if err != nil {
			return err
		}
		ids[i] = header.Get("X-Amzn-Requestid")
		results[i], err = embed.Decode(&items[i], body, header.Get)
		return w.misread(err, ids[i])
	})
	if err != nil {
		return nil, err
	}
	out := embed.Join(len(req.Inputs), items, results)
	found := out.Meta.Warnings
	out.Meta = w.metaOf(ids[0])
	out.Meta.Warnings = slices.Concat(w.warnings, warnings, found)
	if embedding.HasMedia(req) {
		out.Meta.Price = nil // the catalogue's prices are those of texts
	}
	return out, nil
}

// Rerank makes one call of InvokeModel.
func (w *target) Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	ctx = withSession(ctx, &req.Call)
	headers, err := guardHeaders(&req.Call)
	if err != nil {
		return nil, err
	}
	own := *req
	own.ModelFields = unguarded(&req.Call, req.ModelFields)
	req = &own
	body, warnings, err := rerank.NewModel(w.described.Vendor, w.described.Name, w.facts).Invoke(req)
	if err != nil {
		return nil, err
	}
	answer, header, err := w.invoke(ctx, [][]byte{body}, headers)
	if err != nil {
		return nil, err
	}
	out, _, err := rerank.Decode(req, answer, header.Get) // InvokeModel returns all results at once
	if err != nil {
		return nil, w.misread(err, header.Get("X-Amzn-Requestid"))
	}
	found := out.Meta.Warnings
	out.Meta = w.metaOf(header.Get("X-Amzn-Requestid"))
	out.Meta.Warnings = slices.Concat(w.warnings, warnings, found)
	return out, nil
}

// metaOf describes a response of InvokeModel.
func (w *target) metaOf(upstreamID string) llm.Meta {
	return llm.Meta{Destination: w.invoked(), UpstreamID: upstreamID, Price: w}
}

// invoked is the destination of calls of InvokeModel.
func (w *target) invoked() llm.Destination {
	to := w.destination
	to.API = opInvoke
	return to
}

// misread adds the call to the error for a response that cannot be understood.
func (w *target) misread(err error, upstreamID string) error {
	if err == nil {
		return nil
	}
	e := llm.AsError(err)
	e.Destination, e.RequestID = w.invoked(), upstreamID
	return e
}

// invoke makes one call of InvokeModel, and reads the whole response.
func (w *target) invoke(ctx context.Context, body [][]byte, headers []llm.Label) ([]byte, http.Header, error) {
	x, err := w.post(ctx, opInvoke, opInvoke, header(headers), body, nil, nil, false)
	if err != nil {
		return nil, nil, err
	}
	answer, err := x.body(ctx)
	return answer, x.resp.Header, err
}

// readWhole reads the body of a non-streaming response. Its memory is charged to the lease in ctx
// and stays charged.
func readWhole(ctx context.Context, resp *upstream.Response) ([]byte, error) {
	body, err := transport.ReadBody(ctx, resp)
	return body, bodyFault(err)
}

var (
	_ provider.Embedder = (*target)(nil)
	_ provider.Reranker = (*target)(nil)
)
