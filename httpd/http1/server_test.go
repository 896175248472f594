package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serve starts a lean server whose settings change may adapt.
func serve(t *testing.T, h http.HandlerFunc, change func(*http.Server)) (*Server, net.Listener) {
	t.Helper()
	std := settings(h)
	if change != nil {
		change(std)
	}
	s, l := New(std), listen(t)
	run(t, s.Serve, s.Close, l)
	return s, l
}

// ask sends a text on a new connection, which the test closes.
func ask(t *testing.T, l net.Listener, text string) *net.TCPConn {
	t.Helper()
	conn := dial(t, l)
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ends fails unless the server closes the connection, and returns what came before.
func ends(t *testing.T, conn net.Conn) string {
	t.Helper()
	got, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v after %q", err, got)
	}
	return string(got)
}

// within fails unless a channel is closed or sends in time.
func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Error("never: " + what)
	}
	return v
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
		runtime.Gosched()
	}
}

// TestContext: what a request's context has are the base's and the connection's values and
// cancellation, and its own end.
func TestContext(t *testing.T) {
	type baseKey struct{}
	type connKey struct{}
	base, cut := context.WithCancelCause(context.WithValue(t.Context(), baseKey{}, "base"))
	reason := errors.New("a reason")
	var contexts []context.Context
	begun, done := make(chan struct{}), make(chan error, 1)
	var mu sync.Mutex
	_, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		contexts = append(contexts, r.Context())
		mu.Unlock()
		if r.URL.Path == "/wait" {
			close(begun)
			<-r.Context().Done()
			done <- context.Cause(r.Context())
		}
	}, func(s *http.Server) {
		s.BaseContext = func(net.Listener) context.Context { return base }
		s.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
			if _, ok := nc.(*net.TCPConn); !ok {
				t.Errorf("ConnContext got a %T", nc)
			}
			return context.WithValue(ctx, connKey{}, "conn")
		}
	})
	conn := ask(t, l, get("/")+get("/odd", "TE: trailers")+get("/close", "Connection: close"))
	ends(t, conn)
	ask(t, l, get("/wait"))
	within(t, "the handler begins", begun)
	cut(reason)
	if err := within(t, "the handler ends", done); !errors.Is(err, reason) {
		t.Errorf("the context ended with %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(contexts) != 4 {
		t.Fatalf("%d requests", len(contexts))
	}
	for i, ctx := range contexts {
		if ctx.Value(baseKey{}) != "base" || ctx.Value(connKey{}) != "conn" || ctx.Err() == nil {
			t.Errorf("request %d: %v, %v, %v", i, ctx.Value(baseKey{}), ctx.Value(connKey{}), ctx.Err())
		}
	}
}

// TestShutdown: idle connections are closed, of the lean loop and of net/http; open requests are
// waited for, and their connections close.
func TestShutdown(t *testing.T) {
	begun, release := make(chan struct{}, 2), make(chan struct{})
	s, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			begun <- struct{}{}
			<-release
		}
		_, _ = io.WriteString(w, "done")
	}, nil)
	var idle []*bufio.Reader
	for _, text := range []string{get("/"), get("/", "TE: trailers")} {
		conn := bufio.NewReader(ask(t, l, text))
		resp, err := http.ReadResponse(conn, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		idle = append(idle, conn)
	}
	busy := []net.Conn{ask(t, l, get("/wait")), ask(t, l, get("/wait", "TE: trailers"))}
	within(t, "a request begins", begun)
	within(t, "a request begins", begun)
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(t.Context()) }()
	for _, conn := range idle {
		if _, err := conn.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("an idle connection: %v", err)
		}
	}
	select {
	case err := <-ended:
		t.Fatal("Shutdown did not wait:", err)
	default:
	}
	close(release)
	for _, conn := range busy {
		if got := ends(t, conn); !strings.Contains(got, "Connection: close") || !strings.HasSuffix(got, "done") {
			t.Errorf("got %q", got)
		}
	}
	if err := within(t, "Shutdown ends", ended); err != nil {
		t.Error(err)
	}
	if err := s.Serve(listen(t)); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

// TestShutdownTimeout: Shutdown ends with its context.
func TestShutdownTimeout(t *testing.T) {
	begun := make(chan struct{})
	s, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}, nil)
	ask(t, l, get("/"))
	within(t, "the request begins", begun)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestKeepAlivesDisabled: idle connections close at once, the others with their response, which says
// so.
func TestKeepAlivesDisabled(t *testing.T) {
	s, l := serve(t, func(http.ResponseWriter, *http.Request) {}, nil)
	conn := ask(t, l, get("/"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Close {
		t.Error("the connection closes")
	}
	until(t, "the connection is idle", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			return c.status.Load() == stateIdle
		}
		return false
	})
	s.SetKeepAlivesEnabled(false)
	if got := ends(t, conn); got != "" {
		t.Errorf("got %q", got)
	}
	if got := ends(t, ask(t, l, get("/"))); !strings.Contains(got, "Connection: close") {
		t.Errorf("got %q", got)
	}
}

// TestTimeouts: connections that send nothing, half a head, or no further request are closed without
// a response, whether or not net/http has them.
func TestTimeouts(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "half a line": "GET", "half a head": "GET / HTTP/1.1\r\nHost: h\r\n", "an odd half": "GET / HTTP/1.1\r\nTE: x\r\n", "half a head after another": get("/") + "GET / HTT",
		"no other request": get("/"), "a letter after a request": get("/") + "G", "an odd request": get("/", "TE: x"),
	} {
		t.Run(name, func(t *testing.T) {
			_, l := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, func(s *http.Server) {
				s.ReadHeaderTimeout, s.IdleTimeout = 50*time.Millisecond, 60*time.Millisecond
			})
			got := ends(t, ask(t, l, text))
			if want := strings.Count(text, "\r\n\r\n"); strings.Count(got, "HTTP/1.1 204 ") != want || strings.Contains(got, "400") {
				t.Errorf("got %q, want %d responses", got, want)
			}
		})
	}
}

// TestHandedOverHeadKeepsItsDeadline: net/http does not give a head more time than it has left.
func TestHandedOverHeadKeepsItsDeadline(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	r := &replayed{Conn: a, read: []byte("GET"), until: time.Now().Add(-time.Second)}
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 8)
	if n, err := r.Read(p); n != 3 || err != nil {
		t.Error(n, err)
	}
	if _, err := r.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = b.Write([]byte("x")) }()
	if _, err := r.Read(p); err != nil {
		t.Error("the next deadline is not the handler's:", err)
	}
}

// TestPanic: a handler's panic is logged with the client's address, and closes the connection.
func TestPanic(t *testing.T) {
	var log lines
	_, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("oh")
	}, func(s *http.Server) { s.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelInfo) })
	for _, path := range []string{"/abort", "/panic"} {
		conn := ask(t, l, get(path))
		if got := ends(t, conn); got != "" {
			t.Errorf("%s got %q", path, got)
		}
		if logged := log.take(); strings.Contains(logged, "http: panic serving "+conn.LocalAddr().String()+": oh") != (path == "/panic") || path == "/abort" && logged != "" {
			t.Errorf("%s logged %q", path, logged)
		}
	}
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}

// full is a listener that fails once as if there were no file descriptors.
type full struct {
	net.Listener
	failed atomic.Bool
}

func (f *full) Accept() (net.Conn, error) {
	if !f.failed.Swap(true) {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return f.Listener.Accept()
}

// TestAcceptAgain: a failure to accept is logged as net/http does, and is not the end.
func TestAcceptAgain(t *testing.T) {
	var log lines
	std := settings(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	std.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelInfo)
	s, l := New(std), listen(t)
	run(t, s.Serve, s.Close, &full{Listener: l})
	if got := ends(t, ask(t, l, get("/", "Connection: close"))); !strings.Contains(got, "200 OK") {
		t.Errorf("got %q", got)
	}
	if logged := log.take(); !strings.Contains(logged, "http: Accept error: accept tcp: accept4: too many open files; retrying in 5ms") {
		t.Errorf("logged %q", logged)
	}
}

// TestOtherConnections: what has no socket, or settings that the lean loop does not know, is served
// by net/http.
func TestOtherConnections(t *testing.T) {
	lean := make(chan bool, 1)
	handler := func(w http.ResponseWriter, _ *http.Request) {
		_, ok := w.(*response)
		lean <- ok
	}
	for name, tt := range map[string]struct {
		wrap   func(net.Listener) net.Listener
		change func(*http.Server)
		lean   bool
	}{
		"plain":        {func(l net.Listener) net.Listener { return l }, func(*http.Server) {}, true},
		"no socket":    {func(l net.Listener) net.Listener { return bare{l} }, func(*http.Server) {}, false},
		"ReadTimeout":  {func(l net.Listener) net.Listener { return l }, func(s *http.Server) { s.ReadTimeout = patience }, false},
		"WriteTimeout": {func(l net.Listener) net.Listener { return l }, func(s *http.Server) { s.WriteTimeout = patience }, false},
		"ConnState":    {func(l net.Listener) net.Listener { return l }, func(s *http.Server) { s.ConnState = func(net.Conn, http.ConnState) {} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			std := settings(http.HandlerFunc(handler))
			tt.change(std)
			s, l := New(std), listen(t)
			run(t, s.Serve, s.Close, tt.wrap(l))
			ends(t, ask(t, l, get("/", "Connection: close")))
			if got := <-lean; got != tt.lean {
				t.Errorf("the lean loop: %v", got)
			}
		})
	}
}

// bare hides what a connection is.
type bare struct{ net.Listener }

func (b bare) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	return struct{ net.Conn }{c}, err
}
