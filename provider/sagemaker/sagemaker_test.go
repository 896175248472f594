package sagemaker_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

const completion = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Granite."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`

// aws is a server that records requests and answers each by its path, or by its operation.
type aws struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
}

// startAWS serves answers: a status, a content type and a body by the path or the operation; "" is for
// all others.
func startAWS(t *testing.T, answer func(w http.ResponseWriter, what, body string)) *aws {
	t.Helper()
	a := &aws{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.seen, a.bodies = append(a.seen, r.Clone(r.Context())), append(a.bodies, string(body))
		a.mu.Unlock()
		what := r.URL.Path
		if op := r.Header.Get("X-Amz-Target"); op != "" {
			what = strings.TrimPrefix(op, "SageMaker.")
		}
		answer(w, what, string(body))
	}))
	t.Cleanup(a.Close)
	return a
}

// always answers every request alike.
func always(status int, kind, body string) func(w http.ResponseWriter, what, body string) {
	return func(w http.ResponseWriter, _, _ string) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// openWith opens a deployment with settings and an environment.
func openWith(t *testing.T, name, model string, values, environ map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return info(t, name).Open(t.Context(), provider.Params{Model: model, Upstream: client, Values: values, Environ: func(name string) string { return environ[name] }})
}

// opened opens a deployment whose runtime and lists are at an address.
func opened(t *testing.T, name, model, base string, more map[string]string) provider.Deployment {
	t.Helper()
	values := map[string]string{"aws_region_name": "eu-west-1", "aws_access_key_id": "AKIAROCK", "aws_secret_access_key": "granite-secret"}
	maps.Copy(values, more)
	d, err := openWith(t, name, model, values, map[string]string{"AWS_ENDPOINT_URL": base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func target(t *testing.T, d provider.Deployment, verb llm.Verb, model string) provider.Target {
	t.Helper()
	targets, err := d.Targets(verb, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

// chat makes a non-streaming or a streaming call of the endpoint rocks, and returns its text.
func chat(t *testing.T, d provider.Deployment, streamed bool) (string, error) {
	t.Helper()
	c, ok := target(t, d, llm.VerbChat, "rocks").(provider.Chatter)
	if !ok {
		t.Fatal("it does not chat")
	}
	req := &llm.Request{Call: llm.Call{Stream: streamed}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
	if !streamed {
		r, err := c.Complete(t.Context(), req)
		if err != nil {
			return "", err
		}
		return r.Blocks[0].Text, nil
	}
	s, err := c.Stream(t.Context(), req)
	if err != nil {
		return "", err
	}
	defer s.Close()
	var fold llm.Fold
	for {
		var ev llm.Event
		switch err := s.Next(&ev); {
		case errors.Is(err, io.EOF):
			return fold.Answer().Blocks[0].Text, nil
		case err != nil:
			return "", err
		}
		fold.Add(&ev)
	}
}

func TestCallsGoToTheEndpointAndAreSigned(t *testing.T) {
	a := startAWS(t, always(200, "application/json", completion))
	d := opened(t, "sagemaker_chat", "rocks", a.URL, map[string]string{"model_id": "granite-1", "hf_model_name": "meta/granite"})
	if text, err := chat(t, d, false); err != nil || text != "Granite." {
		t.Fatal(text, err)
	}
	if text, err := chat(t, d, true); err == nil || !strings.Contains(err.Error(), "a complete response, although a stream was requested") {
		t.Errorf("a container that does not stream: %q, %v", text, err)
	}
	for i, path := range []string{"/endpoints/rocks/invocations", "/endpoints/rocks/invocations-response-stream"} {
		r := a.seen[i]
		authorization := r.Header.Get("Authorization")
		if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the call is %s %s", r.Method, r.URL)
		}
		if r.Header.Get("X-Amzn-SageMaker-Inference-Component") != "granite-1" || !strings.Contains(a.bodies[i], `"model":"meta/granite"`) {
			t.Errorf("it names the component %q, and the body is %s", r.Header.Get("X-Amzn-SageMaker-Inference-Component"), a.bodies[i])
		}
		if !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 Credential=AKIAROCK/") || !strings.Contains(authorization, "/eu-west-1/sagemaker/aws4_request") || !strings.Contains(authorization, "x-amzn-sagemaker-inference-component") {
			t.Errorf("the signature is %s", authorization)
		}
	}
}

func TestTheAddressFollowsFromTheRegionOrFromSettings(t *testing.T) {
	keys := map[string]string{"aws_access_key_id": "AKIAROCK", "aws_secret_access_key": "granite-secret"}
	for _, tt := range []struct {
		name            string
		values, environ map[string]string
		location        string
	}{
		{"a setting", map[string]string{"aws_region_name": "eu-west-1"}, nil, "runtime.sagemaker.eu-west-1.amazonaws.com"},
		{"a variable", nil, map[string]string{"AWS_REGION": "eu-north-1"}, "runtime.sagemaker.eu-north-1.amazonaws.com"},
		{"LiteLLM's default", nil, nil, "runtime.sagemaker.us-west-2.amazonaws.com"},
		{"a VPC endpoint", map[string]string{"sagemaker_base_url": "https://vpce-1-2.runtime.sagemaker.eu-west-1.vpce.amazonaws.com"}, nil, "vpce-1-2.runtime.sagemaker.eu-west-1.vpce.amazonaws.com"},
		{"AWS's variable", nil, map[string]string{"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "http://localhost:4566"}, "localhost:4566"},
	} {
		values := map[string]string{}
		for _, from := range []map[string]string{keys, tt.values} {
			maps.Copy(values, from)
		}
		if tt.environ == nil {
			tt.environ = map[string]string{}
		}
		tt.environ["AWS_CONFIG_FILE"], tt.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/nonexistent", "/nonexistent"
		d, err := openWith(t, "sagemaker", "rocks", values, tt.environ)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := target(t, d, llm.VerbChat, "rocks").Location(); got != tt.location {
			t.Errorf("%s: calls go to %s, not to %s", tt.name, got, tt.location)
		}
		_ = d.Close()
	}
}

func TestABaseURLWithAPathIsTheWholeAddress(t *testing.T) {
	for base, want := range map[string][2]string{
		"":                             {"/endpoints/rocks/invocations", "/endpoints/rocks/invocations-response-stream"},
		"/":                            {"/endpoints/rocks/invocations", "/endpoints/rocks/invocations-response-stream"},
		"/endpoints/slate/invocations": {"/endpoints/slate/invocations", "/endpoints/slate/invocations-response-stream"},
		"/invocations":                 {"/invocations", "/invocations"},
		"/v1/chat/completions":         {"/v1/chat/completions", "/v1/chat/completions"},
	} {
		a := startAWS(t, always(200, "application/json", completion))
		d, err := open(t, "sagemaker_chat", "rocks", a.URL+base, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = chat(t, d, false)
		_, _ = chat(t, d, true)
		if len(a.seen) != 2 || a.seen[0].URL.Path != want[0] || a.seen[1].URL.Path != want[1] {
			t.Errorf("%q: the calls are %v", base, a.seen)
		}
		_ = d.Close()
	}
}

func TestInvalidSettingsAreRefusedByName(t *testing.T) {
	keys := map[string]string{"aws_access_key_id": "AKIAROCK", "aws_secret_access_key": "granite-secret"}
	for _, tt := range []struct {
		model, option, value, want string
	}{
		{"rocks/../slate", "", "", "model"},
		{"rocks_1", "", "", "model"},
		{strings.Repeat("r", 64), "", "", "model"},
		{"rocks", "model_id", "granite/1", "model_id"},
		{"rocks", "aws_region_name", "the moon", "aws_region_name"},
		{"rocks", "sagemaker_base_url", "file:///etc/passwd", "sagemaker_base_url"},
		{"rocks", "sagemaker_base_url", "https://user:hunter2@host", "sagemaker_base_url"},
		{"rocks", "aws_secret_access_key", "", "aws_secret_access_key"},
		{"rocks", "aws_role_name", "gateway", "aws_role_name"},
		{"rocks", "aws_session_tags", "{", "aws_session_tags"},
		{"rocks", "ssl_verify", "/nonexistent", "ssl_verify"},
	} {
		values := maps.Clone(keys)
		if tt.option != "" {
			values[tt.option] = tt.value
		}
		_, err := openWith(t, "sagemaker", tt.model, values, nil)
		if e, ok := errors.AsType[*provider.OptionError](err); !ok || e.Option != tt.want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s %s %s: %v", tt.model, tt.option, tt.value, err)
		}
	}
	a := startAWS(t, always(200, "application/json", completion))
	if _, err := opened(t, "sagemaker_chat", "*", a.URL, nil).Targets(llm.VerbChat, ".."); err == nil || llm.AsError(err).Param != "model" {
		t.Errorf("a name that is no endpoint's: %v", err)
	}
}

func TestNoRequestIsPassedOnToSageMakersOwnAPI(t *testing.T) {
	a := startAWS(t, always(200, "application/json", completion))
	f, ok := opened(t, "sagemaker_chat", "rocks", a.URL, nil).(provider.Forwarder)
	if !ok {
		t.Fatal("it forwards nothing")
	}
	if _, err := f.Forward(t.Context(), &llm.Forward{}); err == nil || llm.AsError(err).Status != 400 || len(a.seen) != 0 {
		t.Errorf("%v, %d calls", err, len(a.seen))
	}
}

func TestClientsCannotSetCredentials(t *testing.T) {
	a := startAWS(t, always(200, "application/json", completion))
	o, ok := opened(t, "sagemaker_chat", "rocks", a.URL, nil).(provider.Overridable)
	if !ok {
		t.Fatal("it has no overrides")
	}
	if _, _, err := o.WithOverrides(llm.NewClientSettings(map[string]string{"aws_access_key_id": "AKIAGUEST"})); err == nil || llm.AsError(err).Param != "aws_access_key_id" {
		t.Errorf("%v", err)
	}
}
