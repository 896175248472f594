package anthropic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// common is a response of blocks that both sides have.
func common() *llm.Response {
	return &llm.Response{
		Role: llm.RoleAssistant, Stop: llm.StopToolUse, RawStop: "tool_use",
		Blocks: []llm.Block{
			{Kind: llm.BlockReasoning, Text: "hm", Signature: "sig"},
			{Kind: llm.BlockRedacted, Text: sealed("EmwKAhgBEgz/+/8AAQIDBAUGBwg=")},
			{Kind: llm.BlockText, Text: "Rock", Extra: []jsonx.Member{{Name: "citation", Value: jsonx.Raw(`{"title":"D","sourceContent":[{"text":"r"}],"location":{"documentPage":{"documentIndex":1,"start":2,"end":3}}}`)}}},
			{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "n", Input: jsonx.Raw(`{"a":1}`)}},
		},
		Usage: llm.Usage{Input: 1, Output: 2, Total: 10, CacheRead: llm.Some[int64](3), CacheWrite: llm.Some[int64](4), CacheWrites: []llm.CacheWrite{{TTL: "1h", Tokens: 4}}},
	}
}

// TestTheClientsSideReadsWhatTheServersWrites sends a response through both sides of the dialect,
// whole and streamed.
func TestTheClientsSideReadsWhatTheServersWrites(t *testing.T) {
	want := common()
	env := Envelope{ID: "msg_1", Model: "m"}
	whole, err := DecodeResponse(AppendResponse(nil, env, want, nil))
	if err != nil {
		t.Fatal(err)
	}
	events := NewEvents(env)
	var sse []byte
	send := func(ev llm.Event) { sse = events.Append(sse, &ev) }
	send(llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant})
	for i, b := range want.Blocks {
		start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind}
		delta := llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: b.Text}
		if b.ToolUse != nil {
			start.ToolUse = &llm.ToolUse{ID: b.ToolUse.ID, Name: b.ToolUse.Name}
			delta.Text = string(b.ToolUse.Input)
		}
		send(start)
		send(delta)
		if b.Signature != "" {
			send(llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Signature: b.Signature})
		}
		for _, c := range b.Extra {
			send(llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Other: &c})
		}
		send(llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	send(llm.Event{Kind: llm.EventStop, Stop: want.Stop, RawStop: want.RawStop})
	send(llm.Event{Kind: llm.EventUsage, Usage: &want.Usage})
	sse = events.AppendEnd(sse, nil)
	var data []string
	for line := range strings.SplitSeq(string(sse), "\n") {
		if d, ok := strings.CutPrefix(line, "data: "); ok {
			data = append(data, d)
		}
	}
	for how, got := range map[string]*llm.Response{"whole": whole, "streamed": folded(t, data...)} {
		if diff := cmp.Diff(want.Blocks, got.Blocks); diff != "" {
			t.Errorf("%s: blocks (-want +got):\n%s", how, diff)
		}
		got.Usage.Extra = nil
		if diff := cmp.Diff(want.Usage, got.Usage); diff != "" || got.RawStop != want.RawStop || got.Role != want.Role {
			t.Errorf("%s: %q, usage (-want +got):\n%s", how, got.RawStop, diff)
		}
	}
}

// TestTheServersSideReadsWhatTheClientsWrites sends a request through both sides of the dialect.
func TestTheServersSideReadsWhatTheClientsWrites(t *testing.T) {
	req := &llm.Request{
		MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), Stop: []string{"s"},
		System: []llm.Block{words("a"), point("1h")},
		Turns: []llm.Turn{
			{Role: llm.RoleUser, Blocks: []llm.Block{words("b"), {Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"))}}}},
			{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "c", Signature: "s"}, {Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "n", Input: jsonx.Raw(`{"a":1}`)}}}},
			{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t", Content: []llm.ResultBlock{{Block: words("d")}}, Status: "error"}}, point("")}},
		},
		Tools:      []llm.Tool{{Name: "n", Description: "e", Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true)}},
		ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "n"},
	}
	body, err := request(t, req)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := Decode([]byte(`{"model":"m",`+body[1:]), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := request(t, &decoded.LLM); err != nil || again != body {
		t.Errorf("%v\n%s\nbecame\n%s", err, body, again)
	}
}
