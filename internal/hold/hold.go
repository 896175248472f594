// Package hold tells when the last of several users of something has gone, so that it can be closed.
package hold

import "sync/atomic"

// Hold counts the users of something. It is safe for concurrent use.
type Hold struct {
	users atomic.Int64
	over  chan struct{}
}

// New makes a hold with one user: whoever makes it.
func New() *Hold {
	h := &Hold{over: make(chan struct{})}
	h.users.Store(1)
	return h
}

// Take adds a user, who calls Leave once. It reports false if all have gone already.
func (h *Hold) Take() bool {
	for {
		n := h.users.Load()
		if n == 0 {
			return false
		}
		if h.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Leave removes a user.
func (h *Hold) Leave() {
	if h.users.Add(-1) == 0 {
		close(h.over)
	}
}

// Over is closed when all users have gone.
func (h *Hold) Over() <-chan struct{} { return h.over }
