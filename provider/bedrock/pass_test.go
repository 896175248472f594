package bedrock_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/wire/eventstream"
)

// runtime is a fake runtime API that keeps what it got and answers as it is told.
type runtime struct {
	*aws
	requests []*http.Request
	bodies   []string
	answer   func(w http.ResponseWriter)
}

func newRuntime(t *testing.T, answer func(w http.ResponseWriter)) *runtime {
	rt := &runtime{answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rt.requests, rt.bodies = append(rt.requests, r), append(rt.bodies, string(body))
		w.Header().Set("X-Amzn-Requestid", "aws-1")
		rt.answer(w)
	}))
	t.Cleanup(server.Close)
	rt.aws = &aws{Server: server}
	return rt
}

// whole answers with a body of JSON.
func whole(body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = io.WriteString(w, body)
	}
}

// frames answers with a stream.
func frames(parts ...[]byte) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		for _, p := range parts {
			_, _ = w.Write(p)
		}
	}
}

func frame(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind}, {Name: eventstream.HeaderContentType, Value: "application/json"}, {Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

func exceptionFrame(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{{Name: eventstream.HeaderExceptionType, Value: kind}, {Name: eventstream.HeaderMessageType, Value: "exception"}}, []byte(payload))
}

func chunk(event string) []byte {
	return frame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(event))+`"}`)
}

// passer is the best target for a model.
func (rt *runtime) passer(t *testing.T, model string) provider.Passer {
	t.Helper()
	targets, err := rt.open(t, "*", map[string]string{"aws_region_name": "us-east-1"}, nil).Targets(llm.VerbRaw, model)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].(provider.Passer)
}

func raw(operation, body string, headers ...llm.Label) *llm.Raw {
	return &llm.Raw{Call: llm.Call{Headers: headers}, Dialect: llm.DialectBedrock, Operation: operation, Body: jsonx.Raw(body)}
}

func TestPassingACallOn(t *testing.T) {
	const profile = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	for _, tt := range []struct {
		operation, model, path, response string
		header                           []string
		usage                            llm.Usage
		stop                             string
		uncounted                        bool
	}{
		{operation: "converse", model: profile, path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", response: answer, usage: llm.Usage{Input: 1, Output: 1, Total: 2}, stop: "end_turn"},
		{operation: "converse", model: "anthropic.claude-sonnet-4-5-20250929-v1:0", path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", response: ` { "odd" : 1.0 } `, uncounted: true},
		{
			operation: "invoke", model: profile, path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke", response: `{"content":[]}`,
			header: []string{"X-Amzn-Bedrock-Input-Token-Count", "7", "X-Amzn-Bedrock-Output-Token-Count", "8", "X-Amzn-Bedrock-Cache-Read-Input-Token-Count", "3"},
			usage:  llm.Usage{Input: 7, Output: 8, Total: 15, CacheRead: llm.Some[int64](3)},
		},
		{operation: "invoke", model: profile, path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke", response: "\xff", uncounted: true},
		{operation: "count-tokens", model: profile, path: "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens", response: `{"inputTokens":3}`},
		{operation: "invoke", model: "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456", path: "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/invoke", response: `{}`, uncounted: true},
	} {
		rt := newRuntime(t, whole(tt.response, tt.header...))
		const body = ` {"a" : 1.0,  "unknown":"\u00e9"} `
		resp, err := rt.passer(t, tt.model).Pass(t.Context(), raw(tt.operation, body, llm.Label{Name: "X-Amzn-Bedrock-Trace", Value: "ENABLED"}, llm.Label{Name: "Accept", Value: "*/*"}))
		if err != nil {
			t.Errorf("%s of %s: %v", tt.operation, tt.model, err)
			continue
		}
		r := rt.requests[0]
		if got := r.URL.EscapedPath(); got != tt.path || rt.bodies[0] != body || r.Method != http.MethodPost {
			t.Errorf("%s of %s called %s with %q", tt.operation, tt.model, got, rt.bodies[0])
		}
		if h := r.Header; !strings.HasPrefix(h.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || h.Get("X-Amzn-Bedrock-Trace") != "ENABLED" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s: header %v", tt.operation, h)
		}
		if string(resp.Body) != tt.response || resp.Uncounted != tt.uncounted || !reflect.DeepEqual(resp.Usage, tt.usage) || resp.RawStop != tt.stop || resp.Meta.UpstreamID != "aws-1" || resp.Meta.Destination.API != tt.operation {
			t.Errorf("%s of %s: %+v", tt.operation, tt.model, resp)
		}
		for i := 0; i < len(tt.header); i += 2 {
			if !slices.Contains(resp.Meta.Header, llm.Label{Name: tt.header[i], Value: tt.header[i+1]}) {
				t.Errorf("the client does not get %s: %v", tt.header[i], resp.Meta.Header)
			}
		}
	}
}

// AWS's refusal is diagnosed, and kept as it was sent.
func TestARefusalIsPassedOn(t *testing.T) {
	const body = `{"message":"Too many tokens, please wait before trying again."}`
	for _, operation := range []string{"converse", "converse-stream", "invoke", "invoke-with-response-stream"} {
		rt := newRuntime(t, func(w http.ResponseWriter) {
			w.Header().Set("X-Amzn-Errortype", "ThrottlingException:http://internal.amazon.com/")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, body)
		})
		var err error
		if strings.Contains(operation, "stream") {
			_, err = rt.passer(t, "amazon.nova-lite-v1:0").PassStream(t.Context(), raw(operation, `{}`))
		} else {
			_, err = rt.passer(t, "amazon.nova-lite-v1:0").Pass(t.Context(), raw(operation, `{}`))
		}
		e := llm.AsError(err)
		if e.Status != 429 || e.Type != "ThrottlingException" || e.Code != llm.CodeLimitTokens || string(e.Body) != body || e.RequestID != "aws-1" || !e.Upstream {
			t.Errorf("%s: %+v", operation, e)
		}
	}
}

// read reads a stream to its end: the events' types, and their bytes.
func read(t *testing.T, s llm.RawStream) (types []string, data []byte, last llm.RawEvent, err error) {
	t.Helper()
	defer s.Close()
	for {
		var ev llm.RawEvent
		if err := s.Next(&ev); err != nil {
			again := s.Next(&ev)
			if !errors.Is(again, err) && llm.AsError(again).Message != llm.AsError(err).Message {
				t.Errorf("after its end the stream says %v", again)
			}
			return types, data, last, err
		}
		types, data = append(types, ev.Type), append(data, ev.Data...)
		if ev.Usage != nil || ev.Err != nil || ev.RawStop != "" {
			last = ev
		}
	}
}

func TestPassingAStreamOn(t *testing.T) {
	const usage = `{"metrics":{"latencyMs":1},"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}`
	start, delta, stop, meta := frame("messageStart", `{"role":"assistant"}`), frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"gra\"nite"},"p":"abcdef"}`), frame("messageStop", `{"stopReason":"end_turn"}`), frame("metadata", usage)
	corrupt := slices.Clone(delta)
	corrupt[len(corrupt)-1]++
	for _, tt := range []struct {
		name, operation string
		parts           [][]byte
		types           []string
		code            llm.Code // how it ends; empty for io.EOF
		usage           llm.Usage
	}{
		{"a complete one", "converse-stream", [][]byte{start, delta, stop, meta}, []string{"messageStart", "contentBlockDelta", "messageStop", "metadata"}, "", llm.Usage{Input: 3, Output: 4, Total: 7}},
		{"an unknown event", "converse-stream", [][]byte{start, frame("novelty", `{}`), stop, meta}, []string{"messageStart", "novelty", "messageStop", "metadata"}, "", llm.Usage{Input: 3, Output: 4, Total: 7}},
		{"without its end", "converse-stream", [][]byte{start, delta}, []string{"messageStart", "contentBlockDelta"}, llm.CodeInterrupted, llm.Usage{}},
		{"without its metadata", "converse-stream", [][]byte{start, delta, stop}, []string{"messageStart", "contentBlockDelta", "messageStop"}, llm.CodeInterrupted, llm.Usage{}},
		{"half a frame", "converse-stream", [][]byte{start, delta[:20]}, []string{"messageStart"}, llm.CodeInterrupted, llm.Usage{}},
		{"a wrong checksum", "converse-stream", [][]byte{start, corrupt, stop, meta}, []string{"messageStart"}, llm.CodeInterrupted, llm.Usage{}},
		{"nothing", "converse-stream", nil, nil, llm.CodeInterrupted, llm.Usage{}},
		{"an exception in the middle", "converse-stream", [][]byte{start, exceptionFrame("throttlingException", `{"message":"slow down"}`)}, []string{"messageStart", "throttlingException"}, llm.CodeLimitRequests, llm.Usage{}},
		{"Claude's own", "invoke-with-response-stream", [][]byte{
			chunk(`{"type":"message_start","message":{}}`), chunk(`{"type":"content_block_delta","delta":{"type":"text_delta","text":"granite"}}`),
			chunk(`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":4,"invocationLatency":1}}`),
		}, []string{"chunk", "chunk", "chunk"}, "", llm.Usage{Input: 3, Output: 4, Total: 7}},
		{"Claude's own without its end", "invoke-with-response-stream", [][]byte{chunk(`{"type":"message_start","message":{}}`), chunk(`{"type":"content_block_delta"}`)}, []string{"chunk", "chunk"}, llm.CodeInterrupted, llm.Usage{}},
		{"another model's", "invoke-with-response-stream", [][]byte{chunk(`{"outputText":"granite"}`)}, []string{"chunk"}, "", llm.Usage{}},
		{"chunks that are not what they claim", "invoke-with-response-stream", [][]byte{frame("chunk", `{"bytes":"?"}`), frame("chunk", `[]`), chunk(`{"amazon-bedrock-invocationMetrics":"x"}`)}, []string{"chunk", "chunk", "chunk"}, "", llm.Usage{}},
	} {
		rt := newRuntime(t, frames(tt.parts...))
		s, err := rt.passer(t, "us.amazon.nova-lite-v1:0").PassStream(t.Context(), raw(tt.operation, `{}`))
		if err != nil {
			t.Fatal(err)
		}
		types, data, last, err := read(t, s)
		if !slices.Equal(types, tt.types) {
			t.Errorf("%s: events %q, want %q", tt.name, types, tt.types)
		}
		if sent := slices.Concat(tt.parts...); string(data) != string(sent[:len(data)]) {
			t.Errorf("%s: the frames are others", tt.name)
		}
		switch {
		case tt.code == "" && !errors.Is(err, io.EOF):
			t.Errorf("%s: %v", tt.name, err)
		case tt.code != "" && (errors.Is(err, io.EOF) || llm.AsError(err).Code != tt.code || llm.AsError(err).RequestID != "aws-1"):
			t.Errorf("%s: %v %+v", tt.name, err, llm.AsError(err))
		}
		if tt.usage.Total != 0 && (last.Usage == nil || !reflect.DeepEqual(*last.Usage, tt.usage)) {
			t.Errorf("%s: usage %+v", tt.name, last.Usage)
		}
	}
}

func TestTheLengthOfADelta(t *testing.T) {
	for event, want := range map[string]int{
		`{"contentBlockIndex":0,"delta":{"text":"gra\"nite"},"p":"abcdefghijkl"}`: 9,
		`{"delta":{"toolUse":{"input":"{\"a\":1}"}},"p":"abc"}`:                   9,
		`{"delta":{"type":"input_json_delta","partial_json":"{}"}}`:               2,
		`{"delta":{"type":"thinking_delta","thinking":"hm"}}`:                     2,
		`{"delta":{}}`:       0,
		`{"delta":{"text":"`: 0,
	} {
		rt := newRuntime(t, frames(frame("contentBlockDelta", event)))
		s, err := rt.passer(t, "us.amazon.nova-lite-v1:0").PassStream(t.Context(), raw("converse-stream", `{}`))
		if err != nil {
			t.Fatal(err)
		}
		var ev llm.RawEvent
		if err := s.Next(&ev); err != nil || ev.Length != want {
			t.Errorf("%s has %d bytes of text (%v), want %d", event, ev.Length, err, want)
		}
		_ = s.Close()
	}
}

func TestPassingOnlyItsOwnDialect(t *testing.T) {
	p := newRuntime(t, whole(`{}`)).passer(t, "us.amazon.nova-lite-v1:0")
	if !p.Speaks(llm.DialectBedrock) || p.Speaks("openai") {
		t.Error("the target speaks another dialect")
	}
}

// The call ends when its context does.
func TestPassingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rt := newRuntime(t, frames(frame("messageStart", `{}`)))
	s, err := rt.passer(t, "us.amazon.nova-lite-v1:0").PassStream(ctx, raw("converse-stream", `{}`))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, _, _, err := read(t, s); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
