package inbound_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/httpd/inbound"
	"outcrop/llm"
)

// patient is a ResponseWriter that takes read deadlines, and keeps them.
type patient struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (p *patient) SetReadDeadline(t time.Time) error {
	p.deadlines = append(p.deadlines, t)
	return nil
}

// request is one whose length the client does not say.
func request(t *testing.T, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", io.NopCloser(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failing gives its bytes and then its error.
type failing struct {
	data string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.data)
	f.data = f.data[n:]
	if f.data == "" {
		return n, f.err
	}
	return n, nil
}

func TestABodyIsReadWhole(t *testing.T) {
	const limit = 100 << 10
	rd := &inbound.Reader{Limit: limit}
	for _, size := range []int{0, 1, 8<<10 - 1, 8 << 10, 8<<10 + 1, limit} {
		want := strings.Repeat("x", size)
		b, err := rd.Read(httptest.NewRecorder(), request(t, strings.NewReader(want)), nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if string(b.Bytes) != want {
			t.Errorf("%d bytes came as %d", size, len(b.Bytes))
		}
		b.Release()
	}
}

func TestAReleasedBodyLeavesNothingToTheNext(t *testing.T) {
	rd := &inbound.Reader{Limit: 1 << 20}
	for _, text := range []string{"a long first body", "short", ""} {
		b, err := rd.Read(httptest.NewRecorder(), request(t, strings.NewReader(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(b.Bytes) != text {
			t.Errorf("got %q, want %q", b.Bytes, text)
		}
		b.Release()
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		body   io.Reader
		length int64 // that the client claims; -1 for none
		code   llm.Code
		status int
		wants  string
	}{
		{"larger than the limit", strings.NewReader(strings.Repeat("x", 2<<20+1)), -1, llm.CodeTooLarge, 413, "the request is too large (limit 2 MB)."},
		{"said to be larger, and not read at all", &failing{err: errors.New("read")}, 2<<20 + 1, llm.CodeTooLarge, 413, "too large (limit 2 MB)"},
		{"too slow", &failing{"{", os.ErrDeadlineExceeded}, -1, llm.CodeSlowClient, 408, "did not arrive in time"},
		{"broken off", &failing{"{", io.ErrUnexpectedEOF}, -1, llm.CodeBadRequest, 400, "the request body cannot be read: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := request(t, tt.body)
			r.ContentLength = tt.length
			_, err := (&inbound.Reader{Limit: 2 << 20}).Read(w, r, nil)
			var e *llm.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Status != tt.status || !strings.Contains(e.Message, tt.wants) {
				t.Errorf("got %v", err)
			}
			if w.Header().Get("Connection") != "close" {
				t.Error("the connection is kept, with what is left of the body on it")
			}
		})
	}
}

func TestABodyHasTheTimeThatItsBytesTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		if _, err := (&inbound.Reader{Limit: 1 << 20}).Read(w, request(t, bytes.NewReader(make([]byte, 320<<10))), nil); err != nil {
			t.Fatal(err)
		}
		if first := w.deadlines[0].Sub(start); first != 30*time.Second {
			t.Errorf("the first deadline is after %v", first)
		}
		if last := w.deadlines[len(w.deadlines)-1]; !last.IsZero() {
			t.Errorf("the deadline stays at %v", last)
		}
		if furthest := w.deadlines[len(w.deadlines)-2].Sub(start); furthest < 39*time.Second || furthest > 40*time.Second {
			t.Errorf("320 KiB at 32 KiB a second have %v", furthest)
		}
	})
}

// wire is a ResponseWriter whose client may go away.
type wire struct {
	mu      sync.Mutex
	inner   *httptest.ResponseRecorder
	flushes int
	writes  int
	fails   int // the number of the write that fails; 0 for none
}

func (w *wire) Header() http.Header { return w.inner.Header() }

func (w *wire) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inner.WriteHeader(status)
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	if w.writes == w.fails {
		return 0, io.ErrClosedPipe
	}
	return w.inner.Write(p)
}

func (w *wire) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushes++
}

// seen is what the client has got, and in how many flushes.
func (w *wire) seen() (body string, flushes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inner.Body.String(), w.flushes
}

const ping = ": ping\n\n"

// events runs a test on an answer whose comments come after 15 s of silence.
func events(t *testing.T, test func(t *testing.T, w *wire, e *inbound.Events)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{inner: httptest.NewRecorder()}
		e := inbound.NewEvents(w, ping, 15*time.Second)
		defer e.Close()
		test(t, w, e)
	})
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestUntilTheFirstEventTheAnswerIsOpen(t *testing.T) {
	events(t, func(t *testing.T, w *wire, e *inbound.Events) {
		pass(14 * time.Second)
		if e.Commit() {
			t.Error("headers are out")
		}
		pass(time.Minute)
		if body, _ := w.seen(); body != "" {
			t.Errorf("a comment went out behind Commit: %q", body)
		}
		w.WriteHeader(http.StatusTeapot)
		if w.inner.Code != http.StatusTeapot {
			t.Errorf("got status %d", w.inner.Code)
		}
	})
}

func TestSilenceIsFilledWithComments(t *testing.T) {
	events(t, func(t *testing.T, w *wire, e *inbound.Events) {
		pass(31 * time.Second)
		if body, flushes := w.seen(); body != ping+ping || flushes != 2 {
			t.Errorf("got %q, flushed %d times", body, flushes)
		}
		if h := w.Header(); w.inner.Code != http.StatusOK || h.Get("Content-Type") != "text/event-stream" || h.Get("X-Accel-Buffering") != "no" {
			t.Errorf("got status %d, %v", w.inner.Code, h)
		}
		if !e.Commit() {
			t.Error("headers are not out")
		}
		if err := e.Write([]byte("data: 1\n\n"), false); err != nil {
			t.Fatal(err)
		}
		pass(14 * time.Second)
		if err := e.Write([]byte("data: 2\n\n"), false); err != nil {
			t.Fatal(err)
		}
		pass(14 * time.Second)
		want := ping + ping + "data: 1\n\ndata: 2\n\n"
		if body, _ := w.seen(); body != want {
			t.Errorf("got %q, want %q", body, want)
		}
		pass(2 * time.Second)
		if body, _ := w.seen(); body != want+ping {
			t.Errorf("got %q, want %q", body, want+ping)
		}
	})
}

func TestABurstLeavesInOnePiece(t *testing.T) {
	events(t, func(t *testing.T, w *wire, e *inbound.Events) {
		for i, more := range []bool{true, true, false} {
			if err := e.Write([]byte("data: x\n\n"), more); err != nil {
				t.Fatal(err)
			}
			if _, flushes := w.seen(); flushes != i/2 {
				t.Errorf("after event %d it was flushed %d times, want %d", i, flushes, i/2)
			}
		}
		err := e.Write(nil, false)
		if _, flushes := w.seen(); err != nil || flushes != 2 {
			t.Errorf("what waits is not sent: %v, flushed %d times", err, flushes)
		}
	})
}

func TestAClientThatIsGoneIsAnErrorFromThenOn(t *testing.T) {
	events(t, func(t *testing.T, w *wire, e *inbound.Events) {
		w.fails = 2
		if err := e.Write([]byte("data: 1\n\n"), false); err != nil {
			t.Fatal(err)
		}
		pass(16 * time.Second) // the comment finds out
		if err := e.Write([]byte("data: 2\n\n"), false); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
		before, _ := w.seen()
		pass(time.Minute)
		if after, _ := w.seen(); after != before {
			t.Errorf("comments go on: %q", after)
		}
	})
}

func TestAfterCloseNothingIsSaid(t *testing.T) {
	events(t, func(t *testing.T, w *wire, e *inbound.Events) {
		if err := e.Write([]byte("data: 1\n\n"), false); err != nil {
			t.Fatal(err)
		}
		e.Close()
		e.Close()
		pass(time.Minute)
		if body, _ := w.seen(); body != "data: 1\n\n" {
			t.Errorf("got %q", body)
		}
	})
}
