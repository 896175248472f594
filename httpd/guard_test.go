package httpd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

// TestOnlyThisMachineIsServedWithoutAKey sends what a browser sends for a page
// that somebody visits, and for one that has been given a name of its own for
// this machine's address (DNS rebinding).
func TestOnlyThisMachineIsServedWithoutAKey(t *testing.T) {
	h := New(Options{
		Gateway:   gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}),
		LocalOnly: true, Logger: slog.New(slog.DiscardHandler),
	})
	for _, tt := range []struct {
		host, origin string
		served       bool
	}{
		{"localhost:4000", "", true},
		{"localhost", "", true},
		{"LOCALHOST:4000", "", true},
		{"localhost.:4000", "http://LocalHost.:3000", true},
		{"localhost.example.com.:4000", "", false},
		{"127.0.0.1:4000", "", true},
		{"127.8.9.1", "", true},
		{"[::1]:4000", "", true},
		{"[::1]", "", true},
		{"gateway.localhost:4000", "", true},
		{"localhost:4000", "http://localhost:3000", true},
		{"localhost:4000", "http://[::1]:3000", true},

		{"evil.example:4000", "", false},
		{"localhost.evil.example", "", false},
		{"evillocalhost", "", false},
		{"127.0.0.1.evil.example:4000", "", false},
		{"10.0.0.1:4000", "", false},
		{"[::2]:4000", "", false},
		{"", "", false},
		{"localhost:4000", "https://evil.example", false},
		{"localhost:4000", "https://localhost.evil.example", false},
		{"localhost:4000", "null", false},
		{"localhost:4000", "file://", false},
		{"localhost:4000", "https://localhost@evil.example", false},
		{"localhost:4000", "::", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/health/liveliness", nil)
		r.Host = tt.host
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case tt.served && w.Code != http.StatusOK:
			t.Errorf("Host %q, Origin %q: %d %s", tt.host, tt.origin, w.Code, w.Body)
		case !tt.served && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), `"code":"gateway.foreign_origin"`)):
			t.Errorf("Host %q, Origin %q: %d %s", tt.host, tt.origin, w.Code, w.Body)
		}
	}
}

func TestAPanicIsLoggedUnderTheAnswersID(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{
		Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master"}),
		Models:  func() []Model { panic("odd") },
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
	})
	w := send(h, http.MethodGet, "/v1/models", "", "Authorization", "Bearer sk-master")
	id := w.Header().Get("X-Request-Id")
	if w.Code != http.StatusInternalServerError || id == "" || strings.Contains(w.Body.String(), "odd") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "id="+id) || !strings.Contains(log.String(), "panic=odd") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("the log is %s", log.String())
	}
	if strings.Contains(log.String()+w.Body.String(), "sk-master") {
		t.Error("the key is shown")
	}
}

func TestAnAbortedAnswerIsCutAndNotLogged(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{
		Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}),
		Models:  func() []Model { panic(http.ErrAbortHandler) },
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
	})
	server := httptest.NewServer(h)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := server.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("got an answer: %s", resp.Status)
	}
	if log.Len() > 0 {
		t.Errorf("the log is %s", log.String())
	}
}

func TestReadiness(t *testing.T) {
	missing := &llm.Error{Code: llm.CodeCredentialsMissing, Status: 403, Message: "no credentials", Fix: "Find some."}
	for _, tt := range []struct {
		name     string
		ready    Ready
		stopping bool
		status   int
		body     string
	}{
		{"nothing to ask", nil, false, 200, `{"status":"healthy"}`},
		{"ready", func(context.Context) error { return nil }, false, 200, `{"status":"healthy"}`},
		{"credentials are missing", func(context.Context) error { return missing }, false, 503, `{"status":"not ready","code":"credentials.missing","reason":"no credentials","fix":"Find some."}`},
		{"a fault of our own says nothing of itself", func(context.Context) error { return io.ErrClosedPipe }, false, 503, `{"status":"not ready","code":"gateway.internal","reason":"internal error"}`},
		{"stopping comes first", func(context.Context) error { return missing }, true, 503, `{"status":"stopping"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
			if tt.stopping {
				g.Drain()
			}
			w := send(New(Options{Gateway: g, Ready: tt.ready, Logger: slog.New(slog.DiscardHandler)}), http.MethodGet, "/health/readiness", "")
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}

func TestPathsThatAreNot(t *testing.T) {
	h := newServer("", &router{})
	for _, tt := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/nothing", 404, "gateway.not_found"},
		{"GET", "/metrics", 404, "gateway.not_found"}, // there are none
		{"GET", "/v1/chat/completions", 405, "gateway.method"},
		{"POST", "/v1/models", 405, "gateway.method"},
		{"POST", "/", 405, "gateway.method"},
		{"POST", "/metrics", 405, "gateway.method"},
		{"POST", "/openai/deployments//chat/completions", 404, "gateway.not_found"},
		{"POST", "/openai/deployments/granite/embeddings", 404, "gateway.not_found"},
		{"GET", "/v1/models/basalt", 404, "gateway.model_not_found"},
		{"GET", "/" + strings.Repeat("x", 5000), 404, "gateway.not_found"},
	} {
		w := send(h, tt.method, tt.path, "")
		if w.Code == http.StatusTemporaryRedirect || w.Code == http.StatusMovedPermanently { // ServeMux cleans double slashes
			w = send(h, tt.method, w.Header().Get("Location"), "")
		}
		if w.Code != tt.status || !strings.Contains(w.Body.String(), `"code":"`+tt.code+`"`) || w.Body.Len() > 1<<10 {
			t.Errorf("%s %.50s: %d %.300s, want %d %s", tt.method, tt.path, w.Code, w.Body, tt.status, tt.code)
		}
	}
}

func TestServerThatWasStoppedIsClosed(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.ListenAndServe(); !IsClosed(err) {
		t.Errorf("got %v", err)
	}
	if IsClosed(errors.New("address in use")) {
		t.Error("another error is one of closing")
	}
	if s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
}

// The path is open to everybody, so behind a key it does not say what AWS said.
func TestReadinessBehindAKeyNamesNobody(t *testing.T) {
	denied := &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "assume arn:aws:iam::123456789012:role/gateway: AccessDenied"}
	g := gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master"})
	h := New(Options{Gateway: g, Ready: func(context.Context) error { return denied }, Logger: slog.New(slog.DiscardHandler)})
	if w := send(h, http.MethodGet, "/health/readiness", ""); w.Code != 503 || w.Body.String() != `{"status":"not ready","code":"iam.denied"}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
