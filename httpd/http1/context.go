package http1

import (
	"context"
	"sync"
	"sync/atomic"
)

// requestContext is the context of a request, which ends with it. Many requests end before anybody waits for that, and
// registering each with the context of the server costs a cached answer two hundredths of its time, so that a cancelCtx is made
// when somebody asks for Done.
type requestContext struct {
	context.Context // of the connection

	over   atomic.Bool // ended
	waited atomic.Pointer[waited]
	mu     sync.Mutex // for making waited
}

// waited is a context that somebody may wait for.
type waited struct {
	context.Context
	cancel context.CancelFunc
}

// Done returns the same channel each time.
func (c *requestContext) Done() <-chan struct{} {
	if w := c.waited.Load(); w != nil {
		return w.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.waited.Load()
	if w == nil {
		w = &waited{}
		w.Context, w.cancel = context.WithCancel(c.Context)
		c.waited.Store(w)
		if c.over.Load() { // end did not see it, or will also cancel it
			w.cancel()
		}
	}
	return w.Done()
}

// Err is nil until Done is closed.
func (c *requestContext) Err() error {
	if w := c.waited.Load(); w != nil {
		return w.Err()
	}
	if c.over.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

// Value makes package context find the context that it can register with, if there is one.
func (c *requestContext) Value(key any) any {
	if w := c.waited.Load(); w != nil {
		return w.Value(key)
	}
	return c.Context.Value(key)
}

// end cancels the context. It may be called several times.
func (c *requestContext) end() {
	c.over.Store(true)
	if w := c.waited.Load(); w != nil {
		w.cancel()
	}
}
