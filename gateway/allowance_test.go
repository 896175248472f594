package gateway_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/tenant"
)

// A token costs 10⁻⁶ USD, and asking() has 10 of them. Each piece is one token.
func TestAStreamEndsWithItsBudget(t *testing.T) {
	priced := llm.Meta{Price: price{}}
	used := llm.Usage{Input: 10, Output: 20}
	pieces := func(n int) []llm.Event {
		events := slices.Repeat([]llm.Event{{Kind: llm.EventDelta, Text: "1234"}}, n)
		return append(events, llm.Event{Kind: llm.EventStop, RawStop: "end"}, llm.Event{Kind: llm.EventUsage, Usage: &used})
	}
	raw := func(n int, first ...llm.RawEvent) []llm.RawEvent {
		events := append(first, slices.Repeat([]llm.RawEvent{{Length: 4}}, n)...)
		return append(events, llm.RawEvent{RawStop: "end"}, llm.RawEvent{Usage: &used})
	}
	end := tenant.Settings{EndStreams: true, EstimatedOutput: 2}
	for name, tt := range map[string]struct {
		events   []llm.Event
		raw      []llm.RawEvent
		budget   string
		settings tenant.Settings
		pieces   int // that the client has
		cost     int64
		ended    bool
	}{
		"spent":                    {events: pieces(20), budget: "0.000015", settings: end, pieces: 6, cost: 16, ended: true},
		"enough":                   {events: pieces(20), budget: "0.000030", settings: end, pieces: 20, cost: 30},
		"spent by its last piece":  {events: pieces(6), budget: "0.000015", settings: end, pieces: 6, cost: 30},
		"not to be ended":          {events: pieces(20), budget: "0.000015", settings: tenant.Settings{EstimatedOutput: 2}, pieces: 20, cost: 30},
		"no budget":                {events: pieces(20), budget: "null", settings: end, pieces: 20, cost: 30},
		"a dialect's own":          {raw: raw(20), budget: "0.000015", settings: end, pieces: 6, cost: 16, ended: true},
		"a dialect's own, enough":  {raw: raw(20), budget: "0.000030", settings: end, pieces: 20, cost: 30},
		"one that says its prompt": {raw: raw(20, llm.RawEvent{Usage: &llm.Usage{Input: 12, Output: 1}}), budget: "0.000015", settings: end, pieces: 4, cost: 16, ended: true},
	} {
		t.Run(name, func(t *testing.T) {
			whole, own := &stream{events: tt.events, err: io.EOF, meta: priced}, &rawEvents{events: tt.raw, err: io.EOF, meta: priced}
			g, rows := chargingWith(t, &router{stream: whole, rawStream: own}, `{"max_budget":`+tt.budget+`}`, tt.settings)
			call := admitted(t, g)
			var got int
			var err error
			if tt.raw != nil {
				got, err = readRaw(t, call)
			} else {
				got, err = readStream(t, call)
			}
			if got != tt.pieces || errors.Is(err, io.EOF) == tt.ended {
				t.Errorf("%d pieces, then %v", got, err)
			}
			if tt.ended {
				if e := llm.AsError(err); e.Code != llm.CodeBudget || e.Class != "budget_exceeded" {
					t.Errorf("it ends with %+v", e)
				}
			}
			if len(*rows) != 1 || (*rows)[0].Cost != tt.cost*1_000_000 || ((*rows)[0].Code == string(llm.CodeBudget)) != tt.ended {
				t.Fatalf("%+v", *rows)
			}
			call.End(t.Context())
			if whole.closed+own.closed != 1 {
				t.Error("the provider's call goes on")
			}
		})
	}
}

// readStream reads a stream, and returns how many pieces it has and its end.
func readStream(t *testing.T, call *gateway.Call) (n int, err error) {
	t.Helper()
	s, err := call.Stream(t.Context(), asking())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			return n, err
		}
		if ev.Kind == llm.EventDelta {
			n++
		}
	}
}

func readRaw(t *testing.T, call *gateway.Call) (n int, err error) {
	t.Helper()
	s, err := call.RelayStream(t.Context(), rawCall(`{"text":"12345678901234567890123456789"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		var ev llm.RawEvent
		if err := s.Next(&ev); err != nil {
			return n, err
		}
		if ev.Length > 0 {
			n++
		}
	}
}

// A client that leaves a stream whose provider has told the prompt alone pays for what was made, too.
func TestWhatWasMadeIsChargedWhenOnlyThePromptIsKnown(t *testing.T) {
	events := append([]llm.RawEvent{{Usage: &llm.Usage{Input: 12, Output: 1}}}, slices.Repeat([]llm.RawEvent{{Length: 4}}, 9)...)
	g, rows := charging(t, &router{rawStream: &rawEvents{events: events, err: &llm.Error{Code: llm.CodeInterrupted, Status: 502}, meta: llm.Meta{Price: price{}}}}, `{}`)
	call := admitted(t, g)
	if n, err := readRaw(t, call); n != 9 || llm.AsError(err).Code != llm.CodeInterrupted {
		t.Errorf("%d pieces, %v", n, err)
	}
	call.End(t.Context())
	if r := (*rows)[0]; r.Input != 12 || r.Output != 9 || r.Cost != 21_000_000 {
		t.Errorf("%+v", r)
	}
}

// What a stream pays for is decided with a comparison for each piece.
func TestAPieceOfAStreamAllocatesNothing(t *testing.T) {
	events := slices.Repeat([]llm.Event{{Kind: llm.EventDelta, Text: "1234"}}, 2000)
	g, _ := chargingWith(t, &router{stream: &stream{events: events, err: io.EOF, meta: llm.Meta{Price: price{}}}}, `{"max_budget":1}`, tenant.Settings{EndStreams: true, EstimatedOutput: 100_000})
	call := admitted(t, g)
	s, err := call.Stream(t.Context(), asking())
	if err != nil {
		t.Fatal(err)
	}
	var ev llm.Event
	for range 2 { // the first one asks the budgets
		if err := s.Next(&ev); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, func() {
		if err := s.Next(&ev); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	_ = s.Close()
	call.End(t.Context())
}
