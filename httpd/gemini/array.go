package gemini

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/gemini"
)

// asArray reports whether a request is for a stream in the form that Google's API has without alt=sse: a
// JSON array, whose elements are sent as they are made. Errors are arrays, too.
func asArray(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, ":"+opStream) && r.URL.Query().Get("alt") != "sse"
}

// writeArrayError writes an error as the only element of an array.
func (h *Handler) writeArrayError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, func(dst []byte, e *llm.Error) []byte { return (&wire.Array{}).AppendFailure(dst, e) })
}

// copyArray forwards the events of a stream as the elements of an array.
func (h *Handler) copyArray(w http.ResponseWriter, call *gateway.Call, stream llm.RawStream, silence time.Duration) {
	events := inbound.NewStream(w, "application/json", "\n", silence)
	a := &arrayed{RawStream: stream}
	h.Bursts.Rest(w, call, events, a, a.array.AppendFailure)
}

// arrayed is a stream whose events are elements of an array.
type arrayed struct {
	llm.RawStream
	array wire.Array
	buf   []byte
	ended bool
}

func (a *arrayed) Next(ev *llm.RawEvent) error {
	if a.ended {
		return io.EOF
	}
	err := a.RawStream.Next(ev)
	switch {
	case errors.Is(err, io.EOF):
		a.ended = true
		*ev = llm.RawEvent{Data: a.array.AppendEnd(nil)}
		return nil
	case err != nil:
		return err
	}
	a.buf = a.array.Append(a.buf[:0], ev.Data)
	if ev.Err != nil && ev.Data != nil { // nothing follows
		a.buf = a.array.AppendEnd(a.buf)
	}
	if ev.Data != nil {
		ev.Data = a.buf
	}
	return nil
}

func (a *arrayed) More() bool { return a.ended || a.RawStream.More() }
