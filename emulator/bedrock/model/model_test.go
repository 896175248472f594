package model

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func info(t *testing.T, id string) *catalogue.Model {
	t.Helper()
	c, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	m := c.Model(id)
	if m == nil {
		t.Fatalf("no model %q", id)
	}
	return m
}

const (
	haiku  = "anthropic.claude-haiku-4-5-20251001-v1:0"
	sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
)

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func user(blocks ...llm.Block) llm.Turn { return llm.Turn{Role: llm.RoleUser, Blocks: blocks} }

func ask(s string) *llm.Request { return &llm.Request{Turns: []llm.Turn{user(text(s))}} }

// say summarizes an answer: its blocks and why it stopped.
func say(r *llm.Response) string {
	var parts []string
	for _, b := range r.Blocks {
		switch b.Kind {
		case llm.BlockToolUse:
			parts = append(parts, b.ToolUse.Name+string(b.ToolUse.Input))
		case llm.BlockReasoning:
			parts = append(parts, "thinks")
		default:
			parts = append(parts, b.Text)
		}
	}
	return strings.Join(parts, " | ") + " (" + r.RawStop + ")"
}

var (
	weather = llm.Tool{Name: "get_weather", Schema: jsonx.Raw(`{"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]}},"required":["city","unit"]}`)}
	sum     = llm.Tool{Name: "addNumbers", Schema: jsonx.Raw(`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}`)}
)

func TestAnswerFollowsTheRequest(t *testing.T) {
	t.Parallel()
	png := llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64(make([]byte, 68))}}
	pdf := llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf", Name: "report", Base64: llm.EncodeBase64([]byte("%PDF-1.4"))}}
	csv := llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "csv", Name: "table", Base64: llm.EncodeBase64([]byte("a,b\n1,2"))}}
	results := []llm.Turn{
		user(text("weather in Paris")),
		{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "get_weather", Input: jsonx.Raw(`{}`)}}}},
		user(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t1", Content: []llm.ResultBlock{{JSON: jsonx.Raw(`{ "sky": "clear" }`)}, {Block: text("21 degrees")}}}}),
	}
	failed := append([]llm.Turn(nil), results...)
	failed[2] = user(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t1", Status: "error", Content: []llm.ResultBlock{{Block: text("no network")}}}})
	tools := []llm.Tool{weather, sum}
	with := func(r *llm.Request, edit func(*llm.Request)) *llm.Request { edit(r); return r }
	tests := []struct {
		name string
		req  *llm.Request
		want string
	}{
		{"it repeats the prompt", ask("hello"), "You said: hello (end_turn)"},
		{"it says the text of a marker", ask("x [[answer: exactly this]] y"), "exactly this (end_turn)"},
		{"it writes as many words as a marker asks", ask("[[words: 3]]"), "granite schist basalt (end_turn)"},
		{"it acknowledges an image", &llm.Request{Turns: []llm.Turn{user(text("look"), png)}}, "You said: look\nI received an image (png, 68 bytes). (end_turn)"},
		{"it proves that documents arrived", &llm.Request{Turns: []llm.Turn{user(pdf, csv)}}, "I received the document \"report\" (pdf, 8 bytes).\nI received the document \"table\" (csv, 7 bytes), which begins \"a,b\\n1,2\". (end_turn)"},
		{"it calls the tool that the prompt speaks of", with(ask("What is the weather in Paris in fahrenheit?"), func(r *llm.Request) { r.Tools = tools }), `get_weather{"city":"Paris","unit":"fahrenheit"} (tool_use)`},
		{"it calls once for each subject", with(ask("Compare the weather in Paris, New York and Rome"), func(r *llm.Request) { r.Tools = tools }), `get_weather{"city":"Paris","unit":"celsius"} | get_weather{"city":"New York","unit":"celsius"} | get_weather{"city":"Rome","unit":"celsius"} (tool_use)`},
		{"it takes numbers from the prompt", with(ask("use addNumbers on 17 and 25"), func(r *llm.Request) { r.Tools = tools }), `addNumbers{"a":17,"b":25} (tool_use)`},
		{"it ignores tools that the prompt does not mention", with(ask("hello"), func(r *llm.Request) { r.Tools = tools }), "You said: hello (end_turn)"},
		{"it must call some tool when the choice is any", with(ask("hello"), func(r *llm.Request) { r.Tools = tools; r.ToolChoice.Kind = llm.ToolChoiceAny }), `get_weather{"city":"hello","unit":"celsius"} (tool_use)`},
		{"it must call the tool that the choice names", with(ask("hello"), func(r *llm.Request) {
			r.Tools, r.ToolChoice = tools, llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "addNumbers"}
		}), `addNumbers{"a":1,"b":1} (tool_use)`},
		{"it reports the results of tools", &llm.Request{Turns: results, Tools: tools}, `get_weather returned: {"sky":"clear"} 21 degrees (end_turn)`},
		{"it reports that a tool failed", &llm.Request{Turns: failed, Tools: tools}, `get_weather failed: no network (end_turn)`},
		{"it writes JSON that fits the schema", with(ask("Where is the Eiffel Tower?"), func(r *llm.Request) {
			r.Format = &llm.Format{Schema: jsonx.Raw(`{"type":"object","properties":{"city":{"type":"string","maxLength":5},"sure":{"type":"boolean"}},"required":["city","sure"]}`)}
		}), `{"city":"Where","sure":true} (end_turn)`},
		{"it writes JSON when the system prompt asks for nothing else", with(ask("one"), func(r *llm.Request) {
			r.System = []llm.Block{{Kind: llm.BlockText, Text: "Answer with one JSON object and nothing else."}}
		}), `{"answer":"You said: one"} (end_turn)`},
		{"and that of a schema there", with(ask("one"), func(r *llm.Request) {
			r.System = []llm.Block{{Kind: llm.BlockText, Text: `Answer with JSON and nothing else. It must follow this JSON schema: {"type":"array","items":{"type":"boolean"}}`}}
		}), `[true] (end_turn)`},
		{"it stops at a stop sequence", with(ask("one two three"), func(r *llm.Request) { r.Stop = []string{"three", "two"} }), "You said: one  (stop_sequence)"},
		{"it is cut at max tokens", with(ask("one two three"), func(r *llm.Request) { r.MaxTokens = llm.Some[int64](4) }), "You said: one tw (max_tokens)"},
		{"it makes no half calls", with(ask("weather"), func(r *llm.Request) { r.Tools = tools; r.MaxTokens = llm.Some[int64](2) }), " (max_tokens)"},
		{"it thinks when it is asked to", with(ask("hello"), func(r *llm.Request) {
			r.ModelFields = []jsonx.Member{{Name: "thinking", Value: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}
		}), "thinks | You said: hello (end_turn)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first, again := New(1).Answer(info(t, haiku), tt.req), New(1).Answer(info(t, haiku), tt.req)
			if got := say(first); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("another answer to the same request: %s", diff)
			}
		})
	}
}

func TestInstanceFitsItsSchema(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, schema, want string }{
		{"a constant", `{"const":7}`, `7`},
		{"several types", `{"type":["null","integer"],"minimum":5}`, `5`},
		{"bounds", `{"type":"array","prefixItems":[{"type":"number","exclusiveMaximum":0},{"type":"integer","minimum":3,"multipleOf":2}]}`, `[-1,4]`},
		{"a reference", `{"$defs":{"d":{"type":"string","format":"date"}},"type":"object","properties":{"x":{"$ref":"#/$defs/d"}}}`, `{"x":"2026-01-31"}`},
		{"the first alternative that is not null", `{"anyOf":[{"type":"null"},{"type":"boolean"}]}`, `true`},
		{"parts", `{"type":"object","allOf":[{"properties":{"a":{"type":"boolean"}},"required":["a"]}]}`, `{"a":true}`},
		{"a schema that holds itself", `{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}`, ""},
		{"what is bounded in length", `{"type":"array","prefixItems":[{"type":"string","maxLength":0},{"type":"string","minLength":3}]}`, `["","xxx"]`},
		{"every format", `{"type":"array","prefixItems":[{"type":"string","format":"date-time"},{"type":"string","format":"email"},{"type":"string","format":"uri"},{"type":"string","format":"uuid"},{"type":"string","format":"time"},{"type":"string","format":"ipv4"}]}`, `["2026-01-31T12:00:00Z","user@example.com","https://example.com/","00000000-0000-4000-8000-000000000000","12:00:00Z","192.0.2.1"]`},
		{"a number between bounds", `{"type":"number","minimum":0.2,"exclusiveMaximum":0.4}`, `0.30000000000000004`},
		{"an integer below a bound", `{"type":"integer","maximum":-2.5}`, `-3`},
		{"nothing but an object", `{"type":"object"}`, `{}`},
		{"as many items as asked", `{"type":"array","items":{"enum":["x","y"]},"minItems":2}`, `["x","x"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := readPrompt(&llm.Request{}).instance(jsonx.Raw(tt.schema), nil, 0)
			if !jsonx.Valid(got) || tt.want != "" && string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestVerifyWantsReasoningAsItWasGiven(t *testing.T) {
	t.Parallel()
	m, claude := New(3), info(t, haiku)
	req := ask("hello")
	req.ModelFields = []jsonx.Member{{Name: "thinking", Value: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}
	block := m.Answer(claude, req).Blocks[0]
	if block.Kind != llm.BlockReasoning || block.Signature == "" {
		t.Fatalf("got %+v, want reasoning with a signature", block)
	}
	edited, unsigned := block, block
	edited.Text += "!"
	unsigned.Signature = ""
	tests := []struct {
		name  string
		model string
		block llm.Block
		want  *SealError
	}{
		{"unchanged", haiku, block, nil},
		{"edited", haiku, edited, &SealError{Turn: 1}},
		{"without its signature", haiku, unsigned, &SealError{Turn: 1, Missing: true}},
		{"to a model that signs nothing", "qwen.qwen3-32b-v1:0", unsigned, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			back := &llm.Request{Turns: []llm.Turn{user(text("hello")), {Role: llm.RoleAssistant, Blocks: []llm.Block{tt.block}}, user(text("go on"))}}
			var got *SealError
			errors.As(m.Verify(info(t, tt.model), back), &got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReasoningOfOtherFamilies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, model, field, value string
		kind                      llm.BlockKind
	}{
		{"DeepSeek R1 always thinks, unsigned", "deepseek.r1-v1:0", "", "", llm.BlockReasoning},
		{"Nova 2 thinks when configured", "amazon.nova-2-lite-v1:0", "reasoningConfig", `{"type":"enabled"}`, llm.BlockReasoning},
		{"Nova 2 does not think unasked", "amazon.nova-2-lite-v1:0", "", "", llm.BlockText},
		{"Qwen thinks when configured", "qwen.qwen3-32b-v1:0", "reasoning_config", `"high"`, llm.BlockReasoning},
		{"GPT hides what it thinks", "openai.gpt-6-sol", "", "", llm.BlockRedacted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := ask("hello")
			if tt.field != "" {
				req.ModelFields = []jsonx.Member{{Name: tt.field, Value: jsonx.Raw(tt.value)}}
			}
			if b := New(1).Answer(info(t, tt.model), req).Blocks[0]; b.Kind != tt.kind || b.Signature != "" {
				t.Errorf("the answer begins with %+v", b)
			}
		})
	}
}

func TestEventsFoldToTheAnswer(t *testing.T) {
	t.Parallel()
	m := New(1)
	req := ask("the weather in Paris, and [[words: 200]] of ünïcödé")
	req.Tools = []llm.Tool{weather}
	req.ModelFields = []jsonx.Member{{Name: "thinking", Value: jsonx.Raw(`{"type":"enabled","budget_tokens":1024}`)}}
	silent := ask("hello")
	silent.Stop = []string{"You"}
	for _, id := range []string{haiku, "openai.gpt-6-sol", "amazon.nova-micro-v1:0"} {
		for _, r := range []*llm.Request{req, silent} {
			answer := m.Answer(info(t, id), r)
			events := m.Events(answer)
			var fold llm.Fold
			for i := range events {
				fold.Add(&events[i])
			}
			if diff := cmp.Diff(answer.Blocks, fold.Answer().Blocks); diff != "" {
				t.Errorf("%s: %s", id, diff)
			}
			if r == req && len(events) < 6 {
				t.Errorf("%s: only %d events", id, len(events))
			}
		}
	}
}

func TestCacheIsWrittenOnceAndReadUntilItEnds(t *testing.T) {
	t.Parallel()
	point := llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{Type: "default"}}
	long := strings.Repeat("granite ", 1000) // 2000 tokens
	req := &llm.Request{System: []llm.Block{text(long), point}, Turns: []llm.Turn{user(text("hi!!"))}}
	longer := &llm.Request{System: req.System, Turns: []llm.Turn{user(text("hi!!"), text(long), point)}}
	short := &llm.Request{System: []llm.Block{text("short"), point}, Turns: req.Turns}
	now := time.Unix(0, 0)
	c, claude := NewCache(), info(t, sonnet)
	steps := []struct {
		name               string
		req                *llm.Request
		scope              string
		after              time.Duration
		input, read, write int64
	}{
		{"the first time it is written", req, "a", 0, 1, 0, 2000},
		{"then it is read", req, "a", time.Minute, 1, 2000, 0},
		{"another scope has its own", req, "b", time.Minute, 1, 0, 2000},
		{"a longer prefix reads the shorter and writes the rest", longer, "a", 2 * time.Minute, 1, 2000, 2001},
		{"being read keeps it alive", req, "a", 6 * time.Minute, 1, 2000, 0},
		{"five minutes unread it is gone", req, "a", 12 * time.Minute, 1, 0, 2000},
		{"a prefix below the model's minimum is not stored", short, "a", 0, 3, 0, 0},
	}
	for _, s := range steps {
		u := c.Count(claude, s.scope, s.req, now.Add(s.after))
		if u.Input != s.input || u.CacheRead.Value != s.read || u.CacheWrite.Value != s.write {
			t.Errorf("%s: input %d, read %d, written %d; want %d, %d, %d", s.name, u.Input, u.CacheRead.Value, u.CacheWrite.Value, s.input, s.read, s.write)
		}
	}
	// A moved cache point: Claude finds the prefix that was stored before it, up to 20 blocks back.
	turns := []llm.Turn{user(text(long), point)}
	for _, blocks := range []int{19, 20} {
		scope := "moved" + strconv.Itoa(blocks)
		c.Count(claude, scope, &llm.Request{Turns: turns}, now)
		moved := user(text(long))
		for range blocks {
			moved.Blocks = append(moved.Blocks, text("hi!!"))
		}
		moved.Blocks = append(moved.Blocks, text("hi!!"), point)
		want := int64(2000)
		if blocks == 20 {
			want = 0
		}
		if u := c.Count(claude, scope, &llm.Request{Turns: []llm.Turn{moved}}, now); u.CacheRead.Value != want {
			t.Errorf("%d blocks before a cache point: %d read, want %d", blocks+1, u.CacheRead.Value, want)
		}
	}
	if u := c.Count(info(t, "qwen.qwen3-32b-v1:0"), "a", req, now); u.CacheRead.Set || u.Input != 2001 {
		t.Errorf("a model without a cache: %+v", u)
	}
}
