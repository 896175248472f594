// Package embeddings is the frontend for OpenAI's embeddings.
package embeddings

import (
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/wire/openaichat"
	wire "outcrop/wire/openaiembed"
)

// Door is the name of this frontend in the record.
const Door = "openai_embeddings"

// path is the API's path.
const path = "/embeddings"

// Handler serves embeddings.
type Handler struct {
	door.Translated
}

// New makes the frontend.
func New(g *gateway.Gateway, opt door.Options) *Handler {
	h := &Handler{door.NewTranslated(g, Door, opt)}
	h.Query = func(r *http.Request) gateway.Query { return gateway.Query{Model: door.PathModel(r, path), Parts: true} }
	return h
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	return door.PathRoutes(path, "embeddings in OpenAI's format", h.ServeHTTP)
}

// Owns reports whether a path belongs to the frontend. One of a provider's own API that ends the same, such as
// /mistral/v1/embeddings, does not.
func (h *Handler) Owns(p string) bool { return door.PathOwned(p, path) }

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError writes a refusal in OpenAI's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, openaichat.AppendError)
}

// ServeHTTP responds to one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.Answer(w, r, h.WriteError, func(call *gateway.Call, body *inbound.Body) ([]byte, error) {
		req, err := wire.Decode(body.Bytes, h.Decoding(door.PathModel(r, path)))
		body.Release() // the request does not share its memory
		if err != nil {
			return nil, err
		}
		call.Warn(req.Warnings...)
		resp, err := call.Embed(r.Context(), &req.LLM)
		if err != nil {
			return nil, err
		}
		return wire.AppendResponse(nil, wire.Envelope{Model: req.LLM.Model, Base64: req.Base64}, resp), nil
	})
}
