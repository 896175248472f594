package gateway_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"outcrop/llm"
	"outcrop/route"
)

func (r *router) Relay(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.RawResponse, error) {
	r.asked = append(r.asked, raw.Model)
	if t != nil && r.err == nil {
		if _, err := t.Request(ctx); err != nil {
			return nil, err
		}
	}
	return r.raw, r.err
}

func (r *router) RelayStream(_ context.Context, raw *llm.Raw, _ *route.Translation) (llm.RawStream, error) {
	r.asked = append(r.asked, raw.Model)
	return r.rawStream, r.err
}

// rawEvents is a stream of a dialect.
type rawEvents struct {
	events []llm.RawEvent
	err    error
	meta   llm.Meta
	closed int
}

func (s *rawEvents) Next(ev *llm.RawEvent) error {
	if len(s.events) == 0 {
		return s.err
	}
	*ev, s.events = s.events[0], s.events[1:]
	return nil
}
func (s *rawEvents) More() bool      { return len(s.events) > 0 }
func (s *rawEvents) Meta() *llm.Meta { return &s.meta }
func (s *rawEvents) Close() error    { s.closed++; return nil }

func rawCall(body string) *llm.Raw {
	return &llm.Raw{Call: llm.Call{Model: "granite"}, Body: []byte(body)}
}

func TestWhatIsRecordedOfARelayedCall(t *testing.T) {
	warned := llm.Meta{Deployment: "d", Warnings: []llm.Warning{{Code: llm.WarnLegacy}}}
	for _, tt := range []struct {
		name   string
		router router
		want   line
	}{
		{
			"a response",
			router{raw: &llm.RawResponse{Meta: warned, Usage: llm.Usage{Input: 3, Output: 4}, RawStop: "end_turn"}},
			line{Model: "granite", Deployment: "d", Status: 200, Prompt: 3, Completion: 4, Stop: "end_turn", Warnings: 1},
		},
		{
			"one without usage",
			router{raw: &llm.RawResponse{Meta: warned, Body: make([]byte, 8), Uncounted: true}},
			line{Model: "granite", Deployment: "d", Status: 200, Prompt: 2, Completion: 2, Estimated: true, Warnings: 1},
		},
		{"a refusal", router{err: &llm.Error{Code: llm.CodeInvalid, Status: 400}}, line{Model: "granite", Status: 400, Code: "request.invalid"}},
		{"a client that leaves", router{err: &llm.Error{Code: llm.CodeClientGone, Status: 499}}, line{Model: "granite", Status: 499, Code: "gateway.client_gone", Prompt: 2, Estimated: true}},
	} {
		g, log := bench(&tt.router, "")
		call := g.Begin("test", "id-1")
		_, err := call.Relay(t.Context(), rawCall("12345678"), nil)
		if (err != nil) != (tt.router.err != nil) {
			t.Errorf("%s: %v", tt.name, err)
		}
		call.End(t.Context())
		tt.want.ID = "id-1"
		if got := one(t, log(t)); got != tt.want {
			t.Errorf("%s: recorded %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestWhatIsRecordedOfARelayedStream(t *testing.T) {
	text := llm.RawEvent{Data: []byte("x"), Content: true, Length: 8}
	stop := llm.RawEvent{RawStop: "end_turn", Content: true}
	usage := llm.RawEvent{Usage: &llm.Usage{Input: 3, Output: 4}, Content: true}
	broken := &llm.Error{Code: llm.CodeInterrupted, Status: 502}
	for _, tt := range []struct {
		name   string
		stream rawEvents
		reads  int // of its events, before it is closed
		want   line
	}{
		{"a complete one", rawEvents{events: []llm.RawEvent{text, stop, usage}, err: io.EOF}, 4, line{Status: 200, Prompt: 3, Completion: 4, Stop: "end_turn"}},
		{"without usage", rawEvents{events: []llm.RawEvent{text, stop}, err: io.EOF}, 3, line{Status: 200, Prompt: 2, Completion: 2, Stop: "end_turn", Estimated: true}},
		{"broken off", rawEvents{events: []llm.RawEvent{text}, err: broken}, 2, line{Status: 502, Code: "stream.interrupted", Prompt: 2, Completion: 2, Estimated: true}},
		{"a reported failure", rawEvents{events: []llm.RawEvent{text, {Err: broken}}, err: broken}, 2, line{Status: 502, Code: "stream.interrupted", Prompt: 2, Completion: 2, Estimated: true}},
		{"a client that leaves", rawEvents{events: []llm.RawEvent{text, stop}, err: io.EOF}, 1, line{Status: 499, Code: "gateway.client_gone", Prompt: 2, Completion: 2, Estimated: true}},
	} {
		r := &router{rawStream: &tt.stream}
		g, log := bench(r, "")
		call := g.Begin("test", "id-1")
		raw := rawCall("12345678")
		raw.Stream = true
		s, err := call.RelayStream(t.Context(), raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range tt.reads {
			var ev llm.RawEvent
			_ = s.Next(&ev)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil || tt.stream.closed == 0 {
			t.Errorf("%s: closed %d times, %v", tt.name, tt.stream.closed, err)
		}
		call.End(t.Context())
		tt.want.ID, tt.want.Model, tt.want.Stream = "id-1", "granite", true
		if got := one(t, log(t)); got != tt.want {
			t.Errorf("%s: recorded %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestNoRelayedCallBeginsWhileStopping(t *testing.T) {
	r := &router{}
	g, log := bench(r, "")
	g.Drain()
	call := g.Begin("test", "id-1")
	_, whole := call.Relay(t.Context(), rawCall(`{}`), nil)
	_, stream := call.RelayStream(t.Context(), rawCall(`{}`), nil)
	call.End(t.Context())
	if llm.AsError(whole).Code != llm.CodeStopping || llm.AsError(stream).Code != llm.CodeStopping || len(r.asked) != 0 {
		t.Errorf("%v, %v, %d calls", whole, stream, len(r.asked))
	}
	if one(t, log(t)).Status != 503 {
		t.Error("it is not recorded")
	}
}

// A translation gets content in place of URLs; without the stage that fetches it is refused.
func TestATranslationOfMediaAtAURL(t *testing.T) {
	r := &router{raw: &llm.RawResponse{}}
	g, _ := bench(r, "")
	call := g.Begin("test", "id-1")
	defer call.End(t.Context())
	tr := &route.Translation{Request: func(context.Context) (*llm.Request, error) {
		return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{URI: "https://example.com/x.png"}}}}}}, nil
	}}
	if _, err := call.Relay(t.Context(), rawCall(`{}`), tr); llm.AsError(err).Code != llm.CodeUnsupported {
		t.Errorf("got %v", err)
	}
}
