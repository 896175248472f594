package anthropic_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
)

var env = anthropic.Envelope{ID: "msg_1", Model: "granite", Stop: []string{"END"}}

// streamOf encodes events as a complete stream.
func streamOf(evs []llm.Event) []byte { return streamIn(env, evs) }

func streamIn(env anthropic.Envelope, evs []llm.Event) []byte {
	c := anthropic.NewEvents(env)
	var out []byte
	for i := range evs {
		out = c.Append(out, &evs[i])
	}
	return c.AppendEnd(out, nil)
}

// wholeOf encodes events as a whole message.
func wholeOf(evs []llm.Event) []byte { return wholeIn(env, evs) }

func wholeIn(env anthropic.Envelope, evs []llm.Event) []byte {
	var f llm.Fold
	for i := range evs {
		f.Add(&evs[i])
	}
	return anthropic.AppendResponse(nil, env, f.Answer(), nil)
}

// TestStreamIsLegalAndEqualsTheWhole makes responses of random blocks, in random pieces and
// interleaved, and compares what a client puts together of the stream with the whole message.
func TestStreamIsLegalAndEqualsTheWhole(t *testing.T) {
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 13))
		evs := anyEvents(r)
		in := env
		in.Unasked = seed%2 == 0
		stream := streamIn(in, evs)
		if diff := cmp.Diff(parsed(t, wholeIn(in, evs)), folded(t, stream)); diff != "" {
			t.Fatalf("seed %d (-whole +streamed):\n%s\n%s", seed, diff, stream)
		}
	}
}

// anyEvents is a response as a provider may stream it.
func anyEvents(r *rand.Rand) []llm.Event {
	var blocks [][]llm.Event
	for i := range r.IntN(7) {
		blocks = append(blocks, anyBlock(r, i))
	}
	evs := []llm.Event{{Kind: llm.EventStart, Role: llm.RoleAssistant}}
	interleaved := r.IntN(3) == 0
	begun := 0 // a block begins after the one before it
	for len(blocks) > 0 {
		at := 0
		if interleaved {
			if at = r.IntN(min(begun+1, len(blocks))); at == begun {
				begun++
			}
		}
		evs = append(evs, blocks[at][0])
		if blocks[at] = blocks[at][1:]; len(blocks[at]) == 0 {
			blocks = append(blocks[:at:at], blocks[at+1:]...)
			begun = max(0, begun-1)
		}
	}
	stop := []llm.StopReason{llm.StopEnd, llm.StopToolUse, llm.StopSequence, llm.StopMaxTokens, llm.StopContextWindow, llm.StopFiltered, llm.StopMalformed, llm.StopOther}[r.IntN(8)]
	evs = append(evs, llm.Event{Kind: llm.EventStop, Stop: stop, RawStop: []string{"", "guardrail_intervened", "content_filtered"}[r.IntN(3)]})
	usage := &llm.Usage{Input: int64(r.IntN(100)), Output: int64(r.IntN(100))}
	if r.IntN(2) == 0 {
		usage.CacheRead, usage.CacheWrite = llm.Some[int64](7), llm.Some[int64](9)
		usage.CacheWrites = []llm.CacheWrite{{TTL: "1h", Tokens: 4}, {TTL: "5m", Tokens: 5}}
		usage.Reasoning = llm.Some[int64](3)
	}
	return append(evs, llm.Event{Kind: llm.EventUsage, Usage: usage, ServiceTier: []string{"", "default", "priority"}[r.IntN(3)]})
}

const (
	webCitation  = `{"title":"T","sourceContent":[{"text":"a"},{"text":"b"}],"location":{"web":{"url":"https://x.example"}}}`
	pageCitation = `{"title":"T","sourceContent":[{"text":"a"}],"location":{"documentPage":{"documentIndex":1,"start":2,"end":3}}}`
)

// anyBlock is a block in pieces.
func anyBlock(r *rand.Rand, i int) []llm.Event {
	word := func() string {
		return []string{"", "a", "grün", "\"\n", "{}", "<b>", " ", "\u2028", "text of some length"}[r.IntN(9)]
	}
	kind := []llm.BlockKind{llm.BlockText, llm.BlockText, llm.BlockReasoning, llm.BlockRedacted, llm.BlockToolUse, llm.BlockToolUse, llm.BlockToolResult, llm.BlockImage, llm.BlockOther}[r.IntN(9)]
	start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: kind}
	begin := r.IntN(2) == 0
	switch kind {
	case llm.BlockToolUse:
		start.ToolUse, begin = &llm.ToolUse{ID: fmt.Sprintf("c%d", i), Name: "f"}, true
		if r.IntN(4) == 0 {
			start.ToolUse.Type = llm.ServerSide
		}
		if r.IntN(4) == 0 {
			start.ToolUse.Input = jsonx.Raw(`{"given":"at once"}`)
		}
	case llm.BlockToolResult:
		start.ToolResult, begin = &llm.ToolResult{ID: "s"}, true
	case llm.BlockImage:
		start.Media, begin = &llm.Media{Format: "png"}, true
	case llm.BlockOther:
		start.Other, begin = &jsonx.Member{Name: "dream", Value: jsonx.Raw("{}")}, true
		if r.IntN(2) == 0 {
			start.Other = &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw(`{"content":[{"text":"cited"}],"citations":[` + webCitation + `]}`)}
		}
	default:
	}
	var evs []llm.Event
	if begin {
		if r.IntN(4) == 0 && (kind == llm.BlockReasoning || kind == llm.BlockRedacted) {
			start.Block = llm.BlockText // an empty union, which the first delta corrects
		}
		evs = append(evs, start)
	}
	pieces := r.IntN(4)
	if kind == llm.BlockRedacted {
		pieces = 1 + r.IntN(2)
	}
	switch kind {
	case llm.BlockToolUse:
		for piece := range strings.SplitAfterSeq([]string{"", `{"a": [1, 2, {"b": "c, d"}]}`, `{}`}[r.IntN(3)], ",") {
			evs = append(evs, llm.Event{Kind: llm.EventDelta, Index: i, Block: kind, Text: piece})
		}
		pieces = 0
	case llm.BlockOther, llm.BlockImage, llm.BlockToolResult:
		pieces = 0
	default:
	}
	for range pieces {
		ev := llm.Event{Kind: llm.EventDelta, Index: i, Block: kind}
		switch kind {
		case llm.BlockText:
			if ev.Text = word(); r.IntN(4) == 0 {
				ev.Text, ev.Other = "", &jsonx.Member{Name: "citation", Value: jsonx.Raw([]string{webCitation, pageCitation, `{"title":"nowhere"}`}[r.IntN(3)])}
			}
		case llm.BlockReasoning:
			if r.IntN(3) == 0 {
				ev.Signature = []string{"sig", llm.ResponsesMark}[r.IntN(2)] + word()
			} else {
				ev.Text = word()
			}
		default:
			ev.Text = []string{"YQ==", "YWI=", "YWJj"}[r.IntN(3)]
		}
		evs = append(evs, ev)
	}
	return append(evs, llm.Event{Kind: llm.EventBlockEnd, Index: i})
}

// TestInterleavedBlocksAreSentOneByOne has a provider send pieces of three blocks in turn.
func TestInterleavedBlocksAreSentOneByOne(t *testing.T) {
	call := func(i int) llm.Event {
		return llm.Event{Kind: llm.EventBlockStart, Index: i, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: fmt.Sprint(i), Name: "f"}}
	}
	piece := func(i int, s string) llm.Event {
		return llm.Event{Kind: llm.EventDelta, Index: i, Block: llm.BlockToolUse, Text: s}
	}
	evs := []llm.Event{
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockText, Text: "Two calls"},
		call(1), piece(1, `{"a"`), call(2), piece(2, `{"b"`), piece(1, `:1}`),
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockText, Text: "."},
		piece(2, `:2}`),
		{Kind: llm.EventBlockEnd, Index: 2},
		{Kind: llm.EventBlockEnd, Index: 1},
		{Kind: llm.EventBlockEnd, Index: 0},
		{Kind: llm.EventStop, Stop: llm.StopToolUse},
	}
	want := []any{
		object{"type": "text", "text": "Two calls."},
		object{"type": "tool_use", "id": "1", "name": "f", "input": object{"a": 1.0}},
		object{"type": "tool_use", "id": "2", "name": "f", "input": object{"b": 2.0}},
	}
	m := folded(t, streamOf(evs))
	if diff := cmp.Diff(want, m["content"]); diff != "" {
		t.Error(diff)
	}
	if m["stop_reason"] != "tool_use" {
		t.Errorf("stop_reason is %v", m["stop_reason"])
	}
	without := append(evs[:len(evs)-4:len(evs)-4], evs[len(evs)-1]) // the provider leaves out the ends
	if diff := cmp.Diff(want, folded(t, streamOf(without))["content"]); diff != "" {
		t.Error(diff)
	}
}

// TestTextIsSentAtOnce checks that a piece of a block is not held back, however the block began.
func TestTextIsSentAtOnce(t *testing.T) {
	c := anthropic.NewEvents(env)
	c.Append(nil, &llm.Event{Kind: llm.EventStart})
	for i, kind := range []llm.BlockKind{llm.BlockText, llm.BlockReasoning, llm.BlockToolUse} {
		out := c.Append(nil, &llm.Event{Kind: llm.EventDelta, Index: i, Block: kind, Text: "piece"})
		if n := strings.Count(string(out), "piece"); n != 1 {
			t.Errorf("kind %d: %q", kind, out)
		}
		c.Append(nil, &llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
}

// TestBrokenResponseDoesNotLookFinished ends a stream in the middle of a call.
func TestBrokenResponseDoesNotLookFinished(t *testing.T) {
	c := anthropic.NewEvents(env)
	var out []byte
	for _, ev := range []llm.Event{
		{Kind: llm.EventStart},
		{Kind: llm.EventBlockStart, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "a", Name: "f"}},
		{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: `{"a":`},
		{Kind: llm.EventStop, Stop: llm.StopToolUse},
	} {
		out = c.Append(out, &ev)
	}
	out = anthropic.AppendFailure(out, &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream was interrupted."}, "req_1")
	for _, never := range []string{"content_block_stop", "message_delta", "message_stop", "stop_reason\":\""} {
		if strings.Contains(string(out), never) {
			t.Errorf("%s in %s", never, out)
		}
	}
	all := sseEvents(t, out)
	last := all[len(all)-1]
	var e object
	if err := json.Unmarshal(last.data, &e); err != nil || last.name != "error" || e["type"] != "error" || e["request_id"] != "req_1" || e["error"].(object)["type"] != "api_error" {
		t.Errorf("%v: %s %s", err, last.name, last.data)
	}
	if all := sseEvents(t, []byte(anthropic.Ping)); len(all) != 1 || all[0].name != "ping" {
		t.Errorf("%v", all)
	}
}

// TestStopReasons covers every reason, with and without a call.
func TestStopReasons(t *testing.T) {
	for _, c := range []struct {
		stop         llm.StopReason
		raw          string
		text, called string
		warns        bool // without a call
	}{
		{llm.StopUnset, "", "end_turn", "tool_use", false},
		{llm.StopEnd, "end_turn", "end_turn", "tool_use", false},
		{llm.StopSequence, "stop_sequence", "stop_sequence", "tool_use", false},
		{llm.StopMaxTokens, "max_tokens", "max_tokens", "max_tokens", false},
		{llm.StopContextWindow, "model_context_window_exceeded", "model_context_window_exceeded", "model_context_window_exceeded", false},
		{llm.StopToolUse, "tool_use", "end_turn", "tool_use", true},
		{llm.StopFiltered, "guardrail_intervened", "refusal", "refusal", true},
		{llm.StopFiltered, "refusal", "refusal", "refusal", false},
		{llm.StopMalformed, "malformed_model_output", "end_turn", "tool_use", true},
		{llm.StopOther, "pause_turn", "end_turn", "tool_use", true},
	} {
		r := &llm.Response{Stop: c.stop, RawStop: c.raw, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}
		m := parsed(t, anthropic.AppendResponse(nil, env, r, nil))
		if m["stop_reason"] != c.text {
			t.Errorf("%s: stop_reason is %v", c.raw, m["stop_reason"])
		}
		if _, warned := m["outcrop"]; warned != c.warns {
			t.Errorf("%s: outcrop is %v", c.raw, m["outcrop"])
		}
		if details, ok := m["stop_details"].(object); ok != (c.text == "refusal") || ok && details["explanation"] == "" {
			t.Errorf("%s: stop_details is %v", c.raw, m["stop_details"])
		}
		if want := map[bool]any{true: "END"}[c.text == "stop_sequence"]; m["stop_sequence"] != want {
			t.Errorf("%s: stop_sequence is %v", c.raw, m["stop_sequence"])
		}
		r.Blocks = append(r.Blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "a", Name: "f"}})
		if m := parsed(t, anthropic.AppendResponse(nil, env, r, nil)); m["stop_reason"] != c.called {
			t.Errorf("%s with a call: stop_reason is %v", c.raw, m["stop_reason"])
		}
	}
	for _, fields := range []string{`{"stop_sequence":"X"}`, `{"delta":{"stop_sequence":"X"}}`} {
		r := &llm.Response{Stop: llm.StopSequence, ModelFields: jsonx.Raw(fields)}
		if m := parsed(t, anthropic.AppendResponse(nil, env, r, nil)); m["stop_sequence"] != "X" {
			t.Errorf("%s: stop_sequence is %v", fields, m["stop_sequence"])
		}
	}
	two := anthropic.Envelope{Stop: []string{"A", "B"}}
	if m := parsed(t, anthropic.AppendResponse(nil, two, &llm.Response{Stop: llm.StopSequence}, nil)); m["stop_sequence"] != nil {
		t.Errorf("stop_sequence is %v", m["stop_sequence"])
	}
}

// TestResponseWithoutUsageHasUsage: clients refuse a message without the member.
func TestResponseWithoutUsageHasUsage(t *testing.T) {
	whole := parsed(t, anthropic.AppendResponse(nil, env, &llm.Response{Uncounted: true}, []llm.Warning{{Code: "dropped", Field: "messages[0].content[1]", Detail: "why"}}))
	streamed := folded(t, streamOf([]llm.Event{{Kind: llm.EventStop, Stop: llm.StopEnd}}))
	for _, m := range []object{whole, streamed} {
		if u, ok := m["usage"].(object); !ok || u["input_tokens"] != 0.0 || u["output_tokens"] != 0.0 {
			t.Errorf("usage is %v", m["usage"])
		}
	}
	want := object{"warnings": []any{
		object{"code": "dropped", "field": "messages.0.content.1", "detail": "why"},
		object{"code": "missing", "field": "usage", "detail": "the provider reported no usage"},
	}}
	if diff := cmp.Diff(want, whole["outcrop"]); diff != "" {
		t.Error(diff)
	}
}

// TestCallInputIsAnObject: a model that was cut short writes something else.
func TestCallInputIsAnObject(t *testing.T) {
	for input, want := range map[string]object{
		``: {}, `{"a":1}`: {"a": 1.0}, `"{\"a\":"`: {"arguments": `{"a":`}, `[1]`: {"arguments": []any{1.0}},
	} {
		r := &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "a", Name: "f", Input: jsonx.Raw(input)}}}}
		m := parsed(t, anthropic.AppendResponse(nil, env, r, nil))
		if diff := cmp.Diff(any(want), m["content"].([]any)[0].(object)["input"]); diff != "" {
			t.Errorf("%s: %s", input, diff)
		}
	}
}

// TestKeptContentIsBounded holds back blocks, and collects a signature, without end.
func TestKeptContentIsBounded(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	for name, ev := range map[string]llm.Event{
		"interleaved": {Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Text: big},
		"signature":   {Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Signature: big},
		"redacted":    {Kind: llm.EventDelta, Index: 0, Block: llm.BlockRedacted, Text: big},
	} {
		c := anthropic.NewEvents(env)
		kind := ev.Block
		if ev.Index != 0 {
			kind = llm.BlockText
		}
		c.Append(nil, &llm.Event{Kind: llm.EventBlockStart, Index: 0, Block: kind})
		n := 0
		for ; c.Err() == nil && n < 100; n++ {
			c.Append(nil, &ev)
		}
		if n < 10 || n > 20 {
			t.Errorf("%s: the stream ended after %d MB", name, n)
		}
	}
}

// TestRedactedThinkingIsAnthropics: Converse wraps Claude's data once more; other models' stays.
func TestRedactedThinkingIsAnthropics(t *testing.T) {
	for data, want := range map[string]string{
		"RW1rS0Fod0JIbjlWVmlJM0FBQT0=":     "EmkKAhwBHn9VViI3AAA=", // Claude's
		"EmkKAhwBHn9VViI3AAA=":             "EmkKAhwBHn9VViI3AAA=",
		"cnNuX2FiY2RlZg==":                 "cnNuX2FiY2RlZg==",                 // rsn_abcdef
		"Z0FBQUFBQm9LSktsbW5vcFFSU1Q=":     "Z0FBQUFBQm9LSktsbW5vcFFSU1Q=",     // gAAAAABo...
		"c29tZSB3b3JkcyB0aGF0IG1lYW4gaXQ=": "c29tZSB3b3JkcyB0aGF0IG1lYW4gaXQ=", // words
	} {
		r := &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockRedacted, Text: data}}}
		got := parsed(t, anthropic.AppendResponse(nil, env, r, nil))["content"].([]any)[0].(object)["data"]
		if got != want {
			t.Errorf("%s: %v", data, got)
		}
	}
}

// TestReasoningThatNobodyReadsIsForCalls holds that clients that do not ask for thinking find the answer first.
func TestReasoningThatNobodyReadsIsForCalls(t *testing.T) {
	const (
		seal     = llm.ResponsesMark + "bedrock-openai.rs_1..cnNu"
		redacted = "cnNuX2FiY2RlZg=="
	)
	reasoning := func(text, signature string) llm.Block {
		return llm.Block{Kind: llm.BlockReasoning, Text: text, Signature: signature}
	}
	hidden := llm.Block{Kind: llm.BlockRedacted, Text: redacted}
	text := llm.Block{Kind: llm.BlockText, Text: "granite"}
	call := llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c", Name: "f", Input: jsonx.Raw("{}")}}
	for _, tt := range []struct {
		name   string
		asked  bool
		blocks []llm.Block
		want   []string // types, with what is sealed
	}{
		{"an answer", false, []llm.Block{reasoning("", seal), text}, []string{"text"}},
		{"an answer, redacted", false, []llm.Block{hidden, text}, []string{"text"}},
		{"a call", false, []llm.Block{reasoning("", seal), call}, []string{"redacted_thinking " + seal, "tool_use"}},
		{"a call behind a text", false, []llm.Block{reasoning("", seal), hidden, text, call, call}, []string{"text", "redacted_thinking " + seal, "redacted_thinking " + redacted, "tool_use", "tool_use"}},
		{"a signature behind the text", false, []llm.Block{text, reasoning("", "gemini.c2ln")}, []string{"text"}},
		{"reasoning that can be read", false, []llm.Block{reasoning("Hm.", seal), text}, []string{"thinking " + seal, "text"}},
		{"Claude's", false, []llm.Block{reasoning("", "c2ln"), text}, []string{"thinking c2ln", "text"}},
		{"asked for", true, []llm.Block{reasoning("", seal), text}, []string{"thinking " + seal, "text"}},
		{"asked for, redacted", true, []llm.Block{hidden, text}, []string{"redacted_thinking " + redacted, "text"}},
	} {
		in := anthropic.Envelope{ID: "msg_1", Model: "granite", Unasked: !tt.asked}
		whole := parsed(t, anthropic.AppendResponse(nil, in, &llm.Response{Blocks: tt.blocks, Stop: llm.StopEnd}, nil))
		var evs []llm.Event
		for i, b := range tt.blocks {
			evs = append(evs, llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, ToolUse: b.ToolUse})
			if b.Kind != llm.BlockToolUse {
				evs = append(evs, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: b.Text, Signature: b.Signature})
			}
			evs = append(evs, llm.Event{Kind: llm.EventBlockEnd, Index: i})
		}
		for form, message := range map[string]object{"whole": whole, "streamed": folded(t, streamIn(in, evs))} {
			var got []string
			for _, b := range message["content"].([]any) {
				word := b.(object)["type"].(string)
				for _, member := range []string{"signature", "data"} {
					if sealed, ok := b.(object)[member].(string); ok {
						word += " " + sealed
					}
				}
				got = append(got, word)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", tt.name, form, diff)
			}
		}
	}
	r, err := anthropic.Decode([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"`+seal+`"},{"type":"text","text":"Yes."}]},{"role":"user","content":"Go on"}]}`), anthropic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b := r.LLM.Turns[1].Blocks[0]; b.Kind != llm.BlockReasoning || b.Signature != seal || b.Text != "" {
		t.Errorf("what comes back is %+v", b)
	}
}

// TestCitations translates every location that Converse has.
func TestCitations(t *testing.T) {
	for location, want := range map[string]object{
		`{"documentChar":{"documentIndex":1,"start":2,"end":3}}`:             {"type": "char_location", "document_index": 1.0, "document_title": "T", "start_char_index": 2.0, "end_char_index": 3.0},
		`{"documentPage":{"documentIndex":1,"start":2,"end":3}}`:             {"type": "page_location", "document_index": 1.0, "document_title": "T", "start_page_number": 2.0, "end_page_number": 3.0},
		`{"documentChunk":{"documentIndex":1,"start":2,"end":3}}`:            {"type": "content_block_location", "document_index": 1.0, "document_title": "T", "start_block_index": 2.0, "end_block_index": 3.0},
		`{"searchResultLocation":{"searchResultIndex":1,"start":2,"end":3}}`: {"type": "search_result_location", "search_result_index": 1.0, "title": "T", "source": "s", "start_block_index": 2.0, "end_block_index": 3.0},
		`{"web":{"url":"https://x.example"}}`:                                {"type": "web_search_result_location", "url": "https://x.example", "title": "T", "encrypted_index": ""},
	} {
		want["cited_text"] = "ab"
		c := `{"title":"T","source":"s","sourceContent":[{"text":"a"},{"text":"b"}],"location":` + location + `}`
		r := &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi", Extra: []jsonx.Member{{Name: "mood", Value: jsonx.Raw("1")}, {Name: "citation", Value: jsonx.Raw(c)}}}}}
		got := parsed(t, anthropic.AppendResponse(nil, env, r, nil))["content"]
		if diff := cmp.Diff(any([]any{object{"type": "text", "text": "Hi", "citations": []any{want}}}), got); diff != "" {
			t.Error(diff)
		}
	}
}
