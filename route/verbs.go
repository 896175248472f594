package route

import (
	"context"

	"outcrop/llm"
	"outcrop/provider"
)

// Complete gets a complete response. A failure is an *llm.Error; after several attempts, that of
// the last.
func (r *Router) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	resp, served, err := Do(ctx, r, llm.VerbChat, &req.Call, func(ctx context.Context, w way) (*llm.Response, error) {
		chatter, err := as[provider.Chatter](w.Target)
		if err != nil {
			return nil, err
		}
		fitted, changed := w.within(req)
		resp, err := chatter.Complete(ctx, fitted)
		if err != nil {
			return nil, err
		}
		tell(&resp.Meta, changed)
		return resp, nil
	})
	if err == nil {
		served.note(&resp.Meta)
	}
	return resp, err
}

// Stream gets a streaming response. It returns when the first event with content has arrived, and
// retries until then as Complete does.
func (r *Router) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	return Open(ctx, r, llm.VerbChat, &req.Call, func(ctx context.Context, w way) (Source[llm.Event], error) {
		chatter, err := as[provider.Chatter](w.Target)
		if err != nil {
			return nil, err
		}
		fitted, changed := w.within(req)
		s, err := chatter.Stream(ctx, fitted)
		if err != nil {
			return nil, err
		}
		tell(s.Meta(), changed)
		return s, nil
	})
}

// Embed gets embeddings.
func (r *Router) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	return whole(ctx, r, llm.VerbEmbed, &req.Call, (*llm.EmbedResponse).Metadata, func(ctx context.Context, t provider.Embedder) (*llm.EmbedResponse, error) {
		return t.Embed(ctx, req)
	})
}

// Rerank gets the relevance of documents.
func (r *Router) Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	return whole(ctx, r, llm.VerbRerank, &req.Call, (*llm.RerankResponse).Metadata, func(ctx context.Context, t provider.Reranker) (*llm.RerankResponse, error) {
		return t.Rerank(ctx, req)
	})
}

// whole is Do for targets that implement a verb's interface.
func whole[I, T any](ctx context.Context, r *Router, verb llm.Verb, c *llm.Call, meta func(T) *llm.Meta, do func(ctx context.Context, target I) (T, error)) (T, error) {
	resp, served, err := Do(ctx, r, verb, c, func(ctx context.Context, w way) (T, error) {
		t, err := as[I](w.Target)
		if err != nil {
			var none T
			return none, err
		}
		return do(ctx, t)
	})
	if err == nil {
		served.note(meta(resp))
	}
	return resp, err
}

// as returns a target as what a verb needs it to be.
func as[T any](target provider.Target) (T, error) {
	t, ok := target.(T)
	if !ok {
		return t, unsupported(target)
	}
	return t, nil
}

func unsupported(target provider.Target) error {
	return llm.Unsupported("model", "the model %s does not support this kind of request", quote(target.ID()))
}
