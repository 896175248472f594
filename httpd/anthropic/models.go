package anthropic

import (
	"net/http"
	"strconv"
	"strings"

	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/anthropic"
)

// Bounds of a page of the list of models, those of Anthropic's API
// (https://platform.claude.com/docs/en/api/models/list).
const (
	pageLimit = 20
	maxPage   = 1000
)

// Lists reports whether a request for the list of models comes from a client of Anthropic's.
func (h *Handler) Lists(r *http.Request) bool {
	path, _ := strings.CutPrefix(r.URL.Path, "/v1")
	return r.Header.Get("Anthropic-Version") != "" && (path == "/models" || strings.HasPrefix(path, "/models/"))
}

// Recognizes reports whether a request comes from a client of Anthropic's.
func (h *Handler) Recognizes(r *http.Request) bool { return r.Header.Get("Anthropic-Version") != "" }

// WriteModels answers with a page of the list of models that Messages can call, or with one of them.
func (h *Handler) WriteModels(w http.ResponseWriter, r *http.Request, models []door.Model, id string) {
	rows := make([]wire.Model, 0, len(models))
	for i := range models {
		m := &models[i]
		if m.Verb != llm.VerbChat && m.Verb != 0 {
			continue // Messages cannot call it
		}
		row := wire.Model{ID: m.ID, DisplayName: m.Title, MaxInput: m.Context, MaxOutput: m.MaxOutput, Deprecated: m.Deprecated}
		if id != "" && m.ID == id {
			write(w, wire.AppendModel(nil, &row))
			return
		}
		rows = append(rows, row)
	}
	if id != "" {
		h.WriteError(w, &llm.Error{
			Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model", Message: "the model " + strconv.Quote(llm.Clip(strings.ToValidUTF8(id, "?"), 200)) + " is not listed.",
			Fix: "GET /v1/models lists the configured names.",
		})
		return
	}
	query := r.URL.Query()
	limit := pageLimit
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			h.WriteError(w, llm.Invalid("limit", "limit: Input should be an integer from 1 to %d, not %q", maxPage, llm.Clip(text, 32)))
			return
		}
		limit = n
	}
	page, more := wire.Page(rows, limit, query.Get("after_id"), query.Get("before_id"))
	write(w, wire.AppendModels(nil, page, more))
}

// write sends a response that is no call's.
func write(w http.ResponseWriter, body []byte) {
	head := w.Header()
	head["Request-Id"] = head["X-Request-Id"]
	door.WriteJSON(w, http.StatusOK, body)
}

var (
	_ door.Lister     = (*Handler)(nil)
	_ door.Recognizer = (*Handler)(nil)
)
