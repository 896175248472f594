package creds

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	refreshAhead = 10 * time.Minute // of the end, or a quarter of the lifetime if that is less
	rereadAfter  = 10 * time.Minute // for what does not say when it ends, such as a key in a file
	margin       = 10 * time.Second // before the end, to arrive at AWS in time
	maxBackoff   = 30 * time.Second
	minAge       = 5 * time.Second // of credentials that it makes sense to replace
)

// Source gives a deployment's credentials. It is safe for use by many
// goroutines.
type Source struct {
	plan   *plan
	fetch  func(context.Context) (Credentials, *Error) // nil if the credentials never change
	now    func() time.Time
	logger *slog.Logger
	state  atomic.Pointer[state]

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wait   sync.WaitGroup // for the renewal, and for sessions that make room

	sessions sessions // with tags of their own

	mu      sync.Mutex    // held to change state and what follows
	renewal chan struct{} // closed when the renewal under way has ended; nil if none is
	closed  bool
}

// state is what is known; it is never written to once it is shared.
type state struct {
	credentials Credentials
	fetched     time.Time
	refreshAt   time.Time // zero: never
	deadAt      time.Time // zero: never

	err      *Error // of the last try; nil if it went well
	failures int    // tries in a row that failed
	retryAt  time.Time
}

// usable reports whether st has credentials that AWS would take now.
func (st *state) usable(now time.Time) bool {
	return st.credentials.secrets != nil && (st.deadAt.IsZero() || now.Before(st.deadAt))
}

// Get returns credentials that are valid now. It blocks only if there are none yet or they have
// expired, and no longer than ctx allows; the renewal continues when ctx ends. A failure is an
// *Error, or the cause of ctx's end.
func (s *Source) Get(ctx context.Context) (Credentials, error) {
	st := s.state.Load()
	if s.fetch == nil {
		return st.credentials, nil
	}
	for waited := false; ; waited = true {
		now := s.now()
		if st.usable(now) {
			if !now.Before(st.refreshAt) {
				_, _ = s.renew(st) // in the background; that the source is closed does not matter as long as these last
			}
			return st.credentials, nil
		}
		if st.err != nil && (waited || now.Before(st.retryAt)) {
			return Credentials{}, st.err
		}
		done, err := s.renew(st)
		if err != nil {
			return Credentials{}, err
		}
		select {
		case <-done:
		case <-ctx.Done():
			return Credentials{}, context.Cause(ctx)
		}
		st = s.state.Load()
	}
}

// renew starts a renewal unless one is under way or has ended since seen was
// loaded, and gives what is closed when it has ended.
func (s *Source) renew(seen *state) (<-chan struct{}, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.renewal != nil:
		return s.renewal, nil
	case s.state.Load() != seen:
		done := make(chan struct{})
		close(done)
		return done, nil
	case s.closed:
		return nil, &Error{Kind: Closed, Message: "the credential source is closed"}
	}
	done := make(chan struct{})
	s.renewal = done
	s.wait.Go(func() {
		c, err := s.fetchSafely()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state.Store(s.state.Load().after(c, err, s.now()))
		s.renewal = nil
		close(done)
	})
	return done, nil
}

// fetchSafely is fetch, whose panics are errors: the next try may go well, and the
// gateway has other credentials to serve with.
func (s *Source) fetchSafely() (c Credentials, err *Error) {
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("getting credentials failed because of an internal error; Outcrop tries again later",
				slog.String("panic", s.plan.scrub(fmt.Sprint(p))), slog.String("stack", string(debug.Stack())))
			c, err = Credentials{}, &Error{Kind: Unreachable, Message: "getting credentials failed because of an internal error in Outcrop", Fix: "Please report it, with the stack trace in the log."}
		}
	}()
	return s.fetch(s.ctx)
}

// after is the state that follows on st when a try has ended.
func (st *state) after(c Credentials, err *Error, now time.Time) *state {
	if err == nil && !c.Expires.IsZero() && !now.Before(c.Expires) {
		err = &Error{
			Kind: Expired, Message: fmt.Sprintf("the credentials that were just fetched expired at %s", c.Expires.UTC().Format(time.RFC3339)),
			Fix: "Correct this machine's clock.",
		}
	}
	if err != nil {
		next := *st
		next.err = err
		next.failures++
		next.retryAt = now.Add(min(time.Second<<min(st.failures, 10), maxBackoff))
		next.refreshAt = next.retryAt
		return &next
	}
	next := &state{credentials: c, fetched: now, refreshAt: now.Add(rereadAfter)}
	if !c.Expires.IsZero() {
		left := c.Expires.Sub(now)
		next.refreshAt = c.Expires.Add(-min(refreshAhead, left/4))
		next.deadAt = c.Expires.Add(-min(margin, left/10))
	}
	return next
}

// Invalidate records that AWS refused credentials as expired or unknown. It reports whether another
// attempt with those of Get can help. The first call for the same credentials makes the next Get
// renew them; the others change nothing. Credentials that were fetched within the last five seconds
// are kept: what gave them would give them again.
func (s *Source) Invalidate(refused Credentials) bool {
	if s.fetch == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state.Load()
	switch {
	case st.credentials.secrets != refused.secrets:
		return true
	case s.closed || s.now().Sub(st.fetched) < minAge:
		return false
	}
	s.state.Store(&state{})
	return true
}

// Kind returns the way in which the source gets its credentials.
func (s *Source) Kind() Kind { return s.plan.kind }

// Region is the region that the environment or the profile names, by
// AWS_REGION_NAME, AWS_REGION, AWS_DEFAULT_REGION or the region setting of the
// profile in use, in this order; empty if none does.
func (s *Source) Region(ctx context.Context) string { return s.plan.region(ctx) }

// Close ends a renewal that is under way and waits for its end. Get still returns the existing
// credentials until they expire.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.closeSessions()
	s.wait.Wait()
}

// Format writes the kind for every verb.
func (s *Source) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(string(s.plan.kind) + " credentials"))
}
