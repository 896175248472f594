package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

// price costs a millionth of a US dollar a token, twice that under priority, and is
// not known under reserved.
type price struct{}

func (price) Cost(tier string, u *llm.Usage) (llm.Cost, bool) {
	c := llm.Cost(u.Prompt()+u.Output) * 1_000_000
	if tier == "priority" {
		c *= 2
	}
	return c, tier != "reserved"
}

func TestAnswersCostWhatTheirTierSays(t *testing.T) {
	for _, tt := range []struct {
		asked, served string
		want          llm.Opt[llm.Cost]
	}{
		{"", "", llm.Some(llm.Cost(8_000_000))},
		{"priority", "", llm.Some(llm.Cost(16_000_000))},
		{"priority", "default", llm.Some(llm.Cost(8_000_000))}, // the tier that served counts
		{"", "reserved", llm.Opt[llm.Cost]{}},
	} {
		r := &router{resp: &llm.Response{Usage: llm.Usage{Input: 3, Output: 5}, ServiceTier: tt.served, Meta: llm.Meta{Price: price{}}}}
		g, _ := bench(r, "")
		call := g.Begin("test", "id-1")
		req := asking()
		req.ServiceTier = tt.asked
		resp, err := call.Complete(t.Context(), req)
		if err != nil || call.Cost() != tt.want || resp.Usage.Cost != tt.want {
			t.Errorf("asked %q, served %q: %v and %v, want %v; %v", tt.asked, tt.served, call.Cost(), resp.Usage.Cost, tt.want, err)
		}
		call.End(t.Context())

		inner := &stream{events: []llm.Event{{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 3, Output: 5}, ServiceTier: tt.served}}, err: io.EOF, meta: llm.Meta{Price: price{}}}
		g, _ = bench(&router{stream: inner}, "")
		call = g.Begin("test", "id-2")
		s, err := call.Stream(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var ev llm.Event
		if err := s.Next(&ev); err != nil || ev.Usage.Cost != tt.want {
			t.Errorf("asked %q, served %q in a stream: %v, want %v; %v", tt.asked, tt.served, ev.Usage.Cost, tt.want, err)
		}
		_ = s.Close()
		call.End(t.Context())
	}
}

// A client that abandons a response pays for what was generated, as far as that is known.
func TestAnAnswerThatWasLeftCostsAnEstimate(t *testing.T) {
	inner := &stream{events: []llm.Event{{Kind: llm.EventDelta, Block: llm.BlockText, Text: "hello"}}, err: io.EOF, meta: llm.Meta{Price: price{}}}
	g, _ := bench(&router{stream: inner}, "")
	call := g.Begin("test", "id-1")
	s, err := call.Stream(t.Context(), asking())
	if err != nil {
		t.Fatal(err)
	}
	var ev llm.Event
	if err := s.Next(&ev); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	_ = s.Close()
	if want := llm.Some(llm.Cost(12_000_000)); call.Cost() != want { // 10 tokens of prompt, 2 of the answer
		t.Errorf("the cost is %v, want %v", call.Cost(), want)
	}
	call.End(t.Context())
}

// What an endpoint counts that the caller named is its own word. It stands in the
// line, and the counters of the group go without it.
func TestAnEndpointOfTheCallersCountsForNobody(t *testing.T) {
	for setting, counted := range map[string]bool{"api_base": false, "base_url": false, "aws_bedrock_runtime_endpoint": false, "api_key": true} {
		var log bytes.Buffer
		recorder := telemetry.NewRecorder(slog.New(slog.NewTextHandler(&log, nil)))
		g := gateway.New(gateway.Options{Router: &router{resp: &llm.Response{Usage: llm.Usage{Input: 3, Output: 5}, Meta: llm.Meta{Price: price{}}}}, Recorder: recorder})
		call := g.Begin("test", "id-1")
		req := asking()
		req.ClientSettings = llm.NewClientSettings(map[string]string{setting: "http://x.example"})
		if _, err := call.Complete(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		call.End(t.Context())
		families, err := recorder.Gatherer().Gather()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, f := range families {
			if name := f.GetName(); name == "outcrop_tokens_total" || name == "outcrop_cost_usd_total" {
				for _, m := range f.GetMetric() {
					sum += m.GetCounter().GetValue()
				}
			}
		}
		if (sum > 0) != counted || strings.Contains(log.String(), "tokens_not_counted=true") == counted || !strings.Contains(log.String(), "prompt_tokens=3") {
			t.Errorf("%s: the counters stand at %v: %s", setting, sum, log.String())
		}
	}
}
