package responses_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/responses"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
)

// speaker is a router whose targets speak the dialect themselves.
type speaker struct {
	gateway.Router

	body   string   // that it got
	events []string // that it sends
	err    error    // how the stream ends
}

func (*speaker) Group(string) string { return "*" }
func (*speaker) Settings(string) *route.Settings {
	return &route.Settings{Spoken: []route.Spoken{{Dialect: llm.DialectResponses, All: true}}}
}

func (s *speaker) Relay(_ context.Context, raw *llm.Raw, _ *route.Translation) (*llm.RawResponse, error) {
	s.body = string(raw.Body)
	return &llm.RawResponse{Meta: llm.Meta{Passed: true}, Body: []byte(`{"id":"resp_theirs","object":"response","status":"completed","output":[{"id":"msg_theirs","type":"message","role":"assistant","content":[{"type":"output_text","text":"theirs"}]}]}`)}, nil
}

func (s *speaker) RelayStream(_ context.Context, raw *llm.Raw, _ *route.Translation) (llm.RawStream, error) {
	s.body = string(raw.Body)
	return &spoken{speaker: s, meta: llm.Meta{Passed: true}}, nil
}

type spoken struct {
	*speaker

	at   int
	meta llm.Meta
}

func (s *spoken) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.at == len(s.events) {
		return s.err
	}
	ev.Data = []byte("event: of its type\ndata: " + s.events[s.at] + "\n\n")
	s.at++
	return nil
}

func (*spoken) More() bool        { return false }
func (s *spoken) Meta() *llm.Meta { return &s.meta }
func (*spoken) Close() error      { return nil }

// TestATargetThatSpeaksTheDialect checks that its responses are passed on, kept and continued, and that a
// stream which breaks off has failed, with the numbers of events going on.
func TestATargetThatSpeaksTheDialect(t *testing.T) {
	router := &speaker{}
	g := gateway.New(gateway.Options{Router: router, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	keeper := store.NewKeeper(store.KeeperOptions{Logger: slog.New(slog.DiscardHandler)})
	h := responses.New(g, responses.Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: keeper, Logger: slog.New(slog.DiscardHandler)})
	defer func() {
		h.Close()
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	}()
	mux := http.NewServeMux()
	for _, route := range h.Routes() {
		mux.HandleFunc(route.Pattern, route.Handle)
	}
	send := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		w.Header()["X-Request-Id"] = []string{"0123"}
		mux.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}

	const plain = `{"model":"m", "input":"first", "store":false}`
	if w := send("POST", "/v1/responses", plain); w.Code != 200 || router.body != plain {
		t.Errorf("%d, the target got %s", w.Code, router.body)
	}
	send("POST", "/v1/responses", `{"model":"m","input":"first"}`)
	if w := send("GET", "/v1/responses/resp_theirs", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "theirs") {
		t.Errorf("it is not kept: %d %s", w.Code, w.Body)
	}
	send("POST", "/v1/responses", `{"model":"m","input":"second","previous_response_id":"resp_theirs"}`)
	if !strings.Contains(router.body, `"text":"first"`) || !strings.Contains(router.body, `"text":"theirs"`) || !strings.Contains(router.body, `"text":"second"`) || strings.Contains(router.body, "previous_response_id") {
		t.Errorf("the target got %s", router.body)
	}

	router.events, router.err = []string{`{"type":"response.created","sequence_number":0,"response":{"id":"resp_s"}}`, `{"type":"response.completed","sequence_number":1,"response":{"id":"resp_s","status":"completed","output":[]}}`}, io.EOF
	if w := send("POST", "/v1/responses", `{"model":"m","input":"x","stream":true}`); !strings.HasSuffix(w.Body.String(), "data: "+router.events[1]+"\n\n") {
		t.Errorf("the client got %s", w.Body)
	}
	if w := send("GET", "/v1/responses/resp_s", ""); w.Code != 200 {
		t.Errorf("the stream is not kept: %d %s", w.Code, w.Body)
	}
	for _, store := range []string{"true", "false"} { // the target was told the opposite
		told := map[string]string{"true": "false", "false": "true"}[store]
		router.events, router.err = []string{
			`{"type":"response.created","response":{"id":"resp_k` + store + `","store":` + told + `}}`,
			`{"type":"response.completed","response":{"id":"resp_k` + store + `","status":"completed","store":` + told + `,"output":[]}}`,
		}, io.EOF
		w := send("POST", "/v1/responses", `{"model":"m","input":"x","stream":true,"store":`+store+`}`)
		if n := strings.Count(w.Body.String(), `"store":`+store); n != 2 {
			t.Errorf("%d events say store %s: %s", n, store, w.Body)
		}
		if w := send("GET", "/v1/responses/resp_k"+store, ""); (w.Code == 200) != (store == "true") || store == "true" && !strings.Contains(w.Body.String(), `"store":true`) {
			t.Errorf("kept with store %s: %d %s", store, w.Code, w.Body)
		}
	}
	router.events, router.err = []string{`{"type":"response.created","sequence_number":0,"response":{"id":"resp_f"}}`, `{"type":"response.in_progress","sequence_number":41,"response":{"id":"resp_f"}}`}, &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "cut"}
	if w := send("POST", "/v1/responses", `{"model":"m","input":"x","stream":true}`); !strings.Contains(w.Body.String(), `event: response.failed`+"\n"+`data: {"type":"response.failed","sequence_number":42,"response":{"id":"resp_f"`) {
		t.Errorf("the client got %s", w.Body)
	}
}
