package responses

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	wire "outcrop/wire/openairesponses"
)

// recording are the events of a response that is made in the background, for all who follow it. The number
// of an event is its index.
type recording struct {
	mu     sync.Mutex
	events [][]byte
	ended  bool
	more   chan struct{} // closed when there are more, or it has ended
}

func newRecording() *recording { return &recording{more: make(chan struct{})} }

// add adds an event, and numbers it.
func (r *recording) add(event []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.events = append(r.events, wire.Numbered(event, int64(len(r.events))))
	close(r.more)
	r.more = make(chan struct{})
}

// end ends the recording, and returns all of it.
func (r *recording) end() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.ended = true
		close(r.more)
	}
	return r.events
}

// from returns the events from one on. If there are none, ended tells whether any will come, and more is closed
// when they have.
func (r *recording) from(next int) (events [][]byte, ended bool, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if next < len(r.events) {
		events = r.events[next:]
	}
	return events, r.ended, r.more
}

// source gives events from a number on. It waits until there are some, and gives none at the end, or when ctx
// ends.
type source func(ctx context.Context, next int) ([][]byte, error)

// source is the recording as a source.
func (r *recording) source(ctx context.Context, next int) ([][]byte, error) {
	for {
		events, ended, more := r.from(next)
		if len(events) > 0 || ended {
			return events, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// send sends the events of a response that is made in the background, or was, from one on until the end. A
// client that leaves ends only that.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, call *gateway.Call, from source, next int, model string) {
	var last atomic.Int64 // the number of the last event that was sent
	last.Store(int64(next) - 1)
	door.Head(w.Header(), call)
	events := inbound.NewEventsWith(w, func() []byte { return wire.AppendKeepAlive(nil, max(0, last.Load())) }, h.Gateway.KeepAlive(model, keepAlive))
	defer events.Close()
	events.Commit() // an event that keeps the connection open belongs after the first
	for {
		some, err := from(r.Context(), next)
		if err != nil || len(some) == 0 {
			_ = events.Write(nil, false) // the headers of a stream without events
			return
		}
		for i, event := range some {
			last.Store(int64(next + i))
			if events.Write(event, i < len(some)-1) != nil {
				return
			}
		}
		next += len(some)
	}
}

// resume sends the events of a response again: those that were recorded, and those that are still made.
func (h *Handler) resume(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		from, next, model, err := h.events(r, call)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		h.send(w, r, call, from, next, model)
	})
}

// events finds the events that a request asks for.
func (h *Handler) events(r *http.Request, call *gateway.Call) (from source, next int, model string, err error) {
	ctx, id := r.Context(), r.PathValue("id")
	if after := r.URL.Query().Get("starting_after"); after != "" {
		n, err := strconv.Atoi(after)
		if err != nil || n < 0 || n > 1<<30 {
			return nil, 0, "", llm.Invalid("starting_after", "starting_after must be the sequence_number of an event, not %q", llm.Clip(after, 64))
		}
		next = n + 1
	}
	m := h.running.get(id) // before the store is read, which has the events when they are no longer made
	resp, err := h.stored(ctx, call, id)
	if err != nil {
		return nil, 0, "", err
	}
	if m != nil && m.events != nil {
		return m.events.source, next, resp.Model, nil
	}
	s, err := h.options.Keeper.Store(ctx)
	if err != nil {
		return nil, 0, "", unavailable(err)
	}
	owner := call.Caller().Identity
	if first, err := s.Events(ctx, owner, id, -1); err != nil {
		return nil, 0, "", unavailable(err)
	} else if len(first) == 0 {
		e := llm.Invalid("stream", "the response has no events: only those of a response that was made with background and stream are kept")
		e.Fix = "Leave stream out to get the response."
		return nil, 0, "", e
	}
	kept := func(ctx context.Context, next int) ([][]byte, error) {
		some, err := s.Events(ctx, owner, id, int64(next)-1)
		if err != nil {
			return nil, unavailable(err)
		}
		out := make([][]byte, len(some))
		for i := range some {
			out[i] = some[i].Body
		}
		return out, nil
	}
	return kept, next, resp.Model, nil
}
