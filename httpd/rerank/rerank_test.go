package rerank_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/httpd/door"
	"outcrop/httpd/rerank"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router answers each call with the last document and the first.
type router struct {
	gateway.Router // of which nothing else is called

	asked []*llm.RerankRequest
	err   error
}

func (r *router) Rerank(_ context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	r.asked = append(r.asked, req)
	if r.err != nil {
		return nil, r.err
	}
	return &llm.RerankResponse{
		Results: []llm.Ranked{{Index: len(req.Documents) - 1, Score: 0.75}, {Index: 0, Score: 0.5}}, Usage: llm.Usage{SearchUnits: 1}, Estimated: true,
		Meta: llm.Meta{Destination: llm.Destination{API: "invoke", Region: "us-east-1", ID: "m"}, UpstreamID: "aws-1", Price: price{}},
	}, nil
}

func (*router) Group(name string) string { return name }

func (*router) Settings(string) *route.Settings { return &route.Settings{} }

// price is that of search units.
type price struct{}

func (price) Cost(_ string, u *llm.Usage) (llm.Cost, bool) {
	return llm.Cost(u.SearchUnits) * 2_000_000_000, true
}

func served(r *router) (http.Handler, *bytes.Buffer) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(logger), MasterKey: "sk-master"})
	return httpd.New(httpd.Options{Gateway: g, Doors: []door.Frontend{rerank.New(g, door.Options{MaxBody: 1 << 20})}, Logger: logger}), &log
}

func post(h http.Handler, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sk-master")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// failure is an error in Cohere's form, with LiteLLM's beside it.
type failure struct {
	Message string
	Error   struct {
		Message, Type, Param, Code string
		Outcrop                    struct{ Code, Actor, Fix, Retry string }
	}
}

func failureOf(t *testing.T, w *httptest.ResponseRecorder) *failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || f.Message == "" || f.Error.Message != f.Message || f.Error.Outcrop.Code == "" {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	return &f
}

const question = `{"model":"stone","query":"rock","documents":["granite",{"text":"water"}],"top_n":2`

func TestRerank(t *testing.T) {
	for path, version := range map[string]string{"/v2/rerank": "2", "/v1/rerank": "1", "/rerank": "1"} {
		r := &router{}
		h, log := served(r)
		w := post(h, path, question+"}")
		id := w.Header().Get("X-Request-Id")
		want := `{"id":"` + id + `","results":[{"index":1,"relevance_score":0.75},{"index":0,"relevance_score":0.5}],"meta":{"api_version":{"version":"` + version + `"},"billed_units":{"search_units":1}}}`
		if w.Code != 200 || w.Body.String() != want || len(r.asked) != 1 || r.asked[0].TopN != llm.Some(int64(2)) {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Amzn-Requestid": "aws-1", "X-Outcrop-Target": "api=invoke; region=us-east-1; id=m", "X-Outcrop-Cost": "0.002",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if !strings.Contains(log.String(), `"door":"cohere_rerank","model":"stone"`) || !strings.Contains(log.String(), `"search_units":1`) || strings.Contains(log.String(), "granite") {
			t.Errorf("the log is %s", log)
		}
	}
	h, _ := served(&router{})
	if w := post(h, "/v1/rerank", question+`,"return_documents":true}`); !strings.Contains(w.Body.String(), `{"index":1,"relevance_score":0.75,"document":{"text":"water"}},{"index":0,"relevance_score":0.5,"document":{"text":"granite"}}`) {
		t.Errorf("with documents: %d %s", w.Code, w.Body)
	}
}

func TestTheKey(t *testing.T) {
	r := &router{}
	h, _ := served(r)
	if w := post(h, "/v2/rerank", question+"}", "Authorization", "Bearer sk-other"); w.Code != 401 || failureOf(t, w).Error.Outcrop.Code != string(llm.CodeUnauthorized) || len(r.asked) != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestRequestsThatAreNotUnderstood checks that each wrong request is refused with the name of the
// field, before anything is called.
func TestRequestsThatAreNotUnderstood(t *testing.T) {
	for _, tt := range []struct {
		name, body, param string
	}{
		{"no body", "", ""},
		{"cut off", `{"model":"stone","query":"ro`, "query"},
		{"an array", `[1]`, ""},
		{"invalid UTF-8 in the query", "{\"model\":\"stone\",\"query\":\"\xff\",\"documents\":[\"a\"]}", "query"},
		{"invalid UTF-8 in a document", "{\"model\":\"stone\",\"query\":\"q\",\"documents\":[{\"text\":\"\xff\"}]}", "documents[0].text"},
		{"no model", `{"query":"q","documents":["a"]}`, "model"},
		{"a model that is a list", `{"model":[],"query":"q","documents":["a"]}`, "model"},
		{"no query", `{"model":"stone","documents":["a"]}`, "query"},
		{"an empty query", `{"model":"stone","query":"","documents":["a"]}`, "query"},
		{"a query that is a list", `{"model":"stone","query":["q"],"documents":["a"]}`, "query"},
		{"no documents", `{"model":"stone","query":"q"}`, "documents"},
		{"an empty list of documents", `{"model":"stone","query":"q","documents":[]}`, "documents"},
		{"documents that are a text", `{"model":"stone","query":"q","documents":"a"}`, "documents"},
		{"documents that are an object", `{"model":"stone","query":"q","documents":{"a":1}}`, "documents"},
		{"a document that is a number", `{"model":"stone","query":"q","documents":["a",7]}`, "documents[1]"},
		{"a document that is a list", `{"model":"stone","query":"q","documents":[["a"]]}`, "documents[0]"},
		{"a document that is null", `{"model":"stone","query":"q","documents":[null]}`, "documents[0]"},
		{"too many documents", `{"model":"stone","query":"q","documents":[` + strings.Repeat(`"a",`, 10_000) + `"a"]}`, "documents"},
		{"no results", `{"model":"stone","query":"q","documents":["a"],"top_n":0}`, "top_n"},
		{"a fraction of results", `{"model":"stone","query":"q","documents":["a"],"top_n":1.5}`, "top_n"},
		{"results as text", `{"model":"stone","query":"q","documents":["a"],"top_n":"1"}`, "top_n"},
		{"an empty rank field", `{"model":"stone","query":"q","documents":["a"],"rank_fields":["text",""]}`, "rank_fields[1]"},
		{"rank fields that are a text", `{"model":"stone","query":"q","documents":["a"],"rank_fields":"text"}`, "rank_fields"},
		{"return_documents as text", `{"model":"stone","query":"q","documents":["a"],"return_documents":"yes"}`, "return_documents"},
		{"negative tokens", `{"model":"stone","query":"q","documents":["a"],"max_tokens_per_doc":-1}`, "max_tokens_per_doc"},
		{"credentials that are not accepted", `{"model":"stone","query":"q","documents":["a"],"aws_secret_access_key":"s"}`, "aws_secret_access_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &router{}
			h, _ := served(r)
			w := post(h, "/v2/rerank", tt.body)
			if f := failureOf(t, w); w.Code != 400 || f.Error.Param != tt.param || f.Error.Type != "invalid_request_error" || f.Error.Code != "400" || len(r.asked) != 0 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestARequestThatIsTooLarge(t *testing.T) {
	h, _ := served(&router{})
	w := post(h, "/rerank", `{"model":"stone","query":"q","documents":["`+strings.Repeat("a", 1<<20)+`"]}`)
	if f := failureOf(t, w); w.Code != 413 || f.Error.Outcrop.Code != string(llm.CodeTooLarge) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestErrorsOfAWS checks that a client sees AWS's words, the diagnosis, and when to try again.
func TestErrorsOfAWS(t *testing.T) {
	r := &router{err: &llm.Error{
		Code: llm.CodeDenied, Status: 403, Message: "User is not authorized.", Upstream: true, Type: "AccessDeniedException", RequestID: "aws-1", Fix: "Ask the administrator.",
		Statement: []byte(`{"Effect":"Allow"}`), Destination: llm.Destination{API: "invoke", Region: "us-east-1", ID: "m"},
	}}
	h, _ := served(r)
	w := post(h, "/v2/rerank", question+"}")
	f := failureOf(t, w)
	if w.Code != 403 || f.Message != "AccessDeniedException: User is not authorized. Ask the administrator." || f.Error.Type != "permission_error" || f.Error.Outcrop.Code != "iam.denied" || !strings.Contains(w.Body.String(), `"statement":{"Effect":"Allow"}`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w.Header().Get("X-Amzn-Requestid") != "aws-1" || w.Header().Get("X-Outcrop-Target") == "" {
		t.Errorf("the header is %v", w.Header())
	}
}

func TestOtherMethods(t *testing.T) {
	h, _ := served(&router{})
	for _, path := range []string{"/v1/rerank", "/v2/rerank", "/rerank"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer sk-master")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if f := failureOf(t, w); w.Code != 405 || f.Error.Outcrop.Code != string(llm.CodeMethod) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
