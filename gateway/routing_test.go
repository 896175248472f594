package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/gateway"
	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/telemetry"
)

// deployed is a deployment that answers, or fails with what it has.
type deployed struct {
	err *llm.Error

	mu        sync.Mutex // choices are asked for side by side
	guardrail jsonx.Raw  // of the last call
	calls     int
}

// asked counts a call.
func (d *deployed) asked(req *llm.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.guardrail = req.Guardrail
}

func (d *deployed) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	return []provider.Target{target{d, model}}, nil
}

func (*deployed) Close() error { return nil }

type target struct {
	*deployed
	model string
}

func (target) Location() string { return "" }
func (t target) ID() string     { return t.model }
func (target) Guards() bool     { return true }

func (t target) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	t.asked(req)
	if t.err != nil {
		return nil, t.err
	}
	return &llm.Response{RawStop: t.model, Usage: llm.Usage{Input: 3, Output: 5}, Meta: llm.Meta{Price: price{}}}, nil
}

func (t target) Stream(_ context.Context, req *llm.Request) (llm.Stream, error) {
	t.asked(req)
	if t.err != nil {
		return nil, t.err
	}
	return &stream{events: []llm.Event{{Kind: llm.EventDelta, Text: t.model}, {Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 5}}}, err: io.EOF}, nil
}

// falling is a router of a model that is down and its fallback, which has a guardrail.
func falling() (r *route.Router, down, up *deployed) {
	down, up = &deployed{err: &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down", Upstream: true}}, &deployed{}
	return route.New(route.Plan{
		Entries: []route.Entry{
			{Name: "down", ID: "1", Model: "d", Deployment: down, Timeout: time.Minute, StreamTimeout: time.Minute},
			{Name: "up", ID: "2", Model: "u", Deployment: up, Timeout: time.Minute, StreamTimeout: time.Minute, Settings: route.Settings{
				Defaults: &llm.Defaults{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"g"}`)}, AccessGroups: []string{"upper"},
			}},
		},
		Policy: route.Policy{Fallbacks: route.Fallbacks{General: map[string][]string{"down": {"up"}}}, NoCooldowns: true},
	}, route.Options{}), down, up
}

func TestAFallbackIsACallOfItsModel(t *testing.T) {
	for _, tt := range []struct {
		about, key string
		served     bool
	}{
		{"all models", `{"key_alias":"a"}`, true},
		{"both models", `{"models":["down","up"]}`, true},
		{"the fallback by its group", `{"models":["down","upper"]}`, true},
		{"only the model itself", `{"models":["down"]}`, false},
		{"one call at a time", `{"max_parallel_requests":1}`, true},
		{"one call a minute", `{"rpm_limit":1}`, true},
		{"no money for the fallback's model", `{"model_max_budget":{"up":{"budget_limit":0,"time_period":"1d"}}}`, false},
	} {
		t.Run(tt.about, func(t *testing.T) {
			r, down, up := falling()
			g, rows := charging(t, r, tt.key)
			call := admitted(t, g)
			resp, err := call.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "down"}})
			call.End(t.Context())
			if served := err == nil; served != tt.served || down.calls != 1 || (up.calls == 1) != tt.served {
				t.Fatalf("%v, %d and %d calls", err, down.calls, up.calls)
			}
			if len(*rows) != 1 {
				t.Fatalf("%d rows", len(*rows))
			}
			row := (*rows)[0]
			if !tt.served {
				if e := llm.AsError(err); e.Code != llm.CodeUnavailable || row.Group != "down" || row.Code != string(llm.CodeUnavailable) {
					t.Errorf("%v; the row is of %s with %s", e, row.Group, row.Code)
				}
				return
			}
			if resp.RawStop != "u" || row.Group != "up" || row.Cost == 0 || row.Deployment != "2" || string(up.guardrail) != `{"guardrailIdentifier":"g"}` {
				t.Errorf("%+v; the row %+v; the guardrail %s", resp, row, up.guardrail)
			}
		})
	}
}

// TestAFallbackLeavesNothingReserved makes calls one after the other with a key that may have one at a time, and has money for
// some.
func TestAFallbackLeavesNothingReserved(t *testing.T) {
	r, _, _ := falling()
	g, rows := charging(t, r, `{"max_parallel_requests":1,"rpm_limit":5}`)
	for i := range 6 {
		call := admitted(t, g)
		_, err := call.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "down"}})
		call.End(t.Context())
		if limited := err != nil && llm.AsError(err).Code == llm.CodeRateLimited; limited != (i == 5) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if len(*rows) != 5 {
		t.Errorf("%d rows, want one for each call that was let through", len(*rows))
	}
}

// TestACallThatComesBackToItsOwnModelHasItsSettings has a model and its fallback in cooldown, so that the fallback is passed by and the
// model is called after all.
func TestACallThatComesBackToItsOwnModelHasItsSettings(t *testing.T) {
	away := &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down", Upstream: true}
	a, b, none := &deployed{err: away}, &deployed{err: away}, 0
	r := route.New(route.Plan{
		Entries: []route.Entry{
			{Name: "a", ID: "1", Model: "a", Deployment: a, Timeout: time.Minute, Settings: route.Settings{Defaults: &llm.Defaults{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"g"}`)}}},
			{Name: "b", ID: "2", Model: "b", Deployment: b, Timeout: time.Minute},
		},
		Policy: route.Policy{Fallbacks: route.Fallbacks{General: map[string][]string{"a": {"b"}}}, AllowedFails: route.FailurePolicy{Others: &none}, Cooldown: time.Hour, Retries: route.RetryPolicy{}},
	}, route.Options{})
	g, rows := charging(t, r, `{"max_parallel_requests":1}`)
	ask := func() (*llm.Response, error) {
		call := admitted(t, g)
		defer call.End(t.Context())
		return call.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}})
	}
	if _, err := ask(); err == nil || a.calls == 0 || b.calls == 0 {
		t.Fatalf("%v, %d and %d calls", err, a.calls, b.calls)
	}
	a.err, b.err, a.calls, b.calls = nil, nil, 0, 0
	resp, err := ask()
	if err != nil || a.calls != 1 || b.calls != 0 {
		t.Fatalf("%v, %d and %d calls", err, a.calls, b.calls)
	}
	if row := (*rows)[len(*rows)-1]; resp.RawStop != "a" || string(a.guardrail) != `{"guardrailIdentifier":"g"}` || row.Group != "a" || row.Cost == 0 {
		t.Errorf("%+v; the row %+v; the guardrail %s", resp, row, a.guardrail)
	}
}

// TestACopyOfACallFallsBackWithTheFallbacksSettings has a guardrail mask something, so that a copy of the request is called.
func TestACopyOfACallFallsBackWithTheFallbacksSettings(t *testing.T) {
	r, _, up := falling()
	f := guard.NewFilter()
	f.AddWord("basalt", "", guard.ActionMask)
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Guardrails: []*guard.Rule{{Name: "words", Kind: "words", Mode: guard.PreCall, Always: true, Timeout: time.Minute, Checker: f}}})
	call := g.Begin("test", "1")
	defer call.End(t.Context())
	req := &llm.Request{Call: llm.Call{Model: "down"}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "basalt"}}}}}
	if _, err := call.Complete(t.Context(), req); err != nil || string(up.guardrail) != `{"guardrailIdentifier":"g"}` {
		t.Errorf("%v; the guardrail %s", err, up.guardrail)
	}
}

// TestChoicesFallBackSideBySide makes several calls as one, which have one guardrail: another one is not for them.
func TestChoicesFallBackSideBySide(t *testing.T) {
	r, _, up := falling()
	g, _ := charging(t, r, `{"key_alias":"a"}`)
	call := admitted(t, g)
	_, err := call.Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "down", Stream: true}, Choices: 3})
	call.End(t.Context())
	if err == nil || up.calls > 0 {
		t.Errorf("%v, %d calls of a model with another guardrail", err, up.calls)
	}
}

// asks is a router that keeps what it is asked.
type asks struct {
	router
	call llm.Call
}

func (a *asks) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	a.call = req.Call
	return &llm.Response{}, nil
}

// asksAll is a router that keeps what it is asked, of calls that are made side by side.
type asksAll struct {
	router
	mu    sync.Mutex
	calls []llm.Call
}

func (a *asksAll) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, req.Call)
	return &llm.Response{}, nil
}

func (*asksAll) Settings(string) *route.Settings {
	return &route.Settings{Policy: &route.Policy{ByTags: true}, FallsBack: true, Defaults: &llm.Defaults{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"g"}`)}}
}

// TestWhatHoldsForOnePromptHoldsForAll makes a call of several prompts, each of which is asked of the router.
func TestWhatHoldsForOnePromptHoldsForAll(t *testing.T) {
	a := &asksAll{}
	g, _ := charging(t, a, `{"tpm_limit":100000}`)
	call := admitted(t, g)
	defer call.End(t.Context())
	call.Ask(&llm.Routing{Timeout: time.Minute})
	prompts := make([]*llm.Request, 3)
	for i := range prompts {
		prompts[i] = &llm.Request{Call: llm.Call{Model: "m", Tags: []string{"t"}}}
	}
	if _, err := call.CompleteEach(t.Context(), prompts); err != nil || len(a.calls) != 3 {
		t.Fatalf("%v, %d calls", err, len(a.calls))
	}
	for i := range a.calls {
		c := &a.calls[i]
		if c.Admit == nil || c.Allow == nil || string(c.Guardrail) != `{"guardrailIdentifier":"g"}` || c.Routing.Timeout != time.Minute || !slices.Equal(c.Routing.Tags, []string{"t"}) {
			t.Errorf("prompt %d: %+v", i, c)
		}
	}
}

func TestWhatABodyAsksOfRoutingPrecedesHeaders(t *testing.T) {
	a := &asks{}
	g := gateway.New(gateway.Options{Router: a, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	call := g.Begin("test", "1")
	defer call.End(t.Context())
	call.Ask(&llm.Routing{Retries: llm.Some[int64](1), Timeout: time.Second, StreamTimeout: time.Minute})
	if _, err := call.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "m", Routing: llm.Routing{Timeout: 2 * time.Second}}}); err != nil {
		t.Fatal(err)
	}
	want := llm.Routing{Retries: llm.Some[int64](1), Timeout: 2 * time.Second, StreamTimeout: time.Minute}
	if diff := cmp.Diff(want, a.call.Routing); diff != "" {
		t.Error(diff)
	}
}
