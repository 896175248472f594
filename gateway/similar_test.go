package gateway_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"outcrop/cache"
	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
	"outcrop/tenant"
)

// places is an index in which nothing is similar.
type places struct{ cache.Store }

func (p places) SetAt(ctx context.Context, key string, value []byte, ttl time.Duration, _ cache.Place) error {
	return p.Set(ctx, key, value, ttl)
}

func (places) Nearest(context.Context, cache.Place) (found cache.Near, ok bool, err error) {
	return cache.Near{}, false, nil
}

// embedder notes the regions that its embeddings must not leave, and refuses those that must not leave eu if it is away.
type embedder struct {
	router
	regions [][]string
	away    bool
}

func (e *embedder) Embed(_ context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	e.regions = append(e.regions, req.Routing.Regions)
	if e.away && slices.Contains(req.Routing.Regions, "eu") {
		return nil, &llm.Error{Code: llm.CodeModelDenied, Status: 403, Param: "allowed_model_region", Actor: llm.ActorOperator}
	}
	return &llm.EmbedResponse{Vectors: []llm.Vector{{Float: []float64{1}}}}, nil
}

// comparing is a gateway whose cache compares questions, for a key with a document.
func comparing(t *testing.T, e *embedder, doc string) (*gateway.Gateway, *cache.Cache) {
	t.Helper()
	_, logger, d := directory(t, doc, tenant.Settings{})
	index := places{cache.NewMemory(1<<20, 0, nil)}
	answers := cache.New(cache.Options{
		Store: index, Remote: true, Doors: []string{"test"}, Logger: slog.New(slog.DiscardHandler),
		Semantic: &cache.Semantic{Index: index, Model: "embedder", Threshold: 0.8, Timeout: time.Hour},
	})
	e.resp = &llm.Response{Usage: llm.Usage{Input: 1, Output: 1}}
	return gateway.New(gateway.Options{Router: e, Recorder: telemetry.NewRecorder(logger), MasterKey: "sk-master", Tenants: tenants{d}, Cache: answers}), answers
}

// answer looks a question up, and makes the call if there is no answer.
func answer(t *testing.T, g *gateway.Gateway, body string) *gateway.Hit {
	t.Helper()
	call := admitted(t, g)
	defer call.End(t.Context())
	hit, _, err := call.Lookup(t.Context(), &gateway.Query{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if hit == nil {
		if err := complete(t, call); err != nil {
			t.Fatal(err)
		}
		call.Keep(t.Context(), []byte(`{}`))
	}
	return hit
}

const question = `{"model":"m","messages":[{"role":"user","content":"how big is the moon?"}]`

func TestAQuestionIsEmbeddedInTheRegionsThatItsCallMustNotLeave(t *testing.T) {
	for name, tt := range map[string]struct {
		key, more string
		want      [][]string
	}{
		"no region":                        {`{}`, ``, [][]string{nil}},
		"the key's":                        {`{"metadata":{"allowed_model_region":"eu"}}`, ``, [][]string{{"eu"}}},
		"the key's, in the background":     {`{"metadata":{"allowed_model_region":"eu"}}`, `,"cache":{"no-cache":true}`, [][]string{{"eu"}}},
		"the request's is not read yet":    {`{}`, `,"allowed_model_region":"eu"`, nil},
		"the request's among extra_body":   {`{}`, `,"extra_body":{"allowed_model_region":"eu"}`, nil},
		"the request's in other letters":   {`{}`, `,"\u0061llowed_model_region":"eu"`, nil},
		"the request's, in the background": {`{}`, `,"allowed_model_region":"eu","cache":{"no-cache":true}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := &embedder{}
			g, answers := comparing(t, e, tt.key)
			if hit := answer(t, g, question+tt.more+"}"); hit != nil {
				t.Errorf("%+v", hit)
			}
			if err := answers.Close(); err != nil { // what is done in the background is done
				t.Error(err)
			}
			if !slices.EqualFunc(e.regions, tt.want, slices.Equal) {
				t.Errorf("embedded in %q; want %q", e.regions, tt.want)
			}
		})
	}
}

// A region without an embedding model says nothing of other callers' embeddings.
func TestARegionWithoutAnEmbeddingModelStopsNoOtherEmbeddings(t *testing.T) {
	e := &embedder{away: true}
	g, answers := comparing(t, e, `{"metadata":{"allowed_model_region":"eu"}}`)
	for range 2 {
		if hit := answer(t, g, question+`,"cache":{"no-store":true}}`); hit != nil {
			t.Errorf("%+v", hit)
		}
	}
	if len(e.regions) != 2 || answers.EmbeddingErr() != nil {
		t.Errorf("%d embeddings, %v", len(e.regions), answers.EmbeddingErr())
	}
	if err := answers.Close(); err != nil {
		t.Error(err)
	}
}
