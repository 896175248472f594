package ollama_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/ollama"
	"outcrop/upstream"
)

// serve answers every request alike, and keeps the last path.
func serve(t *testing.T, status int, body string) (base string, path *string) {
	t.Helper()
	path = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*path = r.URL.RequestURI()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, path
}

func opened(t *testing.T, model, base string) provider.Deployment {
	t.Helper()
	d, err := open(t, model, base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func chatter(t *testing.T, d provider.Deployment) provider.Chatter {
	t.Helper()
	targets, err := d.Targets(llm.VerbChat, rockModel)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := targets[0].(provider.Chatter)
	if !ok {
		t.Fatal("it does not chat")
	}
	return c
}

func hi() *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
}

// stream reads a stream to its end.
func stream(t *testing.T, c provider.Chatter) (*llm.Response, error) {
	t.Helper()
	s, err := c.Stream(t.Context(), hi())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var fold llm.Fold
	for {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			return fold.Answer(), err
		}
		fold.Add(&ev)
	}
}

func TestTheAddressMayEndWithWhatUsersWrite(t *testing.T) {
	for _, ending := range []string{"", "/", "/v1", "/api", "/api/chat", "/api/generate", "/v1/chat/completions"} {
		base, path := serve(t, 200, `{"message":{"content":"Ja."},"done":true}`)
		if _, err := chatter(t, opened(t, rockModel, base+ending)).Complete(t.Context(), hi()); err != nil || *path != "/api/chat" {
			t.Errorf("api_base with %q: %s, %v", ending, *path, err)
		}
	}
}

func TestNoKeyIsNeeded(t *testing.T) {
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	base, _ := serve(t, 200, `{"message":{"content":"Ja."},"done":true}`)
	for _, p := range ollama.Providers() {
		d, err := p.Open(t.Context(), provider.Params{Model: rockModel, Upstream: client, Values: map[string]string{"api_base": base}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chatter(t, d).Complete(t.Context(), hi()); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

func TestReasoningIsKept(t *testing.T) {
	base, _ := serve(t, 200, `{"message":{"content":"Ja.","thinking":"Hm."},"done":true}`)
	r, err := chatter(t, opened(t, rockModel, base)).Complete(t.Context(), hi())
	if err != nil || len(r.Blocks) != 2 || r.Blocks[0].Kind != llm.BlockReasoning || r.Blocks[0].Text != "Hm." {
		t.Errorf("whole: %+v, %v", r, err)
	}
	base, _ = serve(t, 200, `{"message":{"thinking":"H"}}`+"\n"+`{"message":{"thinking":"m."}}`+"\n"+`{"message":{"content":"Ja."},"done":true}`+"\n")
	r, err = stream(t, chatter(t, opened(t, rockModel, base)))
	if !errors.Is(err, io.EOF) || len(r.Blocks) != 2 || r.Blocks[0].Kind != llm.BlockReasoning || r.Blocks[0].Text != "Hm." {
		t.Errorf("streamed: %+v, %v", r, err)
	}
}

func TestAModelThatIsNotPulledHasItsCommand(t *testing.T) {
	base, _ := serve(t, 404, `{"error":"model 'qwen3:8b' not found"}`)
	_, err := chatter(t, opened(t, rockModel, base)).Complete(t.Context(), hi())
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeModelUnknown || !strings.Contains(e.Fix, "ollama pull qwen3:8b") {
		t.Errorf("the error is %+v", err)
	}
	base, _ = serve(t, 400, `{"error":"the input length exceeds the context length"}`)
	_, err = chatter(t, opened(t, rockModel, base)).Complete(t.Context(), hi())
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeTooLong || !strings.Contains(e.Fix, "num_ctx") {
		t.Errorf("the error is %+v", err)
	}
}

func TestAnErrorInAStreamIsOllamas(t *testing.T) {
	base, _ := serve(t, 200, `{"message":{"content":"J"}}`+"\n"+`{"error":"an error was encountered while running the model"}`+"\n")
	_, err := stream(t, chatter(t, opened(t, rockModel, base)))
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != llm.CodeModelError || !strings.Contains(e.Message, "while running the model") || !e.Upstream {
		t.Errorf("the error is %+v", err)
	}
}

func TestTheListHasTheModelsOfTheServer(t *testing.T) {
	base, path := serve(t, 200, `{"models":[{"name":"qwen3:8b","model":"qwen3:8b","size":1},{"name":"nomic-embed-text:latest"},{"name":""}]}`)
	d := opened(t, "*", base)
	l, ok := d.(provider.Lister)
	if !ok {
		t.Fatal("it has no list")
	}
	if status := l.Refresh(t.Context(), time.Time{}); len(status) != 1 || status[0].Err != nil || status[0].Models != 2 || *path != "/api/tags" {
		t.Fatalf("the list at %s is %+v", *path, status)
	}
	for _, m := range l.Models() {
		if want := map[string]llm.Verb{"qwen3:8b": llm.VerbChat, "nomic-embed-text:latest": llm.VerbEmbed}[m.ID]; m.Verb != want || !m.Active {
			t.Errorf("a model is %+v", m)
		}
	}
	for _, body := range []string{`{"data":[]}`, `[]`} {
		base, _ := serve(t, 200, body)
		other, ok := opened(t, "*", base).(provider.Lister)
		if !ok {
			t.Fatal("it has no list")
		}
		if status := other.Refresh(t.Context(), time.Time{}); status[0].Err == nil {
			t.Errorf("%s counts as a list", body)
		}
	}
}

func TestEmbeddingsHaveOllamasOwnWords(t *testing.T) {
	var path, body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		path, body = r.URL.Path, string(sent)
		_, _ = io.WriteString(w, `{"model":"nomic-embed-text","embeddings":[[0.1,-1e-3],[1,2]],"total_duration":1,"prompt_eval_count":7}`)
	}))
	t.Cleanup(s.Close)
	embed := func(req *llm.EmbedRequest) (*llm.EmbedResponse, error) {
		targets, err := opened(t, "nomic-embed-text", s.URL).Targets(llm.VerbEmbed, "nomic-embed-text")
		if err != nil {
			t.Fatal(err)
		}
		e, ok := targets[0].(provider.Embedder)
		if !ok {
			t.Fatal("it does not embed")
		}
		return e.Embed(t.Context(), req)
	}
	two := []llm.EmbedInput{{Text: "granite"}, {Tokens: []int64{9906}}}
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	r, err := embed(&llm.EmbedRequest{
		Call: llm.Call{User: "u"}, Inputs: two, Dimensions: llm.Some[int64](2), Truncate: "NONE", InputType: "search_query", Normalize: llm.Some(true),
		ModelFields: []jsonx.Member{member("keep_alive", `"10m"`), member("num_ctx", "8192"), member("options", `{"num_gpu":1,"num_ctx":1}`)},
	})
	const want = `{"model":"nomic-embed-text","input":["granite","Hello"],"truncate":false,"dimensions":2,"keep_alive":"10m","options":{"num_ctx":8192,"num_gpu":1}}`
	if err != nil || path != "/api/embed" || body != want {
		t.Fatalf("%s %s, %v", path, body, err)
	}
	var warned []string
	for _, w := range r.Meta.Warnings {
		warned = append(warned, w.Code+" "+w.Field)
	}
	if !slices.Equal(r.Vectors[0].Float, []float64{0.1, -1e-3}) || r.Usage.Input != 7 || r.Estimated || strings.Join(warned, ", ") != "changed input, dropped input_type, dropped user" {
		t.Errorf("the response is %+v", r)
	}
	for param, req := range map[string]*llm.EmbedRequest{
		"truncate":        {Inputs: two, Truncate: "START"},
		"embedding_types": {Inputs: two, Types: []llm.VectorType{llm.VectorInt8}},
		"normalize":       {Inputs: two, Normalize: llm.Some(false)},
		"max_tokens":      {Inputs: two, MaxTokens: llm.Some[int64](1)},
		"input[0]":        {Inputs: []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{Format: "png"}}}}}},
	} {
		_, err := embed(req)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != param || e.Status != 400 {
			t.Errorf("%s: %+v", param, err)
		}
	}
}
