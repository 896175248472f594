package ollama_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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
