// Package rerank is the frontend for Cohere's rerank.
package rerank

import (
	"net/http"
	"strings"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/cohererank"
)

// Door is the name of this frontend in the record.
const Door = "cohere_rerank"

// Handler serves rerank.
type Handler struct {
	door.Translated
}

// New makes the frontend.
func New(g *gateway.Gateway, opt door.Options) *Handler {
	h := &Handler{door.NewTranslated(g, Door, opt)}
	h.Query = func(r *http.Request) gateway.Query {
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			return gateway.Query{Form: "2"}
		}
		return gateway.Query{Form: "1"}
	}
	return h
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /v2/rerank", Path: "/v2/rerank", About: "rerank in Cohere's format", Handle: h.ServeHTTP},
		{Pattern: "POST /v1/rerank", Path: "/v1/rerank", About: "the same in the format of version 1", Handle: h.ServeHTTP},
		{Pattern: "POST /rerank", Path: "/rerank", About: "the same as /v1/rerank", Handle: h.ServeHTTP},
	}
}

// Owns reports whether a path belongs to the frontend. One of a provider's own API that ends the same, such as
// /cohere/v2/rerank, does not.
func (h *Handler) Owns(path string) bool {
	return path == "/rerank" || path == "/v1/rerank" || path == "/v2/rerank"
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError writes a refusal in Cohere's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, wire.AppendError)
}

// ServeHTTP responds to one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.Answer(w, r, h.WriteError, func(call *gateway.Call, body *inbound.Body) ([]byte, error) {
		req, err := wire.Decode(body.Bytes, h.Decoding(""))
		body.Release() // the request does not share its memory
		if err != nil {
			return nil, err
		}
		call.Warn(req.Warnings...)
		resp, err := call.Rerank(r.Context(), &req.LLM)
		if err != nil {
			return nil, err
		}
		env := wire.Envelope{ID: call.ID(), Version: 1}
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			env.Version = 2
		}
		if req.ReturnDocuments {
			env.Documents = req.LLM.Documents
		}
		return wire.AppendResponse(nil, env, resp), nil
	})
}
