package httpd

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/http1"
	"outcrop/httpd/openaichat"
	"outcrop/llm"
	"outcrop/telemetry"
)

// closing streams one text, ends, and panics when it is closed.
type closing struct{ router }

func (*closing) Stream(context.Context, *llm.Request) (llm.Stream, error) {
	return &closeStream{}, nil
}

type closeStream struct{ panicStream }

func (s *closeStream) Next(ev *llm.Event) error {
	if s.calls > 0 {
		return io.EOF
	}
	return s.panicStream.Next(ev)
}

func (*closeStream) Close() error { panic("a fault of our own") }

// text is a log that many goroutines write.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestPanicBehindTheHandler: a stream goes on after its handler has returned, and a panic there is logged and recorded once, and known to the client: by an
// event, or because the response is not complete.
func TestPanicBehindTheHandler(t *testing.T) {
	for name, tt := range map[string]struct {
		router gateway.Router
		status string // in the record
		whole  bool   // the response is complete
	}{
		"in the stream":     {&panicking{}, `"status":500`, true},
		"when it is closed": {&closing{}, `"status":500`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var records, log text
			g := gateway.New(gateway.Options{Router: tt.router, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&records, nil)))})
			h := New(Options{
				Gateway: g,
				Doors:   []door.Frontend{openaichat.New(g, door.Options{MaxBody: 1 << 20})},
				Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			})
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server, served := http1.New(NewServer(h, slog.New(slog.DiscardHandler))), make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/v1/chat/completions", strings.NewReader(`{"model":"granite","stream":true,"messages":[{"role":"user","content":"Hi"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if (err == nil) != tt.whole || !strings.Contains(string(got), `"content":"granite"`) || strings.Contains(string(got), `data: {"error":`) != tt.whole || strings.Contains(string(got), "fault of our own") {
				t.Errorf("got %s, %v", got, err)
			}
			if err := server.Shutdown(t.Context()); err != nil { // it waits for the connection's end, with which everything is written
				t.Error(err)
			}
			if err := <-served; !IsClosed(err) {
				t.Error(err)
			}
			if n := strings.Count(log.String(), "msg=panic"); n != 1 || !strings.Contains(log.String(), "fault of our own") {
				t.Errorf("%d panics are logged: %s", n, log.String())
			}
			if !strings.Contains(records.String(), tt.status) || strings.Count(records.String(), "\n") != 1 || g.Open() != 0 {
				t.Errorf("recorded %s; %d calls are open", records.String(), g.Open())
			}
		})
	}
}
