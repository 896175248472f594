package responses

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openairesponses"
)

// running are the responses that are made in the background.
type running struct {
	mu     sync.Mutex
	made   map[string]*making
	all    sync.WaitGroup
	closed bool
}

// making is a response that is made in the background.
type making struct {
	cancel context.CancelCauseFunc
	over   bool       // what has become of it is kept, or it is cancelled
	events *recording // of its stream; nil for a response without one
}

// maxRunning is how many responses are made in the background at once.
const maxRunning = 256

var (
	errCancelled = errors.New("the response was cancelled")
	errStopping  = &llm.Error{Code: llm.CodeStopping, Status: http.StatusServiceUnavailable, Message: "the gateway was stopped before the response was complete."}
)

// begin registers a response, and reports false if there are too many, or the gateway is stopping.
func (r *running) begin(id string, m *making) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.made) >= maxRunning {
		return false
	}
	if r.made == nil {
		r.made = map[string]*making{}
	}
	r.made[id] = m
	r.all.Add(1)
	return true
}

func (r *running) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.made, id)
	r.all.Done()
}

// get returns a response that is being made; nil for any other.
func (r *running) get(id string) *making {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made[id]
}

// cancel ends a response. It reports false if there is nothing to end, because the response is not being made,
// or what has become of it is already kept; otherwise nothing is kept of it any more.
func (r *running) cancel(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.made[id]
	if m == nil || m.over {
		return false
	}
	m.over = true
	m.cancel(errCancelled)
	return true
}

// keep calls keep, which keeps how far a response is, or with over what has become of it, unless the response
// is over: then who cancelled it keeps it, after what was kept before.
func (r *running) keep(m *making, over bool, keep func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.over {
		m.over = over
		keep()
	}
}

// close cancels all responses, and waits for their ends.
func (r *running) close() {
	r.mu.Lock()
	r.closed = true
	for _, m := range r.made {
		m.cancel(errStopping)
	}
	r.mu.Unlock()
	r.all.Wait()
}

// Close ends the responses that are made in the background, and waits for them.
func (h *Handler) Close() { h.running.close() }

// background answers at once, and makes the response afterwards. With a stream, the client gets the events as
// they are made, and the response goes on when the client leaves.
func (h *Handler) background(w http.ResponseWriter, r *http.Request, call *gateway.Call, x *exchange) {
	if !x.head.Store {
		h.WriteError(w, door.Fail(w, call, llm.Invalid("background", "background requires store: the response is fetched after it has been made")))
		return
	}
	if h.Gateway.Group(x.raw.Model) == "" { // which is known before the call
		h.whole(w, r, call, x)
		return
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	m := &making{cancel: cancel}
	if x.raw.Stream {
		m.events = newRecording()
	}
	if !h.running.begin(x.env.ID, m) {
		cancel(nil)
		h.WriteError(w, door.Fail(w, call, llm.Overloaded(errors.New("too many responses are made in the background"))))
		return
	}
	body := wire.AppendQueued(nil, x.env, wire.StatusQueued)
	h.keep(ctx, x, body)
	// The memory of the request is another call's, when this one is over.
	x.own()
	if m.events == nil {
		go h.run(ctx, call.ID(), x, m)
		door.WriteJSON(w, http.StatusOK, body)
		return
	}
	m.events.add(wire.AppendEvent(nil, "response.created", 0, body))
	m.events.add(wire.AppendEvent(nil, "response.queued", 0, body))
	go h.run(ctx, call.ID(), x, m)
	h.send(w, r, call, m.events.source, 0, x.raw.Model)
}

// own copies what is in the memory of the request.
func (x *exchange) own() {
	x.raw.Body, x.body, x.original, x.request = bytes.Clone(x.raw.Body), bytes.Clone(x.body), bytes.Clone(x.original), nil
	x.head.Input = bytes.Clone(x.head.Input) // the items are copies
}

// run makes a response in the background.
func (h *Handler) run(ctx context.Context, id string, x *exchange, m *making) {
	defer h.running.end(x.env.ID)
	defer m.cancel(nil)
	call := h.Gateway.Begin(Door, id)
	defer call.End(ctx)
	call.Continue(x.origin)
	defer h.record(ctx, x.env.ID, m.events)
	keep := func(response jsonx.Raw) {
		h.running.keep(m, true, func() { h.keep(ctx, x, response) })
	}
	fail := func(e *llm.Error) {
		keep(wire.AppendFailed(nil, x.env, e))
		if m.events != nil {
			m.events.add(wire.AppendEvent(nil, "response.failed", 0, wire.AppendFailed(nil, x.env, e)))
		}
	}
	defer func() {
		if p := recover(); p != nil {
			fail(call.Fail(door.Internal()))
			h.options.Logger.Error("panic", "id", id, "panic", p)
		}
	}()
	progress := wire.AppendQueued(nil, x.env, wire.StatusInProgress)
	h.running.keep(m, false, func() { h.keep(ctx, x, progress) })
	var err error
	if m.events == nil {
		err = h.make(ctx, call, x, keep)
	} else {
		m.events.add(wire.AppendEvent(nil, "response.in_progress", 0, progress))
		err = h.makeStream(ctx, call, x, m, keep)
	}
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), errCancelled):
		_ = call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the response was cancelled", Err: err})
	default:
		fail(call.Fail(err))
	}
}

// grow charges a call with the memory of its request.
func grow(ctx context.Context, call *gateway.Call, x *exchange) error {
	if err := call.Lease().Grow(ctx, int64(len(x.body))*inbound.Weight); err != nil {
		return llm.Overloaded(err)
	}
	return nil
}

// make makes a whole response.
func (h *Handler) make(ctx context.Context, call *gateway.Call, x *exchange, keep func(jsonx.Raw)) error {
	if err := grow(ctx, call, x); err != nil {
		return err
	}
	resp, err := relayed(h, call, x, func() (*llm.RawResponse, error) { return call.Relay(ctx, &x.raw, x.translation()) })
	if err == nil {
		keep(h.finished(call, x, resp))
	}
	return err
}

// makeStream makes a response and records its events.
func (h *Handler) makeStream(ctx context.Context, call *gateway.Call, x *exchange, m *making, keep func(jsonx.Raw)) error {
	if err := grow(ctx, call, x); err != nil {
		return err
	}
	stream, err := relayed(h, call, x, func() (llm.RawStream, error) { return call.RelayStream(ctx, &x.raw, x.translation()) })
	if err != nil {
		return err
	}
	defer stream.Close()
	if stream.Meta().Passed {
		x.events = nil
		call.Warn(x.left...)
		stream = &passed{RawStream: stream, x: x}
	}
	var ev llm.RawEvent
	for {
		switch err := stream.Next(&ev); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ev.Err != nil:
			return ev.Err
		}
		if err := call.Lease().Grow(ctx, int64(len(ev.Data))); err != nil { // until they are in the store
			return llm.Overloaded(err)
		}
		if response := wire.Final(ev.Data); response != nil {
			keep(response)
		}
		for event := range bytes.SplitAfterSeq(ev.Data, []byte("\n\n")) {
			switch wire.EventType(event) {
			case "", "response.created", "response.queued", "response.in_progress": // the gateway's own stand for them
			default:
				m.events.add(bytes.Clone(event))
			}
		}
	}
}

// record ends the recording of a response, and keeps its events.
func (h *Handler) record(ctx context.Context, id string, r *recording) {
	if r == nil {
		return
	}
	events := r.end()
	const most = 1 << 20 // bytes of one write
	for from := 0; from < len(events); {
		size, to := 0, from
		for ; to < len(events) && (to == from || size+len(events[to]) <= most); to++ {
			size += len(events[to])
		}
		some := make([]store.Event, 0, to-from)
		for i := from; i < to; i++ {
			some = append(some, store.Event{Number: int64(i), Body: events[i]})
		}
		h.options.Keeper.Later(ctx, "events of response "+id, size, func(ctx context.Context, s *store.Store) error {
			return s.AddEvents(ctx, id, some)
		})
		from = to
	}
}
