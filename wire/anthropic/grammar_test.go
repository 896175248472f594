package anthropic_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sseEvent is one server-sent event.
type sseEvent struct {
	name string
	data []byte
}

// sseEvents splits a stream. Every event must have a name and data, and end with a blank line.
func sseEvents(t *testing.T, stream []byte) []sseEvent {
	t.Helper()
	var all []sseEvent
	text := string(stream)
	if text != "" && !strings.HasSuffix(text, "\n\n") {
		t.Fatalf("the stream does not end with a blank line: %q", text)
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(part, "\n")
		if !ok || !strings.HasPrefix(name, "event: ") || !strings.HasPrefix(data, "data: ") || strings.Contains(data, "\n") {
			t.Fatalf("not an event: %q", part)
		}
		all = append(all, sseEvent{strings.TrimPrefix(name, "event: "), []byte(strings.TrimPrefix(data, "data: "))})
	}
	return all
}

// object is a JSON object.
type object = map[string]any

// folding puts a stream together as a client does, and keeps what breaks the grammar.
type folding struct {
	faults  []string
	message object
	content []any
	open    object // the open block
	pieces  string // of the open call's input
	stopped bool
	ended   bool
}

func (f *folding) faultf(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// folded returns the message that a stream is, and fails the test if the stream breaks Anthropic's
// grammar (https://platform.claude.com/docs/en/build-with-claude/streaming).
func folded(t *testing.T, stream []byte) object {
	t.Helper()
	f := &folding{}
	for _, ev := range sseEvents(t, stream) {
		var e object
		if err := json.Unmarshal(ev.data, &e); err != nil {
			t.Fatalf("%v: %s", err, ev.data)
		}
		if e["type"] != ev.name {
			f.faultf("event %s has type %v", ev.name, e["type"])
		}
		f.add(ev.name, e)
	}
	if !f.ended {
		f.faultf("no message_stop")
	}
	if len(f.faults) > 0 {
		t.Fatalf("%s\n%s", strings.Join(f.faults, "\n"), stream)
	}
	f.message["content"] = f.content
	return f.message
}

func (f *folding) add(kind string, e object) {
	switch {
	case kind == "ping" && f.message != nil:
		return
	case f.ended:
		f.faultf("%s after message_stop", kind)
		return
	case (kind == "message_start") != (f.message == nil):
		f.faultf("%s is out of place", kind)
		return
	case f.stopped && kind != "message_stop":
		f.faultf("%s after message_delta", kind)
	}
	switch kind {
	case "message_start":
		f.message = e["message"].(object)
		f.content = []any{}
		if content, ok := f.message["content"].([]any); !ok || len(content) > 0 || f.message["stop_reason"] != nil {
			f.faultf("message_start has content or a stop reason")
		}
		if usage, ok := f.message["usage"].(object); !ok || usage["input_tokens"] == nil || usage["output_tokens"] == nil {
			f.faultf("message_start has no usage")
		}
	case "content_block_start":
		f.start(e)
	case "content_block_delta":
		f.delta(e)
	case "content_block_stop":
		if f.open == nil || int(e["index"].(float64)) != len(f.content)-1 {
			f.faultf("content_block_stop of block %v, which is not open", e["index"])
			return
		}
		if f.open["type"] == "tool_use" && f.pieces != "" {
			var input any
			if err := json.Unmarshal([]byte(f.pieces), &input); err != nil {
				input = object{"unparsed": f.pieces}
			}
			f.open["input"] = input
		}
		f.open = nil
	case "message_delta":
		if f.open != nil {
			f.faultf("message_delta while a block is open")
		}
		f.stopped = true
		maps.Copy(f.message, e["delta"].(object))
		f.message["usage"] = e["usage"]
		if o, ok := e["outcrop"]; ok {
			f.message["outcrop"] = o
		}
	case "message_stop":
		if !f.stopped {
			f.faultf("message_stop without message_delta")
		}
		f.ended = true
	default:
		f.faultf("unknown event %s", kind)
	}
}

func (f *folding) start(e object) {
	if f.open != nil {
		f.faultf("a block starts while another is open")
	}
	if int(e["index"].(float64)) != len(f.content) {
		f.faultf("block %v starts as number %d", e["index"], len(f.content))
	}
	f.open, f.pieces = e["content_block"].(object), ""
	f.content = append(f.content, f.open)
	for _, k := range []string{"text", "thinking", "signature"} {
		if v, ok := f.open[k]; ok && v != "" {
			f.faultf("a block starts with %s %v", k, v)
		}
	}
	if v, ok := f.open["input"]; ok && len(v.(object)) > 0 {
		f.faultf("a call starts with input %v", v)
	}
}

func (f *folding) delta(e object) {
	if f.open == nil || int(e["index"].(float64)) != len(f.content)-1 {
		f.faultf("a delta of block %v, which is not open", e["index"])
		return
	}
	d := e["delta"].(object)
	kind := d["type"].(string)
	of := map[string]string{"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}[kind]
	if f.open["type"] != of {
		f.faultf("%s in a block %v", kind, f.open["type"])
		return
	}
	switch kind {
	case "text_delta":
		f.open["text"] = f.open["text"].(string) + d["text"].(string)
	case "thinking_delta":
		f.open["thinking"] = f.open["thinking"].(string) + d["thinking"].(string)
	case "signature_delta":
		if f.open["signature"] != "" {
			f.faultf("a second signature_delta")
		}
		f.open["signature"] = d["signature"]
	case "input_json_delta":
		f.pieces += d["partial_json"].(string)
	case "citations_delta":
		citations, _ := f.open["citations"].([]any)
		f.open["citations"] = append(slices.Clip(citations), d["citation"])
	}
}

// parsed is a whole message.
func parsed(t *testing.T, whole []byte) object {
	t.Helper()
	var m object
	if err := json.Unmarshal(whole, &m); err != nil {
		t.Fatalf("%v: %s", err, whole)
	}
	return m
}
