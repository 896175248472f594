package bedrock_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"outcrop/e2e/botomodel"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// judge holds what these tests send to Bedrock against AWS's service model.
var judge botomodel.Judge

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // no setting of this machine's for AWS counts
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Exit(judge.Over(m, os.Stderr).Run())
}

const answer = `{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"granite"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`

// seen is a request that reached the fake AWS.
type seen struct {
	path, authorization, token, body string
}

// aws is a server that keeps what it got and answers with a status and body.
type aws struct {
	*httptest.Server
	status int
	header http.Header
	body   string
	got    []seen
}

// watched has the judge look at the operations that it knows.
func watched(h http.Handler) http.Handler {
	judged := judge.Watch(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invoke") {
			h.ServeHTTP(w, r)
			return
		}
		judged.ServeHTTP(w, r)
	})
}

func newAWS(t testing.TB) *aws {
	a := &aws{status: 200, body: answer, header: http.Header{}}
	a.Server = httptest.NewServer(watched(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.got = append(a.got, seen{r.URL.EscapedPath(), r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token"), string(body)})
		maps.Copy(w.Header(), a.header)
		w.Header().Set("X-Amzn-Requestid", "aws-1")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	})))
	t.Cleanup(a.Close)
	return a
}

func (a *aws) last() seen { return a.got[len(a.got)-1] }

// open opens a deployment; values without an endpoint get the fake AWS's.
func (a *aws) open(t testing.TB, model string, values, environ map[string]string) opened {
	t.Helper()
	return a.openWith(t, model, values, environ, provider.Policy{})
}

// openWith is open with a policy.
func (a *aws) openWith(t testing.TB, model string, values, environ map[string]string, policy provider.Policy) opened {
	t.Helper()
	all := map[string]string{"aws_bedrock_runtime_endpoint": a.URL, "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
	for k, v := range values {
		if all[k] = v; v == "" {
			delete(all, k)
		}
	}
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{
		Model: model, Values: all, Upstream: client, Note: "test",
		Environ: func(name string) string { return environ[name] }, Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return opened{d}
}

// opened is a deployment of which each call goes to the best target.
type opened struct{ provider.Deployment }

func (o opened) Complete(ctx context.Context, model string, req *llm.Request) (*llm.Response, error) {
	targets, err := o.Targets(llm.VerbChat, model)
	if err != nil {
		return nil, err
	}
	return targets[0].(provider.Chatter).Complete(ctx, req)
}

func (o opened) Stream(ctx context.Context, model string, req *llm.Request) (llm.Stream, error) {
	targets, err := o.Targets(llm.VerbChat, model)
	if err != nil {
		return nil, err
	}
	return targets[0].(provider.Chatter).Stream(ctx, req)
}

func (o opened) ReportRefusal(ctx context.Context, verb llm.Verb, model string, refused provider.Target, e *llm.Error) bool {
	return o.Deployment.(provider.Observer).ReportRefusal(ctx, verb, model, refused, e)
}

func ask(model string) *llm.Request {
	return &llm.Request{Call: llm.Call{Model: model}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
}

func TestWhereACallGoes(t *testing.T) {
	const arn = "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc123def456"
	for _, tt := range []struct {
		name, model     string
		values, environ map[string]string
		path, region    string
	}{
		{"a profile in the region of the setting", "us.amazon.nova-lite-v1:0", map[string]string{"aws_region_name": "us-east-2"}, nil, "/model/us.amazon.nova-lite-v1%3A0/converse", "us-east-2"},
		{"the converse route", "converse/us.deepseek.r1-v1:0", map[string]string{"aws_region_name": "us-east-2"}, nil, "/model/us.deepseek.r1-v1%3A0/converse", "us-east-2"},
		{"the region of the path", "eu-west-1/mistral.mistral-7b-instruct-v0:2", nil, nil, "/model/mistral.mistral-7b-instruct-v0%3A2/converse", "eu-west-1"},
		{"the setting goes before the path", "eu-west-1/mistral.mistral-7b-instruct-v0:2", map[string]string{"aws_region_name": "eu-west-2"}, nil, "/model/mistral.mistral-7b-instruct-v0%3A2/converse", "eu-west-2"},
		{"an ARN is called in its own region", arn, nil, map[string]string{"AWS_REGION": "us-east-1"}, "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse", "eu-west-3"},
		{"the setting goes before an ARN", arn, map[string]string{"aws_region_name": "us-east-1"}, nil, "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse", "us-east-1"},
		{"model_id goes before the model", "anthropic.claude-sonnet-4-5-20250929-v1:0", map[string]string{"model_id": arn}, nil, "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse", "eu-west-3"},
		{"LiteLLM's variable", "mistral.mistral-7b-instruct-v0:2", nil, map[string]string{"AWS_REGION_NAME": "ap-south-1", "AWS_REGION": "us-east-1"}, "/model/mistral.mistral-7b-instruct-v0%3A2/converse", "ap-south-1"},
		{"AWS's variable", "mistral.mistral-7b-instruct-v0:2", nil, map[string]string{"AWS_REGION": "ca-central-1"}, "/model/mistral.mistral-7b-instruct-v0%3A2/converse", "ca-central-1"},
		{"no region at all", "mistral.mistral-7b-instruct-v0:2", nil, nil, "/model/mistral.mistral-7b-instruct-v0%3A2/converse", "us-west-2"},
		{"a bracket is not AWS's", "us.anthropic.claude-sonnet-4-5-20250929-v1:0[1m]", nil, nil, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", "us-west-2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAWS(t)
			d := a.open(t, tt.model, tt.values, tt.environ)
			resp, err := d.Complete(t.Context(), tt.model, ask("granite"))
			if err != nil {
				t.Fatal(err)
			}
			got := a.last()
			if got.path != tt.path || !strings.Contains(got.authorization, "/"+tt.region+"/bedrock/aws4_request") {
				t.Errorf("called %s, signed %s; want %s in %s", got.path, got.authorization, tt.path, tt.region)
			}
			if m := resp.Meta; m.Destination.Region != tt.region || m.Destination.API != "converse" || m.Destination.Note != "test" || m.UpstreamID != "aws-1" {
				t.Errorf("meta %+v", m)
			}
		})
	}
}

func TestCredentialsOfACall(t *testing.T) {
	a := newAWS(t)
	model := "us.amazon.nova-lite-v1:0"
	for _, tt := range []struct {
		name            string
		values, environ map[string]string
		want, token     string
	}{
		{"keys", nil, nil, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", ""},
		{"temporary keys", map[string]string{"aws_session_token": "session"}, nil, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", "session"},
		{"an API key", map[string]string{"api_key": "bedrock-key"}, nil, "Bearer bedrock-key", ""},
		{"an API key of the environment", map[string]string{"aws_access_key_id": "", "aws_secret_access_key": ""}, map[string]string{"AWS_BEARER_TOKEN_BEDROCK": "env-key"}, "Bearer env-key", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := a.open(t, model, tt.values, tt.environ)
			if _, err := d.Complete(t.Context(), model, ask("granite")); err != nil {
				t.Fatal(err)
			}
			if got := a.last(); !strings.HasPrefix(got.authorization, tt.want) || got.token != tt.token {
				t.Errorf("sent %q and token %q", got.authorization, got.token)
			}
			if err := d.Deployment.(provider.Readier).Ready(t.Context()); err != nil {
				t.Errorf("not ready: %v", err)
			}
		})
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, tt := range []struct {
		name, model, option string
		values              map[string]string
	}{
		{"half a key", "us.amazon.nova-lite-v1:0", "aws_access_key_id", map[string]string{"aws_access_key_id": "AKID"}},
		{"a profile that is not there", "us.amazon.nova-lite-v1:0", "aws_profile_name", map[string]string{"aws_profile_name": "nobody"}},
		{"an endpoint that is no URL", "us.amazon.nova-lite-v1:0", "aws_bedrock_runtime_endpoint", map[string]string{"aws_bedrock_runtime_endpoint": "not a url", "aws_access_key_id": "a", "aws_secret_access_key": "b"}},
		{"a model with white space", "us.amazon nova", "model", map[string]string{"aws_access_key_id": "a", "aws_secret_access_key": "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bedrock.Provider().Open(t.Context(), provider.Params{Model: tt.model, Values: tt.values, Upstream: upstream.New()})
			var option *provider.OptionError
			if !errors.As(err, &option) || option.Option != tt.option {
				t.Errorf("got %v, want an error of %s", err, tt.option)
			}
		})
	}
}

func TestRouteThatIsNotThereYetSaysSo(t *testing.T) {
	a := newAWS(t)
	d := a.open(t, "*", nil, nil)
	for _, model := range []string{"async_invoke/us.amazon.nova-lite-v1:0", "claude_platform/anthropic.claude-opus-5", "openai/gpt-5"} {
		_, err := d.Complete(t.Context(), model, ask(model))
		if e := llm.AsError(err); e.Status != 400 || e.Code != llm.CodeUnsupported || e.Param != "model" || !strings.Contains(e.Message, strings.Split(model, "/")[0]+"/") {
			t.Errorf("%s: got %v", model, err)
		}
	}
	if _, err := d.Complete(t.Context(), "us.amazon nova", ask("x")); llm.AsError(err).Status != 400 {
		t.Errorf("got %v", err)
	}
	if len(a.got) > 0 {
		t.Errorf("AWS was called: %v", a.got)
	}
}

func TestRefusalsKeepAWSsWordsAndGetACode(t *testing.T) {
	model := "us.amazon.nova-lite-v1:0"
	for _, tt := range []struct {
		status       int
		kind, body   string
		want         int
		code         llm.Code
		words, retry string
	}{
		{400, "ValidationException", `{"message":"Malformed input request"}`, 400, llm.CodeInvalid, "Malformed input request", "no"},
		{400, "ValidationException", `{"message":"Input is too long for requested model."}`, 400, llm.CodeTooLong, "Input is too long", "no"},
		{403, "AccessDeniedException", `{"Message":"User is not authorized"}`, 403, llm.CodeDenied, "User is not authorized", "no"},
		{401, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, 403, llm.CodeCredentialsInvalid, "security token", "no"},
		{403, "InvalidSignatureException", `{"message":"does not match"}`, 403, llm.CodeSignature, "does not match", "no"},
		{404, "ResourceNotFoundException", `{"message":"Legacy"}`, 404, llm.CodeModelUnknown, "Legacy", "no"},
		{408, "ModelTimeoutException", `{"message":"timed out"}`, 408, llm.CodeTimeout, "timed out", "now_elsewhere"},
		{424, "ModelErrorException", `{"message":"model failed","originalStatusCode":500}`, 424, llm.CodeModelError, "model failed", "later"},
		{429, "ThrottlingException", `{"message":"Too many requests"}`, 429, llm.CodeLimitRequests, "Too many requests", "later"},
		{429, "ModelNotReadyException", `{"message":"not ready"}`, 429, llm.CodeModelNotReady, "not ready", "later"},
		{400, "ServiceQuotaExceededException", `{"message":"quota"}`, 400, llm.CodeServiceQuota, "quota", "no"},
		{500, "InternalServerException", `{"message":"unexpected"}`, 500, llm.CodeServiceInternal, "unexpected", "later"},
		{503, "ServiceUnavailableException", `{"message":"unable"}`, 503, llm.CodeUnavailable, "unable", "now_elsewhere"},
		{502, "", `<html>Bad Gateway</html>`, 502, llm.CodeUnavailable, "Bad Gateway", "now_elsewhere"},
		{418, "TeapotException", `{"message":"short and stout"}`, 400, llm.CodeInvalid, "short and stout", "no"},
		{302, "", ``, 502, llm.CodeUnreachable, "no reason", "now_elsewhere"},
	} {
		t.Run(tt.kind+tt.body, func(t *testing.T) {
			a := newAWS(t)
			a.status, a.body = tt.status, tt.body
			a.header.Set("Retry-After", "7")
			if tt.kind != "" {
				a.header.Set("X-Amzn-Errortype", tt.kind+":http://internal.amazon.com/coral/com.amazon.bedrock/")
			}
			d := a.open(t, model, nil, nil)
			for _, stream := range []bool{false, true} {
				var err error
				if stream {
					_, err = d.Stream(t.Context(), model, ask(model))
				} else {
					_, err = d.Complete(t.Context(), model, ask(model))
				}
				e := llm.AsError(err)
				if e.Status != tt.want || e.Code != tt.code || !strings.Contains(e.Message, tt.words) || string(e.CanRetry()) != tt.retry {
					t.Errorf("got %d %s %q retry %s", e.Status, e.Code, e.Message, e.CanRetry())
				}
				if !e.Upstream || e.Type != tt.kind || e.RequestID != "aws-1" || e.RetryAfter != "7" || e.UpstreamStatus != tt.status || e.Destination.ID != model {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}

func TestAnswersThatAreNotWhole(t *testing.T) {
	model := "us.amazon.nova-lite-v1:0"
	for _, body := range []string{"", "It works!", "{}", answer[:60]} {
		a := newAWS(t)
		a.body = body
		d := a.open(t, model, nil, nil)
		_, err := d.Complete(t.Context(), model, ask(model))
		if e := llm.AsError(err); e.Status != 502 || e.Code != llm.CodeInterrupted || e.Upstream || e.RequestID != "aws-1" {
			t.Errorf("%q: got %+v", body, e)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	a := newAWS(t)
	model := "us.amazon.nova-lite-v1:0"
	d := a.open(t, model, nil, nil)
	a.Close()
	_, err := d.Complete(t.Context(), model, ask(model))
	if e := llm.AsError(err); e.Status != 503 || e.Code != llm.CodeUnreachable || e.Fix == "" {
		t.Errorf("got %+v", e)
	}
}

func TestWithoutCredentialsTheErrorSaysWhatIsMissing(t *testing.T) {
	a := newAWS(t)
	model := "us.amazon.nova-lite-v1:0"
	d := a.open(t, model, map[string]string{"aws_access_key_id": "", "aws_secret_access_key": ""}, nil)
	_, err := d.Complete(t.Context(), model, ask(model))
	if e := llm.AsError(err); e.Status != 403 || e.Code != llm.CodeCredentialsMissing || len(a.got) != 0 {
		t.Errorf("got %+v after %d calls", e, len(a.got))
	}
	if err := d.Deployment.(provider.Readier).Ready(t.Context()); llm.AsError(err).Code != llm.CodeCredentialsMissing {
		t.Errorf("ready: %v", err)
	}
}

// Deployments with the same settings share their credentials: one role is
// assumed once, whatever the number of deployments and calls.
func TestOneIdentityIsMadeOnce(t *testing.T) {
	assumed := map[string]int{}
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		assumed[r.Form.Get("RoleArn")]++
		_, _ = io.WriteString(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer sts.Close()
	a := newAWS(t)
	info, client := bedrock.Provider(), upstream.New()
	defer client.CloseIdle()
	model := "us.amazon.nova-lite-v1:0"
	for _, role := range []string{"one", "one", "one", "two"} {
		d, err := info.Open(t.Context(), provider.Params{
			Model: model, Upstream: client, Environ: func(name string) string { return map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL}[name] },
			Values: map[string]string{
				"aws_bedrock_runtime_endpoint": a.URL, "aws_region_name": "us-east-1", "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret",
				"aws_role_name": "arn:aws:iam::123456789012:role/" + role,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		for range 10 {
			if _, err := (opened{d}).Complete(t.Context(), model, ask(model)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if assumed["arn:aws:iam::123456789012:role/one"] != 1 || assumed["arn:aws:iam::123456789012:role/two"] != 1 {
		t.Errorf("roles were assumed %v times", assumed)
	}
}
