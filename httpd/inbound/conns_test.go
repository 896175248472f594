package inbound_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outcrop/httpd/inbound"
	"outcrop/internal/budget"
	"outcrop/llm"
)

// queue is a listener of connections that were made before.
type queue struct{ conns chan net.Conn }

func (q *queue) Accept() (net.Conn, error) { return <-q.conns, nil }
func (q *queue) Close() error              { return nil }
func (q *queue) Addr() net.Addr            { return &net.TCPAddr{} }

// The connection that is closed for a new one waits for its client: the one that has
// waited longest without a key, else with one. None is closed that is being served.
func TestConnectionsAreBounded(t *testing.T) {
	var log bytes.Buffer
	conns := inbound.NewConns(3, slog.New(slog.NewTextHandler(&log, nil)))
	q := &queue{conns: make(chan net.Conn, 1)}
	l := conns.Listener(q)
	accept := func() (server, client net.Conn) {
		here, there := net.Pipe()
		q.conns <- here
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return server, there
	}
	request := func(c net.Conn, body string) *http.Request {
		r := request(t, strings.NewReader(body))
		r.ContentLength = int64(len(body))
		return r.WithContext(conns.Context(t.Context(), c))
	}
	closed := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now()) // net.Pipe has deadlines
		_, err := c.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	rd := &inbound.Reader{Limit: 100}

	serving, clientServing := accept()
	whole := request(serving, "{}")
	inbound.Admitted(whole)
	if _, err := rd.Read(httptest.NewRecorder(), whole, nil); err != nil {
		t.Fatal(err)
	}
	sending, clientSending := accept()
	inbound.Admitted(request(sending, "{}"))
	done, clientDone := accept()
	models := request(done, "")
	inbound.Admitted(models)

	last, clientLast := accept() // the body behind the key is all that waits
	if closed(clientServing) || closed(clientDone) || closed(clientLast) || !closed(clientSending) {
		t.Error("another connection than the one that sends a body was closed")
	}
	inbound.Done(models)
	inbound.Done(whole)
	_, newest := accept() // last has waited longest
	if closed(clientServing) || closed(clientDone) || closed(newest) || !closed(clientLast) {
		t.Error("another connection than the one that waited longest was closed")
	}
	if err := done.Close(); err != nil {
		t.Error(err)
	}
	if _, fits := accept(); closed(clientServing) || closed(newest) || closed(fits) {
		t.Error("a connection was closed without need")
	}
	_ = last.Close()
	if n := strings.Count(log.String(), "closing idle connections"); n != 1 {
		t.Errorf("%d warnings: %s", n, &log)
	}
}

// A connection of HTTP/2 is served as long as one of its requests is.
func TestAConnectionWithSeveralRequests(t *testing.T) {
	conns := inbound.NewConns(1, slog.New(slog.DiscardHandler))
	q := &queue{conns: make(chan net.Conn, 1)}
	l := conns.Listener(q)
	accept := func() (server, client net.Conn) {
		here, there := net.Pipe()
		q.conns <- here
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return server, there
	}
	closed := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now()) // net.Pipe has deadlines
		_, err := c.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	server, client := accept()
	begin := func() *http.Request {
		r := request(t, strings.NewReader(""))
		r.ContentLength, r.ProtoMajor = 0, 2
		return inbound.Begin(r.WithContext(conns.Context(t.Context(), server)))
	}
	first, second, refused := begin(), begin(), begin()
	inbound.Admitted(first)
	inbound.Admitted(second)
	inbound.Done(second)
	inbound.Done(refused)
	if _, other := accept(); closed(client) || closed(other) {
		t.Error("a connection with an open call was closed")
	}
	inbound.Done(first)
	accept() // the other one has waited longer
	accept()
	if !closed(client) {
		t.Error("a connection without calls was kept")
	}
}

// A body takes its memory from the budget and is refused when there is none in time.
func TestABodyTakesItsMemory(t *testing.T) {
	b := budget.New(32<<20, time.Nanosecond)
	rd := &inbound.Reader{Limit: 64 << 20}
	read := func(size int, known bool) (*budget.Lease, *llm.Error) {
		body := strings.NewReader(strings.Repeat("x", size))
		r := request(t, body)
		if r.ContentLength = -1; known {
			r.ContentLength = int64(size)
		}
		lease := b.Lease()
		if _, err := rd.Read(httptest.NewRecorder(), r, lease); err != nil {
			lease.Release()
			if llm.AsError(err).Code == llm.CodeOverloaded && body.Len() > 0 {
				t.Errorf("%d bytes are unread, which a client sends before it reads the answer", body.Len())
			}
			return nil, llm.AsError(err)
		}
		return lease, nil
	}
	for _, known := range []bool{true, false} {
		first, err := read(4<<20, known)
		if err != nil {
			t.Fatal(err)
		}
		if held := first.Held(); held < 4<<20*inbound.Weight || known && held > (4<<20+10)*inbound.Weight {
			t.Errorf("%d bytes are taken", held)
		}
		if _, err := read(4<<20, known); err == nil || err.Code != llm.CodeOverloaded || err.Status != 503 || err.RetryAfter == "" {
			t.Errorf("the second got %v", err)
		}
		if small, err := read(100, known); err != nil {
			t.Errorf("a small one got %v", err)
		} else {
			small.Release()
		}
		if _, err := read(33<<20, true); err == nil || err.Status != 413 || !strings.Contains(err.Fix, "max_in_flight_mb") {
			t.Errorf("one larger than the budget got %v", err)
		}
		first.Release()
		if n := b.Used(); n != 0 {
			t.Errorf("%d bytes stay taken", n)
		}
	}
}

func TestABodyThatNobodyReadsHasADeadline(t *testing.T) {
	for _, tt := range []struct {
		length int64
		bound  bool
	}{{0, false}, {5, true}, {-1, true}} {
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		r := request(t, strings.NewReader("12345"))
		r.ContentLength = tt.length
		inbound.Unread(w, r)
		if bound := len(w.deadlines) == 1 && time.Until(w.deadlines[0]) < 10*time.Second; bound != tt.bound || (w.Header().Get("Connection") == "close") != tt.bound {
			t.Errorf("length %d: deadlines %v, header %v", tt.length, w.deadlines, w.Header())
		}
		if !tt.bound {
			continue
		}
		if _, err := (&inbound.Reader{Limit: 100}).Read(w, r, nil); err != nil {
			t.Fatal(err)
		}
		if last := w.deadlines[len(w.deadlines)-1]; !last.IsZero() || w.Header().Get("Connection") != "" {
			t.Errorf("behind a body that was read the deadline is %v, the header %v", last, w.Header())
		}
	}
}
