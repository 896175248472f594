package otlp

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"outcrop/export"
	"outcrop/llm"
	"outcrop/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collector takes traces and metrics, over HTTP and as a server of gRPC.
type collector struct {
	*httptest.Server

	mu      sync.Mutex
	status  int    // of HTTP; 200 if 0
	code    string // of gRPC
	spans   []*trace.Span
	metrics []*metrics.Metric
	about   []*common.KeyValue // of the resource
	header  http.Header
	paths   []string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{code: "0"}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.header, c.paths = r.Header, append(c.paths, r.URL.Path)
		grpc := strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
		if grpc {
			if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" || len(body) < 5 || body[0] != 0 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 {
				t.Errorf("this is not gRPC: %s %v, %d bytes", r.Proto, r.Header, len(body))
				return
			}
			body = body[5:]
		}
		if strings.Contains(strings.ToLower(r.URL.Path), "metrics") {
			var m metrics.MetricsData
			if err := proto.Unmarshal(body, &m); err != nil {
				t.Error(err)
			}
			for _, rm := range m.GetResourceMetrics() {
				c.metrics = append(c.metrics, rm.GetScopeMetrics()[0].GetMetrics()...)
			}
		} else {
			var d trace.TracesData
			if err := proto.Unmarshal(body, &d); err != nil {
				t.Error(err)
			}
			for _, rs := range d.GetResourceSpans() {
				c.about = rs.GetResource().GetAttributes()
				c.spans = append(c.spans, rs.GetScopeSpans()[0].GetSpans()...)
			}
		}
		if !grpc {
			if c.status != 0 {
				w.WriteHeader(c.status)
			}
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write([]byte{0, 0, 0, 0, 0})
		w.Header().Set("Grpc-Status", c.code)
	}))
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	c.Config.Protocols = &protocols
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// texts are attributes as texts.
func texts(all []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range all {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[kv.GetKey()] = v.StringValue
		default:
			out[kv.GetKey()] = strings.ReplaceAll(kv.GetValue().String(), " ", "")
		}
	}
	return out
}

func record(parent string) *export.Record {
	c := telemetry.Call{
		ID: "0123456789abcdef0123456789abcdef", Door: "openai_chat", Model: "granite", Group: "granite", Stream: true, Status: 200,
		Started: time.Unix(1796000000, 0), Duration: 2 * time.Second, FirstToken: 510 * time.Millisecond, Sent: 10 * time.Millisecond, Upstream: 1500 * time.Millisecond,
		Usage: llm.Usage{Input: 5, Output: 11, CacheRead: llm.Some(int64(3)), Cost: llm.Some(llm.Cost(25_000_000))}, Stop: "stop",
		Who:  telemetry.Who{KeyHash: "abc", TeamID: "t", Customer: "cust", Tags: []string{"one"}},
		From: telemetry.From{Method: "POST", Route: "/v1/chat/completions", TraceParent: parent, TraceState: "a=b"},
		Content: &telemetry.Content{
			Request: []byte(`{"messages":[{"role":"user","content":"hi"}],"system":"be brief"}`), Type: "text/event-stream", Response: []byte("data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n"),
		},
	}
	c.Meta.Destination = llm.Destination{Region: "us-east-1", ID: "us.granite"}
	return &export.Record{Call: c, Served: export.Deployment{ID: "dep", Model: "bedrock/granite"}}
}

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestSpansFollowTheConventions(t *testing.T) {
	for name, grpc := range map[string]bool{"HTTP": false, "gRPC": true} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			opt := Settings{
				Traces: c.URL + "/v1/traces", Metrics: c.URL + "/v1/metrics", Service: "litellm", Environment: "prod", Attributes: map[string]string{"k": "v", "service.name": "no"}, Version: "1", Headers: map[string]export.Secret{"X-Key": "secret"},
			}
			if grpc {
				opt.Traces, opt.Metrics, opt.GRPC = c.URL, c.URL, true
			}
			s := New(opt)
			defer s.Close()
			if rest, err := s.Send(t.Context(), []*export.Record{record(parent)}); err != nil || rest != nil {
				t.Fatalf("got %v, %v", rest, err)
			}
			if len(c.spans) != 2 || len(c.metrics) != 5 || c.header.Get("X-Key") != "secret" {
				t.Fatalf("%d spans, %d metrics, %v", len(c.spans), len(c.metrics), c.header)
			}
			if about := texts(c.about); about["service.name"] != "litellm" || about["deployment.environment"] != "prod" || about["k"] != "v" || about["service.instance.id"] == "" {
				t.Errorf("the resource is %v", about)
			}
			root, call := c.spans[0], c.spans[1]
			if hex.EncodeToString(root.GetTraceId()) != "4bf92f3577b34da6a3ce929d0e0e4736" || hex.EncodeToString(root.GetParentSpanId()) != "00f067aa0ba902b7" || root.GetTraceState() != "a=b" || root.GetKind() != trace.Span_SPAN_KIND_SERVER || root.GetName() != "POST /v1/chat/completions" {
				t.Errorf("the first span is %v", root)
			}
			if string(call.GetTraceId()) != string(root.GetTraceId()) || string(call.GetParentSpanId()) != string(root.GetSpanId()) || string(call.GetSpanId()) == string(root.GetSpanId()) || call.GetKind() != trace.Span_SPAN_KIND_CLIENT || call.GetName() != "chat granite" || call.GetEndTimeUnixNano()-call.GetStartTimeUnixNano() != 1_500_000_000 {
				t.Errorf("the second span is %v", call)
			}
			got := texts(call.GetAttributes())
			for key, want := range map[string]string{
				"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": "granite", "gen_ai.response.model": "us.granite",
				"gen_ai.usage.input_tokens": "int_value:8", "gen_ai.usage.output_tokens": "int_value:11", "gen_ai.usage.cache_read.input_tokens": "int_value:3",
				"metadata.user_api_key_hash": "abc", "metadata.user_api_key_team_id": "t", "llm.user": "cust", "aws.region": "us-east-1",
				"gen_ai.input.messages": `[{"role":"user","parts":[{"type":"text","content":"hi"}]}]`, "gen_ai.system_instructions": `"be brief"`,
			} {
				if got[key] != want {
					t.Errorf("%s is %q, want %q", key, got[key], want)
				}
			}
			if !strings.Contains(got["gen_ai.output.messages"], `"content":"hello"`) || !strings.Contains(got["gen_ai.response.finish_reasons"], "stop") {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestATraceOfItsOwnHasTheIDOfTheCall(t *testing.T) {
	c := newCollector(t)
	s := New(Settings{Traces: c.URL, Form: export.Form{HideKeys: true}})
	defer s.Close()
	r := record("nonsense")
	r.Content = nil
	r.Err, r.Status = &llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "late"}, 504
	refused := record("")
	refused.Sent, refused.Upstream = 0, 0
	unsampled := record(strings.TrimSuffix(parent, "1") + "0")
	if _, err := s.Send(t.Context(), []*export.Record{r, refused, unsampled}); err != nil {
		t.Fatal(err)
	}
	if len(c.spans) != 3 || hex.EncodeToString(c.spans[0].GetTraceId()) != r.ID || len(c.spans[0].GetParentSpanId()) != 0 || c.spans[0].GetTraceState() != "" {
		t.Fatalf("got %v", c.spans)
	}
	if st := c.spans[1].GetStatus(); st.GetCode() != trace.Status_STATUS_CODE_ERROR || st.GetMessage() != "late" || texts(c.spans[1].GetAttributes())["error.type"] != string(llm.CodeTimeout) {
		t.Errorf("the failure is %v", c.spans[1])
	}
	for _, span := range c.spans[:2] {
		for key := range texts(span.GetAttributes()) {
			if strings.HasPrefix(key, "metadata.") || strings.HasPrefix(key, "gen_ai.input") || key == "llm.user" {
				t.Errorf("%s is there", key)
			}
		}
	}
}

func TestMetricsAreHistogramsOfABatch(t *testing.T) {
	c := newCollector(t)
	s := New(Settings{Metrics: c.URL + "/v1/metrics"})
	defer s.Close()
	bad := record("")
	bad.Err = &llm.Error{Code: llm.CodeTimeout}
	if _, err := s.Send(t.Context(), []*export.Record{record(""), record(""), bad}); err != nil {
		t.Fatal(err)
	}
	if len(c.spans) != 0 {
		t.Error("there are spans")
	}
	points := map[string]int{}
	for _, m := range c.metrics {
		h := m.GetHistogram()
		if h.GetAggregationTemporality() != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA {
			t.Errorf("%s: %v", m.GetName(), h.GetAggregationTemporality())
		}
		for _, p := range h.GetDataPoints() {
			points[m.GetName()]++
			var n uint64
			for _, b := range p.GetBucketCounts() {
				n += b
			}
			if n != p.GetCount() || len(p.GetBucketCounts()) != len(p.GetExplicitBounds())+1 || p.GetMin() > p.GetMax() || p.GetStartTimeUnixNano() > p.GetTimeUnixNano() {
				t.Errorf("%s: %v", m.GetName(), p)
			}
			if a := texts(p.GetAttributes()); a["gen_ai.token.type"] == "input" && (p.GetSum() != 16 || p.GetCount() != 2 || a["gen_ai.request.model"] != "granite") {
				t.Errorf("input tokens: %v", p)
			}
		}
	}
	for name, n := range map[string]int{
		"gen_ai.client.operation.duration": 2, "gen_ai.client.token.usage": 2, "gen_ai.server.time_to_first_token": 1, "gen_ai.server.time_per_output_token": 1, "gen_ai.usage.cost": 1,
	} {
		if points[name] != n {
			t.Errorf("%s has %d points, want %d", name, points[name], n)
		}
	}
}

func TestRefusalsOfACollector(t *testing.T) {
	c := newCollector(t)
	for _, one := range []struct {
		code   string
		status int
		final  bool
	}{{"14", 0, false}, {"8", 0, false}, {"16", 0, true}, {"x", 0, true}, {"", 503, false}, {"", 401, true}} {
		c.code, c.status = one.code, one.status
		s := New(Settings{Traces: c.URL, GRPC: one.status == 0})
		rest, err := s.Send(t.Context(), []*export.Record{record("")})
		_, final := errors.AsType[*export.FinalError](err)
		if len(rest) != 1 || err == nil || final != one.final {
			t.Errorf("%+v: %v, %v", one, rest, err)
		}
		s.Close()
	}
	c.status = 500
	s := New(Settings{Metrics: c.URL + "/v1/metrics"})
	defer s.Close()
	if rest, err := s.Send(t.Context(), []*export.Record{record("")}); len(rest) != 1 || err == nil {
		t.Errorf("got %v, %v", rest, err)
	}
}
