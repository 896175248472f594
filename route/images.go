package route

import (
	"context"

	"outcrop/llm"
	"outcrop/provider"
)

// ImageTranslation serves a call of OpenAI's image API at targets that do not have that API.
type ImageTranslation struct {
	// Request decodes the call. It may be called for several attempts, and returns the same request each
	// time. A failure is an *llm.Error.
	Request func() (*llm.ImageRequest, error)
	// Response encodes a response.
	Response func(*llm.ImageResponse) *llm.RawResponse
}

// Images gets a complete response to a call of OpenAI's image API. Targets that have the API get the body
// as it is, the others a translation. A failure is an *llm.Error.
func (r *Router) Images(ctx context.Context, raw *llm.Raw, t ImageTranslation) (*llm.RawResponse, error) {
	return whole(ctx, r, llm.VerbImage, &raw.Call, (*llm.RawResponse).Metadata, func(ctx context.Context, target provider.Target) (*llm.RawResponse, error) {
		if p := passer(target, llm.VerbImage, raw); p != nil {
			resp, err := p.Pass(ctx, raw)
			if err == nil {
				resp.Meta.Passed = true
			}
			return resp, err
		}
		imager, err := as[provider.Imager](target)
		if err != nil {
			return nil, err
		}
		req, err := t.Request()
		if err != nil {
			return nil, err
		}
		resp, err := imager.MakeImages(ctx, req)
		if err != nil {
			return nil, err
		}
		return t.Response(resp), nil
	})
}

// MakesImages reports whether a target that would serve a call of a model name has OpenAI's image API, or
// one to which it is translated, or none because of an error that the call will have. Whether the model
// itself makes images, the target says. It does not block.
func (r *Router) MakesImages(name, dialect string) bool {
	g, captured := r.table().names.find(name)
	if g == nil {
		return false
	}
	for _, t := range g.deployments {
		targets, err := t.Deployment.Targets(llm.VerbImage, t.modelFor(captured))
		if err != nil {
			return true
		}
		for _, target := range targets {
			if _, ok := target.(provider.Imager); ok {
				return true
			}
			if p, ok := target.(provider.Passer); ok && p.Speaks(dialect) {
				return true
			}
		}
	}
	return false
}
