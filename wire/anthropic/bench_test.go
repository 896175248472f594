package anthropic_test

import (
	"errors"
	"io"
	"testing"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// plainAnswer is what most answers are like, as events.
func plainAnswer() []llm.Event {
	events := []llm.Event{{Kind: llm.EventStart, Role: llm.RoleAssistant}}
	for range 40 {
		events = append(events, llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "Basalt is a rock too. "})
	}
	return append(events,
		llm.Event{Kind: llm.EventBlockEnd},
		llm.Event{Kind: llm.EventStop, Stop: llm.StopEnd, RawStop: "end_turn"},
		llm.Event{Kind: llm.EventUsage, Usage: &llm.Usage{Input: 9, Output: 240, Total: 249}, LatencyMs: llm.Some[int64](700)})
}

// encodePlain encodes the plain answer as a stream into buf.
func encodePlain(buf []byte, events []llm.Event) []byte {
	c := anthropic.NewEvents(env)
	for i := range events {
		buf = c.Append(buf[:0], &events[i])
	}
	return c.AppendEnd(buf[:0], nil)
}

// TestEncodingAllocatesPerResponse: how many allocations a stream needs does not depend on its length.
func TestEncodingAllocatesPerResponse(t *testing.T) {
	events, buf := plainAnswer(), make([]byte, 0, 4<<10)
	if n := testing.AllocsPerRun(50, func() { buf = encodePlain(buf, events) }); n > 4 {
		t.Errorf("a stream needs %v allocations", n)
	}
	var f llm.Fold
	for i := range events {
		f.Add(&events[i])
	}
	answer := f.Answer()
	if n := testing.AllocsPerRun(50, func() { buf = anthropic.AppendResponse(buf[:0], env, answer, nil) }); n > 0 {
		t.Errorf("a whole message needs %v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	body := []byte(agentBody(agentTurns[2].tools, agentTurns[2].messages))
	for b.Loop() {
		if _, err := anthropic.Decode(body, anthropic.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	b.ReportAllocs()
	body := []byte(agentBody(agentTurns[2].tools, agentTurns[2].messages))
	for b.Loop() {
		if _, err := anthropic.Peek(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	b.ReportAllocs()
	events, buf := plainAnswer(), make([]byte, 0, 4<<10)
	for b.Loop() {
		buf = encodePlain(buf, events)
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	b.ReportAllocs()
	var f llm.Fold
	for _, ev := range plainAnswer() {
		f.Add(&ev)
	}
	answer, buf := f.Answer(), make([]byte, 0, 4<<10)
	for b.Loop() {
		buf = anthropic.AppendResponse(buf[:0], env, answer, nil)
	}
}

// BenchmarkStreamReader reads a stream as Anthropic's API sends it.
func BenchmarkStreamReader(b *testing.B) {
	all := []string{
		`{"type":"message_start","message":{"model":"claude-haiku-4-5-20251001","id":"msg_01","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":61,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard","inference_geo":"not_available"}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, `{"type":"ping"}`,
	}
	for range 16 {
		all = append(all, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" the answer to it"}      }`, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":".\n\nIt"}}`)
	}
	all = append(all, `{"type":"content_block_stop","index":0}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":61,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":48}}`, `{"type":"message_stop"}`)
	var events [][]byte
	for _, data := range all {
		events = append(events, []byte(data))
	}
	b.ReportAllocs()
	for b.Loop() {
		var tapped anthropic.Tapped
		var r anthropic.StreamReader
		at := 0
		next := func(ev *anthropic.RawEvent) error {
			if at == len(events) {
				return io.EOF
			}
			at++
			return tapped.Take(ev, events[at-1])
		}
		var ev llm.Event
		for {
			err := r.Next(&ev, next)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
