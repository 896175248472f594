package outcrop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outcrop"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/all"
)

// account is a client of an emulated account.
type account struct {
	*outcrop.Client
	lists    atomic.Int64 // calls that listed something
	listings atomic.Int64 // those of them that gave a whole list
	down     atomic.Bool  // whether lists fail
}

// open makes a client with a configuration over an emulator; variables are the
// environment besides where AWS is.
func open(t *testing.T, text string, variables map[string]string) *account {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &account{}
	server := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			a.lists.Add(1)
			if r.URL.Path == "/foundation-models" || r.URL.Path == "/inference-profiles" {
				a.listings.Add(1)
			}
			if a.down.Load() {
				http.Error(w, `{"message":"down"}`, http.StatusServiceUnavailable)
				return
			}
		}
		e.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	environ := func(name string) string {
		if name == "AWS_ENDPOINT_URL" {
			return server.URL
		}
		return variables[name]
	}
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", Data: []byte(text), Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) { v := environ(name); return v, v != "" },
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	if a.Client, err = outcrop.New(outcrop.Options{Config: cfg, Environ: environ, Note: "a note"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func keys() map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": emulator.DemoAccessKeyID, "AWS_SECRET_ACCESS_KEY": string(emulator.DemoSecretAccessKey), "AWS_REGION": "us-east-1"}
}

const anyModel = `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0}
  - model_name: "bedrock/*"
    litellm_params: {model: "bedrock/*"}
  - model_name: "*"
    litellm_params: {model: "bedrock/*"}
`

func names(models []outcrop.Model) []string {
	var out []string
	for _, m := range models {
		out = append(out, m.Name)
	}
	return out
}

func TestWildcardsListTheModelsOfMantle(t *testing.T) {
	for _, tt := range []struct {
		name, model string
		has, hasNot []string
	}{
		{"Bedrock", "bedrock/*", []string{"openai.gpt-5.5", "google.gemma-4-31b", "zai.glm-4.6", "amazon.nova-lite-v1:0"}, []string{"google.gemma-4-e2b"}},
		{"bedrock-mantle", "bedrock_mantle/*", []string{"openai.gpt-5.5", "google.gemma-4-31b", "zai.glm-4.6", "openai.gpt-5.6-sol", "openai.gpt-oss-120b"}, []string{"xai.grok-4.6", "google.gemma-4-e2b", "amazon.nova-lite-v1:0", "openai.gpt-oss-120b-1:0", "minimax.minimax-m2", "anthropic.claude-opus-5"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := open(t, "model_list:\n  - {model_name: '*', litellm_params: {model: '"+tt.model+"'}}\n", keys())
			if lists := a.Refresh(t.Context(), 0); len(lists) != 1 || lists[0].Err != nil {
				t.Fatalf("the lists are %+v", lists)
			}
			models := a.Models()
			got := names(models)
			for _, name := range tt.has {
				if !slices.Contains(got, name) {
					t.Errorf("%s is not listed", name)
				}
			}
			for _, name := range tt.hasNot {
				if slices.Contains(got, name) {
					t.Errorf("%s is listed", name)
				}
			}
			at := slices.IndexFunc(models, func(m outcrop.Model) bool { return m.Name == "openai.gpt-5.5" })
			if m := models[at]; m.Target.API != "responses" || m.Target.Region != "us-east-1" || !slices.Equal(m.Serves, []string{"us-east-1"}) || !slices.Equal(m.Aliases, []string{"gpt-5-5"}) || !m.Input.Set || m.Context == 0 || m.Verb != llm.VerbChat {
				t.Errorf("got %+v", m)
			}
			if tt.name != "bedrock-mantle" {
				return
			}
			for _, m := range models {
				if _, err := a.Complete(t.Context(), &outcrop.Request{Call: outcrop.Call{Model: m.Name}, Turns: []outcrop.Turn{outcrop.User("Hi")}}); err != nil {
					t.Errorf("%s is listed, and a call gets %v", m.Name, err)
				}
			}
		})
	}
}

func TestModelsAreTheNamesAndWhatAWildcardReaches(t *testing.T) {
	a := open(t, anyModel, keys())
	if known := names(a.Models()); a.lists.Load() != 0 || !slices.Contains(known, "anthropic.claude-sonnet-4-5-20250929-v1:0") {
		t.Errorf("before AWS was asked: %q, after %d calls", known, a.lists.Load())
	}
	lists := a.Refresh(t.Context(), 0)
	if len(lists) != 1 || lists[0].Err != nil || lists[0].Location != "us-east-1" || lists[0].Account != emulator.DemoAccount || lists[0].Models == 0 || lists[0].Profiles == 0 {
		t.Fatalf("the lists are %+v", lists)
	}
	models := a.Models()
	got := names(models)
	for want, times := range map[string]int{"granite": 2, "anthropic.claude-sonnet-4-5-20250929-v1:0": 1, "amazon.nova-lite-v1:0": 1} {
		if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != want })); n != times {
			t.Errorf("%s is listed %d times among %d", want, n, len(got))
		}
	}
	for _, m := range models {
		if m.Configured && (!m.Known || !m.Active || m.Target.ID != m.ID || m.Target.Region != "us-east-1" || m.Context == 0 || !m.Input.Set || m.Entitlement != provider.EntitlementGranted || len(m.Serves) == 0 || m.Doubt != "") {
			t.Errorf("little is known of a configured name: %+v", m)
		}
	}
	if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "*") || strings.HasPrefix(s, "bedrock/") }) {
		t.Errorf("a pattern, or a name twice under two patterns, is listed: %q", got)
	}
	var vectors []string // names of models for embeddings and reranking
	for _, m := range models {
		if m.Configured {
			continue
		}
		if m.ID == "anthropic.claude-sonnet-4-5-20250929-v1:0" && (m.Target.ID != "us."+m.ID || !slices.Equal(m.Aliases, []string{"claude-sonnet-4-5", "us." + m.ID, "global." + m.ID}) || m.Context == 0 || !m.Input.Set || m.Entitlement == "") {
			t.Errorf("got %+v", m)
		}
		if m.Verb != llm.VerbChat {
			vectors = append(vectors, append(m.Aliases, m.Name)...)
			continue
		}
		for _, name := range append(m.Aliases, m.Name) {
			if _, err := a.Complete(t.Context(), &outcrop.Request{Call: outcrop.Call{Model: name}, Turns: []outcrop.Turn{outcrop.User("Hi")}}); err != nil {
				t.Errorf("%s is listed, and a call gets %v", name, err)
			}
		}
	}
	if !slices.Contains(vectors, "titan-embed-text") || !slices.Contains(vectors, "cohere.rerank-v3-5:0") {
		t.Errorf("models for embeddings or reranking are missing: %q", vectors)
	}
	err := a.Check(t.Context(), outcrop.CheckOptions{Models: vectors}, func(f outcrop.Finding) {
		if f.Check == provider.CheckStream || f.Check == provider.CheckWhole && f.State != provider.StateOK {
			t.Errorf("%q is listed, and a call gets %+v", f.Names, f)
		}
	})
	if err != nil {
		t.Error(err)
	}
	asked := a.lists.Load()
	if a.Refresh(t.Context(), time.Hour); a.lists.Load() != asked {
		t.Errorf("asked again: %d, then %d", asked, a.lists.Load())
	}
}

// Many deployments of one account and region have its lists read once.
func TestListsAreReadOnceForAll(t *testing.T) {
	var text strings.Builder
	text.WriteString("model_list:\n")
	for i := range 60 {
		fmt.Fprintf(&text, "  - model_name: m%d\n    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}\n", i)
	}
	a := open(t, text.String(), keys())
	a.Refresh(t.Context(), 0)
	first := a.lists.Load()
	one := open(t, anyModel, keys())
	one.Refresh(t.Context(), 0)
	if first != one.lists.Load() {
		t.Errorf("%d calls for sixty deployments, %d for a few", first, one.lists.Load())
	}
}

func TestListsThatCannotBeRead(t *testing.T) {
	a := open(t, anyModel, keys())
	a.down.Store(true)
	lists := a.Refresh(t.Context(), 0)
	if len(lists) != 1 || llm.AsError(lists[0].Err).Code != llm.CodeUnavailable {
		t.Errorf("got %+v", lists)
	}
	if got := names(a.Models()); len(got) < 10 || got[0] != "granite" {
		t.Errorf("what this release knows is not listed: %q", got)
	}
}

func TestAnyModelByItsID(t *testing.T) {
	a := open(t, anyModel, keys())
	resp, err := a.Complete(t.Context(), &outcrop.Request{Call: outcrop.Call{Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}, Turns: []outcrop.Turn{outcrop.User("Hi")}})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Meta.Destination.Note != "a note" || outcrop.Text(resp) == "" {
		t.Errorf("got %+v", resp)
	}
	if got := outcrop.Text(&outcrop.Response{Blocks: []outcrop.Block{{Kind: llm.BlockReasoning, Text: "Hm"}, {Kind: llm.BlockText, Text: "a"}, {Kind: llm.BlockText, Text: "b"}}}); got != "ab" {
		t.Errorf("the text of an answer is %q", got)
	}
}

func TestEveryFailureIsAnError(t *testing.T) {
	a := open(t, "model_list: [{model_name: granite, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}}]", keys())
	for _, tt := range []struct {
		name, model, prompt string
		code                llm.Code
	}{
		{"no such name", "basalt", "Hi", llm.CodeModelNotFound},
		{"a refusal", "granite", "[[fault: too-long]]", llm.CodeTooLong},
	} {
		req := &outcrop.Request{Call: outcrop.Call{Model: tt.model}, Turns: []outcrop.Turn{outcrop.User(tt.prompt)}}
		_, err := a.Complete(t.Context(), req)
		_, streamed := a.Stream(t.Context(), req)
		for _, err := range []error{err, streamed} {
			var e *outcrop.Error
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("%s: got %v", tt.name, err)
			}
		}
		if req.Stream {
			t.Errorf("%s: the caller's request was changed", tt.name)
		}
	}
	if n := a.Pipeline().Open(); n != 0 {
		t.Errorf("%d calls are open", n)
	}
}

func TestAStreamIsOpenUntilItIsClosed(t *testing.T) {
	a := open(t, "model_list: [{model_name: granite, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}}]", keys())
	s, err := a.Stream(t.Context(), &outcrop.Request{Call: outcrop.Call{Model: "granite"}, Turns: []outcrop.Turn{outcrop.User("Hi")}})
	if err != nil {
		t.Fatal(err)
	}
	var ev outcrop.Event
	for err == nil {
		err = s.Next(&ev)
	}
	if !errors.Is(err, io.EOF) || a.Pipeline().Open() != 1 {
		t.Errorf("the stream ended with %v, %d calls are open", err, a.Pipeline().Open())
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil || a.Pipeline().Open() != 0 {
		t.Errorf("closed with %v, %d calls are open", err, a.Pipeline().Open())
	}
}

func TestReadySaysWhatIsMissing(t *testing.T) {
	if err := open(t, anyModel, keys()).Ready(t.Context()); err != nil {
		t.Errorf("with credentials: %v", err)
	}
	none := map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_REGION": "us-east-1"}
	var e *outcrop.Error
	if err := open(t, anyModel, none).Ready(t.Context()); !errors.As(err, &e) || e.Code != llm.CodeCredentialsMissing || e.Fix == "" {
		t.Errorf("without: %v", err)
	}
}

func TestAConfigurationThatCannotBeUsedSaysEverything(t *testing.T) {
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", Providers: all.Providers(), LookupEnv: func(string) (string, bool) { return "", false },
		Data: []byte(`
model_list:
  - model_name: a
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: nowhere at all}
  - model_name: b
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_bedrock_runtime_endpoint: "not an address"}
`),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	_, err := outcrop.New(outcrop.Options{Config: cfg, Environ: func(string) string { return "" }})
	var wrong *outcrop.ConfigError
	if !errors.As(err, &wrong) || len(wrong.Problems) != 2 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"config.yaml:4:", "aws_region_name", "config.yaml:6:", "aws_bedrock_runtime_endpoint"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestACallThatIsLeftEnds(t *testing.T) {
	a := open(t, anyModel, keys())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Complete(ctx, &outcrop.Request{Call: outcrop.Call{Model: "granite"}, Turns: []outcrop.Turn{outcrop.User("Hi")}})
	var e *outcrop.Error
	if !errors.As(err, &e) || e.Code != llm.CodeClientGone {
		t.Errorf("got %v", err)
	}
}
