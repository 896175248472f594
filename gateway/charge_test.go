package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/quota"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
	"outcrop/tenant"
)

func (*router) Terms(string) *route.Terms { return &route.Terms{} }

func (*router) CountTokens(context.Context, *llm.Raw, *route.Translation) (*llm.Count, error) {
	return &llm.Count{Tokens: 7}, nil
}

func (*many) Terms(string) *route.Terms { return &route.Terms{} }

// tenants are the callers of a directory.
type tenants struct{ *tenant.Directory }

func (t tenants) Master(context.Context) (*tenant.Caller, error) { return t.Directory.Master(), nil }

// journal has the rows of calls.
type journal []store.Row

// appending is held while a row is added: calls may end at the same time.
var appending sync.Mutex

func (j *journal) Append(row *store.Row) error {
	appending.Lock()
	defer appending.Unlock()
	kept := *row
	kept.Charges = slices.Clone(row.Charges)
	*j = append(*j, kept)
	return nil
}

// clientKey is the key of the calls.
const clientKey = "sk-client"

// charging is a gateway whose calls are those of a key with a document, and its rows.
func charging(t *testing.T, r gateway.Router, doc string) (*gateway.Gateway, *journal) {
	t.Helper()
	return chargingWith(t, r, doc, tenant.Settings{})
}

func chargingWith(t *testing.T, r gateway.Router, doc string, settings tenant.Settings) (*gateway.Gateway, *journal) {
	t.Helper()
	rows, logger, d := directory(t, doc, settings)
	return gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(logger), MasterKey: "sk-master", Tenants: tenants{d}}), rows
}

// directory knows the key of the calls by its document.
func directory(t *testing.T, doc string, settings tenant.Settings) (*journal, *slog.Logger, *tenant.Directory) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(t.Context(), &store.Change{Put: []store.Entity{{Kind: store.KindKey, ID: tenant.Hash(clientKey), Doc: []byte(doc)}}}); err != nil {
		t.Fatal(err)
	}
	rows, ledger, logger := &journal{}, quota.NewLedger(quota.NewMemory(nil), quota.Options{}), slog.New(slog.DiscardHandler)
	d, err := tenant.Open(t.Context(), tenant.Options{Store: s, Money: ledger, Rates: ledger, Journal: rows, Logger: logger, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		if err := errors.Join(ledger.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return rows, logger, d
}

// admitted is a call with the key.
func admitted(t *testing.T, g *gateway.Gateway) *gateway.Call {
	t.Helper()
	call, err := g.Admit(t.Context(), "test", "id-1", gateway.Credentials{Keys: [5]string{clientKey}})
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// drain reads a stream to its end, which it returns.
func drain(next func() error) error {
	for {
		if err := next(); err != nil {
			return err
		}
	}
}

func TestACallIsInTheBooksBeforeItsClientHasTheEnd(t *testing.T) {
	priced := llm.Meta{Price: price{}, Deployment: "d", Destination: llm.Destination{Provider: "bedrock", ID: "nova"}}
	used := llm.Usage{Input: 3, Output: 5}
	told := []llm.Event{{Kind: llm.EventDelta, Text: "12345678"}, {Kind: llm.EventUsage, Usage: &used}}
	untold := []llm.Event{{Kind: llm.EventDelta, Text: "12345678"}}
	gone := &llm.Error{Code: llm.CodeClientGone, Status: 499}
	broken := &llm.Error{Code: llm.CodeInterrupted, Status: 502}
	three := func() llm.Usage { return llm.Usage{Input: 3, Output: 5} }
	for name, tt := range map[string]struct {
		router gateway.Router
		call   func(t *testing.T, call *gateway.Call) error
		late   bool // it is settled when the call ends, because there is no response
		input  int64
		output int64
		cost   int64 // in tokens
		status int
		code   llm.Code
	}{
		"whole": {router: &router{resp: &llm.Response{Usage: used, Meta: priced}}, input: 3, output: 5, cost: 8, status: 200, call: complete},
		"with the cache": {
			router: &router{resp: &llm.Response{Usage: llm.Usage{Input: 3, CacheRead: llm.Some(int64(20)), CacheWrite: llm.Some(int64(4)), Output: 5}, Meta: priced}},
			input:  27, output: 5, cost: 32, status: 200, call: complete,
		},
		"whole without usage": {router: &router{resp: &llm.Response{Uncounted: true, Blocks: []llm.Block{{Text: "12345678"}}, Meta: priced}}, input: 10, output: 2, cost: 12, status: 200, call: complete},
		"a failure":           {router: &router{err: broken}, late: true, status: 502, code: llm.CodeInterrupted, call: complete},
		"a client that left":  {router: &router{err: gone}, late: true, input: 10, status: 499, code: llm.CodeClientGone, call: complete},
		"a stream":            {router: &router{stream: &stream{events: told, err: io.EOF, meta: priced}}, input: 3, output: 5, cost: 8, status: 200, call: toEnd},
		"without usage":       {router: &router{stream: &stream{events: untold, err: io.EOF, meta: priced}}, input: 10, output: 2, cost: 12, status: 200, call: toEnd},
		"a stream that breaks": {
			router: &router{stream: &stream{events: untold, err: broken, meta: priced}},
			input:  10, output: 2, cost: 12, status: 502, code: llm.CodeInterrupted, call: toEnd,
		},
		"a stream that is left": {
			router: &router{stream: &stream{events: append(untold, told...), err: io.EOF, meta: priced}},
			input:  10, output: 2, cost: 12, status: 499, code: llm.CodeClientGone, call: func(t *testing.T, call *gateway.Call) error {
				t.Helper()
				s, err := call.Stream(t.Context(), asking())
				if err != nil {
					t.Fatal(err)
				}
				var ev llm.Event
				err = s.Next(&ev)
				return errors.Join(err, s.Close())
			},
		},
		"several": {
			router: &many{answer: func(context.Context, int64) (*llm.Response, error) {
				return &llm.Response{Usage: three(), Meta: priced}, nil
			}},
			input: 9, output: 15, cost: 24, status: 200, call: func(t *testing.T, call *gateway.Call) error {
				t.Helper()
				req := asking()
				req.Choices = 3
				_, err := call.CompleteAll(t.Context(), req)
				return err
			},
		},
		"several streams": {
			router: &many{streams: func(context.Context, int64) (llm.Stream, error) {
				u := three()
				return &stream{events: []llm.Event{{Kind: llm.EventDelta, Text: "1234"}, {Kind: llm.EventUsage, Usage: &u}}, err: io.EOF, meta: priced}, nil
			}},
			input: 6, output: 10, cost: 16, status: 200, call: func(t *testing.T, call *gateway.Call) error {
				t.Helper()
				req := asking()
				req.Choices = 2
				return streamed(t, call, req)
			},
		},
		"a body that passes through": {
			router: &router{raw: &llm.RawResponse{Usage: used, Meta: priced}}, input: 3, output: 5, cost: 8, status: 200, call: func(t *testing.T, call *gateway.Call) error {
				t.Helper()
				_, err := call.Relay(t.Context(), rawCall(`{}`), nil)
				return err
			},
		},
		"its stream": {
			router: &router{rawStream: &rawEvents{events: []llm.RawEvent{{Length: 8, Usage: &used}}, err: io.EOF, meta: priced}}, input: 3, output: 5, cost: 8, status: 200, call: func(t *testing.T, call *gateway.Call) error {
				t.Helper()
				s, err := call.RelayStream(t.Context(), rawCall(`{}`), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				var ev llm.RawEvent
				return drain(func() error { return s.Next(&ev) })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, rows := charging(t, tt.router, `{"max_budget":1,"max_parallel_requests":1}`)
			call := admitted(t, g)
			call.Label([]string{"a"}, "192.0.2.1", "session", "")
			err := tt.call(t, call)
			if failed := tt.code != "" && tt.code != llm.CodeClientGone; failed && (err == nil || errors.Is(err, io.EOF)) {
				t.Errorf("the end is %v", err)
			}
			if before := len(*rows); before == 1 == tt.late {
				t.Errorf("%d rows before the client has the end", before)
			}
			call.End(t.Context())
			if len(*rows) != 1 {
				t.Fatalf("%d rows", len(*rows))
			}
			r := (*rows)[0]
			if r.Input != tt.input || r.Output != tt.output || r.Cost != tt.cost*1_000_000 || r.Status != tt.status || r.Code != string(tt.code) {
				t.Errorf("input %d, output %d, cost %d, %d %s", r.Input, r.Output, r.Cost, r.Status, r.Code)
			}
			if r.RequestID != "id-1" || r.CallType != "test" || r.Key != tenant.Hash(clientKey) || strings.Join(r.Tags, " ") != "a" || r.Address != "192.0.2.1" || r.Session != "session" || r.End.Before(r.Start) {
				t.Errorf("%+v", r)
			}
			if tt.code == "" && (r.Model != "nova" || r.Deployment != "d" || r.Provider != "bedrock") {
				t.Errorf("model %q, deployment %q, provider %q", r.Model, r.Deployment, r.Provider)
			}
			for _, c := range r.Charges {
				if c.Units != r.Cost {
					t.Errorf("%+v", c)
				}
			}
			held, err := call.Caller().Tenant().Begin(t.Context(), &tenant.Request{Model: "granite"})
			if err != nil {
				t.Fatalf("what it held is not free: %v", err)
			}
			held.Cancel()
		})
	}
}

func complete(t *testing.T, call *gateway.Call) error {
	t.Helper()
	_, err := call.Complete(t.Context(), asking())
	return err
}

func toEnd(t *testing.T, call *gateway.Call) error { t.Helper(); return streamed(t, call, asking()) }

func streamed(t *testing.T, call *gateway.Call, req *llm.Request) error {
	t.Helper()
	s, err := call.Stream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var ev llm.Event
	return drain(func() error { return s.Next(&ev) })
}

func TestCountingTokensReservesNothing(t *testing.T) {
	g, rows := charging(t, &router{}, `{"max_budget":0,"rpm_limit":0,"models":["granite"]}`)
	call := admitted(t, g)
	if n, err := call.CountTokens(t.Context(), rawCall(`{}`), nil); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	call.End(t.Context())
	call = admitted(t, g)
	raw := rawCall(`{}`)
	raw.Model = "other"
	if _, err := call.CountTokens(t.Context(), raw, nil); err == nil || llm.AsError(err).Code != llm.CodeModelDenied {
		t.Errorf("a model that the key may not use: %v", err)
	}
	call.End(t.Context())
	if len(*rows) != 0 {
		t.Errorf("%+v", *rows)
	}
}

func TestARefusedCallReachesNoProviderAndIsNotCharged(t *testing.T) {
	r := &router{resp: &llm.Response{}}
	g, rows := charging(t, r, `{"max_budget":0}`)
	call := admitted(t, g)
	if err := complete(t, call); err == nil || llm.AsError(err).Code != llm.CodeBudget {
		t.Error(err)
	}
	call.End(t.Context())
	if len(r.asked)+len(*rows) != 0 {
		t.Errorf("%v, %+v", r.asked, *rows)
	}
}

// A frontend may try another way to serve a request. The first way holds no more than the second needs, and the
// alias of a model is not followed twice.
func TestACallThatBeginsTwiceHoldsOneReservation(t *testing.T) {
	r := &router{err: &llm.Error{Code: llm.CodeUnsupported, Status: 400}}
	g, rows := charging(t, r, `{"max_parallel_requests":1,"aliases":{"granite":"basalt","basalt":"slate"},"models":["basalt"]}`)
	call := admitted(t, g)
	req := asking()
	if _, err := call.Complete(t.Context(), req); err == nil {
		t.Fatal("the first way serves it")
	}
	call.Recover()
	r.err, r.resp = nil, &llm.Response{Usage: llm.Usage{Input: 3, Output: 5}, Meta: llm.Meta{Price: price{}}}
	if _, err := call.Complete(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	call.End(t.Context())
	if !slices.Equal(r.asked, []string{"basalt", "basalt"}) {
		t.Errorf("asked for %v", r.asked)
	}
	if len(*rows) != 1 || (*rows)[0].Cost != 8_000_000 {
		t.Errorf("%+v", *rows)
	}
}

func TestTagsOfBodiesAndUsersAreCharged(t *testing.T) {
	g, rows := charging(t, &router{resp: &llm.Response{Usage: llm.Usage{Input: 3}, Meta: llm.Meta{Price: price{}}}}, `{}`)
	call := admitted(t, g)
	call.Label([]string{"header", "both"}, "", "", "")
	req := asking()
	req.User, req.Tags = "customer", []string{"body", "both"}
	if _, err := call.Complete(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	call.End(t.Context())
	r := (*rows)[0]
	if strings.Join(r.Tags, " ") != "body both header" || r.Customer != "customer" {
		t.Errorf("tags %v, customer %q", r.Tags, r.Customer)
	}
}
