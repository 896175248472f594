package openaichat

import (
	"cmp"
	"context"
	"net/http"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// completion is one request whose body passes through at deployments that speak OpenAI's dialect.
type completion struct {
	raw     llm.Raw
	body    *inbound.Body // of raw
	options wire.Options
	call    *gateway.Call
	head    wire.Head

	request *wire.Request // decoded for targets that do not speak the dialect; nil until then
}

// completion prepares a request to pass through. It reports false for one that must be decoded: no
// deployment of its model speaks the dialect, or it uses what only the gateway understands.
//
//go:noinline
func (h *Handler) completion(r *http.Request, call *gateway.Call, body *inbound.Body) (*completion, bool) {
	operator := h.Decoding(h.model(r, call))
	if operator.Model = cmp.Or(operator.Model, wire.Model(body.Bytes)); operator.Model != "" { // AddParameters need not look for it
		settings := h.Gateway.Settings(operator.Model)
		if some, _ := settings.Speaks(llm.DialectOpenAI); !some {
			return nil, false
		}
	}
	prepared, err := operator.AddParameters(body.Bytes)
	if err != nil {
		return nil, false
	}
	head, ok := wire.Peek(prepared.Body)
	if !ok || !head.Plain {
		return nil, false
	}
	head.Model = cmp.Or(operator.Model, head.Model)
	settings := h.Gateway.Settings(head.Model)
	some, all := settings.Speaks(llm.DialectOpenAI)
	if !some || head.Choices > 1 && !all {
		return nil, false
	}
	c := &completion{raw: llm.Raw{Call: head.Call(), Dialect: llm.DialectOpenAI, Body: prepared.Body}, body: body, call: call, head: head}
	c.raw.DropParams = settings.DropParams
	c.options = h.decoding(r, call)
	call.Warn(prepared.Warnings...)
	return c, true
}

// translation serves the request at targets that do not speak the dialect.
func (c *completion) translation() *gateway.Translation {
	return &gateway.Translation{Request: c.decoded, Response: c.response, Stream: c.translate}
}

// decoded is the request in the common language.
func (c *completion) decoded(context.Context) (*llm.Request, error) {
	if c.request == nil {
		own := c.options
		own.Parameters = nil // the body has them
		req, err := wire.Decode(c.raw.Body, own)
		if err != nil {
			return nil, err
		}
		c.request = req
	}
	return &c.request.LLM, nil
}

// response encodes a translated response.
func (c *completion) response(resp *llm.Response) *llm.RawResponse {
	warnings := c.warnings(&resp.Meta)
	return llm.RawOf(resp, wire.AppendResponse(nil, envelope(c.call, c.request), resp, warnings), warnings)
}

// warnings are those of a translated response.
func (c *completion) warnings(m *llm.Meta) []llm.Warning {
	return c.request.LLM.OrderWarnings(c.request.Warnings, m.Warnings)
}

// release frees the body when a response has come and it is not sent again. A decoded request shares
// its memory.
func (c *completion) release() {
	if c.request == nil {
		c.body.Release()
		c.raw.Body = nil
	}
}

// relay is apart from Serve because its stack would come on top of what a stream needs.
//
//go:noinline
func (h *Handler) relay(w http.ResponseWriter, r *http.Request, call *gateway.Call, c *completion) {
	if c.raw.Stream {
		h.relayStream(w, r, call, c)
		return
	}
	resp, err := call.Relay(r.Context(), &c.raw, c.translation())
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	c.release()
	door.Head(w.Header(), call)
	door.Respond(r.Context(), w, call, resp.Body)
}

func (h *Handler) relayStream(w http.ResponseWriter, r *http.Request, call *gateway.Call, c *completion) {
	events := inbound.NewEvents(w, wire.Ping, h.Gateway.KeepAlive(c.raw.Model, keepAlive))
	open := false
	defer events.CloseUnless(&open)
	events.Record(call.Record())
	stream, err := call.RelayStream(r.Context(), &c.raw, c.translation())
	begun := events.Commit()
	if err != nil {
		if begun { // comments have been sent with a 200; only an event can report the error now
			_ = events.Write(wire.AppendFailure(nil, call.Fail(err)), false)
			return
		}
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	c.release()
	if !begun {
		door.Head(w.Header(), call)
	}
	open = true
	h.Bursts.Rest(w, call, events, stream, wire.AppendFailure)
}
