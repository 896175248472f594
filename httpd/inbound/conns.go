package inbound

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Conns keeps the connections of a server below a bound, so that files are left for
// those that come and for the calls to providers: a new connection beyond the bound has
// another one closed, which waits for its client. That is the one that has waited the
// longest of those that have shown no key; of those that send a body behind the key, if
// there are no others. A connection whose request is being served is never closed.
type Conns struct {
	most int
	log  *slog.Logger

	mu     sync.Mutex
	open   map[*conn]struct{}
	warned time.Time // when closing connections was last logged
	closed int       // connections closed since then
}

// NewConns bounds the connections of a server to most; 0 for no bound.
func NewConns(most int, log *slog.Logger) *Conns {
	return &Conns{most: most, log: log, open: map[*conn]struct{}{}}
}

// Listener gives l with its connections bounded. Context must be the server's
// ConnContext, or nothing is known of what connections do.
func (c *Conns) Listener(l net.Listener) net.Listener {
	if c.most == 0 {
		return l
	}
	return &listener{Listener: l, conns: c}
}

// connKey is the key of a connection in the contexts of its requests.
type connKey struct{}

// Context carries a connection to the handlers of its requests, as http.Server's
// ConnContext does.
func (c *Conns) Context(ctx context.Context, nc net.Conn) context.Context {
	if own, ok := nc.(*conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

// state is what a connection does, in the order in which connections are closed.
type state int32

const (
	idle    state = iota // its client sends a head, or a body that nobody reads, or reads an answer, or does nothing
	sending              // its client sends a body behind the key
	serving              // its request is whole, and is being served behind the key
)

// mark notes what a request's connection does from now on.
func mark(r *http.Request, s state) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		c.since.Store(time.Now().UnixNano())
		c.state.Store(int32(s))
	}
}

// Admitted notes that a request has shown the key, if there is one. Its connection counts
// as busy until Done.
func Admitted(r *http.Request) {
	if r.ContentLength != 0 {
		mark(r, sending)
		return
	}
	mark(r, serving)
}

// Done notes that a request's handler has ended.
func Done(r *http.Request) { mark(r, idle) }

type listener struct {
	net.Listener
	conns *Conns
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.conns.add(nc), nil
}

// add takes a connection, and closes another if there are too many now.
func (c *Conns) add(nc net.Conn) *conn {
	own := &conn{Conn: nc, conns: c}
	own.since.Store(time.Now().UnixNano())
	c.mu.Lock()
	var last *conn
	if len(c.open) >= c.most {
		last = c.last()
	}
	c.open[own] = struct{}{}
	if last != nil {
		delete(c.open, last)
		c.tell()
	}
	c.mu.Unlock()
	if last != nil {
		_ = last.Conn.Close() // the server meets its end and closes it again
	}
	return own
}

// last is the connection that is closed for a new one; nil if all are being served.
func (c *Conns) last() (last *conn) {
	var lowest state
	var oldest int64
	for own := range c.open {
		s, since := state(own.state.Load()), own.since.Load()
		if s != serving && (last == nil || s < lowest || s == lowest && since < oldest) {
			last, lowest, oldest = own, s, since
		}
	}
	return last
}

// warnPause is how often closed connections are logged.
const warnPause = time.Minute

func (c *Conns) tell() {
	c.closed++
	if now := time.Now(); now.Sub(c.warned) >= warnPause {
		c.log.Warn("closing idle connections: too many are open for the limit of open files",
			slog.Int("closed", c.closed), slog.Int("most_connections", c.most),
			slog.String("fix", "Raise the process's limit of open files (ulimit -n, LimitNOFILE), unless a client opens connections without using them."))
		c.warned, c.closed = now, 0
	}
}

func (c *Conns) remove(own *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, own)
}

// conn is a connection of a bounded listener.
type conn struct {
	net.Conn
	conns *Conns
	state atomic.Int32
	since atomic.Int64 // Unix time of the state, in nanoseconds
}

func (c *conn) Close() error {
	c.conns.remove(c)
	return c.Conn.Close()
}

// CloseWrite closes the writing half, which net/http does behind a refusal so that the
// client can read it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
