package cache

import (
	"sync"
	"time"
)

// Times for which a store is left alone after a failure: at first, and at most.
const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
)

// health is what is known of a store: after a failure it is left alone for a while, and then one command tries it.
type health struct {
	now func() time.Time

	mu     sync.Mutex
	reason error         // of the last failure; nil if the store answers
	till   time.Time     // it is left alone until then
	pause  time.Duration // the next one
	trying bool          // a command is under way that tries it
}

// try reports whether a command may be sent, which must be followed by well, failed or unknown.
func (h *health) try() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.reason == nil:
		return true
	case h.trying || h.now().Before(h.till):
		return false
	}
	h.trying = true
	return true
}

// usable reports whether the store answers, as far as is known.
func (h *health) usable() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reason == nil
}

func (h *health) well() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason, h.pause, h.trying = nil, 0, false
}

// failed reports whether the store has answered until now.
func (h *health) failed(err error) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first = h.reason == nil
	if !first && !h.trying && h.now().Before(h.till) {
		return false // a command that was sent before
	}
	if h.pause = min(2*h.pause, mostPause); h.pause == 0 {
		h.pause = firstPause
	}
	h.reason, h.trying, h.till = err, false, h.now().Add(h.pause)
	return first
}

// unknown ends a command of which nothing is known, because its caller has gone.
func (h *health) unknown() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = false
}

func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reason
}
