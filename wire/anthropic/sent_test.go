package anthropic

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outcrop/internal/jsonx"
)

// streamedEvents are events of streams; the first plainEvents of them have nothing unusual.
var streamedEvents = []string{
	`{"type":"message_start","message":{"model":"claude","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"usage":{"input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":0}}}}`,
	`{"type":"content_block_start","index":12,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":"x"}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"größer\n"}   }`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"a="}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":48}}`,
	`{"type": "message_stop"}`, `{"type":"ping"}`, `{}`,
	// Unusual ones.
	`{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"x"}}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"other_delta","value":null}}`,
	`{"type":"content_block_delta","index":-1,"delta":{"type":"text_delta","text":"a"}}`,
	`{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"S"},"usage":null,"context_management":null}`,
	`{"type":"message_start","message":{"id":"a","container":{"id":"b"}}}`, `{"type":"message_start","message":{"content":[1]}}`, `{"type":"message_start","message":null}`,
	`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"invocationLatency":7}}`,
	`{"type":1}`, `{"type":"ping","type":"ping"}`, `[]`, ``,
}

const plainEvents = 13

// asSent compares what has been decoded, except for members without a value.
var asSent = cmp.Options{
	cmpopts.IgnoreFields(sentMessage{}, "Content"), // which is empty
	cmp.Transformer("value", func(v jsonx.Raw) string {
		if !has(v) {
			return ""
		}
		if members, err := jsonx.Members(v); err == nil && !slices.ContainsFunc(members, func(m jsonx.Member) bool { return has(m.Value) }) {
			return ""
		}
		return string(v)
	}),
}

// samePlain holds that an event or a block that is plain is read as Unmarshal reads it.
func samePlain(t *testing.T, data string) (plain bool) {
	t.Helper()
	var event sentEvent
	if plain = event.plain([]byte(data)); plain {
		want, err := decodeEvent([]byte(data))
		if err != nil {
			t.Fatalf("%s is plain, and is refused: %v", data, err)
		}
		if diff := cmp.Diff(want, &event, asSent); diff != "" || want.Message != nil && len(want.Message.Content) > 0 {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
	var block sentBlock
	if block.plain([]byte(data)) {
		var want sentBlock
		if err := jsonx.Unmarshal([]byte(data), &want); err != nil {
			t.Fatalf("%s is plain, and is refused: %v", data, err)
		}
		if diff := cmp.Diff(want, block, asSent); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
	var tapped, wantTapped Tapped
	m, want := tap{message: &tapped}, tap{message: &wantTapped}
	if m.plain([]byte(data)) {
		if err := jsonx.Unmarshal([]byte(data), &want); err != nil {
			t.Fatalf("%s is plain, and is refused: %v", data, err)
		}
		if diff := cmp.Diff(wantTapped, tapped); diff != "" || m.start != want.start || m.end != want.end {
			t.Errorf("%s: the model is at %d to %d, want %d to %d (-want +got):\n%s", data, m.start, m.end, want.start, want.end, diff)
		}
	}
	if valid([]byte(data)) != jsonx.Valid([]byte(data)) {
		t.Errorf("%s: valid %v", data, valid([]byte(data)))
	}
	return plain
}

func TestUsualEventsArePlain(t *testing.T) {
	for i, data := range streamedEvents {
		if plain := samePlain(t, data); plain != (i < plainEvents) {
			t.Errorf("plain %v: %s", plain, data)
		}
	}
}

// TestEventsDoNotShareMemory overwrites what the events were read from.
func TestEventsDoNotShareMemory(t *testing.T) {
	for _, data := range streamedEvents[:plainEvents] {
		read := func(overwrite bool) string {
			r := EventReader{}
			if _, err := r.Append(nil, []byte(streamedEvents[0])); err != nil {
				t.Fatal(err)
			}
			buf := []byte(data)
			events, err := r.Append(nil, buf)
			if overwrite {
				for i := range buf {
					buf[i] = 'x'
				}
			}
			text, failed := jsonx.Marshal(events)
			if failed != nil {
				t.Fatal(failed)
			}
			if err != nil {
				text = append(text, err.Error()...)
			}
			return string(text)
		}
		if want, got := read(false), read(true); got != want {
			t.Errorf("%s became\n%s\nwant\n%s", data, got, want)
		}
	}
}

// FuzzPlainEvent holds samePlain for any event.
func FuzzPlainEvent(f *testing.F) {
	for _, data := range streamedEvents {
		f.Add(data)
	}
	f.Add(`{"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":4},"output_tokens_details":{"thinking_tokens":1},"service_tier":"standard","other":{"a":1}}}`)
	f.Add(`{"message": {"model" : "\u0061", "id": "b" }}`)
	f.Add(`{"type":"tool_use","id":"t","name":"n","input":{"a":1}}`)
	f.Fuzz(func(t *testing.T, data string) { samePlain(t, data) })
}
