package openaichat_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// plainChat is what most requests are like.
const plainChat = `{"model":"granite","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is granite?"},` +
	`{"role":"assistant","content":"A rock."},{"role":"user","content":"And basalt?"}],"max_tokens":256,"temperature":0.2,"stream":true,"stream_options":{"include_usage":true}}`

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
	c := openaichat.NewChunks(openaichat.Envelope{ID: "chatcmpl-1", Model: "granite", Created: 1700000000}, true, 1)
	for i := range events {
		buf = c.Append(buf[:0], &events[i])
	}
	return c.AppendEnd(buf, nil)
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	body := []byte(plainChat)
	for b.Loop() {
		if _, err := openaichat.Decode(body, openaichat.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChunks(b *testing.B) {
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
		buf = openaichat.AppendResponse(buf[:0], openaichat.Envelope{ID: "chatcmpl-1", Model: "granite", Created: 1700000000}, answer, nil)
	}
}
