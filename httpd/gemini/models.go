package gemini

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/gemini"
)

// Bounds of a page of the list of models, those of Google's API (https://ai.google.dev/api/models#method:-models.list).
const (
	pageSize = 50
	maxPage  = 1000
)

// Lists reports whether a request for the list of models comes from a client of Google's: they call
// /v1beta, or /v1 with a header of their own.
func (h *Handler) Lists(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1beta/") || strings.HasPrefix(r.URL.Path, "/v1/") && r.Header.Get("X-Goog-Api-Key") != ""
}

// WriteModels answers with a page of the list of models that Gemini's API can call, or with one of them.
func (h *Handler) WriteModels(w http.ResponseWriter, r *http.Request, models []door.Model, id string) {
	rows := make([]wire.Model, 0, len(models))
	for i := range models {
		m := &models[i]
		if m.Verb != llm.VerbChat && m.Verb != llm.VerbEmbed && m.Verb != 0 {
			continue // it cannot be called by this API
		}
		row := wire.Model{ID: m.ID, Title: m.Title, MaxInput: cmp.Or(m.MaxInput, m.Context), MaxOutput: m.MaxOutput, Verb: m.Verb}
		if id != "" && m.ID == id {
			door.WriteJSON(w, http.StatusOK, wire.AppendModel(nil, &row))
			return
		}
		rows = append(rows, row)
	}
	if id != "" {
		h.WriteError(w, &llm.Error{
			Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model", Message: "the model " + strconv.Quote(llm.Clip(strings.ToValidUTF8(id, "?"), 200)) + " is not listed.",
			Fix: "GET " + strings.TrimSuffix(prefixBeta, "/") + " lists the configured names.",
		})
		return
	}
	query := r.URL.Query()
	size := pageSize
	if text := query.Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			h.WriteError(w, llm.Invalid("pageSize", "pageSize must be a whole number, not %q", llm.Clip(text, 32)))
			return
		}
		size = min(cmp.Or(n, pageSize), maxPage) // as Google has it: more is the most, and 0 the default
	}
	begin := 0
	if token := query.Get("pageToken"); token != "" { // the name that the last page ended with
		begin = 1 + slices.IndexFunc(rows, func(m wire.Model) bool { return m.ID == token })
		if begin == 0 {
			h.WriteError(w, llm.Invalid("pageToken", "pageToken %q is not one of this list; begin again without it", llm.Clip(token, 60)))
			return
		}
	}
	rows = rows[begin:]
	next := ""
	if len(rows) > size {
		rows, next = rows[:size], rows[size-1].ID
	}
	door.WriteJSON(w, http.StatusOK, wire.AppendModels(nil, rows, next))
}

var _ door.Lister = (*Handler)(nil)
