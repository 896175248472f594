package converse_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

// offering adapts a request that offers the tools weigh and look to a model.
func offering(t *testing.T, id string) *converse.Adapted {
	t.Helper()
	req := &llm.Request{Turns: []llm.Turn{user("Hi")}, Tools: []llm.Tool{tool("weigh"), tool("look")}}
	_, _, f, refusal := sent(t, model(t, id), req, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	return f
}

// anonymous removes the ids of calls from an answer, after checking that they are present and
// unique.
func anonymous(t *testing.T, r *llm.Response) *llm.Response {
	t.Helper()
	seen := map[string]bool{}
	for i := range r.Blocks {
		if use := r.Blocks[i].ToolUse; use != nil {
			if use.ID == "" || len(use.ID) > 64 || seen[use.ID] {
				t.Errorf("the id of a call is %q", use.ID)
			}
			seen[use.ID] = true
			use.ID = ""
		}
	}
	return r
}

// cut returns the events of an answer with its texts cut into random pieces.
func cut(r *llm.Response, rnd *rand.Rand) []llm.Event {
	var out []llm.Event
	for _, ev := range streamed(r, 1<<20) {
		for ev.Kind == llm.EventDelta && len(ev.Text) > 1 && rnd.IntN(6) > 0 {
			n := 1 + rnd.IntN(min(len(ev.Text)-1, 40))
			piece := ev
			piece.Text, ev.Text = ev.Text[:n], ev.Text[n:]
			out = append(out, piece)
		}
		out = append(out, ev)
	}
	return out
}

const (
	section    = "<|tool_calls_section_begin|>"
	sectionOut = "<|tool_calls_section_end|>"
)

func marked(name, input string) string {
	return "<|tool_call_begin|>functions." + name + ":0<|tool_call_argument_begin|>" + input + "<|tool_call_end|>"
}

// TestCallsInTheText checks what callers receive for texts of models: calls of offered tools as
// calls, everything else as text.
func TestCallsInTheText(t *testing.T) {
	call := func(name, input string) llm.Block { return use("", name, input) }
	weigh := call("weigh", `{"stone":"granite"}`)
	for _, tt := range []struct {
		name, model string
		blocks      []llm.Block
		stop        llm.StopReason
		want        []llm.Block
		end         llm.StopReason
		warned      int
	}{
		{"peers/16-kimi-call-tokens", "moonshot.kimi-k2-thinking", said(section + marked("weigh", `{"stone":"granite"}`) + sectionOut), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"bedrock-chat/kimi-tool-call-markers-in-text", kimi, said("I will weigh it. " + section + marked("weigh", `{"stone":"granite"}`) + sectionOut), llm.StopEnd, []llm.Block{text("I will weigh it. "), weigh}, llm.StopToolUse, 1},
		{"without a section", kimi, said("So: " + marked("weigh", `{"stone":"granite"}`) + " Done."), llm.StopEnd, []llm.Block{text("So:  Done."), weigh}, llm.StopToolUse, 1},
		{"a section by its other name, with spaces", kimi, said("<|tool_call_section_begin|> <|tool_call_begin|> functions.weigh:12 <|tool_call_argument_begin|> {\"stone\":\"granite\"} <|tool_call_end|> <|tool_call_section_end|> "), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"two calls", kimi, said(section + marked("weigh", `{"stone":"granite"}`) + "\n" + marked("look", ``) + sectionOut), llm.StopEnd, []llm.Block{weigh, call("look", `{}`)}, llm.StopToolUse, 1},
		{"in the thoughts", kimi, []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm. " + section + marked("weigh", `{"stone":"granite"}`) + sectionOut}}, llm.StopEnd, []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm. "}, weigh}, llm.StopToolUse, 1},
		{"the last mark is missing", kimi, said(section + "<|tool_call_begin|>weigh:0<|tool_call_argument_begin|>{\"stone\":\"granite\"}"), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"a call that was cut", kimi, said(section + `<|tool_call_begin|>weigh:0<|tool_call_argument_begin|>{"stone":"gra`), llm.StopMaxTokens, said(section + `<|tool_call_begin|>weigh:0<|tool_call_argument_begin|>{"stone":"gra`), llm.StopMaxTokens, 1},
		{"a tool that was not offered", kimi, said(section + marked("melt", `{}`) + sectionOut), llm.StopEnd, said(section + marked("melt", `{}`) + sectionOut), llm.StopEnd, 1},
		{"arguments that are none", kimi, said(marked("weigh", `granite`)), llm.StopEnd, said(marked("weigh", `granite`)), llm.StopEnd, 1},
		{"one of two was offered", kimi, said(section + marked("melt", `{}`) + marked("look", `{}`) + sectionOut), llm.StopEnd, []llm.Block{text(section + marked("melt", `{}`)), call("look", `{}`)}, llm.StopToolUse, 2},
		{"a section without a call", kimi, said("a " + section + sectionOut + " b"), llm.StopEnd, said("a " + section + sectionOut + " b"), llm.StopEnd, 1},
		{"half a mark", kimi, said("a <|tool_ca and <|tool_call_"), llm.StopEnd, said("a <|tool_ca and <|tool_call_"), llm.StopEnd, 0},
		{"written and made", kimi, []llm.Block{text(marked("look", `{}`)), use("", "look", `{}`)}, llm.StopToolUse, []llm.Block{use("", "look", `{}`)}, llm.StopToolUse, 1},
		{"Claude's text is Claude's", sonnet45, said(marked("look", `{}`)), llm.StopEnd, said(marked("look", `{}`)), llm.StopEnd, 0},

		{"peers/15-call-as-json-text", llama, said(`{"type": "function", "name": "weigh", "parameters": {"stone":"granite"}}`), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"without its type, behind the tag", llama, said("<|python_tag|>{\"name\": \"weigh\", \"parameters\": {\"stone\":\"granite\"}}\n"), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"two objects", llama, said(`{"name":"weigh","arguments":{"stone":"granite"}}; {"name":"look","parameters":{}}`), llm.StopEnd, []llm.Block{weigh, call("look", `{}`)}, llm.StopToolUse, 1},
		{"OpenAI's form", llama, said(`{"type":"function","function":{"name":"weigh","arguments":"{\"stone\":\"granite\"}"}}`), llm.StopEnd, []llm.Block{weigh}, llm.StopToolUse, 1},
		{"an object of a stranger", llama, said(`{"type":"function","name":"melt","parameters":{}}`), llm.StopEnd, said(`{"type":"function","name":"melt","parameters":{}}`), llm.StopEnd, 1},
		{"an answer in JSON", llama, said(`{"name":"Granite","weight":3}`), llm.StopEnd, said(`{"name":"Granite","weight":3}`), llm.StopEnd, 0},
		{"an answer with a tool's name", llama, said(`{"name":"weigh","weight":3}`), llm.StopEnd, said(`{"name":"weigh","weight":3}`), llm.StopEnd, 0},
		{"words and an object", llama, said(`Call {"name":"weigh","parameters":{}}`), llm.StopEnd, said(`Call {"name":"weigh","parameters":{}}`), llm.StopEnd, 0},
		{"an object and words", llama, said(`{"name":"weigh","parameters":{}} is it.`), llm.StopEnd, said(`{"name":"weigh","parameters":{}} is it.`), llm.StopEnd, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := offering(t, tt.model)
			given := func() *llm.Response {
				r := &llm.Response{Role: llm.RoleAssistant, Stop: tt.stop, RawStop: "raw", Usage: llm.Usage{Output: 7}}
				for _, b := range tt.blocks {
					if b.ToolUse != nil {
						b = use("made", b.ToolUse.Name, string(b.ToolUse.Input))
					}
					r.Blocks = append(r.Blocks, b)
				}
				return r
			}
			want := &llm.Response{Role: llm.RoleAssistant, Blocks: tt.want, Stop: tt.end, RawStop: "raw", Usage: llm.Usage{Output: 7}}
			whole := given()
			f.Restore(whole)
			if n := len(whole.Meta.Warnings); n != tt.warned {
				t.Errorf("%d warnings: %v", n, whole.Meta.Warnings)
			}
			whole.Meta = llm.Meta{}
			if diff := cmp.Diff(want, anonymous(t, whole)); diff != "" {
				t.Fatalf("whole (-want +got):\n%s", diff)
			}
			for seed := range uint64(200) {
				s := f.Stream(&script{events: cut(given(), rand.New(rand.NewPCG(seed, 1))), end: io.EOF})
				if seed%2 == 1 {
					s = looking{s}
				}
				if diff := cmp.Diff(want, anonymous(t, folded(t, s))); diff != "" {
					t.Fatalf("streamed, seed %d (-want +got):\n%s", seed, diff)
				}
				if n := len(s.Meta().Warnings); n != tt.warned {
					t.Fatalf("streamed, seed %d: %d warnings: %v", seed, n, s.Meta().Warnings)
				}
			}
		})
	}
}

// looking calls More before each Next, as a writer does.
type looking struct{ llm.Stream }

func (l looking) Next(ev *llm.Event) error {
	l.More()
	return l.Stream.Next(ev)
}

// TestWholeAndStreamedTextsAreTheSame builds random texts of marks, partial marks, calls and words,
// and scans them whole and in pieces.
func TestWholeAndStreamedTextsAreTheSame(t *testing.T) {
	pieces := []string{
		section, sectionOut, "<|tool_call_begin|>", "<|tool_call_end|>", "<|tool_call_argument_begin|>", "<|tool_call_section_begin|>", "<|tool_call_section_end|>",
		"functions.weigh:0", "look", "melt:1", `{"a":1}`, `{"a":`, "{", "}", " ", "\n", "words", "<|", "<|tool_calls_", "|>", marked("look", `{}`), marked("weigh", `{"s":"<|tool"}`),
		`{"type":"function",`, `"name":`, `"weigh"`, `"parameters":{}}`, `"function"`, ";", `{"name":"look","parameters":{"q":[1]}}`, "<|python_tag|>",
	}
	for _, id := range []string{kimi, llama} {
		f := offering(t, id)
		for seed := range uint64(3000) {
			rnd := rand.New(rand.NewPCG(seed, 9))
			var b strings.Builder
			for range 1 + rnd.IntN(9) {
				b.WriteString(pieces[rnd.IntN(len(pieces))])
			}
			given := func() *llm.Response {
				return &llm.Response{Role: llm.RoleAssistant, Blocks: said(b.String()), Stop: llm.StopEnd, Usage: llm.Usage{Output: 7}}
			}
			whole := given()
			f.Restore(whole)
			warnings := whole.Meta.Warnings
			whole.Meta = llm.Meta{}
			s := f.Stream(&script{events: cut(given(), rnd), end: io.EOF})
			got := folded(t, s)
			if diff := cmp.Diff(anonymous(t, whole), anonymous(t, got)); diff != "" {
				t.Fatalf("%s: %q (-whole +streamed):\n%s", id, b.String(), diff)
			}
			if diff := cmp.Diff(warnings, s.Meta().Warnings); diff != "" {
				t.Fatalf("%s: %q: warnings (-whole +streamed):\n%s", id, b.String(), diff)
			}
		}
	}
}

// Text is passed on as soon as it cannot be a call.
func TestTextThatIsNoCallStreams(t *testing.T) {
	for id, words := range map[string]string{kimi: "Granite is <b>heavy</b> <", llama: `{"answer":"granite"}`} {
		s := offering(t, id).Stream(&script{events: streamed(&llm.Response{Blocks: said(words + "!")}, 1), end: errors.New("broken")})
		var got strings.Builder
		most := 0
		for {
			var ev llm.Event
			if s.Next(&ev) != nil {
				break
			}
			got.WriteString(ev.Text)
			most = max(most, len(ev.Text))
		}
		if got.String() != words+"!" || most > 4 {
			t.Errorf("%s: got %q, at most %d bytes at once", id, got.String(), most)
		}
	}
}

// endless is a stream of text with a given number of events.
type endless struct {
	script
	first, piece string
	n            int
}

func (e *endless) Next(ev *llm.Event) error {
	if e.n--; e.n < 0 {
		return io.EOF
	}
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: e.piece}
	if e.first != "" {
		ev.Text, e.first = e.first, ""
	}
	return nil
}

// A text that opens a call and never ends it is not buffered.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	for id, first := range map[string]string{kimi: "<|tool_call_begin|>weigh<|tool_call_argument_begin|>", llama: `{"name":"weigh","parameters":`} {
		const n = 16 << 10 // of 1 KB
		s := offering(t, id).Stream(&endless{first: first, piece: strings.Repeat("x", 1<<10), n: n})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		total := 0
		for {
			var ev llm.Event
			if s.Next(&ev) != nil {
				break
			}
			total += len(ev.Text)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if want := len(first) + (n-1)<<10; total != want {
			t.Errorf("%s: %d bytes came of %d", id, total, want)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("%s: %d bytes are kept", id, grown)
		}
	}
}

// Marks remain in the text if no tool was offered, with a warning.
func TestMarksWithoutTools(t *testing.T) {
	_, _, f, refusal := sent(t, model(t, kimi), &llm.Request{Turns: []llm.Turn{user("Hi")}}, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	r := &llm.Response{Role: llm.RoleAssistant, Blocks: said(marked("look", `{}`)), Stop: llm.StopEnd}
	f.Restore(r)
	if len(r.Blocks) != 1 || r.Blocks[0].Text != marked("look", `{}`) || len(r.Meta.Warnings) != 1 || r.Stop != llm.StopEnd {
		t.Errorf("got %+v", r)
	}
}

// A written call that looks like one of a JSON answer's tool is that answer.
func TestAWrittenJSONAnswer(t *testing.T) {
	req := &llm.Request{Turns: []llm.Turn{user("Hi")}, Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object","properties":{"a":{"type":"integer"}}}`)}}
	_, _, f, refusal := sent(t, model(t, llama), req, false)
	if refusal != nil {
		t.Fatal(refusal)
	}
	r := &llm.Response{Role: llm.RoleAssistant, Blocks: said(`{"type":"function","name":"json_answer","parameters":{"a":1}}`), Stop: llm.StopEnd}
	f.Restore(r)
	if len(r.Blocks) != 1 || r.Blocks[0].Text != `{"a":1}` || r.Stop != llm.StopEnd || !jsonx.Valid([]byte(r.Blocks[0].Text)) {
		t.Errorf("got %+v", r)
	}
}
