package httpd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/openaichat"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

// router answers every call with the model that was asked for as its text.
type router struct {
	gateway.Router // of which nothing else is called

	models []string
	panics bool
}

func (r *router) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	if r.panics {
		panic("a fault of our own")
	}
	r.models = append(r.models, req.Model)
	resp := &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockText, Text: req.Model}}, Stop: llm.StopEnd, RawStop: "end_turn"}
	for _, m := range req.Unmapped {
		resp.Meta.Warnings = append(resp.Meta.Warnings, llm.Warning{Code: llm.WarnDropped, Field: m.Name})
	}
	return resp, nil
}

func (r *router) Stream(context.Context, *llm.Request) (llm.Stream, error) {
	return nil, &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down", Upstream: true, RetryAfter: "7", RequestID: "aws-1"}
}

func (r *router) Group(string) string { return "*" }

func (*router) Settings(string) *route.Settings { return &route.Settings{} }

func newServer(key string, r *router) http.Handler {
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: key})
	return New(Options{
		Gateway: g,
		Models: func() []Model {
			return []Model{{ID: "granite", OwnedBy: "bedrock"}, {ID: "bedrock/us.amazon.nova-lite-v1:0", OwnedBy: "Amazon"}}
		},
		Doors:  []door.Frontend{openaichat.New(g, door.Options{MaxBody: 1 << 20})},
		Logger: slog.New(slog.DiscardHandler),
	})
}

// TestPostsGoWhereTheMuxWouldSendThem sends a request to each path that is found without the mux, and writes it in another way too, which
// is left to the mux.
func TestExactPathsGoWhereTheMuxWouldSendThem(t *testing.T) {
	s := &server{opt: Options{Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})}}
	s.opt.Doors = []door.Frontend{openaichat.New(s.opt.Gateway, door.Options{MaxBody: 1 << 20})}
	_ = s.handler()
	for method, exact := range map[string]map[string]endpoint{http.MethodPost: s.paths().posts, http.MethodGet: s.paths().gets} {
		if _, ok := exact[map[string]string{http.MethodPost: "/v1/chat/completions", http.MethodGet: "/health/readiness"}[method]]; !ok {
			t.Fatalf("%s: %v", method, exact)
		}
		for path, to := range exact {
			if path == "/" {
				continue
			}
			if own, ok := s.own[path]; method == http.MethodGet && ok && own.pattern != to.pattern {
				t.Errorf("%s: first found as %q, want %q", path, own.pattern, to.pattern)
			}
			for _, written := range []string{path, fmt.Sprintf("/%%%x%s", path[1], path[2:])} {
				if _, pattern := s.mux().Handler(httptest.NewRequest(method, written, nil)); pattern != to.pattern {
					t.Errorf("%s %s: the mux finds %q, want %q", method, written, pattern, to.pattern)
				}
			}
		}
	}
}

// TestHealthNeedsNoFrontend: the first request, which a start waits for, finds its path without the lists of the frontends.
func TestHealthNeedsNoFrontend(t *testing.T) {
	g := gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	frontend := &listing{Frontend: openaichat.New(g, door.Options{MaxBody: 1 << 20})}
	h := New(Options{Gateway: g, Doors: []door.Frontend{frontend}, Logger: slog.New(slog.DiscardHandler)})
	for _, path := range []string{"/health/liveliness", "/health/liveness"} {
		if got := send(h, http.MethodGet, path, ""); got.Code != http.StatusOK || frontend.listed != 0 {
			t.Errorf("%s: %d, and the frontend was asked %d times", path, got.Code, frontend.listed)
		}
	}
	for range 2 {
		if got := send(h, http.MethodPost, "/v1/chat/completions", "{}"); got.Code == http.StatusNotFound || frontend.listed != 1 {
			t.Errorf("a call: %d, and the frontend was asked %d times", got.Code, frontend.listed)
		}
	}
}

// listing counts how often a frontend is asked for its paths.
type listing struct {
	door.Frontend

	listed int
}

func (l *listing) Routes() []door.Route {
	l.listed++
	return l.Frontend.Routes()
}

func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const question = `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`

func TestModelInThePath(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/chat/completions":                        "granite",
		"/chat/completions":                           "granite",
		"/openai/deployments/basalt/chat/completions": "basalt",
		"/openai/deployments/bedrock/us.amazon.nova-lite-v1:0/chat/completions":                                                     "bedrock/us.amazon.nova-lite-v1:0",
		"/openai/deployments/bedrock%2Fus.amazon.nova-lite-v1%3A0/chat/completions?api-version=2024-1":                              "bedrock/us.amazon.nova-lite-v1:0",
		"/openai/deployments/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/chat/completions": "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
	} {
		r := &router{}
		if w := send(newServer("", r), "POST", path, question); w.Code != 200 || !slices.Equal(r.models, []string{want}) {
			t.Errorf("%s: %d, called %v, want %s", path, w.Code, r.models, want)
		}
	}
}

func TestKeyInEveryPlaceOfItsOwn(t *testing.T) {
	h := newServer("sk-master", &router{})
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Authorization", "Bearer sk-master", 200},
		{"api-key", "sk-master", 200},
		{"x-api-key", "sk-master", 200},
		{"x-litellm-api-key", "sk-master", 200},
		{"Authorization", "bearer sk-master", 200},
		{"Authorization", "sk-master", 401},
		{"Authorization", "Basic sk-master", 401},
		{"Authorization", "Bearer sk-maste", 401},
		{"Authorization", "Bearer sk-master ", 401},
		{"x-other", "sk-master", 401},
	} {
		w := send(h, "POST", "/v1/chat/completions", question, tt.header, tt.value)
		if w.Code != tt.status {
			t.Errorf("%s: %s gives %d, want %d", tt.header, tt.value, w.Code, tt.status)
		}
		if w.Code == 401 && (!strings.Contains(w.Body.String(), `"code":"401"`) || w.Header().Get("Www-Authenticate") != "Bearer") {
			t.Errorf("the refusal is %v %s", w.Header(), w.Body)
		}
	}
	for _, request := range []string{"GET /v1/nothing", "GET /v1/chat/completions"} {
		method, path, _ := strings.Cut(request, " ")
		if w := send(h, method, path, ""); w.Code != 401 {
			t.Errorf("%s without a key gives %d", request, w.Code)
		}
	}
	for _, r := range (&server{}).routes() {
		method, _, _ := strings.Cut(r.pattern, " ")
		path := strings.NewReplacer("{model}", "granite", "{id}", "granite").Replace(r.path)
		open := strings.HasPrefix(path, "/health/live") || path == "/health/readiness" || strings.HasPrefix(path, "/public/") || path == "/test" || path == "/" || path == "/openapi.json"
		if w := send(h, method, path, question); (w.Code == 401) == open {
			t.Errorf("%s %s without a key gives %d", method, path, w.Code)
		}
	}
}

func TestErrorsOnTheWire(t *testing.T) {
	w := send(newServer("", &router{}), "POST", "/v1/chat/completions", `{"model":"granite","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	if w.Code != 503 || w.Header().Get("Retry-After") != "7" || w.Header().Get("X-Amzn-Requestid") != "aws-1" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{{"GET", "/v1/chat/completions", 405, "POST"}, {"POST", "/v1/models", 405, "GET, HEAD"}, {"POST", "/v1/models/x", 405, "GET, HEAD"}, {"DELETE", "/models/bedrock/x:0", 405, "GET, HEAD"}, {"GET", "/openai/deployments/a/b/chat/completions", 405, "POST"}, {"GET", "/openai/deployments/x/embeddings", 404, ""}, {"GET", "/v1/nothing", 404, ""}, {"POST", "/openai/deployments/granite/embeddings", 404, ""}, {"GET", "/v1/models/basalt", 404, ""}} {
		w := send(newServer("", &router{}), tt.method, tt.path, "")
		var e struct {
			Error struct{ Message, Type, Code string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != tt.status || w.Header().Get("Allow") != tt.allow || e.Error.Message == "" || e.Error.Type == "" {
			t.Errorf("%s %s: %d %v %s", tt.method, tt.path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestPanicIsAnErrorAndNothingOfItShows(t *testing.T) {
	w := send(newServer("", &router{panics: true}), "POST", "/v1/chat/completions", question)
	if w.Code != 500 || strings.Contains(w.Body.String(), "fault of our own") || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// A stream that has begun ends with an error event, and what it was is recorded.
func TestPanicInAStreamIsAnErrorEvent(t *testing.T) {
	var log strings.Builder
	g := gateway.New(gateway.Options{Router: &panicking{}, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil)))})
	h := New(Options{
		Gateway: g,
		Doors:   []door.Frontend{openaichat.New(g, door.Options{MaxBody: 1 << 20})},
		Logger:  slog.New(slog.DiscardHandler),
	})
	w := send(h, "POST", "/v1/chat/completions", `{"model":"granite","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	got := w.Body.String()
	if w.Code != 200 || !strings.Contains(got, `"content":"granite"`) || !strings.Contains(got, `data: {"error":`) || strings.Contains(got, "[DONE]") || strings.Contains(got, "fault of our own") {
		t.Errorf("got %d %s", w.Code, got)
	}
	if !strings.Contains(log.String(), `"status":500`) || !strings.Contains(log.String(), `"code":"gateway.internal"`) || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("recorded %s", log.String())
	}
}

// panicking streams one text and then panics.
type panicking struct{ router }

func (*panicking) Stream(context.Context, *llm.Request) (llm.Stream, error) {
	return &panicStream{}, nil
}

type panicStream struct {
	calls int
	meta  llm.Meta
}

func (s *panicStream) Next(ev *llm.Event) error {
	if s.calls++; s.calls > 1 {
		panic("a fault of our own")
	}
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "granite"}
	return nil
}
func (*panicStream) More() bool        { return false }
func (s *panicStream) Meta() *llm.Meta { return &s.meta }
func (*panicStream) Close() error      { return nil }

func TestWarningsInTheHeader(t *testing.T) {
	long := `{"model":"granite","seed":1,"store":true,"messages":[` + strings.Repeat(`{"role":"user","name":"ann","content":"Hi"},`, 400) + `{"role":"user","content":"Hi"}]}`
	w := send(newServer("", &router{}), "POST", "/v1/chat/completions", long)
	got := w.Header().Get("X-Outcrop-Warnings")
	if !strings.HasPrefix(got, `dropped;field=seed;detail="the model does not support this parameter", dropped;field=store;detail="the model does not support this parameter", dropped;field=messages[0].name;detail="the model does not support this member"`) || len(got) > 2<<10 || !strings.Contains(got, "more;count=") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestOpenAPIHoldsEveryRoute(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			said[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, r := range (&server{}).endpoints() { // package app compares those of all frontends
		method, _, _ := strings.Cut(r.pattern, " ")
		if !said[method+" "+r.path] {
			t.Errorf("openapi.json lacks %s %s", method, r.path)
		}
	}
	if w := send(newServer("", &router{}), "GET", "/openapi.json", ""); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func TestModels(t *testing.T) {
	h := newServer("", &router{})
	for _, path := range []string{"/v1/models/bedrock/us.amazon.nova-lite-v1:0", "/v1/models/bedrock%2Fus.amazon.nova-lite-v1%3A0", "/models/granite"} {
		if w := send(h, "GET", path, ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"object":"model"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := send(h, "GET", "/v1/models", "")
	body, _ := io.ReadAll(w.Body)
	if !strings.HasPrefix(string(body), `{"object":"list","data":[{"id":"granite","object":"model"`) {
		t.Errorf("got %s", body)
	}
}

// Refreshing says how each list stands. Lists that were read before stay good when
// they cannot be read again; where nothing was ever read the failure is the answer.
func TestRefreshingTheCatalogue(t *testing.T) {
	read := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	denied := &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "not authorized to perform: bedrock:ListFoundationModels"}
	for _, tt := range []struct {
		name   string
		lists  []List
		status int
		want   string
	}{
		{"read", []List{{Region: "us-east-1", Account: "123456789012", At: read, Models: 2, Profiles: 3}}, 200, `{"lists":[{"region":"us-east-1","account":"123456789012","at":"2026-11-22T08:00:00Z","models":2,"profiles":3}]}`},
		{"nothing to read", nil, 200, `{"lists":[]}`},
		{"old ones stay", []List{{Region: "us-east-1", At: read, Models: 2, Err: denied}}, 200, `{"lists":[{"region":"us-east-1","account":"","at":"2026-11-22T08:00:00Z","models":2,"profiles":0,"code":"iam.denied","error":"not authorized to perform: bedrock:ListFoundationModels"}]}`},
		{"one of two", []List{{Region: "us-east-1", Err: denied}, {Region: "eu-west-1", At: read}}, 200, `"at":null`},
		{"never read", []List{{Region: "us-east-1", Err: denied}}, 403, `"code":"iam.denied"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := New(Options{
				Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master"}),
				Refresh: func(context.Context) []List { return tt.lists },
				Logger:  slog.New(slog.DiscardHandler),
			})
			if w := send(h, "POST", "/catalog/refresh", ""); w.Code != 401 {
				t.Errorf("without a key: %d", w.Code)
			}
			w := send(h, "POST", "/catalog/refresh", "", "Authorization", "Bearer sk-master")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}
