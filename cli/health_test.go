package cli_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/cli"
)

// TestHealthFailsUnlessTheGatewayIsReady: it is the health check of containers, which go by the exit code.
func TestHealthFailsUnlessTheGatewayIsReady(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health/readiness" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status":"not ready","code":"credentials.missing"}`))
			return
		}
		_, _ = w.Write([]byte("I'm alive!\n"))
	}))
	t.Cleanup(server.Close)
	t.Setenv("OUTCROP_URL", server.URL+"/")
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"a gateway that cannot serve calls", nil, 1, "", "has the status 503: {\"status\":\"not ready\",\"code\":\"credentials.missing\"}"},
		{"one of which only the process matters", []string{"--live"}, 0, "I'm alive!\n", ""},
		{"nobody listens", []string{"--url", "http://127.0.0.1:1"}, 1, "", "hint: Is the gateway running?"},
		{"no address", []string{"--url", "127.0.0.1"}, 2, "", "is not the address of a gateway"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := cli.Main(append([]string{"health"}, tt.args...), &stdout, &stderr)
			if code != tt.code || stdout.String() != tt.stdout || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("the exit code is %d, not %d\n%s%s", code, tt.code, stdout.String(), stderr.String())
			}
		})
	}
}
