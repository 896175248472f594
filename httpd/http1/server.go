// Package http1 is an HTTP/1.1 server in front of net/http's: a lean loop for requests that leave
// no room for interpretation, which needs one goroutine and hardly any buffers per connection. All
// other connections are handed over to net/http with what has been read of them: HTTP/1.0, HTTP/2,
// upgrades, Expect, chunked bodies, large headers, and everything that is malformed. The lean loop
// never refuses a request, and never repairs one.
package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"outcrop/internal/second"
)

// Sizes of buffers, which are shared by all connections.
const (
	headSize    = 8 << 10  // for reading: a head, and the beginning of a body
	holdSize    = 2 << 10  // for writing: what a handler has not flushed; net/http computes the length of shorter bodies
	pieceSize   = 17 << 10 // for writing: header, framing and body in one system call; never held while a client does not read
	headSpare   = 4 << 10  // how much more than MaxHeaderBytes net/http accepts
	maxUnread   = 256 << 10
	lingerDelay = 500 * time.Millisecond
)

// Server serves HTTP. It has the part of http.Server's behaviour that does not depend on settings
// of its own: those are the http.Server's that it was made with.
type Server struct {
	std    *http.Server
	heads  sync.Pool // of *[]byte, headSize
	holds  sync.Pool // of *[]byte, holdSize
	pieces sync.Pool // of *[]byte, pieceSize
	kept   sync.Pool // of *kept, empty
	fields sync.Pool // of http.Header, empty
	orders orders
	dates  second.Of[string] // fields Date
	stacks stacks

	closing  atomic.Bool // Shutdown or Close has been called
	lastOnly atomic.Bool // connections close after their response

	mu       sync.Mutex
	listener net.Listener
	rest     *handover
	watch    *watcher // nil if net/http serves everything
	conns    map[*conn]struct{}
}

// New makes a server with the settings of std, which serves what the lean loop does not, and belongs
// to the Server from now on. The lean loop knows Handler, ReadHeaderTimeout, IdleTimeout,
// MaxHeaderBytes, ErrorLog, BaseContext and ConnContext. ConnContext is called again for a
// connection that is handed over. With a ReadTimeout, WriteTimeout, TLSConfig or ConnState, and on
// systems other than Linux, std serves everything.
//
// A handler's ResponseWriter does what net/http's does, except that it cannot be hijacked (requests
// to upgrade a connection are net/http's), sends no trailers, and is not told by http.MaxBytesReader
// that a body is too large.
func New(std *http.Server) *Server { return &Server{std: std, conns: map[*conn]struct{}{}} }

// Serve accepts connections until Shutdown or Close, and then returns http.ErrServerClosed. It may
// be called once. A connection that has a SyscallConn method is read and written through it.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	base := context.Background()
	if s.std.BaseContext != nil {
		base = s.std.BaseContext(l)
	}
	var watch *watcher
	if s.std.Handler != nil && s.std.ReadTimeout == 0 && s.std.WriteTimeout == 0 && s.std.TLSConfig == nil && s.std.ConnState == nil {
		var err error
		if watch, err = newWatcher(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			s.logf("http: %v; net/http serves all connections", err)
		}
	}
	rest := newHandover(l.Addr())
	if !s.begin(l, rest, watch) {
		if watch != nil {
			watch.close()
			<-watch.done
		}
		return http.ErrServerClosed
	}
	s.std.BaseContext = func(net.Listener) context.Context { return base }
	if connContext := s.std.ConnContext; connContext != nil {
		s.std.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
			if r, ok := nc.(*replayed); ok {
				nc = r.Conn
			}
			return connContext(ctx, nc)
		}
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.std.Serve(rest) // ends when rest is closed
	}()
	err := s.accept(l, base)
	_ = rest.Close()
	<-served
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwatch()
	return err
}

// begin reports whether serving may begin.
func (s *Server) begin(l net.Listener, rest *handover, watch *watcher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() || s.listener != nil {
		return false
	}
	s.listener, s.rest, s.watch = l, rest, watch
	return true
}

func (s *Server) accept(l net.Listener, base context.Context) error { //nolint:revive // a context of all connections, not of this call
	var delay time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			var failure interface{ Temporary() bool } // such as the lack of file descriptors; net/http asks the same
			switch {
			case s.closing.Load():
				return http.ErrServerClosed
			case errors.As(err, &failure) && failure.Temporary():
				delay = min(max(2*delay, 5*time.Millisecond), time.Second)
				s.logf("http: Accept error: %v; retrying in %v", err, delay)
				time.Sleep(delay)
				continue
			default:
				return err
			}
		}
		delay = 0
		raw := s.raw(nc)
		if raw == nil {
			s.rest.send(&replayed{Conn: nc})
			continue
		}
		c := newConn(s, nc, raw, base)
		if s.track(c) {
			go c.serve()
		} else {
			_ = nc.Close()
		}
	}
}

// raw returns a connection's socket; nil if the lean loop does not serve the connection.
func (s *Server) raw(nc net.Conn) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok || s.watch == nil {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// track begins to count a connection, unless the server is closing.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.unwatch()
}

// unwatch ends the watcher after the last connection. It needs s.mu.
func (s *Server) unwatch() {
	if s.watch != nil && s.closing.Load() && len(s.conns) == 0 {
		s.watch.close()
	}
}

// SetKeepAlivesEnabled is http.Server's: without keep-alives, idle connections are closed, and the
// others after their response.
func (s *Server) SetKeepAlivesEnabled(v bool) {
	s.lastOnly.Store(!v)
	s.std.SetKeepAlivesEnabled(v)
	if !v {
		s.closeIdle()
	}
}

func (s *Server) keepAlives() bool { return !s.lastOnly.Load() && !s.closing.Load() }

// pollMost is the longest time between two looks at the connections that Shutdown waits for.
const pollMost = 500 * time.Millisecond

// Shutdown is http.Server's: it stops accepting, closes idle connections, and waits until the others
// have ended or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	s.stacks.end()
	err := s.closeListener()
	rest := make(chan error, 1)
	go func() { rest <- s.std.Shutdown(ctx) }()
	waited := s.wait(ctx)
	if restErr := <-rest; waited == nil {
		waited = restErr
	}
	if waited != nil {
		return waited
	}
	s.mu.Lock()
	watch := s.watch
	s.unwatch()
	s.mu.Unlock()
	if watch != nil {
		<-watch.done
	}
	return err
}

// wait waits for the connections of the lean loop.
func (s *Server) wait(ctx context.Context) error {
	pause := time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for !s.closeIdle() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			pause = min(2*pause, pollMost)
			timer.Reset(pause)
		}
	}
	return nil
}

// Close is http.Server's: it closes the listener and all connections, and cancels what they serve.
func (s *Server) Close() error {
	s.closing.Store(true)
	s.stacks.end()
	err := errors.Join(s.closeListener(), s.std.Close())
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.nc.Close()
		c.abandon()
	}
	s.unwatch()
	return err
}

func (s *Server) closeListener() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Close()
}

// newTimeout is how long a connection may take to send its first request during a shutdown.
const newTimeout = 5 * time.Second

// closeIdle closes the idle connections, and reports whether there are no others.
func (s *Server) closeIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.idle() {
			_ = c.nc.Close() // its goroutine ends it
		}
	}
	return len(s.conns) == 0
}

// logf logs what net/http would log.
func (s *Server) logf(format string, args ...any) {
	if s.std.ErrorLog != nil {
		s.std.ErrorLog.Printf(format, args...)
	}
}

// buffer takes a buffer of a size from its pool.
func buffer(pool *sync.Pool, size int) *[]byte {
	if b, ok := pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, size)
	return &b
}
