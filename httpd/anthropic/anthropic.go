// Package anthropic is the frontend for Anthropic's Messages API.
package anthropic

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/anthropic"
)

// Door is the name of this frontend in the record.
const Door = "anthropic_messages"

// keepAlive is the silence after which a stream gets a ping, for names without a setting of their
// own.
const keepAlive = 15 * time.Second

// Options are the settings of the frontend.
type Options struct {
	door.Options
	// Aliases serve names that are not configured; the first that fits counts.
	Aliases []Alias
	// DefaultModel is the configured name that serves all others; empty for none.
	DefaultModel string
	// PassUnknownBetas is whether betas that the provider is not known to support are passed on,
	// instead of being dropped with a warning.
	PassUnknownBetas bool
}

// Handler serves the Messages API.
type Handler struct {
	door.Translated
	options Options
}

// New makes the frontend.
func New(g *gateway.Gateway, opt Options) *Handler {
	return &Handler{door.NewTranslated(g, Door, opt.Options), opt}
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /v1/messages", Path: "/v1/messages", About: "messages in Anthropic's format", Handle: h.messages},
		{Pattern: "POST /anthropic/v1/messages", Path: "/anthropic/v1/messages", About: "the same under /anthropic", Handle: h.messages},
		{Pattern: "POST /v1/messages/count_tokens", Path: "/v1/messages/count_tokens", About: "the number of tokens of a request for messages", Handle: h.countTokens},
		{Pattern: "POST /anthropic/v1/messages/count_tokens", Path: "/anthropic/v1/messages/count_tokens", About: "the same under /anthropic", Handle: h.countTokens},
	}
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/anthropic"); ok { // others are Anthropic's own API
		return rest == "/v1/messages" || rest == "/v1/messages/count_tokens"
	}
	return path == "/v1/messages" || strings.HasPrefix(path, "/v1/messages/")
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// ServeHTTP serves messages.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.messages(w, r) }

// WriteError writes an error in Anthropic's form, with its status for an overload, and tells its
// clients whether to repeat the call where the status would mislead them. A client that has gone gets
// nothing.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) { h.writeError(w, e, nil) }

func (h *Handler) writeError(w http.ResponseWriter, e *llm.Error, asked *wire.Asked) {
	e = wire.InWords(e, asked)
	head := w.Header()
	id := head.Get("X-Request-Id")
	head["Request-Id"] = []string{id}
	if again := wire.ShouldRetry(e); again != "" {
		head["X-Should-Retry"] = []string{again}
	}
	own := *e
	own.Status = wire.Status(e)
	door.WriteError(w, &own, func(dst []byte, e *llm.Error) []byte { return wire.AppendError(dst, e, id) })
}

// messages serves a call for a message.
func (h *Handler) messages(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		m, err := h.decode(w, r, call, false)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		if m == nil {
			return // the response cache has answered
		}
		if m.raw.Stream {
			h.stream(w, r, call, m)
			return
		}
		h.whole(w, r, call, m)
	})
}

// message is one request for a message.
type message struct {
	raw     llm.Raw
	body    *inbound.Body // of raw
	options wire.Options
	asked   wire.Asked
	env     wire.Envelope

	defaults *llm.Defaults // the operator's parameters that the client has left unset; nil for none
	request  *wire.Request // decoded for targets that do not speak the dialect; nil until then
}

// decode reads as much of a request as is needed to route it. It returns nil for a call that the response cache has
// answered, and which is not only to be counted.
//
//go:noinline
func (h *Handler) decode(w http.ResponseWriter, r *http.Request, call *gateway.Call, count bool) (*message, error) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return nil, err
	}
	if !count && h.cached(w, r, call, body) {
		return nil, nil //nolint:nilnil // the call is over
	}
	head, err := wire.Peek(body.Bytes)
	if err != nil {
		body.Release()
		return nil, err
	}
	m := &message{
		raw:   llm.Raw{Call: head.Call(), Dialect: llm.DialectAnthropic, Body: body.Bytes},
		body:  body,
		asked: wire.Asked{Model: head.Model, MaxTokens: head.MaxTokens.Value},
		env:   wire.Envelope{ID: "msg_" + call.ID(), Model: head.Model},
	}
	model, reason := h.served(head.Model)
	if own := h.Model(""); own != "" {
		model, reason = own, ""
		m.raw.Model, m.env.Model = model, model
	}
	if reason != "" {
		call.Warn(aliased(head.Model, model, reason))
		m.raw.Model, m.env.Model = model, model
	}
	m.raw.DropParams = m.raw.DropParams || h.Gateway.Settings(model).DropParams
	m.raw.DropUnknownBetas = !h.options.PassUnknownBetas
	for _, beta := range r.Header["Anthropic-Beta"] {
		m.raw.Headers = append(m.raw.Headers, llm.Label{Name: "Anthropic-Beta", Value: beta})
	}
	m.options = wire.Options{
		Beta: r.Header["Anthropic-Beta"], Count: count,
		DropParams: func(string) bool { return m.raw.DropParams },
	}
	if !count { // what they change has no tokens
		h.apply(call, m, head)
	}
	if bytes.Contains(body.Bytes, []byte(`"url"`)) {
		// Content at URLs is fetched for the common language only, and no target fetches it itself.
		req, err := m.decoded(r.Context())
		if err != nil {
			return nil, err
		}
		if req.Remote() != nil {
			m.raw.Dialect = ""
		}
	}
	return m, nil
}

// cached answers a call from the response cache, and reports whether it has.
func (h *Handler) cached(w http.ResponseWriter, r *http.Request, call *gateway.Call, body *inbound.Body) bool {
	if !h.Caches() {
		return false
	}
	named := func(model string) string {
		name, _ := h.served(model)
		return cmp.Or(h.Model(""), name)
	}
	w.Header()["Request-Id"] = w.Header()["X-Request-Id"]
	return door.Cached(w, r, call, body, gateway.Query{Named: named}, h.WriteError, "Anthropic-Beta")
}

// apply applies the operator's parameters to a message.
func (h *Handler) apply(call *gateway.Call, m *message, head *wire.Head) {
	own, warnings := head.Defaults(h.Gateway.Settings(m.raw.Model).Defaults)
	call.Warn(warnings...)
	if own == nil {
		return
	}
	m.defaults, m.options.Unlimited = own, own.Request.MaxTokens.Set
	if own.Request.MaxTokens.Set {
		m.asked.MaxTokens = own.Request.MaxTokens.Value
	}
	body, ok := head.WithDefaults(m.body.Bytes, own)
	if !ok {
		m.raw.Dialect = ""
		return
	}
	m.raw.Body = body
	own.ApplyTo(&m.raw.Call)
}

// translation serves the message at targets that do not speak the dialect.
func (m *message) translation() *gateway.Translation {
	return &gateway.Translation{Request: m.decoded, Response: m.response, Stream: m.translate}
}

// decoded is the request in the common language.
func (m *message) decoded(context.Context) (*llm.Request, error) {
	if m.request == nil {
		req, err := wire.Decode(m.body.Bytes, m.options)
		if err != nil {
			return nil, err
		}
		m.defaults.Apply(&req.LLM)
		req.LLM.Model, req.LLM.DropUnknownBetas = m.raw.Model, m.raw.DropUnknownBetas
		m.request, m.env.Stop, m.env.Unasked = req, req.LLM.Stop, !req.LLM.Reasoning.Thinks()
	}
	return &m.request.LLM, nil
}

// translate encodes a stream event by event.
func (m *message) translate(s llm.Stream) llm.RawStream {
	return door.Translate(s, wire.NewEvents(m.env), m.warnings)
}

// warnings are those of a translated response.
func (m *message) warnings(meta *llm.Meta) []llm.Warning {
	all := slices.Concat(m.request.Warnings, meta.Warnings)
	for i := range all {
		all[i].Field = wire.Param(all[i].Field)
	}
	return all
}

// whole is apart from messages because its stack would come on top of what a stream needs.
//
//go:noinline
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, call *gateway.Call, m *message) {
	resp, err := call.Relay(r.Context(), &m.raw, m.translation())
	if err != nil {
		h.writeError(w, door.Fail(w, call, err), &m.asked)
		return
	}
	m.release()
	respond(w.Header(), call)
	door.Respond(r.Context(), w, call, resp.Body)
}

// respond sets the headers of a response.
func respond(h http.Header, call *gateway.Call) {
	h["Request-Id"] = h["X-Request-Id"]
	door.Head(h, call)
}

// release frees the body when a response has come and it is not sent again. A decoded request shares
// its memory, and may be used until the end of the response.
func (m *message) release() {
	if m.request == nil {
		m.body.Release()
		m.raw.Body = nil
	}
}

// response encodes a translated response.
func (m *message) response(resp *llm.Response) *llm.RawResponse {
	warnings := m.warnings(&resp.Meta)
	return llm.RawOf(resp, wire.AppendResponse(nil, m.env, resp, warnings), warnings)
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, call *gateway.Call, m *message) {
	stream, err := call.RelayStream(r.Context(), &m.raw, m.translation())
	if err != nil {
		h.writeError(w, door.Fail(w, call, err), &m.asked)
		return
	}
	m.release()
	respond(w.Header(), call)
	id := w.Header().Get("X-Request-Id")
	events := inbound.NewEvents(w, wire.Ping, h.Gateway.KeepAlive(m.raw.Model, keepAlive))
	events.Record(call.Record())
	events.Commit() // a ping belongs after the first event
	fail := func(dst []byte, e *llm.Error) []byte { return wire.AppendFailure(dst, e, id) }
	h.Bursts.Rest(w, call, events, stream, fail)
}
