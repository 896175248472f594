package responses

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// running are the responses that are made in the background.
type running struct {
	mu      sync.Mutex
	cancels map[string]context.CancelCauseFunc
	all     sync.WaitGroup
	closed  bool
}

// maxRunning is how many responses are made in the background at once.
const maxRunning = 256

var errCancelled = errors.New("the response was cancelled")

// begin registers a response, and reports false if there are too many, or the gateway is stopping.
func (r *running) begin(id string, cancel context.CancelCauseFunc) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.cancels) >= maxRunning {
		return false
	}
	if r.cancels == nil {
		r.cancels = map[string]context.CancelCauseFunc{}
	}
	r.cancels[id] = cancel
	r.all.Add(1)
	return true
}

func (r *running) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.cancels, id)
	r.all.Done()
}

func (r *running) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancels[id] != nil
}

func (r *running) cancel(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel := r.cancels[id]; cancel != nil {
		cancel(errCancelled)
	}
}

// unlessCancelled calls keep, which keeps what has become of a response, unless the response with that
// context has been cancelled: then who cancelled it keeps it, after what was kept before.
func (r *running) unlessCancelled(ctx context.Context, keep func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !errors.Is(context.Cause(ctx), errCancelled) {
		keep()
	}
}

// close cancels all responses, and waits for their ends.
func (r *running) close() {
	r.mu.Lock()
	r.closed = true
	for _, cancel := range r.cancels {
		cancel(context.Canceled)
	}
	r.mu.Unlock()
	r.all.Wait()
}

// Close ends the responses that are made in the background, and waits for them.
func (h *Handler) Close() { h.running.close() }

// background answers at once, and makes the response afterwards.
func (h *Handler) background(w http.ResponseWriter, r *http.Request, call *gateway.Call, x *exchange) {
	if !x.head.Store {
		h.WriteError(w, call.Fail(llm.Invalid("background", "background requires store: the response is fetched after it has been made")))
		return
	}
	if h.Gateway.Group(x.raw.Model) == "" { // which is known before the call
		h.whole(w, r, call, x)
		return
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	if !h.running.begin(x.env.ID, cancel) {
		cancel(nil)
		h.WriteError(w, call.Fail(llm.Overloaded(errors.New("too many responses are made in the background"))))
		return
	}
	body := wire.AppendQueued(nil, x.env, wire.StatusQueued)
	h.keep(ctx, x, body)
	// The memory of the request is another call's, when this one is over.
	x.raw.Body, x.body = bytes.Clone(x.raw.Body), bytes.Clone(x.body)
	go h.run(ctx, call.ID(), x)
	door.WriteJSON(w, http.StatusOK, body)
}

// run makes a response in the background.
func (h *Handler) run(ctx context.Context, id string, x *exchange) {
	defer h.running.end(x.env.ID)
	call := h.Gateway.Begin(Door, id)
	defer call.End(ctx)
	call.Identify(x.owner)
	keep := func(response jsonx.Raw) {
		h.running.unlessCancelled(ctx, func() { h.keep(ctx, x, response) })
	}
	defer func() {
		if p := recover(); p != nil {
			keep(wire.AppendFailed(nil, x.env, call.Fail(door.Internal())))
			h.options.Logger.Error("panic", "id", id, "panic", p)
		}
	}()
	keep(wire.AppendQueued(nil, x.env, wire.StatusInProgress))
	resp, err := made(ctx, call, x)
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errCancelled):
		_ = call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the response was cancelled", Err: err})
	case err != nil:
		keep(wire.AppendFailed(nil, x.env, call.Fail(err)))
	default:
		keep(h.finished(call, x, resp))
	}
}

// made makes a response in the memory that it needs.
func made(ctx context.Context, call *gateway.Call, x *exchange) (*llm.RawResponse, error) {
	if err := call.Lease().Grow(ctx, int64(len(x.raw.Body))*inbound.Weight); err != nil {
		return nil, llm.Overloaded(err)
	}
	return call.Relay(ctx, &x.raw, x.translation())
}
