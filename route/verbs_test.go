package route

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// able is a deployment whose target embeds, reranks and counts, by the script of a fake.
type able struct{ fake }

func (a *able) Targets(llm.Verb, string) ([]provider.Target, error) {
	return []provider.Target{ableTarget{fakeTarget{&a.fake, "m"}}}, nil
}

type ableTarget struct{ fakeTarget }

// try is one attempt: the error of the step, or nil.
func (t ableTarget) try(ctx context.Context, verb string) error {
	t.calls = append(t.calls, verb)
	s := t.next()
	if err := wait(ctx, s.stall); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

func (t ableTarget) Embed(ctx context.Context, _ *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	return &llm.EmbedResponse{}, t.try(ctx, "embed")
}

func (t ableTarget) Rerank(ctx context.Context, _ *llm.RerankRequest) (*llm.RerankResponse, error) {
	return &llm.RerankResponse{}, t.try(ctx, "rerank")
}

func (t ableTarget) MakeImages(ctx context.Context, _ *llm.ImageRequest) (*llm.ImageResponse, error) {
	return &llm.ImageResponse{}, t.try(ctx, "images")
}

func (t ableTarget) CountTokens(ctx context.Context, _ *llm.Request) (*llm.Count, error) {
	return &llm.Count{}, t.try(ctx, "count")
}

// verbs call a router in each way that has a response of its own, for a model.
func verbs(ctx context.Context, r *Router, model string) map[string]func() (*llm.Meta, error) {
	call := llm.Call{Model: model}
	return map[string]func() (*llm.Meta, error){
		"embed": func() (*llm.Meta, error) {
			resp, err := r.Embed(ctx, &llm.EmbedRequest{Call: call})
			if err != nil {
				return nil, err
			}
			return &resp.Meta, nil
		},
		"rerank": func() (*llm.Meta, error) {
			resp, err := r.Rerank(ctx, &llm.RerankRequest{Call: call})
			if err != nil {
				return nil, err
			}
			return &resp.Meta, nil
		},
		"images": func() (*llm.Meta, error) {
			resp, err := r.Images(ctx, &llm.Raw{Call: call, Dialect: llm.DialectImageGenerations}, ImageTranslation{
				Request:  func() (*llm.ImageRequest, error) { return &llm.ImageRequest{Call: call}, nil },
				Response: func(resp *llm.ImageResponse) *llm.RawResponse { return &llm.RawResponse{Meta: resp.Meta} },
			})
			if err != nil {
				return nil, err
			}
			return &resp.Meta, nil
		},
		"count": func() (*llm.Meta, error) {
			resp, err := r.CountTokens(ctx, &llm.Raw{Call: call}, &Translation{Request: func(context.Context) (*llm.Request, error) { return &llm.Request{Call: call}, nil }})
			if err != nil {
				return nil, err
			}
			return &resp.Meta, nil
		},
	}
}

// TestVerbsAreRoutedAlike checks that retries, timeouts and the record of the deployment are those
// of chat.
func TestVerbsAreRoutedAlike(t *testing.T) {
	for _, verb := range []string{"embed", "rerank", "images", "count"} {
		for _, tt := range []struct {
			name  string
			steps []step
			calls int
			code  llm.Code
		}{
			{"at once", []step{{}}, 1, ""},
			{"after a throttle", []step{{err: throttled()}, {}}, 2, ""},
			{"throttled too often", []step{{err: throttled()}}, 3, throttled().Code},
			{"refused", []step{{err: refused()}}, 1, llm.CodeInvalid},
			{"too slow", []step{{stall: time.Hour}}, 1, llm.CodeTimeout},
		} {
			t.Run(verb+" "+tt.name, func(t *testing.T) {
				a := &able{fake{name: "a", steps: tt.steps}}
				e := Entry{Name: "stone", ID: "deployment-a", Model: "m", Deployment: a, Timeout: time.Millisecond, Retries: 2}
				if tt.code != llm.CodeTimeout {
					e.Timeout = time.Minute
				}
				var pauses []time.Duration
				meta, err := verbs(t.Context(), instant(&pauses, e), "stone")[verb]()
				code := llm.Code("")
				if err != nil {
					code = llm.AsError(err).Code
				}
				want := slices.Repeat([]string{verb}, tt.calls)
				if code != tt.code || !slices.Equal(a.calls, want) || len(pauses) != tt.calls-1 {
					t.Errorf("%v after %v and %v", err, a.calls, pauses)
				}
				if err == nil && (meta.Deployment != "deployment-a" || meta.Retries != tt.calls-1) {
					t.Errorf("the record is %+v", meta)
				}
			})
		}
	}
}

// TestACountIsOfItsOwnModel checks that a count of tokens fails with its model, where other calls fall back.
func TestACountIsOfItsOwnModel(t *testing.T) {
	for _, verb := range []string{"embed", "rerank", "images", "count"} {
		a, b := &able{fake{name: "a", steps: []step{coded(llm.CodeUnavailable, 503)}}}, &able{fake{name: "b", steps: []step{{}}}}
		r := New(Plan{
			Entries: []Entry{{Name: "a", ID: "a", Model: "m", Deployment: a, Timeout: time.Minute}, {Name: "b", ID: "b", Model: "m", Deployment: b, Timeout: time.Minute}},
			Policy:  Policy{Fallbacks: Fallbacks{General: map[string][]string{"a": {"b"}}}},
		}, Options{Logger: slog.New(slog.DiscardHandler)})
		_, err := verbs(t.Context(), r, "a")[verb]()
		if falls := verb != "count"; (err == nil) != falls || (len(b.calls) > 0) != falls {
			t.Errorf("%s: %v after %v of the fallback", verb, err, b.calls)
		}
	}
}

func TestVerbsThatADeploymentLacks(t *testing.T) {
	var pauses []time.Duration
	d := &fake{name: "a", steps: []step{{}}}
	r := instant(&pauses, entry("stone", d))
	for verb, call := range verbs(t.Context(), r, "stone") {
		_, err := call()
		if e := llm.AsError(err); e.Code != llm.CodeUnsupported || e.Status != 400 || e.Param != "model" || len(d.calls) != 0 || len(pauses) != 0 {
			t.Errorf("%s: %+v", verb, e)
		}
	}
	for verb, call := range verbs(t.Context(), r, "basalt") {
		_, err := call()
		if e := llm.AsError(err); e.Code != llm.CodeModelNotFound || e.Status != 404 {
			t.Errorf("%s of a name that is not configured: %+v", verb, e)
		}
	}
}

func TestVerbsOfAClientThatLeaves(t *testing.T) {
	for _, verb := range []string{"embed", "rerank", "images", "count"} {
		var pauses []time.Duration
		a := &able{fake{name: "a", steps: []step{{stall: time.Hour}}}}
		ctx, cancel := context.WithCancel(t.Context())
		r := instant(&pauses, Entry{Name: "stone", ID: "a", Model: "m", Deployment: a, Timeout: time.Minute, Retries: 2})
		done := make(chan error)
		go func() {
			_, err := verbs(ctx, r, "stone")[verb]()
			done <- err
		}()
		cancel()
		if e := llm.AsError(<-done); e.Code != llm.CodeClientGone || len(a.calls) > 1 {
			t.Errorf("%s: %+v after %v", verb, e, a.calls)
		}
	}
}
