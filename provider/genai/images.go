package genai

import (
	"context"
	"strings"

	"outcrop/internal/alphamask"
	"outcrop/internal/jsonx"
	"outcrop/internal/parallel"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/wire/gemini"
)

// How many images Imagen makes in a call (https://ai.google.dev/gemini-api/docs/imagen#configuration);
// Gemini's models make one. imagesParallel is how many calls are made at once.
const (
	maxSamples     = 4
	imagesParallel = 4
)

// isImagen reports whether a model is one of Imagen's.
func isImagen(model string) bool {
	return strings.HasPrefix(model, "imagen") || strings.HasPrefix(model, "imagegeneration")
}

// MakeImages makes as many calls as the model needs for the images: of predict for Imagen, and of
// generateContent for Gemini. Of what they warn of, the first one's counts.
func (t *Target) MakeImages(ctx context.Context, req *llm.ImageRequest) (*llm.ImageResponse, error) {
	size, imagen := 1, isImagen(t.opt.Model)
	var mask llm.Base64
	if imagen {
		size = maxSamples
		if req.Edits() && !t.opt.Vertex {
			e := llm.Unsupported("model", "%s does not edit images with %s", t.opt.Service, t.opt.Model)
			e.Code, e.Destination, e.Fix = llm.CodeFeature, t.to(Predict), "Call a Gemini model that makes images, or Imagen on Vertex AI."
			return nil, e
		}
		var err error
		if mask, err = whiteMask(req.Mask); err != nil {
			return nil, err
		}
	}
	wanted := req.Number()
	parts := make([]*llm.ImageResponse, (wanted+size-1)/size)
	err := parallel.Do(ctx, len(parts), imagesParallel, func(ctx context.Context, i int) error {
		var err error
		parts[i], err = t.somePictures(ctx, req, imagen, min(size, wanted-i*size), mask)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := parts[0]
	for _, more := range parts[1:] {
		out.Images = append(out.Images, more.Images...)
		out.Usage.Add(&more.Usage)
		out.Uncounted = out.Uncounted || more.Uncounted
	}
	out.Meta.Warnings = append(out.Meta.Warnings, req.Shortfall(len(out.Images))...)
	return out, nil
}

// somePictures makes one call for a number of images.
func (t *Target) somePictures(ctx context.Context, req *llm.ImageRequest, imagen bool, count int, mask llm.Base64) (*llm.ImageResponse, error) {
	w := jsonx.Writer{SplitLarge: true}
	operation, decode := Generate, gemini.DecodeImages
	var warnings []llm.Warning
	var err error
	if imagen {
		operation, decode = Predict, gemini.DecodeImagen
		warnings, err = gemini.AppendImagenRequest(&w, req, t.opt.Model, count, mask)
	} else {
		warnings, err = gemini.AppendImageRequest(&w, req, t.opt.Model, t.opt.Vertex)
	}
	if err != nil {
		return nil, err
	}
	x, err := t.post(ctx, operation, req.Headers, w.Segments(), warnings)
	if err != nil {
		return nil, err
	}
	answer, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := decode(answer)
	if err != nil {
		return nil, x.failed(&answerError{err})
	}
	resp.Meta = x.meta
	return resp, nil
}

// whiteMask is a mask in which what is to be edited is white, as Imagen's are; zero for none.
func whiteMask(mask *llm.Media) (llm.Base64, error) {
	if mask == nil {
		return llm.Base64{}, nil
	}
	flat, err := alphamask.Flatten(mask.Base64.Decode(), 255, 0)
	if err != nil {
		return llm.Base64{}, llm.Invalid("mask", "mask cannot be read: %v", err)
	}
	return llm.EncodeBase64(flat), nil
}

var _ provider.Imager = (*Target)(nil)
