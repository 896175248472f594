package cohere_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/cohere"
)

// upstream is a server that answers every request alike, and records their paths and bodies.
type upstreamServer struct {
	*httptest.Server
	paths, bodies []string
}

func serve(t *testing.T, status int, kind, body string) *upstreamServer {
	t.Helper()
	s := &upstreamServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		s.paths, s.bodies = append(s.paths, r.URL.RequestURI()), append(s.bodies, string(sent))
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

func opened(t *testing.T, model, base string) provider.Deployment {
	t.Helper()
	d, err := open(t, model, base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func target(t *testing.T, d provider.Deployment, verb llm.Verb, model string) provider.Target {
	t.Helper()
	targets, err := d.Targets(verb, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

func hi() *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
}

const answer = `{"id":"1","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"Ja."}]}}`

func TestBothPrefixesAreServed(t *testing.T) {
	var names []string
	for _, p := range cohere.Providers() {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "cohere cohere_chat" {
		t.Errorf("the names are %s", got)
	}
	for _, variable := range []string{"COHERE_API_KEY", "CO_API_KEY"} {
		if !cohere.Providers()[0].Configured(func(name string) string { return map[string]string{variable: "k"}[name] }) {
			t.Errorf("%s does not count as a key", variable)
		}
	}
}

func TestTheAddressMayEndWithWhatUsersWrite(t *testing.T) {
	for _, ending := range []string{"", "/", "/v1", "/v2", "/v2/chat", "/v1/chat", "/v1/embed", "/compatibility/v1"} {
		s := serve(t, 200, "application/json", answer)
		c, ok := target(t, opened(t, rockModel, s.URL+ending), llm.VerbChat, rockModel).(provider.Chatter)
		if !ok {
			t.Fatal("it does not chat")
		}
		if _, err := c.Complete(t.Context(), hi()); err != nil || len(s.paths) != 1 || s.paths[0] != "/v2/chat" {
			t.Errorf("api_base with %q: %v, %v", ending, s.paths, err)
		}
	}
}

func TestNoBodyPassesThrough(t *testing.T) {
	d := opened(t, rockModel, "http://127.0.0.1:1")
	if s, ok := d.(provider.Speaker); ok && len(s.Dialects()) > 0 {
		t.Errorf("the dialects are %v", s.Dialects())
	}
	if p, ok := target(t, d, llm.VerbChat, rockModel).(provider.Passer); ok && p.Speaks(llm.DialectOpenAI) {
		t.Error("it takes bodies of OpenAI's dialect")
	}
}

func TestTheListSaysWhatModelsAreFor(t *testing.T) {
	s := serve(t, 200, "application/json", `{"models":[{"name":"rerank-v4","endpoints":["rerank"],"context_length":4096},{"name":"command-a","endpoints":["generate","chat"],"context_length":256000.0},{"name":"embed-v5","endpoints":["embed"],"is_deprecated":true},{"name":"other","endpoints":["classify"]},{"name":""}],"next_page_token":null}`)
	d := opened(t, "*", s.URL)
	l, ok := d.(provider.Lister)
	if !ok {
		t.Fatal("it has no list")
	}
	if status := l.Refresh(t.Context(), time.Time{}); len(status) != 1 || status[0].Err != nil || status[0].Models != 4 {
		t.Fatalf("the list is %+v", status)
	}
	if s.paths[0] != "/v1/models?page_size=1000" {
		t.Errorf("the list is at %s", s.paths[0])
	}
	want := map[string]llm.Verb{"command-a": llm.VerbChat, "embed-v5": llm.VerbEmbed, "rerank-v4": llm.VerbRerank, "other": 0}
	for _, m := range l.Models() {
		if m.Verb != want[m.ID] || !m.Known || m.Active == (m.ID == "embed-v5") || m.Owner != "Cohere" || m.Target.Provider != "cohere" {
			t.Errorf("a model is %+v", m)
		}
		if m.ID == "command-a" && m.Context != 256000 {
			t.Errorf("its context is %d", m.Context)
		}
	}
}

// check runs the checks of outcrop doctor.
func check(t *testing.T, d provider.Deployment) (found []provider.Finding) {
	t.Helper()
	c, ok := d.(provider.Checker)
	if !ok {
		t.Fatal("it has no checks")
	}
	c.Check(t.Context(), provider.CheckOptions{}, func(f provider.Finding) { found = append(found, f) })
	return found
}

func TestTheDoctorChecksTheKey(t *testing.T) {
	good := check(t, opened(t, rockModel, serve(t, 200, "application/json", `{"models":[{"name":"command-a","endpoints":["chat"]}]}`).URL))
	if len(good) != 2 || good[0].State != provider.StateOK || good[1].State != provider.StateOK || good[1].Count != 1 {
		t.Errorf("with a valid key: %+v", good)
	}
	bad := check(t, opened(t, rockModel, serve(t, 401, "application/json", `{"message":"invalid api token"}`).URL))
	if len(bad) != 1 || bad[0].State != provider.StateFail || bad[0].Err == nil || bad[0].Err.Code != llm.CodeAPIKeyInvalid {
		t.Errorf("with an invalid key: %+v", bad)
	}
	odd := check(t, opened(t, rockModel, serve(t, 200, "application/json", `{"data":[]}`).URL))
	if len(odd) != 2 || odd[1].State != provider.StateWarn {
		t.Errorf("with another list: %+v", odd)
	}
}

func TestAFailureInAResponseIsCoheres(t *testing.T) {
	for _, tt := range []struct{ kind, body, want string }{
		{"application/json", `{"finish_reason":"ERROR","message":{}}`, "the model failed while it responded"},
		{"text/event-stream", "data: {\"type\":\"message-start\"}\n\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"out of memory\"}}\n\n", "out of memory"},
		{"text/event-stream", "data: {\"type\":\"message-start\"}\n\ndata: {\"message\":\"internal fault\"}\n\n", "internal fault"},
	} {
		c, ok := target(t, opened(t, rockModel, serve(t, 200, tt.kind, tt.body).URL), llm.VerbChat, rockModel).(provider.Chatter)
		if !ok {
			t.Fatal("it does not chat")
		}
		var err error
		if tt.kind == "application/json" {
			_, err = c.Complete(t.Context(), hi())
		} else {
			s, opening := c.Stream(t.Context(), hi())
			if opening != nil {
				t.Fatal(opening)
			}
			var ev llm.Event
			for err == nil {
				err = s.Next(&ev)
			}
			_ = s.Close()
		}
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Code != llm.CodeModelError || !strings.Contains(e.Message, tt.want) || !e.Upstream || e.Status != http.StatusBadGateway {
			t.Errorf("%s: the error is %+v", tt.body, err)
		}
	}
}

func TestATrialKeysLimitIsNamed(t *testing.T) {
	c, ok := target(t, opened(t, rockModel, serve(t, 429, "application/json", `{"message":"You are using a Trial key"}`).URL), llm.VerbChat, rockModel).(provider.Chatter)
	if !ok {
		t.Fatal("it does not chat")
	}
	_, err := c.Complete(t.Context(), hi())
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeLimitRequests || !strings.Contains(e.Fix, "production key") {
		t.Errorf("the error is %+v", err)
	}
}

func TestRerankIsServed(t *testing.T) {
	s := serve(t, 200, "application/json", `{"results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}`)
	reranker, ok := target(t, opened(t, "rerank-v3.5", s.URL), llm.VerbRerank, "rerank-v3.5").(provider.Reranker)
	if !ok {
		t.Fatal("it does not rerank")
	}
	ranked, err := reranker.Rerank(t.Context(), &llm.RerankRequest{Query: "hard", Documents: []llm.Document{{Text: "slate"}, {JSON: jsonx.Raw(`"granite"`)}}})
	if err != nil || ranked.Results[0].Index != 1 || ranked.Usage.SearchUnits != 1 || s.paths[0] != "/v2/rerank" {
		t.Errorf("%+v, %v, %v", ranked, err, s.paths)
	}
}
