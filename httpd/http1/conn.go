package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"outcrop/internal/socket"
)

// conn is a connection of the lean loop.
type conn struct {
	context.Context // of all requests

	server *Server
	nc     net.Conn
	raw    syscall.RawConn
	remote string
	status atomic.Int64 // stateIdle, stateBusy, or when the connection was accepted

	// Reading. The goroutine of serve has these, or, between begin and finish, the request's body.
	head     *[]byte // what has been read is (*head)[from:to]; nil if nothing is buffered
	from, to int
	scanner  scanner
	method   string    // of the last request
	target   target    // of the last request
	limited  bool      // the time for the current head is limited
	until    time.Time // by when it must have arrived, if limited; zero for any time
	readErr  error     // of tryRead
	tryRead  func(fd uintptr) bool
	key      uint64 // of the watcher; 0 if it does not watch yet
	handed   bool   // net/http has the connection

	out output

	mu       sync.Mutex
	current  *response // whose handler is running
	armed    bool      // current's body has been read, so that the client's end cancels it
	hup      bool      // the client will send nothing more
	reading  bool      // the body is being read from the socket
	deadline time.Time // for reading, as current wants it
	dirty    bool      // the socket has another one
	socket   time.Time // the socket's deadline for reading
}

// The states of a connection, for Server.Shutdown.
const (
	stateIdle = -1
	stateBusy = -2
)

func newConn(s *Server, nc net.Conn, raw syscall.RawConn, base context.Context) *conn { //nolint:revive // a field, not the context of this call
	c := &conn{server: s, nc: nc, raw: raw, Context: base}
	c.status.Store(time.Now().UnixNano())
	if s.std.ConnContext != nil {
		c.Context = s.std.ConnContext(base, nc)
	}
	if addr := nc.RemoteAddr(); addr != nil {
		c.remote = addr.String()
	}
	c.tryRead = c.readNow
	c.out.conn = c
	return c
}

// Value makes a connection the context of its requests.
func (c *conn) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		return c.server.std
	case http.LocalAddrContextKey:
		return c.nc.LocalAddr()
	default:
		return c.Context.Value(key)
	}
}

// idle reports whether a shutdown may close the connection.
func (c *conn) idle() bool {
	since := c.status.Load()
	return since == stateIdle || since >= 0 && time.Since(time.Unix(0, since)) > newTimeout
}

// serve serves the connection's requests until it ends or is handed over.
func (c *conn) serve() {
	defer c.end()
	c.limitHead()
	for {
		if !c.readHead() {
			return
		}
		c.status.Store(stateBusy)
		if c.server.closing.Load() {
			return
		}
		w := c.request()
		if w == nil {
			c.handOver()
			return
		}
		c.server.stacks.run(w)
		if w.rest != nil {
			w.proceed()
		}
		if !c.finish(w) || !c.next() {
			return
		}
	}
}

// end closes the connection, unless it has been handed over, and logs the panic of a handler.
func (c *conn) end() {
	//nolint:errorlint // panics are not wrapped
	if p := recover(); p != nil && p != http.ErrAbortHandler {
		c.server.logf("http: panic serving %v: %v\n%s", c.remote, p, debug.Stack())
	}
	if c.handed {
		return
	}
	if w := c.disarm(); w != nil { // its handler has not returned
		w.done.Store(true)
		w.ctx.end()
		_ = w.body.Close()
	}
	if c.key != 0 {
		c.server.watch.remove(c, c.key, false)
	}
	_ = c.nc.Close()
	c.server.forget(c)
}

// handOver gives the connection to net/http, with what has been read and not served.
func (c *conn) handOver() {
	var read []byte
	if c.head != nil {
		read = slices.Clone((*c.head)[c.from:c.to])
		c.from = c.to
		c.release()
	}
	if c.key != 0 {
		c.server.watch.remove(c, c.key, true)
	}
	c.handed = true
	_ = c.nc.SetReadDeadline(time.Time{}) // net/http sets its own
	c.server.rest.send(&replayed{Conn: c.nc, read: read, until: c.until})
	c.server.forget(c)
}

// readHead reads the head of the next request. It reports false if the connection has ended or has
// been handed over.
func (c *conn) readHead() bool {
	c.scanner = scanner{}
	limit := headSize
	if most := c.server.std.MaxHeaderBytes; most > 0 {
		limit = min(limit, most+headSpare)
	}
	for {
		if c.head != nil {
			switch c.scanner.scan((*c.head)[c.from:c.to]) {
			case whole:
				return true
			case odd:
				c.handOver()
				return false
			case more:
			}
			if c.to-c.from >= limit {
				c.handOver()
				return false
			}
			c.compact()
			if !c.limited {
				c.limitHead()
			}
		}
		switch err := c.fill(); {
		case err == nil:
		case errors.Is(err, io.EOF) && c.head != nil: // net/http refuses half a head
			c.handOver()
			return false
		default:
			return false
		}
	}
}

// limitHead limits the time for the head.
func (c *conn) limitHead() {
	c.limited, c.until = true, time.Time{}
	if d := c.server.std.ReadHeaderTimeout; d > 0 {
		c.until = time.Now().Add(d)
	}
	c.setDeadline(c.until)
}

// setDeadline sets a deadline for reading that is not for a body.
func (c *conn) setDeadline(t time.Time) {
	_ = c.setSocket(t) // if the connection is closed, reading fails
	c.dirty = true
}

// setSocket sets the socket's deadline for reading.
func (c *conn) setSocket(t time.Time) error {
	c.socket = t
	return c.nc.SetReadDeadline(t)
}

// compact moves what has been read to the beginning of the buffer.
func (c *conn) compact() {
	if c.from > 0 {
		c.to = copy(*c.head, (*c.head)[c.from:c.to])
		c.from = 0
	}
}

// fill reads what the client has sent into the buffer, in which there is room. While it waits, an
// empty buffer is not taken from the pool.
func (c *conn) fill() error {
	if err := c.raw.Read(c.tryRead); err != nil {
		return err
	}
	return c.readErr
}

// readNow reads without waiting.
func (c *conn) readNow(fd uintptr) bool {
	if c.head == nil {
		c.head = buffer(&c.server.heads, headSize)
	}
	n, again, err := socket.Read(fd, (*c.head)[c.to:])
	if err == nil && n == 0 && !again {
		err = io.EOF
	}
	c.to += n
	c.readErr = err
	c.release()
	return !again
}

// release puts the buffer back if it is empty.
func (c *conn) release() {
	if c.head != nil && c.from == c.to {
		c.server.heads.Put(c.head)
		c.head, c.from, c.to = nil, 0, 0
	}
}

// request begins the request whose head has been read. It returns nil if the head cannot be parsed,
// which net/http then has to refuse.
func (c *conn) request() *response {
	req, ok := parse(string((*c.head)[c.from:c.from+c.scanner.pos]), &c.target)
	if !ok {
		return nil
	}
	c.from += c.scanner.pos
	c.release()
	c.method = req.Method
	c.limited, c.until = false, time.Time{}
	if c.key == 0 {
		var err error
		if c.key, err = c.server.watch.add(c); err != nil {
			c.server.logf("http: %v; the end of %s will not be noticed", err, c.remote)
		}
	}
	ctx := &requestContext{Context: c}
	w := &response{conn: c, ctx: ctx, header: c.server.header(), length: -1, wantsClose: c.scanner.close, isHead: req.Method == http.MethodHead}
	w.body.w, w.body.left, w.body.closing = w, c.scanner.length, c.scanner.close
	req.RemoteAddr, req.ContentLength, req.Close, req.Body = c.remote, c.scanner.length, c.scanner.close, http.NoBody
	if c.scanner.length > 0 {
		req.Body = &w.body
	} else {
		w.body.empty, w.body.eof = true, true
	}
	w.req = req.WithContext(ctx)
	c.mu.Lock()
	c.current, c.deadline = w, time.Time{}
	c.mu.Unlock()
	if c.scanner.length == 0 {
		c.arm(w)
	}
	return w
}

// finish ends a request whose handler has returned, and reports whether the connection can be used
// for another.
func (c *conn) finish(w *response) bool {
	w.ctx.end()
	reuse := w.finish()
	c.disarm()
	if w.writeDeadline {
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
	if !reuse {
		if w.limitHit || w.body.early {
			c.linger()
		}
		return false
	}
	c.status.Store(stateIdle)
	return c.server.keepAlives()
}

// linger gives a client that is still sending the time to read the response, which it may lose when
// the connection is closed.
func (c *conn) linger() {
	_ = closeWrite(c.nc)
	c.setDeadline(time.Now().Add(lingerDelay))
	for err := error(nil); err == nil; err = c.fill() {
		c.from = c.to // discard it
		c.release()
	}
}

// idleSpare is which part of the idle timeout a connection may be closed early. The deadline of a busy one would otherwise change
// with each request, which costs a cached answer almost a hundredth of its time.
const idleSpare = 64

// limitIdle limits the time until the next request.
func (c *conn) limitIdle() {
	idle := c.server.std.IdleTimeout
	if idle <= 0 {
		c.setDeadline(time.Time{})
		return
	}
	until := time.Now().Add(idle)
	if until.Sub(c.socket) <= idle/idleSpare && !c.socket.After(until) {
		c.dirty = true
		return
	}
	c.setDeadline(until)
}

// next waits for the next request. Like net/http it waits for four bytes before the time for the
// head begins, and skips line ends after a POST, which very old clients send.
func (c *conn) next() bool {
	c.limitIdle()
	for c.to-c.from < 4 {
		if c.head != nil {
			c.compact()
		}
		if c.fill() != nil {
			return false
		}
	}
	if c.method == http.MethodPost {
		for range 4 {
			if b := (*c.head)[c.from]; b != '\r' && b != '\n' {
				break
			}
			c.from++
			if c.from == c.to {
				c.release()
				break
			}
		}
	}
	return true
}

// arm makes the client's end cancel a request. Its body has been read, so that nothing else is read
// from the socket.
func (c *conn) arm(w *response) {
	c.mu.Lock()
	c.armed = c.current == w
	check := c.armed && c.hup
	c.mu.Unlock()
	if check && ended(c.raw) {
		w.ctx.end()
	}
}

// disarm ends what arm has begun, and returns the request that was current.
func (c *conn) disarm() *response {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.current
	c.current, c.armed = nil, false
	return w
}

// hungUp is called when the client has closed the connection or its sending half. If it has sent
// another request before, it is considered to be there until the response cannot be written, as with
// net/http.
func (c *conn) hungUp() {
	c.mu.Lock()
	c.hup = true
	w := c.current
	armed := c.armed
	c.mu.Unlock()
	if armed && ended(c.raw) {
		w.ctx.end()
	}
}

// abandon cancels the current request.
func (c *conn) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.ctx.end()
	}
}

// readBody reads up to len(p) bytes of the current request's body.
func (c *conn) readBody(w *response, p []byte) (int, error) {
	if c.head != nil {
		n := copy(p, (*c.head)[c.from:c.to])
		c.from += n
		c.release()
		return n, nil
	}
	c.mu.Lock()
	if c.dirty {
		c.dirty = false
		_ = c.setSocket(c.deadline) // if the connection is closed, reading fails
	}
	c.reading = true
	c.mu.Unlock()
	n, err := c.nc.Read(p)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	if err != nil {
		w.ctx.end()
	}
	return n, err
}

// setReadDeadline sets the deadline for reading a body. Most bodies arrive together with the head,
// and need none, so it is set when the socket is read.
func (c *conn) setReadDeadline(w *response, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != w {
		return errDone
	}
	c.deadline, c.dirty = t, true
	if c.reading {
		c.dirty = false
		return c.setSocket(t)
	}
	return nil
}
