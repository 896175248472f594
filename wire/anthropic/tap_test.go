package anthropic_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
)

const rawStart = `{"type":"message_start","message":{"model":"claude-opus-4-6","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1,"service_tier":"standard"}}}`

func TestRawEventsAreWrittenWithTheClientsModel(t *testing.T) {
	const mine = `my "model"`
	got := string(anthropic.AppendRawEvent(nil, &anthropic.RawEvent{Type: "message_start", Data: []byte(`{"type":"message_start","model":"x","message":{"id":"a", "model" : "claude","role":"assistant"},"z":1}`)}, mine))
	want := `event: message_start` + "\n" + `data: {"type":"message_start","model":"x","message":{"id":"a", "model" : "my \"model\"","role":"assistant"},"z":1}` + "\n\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, data := range []string{`{"type":"message_start"}`, `{"type":"message_start","message":5}`, `{"type":"message_start","message":{"id":"a"}}`} {
		if got := string(anthropic.AppendRawEvent([]byte("x"), &anthropic.RawEvent{Type: "message_start", Data: []byte(data)}, mine)); got != "xevent: message_start\ndata: "+data+"\n\n" {
			t.Errorf("got %q", got)
		}
	}
	if got := string(anthropic.AppendRawEvent(nil, &anthropic.RawEvent{Type: "message_start", Data: []byte(rawStart)}, "")); got != "event: message_start\ndata: "+rawStart+"\n\n" {
		t.Errorf("got %q", got)
	}
	if got := string(anthropic.AppendRawEvent(nil, &anthropic.RawEvent{Type: "ping", Data: []byte(`{"type":"ping"}`)}, mine)); got != "event: ping\ndata: {\"type\":\"ping\"}\n\n" {
		t.Errorf("got %q", got)
	}
}

func TestEventsBeforeTheContentAreNoContent(t *testing.T) {
	for data, want := range map[string]bool{
		rawStart: false,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`:                   false,
		`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}`:           false,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a"}}`:                true,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello \"you\" \u00e9"}}`: true,
		`{"type":"content_block_stop","index":0}`:                                                              false,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}`:              true,
		`{"type":"message_stop"}`: true,
		`{"type": "ping"}`:        false,
	} {
		var tapped anthropic.Tapped
		var ev anthropic.RawEvent
		if err := tapped.Take(&ev, []byte(data)); err != nil || ev.HasContent() != want {
			t.Errorf("%s: %v, %v", data, ev.HasContent(), err)
		}
	}
}

func TestAStreamIsTapped(t *testing.T) {
	var tapped anthropic.Tapped
	for _, data := range []string{
		rawStart, `{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":7,"output_tokens_details":{"thinking_tokens":3}}}`, `{"type":"message_stop"}`,
	} {
		if tapped.Done {
			t.Error("done too early")
		}
		if err := tapped.Take(&anthropic.RawEvent{}, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if tapped.Usage.Input != 9 || tapped.Usage.Output != 7 || tapped.Usage.Reasoning != llm.Some[int64](3) || tapped.RawStop != "max_tokens" || tapped.ServiceTier != "default" || !tapped.Done || tapped.ID != "msg_1" {
		t.Errorf("%+v", tapped)
	}
	err := tapped.Take(&anthropic.RawEvent{}, []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	if f, ok := errors.AsType[*anthropic.APIError](err); !ok || f.Type != "overloaded_error" || f.Message != "Overloaded" {
		t.Errorf("%v", err)
	}
}

// What passes as a plain delta is not parsed, so an event that is not JSON must not pass.
func TestDeltasThatAreNotJSONAreRefused(t *testing.T) {
	const begin, end = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`, `"}}`
	for _, text := range []string{
		begin + end, begin + " word, größer" + end, begin + `a\nb` + end, begin + "a\nb" + end, begin + `a","x":"b` + end, begin + "a\xffb" + end, begin + "a",
		begin + `a"}       }`, begin + `a"}  `, begin + `a" }`,
		`{"type":"content_block_delta","index":,"delta":{"type":"text_delta","text":"` + end,
		`{"type":"content_block_delta","index":01,"delta":{"type":"text_delta","text":"` + end,
		`{"type":"content_block_delta","index":`,
	} {
		var ev anthropic.RawEvent
		err := new(anthropic.Tapped).Take(&ev, []byte(text))
		if valid := jsonx.Valid([]byte(text)); valid != (err == nil) {
			t.Errorf("%q: %v, but valid %v", text, err, valid)
		}
		if err == nil && bytes.ContainsAny(ev.Data, "\r\n") {
			t.Errorf("%q stands on several lines", ev.Data)
		}
	}
}

func TestFailuresAreDecoded(t *testing.T) {
	f, id := anthropic.DecodeFailure([]byte(`{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_1"}`))
	if f == nil || f.Type != "rate_limit_error" || f.Message != "slow down" || id != "req_1" {
		t.Errorf("%v %q", f, id)
	}
	for _, body := range []string{"", "<html>", `{"error":"x"}`, `{"error":{"message":"m"}}`, strings.Repeat("[", 20000)} {
		if f, _ := anthropic.DecodeFailure([]byte(body)); f != nil {
			t.Errorf("%.20s is %v", body, f)
		}
	}
}
