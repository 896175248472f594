package door

import (
	"net/http"
	"strconv"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/llm"
)

// WriteJSON writes a response whose body is a JSON object.
func WriteJSON(w http.ResponseWriter, status int, body []byte) {
	writeWhole(w, status, "application/json", body)
}

func writeWhole(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{kind}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	inbound.WriteWhole(w, body)
}

// WriteError writes an error, whose body encode appends. A client that has gone gets nothing.
func WriteError(w http.ResponseWriter, e *llm.Error, encode func(dst []byte, e *llm.Error) []byte) {
	if e.Code == llm.CodeClientGone {
		return
	}
	FailureHead(w.Header(), e)
	WriteJSON(w, e.Status, encode(nil, e))
}

// ReportPanic must be deferred by a handler whose response has begun, so that a panic can only be
// reported by an event, which fail appends. The server logs the panic.
func ReportPanic(events *inbound.Events, call *gateway.Call, fail func(dst []byte, e *llm.Error) []byte) {
	if p := recover(); p != nil {
		_ = events.Write(fail(nil, call.Fail(Internal())), false)
		panic(inbound.Answered{Panic: p}) //nolint:forbidigo // the server logs it
	}
}
