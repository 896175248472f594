package converse

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/eventstream"
)

// frame makes a frame as AWS sends it, of an event type and a payload.
func frame(eventType, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: eventType},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

func stream(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

var (
	start = frame("messageStart", `{"p":"ab","role":"assistant"}`)
	hello = frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abc"}`)
	stop  = frame("messageStop", `{"p":"a","stopReason":"end_turn"}`)
)

// wholeStream has every kind of event that AWS sends, as it sends them.
func wholeStream() []byte {
	return stream(
		start,
		frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":""},"p":"a"}`),
		frame("contentBlockStop", `{"contentBlockIndex":0,"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":"hm"}},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"signature":"c2ln"}},"p":"a"}`),
		frame("contentBlockStop", `{"contentBlockIndex":1,"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"reasoningContent":{"redactedContent":"RXFB"}},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":3,"delta":{"reasoningContent":{"redactedContent":"RHFC"}},"p":"a"}`),
		frame("contentBlockStart", `{"contentBlockIndex":4,"p":"a","start":{"toolUse":{"name":"nova_code_interpreter","toolUseId":"tooluse_1","type":"server_tool_use"}}}`),
		frame("contentBlockDelta", `{"contentBlockIndex":4,"delta":{"toolUse":{"input":"{\"snippet\":"}},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":4,"delta":{"toolUse":{"input":"\"1+1\"}"}},"p":"a"}`),
		frame("contentBlockStart", `{"contentBlockIndex":5,"p":"a","start":{"toolResult":{"status":"success","toolUseId":"tooluse_1","type":"nova_code_interpreter_result"}}}`),
		frame("contentBlockDelta", `{"contentBlockIndex":5,"delta":{"toolResult":[{"json":{"stdOut":"2","isError":false}}]},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":5,"delta":{"toolResult":[{"text":"done"}]},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":5,"delta":{"toolResult":[]},"p":"a"}`),
		frame("contentBlockStart", `{"contentBlockIndex":6,"p":"a","start":{"image":{"format":"png"}}}`),
		frame("contentBlockDelta", `{"contentBlockIndex":6,"delta":{"image":{"source":{"bytes":"QQ=="}}},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":6,"delta":{"image":{"error":{"message":"blurred"}}},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":7,"delta":{"text":"cited"},"p":"a"}`),
		frame("contentBlockDelta", `{"contentBlockIndex":7,"delta":{"citation":{"title":"t"}},"p":"a"}`),
		frame("contentBlockStart", `{"contentBlockIndex":8,"p":"a","start":{"hologram":{"depth":3}}}`),
		frame("contentBlockDelta", `{"contentBlockIndex":8,"delta":{"hologram":[1]},"p":"a"}`),
		frame("heartbeat", `{"at":1}`),
		frame("messageStop", `{"additionalModelResponseFields":{"x":null},"later":1,"p":"a","stopReason":"tool_use"}`),
		frame("metadata", `{"metrics":{"latencyMs":753},"p":"a","performanceConfig":{"latency":"standard"},"serviceTier":{"type":"flex"},"trace":{},`+
			`"usage":{"cacheDetails":[{"inputTokens":5,"ttl":"1h"}],"cacheReadInputTokens":0,"cacheWriteInputTokens":5,"inputTokens":70,"outputTokens":43,"serverToolUsage":{},"totalTokens":118}}`),
	)
}

func TestAStreamWithEverythingComesThroughWhole(t *testing.T) {
	body := wholeStream()
	var again []byte
	var fold llm.Fold
	r := NewReader(iotest.HalfReader(bytes.NewReader(body)))
	for {
		var ev llm.Event
		err := r.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		again = AppendEvent(again, &ev, "a")
		fold.Add(&ev)
	}
	want := bytes.Replace(body, start, frame("messageStart", `{"p":"a","role":"assistant"}`), 1)
	if !bytes.Equal(want, again) {
		t.Errorf("the frames changed (-came +went):\n%s", cmp.Diff(string(want), string(again)))
	}
	const answer = `{"additionalModelResponseFields":{"x":null},"later":1,"metrics":{"latencyMs":753},"output":{"message":{"content":[` +
		`{"text":""},` +
		`{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"hm"}}},` +
		`{"reasoningContent":{"redactedContent":"RXFB"}},{"reasoningContent":{"redactedContent":"RHFC"}},` +
		`{"toolUse":{"input":{"snippet":"1+1"},"name":"nova_code_interpreter","toolUseId":"tooluse_1","type":"server_tool_use"}},` +
		`{"toolResult":{"content":[{"json":{"stdOut":"2","isError":false}},{"text":"done"}],"status":"success","toolUseId":"tooluse_1","type":"nova_code_interpreter_result"}},` +
		`{"image":{"error":{"message":"blurred"},"format":"png","source":{"bytes":"QQ=="}}},` +
		`{"citationsContent":{"citations":[{"title":"t"}],"content":[{"text":"cited"}]}},` +
		`{"hologram":{"depth":3}}` + // of one name only the first can be written
		`],"role":"assistant"}},"performanceConfig":{"latency":"standard"},"serviceTier":{"type":"flex"},"stopReason":"tool_use","trace":{},` +
		`"usage":{"cacheDetails":[{"inputTokens":5,"ttl":"1h"}],"cacheReadInputTokens":0,"cacheWriteInputTokens":5,"inputTokens":70,"outputTokens":43,"serverToolUsage":{},"totalTokens":118}}`
	whole := AppendResponse(nil, fold.Answer())
	if diff := cmp.Diff(value(t, []byte(answer)), value(t, whole)); diff != "" {
		t.Errorf("the folded answer (-want +got):\n%s", diff)
	}
}

// read gives the events of a stream and the error behind them.
func read(body io.Reader) ([]llm.Event, error) {
	var events []llm.Event
	for r := NewReader(body); ; {
		var ev llm.Event
		if err := r.Next(&ev); err != nil {
			if again := r.Next(&ev); !errors.Is(again, err) {
				return events, errors.Join(err, errors.New("Next did not repeat its error"))
			}
			return events, err
		}
		events = append(events, ev)
	}
}

func TestEvents(t *testing.T) {
	raw := func(name, v string) *jsonx.Member { return &jsonx.Member{Name: name, Value: jsonx.Raw(v)} }
	tests := []struct {
		name, eventType, payload string
		want                     []llm.Event
	}{
		{
			"a delta that says nothing is an empty text", "contentBlockDelta", `{"contentBlockIndex":2,"delta":{}}`,
			[]llm.Event{{Kind: llm.EventDelta, Index: 2, Block: llm.BlockText}},
		},
		{
			"members beside the delta's own are kept", "contentBlockDelta", `{"new":1,"delta":{"text":"a","alternatives":[]},"contentBlockIndex":1}`,
			[]llm.Event{{Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Text: "a", Extra: []jsonx.Member{*raw("new", "1"), *raw("alternatives", "[]")}}},
		},
		{
			"several pieces of a tool result are several events", "contentBlockDelta", `{"delta":{"toolResult":[{"text":"a"},{"json":1},{"new":2}]},"contentBlockIndex":1}`,
			[]llm.Event{
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockToolResult, Text: "a", Other: raw("text", `"a"`)},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockToolResult, Other: raw("json", "1")},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockToolResult, Other: raw("new", "2")},
			},
		},
		{
			"text and signature in one delta", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"a","signature":"b","new":1}}}`,
			[]llm.Event{{Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: "a", Signature: "b", Extra: []jsonx.Member{*raw("new", "1")}}},
		},
		{
			"an unknown member of a tool's delta", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}","new":1}}}`,
			[]llm.Event{{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: "{}", Extra: []jsonx.Member{*raw("new", "1")}}},
		},
		{
			"an empty start is taken for a text's", "contentBlockStart", `{"contentBlockIndex":0,"start":{}}`,
			[]llm.Event{{Kind: llm.EventBlockStart, Block: llm.BlockText}},
		},
		{
			"a start that has text already", "contentBlockStart", `{"start":{"text":"a"},"contentBlockIndex":3}`,
			[]llm.Event{{Kind: llm.EventBlockStart, Index: 3, Block: llm.BlockText}, {Kind: llm.EventDelta, Index: 3, Block: llm.BlockText, Text: "a"}},
		},
		{
			"an unknown stop", "messageStop", `{"stopReason":"coffee_break"}`,
			[]llm.Event{{Kind: llm.EventStop, Stop: llm.StopOther, RawStop: "coffee_break"}},
		},
		{"an unknown event", "audioStart", `{"a":1}`, []llm.Event{{Kind: llm.EventOther, Other: raw("audioStart", `{"a":1}`)}}},
		{"an unknown event that is not JSON", "blob", "\x00\x01", []llm.Event{{Kind: llm.EventOther, Other: &jsonx.Member{Name: "blob"}}}},
		{"an unknown member of the stop of a block", "contentBlockStop", `{"contentBlockIndex":1,"new":1}`, []llm.Event{
			{Kind: llm.EventBlockEnd, Index: 1, Extra: []jsonx.Member{*raw("new", "1")}},
		}},
		{"an unknown member of the start", "messageStart", `{"role":"assistant","new":1}`, []llm.Event{
			{Kind: llm.EventStart, Role: llm.RoleAssistant, Extra: []jsonx.Member{*raw("new", "1")}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := read(bytes.NewReader(stream(frame(tt.eventType, tt.payload), stop)))
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, events[:len(events)-1]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamsThatFail(t *testing.T) {
	reset := errors.New("connection reset by peer")
	damaged := bytes.Clone(hello)
	damaged[len(damaged)-6] ^= 1
	tests := []struct {
		name   string
		body   []byte
		then   error // what the connection fails with behind body
		events int
		want   Fault
	}{
		{"nothing at all", nil, nil, 0, Fault{Kind: FaultEmpty, Message: "the stream ended without an event"}},
		{"an end before messageStop", stream(start, hello), nil, 2, Fault{Kind: FaultCut, Message: "the stream ended before the end of the response"}},
		{"an end inside a frame", stream(start, hello[:40]), nil, 1, Fault{Kind: FaultCut, Message: "the event stream ends inside a frame"}},
		{"an end inside a frame behind messageStop", stream(start, stop, hello[:40]), nil, 2, Fault{Kind: FaultCut, Message: "the event stream ends inside a frame"}},
		{"a connection that breaks", stream(start), reset, 1, Fault{Kind: FaultCut, Message: "the stream broke off"}},
		{"a changed byte", stream(start, damaged), nil, 1, Fault{Kind: FaultCorrupt, Message: "an event stream frame's checksum does not match"}},
		{"a JSON body for a stream", []byte(`{"message":"no stream here, sorry"}`), nil, 0, Fault{Kind: FaultCorrupt, Message: "an event stream frame's checksum does not match (prelude)"}},
		{
			"an event that is not JSON", stream(start, frame("contentBlockDelta", "hello")), nil, 1,
			Fault{Kind: FaultCorrupt, Message: "an event contentBlockDelta cannot be decoded: invalid JSON: invalid character 'h' at start of value"},
		},
		{
			"an event of other types", stream(start, frame("contentBlockDelta", `{"delta":{"text":1}}`)), nil, 1,
			Fault{Kind: FaultCorrupt, Message: "an event contentBlockDelta cannot be decoded: delta.text: must be a string, not a number"},
		},
		{
			"a block of a negative number", stream(frame("contentBlockStop", `{"contentBlockIndex":-1}`)), nil, 0,
			Fault{Kind: FaultCorrupt, Message: "an event contentBlockStop cannot be decoded: contentBlockIndex: -1 is not a valid block index"},
		},
		{
			"an exception of the service model", stream(start, AppendException(nil, "throttlingException", "Too many tokens")), nil, 1,
			Fault{Kind: FaultException, Status: 429, Type: "ThrottlingException", Message: "Too many tokens"},
		},
		{
			"an exception behind messageStop", stream(start, stop, AppendException(nil, "internalServerException", "oh")), nil, 2,
			Fault{Kind: FaultException, Status: 500, Type: "InternalServerException", Message: "oh"},
		},
		{
			"an exception that quotes the model's server",
			eventstream.Append(nil, []eventstream.Header{{Name: ":exception-type", Value: "modelStreamErrorException"}},
				[]byte(`{"message":"bad","originalStatusCode":529,"originalMessage":"overloaded"}`)),
			nil, 0,
			Fault{Kind: FaultException, Status: 424, Type: "ModelStreamErrorException", Message: "bad", OriginalStatus: 529, OriginalMessage: "overloaded"},
		},
		{
			"an error outside the service model", stream(start, AppendErrorFrame(nil, "InternalFailure", "who knows")), nil, 1,
			Fault{Kind: FaultException, Status: 500, Type: "InternalFailure", Message: "who knows"},
		},
		{
			"an error with its words in the payload",
			eventstream.Append(nil, []eventstream.Header{{Name: ":message-type", Value: "error"}, {Name: ":error-code", Value: "com.aws#serviceUnavailableException"}}, []byte(`{"Message":"later"}`)),
			nil, 0,
			Fault{Kind: FaultException, Status: 503, Type: "ServiceUnavailableException", Message: "later"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body io.Reader = bytes.NewReader(tt.body)
			if tt.then != nil {
				body = io.MultiReader(body, iotest.ErrReader(tt.then))
			}
			events, err := read(body)
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Fatalf("got %v", err)
			}
			if errors.Is(err, io.EOF) || tt.then != nil && !errors.Is(err, tt.then) {
				t.Errorf("the error underneath is %v", fault.Err)
			}
			got := *fault
			got.Err = nil
			tt.want.InStream = true
			if diff := cmp.Diff(tt.want, got); diff != "" || len(events) != tt.events {
				t.Errorf("%d events, then (-want +got):\n%s", len(events), diff)
			}
		})
	}
}

func TestAStreamMayEndWithoutMetadataOrGoOnBehindIt(t *testing.T) {
	metadata := frame("metadata", `{"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)
	for _, body := range [][]byte{stream(start, hello, stop), stream(start, stop, metadata, frame("later", `{}`))} {
		if events, err := read(bytes.NewReader(body)); !errors.Is(err, io.EOF) {
			t.Errorf("after %d events: %v", len(events), err)
		}
	}
}

func TestMoreTellsOfEventsAhead(t *testing.T) {
	pieces := frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolResult":[{"text":"a"},{"text":"b"}]}}`)
	r := NewReader(bytes.NewReader(stream(pieces, stop)))
	var ev llm.Event
	for i, want := range []bool{true, true, false} {
		if err := r.Next(&ev); err != nil {
			t.Fatal(err)
		}
		if r.More() != want {
			t.Errorf("after event %d More is %v", i, r.More())
		}
	}
	if err := r.Next(&ev); !errors.Is(err, io.EOF) || r.More() {
		t.Errorf("at the end: %v", err)
	}
}

func TestAppendEventLeavesOutWhatAWSDoesNotSend(t *testing.T) {
	for _, ev := range []llm.Event{{}, {Kind: llm.EventBlockStart, Block: llm.BlockText}, {Kind: llm.EventOther}} {
		if got := AppendEvent([]byte("x"), &ev, "p"); string(got) != "x" {
			t.Errorf("%+v made %q", ev, got)
		}
	}
}

func TestAppendEventWithoutPaddingOrRole(t *testing.T) {
	got := AppendEvent(nil, &llm.Event{Kind: llm.EventStart}, "")
	if want := frame("messageStart", `{"role":"assistant"}`); !bytes.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	got = AppendEvent(nil, &llm.Event{Kind: llm.EventStop, Stop: llm.StopMaxTokens}, "")
	if want := frame("messageStop", `{"stopReason":"max_tokens"}`); !bytes.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestStopWords(t *testing.T) {
	for reason := llm.StopEnd; reason < llm.StopOther; reason++ {
		if got := stopReason(stopWord("", reason)); got != reason {
			t.Errorf("%d became %d", reason, got)
		}
	}
	for _, word := range []string{"guardrail_intervened", "content_filtered"} {
		if stopReason(word) != llm.StopFiltered {
			t.Error(word)
		}
	}
	for _, word := range []string{"malformed_model_output", "malformed_tool_use"} {
		if stopReason(word) != llm.StopMalformed {
			t.Error(word)
		}
	}
	if stopReason("") != llm.StopUnset || stopWord("coffee_break", llm.StopOther) != "coffee_break" {
		t.Error("no word, or a word of AWS's own")
	}
}

func FuzzReader(f *testing.F) {
	f.Add("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"a"},"p":"a"}`)
	for d := eventstream.NewDecoder(bytes.NewReader(wholeStream())); ; {
		frame, err := d.Next()
		if err != nil {
			break
		}
		f.Add(string(frame.Header(eventstream.HeaderEventType)), string(frame.Payload))
	}
	f.Fuzz(func(t *testing.T, eventType, payload string) {
		if len(eventType) > 100 || len(payload) > 1<<16 {
			return
		}
		body := stream(start, frame(eventType, payload), stop)
		events, err := read(bytes.NewReader(body))
		var fault *Fault
		if !errors.Is(err, io.EOF) && !errors.As(err, &fault) {
			t.Fatalf("an error of another type: %v", err)
		}
		// What could be read can be written and reads the same, but for the
		// starts that have no frame.
		var again []byte
		var fold llm.Fold
		for i := range events {
			again = AppendEvent(again, &events[i], "pad")
			fold.Add(&events[i])
		}
		if !jsonx.Valid(AppendResponse(nil, fold.Answer())) {
			t.Error("the folded answer is not JSON")
		}
		if !errors.Is(err, io.EOF) {
			return
		}
		if _, err := read(bytes.NewReader(again)); !errors.Is(err, io.EOF) {
			t.Errorf("written again it does not read: %v", err)
		}
	})
}

func BenchmarkTextDelta(b *testing.B) {
	body := bytes.Repeat(frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":" capital of France is"},"p":"abcdefghijklmnopqrstuvwxyz"}`), 1000)
	var ev llm.Event
	r := NewReader(bytes.NewReader(body))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Next(&ev); err != nil {
			r = NewReader(bytes.NewReader(body))
		}
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	ev := llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: " capital of France is"}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEvent(dst[:0], &ev, "abcdefghijklmnopqrstuvwxyz")
	}
}
