package bedrock

import (
	"context"
	"slices"

	"outcrop/internal/parallel"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/image"
)

// parallelImages bounds the concurrent calls of one request for images, to models that make few in a call.
const parallelImages = 4

// MakeImages makes the calls of InvokeModel that a request for images needs.
func (w *target) MakeImages(ctx context.Context, req *llm.ImageRequest) (*llm.ImageResponse, error) {
	ctx = withSession(ctx, &req.Call)
	headers, err := guardHeaders(&req.Call)
	if err != nil {
		return nil, err
	}
	own := *req
	own.ModelFields = unguarded(&req.Call, req.ModelFields)
	bodies, warnings, err := image.NewModel(w.described.Vendor, w.described.Name, w.facts).Plan(&own)
	if err != nil {
		return nil, err
	}
	parts, ids := make([][]llm.Image, len(bodies)), make([]string, len(bodies))
	err = parallel.Do(ctx, len(bodies), parallelImages, func(ctx context.Context, i int) error {
		body, header, err := w.invoke(ctx, bodies[i], headers)
		if err != nil {
			return err
		}
		ids[i] = header.Get("X-Amzn-Requestid")
		parts[i], err = image.Decode(body)
		return w.misread(err, ids[i])
	})
	if err != nil {
		return nil, err
	}
	out := &llm.ImageResponse{Images: slices.Concat(parts...), Uncounted: true, Meta: w.metaOf(ids[0])}
	out.Usage.Images = int64(len(out.Images))
	out.Meta.Warnings = slices.Concat(w.warnings, warnings, req.Shortfall(len(out.Images)))
	return out, nil
}

var _ provider.Imager = (*target)(nil)
