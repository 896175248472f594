package http1

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

// errDone is the error of using a ResponseWriter after its handler has returned.
var errDone = errors.New("http: the handler has returned")

// response is the http.ResponseWriter of a request. It does what net/http's does, in the same order,
// with fewer buffers: what a handler flushes, or writes in large pieces, is not copied to keep it.
type response struct {
	conn *conn
	req  *http.Request
	ctx  *requestContext // of req
	body body

	rest   func()    // what follows the handler; nil for nothing
	after  []func()  // what follows rest
	usual  [4]func() // room for after
	goesOn bool      // rest is running

	header http.Header // the handler's
	fixed  *kept       // header as it was at WriteHeader; nil if the head was sent at once
	hold   *[]byte     // what the handler has written and not flushed; nil for nothing
	held   int         // its length

	written int64 // bytes that the handler has written
	length  int64 // the declared Content-Length; -1 for none
	status  int   // 0 before WriteHeader
	err     error // of the first write to the connection that failed

	isHead        bool // the method is HEAD
	wantsClose    bool // the request says Connection: close
	sent          bool // the head has been sent
	chunked       bool // the body is sent in chunks
	closeAfter    bool // the connection closes after the response
	limitHit      bool // the request's body is too large to read the rest
	fullDuplex    bool
	writeDeadline bool        // the handler has set a deadline for writing
	done          atomic.Bool // the handler has returned
}

// Header returns the response's header. A response that goes on does not keep it when it has been sent.
func (w *response) Header() http.Header {
	if w.header == nil && !w.done.Load() {
		w.header = w.conn.server.header()
	}
	return w.header
}

// SetReadDeadline is for http.ResponseController.
func (w *response) SetReadDeadline(t time.Time) error { return w.conn.setReadDeadline(w, t) }

// SetWriteDeadline is for http.ResponseController.
func (w *response) SetWriteDeadline(t time.Time) error {
	if w.done.Load() {
		return errDone
	}
	w.writeDeadline = true
	return w.conn.nc.SetWriteDeadline(t)
}

// EnableFullDuplex is for http.ResponseController.
func (w *response) EnableFullDuplex() error {
	w.fullDuplex = true
	return nil
}

// WriteHeader sets the status. What the handler changes in the header afterwards is not sent.
func (w *response) WriteHeader(code int) {
	if w.done.Load() {
		return
	}
	if w.status != 0 {
		_, file, line, _ := runtime.Caller(1)
		w.conn.server.logf("http: superfluous response.WriteHeader call from %s:%d", file, line)
		return
	}
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", code)) //nolint:forbidigo // as net/http does
	}
	if code < 200 && code != http.StatusSwitchingProtocols {
		w.inform(code)
		return
	}
	w.begin(code)
	w.fix()
	if w.length < 0 && w.header.Get("Content-Length") != "" {
		w.conn.server.logf("http: invalid Content-Length of %q", w.header.Get("Content-Length"))
		w.header.Del("Content-Length")
	}
}

// usualFields is how many fields a new header has room for: most responses have no more.
const usualFields = 14

// header returns an empty header, of a response that is over if there is one.
func (s *Server) header() http.Header {
	if h, ok := s.fields.Get().(http.Header); ok {
		return h
	}
	return make(http.Header, usualFields)
}

// fix keeps the header as it is.
func (w *response) fix() {
	k, ok := w.conn.server.kept.Get().(*kept)
	if !ok {
		k = &kept{}
	}
	k.keep(w.header, &w.conn.server.orders)
	w.fixed = k
}

// unfix gives up what fix has kept.
func (w *response) unfix() {
	if k := w.fixed; k != nil {
		k.forget()
		w.conn.server.kept.Put(k)
		w.fixed = nil
	}
}

// begin determines the status and the declared length.
func (w *response) begin(code int) {
	w.status = code
	if text := w.header.Get("Content-Length"); text != "" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			w.length = n
		}
	}
}

// Write writes to the body.
func (w *response) Write(p []byte) (int, error) {
	if w.done.Load() {
		return 0, errDone
	}
	if w.status == 0 {
		if len(p) <= holdSize {
			w.WriteHeader(http.StatusOK)
		} else {
			w.begin(http.StatusOK) // the head is sent at once
		}
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case !bodyAllowed(w.status):
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(p))
	if w.length >= 0 && w.written > w.length {
		if !w.sent && w.fixed == nil {
			w.fix()
		}
		return 0, http.ErrContentLength
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.held+len(p) <= holdSize {
		w.keep(p)
		return len(p), nil
	}
	rest := p
	if w.held > 0 { // the beginning of the body determines its type
		n := holdSize - w.held
		w.keep(p[:n])
		rest = p[n:]
	}
	if err := w.send(rest); err != nil {
		return 0, err
	}
	return len(p), nil
}

// keep adds to what is held.
func (w *response) keep(p []byte) {
	if w.hold == nil {
		w.hold = buffer(&w.conn.server.holds, holdSize)
	}
	w.held += copy((*w.hold)[w.held:], p)
}

// Flush sends what is held.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError sends what is held.
func (w *response) FlushError() error {
	if w.done.Load() {
		return errDone
	}
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	if w.err != nil || w.sent && w.held == 0 {
		return w.err
	}
	return w.send(nil)
}

// finish completes the response of a handler that has returned, and reports whether the connection
// can be used again.
func (w *response) finish() bool {
	w.done.Store(true)
	if w.status == 0 {
		w.begin(http.StatusOK)
	}
	if w.err == nil && (!w.sent || w.held > 0 || w.chunked) {
		_ = w.send(nil) // recorded in w.err
	}
	w.drop()
	w.unfix()
	w.forget() // a handler that has returned has none
	_ = w.body.Close()
	incomplete := !w.isHead && w.length >= 0 && bodyAllowed(w.status) && w.length != w.written
	return !w.closeAfter && !incomplete && w.err == nil && !w.body.early
}

// forget gives up the header.
func (w *response) forget() {
	if w.header != nil {
		clear(w.header)
		w.conn.server.fields.Put(w.header)
		w.header = nil
	}
}

// drop gives up what is held.
func (w *response) drop() {
	if w.hold != nil {
		w.conn.server.holds.Put(w.hold)
		w.hold, w.held = nil, 0
	}
}

// What follows a chunk, and the last of them.
var (
	afterChunk     = []byte("\r\n")
	afterLastChunk = []byte("\r\n0\r\n\r\n")
)

// send sends the head, if that has not been done, what is held, p, and the end of the body after the
// handler has returned.
func (w *response) send(p []byte) error {
	piece := buffer(&w.conn.server.pieces, pieceSize)
	b := (*piece)[:0]
	held := []byte(nil)
	if w.held > 0 {
		held = (*w.hold)[:w.held]
	}
	if !w.sent {
		first := p
		if len(held) > 0 {
			first = held
		}
		b = w.appendHead(b, first)
		if w.goesOn {
			w.forget()
		}
	}
	var tail []byte
	if w.isHead {
		held, p = nil, nil
	}
	if w.chunked {
		done := w.done.Load()
		switch n := len(held) + len(p); {
		case n > 0:
			b = strconv.AppendInt(b, int64(n), 16)
			b = append(b, "\r\n"...)
			tail = afterChunk
			if done {
				tail = afterLastChunk
			}
		case done:
			tail = afterLastChunk[len(afterChunk):]
		}
	}
	b = append(b, held...)
	w.drop()
	w.err = w.conn.out.write(piece, b, p, tail)
	if w.err != nil {
		w.ctx.end()
		_ = w.conn.nc.Close() // whatever follows would not be what the client expects
	}
	return w.err
}
