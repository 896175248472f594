package invoke

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// chunk is a frame with an event.
func chunk(event string) []byte {
	return payload(`{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(event)) + `","p":"abcDEF12"}`)
}

func payload(json string) []byte { return frame("chunk", json) }

func frame(kind, payload string) []byte {
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: kind}, {Name: eventstream.HeaderContentType, Value: "application/json"}, {Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(payload))
}

func chunks(events ...string) []byte {
	var out []byte
	for _, e := range events {
		out = append(out, chunk(e)...)
	}
	return out
}

const (
	evStart = `{"type":"message_start","message":{"model":"claude-opus-4-6","id":"msg_bdrk_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":30,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":1,"service_tier":"standard"}}}`
	evText  = `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	evDelta = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello \"you\" é"}}`
	evEnd   = `{"type":"content_block_stop","index":0}`
	evStop  = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":3}}}`
	evLast  = `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":9,"outputTokenCount":7,"invocationLatency":900,"firstByteLatency":300}}`
)

// readAll reads a stream to its end.
func readAll(r *Reader) (events []string, err error) {
	for {
		var ev Event
		if err := r.Next(&ev); err != nil {
			return events, err
		}
		events = append(events, ev.Type+" "+string(ev.Data))
	}
}

func TestReader(t *testing.T) {
	body := chunks(evStart, `{"type":"ping"}`, evText, evDelta, evEnd, evStop, evLast)
	for name, in := range map[string]io.Reader{
		"at once": bytes.NewReader(body), "byte by byte": iotest.OneByteReader(bytes.NewReader(body)),
	} {
		r := NewReader(in)
		got, err := readAll(r)
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", name, err)
		}
		want := []string{
			"message_start " + evStart, `ping {"type":"ping"}`, "content_block_start " + evText, "content_block_delta " + evDelta, "content_block_stop " + evEnd,
			"message_delta " + evStop, `message_stop {"type":"message_stop"}`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		wantTapped := &Tapped{LatencyMs: llm.Some[int64](900), Tapped: anthropic.Tapped{
			ID: "msg_bdrk_1", Model: "claude-opus-4-6", Counted: true, ServiceTier: "default", Stop: llm.StopEnd, RawStop: "end_turn", Done: true,
			Usage: llm.Usage{
				Input: 9, Output: 7, Total: 50, CacheRead: llm.Some[int64](4), CacheWrite: llm.Some[int64](30), Reasoning: llm.Some[int64](3),
				CacheWrites: []llm.CacheWrite{{TTL: "5m", Tokens: 10}, {TTL: "1h", Tokens: 20}},
			},
		}}
		if diff := cmp.Diff(wantTapped, r.Tapped()); diff != "" {
			t.Errorf("%s: tapped (-want +got):\n%s", name, diff)
		}
		if r.More() || r.Next(&Event{}) == nil {
			t.Error("it goes on behind its end")
		}
	}
}

func TestEventsThatAreWrittenOtherwise(t *testing.T) {
	event := "{ \"index\":0,\n \"type\" : \"content_block_delta\", \"delta\":{\"type\":\"text_delta\",\"text\":\"a\\nb\"}}"
	body := bytes.Join([][]byte{
		payload(`{ "p":"x", "bytes" : "` + base64.StdEncoding.EncodeToString([]byte(event)) + `" }`),
		payload(`{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(`{"type":"ping"}`)) + `"}`),
		payload(`{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(`{"type":"ping"}`)) + `","p":"a-b"}`),
		frame("somethingNew", `{}`),
		chunk(`{"type":"message_stop" , "amazon-bedrock-trace":{}}`),
	}, nil)
	got, err := readAll(NewReader(bytes.NewReader(body)))
	want := []string{
		`content_block_delta {"index":0,"type":"content_block_delta","delta":{"type":"text_delta","text":"a\nb"}}`, `ping {"type":"ping"}`, `ping {"type":"ping"}`,
		`message_stop {"type":"message_stop" , "amazon-bedrock-trace":{}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestUsageFromTheMetrics(t *testing.T) {
	r := NewReader(bytes.NewReader(chunks(`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":9,"outputTokenCount":7,"cacheReadInputTokenCount":5,"cacheWriteInputTokenCount":1}}`)))
	if _, err := readAll(r); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	want := llm.Usage{Input: 9, Output: 7, Total: 22, CacheRead: llm.Some[int64](5), CacheWrite: llm.Some[int64](1)}
	if diff := cmp.Diff(want, r.Tapped().Usage); diff != "" || !r.Tapped().Counted {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBrokenStreams(t *testing.T) {
	exception := func(kind, message string) []byte {
		return eventstream.Append(nil, []eventstream.Header{{Name: ":exception-type", Value: kind}, {Name: ":message-type", Value: "exception"}}, []byte(`{"message":"`+message+`"}`))
	}
	damaged := chunks(evDelta)
	damaged[len(damaged)-6] ^= 1
	reset := errors.New("connection reset")
	tests := []struct {
		name   string
		body   []byte
		after  error
		events int
		want   awserror.Fault
	}{
		{"nothing", nil, nil, 0, awserror.Fault{Kind: awserror.FaultEmpty}},
		{"an end before message_stop", chunks(evStart, evText, evDelta, evEnd, evStop), nil, 5, awserror.Fault{Kind: awserror.FaultCut}},
		{"an end in a frame", append(chunks(evStart), chunk(evText)[:30]...), nil, 1, awserror.Fault{Kind: awserror.FaultCut}},
		{"an end in a frame behind message_stop", append(chunks(evLast), chunk(evText)[:30]...), nil, 1, awserror.Fault{Kind: awserror.FaultCut}},
		{"a connection that breaks", chunks(evStart), reset, 1, awserror.Fault{Kind: awserror.FaultCut}},
		{"a damaged frame", append(chunks(evStart), damaged...), nil, 1, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"no frames", []byte(`{"message":"The security token is invalid"}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"an exception", append(chunks(evStart), exception("throttlingException", "slow")...), nil, 1, awserror.Fault{Kind: awserror.FaultException, Type: "ThrottlingException", Status: 429}},
		{"an exception of the model", exception("modelStreamErrorException", "x"), nil, 0, awserror.Fault{Kind: awserror.FaultException, Type: "ModelStreamErrorException", Status: 424}},
		{"an error in the place of an event", chunks(evStart, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), nil, 1, awserror.Fault{Kind: awserror.FaultException, Type: "ServiceUnavailableException", Status: 503, Message: "Overloaded"}},
		{"a chunk without bytes", payload(`{"p":"a"}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"a chunk that is no object", payload(`[]`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"bytes that are no base64", payload(`{"bytes":"!"}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"an event that is no JSON", chunks(`{"type":"content_block_delta",`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"a beginning that is no JSON", chunks(`{"type":"message_start",`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"an event without a type", chunks(`{"index":0}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"an event of another type", chunks(`[]`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"an error that is no object", chunks(`{"type":"error","error":[]}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"a type of two lines", chunks(`{"type":"a\nb"}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
		{"usage of another type", chunks(`{"type":"message_delta","usage":{"output_tokens":"x"}}`), nil, 0, awserror.Fault{Kind: awserror.FaultCorrupt}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var in io.Reader = bytes.NewReader(tt.body)
			if tt.after != nil {
				in = io.MultiReader(in, iotest.ErrReader(tt.after))
			}
			r := NewReader(in)
			events, err := readAll(r)
			f, ok := errors.AsType[*awserror.Fault](err)
			if !ok || f.Kind != tt.want.Kind || f.Type != tt.want.Type || f.Status != tt.want.Status || !f.InStream || errors.Is(err, io.EOF) || f.Error() == "" {
				t.Fatalf("got %+v", err)
			}
			if tt.want.Message != "" && f.Message != tt.want.Message {
				t.Errorf("message %q", f.Message)
			}
			if tt.after != nil && !errors.Is(err, tt.after) {
				t.Error("the reader's own error is lost")
			}
			if len(events) != tt.events {
				t.Errorf("%d events came before, want %d", len(events), tt.events)
			}
			var again Event
			if err := r.Next(&again); !errors.Is(err, f) || again.Data != nil {
				t.Errorf("a second time: %v", err)
			}
			decoded := NewEvents(NewReader(bytes.NewReader(tt.body)))
			for {
				var ev llm.Event
				if err = decoded.Next(&ev); err != nil {
					break
				}
			}
			if errors.Is(err, io.EOF) && tt.after == nil {
				t.Errorf("in the common language: %v", err)
			}
		})
	}
}

func TestErrorsInAnthropicsForm(t *testing.T) {
	for kind, want := range map[string]int{
		"invalid_request_error": 400, "request_too_large": 400, "authentication_error": 403, "permission_error": 403, "billing_error": 403, "not_found_error": 404,
		"rate_limit_error": 429, "timeout_error": 408, "overloaded_error": 503, "api_error": 500, "new": 500,
	} {
		_, err := Whole([]byte(`{"type":"error","error":{"type":"`+kind+`","message":"m"}}`), "")
		f, ok := errors.AsType[*awserror.Fault](err)
		if !ok || f.Status != want || f.Message != "m" || f.Kind != awserror.FaultException || f.InStream {
			t.Errorf("%s: %+v", kind, err)
		}
	}
}

func TestMemoryDoesNotGrowWithTheStream(t *testing.T) {
	one := chunk(evDelta)
	const count = 100_000
	body := io.MultiReader(bytes.NewReader(chunks(evStart, evText)), &repeat{one: one, left: count}, bytes.NewReader(chunks(evEnd, evStop, evLast)))
	r := NewReader(body)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var out []byte
	n := 0
	for {
		var ev Event
		if err := r.Next(&ev); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		out = anthropic.AppendRawEvent(out[:0], &ev, "m")
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n != count+5 {
		t.Errorf("%d events", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes more are held", grown)
	}
	// The race detector makes pools forget at random; 64 bytes an event are enough without it.
	if total := after.TotalAlloc - before.TotalAlloc; total > count*512 {
		t.Errorf("%d bytes were allocated for %d events", total, n)
	}
}

type repeat struct {
	one      []byte
	at, left int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.one[r.at:])
	if r.at += n; r.at == len(r.one) {
		r.at = 0
		r.left--
	}
	return n, nil
}

const wholeBody = `{ "model" : "claude-opus-4-6","id":"msg_bdrk_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}, "x":{"model":"y"} }`

func TestWhole(t *testing.T) {
	a, err := Whole([]byte(wholeBody), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(bytes.Join(a.Body, nil)), strings.Replace(wholeBody, `"claude-opus-4-6"`, `"mine"`, 1); got != want {
		t.Errorf("got %s", got)
	}
	want := anthropic.Tapped{ID: "msg_bdrk_1", Model: "claude-opus-4-6", Counted: true, Stop: llm.StopMaxTokens, RawStop: "max_tokens", Usage: llm.Usage{Input: 3, Output: 4, Total: 7}}
	if diff := cmp.Diff(want, a.Tapped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a, err = Whole([]byte(`{"type":"message","content":[]}`), "mine")
	if err != nil || string(bytes.Join(a.Body, nil)) != `{"type":"message","content":[]}` || a.Counted {
		t.Errorf("got %+v, %v", a, err)
	}
	if a, err = Whole([]byte(wholeBody), ""); err != nil || string(bytes.Join(a.Body, nil)) != wholeBody {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for body, want := range map[string]awserror.FaultKind{
		"": awserror.FaultEmpty, "{}": awserror.FaultEmpty, `{"type":"message"`: awserror.FaultCorrupt, `[]`: awserror.FaultCorrupt, `{"type":"message","content":null}`: awserror.FaultEmpty,
		`{"type":"message","content":[],"usage":{"input_tokens":"x"}}`: awserror.FaultCorrupt, "<html>": awserror.FaultCorrupt, `{"completion":"x"}`: awserror.FaultEmpty,
		`{"type":"message","content":[` + strings.Repeat("1,", maxValues+1) + `1]}`: awserror.FaultLarge,
	} {
		for _, read := range []func() error{
			func() error { _, err := Whole([]byte(body), "m"); return err },
			func() error { _, err := Decode([]byte(body)); return err },
		} {
			err := read()
			if f, ok := errors.AsType[*awserror.Fault](err); !ok || f.Kind != want || f.InStream {
				t.Errorf("%.60s: %+v", body, err)
			}
		}
	}
	if _, err := Decode([]byte(`{"type":"message","content":["x"]}`)); err == nil {
		t.Error("a block of another type is taken")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(chunks(evStart, evText, evDelta, evEnd, evStop, evLast))
	f.Add(append(chunks(evStart, `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b","input":{"c":1}}}`), chunk(evLast)[:20]...))
	f.Add(chunks(evStart, `{"type":"error","error":{"type":"overloaded_error"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		// The bytes are a body, and the content of chunks.
		for _, in := range [][]byte{body, chunks(strings.Split(string(body), "\n")...)} {
			r := NewReader(bytes.NewReader(in))
			var ev Event
			var err error
			complete := false
			for err == nil {
				if err = r.Next(&ev); err == nil {
					complete = complete || ev.Type == "message_stop"
					if !jsonx.Valid(ev.Data) || bytes.ContainsAny(ev.Data, "\r\n") {
						t.Fatalf("an event %q", ev.Data)
					}
					if out := anthropic.AppendRawEvent(nil, &ev, "m"); bytes.Count(out, []byte("\n")) != 3 {
						t.Fatalf("written as %q", out)
					}
				}
			}
			if _, ok := errors.AsType[*awserror.Fault](err); !ok && (!errors.Is(err, io.EOF) || !complete) {
				t.Fatalf("ended with %v", err)
			}
			events := NewEvents(NewReader(bytes.NewReader(in)))
			var fold llm.Fold
			for {
				var ev llm.Event
				if err := events.Next(&ev); err != nil {
					break
				}
				fold.Add(&ev)
			}
			fold.Answer()
		}
	})
}

func FuzzWhole(f *testing.F) {
	f.Add([]byte(wholeBody))
	f.Add([]byte(`{"type":"message","content":[{"type":"text","citations":[{}]},{"type":"x","tool_use_id":"a","content":[]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Whole(body, "m")
		if err != nil {
			if _, ok := errors.AsType[*awserror.Fault](err); !ok {
				t.Fatal(err)
			}
			return
		}
		if out := bytes.Join(a.Body, nil); !jsonx.Valid(out) {
			t.Fatalf("%s became %s", body, out)
		}
		_, _ = Decode(body)
	})
}

func BenchmarkReader(b *testing.B) {
	body := chunks(append([]string{evStart, evText}, slicesRepeat(evDelta, 200)...)...)
	body = append(body, chunks(evEnd, evStop, evLast)...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		r := NewReader(bytes.NewReader(body))
		var ev Event
		for r.Next(&ev) == nil {
			out = anthropic.AppendRawEvent(out[:0], &ev, "m")
		}
	}
}

func slicesRepeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}
