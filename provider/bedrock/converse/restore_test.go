package converse_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

// script is a stream of given events.
type script struct {
	events []llm.Event
	end    error
	meta   llm.Meta
}

func (s *script) Next(ev *llm.Event) error {
	if len(s.events) == 0 {
		return s.end
	}
	*ev = s.events[0]
	s.events = s.events[1:]
	return nil
}

func (s *script) More() bool      { return len(s.events) > 0 }
func (s *script) Meta() *llm.Meta { return &s.meta }
func (s *script) Close() error    { return nil }

// streamed are the events of an answer as AWS has them, each text in pieces of n
// bytes: no start in front of text.
func streamed(r *llm.Response, n int) []llm.Event {
	events := []llm.Event{{Kind: llm.EventStart, Role: llm.RoleAssistant}}
	for i, b := range r.Blocks {
		seen := b.Text
		if b.ToolUse != nil {
			use := *b.ToolUse
			seen, use.Input = string(use.Input), nil
			events = append(events, llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, ToolUse: &use})
		}
		for len(seen) > 0 {
			piece := seen[:min(n, len(seen))]
			seen = seen[len(piece):]
			events = append(events, llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: piece})
		}
		events = append(events, llm.Event{Kind: llm.EventBlockEnd, Index: i})
	}
	return append(events, llm.Event{Kind: llm.EventStop, Stop: r.Stop, RawStop: r.RawStop}, llm.Event{Kind: llm.EventUsage, Usage: &llm.Usage{Output: 7}})
}

// folded reads a stream to its end.
func folded(t *testing.T, s llm.Stream) *llm.Response {
	t.Helper()
	var fold llm.Fold
	for {
		var ev llm.Event
		switch err := s.Next(&ev); {
		case errors.Is(err, io.EOF):
			return fold.Answer()
		case err != nil:
			t.Fatal(err)
		}
		fold.Add(&ev)
	}
}

// fitted fits a request for a JSON answer, with a tool of a forbidden name, to a
// model that needs a tool for it.
func fitted(t *testing.T) *converse.Adapted {
	t.Helper()
	req := &llm.Request{Turns: []llm.Turn{user("Hi")}, Tools: []llm.Tool{tool("look.up"), tool("look_up")}, Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`)}}
	_, _, f, refusal := sent(t, model(t, novaLite), req, true)
	if refusal != nil {
		t.Fatal(refusal)
	}
	return f
}

// TestAnAnswerComesBackWholeAndStreamed restores answers whole, and as streams cut
// into pieces of every length.
func TestAnAnswerComesBackWholeAndStreamed(t *testing.T) {
	f := fitted(t)
	mapped := f.Request.Tools[0].Name
	const answer = `{"rock": "granite", "é": [1, 2]}`
	thought := llm.Block{Kind: llm.BlockReasoning, Text: "hm"}
	for _, tt := range []struct {
		name   string
		blocks []llm.Block
		stop   llm.StopReason
		want   []llm.Block
		end    llm.StopReason
		warned int
	}{
		{"the answer", []llm.Block{use("1", "json_answer", answer)}, llm.StopToolUse, said(answer), llm.StopEnd, 0},
		{"the answer behind a thought", []llm.Block{thought, use("1", "json_answer", answer)}, llm.StopToolUse, []llm.Block{thought, text(answer)}, llm.StopEnd, 0},
		{"the answer behind words", []llm.Block{text("Here it is:"), use("1", "json_answer", answer)}, llm.StopToolUse, said(answer), llm.StopEnd, 1},
		{"the answer behind nothing", []llm.Block{text(" "), use("1", "json_answer", answer)}, llm.StopToolUse, said(answer), llm.StopEnd, 0},
		{"the answer before words", []llm.Block{use("1", "json_answer", answer), text("There.")}, llm.StopToolUse, said(answer), llm.StopEnd, 1},
		{"the answer twice", []llm.Block{use("1", "json_answer", answer), use("2", "json_answer", `{}`)}, llm.StopToolUse, said(answer), llm.StopEnd, 1},
		{"the answer as text", said(answer), llm.StopEnd, said(answer), llm.StopEnd, 0},
		{"the answer as text and by the tool", []llm.Block{text(answer), use("1", "json_answer", `{}`)}, llm.StopToolUse, said(answer), llm.StopEnd, 1},
		{"the answer in a fence", said("```json\n" + answer + "\n```"), llm.StopEnd, said(answer), llm.StopEnd, 0},
		{"no JSON at all", said("I will not."), llm.StopEnd, said("I will not."), llm.StopEnd, 0},
		{"an answer that was cut", []llm.Block{use("1", "json_answer", answer)}, llm.StopMaxTokens, said(answer), llm.StopMaxTokens, 0},
		{"a call of a tool", []llm.Block{text("Let me look."), use("1", mapped, `{"q": 1}`)}, llm.StopToolUse, []llm.Block{text("Let me look."), use("1", "look.up", `{"q": 1}`)}, llm.StopToolUse, 0},
		{"a call of the other", []llm.Block{use("1", "look_up", `{}`)}, llm.StopToolUse, []llm.Block{use("1", "look_up", `{}`)}, llm.StopToolUse, 0},
		{"the answer and a call", []llm.Block{use("1", "json_answer", answer), use("2", mapped, `{}`)}, llm.StopToolUse, []llm.Block{text(answer), use("2", "look.up", `{}`)}, llm.StopToolUse, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			given := func() *llm.Response {
				r := &llm.Response{Role: llm.RoleAssistant, Stop: tt.stop, RawStop: "raw", Usage: llm.Usage{Output: 7}}
				for _, b := range tt.blocks {
					if b.ToolUse != nil {
						b = use(b.ToolUse.ID, b.ToolUse.Name, string(b.ToolUse.Input))
					}
					r.Blocks = append(r.Blocks, b)
				}
				return r
			}
			want := &llm.Response{Role: llm.RoleAssistant, Blocks: tt.want, Stop: tt.end, RawStop: "raw", Usage: llm.Usage{Output: 7}}
			whole := given()
			f.Restore(whole)
			if n := len(whole.Meta.Warnings); n != tt.warned {
				t.Errorf("%d warnings", n)
			}
			whole.Meta = llm.Meta{}
			if diff := cmp.Diff(want, whole); diff != "" {
				t.Errorf("whole (-want +got):\n%s", diff)
			}
			for n := 1; n <= len(answer)+1; n++ {
				s := f.Stream(&script{events: streamed(given(), n), end: io.EOF})
				if diff := cmp.Diff(want, folded(t, s)); diff != "" {
					t.Fatalf("in pieces of %d (-want +got):\n%s", n, diff)
				}
				if got := len(s.Meta().Warnings); got != tt.warned {
					t.Errorf("in pieces of %d: %d warnings", n, got)
				}
			}
			told := folded(t, converse.StreamOf(whole))
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// A tool input that never comes is an empty object.
func TestAnAnswerWithoutInputIsAnEmptyObject(t *testing.T) {
	f := fitted(t)
	events := streamed(&llm.Response{Blocks: []llm.Block{use("1", "json_answer", "")}, Stop: llm.StopToolUse}, 5)
	if got := folded(t, f.Stream(&script{events: events, end: io.EOF})); got.Blocks[0].Text != "{}" || got.Stop != llm.StopEnd {
		t.Errorf("got %+v", got)
	}
}

// The answer's text comes as soon as AWS sends it, not at its end.
func TestAJSONAnswerStreams(t *testing.T) {
	f := fitted(t)
	all := streamed(&llm.Response{Blocks: []llm.Block{use("1", "json_answer", `{"a":1}`)}, Stop: llm.StopToolUse}, 2)
	s := f.Stream(&script{events: all, end: io.EOF})
	for i, want := range all {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			t.Fatal(err)
		}
		if ev.Kind != want.Kind || ev.Text != want.Text || ev.Block == llm.BlockToolUse {
			t.Fatalf("event %d is %+v for %+v", i, ev, want)
		}
	}
}

// What was held back is said before the failure.
func TestHeldTextComesBeforeAFailure(t *testing.T) {
	f := fitted(t)
	broken := errors.New("broken")
	s := f.Stream(&script{events: streamed(&llm.Response{Blocks: said("Well")}, 10)[:2], end: broken})
	var got string
	for {
		var ev llm.Event
		err := s.Next(&ev)
		if err != nil {
			if !errors.Is(err, broken) || got != "Well" {
				t.Errorf("got %q, then %v", got, err)
			}
			return
		}
		got += ev.Text
	}
}

// Tell keeps what stands beside the blocks.
func TestToldAnswersKeepEverything(t *testing.T) {
	r := &llm.Response{
		Role: llm.RoleAssistant, Stop: llm.StopToolUse, RawStop: "tool_use", Usage: llm.Usage{Input: 3, Output: 4, Total: 7},
		LatencyMs: llm.Some(int64(9)), ServiceTier: "flex", ModelFields: jsonx.Raw(`{"a":1}`), Trace: jsonx.Raw(`{"t":1}`), Extra: []jsonx.Member{{Name: "x", Value: jsonx.Raw("1")}},
		Blocks: []llm.Block{
			{Kind: llm.BlockReasoning, Text: "hm", Signature: "s"},
			{Kind: llm.BlockRedacted, Text: "cmVk"},
			text("Hi"), use("1", "a", `{"q":1}`), use("2", "b", `{}`),
			{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw(`{}`)}},
			medium(llm.BlockImage, "png", png),
		},
	}
	if diff := cmp.Diff(r, folded(t, converse.StreamOf(r))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
