package http1

import (
	"iter"
	"sync"
)

// mostIdle bounds the stacks that are kept for the next handlers.
const mostIdle = 64

// stacks are stacks on which handlers run, one after the other. Reading, routing and sending a request takes several times the stack of what
// waits on a connection, be it for the next request or for the next event of a stream, see response.Continue. So it is borrowed from here,
// and a connection's own goroutine keeps a small one. Each stack is that of a coroutine: changing to it and back wakes no other
// thread, as a goroutine that is started or sent something would.
type stacks struct {
	mu    sync.Mutex
	idle  []*stack
	ended bool
}

// stack is a coroutine that runs a handler whenever it is resumed.
type stack struct {
	w      *response
	resume func() (struct{}, bool)
	stop   func()
}

// run runs the handler of a response, and returns when it has returned. If it panics, so does run.
func (s *stacks) run(w *response) {
	k := s.take()
	k.w = w
	k.resume() // a panic comes out of it, and is the stack's end
	k.w = nil
	s.give(k)
}

func (s *stacks) take() *stack {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		k := s.idle[n-1]
		s.idle[n-1], s.idle = nil, s.idle[:n-1]
		return k
	}
	k := new(stack)
	k.resume, k.stop = iter.Pull(k.all)
	return k
}

// all runs the handlers, one for each time that it is resumed.
func (k *stack) all(yield func(struct{}) bool) {
	for ok := true; ok; ok = yield(struct{}{}) {
		k.w.conn.server.std.Handler.ServeHTTP(k.w, k.w.req)
	}
}

// give keeps a stack for the next handler, or ends it.
func (s *stacks) give(k *stack) {
	s.mu.Lock()
	keep := !s.ended && len(s.idle) < mostIdle
	if keep {
		s.idle = append(s.idle, k)
	}
	s.mu.Unlock()
	if !keep {
		k.stop()
	}
}

// end ends the stacks that no handler uses, and the others when their handlers return.
func (s *stacks) end() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.ended = nil, true
	s.mu.Unlock()
	for _, k := range idle {
		k.stop()
	}
}
