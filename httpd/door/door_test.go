package door_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router is never called.
type router struct{ gateway.Router }

func (router) Group(string) string             { return "*" }
func (router) Settings(string) *route.Settings { return &route.Settings{} }

func newGateway(log *strings.Builder) *gateway.Gateway {
	return gateway.New(gateway.Options{Router: router{}, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(log, nil))), MasterKey: "sk-master"})
}

func TestServe(t *testing.T) {
	for _, tt := range []struct {
		name, key string
		panics    bool
		status    int
		door      string
	}{
		{"admitted", "sk-master", false, 200, "granite"},
		{"refused", "sk-other", false, 401, "refused"},
		{"a panic", "sk-master", true, 500, "granite"},
	} {
		var log strings.Builder
		g := newGateway(&log)
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("X-Api-Key", tt.key)
		served := false
		func() {
			defer func() {
				if p := recover(); (p != nil) != tt.panics {
					t.Errorf("%s: panic %v", tt.name, p)
				}
			}()
			door.Serve(w, r, g, "granite", door.Keys, func(w http.ResponseWriter, e *llm.Error) { w.WriteHeader(e.Status) }, func(*gateway.Call) {
				served = true
				if tt.panics {
					panic("a fault of our own")
				}
			})
		}()
		if served != (tt.status != 401) || g.Open() != 0 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `"door":"`+tt.door+`"`) {
			t.Errorf("%s: served %v, %d calls open, recorded %s", tt.name, served, g.Open(), &log)
		}
		if tt.status == 401 && (w.Code != 401 || w.Header().Get("Www-Authenticate") != "Bearer") {
			t.Errorf("%s: %d %v", tt.name, w.Code, w.Header())
		}
		if tt.status == 500 && !strings.Contains(log.String(), `"code":"gateway.internal"`) {
			t.Errorf("%s: recorded %s", tt.name, &log)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct{ header, value, key, scheme string }{
		{"Authorization", "Bearer k", "k", ""},
		{"Authorization", "bearer k", "k", ""},
		{"Authorization", "Bearer  k", "k", ""},
		{"Authorization", "Bearer", "", ""},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=k", "", "AWS4-HMAC-SHA256"},
		{"Authorization", "basic dXNlcjprZXk=", "", "Basic"},
		{"Authorization", "Token k", "", "Token"},
		{"Authorization", "k", "", gateway.NoScheme},
		{"Authorization", "sk-part sk-rest", "", ""},
		{"Api-Key", "k", "k", ""},
		{"X-Api-Key", "k", "k", ""},
		{"X-Litellm-Api-Key", "k", "k", ""},
		{"X-Other", "k", "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(tt.header, tt.value)
		if got := door.Keys(r); strings.Join(got.Keys[:], "") != tt.key || got.Scheme != tt.scheme {
			t.Errorf("%s: %s is %+v", tt.header, tt.value, got)
		}
	}
}

// The header of warnings has a bound, and says how many are missing.
func TestManyWarnings(t *testing.T) {
	var log strings.Builder
	call := newGateway(&log).Begin("granite", "id-1")
	defer call.End(t.Context())
	for range 200 {
		call.Warn(llm.Warning{Code: llm.WarnDropped, Field: "messages[0], name", Detail: "a \"quoted\"\ndetail"})
	}
	h := http.Header{}
	written := door.Head(h, call)
	text := h.Get("X-Outcrop-Warnings")
	if written == 0 || written == 200 || len(text) > 2<<10 || !strings.Contains(text, ", more;count=") || strings.ContainsAny(text, "\n") {
		t.Errorf("%d of 200: %s", written, text)
	}
}

// Commas of a detail stay, and readers that split the list outside quotation marks get the warnings.
func TestWarningsAreReadableAndSeparate(t *testing.T) {
	var log strings.Builder
	call := newGateway(&log).Begin("granite", "id-1")
	defer call.End(t.Context())
	call.Warn(llm.Warning{Code: llm.WarnDropped, Field: "seed", Detail: `the model has "low", "high"; not Grüße, a\b` + "\r\nX-Evil: 1"})
	call.Warn(llm.Warning{Code: llm.WarnDropped, Field: "user, name", Detail: "no"})
	h := http.Header{}
	door.Head(h, call)
	text := h.Get("X-Outcrop-Warnings")
	quoted := false
	items := strings.FieldsFunc(text, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ',' && !quoted
	})
	want := []string{`dropped;field=seed;detail="the model has 'low', 'high'; not Gr__e, a_b__X-Evil: 1"`, ` dropped;field=user__name;detail="no"`}
	if !slices.Equal(items, want) {
		t.Errorf("the header is %q\nand has     %q", text, items)
	}
}

func TestAFailureSaysWhichCallAndDeploymentItIs(t *testing.T) {
	var log strings.Builder
	call := newGateway(&log).Begin("granite", "call-1")
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", call.ID())
	e := door.Fail(w, call, &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "no", Deployment: "d1", Retries: 2, Fallbacks: 1})
	h := w.Header()
	if e.Status != 503 || h.Get("X-Litellm-Call-Id") != "call-1" || h.Get("X-Litellm-Model-Id") != "d1" || h.Get("X-Litellm-Attempted-Retries") != "2" || h.Get("X-Litellm-Attempted-Fallbacks") != "1" {
		t.Errorf("%+v with %v", e, h)
	}
	w = httptest.NewRecorder()
	w.Header().Set("X-Request-Id", call.ID())
	_ = door.Fail(w, call, llm.Invalid("model", "it is not there"))
	if h := w.Header(); h.Get("X-Litellm-Call-Id") != "call-1" || len(h["X-Litellm-Model-Id"]) > 0 || len(h["X-Litellm-Attempted-Retries"]) > 0 {
		t.Errorf("a call that reached no deployment has %v", h)
	}
	call.End(t.Context())
}

func TestFailureHead(t *testing.T) {
	h := http.Header{}
	door.FailureHead(h, &llm.Error{RequestID: "aws-1", RetryAfter: "7", Destination: llm.Destination{API: "converse", Region: "us-east-1", ID: "x", Reason: "because"}})
	if h.Get("X-Amzn-Requestid") != "aws-1" || h.Get("Retry-After") != "7" || h.Get("X-Outcrop-Target") != "api=converse; region=us-east-1; id=x" || h.Get("X-Outcrop-Reason") != "because" {
		t.Errorf("got %v", h)
	}
	h = http.Header{}
	if door.FailureHead(h, &llm.Error{}); len(h) != 0 {
		t.Errorf("an empty error has %v", h)
	}
}
