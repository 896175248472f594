package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

// router answers every call with what it holds.
type router struct {
	gateway.Router // of which nothing else is called

	resp      *llm.Response
	stream    llm.Stream
	raw       *llm.RawResponse
	rawStream llm.RawStream
	err       error
	asked     []string
}

func (r *router) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	r.asked = append(r.asked, req.Model)
	return r.resp, r.err
}

func (r *router) Stream(_ context.Context, req *llm.Request) (llm.Stream, error) {
	r.asked = append(r.asked, req.Model)
	return r.stream, r.err
}

func (r *router) Group(name string) string { return "group of " + name }

func (*router) Settings(string) *route.Settings { return &route.Settings{} }

// stream says its events and ends with err.
type stream struct {
	events []llm.Event
	err    error
	meta   llm.Meta
	late   []llm.Warning // that come to light at the end
	closed int
}

func (s *stream) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		s.meta.Warnings = append(s.meta.Warnings, s.late...)
		s.late = nil
		return s.err
	}
	*ev, s.events = s.events[0], s.events[1:]
	return nil
}

func (s *stream) More() bool      { return len(s.events) > 0 }
func (s *stream) Meta() *llm.Meta { return &s.meta }
func (s *stream) Close() error    { s.closed++; return nil }

// line is the part of a log line that the tests look at.
type line struct {
	ID         string `json:"id"`
	Model      string `json:"model"`
	Deployment string `json:"deployment"`
	Stream     bool   `json:"stream"`
	Status     int    `json:"status"`
	Code       string `json:"code"`
	Prompt     int64  `json:"prompt_tokens"`
	Completion int64  `json:"completion_tokens"`
	Estimated  bool   `json:"tokens_estimated"`
	Stop       string `json:"stop"`
	Warnings   int    `json:"warnings"`
}

// bench is a gateway over a router, and its log.
func bench(r *router, masterKey string) (*gateway.Gateway, func(t *testing.T) []line) {
	var log bytes.Buffer
	recorder := telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil)))
	tick := time.Unix(0, 0)
	now := func() time.Time { tick = tick.Add(time.Second); return tick }
	g := gateway.New(gateway.Options{Router: r, Recorder: recorder, MasterKey: masterKey, Now: now})
	return g, func(t *testing.T) []line {
		t.Helper()
		var lines []line
		for text := range strings.Lines(log.String()) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
		return lines
	}
}

// one is the only line of a log.
func one(t *testing.T, lines []line) line {
	t.Helper()
	if len(lines) != 1 {
		t.Fatalf("%d lines, want 1: %+v", len(lines), lines)
	}
	return lines[0]
}

// asking is a request with 40 characters of prompt in every place that has some.
func asking() *llm.Request {
	return &llm.Request{
		Call:   llm.Call{Model: "granite"},
		System: []llm.Block{{Kind: llm.BlockText, Text: "12345678"}},
		Turns: []llm.Turn{
			{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "12345678"}}},
			{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{Input: jsonx.Raw(`{"a":12}`)}}}},
			{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{
				{JSON: jsonx.Raw(`[12]`)}, {Block: llm.Block{Kind: llm.BlockText, Text: "1234"}},
			}}}}},
		},
		Tools: []llm.Tool{{Description: "123456", Schema: jsonx.Raw(`{}`)}},
	}
}

func TestAuthenticate(t *testing.T) {
	tests := []struct {
		name      string
		master    string
		presented gateway.Credentials
		wants     string // the message; empty if let through
	}{
		{"without a master key everybody is let through", "", gateway.Credentials{}, ""},
		{"without a master key any key will do", "", gateway.Credentials{Keys: [5]string{"sk-any"}}, ""},
		{"without a master key any header will do", "", gateway.Credentials{Scheme: gateway.NoScheme}, ""},
		{"the right key", "sk-right", gateway.Credentials{Keys: [5]string{"sk-right"}}, ""},
		{"the right key among others, in any place", "sk-right", gateway.Credentials{Keys: [5]string{"", "sk-wrong", "sk-right"}}, ""},
		{"the right key beside a header of another scheme", "sk-right", gateway.Credentials{Keys: [5]string{"", "sk-right"}, Scheme: "Basic"}, ""},
		{"no key", "sk-right", gateway.Credentials{}, "the API key is missing."},
		{"a key without its scheme", "sk-right", gateway.Credentials{Scheme: gateway.NoScheme}, `the Authorization header lacks "Bearer " before the key.`},
		{"another scheme", "sk-right", gateway.Credentials{Scheme: "Basic"}, "the Authorization header has the scheme Basic, which this gateway does not accept."},
		{"a wrong key", "sk-right", gateway.Credentials{Keys: [5]string{"sk-wrong"}}, "the API key is not valid for this gateway."},
		{"a wrong key beside a header without a scheme", "sk-right", gateway.Credentials{Keys: [5]string{"", "sk-wrong"}, Scheme: gateway.NoScheme}, "the API key is not valid for this gateway."},
		{"the beginning of the key", "sk-right", gateway.Credentials{Keys: [5]string{"sk-r"}}, "the API key is not valid for this gateway."},
		{"the key and more", "sk-right", gateway.Credentials{Keys: [5]string{"sk-right "}}, "the API key is not valid for this gateway."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, _ := bench(&router{}, tt.master)
			if g.Locked() != (tt.master != "") {
				t.Errorf("locked: %t", g.Locked())
			}
			_, err := g.Authenticate(t.Context(), &tt.presented)
			var e *llm.Error
			switch {
			case tt.wants == "":
				if err != nil {
					t.Errorf("refused: %v", err)
				}
			case !errors.As(err, &e):
				t.Errorf("got %v", err)
			case e.Code != llm.CodeUnauthorized || e.Status != 401 || e.Message != tt.wants || e.Fix == "" || strings.Contains(e.Error()+e.Fix, "sk-"):
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestCompleteIsRecordedOnce(t *testing.T) {
	r := &router{resp: &llm.Response{
		RawStop: "end_turn", Usage: llm.Usage{Input: 3, Output: 5},
		Meta: llm.Meta{Deployment: "d-1", Warnings: []llm.Warning{{Code: llm.WarnDropped, Field: "top_k"}}},
	}}
	g, log := bench(r, "")
	call := g.Begin("test", "id-1")
	call.Warn(llm.Warning{Code: llm.WarnDropped, Field: "seed"})
	if g.Open() != 1 || call.ID() != "id-1" || call.Started() != time.Unix(1, 0) {
		t.Errorf("open %d, id %s, started %v", g.Open(), call.ID(), call.Started())
	}
	resp, err := call.Complete(t.Context(), asking())
	if err != nil || resp != r.resp {
		t.Fatalf("got %v, %v", resp, err)
	}
	want := []llm.Warning{{Code: llm.WarnDropped, Field: "seed"}, {Code: llm.WarnDropped, Field: "top_k"}}
	if diff := cmp.Diff(want, call.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	call.End(t.Context())
	call.End(t.Context())
	if g.Open() != 0 {
		t.Errorf("%d calls are open", g.Open())
	}
	if diff := cmp.Diff(line{ID: "id-1", Model: "granite", Deployment: "d-1", Status: 200, Prompt: 3, Completion: 5, Stop: "end_turn", Warnings: 2}, one(t, log(t))); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
}

func TestCompleteThatFails(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want line
	}{
		{"a refusal counts no tokens", &llm.Error{Code: llm.CodeDenied, Status: 403}, line{Status: 403, Code: "iam.denied"}},
		{"what is no llm.Error is a fault of our own", io.ErrClosedPipe, line{Status: 500, Code: "gateway.internal"}},
		{"a client that left is billed what it asked", &llm.Error{Code: llm.CodeClientGone, Status: 499}, line{Status: 499, Code: "gateway.client_gone", Prompt: 10, Estimated: true}},
	}
	for _, tt := range tests {
		for _, streamed := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				g, log := bench(&router{err: tt.err}, "")
				call := g.Begin("test", "id-1")
				req := asking()
				req.Stream = streamed
				var err error
				if streamed {
					_, err = call.Stream(t.Context(), req)
				} else {
					_, err = call.Complete(t.Context(), req)
				}
				if e := (*llm.Error)(nil); !errors.As(err, &e) || !errors.Is(err, tt.err) {
					t.Errorf("got %v", err)
				}
				call.End(t.Context())
				tt.want.ID, tt.want.Model, tt.want.Stream = "id-1", "granite", streamed
				if diff := cmp.Diff(tt.want, one(t, log(t))); diff != "" {
					t.Errorf("the line (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestWhileItStopsNothingNewIsBegun(t *testing.T) {
	r := &router{resp: &llm.Response{}}
	g, log := bench(r, "")
	open := g.Begin("test", "open")
	if _, err := open.Complete(t.Context(), asking()); err != nil {
		t.Fatal(err)
	}
	g.Drain()
	late := g.Begin("test", "late")
	for _, ask := range []func() error{
		func() error { _, err := late.Complete(t.Context(), asking()); return err },
		func() error { _, err := late.Stream(t.Context(), asking()); return err },
	} {
		var e *llm.Error
		if err := ask(); !errors.As(err, &e) || e.Code != llm.CodeStopping || e.Status != 503 || e.RetryAfter != "1" || e.Fix == "" {
			t.Errorf("got %v", err)
		}
	}
	if !g.Stopping() || len(r.asked) != 1 {
		t.Errorf("stopping %t, asked %q", g.Stopping(), r.asked)
	}
	late.End(t.Context())
	open.End(t.Context())
	lines := log(t)
	if got := []string{lines[0].Code, lines[1].Code}; !slices.Equal(got, []string{"gateway.stopping", ""}) {
		t.Errorf("got %q", got)
	}
}

func TestStreamsAreMetered(t *testing.T) {
	delta := llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "hello"}
	stop := llm.Event{Kind: llm.EventStop, RawStop: "end_turn"}
	usage := llm.Event{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 7, Output: 2}}
	cut := &llm.Error{Code: llm.CodeInterrupted, Status: 502}
	tests := []struct {
		name   string
		events []llm.Event
		err    error
		read   int // events that the client takes before it leaves; -1 for all
		want   line
	}{
		{"a whole answer counts what the provider counted", []llm.Event{{Kind: llm.EventStart}, delta, stop, usage}, io.EOF, -1, line{Status: 200, Prompt: 7, Completion: 2, Stop: "end_turn"}},
		{"a whole answer without a count is estimated", []llm.Event{delta, delta, stop}, io.EOF, -1, line{Status: 200, Prompt: 10, Completion: 3, Estimated: true, Stop: "end_turn"}},
		{"an answer that breaks off is estimated", []llm.Event{delta}, cut, -1, line{Status: 502, Code: "stream.interrupted", Prompt: 10, Completion: 2, Estimated: true}},
		{"an answer that breaks off behind its count is not", []llm.Event{delta, usage}, cut, -1, line{Status: 502, Code: "stream.interrupted", Prompt: 7, Completion: 2}},
		{"an answer that was left is estimated up to there", []llm.Event{delta, delta, stop, usage}, io.EOF, 1, line{Status: 499, Code: "gateway.client_gone", Prompt: 10, Completion: 2, Estimated: true}},
		{"an answer that was left behind its count is not", []llm.Event{delta, stop, usage}, io.EOF, 3, line{Status: 499, Code: "gateway.client_gone", Prompt: 7, Completion: 2, Stop: "end_turn"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner := &stream{events: slices.Clone(tt.events), err: tt.err}
			g, log := bench(&router{stream: inner}, "")
			call := g.Begin("test", "id-1")
			s, err := call.Stream(t.Context(), asking())
			if err != nil {
				t.Fatal(err)
			}
			var ev llm.Event
			for i := 0; err == nil && i != tt.read; i++ {
				err = s.Next(&ev)
			}
			if tt.read < 0 && !errors.Is(err, tt.err) {
				t.Errorf("the stream ended with %v, want %v", err, tt.err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			call.End(t.Context())
			if inner.closed != 1 {
				t.Errorf("the provider's stream was closed %d times", inner.closed)
			}
			tt.want.ID, tt.want.Model = "id-1", "granite"
			if diff := cmp.Diff(tt.want, one(t, log(t))); diff != "" {
				t.Errorf("the line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWarningsOfAStreamAreTakenOverOnce(t *testing.T) {
	early, late := llm.Warning{Code: llm.WarnDropped, Field: "early"}, llm.Warning{Code: llm.WarnChanged, Field: "late"}
	inner := &stream{err: io.EOF, meta: llm.Meta{Deployment: "d-1", Warnings: []llm.Warning{early}}, late: []llm.Warning{late}}
	g, _ := bench(&router{stream: inner}, "")
	call := g.Begin("test", "id-1")
	s, err := call.Stream(t.Context(), asking())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]llm.Warning{early}, call.Warnings()); diff != "" || call.Meta().Deployment != "d-1" {
		t.Errorf("before the answer, from %q (-want +got):\n%s", call.Meta().Deployment, diff)
	}
	var ev llm.Event
	if err := s.Next(&ev); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]llm.Warning{early, late}, call.Warnings()); diff != "" {
		t.Errorf("behind the answer (-want +got):\n%s", diff)
	}
}

// inliner answers with what it holds, and counts.
type inliner struct {
	req   *llm.Request
	err   error
	calls int
	held  int // of what it gave, how much was not released
}

func (i *inliner) Inline(context.Context, *llm.Request) (*llm.Request, func(), error) {
	i.calls++
	if i.err != nil {
		return nil, nil, i.err
	}
	i.held++
	return i.req, func() { i.held-- }, nil
}

func TestMediaAtAddressesIsFetchedBeforeACallIsRouted(t *testing.T) {
	at := func(uri string) *llm.Request {
		image := llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: uri}}
		return &llm.Request{Call: llm.Call{Model: "granite"}, Turns: []llm.Turn{{Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{{Block: image}}}}}}}}
	}
	refused := &llm.Error{Code: llm.CodeMedia, Status: 400}
	tests := []struct {
		name    string
		req     *llm.Request
		media   *inliner
		asked   []string // by the router
		fetched int
		code    llm.Code
	}{
		{"a text alone needs nothing", asking(), &inliner{}, []string{"granite"}, 0, ""},
		{"what the provider reads itself is left to it", at("s3://b/k"), &inliner{}, []string{"granite"}, 0, ""},
		{"the request goes on with the content", at("https://h/a.png"), &inliner{req: &llm.Request{Call: llm.Call{Model: "inlined"}}}, []string{"inlined"}, 1, ""},
		{"what cannot be fetched ends the call", at("https://h/a.png"), &inliner{err: refused}, nil, 1, llm.CodeMedia},
		{"a scheme that nobody knows goes no further", at("ftp://h/a.png"), &inliner{err: refused}, nil, 1, llm.CodeMedia},
		{"without a stage for it nothing is let through", at("http://h/a.png"), nil, nil, 0, llm.CodeUnsupported},
	}
	for _, tt := range tests {
		for _, streamed := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				r := &router{resp: &llm.Response{}, stream: &stream{err: io.EOF}}
				opt := gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))}
				if tt.media != nil {
					tt.media.calls = 0
					opt.Media = tt.media
				}
				call := gateway.New(opt).Begin("test", "id")
				defer call.End(t.Context())
				var err error
				if streamed {
					var s llm.Stream
					s, err = call.Stream(t.Context(), tt.req)
					if tt.media != nil && err == nil && tt.media.held != tt.fetched {
						t.Errorf("%d held while the answer comes", tt.media.held)
					}
					if err == nil {
						_ = s.Close()
					}
				} else {
					_, err = call.Complete(t.Context(), tt.req)
				}
				if tt.media != nil && tt.media.held != 0 {
					t.Errorf("%d held when the call has ended", tt.media.held)
				}
				code := llm.Code("")
				if err != nil {
					code = llm.AsError(err).Code
				}
				if code != tt.code || !slices.Equal(r.asked, tt.asked) || tt.media != nil && tt.media.calls != tt.fetched {
					t.Errorf("code %q, the router was asked for %q, fetched %+v", code, r.asked, tt.media)
				}
			})
		}
	}
}
