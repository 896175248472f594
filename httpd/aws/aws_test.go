package aws_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd/aws"
	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/telemetry"
	"outcrop/wire/eventstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-master"

// router answers every call with what it holds.
type router struct {
	gateway.Router // of which nothing else is called

	resp   *llm.RawResponse
	stream llm.RawStream
	err    error
	panics bool
	names  []string // that are configured; nil for all
	asked  []*llm.Raw
}

func (r *router) Settings(string) *route.Settings { return &route.Settings{} }

func (r *router) Relay(_ context.Context, raw *llm.Raw, _ *route.Translation) (*llm.RawResponse, error) {
	if r.panics {
		panic("a fault of our own")
	}
	r.asked = append(r.asked, raw)
	return r.resp, r.err
}

func (r *router) RelayStream(_ context.Context, raw *llm.Raw, _ *route.Translation) (llm.RawStream, error) {
	asked := *raw // whose body is let go of when the response begins
	r.asked = append(r.asked, &asked)
	asked.Body = bytes.Clone(raw.Body)
	return r.stream, r.err
}

func (r *router) Group(name string) string {
	if r.names != nil && !slices.Contains(r.names, name) {
		return ""
	}
	return "*"
}

// stream has events and then an error; nil means a panic.
type stream struct {
	events []llm.RawEvent
	err    error
	meta   llm.Meta
	closed bool
}

func (s *stream) Next(ev *llm.RawEvent) error {
	if len(s.events) > 0 {
		*ev, s.events = s.events[0], s.events[1:]
		return nil
	}
	if s.err == nil {
		panic("a fault of our own")
	}
	return s.err
}
func (s *stream) More() bool      { return len(s.events) > 0 }
func (s *stream) Meta() *llm.Meta { return &s.meta }
func (s *stream) Close() error    { s.closed = true; return nil }

// bench is a frontend over a router, with what it has logged.
type bench struct {
	*router
	http.Handler
	log bytes.Buffer
}

func newBench(opt aws.Options) *bench {
	b := &bench{router: &router{resp: &llm.RawResponse{Body: []byte(`{}`), Uncounted: true}}}
	if opt.MaxBody == 0 {
		opt.MaxBody = 1 << 20
	}
	g := gateway.New(gateway.Options{Router: b.router, Recorder: telemetry.NewRecorder(slog.New(slog.NewJSONHandler(&b.log, nil))), MasterKey: key})
	b.Handler = aws.New(g, opt)
	return b
}

func (b *bench) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.Parse("http://example.com" + target)
	if err != nil {
		panic(err)
	}
	r.RequestURI, r.URL = target, u
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	w.Header()["X-Request-Id"] = []string{"id-1"}
	b.ServeHTTP(w, r)
	return w
}

// exception is an error as AWS's SDKs read it.
func exception(t *testing.T, w *httptest.ResponseRecorder) (name, message string) {
	t.Helper()
	var body struct {
		Message *string `json:"message"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Message == nil || *body.Message == "" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %s is not an error of AWS's", w.Code, w.Header(), w.Body)
		return "", ""
	}
	if w.Header().Get("X-Amzn-Requestid") == "" {
		t.Errorf("no request id: %v", w.Header())
	}
	return w.Header().Get("X-Amzn-Errortype"), *body.Message
}

func TestWhichModelAndOperation(t *testing.T) {
	long := strings.Repeat("x", 2048)
	for target, want := range map[string]string{
		"/model/us.x-v1%3A0/converse":           "us.x-v1:0 converse",
		"/model/us.x-v1:0/converse-stream":      "us.x-v1:0 converse-stream",
		"/bedrock/model/x/invoke":               "x invoke",
		"/bedrock//model/x/invoke":              "x invoke",
		"//model/x/invoke-with-response-stream": "x invoke-with-response-stream",
		"/model/x/count-tokens":                 "x count-tokens",
		"/model/openrouter%2Ffree/converse":     "openrouter/free converse",
		"/model/a%2F%2Fb/converse":              "a//b converse",
		"/model/a%2F.%2Fb/converse":             "a/./b converse",
		"/model/%2Flead/converse":               "/lead converse",
		"/model/claude%20fable/converse":        "claude fable converse",
		"/model/claude%5B1m%5D/converse":        "claude[1m] converse",
		"/model/mod%C3%A8le/converse":           "modèle converse",
		"/model/a+b%2Bc/converse":               "a+b+c converse",
		"/model/a%252Fb/converse":               "a%2Fb converse",
		"/model/" + long + "/converse":          long + " converse",
		"/model/x/converse?a=b":                 "x converse",
		"/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc/invoke": "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc invoke",
	} {
		b := newBench(aws.Options{})
		b.stream = &stream{err: io.EOF}
		w := b.send("POST", target, `{"a":1}`)
		if w.Code != 200 || len(b.asked) != 1 {
			t.Errorf("%s: %d %s, %d calls", target, w.Code, w.Body, len(b.asked))
			continue
		}
		raw := b.asked[0]
		if got := raw.Model + " " + raw.Operation; got != want || raw.Dialect != llm.DialectBedrock || string(raw.Body) != `{"a":1}` || raw.Stream != strings.Contains(want, "stream") {
			t.Errorf("%s is %q, stream %v, %s", target, got, raw.Stream, raw.Body)
		}
	}
}

func TestWhatIsRefusedBeforeACall(t *testing.T) {
	for _, tt := range []struct {
		method, target, body string
		status               int
		name, message        string
	}{
		{"POST", "/model//converse", `{}`, 400, "ValidationException", "modelId must not be empty"},
		{"POST", "/model/converse", `{}`, 404, "UnknownOperationException", "does not serve"},
		{"POST", "/model/" + strings.Repeat("x", 3000) + "/converse", `{}`, 400, "ValidationException", "at most 2176 bytes"},
		{"POST", "/model/a/b/converse", `{}`, 400, "ValidationException", "not a valid segment"},
		{"POST", "/model/x/converse", `{"a":`, 400, "ValidationException", "not valid JSON"},
		{"POST", "/model/x/converse", "", 400, "ValidationException", "not valid JSON"},
		{"POST", "/model/x/converse", "{\"a\":\"\xff\"}", 400, "ValidationException", "not valid JSON"},
		{"POST", "/model/x/invoke", "granite", 400, "ValidationException", "not valid JSON"},
		{"POST", "/model/x/converse", strings.Repeat("x", 2<<20), 400, "ValidationException", "too large"},
		{"GET", "/model/x/converse", "", 404, "UnknownOperationException", "does not serve"},
		{"PUT", "/model/x/converse", `{}`, 404, "UnknownOperationException", "does not serve"},
		{"POST", "/model/x/train", `{}`, 404, "UnknownOperationException", "does not serve"},
		{"POST", "/model/x/invoke-with-bidirectional-stream", `{}`, 404, "UnknownOperationException", "does not serve"},
		{"DELETE", "/guardrails/x", `{}`, 404, "UnknownOperationException", "does not serve"},
	} {
		b := newBench(aws.Options{})
		w := b.send(tt.method, tt.target, tt.body)
		name, message := exception(t, w)
		if w.Code != tt.status || name != tt.name || !strings.Contains(message, tt.message) || len(b.asked) != 0 {
			t.Errorf("%s %.40s: %d %s %q, %d calls", tt.method, tt.target, w.Code, name, message, len(b.asked))
		}
	}
}

func TestTheKey(t *testing.T) {
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Authorization", "Bearer " + key, 200},
		{"X-Api-Key", key, 200},
		{"Authorization", "Bearer sk-other", 403},
		{"Authorization", "Basic x", 403},
		{"X-Other", "x", 403},
	} {
		b := newBench(aws.Options{})
		w := b.send("POST", "/model/x/converse", `{}`, "Authorization", "", tt.header, tt.value)
		if w.Code != tt.status || len(b.asked) != (403-tt.status)/203 {
			t.Errorf("%s %s: %d, %d calls", tt.header, tt.value, w.Code, len(b.asked))
		}
		if tt.status == 403 {
			if name, _ := exception(t, w); name != "AccessDeniedException" || w.Header().Get("Www-Authenticate") != "" || w.Header().Get("X-Outcrop-Code") != "gateway.unauthorized" {
				t.Errorf("the refusal is %s %v", name, w.Header())
			}
			if !strings.Contains(b.log.String(), `"door":"refused"`) {
				t.Errorf("recorded %s", &b.log)
			}
		}
	}
}

// Nothing of the client's credentials reaches AWS, and its own parameters do.
func TestWhichHeadersGoOn(t *testing.T) {
	b := newBench(aws.Options{})
	b.send("POST", "/model/x/invoke", `{}`,
		"Content-Type", "application/octet-stream", "Accept", "*/*", "X-Amzn-Bedrock-Trace", "ENABLED", "X-Amzn-Bedrock-GuardrailIdentifier", "g",
		"X-Amz-Date", "20200101T000000Z", "X-Amz-Security-Token", "t", "X-Amz-Content-Sha256", "s", "X-Amz-User-Agent", "u", "Amz-Sdk-Invocation-Id", "i", "Cookie", "c", "X-Amzn-Trace-Id", "r", "X-Forwarded-For", "f")
	var got []string
	for _, l := range b.asked[0].Headers {
		got = append(got, l.Name+": "+l.Value)
	}
	slices.Sort(got)
	if want := []string{"Accept: */*", "Content-Type: application/json", "X-Amzn-Bedrock-Guardrailidentifier: g", "X-Amzn-Bedrock-Trace: ENABLED"}; !slices.Equal(got, want) {
		t.Errorf("%q go on, want %q", got, want)
	}
}

// A body of another type is the model's own, such as an image.
func TestABodyThatIsNotJSON(t *testing.T) {
	b := newBench(aws.Options{})
	if w := b.send("POST", "/model/x/invoke", "\xff\xd8", "Content-Type", "image/jpeg"); w.Code != 200 || string(b.asked[0].Body) != "\xff\xd8" {
		t.Errorf("got %d", w.Code)
	}
}

func TestAWholeResponse(t *testing.T) {
	b := newBench(aws.Options{})
	b.resp = &llm.RawResponse{
		Body: []byte(`{ "output" : 1 }`), Usage: llm.Usage{Input: 3, Output: 4}, RawStop: "end_turn",
		Meta: llm.Meta{
			UpstreamID: "aws-1", Price: price{}, Destination: llm.Destination{API: "converse", Region: "us-east-1", ID: "us.x", Reason: "because"},
			Warnings: []llm.Warning{{Code: llm.WarnLegacy, Field: "model", Detail: "old"}},
			Header:   []llm.Label{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Amzn-Bedrock-Input-Token-Count", Value: "3"}},
		},
	}
	w := b.send("POST", "/model/x/converse", `{}`)
	h := w.Header()
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Amzn-Requestid": "aws-1", "X-Amzn-Bedrock-Input-Token-Count": "3", "X-Outcrop-Target": "api=converse; region=us-east-1; id=us.x",
		"X-Outcrop-Reason": "because", "X-Outcrop-Cost": "0.000000007", "X-Outcrop-Warnings": `legacy;field=model;detail="old"`, "Content-Length": "16",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if w.Code != 200 || w.Body.String() != `{ "output" : 1 }` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for _, part := range []string{`"door":"aws_bedrock"`, `"prompt_tokens":3`, `"completion_tokens":4`, `"stop":"end_turn"`, `"status":200`} {
		if !strings.Contains(b.log.String(), part) {
			t.Errorf("the record %s lacks %s", &b.log, part)
		}
	}
}

// TestTheRecordHasTheSDKsOwnCount follows the SDK's id of a call, by which its attempts can be put
// together, and which attempt it is.
func TestTheRecordHasTheSDKsOwnCount(t *testing.T) {
	const id = "0190b2a4-7c1e-7d55-9f0e-2f4b8f3c9d10"
	for _, tt := range []struct {
		name, id, request string
		has, lacks        string
	}{
		{"a second attempt", id, "ttl=20261128T210000Z; attempt=2; max=3", `"client_call_id":"` + id + `","client_attempt":2,"client_attempts_max":3`, ""},
		{"boto3's first", id, "attempt=1", `"client_call_id":"` + id + `","client_attempt":1`, "client_attempts_max"},
		{"none", "", "", `"msg":"call"`, "client_"},
		{"what no SDK sends", "my prompt", "attempt=-1; max=many", `"msg":"call"`, "client_"},
		{"an id that is too long", strings.Repeat("a", 65), "", `"msg":"call"`, "client_"},
	} {
		b := newBench(aws.Options{})
		b.send("POST", "/model/x/converse", `{}`, "amz-sdk-invocation-id", tt.id, "amz-sdk-request", tt.request)
		if log := b.log.String(); !strings.Contains(log, tt.has) || tt.lacks != "" && strings.Contains(log, tt.lacks) {
			t.Errorf("%s: recorded %s", tt.name, log)
		}
	}
	b := newBench(aws.Options{AccessKeys: accessKeys, Now: func() time.Time { return now }})
	r := signed("/model/x/converse", "/model/x/converse", `{}`, "us-east-1", "bedrock", own)
	r.Header.Set("Amz-Sdk-Invocation-Id", id)
	b.ServeHTTP(httptest.NewRecorder(), r)
	if log := b.log.String(); !strings.Contains(log, `"client_call_id":"`+id) {
		t.Errorf("recorded of a signed call: %s", log)
	}
}

// price takes a nano-dollar for each token.
type price struct{}

func (price) Cost(_ string, u *llm.Usage) (llm.Cost, bool) {
	return llm.Cost(1000 * (u.Input + u.Output)), true
}

func TestHowFailuresReachAWSClients(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    llm.Error
		status int
		typ    string
		body   string // of the response; empty for any
	}{
		{"AWS's own, as it was", llm.Error{Upstream: true, Status: 400, UpstreamStatus: 400, Type: "ValidationException", Message: "m", Body: []byte(`{"message": "m"}`)}, 400, "ValidationException", `{"message": "m"}`},
		{"the model's timeout", llm.Error{Upstream: true, Status: 408, UpstreamStatus: 408, Type: "ModelTimeoutException", Message: "m"}, 408, "ModelTimeoutException", ""},
		{"a dependency's failure", llm.Error{Upstream: true, Status: 424, UpstreamStatus: 424, Type: "ModelErrorException", Message: "m", Body: []byte(`{"message":"m","originalStatusCode":500}`)}, 424, "ModelErrorException", `{"message":"m","originalStatusCode":500}`},
		{"a throttle", llm.Error{Upstream: true, Status: 429, UpstreamStatus: 429, Type: "ThrottlingException", Message: "m"}, 429, "ThrottlingException", ""},
		{"an overload that no SDK retries", llm.Error{Upstream: true, Status: 502, UpstreamStatus: 529, Message: "m"}, 503, "ServiceUnavailableException", ""},
		{"a proxy's page", llm.Error{Upstream: true, Status: 502, UpstreamStatus: 407, Message: "<html>"}, 503, "ServiceUnavailableException", `{"message":"<html>"}`},
		{"a refusal in another's form", llm.Error{Upstream: true, Status: 400, UpstreamStatus: 400, Message: "m", Body: []byte(`{"error":{"message":"m"}}`)}, 400, "ValidationException", `{"message":"m"}`},
		{"wrong credentials of the gateway's", llm.Error{Upstream: true, Status: 403, UpstreamStatus: 401, Type: "UnrecognizedClientException", Message: "m", Body: []byte(`{"Message":"m"}`)}, 403, "UnrecognizedClientException", `{"Message":"m"}`},
		{"an unknown model", llm.Error{Code: llm.CodeModelNotFound, Status: 404, Message: "no such model.", Fix: "Use another."}, 404, "ResourceNotFoundException", `{"message":"no such model. Use another."}`},
		{"a missing key", llm.Error{Code: llm.CodeUnauthorized, Status: 401, Message: "m"}, 403, "AccessDeniedException", ""},
		{"a slow client", llm.Error{Code: llm.CodeSlowClient, Status: 408, Message: "m"}, 400, "ValidationException", ""},
		{"a large body", llm.Error{Code: llm.CodeTooLarge, Status: 413, Message: "m"}, 400, "ValidationException", ""},
		{"a wrong method", llm.Error{Code: llm.CodeMethod, Status: 405, Message: "m"}, 400, "ValidationException", ""},
		{"no memory", llm.Error{Code: llm.CodeOverloaded, Status: 503, Message: "m"}, 503, "ServiceUnavailableException", ""},
		{"a broken connection", llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "m"}, 503, "ServiceUnavailableException", ""},
		{"the gateway's timeout", llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "m"}, 503, "ServiceUnavailableException", ""},
		{"a fault of the gateway's", llm.Error{Code: llm.CodeInternal, Status: 500, Message: "m"}, 500, "InternalServerException", ""},
	} {
		for _, operation := range []string{"converse", "converse-stream"} {
			b := newBench(aws.Options{})
			e := tt.err
			b.err = &e
			w := b.send("POST", "/model/x/"+operation, `{}`)
			if w.Code != tt.status || w.Header().Get("X-Amzn-Errortype") != tt.typ || tt.body != "" && w.Body.String() != tt.body {
				t.Errorf("%s: %d %s %s", tt.name, w.Code, w.Header().Get("X-Amzn-Errortype"), w.Body)
			}
		}
	}
}

func TestTheDiagnosisIsInHeaders(t *testing.T) {
	b := newBench(aws.Options{})
	b.err = &llm.Error{
		Code: llm.CodeLimitRequests, Upstream: true, Status: 429, UpstreamStatus: 429, Type: "ThrottlingException", Message: "slow down", RequestID: "aws-7", RetryAfter: "3",
		Cause: "two\nlines, and é", Fix: "Wait.", Docs: "https://example.com", Statement: []byte(`{ "Effect": "Allow" }`), Destination: llm.Destination{API: "converse", Region: "eu-west-3", ID: "x"},
	}
	h := b.send("POST", "/model/x/converse", `{}`).Header()
	for name, want := range map[string]string{
		"Retry-After": "3", "X-Amz-Retry-After": "3000", "X-Amzn-Requestid": "aws-7", "X-Outcrop-Code": "limit.requests", "X-Outcrop-Cause": "two lines, and ?",
		"X-Outcrop-Fix": "Wait.", "X-Outcrop-Retry": "later", "X-Outcrop-Docs": "https://example.com", "X-Outcrop-Statement": `{"Effect":"Allow"}`,
		"X-Outcrop-Target": "api=converse; region=eu-west-3; id=x",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	b.err = &llm.Error{Status: 503, Message: "m", RetryAfter: "Fri, 01 Jan 2027 00:00:00 GMT"}
	if h := b.send("POST", "/model/x/converse", `{}`).Header(); h.Get("X-Amz-Retry-After") != "" {
		t.Errorf("a date became %v", h)
	}
}

// frame is a frame of AWS's event stream.
func frame(messageType, typeHeader, name, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{{Name: typeHeader, Value: name}, {Name: eventstream.HeaderMessageType, Value: messageType}}, []byte(payload))
}

func event(name string) llm.RawEvent {
	return llm.RawEvent{Type: name, Data: frame("event", eventstream.HeaderEventType, name, "{}"), Content: true}
}

func failure(name string) llm.RawEvent {
	return llm.RawEvent{Type: name, Data: frame("exception", eventstream.HeaderExceptionType, name, `{"message":"of AWS"}`), Err: &llm.Error{Code: llm.CodeModelError, Status: 502, Message: "ours"}}
}

// names lists the types of the frames of a body, whose checksums must be right; of an exception also
// the message.
func names(t *testing.T, body []byte) (out []string) {
	t.Helper()
	d := eventstream.NewDecoder(bytes.NewReader(body))
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		name := string(f.Header(eventstream.HeaderEventType))
		if string(f.Header(eventstream.HeaderMessageType)) == "exception" {
			name = string(f.Header(eventstream.HeaderExceptionType)) + " " + string(f.Payload)
		}
		out = append(out, name)
	}
}

func TestAStream(t *testing.T) {
	broken := &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "it broke off"}
	for _, tt := range []struct {
		name, operation string
		events          []llm.RawEvent
		err             error
		want            []string
		status          string // in the record
	}{
		{"a complete one", "converse-stream", []llm.RawEvent{event("messageStart"), event("metadata")}, io.EOF, []string{"messageStart", "metadata"}, `"status":200`},
		{"one that breaks off", "converse-stream", []llm.RawEvent{event("messageStart")}, broken, []string{"messageStart", `modelStreamErrorException {"message":"it broke off"}`}, `"status":502`},
		{"AWS's exception", "converse-stream", []llm.RawEvent{event("messageStart"), failure("throttlingException")}, io.EOF, []string{"messageStart", `throttlingException {"message":"of AWS"}`}, `"status":502`},
		{"one that no client knows", "converse-stream", []llm.RawEvent{event("messageStart"), failure("surpriseException")}, io.EOF, []string{"messageStart", `modelStreamErrorException {"message":"ours"}`}, `"status":502`},
		{"one of another operation", "converse-stream", []llm.RawEvent{event("messageStart"), failure("modelTimeoutException")}, io.EOF, []string{"messageStart", `modelStreamErrorException {"message":"ours"}`}, `"status":502`},
		{"one of this operation", "invoke-with-response-stream", []llm.RawEvent{event("chunk"), failure("modelTimeoutException")}, io.EOF, []string{"chunk", `modelTimeoutException {"message":"of AWS"}`}, `"status":502`},
		{"a client that leaves", "converse-stream", []llm.RawEvent{event("messageStart")}, &llm.Error{Code: llm.CodeClientGone, Status: 499}, []string{"messageStart"}, `"status":499`},
		{"a panic", "converse-stream", []llm.RawEvent{event("messageStart")}, nil, []string{"messageStart", `modelStreamErrorException {"message":"internal error; look for this x-request-id in the gateway's log."}`}, `"status":500`},
	} {
		b := newBench(aws.Options{})
		s := &stream{events: tt.events, err: tt.err, meta: llm.Meta{UpstreamID: "aws-1", Header: []llm.Label{{Name: "Content-Type", Value: "application/vnd.amazon.eventstream"}}}}
		b.stream = s
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if p := recover(); p != nil {
					if _, answered := p.(inbound.Answered); !answered || tt.err != nil {
						t.Errorf("%s: panic %v", tt.name, p)
					}
				}
			}()
			r := httptest.NewRequest(http.MethodPost, "/model/x/"+tt.operation, strings.NewReader(`{}`))
			r.Header.Set("Authorization", "Bearer "+key)
			b.ServeHTTP(w, r)
		}()
		if got := names(t, w.Body.Bytes()); !slices.Equal(got, tt.want) || !s.closed || w.Code != 200 {
			t.Errorf("%s: %d %q, closed %v", tt.name, w.Code, got, s.closed)
		}
		if h := w.Header(); h.Get("Content-Type") != "application/vnd.amazon.eventstream" || h.Get("X-Amzn-Requestid") != "aws-1" {
			t.Errorf("%s: %v", tt.name, h)
		}
		if !strings.Contains(b.log.String(), tt.status) || strings.Count(b.log.String(), "\n") != 1 {
			t.Errorf("%s: recorded %s", tt.name, &b.log)
		}
	}
}

func TestAPanicIsRecorded(t *testing.T) {
	b := newBench(aws.Options{})
	b.panics = true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the server does not hear of it")
			}
		}()
		b.send("POST", "/model/x/converse", `{}`)
	}()
	if !strings.Contains(b.log.String(), `"status":500`) {
		t.Errorf("recorded %s", &b.log)
	}
}

func TestWhichPathsAreTheFrontends(t *testing.T) {
	h := aws.New(nil, aws.Options{})
	for path, want := range map[string]bool{
		"/model/x/converse": true, "/bedrock/model/x/converse": true, "//model//converse": true, "/bedrock//guardrail/x/version/1/apply": true, "/async-invoke": true,
		"/foundation-models": true, "/inference-profiles/x": true, "/guardrails": true, "/model-invocation-jobs": true, "/model/info": false, "/model/new": false, "/model/update": false, "/model/delete": false, "/model/block": false, "/model/unblock": false, "/model/x/update": false, "/models": false, "/models/x": false, "/v1/models": false, "/": false, "/v1/messages": false,
	} {
		if h.Owns(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
