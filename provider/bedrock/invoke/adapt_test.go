package invoke

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Models of the tests.
var (
	sonnet37 = NewModel("anthropic", "claude-3-7-sonnet-20250219-v1", nil)
	haiku35  = NewModel("anthropic", "claude-3-5-haiku-20241022-v1", nil)
	sonnet4  = NewModel("anthropic", "claude-sonnet-4-20250514-v1", nil)
	sonnet45 = NewModel("anthropic", "claude-sonnet-4-5-20250929-v1", nil)
	haiku45  = NewModel("anthropic", "claude-haiku-4-5-20251001-v1", nil)
	opus45   = NewModel("anthropic", "claude-opus-4-5-20251101-v1", nil)
	opus46   = NewModel("anthropic", "claude-opus-4-6-v1", nil)
	opus47   = NewModel("anthropic", "claude-opus-4-7", nil)
	opus5    = NewModel("anthropic", "claude-opus-5", nil)
	sonnet5  = NewModel("anthropic", "claude-sonnet-5", nil)
	opus55   = NewModel("anthropic", "claude-opus-5-5", nil)
	hidden   = NewModel("", "", nil)
)

const head = `{"anthropic_version":"bedrock-2023-05-31",`

// sent adapts a body and returns what is sent, and the warnings as "code field".
func sent(t *testing.T, m *Model, body string, header []string, opt Options) (string, []string) {
	t.Helper()
	a, err := Adapt(m, []byte(body), header, opt)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	out := string(bytes.Join(a.Body, nil))
	if !jsonx.Valid([]byte(out)) {
		t.Fatalf("not JSON: %s", out)
	}
	var warnings []string
	for _, w := range a.Warnings {
		if w.Detail == "" {
			t.Errorf("the warning about %s has no reason", w.Field)
		}
		warnings = append(warnings, w.Code+" "+w.Field)
	}
	return out, warnings
}

func TestAdapt(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	url := Options{Media: map[string]Media{"https://a.example/b.png": {"image/png", llm.EncodeBase64([]byte("abc"))}}}
	tests := []struct {
		name     string
		model    *Model
		body     string
		header   []string
		opt      Options
		want     string
		warnings []string
	}{
		{name: "model and stream", body: `{"model":"m","max_tokens":5,"stream":true,` + hi + `}`, want: head + `"max_tokens":5,` + hi + `}`},
		{name: "nothing else", body: `{"model":"m"}`, want: `{"anthropic_version":"bedrock-2023-05-31"}`},
		{name: "an empty object", body: ` { } `, want: `{"anthropic_version":"bedrock-2023-05-31" }`},
		{name: "white space stays", body: "{ \"a\" : 1 ,\n \"model\":\"m\" , \"b\":\t[ 1 , 2 ] }\n", want: "{\"anthropic_version\":\"bedrock-2023-05-31\",\"a\" : 1,\"b\":\t[ 1 , 2 ] }"},
		{name: "another version", body: `{"anthropic_version":"2023-06-01",` + hi + `}`, want: head + hi + `}`},
		{name: "the right version", body: `{` + hi + `,"anthropic_version":"bedrock-2023-05-31"}`, want: `{` + hi + `,"anthropic_version":"bedrock-2023-05-31"}`},
		{
			name: "members that Bedrock refuses", body: `{"metadata":{"user_id":"x","team":"y"},"service_tier":"fast","safeguards":[],"speed":"fast","max_tokens":1}`,
			want: head + `"max_tokens":1}`, warnings: []string{"dropped metadata.team", "dropped service_tier", "dropped safeguards", "dropped speed"},
		},
		{name: "members that ask for what is so anyway", body: `{"metadata":{"user_id":"x"},"service_tier":"auto","inference_geo":"global","speed":"standard","diagnostics":null,"a":1}`, want: head + `"a":1}`},
		{name: "counting without max_tokens", opt: Options{Count: true}, body: `{"a":1}`, want: head + `"a":1,"max_tokens":1}`},
		{name: "counting with a budget", model: sonnet45, opt: Options{Count: true}, body: `{"thinking":{"type":"enabled","budget_tokens":4000}}`, want: head + `"thinking":{"type":"enabled","budget_tokens":4000},"max_tokens":4001}`},
		{name: "counting with a converted budget", model: sonnet45, opt: Options{Count: true}, body: `{"thinking":{"type":"adaptive"}}`, want: head + `"thinking":{"type":"enabled","budget_tokens":4096},"max_tokens":4097}`, warnings: []string{"changed thinking"}},
		{name: "counting with max_tokens", opt: Options{Count: true}, body: `{"max_tokens":7}`, want: head + `"max_tokens":7}`},
		{name: "a name in escapes", body: `{"sp\u0065ed":{},"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped speed"}},
		{name: "empty members that would be refused", body: `{"mcp_servers":[],"container":null,"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped mcp_servers"}},
		{name: "unknown members", body: `{"tomorrow":{"a":[1]},"amazon-bedrock-guardrailConfig":{}}`, want: head + `"tomorrow":{"a":[1]},"amazon-bedrock-guardrailConfig":{}}`},

		{
			name: "betas of the header and of the body", body: `{"betas":["context-1m-2025-08-07"],"anthropic_beta":["interleaved-thinking-2025-05-14"]}`,
			header: []string{"computer-use-2025-01-24, context-1m-2025-08-07", `["dev-full-thinking-2025-05-14"]`},
			want:   head + `"anthropic_beta":["interleaved-thinking-2025-05-14","context-1m-2025-08-07","computer-use-2025-01-24","dev-full-thinking-2025-05-14"]}`,
		},
		{name: "betas stay as they are", body: `{"anthropic_beta": [ "interleaved-thinking-2025-05-14" ]}`, want: head + `"anthropic_beta": [ "interleaved-thinking-2025-05-14" ]}`},
		{name: "one beta as a string", body: `{"anthropic_beta":"interleaved-thinking-2025-05-14"}`, want: head + `"anthropic_beta":["interleaved-thinking-2025-05-14"]}`},
		{name: "an unknown beta", body: `{"anthropic_beta":["tomorrow-2027-01-01"]}`, want: `{"anthropic_version":"bedrock-2023-05-31"}`, warnings: []string{"dropped anthropic-beta"}},
		{name: "an unknown beta that is passed", body: `{"a":1}`, header: []string{"tomorrow-2027-01-01"}, opt: Options{PassUnknownBetas: true}, want: `{"anthropic_beta":["tomorrow-2027-01-01"],` + head[1:] + `"a":1}`},
		{name: "a refused beta", body: `{"a":1}`, header: []string{"mcp-client-2025-11-20"}, want: head + `"a":1}`, warnings: []string{"dropped anthropic-beta"}},
		{name: "betas without effect", body: `{"a":1}`, header: []string{"claude-code-20250219,effort-2025-11-24,advanced-tool-use-2025-11-20,context-management-2025-06-27"}, want: head + `"a":1}`},
		{
			name: "a beta that is another one on Bedrock", body: `{"tools":[{"name":"a","defer_loading":true}]}`, header: []string{"advanced-tool-use-2025-11-20"},
			want: `{"anthropic_beta":["tool-search-tool-2025-10-19"],` + head[1:] + `"tools":[{"name":"a","defer_loading":true}]}`,
		},
		{name: "a beta of another model", model: haiku45, body: `{"a":1}`, header: []string{"interleaved-thinking-2025-05-14"}, want: head + `"a":1}`, warnings: []string{"dropped anthropic-beta"}},
		{name: "a beta that AWS refused", body: `{"a":1}`, header: []string{"context-1m-2025-08-07"}, opt: Options{Without: []string{"context-1m-2025-08-07"}}, want: head + `"a":1}`, warnings: []string{"dropped anthropic-beta"}},
		{name: "all betas refused", body: `{"a":1}`, header: []string{"context-1m-2025-08-07,computer-use-2025-01-24,x-2027-01-01"}, opt: Options{PassUnknownBetas: true, Without: []string{"anthropic_beta"}}, want: head + `"a":1}`, warnings: []string{"dropped anthropic-beta", "dropped anthropic-beta", "dropped anthropic-beta"}},

		{name: "thinking with a budget", body: `{"thinking":{"type":"enabled","budget_tokens":2000}}`, want: head + `"thinking":{"type":"enabled","budget_tokens":2000}}`},
		{name: "adaptive thinking", model: opus46, body: `{"thinking":{"type":"adaptive","display":"omitted"}}`, want: head + `"thinking":{"type":"adaptive","display":"omitted"}}`},
		{
			name: "adaptive thinking of a model that has none", body: `{"max_tokens":32000,"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"high"}}`,
			want: head + `"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":4096}}`, warnings: []string{"changed thinking", "dropped output_config.effort"},
		},
		{name: "adaptive thinking with little room", body: `{"max_tokens":3000,"thinking":{"type":"adaptive"}}`, want: head + `"max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1500}}`, warnings: []string{"changed thinking"}},
		{name: "adaptive thinking without room", body: `{"max_tokens":100,"thinking":{"type":"adaptive"}}`, want: head + `"max_tokens":100}`, warnings: []string{"dropped thinking"}},
		{name: "a budget of a model that has none", model: opus47, body: `{"thinking":{"type":"enabled","budget_tokens":5,"display":"omitted"}}`, want: head + `"thinking":{"type":"adaptive","display":"omitted"}}`, warnings: []string{"changed thinking"}},
		{name: "thinking of a model that has none", model: haiku35, body: `{"thinking":{"type":"adaptive"},"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped thinking"}},
		{name: "no thinking of a model that has none", model: haiku35, body: `{"thinking":{"type":"disabled"},"a":1}`, want: head + `"a":1}`},
		{name: "display of a model that has none", body: `{"thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"}}`, want: head + `"thinking":{"type":"enabled","budget_tokens":2000}}`, warnings: []string{"dropped thinking.display"}},
		{name: "updates", model: opus55, body: `{"thinking":{"type":"adaptive","display":"updates"}}`, want: `{"anthropic_beta":["thinking-display-updates-2026-08-18"],` + head[1:] + `"thinking":{"type":"adaptive","display":"updates"}}`},
		{name: "updates of a model that has none", model: opus46, body: `{"thinking":{"type":"adaptive","display":"updates"}}`, want: head + `"thinking":{"type":"adaptive"}}`, warnings: []string{"dropped thinking.display"}},
		{name: "updates that AWS refused", model: opus55, opt: Options{Without: []string{"thinking-display-updates-2026-08-18"}}, body: `{"thinking":{"type":"adaptive","display":"updates"}}`, want: head + `"thinking":{"type":"adaptive"}}`, warnings: []string{"dropped thinking.display"}},

		{
			name: "an empty system message", model: opus55, body: `{"messages":[{"role":"user","content":"a"},{"role":"system","content":[],"output_config":{"effort":"low"}},{"role":"assistant","content":"b"}]}`,
			want: head + `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, warnings: []string{"dropped messages.1.output_config"},
		},
		{name: "no thinking of a model that always thinks", model: opus55, body: `{"thinking":{"type":"disabled"},"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped thinking"}},
		{name: "no thinking", body: `{"thinking":{"type":"disabled"}}`, want: head + `"thinking":{"type":"disabled"}}`},
		{name: "sampling", body: `{"temperature":0.5,"top_k":3}`, want: head + `"temperature":0.5,"top_k":3}`},
		{name: "sampling twice", body: `{"temperature":0.5,"top_p":0.9}`, want: head + `"temperature":0.5,"top_p":0.9}`},
		{name: "sampling twice, dropped", opt: Options{DropParams: true}, body: `{"temperature":0.5,"top_p":0.9}`, want: head + `"temperature":0.5}`, warnings: []string{"dropped top_p"}},
		{name: "sampling twice, once without effect", body: `{"temperature":1.0,"top_p":0.9}`, want: head + `"top_p":0.9}`},
		{name: "sampling twice of a model that takes it", model: sonnet4, body: `{"temperature":1,"top_p":0.9}`, want: head + `"temperature":1,"top_p":0.9}`},
		{name: "sampling of a model that has none", model: opus47, body: `{"temperature":1,"top_p":0.5,"top_k":1}`, want: head + `"top_p":0.5,"top_k":1}`},
		{name: "sampling of a model that has none, dropped", model: opus5, opt: Options{DropParams: true}, body: `{"temperature":0,"top_p":1,"top_k":1,"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped temperature", "dropped top_k"}},
		{name: "what would be refused, dropped", opt: Options{DropParams: true}, body: `{"mcp_servers":[{}],"container":"c","a":1}`, want: head + `"a":1}`, warnings: []string{"dropped mcp_servers", "dropped container"}},

		{name: "effort", model: opus47, body: `{"output_config":{"effort":"xhigh"}}`, want: head + `"output_config":{"effort":"xhigh"}}`},
		{name: "effort with its beta", model: opus45, body: `{"output_config":{"effort":"low"}}`, want: `{"anthropic_beta":["effort-2025-11-24"],` + head[1:] + `"output_config":{"effort":"low"}}`},
		{name: "effort whose beta AWS refused", model: opus45, opt: Options{Without: []string{"anthropic_beta"}}, body: `{"output_config":{"effort":"low"},"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped output_config.effort"}},
		{name: "too much effort", model: opus46, body: `{"output_config":{"effort":"xhigh"}}`, want: head + `"output_config":{"effort":"high"}}`, warnings: []string{"changed output_config.effort"}},
		{name: "an unknown effort", model: opus46, body: `{"output_config":{"effort":"all"}}`, want: head + `"output_config":{"effort":"all"}}`},
		{name: "a format", body: `{"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}}`, want: head + `"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}}`},
		{name: "a format by its older name", body: `{"output_format":{"type":"json_schema","schema":{"a":1}}}`, want: head + `"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}}`},
		{name: "an older format beside an effort", model: opus46, body: `{"output_format":{"type":"json_schema"},"output_config":{"effort":"low"}}`, want: head + `"output_config":{"effort":"low","format":{"type":"json_schema"}}}`},
		{
			name: "a format of a model that has none", model: opus47, body: `{"output_config":{"format":{"type":"json_schema","schema":{"a":"\u00e9"}}},"system":"Be \"brief\"."}`,
			want:     head + `"system":[{"type":"text","text":"Be \"brief\"."},{"type":"text","text":"Answer with JSON and nothing else, without a code block around it. It must follow this JSON schema: {\"a\":\"\\u00e9\"}"}]}`,
			warnings: []string{"changed output_config.format"},
		},
		{
			name: "a format that AWS refused", opt: Options{NoFormat: true}, body: `{"output_format":{"type":"json_schema","schema":{}},"tools":[{}],"system":[{"type":"text","text":"a"}]}`,
			want:     head + `"tools":[{}],"system":[{"type":"text","text":"a"},{"type":"text","text":"When you call no tool: Answer with JSON and nothing else, without a code block around it. It must follow this JSON schema: {}"}]}`,
			warnings: []string{"changed output_format"},
		},

		{
			name: "thinking that is kept", body: `{"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"a":1}`, header: []string{"context-management-2025-06-27"},
			want: head + `"a":1}`, warnings: []string{"dropped context_management.edits.0"},
		},
		{
			name: "edits that Bedrock has", model: opus46, body: `{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]}}`,
			want: `{"anthropic_beta":["context-management-2025-06-27","compact-2026-01-12"],` + head[1:] + `"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]}}`,
		},
		{
			name: "an edit that the model has not", body: `{"context_management":{"edits":[{"type":"compact_20260112"},{"type":"clear_tool_uses_20250919"}]}}`,
			want:     `{"anthropic_beta":["context-management-2025-06-27"],` + head[1:] + `"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}`,
			warnings: []string{"dropped context_management.edits.0"},
		},
		{name: "context management that AWS refused", opt: Options{Without: []string{"context_management"}}, body: `{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},"a":1}`, want: head + `"a":1}`, warnings: []string{"dropped context_management"}},

		{
			name: "scope and ttl of the cache", body: `{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h","scope":"global"}}]}`,
			want: head + `"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]}`, warnings: []string{"dropped system.0.cache_control.scope"},
		},
		{
			name: "ttl of a model that has none", model: sonnet4, body: `{"tools":[{"name":"a","cache_control":{"type":"ephemeral","ttl":"5m"}},{"name":"b","cache_control":{"ttl":"1h","type":"ephemeral"}}]}`,
			want: head + `"tools":[{"name":"a","cache_control":{"type":"ephemeral"}},{"name":"b","cache_control":{"type":"ephemeral"}}]}`, warnings: []string{"changed tools.1.cache_control.ttl"},
		},
		{
			name: "more than four marks", body: `{"tools":[{"name":"a","cache_control":{}},{"name":"b","cache_control":{}}],"system":[{"cache_control":{}}],"messages":[{"role":"user","content":[{"type":"text","cache_control":{}},{"type":"text","cache_control":{}},{"type":"text","cache_control":{}}]}]}`,
			want:     head + `"tools":[{"name":"a"},{"name":"b","cache_control":{}}],"system":[{"cache_control":{}}],"messages":[{"role":"user","content":[{"type":"text"},{"type":"text","cache_control":{}},{"type":"text","cache_control":{}}]}]}`,
			warnings: []string{"dropped tools.0.cache_control", "dropped messages.0.content.0.cache_control"},
		},
		{name: "a cache mark of the request, on a string", body: `{"cache_control":{"type":"ephemeral","scope":"x"},` + hi + `}`, want: head + `"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral","scope":"x"}}]}]}`},
		{name: "a cache mark of the request, on a block", body: `{"cache_control":{"type":"ephemeral"},"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`, want: head + `"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}`},
		{name: "a cache mark of the request that the last block has", body: `{"cache_control":{},"messages":[{"role":"user","content":[{"type":"text","cache_control":{}}]}]}`, want: head + `"messages":[{"role":"user","content":[{"type":"text","cache_control":{}}]}]}`},
		{name: "a cache mark of nothing", body: `{"cache_control":null,"a":1}`, want: head + `"a":1}`},

		{
			name: "deferred tools of a model that has no search", model: sonnet4,
			body:     `{"tools":[{"name":"a"},{"name":"DeferredToolPlaceholder","defer_loading":true},{"name":"b","defer_loading":true}],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"tool_reference","tool_name":"b"}]}]}]}`,
			want:     head + `"tools":[{"name":"a"},{"name":"b"}],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"The tool b is available."}]}]}]}`,
			warnings: []string{"changed tools.2.defer_loading"},
		},
		{
			name: "references to tools", body: `{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"tool_reference","tool_name":"b"}]}]}]}`,
			want: `{"anthropic_beta":["tool-search-tool-2025-10-19"],` + head[1:] + `"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"tool_reference","tool_name":"b"}]}]}]}`,
		},
		{name: "strict tools", body: `{"tools":[{"name":"a","strict":true}]}`, want: head + `"tools":[{"name":"a","strict":true}]}`},
		{name: "strict tools that AWS refused", opt: Options{NoStrict: true}, body: `{"tools":[{"name":"a","strict":true},{"strict":false}]}`, want: head + `"tools":[{"name":"a"},{}]}`, warnings: []string{"dropped tools.0.strict"}},
		{name: "strict tools of a model that has none", model: opus5, body: `{"tools":[{"strict":true,"name":"a"}]}`, want: head + `"tools":[{"name":"a"}]}`, warnings: []string{"dropped tools.0.strict"}},
		{name: "streaming of inputs", body: `{"tools":[{"name":"a","eager_input_streaming":true}]}`, want: `{"anthropic_beta":["fine-grained-tool-streaming-2025-05-14"],` + head[1:] + `"tools":[{"name":"a"}]}`, warnings: []string{"changed tools.0.eager_input_streaming"}},
		{name: "streaming of inputs of a model that has none", model: sonnet37, body: `{"tools":[{"name":"a","eager_input_streaming":true},{"eager_input_streaming":false}]}`, want: head + `"tools":[{"name":"a"},{}]}`, warnings: []string{"dropped tools.0.eager_input_streaming"}},
		{name: "examples", body: `{"tools":[{"name":"a","input_examples":[{}]}]}`, want: `{"anthropic_beta":["tool-examples-2025-10-29"],` + head[1:] + `"tools":[{"name":"a","input_examples":[{}]}]}`},
		{name: "examples of a model that has none", model: sonnet4, body: `{"tools":[{"name":"a","input_examples":[{}]}]}`, want: head + `"tools":[{"name":"a"}]}`, warnings: []string{"dropped tools.0.input_examples"}},
		{name: "callers", body: `{"tools":[{"name":"a","allowed_callers":["direct"]},{"allowed_callers":["code_execution_20250825"]}]}`, want: head + `"tools":[{"name":"a"},{}]}`, warnings: []string{"dropped tools.1.allowed_callers"}},
		{
			name: "tools of Claude", body: `{"tools":[{"type":"computer_20250124","name":"computer"},{"type":"memory_20250818","name":"memory"},{"type":"bash_20250124","name":"bash"},{"type":"tool_search_tool_regex_20251119","name":"s"}]}`,
			want: `{"anthropic_beta":["computer-use-2025-01-24","context-management-2025-06-27","tool-search-tool-2025-10-19"],` + head[1:] + `"tools":[{"type":"computer_20250124","name":"computer"},{"type":"memory_20250818","name":"memory"},{"type":"bash_20250124","name":"bash"},{"type":"tool_search_tool_regex_20251119","name":"s"}]}`,
		},
		{name: "what looks like an edit in a schema", body: `{"tools":[{"name":"a","input_schema":{"strict":true,"cache_control":{"scope":1}}}],"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"type":"thinking","metadata":1}}]}]}`, want: head + `"tools":[{"name":"a","input_schema":{"strict":true,"cache_control":{"scope":1}}}],"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"type":"thinking","metadata":1}}]}]}`},

		{
			name: "instructions in the middle", model: opus5, body: `{"messages":[{"role":"user","content":"a"},{"role":"system","content":"b","output_config":{"effort":"low"}}]}`,
			want: head + `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]}`, warnings: []string{"dropped messages.1.output_config"},
		},
		{
			name: "instructions in the middle of a model that does not take them", body: `{"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}],"clear_at":"x"},{"role":"assistant","content":"c"},{"role":"system","content":"d"}]}`,
			want:     head + `"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}`,
			warnings: []string{"dropped messages.1.clear_at", "changed messages.1.role"},
		},
		{
			name: "instructions between a call and its result", model: sonnet5,
			body:     `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t"}]},{"role":"system","content":[{"type":"text","text":"b","cache_control":{"scope":"x"}}]},{"role":"system","content":"c"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}`,
			want:     head + `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]},{"role":"user","content":[{"type":"text","text":"b","cache_control":{}}]},{"role":"user","content":"c"}]}`,
			warnings: []string{"dropped messages.1.content.0.cache_control.scope", "changed messages.1.role"},
		},
		{
			name: "instructions behind results", body: `{"messages":[{"role":"assistant","content":[{"type":"tool_use"}]},{"role":"user","content":[{"type":"tool_result"}]},{"role":"system","content":"b"},{"role":"user","content":[{"type":"tool_result"}]}]}`,
			want: head + `"messages":[{"role":"assistant","content":[{"type":"tool_use"}]},{"role":"user","content":[{"type":"tool_result"}]},{"role":"user","content":"b"},{"role":"user","content":[{"type":"tool_result"}]}]}`, warnings: []string{"changed messages.2.role"},
		},
		{name: "the role that AWS refused", model: opus55, opt: Options{Without: []string{"messages.role"}}, body: `{"messages":[{"role":"system","content":"b"}]}`, want: head + `"messages":[{"role":"user","content":"b"}]}`, warnings: []string{"changed messages.0.role"}},
		{
			name: "tools that change", model: opus55, body: `{"messages":[{"role":"system","content":[{"type":"tool_removal","tool":{"type":"tool_reference","name":"a"}}]}]}`,
			want: `{"anthropic_beta":["mid-conversation-tool-changes-2026-07-01"],` + head[1:] + `"messages":[{"role":"system","content":[{"type":"tool_removal","tool":{"type":"tool_reference","name":"a"}}]}]}`,
		},
		{
			name: "thinking without a signature", body: `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""},{"type":"text","text":"b"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"a"}]},{"role":"user","content":[]}]}`,
			want: head + `"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]},{"role":"user","content":[]}]}`, warnings: []string{"dropped messages.0.content.0"},
		},
		{
			name: "thinking of another model", body: `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"responses.openai.rs_1..gAAA"},{"type":"thinking","thinking":"a","signature":"gemini.c2ln"},{"type":"text","text":"b"}]}]}`,
			want: head + `"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}]}`, warnings: []string{"dropped messages.0.content.0"},
		},
		{name: "thinking with a signature", body: `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"d"}]}]}`, want: head + `"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s"},{"type":"redacted_thinking","data":"d"}]}]}`},
		{
			name: "media that was fetched", opt: url, body: `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}},{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}]}}]}]}`,
			want: head + `"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"YWJj"}},{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"YWJj"}}]}}]}]}`,
		},
		{
			name: "members that AWS refused", opt: Options{Without: []string{"tomorrow", "tools.new", "messages.content.new", "messages.new", "system.new", "thinking.new", "output_config.new", "cache_control.new"}},
			body: `{"tomorrow":1,"new":1,"thinking":{"type":"disabled","new":1},"output_config":{"new":1},"tools":[{"new":1,"name":"a"}],"system":[{"new":1,"cache_control":{"new":1}}],"messages":[{"new":1,"role":"user","content":[{"type":"text","new":1}]}]}`,
			want: head + `"new":1,"thinking":{"type":"disabled"},"tools":[{"name":"a"}],"system":[{"cache_control":{}}],"messages":[{"role":"user","content":[{"type":"text"}]}]}`,
			warnings: []string{
				"dropped tomorrow", "dropped thinking.new", "dropped output_config.new", "dropped tools.0.new", "dropped system.0.cache_control.new", "dropped system.0.new",
				"dropped messages.0.content.0.new", "dropped messages.0.new",
			},
		},
		{name: "values of other types", body: `{"model":5,"stream":"x","thinking":1,"output_config":[],"context_management":1,"tools":{},"system":5,"messages":["a",{"role":1,"content":[1,{"type":[]}]}],"cache_control":5}`, want: head + `"thinking":1,"output_config":[],"context_management":1,"tools":{},"system":5,"messages":["a",{"role":1,"content":[1,{"type":[]}]}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.model == nil {
				tt.model = sonnet45
			}
			got, warnings := sent(t, tt.model, tt.body, tt.header, tt.opt)
			if got != tt.want {
				t.Errorf("sent\n%s\nwant\n%s", got, tt.want)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, body string
		model      *Model
		opt        Options
		param      string
	}{
		{name: "a web search", body: `{"tools":[{"name":"a"},{"type":"web_search_20250305","name":"web_search"}]}`, param: "tools.1.type"},
		{name: "code execution", body: `{"tools":[{"type":"code_execution_20250825","name":"c"}]}`, param: "tools.0.type"},
		{name: "an MCP toolset", body: `{"tools":[{"type":"mcp_toolset"}]}`, param: "tools.0.type"},
		{name: "MCP servers", body: `{"mcp_servers":[{"url":"https://a.example"}]}`, param: "mcp_servers"},
		{name: "a container", body: `{"container":"c"}`, param: "container"},
		{name: "compaction on demand", body: `{"compaction":{"type":"summarize"}}`, param: "compaction"},
		{name: "a check of tools", body: `{"safeguards":[{"type":"dangerous_tool_use"}]}`, param: "safeguards"},
		{name: "a geography", body: `{"inference_geo":"us"}`, param: "inference_geo"},
		{name: "a stored conversation", body: `{"thread":{"id":"t"}}`, param: "thread"},
		{name: "a file", body: `{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}`, param: "messages.0.content.0.source.type"},
		{name: "a file in a result", body: `{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"file"}}]}]}]}`, param: "messages.0.content.0.content.0.source.type"},
		{name: "a URL that was not fetched", body: `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example"}}]}]}`, param: "messages.0.content.0.source.url"},
		{name: "an upload into a container", body: `{"messages":[{"role":"user","content":[{"type":"container_upload"}]}]}`, param: "messages.0.content.0.type"},
		{name: "tools that change in the middle", body: `{"messages":[{"role":"system","content":[{"type":"tool_addition"}]}]}`, param: "messages.0.content.0.type"},
		{name: "tools that change, refused by AWS", model: opus55, opt: Options{Without: []string{"anthropic_beta"}}, body: `{"messages":[{"role":"system","content":[{"type":"tool_addition"}]}]}`, param: "messages.0.content.0.type"},
		{name: "a tool whose beta AWS refused", opt: Options{Without: []string{"computer-use-2025-01-24"}}, body: `{"tools":[{"type":"computer_20250124"}]}`, param: "tools.0.type"},
		{name: "a format without a schema", model: opus47, body: `{"output_config":{"format":{"type":"x"}}}`, param: "output_config.format"},
		{name: "an older format without a schema", model: opus47, body: `{"output_format":{"type":"x"}}`, param: "output_format"},
		{name: "betas of another type", body: `{"betas":5}`, param: "betas"},
		{name: "no JSON", body: `{"a":`},
		{name: "no object", body: `[]`},
		{name: "a name twice", body: `{"model":"a","model":"b"}`},
		{name: "invalid UTF-8", body: "{\"a\":\"\xff\"}"},
		{name: "two values", body: `{} {}`},
		{name: "nothing", body: ``},
		{name: "too many values", body: `[` + strings.Repeat("1,", maxValues+1) + `1]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.model == nil {
				tt.model = sonnet45
			}
			_, err := Adapt(tt.model, []byte(tt.body), nil, tt.opt)
			e := llm.AsError(err)
			if err == nil || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.param) {
				t.Errorf("got %v, param %q", err, e.Param)
			}
		})
	}
}

func TestWhatTheResponseNeeds(t *testing.T) {
	a, err := Adapt(hidden, []byte(`{"model":"my-\"model","stream":true}`), []string{"context-1m-2025-08-07"}, Options{})
	if err != nil || a.Model != `my-"model` || !a.Stream || !cmp.Equal(a.Betas, []string{"context-1m-2025-08-07"}) {
		t.Errorf("got %+v, %v", a, err)
	}
}
