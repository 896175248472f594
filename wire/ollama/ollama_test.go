package ollama_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/ollama"
)

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func user(blocks ...llm.Block) llm.Turn { return llm.Turn{Role: llm.RoleUser, Blocks: blocks} }

func hi() []llm.Turn { return []llm.Turn{user(text("Hi"))} }

func result(content ...llm.ResultBlock) llm.Block {
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1", Content: content, Status: "error"}}
}

const (
	hiSent = `"messages":[{"role":"user","content":"Hi"}]`
	find   = `{"type":"function","function":{"name":"find","description":"Finds.","parameters":{"type":"object"}}}`
)

func TestARequestBecomesABodyOfTheChatAPI(t *testing.T) {
	tools := []llm.Tool{{Name: "find", Description: "Finds.", Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true), Cache: &llm.CachePoint{}}, {Name: "bare"}}
	bare := `{"type":"function","function":{"name":"bare","parameters":{"type":"object","properties":{}}}}`
	thinking := func(effort string) llm.Request {
		return llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: effort}}
	}
	for _, tt := range []struct {
		name, model string
		req         llm.Request
		want        string // behind stream
		warn        string // fields of the warnings
	}{
		{"a text", "", llm.Request{Turns: hi()}, hiSent, ""},
		{
			"settings", "",
			llm.Request{Turns: hi(), MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), TopK: llm.Some[int64](7), Stop: []string{"END"}, Unmapped: []jsonx.Member{{Name: "seed", Value: jsonx.Raw("3")}, {Name: "top_logprobs", Value: jsonx.Raw("0")}}},
			hiSent + `,"options":{"num_predict":9,"temperature":0.5,"top_p":0.9,"top_k":7,"stop":["END"],"seed":3}`, "",
		},
		{
			"Ollama's own parameters", "",
			llm.Request{Turns: hi(), MaxTokens: llm.Some[int64](9), ModelFields: []jsonx.Member{{Name: "num_ctx", Value: jsonx.Raw("8192")}, {Name: "num_predict", Value: jsonx.Raw("5")}, {Name: "keep_alive", Value: jsonx.Raw(`"10m"`)}, {Name: "options", Value: jsonx.Raw(`{"mirostat":1,"num_ctx":1}`)}}},
			hiSent + `,"options":{"num_predict":9,"num_ctx":8192,"mirostat":1},"keep_alive":"10m"`, "model_fields.num_predict",
		},
		{
			"instructions, thoughts, calls and results", "",
			llm.Request{System: []llm.Block{text("Be brief."), {Kind: llm.BlockCachePoint}, text("Be kind.")}, Turns: []llm.Turn{
				user(text("Find.")),
				{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm.", Signature: "s"}, {Kind: llm.BlockRedacted, Text: "eA=="}, text("I look."), {Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "find", Input: jsonx.Raw(`{"a":1}`)}}, {Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c2", Name: "find", Input: jsonx.Raw(`3`)}}}},
				user(result(llm.ResultBlock{Block: text("17 kg")}, llm.ResultBlock{JSON: jsonx.Raw(`{"n":1}`)}), text("And?")),
			}},
			`"messages":[{"role":"system","content":"Be brief.\nBe kind."},{"role":"user","content":"Find."},{"role":"assistant","content":"I look.","thinking":"Hm.","tool_calls":[{"id":"c1","function":{"name":"find","arguments":{"a":1}}},{"id":"c2","function":{"name":"find","arguments":{"input":3}}}]},` +
				`{"role":"tool","content":"17 kg\n{\"n\":1}","tool_name":"find","tool_call_id":"c1"},{"role":"user","content":"And?"}]`,
			"cache messages[1].content[0] messages[1].content[1] messages[2].content[0]",
		},
		{
			"images and documents", "",
			llm.Request{Turns: []llm.Turn{user(text("What?"), llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Base64: llm.EncodeBase64([]byte("jpg"))}}, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Text: "Granite."}}), user(text(""))}},
			`"messages":[{"role":"user","content":"What?\nGranite.","images":["anBn"]}]`, "",
		},
		{"tools", "", llm.Request{Turns: hi(), Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}, ParallelTools: llm.Some(false)}, hiSent + `,"tools":[` + find + `,` + bare + `]`, "cache tools[0].strict tool_choice parallel_tools"},
		{"a named tool", "", llm.Request{Turns: hi(), Tools: tools, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "bare"}}, hiSent + `,"tools":[` + bare + `]`, "cache tools[0].strict tool_choice"},
		{"no tool", "", llm.Request{Turns: hi(), Tools: tools[1:], ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, hiSent, "tools"},
		{"a named tool that is not there", "", llm.Request{Turns: hi(), Tools: tools[1:], ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "x"}}, hiSent, "tool_choice"},
		{"a schema", "", llm.Request{Turns: hi(), Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}}, hiSent + `,"format":{"type":"object"}`, ""},
		{"JSON", "", llm.Request{Turns: hi(), Format: &llm.Format{}}, hiSent + `,"format":"json"`, ""},
		{"an effort", "", thinking("low"), hiSent + `,"think":true`, ""},
		{"no effort", "", thinking("none"), hiSent + `,"think":false`, ""},
		{"a level", "gpt-oss:20b", thinking("high"), hiSent + `,"think":"high"`, ""},
		{"the least level", "gpt-oss:20b", thinking("none"), hiSent + `,"think":"low"`, "reasoning.effort"},
		{"the highest level", "gpt-oss:20b", thinking("max"), hiSent + `,"think":"high"`, "reasoning.effort"},
		{"a budget", "", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":9}`)}}, hiSent + `,"think":true`, "reasoning.thinking"},
		{"thinking that is off", "", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"disabled"}`)}}, hiSent + `,"think":false`, ""},
		{
			"what the API has no place for", "",
			llm.Request{
				Call: llm.Call{User: "u", Metadata: []llm.Label{{Name: "a", Value: "b"}}}, Turns: hi(), ServiceTier: "flex", CacheRetention: "24h", WebSearch: jsonx.Raw("{}"), WebSearchOptional: true,
				Extensions: []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw("{}")}}, Unmapped: []jsonx.Member{{Name: "store", Value: jsonx.Raw("true")}, {Name: "verbosity", Value: jsonx.Raw(`"medium"`)}},
			},
			hiSent, "web_search store user metadata.a service_tier cache_retention guardrailConfig",
		},
		{"what is dropped on request", "", llm.Request{Call: llm.Call{DropParams: true}, Turns: hi(), WebSearch: jsonx.Raw("{}"), Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}, hiSent, "web_search logit_bias"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w jsonx.Writer
			model := tt.model
			if model == "" {
				model = "qwen3"
			}
			warnings, err := ollama.AppendRequest(&w, &tt.req, model)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"model":"` + model + `","stream":false,` + tt.want + `}`; string(w.Buf) != want {
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
	const block = "messages[0].content[0]"
	for _, tt := range []struct {
		name, param string
		req         llm.Request
	}{
		{"a parameter", "logit_bias", llm.Request{Turns: hi(), Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}},
		{"web search", "web_search", llm.Request{Turns: hi(), WebSearch: jsonx.Raw("{}")}},
		{"a tool of another vendor", "tools[0]", llm.Request{Turns: hi(), Tools: []llm.Tool{{Name: "x", Own: jsonx.Raw("{}")}}}},
		{"options that are no object", "options", llm.Request{Turns: hi(), ModelFields: []jsonx.Member{{Name: "options", Value: jsonx.Raw("3")}}}},
		{"an image in S3", block, llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "s3://a/b"}})}}},
		{"a PDF", block, llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf"}})}}},
		{"a foreign block of a tool", block, llm.Request{Turns: []llm.Turn{user(result(llm.ResultBlock{Block: llm.Block{Kind: llm.BlockOther}}))}}},
		{"a foreign block of the instructions", block, llm.Request{System: []llm.Block{{Kind: llm.BlockOther}}}},
		{"thinking that is no object", "reasoning.thinking", llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw("3")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w jsonx.Writer
			_, err := ollama.AppendRequest(&w, &tt.req, "qwen3")
			if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Status != 400 || !strings.HasPrefix(e.Message, tt.param) {
				t.Errorf("the error is %+v", err)
			}
		})
	}
}

// show writes a response in one line, without the ids of calls.
func show(r *llm.Response) string {
	var b strings.Builder
	for _, x := range r.Blocks {
		switch x.Kind {
		case llm.BlockToolUse:
			fmt.Fprintf(&b, "call(%s %s) ", x.ToolUse.Name, x.ToolUse.Input)
		case llm.BlockReasoning:
			fmt.Fprintf(&b, "thought(%s) ", x.Text)
		default:
			fmt.Fprintf(&b, "text(%s) ", x.Text)
		}
	}
	fmt.Fprintf(&b, "stop %d %s, %d+%d tokens, uncounted %t", r.Stop, r.RawStop, r.Usage.Input, r.Usage.Output, r.Uncounted)
	return b.String()
}

func TestAResponseIsRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":{"content":"Ja.","thinking":"Hm."},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2}`:                                                 "thought(Hm.) text(Ja.) stop 1 stop, 9+2 tokens, uncounted false",
		`{"message":{"tool_calls":[{"id":"a","function":{"name":"find","arguments":{"x":1}}},{"function":{"name":"weigh"}}]},"done":true,"done_reason":"stop","eval_count":2}`: `call(find {"x":1}) call(weigh {}) stop 5 stop, 0+2 tokens, uncounted false`,
		`{"message":{"content":"J"},"done":true,"done_reason":"length"}`:                                                                                                       "text(J) stop 3 length, 0+0 tokens, uncounted true",
		`{"message":{"content":""},"done":true,"done_reason":"load"}`:                                                                                                          "stop 8 load, 0+0 tokens, uncounted true",
		`{"message":{"content":"J"},"done":true,"error":null,"x":{"y":1}}`:                                                                                                     "text(J) stop 1 , 0+0 tokens, uncounted true",
	} {
		r, err := ollama.DecodeResponse([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got := show(r); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
}

func TestACallWithoutAnIDGetsOneOfItsOwn(t *testing.T) {
	r, err := ollama.DecodeResponse([]byte(`{"message":{"tool_calls":[{"function":{"name":"a"}},{"function":{"name":"b"}}]},"done":true}`))
	if err != nil {
		t.Fatal(err)
	}
	first, second := r.Blocks[0].ToolUse.ID, r.Blocks[1].ToolUse.ID
	if !strings.HasPrefix(first, "call_") || first == second {
		t.Errorf("the ids are %s and %s", first, second)
	}
}

// read reads the lines of a stream.
func read(body string) (string, error) {
	r := ollama.NewReader(strings.NewReader(body))
	var fold llm.Fold
	for {
		events, err := r.Append(nil)
		for i := range events {
			fold.Add(&events[i])
		}
		if err != nil {
			return show(fold.Answer()), err
		}
	}
}

func TestAStreamIsRead(t *testing.T) {
	long := strings.Repeat("granite ", 2000)
	got, err := read(`{"message":{"content":"","thinking":"H"},"done":false}` + "\n" + `{"message":{"thinking":"m."}}` + "\n\n" + `{"message":{"content":"` + long + `"}}` + "\r\n" +
		`{"message":{"tool_calls":[{"function":{"name":"find","arguments":{"x":1}}}]}}` + "\n" + `{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":2}` + "\n\n")
	if want := "thought(Hm.) text(" + long + `) call(find {"x":1}) stop 5 stop, 9+2 tokens, uncounted false`; got != want || !errors.Is(err, io.EOF) {
		t.Errorf("got\n%s, %v", got, err)
	}
	if got, err := read(`{"message":{"content":"J"},"done":true}`); !errors.Is(err, io.EOF) || !strings.HasPrefix(got, "text(J) stop 1") {
		t.Errorf("without a line feed: %s, %v", got, err)
	}
}

func TestALineThatHasArrivedIsReported(t *testing.T) {
	line := `{"message":{"content":"J"}}` + "\n"
	r := ollama.NewReader(strings.NewReader(line + line + `{"mess`))
	if r.More() {
		t.Error("nothing has been read yet")
	}
	for _, more := range []bool{true, false} {
		if _, err := r.Append(nil); err != nil || r.More() != more {
			t.Errorf("%v, more is %t", err, !more)
		}
	}
}

func TestAStreamThatFailsIsAnError(t *testing.T) {
	const begun = `{"message":{"content":"J"}}` + "\n"
	_, err := read(begun + `{"error":"an error was encountered while running the model"}` + "\n")
	if f, ok := errors.AsType[*ollama.FailedError](err); !ok || string(f.Refusal()) != `{"error":"an error was encountered while running the model"}`+"\n" || f.Error() == "" {
		t.Errorf("an error in a stream is %v", err)
	}
	if _, err := read(begun); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a stream that ends is %v", err)
	}
	for _, rest := range []string{`{"mess`, "{\n", strings.Repeat("x", 33<<20)} {
		if _, err := read(begun + rest); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%.10s is %v", rest, err)
		}
	}
	for _, body := range []string{`{"message":{"content":"J"},"done":false}`, `{"error":"x"}`, `{`} {
		if _, err := ollama.DecodeResponse([]byte(body)); err == nil {
			t.Errorf("%s counts as a response", body)
		}
	}
}

// failing is a body whose connection breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestABrokenConnectionIsItsOwnError(t *testing.T) {
	if _, err := ollama.NewReader(failing{}).Append(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the error is %v", err)
	}
}
