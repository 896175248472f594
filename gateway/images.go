package gateway

import (
	"context"

	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/route"
)

// ImageTranslation serves a call of OpenAI's image API at targets that do not have that API.
type ImageTranslation = route.ImageTranslation

// Images gets a complete response to a call of OpenAI's image API, see route.Router.Images. A failure is
// an *llm.Error and is recorded.
func (c *Call) Images(ctx context.Context, raw *llm.Raw, t ImageTranslation) (*llm.RawResponse, error) {
	if err := c.begin(ctx, &raw.Call, document{raw}); err != nil {
		return nil, err
	}
	if err := c.unguarded(); err != nil {
		return nil, err
	}
	resp, err := c.g.router.Images(budget.With(ctx, c.lease), raw, t)
	if err != nil {
		return nil, c.Fail(err)
	}
	c.meta(&resp.Meta)
	if resp.Usage.Images > 0 {
		resp.Uncounted = false
	}
	c.bill(resp)
	c.settle()
	return resp, nil
}
