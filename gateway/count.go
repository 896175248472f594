package gateway

import (
	"context"

	"outcrop/internal/budget"
	"outcrop/llm"
)

// CountTokens gets the number of tokens of a call in a dialect, see route.Router.CountTokens. If the
// model cannot count them, it is an estimate, with a warning that says so. A failure is an *llm.Error
// and is recorded.
func (c *Call) CountTokens(ctx context.Context, raw *llm.Raw, t *Translation) (int64, error) {
	if err := c.begin(ctx, &raw.Call, nil); err != nil {
		return 0, err
	}
	ctx = budget.With(ctx, c.lease)
	t, release := c.inlined(raw, t)
	defer release()
	raw, t, err := c.countable(ctx, raw, t)
	if err != nil {
		return 0, c.Fail(err)
	}
	count, err := c.g.router.CountTokens(ctx, raw, t)
	if err == nil {
		c.meta(&count.Meta)
		return count.Tokens, nil
	}
	if e := llm.AsError(err); e.Code != llm.CodeFeature && e.Code != llm.CodeUnsupported || e.Param != "model" || e.Upstream {
		return 0, c.Fail(err)
	}
	req, err := t.Request(ctx)
	if err != nil {
		return 0, c.Fail(err)
	}
	c.Warn(llm.Warning{Code: llm.WarnChanged, Field: "input_tokens", Detail: "an estimate: the model cannot count tokens"})
	return estimateTokens(req), nil
}

// mediaTokens is the estimate for an image or a page: about what Anthropic's models count for an
// image of 1.1 megapixels (https://platform.claude.com/docs/en/build-with-claude/vision).
const mediaTokens = 1500

// estimateTokens is about a token for four characters, and a fixed number for each image or document.
func estimateTokens(req *llm.Request) int64 {
	n := (promptLength(req) + 3) / 4
	count := func(blocks []llm.Block) {
		for i := range blocks {
			if blocks[i].Media != nil {
				n += mediaTokens
			}
			if result := blocks[i].ToolResult; result != nil {
				for j := range result.Content {
					if result.Content[j].Block.Media != nil {
						n += mediaTokens
					}
				}
			}
		}
	}
	count(req.System)
	for i := range req.Turns {
		count(req.Turns[i].Blocks)
	}
	return n
}
