package responses

import (
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// compact answers with a conversation in a shorter form: a summary that the model writes.
func (h *Handler) compact(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		x, err := h.decode(w, r, call, toCompact)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		x.head.Store = false
		x.raw.Stream = false
		x.raw.Dialect = "" // the summary is the gateway's own affair, whatever the target speaks
		x.request = nil
		if x.body, err = wire.Compacting(x.body); err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		var summary *llm.Response
		translation := &gateway.Translation{
			Request: x.decoded,
			Response: func(resp *llm.Response) *llm.RawResponse {
				summary = resp
				return x.response(resp)
			},
			Stream: x.translate,
		}
		resp, err := call.Relay(r.Context(), &x.raw, translation)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		door.Head(w.Header(), call)
		door.WriteJSON(w, http.StatusOK, wire.AppendCompacted(nil, x.env, summary, resp.Usage))
	})
}
