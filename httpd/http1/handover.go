package http1

import (
	"net"
	"sync"
	"time"
)

// handover is the listener through which net/http gets the connections that the lean loop does not
// serve.
type handover struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// send waits until net/http has taken a connection. If net/http serves no more, it closes the
// connection.
func (h *handover) send(nc net.Conn) {
	select {
	case h.conns <- nc:
	case <-h.done:
		_ = nc.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case nc := <-h.conns:
		return nc, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handover) Addr() net.Addr { return h.addr }

// replayed is a connection of which the lean loop has read something already.
type replayed struct {
	net.Conn
	read  []byte    // is read first
	until time.Time // by when the head must have arrived; zero for any time
}

// Read reads first what has been read already.
func (r *replayed) Read(p []byte) (int, error) {
	if len(r.read) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.read)
	if r.read = r.read[n:]; len(r.read) == 0 {
		r.read = nil // it is not needed any more
	}
	return n, nil
}

// SetReadDeadline sets the deadline. The first one is net/http's for the head, whose time has begun
// when the lean loop read its first byte.
func (r *replayed) SetReadDeadline(t time.Time) error {
	if !r.until.IsZero() && r.until.Before(t) {
		t = r.until
	}
	r.until = time.Time{}
	return r.Conn.SetReadDeadline(t)
}

// CloseWrite closes the writing half, as net/http does after some refusals.
func (r *replayed) CloseWrite() error { return closeWrite(r.Conn) }

// closeWrite closes the writing half of a connection that has one.
func closeWrite(nc net.Conn) error {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
