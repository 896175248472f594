package media

import (
	"net/http"
	"slices"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/openaiimage"
)

// images writes a complete response of images: that of a provider with the same API, or a translated one.
func (h *Handler) images(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw) {
	resp, err := call.Images(r.Context(), raw, translation(raw, time.Now()))
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	door.Head(w.Header(), call)
	door.WriteRaw(w, resp)
}

// translation serves a call at targets with other APIs for images. now is when the response is made.
func translation(raw *llm.Raw, now time.Time) gateway.ImageTranslation {
	var decoded *wire.Request
	return gateway.ImageTranslation{
		Request: func() (*llm.ImageRequest, error) {
			if decoded == nil {
				req, err := wire.Decode(raw)
				if err != nil {
					return nil, err
				}
				decoded = req
			}
			decoded.LLM.Guardrail = raw.Guardrail
			return &decoded.LLM, nil
		},
		Response: func(resp *llm.ImageResponse) *llm.RawResponse {
			out := &llm.RawResponse{
				Meta: resp.Meta, Usage: resp.Usage, Uncounted: resp.Uncounted,
				Body: wire.AppendResponse(nil, wire.Envelope{Created: now.Unix(), URLs: decoded.URLs}, resp),
			}
			out.Meta.Header = append(out.Meta.Header, llm.Label{Name: "Content-Type", Value: "application/json"})
			out.Meta.Warnings = slices.Concat(decoded.Warnings, resp.Meta.Warnings)
			return out
		},
	}
}
