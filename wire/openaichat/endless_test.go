package openaichat_test

import (
	"runtime"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An answer's encoder keeps nothing of what it has passed on, however long the answer.
func TestMemoryOfAStreamDoesNotGrowWithIt(t *testing.T) {
	const size, pieces = 16 << 10, 3200 // 50 MB
	piece := strings.Repeat("granite ", size/8)
	for name, ev := range map[string]llm.Event{
		"text":      {Kind: llm.EventDelta, Block: llm.BlockText, Text: piece},
		"reasoning": {Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: piece},
		"a call":    {Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: piece},
	} {
		t.Run(name, func(t *testing.T) {
			chunks := openaichat.NewChunks(openaichat.Envelope{ID: "chatcmpl-1", Model: "m"}, false, 1)
			buf := chunks.Append(nil, &llm.Event{Kind: llm.EventStart})
			before := heap()
			for range pieces {
				buf = chunks.Append(buf[:0], &ev)
			}
			buf = buf[:0:0]
			if grown := heap() - before; grown > 1<<20 {
				t.Errorf("%d bytes are kept of %d", grown, size*pieces)
			}
			if err := chunks.Err(); err != nil {
				t.Error(err)
			}
			runtime.KeepAlive(chunks)
			runtime.KeepAlive(buf)
		})
	}
}

// The place of a citation is right behind a text of any length, which is repeated
// beside it only if it is short.
func TestCitationsBehindALongText(t *testing.T) {
	citation := &jsonx.Member{Name: "citation", Value: jsonx.Raw(`{"title":"t","source":"https://x.example"}`)}
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"short": {"Gränite", `"end_index":7,"title":"t","url":"https://x.example"}}],"provider_specific_fields":{"citationsContent":[{"citations":[{"title":"t","source":"https://x.example"}],"content":[{"text":"Gränite"}]}]}`},
		"long":  {strings.Repeat("ä", 5000), `"end_index":5000,"title":"t","url":"https://x.example"}}],"provider_specific_fields":{"citationsContent":[{"citations":[{"title":"t","source":"https://x.example"}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			chunks := openaichat.NewChunks(openaichat.Envelope{ID: "chatcmpl-1", Model: "m"}, false, 1)
			for _, r := range tt.text {
				_ = chunks.Append(nil, &llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: string(r)})
			}
			_ = chunks.Append(nil, &llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Other: citation})
			out := chunks.Append(nil, &llm.Event{Kind: llm.EventBlockEnd})
			if !strings.Contains(string(out), tt.want) {
				t.Errorf("got %s\nwant %s", out, tt.want)
			}
		})
	}
}

// What can only be passed on at the end of a block or of the answer is kept within a
// bound, and an answer with more of it fails.
func TestWhatIsKeptOfAStreamIsBounded(t *testing.T) {
	value := jsonx.Raw(`"` + strings.Repeat("x", 1<<20) + `"`)
	for name, ev := range map[string]llm.Event{
		"citations":       {Kind: llm.EventDelta, Block: llm.BlockText, Other: &jsonx.Member{Name: "citation", Value: value}},
		"unknown members": {Kind: llm.EventDelta, Block: llm.BlockText, Extra: []jsonx.Member{{Name: "new", Value: value}}},
		"of the answer":   {Kind: llm.EventStart, Extra: []jsonx.Member{{Name: "new", Value: value}}},
		"redacted":        {Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: strings.Repeat("QUFB", 1<<18)},
		"a tool's result": {Kind: llm.EventDelta, Block: llm.BlockOther, Text: strings.Repeat("x", 1<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			chunks := openaichat.NewChunks(openaichat.Envelope{ID: "chatcmpl-1", Model: "m"}, false, 1)
			var buf []byte
			for i := range 20 {
				buf = chunks.Append(buf[:0], &ev)
				if err := chunks.Err(); (err != nil) != (i >= 15) || err != nil && llm.AsError(err).Code != llm.CodeAnswerTooLarge {
					t.Fatalf("after %d MB: %v", i+1, err)
				}
			}
			_ = chunks.AppendEnd(buf[:0], nil) // it is not called then, and does not fail
		})
	}
}
