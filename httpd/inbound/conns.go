package inbound

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Conns bounds the number of a server's connections, so that files remain for new ones and for
// calls to providers: a new connection beyond the bound closes another one that waits for its
// client. It chooses the one that has waited longest among those that have presented no key; if
// there are none, among those that are sending a body after presenting one. It never closes a
// connection whose request is being served.
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

// Listener returns l with bounded connections. Context must be the server's ConnContext; otherwise
// the states of connections are unknown.
func (c *Conns) Listener(l net.Listener) net.Listener {
	if c.most == 0 {
		return l
	}
	return &listener{Listener: l, conns: c}
}

// connKey is the context key of a connection, and visitKey that of a request over HTTP/2.
type (
	connKey  struct{}
	visitKey struct{}
)

// Context is for http.Server's ConnContext: it makes a connection available to the handlers of its
// requests.
func (c *Conns) Context(ctx context.Context, nc net.Conn) context.Context {
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS
		nc = outer.NetConn()
	}
	if own, ok := nc.(*conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	return ctx
}

// state is the state of a request, in the order in which connections are closed. A connection with
// several requests has the last of their states.
type state int32

const (
	idle    state = iota // the client sends a head, or a body that nobody reads, or reads a response, or does nothing
	sending              // the client sends a body after presenting the key
	serving              // the request is complete, and is being served after the key was presented
)

// visit is a request on a connection.
type visit struct {
	conn  *conn
	state state
}

// move changes a request's state. A request belongs to one goroutine.
func (v *visit) move(to state) {
	v.conn.since.Store(time.Now().UnixNano())
	v.conn.requests[to].Add(1)
	v.conn.requests[v.state].Add(-1)
	v.state = to
}

// Begin returns the request to be handled: over HTTP/2 a connection has several at once, so each has a
// state of its own.
func Begin(r *http.Request) *http.Request {
	if r.ProtoMajor < 2 {
		return r
	}
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, &visit{conn: c}))
}

// visitOf is what is known of a request's connection; nil if that is not known.
func visitOf(r *http.Request) *visit {
	if r.ProtoMajor >= 2 {
		v, _ := r.Context().Value(visitKey{}).(*visit)
		return v
	}
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		return &c.only
	}
	return nil
}

// mark sets the state of a request, if it is known.
func (v *visit) mark(s state) {
	if v != nil {
		v.move(s)
	}
}

// Admitted records that a request has presented the key, if one is required. Its connection counts
// as busy until Done.
func Admitted(r *http.Request) {
	if r.ContentLength != 0 {
		visitOf(r).mark(sending)
		return
	}
	visitOf(r).mark(serving)
}

// Done records that a request's handler has returned.
func Done(r *http.Request) { visitOf(r).mark(idle) }

// Ending returns what Done does, and does not keep the request.
func Ending(r *http.Request) (done func()) {
	v := visitOf(r)
	return func() { v.mark(idle) }
}

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

// add accepts a connection, and closes another if there are too many now.
func (c *Conns) add(nc net.Conn) *conn {
	own := &conn{Conn: nc, conns: c}
	own.only.conn = own
	own.since.Store(time.Now().UnixNano())
	c.mu.Lock()
	var last *conn
	if len(c.open) >= c.most {
		last = c.last()
	}
	c.open[own] = struct{}{}
	if last != nil {
		delete(c.open, last)
		c.warn()
	}
	c.mu.Unlock()
	if last != nil {
		_ = last.Conn.Close() // the server detects the end and closes it again
	}
	return own
}

// last is the connection to close for a new one; nil if all are being served.
func (c *Conns) last() (last *conn) {
	var lowest state
	var oldest int64
	for own := range c.open {
		s, since := own.state(), own.since.Load()
		if s != serving && (last == nil || s < lowest || s == lowest && since < oldest) {
			last, lowest, oldest = own, s, since
		}
	}
	return last
}

// warnPause is how often closed connections are logged.
const warnPause = time.Minute

func (c *Conns) warn() {
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
	since atomic.Int64 // Unix time of the last state change, in nanoseconds
	// requests counts the open requests by state; those that are idle are not counted.
	requests [serving + 1]atomic.Int32
	only     visit // the request of a connection of HTTP/1
}

// state is the state of a connection.
func (c *conn) state() state {
	for s := serving; s > idle; s-- {
		if c.requests[s].Load() > 0 {
			return s
		}
	}
	return idle
}

func (c *conn) Close() error {
	c.conns.remove(c)
	return c.Conn.Close()
}

// SyscallConn returns the connection's socket.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite closes the writing half, as net/http does after a refusal so that the client can read
// it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
