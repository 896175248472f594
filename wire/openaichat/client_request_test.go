package openaichat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// words is a block of text.
func words(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

// mediaBlock is a block with content, of which only "aGk=" ("hi") is used.
func mediaBlock(kind llm.BlockKind, m llm.Media) llm.Block {
	if m.URI == "" && m.Text == "" && m.Source == nil {
		m.Base64, _ = llm.ParseBase64([]byte("aGk="))
	}
	return llm.Block{Kind: kind, Media: &m}
}

func toolUse(id, name, input string) llm.Block {
	return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: name, Input: jsonx.Raw(input)}}
}

func result(id string, content ...llm.ResultBlock) llm.Block {
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: id, Content: content}}
}

func of(b llm.Block) llm.ResultBlock { return llm.ResultBlock{Block: b} }

// encoded is a request as it is sent, without the model, and its warnings as code, field.
func encoded(t *testing.T, req *llm.Request, form *Form) (body string, warned []string, err error) {
	t.Helper()
	var w jsonx.Writer
	warnings, err := AppendRequest(&w, req, "m", form)
	if err != nil {
		return "", nil, err
	}
	for _, warning := range warnings {
		warned = append(warned, warning.Code+" "+warning.Field)
	}
	var all []byte
	for _, piece := range w.Segments() {
		all = append(all, piece...)
	}
	if !jsonx.Valid(all) {
		t.Fatalf("not JSON: %s", all)
	}
	body, ok := strings.CutPrefix(string(all), `{"model":"m",`)
	if !ok {
		t.Fatalf("sent %s", all)
	}
	return "{" + body, warned, nil
}

func user(blocks ...llm.Block) *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: blocks}}}
}

func TestMessagesAreWrittenInOpenAIsForm(t *testing.T) {
	point := llm.Block{Kind: llm.BlockCachePoint}
	hour := llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{TTL: "1h"}}
	assistant := func(blocks ...llm.Block) *llm.Request {
		return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Blocks: blocks}}}
	}
	for _, tt := range []struct {
		name   string
		req    *llm.Request
		form   Form
		want   string // the messages
		warned []string
	}{
		{"a text", user(words("hi \"you\"")), Form{}, `[{"role":"user","content":"hi \"you\""}]`, nil},
		{"empty texts", user(words(""), words("hi"), words("")), Form{}, `[{"role":"user","content":"hi"}]`, nil},
		{"nothing but empty texts", user(words("")), Form{}, `[]`, nil},
		{"several texts", user(words("a"), words("b")), Form{}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, nil},
		{"instructions", &llm.Request{System: []llm.Block{words("Be brief.")}, Turns: []llm.Turn{{Role: llm.RoleSystem, Blocks: []llm.Block{words("Now.")}}}}, Form{}, `[{"role":"system","content":"Be brief."},{"role":"system","content":"Now."}]`, nil},
		{"cache points that are not taken", user(words("a"), point), Form{}, `[{"role":"user","content":"a"}]`, []string{"dropped cache"}},
		{"cache points that are taken", user(words("a"), hour, words("b"), point), Form{CachePoints: true}, `[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]`, nil},
		{"cache points between parts that are not taken", user(words("a"), point, words("b"), hour), Form{}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, []string{"dropped cache"}},
		{"an image", user(words("a"), mediaBlock(llm.BlockImage, llm.Media{Format: "png"})), Form{}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]`, nil},
		{"an image at a URL", user(mediaBlock(llm.BlockImage, llm.Media{URI: "https://x/y.png"})), Form{}, `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]`, nil},
		{"video", user(mediaBlock(llm.BlockVideo, llm.Media{Format: "mov"}), mediaBlock(llm.BlockVideo, llm.Media{Format: "three_gp"}), mediaBlock(llm.BlockVideo, llm.Media{})), Form{Video: true}, `[{"role":"user","content":[{"type":"video_url","video_url":{"url":"data:video/quicktime;base64,aGk="}},{"type":"video_url","video_url":{"url":"data:video/3gpp;base64,aGk="}},{"type":"video_url","video_url":{"url":"data:video/octet-stream;base64,aGk="}}]}]`, nil},
		{"audio", user(mediaBlock(llm.BlockAudio, llm.Media{Format: "wav"})), Form{}, `[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]`, nil},
		{"a document", user(mediaBlock(llm.BlockDocument, llm.Media{Format: "pdf", Name: "a", Context: "for you"})), Form{}, `[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,aGk="}}]}]`, []string{"dropped messages[0].content[0].context"}},
		{"a document without a name or a format", user(mediaBlock(llm.BlockDocument, llm.Media{})), Form{}, `[{"role":"user","content":[{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,aGk="}}]}]`, nil},
		{"documents of other types", user(mediaBlock(llm.BlockDocument, llm.Media{Format: "docx"}), mediaBlock(llm.BlockDocument, llm.Media{Format: "xls"}), mediaBlock(llm.BlockDocument, llm.Media{Format: "x"})), Form{}, `[{"role":"user","content":[{"type":"file","file":{"filename":"document.docx","file_data":"data:application/vnd.openxmlformats-officedocument.wordprocessingml.document;base64,aGk="}},{"type":"file","file":{"filename":"document.xls","file_data":"data:application/vnd.ms-excel;base64,aGk="}},{"type":"file","file":{"filename":"document.x","file_data":"data:application/octet-stream;base64,aGk="}}]}]`, nil},
		{"a document that is a text", user(mediaBlock(llm.BlockDocument, llm.Media{Format: "md", Name: "a", Context: "Read it.", Citations: jsonx.Raw(`{"enabled":true}`)})), Form{}, `[{"role":"user","content":[{"type":"text","text":"a:\n\nRead it.\n\nhi"}]}]`, []string{"dropped messages[0].content[0].citations"}},
		{"a document given as a text", user(mediaBlock(llm.BlockDocument, llm.Media{Text: "granite"})), Form{}, `[{"role":"user","content":[{"type":"text","text":"granite"}]}]`, nil},
		{"a block of another dialect with a text", user(words("a"), llm.Block{Kind: llm.BlockOther, Text: "guarded"}), Form{}, `[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"guarded"}]}]`, nil},

		{"calls", assistant(words("I look."), toolUse("c1", "find", `{"a":1}`), toolUse("c2", "weigh", "")), Form{}, `[{"role":"assistant","content":"I look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"weigh","arguments":"{}"}}]}]`, nil},
		{"calls alone", assistant(toolUse("c1", "find", `{}`)), Form{}, `[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{}"}}]}]`, nil},
		{"reasoning that is sent back", assistant(llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}, words("Yes.")), Form{Reasoning: "reasoning_content"}, `[{"role":"assistant","content":"Yes.","reasoning_content":"Hm."}]`, nil},
		{"reasoning that is not taken", assistant(llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}, words("Yes.")), Form{}, `[{"role":"assistant","content":"Yes."}]`, []string{"dropped messages"}},
		{"reasoning alone", assistant(llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}), Form{}, `[]`, []string{"dropped messages[0].content.reasoning"}},
		{
			"what another provider did", assistant(words("Yes."), llm.Block{Kind: llm.BlockRedacted, Text: "x"}, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "s", Name: "search", Type: llm.ServerSide}}, result("s"), point, llm.Block{Kind: llm.BlockOther, Text: "cited"}),
			Form{},
			`[{"role":"assistant","content":[{"type":"text","text":"Yes."},{"type":"text","text":"cited"}]}]`,
			[]string{"dropped messages[0].content.redacted_thinking", "dropped messages[0].content.server_tool_use", "dropped messages[0].content.tool_result", "dropped cache"},
		},

		{"a result", user(result("c1", of(words("17 kg")), llm.ResultBlock{JSON: jsonx.Raw(`{"kg":17}`)}), words("Well?")), Form{}, `[{"role":"tool","tool_call_id":"c1","content":"17 kg\n{\"kg\":17}"},{"role":"user","content":"Well?"}]`, nil},
		{"a result without a text that failed", user(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1", Status: "error"}}), Form{}, `[{"role":"tool","tool_call_id":"c1","content":"error"}]`, nil},
		{"a result with an image", user(result("c1", of(words("here")), of(mediaBlock(llm.BlockImage, llm.Media{Format: "png"})))), Form{}, `[{"role":"tool","tool_call_id":"c1","content":"here\n(the file follows in the next message)"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]`, []string{"changed messages[0].content"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, warned, err := encoded(t, tt.req, &tt.form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"messages":`+tt.want+`}`, body); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.warned, warned); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatOpenAIsFormCannotHoldIsRefusedByField(t *testing.T) {
	other := &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw("{}")}
	for _, tt := range []struct {
		name  string
		req   *llm.Request
		param string
		says  string
	}{
		{"video", user(mediaBlock(llm.BlockVideo, llm.Media{Format: "mp4"})), "messages[0].content[0]", "does not accept video"},
		{"an image in S3", user(mediaBlock(llm.BlockImage, llm.Media{URI: "s3://b/k"})), "messages[0].content[0]", "s3://"},
		{"a document in S3", user(mediaBlock(llm.BlockDocument, llm.Media{URI: "s3://b/k"})), "messages[0].content[0]", "s3://"},
		{"a document at a URL", user(mediaBlock(llm.BlockDocument, llm.Media{URI: "https://x/y"})), "messages[0].content[0]", "must be inline"},
		{"an image from elsewhere", user(mediaBlock(llm.BlockImage, llm.Media{Source: other})), "messages[0].content[0]", "source of this kind"},
		{"audio at a URL", user(mediaBlock(llm.BlockAudio, llm.Media{URI: "https://x/y"})), "messages[0].content[0]", "must be inline"},
		{"a block of another dialect", user(llm.Block{Kind: llm.BlockOther, Other: other}), "messages[0].content[0]", "citationsContent"},
		{"a call in a user's turn", user(toolUse("c", "f", "{}")), "messages[0].content[0]", "not supported"},
		{"a result of another kind", user(result("c", of(llm.Block{Kind: llm.BlockOther, Other: other}))), "messages[0].content", "tool's result"},
		{"an assistant's block of another dialect", &llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockOther}}}}}, "messages[0].content", "unknown"},
		{"an assistant's image", &llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Message: 4, Blocks: []llm.Block{mediaBlock(llm.BlockImage, llm.Media{Format: "png"})}}}}, "messages[3].content", "texts and calls only"},
		{"an extension of Converse", &llm.Request{Extensions: []jsonx.Member{{Name: "performanceConfig", Value: jsonx.Raw("{}")}}}, "performanceConfig", "AWS Bedrock"},
		{"a tool of Anthropic's", &llm.Request{Tools: []llm.Tool{{Own: jsonx.Raw("{}"), Number: 3}}}, "tools[2]", "Anthropic"},
		{"a tool of Converse's", &llm.Request{Tools: []llm.Tool{{Other: &jsonx.Member{Name: "systemTool"}}}}, "tools[0]", "systemTool"},
		{"a budget that is no number", &llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":"x"}`)}}, "reasoning.thinking.budget_tokens", "must be an integer"},
	} {
		_, _, err := encoded(t, tt.req, &Form{})
		if e := llm.AsError(err); err == nil || e.Param != tt.param || !strings.Contains(e.Message, tt.says) {
			t.Errorf("%s: %v, param %q", tt.name, err, e.Param)
		}
	}
}

func TestSettingsAreWritten(t *testing.T) {
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	schema := jsonx.Raw(`{"type":"object"}`)
	for _, tt := range []struct {
		name   string
		req    llm.Request
		form   Form
		want   string // behind the messages
		warned []string
	}{
		{
			"everything",
			llm.Request{
				Call: llm.Call{User: "u", Stream: true}, MaxTokens: llm.Some[int64](5), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), TopK: llm.Some[int64](3), Stop: []string{"END", "\n"},
				ServiceTier: "flex", CacheRetention: "24h", WebSearch: jsonx.Raw(`{"search_context_size":"low"}`),
			},
			Form{},
			`,"max_completion_tokens":5,"temperature":0.5,"top_p":0.9,"top_k":3,"stop":["END","\n"],"service_tier":"flex","user":"u","prompt_cache_retention":"24h","web_search_options":{"search_context_size":"low"},"stream":true,"stream_options":{"include_usage":true}`, nil,
		},
		{"the endpoint's own members first", llm.Request{TopK: llm.Some[int64](3), Format: &llm.Format{}, Reasoning: llm.Reasoning{Effort: "low"}, ModelFields: []jsonx.Member{member("top_k", "9"), member("response_format", "{}"), member("reasoning_effort", `"x"`)}}, Form{}, `,"top_k":9,"response_format":{},"reasoning_effort":"x"`, nil},
		{"what only OpenAI has", llm.Request{Unmapped: []jsonx.Member{member("seed", "7"), member("logprobs", "true")}}, Form{}, `,"seed":7,"logprobs":true`, nil},
		{"labels that are stored", llm.Request{Call: llm.Call{Metadata: []llm.Label{{Name: "a", Value: "b"}}}, Unmapped: []jsonx.Member{member("store", "true")}}, Form{}, `,"store":true,"metadata":{"a":"b"}`, nil},
		{"labels that are not", llm.Request{Call: llm.Call{Metadata: []llm.Label{{Name: "a", Value: "b"}}}}, Form{}, ``, []string{"dropped metadata"}},
		{"Converse's members under drop_params", llm.Request{Call: llm.Call{DropParams: true}, Extensions: []jsonx.Member{member("performanceConfig", "{}")}, Tools: []llm.Tool{{Own: jsonx.Raw("{}")}, {Name: "f"}, {Other: &jsonx.Member{Name: "x"}}}}, Form{}, `,"tools":[{"type":"function","function":{"name":"f","parameters":` + noParameters + `}}]`, []string{"dropped tools[0]", "dropped tools[2]", "dropped performanceConfig"}},

		{"an effort", llm.Request{Reasoning: llm.Reasoning{Effort: "high"}}, Form{}, `,"reasoning_effort":"high"`, nil},
		{"a budget", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}, Form{}, `,"reasoning_effort":"low"`, []string{"changed reasoning.thinking"}},
		{"a larger budget", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":2048}`)}}, Form{}, `,"reasoning_effort":"medium"`, []string{"changed reasoning.thinking"}},
		{"a large budget", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":4096}`)}}, Form{}, `,"reasoning_effort":"high"`, []string{"changed reasoning.thinking"}},
		{"adaptive thinking", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"adaptive"}`)}}, Form{}, `,"reasoning_effort":"medium"`, []string{"changed reasoning.thinking"}},
		{"no thinking", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"disabled"}`)}}, Form{}, ``, []string{"dropped reasoning.thinking"}},
		{"thinking that the endpoint takes", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}, Form{Thinking: true}, `,"thinking":{"type":"enabled","budget_tokens":1024}`, nil},

		{"any object", llm.Request{Format: &llm.Format{}}, Form{}, `,"response_format":{"type":"json_object"}`, nil},
		{"a schema", llm.Request{Format: &llm.Format{Schema: schema}}, Form{}, `,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}}`, nil},
		{"a schema with everything", llm.Request{Format: &llm.Format{Name: "n", Description: "d", Schema: schema, Strict: llm.Some(true)}}, Form{}, `,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object"},"strict":true}}`, nil},

		{
			"tools",
			llm.Request{Tools: []llm.Tool{{Name: "f", Description: "d", Schema: schema, Strict: llm.Some(false), Cache: &llm.CachePoint{}}, {Name: "g"}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "g"}, ParallelTools: llm.Some(false)},
			Form{CachePoints: true},
			`,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false},"cache_control":{"type":"ephemeral"}},{"type":"function","function":{"name":"g","parameters":` + noParameters + `}}],"tool_choice":{"type":"function","function":{"name":"g"}},"parallel_tool_calls":false`, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, warned, err := encoded(t, &tt.req, &tt.form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"messages":[]`+tt.want+`}`, body); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.warned, warned); diff != "" {
				t.Error(diff)
			}
		})
	}
	for kind, want := range map[llm.ToolChoiceKind]string{llm.ToolChoiceUnset: "", llm.ToolChoiceAuto: `,"tool_choice":"auto"`, llm.ToolChoiceNone: `,"tool_choice":"none"`, llm.ToolChoiceAny: `,"tool_choice":"required"`} {
		body, _, err := encoded(t, &llm.Request{Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Kind: kind}}, &Form{})
		if _, after, _ := strings.Cut(body, "]}}]"); err != nil || !strings.HasSuffix(body, "]"+want+"}") {
			t.Errorf("kind %d: %s %s, %v", kind, body, after, err)
		}
	}
}
