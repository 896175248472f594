package bedrock_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/budget"
	"outcrop/llm"
	"outcrop/provider"
)

const (
	titan   = "amazon.titan-embed-text-v2:0"
	reranks = "cohere.rerank-v3-5:0"
)

// invoked is a call of InvokeModel that has arrived.
type invoked struct {
	number int // from 1
	path   string
	header http.Header
	body   struct {
		InputText string
		Texts     []string
		Documents []string
	}
}

// models is a fake AWS that passes each call to answer.
func models(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, c *invoked)) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	server := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &invoked{number: int(calls.Add(1)), path: r.URL.EscapedPath(), header: r.Header}
		body, _ := io.ReadAll(r.Body) // so that the server notices a client that leaves
		if err := json.Unmarshal(body, &c.body); err != nil {
			t.Errorf("the body %q: %v", body, err)
		}
		w.Header().Set("X-Amzn-Requestid", "aws-"+strconv.Itoa(c.number))
		answer(w, r, c)
	})))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// openModel opens a deployment of one model.
func openModel(t *testing.T, url, model, region string) opened {
	t.Helper()
	a := &aws{Server: &httptest.Server{URL: url}}
	return a.open(t, model, map[string]string{"aws_region_name": region}, nil)
}

// embedding calls the best target for a request.
func (o opened) embedding(ctx context.Context, t *testing.T, model string, req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
	t.Helper()
	targets, err := o.Targets(llm.VerbEmbed, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].(provider.Embedder).Embed(ctx, req)
}

func (o opened) reranking(ctx context.Context, t *testing.T, model string, req *llm.RerankRequest) (*llm.RerankResponse, error) {
	t.Helper()
	targets, err := o.Targets(llm.VerbRerank, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].(provider.Reranker).Rerank(ctx, req)
}

// numbered is a request for the vectors of texts that are the numbers from 0.
func numbered(n int) *llm.EmbedRequest {
	req := &llm.EmbedRequest{Call: llm.Call{Model: "stone"}}
	for i := range n {
		req.Inputs = append(req.Inputs, llm.EmbedInput{Text: strconv.Itoa(i)})
	}
	return req
}

// TestAnEmbeddingOfManyInputs checks that a model that takes one text a call is called for several
// at a time, but only so many, and that the response is in the order of the request.
func TestAnEmbeddingOfManyInputs(t *testing.T) {
	const inputs, atOnce = 40, 8
	var open, most atomic.Int64
	all := make(chan struct{})
	full := sync.OnceFunc(func() { close(all) })
	url, calls := models(t, func(w http.ResponseWriter, _ *http.Request, c *invoked) {
		n := open.Add(1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			continue // the largest of all, because the first eight wait for each other
		}
		if n == atOnce {
			full()
		}
		<-all
		open.Add(-1)
		if c.path != "/model/amazon.titan-embed-text-v2%3A0/invoke" || c.header.Get("X-Amzn-Trace-Id") != "Root=1" || !strings.HasPrefix(c.header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Errorf("called %s with %v", c.path, c.header)
		}
		number, _ := strconv.Atoi(c.body.InputText)
		fmt.Fprintf(w, `{"embedding":[%d],"inputTextTokenCount":%d}`, number, number+1)
	})
	req := numbered(inputs)
	req.Headers = []llm.Label{{Name: "X-Amzn-Trace-Id", Value: "Root=1"}}
	req.InputType = "search_query" // which Titan does not distinguish
	resp, err := openModel(t, url, titan, "us-east-1").embedding(t.Context(), t, titan, req)
	if err != nil {
		t.Fatal(err)
	}
	if calls.Load() != inputs || most.Load() != atOnce {
		t.Errorf("%d calls, %d at once", calls.Load(), most.Load())
	}
	for i, v := range resp.Vectors {
		if !slices.Equal(v.Float, []float64{float64(i)}) {
			t.Errorf("input %d got %v", i, v)
		}
	}
	const tokens = inputs * (inputs + 1) / 2
	if resp.Usage.Input != tokens || resp.Usage.Total != tokens || resp.Estimated {
		t.Errorf("usage %+v", resp.Usage)
	}
	cost, ok := resp.Meta.Price.Cost("", &resp.Usage)
	if want := llm.Cost(tokens * 20_000); cost != want || !ok { // 0.02 USD for a million
		t.Errorf("it costs %v, %t; want %v", cost, ok, want)
	}
	m := resp.Meta
	if m.Destination.API != "invoke" || m.Destination.Region != "us-east-1" || !strings.HasPrefix(m.UpstreamID, "aws-") {
		t.Errorf("meta %+v", m)
	}
	if diff := cmp.Diff([]llm.Warning{{Code: llm.WarnDropped, Field: "input_type"}}, m.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestAFailedCallEndsTheOthers checks that the failure of one call, and not its consequences, is
// the error of the request.
func TestAFailedCallEndsTheOthers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		kind   string
		body   string
		code   llm.Code
		want   int
	}{
		{"throttled", 429, "ThrottlingException", `{"message":"Too many tokens, please wait before trying again."}`, llm.CodeLimitTokens, 429},
		{"refused", 400, "ValidationException", `{"message":"Malformed input request: #: extraneous key, please reformat your input and try again."}`, llm.CodeUnknownField, 400},
		{"corrupt", 200, "", `{"embedding":[],"inputTextTokenCount":1}`, llm.CodeServiceInternal, 502},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var gone sync.WaitGroup
			gone.Add(7)
			all := make(chan struct{})
			full := sync.OnceFunc(func() { close(all) })
			url, calls := models(t, func(w http.ResponseWriter, r *http.Request, c *invoked) {
				if c.number == 8 {
					full()
				}
				if c.body.InputText != "3" {
					<-r.Context().Done()
					gone.Done()
					return
				}
				<-all
				w.Header().Set("X-Amzn-Errortype", tt.kind)
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := openModel(t, url, titan, "us-east-1").embedding(t.Context(), t, titan, numbered(40))
			e := llm.AsError(err)
			if e.Code != tt.code || e.Status != tt.want || !strings.HasPrefix(e.RequestID, "aws-") || e.Destination.API != "invoke" || e.Destination.Region != "us-east-1" {
				t.Errorf("got %+v", e)
			}
			gone.Wait()
			if calls.Load() != 8 {
				t.Errorf("%d calls, want the first 8", calls.Load())
			}
		})
	}
}

func TestAClientThatLeavesEndsAllCalls(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	left := &llm.Error{Code: llm.CodeClientGone, Status: 499}
	var gone sync.WaitGroup
	gone.Add(8)
	url, calls := models(t, func(_ http.ResponseWriter, r *http.Request, c *invoked) {
		if c.number == 8 {
			cancel(left)
		}
		<-r.Context().Done()
		gone.Done()
	})
	_, err := openModel(t, url, titan, "us-east-1").embedding(ctx, t, titan, numbered(40))
	if e := llm.AsError(err); e.Code != llm.CodeClientGone {
		t.Errorf("got %+v", e)
	}
	gone.Wait()
	if calls.Load() != 8 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestTokensThatBedrockDoesNotCount(t *testing.T) {
	for _, tt := range []struct {
		name, header, body string
		tokens             int64
		estimated          bool
	}{
		{"the header counts", "7", `{"embedding":[1],"inputTextTokenCount":5}`, 14, false},
		{"the body counts", "", `{"embedding":[1],"inputTextTokenCount":5}`, 10, false},
		{"nothing counts", "", `{"embedding":[1]}`, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) {
				if tt.header != "" {
					w.Header().Set("X-Amzn-Bedrock-Input-Token-Count", tt.header)
				}
				_, _ = io.WriteString(w, tt.body)
			})
			resp, err := openModel(t, url, titan, "us-east-1").embedding(t.Context(), t, titan, numbered(2))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Usage.Input != tt.tokens || resp.Estimated != tt.estimated || (len(resp.Meta.Warnings) == 1) != tt.estimated {
				t.Errorf("usage %+v, estimated %t, warnings %v", resp.Usage, resp.Estimated, resp.Meta.Warnings)
			}
		})
	}
}

// TestThePriceOfMedia checks that a call with an image has no cost, rather than that of a text.
func TestThePriceOfMedia(t *testing.T) {
	url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) {
		_, _ = io.WriteString(w, `{"embeddings":{"float":[[1]]}}`)
	})
	const model = "cohere.embed-v4:0"
	image := &llm.Media{Format: "png"}
	image.Base64, _ = llm.ParseBase64([]byte("iVBORw0KGgo="))
	for _, tt := range []struct {
		input  llm.EmbedInput
		priced bool
	}{
		{llm.EmbedInput{Text: "granite"}, true},
		{llm.EmbedInput{Parts: []llm.Block{{Kind: llm.BlockText, Text: "granite"}, {Kind: llm.BlockImage, Media: image}}}, false},
	} {
		resp, err := openModel(t, url, model, "us-east-1").embedding(t.Context(), t, model, &llm.EmbedRequest{Inputs: []llm.EmbedInput{tt.input}})
		if err != nil || (resp.Meta.Price != nil) != tt.priced {
			t.Errorf("%+v: %+v, %v", tt.input, resp, err)
		}
	}
}

// TestEmbeddingsOfAModelThatNeedsAProfile checks that a model that a region serves by profiles alone
// is called by one.
func TestEmbeddingsOfAModelThatNeedsAProfile(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "/model/cohere.embed-v4%3A0/invoke", "eu-west-1": "/model/eu.cohere.embed-v4%3A0/invoke", "ap-northeast-1": "/model/global.cohere.embed-v4%3A0/invoke",
	} {
		url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, c *invoked) {
			if c.path != want {
				t.Errorf("%s: called %s, want %s", region, c.path, want)
			}
			_, _ = io.WriteString(w, `{"embeddings":{"float":[[0],[1]]}}`)
		})
		const model = "cohere.embed-v4:0"
		resp, err := openModel(t, url, model, region).embedding(t.Context(), t, model, numbered(2))
		if err != nil || len(resp.Vectors) != 2 || resp.Vectors[1].Float[0] != 1 {
			t.Errorf("%s: %+v, %v", region, resp, err)
		}
	}
}

// TestModelsOfAnotherKind checks that a model is not called for what it does not do.
func TestModelsOfAnotherKind(t *testing.T) {
	url, calls := models(t, func(http.ResponseWriter, *http.Request, *invoked) {})
	for _, tt := range []struct {
		model  string
		rerank bool
	}{{"us.amazon.nova-lite-v1:0", false}, {reranks, false}, {"us.amazon.nova-lite-v1:0", true}, {titan, true}} {
		d := openModel(t, url, tt.model, "us-east-1")
		var err error
		if tt.rerank {
			_, err = d.reranking(t.Context(), t, tt.model, ranking())
		} else {
			_, err = d.embedding(t.Context(), t, tt.model, numbered(1))
		}
		e := llm.AsError(err)
		_, name, _ := strings.Cut(tt.model, "us.")
		if name == "" {
			name = tt.model
		}
		name, _, _ = strings.Cut(name, ":")
		if name = strings.TrimSuffix(name, "-v1"); e.Code != llm.CodeFeature || e.Status != 400 || e.Param != "model" || e.Fix == "" || !strings.Contains(e.Message, name) {
			t.Errorf("%s, rerank %t: %+v", tt.model, tt.rerank, e)
		}
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls", calls.Load())
	}
}

// TestResponsesToInvokeModelThatCannotBeUsed is about responses that are too large, cut short, or
// of another form.
func TestResponsesToInvokeModelThatCannotBeUsed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		code   llm.Code
	}{
		{"too large", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(64<<20+1))
			_, _ = io.WriteString(w, "{")
		}, llm.CodeAnswerTooLarge},
		{"cut short", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"embedding":[1`)
		}, llm.CodeInterrupted},
		{"no JSON", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "It works!") }, llm.CodeServiceInternal},
		{"invalid UTF-8", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{\"message\":\"\xff\"}") }, llm.CodeServiceInternal},
		{"nothing", func(http.ResponseWriter) {}, llm.CodeServiceInternal},
		{"no result", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }, llm.CodeServiceInternal},
		{"another form", func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"embedding":[[1]],"results":[1]}`) }, llm.CodeServiceInternal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) { tt.answer(w) })
			_, err := openModel(t, url, titan, "us-east-1").embedding(t.Context(), t, titan, numbered(1))
			_, err2 := openModel(t, url, reranks, "us-east-1").reranking(t.Context(), t, reranks, ranking())
			for i, err := range []error{err, err2} {
				e := llm.AsError(err)
				if e.Code != tt.code || e.Status != 502 || e.RequestID != "aws-"+strconv.Itoa(i+1) || e.Destination.Region != "us-east-1" || e.Destination.API != "invoke" {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}

// TestMemoryOfAnEmbedding checks that large responses are charged to the call.
func TestMemoryOfAnEmbedding(t *testing.T) {
	url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, _ *invoked) {
		_, _ = io.WriteString(w, `{"embedding":[1],"more":"`+strings.Repeat("x", 1<<20)+`"}`)
	})
	for total, code := range map[int64]llm.Code{64 << 20: "", 4 << 20: llm.CodeOverloaded} {
		b := budget.New(total, 1)
		other := b.Lease() // so that the call is not served because it is alone
		if err := other.Grow(t.Context(), 1<<20+1); err != nil {
			t.Fatal(err)
		}
		lease := b.Lease()
		_, err := openModel(t, url, titan, "us-east-1").embedding(budget.With(t.Context(), lease), t, titan, numbered(1))
		got := llm.Code("")
		if err != nil {
			got = llm.AsError(err).Code
		}
		if got != code || code == "" && lease.Held() < 4<<20 {
			t.Errorf("with %d MB: %v, %d bytes held", total>>20, err, lease.Held())
		}
		lease.Release()
		other.Release()
	}
}

// ranking is a request for the relevance of three documents.
func ranking() *llm.RerankRequest {
	return &llm.RerankRequest{
		Call: llm.Call{Model: "stone"}, Query: "rock",
		Documents: []llm.Document{{Text: "granite"}, {Text: "water"}, {Text: "slate"}},
	}
}

func TestRerank(t *testing.T) {
	url, _ := models(t, func(w http.ResponseWriter, _ *http.Request, c *invoked) {
		if c.path != "/model/cohere.rerank-v3-5%3A0/invoke" || len(c.body.Documents) != 3 {
			t.Errorf("called %s with %+v", c.path, c.body)
		}
		w.Header().Set("X-Amzn-Bedrock-Input-Token-Count", "9")
		_, _ = io.WriteString(w, `{"results":[{"index":2,"relevance_score":0.5},{"index":0,"relevance_score":0.75}]}`)
	})
	req := ranking()
	req.TopN, req.DropParams, req.MaxChunksPerDoc = llm.Some(int64(2)), true, llm.Some(int64(1))
	resp, err := openModel(t, url, reranks, "us-east-1").reranking(t.Context(), t, reranks, req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]llm.Ranked{{Index: 0, Score: 0.75}, {Index: 2, Score: 0.5}}, resp.Results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	cost, ok := resp.Meta.Price.Cost("", &resp.Usage)
	if resp.Usage.SearchUnits != 1 || resp.Usage.Input != 9 || cost.USD() != 0.002 || !ok {
		t.Errorf("usage %+v costs %v, %t", resp.Usage, cost, ok)
	}
	if m := resp.Meta; m.Destination.API != "invoke" || m.UpstreamID != "aws-1" || len(m.Warnings) != 1 || m.Warnings[0].Field != "max_chunks_per_doc" {
		t.Errorf("meta %+v", m)
	}
}
