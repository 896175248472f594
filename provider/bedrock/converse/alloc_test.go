package converse_test

import (
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

// A plain chat is fitted by one look at it, and its answer goes back as it came.
func TestAPlainChatCostsOneAllocation(t *testing.T) {
	m := model(t, "anthropic.claude-sonnet-4-5-20250929-v1:0")
	req := &llm.Request{
		System: said("Be brief."), MaxTokens: llm.Some(int64(100)), Temperature: llm.Some(0.5), Call: llm.Call{Stream: true},
		Turns: []llm.Turn{user("Hi"), assistant("Hello."), user("How are you?")},
	}
	stream := converse.StreamOf(&llm.Response{})
	if n := testing.AllocsPerRun(100, func() {
		f, err := converse.Adapt(m, req, true)
		if err != nil {
			t.Fatal(err)
		}
		if f.Stream(stream) != stream {
			t.Fatal("the stream is wrapped")
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFitAPlainChat(b *testing.B) {
	m := model(b, "anthropic.claude-sonnet-4-5-20250929-v1:0")
	req := &llm.Request{System: said("Be brief."), MaxTokens: llm.Some(int64(100)), Turns: []llm.Turn{user("Hi"), assistant("Hello."), user("How are you?")}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := converse.Adapt(m, req, true); err != nil {
			b.Fatal(err)
		}
	}
}
