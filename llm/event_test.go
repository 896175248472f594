package llm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func text(index int, s string) llm.Event {
	return llm.Event{Kind: llm.EventDelta, Index: index, Block: llm.BlockText, Text: s}
}

func TestFold(t *testing.T) {
	member := func(name, value string) *jsonx.Member {
		return &jsonx.Member{Name: name, Value: jsonx.Raw(value)}
	}
	tests := []struct {
		name   string
		events []llm.Event
		want   llm.Response
	}{
		{
			"an answer of text with its stop and its usage",
			[]llm.Event{
				{Kind: llm.EventStart, Role: llm.RoleAssistant, Extra: []jsonx.Member{*member("a", "1")}},
				text(0, "Hel"), text(0, "lo"),
				{Kind: llm.EventBlockEnd},
				{Kind: llm.EventOther, Other: member("ping", "{}")},
				{Kind: llm.EventStop, Stop: llm.StopEnd, RawStop: "end_turn", Raw: jsonx.Raw("{}"), Extra: []jsonx.Member{*member("b", "2")}},
				{
					Kind: llm.EventUsage, Usage: &llm.Usage{Input: 1, Output: 2, Total: 3}, LatencyMs: llm.Some[int64](7),
					ServiceTier: "flex", Trace: jsonx.Raw("[]"), Extra: []jsonx.Member{*member("c", "3")},
				},
			},
			llm.Response{
				Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hello"}},
				Stop: llm.StopEnd, RawStop: "end_turn", ModelFields: jsonx.Raw("{}"),
				Usage: llm.Usage{Input: 1, Output: 2, Total: 3}, LatencyMs: llm.Some[int64](7), ServiceTier: "flex", Trace: jsonx.Raw("[]"),
				Extra: []jsonx.Member{*member("a", "1"), *member("b", "2"), *member("c", "3")},
			},
		},
		{
			"blocks whose deltas come in turns stay apart",
			[]llm.Event{text(4, "a"), text(1, "x"), text(4, "b"), text(1, "y")},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockText, Text: "ab"}, {Kind: llm.BlockText, Text: "xy"}}},
		},
		{
			"reasoning with its signature",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: "hm"},
				{Kind: llm.EventDelta, Block: llm.BlockReasoning, Signature: "s1"},
				{Kind: llm.EventDelta, Block: llm.BlockReasoning, Signature: "s2"},
			},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "hm", Signature: "s1s2"}}},
		},
		{
			"redacted reasoning in pieces is the base64 of all its bytes",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "QQ=="},
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "QkM="},
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "RA=="},
			},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockRedacted, Text: "QUJDRA=="}}},
		},
		{
			"pieces that are no base64 are only put together",
			[]llm.Event{
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockRedacted, Text: "*="},
				{Kind: llm.EventDelta, Index: 0, Block: llm.BlockRedacted, Text: "QQ=="},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockRedacted, Text: "QQ=="},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockRedacted, Text: "*"},
			},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockRedacted, Text: "*=QQ=="}, {Kind: llm.BlockRedacted, Text: "QQ==*"}}},
		},
		{
			"an index that turns from reasoning to redacted is two blocks",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: "hm"},
				{Kind: llm.EventDelta, Block: llm.BlockRedacted, Text: "QQ=="},
			},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "hm"}, {Kind: llm.BlockRedacted, Text: "QQ=="}}},
		},
		{
			"a start that says nothing takes its kind from the first delta",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Block: llm.BlockText},
				{Kind: llm.EventDelta, Block: llm.BlockReasoning, Text: "hm"},
			},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "hm"}}},
		},
		{
			"a tool call whose input comes in pieces",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "f"}, Extra: []jsonx.Member{*member("x", "1")}},
				{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: `{"a":`},
				{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: `1}`},
			},
			llm.Response{Blocks: []llm.Block{{
				Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "f", Input: jsonx.Raw(`{"a":1}`)}, Extra: []jsonx.Member{*member("x", "1")},
			}}},
		},
		{
			"a tool call without input has an empty object",
			[]llm.Event{{Kind: llm.EventBlockStart, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "f"}}},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "f", Input: jsonx.Raw(`{}`)}}}},
		},
		{
			"an input that is not JSON, of a call that never started, is kept as a string",
			[]llm.Event{{Kind: llm.EventDelta, Block: llm.BlockToolUse, Text: `{"a":`}},
			llm.Response{Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{Input: jsonx.Raw(`"{\"a\":"`)}}}},
		},
		{
			"a tool result of the provider's own",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Block: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t1", Status: "success"}},
				{Kind: llm.EventDelta, Block: llm.BlockToolResult, Other: member("json", `{"a":1}`)},
				{Kind: llm.EventDelta, Block: llm.BlockToolResult, Other: member("text", `"x"`), Text: "x"},
				{Kind: llm.EventDelta, Block: llm.BlockToolResult, Other: member("new", `1`)},
				{Kind: llm.EventDelta, Block: llm.BlockToolResult},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockToolResult, Other: member("json", `2`)},
			},
			llm.Response{Blocks: []llm.Block{
				{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t1", Status: "success", Content: []llm.ResultBlock{
					{JSON: jsonx.Raw(`{"a":1}`)},
					{Block: llm.Block{Kind: llm.BlockText, Text: "x"}},
					{Block: llm.Block{Kind: llm.BlockOther, Other: member("new", `1`)}},
				}}},
				{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{{JSON: jsonx.Raw(`2`)}}}},
			}},
		},
		{
			"a picture in pieces",
			[]llm.Event{
				{Kind: llm.EventBlockStart, Block: llm.BlockImage, Media: &llm.Media{Format: "png"}},
				{Kind: llm.EventDelta, Block: llm.BlockImage, Media: &llm.Media{Base64: llm.EncodeBase64([]byte("A"))}},
				{Kind: llm.EventDelta, Block: llm.BlockImage, Media: &llm.Media{Base64: llm.EncodeBase64([]byte("B"))}},
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockImage, Media: &llm.Media{Format: "gif", URI: "s3://b/k", Owner: "1"}},
				{Kind: llm.EventDelta, Index: 2, Block: llm.BlockImage, Media: &llm.Media{Source: member("new", "1")}},
			},
			llm.Response{Blocks: []llm.Block{
				{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte("AB"))}},
				{Kind: llm.BlockImage, Media: &llm.Media{Format: "gif", URI: "s3://b/k", Owner: "1"}},
				{Kind: llm.BlockImage, Media: &llm.Media{Source: member("new", "1")}},
			}},
		},
		{
			"deltas of unknown names are kept, in order",
			[]llm.Event{
				{Kind: llm.EventDelta, Block: llm.BlockOther, Other: member("new", "1")},
				{Kind: llm.EventDelta, Block: llm.BlockOther, Other: member("newer", "2")},
				text(1, "cited"),
				{Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Other: member("citation", "{}")},
				{Kind: llm.EventBlockStart, Index: 2, Block: llm.BlockOther, Other: member("begun", "3")},
			},
			llm.Response{Blocks: []llm.Block{
				{Kind: llm.BlockOther, Other: member("new", "1"), Extra: []jsonx.Member{*member("newer", "2")}},
				{Kind: llm.BlockText, Text: "cited", Extra: []jsonx.Member{*member("citation", "{}")}},
				{Kind: llm.BlockOther, Other: member("begun", "3")},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var fold llm.Fold
			for i := range tt.events {
				fold.Add(&tt.events[i])
			}
			if diff := cmp.Diff(&tt.want, fold.Answer()); diff != "" {
				t.Errorf("folded (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(&tt.want, fold.Answer()); diff != "" {
				t.Errorf("asked for the answer again (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldLeavesTheEventsAlone(t *testing.T) {
	start := llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "f"}}
	var fold llm.Fold
	fold.Add(&start)
	fold.Answer()
	if start.ToolUse.Input != nil {
		t.Errorf("the start event's input became %s", start.ToolUse.Input)
	}
}

func TestHasContent(t *testing.T) {
	other := &jsonx.Member{Name: "x"}
	tests := []struct {
		name string
		ev   llm.Event
		want bool
	}{
		{"the start says nothing", llm.Event{Kind: llm.EventStart}, false},
		{"an empty delta says nothing", text(0, ""), false},
		{"a text is content", text(0, "a"), true},
		{"a signature is content", llm.Event{Kind: llm.EventDelta, Signature: "s"}, true},
		{"an unknown delta is content", llm.Event{Kind: llm.EventDelta, Other: other}, true},
		{"a piece of a picture is content", llm.Event{Kind: llm.EventDelta, Media: &llm.Media{}}, true},
		{"the start of a text says nothing", llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockText}, false},
		{"the start of a tool call is content", llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockToolUse}, true},
		{"the start of a tool result is content", llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockToolResult}, true},
		{"the start of an unknown block is content", llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockOther}, true},
		{"the stop is content", llm.Event{Kind: llm.EventStop}, true},
		{"the usage is none", llm.Event{Kind: llm.EventUsage}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.ev.HasContent(); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
