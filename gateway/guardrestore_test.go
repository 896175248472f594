package gateway_test

import (
	"context"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"outcrop/guard"
	"outcrop/llm"
)

// numbered masks Jo "the rock" in requests, and wants it back in responses.
func numbered() *guard.Rule {
	return &guard.Rule{Name: "numbered", Mode: guard.PreCall, Always: true, Timeout: time.Minute, Checker: checker(func(_ context.Context, in *guard.Input) (guard.Verdict, error) {
		var v guard.Verdict
		for _, text := range in.Texts {
			v.Texts = append(v.Texts, strings.ReplaceAll(text, `Jo "the rock"`, "<PERSON_1>"))
		}
		v.Restore = []guard.Pair{{Mask: "<PERSON_1>", Original: `Jo "the rock"`}}
		return v, nil
	})}
}

func TestWhatIsMaskedInARequestIsPutBackIntoTheResponse(t *testing.T) {
	r := says("ask <PERSON_1> or <PERSON_2>")
	call, _ := guarded(r, numbered())
	resp, err := call.Complete(t.Context(), chat(`I am Jo "the rock"`))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.chats[0].Turns[0].Blocks[0].Text; got != "I am <PERSON_1>" {
		t.Errorf("the model got %q", got)
	}
	if resp.Blocks[0].Text != "ask <PERSON_1> or <PERSON_2>" || resp.Blocks[0].Signature != "signed" {
		t.Errorf("signed reasoning is changed: %+v", resp.Blocks[0])
	}
	if resp.Blocks[1].Text != `ask Jo "the rock" or <PERSON_2>` || string(resp.Blocks[2].ToolUse.Input) != `"ask Jo \"the rock\" or <PERSON_2>"` {
		t.Errorf("got %+v, %s", resp.Blocks[1], resp.Blocks[2].ToolUse.Input)
	}
}

func TestWhatIsMaskedInARequestIsPutBackIntoAStream(t *testing.T) {
	const said = `<ask <PERSON_1> or \u003cPERSON_1\u003e, <PERSON_2>, <PERSON_1`
	for block, want := range map[llm.BlockKind]string{
		llm.BlockText:    `<ask Jo "the rock" or \u003cPERSON_1\u003e, <PERSON_2>, <PERSON_1`,
		llm.BlockToolUse: `<ask Jo \"the rock\" or Jo \"the rock\", <PERSON_2>, <PERSON_1`,
	} {
		for size := 1; size < 12; size++ {
			r := says("")
			r.block = block
			for at := 0; at < len(said); at += size {
				r.pieces = append(r.pieces, said[at:min(at+size, len(said))])
			}
			call, _ := guarded(r, numbered())
			s, err := call.Stream(t.Context(), chat("a"))
			if err != nil {
				t.Fatal(err)
			}
			got, kinds := "", []llm.EventKind{}
			for {
				var ev llm.Event
				if err := s.Next(&ev); err != nil {
					break
				}
				got += ev.Text
				kinds = append(kinds, ev.Kind)
			}
			if got != want || kinds[len(kinds)-1] != llm.EventUsage {
				t.Errorf("%v in pieces of %d: got %s, ending with %v", block, size, got, kinds[len(kinds)-1])
			}
		}
	}
}

// numbering masks words that end with an exclamation mark by numbers, which begin anew with each input.
func numbering() *guard.Rule {
	return &guard.Rule{Name: "numbering", Mode: guard.PreCall, Always: true, Timeout: time.Minute, Checker: checker(func(_ context.Context, in *guard.Input) (guard.Verdict, error) {
		var v guard.Verdict
		for _, text := range in.Texts {
			for word := range strings.FieldsSeq(text) {
				if strings.HasSuffix(word, "!") {
					p := guard.Pair{Mask: "<WORD_" + strconv.Itoa(len(v.Restore)+1) + ">", Original: word}
					v.Restore = append(v.Restore, p)
					text = strings.ReplaceAll(text, word, p.Mask)
				}
			}
			v.Texts = append(v.Texts, text)
		}
		return v, nil
	})}
}

// parrot answers each request with what it says.
type parrot struct{ *echoing }

func (parrot) Complete(_ context.Context, req *llm.Request) (*llm.Response, error) {
	return &llm.Response{Blocks: req.Turns[0].Blocks}, nil
}

func (parrot) Stream(_ context.Context, req *llm.Request) (llm.Stream, error) {
	return &stream{events: []llm.Event{{Kind: llm.EventDelta, Block: llm.BlockText, Text: req.Turns[0].Blocks[0].Text}, {Kind: llm.EventStop}}, err: io.EOF}, nil
}

func TestEachOfSeveralRequestsHasItsOwnTextsPutBack(t *testing.T) {
	prompts := func() (all []*llm.Request) {
		for _, text := range []string{"I am Ann!", "I am Bob!", "nobody", "I am Ann!"} {
			all = append(all, &llm.Request{Call: llm.Call{Model: "m"}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: text}}}}})
		}
		return all
	}
	call, _ := guarded(parrot{says("")}, numbering())
	answers, err := call.CompleteEach(t.Context(), prompts())
	if err != nil {
		t.Fatal(err)
	}
	call, _ = guarded(parrot{says("")}, numbering())
	s, err := call.StreamEach(t.Context(), prompts())
	if err != nil {
		t.Fatal(err)
	}
	streamed := make([]string, len(answers))
	var ev llm.Event
	for s.Next(&ev) == nil {
		streamed[ev.Choice] += ev.Text
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for i, p := range prompts() {
		if want := p.Turns[0].Blocks[0].Text; answers[i].Blocks[0].Text != want || streamed[i] != want {
			t.Errorf("%q, streamed %q, want %q", answers[i].Blocks[0].Text, streamed[i], want)
		}
	}
}
