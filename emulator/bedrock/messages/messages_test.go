package messages

import (
	"errors"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// with is a body with the members of more, as JSON without braces.
func with(more string) []byte {
	body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100`
	if !strings.Contains(more, `"messages"`) {
		body += `,"messages":[{"role":"user","content":"hello"}]`
	}
	if more != "" {
		body += "," + more
	}
	return []byte(body + "}")
}

func TestABodyBecomesARequest(t *testing.T) {
	t.Parallel()
	got, err := Decode(with(`"system":"Be brief.","temperature":0.5,"top_k":5,"stop_sequences":["x"],"metadata":{"user_id":"u"},
		"thinking":{"type":"adaptive"},"tool_choice":{"type":"any","disable_parallel_tool_use":true},
		"tools":[{"name":"a","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"}},{"type":"bash_20250124","name":"bash"}],
		"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},
		"messages":[
			{"role":"user","content":[{"type":"text","text":"one","cache_control":{"type":"ephemeral","ttl":"1h"}},
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGVsbG8="}},
				{"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"words"}}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"ZA=="},{"type":"tool_use","id":"t1","name":"a","input":{"b":1}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[{"type":"text","text":"bad"}]}]}
		]`), Terms{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []llm.BlockKind
	for _, turn := range got.Turns {
		for _, b := range turn.Blocks {
			kinds = append(kinds, b.Kind)
		}
	}
	want := []llm.BlockKind{
		llm.BlockText, llm.BlockCachePoint, llm.BlockImage, llm.BlockDocument,
		llm.BlockReasoning, llm.BlockRedacted, llm.BlockToolUse, llm.BlockToolResult,
	}
	if len(kinds) != len(want) {
		t.Fatalf("got kinds %v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("got kinds %v, want %v", kinds, want)
		}
	}
	first, last := got.Turns[0].Blocks, got.Turns[2].Blocks[0].ToolResult
	switch {
	case first[1].Cache.TTL != "1h", first[2].Media.Format != "png", first[3].Media.Text != "words", first[3].Media.Name != "t":
		t.Errorf("got %+v", first)
	case last.ID != "t1", last.Status != "error", last.Content[0].Block.Text != "bad":
		t.Errorf("got %+v", last)
	case got.ToolChoice.Kind != llm.ToolChoiceAny, !got.ParallelTools.Set, got.ParallelTools.Value:
		t.Errorf("got %+v, parallel %+v", got.ToolChoice, got.ParallelTools)
	case len(got.Tools) != 2, !got.Tools[0].Strict.Value, got.Tools[0].Cache == nil, got.Tools[1].Other == nil:
		t.Errorf("got %+v", got.Tools)
	case got.Format == nil, got.MaxTokens.Value != 100, got.Temperature.Value != 0.5, got.Stop[0] != "x", got.System[0].Text != "Be brief.":
		t.Errorf("got %+v", got)
	case jsonx.Find(got.ModelFields, "thinking") == nil, jsonx.Find(got.ModelFields, "top_k") == nil:
		t.Errorf("got %+v", got.ModelFields)
	}
}

func TestABodyIsRefusedInAnthropicsWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ more, want string }{
		{`"container":"x"`, "container: Extra inputs are not permitted"},
		{`"mcp_servers":[]`, "mcp_servers: Extra inputs are not permitted"},
		{`"service_tier":"auto"`, "service_tier: Extra inputs are not permitted"},
		{`"cache_control":{"type":"ephemeral"}`, "cache_control: Extra inputs are not permitted"},
		{`"system":[{"type":"image"}]`, "system.0: Input tag 'image' found using 'type' does not match any of the expected tags: 'text'"},
		{`"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","scope":"global"}}]`, "system.0.text.cache_control.ephemeral.scope: Extra inputs are not permitted"},
		{`"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"2h"}}]`, "system.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'"},
		{`"metadata":{"user_id":"u","more":1}`, "metadata.more: Extra inputs are not permitted"},
		{`"output_config":{"format":{"type":"xml"}}`, "output_config.format: Input tag 'xml' found using 'type' does not match any of the expected tags: 'json_schema'"},
		{`"output_config":{"task":1}`, "output_config.task: Extra inputs are not permitted"},
		{`"thinking":{"type":"disabled","budget_tokens":1}`, "thinking.disabled.budget_tokens: Extra inputs are not permitted"},
		{`"thinking":{}`, "thinking.type: Field required"},
		{`"tools":[{"name":"a","input_schema":{"type":"array"}}]`, "tools.0.custom.input_schema.type: Input should be 'object'"},
		{`"tools":[{"type":"computer_20250124","name":"computer"}]`, "tools.0: Input tag 'computer_20250124' found using 'type' does not match any of the expected tags: 'bash_20250124', 'custom', 'text_editor_20250124', 'text_editor_20250429', 'text_editor_20250728'"},
		{`"tools":[{"name":"a","input_schema":{"type":"object"},"input_examples":[]}]`, "tools.0.custom.input_examples: Extra inputs are not permitted"},
		{`"tools":[{"name":"a","input_schema":{"type":"object"}}],"tool_choice":{"type":"none","disable_parallel_tool_use":true}`, "tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted"},
		{`"messages":[{"role":"user"}]`, "messages.0.content: Field required"},
		{`"messages":[{"role":"user","content":"x","output_config":{}}]`, "messages.0.output_config: Extra inputs are not permitted"},
		{`"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"image"}]}]`, "messages.1.content.0: Input tag 'image' found using 'type' does not match any of the expected tags: 'redacted_thinking', 'text', 'thinking', 'tool_use'"},
		{`"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[]},{"role":"user","content":"x"}]`, "messages.1: all messages must have non-empty content except for the optional final assistant message"},
		{`"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s","cache_control":{"type":"ephemeral"}}]}]`, "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted"},
		{`"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a b","name":"n","input":{}}]}]`, "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"},
		{`"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"n","input":"{}"}]}]`, "messages.1.content.0.tool_use.input: Input should be a valid dictionary"},
		{`"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"b"}]}]}]`, "messages.0.content.0.tool_result.content.0: Input tag 'tool_reference' found using 'type' does not match any of the expected tags: 'document', 'image', 'search_result', 'text'"},
		{`"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://example.com"}}]}]`, "messages.0.content.0.document.source: Input tag 'url' found using 'type' does not match any of the expected tags: 'base64', 'content', 'text'"},
		{`"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"%%"}}]}]`, "messages.0.content.0.image.source.base64.data: Invalid base64 data"},
		{`"messages":[{"role":"user","content":[{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]}]`, "messages.0.content.0: cache_control cannot be set for empty text blocks"},
	}
	for _, tt := range tests {
		_, err := Decode(with(tt.more), Terms{Betas: []string{}})
		var fault *Fault
		if !errors.As(err, &fault) || fault.Message != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.more, err, tt.want)
		}
	}
	var syntax *jsonx.Error
	if _, err := Decode([]byte(`{"a":`), Terms{}); !errors.As(err, &syntax) || !syntax.Syntax {
		t.Errorf("got %v, want a fault of syntax", err)
	}
}

func TestBetasOpenWhatDependsOnThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ beta, more string }{
		{betaToolSearch, `"tools":[{"name":"a","input_schema":{"type":"object"},"defer_loading":true},{"type":"tool_search_tool_regex_20251119","name":"s"}],"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"s","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"a"}]}]}]`},
		{betaToolExamples, `"tools":[{"name":"a","input_schema":{"type":"object"},"input_examples":[{}]}]`},
		{betaContext, `"context_management":{"edits":[]}`},
		{betaComputer, `"tools":[{"type":"computer_20250124","name":"computer","display_width_px":1,"display_height_px":1}]`},
	} {
		if _, err := Decode(with(c.more+`,"anthropic_beta":["`+c.beta+`"]`), Terms{Betas: []string{c.beta}}); err != nil {
			t.Errorf("with %s: %v", c.beta, err)
		}
		if _, err := Decode(with(c.more), Terms{Betas: []string{c.beta}}); err == nil {
			t.Errorf("without %s: taken", c.beta)
		}
		if _, err := Decode(with(c.more+`,"anthropic_beta":["`+c.beta+`"]`), Terms{Betas: []string{}}); err == nil || err.Error() != "invalid beta flag" {
			t.Errorf("with an unknown %s: %v", c.beta, err)
		}
	}
	system := `"messages":[{"role":"user","content":"x"},{"role":"system","content":"y"}]`
	if _, err := Decode(with(system), Terms{System: true}); err != nil {
		t.Error(err)
	}
	if _, err := Decode(with(system), Terms{}); err == nil || err.Error() != "messages.1.role: Input should be 'user' or 'assistant'" {
		t.Errorf("got %v", err)
	}
}

func TestNamesAreAnthropics(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"anthropic.claude-opus-4-6-v1":              "claude-opus-4-6",
		"anthropic.claude-sonnet-4-5-20250929-v1:0": "claude-sonnet-4-5-20250929",
		"anthropic.claude-opus-5-5":                 "claude-opus-5-5",
	} {
		if got := Name(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestAMessageHasAnthropicsMembersInTheirOrder(t *testing.T) {
	t.Parallel()
	m := Message{Model: "anthropic.claude-opus-4-6-v1", ID: "a", Response: &llm.Response{
		RawStop: "tool_use",
		Blocks: []llm.Block{
			{Kind: llm.BlockReasoning, Text: "hm", Signature: "s"},
			{Kind: llm.BlockRedacted, Text: "ZA=="},
			{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "n", Input: jsonx.Raw(`{"a":1}`)}},
		},
		Usage: llm.Usage{Input: 5, Output: 7, CacheRead: llm.Some(int64(3)), CacheWrite: llm.Some(int64(2)), CacheWrites: []llm.CacheWrite{{TTL: "1h", Tokens: 2}}},
	}}
	id, call := "msg_bdrk_"+mark("a"), "toolu_bdrk_"+mark("t")
	want := `{"model":"claude-opus-4-6","id":"` + id + `","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},` +
		`{"type":"redacted_thinking","data":"ZA=="},{"type":"tool_use","id":"` + call + `","name":"n","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,` +
		`"usage":{"input_tokens":5,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":2},"output_tokens":7}}`
	if got := string(m.Append(nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	events := m.Events([]llm.Event{
		{Kind: llm.EventStart},
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Text: "hm"},
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Signature: "s"},
		{Kind: llm.EventBlockEnd, Index: 0},
		{Kind: llm.EventDelta, Index: 1, Block: llm.BlockRedacted, Text: "ZA=="},
		{Kind: llm.EventBlockEnd, Index: 1},
		{Kind: llm.EventBlockStart, Index: 2, Block: llm.BlockToolUse},
		{Kind: llm.EventDelta, Index: 2, Block: llm.BlockToolUse, Text: `{"a":1}`},
		{Kind: llm.EventBlockEnd, Index: 2},
		{Kind: llm.EventStop},
		{Kind: llm.EventUsage},
	}, Metrics{InvocationLatency: 9, FirstByteLatency: 4})
	wants := []string{
		`"stop_reason":null,"stop_sequence":null`, `"content_block":{"type":"thinking","thinking":"","signature":""}`,
		`"delta":{"type":"thinking_delta","thinking":"hm"}`, `"delta":{"type":"signature_delta","signature":"s"}`, `"content_block_stop","index":0`,
		`"content_block":{"type":"redacted_thinking","data":"ZA=="}`, `"content_block_stop","index":1`,
		`"content_block":{"type":"tool_use","id":"` + call + `","name":"n","input":{}}`, `"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}`,
		`"content_block_stop","index":2`, `"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":7}`,
		`"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":7,"invocationLatency":9,"firstByteLatency":4,"cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":2}`,
	}
	if len(events) != len(wants) {
		t.Fatalf("got %d events, want %d", len(events), len(wants))
	}
	for i, e := range events {
		if !jsonx.Valid(e.JSON) || !strings.Contains(string(e.JSON), wants[i]) {
			t.Errorf("event %d: got %s, want %s", i, e.JSON, wants[i])
		}
	}
}
