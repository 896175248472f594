package http1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestClientGone: a handler that neither reads nor writes learns that its client has gone, or that
// the server closes, and not before the body has been read.
func TestClientGone(t *testing.T) {
	type handler struct{ begun, gone chan struct{} }
	cases := map[string]struct {
		text string
		end  func(*testing.T, *Server, *net.TCPConn)
	}{
		"closed":               {get("/"), func(_ *testing.T, _ *Server, c *net.TCPConn) { _ = c.Close() }},
		"closed after a body":  {post("/", "body"), func(_ *testing.T, _ *Server, c *net.TCPConn) { _ = c.Close() }},
		"half closed":          {get("/"), func(_ *testing.T, _ *Server, c *net.TCPConn) { _ = c.CloseWrite() }},
		"reset":                {get("/"), func(_ *testing.T, _ *Server, c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }},
		"on a used connection": {get("/quick") + post("/", "body"), func(_ *testing.T, _ *Server, c *net.TCPConn) { _ = c.Close() }},
		"the server closes":    {get("/"), func(_ *testing.T, s *Server, _ *net.TCPConn) { _ = s.Close() }},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			h := handler{make(chan struct{}), make(chan struct{})}
			s, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/quick" {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				close(h.begun)
				<-r.Context().Done()
				close(h.gone)
			}, nil)
			conn := ask(t, l, tt.text)
			within(t, "the handler begins", h.begun)
			select {
			case <-h.gone:
				t.Fatal("the client is there")
			default:
			}
			tt.end(t, s, conn)
			within(t, "the handler ends", h.gone)
		})
	}
}

// TestAnUnreadBodyDoesNotLoseTheAnswer: a client that sends all of a body that the handler does not want, before it reads, gets
// the answer: the server does not close the connection under it.
func TestAnUnreadBodyDoesNotLoseTheAnswer(t *testing.T) {
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/closed" {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}, nil)
	for name, headers := range map[string][]string{"/": nil, "/closed": nil, "/asked": {"Connection: close"}, "/closed?asked": {"Connection: close"}} {
		for _, size := range []int{10, 100 << 10, 16 << 20} {
			conn := dial(t, l)
			if _, err := io.WriteString(conn, post(name, strings.Repeat("a", size), headers...)); err != nil {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
			_ = conn.CloseWrite()
			if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
				t.Errorf("%s, %d bytes: %.100q, %v", name, size, answer, err)
			}
			_ = conn.Close()
		}
	}
}

// TestGoneBeforeTheBodyIsRead: an end that came while the body was still to be read is noticed when
// it has been.
func TestGoneBeforeTheBodyIsRead(t *testing.T) {
	sent, gone := make(chan struct{}), make(chan struct{})
	_, l := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		<-sent
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	}, nil)
	conn := ask(t, l, post("/", strings.Repeat("x", 2*headSize)))
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(sent)
	within(t, "the handler ends", gone)
}

// TestPipelinedIsNotGone: a client that sends its next request, and then nothing more, is waited for,
// and gets both responses.
func TestPipelinedIsNotGone(t *testing.T) {
	release := make(chan struct{})
	var cancelled atomic.Int32
	begun := make(chan struct{}, 2)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		if r.URL.Path == "/first" {
			<-release
			if r.Context().Err() != nil {
				cancelled.Add(1)
			}
		}
		_, _ = io.WriteString(w, r.URL.Path)
	}, nil)
	conn := ask(t, l, get("/first"))
	within(t, "the first request begins", begun)
	if _, err := io.WriteString(conn, get("/second", "Connection: close")); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	close(release)
	got := ends(t, conn)
	if strings.Count(got, "200 OK") != 2 || !strings.HasSuffix(got, "/second") || cancelled.Load() != 0 {
		t.Errorf("got %q, cancelled %d", got, cancelled.Load())
	}
}

// TestIdleConnectionsHoldNoBuffers: neither does a connection whose request is being served.
func TestIdleConnectionsHoldNoBuffers(t *testing.T) {
	idle := make(chan struct{}, 10)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c := w.(*response).conn
		if c.head != nil {
			t.Error("a request that is being served holds a buffer")
		}
		c.tryRead = func(fd uintptr) bool {
			done := c.readNow(fd)
			if !done {
				if c.head != nil {
					t.Error("an idle connection holds a buffer")
				}
				idle <- struct{}{}
			}
			return done
		}
	}, nil)
	conn := ask(t, l, post("/", "body"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	within(t, "the connection is idle", idle)
}
