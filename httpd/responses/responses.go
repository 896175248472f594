// Package responses is the frontend for OpenAI's Responses API.
package responses

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	"outcrop/wire/openaichat"
	wire "outcrop/wire/openairesponses"
)

// Door is the name of this frontend in the record.
const Door = "openai_responses"

// keepAlive is the silence after which a stream gets an event, for names without a setting of their
// own.
const keepAlive = 15 * time.Second

// Options are the settings of the frontend.
type Options struct {
	door.Options
	// Keeper keeps responses and conversations, and Retention is for how long; Retention if 0.
	Keeper    *store.Keeper
	Retention time.Duration
	Logger    *slog.Logger
}

// Handler serves the Responses API.
type Handler struct {
	door.Translated
	options Options
	running *running
}

// New makes the frontend. Close ends what it does in the background.
func New(g *gateway.Gateway, opt Options) *Handler {
	return (&Handler{Translated: door.Translated{Gateway: g}, running: &running{}}).With(opt)
}

// With is the frontend with other options. It knows the responses that are made in the background, and either's Close ends them.
func (h *Handler) With(opt Options) *Handler {
	opt.Retention = cmp.Or(opt.Retention, Retention)
	return &Handler{Translated: door.NewTranslated(h.Gateway, Door, opt.Options), options: opt, running: h.running}
}

// roots are the paths under which the API is served.
var roots = [...]string{"/v1/responses", "/responses", "/openai/v1/responses"}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	var all []door.Route
	for i, root := range roots {
		add := func(method, rest, about string, handle http.HandlerFunc) {
			if i > 0 {
				about = "the same under " + root + rest
			}
			all = append(all, door.Route{Pattern: method + " " + root + rest, Path: root + rest, About: about, Handle: handle})
		}
		add("POST", "", "responses in OpenAI's format", h.create)
		add("GET", "", "refuses WebSockets, so that clients use HTTP", h.upgrade)
		add("GET", "/{id}", "a response that was kept", h.get)
		add("DELETE", "/{id}", "forgets a response", h.remove)
		add("POST", "/{id}/cancel", "ends a response that is made in the background", h.cancel)
		add("GET", "/{id}/input_items", "the items that a response answers", h.inputItems)
		add("POST", "/input_tokens", "the number of tokens of a request for a response", h.countTokens)
		add("POST", "/compact", "a conversation in a shorter form", h.compact)
	}
	return append(all, h.conversationRoutes()...)
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool {
	owns := func(root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
	return slices.ContainsFunc(roots[:], owns) || slices.ContainsFunc(conversationRoots[:], owns)
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// ServeHTTP serves responses.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.create(w, r) }

// WriteError writes an error in OpenAI's form. A client that has gone gets nothing.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	if after := wire.RetryAfter(e); after != e.RetryAfter {
		own := *e
		own.RetryAfter = after
		e = &own
	}
	door.WriteError(w, e, openaichat.AppendError)
}

// upgrade refuses WebSockets with the status by which Codex goes on with HTTP at once.
func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		e := &llm.Error{Code: llm.CodeMethod, Status: http.StatusMethodNotAllowed, Message: "a response is created by POST.", Fix: "Send the request as POST."}
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			e.Status, e.Message, e.Fix = http.StatusUpgradeRequired, "this gateway has no WebSockets.", "Send the request by HTTP, as POST."
		}
		w.Header().Set("Allow", http.MethodPost)
		h.WriteError(w, door.Fail(w, call, e))
	})
}

// create serves a call for a response.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		x, err := h.decode(w, r, call, toAnswer)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		switch {
		case x == nil: // the response cache has answered
		case x.head.Background:
			h.background(w, r, call, x)
		case x.raw.Stream:
			h.stream(w, r, call, x)
		default:
			h.whole(w, r, call, x)
		}
	})
}

// exchange is one request for a response.
type exchange struct {
	raw     llm.Raw
	sent    *inbound.Body // by the client
	body    []byte        // the request with all that it refers to in place, which is decoded
	head    *wire.Head
	options wire.Options
	env     wire.Envelope
	owner   string // who asks
	origin  gateway.Origin
	items   []jsonx.Raw // of the input, if they are needed to keep the response

	original  []byte       // as the client sent it
	passage   wire.Passage // of the body for targets that speak the dialect
	continued bool         // the provider is asked to continue a response that it keeps

	left     []llm.Warning   // of what the body for targets that speak the dialect leaves out
	previous *store.Response // that the request continues; nil for none
	made     llm.Meta        // of a response in the provider's own format: its deployment
	upstream string          // the provider's id of the response, if the provider keeps it

	request *wire.Request // decoded from body for targets that do not speak the dialect; nil until then
	events  *wire.Events  // of a translated stream; nil for the provider's own
	next    atomic.Int64  // the number of the next event among the provider's own
}

// purpose is what a request is read for.
type purpose uint8

const (
	toAnswer purpose = iota
	toCount
	toCompact
)

// decode reads as much of a request as is needed to route it. It returns nil for a call that the response cache has
// answered.
//
//go:noinline
func (h *Handler) decode(w http.ResponseWriter, r *http.Request, call *gateway.Call, what purpose) (*exchange, error) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return nil, err
	}
	if what == toAnswer && h.Caches() && door.Cached(w, r, call, body, gateway.Query{Owned: true, Model: h.Model("")}, h.WriteError, "Anthropic-Beta") {
		return nil, nil //nolint:nilnil // the call is over
	}
	head, err := wire.Peek(body.Bytes)
	if err != nil {
		body.Release()
		return nil, err
	}
	head.Model = cmp.Or(h.Model(""), head.Model)
	x := &exchange{
		raw:  llm.Raw{Call: head.Call(), Dialect: llm.DialectResponses, Body: body.Bytes},
		sent: body, head: head,
		options: wire.Options{Options: h.Decoding(h.Model("")), Beta: r.Header["Anthropic-Beta"], Count: what == toCount},
		env:     wire.Envelope{ID: "resp_" + call.ID(), Model: head.Model, Created: call.Started().Unix(), Echo: &head.Echo},
	}
	x.raw.DropParams = x.raw.DropParams || h.Gateway.Settings(head.Model).DropParams
	head.Echo.Previous, head.Echo.Conversation, head.Echo.Background, head.Echo.Store = head.Previous, head.Conversation, head.Background, head.Store
	if err := h.resolve(r.Context(), call, x); err != nil {
		body.Release()
		return nil, err
	}
	return x, nil
}

// translation serves the request at targets that do not speak the dialect.
func (x *exchange) translation() *gateway.Translation {
	return &gateway.Translation{Request: x.decoded, Response: x.response, Stream: x.translate}
}

// decoded is the request in the common language.
func (x *exchange) decoded(context.Context) (*llm.Request, error) {
	if x.request == nil {
		req, err := wire.Decode(x.body, x.options)
		if err != nil {
			return nil, err
		}
		x.request, x.env.Tools, x.env.Sealed = req, req.Tools, req.Sealed
	}
	return &x.request.LLM, nil
}

// warnings are those of a translated response.
func (x *exchange) warnings(meta *llm.Meta) []llm.Warning {
	return slices.Clone(x.request.LLM.OrderWarnings(x.request.Warnings, meta.Warnings))
}

// whole is apart from create because its stack would come on top of what a stream needs.
//
//go:noinline
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, call *gateway.Call, x *exchange) {
	resp, err := relayed(h, call, x, func() (*llm.RawResponse, error) { return call.Relay(r.Context(), &x.raw, x.translation()) })
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	x.release()
	body := h.finished(call, x, resp)
	h.keep(r.Context(), x, body)
	door.Head(w.Header(), call)
	door.Respond(r.Context(), w, call, body)
}

// finished is the body of a complete response for the client.
func (h *Handler) finished(call *gateway.Call, x *exchange, resp *llm.RawResponse) []byte {
	if !resp.Meta.Passed {
		return resp.Body
	}
	call.Warn(x.left...)
	id := wire.ResponseID(resp.Body)
	x.note(&resp.Meta, id)
	if !x.head.Refers {
		return x.head.Echo.WithStore(resp.Body)
	}
	if x.head.Background {
		id = x.env.ID
	}
	return x.head.Echo.WithEcho(resp.Body, id)
}

// release frees the body when a response has come and it is not sent again. A decoded request shares
// its memory, and may be used until the end of the response.
func (x *exchange) release() {
	if x.request == nil {
		x.sent.Release()
		x.raw.Body, x.body, x.original, x.passage = nil, nil, nil, wire.Passage{}
	}
}

// response encodes a translated response.
func (x *exchange) response(resp *llm.Response) *llm.RawResponse {
	warnings := x.warnings(&resp.Meta)
	return llm.RawOf(resp, wire.AppendResponse(nil, x.env, resp, warnings), warnings)
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, call *gateway.Call, x *exchange) {
	stream, err := relayed(h, call, x, func() (llm.RawStream, error) { return call.RelayStream(r.Context(), &x.raw, x.translation()) })
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	if stream.Meta().Passed {
		x.events = nil // of an attempt before
		call.Warn(x.left...)
		stream = &passed{RawStream: stream, x: x}
	}
	if x.head.Store {
		stream = &keeping{stream, func(response jsonx.Raw) { h.keep(r.Context(), x, response) }}
	}
	x.release()
	door.Head(w.Header(), call)
	var paused atomic.Bool // an event of silence was sent, which has a number of its own
	keepAliveEvent := func() []byte {
		paused.Store(true)
		return x.keepAlive()
	}
	events := inbound.NewEventsWith(w, keepAliveEvent, h.Gateway.KeepAlive(x.raw.Model, keepAlive))
	events.Record(call.Record())
	events.Commit() // an event that keeps the connection open belongs after the first
	fail := func(dst []byte, e *llm.Error) []byte {
		at := len(dst)
		dst = x.failure(dst, e)
		if response := wire.Final(dst[at:]); response != nil {
			h.keep(r.Context(), x, response)
		}
		return dst
	}
	inbound.Continue(w, func() {
		defer stream.Close()
		defer func() {
			if paused.Load() {
				call.Forget()
			}
		}()
		defer events.Close()
		defer door.ReportPanic(events, call, fail)
		h.Bursts.Copy(events, stream, fail)
	})
}

// keepAlive is an event for a time of silence.
func (x *exchange) keepAlive() []byte {
	if x.events == nil {
		return wire.AppendKeepAlive(nil, x.next.Add(1)-1)
	}
	return x.events.KeepAlive()
}

// failure appends what tells the client that the response broke off.
func (x *exchange) failure(dst []byte, e *llm.Error) []byte {
	if x.events == nil {
		x.events = wire.NewEvents(x.env)
		x.events.Skip(x.next.Load())
	}
	return x.events.AppendFailure(dst, e)
}

// countTokens serves the number of tokens of a request.
func (h *Handler) countTokens(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		x, err := h.decode(w, r, call, toCount)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		n, err := call.CountTokens(r.Context(), &x.raw, x.translation())
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		if x.request != nil {
			call.Warn(x.request.Warnings...)
		}
		door.Head(w.Header(), call)
		door.WriteJSON(w, http.StatusOK, wire.AppendCount(nil, n))
	})
}
