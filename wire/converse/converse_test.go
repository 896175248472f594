package converse

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func example(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestARequestWithEverythingComesThroughWhole(t *testing.T) {
	checkRequest(t, example(t, "request.json"))
}

func TestAnAnswerWithEverythingComesThroughWhole(t *testing.T) {
	checkAnswer(t, example(t, "response.json"))
}

// AWS writes members in alphabetical order; so is the example written.
func TestAnAnswersMembersAreInAlphabeticalOrder(t *testing.T) {
	body := example(t, "response.json")
	r, err := DecodeResponse(body)
	if err != nil {
		t.Fatal(err)
	}
	r.Blocks = nil // whose example shows members inside a block that stood beside it
	got := string(AppendResponse(nil, r))
	at := 0
	for _, name := range []string{
		"additionalModelResponseFields", "futureMember", "metrics", "output", "performanceConfig", "serviceTier", "stopReason",
		"trace", "usage", "cacheDetails", "cacheReadInputTokenCount", "cacheReadInputTokens", "cacheWriteInputTokens", "inputTokens",
	} {
		next := strings.Index(got[at:], `"`+name+`":`)
		if next < 0 {
			t.Fatalf("%s is not behind the others in %s", name, got)
		}
		at += next
	}
}

func TestDecodeRequestFillsTheCommonForm(t *testing.T) {
	r, err := DecodeRequest(example(t, "request.json"))
	if err != nil {
		t.Fatal(err)
	}
	if r.MaxTokens != llm.Some[int64](512) || r.Temperature != llm.Some(0.0) || r.TopP != llm.Some(0.9) || r.ServiceTier != "flex" {
		t.Errorf("settings: %+v %+v %+v %q", r.MaxTokens, r.Temperature, r.TopP, r.ServiceTier)
	}
	if diff := cmp.Diff([]string{"END", "\n\n"}, r.Stop); diff != "" {
		t.Errorf("stop (-want +got):\n%s", diff)
	}
	if want := (llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "weather"}); r.ToolChoice != want {
		t.Errorf("tool choice: %+v", r.ToolChoice)
	}
	var names []string
	for _, m := range r.Extensions {
		names = append(names, m.Name)
	}
	want := []string{"guardrailConfig", "promptVariables", "additionalModelResponseFieldPaths", "requestMetadata", "performanceConfig", "outputConfig"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
	if r.Tools[1].Name != "weather" || r.Tools[1].Cache == nil || r.Tools[1].Cache.TTL != "5m" {
		t.Errorf("the cache point behind a tool is not the tool's: %+v", r.Tools[1])
	}
	if b := r.Turns[1].Blocks[2]; b.Kind != llm.BlockOther || b.Text != "It says two." {
		t.Errorf("cited text: %+v", b)
	}
	if f := r.Format; f == nil || f.Name != "answer" || string(f.Schema) != `{"type": "object"}` {
		t.Errorf("format: %+v", f)
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	content := func(block string) string {
		return `{"messages":[{"role":"user","content":[` + block + `]}]}`
	}
	tests := []struct {
		name, body, want string
	}{
		{"what is not JSON", `{"messages":`, "invalid JSON: unexpected EOF"},
		{"an array for a body", `[]`, "must be an object, not an array"},
		{"a member given twice", `{"system":[],"system":[]}`, "system: invalid JSON: duplicate name in the JSON object"},
		{"an unknown member", `{"model":"x"}`, "model: is not a member of Converse's API"},
		{"an unknown kind of content", content(`{"hologram":{}}`), "messages[0].content[0].hologram: is not a member of Converse's API"},
		{"a block of two kinds", content(`{"text":"a","cachePoint":{"type":"default"}}`), "messages[0].content[0]: must have exactly one of the members text, image,"},
		{"a block of no kind", content(`{}`), "messages[0].content[0]: must have exactly one of"},
		{"a block that is null", content(`null`), "messages[0].content[0]: must be an object, not null"},
		{"a text that is a number", content(`{"text":1}`), "messages[0].content[0].text: must be a string, not a number"},
		{"a message without a role", `{"messages":[{"content":[]}]}`, "messages[0]: role is missing"},
		{"a role of another dialect", `{"messages":[{"role":"tool","content":[]}]}`, `messages[0].role: "tool" must be one of user, assistant, system`},
		{"a required member that is null", content(`{"toolUse":{"toolUseId":"a","name":"f","input":null}}`), "messages[0].content[0].toolUse: input is missing"},
		{"messages that are no list", `{"messages":{}}`, "messages: must be an array, not an object"},
		{"an image of an unknown format", content(`{"image":{"format":"image/png","source":{"bytes":"AAAA"}}}`), `format: "image/png" must be one of png, jpeg, gif, webp`},
		{"content that is not base64", content(`{"image":{"format":"png","source":{"bytes":"a b="}}}`), "source.bytes: must be base64"},
		{"base64 of a wrong length", content(`{"image":{"format":"png","source":{"bytes":"AAA"}}}`), "source.bytes: must be base64"},
		{"content without a byte", content(`{"image":{"format":"png","source":{"bytes":""}}}`), "source.bytes: must have at least 1 byte"},
		{"an address that is not of S3", content(`{"image":{"format":"png","source":{"s3Location":{"uri":"https://x"}}}}`), `uri: "https://x" does not match`},
		{"a tool id with a blank", content(`{"toolUse":{"toolUseId":"a b","name":"f","input":{}}}`), `toolUseId: "a b" does not match`},
		{"a tool id that is too long", content(`{"toolUse":{"toolUseId":"` + strings.Repeat("a", 65) + `","name":"f","input":{}}}`), "toolUseId: must have at most 64 characters"},
		{"no tools", `{"toolConfig":{"tools":[]}}`, "toolConfig.tools: must have at least 1 element"},
		{"a schema that is no object", `{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":[]}}}]}}`, "toolConfig.tools[0].toolSpec.inputSchema: json must be an object"},
		{"a fraction of a token", `{"inferenceConfig":{"maxTokens":1.5}}`, "inferenceConfig.maxTokens: 1.5 is not an integer"},
		{"no tokens", `{"inferenceConfig":{"maxTokens":0}}`, "inferenceConfig.maxTokens: must be at least 1"},
		{"a temperature above 1", `{"inferenceConfig":{"temperature":1.5}}`, "inferenceConfig.temperature: must be between 0 and 1"},
		{"a temperature in quotes", `{"inferenceConfig":{"temperature":"1"}}`, "inferenceConfig.temperature: must be a number, not a string"},
		{"an empty stop sequence", `{"inferenceConfig":{"stopSequences":[""]}}`, "inferenceConfig.stopSequences[0]: must have at least 1 character"},
		{"strict that is no boolean", `{"toolConfig":{"tools":[{"toolSpec":{"name":"f","strict":1,"inputSchema":{"json":{}}}}]}}`, "strict: must be a boolean, not a number"},
		{"metadata without an entry", `{"requestMetadata":{}}`, "requestMetadata: must have at least 1 member"},
		{"metadata with a strange name", `{"requestMetadata":{"a!":"b"}}`, `requestMetadata.a!: "a!" does not match`},
		{"a format whose schema is no JSON", `{"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{"}}}}}`, "jsonSchema.schema: must be a JSON schema, written as a string"},
		{"model fields that are a list", `{"additionalModelRequestFields":[]}`, "additionalModelRequestFields: must be an object, not an array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := DecodeRequest([]byte(tt.body))
			var fault *jsonx.Error
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, error %v\nwant %s", r, err, tt.want)
			}
		})
	}
}

func TestDecodeRequestTakesEscapedNamesAndLeavesOutNulls(t *testing.T) {
	r, err := DecodeRequest([]byte(`{"\u0073ystem":[{"text":"a"}],"toolConfig":null,"inferenceConfig":{"maxTokens":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&llm.Request{System: []llm.Block{{Kind: llm.BlockText, Text: "a"}}}, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// appendRequest appends a request to dst.
func appendRequest(dst []byte, r *llm.Request) ([]byte, []llm.Warning, error) {
	w := jsonx.Writer{Buf: dst}
	warnings, err := WriteRequest(&w, r)
	if err != nil {
		return nil, nil, err
	}
	return w.Buf, warnings, nil
}

func TestWriteRequest(t *testing.T) {
	said := func(role llm.Role, texts ...string) llm.Turn {
		turn := llm.Turn{Role: role}
		for _, s := range texts {
			turn.Blocks = append(turn.Blocks, llm.Block{Kind: llm.BlockText, Text: s})
		}
		return turn
	}
	call := llm.Turn{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t", Name: "f"}}}}
	tools := []llm.Tool{{Name: "f"}}
	const toolF = `{"toolSpec":{"inputSchema":{"json":{"type":"object","properties":{}}},"name":"f"}}`
	const callF = `{"content":[{"toolUse":{"input":{},"name":"f","toolUseId":"t"}}],"role":"assistant"}`
	tests := []struct {
		name     string
		request  llm.Request
		want     string
		warnings []llm.Warning
	}{
		{"nothing", llm.Request{}, `{}`, nil},
		{
			"neighbouring turns of one role are one message",
			llm.Request{Turns: []llm.Turn{said("user", "a"), said("user", "b", "c"), said("assistant", "d"), said("user", "e")}},
			`{"messages":[{"content":[{"text":"a"},{"text":"b"},{"text":"c"}],"role":"user"},{"content":[{"text":"d"}],"role":"assistant"},{"content":[{"text":"e"}],"role":"user"}]}`,
			nil,
		},
		{
			"settings that are zero are still said",
			llm.Request{MaxTokens: llm.Some[int64](0), Temperature: llm.Some(0.0), TopP: llm.Some(0.7)},
			`{"inferenceConfig":{"maxTokens":0,"temperature":0,"topP":0.7}}`, nil,
		},
		{"no choice", llm.Request{Tools: tools}, `{"toolConfig":{"tools":[` + toolF + `]}}`, nil},
		{
			"the model's choice",
			llm.Request{Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAuto}},
			`{"toolConfig":{"toolChoice":{"auto":{}},"tools":[` + toolF + `]}}`, nil,
		},
		{
			"any tool",
			llm.Request{Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}},
			`{"toolConfig":{"toolChoice":{"any":{}},"tools":[` + toolF + `]}}`, nil,
		},
		{
			"a named tool",
			llm.Request{Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "f"}},
			`{"toolConfig":{"toolChoice":{"tool":{"name":"f"}},"tools":[` + toolF + `]}}`, nil,
		},
		{
			"no tool, in a conversation without calls",
			llm.Request{Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}},
			`{}`, nil,
		},
		{
			"no tool, in a conversation with a call",
			llm.Request{Turns: []llm.Turn{call}, Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}},
			`{"messages":[` + callF + `],"toolConfig":{"tools":[` + toolF + `]}}`,
			[]llm.Warning{{Code: llm.WarnDropped, Field: "tool_choice"}},
		},
		{"no tool and no tools", llm.Request{ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, `{}`, nil},
		{
			"a cache point without words is the default one",
			llm.Request{System: []llm.Block{{Kind: llm.BlockCachePoint}}},
			`{"system":[{"cachePoint":{"type":"default"}}]}`, nil,
		},
		{
			"a schema that need not be followed is followed",
			llm.Request{Format: &llm.Format{Schema: jsonx.Raw(`{}`), Strict: llm.Some(false)}},
			`{"outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{}"}},"type":"json_schema"}}}`,
			[]llm.Warning{{Code: llm.WarnDropped, Field: "format.strict"}},
		},
		{
			"outputConfig of field and extension is one",
			llm.Request{Format: &llm.Format{Schema: jsonx.Raw(`{}`)}, Extensions: []jsonx.Member{{Name: "outputConfig", Value: jsonx.Raw(`{"effort":"low"}`)}}},
			`{"outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{}"}},"type":"json_schema"},"effort":"low"}}`, nil,
		},
		{
			"members that Converse would refuse are left out with a warning",
			llm.Request{System: []llm.Block{{Kind: llm.BlockText, Text: "a", Extra: []jsonx.Member{{Name: "annotations", Value: jsonx.Raw("[]")}}}}},
			`{"system":[{"text":"a"}]}`,
			[]llm.Warning{{Code: llm.WarnDropped, Field: "system[0].annotations"}},
		},
		{
			"a streamed text with citations goes back with them",
			llm.Request{Turns: []llm.Turn{{Role: "assistant", Blocks: []llm.Block{
				{Kind: llm.BlockText, Text: "a", Extra: []jsonx.Member{{Name: "citation", Value: jsonx.Raw(`{"title":"t"}`)}}},
			}}}},
			`{"messages":[{"content":[{"citationsContent":{"citations":[{"title":"t"}],"content":[{"text":"a"}]}}],"role":"assistant"}]}`, nil,
		},
		{
			"extensions of any name go out as they are",
			llm.Request{Extensions: []jsonx.Member{{Name: "new\"Member", Value: jsonx.Raw(`1`)}, {Name: "toolConfig", Value: jsonx.Raw(`{}`)}}},
			`{"new\"Member":1,"toolConfig":{}}`, nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings, err := appendRequest([]byte("before "), &tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if want := "before " + tt.want; string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteRequestRefuses(t *testing.T) {
	block := func(b llm.Block) llm.Request {
		turn := llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "a"}, b}}
		return llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser}, turn}}
	}
	media := func(kind llm.BlockKind, m llm.Media) llm.Request { return block(llm.Block{Kind: kind, Media: &m}) }
	const at = "messages[1].content[1]"
	tests := []struct {
		name    string
		request llm.Request
		code    llm.Code
		param   string
	}{
		{"top_k", llm.Request{TopK: llm.Some[int64](5)}, llm.CodeUnsupported, "top_k"},
		{"effort", llm.Request{Reasoning: llm.Reasoning{Effort: "low"}}, llm.CodeUnsupported, "reasoning"},
		{"thinking", llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw("{}")}}, llm.CodeUnsupported, "reasoning"},
		{"JSON without a schema", llm.Request{Format: &llm.Format{}}, llm.CodeUnsupported, "format.schema"},
		{"a picture from the web", media(llm.BlockImage, llm.Media{Format: "png", URI: "https://x/y.png"}), llm.CodeUnsupported, at + ".source"},
		{"a picture of no format", media(llm.BlockImage, llm.Media{Base64: llm.EncodeBase64(make([]byte, 3))}), llm.CodeBadRequest, at + ".format"},
		{"a picture without content", media(llm.BlockImage, llm.Media{Format: "png"}), llm.CodeBadRequest, at + ".source"},
		{"no picture", block(llm.Block{Kind: llm.BlockImage}), llm.CodeBadRequest, at},
		{"hidden reasoning that would break out of its string", block(llm.Block{Kind: llm.BlockRedacted, Text: `AA","x":"`}), llm.CodeBadRequest, at},
		{"a document without a name", media(llm.BlockDocument, llm.Media{Format: "pdf", Base64: llm.EncodeBase64(make([]byte, 3))}), llm.CodeBadRequest, at + ".name"},
		{"a call that is none", block(llm.Block{Kind: llm.BlockToolUse}), llm.CodeBadRequest, at},
		{"a result that is none", block(llm.Block{Kind: llm.BlockToolResult}), llm.CodeBadRequest, at},
		{"a block of no kind", block(llm.Block{}), llm.CodeBadRequest, at},
		{"an unknown block without content", block(llm.Block{Kind: llm.BlockOther}), llm.CodeBadRequest, at},
		{
			"a call inside a result",
			block(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{
				{JSON: jsonx.Raw("1")}, {Block: llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{}}},
			}}}),
			llm.CodeUnsupported, at + ".content[1]",
		},
		{"a block in the system prompt", llm.Request{System: []llm.Block{{Kind: llm.BlockImage}}}, llm.CodeBadRequest, "system[0]"},
		{"a tool's schema that is no object", llm.Request{Tools: []llm.Tool{{Name: "f"}, {Name: "g", Schema: jsonx.Raw("[]")}}}, llm.CodeBadRequest, "tools[1].schema"},
		{"a choice among no tools", llm.Request{ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, llm.CodeBadRequest, "tool_choice"},
		{
			"a field and an extension that say the same",
			llm.Request{MaxTokens: llm.Some[int64](1), Extensions: []jsonx.Member{{Name: "inferenceConfig", Value: jsonx.Raw("{}")}}},
			llm.CodeBadRequest, "inferenceConfig",
		},
		{
			"an extension given twice",
			llm.Request{Extensions: []jsonx.Member{{Name: "a", Value: jsonx.Raw("1")}, {Name: "a", Value: jsonx.Raw("2")}}},
			llm.CodeBadRequest, "a",
		},
		{"an outputConfig that is no object", llm.Request{Extensions: []jsonx.Member{{Name: "outputConfig", Value: jsonx.Raw("1")}}}, llm.CodeBadRequest, "outputConfig"},
		{
			"two formats",
			llm.Request{Format: &llm.Format{Schema: jsonx.Raw("{}")}, Extensions: []jsonx.Member{{Name: "outputConfig", Value: jsonx.Raw(`{"textFormat":1}`)}}},
			llm.CodeBadRequest, "format",
		},
		{"parallel calls", llm.Request{ParallelTools: llm.Some(false), Tools: []llm.Tool{{Name: "f"}}}, llm.CodeUnsupported, "parallel_tool_calls"},
	}
	for _, name := range []string{"messages", "system", "toolConfig", "serviceTier", "additionalModelRequestFields"} {
		tests = append(tests, struct {
			name    string
			request llm.Request
			code    llm.Code
			param   string
		}{"an extension " + name + " beside the field", llm.Request{
			Turns: []llm.Turn{{}}, System: []llm.Block{{Kind: llm.BlockText}}, Tools: []llm.Tool{{}}, ServiceTier: "flex",
			ModelFields: []jsonx.Member{{Name: "a"}}, Extensions: []jsonx.Member{{Name: name, Value: jsonx.Raw("{}")}},
		}, llm.CodeBadRequest, name})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := appendRequest(nil, &tt.request)
			var e *llm.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Param != tt.param {
				t.Errorf("got %s, error %v; want %s (%s)", got, err, tt.code, tt.param)
			}
			if e != nil && !strings.HasPrefix(e.Message, tt.param+" ") {
				t.Errorf("the message does not begin with the field: %s", e.Message)
			}
		})
	}
}
