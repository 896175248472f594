package completions_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/httpd/completions"
	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router thinks, and then says granite. some and all are what it says of the dialect.
type router struct {
	gateway.Router // of which nothing else is called

	some, all bool
	relayed   []*llm.Raw
	translate bool // the relayed call gets a translation
}

func (*router) Group(name string) string             { return name }
func (*router) Settings(string) *route.Settings      { return &route.Settings{} }
func (r *router) Speaks(string, string) (bool, bool) { return r.some, r.all }

func (*router) Complete(context.Context, *llm.Request) (*llm.Response, error) {
	return &llm.Response{
		Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "hm"}, {Kind: llm.BlockText, Text: "granite"}}, Stop: llm.StopEnd, Usage: llm.Usage{Input: 1, Output: 2},
	}, nil
}

func (r *router) Relay(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.RawResponse, error) {
	r.relayed = append(r.relayed, raw)
	if !r.translate {
		return &llm.RawResponse{Body: []byte("{}")}, nil
	}
	req, err := t.Request(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := r.Complete(ctx, req)
	if err != nil {
		return nil, err
	}
	return t.Response(resp), nil
}

func (*router) Stream(context.Context, *llm.Request) (llm.Stream, error) {
	return &stream{events: []llm.Event{
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "granite"}, {Kind: llm.EventStop, Stop: llm.StopEnd}, {Kind: llm.EventUsage, Usage: &llm.Usage{Input: 1, Output: 2}},
	}}, nil
}

type stream struct {
	events []llm.Event
	meta   llm.Meta
}

func (s *stream) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		return io.EOF
	}
	*ev = s.events[0]
	s.events = s.events[1:]
	return nil
}
func (*stream) More() bool        { return true }
func (s *stream) Meta() *llm.Meta { return &s.meta }
func (*stream) Close() error      { return nil }

// ask makes a request, and returns the response and the log.
func ask(t *testing.T, r *router, body string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log strings.Builder
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil)))})
	h := httpd.New(httpd.Options{Gateway: g, Doors: []door.Frontend{completions.New(g, door.Options{MaxBody: 1 << 20})}, Logger: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/completions", strings.NewReader(body)))
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("not one line: %s", &log)
	}
	return w, log.String()
}

// Where only some deployments have the API, a request that is more than one conversation cannot fail over
// between a body that passes and a translation, and becomes conversations.
func TestWhatPassesAndWhatBecomesConversations(t *testing.T) {
	for _, tt := range []struct {
		some, all bool
		body      string
		relayed   int
	}{
		{true, true, `{"model":"m","prompt":["a","b"],"n":2}`, 1},
		{true, false, `{"model":"m","prompt":"a"}`, 1},
		{true, false, `{"model":"m","prompt":["a","b"]}`, 0},
		{true, false, `{"model":"m","prompt":"a","n":2}`, 0},
		{false, false, `{"model":"m","prompt":"a"}`, 0},
	} {
		r := &router{some: tt.some, all: tt.all}
		w, _ := ask(t, r, tt.body)
		if w.Code != 200 || len(r.relayed) != tt.relayed {
			t.Errorf("%s: %d %s, %d passed", tt.body, w.Code, w.Body, len(r.relayed))
		}
	}
}

func TestWhatATextHasNoPlaceForIsAWarning(t *testing.T) {
	for _, r := range []*router{{}, {some: true, translate: true}} {
		w, log := ask(t, r, `{"model":"m","prompt":"a","metadata":{"x":{}}}`)
		warnings := w.Header().Get("X-Outcrop-Warnings")
		if !strings.Contains(w.Body.String(), `"text":"granite"`) || strings.Contains(w.Body.String(), "hm") || !strings.Contains(warnings, "field=reasoning_content") || !strings.Contains(warnings, "field=metadata.x") {
			t.Errorf("%s %v", w.Body, w.Header())
		}
		if !strings.Contains(log, `"door":"openai_completions"`) || strings.Contains(log, "granite") {
			t.Errorf("logged %s", log)
		}
	}
}

func TestStreamsOfSeveralPromptsAreOne(t *testing.T) {
	w, log := ask(t, &router{}, `{"model":"m","prompt":["a","b"],"stream":true,"stream_options":{"include_usage":true}}`)
	body := w.Body.String()
	if strings.Count(body, `"text":"granite"`) != 2 || !strings.HasSuffix(body, "data: [DONE]\n\n") || !strings.Contains(body, `"usage":{"prompt_tokens":2,"completion_tokens":4,`) || !strings.Contains(log, `"completion_tokens":4`) {
		t.Errorf("%s\n%s", body, log)
	}
	w, _ = ask(t, &router{}, `{"model":"m","prompt":[1],"stream":true}`)
	if w.Code != 400 || !strings.Contains(w.Body.String(), `"param":"prompt"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
