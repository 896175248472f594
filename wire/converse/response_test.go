package converse

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestDecodeResponseFillsTheCommonForm(t *testing.T) {
	r, err := DecodeResponse(example(t, "response.json"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Role != llm.RoleAssistant || r.Stop != llm.StopToolUse || r.RawStop != "tool_use" || r.LatencyMs != llm.Some[int64](753) || r.ServiceTier != "default" {
		t.Errorf("got %+v", r)
	}
	want := llm.Usage{
		Input: 70, Output: 43, Total: 123, CacheRead: llm.Some[int64](3), CacheWrite: llm.Some[int64](7),
		CacheWrites: []llm.CacheWrite{{TTL: "1h", Tokens: 5}, {TTL: "5m", Tokens: 2}},
		Extra:       []jsonx.Member{{Name: "cacheReadInputTokenCount", Value: jsonx.Raw("3")}, {Name: "serverToolUsage", Value: jsonx.Raw("{}")}},
	}
	if diff := cmp.Diff(want, r.Usage); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	kinds := make([]llm.BlockKind, len(r.Blocks))
	for i, b := range r.Blocks {
		kinds[i] = b.Kind
	}
	wantKinds := []llm.BlockKind{
		llm.BlockText, llm.BlockText, llm.BlockReasoning, llm.BlockRedacted, llm.BlockToolUse, llm.BlockToolUse, llm.BlockToolResult,
		llm.BlockImage, llm.BlockImage, llm.BlockAudio, llm.BlockOther, llm.BlockCachePoint, llm.BlockOther,
	}
	if diff := cmp.Diff(wantKinds, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if r.Blocks[10].Text != "As said" {
		t.Errorf("the cited text is %q", r.Blocks[10].Text)
	}
	if got := r.Blocks[5].ToolUse.Type; got != llm.ServerSide {
		t.Errorf("the server's own call is of type %q", got)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	const usage = `"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}`
	const output = `"output":{"message":{"role":"assistant","content":[]}}`
	tests := []struct {
		name, body string
		kind       FaultKind
		want       string
	}{
		{"an empty body", ``, FaultEmpty, "the response is empty"},
		{"an empty object", `{}`, FaultEmpty, "the response has no output.message"},
		{"an output without a message", `{"output":{"picture":1},"stopReason":"end_turn",` + usage + `}`, FaultEmpty, "the response has no output.message"},
		{"a message that is null", `{"output":{"message":null},"stopReason":"end_turn",` + usage + `}`, FaultEmpty, "the response has no output.message"},
		{"no stop reason", `{` + output + `,` + usage + `}`, FaultEmpty, "the response has no stopReason"},
		{"a page of HTML", `<html>`, FaultCorrupt, "the response cannot be decoded: invalid JSON: invalid character '<' at start of value"},
		{"half an answer", `{` + output, FaultCorrupt, "the response cannot be decoded: invalid JSON: unexpected EOF"},
		{"an array", `[]`, FaultCorrupt, "the response cannot be decoded: must be an object, not an array"},
		{"usage of another type", `{"usage":{"inputTokens":"1"}}`, FaultCorrupt, "the response cannot be decoded: usage.inputTokens: must be an integer, not a string"},
		{"content of another type", `{"output":{"message":{"content":"hi"}}}`, FaultCorrupt, "the response cannot be decoded: output.message.content: must be an array, not a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := DecodeResponse([]byte(tt.body))
			var f *Fault
			if !errors.As(err, &f) || f.Kind != tt.kind || err.Error() != tt.want || r != nil {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestAnAnswerOfUnknownWordsPasses(t *testing.T) {
	const body = `{"output":{"message":{"role":"oracle","content":[{"text":"a","toolUse":{"toolUseId":"t"}},{},{"new":1,"text":"b"}]},"beside":1},` +
		`"metrics":{"latencyMs":1,"queuedMs":2},"serviceTier":{"type":"gold","until":3},"stopReason":"coffee_break","usage":{"cacheDetails":[{"ttl":"9m","new":1}]}}`
	r, err := DecodeResponse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{
		Role: "oracle",
		Blocks: []llm.Block{
			{Kind: llm.BlockText, Text: "a", Extra: []jsonx.Member{{Name: "toolUse", Value: jsonx.Raw(`{"toolUseId":"t"}`)}}},
			{Kind: llm.BlockText, Text: "b", Extra: []jsonx.Member{{Name: "new", Value: jsonx.Raw("1")}}},
		},
		Stop: llm.StopOther, RawStop: "coffee_break", LatencyMs: llm.Some[int64](1), ServiceTier: "gold",
		Usage: llm.Usage{CacheWrites: []llm.CacheWrite{{TTL: "9m"}}},
		Extra: []jsonx.Member{
			{Name: "beside", Value: jsonx.Raw("1")},
			{Name: "queuedMs", Value: jsonx.Raw("2")},
			{Name: "until", Value: jsonx.Raw("3")},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever an answer lacks, what is written is JSON.
func TestAppendResponseOfBrokenBlocksIsStillJSON(t *testing.T) {
	r := &llm.Response{Blocks: []llm.Block{
		{},
		{Kind: llm.BlockOther},
		{Kind: llm.BlockImage},
		{Kind: llm.BlockToolUse},
		{Kind: llm.BlockToolResult},
		{Kind: llm.BlockAudio, Media: &llm.Media{}},
		{Kind: llm.BlockRedacted, Text: "\x00"},
		{Kind: llm.BlockRedacted, Text: `"`},
		{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{Content: []llm.ResultBlock{{}}}},
	}, Extra: []jsonx.Member{{Name: "z", Value: jsonx.Raw("1")}, {Name: "usage", Value: jsonx.Raw("2")}, {Name: "z", Value: jsonx.Raw("3")}}}
	got := AppendResponse([]byte(" "), r)
	if !jsonx.Valid(got) {
		t.Errorf("got %s", got)
	}
	if !bytes.HasSuffix(got, []byte(`"usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},"z":1}`)) {
		t.Errorf("of two members of one name the first is to be written: %s", got)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add(example(f, "request.json"))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"text":"a"}]}],"toolConfig":{"tools":[{"cachePoint":{"type":"default"}}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRequest(body)
		if err != nil {
			if _, ok := errors.AsType[*jsonx.Error](err); !ok {
				t.Fatalf("an error of another type: %v", err)
			}
			return
		}
		once, _, err := appendRequest(nil, r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := DecodeRequest(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v in %s", err, once)
		}
		twice, _, err := appendRequest(nil, again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("written twice (%v):\n%s\n%s", err, once, twice)
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add(example(f, "response.json"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeResponse(body)
		if err != nil {
			if _, ok := errors.AsType[*Fault](err); !ok {
				t.Fatalf("an error of another type: %v", err)
			}
			return
		}
		once := AppendResponse(nil, r)
		again, err := DecodeResponse(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v in %s", err, once)
		}
		if twice := AppendResponse(nil, again); !bytes.Equal(once, twice) {
			t.Errorf("written twice:\n%s\n%s", once, twice)
		}
	})
}

func BenchmarkWriteRequest(b *testing.B) {
	r, err := DecodeRequest(example(b, "request.json"))
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		if dst, _, err = appendRequest(dst[:0], r); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecodeResponse(b *testing.B) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, example(b, "response.json")); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(compact.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeResponse(compact.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
