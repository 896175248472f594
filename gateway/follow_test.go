package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"outcrop/cache"
	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

// sharing is a gateway whose streams are shared by identical calls.
func sharing(t *testing.T, r gateway.Router) *gateway.Gateway {
	t.Helper()
	return sharingWith(t, r, gateway.ForwardHeaders{})
}

func sharingWith(t *testing.T, r gateway.Router, forwarded gateway.ForwardHeaders) *gateway.Gateway {
	t.Helper()
	answers := cache.New(cache.Options{Store: cache.NewMemory(1<<20, 0, nil), Doors: []string{"test"}})
	t.Cleanup(func() {
		if err := answers.Close(); err != nil {
			t.Error(err)
		}
	})
	return gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Cache: answers, ForwardHeaders: forwarded})
}

// look looks a streaming call up.
func look(t *testing.T, call *gateway.Call) *gateway.Hit {
	t.Helper()
	hit, _, err := call.Lookup(t.Context(), &gateway.Query{Body: []byte(question + `,"stream":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	return hit
}

const event = "data: {\"text\":\"moon\"}\n\n"

// The stream of several requests goes on for those who follow it when its client leaves, and ends when they leave too.
func TestSeveralStreamsGoOnWithoutTheirClient(t *testing.T) {
	provider := make(chan context.Context, 2)
	g := sharing(t, &many{streams: func(ctx context.Context, _ int64) (llm.Stream, error) {
		provider <- ctx
		return &stream{err: io.EOF}, nil
	}})
	leader, follower := g.Begin("test", "1"), g.Begin("test", "2")
	defer leader.End(t.Context())
	defer follower.End(t.Context())
	client, leave := context.WithCancel(t.Context())
	defer leave()
	if hit := look(t, leader); hit != nil {
		t.Fatalf("%+v", hit)
	}
	record := leader.Record()
	s, err := leader.StreamEach(client, []*llm.Request{asking(), asking()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	record([]byte(event))
	hit := look(t, follower)
	if hit == nil || hit.Live == nil {
		t.Fatalf("%+v", hit)
	}
	one, other := <-provider, <-provider
	leave()
	if one.Err() != nil || other.Err() != nil {
		t.Errorf("the provider's streams have ended: %v, %v", one.Err(), other.Err())
	}
	hit.Live.Close()
	<-one.Done()
	<-other.Done()
}

// Why the call that is followed is refused is told to its own client alone: the others are told that the response is not complete.
func TestFollowersDoNotHaveTheRefusalOfAnother(t *testing.T) {
	for name, tt := range map[string]struct {
		err    *llm.Error
		shared bool // the followers have it from the events
	}{
		"a budget":             {&llm.Error{Code: llm.CodeBudget, Status: 429, Message: "the budget of alice is used up"}, false},
		"a rate":               {&llm.Error{Code: llm.CodeRateLimited, Status: 429, Message: "alice calls too often"}, false},
		"a client that left":   {&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "alice went away"}, false},
		"a fault":              {&llm.Error{Code: llm.CodeInternal, Status: 500, Message: "look for alice"}, false},
		"a provider's failure": {&llm.Error{Code: llm.CodeModelError, Status: 424, Message: "the model of alice and bob failed"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := sharing(t, &router{})
			leader, follower := g.Begin("test", "1"), g.Begin("test", "2")
			defer follower.End(t.Context())
			if hit := look(t, leader); hit != nil {
				t.Fatalf("%+v", hit)
			}
			record := leader.Record()
			record([]byte(event))
			hit := look(t, follower)
			if hit == nil || hit.Live == nil {
				t.Fatalf("%+v", hit)
			}
			defer hit.Live.Close()
			record([]byte("data: half"))
			_ = leader.Fail(tt.err)
			record([]byte("\n\n" + tt.err.Message + "\n\n"))
			leader.End(t.Context())
			var all string
			err := drain(func() error {
				part, err := hit.Live.Next(t.Context())
				all += string(part)
				return err
			})
			switch {
			case tt.shared:
				if !errors.Is(err, io.EOF) || all != event+"data: half\n\n"+tt.err.Message+"\n\n" {
					t.Errorf("%q, %v", all, err)
				}
			case all != event || llm.AsError(err).Code != llm.CodeInterrupted || strings.Contains(err.Error(), "alice"):
				t.Errorf("%q, %v", all, err)
			}
			if again := g.Begin("test", "3"); look(t, again) != nil {
				t.Error("an answer that is not complete is kept")
			} else {
				again.End(t.Context())
			}
		})
	}
}

// Whether others want a stream can be asked while a part of it is under way to its client.
func TestWhetherOthersWantAStream(t *testing.T) {
	g := sharing(t, &router{})
	leader, follower := g.Begin("test", "1"), g.Begin("test", "2")
	defer leader.End(t.Context())
	defer follower.End(t.Context())
	if hit := look(t, leader); hit != nil {
		t.Fatalf("%+v", hit)
	}
	wanted := leader.Record()
	if wanted(nil) || wanted([]byte(event)) || wanted(nil) {
		t.Error("nobody else wants the stream")
	}
	hit := look(t, follower)
	if hit == nil || hit.Live == nil {
		t.Fatalf("%+v", hit)
	}
	asked := make(chan bool)
	go func() { asked <- wanted(nil) }()
	_ = leader.Fail(&llm.Error{Code: llm.CodeModelError, Status: 424}) // at the same time
	if !<-asked {
		t.Error("another wants the stream")
	}
	hit.Live.Close()
	if wanted(nil) {
		t.Error("the other has left")
	}
}

// Headers that go on to the provider are a part of the question: kept answers and streams are shared only with calls that have the same.
func TestHeadersThatGoOnAreAPartOfTheQuestion(t *testing.T) {
	for name, tt := range map[string]struct {
		forwarded gateway.ForwardHeaders
		shared    bool // by calls with other headers
	}{
		"they go on for all models":   {gateway.ForwardHeaders{All: true}, false},
		"they go on for the model":    {gateway.ForwardHeaders{Groups: []string{"m*"}}, false},
		"they go on for other models": {gateway.ForwardHeaders{Groups: []string{"n*"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := sharingWith(t, &router{}, tt.forwarded)
			begin := func(tenant string) *gateway.Call {
				call := g.Begin("test", tenant)
				call.OfferHeaders([]llm.Label{{Name: "X-Tenant", Value: tenant}})
				return call
			}
			leader := begin("A")
			if hit := look(t, leader); hit != nil {
				t.Fatalf("%+v", hit)
			}
			record := leader.Record()
			record([]byte(event))
			for tenant, shared := range map[string]bool{"A": true, "B": tt.shared} {
				call := begin(tenant)
				hit := look(t, call)
				if (hit != nil) != shared {
					t.Errorf("%s shares the stream of A: %v", tenant, hit != nil)
				}
				if hit != nil {
					hit.Live.Close()
				}
				call.End(t.Context())
			}
			leader.Usage().Output = 1 // so that it may be kept
			leader.End(t.Context())
			for tenant, shared := range map[string]bool{"A": true, "B": tt.shared} {
				call := begin(tenant)
				if hit := look(t, call); (hit != nil) != shared {
					t.Errorf("%s has the answer of A: %v", tenant, hit != nil)
				}
				call.End(t.Context())
			}
		})
	}
}
