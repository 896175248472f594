package cohererank

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Envelope is what a response has beside the results.
type Envelope struct {
	ID string
	// Version is the version of the API that was called, 1 or 2.
	Version int
	// Documents are returned with their results if they are not nil.
	Documents []llm.Document
}

// AppendResponse appends a response. meta.tokens is only there if tokens were counted.
func AppendResponse(dst []byte, env Envelope, r *llm.RerankResponse) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("id")
	w.String(env.ID)
	w.Key("results")
	w.Array()
	for _, result := range r.Results {
		w.Object()
		w.Key("index")
		w.Int(int64(result.Index))
		w.Key("relevance_score")
		w.Float(result.Score)
		if result.Index < len(env.Documents) {
			w.Key("document")
			appendDocument(&w, &env.Documents[result.Index])
		}
		w.EndObject()
	}
	w.EndArray()
	w.Key("meta")
	w.Object()
	w.Key("api_version")
	w.Object()
	w.Key("version")
	w.Word(strconv.Itoa(env.Version))
	w.EndObject()
	w.Key("billed_units")
	w.Object()
	w.Key("search_units")
	w.Int(r.Usage.SearchUnits)
	w.EndObject()
	if n := r.Usage.Prompt(); n > 0 || r.Usage.Output > 0 {
		w.Key("tokens")
		w.Object()
		w.Key("input_tokens")
		w.Int(n)
		w.Key("output_tokens")
		w.Int(r.Usage.Output)
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// appendDocument writes a document as Cohere does: a text as an object with the member text.
func appendDocument(w *jsonx.Writer, d *llm.Document) {
	if d.JSON != nil {
		w.Raw(d.JSON)
		return
	}
	w.Object()
	w.Key("text")
	w.String(d.Text)
	w.EndObject()
}

// AppendError appends an error: Cohere's message, and beside it LiteLLM's error object, with
// Outcrop's details in error.outcrop.
func AppendError(dst []byte, e *llm.Error) []byte {
	message := e.Message
	if e.Upstream && e.Type != "" {
		message = e.Type + ": " + message
	}
	if e.Fix != "" {
		message = strings.TrimSuffix(message, ".") + ". " + e.Fix
	}
	w := jsonx.Writer{Buf: dst}
	w.Object()
	if e.RequestID != "" {
		w.Key("id")
		w.String(e.RequestID)
	}
	w.Key("message")
	w.String(message)
	w.Key("error")
	w.Object()
	w.Key("message")
	w.String(message)
	w.Key("type")
	w.Word(litellm.ErrorType(e.Status))
	w.Key("param")
	w.StringOrNull(e.Param)
	w.Key("code")
	w.Word(strconv.Itoa(e.Status))
	w.Key("outcrop")
	e.WriteVerdict(&w)
	w.EndObject()
	w.EndObject()
	return w.Buf
}
