package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// many is a router each of whose calls is answered by the next of its functions.
type many struct {
	gateway.Router // of which nothing else is called

	calls   atomic.Int64
	answer  func(ctx context.Context, n int64) (*llm.Response, error)
	streams func(ctx context.Context, n int64) (llm.Stream, error)
}

func (m *many) Complete(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	return m.answer(ctx, m.calls.Add(1))
}

func (m *many) Stream(ctx context.Context, _ *llm.Request) (llm.Stream, error) {
	return m.streams(ctx, m.calls.Add(1))
}

func (*many) Group(name string) string { return name }

func (*many) Settings(string) *route.Settings { return &route.Settings{} }

// manyCalls is a gateway over m, and its log.
func manyCalls(m *many) (*gateway.Gateway, func(t *testing.T) line) {
	var log bytes.Buffer
	g := gateway.New(gateway.Options{Router: m, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&log, nil)))})
	return g, func(t *testing.T) line {
		t.Helper()
		if strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("not one line:\n%s", log.String())
		}
		var l line
		if err := json.Unmarshal(log.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
}

func wanting(n int64) *llm.Request {
	r := asking()
	r.Choices = n
	return r
}

func TestSeveralChoicesAreCallsSideBySideAndOneLine(t *testing.T) {
	var together sync.WaitGroup
	together.Add(3)
	warning := llm.Warning{Code: llm.WarnDropped, Field: "seed"}
	g, log := manyCalls(&many{answer: func(context.Context, int64) (*llm.Response, error) {
		together.Done()
		together.Wait() // none is answered before all have begun
		return &llm.Response{RawStop: "end_turn", Usage: llm.Usage{Input: 3, Output: 5, Total: 8}, Meta: llm.Meta{Deployment: "d-1", Warnings: []llm.Warning{warning}}}, nil
	}})
	call := g.Begin("test", "id-1")
	answers, err := call.CompleteAll(t.Context(), wanting(3))
	if err != nil || len(answers) != 3 {
		t.Fatalf("got %d answers, %v", len(answers), err)
	}
	if diff := cmp.Diff(&llm.Usage{Input: 9, Output: 15, Total: 24}, call.Usage()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]llm.Warning{warning}, call.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	call.End(t.Context())
	if diff := cmp.Diff(line{ID: "id-1", Model: "granite", Deployment: "d-1", Status: 200, Prompt: 9, Completion: 15, Stop: "end_turn", Warnings: 1}, log(t)); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
}

func TestAChoiceThatFailsEndsTheOthers(t *testing.T) {
	refused := &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "no"}
	g, log := manyCalls(&many{answer: func(ctx context.Context, n int64) (*llm.Response, error) {
		if n == 2 {
			return nil, refused
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	call := g.Begin("test", "id-1")
	_, err := call.CompleteAll(t.Context(), wanting(4))
	if !errors.Is(err, error(refused)) {
		t.Errorf("got %v", err)
	}
	call.End(t.Context())
	if l := log(t); l.Status != 403 || l.Code != "iam.denied" {
		t.Errorf("got %+v", l)
	}
}

func TestTooManyChoicesAreRefusedBeforeAnyCall(t *testing.T) {
	m := &many{}
	g, _ := manyCalls(m)
	for _, ask := range []func(*gateway.Call) error{
		func(c *gateway.Call) error { _, err := c.CompleteAll(t.Context(), wanting(9)); return err },
		func(c *gateway.Call) error { _, err := c.Stream(t.Context(), wanting(1<<40)); return err },
	} {
		call := g.Begin("test", "id-1")
		var e *llm.Error
		if err := ask(call); !errors.As(err, &e) || e.Status != 400 || e.Param != "choices" || !strings.Contains(e.Message, "at most 8") {
			t.Errorf("got %v", err)
		}
		call.End(t.Context())
	}
	if n := m.calls.Load(); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

// blocking is a stream that says its events, then waits for the end of ctx.
type blocking struct {
	stream
	ctx context.Context
}

func (b *blocking) Next(ev *llm.Event) error {
	if len(b.events) > 0 || b.ctx == nil {
		return b.stream.Next(ev)
	}
	<-b.ctx.Done()
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "gone"}
}

func whole(text string, output int64) []llm.Event {
	return []llm.Event{
		{Kind: llm.EventDelta, Block: llm.BlockText, Text: text},
		{Kind: llm.EventStop, RawStop: "end_turn"},
		{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 7, Output: output, Total: 7 + output}},
	}
}

func TestStreamsOfSeveralChoicesComeAsOne(t *testing.T) {
	streams := []*stream{{events: whole("a", 1), err: io.EOF}, {events: whole("b", 2), err: io.EOF}}
	streams[1].late = []llm.Warning{{Code: llm.WarnChanged, Field: "late"}}
	opened := make(chan *stream, 2)
	opened <- streams[0]
	opened <- streams[1]
	g, log := manyCalls(&many{streams: func(context.Context, int64) (llm.Stream, error) { return <-opened, nil }})
	call := g.Begin("test", "id-1")
	s, err := call.Stream(t.Context(), wanting(2))
	if err != nil {
		t.Fatal(err)
	}
	texts, stops := map[int]string{}, map[int]bool{}
	for {
		var ev llm.Event
		if err = s.Next(&ev); err != nil {
			break
		}
		if stops[ev.Choice] && ev.Kind == llm.EventDelta {
			t.Errorf("choice %d goes on behind its stop", ev.Choice)
		}
		texts[ev.Choice] += ev.Text
		stops[ev.Choice] = stops[ev.Choice] || ev.Kind == llm.EventStop
	}
	if !errors.Is(err, io.EOF) || texts[0]+texts[1] != "ab" && texts[0]+texts[1] != "ba" || len(stops) != 2 {
		t.Errorf("got %v, %v, %v", texts, stops, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	call.End(t.Context())
	if diff := cmp.Diff(line{ID: "id-1", Model: "granite", Status: 200, Prompt: 14, Completion: 3, Stop: "end_turn", Warnings: 1}, log(t)); diff != "" {
		t.Errorf("the line (-want +got):\n%s", diff)
	}
	for i, s := range streams {
		if s.closed != 1 {
			t.Errorf("stream %d was closed %d times", i, s.closed)
		}
	}
}

func TestAStreamThatBreaksOffEndsTheOthers(t *testing.T) {
	cut := &llm.Error{Code: llm.CodeInterrupted, Status: 502}
	text := []llm.Event{{Kind: llm.EventDelta, Block: llm.BlockText, Text: "hello"}}
	m := &many{}
	m.streams = func(ctx context.Context, n int64) (llm.Stream, error) {
		if n == 1 {
			return &stream{events: text, err: cut}, nil
		}
		return &blocking{stream{events: text}, ctx}, nil
	}
	g, log := manyCalls(m)
	call := g.Begin("test", "id-1")
	s, err := call.Stream(t.Context(), wanting(3))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		var ev llm.Event
		err = s.Next(&ev)
	}
	if !errors.Is(err, error(cut)) {
		t.Errorf("the stream ended with %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	call.End(t.Context())
	if l := log(t); l.Status != 502 || !l.Estimated || l.Prompt != 30 {
		t.Errorf("got %+v", l)
	}
}

func TestAStreamThatDoesNotOpenEndsTheOthers(t *testing.T) {
	refused := &llm.Error{Code: llm.CodeDenied, Status: 403, Message: "no"}
	open := &stream{events: whole("a", 1), err: io.EOF}
	begun := make(chan struct{})
	g, _ := manyCalls(&many{streams: func(ctx context.Context, n int64) (llm.Stream, error) {
		switch n {
		case 1:
			close(begun)
			return open, nil
		case 2:
			<-begun
			return nil, refused
		default:
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
	}})
	call := g.Begin("test", "id-1")
	if _, err := call.Stream(t.Context(), wanting(3)); !errors.Is(err, error(refused)) {
		t.Errorf("got %v", err)
	}
	call.End(t.Context())
	if open.closed != 1 {
		t.Errorf("the stream that was open was closed %d times", open.closed)
	}
}

func TestAClientThatLeavesEndsAllChoices(t *testing.T) {
	text := []llm.Event{{Kind: llm.EventDelta, Block: llm.BlockText, Text: "hello"}}
	g, log := manyCalls(&many{streams: func(ctx context.Context, _ int64) (llm.Stream, error) {
		return &blocking{stream{events: text}, ctx}, nil
	}})
	call := g.Begin("test", "id-1")
	s, err := call.Stream(t.Context(), wanting(2))
	if err != nil {
		t.Fatal(err)
	}
	var ev llm.Event
	if err := s.Next(&ev); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	call.End(t.Context())
	if l := log(t); l.Code != "gateway.client_gone" || !l.Estimated {
		t.Errorf("got %+v", l)
	}
}

func TestAPanicOfAChoiceIsItsCallers(t *testing.T) {
	g, _ := manyCalls(&many{
		answer:  func(context.Context, int64) (*llm.Response, error) { panic("a fault of our own") },
		streams: func(context.Context, int64) (llm.Stream, error) { return panicking{}, nil },
	})
	call := g.Begin("test", "id-1")
	defer call.End(t.Context())
	caught := func(do func()) (p any) {
		defer func() { p = recover() }()
		do()
		return nil
	}
	if p := caught(func() { _, _ = call.CompleteAll(t.Context(), wanting(2)) }); p != "a fault of our own" {
		t.Errorf("whole: got %v", p)
	}
	s, err := call.Stream(t.Context(), wanting(2))
	if err != nil {
		t.Fatal(err)
	}
	if p := caught(func() { _ = s.Next(&llm.Event{}) }); p != "a fault of our own" {
		t.Errorf("streamed: got %v", p)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) Next(*llm.Event) error { panic("a fault of our own") }
func (panicking) More() bool            { return false }
func (panicking) Meta() *llm.Meta       { return &llm.Meta{} }
func (panicking) Close() error          { return nil }
