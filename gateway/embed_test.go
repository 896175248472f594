package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/gateway"
	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
)

// vectors is a router for embeddings, rerank and counts.
type vectors struct {
	router
	embedded *llm.EmbedResponse
	ranked   *llm.RerankResponse
	counted  *llm.Count
	err      error
	inputs   []llm.EmbedInput // of the last call
	lease    *budget.Lease
}

func (v *vectors) Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	v.asked, v.inputs, v.lease = append(v.asked, req.Model), req.Inputs, budget.From(ctx)
	return v.embedded, v.err
}

func (v *vectors) Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	v.asked, v.lease = append(v.asked, req.Model), budget.From(ctx)
	return v.ranked, v.err
}

func (v *vectors) CountTokens(ctx context.Context, raw *llm.Raw, t *route.Translation) (*llm.Count, error) {
	v.asked, v.lease = append(v.asked, raw.Model), budget.From(ctx)
	if _, err := t.Request(ctx); err != nil {
		return nil, err
	}
	return v.counted, v.err
}

// counting is a request as the translation of a call.
func counting(req *llm.Request) (*llm.Raw, *gateway.Translation) {
	return &llm.Raw{Call: req.Call}, &gateway.Translation{Request: func(context.Context) (*llm.Request, error) { return req, nil }}
}

// measured is a gateway over a router, with the lines of its log.
func measured(v *vectors, more gateway.Options) (*gateway.Gateway, *lineLog) {
	log := &lineLog{}
	more.Router, more.Recorder = v, telemetry.NewRecorder(slog.New(slog.NewJSONHandler(log, nil)))
	more.Now = func() time.Time { return time.Unix(0, 0) }
	return gateway.New(more), log
}

func TestEmbeddingsAreRecorded(t *testing.T) {
	found := llm.Warning{Code: llm.WarnMissing, Field: "usage"}
	v := &vectors{embedded: &llm.EmbedResponse{
		Vectors: []llm.Vector{{Float: []float64{1}}}, Usage: llm.Usage{Input: 7, Total: 7}, Estimated: true,
		Meta: llm.Meta{Deployment: "d", Price: price{}, Warnings: []llm.Warning{found}},
	}}
	g, log := measured(v, gateway.Options{Budget: budget.New(1<<20, time.Second)})
	call := g.Begin("openai_embeddings", "id-1")
	early := llm.Warning{Code: llm.WarnDropped, Field: "seed"}
	call.Warn(early)
	resp, err := call.Embed(t.Context(), &llm.EmbedRequest{Call: llm.Call{Model: "stone"}, Inputs: []llm.EmbedInput{{Text: "granite"}}})
	if err != nil || len(resp.Vectors) != 1 || v.lease != call.Lease() {
		t.Fatalf("got %+v, %v, with the lease of the call: %t", resp, err, v.lease == call.Lease())
	}
	if want := llm.Some(llm.Cost(7_000_000)); call.Cost() != want || resp.Usage.Cost != want {
		t.Errorf("the cost is %v and %v", call.Cost(), resp.Usage.Cost)
	}
	if diff := cmp.Diff([]llm.Warning{early, found}, call.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	call.End(t.Context())
	want := map[string]any{
		"id": "id-1", "door": "openai_embeddings", "model": "stone", "deployment": "d", "status": 200.0, "stream": false, "duration_ms": 0.0,
		"prompt_tokens": 7.0, "completion_tokens": 0.0, "tokens_estimated": true, "cost_usd": 7e-6, "warnings": 2.0, "level": "INFO", "msg": "call",
	}
	if diff := cmp.Diff(want, log.only(t)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestRerankIsRecorded(t *testing.T) {
	v := &vectors{ranked: &llm.RerankResponse{
		Results: []llm.Ranked{{Index: 0, Score: 1}}, Usage: llm.Usage{Input: 9, Total: 9, SearchUnits: 2}, Estimated: true, Meta: llm.Meta{Price: price{}},
	}}
	g, log := measured(v, gateway.Options{Budget: budget.New(1<<20, time.Second)})
	call := g.Begin("cohere_rerank", "id-1")
	if _, err := call.Rerank(t.Context(), &llm.RerankRequest{Call: llm.Call{Model: "stone"}}); err != nil || !call.Cost().Set || v.lease != call.Lease() {
		t.Errorf("it costs %v: %v", call.Cost(), err)
	}
	call.End(t.Context())
	line := log.only(t)
	if line["search_units"] != 2.0 || line["prompt_tokens"] != 9.0 || line["cost_usd"] == nil || line["tokens_estimated"] != nil {
		t.Errorf("the log is %v", line)
	}
}

// TestVerbsThatFail checks that a failure is recorded once, and that nothing is called while the
// gateway shuts down.
func TestVerbsThatFail(t *testing.T) {
	for verb, do := range map[string]func(context.Context, *gateway.Call) error{
		"embed": func(ctx context.Context, c *gateway.Call) error {
			_, err := c.Embed(ctx, &llm.EmbedRequest{Call: llm.Call{Model: "stone"}})
			return err
		},
		"rerank": func(ctx context.Context, c *gateway.Call) error {
			_, err := c.Rerank(ctx, &llm.RerankRequest{Call: llm.Call{Model: "stone"}})
			return err
		},
		"count": func(ctx context.Context, c *gateway.Call) error {
			raw, t := counting(&llm.Request{Call: llm.Call{Model: "stone"}})
			_, err := c.CountTokens(ctx, raw, t)
			return err
		},
	} {
		v := &vectors{err: &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "down", Upstream: true}}
		g, log := measured(v, gateway.Options{})
		call := g.Begin("test", "id-1")
		err := do(t.Context(), call)
		call.End(t.Context())
		if line := log.only(t); llm.AsError(err).Code != llm.CodeUnavailable || line["code"] != string(llm.CodeUnavailable) || line["status"] != 503.0 || line["cost_usd"] != nil {
			t.Errorf("%s: %v, recorded %v", verb, err, line)
		}
		g, log = measured(v, gateway.Options{})
		g.Drain()
		asked := len(v.asked)
		call = g.Begin("test", "id-2")
		err = do(t.Context(), call)
		call.End(t.Context())
		if line := log.only(t); llm.AsError(err).Code != llm.CodeStopping || line["code"] != string(llm.CodeStopping) || len(v.asked) != asked {
			t.Errorf("%s while the gateway shuts down: %v, recorded %v", verb, err, line)
		}
	}
}

// fetching replaces what is at a URL by an image, and counts what was not released.
type fetching struct {
	err  error
	held int
}

func (f *fetching) Inline(_ context.Context, req *llm.Request) (*llm.Request, func(), error) {
	if f.err != nil {
		return nil, nil, f.err
	}
	whole := *req
	whole.Turns = slices.Clone(req.Turns)
	for i := range whole.Turns {
		blocks := slices.Clone(whole.Turns[i].Blocks)
		for j := range blocks {
			if blocks[j].Media != nil && blocks[j].Media.Remote() {
				blocks[j].Media = &llm.Media{Format: "png"}
			}
		}
		whole.Turns[i].Blocks = blocks
	}
	f.held++
	return &whole, func() { f.held-- }, nil
}

// TestMediaOfEmbeddingsIsFetched checks that media at URLs is fetched before the call is routed,
// that nothing else of the request changes, and that the client's request stays as it is.
func TestMediaOfEmbeddingsIsFetched(t *testing.T) {
	request := func() *llm.EmbedRequest {
		return &llm.EmbedRequest{Call: llm.Call{Model: "stone"}, InputType: "image", Inputs: []llm.EmbedInput{
			{Text: "granite"},
			{Parts: []llm.Block{{Kind: llm.BlockText, Text: "slate"}, {Kind: llm.BlockImage, Media: &llm.Media{URI: "https://rocks.test/a.png", Field: "input[1]"}}}},
			{Tokens: []int64{1}},
			{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{URI: "s3://rocks/b.png"}}}},
		}}
	}
	t.Run("fetched", func(t *testing.T) {
		media := &fetching{}
		v := &vectors{embedded: &llm.EmbedResponse{}}
		g, _ := measured(v, gateway.Options{Media: media})
		call := g.Begin("test", "id")
		defer call.End(t.Context())
		req := request()
		if _, err := call.Embed(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		want := request().Inputs
		want[1].Parts[1].Media = &llm.Media{Format: "png"}
		if diff := cmp.Diff(want, v.inputs, cmp.AllowUnexported(llm.Base64{})); diff != "" {
			t.Errorf("called with (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(request(), req, cmp.AllowUnexported(llm.Base64{})); diff != "" {
			t.Errorf("the request has changed (-want +got):\n%s", diff)
		}
		if media.held != 0 {
			t.Errorf("%d responses of the fetcher are held after the call", media.held)
		}
	})
	t.Run("released after a failure", func(t *testing.T) {
		media := &fetching{}
		g, _ := measured(&vectors{err: io.ErrUnexpectedEOF}, gateway.Options{Media: media})
		call := g.Begin("test", "id")
		defer call.End(t.Context())
		if _, err := call.Embed(t.Context(), request()); err == nil || media.held != 0 {
			t.Errorf("%v, %d held", err, media.held)
		}
	})
	for name, tt := range map[string]struct {
		media gateway.Inliner
		code  llm.Code
	}{
		"refused by the guard": {&fetching{err: &llm.Error{Code: llm.CodeMedia, Status: 400, Param: "input[1]"}}, llm.CodeMedia},
		"not fetched at all":   {nil, llm.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			v := &vectors{}
			g, log := measured(v, gateway.Options{Media: tt.media})
			call := g.Begin("test", "id")
			_, err := call.Embed(t.Context(), request())
			call.End(t.Context())
			if e := llm.AsError(err); e.Code != tt.code || e.Param != "input[1]" || len(v.asked) != 0 || log.only(t)["code"] != string(tt.code) {
				t.Errorf("%+v, the router was asked for %v", e, v.asked)
			}
		})
	}
}

// TestCountOfTokens is about models that count, and those that cannot.
func TestCountOfTokens(t *testing.T) {
	long := asking() // 40 characters
	image := llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png"}}
	result := llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{{Block: image}}}}
	withMedia := &llm.Request{
		Call: llm.Call{Model: "granite"}, System: []llm.Block{{Kind: llm.BlockText, Text: "12345"}},
		Turns: []llm.Turn{{Blocks: []llm.Block{image, result}}},
	}
	for _, tt := range []struct {
		name     string
		v        vectors
		req      *llm.Request
		want     int64
		estimate bool
	}{
		{"counted", vectors{counted: &llm.Count{Tokens: 123}}, long, 123, false},
		{"the model cannot", vectors{err: &llm.Error{Param: "model", Code: llm.CodeFeature, Status: 400}}, long, 10, true},
		{"the provider cannot", vectors{err: &llm.Error{Param: "model", Code: llm.CodeUnsupported, Status: 400}}, long, 10, true},
		{"an estimate counts images", vectors{err: &llm.Error{Param: "model", Code: llm.CodeFeature, Status: 400}}, withMedia, 2 + 2*1500, true},
		{"of nothing", vectors{err: &llm.Error{Param: "model", Code: llm.CodeFeature, Status: 400}}, &llm.Request{Call: llm.Call{Model: "granite"}}, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, log := measured(&tt.v, gateway.Options{})
			call := g.Begin("test", "id")
			raw, translation := counting(tt.req)
			n, err := call.CountTokens(t.Context(), raw, translation)
			if err != nil || n != tt.want || (len(call.Warnings()) == 1) != tt.estimate {
				t.Errorf("got %d, %v, %v", n, err, call.Warnings())
			}
			call.End(t.Context())
			if line := log.only(t); line["status"] != 200.0 || line["code"] != nil || line["prompt_tokens"] != nil {
				t.Errorf("recorded %v", line)
			}
		})
	}
}
