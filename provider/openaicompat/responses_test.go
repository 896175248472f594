package openaicompat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/catalog"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// responder is a server with OpenAI's Responses API. It reads only reasoning that has been encrypted for the key of a
// call, as OpenAI does for an organization.
type responder struct {
	without string // the refusal of a server or a model that does not have the API
	status  int

	mu     sync.Mutex
	called []string // path, and body
}

func (s *responder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.called = append(s.called, r.URL.Path+" "+string(body))
	s.mu.Unlock()
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	const usage = `"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/chat/completions"):
		_, _ = io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	case s.without != "":
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.without)
	case strings.Contains(string(body), `"encrypted_content":"for-`) && !strings.Contains(string(body), `"encrypted_content":"for-`+key):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"The encrypted content for-...1 could not be verified. Reason: Encrypted content could not be decrypted or parsed.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}`)
	default:
		_, _ = io.WriteString(w, `{"id":"resp_1","object":"response","status":"completed","output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"for-`+key+`-1"},{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],`+usage+`}`)
	}
}

// start starts the server, and returns a function that opens its only target with settings.
func (s *responder) start(t *testing.T, model string) func(values map[string]string) provider.Target {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return func(values map[string]string) provider.Target {
		t.Helper()
		values["api_base"] = server.URL + "/v1"
		d, err := vendor(t, "openai").Providers()[0].Open(t.Context(), provider.Params{
			Model: model, Values: values, Upstream: client, Environ: func(string) string { return "" },
			Facts: func(string) *catalog.Model { return &catalog.Model{Reasoning: llm.Some(true)} },
		})
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, model)
		if err != nil {
			t.Fatal(err)
		}
		return targets[0]
	}
}

// paths are the last parts of the paths that were called.
func (s *responder) paths() []string {
	var all []string
	for _, call := range s.called {
		path, _, _ := strings.Cut(call, " ")
		all = append(all, strings.TrimPrefix(path, "/v1/"))
	}
	return all
}

func asked(turns ...llm.Turn) *llm.Request {
	first := llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}
	return &llm.Request{Turns: append([]llm.Turn{first}, turns...)}
}

func TestReasoningGoesBackToTheAccountThatHasEncryptedItOnly(t *testing.T) {
	s := &responder{}
	open := s.start(t, "responses/gpt-5.5")
	mine := open(map[string]string{"api_key": "mine"}).(provider.Chatter)
	resp, err := mine.Complete(t.Context(), asked())
	if err != nil || resp.Blocks[0].Signature == "" || strings.Contains(resp.Blocks[0].Signature, "mine.") || strings.Contains(strings.SplitN(resp.Blocks[0].Signature, ".", 3)[1], "127.0.0.1") {
		t.Fatalf("%+v, %v", resp, err)
	}
	next := asked(llm.Turn{Role: llm.RoleAssistant, Blocks: resp.Blocks}, llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "And?"}}})
	for _, tt := range []struct {
		name   string
		values map[string]string
		gets   bool
	}{
		{"the same account", map[string]string{"api_key": "mine"}, true},
		{"another key", map[string]string{"api_key": "theirs"}, false},
		{"another organization", map[string]string{"api_key": "mine", "organization": "org-2"}, false},
	} {
		s.called = nil
		resp, err := open(tt.values).(provider.Chatter).Complete(t.Context(), next)
		if err != nil || len(s.called) != 1 {
			t.Fatalf("%s: %v, after %q", tt.name, err, s.called)
		}
		dropped := slices.ContainsFunc(resp.Meta.Warnings, func(w llm.Warning) bool { return strings.Contains(w.Field+w.Detail, "reasoning") })
		if got := strings.Contains(s.called[0], "for-mine-1"); got != tt.gets || dropped == tt.gets {
			t.Errorf("%s: the reasoning is sent: %t, warnings %v", tt.name, got, resp.Meta.Warnings)
		}
	}
}

// Bodies of the Responses API pass through, and say of nothing for whom it is encrypted.
func TestAPassedBodyWithTheReasoningOfAnotherAccountIsSentAgainWithout(t *testing.T) {
	s := &responder{}
	open := s.start(t, "gpt-5.5")
	body := func(items string) *llm.Raw {
		return &llm.Raw{Dialect: llm.DialectResponses, Body: jsonx.Raw(`{"model":"gpt-5.5","store":false,"input":[{"role":"user","content":"Hi"},` + items + `{"role":"user","content":"And?"}]}`)}
	}
	const reasoning = `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"for-mine-1"},{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hi"}]},`
	mine := open(map[string]string{"api_key": "mine"}).(provider.Passer)
	if resp, err := mine.Pass(t.Context(), body(reasoning)); err != nil || len(resp.Meta.Warnings) != 0 || len(s.called) != 1 {
		t.Fatalf("%v, after %q", err, s.called)
	}
	s.called = nil
	theirs := open(map[string]string{"api_key": "theirs"}).(provider.Passer)
	resp, err := theirs.Pass(t.Context(), body(reasoning))
	if err != nil || len(s.called) != 2 || strings.Contains(s.called[1], "rs_1") || strings.Contains(s.called[1], "msg_1") || !strings.Contains(s.called[1], `"And?"`) {
		t.Fatalf("%v, after %q", err, s.called)
	}
	if w := resp.Meta.Warnings; len(w) != 1 || w[0].Code != llm.WarnDropped || w[0].Field != "input[1]" {
		t.Errorf("the warnings are %v", w)
	}
	s.called = nil
	if _, err := theirs.Pass(t.Context(), body(`{"type":"compaction","id":"cmp_1","encrypted_content":"for-mine-2"},`+reasoning)); err == nil || len(s.called) != 1 {
		t.Errorf("a summary of another account is left out in silence, after %q", s.called)
	}
}

// A server, or a model, without the Responses API is asked once.
func TestAServerWithoutTheResponsesAPIIsCalledByChatCompletions(t *testing.T) {
	for name, s := range map[string]*responder{
		"server": {status: http.StatusNotFound, without: `{"detail":"Not Found"}`},
		"model":  {status: http.StatusBadRequest, without: `{"error":{"message":"The responses operation does not work with the specified model, m. Please choose different model and try again.","code":"OperationNotSupported"}}`},
	} {
		target := s.start(t, "responses/m")(map[string]string{"api_key": "mine"})
		for range 2 {
			resp, err := target.(provider.Chatter).Complete(t.Context(), asked())
			if err != nil || resp.Meta.Destination.API != "chat" {
				t.Fatalf("%s: %+v, %v", name, resp, err)
			}
		}
		stream, err := target.(provider.Chatter).Stream(t.Context(), asked())
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Close()
		if want := []string{"responses", "chat/completions", "chat/completions", "chat/completions"}; !slices.Equal(s.paths(), want) {
			t.Errorf("%s: called %q", name, s.paths())
		}
		p := target.(provider.Passer)
		if p.Speaks(llm.DialectResponses) || !p.Speaks(llm.DialectOpenAI) {
			t.Errorf("%s: bodies of the Responses API still pass through, or those of chat completions do not", name)
		}
	}
}
