package inbound

import (
	"net/http"
	"time"
)

// writeTimeout is how long a client may read nothing before it counts as gone. A client that reads
// is waited for, down to a few hundred bytes a second: a piece of largeAnswer bytes may take at
// least three quarters of it.
const writeTimeout = 5 * time.Minute

// largeAnswer is the size up to which a response fits into the buffers between gateway and client,
// so that writing it does not block.
const largeAnswer = 32 << 10

// pace ends writes to a client that reads nothing.
type pace struct {
	w    http.ResponseWriter
	till time.Time // the current deadline; zero for none
}

// extend gives the client writeTimeout from now. It is called before each write, and moves the
// deadline only occasionally.
func (p *pace) extend() {
	if now := time.Now(); p.till.Sub(now) < writeTimeout*3/4 {
		p.till = now.Add(writeTimeout)
		_ = http.NewResponseController(p.w).SetWriteDeadline(p.till) // not every ResponseWriter supports deadlines
	}
}

// end removes the deadline, which would otherwise apply to the connection's next response.
func (p *pace) end() {
	if !p.till.IsZero() {
		_ = http.NewResponseController(p.w).SetWriteDeadline(time.Time{})
		p.till = time.Time{}
	}
}

// WriteWhole writes the body of a response whose headers are set, including Content-Length. If the
// client is gone, the rest is discarded.
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

// Answered is the panic value of a handler that has already reported a panic to its client; the
// server only logs it.
type Answered struct{ Panic any }
