package inbound

import (
	"cmp"
	"math"
	"net/http"
	"sync"
	"time"
)

// Events writes a response of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). Before the first Write nothing
// has been sent, and an ordinary response is still possible. After each keep-alive interval without
// output it sends a comment, the first of them together with the headers; a comment is not part of
// the response.
//
// One goroutine calls its methods; the comments come from a timer.
type Events struct {
	w         http.ResponseWriter
	flusher   http.Flusher
	pace      pace
	kind      string        // the content type; empty if the caller has set it
	status    int           // 200 if 0
	ping      func() []byte // nil without comments
	keepAlive time.Duration

	mu     sync.Mutex
	shared shared
	timer  *time.Timer // nil without comments
	armed  bool        // the timer is set
	last   time.Time   // when something was last written
	begun  bool        // the headers have been sent
	quiet  bool        // no comment may be sent now
	err    error       // of a write: the client is gone
}

// NewEvents prepares a response of events. ping is the comment to send after each keepAlive of
// silence.
func NewEvents(w http.ResponseWriter, ping string, keepAlive time.Duration) *Events {
	return NewEventsWith(w, func() []byte { return []byte(ping) }, keepAlive)
}

// NewEventsWith is NewEvents for a ping that is different each time. It is called by the timer's
// goroutine, and never before the first Write after Commit.
func NewEventsWith(w http.ResponseWriter, ping func() []byte, keepAlive time.Duration) *Events {
	return newEvents(w, "text/event-stream", ping, keepAlive)
}

// NewStream is NewEvents for a response of another content type. ping must mean nothing there, as white
// space does in JSON.
func NewStream(w http.ResponseWriter, kind, ping string, keepAlive time.Duration) *Events {
	return newEvents(w, kind, func() []byte { return []byte(ping) }, keepAlive)
}

func newEvents(w http.ResponseWriter, kind string, ping func() []byte, keepAlive time.Duration) *Events {
	e := &Events{w: w, pace: pace{w: w}, kind: kind, ping: ping, keepAlive: keepAlive}
	e.flusher, _ = w.(http.Flusher)
	e.last, e.armed = time.Now(), true
	e.timer = time.AfterFunc(math.MaxInt64, e.silent)
	e.timer.Reset(keepAlive) // apart, because the first comment may be due before timer is assigned
	return e
}

// NewFrames prepares a streaming response of another kind, without comments. Its headers are set.
func NewFrames(w http.ResponseWriter) *Events {
	e := &Events{w: w, pace: pace{w: w}}
	e.flusher, _ = w.(http.Flusher)
	return e
}

// NewStatus prepares a response with a status whose headers are set, as they are to be sent.
func NewStatus(w http.ResponseWriter, status int) *Events {
	e := NewFrames(w)
	e.status = status
	return e
}

// Record has a function called with what is written, but not with comments. It reports whether others want the events too: Write has no
// error then, even if the client is gone, and a client that does not read for sharedPatience is given up. Record is called before the
// first Write; f may be nil, and must not keep p. With an empty p it only reports, and may be called at any time.
func (e *Events) Record(f func(p []byte) (wanted bool)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shared.record = f
}

// silent sends a comment if nothing has been written for long enough: setting the timer at each write
// would cost more than to look here. It does not wait for a method that is running: that would keep
// a goroutine for each client that does not read.
func (e *Events) silent() {
	if !e.mu.TryLock() {
		e.timer.Reset(e.keepAlive)
		return
	}
	defer e.mu.Unlock()
	if e.quiet || e.err != nil {
		e.armed = false
		return
	}
	left := e.keepAlive - time.Since(e.last)
	if left <= 0 {
		e.send(e.ping(), false)
		e.last, left = time.Now(), e.keepAlive
	}
	e.timer.Reset(left)
}

func (e *Events) stop() {
	if e.timer != nil {
		e.timer.Stop()
		e.armed = false
	}
}

// Commit stops the comments until the next Write, and reports whether the headers have been sent.
// If not, the caller may set them and send any response.
func (e *Events) Commit() (begun bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.quiet = true
	e.stop()
	return e.begun
}

// Write sends events, or with an empty p only the headers. With more they may wait for the next
// call, so that a burst is sent at once. An error means that the client is gone, or has read
// nothing for writeTimeout.
func (e *Events) Write(p []byte, more bool) error {
	wanted := e.shared.record != nil && e.shared.record(p)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.send(p, more)
	e.quiet = false
	if e.err == nil && e.timer != nil {
		e.last = time.Now()
		if !e.armed {
			e.armed = true
			e.timer.Reset(e.keepAlive)
		}
	}
	if wanted || e.err != nil && e.shared.wanted() {
		return nil
	}
	return e.err
}

// send sends something, unless the client is gone.
func (e *Events) send(p []byte, more bool) {
	if e.err != nil {
		return
	}
	e.shared.begin(e.w)
	e.write(p)
	if !more {
		e.flush()
	}
	if e.shared.end() && e.err == nil {
		e.err = errSlow
	}
}

func (e *Events) write(p []byte) {
	if !e.begun {
		e.begun = true
		h := e.w.Header()
		if e.kind != "" {
			h.Set("Content-Type", e.kind)
		}
		if e.status == 0 {
			h.Set("Cache-Control", "no-cache")
		}
		h.Set("X-Accel-Buffering", "no") // nginx must not buffer events
		e.w.WriteHeader(cmp.Or(e.status, http.StatusOK))
	}
	e.pace.extend()
	if len(p) == 0 {
		return
	}
	if _, err := e.w.Write(p); err != nil && e.err == nil {
		e.err = err
	}
}

func (e *Events) flush() {
	if e.flusher != nil {
		e.flusher.Flush()
	}
}

// CloseUnless is Close for a function that may leave the events to the rest of its response, see Continue.
func (e *Events) CloseUnless(left *bool) {
	if !*left {
		e.Close()
	}
}

// Close ends the comments. The response ends when the handler returns.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.quiet = true
	e.stop()
	if !e.shared.over { // else the deadline ends the connection, so that the client does not take what it has for the whole
		e.pace.end()
	}
}
