package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")) // of the server that judges; it sleeps
}

// patience is how long anything may take.
const patience = time.Minute

// seen collects the requests that a server's handler got.
type seen struct {
	mu       sync.Mutex
	requests []string
	lean     int // by how many of them came through the lean loop
}

func (s *seen) add(w http.ResponseWriter, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, text)
	if _, ok := w.(*response); ok {
		s.lean++
	}
}

// take returns what was collected since the last time.
func (s *seen) take() (requests []string, lean int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, lean = s.requests, s.lean
	s.requests, s.lean = nil, 0
	return requests, lean
}

// describe is everything that a handler can know of a request, apart from its body.
func describe(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s (%d.%d) host=%q url=%q length=%d encoding=%q close=%v trailer=%v tls=%v remote=%v", r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor,
		r.Host, r.URL, r.ContentLength, r.TransferEncoding, r.Close, r.Trailer, r.TLS != nil, r.RemoteAddr != "")
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, " %s=%q", name, r.Header[name])
	}
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	fmt.Fprintf(&b, " server=%v local=%v", server != nil, local != nil)
	return b.String()
}

// kind classifies an error of reading or writing: the texts have addresses.
func kind(err error) string {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return "ok"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "deadline"
	case errors.As(err, new(*net.OpError)):
		return "network"
	default:
		return err.Error()
	}
}

// routes are handlers that do with a response whatever handlers may do.
func routes(s *seen) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(w http.ResponseWriter, r *http.Request) string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			text := describe(r)
			defer func() { s.add(w, text) }()
			text += " -> " + h(w, r)
		})
	}
	write := func(w http.ResponseWriter, text string) string {
		n, err := io.WriteString(w, text)
		return fmt.Sprint(n, " ", kind(err), "; ")
	}
	handle("/", func(w http.ResponseWriter, r *http.Request) string {
		body, err := io.ReadAll(r.Body)
		said := fmt.Sprintf("%d bytes %.100q %s", len(body), body, kind(err))
		fmt.Fprintf(w, "%s %s pattern=%s %s\n", r.Method, r.URL, r.Pattern, said)
		return said
	})
	handle("/early", func(w http.ResponseWriter, _ *http.Request) string { return write(w, "early") })
	handle("/early-flushed", func(w http.ResponseWriter, r *http.Request) string {
		said := write(w, "early")
		err := http.NewResponseController(w).Flush()
		_, late := r.Body.Read(make([]byte, 1))
		return said + kind(err) + kind(late)
	})
	handle("/part", func(w http.ResponseWriter, r *http.Request) string {
		n, err := io.ReadFull(r.Body, make([]byte, 10))
		return fmt.Sprint(n, kind(err), write(w, "part"))
	})
	handle("/closed", func(w http.ResponseWriter, r *http.Request) string {
		n, _ := io.ReadFull(r.Body, make([]byte, 10))
		err := r.Body.Close()
		_, late := r.Body.Read(make([]byte, 1))
		return fmt.Sprint(n, kind(err), kind(late), write(w, "closed"))
	})
	handle("/refuse", func(w http.ResponseWriter, _ *http.Request) string {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return write(w, "too large")
	})
	handle("/duplex", func(w http.ResponseWriter, r *http.Request) string {
		control := http.NewResponseController(w)
		said := kind(control.EnableFullDuplex()) + write(w, "first ") + kind(control.Flush())
		body, err := io.ReadAll(r.Body)
		return said + fmt.Sprint(len(body), kind(err), write(w, "second"))
	})
	handle("/nothing", func(http.ResponseWriter, *http.Request) string { return "" })
	handle("/flush", func(w http.ResponseWriter, _ *http.Request) string {
		return kind(http.NewResponseController(w).Flush()) + write(w, "after")
	})
	handle("/stream", func(w http.ResponseWriter, _ *http.Request) string {
		w.Header().Set("Content-Type", "text/event-stream")
		said := ""
		for _, size := range []int{1, 100, 3000, 20000, 70000, 5} {
			said += write(w, strings.Repeat("s", size))
			w.(http.Flusher).Flush()
		}
		return said
	})
	handle("/sizes/{n}/{of}/{times}", func(w http.ResponseWriter, r *http.Request) string {
		size, _ := strconv.Atoi(r.PathValue("n"))
		times, _ := strconv.Atoi(r.PathValue("times"))
		if of := r.PathValue("of"); of != "-" {
			w.Header().Set("Content-Length", of)
		}
		said := ""
		for range times {
			said += write(w, strings.Repeat("<p>", size/3+1)[:size])
		}
		return said
	})
	handle("/status/{code}/{body}", func(w http.ResponseWriter, r *http.Request) string {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.Header().Set("Content-Type", "text/x-own")
		w.Header().Set("X-Before", "1")
		w.WriteHeader(code)
		w.Header().Set("X-After", "1")
		if body := r.PathValue("body"); body != "-" {
			return write(w, body)
		}
		return ""
	})
	handle("/twice", func(w http.ResponseWriter, _ *http.Request) string {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
		return write(w, "twice")
	})
	handle("/inform", func(w http.ResponseWriter, _ *http.Request) string {
		w.Header().Set("Link", "</x>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.Header().Del("Link")
		return write(w, "informed")
	})
	handle("/header/{name}/{value}", func(w http.ResponseWriter, r *http.Request) string {
		value := r.PathValue("value")
		if value == "long" {
			value = strings.Repeat("x", 20000)
		}
		w.Header()[r.PathValue("name")] = []string{value, "a\r\nb", " padded "}[:1+len(r.Header["X-More"])*2]
		return write(w, "body") + kind(http.NewResponseController(w).Flush()) + write(w, "more")
	})
	handle("/change", func(w http.ResponseWriter, _ *http.Request) string {
		w.Header()["X-List"] = []string{"1"}
		said := write(w, "x")
		w.Header()["X-List"][0] = "2"
		w.Header()["X-New"] = []string{"3"}
		return said
	})
	handle("/panic/{when}", func(w http.ResponseWriter, r *http.Request) string {
		if r.PathValue("when") != "first" {
			write(w, "begun")
		}
		if r.PathValue("when") == "flushed" {
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	handle("/deadline", func(w http.ResponseWriter, r *http.Request) string {
		w.Header().Set("Connection", "close")
		control := http.NewResponseController(w)
		err := control.SetReadDeadline(time.Now().Add(-time.Second))
		_, late := io.ReadAll(r.Body)
		gone := r.Context().Err() != nil
		return fmt.Sprint(kind(err), " ", kind(late), gone, kind(control.SetReadDeadline(time.Time{})), write(w, "late"))
	})
	handle("/last", func(w http.ResponseWriter, _ *http.Request) string { return write(w, "last") })
	return mux
}

// pair is a lean server and a net/http server with the same handlers.
type pair struct {
	lean, std         net.Listener
	leanSeen, stdSeen seen
	last              string // what answers lastRequest
}

func startPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{lean: listen(t), std: listen(t)}
	one := New(settings(routes(&p.leanSeen)))
	other := settings(routes(&p.stdSeen))
	run(t, one.Serve, one.Close, p.lean)
	run(t, other.Serve, other.Close, p.std)
	p.last = exchange(t, p.std, "", atOnce, "")
	p.stdSeen.take()
	return p
}

func settings(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run serves until the test ends.
func run(t testing.TB, serve func(net.Listener) error, end func() error, l net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	t.Cleanup(func() {
		if err := end(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error("serving ended with", err)
		}
	})
}

func dial(t testing.TB, l net.Listener) *net.TCPConn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// lastRequest follows each exchange, to learn whether the connection is still of use.
const lastRequest = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

// manner is how a client sends a text.
type manner int

const (
	atOnce   manner = iota // with the last request behind it
	bytewise               // in very small packets
	patient                // with the last request when all else has been answered
)

// exchange sends a text and returns what comes back until the connection ends, without dates and the
// sizes of chunks. want is what a patient client waits for.
func exchange(t testing.TB, l net.Listener, text string, m manner, want string) (answer string) {
	t.Helper()
	conn := dial(t, l)
	defer conn.Close()
	var got bytes.Buffer
	sent := make(chan struct{})
	if m == patient {
		close(sent)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Error(err)
		}
		for b := make([]byte, 4<<10); plain(got.String()) != want; {
			n, err := conn.Read(b)
			got.Write(b[:n])
			if err != nil {
				t.Errorf("%v instead of more than %.300q", err, got.Bytes())
				break
			}
		}
		_, _ = io.WriteString(conn, lastRequest)
		_ = conn.CloseWrite()
	} else {
		go func() {
			defer close(sent)
			text += lastRequest
			step := len(text)
			if m == bytewise {
				step = 7
			}
			for part := range slices.Chunk([]byte(text), step) {
				if _, err := conn.Write(part); err != nil {
					return // the server has closed the connection
				}
			}
			_ = conn.CloseWrite()
		}()
	}
	if _, err := got.ReadFrom(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection does not end after %.300q", got.Bytes())
	}
	_ = conn.Close()
	<-sent
	return plain(got.String())
}

var date = regexp.MustCompile(`\r\nDate: [^\r]+ GMT\r\n`)

// plain removes from responses what may differ: dates, and how bodies are divided into chunks.
func plain(answer string) string {
	answer = date.ReplaceAllString(answer, "\r\nDate: then\r\n")
	var out strings.Builder
	for {
		head, rest, ok := strings.Cut(answer, "\r\n\r\n")
		out.WriteString(head)
		if !ok {
			return out.String()
		}
		out.WriteString("\r\n\r\n")
		if strings.Contains(head, "\r\nTransfer-Encoding: chunked") {
			rest = dechunk(&out, rest)
		}
		answer = rest
	}
}

// dechunk writes a body without its division into chunks, and returns what follows it.
func dechunk(out *strings.Builder, text string) string {
	for {
		size, rest, ok := strings.Cut(text, "\r\n")
		n, err := strconv.ParseUint(size, 16, 31)
		if !ok || err != nil || len(rest) < int(n)+2 {
			out.WriteString("[broken off]")
			return rest
		}
		out.WriteString(rest[:n])
		text = rest[n:]
		if text, ok = strings.CutPrefix(text, "\r\n"); !ok {
			out.WriteString("[bad end of a chunk]")
		}
		if n == 0 {
			out.WriteString("[end of chunks]")
			return text
		}
	}
}

// compare sends a text to both servers and compares what comes back and what their handlers got. It
// returns how many requests there were, and how many of them the lean loop served.
func (p *pair) compare(t testing.TB, text string, m manner) (requests, lean int) {
	t.Helper()
	want := ""
	if m == patient {
		all, open := strings.CutSuffix(exchange(t, p.std, text, atOnce, ""), p.last)
		p.stdSeen.take()
		if !open {
			return 0, 0 // the text is not complete, or it ends the connection
		}
		want = all
	}
	std := exchange(t, p.std, text, m, want)
	got := exchange(t, p.lean, text, m, want)
	stdSeen, _ := p.stdSeen.take()
	leanSeen, lean := p.leanSeen.take()
	if got != std {
		same := 0
		for same < min(len(got), len(std)) && got[same] == std[same] {
			same++
		}
		from := max(0, same-300)
		t.Errorf("sent %.600q\ngot      %d bytes: %.600q\nnet/http %d bytes: %.600q", text, len(got), got[from:], len(std), std[from:])
	}
	if !slices.Equal(leanSeen, stdSeen) {
		t.Errorf("sent %.600q\nthe handler got      %.1500q\nnet/http's handler got %.1500q", text, leanSeen, stdSeen)
	}
	return len(leanSeen), lean
}
