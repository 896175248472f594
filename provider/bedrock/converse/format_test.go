package converse_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// TestSchemasAndStrictToolsOfClaude has the models that were refused both in summer 2026,
// which clients of autumn give one or both again.
func TestSchemasAndStrictToolsOfClaude(t *testing.T) {
	for _, tt := range []struct {
		name           string
		format, strict bool
	}{
		{"claude-sonnet-4-5-20250929-v1:0", true, true},
		{"claude-opus-4-6-v1", true, true},
		{"claude-opus-4-7", false, false},
		{"claude-opus-4-8", true, false},
		{"claude-opus-5", true, true},
		{"claude-opus-5-5", true, false},
		{"claude-sonnet-5", true, false},
		{"claude-sonnet-5-5", true, true},
		{"claude-haiku-5-5", true, true},
		{"claude-fable-5", false, false},
		{"claude-fable-5-1", true, false},
		{"claude-fable-5-2", true, false},
	} {
		m := model(t, "anthropic."+tt.name)
		if m.NativeFormat() != tt.format || m.StrictTools() != tt.strict {
			t.Errorf("%s: schema %t, strict tools %t; want %t, %t", tt.name, m.NativeFormat(), m.StrictTools(), tt.format, tt.strict)
		}
		body, _, _, refusal := sent(t, m, &llm.Request{Turns: []llm.Turn{user("Hi")}, Format: &llm.Format{Name: "rock", Schema: jsonx.Raw(`{"type":"object","properties":{"a":{"type":"integer"}}}`)}}, false)
		if refusal != nil || strings.Contains(body, `"textFormat"`) != tt.format || strings.Contains(body, `"json_answer"`) == tt.format {
			t.Errorf("%s is sent %s, %v", tt.name, body, refusal)
		}
	}
}

// TestJSONIsAskedForAsTheModelTakesIt has a case for each way to an answer in JSON.
func TestJSONIsAskedForAsTheModelTakesIt(t *testing.T) {
	const schema = `{"type":"object","properties":{"a":{"type":"integer"}}}`
	object := &llm.Format{}
	format := func(schema string) *llm.Format { return &llm.Format{Name: "rock", Schema: jsonx.Raw(schema)} }
	own := []llm.Tool{tool("look")}
	history := []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("c1", "look", `{}`)), turn(llm.RoleUser, result("c1", "", text("ok")))}
	for _, tt := range []struct {
		name, model string
		req         llm.Request
		has, not    []string
		warned      []string
		refused     string
	}{
		{name: "natively, closed", model: sonnet45, req: llm.Request{Format: format(schema)}, has: []string{`"textFormat":`, `\"additionalProperties\":false`, `"name":"rock"`}, not: []string{"toolConfig"}},
		{name: "natively as it is", model: "zai.glm-4.7-flash", req: llm.Request{Format: format(`{"type": "object", "additionalProperties": false}`)}, has: []string{`"schema":"{\"type\": \"object\", \"additionalProperties\": false}"`}},
		{name: "natively beside tools", model: sonnet45, req: llm.Request{Format: format(schema), Tools: own}, has: []string{`"textFormat":`, `"name":"look"`}, not: []string{"json_answer", "toolChoice"}},
		{name: "bounds in words", model: sonnet45, req: llm.Request{Format: format(`{"type":"object","properties":{"a":{"minimum":1,"maximum":5,"description":"How many."}}}`)}, has: []string{`{\"description\":\"How many. {minimum=1, maximum=5}\"}`}, warned: []string{"changed response_format"}},
		{name: "minimax, which answered so", model: "minimax.minimax-m2", req: llm.Request{Format: format(schema)}, has: []string{`"textFormat":`}},
		{name: "an open object needs a tool", model: sonnet45, req: llm.Request{Format: format(`{"type":"object","additionalProperties":{"type":"string"}}`)}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`, `"additionalProperties":{"type":"string"}`}, not: []string{"textFormat"}},
		{name: "so does a cycle", model: sonnet45, req: llm.Request{Format: format(`{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}}}`)}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`}},
		{name: "a definition used twice is no cycle", model: sonnet45, req: llm.Request{Format: format(`{"properties":{"a":{"$ref":"#/$defs/n"},"b":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{}}}}`)}, has: []string{`"textFormat":`}},
		{name: "an object without properties within it", model: sonnet45, req: llm.Request{Format: format(`{"type":"object","properties":{"a":{"type":"object"}}}`)}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`}, not: []string{"textFormat"}},
		{name: "any object is asked for in words", model: sonnet45, req: llm.Request{Format: object}, has: []string{"Answer with one JSON object"}, not: []string{"toolConfig"}},
		{name: "any object beside tools", model: sonnet45, req: llm.Request{Format: object, Tools: own}, has: []string{"When you call no tool: Answer with one JSON object", `"name":"look"`}, not: []string{"json_answer", "toolChoice"}},
		{name: "a list by a tool is asked for in words", model: novaLite, req: llm.Request{Format: format(`{"type":"array","items":{"type":"string"}}`)}, has: []string{`{\"type\":\"array\"`}, not: []string{"toolConfig"}, warned: []string{"changed response_format"}},
		{name: "Nova by a tool", model: novaLite, req: llm.Request{Format: format(schema)}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`, `It is called rock.`}},
		{name: "Nova by a tool beside others", model: novaLite, req: llm.Request{Format: format(schema), Tools: own}, has: []string{`"toolChoice":{"any":{}}`, `"name":"look"`, `"name":"json_answer"`}},
		{name: "a tool of that name", model: novaLite, req: llm.Request{Format: format(schema), Tools: []llm.Tool{tool("json_answer")}}, has: []string{`"name":"json_answer_2"`}},
		{name: "a call is wanted and no answer", model: novaLite, req: llm.Request{Format: format(schema), Tools: own, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, not: []string{"json_answer"}, warned: []string{"dropped response_format"}},
		{name: "an answer is wanted and no call", model: novaLite, req: llm.Request{Format: format(schema), Tools: own, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`}, not: []string{"look"}},
		{name: "beside a history of calls", model: novaLite, req: llm.Request{Turns: history, Format: format(schema), Tools: own, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`, `"name":"look"`}},
		{name: "any for who takes no name", model: pixtral, req: llm.Request{Format: format(schema)}, has: []string{`"toolChoice":{"any":{}}`}},
		{name: "asked for beside thinking", model: sonnet4, req: llm.Request{Format: format(schema), Reasoning: llm.Reasoning{Effort: "low"}}, has: []string{`"toolChoice":{"auto":{}}`, "calling the tool json_answer"}},
		{name: "asked for of Llama", model: llama, req: llm.Request{Format: format(schema), System: said("Be brief.")}, has: []string{`"system":[{"text":"Be brief."},{"text":"When the answer is ready`}, not: []string{"toolChoice"}},
		{name: "asked for where force is in doubt", model: "qwen.qwen2-72b", req: llm.Request{Format: format(schema)}, has: []string{`"toolChoice":{"auto":{}}`, "calling the tool json_answer"}},
		{name: "asked for of a model that nobody knows", model: unknown, req: llm.Request{Format: format(schema)}, has: []string{`"toolChoice":{"auto":{}}`}},
		{name: "gpt-oss by a tool", model: gptOSS, req: llm.Request{Format: format(schema)}, has: []string{`"toolChoice":{"tool":{"name":"json_answer"}}`}, not: []string{"textFormat"}},
		{name: "no way", model: deepseek1, req: llm.Request{Format: format(schema)}, refused: "response_format"},
		{name: "but in words", model: deepseek1, req: llm.Request{Format: format(schema), Call: llm.Call{DropParams: true}}, has: []string{"Answer with one JSON object"}, warned: []string{"dropped response_format"}},
		{name: "strict is not held to by a tool", model: novaLite, req: llm.Request{Format: &llm.Format{Schema: jsonx.Raw(schema), Strict: llm.Some(true)}}, has: []string{"json_answer"}, warned: []string{"changed response_format"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.req.Turns == nil {
				tt.req.Turns = []llm.Turn{user("Hi")}
			}
			body, warnings, _, refusal := sent(t, model(t, tt.model), &tt.req, false)
			if refusal != nil {
				if refusal.Param != tt.refused {
					t.Fatalf("refused for %q: %v", refusal.Param, refusal)
				}
				return
			}
			if tt.refused != "" {
				t.Fatalf("not refused: %s", body)
			}
			for _, s := range tt.has {
				if !strings.Contains(body, s) {
					t.Errorf("lacks %s:\n%s", s, body)
				}
			}
			for _, s := range tt.not {
				if strings.Contains(body, s) {
					t.Errorf("has %s:\n%s", s, body)
				}
			}
			if !slices.Equal(warnings, tt.warned) {
				t.Errorf("warned of %q, want %q", warnings, tt.warned)
			}
		})
	}
}

// TestJSONThatIsAskedForInWordsComesAsItIsWritten: without a fence around it, and where
// it is none not held back.
func TestJSONThatIsAskedForInWordsComesAsItIsWritten(t *testing.T) {
	_, _, f, refusal := sent(t, model(t, sonnet45), &llm.Request{Turns: []llm.Turn{user("Hi")}, Tools: []llm.Tool{tool("look")}, Format: &llm.Format{}}, true)
	if refusal != nil {
		t.Fatal(refusal)
	}
	for name, tt := range map[string]struct{ given, want string }{
		"JSON":       {`{"a":1}`, `{"a":1}`},
		"in a fence": {"```json\n{\"a\":1}\n```", `{"a":1}`},
		"prose":      {"I cannot say.", "I cannot say."},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func() *llm.Response {
				return &llm.Response{Role: llm.RoleAssistant, Stop: llm.StopEnd, Blocks: said(tt.given)}
			}
			whole := answer()
			f.Restore(whole)
			s := f.Stream(&script{events: streamed(answer(), 2), end: io.EOF})
			for name, got := range map[string]*llm.Response{"whole": whole, "streamed": folded(t, s)} {
				if len(got.Blocks) != 1 || got.Blocks[0].Text != tt.want || len(got.Meta.Warnings) > 0 {
					t.Errorf("%s: %+v", name, got.Blocks)
				}
			}
		})
	}
	source := &script{events: streamed(&llm.Response{Stop: llm.StopEnd, Blocks: said(strings.Repeat("prose ", 100))}, 6), end: io.EOF}
	s := f.Stream(source)
	var ev llm.Event
	for ev.Kind != llm.EventDelta {
		if err := s.Next(&ev); err != nil {
			t.Fatal(err)
		}
	}
	if len(source.events) < 50 {
		t.Errorf("prose was held back: %d events are left", len(source.events))
	}
}
