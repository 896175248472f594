package openaichat_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/httpd/openaichat"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router answers each call with a tool call, and keeps what was asked.
type router struct {
	gateway.Router // of which nothing else is called

	mu    sync.Mutex
	asked []*llm.Request
}

func (r *router) note(req *llm.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req)
}

func (r *router) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	r.note(req)
	return &llm.Response{
		Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "f", Input: jsonx.Raw(`{}`)}}},
		Stop:   llm.StopToolUse, RawStop: "tool_use", Usage: llm.Usage{Input: 3, Output: 2, Total: 5},
	}, nil
}

func (r *router) Stream(_ context.Context, req *llm.Request) (llm.Stream, error) {
	r.note(req)
	return &stream{events: []llm.Event{
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: "hello"},
		{Kind: llm.EventStop, Stop: llm.StopEnd, RawStop: "end_turn"},
		{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 2, Total: 5}},
	}}, nil
}

func (*router) Group(name string) string { return name }

func (*router) Settings(string) *route.Settings { return &route.Settings{} }

type stream struct {
	events []llm.Event
	meta   llm.Meta
}

func (s *stream) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		return io.EOF
	}
	*ev, s.events = s.events[0], s.events[1:]
	return nil
}

func (s *stream) More() bool      { return len(s.events) > 0 }
func (s *stream) Meta() *llm.Meta { return &s.meta }
func (s *stream) Close() error    { return nil }

// ask sends a chat of one message with further members, and gives the answer, what
// the provider was asked, and the log.
func ask(t *testing.T, members string, header http.Header) (answer string, asked []*llm.Request, log string) {
	t.Helper()
	var lines bytes.Buffer
	r := &router{}
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&lines, nil)))})
	h := openaichat.New(g, door.Options{MaxBody: 1 << 20})
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"model":"granite","messages":[{"role":"user","content":"Hi"}]`+members+`}`))
	maps.Copy(req.Header, header)
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "id-1")
	h.ServeHTTP(w, inbound.Begin(req))
	return w.Body.String(), r.asked, lines.String()
}

func TestTheHeaderAnthropicBetaGoesOn(t *testing.T) {
	_, asked, _ := ask(t, "", http.Header{"Anthropic-Beta": {"a-1,b-2"}})
	if h := asked[0].Headers; len(h) != 1 || h[0] != (llm.Label{Name: "anthropic-beta", Value: "a-1,b-2"}) {
		t.Errorf("got %s", h)
	}
	if _, asked, _ = ask(t, "", nil); len(asked[0].Headers) > 0 {
		t.Errorf("without the header: %s", asked[0].Headers)
	}
}

func TestFunctionsAreAnsweredAsFunctions(t *testing.T) {
	answer, _, _ := ask(t, `,"functions":[{"name":"f"}]`, nil)
	if !strings.Contains(answer, `"function_call":{"name":"f","arguments":"{}"}`) || !strings.Contains(answer, `"finish_reason":"function_call"`) {
		t.Errorf("got %s", answer)
	}
}

func TestSeveralChoicesComeWholeAndStreamed(t *testing.T) {
	answer, asked, log := ask(t, `,"n":2`, nil)
	if len(asked) != 2 || strings.Count(answer, `"finish_reason":"tool_calls"`) != 2 || !strings.Contains(answer, `"index":1,"message"`) || !strings.Contains(answer, `"total_tokens":10`) {
		t.Errorf("%d calls: %s", len(asked), answer)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"prompt_tokens":6`) {
		t.Errorf("the log: %s", log)
	}
	answer, asked, log = ask(t, `,"n":3,"stream":true,"stream_options":{"include_usage":true}`, nil)
	if len(asked) != 3 || strings.Count(answer, `"content":"hello"`) != 3 || strings.Count(answer, `"finish_reason":"stop"`) != 3 ||
		!strings.Contains(answer, `"total_tokens":15`) || !strings.HasSuffix(answer, "data: [DONE]\n\n") {
		t.Errorf("%d calls: %s", len(asked), answer)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"prompt_tokens":9`) {
		t.Errorf("the log: %s", log)
	}
}

// What cannot be understood makes no call, and nothing that was said gets into the log.
func TestBadRequestsMakeNoCallAndLeaveNothingInTheLog(t *testing.T) {
	for _, members := range []string{
		`,"tools":[{"type":"function","function":{"name":"f","parameters":{"$ref":"#","description":"granite-secret"}}}]`,
		`,"max_tokens":99999999999999999999,"x":"granite-secret"`,
		`,"x":"granite-secret","x":1`,
		",\"x\":\"granite-secret\xff\"",
		`,"n":9,"x":"granite-secret"`,
		`,"extra_headers":{"Authorization":"granite-secret"}`,
		`,"x":"granite-secret","y":` + strings.Repeat("[", 20_000),
	} {
		answer, asked, log := ask(t, members, nil)
		if len(asked) > 0 || !strings.Contains(answer, `"type":"invalid_request_error"`) || strings.Contains(log, "granite-secret") || strings.Count(log, "\n") != 1 {
			t.Errorf("%.60s: %d calls, %s\n%s", members, len(asked), answer, log)
		}
	}
}
