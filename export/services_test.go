package export

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// intake is a service that keeps what it gets.
type intake struct {
	*httptest.Server

	mu     sync.Mutex
	status int // 200 if 0
	reply  string
	bodies []string
	header http.Header
	path   string
}

func newIntake(t *testing.T) *intake {
	t.Helper()
	in := &intake{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			from = z
		}
		body, err := io.ReadAll(from)
		if err != nil {
			t.Error(err)
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.bodies, in.header, in.path = append(in.bodies, string(body)), r.Header, r.URL.RequestURI()
		if in.status != 0 {
			w.WriteHeader(in.status)
		}
		_, _ = io.WriteString(w, in.reply)
	}))
	t.Cleanup(in.Close)
	return in
}

// record is a call with everything that a record can have.
func record() *Record {
	c := telemetry.Call{
		ID: "0123456789abcdef0123456789abcdef", Door: "openai_chat", Model: "granite", Group: "granite", Stream: true, Status: 200,
		Started: time.Date(2026, 11, 30, 1, 2, 3, 4000, time.UTC), Duration: 2 * time.Second, FirstToken: 500 * time.Millisecond, Sent: 10 * time.Millisecond, Upstream: 1900 * time.Millisecond,
		Usage: llm.Usage{Input: 5, Output: 7, CacheRead: llm.Some(int64(3)), Cost: llm.Some(llm.Cost(25_000_000))}, Stop: "end_turn",
		Who: telemetry.Who{
			KeyHash: "abc", KeyAlias: "alias", UserID: "u", UserEmail: "u@example.com", TeamID: "t", TeamAlias: "Team", OrganizationID: "o", OrganizationAlias: "Org",
			Customer: "cust", Tags: []string{"one", "two"},
		},
		From: telemetry.From{Method: "POST", Route: "/v1/chat/completions", Address: "192.0.2.1", UserAgent: "test", Session: "s"},
		Content: &telemetry.Content{
			Request: []byte(`{"model":"granite","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"user":"cust"}`), Type: "text/event-stream",
			Response: []byte("data: {\"choices\":[{\"delta\":{\"content\":\"hel\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n"),
		},
	}
	c.Meta.Destination = llm.Destination{API: "converse", Region: "us-east-1", ID: "us.granite"}
	c.Meta.Deployment, c.Meta.UpstreamID = "dep", "up-1"
	return &Record{Call: c, Served: Deployment{ID: "dep", Model: "bedrock/granite"}}
}

// members are those of a JSON object, by name.
func members(t *testing.T, doc string) map[string]string {
	t.Helper()
	all, err := jsonx.Members(jsonx.Raw(doc))
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	out := map[string]string{}
	for _, m := range all {
		out[m.Name] = string(m.Value)
	}
	return out
}

func TestAPayloadSaysWhatTheCallWas(t *testing.T) {
	got := members(t, string(Form{}.Append(nil, record())))
	for name, want := range map[string]string{
		"id": `"up-1"`, "litellm_call_id": `"0123456789abcdef0123456789abcdef"`, "trace_id": `"0123456789abcdef0123456789abcdef"`, "call_type": `"acompletion"`, "stream": "true",
		"status": `"success"`, "custom_llm_provider": `"bedrock"`, "model": `"us.granite"`, "model_group": `"granite"`, "model_id": `"dep"`, "prompt_tokens": "8", "completion_tokens": "7", "total_tokens": "15",
		"startTime": "1796000523.000004", "endTime": "1796000525.000004", "completionStartTime": "1796000523.500004", "end_user": `"cust"`, "request_tags": `["one","two"]`,
		"messages": `[{"role":"user","content":"hi"}]`, "model_parameters": `{"temperature":0.5}`, "error_str": "null",
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	if answer := got["response"]; !strings.Contains(answer, `"content":"hello"`) {
		t.Errorf("the response is %s", answer)
	}
	if who := members(t, got["metadata"]); who["user_api_key_hash"] != `"abc"` || who["user_api_key_team_alias"] != `"Team"` || who["user_api_key_org_id"] != `"o"` || who["user_agent"] != `"test"` {
		t.Errorf("the metadata is %v", who)
	}
}

func TestWhatIsRedactedIsInNoPayload(t *testing.T) {
	r := record()
	r.Content = nil
	doc := string(Form{HideKeys: true}.Append(nil, r))
	got := members(t, doc)
	if got["messages"] != `"redacted-by-litellm"` || got["response"] != `{"text":"redacted-by-litellm"}` || got["model_parameters"] != "{}" {
		t.Errorf("the content is %s, %s, %s", got["messages"], got["response"], got["model_parameters"])
	}
	for _, hidden := range []string{"abc", "alias", "u@example.com", "Team"} {
		if strings.Contains(doc, `"`+hidden+`"`) {
			t.Errorf("%s is in %s", hidden, doc)
		}
	}
}

func TestFailuresHaveLiteLLMsNames(t *testing.T) {
	for _, one := range []struct {
		status, upstream int
		group            string
		sent             time.Duration
		class            string
	}{
		{400, 400, "granite", 1, "Bedrock.BadRequestError"},
		{429, 429, "granite", 1, "Bedrock.RateLimitError"},
		{503, 503, "granite", 1, "Bedrock.ServiceUnavailableError"},
		{504, 0, "granite", 1, "Bedrock.Timeout"},
		{500, 500, "granite", 1, "Bedrock.InternalServerError"},
		{401, 401, "granite", 1, "Bedrock.AuthenticationError"},
		{404, 0, "", 0, "ProxyModelNotFoundError"},
		{401, 0, "", 0, "ProxyException"},
		{422, 0, "granite", 0, "BudgetExceededError"},
	} {
		r := record()
		r.Meta, r.Served = llm.Meta{}, Deployment{}
		r.Group, r.Status, r.Sent = one.group, one.status, one.sent
		r.Err = &llm.Error{Code: "x", Status: one.status, UpstreamStatus: one.upstream, Message: "no"}
		if got := Class(r); got != one.class {
			t.Errorf("%+v is %s", one, got)
		}
		if doc := string(Form{}.Append(nil, r)); !strings.Contains(doc, `"status":"failure"`) || !strings.Contains(doc, `"error_class":"`+one.class+`"`) {
			t.Errorf("got %s", doc)
		}
	}
}

func TestStreamsOfAllDialectsAreAssembled(t *testing.T) {
	for name, one := range map[string]struct {
		stream string
		want   Answer
	}{
		"OpenAI's chats": {"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"content\":null}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"function\":{\"arguments\":\"{}\"}}]}}]}\n\ndata: [DONE]\n\n", Answer{"a", "hm", "{}"}},
		"Anthropic's":    {"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"thinking\":\"hm\"}}\n\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"partial_json\":\"{}\"}}\n\n", Answer{"a", "hm", "{}"}},
		"Responses":      {"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"hm\"}\n\ndata: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}\n\n", Answer{"a", "hm", "{}"}},
		"Gemini's":       {"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"a\"}]}}]}\r\n\r\n", Answer{"a", "hm", ""}},
		"completions":    {"data: {\"choices\":[{\"text\":\"a\"}]}\n\n: ping\n\ndata: {\"cut", Answer{Text: "a"}},
	} {
		if got := Assemble([]byte(one.stream)); got != one.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAWebhookGetsArraysLinesOrSingles(t *testing.T) {
	in := newIntake(t)
	for _, one := range []struct {
		opt  Webhook
		want func(body string) bool
		n    int
	}{
		{Webhook{}, func(b string) bool { return strings.HasPrefix(b, `[{"id"`) && strings.HasSuffix(b, "}]") }, 1},
		{Webhook{Lines: true}, func(b string) bool { return strings.Count(b, "\n") == 1 && strings.HasPrefix(b, "{") }, 1},
		{Webhook{Single: true}, func(b string) bool { return strings.HasPrefix(b, "{") && jsonx.Valid([]byte(b)) }, 2},
	} {
		in.bodies = nil
		one.opt.Endpoint, one.opt.Headers = Secret(in.URL+"/log?key=1"), map[string]Secret{"Authorization": "Bearer x"}
		s := NewWebhook(one.opt)
		if rest, err := s.Send(t.Context(), []*Record{record(), record()}); err != nil || rest != nil {
			t.Errorf("got %v, %v", rest, err)
		}
		s.Close()
		if len(in.bodies) != one.n || !one.want(in.bodies[0]) || in.header.Get("Authorization") != "Bearer x" || in.path != "/log?key=1" {
			t.Errorf("%+v: got %d bodies, %.200s, %v", one.opt, len(in.bodies), in.bodies, in.header)
		}
	}
}

func TestRefusalsOfServices(t *testing.T) {
	in := newIntake(t)
	s := NewWebhook(Webhook{Endpoint: Secret(in.URL + "/SECRET")})
	defer s.Close()
	for status, final := range map[int]bool{500: false, 429: false, 408: false, 400: true, 401: true, 302: true} {
		in.status = status
		rest, err := s.Send(t.Context(), []*Record{record()})
		_, isFinal := errors.AsType[*FinalError](err)
		if len(rest) != 1 || err == nil || isFinal != final || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%d: %v, %v", status, rest, err)
		}
	}
	in.Close()
	if _, err := s.Send(t.Context(), []*Record{record()}); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
	if _, err := NewPoster(nil).Do(t.Context(), "POST", "http://a b/SECRET", nil, nil); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
}

func TestDatadogGetsLogs(t *testing.T) {
	in := newIntake(t)
	s := NewDatadog(Datadog{Endpoint: in.URL + "/api/v2/logs", Key: "K", Source: "litellm", Service: "svc", Host: "h", Tags: "env:prod"})
	defer s.Close()
	bad := record()
	bad.Err, bad.Status = &llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "late"}, 504
	if rest, err := s.Send(t.Context(), []*Record{record(), bad}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	var logs []map[string]string
	if err := jsonx.Unmarshal([]byte(in.bodies[0]), &logs); err != nil {
		t.Fatal(err)
	}
	message := members(t, logs[0]["message"])
	delete(logs[0], "message")
	if diff := cmp.Diff(map[string]string{"ddsource": "litellm", "ddtags": "env:prod,team:Team,request_tag:one,request_tag:two", "hostname": "h", "service": "svc", "status": "info"}, logs[0]); diff != "" {
		t.Error(diff)
	}
	if message["model"] != `"us.granite"` || logs[1]["status"] != "error" || in.header.Get("Dd-Api-Key") != "K" {
		t.Errorf("got %v, %v, %v", message, logs[1], in.header)
	}
}

func TestLangfuseGetsTracesAndGenerations(t *testing.T) {
	in := newIntake(t)
	in.reply = `{"successes":[{"id":"x","status":201}],"errors":[]}`
	s := NewLangfuse(Langfuse{Host: in.URL + "/", Public: "pk", Key: "sk", Environment: "prod"})
	defer s.Close()
	if rest, err := s.Send(t.Context(), []*Record{record()}); err != nil || rest != nil {
		t.Fatalf("got %v, %v", rest, err)
	}
	var body struct {
		Batch []struct {
			ID        string    `json:"id"`
			Type      string    `json:"type"`
			Timestamp string    `json:"timestamp"`
			Body      jsonx.Raw `json:"body"`
		} `json:"batch"`
	}
	if err := jsonx.Unmarshal([]byte(in.bodies[0]), &body); err != nil {
		t.Fatal(err)
	}
	if in.path != "/api/public/ingestion" || in.header.Get("Authorization") != "Basic cGs6c2s=" || len(body.Batch) != 2 || body.Batch[0].Type != "trace-create" || body.Batch[1].Type != "generation-create" || body.Batch[0].ID == body.Batch[1].ID {
		t.Fatalf("got %s %v %+v", in.path, in.header, body)
	}
	trace, generation := members(t, string(body.Batch[0].Body)), members(t, string(body.Batch[1].Body))
	if trace["id"] != generation["traceId"] || trace["userId"] != `"cust"` || trace["sessionId"] != `"s"` || trace["tags"] != `["one","two"]` || trace["input"] != `[{"role":"user","content":"hi"}]` {
		t.Errorf("the trace is %v", trace)
	}
	if generation["model"] != `"us.granite"` || !strings.Contains(generation["usageDetails"], `"total":15`) || generation["costDetails"] == "" || generation["startTime"] != `"2026-11-30T01:02:03.010004Z"` || generation["completionStartTime"] == "" {
		t.Errorf("the generation is %v", generation)
	}
	for reply, final := range map[string]bool{`{"errors":[{"id":"x","status":400,"message":"SECRET"}]}`: true, `{"errors":[{"id":"x","status":500,"message":"SECRET"}]}`: false} {
		in.reply = reply
		rest, err := s.Send(t.Context(), []*Record{record()})
		_, isFinal := errors.AsType[*FinalError](err)
		if len(rest) != 1 || err == nil || isFinal != final || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v, %v", reply, rest, err)
		}
	}
}
