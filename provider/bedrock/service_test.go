package bedrock_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

// service is a call that is about no model.
func service(method, operation, body string, path ...string) *llm.Raw {
	return &llm.Raw{Dialect: llm.DialectBedrock, Operation: operation, Service: true, Method: method, Path: path, Body: []byte(body)}
}

// services are the targets of such calls, by region.
func (rt *runtime) services(t *testing.T, policy provider.Policy, control bool) (targets []provider.Target) {
	t.Helper()
	environ := map[string]string{}
	if control {
		environ["AWS_ENDPOINT_URL_BEDROCK"] = rt.URL
	}
	d := rt.openWith(t, "*", map[string]string{"aws_region_name": "us-east-1"}, environ, policy)
	targets, err := d.Targets(llm.VerbService, "*")
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

func TestOperationsThatAreAboutNoModel(t *testing.T) {
	const profiles = `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.amazon.nova-lite-v1:0"},{"inferenceProfileId":"eu.amazon.nova-lite-v1:0"},{"inferenceProfileId":"global.amazon.nova-2-lite-v1:0"}],"nextToken":"t"}`
	for _, tt := range []struct {
		name     string
		raw      *llm.Raw
		answer   string
		request  string // as it arrives; empty if it must not
		body     string // of the response
		code     llm.Code
		noLists  bool
		sentBody string
	}{
		{name: "a guardrail", raw: service("POST", "apply-guardrail", `{"source": "INPUT"}`, "guardrail", "abc", "version", "1", "apply"), answer: `{"action":"NONE"}`, request: "POST /guardrail/abc/version/1/apply", body: `{"action":"NONE"}`, sentBody: `{"source": "INPUT"}`},
		{name: "an invocation", raw: service("GET", "get-async-invoke", "", "async-invoke", "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"), answer: `{}`, request: "GET /async-invoke/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aasync-invoke%2Fabc", body: `{}`},
		{name: "an invocation elsewhere", raw: service("GET", "get-async-invoke", "", "async-invoke", "arn:aws:bedrock:eu-west-3:123456789012:async-invoke/abc"), code: llm.CodeBadRequest},
		{name: "profiles", raw: service("GET", "list-inference-profiles", "", "inference-profiles"), answer: profiles, request: "GET /inference-profiles", body: `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.amazon.nova-lite-v1:0"}],"nextToken":"t"}`},
		{name: "a profile", raw: service("GET", "get-inference-profile", "", "inference-profiles", "us.amazon.nova-lite-v1:0"), answer: `{"inferenceProfileId":"x"}`, request: "GET /inference-profiles/us.amazon.nova-lite-v1%3A0", body: `{"inferenceProfileId":"x"}`},
		{name: "a profile that the policy forbids", raw: service("GET", "get-inference-profile", "", "inference-profiles", "eu.amazon.nova-lite-v1:0"), code: llm.CodeModelWrongPlace},
		{name: "lists at another endpoint", raw: service("GET", "list-foundation-models", "", "foundation-models"), code: llm.CodeNotFound, noLists: true},
		{name: "another operation", raw: service("POST", "create-guardrail", "{}", "guardrails"), code: llm.CodeUnsupported},
	} {
		rt := newRuntime(t, whole(tt.answer))
		targets := rt.services(t, provider.Policy{Geographies: []string{"us"}, Global: llm.Some(false)}, !tt.noLists)
		resp, err := targets[0].(provider.Passer).Pass(t.Context(), tt.raw)
		if tt.code != "" {
			if llm.AsError(err).Code != tt.code || len(rt.requests) != 0 {
				t.Errorf("%s: %v, %d requests", tt.name, err, len(rt.requests))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		r := rt.requests[0]
		if got := r.Method + " " + r.URL.EscapedPath(); got != tt.request || rt.bodies[0] != tt.sentBody || !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/bedrock/") {
			t.Errorf("%s: %s %q %v", tt.name, got, rt.bodies[0], r.Header)
		}
		if string(resp.Body) != tt.body || resp.Meta.UpstreamID != "aws-1" || resp.Meta.Price != nil {
			t.Errorf("%s: %s %+v", tt.name, resp.Body, resp.Meta)
		}
	}
}

// What is asked for is in the region that the router has checked.
func TestAnOperationDoesNotLeaveTheRegionsOfItsCall(t *testing.T) {
	const invocation = "arn:aws:bedrock:us-west-2:123456789012:async-invoke/abc"
	for _, tt := range []struct {
		name    string
		raw     *llm.Raw
		regions []string
		to      string // the region that is called; empty for a refusal
		code    llm.Code
	}{
		{name: "an ARN of a call that may go anywhere", raw: service("GET", "get-async-invoke", "", "async-invoke", invocation), to: "us-west-2"},
		{name: "an ARN of another region", raw: service("GET", "get-async-invoke", "", "async-invoke", invocation), regions: []string{"us-east-1"}, code: llm.CodeModelDenied},
		{name: "a guardrail of another region", raw: service("POST", "apply-guardrail", "{}", "guardrail", "arn:aws:bedrock:us-west-2:123456789012:guardrail/abc", "version", "1", "apply"), regions: []string{"us-east-1"}, code: llm.CodeModelDenied},
		{name: "an ARN of the region", raw: service("GET", "get-async-invoke", "", "async-invoke", strings.Replace(invocation, "west-2", "east-1", 1)), regions: []string{"us-east-1"}, to: "us-east-1"},
		{name: "an id", raw: service("POST", "apply-guardrail", "{}", "guardrail", "abc", "version", "1", "apply"), regions: []string{"us-east-1"}, to: "us-east-1"},
	} {
		rt := newRuntime(t, whole(`{}`))
		targets := rt.services(t, provider.Policy{Regions: []string{"us-east-1", "us-west-2"}}, true)
		tt.raw.Routing.Regions = tt.regions
		_, err := targets[0].(provider.Passer).Pass(t.Context(), tt.raw)
		if tt.to == "" {
			if e := llm.AsError(err); err == nil || e.Code != tt.code || e.Status != 403 || e.Param != "allowed_model_region" || e.Responsible() != llm.ActorCaller || !strings.Contains(e.Message, "us-west-2") || len(rt.requests) != 0 {
				t.Errorf("%s: %v, %d requests", tt.name, err, len(rt.requests))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := rt.requests[0].Header.Get("Authorization"); !strings.Contains(got, "/"+tt.to+"/bedrock/") {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// The lesson of a refusal is about a model, and these calls name none.
func TestARefusalOfAnOperationThatIsAboutNoModel(t *testing.T) {
	rt := newRuntime(t, func(w http.ResponseWriter) {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"no such guardrail"}`)
	})
	d := rt.openWith(t, "*", map[string]string{"aws_region_name": "us-east-1"}, nil, provider.Policy{})
	targets, err := d.Targets(llm.VerbService, "*")
	if err != nil {
		t.Fatal(err)
	}
	p := targets[0].(provider.Passer)
	_, err = p.Pass(t.Context(), service("POST", "apply-guardrail", `{}`, "guardrail", "abc", "version", "1", "apply"))
	e := llm.AsError(err)
	if e.UpstreamStatus != 404 || e.Type != "ResourceNotFoundException" || d.ReportRefusal(t.Context(), llm.VerbService, "*", targets[0], e) {
		t.Errorf("got %+v", e)
	}
	if _, err := p.PassStream(t.Context(), service("POST", "apply-guardrail", `{}`)); llm.AsError(err).Code != llm.CodeUnsupported || !p.Speaks(llm.DialectBedrock) {
		t.Errorf("a stream: %v", err)
	}
}

// StartAsyncInvoke names its model in the body, which gets the id that is called.
func TestStartingAnInvocation(t *testing.T) {
	for body, want := range map[string]string{
		`{"modelId":"us.twelvelabs.marengo-embed-2-7-v1:0","modelInput":{"a":1.0}}`: `{"modelId":"us.twelvelabs.marengo-embed-2-7-v1:0","modelInput":{"a":1.0}}`,
		`{"modelId":"alias","modelInput":{"a":1.0}}`:                                `{"modelId":"us.twelvelabs.marengo-embed-2-7-v1:0","modelInput":{"a":1.0}}`,
	} {
		rt := newRuntime(t, whole(`{"invocationArn":"arn"}`))
		resp, err := rt.passer(t, "us.twelvelabs.marengo-embed-2-7-v1:0").Pass(t.Context(), raw("start-async-invoke", body))
		if err != nil {
			t.Fatal(err)
		}
		if rt.requests[0].URL.Path != "/async-invoke" || rt.bodies[0] != want || resp.Meta.Price != nil || resp.Uncounted {
			t.Errorf("%s: %s %s %+v", body, rt.requests[0].URL.Path, rt.bodies[0], resp)
		}
	}
}
