package bedrock_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// refusing is a Bedrock that refuses some ids and answers the others. It has no
// lists.
type refusing struct {
	mu      sync.Mutex
	refuses map[string]refusal // by id
	called  []string
	lists   int
}

type refusal struct {
	status  int
	message string
}

const (
	onDemand = "Invocation of model ID x with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."
	invalid  = "The provided model identifier is invalid."
)

func (b *refusing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	id, isCall := strings.CutPrefix(r.URL.Path, "/model/")
	if !isCall {
		b.lists++
		http.Error(w, `{"message":"no"}`, http.StatusServiceUnavailable)
		return
	}
	id = id[:strings.LastIndexByte(id, '/')]
	b.called = append(b.called, id)
	if no, ok := b.refuses[id]; ok {
		switch no.status {
		case http.StatusBadRequest:
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
		case http.StatusNotFound:
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		}
		w.WriteHeader(no.status)
		fmt.Fprintf(w, `{"message":%q}`, no.message)
		return
	}
	_, _ = io.WriteString(w, answer)
}

func (b *refusing) set(refuses map[string]refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuses = refuses
}

// calls gives the ids that were called since it was last asked.
func (b *refusing) calls() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	called := strings.Join(b.called, ", ")
	b.called = nil
	return called
}

// openAt opens a wildcard deployment in us-east-1 at an address that serves models
// and lists.
func openAt(t *testing.T, info provider.Info, url string, override bool) opened {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	values := map[string]string{"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
	environ := map[string]string{"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
	if override {
		values["aws_bedrock_runtime_endpoint"] = url
		delete(environ, "AWS_ENDPOINT_URL")
	}
	d, err := info.Open(t.Context(), provider.Params{Model: "*", Values: values, Upstream: client, Environ: func(name string) string { return environ[name] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return opened{d}
}

// call goes the ways as package route does: the first one, and as long as there is
// something to learn those that were not tried.
func call(t *testing.T, d opened, model string) error {
	t.Helper()
	return callWith(t, d, model, func(*llm.Request) {})
}

// callWith is call for a request with more.
func callWith(t *testing.T, d opened, model string, more func(*llm.Request)) error {
	t.Helper()
	req := ask(model)
	more(req)
	return through(t, d, model, func(target provider.Target) error {
		_, err := target.(provider.Chatter).Complete(t.Context(), req)
		return err
	})
}

// through makes a call of one target after the other until one serves it, or a refusal
// teaches nothing.
func through(t *testing.T, d opened, model string, serve func(provider.Target) error) error {
	t.Helper()
	var tried []string
	var last error
	for {
		targets, err := d.Targets(llm.VerbChat, model)
		if err != nil {
			return err
		}
		var next provider.Target
		for _, w := range targets {
			if !strings.Contains(strings.Join(tried, " "), w.Location()+"/"+w.ID()+";") {
				next = w
				break
			}
		}
		if next == nil || len(tried) == 4 {
			return last
		}
		tried = append(tried, next.Location()+"/"+next.ID()+";")
		if last = serve(next); last == nil {
			return nil
		}
		var e *llm.Error
		if !errors.As(last, &e) || !d.ReportRefusal(t.Context(), llm.VerbChat, model, next, e) {
			return last
		}
	}
}

const sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"

func start(t *testing.T, refuses map[string]refusal) (*refusing, string) {
	t.Helper()
	b := &refusing{refuses: refuses}
	server := httptest.NewServer(judge.Watch(b))
	t.Cleanup(server.Close)
	return b, server.URL
}

// A lesson that was wrong, or holds no longer, costs a detour and no outage.
func TestWrongLessonsHeal(t *testing.T) {
	for _, tt := range []struct {
		name, model string
		first       map[string]refusal
		calls       string // of the first call
		later       string // of one when all is well again
	}{
		{
			"a form that was not filled in", sonnet,
			map[string]refusal{"us." + sonnet: {404, "Model use case details have not been submitted for this account."}, "global." + sonnet: {404, "Model use case details have not been submitted for this account."}},
			"us." + sonnet, "us." + sonnet,
		},
		{
			"every profile was invalid for a while", sonnet,
			map[string]refusal{"us." + sonnet: {400, invalid}, "global." + sonnet: {400, invalid}},
			"us." + sonnet + ", global." + sonnet, "us." + sonnet,
		},
		{
			"every guess was invalid", "mistral.mistral-7b-instruct-v0:2",
			map[string]refusal{"mistral.mistral-7b-instruct-v0:2": {400, onDemand}, "us.mistral.mistral-7b-instruct-v0:2": {400, invalid}, "global.mistral.mistral-7b-instruct-v0:2": {400, invalid}},
			"mistral.mistral-7b-instruct-v0:2, us.mistral.mistral-7b-instruct-v0:2, global.mistral.mistral-7b-instruct-v0:2", "mistral.mistral-7b-instruct-v0:2",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, url := start(t, tt.first)
			d := openAt(t, bedrock.Provider(), url, false)
			if err := call(t, d, tt.model); err == nil {
				t.Error("no error")
			}
			if got := b.calls(); got != tt.calls {
				t.Errorf("called %s, want %s", got, tt.calls)
			}
			b.set(nil)
			if err := call(t, d, tt.model); err != nil {
				t.Errorf("it is well again, and the answer is %v", err)
			}
			if got := b.calls(); got != tt.later {
				t.Errorf("then called %s, want %s", got, tt.later)
			}
		})
	}
}

// A profile that is called because of a lesson and that the caller has no right to
// has the lesson forgotten: the model's own id may be what is allowed.
func TestALessonWhoseDetourIsDeniedIsForgotten(t *testing.T) {
	const nova = "amazon.nova-lite-v1:0"
	no := refusal{403, "User: x is not authorized to perform: bedrock:InvokeModel"}
	b, url := start(t, map[string]refusal{nova: {400, invalid}, "us." + nova: no})
	d := openAt(t, bedrock.Provider(), url, false)
	if err := call(t, d, nova); err == nil {
		t.Error("no error")
	}
	b.set(map[string]refusal{"us." + nova: no})
	b.calls()
	if err := call(t, d, nova); err != nil || b.calls() != nova {
		t.Errorf("it is well again, and the answer is %v", err)
	}
}

// What one caller makes up changes nothing for the others.
func TestOddIDsTeachNothingAboutGoodOnes(t *testing.T) {
	const nova = "amazon.nova-lite-v1:0"
	b, url := start(t, map[string]refusal{nova + ":24k": {400, onDemand}, "acme.made-up": {400, invalid}})
	d := openAt(t, bedrock.Provider(), url, false)
	before, err := d.Targets(llm.VerbChat, nova)
	if err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{nova + ":24k", "acme.made-up"} {
		if err := call(t, d, odd); err == nil {
			t.Errorf("%s is answered", odd)
		}
	}
	b.calls()
	if err := call(t, d, nova); err != nil || b.calls() != nova {
		t.Errorf("the good id is called otherwise: %v", err)
	}
	if after, err := d.Targets(llm.VerbChat, nova); err != nil || &after[0] != &before[0] {
		t.Error("plans are made again for what clients make up")
	}
}

// Regions that are none of AWS's have no lists read.
func TestMadeUpRegionsHaveNoListsRead(t *testing.T) {
	b, url := start(t, map[string]refusal{"acme.rocket-v9:0": {400, onDemand}, "us.acme.rocket-v9:0": {400, invalid}, "global.acme.rocket-v9:0": {400, invalid}})
	d := openAt(t, bedrock.Provider(), url, false)
	for i := range 20 {
		if err := call(t, d, fmt.Sprintf("xx-east-%d/acme.rocket-v9:0", i)); err == nil {
			t.Error("it is answered")
		}
		if _, err := d.Targets(llm.VerbChat, fmt.Sprintf("arn:aws:bedrock:xx-east-%d:123456789012:provisioned-model/abcdefghijkl", i)); err != nil {
			t.Error(err)
		}
	}
	if b.lists != 0 {
		t.Errorf("%d calls of the control plane", b.lists)
	}
	if err := call(t, d, "acme.rocket-v9:0"); err == nil || b.lists == 0 {
		t.Errorf("%d calls of the control plane for the deployment's own region, %v", b.lists, err)
	}
}

// What stands at another address teaches nothing about AWS.
func TestAddressesLearnForThemselves(t *testing.T) {
	info := bedrock.Provider()
	mock, mockURL := start(t, map[string]refusal{"us." + sonnet: {400, invalid}})
	good, goodURL := start(t, nil)
	atMock, atGood := openAt(t, info, mockURL, true), openAt(t, info, goodURL, true)
	if err := call(t, atMock, sonnet); err != nil || mock.calls() != "us."+sonnet+", global."+sonnet {
		t.Error(err)
	}
	if err := call(t, atMock, sonnet); err != nil || mock.calls() != "global."+sonnet {
		t.Errorf("nothing was learned: %v", err)
	}
	if err := call(t, atGood, sonnet); err != nil || good.calls() != "us."+sonnet {
		t.Errorf("the other address has learned it too: %v", err)
	}
	if mock.lists+good.lists > 0 {
		t.Error("AWS's lists are asked for, where AWS is not")
	}
}

// An endpoint that serves one region cannot keep a policy that names others.
func TestAPolicysRegionsAndTheEndpoints(t *testing.T) {
	open := func(regions ...string) error {
		d, err := bedrock.Provider().Open(t.Context(), provider.Params{
			Model: "*", Upstream: upstream.New(), Policy: provider.Policy{Regions: regions},
			Values: map[string]string{"aws_bedrock_runtime_endpoint": "https://bedrock-runtime.us-east-1.amazonaws.com", "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"},
		})
		if err == nil {
			_ = d.Close()
		}
		return err
	}
	var option *provider.OptionError
	if err := open("eu-central-1", "eu-west-1"); !errors.As(err, &option) || option.Option != "policy.regions" || !strings.Contains(option.Reason, "us-east-1") {
		t.Errorf("got %v", err)
	}
	if err := open("eu-central-1", "us-east-1"); err != nil {
		t.Error(err)
	}
}

// The fix of a refusal must not advise anything that the policy forbids.
func TestARefusalsFixKeepsToThePolicy(t *testing.T) {
	const deepseek = "deepseek.r1-v1:0"
	for _, tt := range []struct {
		model   string
		policy  provider.Policy
		refused string
		names   string
		no      []string
	}{
		{deepseek, provider.Policy{Regions: []string{"eu-central-1"}}, invalid, "{regions: [eu-central-1]}", []string{"us-east-1", "us-west-2", "another region"}},
		{deepseek, provider.Policy{Regions: []string{"eu-central-1"}, Geographies: []string{"eu"}}, onDemand, "{geographies: [eu], regions: [eu-central-1]}", []string{"us.deepseek", "us-west-2"}},
		{deepseek, provider.Policy{}, invalid, "us.deepseek.r1-v1:0", []string{"policy"}},
	} {
		_, url := start(t, map[string]refusal{deepseek: {400, tt.refused}, "eu." + deepseek: {400, invalid}, "global." + deepseek: {400, invalid}})
		client := upstream.New()
		t.Cleanup(client.CloseIdle)
		environ := map[string]string{"AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-central-1"}
		d, err := bedrock.Provider().Open(t.Context(), provider.Params{
			Model: "*", Upstream: client, Policy: tt.policy, Environ: func(name string) string { return environ[name] },
			Values: map[string]string{"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"},
		})
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.Targets(llm.VerbChat, tt.model)
		if err != nil {
			t.Fatalf("%+v: %v", tt.policy, err)
		}
		_, err = targets[0].(provider.Chatter).Complete(t.Context(), ask(tt.model))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok {
			t.Fatalf("%+v: %v", tt.policy, err)
		}
		d.(provider.Observer).ReportRefusal(t.Context(), llm.VerbChat, tt.model, targets[0], e)
		if !strings.Contains(e.Fix, tt.names) {
			t.Errorf("%+v: the fix %q does not name %s", tt.policy, e.Fix, tt.names)
		}
		for _, no := range tt.no {
			if strings.Contains(e.Fix, no) {
				t.Errorf("%+v: the fix %q names %s", tt.policy, e.Fix, no)
			}
		}
		_ = d.Close()
	}
}
