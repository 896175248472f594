package passthrough

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forwarder fails the test, because no request is to reach it.
type forwarder struct{ t *testing.T }

func (f forwarder) Forward(context.Context, *llm.Forward) (*llm.Forwarded, error) {
	f.t.Error("a request was passed on")
	return nil, &llm.Error{Code: llm.CodeInternal, Status: 500}
}

func newHandler(t *testing.T) (*Handler, *gateway.Gateway) {
	t.Helper()
	g := gateway.New(gateway.Options{
		Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master",
		Forwarders: map[string]gateway.Forwarder{"openai": forwarder{t}, "hosted_vllm": forwarder{t}},
	})
	return New(g, Options{MaxBody: 8}), g
}

func TestPathsOfProviders(t *testing.T) {
	h, _ := newHandler(t)
	for path, want := range map[string]bool{
		"/openai/v1/models": true, "/openai_passthrough/x": true, "/vllm/tokenize": true, "/hosted_vllm/v1": true, "/mistral/v1/models": true, "/openai//v1/models": true,
		"/openai": false, "/openai/": false, "/openai//": false, "/groq/v1/models": false, "/v1/models": false, "/": false, "//openai/x": false,
		"/openai/deployments/a/chat/completions": false,
	} {
		if got := h.Owns(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestKeysAreNoPartOfTheQuery(t *testing.T) {
	for query, want := range map[string][2]string{
		"":                         {"", ""},
		"a=b&&c":                   {"a=b&c", ""},
		"key=sk%2D1&alt=sse":       {"alt=sse", "sk-1"},
		"alt=sse&KEY=x&api_key=y":  {"alt=sse", "x"},
		"%6bey=x&api-key=y&keys=z": {"keys=z", "x"},
		"key=%zz":                  {"", ""},
	} {
		if rest, key := withoutKeys(query); rest != want[0] || key != want[1] {
			t.Errorf("%s: %q %q", query, rest, key)
		}
	}
}

func TestHeadersForTheProvider(t *testing.T) {
	for name, want := range map[string]bool{
		"Content-Type": true, "Content-Encoding": true, "Accept": true, "Openai-Beta": true, "Anthropic-Version": true, "Idempotency-Key": true, "X-Stainless-Os": true,
		"Authorization": false, "Api-Key": false, "X-Api-Key": false, "X-Goog-Api-Key": false, "X-Litellm-Api-Key": false, "Cookie": false, "Host": false, "Te": false,
		"X-Forwarded-For": false, "Forwarded": false, "Origin": false, "Sec-Fetch-Mode": false, "X-Outcrop-Instance": false, "Content-Length": false, "User-Agent": false,
		"Accept-Encoding": false, "X-Hop": false, "Upgrade": false,
	} {
		if forProvider(name, []string{"keep-alive, x-hop"}) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestRequestsThatAreNotPassedOn(t *testing.T) {
	h, g := newHandler(t)
	for _, tt := range []struct {
		method, key, body string
		status            int
	}{
		{http.MethodGet, "sk-wrong", "", 401},
		{http.MethodConnect, "sk-master", "", 405},
		{http.MethodOptions, "sk-master", "", 405},
		{http.MethodPost, "sk-master", "more than eight", 413},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, "/openai/v1/models", strings.NewReader(tt.body))
		r.Header.Set("Authorization", "Bearer "+tt.key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), `"outcrop"`) {
			t.Errorf("%s: %d %s", tt.method, w.Code, w.Body)
		}
	}
	call := g.Begin(Door, "id")
	defer call.End(t.Context())
	if err := call.Identify(t.Context(), "key-1", ""); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openai/v1/models", nil)
	if err := h.serve(httptest.NewRecorder(), r, call, "openai", "/v1/models", ""); llm.AsError(err).Status != http.StatusForbidden {
		t.Errorf("a key of its own: %v", err)
	}
}
