package image

import (
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Decode reads the response to one call. If a filter has refused all of its images, the error is an
// *llm.Error with the code llm.CodeContentFiltered; a response that is none is one with status 502.
func Decode(body []byte) ([]llm.Image, error) {
	var r struct {
		Images    []string    `json:"images"`
		Image     string      `json:"image"`          // of some of Stability's services
		Error     string      `json:"error"`          // Amazon's
		Finish    []jsonx.Raw `json:"finish_reasons"` // Stability's: null, or why there is no image
		Artifacts []struct {
			Base64 string    `json:"base64"`
			Finish string    `json:"finishReason"`
			Rest   jsonx.Raw `json:",embed"`
		} `json:"artifacts"` // Stable Diffusion XL's
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, malformed("cannot be decoded: %v", err)
	}
	var reasons []string
	if r.Error != "" {
		reasons = append(reasons, r.Error)
	}
	if r.Image != "" {
		r.Images = append(r.Images, r.Image)
	}
	texts := make([]string, 0, len(r.Images)+len(r.Artifacts))
	for i, text := range r.Images {
		if i < len(r.Finish) && r.Finish[i].Kind() == '"' {
			continue
		}
		texts = append(texts, text)
	}
	for _, raw := range r.Finish {
		var reason string
		if raw.Kind() == '"' && jsonx.Unmarshal(raw, &reason) == nil {
			reasons = append(reasons, reason)
		}
	}
	for _, a := range r.Artifacts {
		if a.Finish == "CONTENT_FILTERED" || a.Finish == "ERROR" {
			reasons = append(reasons, a.Finish)
		} else {
			texts = append(texts, a.Base64)
		}
	}
	images := make([]llm.Image, 0, len(texts))
	for i, text := range texts {
		content, ok := llm.ReadBase64(text)
		if !ok || content.IsZero() {
			return nil, malformed("has an image at %d that is not valid base64", i)
		}
		images = append(images, llm.Image{Base64: content, Format: llm.ImageFormat(string(content.Head(12)))})
	}
	switch {
	case len(images) > 0:
		return images, nil
	case len(reasons) > 0:
		return nil, &llm.Error{
			Code: llm.CodeContentFiltered, Status: 400, Upstream: true, UpstreamStatus: 200,
			Message: "the model refuses the request: " + llm.Clip(strings.Join(reasons, "; "), 500), Fix: "Change the prompt or the image.",
		}
	default:
		return nil, malformed("has no image")
	}
}

func malformed(format string, args ...any) *llm.Error {
	return &llm.Error{Code: llm.CodeServiceInternal, Status: 502, Message: "the model's response " + fmt.Sprintf(format, args...)}
}
