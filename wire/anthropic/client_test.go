package anthropic

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func request(t *testing.T, req *llm.Request) (string, error) {
	t.Helper()
	var w jsonx.Writer
	err := AppendRequest(&w, req)
	if err == nil && !jsonx.Valid(w.Buf) {
		t.Fatalf("not JSON: %s", w.Buf)
	}
	return string(w.Buf), err
}

func words(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func point(ttl string) llm.Block {
	return llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{Type: "default", TTL: ttl}}
}

func said(blocks ...llm.Block) *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: blocks}}}
}

func TestAppendRequest(t *testing.T) {
	pdf := llm.EncodeBase64([]byte("%PDF"))
	content := func(s string) string { return `{"messages":[{"role":"user","content":[` + s + `]}]}` }
	text := func(s string) string { return `{"type":"text","text":"` + s + `"}` }
	media := func(kind llm.BlockKind, m llm.Media) *llm.Request { return said(llm.Block{Kind: kind, Media: &m}) }
	tests := []struct {
		name string
		req  *llm.Request
		want string
	}{
		{
			"settings", &llm.Request{
				MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), TopP: llm.Some(0.25), TopK: llm.Some[int64](3), Stop: []string{"a"},
				Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"adaptive"}`), Effort: "low"}, Format: &llm.Format{Schema: jsonx.Raw(`{"a":1}`)},
				ModelFields: []jsonx.Member{{Name: "anthropic_beta", Value: jsonx.Raw(`["b"]`)}},
			},
			`{"max_tokens":9,"temperature":0.5,"top_p":0.25,"top_k":3,"stop_sequences":["a"],"thinking":{"type":"adaptive"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"a":1}}},"messages":[],"anthropic_beta":["b"]}`,
		},
		{
			"settings of the model's own go first", &llm.Request{
				TopK: llm.Some[int64](3), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`1`), Effort: "low"}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAuto}, Tools: []llm.Tool{{Name: "a"}},
				ModelFields: []jsonx.Member{
					{Name: "top_k", Value: jsonx.Raw(`4`)},
					{Name: "thinking", Value: jsonx.Raw(`2`)},
					{Name: "output_config", Value: jsonx.Raw(`{"effort":"high"}`)},
					{Name: "tools", Value: jsonx.Raw(`[{"type":"bash_20250124"}]`)},
					{Name: "tool_choice", Value: jsonx.Raw(`{"type":"any"}`)},
				},
			},
			`{"output_config":{"effort":"high"},"messages":[],"tools":[{"name":"a","input_schema":{"type":"object"}},{"type":"bash_20250124"}],"top_k":4,"thinking":2,"tool_choice":{"type":"any"}}`,
		},
		{"no effort", &llm.Request{Reasoning: llm.Reasoning{Effort: "none"}}, `{"messages":[]}`},
		{"a system prompt", &llm.Request{System: []llm.Block{words("a"), point("1h"), words(""), words("b")}}, `{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},` + text("b") + `],"messages":[]}`},
		{"an empty system prompt", &llm.Request{System: []llm.Block{words(""), point("")}}, `{"messages":[]}`},
		{
			"neighbours of one role", &llm.Request{Turns: []llm.Turn{
				{Role: llm.RoleUser, Blocks: []llm.Block{words("a")}},
				{Role: llm.RoleUser, Blocks: []llm.Block{words("b"), point(""), point("")}},
				{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "x"}}},
				{Role: llm.RoleSystem, Blocks: []llm.Block{words("c")}},
				{Role: llm.RoleAssistant, Blocks: []llm.Block{words("d")}},
			}},
			`{"messages":[{"role":"user","content":[` + text("a") + `,{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]},{"role":"system","content":[` + text("c") + `]},{"role":"assistant","content":[` + text("d") + `]}]}`,
		},
		{
			"thinking", said(
				llm.Block{Kind: llm.BlockReasoning, Text: "a", Signature: "s"}, point(""), llm.Block{Kind: llm.BlockRedacted, Text: "ZW1wdHk="}, point(""), llm.Block{Kind: llm.BlockRedacted, Text: "//8="}, llm.Block{Kind: llm.BlockRedacted, Text: "?"},
			),
			content(`{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"empty"},{"type":"redacted_thinking","data":"//8="},{"type":"redacted_thinking","data":"?"}`),
		},
		{
			"calls of tools", said(
				llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "i", Name: "n", Input: jsonx.Raw(`{"a":[1]}`)}}, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "i", Name: "n"}}, point(""),
				llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "i", Name: "n", Input: jsonx.Raw(`"x"`), Type: llm.ServerSide}},
			),
			content(`{"type":"tool_use","id":"i","name":"n","input":{"a":[1]}},{"type":"tool_use","id":"i","name":"n","input":{},"cache_control":{"type":"ephemeral"}},{"type":"server_tool_use","id":"i","name":"n","input":{"input":"x"}}`),
		},
		{
			"results of tools", said(
				llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "i", Status: "error", Content: []llm.ResultBlock{{JSON: jsonx.Raw(`{"a":1}`)}, {Block: words("b")}, {Block: point("")}}}}, point("5m"),
				llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "j"}},
				llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "k", Type: "tool_search_tool_result", Content: []llm.ResultBlock{{JSON: jsonx.Raw(`{"x":1}`)}}}},
			),
			content(`{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"{\"a\":1}"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}],"is_error":true,"cache_control":{"type":"ephemeral","ttl":"5m"}},{"type":"tool_result","tool_use_id":"j"},{"type":"tool_search_tool_result","tool_use_id":"k","content":{"x":1}}`),
		},
		{"an image", media(llm.BlockImage, llm.Media{Format: "jpg", Base64: pdf}), content(`{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"JVBERg=="}}`)},
		{"an image by its URL", media(llm.BlockImage, llm.Media{URI: "https://a.example/b"}), content(`{"type":"image","source":{"type":"url","url":"https://a.example/b"}}`)},
		{"an image in its dialect's form", media(llm.BlockImage, llm.Media{Source: &jsonx.Member{Name: "x", Value: jsonx.Raw(`{"type":"file"}`)}}), content(`{"type":"image","source":{"type":"file"}}`)},
		{
			"a PDF", media(llm.BlockDocument, llm.Media{Format: "pdf", Base64: pdf, Name: "n", Context: "c", Citations: jsonx.Raw(`{"enabled":true}`)}),
			content(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERg=="},"title":"n","context":"c","citations":{"enabled":true}}`),
		},
		{"a text", media(llm.BlockDocument, llm.Media{Format: "md", Base64: llm.EncodeBase64([]byte("\ufeff# a"))}), content(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"# a"}}`)},
		{"a text as it is", media(llm.BlockDocument, llm.Media{Text: "a"}), content(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"}}`)},
		{
			"blocks of a dialect", said(
				llm.Block{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "search_result", Value: jsonx.Raw(`{"type":"search_result","a":1}`)}}, point(""),
				llm.Block{Kind: llm.BlockOther, Text: "words", Other: &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw(`{"content":[]}`)}},
			),
			content(`{"type":"search_result","a":1,"cache_control":{"type":"ephemeral"}},` + text("words")),
		},
		{
			"tools", &llm.Request{
				Tools: []llm.Tool{
					{Name: "a", Description: "d", Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true), Cache: &llm.CachePoint{TTL: "1h"}},
					{Own: jsonx.Raw(`{"type":"bash_20250124"}`), Cache: &llm.CachePoint{}},
					{Own: jsonx.Raw(`{"type":"x","cache_control":{}}`), Cache: &llm.CachePoint{}},
				},
				ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "a"}, ParallelTools: llm.Some(false),
			},
			`{"messages":[],"tools":[{"name":"a","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"bash_20250124","cache_control":{"type":"ephemeral"}},{"type":"x","cache_control":{}}],"tool_choice":{"type":"tool","name":"a","disable_parallel_tool_use":true}}`,
		},
		{"a choice without tools", &llm.Request{ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, `{"messages":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := request(t, tt.req); err != nil || got != tt.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}

func TestToolChoices(t *testing.T) {
	for kind, want := range map[llm.ToolChoiceKind]string{
		llm.ToolChoiceUnset: `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`, llm.ToolChoiceAuto: `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`,
		llm.ToolChoiceNone: `,"tool_choice":{"type":"none"}`, llm.ToolChoiceAny: `,"tool_choice":{"type":"any","disable_parallel_tool_use":true}`,
	} {
		got, err := request(t, &llm.Request{Tools: []llm.Tool{{Name: "a"}}, ToolChoice: llm.ToolChoice{Kind: kind}, ParallelTools: llm.Some(false)})
		if err != nil || got != `{"messages":[],"tools":[{"name":"a","input_schema":{"type":"object"}}]`+want+`}` {
			t.Errorf("%d: %v %s", kind, err, got)
		}
	}
}

func TestRequestsWithoutAForm(t *testing.T) {
	media := func(kind llm.BlockKind, m llm.Media) *llm.Request {
		return said(words("a"), llm.Block{Kind: kind, Media: &m})
	}
	for name, tt := range map[string]struct {
		req   *llm.Request
		param string
	}{
		"audio":                     {media(llm.BlockAudio, llm.Media{}), "messages[0].content[1]"},
		"S3":                        {media(llm.BlockImage, llm.Media{URI: "s3://a/b"}), "messages[0].content[1]"},
		"a PDF in S3":               {media(llm.BlockDocument, llm.Media{URI: "s3://a/b"}), "messages[0].content[1]"},
		"a spreadsheet":             {media(llm.BlockDocument, llm.Media{Format: "xlsx", Base64: llm.EncodeBase64([]byte("a"))}), "messages[0].content[1]"},
		"a text that is none":       {media(llm.BlockDocument, llm.Media{Format: "txt", Base64: llm.EncodeBase64([]byte("\xff"))}), "messages[0].content[1]"},
		"a block of another":        {said(llm.Block{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "guardContent", Value: jsonx.Raw(`{}`)}}), "messages[0].content[0]"},
		"audio in a result":         {said(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockVideo}}}}}), "messages[0].content[0].content[0]"},
		"audio in the instructions": {&llm.Request{System: []llm.Block{{Kind: llm.BlockAudio}}}, "system[0]"},
		"a tool of another":         {&llm.Request{Tools: []llm.Tool{{Number: 3, Other: &jsonx.Member{Name: "systemTool"}}}}, "tools[2]"},
		"a tool that is none":       {&llm.Request{Tools: []llm.Tool{{Own: jsonx.Raw(`[]`)}}}, "tools[0]"},
		"tools that are none":       {&llm.Request{ModelFields: []jsonx.Member{{Name: "tools", Value: jsonx.Raw(`{}`)}}}, "tools"},
		"output_config":             {&llm.Request{ModelFields: []jsonx.Member{{Name: "output_config", Value: jsonx.Raw(`[]`)}}}, "output_config"},
		"JSON without a schema":     {&llm.Request{Format: &llm.Format{}}, "format"},
	} {
		_, err := request(t, tt.req)
		if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != tt.param {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const answer = `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[` +
	`{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"c2VjcmV0"},` +
	`{"type":"text","text":"Rock","citations":[{"type":"char_location","cited_text":"r","document_index":1,"document_title":"D","start_char_index":2,"end_char_index":3}]},` +
	`{"type":"tool_use","id":"t","name":"n","input":{"a":1}},{"type":"server_tool_use","id":"u","name":"tool_search_tool_regex","input":{}},` +
	`{"type":"tool_search_tool_result","tool_use_id":"u","content":{"type":"x"}},{"type":"compaction","content":"y"}],` +
	`"stop_reason":"stop_sequence","stop_sequence":"S","container":null,"context_management":{"applied_edits":[]},"amazon-bedrock-trace":{"g":1},"amazon-bedrock-guardrailAction":"NONE",` +
	`"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":0},"service_tier":"standard","inference_geo":"us","server_tool_use":{"web_search_requests":0},"output_tokens_details":{"thinking_tokens":1}}}`

func TestDecodeResponse(t *testing.T) {
	got, err := DecodeResponse([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{
		Role: llm.RoleAssistant, Stop: llm.StopSequence, RawStop: "stop_sequence", ServiceTier: "default", Trace: jsonx.Raw(`{"g":1}`),
		Blocks: []llm.Block{
			{Kind: llm.BlockReasoning, Text: "hm", Signature: "sig"},
			{Kind: llm.BlockRedacted, Text: "YzJWamNtVjA="},
			{Kind: llm.BlockText, Text: "Rock", Extra: []jsonx.Member{{Name: "citation", Value: jsonx.Raw(`{"title":"D","sourceContent":[{"text":"r"}],"location":{"documentChar":{"documentIndex":1,"start":2,"end":3}}}`)}}},
			{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "n", Input: jsonx.Raw(`{"a":1}`)}},
			{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "u", Name: "tool_search_tool_regex", Input: jsonx.Raw(`{}`), Type: llm.ServerSide}},
			{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "u", Type: "tool_search_tool_result", Content: []llm.ResultBlock{{JSON: jsonx.Raw(`{"type":"x"}`)}}}},
			{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "compaction", Value: jsonx.Raw(`{"type":"compaction","content":"y"}`)}},
		},
		Usage: llm.Usage{
			Input: 1, Output: 2, Total: 10, Reasoning: llm.Some[int64](1), CacheRead: llm.Some[int64](3), CacheWrite: llm.Some[int64](4), CacheWrites: []llm.CacheWrite{{TTL: "5m", Tokens: 4}},
			Extra: []jsonx.Member{{Name: "server_tool_use", Value: jsonx.Raw(`{"web_search_requests":0}`)}},
		},
		Extra: []jsonx.Member{{Name: "context_management", Value: jsonx.Raw(`{"applied_edits":[]}`)}, {Name: "amazon-bedrock-guardrailAction", Value: jsonx.Raw(`"NONE"`)}, {Name: "stop_sequence", Value: jsonx.Raw(`"S"`)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResponsesThatLackParts(t *testing.T) {
	r, err := DecodeResponse([]byte(`{"type":"message","content":[],"usage":null}`))
	if err != nil || !r.Uncounted || len(r.Meta.Warnings) != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, body := range []string{
		``, `[]`, `{}`, `{"type":"message","content":{}}`, `{"type":"message","content":[1]}`, `{"type":"message","content":[{"type":5}]}`, `{"type":"message","usage":[]}`,
		`{"type":"message","content":[` + strings.Repeat(`{},`, maxSentBlocks) + `{}]}`, `[` + strings.Repeat(`1,`, maxSentValues+1) + `1]`,
	} {
		if _, err := DecodeResponse([]byte(body)); err == nil {
			t.Errorf("%.60s is taken", body)
		}
	}
}

func TestStops(t *testing.T) {
	for word, want := range map[string]llm.StopReason{
		"": llm.StopUnset, "end_turn": llm.StopEnd, "stop_sequence": llm.StopSequence, "max_tokens": llm.StopMaxTokens, "model_context_window_exceeded": llm.StopContextWindow,
		"tool_use": llm.StopToolUse, "refusal": llm.StopFiltered, "pause_turn": llm.StopOther, "new": llm.StopOther,
	} {
		if got := Stop(word); got != want {
			t.Errorf("%s: %v", word, got)
		}
	}
}

func TestCitations(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"page_location","document_index":0,"start_page_number":1,"end_page_number":2}`:                                        `{"location":{"documentPage":{"documentIndex":0,"start":1,"end":2}}}`,
		`{"type":"content_block_location","document_index":0,"start_block_index":1,"end_block_index":2}`:                               `{"location":{"documentChunk":{"documentIndex":0,"start":1,"end":2}}}`,
		`{"type":"search_result_location","search_result_index":5,"source":"s","title":"t","start_block_index":1,"end_block_index":2}`: `{"title":"t","source":"s","location":{"searchResultLocation":{"searchResultIndex":5,"start":1,"end":2}}}`,
		`{"type":"web_search_result_location","url":"https://a.example","title":"t","cited_text":"c","encrypted_index":"e"}`:           `{"title":"t","sourceContent":[{"text":"c"}],"location":{"web":{"url":"https://a.example"}}}`,
		`{"type":"new","a":1}`: `{"type":"new","a":1}`,
		`5`:                    `5`,
	} {
		if got := string(citationOf(jsonx.Raw(in))); got != want {
			t.Errorf("%s is %s", in, got)
		}
	}
}

// folded reads events, and returns the response.
func folded(t *testing.T, events ...string) *llm.Response {
	t.Helper()
	var r EventReader
	var f llm.Fold
	for _, e := range events {
		got, err := r.Append(nil, []byte(e))
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		for i := range got {
			f.Add(&got[i])
		}
	}
	return f.Answer()
}

func TestEventsAreTheResponse(t *testing.T) {
	want, err := DecodeResponse([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	start := func(i int, block string) string {
		return `{"type":"content_block_start","index":` + strconv.Itoa(i) + `,"content_block":` + block + `}`
	}
	delta := func(i int, d string) string {
		return `{"type":"content_block_delta","index":` + strconv.Itoa(i) + `,"delta":` + d + `}`
	}
	stop := func(i int) string { return `{"type":"content_block_stop","index":` + strconv.Itoa(i) + `}` }
	got := folded(t,
		`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"container":null,"context_management":{"applied_edits":[]},"usage":{"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}}}`,
		`{"type":"ping"}`,
		start(0, `{"type":"thinking","thinking":"","signature":""}`), delta(0, `{"type":"thinking_delta","thinking":"h"}`), delta(0, `{"type":"thinking_delta","thinking":"m"}`), delta(0, `{"type":"signature_delta","signature":"sig"}`), stop(0),
		start(1, `{"type":"redacted_thinking","data":"c2VjcmV0"}`), stop(1),
		start(2, `{"type":"text","text":"R"}`), delta(2, `{"type":"text_delta","text":"ock"}`),
		delta(2, `{"type":"citations_delta","citation":{"type":"char_location","cited_text":"r","document_index":1,"document_title":"D","start_char_index":2,"end_char_index":3}}`), stop(2),
		start(3, `{"type":"tool_use","id":"t","name":"n","input":{}}`), delta(3, `{"type":"input_json_delta","partial_json":""}`), delta(3, `{"type":"input_json_delta","partial_json":"{\"a\":1}"}`), stop(3),
		start(4, `{"type":"server_tool_use","id":"u","name":"tool_search_tool_regex","input":{}}`), stop(4),
		start(5, `{"type":"tool_search_tool_result","tool_use_id":"u","content":{"type":"x"}}`), stop(5),
		start(6, `{"type":"compaction","content":"y"}`), stop(6),
		`{"type":"message_delta","delta":{},"usage":{"output_tokens":1}}`,
		`{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"S","container":null},"usage":{"output_tokens":2,"server_tool_use":{"web_search_requests":0},"output_tokens_details":{"thinking_tokens":1}}}`,
		`{"type":"message_stop","amazon-bedrock-trace":{"g":1},"amazon-bedrock-guardrailAction":"NONE","amazon-bedrock-invocationMetrics":{"invocationLatency":7}}`,
	)
	if got.LatencyMs != llm.Some[int64](7) {
		t.Errorf("latency %v", got.LatencyMs)
	}
	got.LatencyMs = llm.Opt[int64]{}
	got.Extra[1], got.Extra[2] = got.Extra[2], got.Extra[1] // the stop sequence comes earlier in a stream
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-whole +streamed):\n%s", diff)
	}
}

func TestEventsOutOfTheOrdinary(t *testing.T) {
	got := folded(t, `{"type":"message_start"}`, `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b","input":{"c":1}}}`, `{"type":"new","a":1}`, `{"type":"message_stop"}`)
	if got.Role != llm.RoleAssistant || string(got.Blocks[0].ToolUse.Input) != `{"c":1}` || got.Stop != llm.StopUnset || got.Usage.Total != 0 {
		t.Errorf("got %+v", got)
	}
	got = folded(t, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a","citations":[{"type":"new"}]}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","x":1}}`, `{"type":"content_block_stop","index":0}`)
	if b := got.Blocks[0]; b.Text != "a" || len(b.Extra) != 2 || b.Extra[1].Name != "new_delta" {
		t.Errorf("got %+v", b)
	}
	for name, events := range map[string][]string{
		"no JSON":                  {`{`},
		"a delta before its start": {`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`},
		"a delta behind its end":   {`{"type":"content_block_start","index":0,"content_block":{"type":"text"}}`, `{"type":"content_block_stop","index":0}`, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`},
		"a delta of another type":  {`{"type":"content_block_start","index":0,"content_block":{"type":"text"}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"a"}}`},
		"a negative index":         {`{"type":"content_block_start","index":-1,"content_block":{"type":"text"}}`},
		"a block that is none":     {`{"type":"content_block_start","index":0,"content_block":[]}`},
		"no block":                 {`{"type":"content_block_start","index":0}`},
		"usage that is none":       {`{"type":"message_start","message":{"usage":[]}}`},
		"usage that is none, late": {`{"type":"message_delta","usage":[]}`},
		"two ends":                 {`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`},
	} {
		var r EventReader
		var err error
		for _, e := range events {
			_, err = r.Append(nil, []byte(e))
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var r EventReader
	for range maxSentBlocks {
		if _, err := r.Append(nil, []byte(`{"type":"content_block_start","index":0,"content_block":{"type":"text"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Append(nil, []byte(`{"type":"content_block_start","index":0,"content_block":{"type":"text"}}`)); err == nil {
		t.Error("more blocks than the limit are taken")
	}
}

// TestHiddenThinkingComesBack checks that redacted thinking survives a round through the common
// language.
func TestHiddenThinkingComesBack(t *testing.T) {
	r, err := DecodeResponse([]byte(answer))
	if err != nil {
		t.Fatal(err)
	}
	got, err := request(t, &llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Blocks: r.Blocks[:2]}}})
	if want := `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"c2VjcmV0"}]}]}`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(answer))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeResponse(body)
		if err != nil {
			return
		}
		var w jsonx.Writer
		if AppendRequest(&w, &llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Blocks: r.Blocks}}}) == nil && !jsonx.Valid(w.Buf) {
			t.Fatalf("written as %s", w.Buf)
		}
	})
}

func FuzzEventReader(f *testing.F) {
	f.Add(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"b","input":{"c":1}}}` + "\n" + `{"type":"message_stop"}`)
	f.Add(`{"type":"content_block_start","index":0,"content_block":{"type":"x","tool_use_id":"u","content":[]}}` + "\n" + `{"type":"content_block_delta","index":0,"delta":{"type":"x"}}`)
	f.Fuzz(func(_ *testing.T, stream string) {
		var r EventReader
		var fold llm.Fold
		for line := range strings.SplitSeq(stream, "\n") {
			events, err := r.Append(nil, []byte(line))
			if err != nil {
				return
			}
			for i := range events {
				fold.Add(&events[i])
			}
		}
		fold.Answer()
	})
}
