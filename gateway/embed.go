package gateway

import (
	"context"
	"slices"

	"outcrop/internal/budget"
	"outcrop/llm"
)

// Embed gets embeddings. A failure is an *llm.Error and is recorded.
func (c *Call) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if k := c.keeping; k != nil && k.parts != nil {
		return c.embedParts(ctx, k, req)
	}
	return c.embed(ctx, req)
}

// embed is Embed without the response cache.
func (c *Call) embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	if err := c.begin(ctx, &req.Call, embedding{req}); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	req, err := c.beforeEmbed(ctx, req)
	if err != nil {
		return nil, err
	}
	req, release, err := c.inlineInputs(ctx, req)
	if err != nil {
		return nil, err
	}
	defer release()
	return c.vectors(ctx, req)
}

// vectors gets the vectors of a request that is ready to be sent, and charges for them.
func (c *Call) vectors(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	resp, err := c.g.router.Embed(ctx, req)
	if err != nil {
		return nil, c.Fail(err)
	}
	c.meta(&resp.Meta)
	c.price(&resp.Usage, "")
	c.record.Usage, c.record.Estimated = resp.Usage, resp.Estimated
	c.settle()
	return resp, nil
}

// Rerank gets the relevance of documents. A failure is an *llm.Error and is recorded.
func (c *Call) Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	if err := c.begin(ctx, &req.Call, ranking{req}); err != nil {
		return nil, err
	}
	ctx = budget.With(ctx, c.lease)
	req, err := c.beforeRerank(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := c.g.router.Rerank(ctx, req)
	if err != nil {
		return nil, c.Fail(err)
	}
	c.meta(&resp.Meta)
	c.price(&resp.Usage, "")
	c.record.Usage = resp.Usage // its tokens are never estimated
	c.settle()
	return resp, nil
}

// inlineInputs fetches the media of a request for embeddings. The stage that fetches knows
// conversations, so the inputs become the turns of one.
func (c *Call) inlineInputs(ctx context.Context, req *llm.EmbedRequest) (_ *llm.EmbedRequest, release func(), err error) {
	if req.Remote() == nil {
		return req, func() {}, nil
	}
	conversation := &llm.Request{Call: req.Call}
	for i := range req.Inputs {
		conversation.Turns = append(conversation.Turns, llm.Turn{Role: llm.RoleUser, Blocks: req.Inputs[i].Parts})
	}
	fetched, release, err := c.inline(ctx, conversation)
	if err != nil {
		return nil, nil, err
	}
	whole := *req
	whole.Inputs = slices.Clone(req.Inputs)
	for i := range whole.Inputs {
		whole.Inputs[i].Parts = fetched.Turns[i].Blocks
	}
	return &whole, release, nil
}
