package httpd

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/telemetry"
)

func TestOnlyAllowedAddressesMayCall(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tt := range []struct {
		path, from string
		header     []string // X-Forwarded-For
		trusted    bool     // use_x_forwarded_for
		status     int
		says       string
	}{
		{path: "/v1/models", from: "203.0.113.7:1", status: 200},
		{path: "/v1/models", from: "10.9.8.7:1", status: 200},
		{path: "/v1/models", from: "[::ffff:10.9.8.7]:1", status: 200},
		{path: "/v1/models", from: "[2001:db8::1%eth0]:1", status: 200},
		{path: "/v1/models", from: "203.0.113.8:1", status: 403, says: "Access forbidden: IP address 203.0.113.8 not allowed."},
		{path: "/v1/models", from: "[2001:db9::1]:1", status: 403, says: "2001:db9::1"},
		{path: "/v1/models", from: "@", status: 403},
		{path: "/v1/models", from: "203.0.113.8:1", header: []string{"10.0.0.1"}, status: 403, says: "203.0.113.8"},
		{path: "/v1/models", from: "203.0.113.8:1", header: []string{"10.0.0.1"}, trusted: true, status: 200},
		{path: "/v1/models", from: "10.0.0.1:1", header: []string{"203.0.113.8"}, trusted: true, status: 403, says: "203.0.113.8"},
		{path: "/v1/models", from: "203.0.113.8:1", header: []string{"10.0.0.1, 203.0.113.8"}, trusted: true, status: 403, says: "10.0.0.1, 203.0.113.8"},
		{path: "/v1/models", from: "203.0.113.8:1", header: []string{"10.0.0.1", "203.0.113.8"}, trusted: true, status: 403},
		{path: "/v1/models", from: "10.0.0.1:1", header: []string{""}, trusted: true, status: 403},
		{path: "/v1/models", from: "10.0.0.1:1", trusted: true, status: 200},
		{path: "/nowhere", from: "203.0.113.8:1", status: 403},
		{path: "/health", from: "203.0.113.8:1", status: 403},
		{path: "/health/liveliness", from: "203.0.113.8:1", status: 200},
		{path: "/health/liveness", from: "203.0.113.8:1", status: 200},
		{path: "/health/readiness", from: "203.0.113.8:1", status: 200},
		{path: "/openapi.json", from: "203.0.113.8:1", status: 200},
		{path: "/", from: "203.0.113.8:1", status: 200},
	} {
		h := New(Options{
			Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}),
			Models:  func() []Model { return nil }, Allowed: allowed, Forwarded: tt.trusted, Logger: slog.New(slog.DiscardHandler),
		})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.path, nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.from, tt.header
		if tt.header == nil {
			r.Header.Del("X-Forwarded-For")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) || w.Code == 403 && !strings.Contains(w.Body.String(), `"type":"auth_error"`) {
			t.Errorf("%s from %s by %q: %d %s, want %d", tt.path, tt.from, tt.header, w.Code, w.Body, tt.status)
		}
	}
}
