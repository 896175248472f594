package converse_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

func fitFor(t *testing.T, id string, req llm.Request) *converse.Adapted {
	t.Helper()
	req.Turns = []llm.Turn{user("Hi")}
	f, err := converse.Adapt(model(t, id), &req, true)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The thoughts that Nova writes into its text are reasoning, whole and in pieces of
// any length.
func TestThoughtsInATextAreReasoning(t *testing.T) {
	thought := func(s string) llm.Block { return llm.Block{Kind: llm.BlockReasoning, Text: s} }
	call := use("t1", "f", `{"a":1}`)
	for _, tt := range []struct {
		name       string
		said, want []llm.Block
	}{
		{"before the answer", said("\n<thinking> A tool has said 30. </thinking>\nIt is 30."), []llm.Block{thought(" A tool has said 30. "), text("It is 30.")}},
		{"before a call", []llm.Block{text("<thinking> I ask. </thinking>\n"), call}, []llm.Block{thought(" I ask. "), call}},
		{"the other tag", said("<think>Hm.</think>Yes"), []llm.Block{thought("Hm."), text("Yes")}},
		{"not closed", said("<thinking>I was cut"), []llm.Block{thought("I was cut")}},
		{"not quite closed", said("<thinking>a</thinkin"), []llm.Block{thought("a</thinkin")}},
		{"another tag closes nothing", said("<thinking>a</think>b</thinking>c"), []llm.Block{thought("a</think>b"), text("c")}},
		{"nothing thought", said("<thinking></thinking>Yes"), said("Yes")},
		{"nothing at all", []llm.Block{text("<thinking></thinking> \n"), call}, []llm.Block{call}},
		{"a tag that is none", said("<thinkings>Yes"), said("<thinkings>Yes")},
		{"the beginning of a tag", said("<thin"), said("<thin")},
		{"white space", said(" \n"), said(" \n")},
		{"a tag in the middle", said("So: <thinking>a</thinking>"), said("So: <thinking>a</thinking>")},
		{"a second tag", said("<think>a</think>b<think>c</think>"), []llm.Block{thought("a"), text("b<think>c</think>")}},
		{"several texts", []llm.Block{text("<thinking>a</thinking>b"), call, text("<thinking>c</thinking>"), text("d")}, []llm.Block{thought("a"), text("b"), call, thought("c"), text("d")}},
		{"without tags", []llm.Block{text("Yes"), call}, []llm.Block{text("Yes"), call}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fitFor(t, novaLite, llm.Request{})
			whole := &llm.Response{Blocks: append([]llm.Block(nil), tt.said...)}
			f.Restore(whole)
			if diff := cmp.Diff(tt.want, whole.Blocks); diff != "" {
				t.Errorf("whole: %s", diff)
			}
			for n := 1; n < 30; n++ {
				r := folded(t, f.Stream(&script{events: streamed(&llm.Response{Blocks: tt.said}, n), end: io.EOF}))
				if diff := cmp.Diff(whole.Blocks, r.Blocks); diff != "" {
					t.Fatalf("in pieces of %d: %s", n, diff)
				}
			}
			f = fitFor(t, sonnet4, llm.Request{})
			other := &llm.Response{Blocks: append([]llm.Block(nil), tt.said...)}
			f.Restore(other)
			if diff := cmp.Diff(tt.said, other.Blocks); diff != "" {
				t.Errorf("of a model that writes no such thoughts: %s", diff)
			}
		})
	}
}

// A citation at the beginning of a text, or within the thoughts, is the text's.
func TestCitationsBesideThoughtsStayInPlace(t *testing.T) {
	f := fitFor(t, novaLite, llm.Request{})
	cite := llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Other: &jsonx.Member{Name: "citation", Value: jsonx.Raw(`{"title":"a"}`)}}
	words := func(index int, s string) llm.Event {
		return llm.Event{Kind: llm.EventDelta, Index: index, Block: llm.BlockText, Text: s}
	}
	end := func(index int) llm.Event { return llm.Event{Kind: llm.EventBlockEnd, Index: index} }
	cited := []jsonx.Member{*cite.Other}
	for name, tt := range map[string]struct {
		events []llm.Event
		want   []llm.Block
	}{
		"before the words":   {[]llm.Event{cite, words(0, "hello"), end(0), words(1, "next"), end(1)}, []llm.Block{{Kind: llm.BlockText, Text: "hello", Extra: cited}, text("next")}},
		"within the tag":     {[]llm.Event{words(0, "<think>Hm"), cite, words(0, ".</think> Yes"), end(0), words(1, "next"), end(1)}, []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm."}, {Kind: llm.BlockText, Text: "Yes", Extra: cited}, text("next")}},
		"behind the tag":     {[]llm.Event{words(0, "<think>Hm.</think>"), cite, words(0, "Yes"), end(0), words(1, "next"), end(1)}, []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm."}, {Kind: llm.BlockText, Text: "Yes", Extra: cited}, text("next")}},
		"of no words at all": {[]llm.Event{words(0, "<think>Hm."), cite, end(0), words(1, "next"), end(1)}, []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm."}, {Kind: llm.BlockText, Extra: cited}, text("next")}},
	} {
		r := folded(t, f.Stream(&script{events: append([]llm.Event{{Kind: llm.EventStart}}, tt.events...), end: io.EOF}))
		if diff := cmp.Diff(tt.want, r.Blocks); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What is put together of tags, words and calls at random is the same whole and in
// pieces, and no word is lost.
func TestThoughtsAreTheSameWholeAndInPieces(t *testing.T) {
	f := fitFor(t, novaLite, llm.Request{})
	r := rand.New(rand.NewPCG(6, 1))
	pieces := []string{"<thinking>", "</thinking>", "<think>", "</think>", "<", "</", "thinking>", " ", "\n", "word ", "word"}
	for range 3000 {
		var blocks []llm.Block
		words := 0
		for range 1 + r.IntN(4) {
			if r.IntN(3) == 0 {
				blocks = append(blocks, use("t", "f", "{}"))
				continue
			}
			var b strings.Builder
			for range r.IntN(6) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			words += strings.Count(b.String(), "word")
			blocks = append(blocks, text(b.String()))
		}
		whole := &llm.Response{Blocks: append([]llm.Block(nil), blocks...)}
		f.Restore(whole)
		events := streamed(&llm.Response{Blocks: blocks}, 1+r.IntN(8))
		if r.IntN(2) == 0 { // blocks that are not ended
			events = withoutEnds(events)
		}
		got := folded(t, &asking{Stream: f.Stream(&script{events: events, end: io.EOF}), r: r})
		if diff := cmp.Diff(whole.Blocks, got.Blocks); diff != "" && !cmp.Equal(blank(whole.Blocks), blank(got.Blocks)) {
			t.Fatalf("%+v: %s", blocks, diff)
		}
		kept := 0
		for _, b := range got.Blocks {
			kept += strings.Count(b.Text, "word")
		}
		if kept != words {
			t.Fatalf("%d of %d words are left of %+v: %+v", kept, words, blocks, got.Blocks)
		}
	}
}

// asking asks its stream now and then whether it has more.
type asking struct {
	llm.Stream
	r *rand.Rand
}

func (a *asking) Next(ev *llm.Event) error {
	if a.r.IntN(2) == 0 {
		a.More()
	}
	return a.Stream.Next(ev)
}

// withoutEnds leaves out where blocks end.
func withoutEnds(events []llm.Event) (out []llm.Event) {
	for _, ev := range events {
		if ev.Kind != llm.EventBlockEnd {
			out = append(out, ev)
		}
	}
	return out
}

// blank leaves out texts of nothing, which events without an end do not tell.
func blank(blocks []llm.Block) (out []llm.Block) {
	for _, b := range blocks {
		if b.Kind != llm.BlockText || b.Text != "" {
			out = append(out, b)
		}
	}
	return out
}

func TestAStreamThatBreaksOffGivesWhatWasHeld(t *testing.T) {
	broken := errors.New("broken")
	f := fitFor(t, novaLite, llm.Request{})
	for seen, want := range map[string]string{"<thin": "<thin", "<thinking>a</th": "a</th", "<thinking>a</thinking> b": "ab"} {
		s := f.Stream(&script{events: streamed(&llm.Response{Blocks: []llm.Block{text(seen)}}, 100)[:2], end: broken})
		var got string
		var ev llm.Event
		err := s.Next(&ev)
		for ; err == nil; err = s.Next(&ev) {
			got += ev.Text
			ev = llm.Event{}
		}
		if !errors.Is(err, broken) || got != want {
			t.Errorf("%q: %q, then %v", seen, got, err)
		}
	}
}

// A Claude that is asked to think is asked how many tokens that took.
func TestTheTokensOfThinkingAreCounted(t *testing.T) {
	const name = "additionalModelResponseFieldPaths"
	paths := func(f *converse.Adapted) string { return string(jsonx.Find(f.Request.Extensions, name)) }
	asking := func(own string) llm.Request {
		req := llm.Request{Reasoning: llm.Reasoning{Effort: "high"}}
		if own != "" {
			req.Extensions = []jsonx.Member{{Name: name, Value: jsonx.Raw(own)}}
		}
		return req
	}
	for _, tt := range []struct{ name, model, own, want string }{
		{"alone", sonnet45, "", `["/usage/output_tokens_details"]`},
		{"adaptive", opus46, "", `["/usage/output_tokens_details"]`},
		{"beside the caller's", sonnet45, `["/stop_sequence"]`, `["/stop_sequence","/usage/output_tokens_details"]`},
		{"asked already", sonnet45, `["/usage/output_tokens_details"]`, `["/usage/output_tokens_details"]`},
		{"within what is asked", sonnet45, `["/usage"]`, `["/usage"]`},
		{"no room", sonnet45, `["/1","/2","/3","/4","/5","/6","/7","/8","/9","/10"]`, `["/1","/2","/3","/4","/5","/6","/7","/8","/9","/10"]`},
		{"not a list", sonnet45, `"/stop_sequence"`, `"/stop_sequence"`},
		{"another model", novaLite, "", ""},
	} {
		if got := paths(fitFor(t, tt.model, asking(tt.own))); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
	if got := paths(fitFor(t, sonnet45, llm.Request{})); got != "" {
		t.Errorf("a Claude that is not asked to think: %s", got)
	}
	shared := asking(`["/stop_sequence"]`)
	fitFor(t, sonnet45, shared)
	if got := string(shared.Extensions[0].Value); got != `["/stop_sequence"]` {
		t.Errorf("the caller's request became %s", got)
	}

	for fields, want := range map[string]llm.Opt[int64]{
		`{"usage":{"output_tokens_details":{"thinking_tokens":5}}}`:  llm.Some(int64(5)),
		`{"usage":{"output_tokens_details":{"thinking_tokens":0}}}`:  llm.Some(int64(0)),
		`{"usage":{"output_tokens_details":{"thinking_tokens":-1}}}`: llm.Some(int64(0)),
		`{"usage":{"output_tokens_details":{}}}`:                     {},
		`{"usage":5}`:                                                {},
		`{"stop_sequence":"x"}`:                                      {},
		``:                                                           {},
	} {
		f := fitFor(t, sonnet45, asking(""))
		whole := &llm.Response{ModelFields: jsonx.Raw(fields), Usage: llm.Usage{Output: 7}}
		f.Restore(whole)
		events := streamed(&llm.Response{Blocks: said("Hi")}, 10)
		events[len(events)-2].Raw = jsonx.Raw(fields)
		stream := folded(t, f.Stream(&script{events: events, end: io.EOF}))
		if kept := strings.Contains(fields, "stop_sequence"); kept != (whole.ModelFields != nil) || kept != (stream.ModelFields != nil) {
			t.Errorf("%s: of the model's own fields are left %s and %s", fields, whole.ModelFields, stream.ModelFields)
		}
		if whole.Usage.Reasoning != want || stream.Usage.Reasoning != want {
			t.Errorf("%s: %v whole, %v streamed; want %v", fields, whole.Usage.Reasoning, stream.Usage.Reasoning, want)
		}
	}
}
