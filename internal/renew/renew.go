// Package renew holds tokens that expire: each is renewed ahead of its end in the background, so that calls do not wait for who gives them.
package renew

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	refreshAhead = 5 * time.Minute // of a token's end, when there is a new one
	margin       = 10 * time.Second
	retryAfter   = 10 * time.Second // after a failure
	fetchTimeout = 30 * time.Second
)

// Fetch gets a token and when it ends; the zero time for never.
type Fetch func(ctx context.Context) (token string, expires time.Time, err error)

// Source gives tokens. It is safe for concurrent use.
type Source struct {
	fetch Fetch // nil for a fixed token
	now   func() time.Time
	token atomic.Pointer[token]

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex
	renewal chan struct{} // closed when the renewal under way has ended; nil if none is
	err     error         // of the last renewal
	retryAt time.Time
	closed  bool
}

// token is a token with its end.
type token struct {
	text    string
	expires time.Time // zero for never
}

// valid reports whether a token is valid for longer than a time.
func (t *token) valid(now time.Time, least time.Duration) bool {
	return t != nil && (t.expires.IsZero() || now.Before(t.expires.Add(-least)))
}

// Fixed is a source of one token, which does not end.
func Fixed(text string) *Source {
	s := &Source{cancel: func() {}}
	s.token.Store(&token{text: text})
	return s
}

// New makes a source. It fetches nothing before it is asked. now is the clock; time.Now if nil.
func New(fetch Fetch, now func() time.Time) *Source {
	if now == nil {
		now = time.Now
	}
	s := &Source{fetch: fetch, now: now}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Get returns a token that is valid now. It waits only if there is none, and a fetch that has begun goes on when the caller's context
// ends. The error is the fetch's, or the cause of the end of the context.
func (s *Source) Get(ctx context.Context) (string, error) {
	t := s.token.Load()
	if s.fetch == nil {
		return t.text, nil
	}
	now := s.now()
	if t.valid(now, margin) {
		if !t.valid(now, refreshAhead) {
			s.renew()
		}
		return t.text, nil
	}
	select {
	case <-s.renew():
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if t = s.token.Load(); t.valid(s.now(), 0) {
		return t.text, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return "", context.Canceled // it is closed
	}
	return "", s.err
}

// renew starts a renewal unless one is under way, or the last one failed a moment ago, and returns what
// is closed when it has ended.
func (s *Source) renew() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewal != nil {
		return s.renewal
	}
	done := make(chan struct{})
	if s.closed || s.err != nil && s.now().Before(s.retryAt) {
		close(done)
		return done
	}
	s.renewal = done
	s.wait.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, fetchTimeout)
		defer cancel()
		text, expires, err := s.fetch(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err = err; err == nil {
			s.token.Store(&token{text, expires})
		} else {
			s.retryAt = s.now().Add(retryAfter)
		}
		s.renewal = nil
		close(done)
	})
	return done
}

// Close ends a renewal that is under way and waits for its end.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wait.Wait()
}
