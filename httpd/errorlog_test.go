package httpd

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

// An outage for want of files is warned of at once, and then once a minute with the
// number of failures.
func TestConnectionsThatCannotBeTakenAreWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		text := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		l := &exhausted{failures: 150}
		server := NewServer(http.NotFoundHandler(), text)
		if err := server.Serve(l); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("serving ended with %v", err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], `level=WARN msg="cannot accept connections; clients wait or are refused" error="accept tcp: accept4: too many open files" failures=1 fix=`) {
			t.Fatalf("150 failures in about 150 s gave\n%s", out.String())
		}
		if !strings.Contains(lines[1], "failures=6") || !strings.Contains(lines[2], "failures=6") {
			t.Errorf("the later lines do not count what they stand for:\n%s", out.String())
		}
	})
}

// exhausted is a listener of a process that has no file left.
type exhausted struct{ failures int }

func (e *exhausted) Accept() (net.Conn, error) {
	if e.failures--; e.failures < 0 {
		return nil, io.ErrClosedPipe // that it is over
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
}

func (e *exhausted) Close() error   { return nil }
func (e *exhausted) Addr() net.Addr { return &net.TCPAddr{} }

func TestOtherWordsOfTheServerAreForDebugging(t *testing.T) {
	var out bytes.Buffer
	NewServer(nil, slog.New(slog.NewTextHandler(&out, nil))).ErrorLog.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
	if out.Len() > 0 {
		t.Errorf("got %s", out.String())
	}
	NewServer(nil, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))).ErrorLog.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
	if !strings.Contains(out.String(), `msg="http: TLS handshake error from 127.0.0.1:1: EOF"`) {
		t.Errorf("got %s", out.String())
	}
}

// What net/http refuses itself is counted, and nothing that a handler answers.
func TestRequestsThatNoHandlerSeesAreCounted(t *testing.T) {
	var mu sync.Mutex
	var counted []int
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/400":
			http.Error(w, "400 Bad Request", http.StatusBadRequest)
		case "/close":
			w.Header().Set("Connection", "close")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	server.Config.MaxHeaderBytes = 1 << 10
	server.Listener = Watch(server.Listener, func(status int) {
		mu.Lock()
		defer mu.Unlock()
		counted = append(counted, status)
	})
	server.Start()
	defer server.Close()
	for _, tt := range []struct {
		name, request, answer string
		counted               int
	}{
		{"no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 ", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", 400},
		{"a header that is too large", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", "HTTP/1.1 431 ", 431},
		{"a transfer coding that is not known", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 ", 501},
		{"an expectation", "POST / HTTP/1.1\r\nHost: x\r\nExpect: luck\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 417 ", 417},
		{"a good request", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ", 0},
		{"a handler's refusal", "GET /400 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 ", 0},
		{"a handler's refusal that closes", "GET /close HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 ", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tt.request); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(answer), tt.answer) {
				t.Errorf("answer %q, %v", answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			var want []int
			if tt.counted != 0 {
				want = []int{tt.counted}
			}
			if !slices.Equal(counted, want) {
				t.Errorf("counted %v, want %v", counted, want)
			}
			counted = nil
		})
	}
}
