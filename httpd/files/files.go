// Package files is the frontend for OpenAI's files and batches, of providers that have these APIs. What a
// client gets to see of an id says whose account has it, so that later requests find it again.
package files

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openaiapi"
	"outcrop/wire/openaichat"
)

// Names of these frontends in the record.
const (
	DoorFiles   = "openai_files"
	DoorBatches = "openai_batches"
)

// Options are the settings of the frontends.
type Options struct {
	door.Options
	// Keeper keeps to whom files and batches belong.
	Keeper *store.Keeper
}

// Handler serves files or batches.
type Handler struct {
	door.Translated
	keeper     *store.Keeper
	dialect    string // and the path, without the slash in front
	kind       string
	operations []operation
	now        func() time.Time
}

// operation is a path below the API's own.
type operation struct {
	method, path, about string
	handle              func(x *exchange) error
}

// New makes the frontends for files and for batches.
func New(g *gateway.Gateway, opt Options) []door.Frontend {
	files := &Handler{Translated: door.NewTranslated(g, DoorFiles, opt.Options), keeper: opt.Keeper, dialect: llm.DialectFiles, kind: wire.KindFile, now: time.Now}
	files.operations = []operation{
		{http.MethodPost, "", "keeps a file at a provider, in OpenAI's format", (*exchange).upload},
		{http.MethodGet, "", "lists a provider's files", (*exchange).list},
		{http.MethodGet, "/{id}", "describes a file", (*exchange).get},
		{http.MethodDelete, "/{id}", "deletes a file", (*exchange).remove},
		{http.MethodGet, "/{id}/content", "the content of a file", (*exchange).content},
	}
	batches := &Handler{Translated: door.NewTranslated(g, DoorBatches, opt.Options), keeper: opt.Keeper, dialect: llm.DialectBatches, kind: wire.KindBatch, now: time.Now}
	batches.operations = []operation{
		{http.MethodPost, "", "starts a batch at a provider, in OpenAI's format", (*exchange).create},
		{http.MethodGet, "", "lists a provider's batches", (*exchange).list},
		{http.MethodGet, "/{id}", "describes a batch", (*exchange).get},
		{http.MethodPost, "/{id}/cancel", "cancels a batch", (*exchange).cancel},
	}
	return []door.Frontend{files, batches}
}

// prefixes are before the paths of the API: OpenAI's, the same without its version, and Azure's with and
// without one.
func prefixes() []string { return []string{"/v1", "", "/openai", "/openai/v1"} }

// Routes lists what the frontend serves.
func (h *Handler) Routes() (all []door.Route) {
	for i, prefix := range prefixes() {
		for _, r := range h.operations {
			about := r.about
			switch i {
			case 1:
				about = "the same without the prefix /v1"
			case 2, 3:
				about = "the same under Azure's path"
			}
			path := prefix + "/" + h.dialect + r.path
			all = append(all, door.Route{Pattern: r.method + " " + path, Path: path, About: about, Handle: h.serve(r.handle)})
		}
	}
	return all
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool {
	return slices.ContainsFunc(prefixes(), func(prefix string) bool {
		rest, ok := strings.CutPrefix(path, prefix+"/"+h.dialect)
		return ok && (rest == "" || rest[0] == '/')
	})
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// ServeHTTP refuses a request: the routes have handlers of their own.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.serve(func(*exchange) error {
		return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Message: "this is not a path of the API /v1/" + h.dialect + ".", Fix: "GET /openapi.json lists the paths and their methods."}
	})(w, r)
}

// WriteError writes a refusal in OpenAI's form.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, openaichat.AppendError)
}

// exchange is one request.
type exchange struct {
	h    *Handler
	w    http.ResponseWriter
	r    *http.Request
	call *gateway.Call
}

// serve admits a request, and writes the error that handle returns.
func (h *Handler) serve(handle func(x *exchange) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		door.Serve(w, r, h.Gateway, h.Name, door.Keys, h.WriteError, func(call *gateway.Call) {
			if err := handle(&exchange{h: h, w: w, r: r, call: call}); err != nil {
				h.WriteError(w, door.Fail(w, call, err))
			}
		})
	}
}
