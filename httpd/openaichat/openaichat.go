// Package openaichat is the frontend for OpenAI's chat completions.
package openaichat

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/budget"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// Door is the name of this frontend in the record.
const Door = "openai_chat"

// keepAlive is the silence after which a stream gets a comment, for names without a setting of
// their own.
const keepAlive = 15 * time.Second

// Options are the frontend's settings.
type Options struct {
	// MaxBody is the largest request, in bytes.
	MaxBody int64
	// Parameters is whether the settings of any name have default parameters.
	Parameters bool
}

// Handler serves chat completions.
type Handler struct {
	gateway *gateway.Gateway
	opt     Options
	reader  inbound.Reader
	// parameters returns the operator's parameters for a model; nil if no model has any.
	parameters func(model string) []jsonx.Member
	buffers    sync.Pool
}

// New makes the frontend.
func New(g *gateway.Gateway, opt Options) *Handler {
	h := &Handler{gateway: g, opt: opt}
	h.reader.Limit = opt.MaxBody
	if opt.Parameters {
		h.parameters = func(model string) []jsonx.Member { return g.Settings(model).Parameters }
	}
	return h
}

// CheckParameters reports what is wrong with parameters of a configuration: an *llm.Error that
// names one in Param, or nil.
func CheckParameters(parameters []jsonx.Member) error { return wire.CheckParameters(parameters) }

// Serve responds to one request as a call that has begun. model, if not empty, is the model in the
// path.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, call *gateway.Call, model string) {
	req, err := h.decode(w, r, call.Lease(), model)
	if err != nil {
		WriteError(w, call.Fail(err))
		return
	}
	call.Warn(req.Warnings...)
	if req.LLM.Stream {
		h.stream(w, r, call, req)
		return
	}
	h.complete(w, r, call, req)
}

// complete is apart from Serve because its stack would come on top of what a stream
// needs, and so is decode.
//
//go:noinline
func (h *Handler) complete(w http.ResponseWriter, r *http.Request, call *gateway.Call, req *wire.Request) {
	answers, err := call.CompleteAll(r.Context(), &req.LLM)
	if err != nil {
		WriteError(w, llm.AsError(err))
		return
	}
	buf := h.buffer()
	defer h.release(buf)
	*buf = wire.AppendResponses((*buf)[:0], envelope(call, req), answers, call.Usage(), call.Warnings())
	door.Head(w.Header(), call)
	door.WriteJSON(w, http.StatusOK, *buf)
}

//go:noinline
func (h *Handler) decode(w http.ResponseWriter, r *http.Request, lease *budget.Lease, model string) (*wire.Request, error) {
	body, err := h.reader.Read(w, r, lease)
	if err != nil {
		return nil, err
	}
	req, err := wire.Decode(body.Bytes, wire.Options{
		Model: model, Beta: r.Header["Anthropic-Beta"], Parameters: h.parameters,
		DropParams:          func(model string) bool { return h.gateway.Settings(model).DropParams },
		AllowClientSettings: func(model string) bool { return h.gateway.Settings(model).AllowClientSettings },
	})
	if err != nil || !req.Shares {
		body.Release()
	}
	return req, err
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
	events := inbound.NewEvents(w, wire.Ping, cmp.Or(h.gateway.Settings(req.LLM.Model).KeepAlive, keepAlive))
	defer events.Close()
	stream, err := call.Stream(r.Context(), &req.LLM)
	begun := events.Commit()
	if err != nil {
		e := llm.AsError(err)
		if begun { // comments have been sent with a 200; only an event can report the error now
			_ = events.Write(wire.AppendFailure(nil, e), false)
			return
		}
		WriteError(w, e)
		return
	}
	defer stream.Close()
	written := 0
	if !begun {
		written = door.Head(w.Header(), call)
	}
	defer door.ReportPanic(events, call, wire.AppendFailure)
	h.copy(events, stream, call, wire.NewChunks(envelope(call, req), req.IncludeUsage, max(1, int(req.LLM.Choices))), written)
}

// copy forwards a stream until its end. The first written warnings were in the header and are not
// repeated.
func (h *Handler) copy(events *inbound.Events, stream llm.Stream, call *gateway.Call, chunks *wire.Chunks, written int) {
	buf := make([]byte, 0, 512)
	var ev llm.Event
	for {
		err := stream.Next(&ev)
		switch {
		case err == nil:
			buf = chunks.Append(buf, &ev)
			if err := chunks.Err(); err != nil {
				_ = events.Write(wire.AppendFailure(buf, call.Fail(err)), false)
				return
			}
			if len(buf) < door.MaxBurst && stream.More() {
				continue
			}
			// Its texts are not held while the client is slow to read.
			ev = llm.Event{}
			if events.Write(buf, false) != nil { // with nothing to say yet, the headers
				return // the client is gone; closing the stream records it
			}
			buf = buf[:0]
		case errors.Is(err, io.EOF):
			warnings := call.Warnings()[written:]
			_ = events.Write(chunks.AppendEnd(buf, warnings), false)
			return
		default:
			if e := llm.AsError(err); e.Code != llm.CodeClientGone {
				_ = events.Write(wire.AppendFailure(buf, e), false)
			}
			return
		}
	}
}

// WriteError sends an error in OpenAI's form. A client that has gone gets nothing.
func WriteError(w http.ResponseWriter, e *llm.Error) { door.WriteError(w, e, wire.AppendError) }
