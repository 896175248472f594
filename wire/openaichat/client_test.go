package openaichat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
)

// read folds the deltas of choice 0, each of which is given as JSON, and then the end.
func read(t *testing.T, opt ReadOptions, deltas ...string) *llm.Response {
	t.Helper()
	r := EventReader{Options: opt}
	var f llm.Fold
	add := func(events []llm.Event) {
		for i := range events {
			f.Add(&events[i])
		}
	}
	for _, d := range deltas {
		events, err := r.Append(nil, []byte(`{"choices":[{"index":0,"delta":`+d+`}]}`))
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		add(events)
	}
	events, err := r.Append(nil, []byte(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	add(r.complete(events))
	return f.Answer()
}

// shown are blocks as short texts.
func shown(r *llm.Response) (out []string) {
	for i := range r.Blocks {
		switch b := &r.Blocks[i]; b.Kind {
		case llm.BlockReasoning:
			out = append(out, "thought "+b.Text)
		case llm.BlockToolUse:
			out = append(out, "call "+b.ToolUse.ID+" "+b.ToolUse.Name+" "+string(b.ToolUse.Input))
		default:
			out = append(out, "text "+b.Text)
		}
	}
	return out
}

func TestReasoningBetweenTagsIsToldApartHoweverTheStreamIsCut(t *testing.T) {
	for text, want := range map[string][]string{
		"<think>\nHm. </thin or</think>\n\nYes <think>": {"thought Hm. </thin or", "text Yes <think>"},
		" \n<think>Hm.</think>Yes":                      {"thought Hm.", "text Yes"},
		"<thinking> is a word":                          {"text <thinking> is a word"},
		"<think>never closed":                           {"thought never closed"},
		"<thi":                                          {"text <thi"},
		"No thoughts.":                                  {"text No thoughts."},
	} {
		for size := 1; size <= len(text); size++ {
			var deltas []string
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				deltas = append(deltas, `{"content":`+string(quoted(rest[:n]))+`}`)
				rest = rest[n:]
			}
			if diff := cmp.Diff(want, shown(read(t, ReadOptions{ThinkTags: true}, deltas...))); diff != "" {
				t.Fatalf("%q in pieces of %d: %s", text, size, diff)
			}
		}
	}
	if got := shown(read(t, ReadOptions{}, `{"content":"<think>a</think>b"}`)); got[0] != "text <think>a</think>b" {
		t.Errorf("without the quirk: %s", got)
	}
}

func quoted(s string) []byte {
	return []byte(`"` + strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(s) + `"`)
}

func TestCallsOfServersThatNumberThemWrongly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		deltas []string
		want   []string
	}{
		{"all with the index 0", []string{`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`, `{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}`}, []string{"call a f {}", "call b g {}"}},
		{"several in one piece", []string{`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{\"x\":1}"}}]}`}, []string{"call a f {}", `call b g {"x":1}`}},
		{"without an index", []string{`{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}`, `{"tool_calls":[{"function":{"arguments":"}"}}]}`}, []string{"call a f {}"}},
		{"without an id", []string{`{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}`}, []string{"call call_0 f {}"}},
		{"an object for arguments", []string{`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}]}`}, []string{`call a f {"x":1}`}},
		{"the old function_call", []string{`{"function_call":{"name":"f","arguments":""}}`, `{"function_call":{"arguments":"{}"}}`}, []string{"call call_0 f {}"}},
		{"text, reasoning and a call", []string{`{"reasoning":"Hm."}`, `{"content":"I look."}`, `{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`}, []string{"thought Hm.", "text I look.", "call a f {}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := read(t, ReadOptions{}, tt.deltas...)
			if diff := cmp.Diff(tt.want, shown(got)); diff != "" {
				t.Error(diff)
			}
			if strings.HasPrefix(tt.want[len(tt.want)-1], "call") && got.Stop != llm.StopToolUse {
				t.Errorf("the stop reason is %d, although a call waits", got.Stop)
			}
		})
	}
	var r EventReader
	if _, err := r.Append(nil, []byte(`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}}]}`)); err == nil {
		t.Error("a piece without its beginning is taken")
	}
}

func TestErrorsInEveryFormOfServers(t *testing.T) {
	for _, tt := range []struct {
		body string
		want RefusalError
	}{
		{`{"error":{"message":"m","type":"t","param":"p","code":"c"}}`, RefusalError{Message: "m", Type: "t", Param: "p", Code: "c", Known: true}},
		{`{"error":{"message":"m","type":"t","param":null,"code":429}}`, RefusalError{Message: "m", Type: "t", Code: "429", Known: true}},
		{`{"error":"m"}`, RefusalError{Message: "m", Known: true}},
		{`{"object":"error","message":"m","type":"BadRequestError","code":400}`, RefusalError{Message: "m", Type: "BadRequestError", Code: "400", Known: true}},
		{`{"detail":"m"}`, RefusalError{Message: "m", Known: true}},
		{`{"detail":[{"loc":["body"],"msg":"m","type":"missing"}]}`, RefusalError{Message: "m", Type: "missing", Known: true}},
		{`[{"error":{"code":400,"message":"m","status":"INVALID"}}]`, RefusalError{Message: "m", Code: "400", Known: true}},
		{`{"type":"about:blank","title":"m","status":400}`, RefusalError{Message: "m", Type: "about:blank", Known: true}},
		{`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"m","provider_name":"x"}}}`, RefusalError{Message: "Provider returned error: m", Code: "400", Known: true}},
		{`<html>m</html>`, RefusalError{Message: "<html>m</html>"}},
		{`{"x":1}`, RefusalError{Message: `{"x":1}`}},
		{``, RefusalError{}},
	} {
		tt.want.Status = 400
		if diff := cmp.Diff(&tt.want, DecodeRefusal(400, []byte(tt.body))); diff != "" {
			t.Errorf("%s: %s", tt.body, diff)
		}
	}
	if got := DecodeRefusal(200, []byte(`{"error":{"message":"m","code":503}}`)); got.Status != 503 {
		t.Errorf("the status in the error is not read: %d", got.Status)
	}
}

func TestUsageUnderEveryName(t *testing.T) {
	for raw, want := range map[string]llm.Usage{
		`{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}`:                                                                              {Input: 10, Output: 5, Total: 15},
		`{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}`: {Input: 6, Output: 5, CacheRead: llm.Some[int64](4), Reasoning: llm.Some[int64](2)},
		`{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_tokens_details":null}`:                                       {Input: 6, Output: 5, CacheRead: llm.Some[int64](4)},
		`{"prompt_tokens":10,"completion_tokens":5,"cached_tokens":3}`:                                                                              {Input: 7, Output: 5, CacheRead: llm.Some[int64](3)},
		`{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2}}`:                             {Input: 5, Output: 5, CacheRead: llm.Some[int64](3), CacheWrite: llm.Some[int64](2)},
		`{"prompt_tokens":1,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3}}`:                                                     {Output: 5, CacheRead: llm.Some[int64](3)},
	} {
		got, ok := ReadUsage([]byte(raw))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %s", raw, diff)
		}
	}
	for _, none := range []string{`null`, `{}`, ``, `7`} {
		if _, ok := ReadUsage([]byte(none)); ok {
			t.Errorf("%q is a usage", none)
		}
	}
}
