package inbound

import (
	"net/http"
	"time"
)

// writeTimeout is how long a client may read nothing before it is taken for gone.
// One that reads is waited for, down to some hundred bytes a second: a piece of
// largeAnswer bytes may take three quarters of it at least.
const writeTimeout = 5 * time.Minute

// largeAnswer is the size up to which an answer fits into the buffers on its way,
// so that writing it waits for nobody.
const largeAnswer = 32 << 10

// pace ends writes to a client that reads nothing.
type pace struct {
	w    http.ResponseWriter
	till time.Time // the deadline that is set; zero for none
}

// extend gives the client writeTimeout from now. It is called before each write,
// and moves the deadline only now and then.
func (p *pace) extend() {
	if now := time.Now(); p.till.Sub(now) < writeTimeout*3/4 {
		p.till = now.Add(writeTimeout)
		_ = http.NewResponseController(p.w).SetWriteDeadline(p.till) // a ResponseWriter without deadlines has none
	}
}

// end takes the deadline away, which would hold for the connection's next answer.
func (p *pace) end() {
	if !p.till.IsZero() {
		_ = http.NewResponseController(p.w).SetWriteDeadline(time.Time{})
		p.till = time.Time{}
	}
}

// WriteWhole writes the body of an answer whose headers are set, Content-Length
// among them. What a client that is gone does not get is lost.
func WriteWhole(w http.ResponseWriter, body []byte) {
	if len(body) <= largeAnswer {
		_, _ = w.Write(body)
		return
	}
	p := pace{w: w}
	defer p.end()
	for len(body) > 0 {
		p.extend()
		n, err := w.Write(body[:min(len(body), largeAnswer)])
		if err != nil {
			return
		}
		body = body[n:]
	}
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// Answered is what a handler panics with when it has told the client of a panic
// already; all that is left is to log it.
type Answered struct{ Panic any }
