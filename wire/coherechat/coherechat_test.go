package coherechat_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/coherechat"
)

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func user(blocks ...llm.Block) llm.Turn { return llm.Turn{Role: llm.RoleUser, Blocks: blocks} }

func hi() []llm.Turn { return []llm.Turn{user(text("Hi"))} }

func tool(name string) llm.Tool {
	return llm.Tool{Name: name, Description: "Finds.", Schema: jsonx.Raw(`{"type":"object"}`)}
}

func result(content ...llm.ResultBlock) llm.Block {
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1", Content: content}}
}

const hiSent = `"messages":[{"role":"user","content":"Hi"}]`

func TestARequestBecomesABodyOfTheChatAPI(t *testing.T) {
	call := llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "find", Input: jsonx.Raw(`{"a":1}`)}}
	find := `{"type":"function","function":{"name":"find","description":"Finds.","parameters":{"type":"object"}}}`
	for _, tt := range []struct {
		name string
		req  llm.Request
		want string // behind the model
		warn string // fields of the warnings
	}{
		{"a text", llm.Request{Turns: hi()}, hiSent, ""},
		{"a stream", llm.Request{Call: llm.Call{Stream: true}, Turns: hi()}, `"stream":true,` + hiSent, ""},
		{
			"settings",
			llm.Request{Turns: hi(), MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), TopK: llm.Some[int64](7), Stop: []string{"END"}, Unmapped: []jsonx.Member{{Name: "seed", Value: jsonx.Raw("3")}, {Name: "n", Value: jsonx.Raw("0")}}},
			hiSent + `,"max_tokens":9,"temperature":0.5,"p":0.9,"k":7,"stop_sequences":["END"],"seed":3`, "",
		},
		{
			"members of the API take precedence",
			llm.Request{Turns: hi(), TopP: llm.Some(0.9), ModelFields: []jsonx.Member{{Name: "p", Value: jsonx.Raw("0.1")}, {Name: "safety_mode", Value: jsonx.Raw(`"STRICT"`)}, {Name: "documents", Value: jsonx.Raw(`["Granite."]`)}}},
			hiSent + `,"documents":["Granite."],"p":0.1,"safety_mode":"STRICT"`, "",
		},
		{
			"instructions, and cache points",
			llm.Request{System: []llm.Block{text("Be brief."), {Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{}}, text("Be kind.")}, Turns: append(hi(), llm.Turn{Role: llm.RoleSystem, Blocks: []llm.Block{text("Stop.")}})},
			`"messages":[{"role":"system","content":[{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}]},{"role":"user","content":"Hi"},{"role":"system","content":"Stop."}]`, "cache",
		},
		{
			"what a model says beside its calls is its plan",
			llm.Request{Turns: []llm.Turn{
				user(text("Find.")),
				{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm.", Signature: "s"}, {Kind: llm.BlockRedacted, Text: "eA=="}, text("I look."), call}},
				user(result(llm.ResultBlock{Block: text("17 kg")}, llm.ResultBlock{JSON: jsonx.Raw(`{"n":1}`)}), text("And?")),
				{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "So."}, text("Done.")}},
				user(result()),
			}},
			`"messages":[{"role":"user","content":"Find."},{"role":"assistant","tool_plan":"I look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"a\":1}"}}],"content":[{"type":"thinking","thinking":"Hm."}]},` +
				`{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"17 kg"},{"type":"text","text":"{\"n\":1}"}]},{"role":"user","content":"And?"},` +
				`{"role":"assistant","content":[{"type":"thinking","thinking":"So."},{"type":"text","text":"Done."}]},{"role":"tool","tool_call_id":"c1","content":""}]`,
			strings.Repeat(" messages[1].reasoning", 2)[1:],
		},
		{
			"images and documents",
			llm.Request{Turns: []llm.Turn{user(
				text("What?"), llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "jpg", Base64: llm.EncodeBase64([]byte("jpg"))}},
				llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Name: "Stones", Context: "a list", Text: "Granite."}},
				llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "md", Base64: llm.EncodeBase64([]byte("# Slate"))}},
			)}, ModelFields: []jsonx.Member{{Name: "documents", Value: jsonx.Raw(`[{"id":"x","data":{"text":"Basalt."}}]`)}}},
			`"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,anBn"}}]}],` +
				`"documents":[{"id":"file-1","data":{"title":"Stones","context":"a list","text":"Granite."}},{"id":"file-2","data":{"text":"# Slate"}},{"id":"x","data":{"text":"Basalt."}}]`, "",
		},
		{
			"tools",
			llm.Request{Turns: hi(), Tools: []llm.Tool{tool("find"), {Name: "bare"}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, ParallelTools: llm.Some(false)},
			hiSent + `,"tools":[` + find + `,{"type":"function","function":{"name":"bare","parameters":{"type":"object","properties":{}}}}],"tool_choice":"REQUIRED"`, "parallel_tools",
		},
		{
			"a named tool is the only one that is offered",
			llm.Request{Turns: hi(), Tools: []llm.Tool{tool("weigh"), tool("find")}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "find"}},
			hiSent + `,"tools":[` + find + `],"tool_choice":"REQUIRED"`, "tools",
		},
		{
			"strict tools",
			llm.Request{Turns: hi(), Tools: []llm.Tool{{Name: "find", Description: "Finds.", Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true), Cache: &llm.CachePoint{}}, tool("find")}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}},
			hiSent + `,"tools":[` + find + `,` + find + `],"strict_tools":true,"tool_choice":"NONE"`, "cache tools",
		},
		{"a schema", llm.Request{Turns: hi(), Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}}, hiSent + `,"response_format":{"type":"json_object","json_schema":{"type":"object"}}`, ""},
		{"JSON", llm.Request{Turns: hi(), Format: &llm.Format{}}, hiSent + `,"response_format":{"type":"json_object"}`, ""},
		{"an effort", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "low"}}, hiSent + `,"thinking":{"type":"enabled","token_budget":1024}`, ""},
		{"the least effort", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "minimal"}}, hiSent + `,"thinking":{"type":"enabled","token_budget":512}`, ""},
		{"a medium effort", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "medium"}}, hiSent + `,"thinking":{"type":"enabled","token_budget":2048}`, ""},
		{"a high effort", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "high"}}, hiSent + `,"thinking":{"type":"enabled"}`, ""},
		{"no effort", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "none"}}, hiSent + `,"thinking":{"type":"disabled"}`, ""},
		{"a budget", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":99}`)}}, hiSent + `,"thinking":{"type":"enabled","token_budget":99}`, ""},
		{"Cohere's own word for it", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","token_budget":99}`)}}, hiSent + `,"thinking":{"type":"enabled","token_budget":99}`, ""},
		{"thinking that is off", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"disabled"}`)}}, hiSent + `,"thinking":{"type":"disabled"}`, ""},
		{
			"what the API has no place for",
			llm.Request{
				Call: llm.Call{User: "u", Metadata: []llm.Label{{Name: "a", Value: "b"}}}, Turns: hi(), ServiceTier: "flex", CacheRetention: "24h", WebSearch: jsonx.Raw("{}"), WebSearchOptional: true,
				Extensions: []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw("{}")}}, Unmapped: []jsonx.Member{{Name: "store", Value: jsonx.Raw("true")}, {Name: "verbosity", Value: jsonx.Raw(`"medium"`)}},
			},
			hiSent, "web_search user metadata.a service_tier cache_retention guardrailConfig store",
		},
		{"what is dropped on request", llm.Request{Call: llm.Call{DropParams: true}, Turns: hi(), WebSearch: jsonx.Raw("{}"), Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}, hiSent, "web_search logit_bias"},
		{"the status of a result", llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1", Status: "error", Content: []llm.ResultBlock{{Block: text("no")}}}})}}, `"messages":[{"role":"tool","tool_call_id":"c1","content":"no"}]`, "messages[0].content[0]"},
		{"empty turns", llm.Request{Turns: []llm.Turn{user(text("")), {Role: llm.RoleAssistant}, user(text("Hi"))}}, hiSent, ""},
		{"foreign blocks with a text", llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockOther, Text: "Hi"}), {Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockOther, Text: "Ja"}}}}}, `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ja"}]`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w jsonx.Writer
			warnings, err := coherechat.AppendRequest(&w, &tt.req, "command-a")
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"model":"command-a",` + tt.want + `}`; string(w.Buf) != want {
				t.Errorf("got\n%s, want\n%s", w.Buf, want)
			}
			var fields []string
			for _, x := range warnings {
				fields = append(fields, x.Field)
			}
			if got := strings.Join(fields, " "); got != tt.warn {
				t.Errorf("the warnings are about %q, not %q", got, tt.warn)
			}
		})
	}
}

func TestWhatTheAPICannotTakeIsRefusedByField(t *testing.T) {
	for _, tt := range []struct {
		name, param string
		req         llm.Request
	}{
		{"a parameter", "logit_bias", llm.Request{Turns: hi(), Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}},
		{"web search", "web_search", llm.Request{Turns: hi(), WebSearch: jsonx.Raw("{}")}},
		{"a tool of another vendor", "tools[0]", llm.Request{Turns: hi(), Tools: []llm.Tool{{Name: "x", Own: jsonx.Raw("{}")}}}},
		{"an image in S3", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "s3://a/b"}})}}},
		{"a PDF", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf", Base64: llm.EncodeBase64([]byte("x"))}})}}},
		{"audio", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{}})}}},
		{"an image of a tool", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{user(result(llm.ResultBlock{Block: llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Base64: llm.EncodeBase64([]byte("x"))}}}))}}},
		{"a foreign block of a tool", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{user(result(llm.ResultBlock{Block: llm.Block{Kind: llm.BlockOther}}))}}},
		{"a foreign block of a model", "messages[0].content[0]", llm.Request{Turns: []llm.Turn{{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockOther}}}}}},
		{"thinking that is no object", "reasoning.thinking", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw("3")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w jsonx.Writer
			_, err := coherechat.AppendRequest(&w, &tt.req, "command-a")
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Status != 400 || !strings.HasPrefix(e.Message, tt.param) {
				t.Errorf("the error is %+v", err)
			}
		})
	}
}

// show writes a response in one line.
func show(r *llm.Response) string {
	var b strings.Builder
	for _, x := range r.Blocks {
		switch x.Kind {
		case llm.BlockToolUse:
			fmt.Fprintf(&b, "call(%s %s %s) ", x.ToolUse.ID, x.ToolUse.Name, x.ToolUse.Input)
		case llm.BlockReasoning:
			fmt.Fprintf(&b, "thought(%s) ", x.Text)
		default:
			fmt.Fprintf(&b, "text(%s) ", x.Text)
		}
	}
	fmt.Fprintf(&b, "stop %d %s, %d+%d tokens", r.Stop, r.RawStop, r.Usage.Input, r.Usage.Output)
	if r.Usage.CacheRead.Set {
		fmt.Fprintf(&b, ", %d cached", r.Usage.CacheRead.Value)
	}
	if r.Uncounted {
		b.WriteString(", uncounted")
	}
	for _, m := range r.Extra {
		fmt.Fprintf(&b, ", %s %s", m.Name, m.Value)
	}
	for _, w := range r.Meta.Warnings {
		b.WriteString(", warning: " + w.Detail)
	}
	return b.String()
}

func TestAResponseIsRead(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"text and thoughts", `{"finish_reason":"COMPLETE","message":{"content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Ja."}]},"usage":{"tokens":{"input_tokens":9.0,"output_tokens":2},"cached_tokens":4}}`, "thought(Hm.) text(Ja.) stop 1 COMPLETE, 5+2 tokens, 4 cached"},
		{"a plan and calls", `{"finish_reason":"TOOL_CALL","message":{"tool_plan":"I look.","tool_calls":[{"id":"a","function":{"name":"find","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"find","arguments":""}},{"id":"c","function":{"name":"find","arguments":"{"}}]},"usage":{"billed_units":{"input_tokens":1,"output_tokens":2}}}`, `text(I look.) call(a find {"x":1}) call(b find {}) call(c find "{") stop 5 TOOL_CALL, 1+2 tokens`},
		{"citations and probabilities", `{"finish_reason":"STOP_SEQUENCE","message":{"content":[{"type":"text","text":"x"}],"citations":[{"start":0,"end":1}]},"logprobs":[{"token_ids":[1]}]}`, `text(x) stop 2 STOP_SEQUENCE, 0+0 tokens, uncounted, citations [{"start":0,"end":1}], logprobs [{"token_ids":[1]}]`},
		{"what is new", `{"finish_reason":"LATER","message":{"content":[{"type":"smell"}]},"logprobs":null}`, "stop 8 LATER, 0+0 tokens, uncounted, warning: content of the type smell is not known"},
		{"a limit", `{"finish_reason":"MAX_TOKENS","message":{}}`, "stop 3 MAX_TOKENS, 0+0 tokens, uncounted"},
		{"a full context", `{"finish_reason":"ERROR_LIMIT","message":{}}`, "stop 4 ERROR_LIMIT, 0+0 tokens, uncounted"},
		{"a filter", `{"finish_reason":"ERROR_TOXIC","message":{}}`, "stop 6 ERROR_TOXIC, 0+0 tokens, uncounted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := coherechat.DecodeResponse([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := show(r); got != tt.want {
				t.Errorf("got\n%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestAFailedResponseIsAnError(t *testing.T) {
	for body, want := range map[string]string{
		`{"finish_reason":"ERROR","message":{}}`:   `{"message":"the model failed while it responded (finish_reason ERROR)"}`,
		`{"finish_reason":"TIMEOUT","message":{}}`: `{"message":"the model did not finish in time (finish_reason TIMEOUT)"}`,
		`{"message":{}}`: "",
		`{`:              "",
	} {
		_, err := coherechat.DecodeResponse([]byte(body))
		if err == nil || err.Error() == "" {
			t.Fatalf("%s counts as a response", body)
		}
		if f, ok := errors.AsType[*coherechat.FailedError](err); ok != (want != "") || ok && string(f.Refusal()) != want {
			t.Errorf("%s: the error is %v", body, err)
		}
	}
}

// read reads the events of a stream.
func read(data ...string) (string, error) {
	var r coherechat.Reader
	var fold llm.Fold
	for _, d := range data {
		events, err := r.Append(nil, []byte(d))
		for i := range events {
			fold.Add(&events[i])
		}
		if err != nil {
			return show(fold.Answer()), err
		}
	}
	if !r.Finished() {
		return show(fold.Answer()), errors.New("it is not finished")
	}
	return show(fold.Answer()), nil
}

func TestAStreamIsRead(t *testing.T) {
	const start = `{"type":"message-start","delta":{"message":{"role":"assistant"}}}`
	const end = `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":9,"output_tokens":2}}}}`
	for _, tt := range []struct {
		name string
		data []string
		want string
	}{
		{"thoughts, text, citations and probabilities", []string{
			start, `{"type":"content-start","delta":{"message":{"content":{"type":"thinking","thinking":""}}}}`, `{"type":"content-delta","delta":{"message":{"content":{"thinking":"Hm."}}}}`, `{"type":"content-end"}`,
			`{"type":"content-start","delta":{"message":{"content":{"type":"text","text":"J"}}}}`, `{"type":"content-delta","delta":{"message":{"content":{"text":"a."}}},"logprobs":{"token_ids":[1]}}`,
			`{"type":"citation-start","delta":{"message":{"citations":{"start":0,"end":1}}}}`, `{"type":"citation-end"}`, `{"type":"citation-start","delta":{"message":{"citations":[{"start":1}]}}}`, `{"type":"citation-start","delta":{"message":{}}}`,
			`{"type":"content-delta","delta":{"message":{}}}`, `{"type":"content-end"}`, `{"type":"debug","prompt":"x"}`, end,
		}, `thought(Hm.) text(Ja.) stop 1 COMPLETE, 9+2 tokens, citations [{"start":0,"end":1},{"start":1}], logprobs [{"token_ids":[1]}]`},
		{"a plan and calls", []string{
			start, `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I "}}}`, `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look."}}}`,
			`{"type":"tool-call-start","delta":{"message":{"tool_calls":{"id":"a","function":{"name":"find","arguments":""}}}}}`, `{"type":"tool-call-delta","delta":{"message":{"tool_calls":{"function":{"arguments":"{\"x\":1}"}}}}}`, `{"type":"tool-call-end"}`,
			`{"type":"tool-call-start","delta":{"message":{"tool_calls":{"id":"b","function":{"name":"find"}}}}}`, `{"type":"tool-call-end"}`, `{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}`,
		}, `text(I look.) call(a find {"x":1}) call(b find {}) stop 5 TOOL_CALL, 0+0 tokens`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.data...)
			if err != nil || got != tt.want {
				t.Errorf("got\n%s, %v, want\n%s", got, err, tt.want)
			}
		})
	}
}

func TestAStreamThatFailsIsAnError(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{`{"type":"message-end","delta":{"finish_reason":"ERROR","error":"out of memory"}}`, `{"message":"out of memory"}`},
		{`{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}`, `{"message":"the model did not finish in time (finish_reason TIMEOUT)"}`},
		{`{"id":"x","message":"internal server error"}`, `{"id":"x","message":"internal server error"}`},
		{`{"type":"tool-call-delta","delta":{"message":{"tool_calls":{"function":{"arguments":"x"}}}}}`, ""},
		{`{"type":"tool-call-start","delta":{"message":{}}}`, ""},
		{`{"type":"content-delta","delta":{"message":{"content":"x"}}}`, ""},
		{`{"type":`, ""},
	} {
		_, err := read(tt.data)
		f, ok := errors.AsType[*coherechat.FailedError](err)
		if err == nil || ok != (tt.want != "") || ok && string(f.Refusal()) != tt.want {
			t.Errorf("%s: the error is %v", tt.data, err)
		}
	}
}
