// Package openaichat is the frontend for OpenAI's chat completions.
package openaichat

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// Door is the name of this frontend in the record.
const Door = "openai_chat"

// keepAlive is the silence after which a stream gets a comment, for names without a setting of
// their own.
const keepAlive = 15 * time.Second

// Handler serves chat completions.
type Handler struct {
	door.Translated
	lanes   bool // any deployment speaks OpenAI's dialect, so that bodies can pass through
	buffers sync.Pool
}

// New makes the frontend.
func New(g *gateway.Gateway, opt door.Options) *Handler {
	h := &Handler{Translated: door.NewTranslated(g, Door, opt)}
	h.lanes = h.Speaks(llm.DialectOpenAI)
	return h
}

// Azure's paths have the model, in which there may be slashes and colons, plain or percent-encoded.
const (
	deployments = "/openai/deployments/"
	completions = "/chat/completions"
	mirrored    = "/v1/chat/completions" // where mirrored calls are made
)

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /v1/chat/completions", Path: "/v1/chat/completions", About: "chat completions in OpenAI's format", Handle: h.ServeHTTP},
		{Pattern: "POST /chat/completions", Path: "/chat/completions", About: "the same without the prefix /v1", Handle: h.ServeHTTP},
		{Pattern: "POST /openai/deployments/{model}/chat/completions", Path: "/openai/deployments/{model}/chat/completions", About: "the same under Azure's path", Handle: h.ServeHTTP},
		{Pattern: "POST " + tokenCounter, Path: tokenCounter, About: "LiteLLM's count of the tokens of messages or a prompt", Handle: h.countTokens},
	}
}

// Owns reports whether a path belongs to the frontend.
func (h *Handler) Owns(path string) bool {
	rest, azure := strings.CutPrefix(path, deployments)
	return path == completions || path == tokenCounter || path == "/v1"+completions || azure && len(rest) > len(completions) && strings.HasSuffix(rest, completions)
}

// Whole reports false: the paths are served by http.ServeMux.
func (h *Handler) Whole() bool { return false }

// WriteError sends an error in OpenAI's form. A client that has gone gets nothing.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	door.WriteError(w, e, wire.AppendError)
}

// ServeHTTP responds to one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) { h.serve(w, r, call) })
}

// modelOf is the model in Azure's path; empty for all other paths.
func modelOf(r *http.Request) string {
	escaped, azure := strings.CutPrefix(r.URL.EscapedPath(), deployments)
	escaped, ok := strings.CutSuffix(escaped, completions)
	model, err := url.PathUnescape(escaped)
	if !azure || !ok || err != nil {
		return ""
	}
	return model
}

// model is the model that a call has whatever its body says: the operator's or that of the path; empty if the body counts. A mirrored call has
// that of its own body.
func (h *Handler) model(r *http.Request, call *gateway.Call) string {
	if call.Mirror() {
		return modelOf(r)
	}
	return h.Model(modelOf(r))
}

// serve responds to one request as a call that has begun.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, call *gateway.Call) {
	body, ok := h.read(w, r, call)
	if !ok {
		return
	}
	kept := h.Mirror(r, call, body, mirrored, h.serve)
	if h.lanes {
		if c, ok := h.completion(r, call, body); ok {
			h.relay(w, r, call, c)
			return
		}
	}
	req, err := h.decode(r, call, body, kept)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	call.Warn(req.Warnings...)
	if req.LLM.Stream {
		h.stream(w, r, call, req)
		return
	}
	h.complete(w, r, call, req)
}

// read reads the body of a request; it reports false if the request has been answered, with a refusal or from the cache.
// It is apart from serve as complete is.
//
//go:noinline
func (h *Handler) read(w http.ResponseWriter, r *http.Request, call *gateway.Call) (*inbound.Body, bool) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return nil, false
	}
	h.ReportUsage(body)
	cached := h.Caches() && !call.Mirror() && door.Cached(w, r, call, body, gateway.Query{Model: h.model(r, call)}, h.WriteError, "Anthropic-Beta")
	return body, !cached
}

// complete is apart from serve because its stack would come on top of what a stream
// needs, and so is decode.
//
//go:noinline
func (h *Handler) complete(w http.ResponseWriter, r *http.Request, call *gateway.Call, req *wire.Request) {
	answers, err := call.CompleteAll(r.Context(), &req.LLM)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	buf := h.buffer()
	defer h.release(buf)
	*buf = wire.AppendResponses((*buf)[:0], envelope(call, req), answers, call.Usage(), call.Warnings())
	door.Head(w.Header(), call)
	door.Respond(r.Context(), w, call, *buf)
}

// decode decodes a request, and releases its body if nothing needs it any more: neither the request nor, if it is kept, a mirrored call.
//
//go:noinline
func (h *Handler) decode(r *http.Request, call *gateway.Call, body *inbound.Body, kept bool) (*wire.Request, error) {
	req, err := wire.Decode(body.Bytes, h.decoding(r, call))
	if err != nil || !req.Shares && !kept {
		body.Release()
	}
	return req, err
}

// decoding is how a request is decoded.
func (h *Handler) decoding(r *http.Request, call *gateway.Call) wire.Options {
	opt := h.Decoding(h.model(r, call))
	return wire.Options{
		Model: opt.Model, Beta: r.Header["Anthropic-Beta"],
		Parameters: opt.Parameters, DropParams: opt.DropParams, AllowClientSettings: opt.AllowClientSettings,
	}
}

func (h *Handler) buffer() *[]byte {
	if b, ok := h.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 4<<10)
	return &b
}

// release keeps a buffer for the next response, unless it is unusually large.
func (h *Handler) release(b *[]byte) {
	if cap(*b) <= 1<<20 {
		h.buffers.Put(b)
	}
}

func envelope(call *gateway.Call, req *wire.Request) wire.Envelope {
	return wire.Envelope{ID: "chatcmpl-" + call.ID(), Model: req.LLM.Model, Created: call.Started().Unix(), Functions: req.Functions}
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, call *gateway.Call, req *wire.Request) {
	events := inbound.NewEvents(w, wire.Ping, h.Gateway.KeepAlive(req.LLM.Model, keepAlive))
	open := false
	defer events.CloseUnless(&open)
	events.Record(call.Record())
	stream, err := call.Stream(r.Context(), &req.LLM)
	begun := events.Commit()
	if err != nil {
		if begun { // comments have been sent with a 200; only an event can report the error now
			_ = events.Write(wire.AppendFailure(nil, llm.AsError(err)), false)
			return
		}
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	written := 0
	if !begun {
		written = door.Head(w.Header(), call)
	}
	chunks := chunks(call, req)
	open = true
	inbound.Continue(w, func() {
		defer events.Close()
		defer stream.Close()
		defer door.ReportPanic(events, call, wire.AppendFailure)
		h.copy(events, stream, call, chunks, written)
	})
}

// chunks prepares a stream's answer. It is apart from stream for the sake of the stack.
//
//go:noinline
func chunks(call *gateway.Call, req *wire.Request) *wire.Chunks {
	return wire.NewChunks(envelope(call, req), req.IncludeUsage, max(1, int(req.LLM.Choices)))
}

// copy forwards a stream until its end. The first written warnings were in the header and are not
// repeated. What ends the stream is not sent on its own: the end of the response, which follows, sends it too.
func (h *Handler) copy(events *inbound.Events, stream llm.Stream, call *gateway.Call, chunks *wire.Chunks, written int) {
	var ev llm.Event
	var burst *[]byte // nil while the provider says nothing
	defer func() {
		if burst != nil {
			h.Bursts.Give(burst)
		}
	}()
	for {
		err := stream.Next(&ev)
		if burst == nil {
			burst = h.Bursts.Take()
		}
		switch {
		case err == nil:
			*burst = chunks.Append(*burst, &ev)
			if err := chunks.Err(); err != nil {
				_ = events.Write(wire.AppendFailure(*burst, call.Fail(err)), true)
				return
			}
			if len(*burst) < door.MaxBurst && stream.More() {
				continue
			}
			// Its texts are not held while the client is slow to read.
			ev = llm.Event{}
			if events.Write(*burst, false) != nil { // with nothing to say yet, the headers
				return // the client is gone; closing the stream records it
			}
			h.Bursts.Give(burst)
			burst = nil
		case errors.Is(err, io.EOF):
			warnings := call.Warnings()[written:]
			_ = events.Write(chunks.AppendEnd(*burst, warnings), true)
			return
		default:
			if e := llm.AsError(err); e.Code != llm.CodeClientGone {
				_ = events.Write(wire.AppendFailure(*burst, e), true)
			}
			return
		}
	}
}
