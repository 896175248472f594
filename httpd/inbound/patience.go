package inbound

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// sharedPatience is how long a client may take to read what is sent while others want it too: they get nothing meanwhile.
const sharedPatience = 5 * time.Second

var errSlow = errors.New("the client has read too slowly for those who share its response")

// shared ends a write to a slow client if others want what is written, also if they come while it is under way.
type shared struct {
	record func(p []byte) (wanted bool) // nil if nobody records what is written

	mu      sync.Mutex
	timer   *time.Timer // nil before the first write
	w       http.ResponseWriter
	writing bool
	began   time.Time
	over    bool // the client was given up
}

// wanted reports whether others want what is written.
func (s *shared) wanted() bool { return s.record != nil && s.record(nil) }

// begin begins a write.
func (s *shared) begin(w http.ResponseWriter) {
	if s.record == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w, s.writing, s.began = w, true, time.Now()
	if s.timer == nil {
		s.timer = time.AfterFunc(sharedPatience, s.late)
	} else {
		s.timer.Reset(sharedPatience)
	}
}

// late gives up the client of a write that is under way.
func (s *shared) late() {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := sharedPatience - time.Since(s.began)
	switch {
	case !s.writing || s.over:
	case left > 0: // the timer was that of the write before
		s.timer.Reset(left)
	case s.wanted():
		s.over = true
		_ = http.NewResponseController(s.w).SetWriteDeadline(time.Now()) // not every ResponseWriter supports deadlines
	default:
		s.timer.Reset(sharedPatience)
	}
}

// end ends a write, and reports whether the client was given up.
func (s *shared) end() (over bool) {
	if s.record == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.timer.Stop()
	return s.over
}
