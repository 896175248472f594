package openaichat_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// TestAnyEventsFoldToTheSameAnswer makes answers of random blocks, in random pieces,
// and compares what a client puts together of the chunks with the whole answer.
func TestAnyEventsFoldToTheSameAnswer(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 6))
		evs := anyEvents(r)
		env := openaichat.Envelope{ID: "chatcmpl-1", Model: "m", Created: 1, Functions: r.IntN(4) == 0}
		var f llm.Fold
		chunks := openaichat.NewChunks(env, true, 1)
		var stream []byte
		for i := range evs {
			f.Add(&evs[i])
			stream = chunks.Append(stream, &evs[i])
		}
		stream = chunks.AppendEnd(stream, nil)
		want := clientAnswer(t, [][]byte{openaichat.AppendResponse(nil, env, f.Answer(), nil)})
		got := clientAnswer(t, chunksOf(t, stream))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-whole +streamed):\n%s\n%s", seed, diff, stream)
		}
	}
}

// anyEvents is an answer of some blocks as a provider may stream it.
func anyEvents(r *rand.Rand) []llm.Event {
	word := func() string {
		return []string{"", "a", "grün", "\"\n", "{}", "<b>", " ", "\u2028", "text of some length"}[r.IntN(9)]
	}
	extra := func() []jsonx.Member {
		if r.IntN(6) > 0 {
			return nil
		}
		return []jsonx.Member{{Name: []string{"mood", "b"}[r.IntN(2)], Value: jsonx.Raw(fmt.Sprintf("{\n\"n\":%d}", r.IntN(9)))}}
	}
	evs := []llm.Event{{Kind: llm.EventStart, Role: llm.RoleAssistant, Extra: extra()}}
	for i := range r.IntN(6) {
		kind := []llm.BlockKind{llm.BlockText, llm.BlockReasoning, llm.BlockRedacted, llm.BlockToolUse, llm.BlockToolUse, llm.BlockToolResult, llm.BlockImage, llm.BlockOther}[r.IntN(8)]
		start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: kind, Extra: extra()}
		begin := r.IntN(2) == 0
		switch kind {
		case llm.BlockToolUse:
			start.ToolUse, begin = &llm.ToolUse{ID: fmt.Sprintf("c%d", i), Name: "f"}, true
			if r.IntN(4) == 0 {
				start.ToolUse.Type = llm.ServerSide
			}
		case llm.BlockToolResult:
			start.ToolResult, begin = &llm.ToolResult{ID: "s", Type: "done", Status: "error"}, true
		case llm.BlockImage:
			start.Media, begin = &llm.Media{Format: "png"}, true
		case llm.BlockOther:
			start.Other, begin = &jsonx.Member{Name: "dream", Value: jsonx.Raw("{\r\n}")}, true
		default: // the others have nothing of their own
		}
		if begin {
			if r.IntN(5) == 0 && kind != llm.BlockToolUse && kind != llm.BlockOther && start.ToolResult == nil && start.Media == nil {
				start.Block = llm.BlockText // an empty union, which the first delta corrects
			}
			evs = append(evs, start)
		}
		pieces := r.IntN(4)
		if kind == llm.BlockRedacted || kind == llm.BlockReasoning {
			pieces++
		}
		for range pieces {
			ev := llm.Event{Kind: llm.EventDelta, Index: i, Block: kind, Extra: extra()}
			switch kind {
			case llm.BlockText:
				if ev.Text = word(); r.IntN(4) == 0 {
					ev.Text, ev.Other = "", &jsonx.Member{Name: "citation", Value: jsonx.Raw(`{"source":"https://x.example","title":"t"}`)}
				}
			case llm.BlockReasoning:
				ev.Text = "hm" + word()
			case llm.BlockRedacted:
				ev.Text = []string{"YQ==", "YWI=", "YWJj"}[r.IntN(3)]
			case llm.BlockToolUse:
				ev.Text = word()
			case llm.BlockToolResult:
				if ev.Other = (&jsonx.Member{Name: "json", Value: jsonx.Raw(`[1]`)}); r.IntN(2) == 0 {
					ev.Other, ev.Text = &jsonx.Member{Name: "text"}, word()
				}
			case llm.BlockImage:
				ev.Media = &llm.Media{Base64: llm.EncodeBase64(make([]byte, 3))}
			case llm.BlockOther:
				ev.Text = word()
			default: // the others are not made
			}
			evs = append(evs, ev)
		}
		if kind == llm.BlockReasoning {
			evs = append(evs, llm.Event{Kind: llm.EventDelta, Index: i, Block: kind, Signature: "s"})
		}
		if r.IntN(5) > 0 {
			evs = append(evs, llm.Event{Kind: llm.EventBlockEnd, Index: i})
		}
	}
	stops := []llm.StopReason{llm.StopEnd, llm.StopToolUse, llm.StopMaxTokens, llm.StopFiltered, llm.StopMalformed}
	evs = append(evs, llm.Event{Kind: llm.EventStop, Stop: stops[r.IntN(len(stops))], RawStop: "word", Extra: extra()})
	return append(evs, llm.Event{
		Kind: llm.EventUsage, Usage: &llm.Usage{Input: 1, Output: 2, CacheWrite: llm.Some[int64](3), CacheWrites: []llm.CacheWrite{{TTL: "1h", Tokens: 3}}},
		LatencyMs: llm.Some[int64](4), ServiceTier: "flex", Trace: jsonx.Raw("{\n}"), Extra: extra(),
	})
}

// chunksOf takes the JSON out of the server-sent events of a stream, which are of one
// line each.
func chunksOf(t testing.TB, stream []byte) [][]byte {
	t.Helper()
	rest, ok := strings.CutSuffix(string(stream), "data: [DONE]\n\n")
	if !ok {
		t.Fatalf("the stream does not end: %s", stream)
	}
	var out [][]byte
	for event := range strings.SplitSeq(strings.TrimSuffix(rest, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.ContainsAny(data, "\r\n") {
			t.Fatalf("not an event of one line: %q", event)
		}
		out = append(out, []byte(data))
	}
	return out
}

// clientAnswer is what a client makes of an answer, or of its chunks.
func clientAnswer(t testing.TB, parts [][]byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	var content, reasoning, name, function string
	var thinking, annotations, cited, blocks []any
	calls := map[int][3]string{}
	for _, part := range parts {
		var c struct {
			Choices []struct {
				Message, Delta struct {
					Content          string
					ReasoningContent string                           `json:"reasoning_content"`
					ThinkingBlocks   []any                            `json:"thinking_blocks"`
					FunctionCall     struct{ Name, Arguments string } `json:"function_call"`
					ToolCalls        []struct {
						Index    int
						ID       string
						Function struct{ Name, Arguments string }
					} `json:"tool_calls"`
					Annotations []any
					Specific    struct {
						Cited  []any `json:"citationsContent"`
						Blocks []any
					} `json:"provider_specific_fields"`
				}
				FinishReason string `json:"finish_reason"`
				Specific     any    `json:"provider_specific_fields"`
			}
			Usage, Trace any
			Tier         any `json:"service_tier"`
			Specific     any `json:"provider_specific_fields"`
		}
		if err := json.Unmarshal(part, &c); err != nil {
			t.Fatalf("%v: %s", err, part)
		}
		for _, choice := range c.Choices {
			texts := choice.Message
			for range 2 {
				content += texts.Content
				reasoning += texts.ReasoningContent
				thinking = append(thinking, texts.ThinkingBlocks...)
				annotations = append(annotations, texts.Annotations...)
				cited = append(cited, texts.Specific.Cited...)
				blocks = append(blocks, texts.Specific.Blocks...)
				name += texts.FunctionCall.Name
				function += texts.FunctionCall.Arguments
				for _, call := range texts.ToolCalls {
					have := calls[call.Index]
					calls[call.Index] = [3]string{have[0] + call.ID, have[1] + call.Function.Name, have[2] + call.Function.Arguments}
				}
				texts = choice.Delta
			}
			if choice.FinishReason != "" {
				out["finish"], out["choice"] = choice.FinishReason, choice.Specific
			}
		}
		for key, v := range map[string]any{"usage": c.Usage, "trace": c.Trace, "tier": c.Tier, "beside": c.Specific} {
			if v != nil {
				out[key] = v
			}
		}
	}
	out["content"], out["reasoning"], out["annotations"], out["cited"], out["blocks"] = content, reasoning, annotations, cited, blocks
	out["thinking"], out["calls"], out["function"] = pieced(thinking), calls, [2]string{name, function}
	return out
}

// pieced puts the pieces of thinking blocks together; a signature ends one.
func pieced(pieces []any) []string {
	var out []string
	var open string
	for _, p := range pieces {
		m, _ := p.(map[string]any)
		if m["type"] == "redacted_thinking" {
			out = append(out, fmt.Sprint("redacted ", m["data"]))
			continue
		}
		text, _ := m["thinking"].(string)
		open += text
		if signature, _ := m["signature"].(string); signature != "" {
			out, open = append(out, open+" "+signature), ""
		}
	}
	return append(out, open)
}
