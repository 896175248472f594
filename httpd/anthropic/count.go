package anthropic

import (
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/door"
	wire "outcrop/wire/anthropic"
)

// countTokens serves the number of tokens of a request.
func (h *Handler) countTokens(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		m, err := h.decode(w, r, call, true)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		n, err := call.CountTokens(r.Context(), &m.raw, m.translation())
		if err != nil {
			h.writeError(w, door.Fail(w, call, err), &m.asked)
			return
		}
		if m.request != nil {
			call.Warn(m.request.Warnings...)
		}
		respond(w.Header(), call)
		write(w, wire.AppendCount(nil, n))
	})
}
