package gateway_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/telemetry"
)

// held is a deployment whose calls take until somebody says so.
type held struct {
	target
	begun, answer chan struct{}
}

func (h *held) Targets(llm.Verb, string) ([]provider.Target, error) {
	return []provider.Target{h}, nil
}

func (h *held) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	h.begun <- struct{}{}
	<-h.answer
	return h.target.Complete(ctx, req)
}

// TestACallWaitsForAnotherToEnd has a deployment that may have one call at a time by its limits, which are counted as in the server.
func TestACallWaitsForAnotherToEnd(t *testing.T) {
	h := &held{target: target{&deployed{}, "m"}, begun: make(chan struct{}), answer: make(chan struct{})}
	queued, ends := make(chan struct{}), make(chan string, 1)
	r := route.New(route.Plan{
		Entries: []route.Entry{{Name: "m", ID: "1", Model: "m", Deployment: h, Timeout: time.Minute, Limits: &llm.Limits{Deployment: "1", Parallel: llm.Some[int64](1)}}},
		Policy:  route.Policy{Queue: route.Queue{Size: 1, Wait: time.Hour}},
	}, route.Options{Queued: func(string) { queued <- struct{}{} }, Waited: func(_, end string, _ time.Duration) { ends <- end }})
	g, _ := charging(t, r, `{"key_alias":"a"}`)
	done := make(chan error, 2)
	begin := func() {
		call := admitted(t, g)
		go func() {
			defer call.End(context.Background())
			_, err := call.Complete(context.Background(), &llm.Request{Call: llm.Call{Model: "m"}})
			done <- err
		}()
	}
	begin()
	<-h.begun
	begin()
	<-queued
	several := admitted(t, g) // each of which would wait for the others
	if _, err := several.CompleteAll(t.Context(), &llm.Request{Call: llm.Call{Model: "m"}, Choices: 2}); llm.AsError(err).Code != llm.CodeRateLimited {
		t.Error(err)
	}
	several.End(t.Context())
	h.answer <- struct{}{}
	<-h.begun
	h.answer <- struct{}{}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if end := <-ends; end != route.WaitServed {
		t.Error(end)
	}
}

func TestThePriorityOfABodyPrecedesTheHeader(t *testing.T) {
	for _, test := range []struct{ body, header, want llm.Opt[int64] }{
		{llm.Some[int64](3), llm.Some[int64](9), llm.Some[int64](3)},
		{llm.Opt[int64]{}, llm.Some[int64](9), llm.Some[int64](9)},
	} {
		a := &asks{}
		g := gateway.New(gateway.Options{Router: a, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
		call := g.Begin("test", "1")
		call.Ask(&llm.Routing{Priority: test.header})
		if _, err := call.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "m", Routing: llm.Routing{Priority: test.body}}}); err != nil {
			t.Fatal(err)
		}
		call.End(t.Context())
		if a.call.Routing.Priority != test.want {
			t.Errorf("%v", a.call.Routing.Priority)
		}
	}
}
