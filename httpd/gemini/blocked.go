package gemini

import (
	"errors"
	"net/http"

	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/gemini"
)

// blocked writes what Gemini's API has for a prompt that a filter has refused, which is no error there: a
// response of status 200 without candidates. It returns any other failure. The call has failed for
// the record all the same.
//
// A response of Google's own arrives as Google sent it.
//
//go:noinline
func (h *Handler) blocked(w http.ResponseWriter, r *http.Request, m *message, err error) error {
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Code != llm.CodeContentFiltered {
		return err
	}
	body := []byte(e.Body)
	if e.UpstreamStatus != http.StatusOK || len(body) == 0 { // an error in a dialect of another provider
		body = wire.AppendBlocked(nil, m.env, e)
	}
	door.FailureHead(w.Header(), e)
	if !m.raw.Stream {
		door.WriteJSON(w, http.StatusOK, body)
		return nil
	}
	event := append(append([]byte("data: "), body...), "\r\n\r\n"...)
	silence := h.Gateway.KeepAlive(m.raw.Model, keepAlive)
	var events *inbound.Events
	if asArray(r) {
		events = inbound.NewStream(w, "application/json", "\n", silence)
		var array wire.Array
		event = array.AppendEnd(array.Append(nil, event))
	} else {
		events = inbound.NewEvents(w, ping, silence)
	}
	defer events.Close()
	_ = events.Write(event, true) // a client that has gone has been recorded as blocked
	return nil
}
