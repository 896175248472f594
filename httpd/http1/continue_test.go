package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// going is a handler's ResponseWriter as package inbound sees it.
type going interface {
	http.ResponseWriter
	http.Flusher
	Continue(rest func())
	Continues() bool
	After(f func())
}

// read reads one response.
func read(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestAResponseGoesOnAfterItsHandler: what the handler leaves for later comes in order, the request's context lives until then, and the
// connection serves the next request.
func TestAResponseGoesOnAfterItsHandler(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	ended := make(chan struct{}, 2)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		g, ctx := w.(going), r.Context()
		w.Header().Set("X-Kept", "yes")
		g.Continue(func() {
			note("rest")
			_, _ = io.WriteString(w, "one ")
			g.Flush()
			if ctx.Err() != nil {
				t.Error("the context has ended before the response")
			}
			w.Header().Set("X-Late", "yes") // as after any head that was sent
			_, _ = io.WriteString(w, "two")
		})
		if !g.Continues() {
			t.Error("the response does not go on")
		}
		g.After(func() { note("inner") })
		g.After(func() { note("outer"); ended <- struct{}{} })
		note("handler")
	}, nil)
	conn := ask(t, l, strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2))
	in := bufio.NewReader(conn)
	for range 2 {
		if body := read(t, in); body != "one two" {
			t.Errorf("the response is %q", body)
		}
		within(t, "the end", ended)
	}
	once := []string{"handler", "rest", "inner", "outer"}
	mu.Lock()
	defer mu.Unlock()
	if want := slices.Concat(once, once); !slices.Equal(order, want) {
		t.Errorf("the order is %q, want %q", order, want)
	}
}

// TestAPanicAfterTheHandler ends the connection when those who can recover it have passed it on.
func TestAPanicAfterTheHandler(t *testing.T) {
	seen := make(chan any, 1)
	_, l := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		g := w.(going)
		g.Continue(func() {
			_, _ = io.WriteString(w, "one ")
			g.Flush()
			panic(http.ErrAbortHandler)
		})
		g.After(func() {
			p := recover()
			seen <- p
			panic(p)
		})
	}, nil)
	got := ends(t, ask(t, l, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if p := within(t, "the panic", seen); p != any(http.ErrAbortHandler) {
		t.Errorf("recovered %v", p)
	}
	if !strings.Contains(got, "one ") || strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("the client got %q, which it may take for a whole response", got)
	}
}

// TestTheClientsEndIsNoticedAfterTheHandler: a response that goes on is cancelled as any other.
func TestTheClientsEndIsNoticedAfterTheHandler(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan error, 1)
	_, l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		w.(going).Continue(func() {
			close(begun)
			<-ctx.Done()
			gone <- ctx.Err()
		})
	}, nil)
	conn := ask(t, l, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	within(t, "the rest", begun)
	_ = conn.Close()
	if err := within(t, "the client's end", gone); !errors.Is(err, context.Canceled) {
		t.Errorf("the context ended with %v", err)
	}
}

// TestHandlersShareStacks: a handler that has returned, even if its response goes on, leaves its stack to the next, and a server that is closed has
// none left.
func TestHandlersShareStacks(t *testing.T) {
	release := make(chan struct{})
	s, l := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		g := w.(going)
		g.Continue(func() {
			_, _ = io.WriteString(w, "one")
			g.Flush()
			<-release
		})
	}, nil)
	var open []net.Conn
	for range 20 {
		conn := ask(t, l, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil { //nolint:bodyclose // it is open until release
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if n := s.stacks.kept(); n != 1 {
		t.Errorf("%d stacks are kept for %d responses that go on; want one", n, len(open))
	}
	close(release)
	_ = s.Close()
	if n := s.stacks.kept(); n != 0 {
		t.Errorf("%d stacks are kept by a server that is closed", n)
	}
}

// kept is how many stacks wait for a handler.
func (s *stacks) kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.idle)
}
