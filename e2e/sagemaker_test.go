package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
)

// Keys of the account in which the fake SageMaker has its endpoints.
const (
	rockAccessKey = "AKIAIOSFODNN7GRANITE"
	rockSecretKey = "granite/secret/of/the/e2e/tests"
)

// sageMaker is a fake of SageMaker's two APIs in eu-west-1, as strict about signatures as AWS. An
// endpoint called refusal-N refuses with the Nth refusal of the providers' suite, and broken breaks a
// stream off with an exception.
type sageMaker struct {
	*httptest.Server
	mu   sync.Mutex
	sent []sageMakerCall
}

// sageMakerCall is a call of an endpoint, as far as botocore's are compared with the gateway's.
type sageMakerCall struct {
	Method, Path, ContentType, Component, Attributes, Scope, Body string
}

func startSageMaker(t *testing.T) *sageMaker {
	t.Helper()
	s := &sageMaker{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// taken returns what has been received since the last call.
func (s *sageMaker) taken() []sageMakerCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.sent
	s.sent = nil
	return out
}

func (s *sageMaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Amzn-Requestid", "e2e-request")
	secret := func(key string) (string, string, bool) { return rockSecretKey, "", key == rockAccessKey }
	signed := &sign.Request{Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Body: [][]byte{body}}
	if err := sign.Verify(signed, secret, "eu-west-1", "sagemaker", time.Now()); err != nil {
		refuse(w, http.StatusForbidden, "InvalidSignatureException", err.Error())
		return
	}
	scope, _ := sign.ParseScope(r.Header.Get("Authorization"))
	if r.Header.Get("X-Amz-Target") == "" { // the gateway lists endpoints at its start, in the background
		s.mu.Lock()
		s.sent = append(s.sent, sageMakerCall{
			Method: r.Method, Path: r.URL.EscapedPath(), ContentType: r.Header.Get("Content-Type"), Component: r.Header.Get("X-Amzn-SageMaker-Inference-Component"),
			Attributes: r.Header.Get("X-Amzn-SageMaker-Custom-Attributes"), Scope: scope.Region + "/" + scope.Service, Body: string(body),
		})
		s.mu.Unlock()
	}
	switch operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "SageMaker."); operation {
	case "":
		s.invoke(w, r.URL.Path, body)
	case "ListEndpoints":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"Endpoints":[`+describedRocks+`]}`)
	case "DescribeEndpoint":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, describedRocks)
	default:
		refuse(w, http.StatusBadRequest, "UnknownOperationException", operation)
	}
}

const describedRocks = `{"EndpointName":"rocks","EndpointArn":"arn:aws:sagemaker:eu-west-1:123456789012:endpoint/rocks","CreationTime":1764000000.5,"LastModifiedTime":1764000000.5,"EndpointStatus":"InService"}`

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(jsonx.AppendString([]byte(`{"Message":`), message), '}'))
}

// invoke answers like the container of an endpoint.
func (s *sageMaker) invoke(w http.ResponseWriter, path string, body []byte) {
	name, operation, _ := strings.Cut(strings.TrimPrefix(path, "/endpoints/"), "/")
	if n, ok := strings.CutPrefix(name, "refusal-"); ok {
		i, _ := strconv.Atoi(n)
		r := dialects.SageMaker{}.Refusals()[i]
		maps.Copy(w.Header(), r.Header)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(r.Status)
		_, _ = io.WriteString(w, r.Body)
		return
	}
	var asked struct {
		Inputs json.RawMessage `json:"inputs"`
		Tools  json.RawMessage `json:"tools"`
	}
	_ = json.Unmarshal(body, &asked)
	answer := rockAnswers()["a text"]
	container := providertest.Upstream(dialects.Completions{})
	switch {
	case len(asked.Inputs) > 0 && asked.Inputs[0] == '[':
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `[[0.25,0.5]]`)
		return
	case len(asked.Inputs) > 0:
		container = dialects.Generation{}
		answer = &providertest.Answer{Text: "It is granite.", Stop: llm.StopEnd, Input: 11, Output: 7}
	case len(asked.Tools) > 0:
		answer = rockAnswers()["calls"]
	}
	endpoint := dialects.SageMaker{Upstream: container}
	if operation == "invocations" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, endpoint.Whole(answer))
		return
	}
	w.Header().Set("Content-Type", endpoint.StreamType())
	w.Header().Set("X-Amzn-Sagemaker-Content-Type", "text/event-stream")
	events := endpoint.Events(answer)
	if name == "broken" {
		events = append(events[:2], dialects.StreamException("ModelStreamError", `{"Message":"The container ran out of memory.","ErrorCode":"StreamBroken"}`))
	}
	for _, event := range events {
		_, _ = io.WriteString(w, event)
		_ = http.NewResponseController(w).Flush()
	}
}

// refusalOf is the number of the first refusal with a code.
func refusalOf(t *testing.T, code llm.Code) string {
	t.Helper()
	i := slices.IndexFunc(dialects.SageMaker{}.Refusals(), func(r providertest.Refusal) bool { return r.Code == code })
	if i < 0 {
		t.Fatalf("there is no refusal for %s", code)
	}
	return strconv.Itoa(i)
}

// startGatewayOf starts a gateway with models behind the fake's endpoints.
func startGatewayOf(t *testing.T, s *sageMaker) *gateway {
	t.Helper()
	return startApp(t, `
general_settings: {master_key: `+masterKey+`}
router_settings: {num_retries: 0, timeout: 60}
credential_list:
  - credential_name: rocks
    credential_values: {aws_access_key_id: `+rockAccessKey+`, aws_secret_access_key: `+rockSecretKey+`, aws_region_name: eu-west-1}
model_list:
  - {model_name: granite, litellm_params: {model: sagemaker_chat/rocks, model_id: granite-1, litellm_credential_name: rocks}}
  - {model_name: nova, litellm_params: {model: sagemaker_nova/rocks, litellm_credential_name: rocks}}
  - {model_name: text, litellm_params: {model: sagemaker/rocks, hf_model_name: Qwen/Qwen2.5-7B-Instruct, extra_headers: {X-Amzn-SageMaker-Custom-Attributes: accept_eula=true}, litellm_credential_name: rocks}}
  - {model_name: "sagemaker_chat/*", litellm_params: {model: "sagemaker_chat/*", litellm_credential_name: rocks}}
`, "", map[string]string{"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": s.URL, "AWS_ENDPOINT_URL_SAGEMAKER": s.URL})
}

// TestTheOpenAISDKCallsSageMaker calls models behind endpoints of SageMaker through the gateway.
func TestTheOpenAISDKCallsSageMaker(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	s := startSageMaker(t)
	g := startGatewayOf(t, s)
	if r := g.do(t, http.MethodPost, "/catalog/refresh", ""); r.status != http.StatusOK {
		t.Fatalf("reading the list of endpoints: %d %s", r.status, r.body)
	}
	c.run(t, "sagemaker.py", []string{
		"a chat answers with its usage",
		"a stream ends with its usage",
		"tools are called, whole and streamed",
		"a model of Nova and one that generates text answer, whole and streamed",
		"embeddings are vectors",
		"the container's refusal has its status and its words",
		"a missing permission comes with its statement",
		"a throttle is a 429",
		"an endpoint that does not exist is a 404",
		"a stream that SageMaker breaks off raises",
		"the endpoints of the account are listed",
	},
		"BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=granite", "RETRIED=granite",
		"TOO_LONG=sagemaker_chat/refusal-"+refusalOf(t, llm.CodeTooLong), "DENIED=sagemaker_chat/refusal-"+refusalOf(t, llm.CodeIdentityMissing),
		"THROTTLED=sagemaker_chat/refusal-"+refusalOf(t, llm.CodeLimitRequests), "UNKNOWN=sagemaker_chat/refusal-"+refusalOf(t, llm.CodeModelUnknown))
	g.stop(t)
	if log := g.log.text.String(); strings.Contains(log, rockSecretKey) || !strings.Contains(log, `"prompt_tokens":11`) {
		t.Errorf("logged %s", log)
	}
}

// TestBotocoreUnderstandsTheFakeSageMaker holds the upstream of the providers' suite to AWS's own client:
// botocore reads its responses, frames and refusals by its service model of sagemaker-runtime. Its
// requests are the gateway's, except for what the SDK says of itself.
func TestBotocoreUnderstandsTheFakeSageMaker(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	s := startSageMaker(t)
	g := startGatewayOf(t, s)
	for _, stream := range []string{"false", "true"} {
		if r := g.do(t, http.MethodPost, "/v1/chat/completions", `{"model":"granite","stream":`+stream+`,"messages":[{"role":"user","content":"What is granite?"}]}`); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	ours := s.taken()
	if len(ours) != 2 {
		t.Fatalf("the gateway sent %+v", ours)
	}
	var refusals [][]string
	for i, r := range (dialects.SageMaker{}).Refusals() {
		refusals = append(refusals, []string{"refusal-" + strconv.Itoa(i), r.Header["X-Amzn-Errortype"][0], strconv.Itoa(r.Status), r.Words})
	}
	refused, err := json.Marshal(refusals)
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, "boto3_sagemaker.py", []string{
		"a response is read whole",
		"a stream is read part by part",
		"an exception in a stream is raised as its type",
		"every refusal is raised as its type, with its status and its words",
		"endpoints are listed and described",
	}, "BASE_URL="+s.URL, "ACCESS_KEY="+rockAccessKey, "SECRET_KEY="+rockSecretKey, "WHOLE="+ours[0].Body, "STREAM="+ours[1].Body, "REFUSALS="+string(refused))
	theirs := s.taken()
	for i := range ours {
		if len(theirs) <= i || ours[i] != theirs[i] {
			t.Errorf("the gateway sends %+v, botocore %+v", ours[i], theirs[min(i, len(theirs)-1)])
		}
	}
	if r := g.do(t, http.MethodPost, "/v1/chat/completions", `{"model":"sagemaker_chat/rocks","messages":[{"role":"user","content":"Hi"}]}`); r.status != http.StatusOK || s.taken()[0].Component != "" {
		t.Errorf("without an inference component: %d %s", r.status, r.body)
	}
}

// TestEveryFrontendReachesSageMaker calls a model behind an endpoint by each dialect, whole and streamed.
func TestEveryFrontendReachesSageMaker(t *testing.T) {
	s := startSageMaker(t)
	g := startGatewayOf(t, s)
	for _, model := range []string{"granite", "nova", "text"} {
		text := "Granite."
		if model == "text" {
			text = "granite."
		}
		for _, tt := range []struct{ name, path, body, operation, want string }{
			{"chat", "/v1/chat/completions", `{"model":"MODEL","messages":[{"role":"user","content":"Hi"}]}`, "invocations", text},
			{"chat streamed", "/v1/chat/completions", `{"model":"MODEL","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}`, "invocations-response-stream", `"prompt_tokens":11`},
			{"responses", "/v1/responses", `{"model":"MODEL","input":"Hi"}`, "invocations", text},
			{"responses streamed", "/v1/responses", `{"model":"MODEL","stream":true,"input":"Hi"}`, "invocations-response-stream", "response.completed"},
			{"messages", "/v1/messages", `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, "invocations", text},
			{"messages streamed", "/v1/messages", `{"model":"MODEL","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}`, "invocations-response-stream", "event: message_stop"},
			{"Gemini", "/v1beta/models/MODEL:generateContent", `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`, "invocations", text},
			{"Gemini streamed", "/v1beta/models/MODEL:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`, "invocations-response-stream", `"finishReason":"STOP"`},
		} {
			t.Run(model+", "+tt.name, func(t *testing.T) {
				s.taken()
				r := g.do(t, http.MethodPost, strings.ReplaceAll(tt.path, "MODEL", model), strings.ReplaceAll(tt.body, "MODEL", model))
				if r.status != http.StatusOK || !strings.Contains(r.body, tt.want) {
					t.Fatalf("%d %s", r.status, r.body)
				}
				attributes := map[string]string{"text": "accept_eula=true"}[model]
				if sent := s.taken(); len(sent) != 1 || sent[0].Path != "/endpoints/rocks/"+tt.operation || sent[0].Attributes != attributes {
					t.Errorf("sent %+v", sent)
				}
				if to := r.header.Get("X-Outcrop-Target"); !strings.HasPrefix(to, "provider=sagemaker") || !strings.Contains(to, "region=eu-west-1") {
					t.Errorf("target %q", to)
				}
			})
		}
	}
}
