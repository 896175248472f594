package http1

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

type contextKey struct{}

func TestARequestsContextEndsForAllWhoWaitForIt(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *requestContext, base context.CancelCauseFunc)
		why  error
	}{
		{"with the request", func(c *requestContext, _ context.CancelCauseFunc) { c.end() }, context.Canceled},
		{"with the server", func(_ *requestContext, base context.CancelCauseFunc) { base(errLate) }, errLate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base, cancel := context.WithCancelCause(context.WithValue(t.Context(), contextKey{}, "value"))
				c := &requestContext{Context: base}
				if c.Err() != nil || c.Value(contextKey{}) != "value" {
					t.Fatalf("before: %v, %v", c.Err(), c.Value(contextKey{}))
				}
				child, stop := context.WithCancel(context.WithValue(c, contextKey{}, "other"))
				defer stop()
				var called bool
				context.AfterFunc(c, func() { called = true })
				if child.Err() != nil || c.Value(contextKey{}) != "value" {
					t.Fatalf("waited for: %v, %v", child.Err(), c.Value(contextKey{}))
				}
				tt.end(c, cancel)
				<-c.Done()
				<-child.Done()
				synctest.Wait()
				if !called || !errors.Is(c.Err(), context.Canceled) || !errors.Is(child.Err(), context.Canceled) {
					t.Errorf("after: called %v, %v, %v", called, c.Err(), child.Err())
				}
				if why := context.Cause(child); !errors.Is(why, tt.why) {
					t.Errorf("got the cause %v, want %v", why, tt.why)
				}
				cancel(nil)
			})
		})
	}
}

var errLate = errors.New("late")

func TestARequestsContextThatNobodyWaitedForIsOver(t *testing.T) {
	c := &requestContext{Context: t.Context()}
	c.end()
	if !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("got %v", c.Err())
	}
	if c.waited.Load() != nil {
		t.Error("something was made to wait for")
	}
	select {
	case <-c.Done():
	default:
		t.Error("Done is not closed")
	}
	base, cancel := context.WithCancel(t.Context())
	cancel()
	if c := (&requestContext{Context: base}); !errors.Is(c.Err(), context.Canceled) {
		t.Errorf("the server has ended: got %v", c.Err())
	}
}

// Whoever asks for Done while the request ends, gets a channel that is closed.
func TestARequestsContextIsSafeForManyGoroutines(t *testing.T) {
	for range 200 {
		c := &requestContext{Context: t.Context()}
		var all sync.WaitGroup
		first := make(chan (<-chan struct{}), 4)
		for range 4 {
			all.Go(func() {
				done := c.Done()
				first <- done
				<-done
				if c.Err() == nil {
					t.Error("Done is closed, and Err is nil")
				}
			})
		}
		all.Go(c.end)
		all.Wait()
		if one, two := <-first, <-first; one != two {
			t.Fatal("got two channels")
		}
	}
}
