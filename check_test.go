package outcrop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/fault"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/all"
)

// patient is a client of an emulated account, and how many calls of models arrive.
type patient struct {
	*outcrop.Client
	mu    sync.Mutex
	calls int
	most  int // at once
	open  int
}

// examinee makes a client of a configuration over an emulator with faults.
func examinee(t *testing.T, text string, faults ...string) *patient {
	t.Helper()
	opt := emulator.Options{}
	for _, text := range faults {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		opt.Faults = append(opt.Faults, f)
	}
	e, err := emulator.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{}
	server := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/model/") || r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/v1/") {
			p.mu.Lock()
			p.calls++
			p.open++
			p.most = max(p.most, p.open)
			p.mu.Unlock()
			defer func() {
				p.mu.Lock()
				p.open--
				p.mu.Unlock()
			}()
		}
		e.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	environ := func(name string) string {
		if name == "AWS_ENDPOINT_URL" {
			return server.URL
		}
		return keys()[name]
	}
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", Data: []byte(text), Providers: all.Providers(),
		LookupEnv: func(name string) (string, bool) { v := environ(name); return v, v != "" },
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	if p.Client, err = outcrop.New(outcrop.Options{Config: cfg, Environ: environ}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// probes gives the findings of calls as name, check and state, in order.
func probes(t *testing.T, p *patient, e outcrop.CheckOptions) []string {
	t.Helper()
	var out []string
	err := p.Check(t.Context(), e, func(f outcrop.Finding) {
		switch f.Check {
		case provider.CheckWhole, provider.CheckStream, provider.CheckModel:
			code := ""
			if f.Err != nil {
				code = " " + string(f.Err.Code)
			}
			out = append(out, fmt.Sprintf("%s (%s) %s %s%s", strings.Join(f.Names, "+"), f.Model, f.Check, f.State, code))
		default: // it calls no model
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestConfiguredModelsAreCalledOnceWholeAndStreaming(t *testing.T) {
	p := examinee(t, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: basalt
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: marble
    litellm_params: {model: bedrock/deepseek.r1-v1:0}
  - model_name: "bedrock/*"
    litellm_params: {model: "bedrock/*"}
`)
	planned := 0
	got := probes(t, p, outcrop.CheckOptions{Planned: func(calls int) { planned = calls }})
	want := []string{
		"bedrock/* (amazon.nova-micro-v1:0) stream ok", "bedrock/* (amazon.nova-micro-v1:0) whole ok",
		"granite+basalt (us.amazon.nova-lite-v1:0) stream ok", "granite+basalt (us.amazon.nova-lite-v1:0) whole ok",
		"marble (deepseek.r1-v1:0) stream ok", "marble (deepseek.r1-v1:0) whole ok",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p.calls != 6 || planned < p.calls {
		t.Errorf("%d calls were made, %d planned", p.calls, planned)
	}
}

func TestAModelIsCalledForWhatItIsFor(t *testing.T) {
	p := examinee(t, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/amazon.titan-embed-text-v2:0}
  - model_name: basalt
    litellm_params: {model: bedrock/cohere.rerank-v3-5:0}
  - model_name: "bedrock/*"
    litellm_params: {model: "bedrock/*"}
`)
	planned := 0
	got := probes(t, p, outcrop.CheckOptions{Models: []string{"granite", "basalt", "bedrock/cohere.embed-v4:0"}, Planned: func(calls int) { planned = calls }})
	want := []string{"basalt (cohere.rerank-v3-5:0) whole ok", "bedrock/cohere.embed-v4:0 (cohere.embed-v4:0) whole ok", "granite (amazon.titan-embed-text-v2:0) whole ok"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p.calls != 3 || planned != 3 {
		t.Errorf("%d calls were made, %d planned", p.calls, planned)
	}
	verbs := map[string]llm.Verb{}
	for _, m := range p.Models() {
		verbs[m.Name] = m.Verb
		if m.Configured && (m.Doubt != "" || m.Target.API != "invoke") {
			t.Errorf("%s: doubt %q, API %q", m.Name, m.Doubt, m.Target.API)
		}
	}
	for name, verb := range map[string]llm.Verb{"granite": llm.VerbEmbed, "basalt": llm.VerbRerank, "bedrock/amazon.nova-lite-v1:0": llm.VerbChat} {
		if verbs[name] != verb {
			t.Errorf("%s is for %q, want %q", name, verbs[name], verb)
		}
	}
}

func TestARefusedEmbeddingIsAFailure(t *testing.T) {
	p := examinee(t, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/amazon.titan-embed-text-v2:0}}\n", "op=InvokeModel deny always")
	if got := probes(t, p, outcrop.CheckOptions{}); len(got) != 1 || !strings.HasPrefix(got[0], "granite (amazon.titan-embed-text-v2:0) whole fail iam.") {
		t.Errorf("got %q", got)
	}
}

func TestAFreeExaminationCallsNoModel(t *testing.T) {
	p := examinee(t, anyModel)
	if got := probes(t, p, outcrop.CheckOptions{Free: true}); len(got) != 0 || p.calls != 0 {
		t.Errorf("got %q after %d calls", got, p.calls)
	}
}

func TestNamedModelsAreFoundAsCallsFindThem(t *testing.T) {
	p := examinee(t, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: "claude-*"
    litellm_params: {model: "bedrock/claude-*"}
`)
	got := probes(t, p, outcrop.CheckOptions{Models: []string{"granite", "claude-sonnet-4-5", "basalt"}})
	want := []string{
		"basalt () model fail gateway.model_not_found",
		"claude-sonnet-4-5 (claude-sonnet-4-5) stream ok", "claude-sonnet-4-5 (claude-sonnet-4-5) whole ok",
		"granite (us.amazon.nova-lite-v1:0) stream ok", "granite (us.amazon.nova-lite-v1:0) whole ok",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBehindAWildcardAnotherModelStandsInForOneThatIsRefused(t *testing.T) {
	const wild = "model_list:\n  - {model_name: '*', litellm_params: {model: 'bedrock/*'}}\n"
	got := probes(t, examinee(t, wild, "op=Converse deny"), outcrop.CheckOptions{})
	if len(got) != 3 || !strings.Contains(got[0], "whole warn iam.") || !strings.HasSuffix(got[1], "stream ok") || !strings.HasSuffix(got[2], "whole ok") {
		t.Errorf("got %q", got)
	}
	got = probes(t, examinee(t, wild, "op=Converse deny always"), outcrop.CheckOptions{})
	if len(got) != 4 || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "whole") && !strings.Contains(s, "whole fail iam.") }) {
		t.Errorf("got %q", got)
	}
}

func TestWhereNoModelCanBeCalledOneIsTried(t *testing.T) {
	got := probes(t, examinee(t, "model_list:\n  - {model_name: '*', litellm_params: {model: 'bedrock/*', aws_access_key_id: AKIAOTHER, aws_secret_access_key: wrong}}\n"), outcrop.CheckOptions{})
	if len(got) != 2 || !strings.Contains(got[0], "stream fail credentials.invalid") || !strings.Contains(got[1], "whole fail credentials.invalid") {
		t.Errorf("got %q", got)
	}
}

func TestARefusalOfTheQuestionShowsThatTheModelIsReached(t *testing.T) {
	p := examinee(t, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}}\n", "op=Converse validation always")
	if got := probes(t, p, outcrop.CheckOptions{}); len(got) != 2 || !strings.Contains(got[1], "whole warn request.invalid") {
		t.Errorf("got %q", got)
	}
}

func TestEveryListedModelIsCalledSoManyAtOnce(t *testing.T) {
	p := examinee(t, anyModel, "op=Converse latency=5ms always")
	got := probes(t, p, outcrop.CheckOptions{All: true, Parallel: 3})
	if len(got) < 100 || len(got) != p.calls {
		t.Errorf("%d findings of %d calls", len(got), p.calls)
	}
	if i := slices.IndexFunc(got, func(s string) bool { return !strings.HasSuffix(s, " ok") }); i >= 0 {
		t.Errorf("found %s", got[i])
	}
	if p.most > 3 {
		t.Errorf("%d calls at once", p.most)
	}
}

func TestAnExaminationThatIsEndedSaysWhatItKnows(t *testing.T) {
	p := examinee(t, anyModel, "op=ConverseStream stall always")
	here := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	whole, identity := 0, false
	err := p.Check(ctx, outcrop.CheckOptions{All: true}, func(f outcrop.Finding) {
		switch f.Check {
		case provider.CheckIdentity:
			identity = f.State == provider.StateOK
		case provider.CheckWhole:
			if whole++; whole == 4 { // each of four waits for its stream
				cancel(why)
			}
		case provider.CheckStream:
			t.Errorf("found %+v", f)
		default:
		}
		if f.State == provider.StateFail {
			t.Errorf("what was ended is a failure: %+v", f)
		}
	})
	if !errors.Is(err, why) || whole < 4 || whole > 8 || !identity {
		t.Errorf("%v after %d whole answers; identity %v", err, whole, identity)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, here, goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"))
}

func TestDeploymentsOfOneIdentityAreExaminedOnce(t *testing.T) {
	p := examinee(t, `
model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}
  - model_name: basalt
    litellm_params: {model: bedrock/eu.amazon.nova-lite-v1:0, aws_region_name: eu-west-1}
  - model_name: marble
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, api_key: ABSKQmVkcm9ja0FQSUtleS1FWEFNUExF}
`)
	var got []string
	if err := p.Check(t.Context(), outcrop.CheckOptions{Free: true}, func(f outcrop.Finding) {
		if f.Check == provider.CheckIdentity || f.Subject == "ListFoundationModels" {
			got = append(got, fmt.Sprintf("%d %s %s %s", f.CallerIndex, f.Check, f.Location, strings.Join(f.Names, "+")))
		}
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"1 identity  granite+basalt", "1 lists eu-west-1 granite+basalt", "1 lists us-east-1 granite+basalt", "2 identity  marble", "2 lists us-east-1 marble"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheListsThatAreReadAtTheStartAreNotReadAgain(t *testing.T) {
	a := open(t, anyModel, keys())
	before := time.Now()
	a.KeepFresh(time.Hour)
	read := 0
	for range 2 {
		if err := a.Check(t.Context(), outcrop.CheckOptions{Free: true, Brief: true, Since: before}, func(f outcrop.Finding) {
			if f.Check == provider.CheckLists && f.State == provider.StateOK && f.Count > 0 {
				read++
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil { // ends what asks about single models
		t.Fatal(err)
	}
	if read != 4 {
		t.Errorf("%d lists were found", read)
	}
	if n := a.listings.Load(); n != 3 {
		t.Errorf("%d calls that list, want one of models and two of profiles", n)
	}
}
