package gemini_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/gemini"
)

// TestRequestsGoInAndComeOutTheSame decodes requests of clients and encodes them again.
func TestRequestsGoInAndComeOutTheSame(t *testing.T) {
	for _, body := range []string{
		`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}},{"inlineData":{"mimeType":"audio/mp3","data":"iVBORw0K"}},{"inlineData":{"mimeType":"application/pdf","data":"iVBORw0K"}}]}],"generationConfig":{"maxOutputTokens":9,"temperature":0.5,"topP":0.9,"topK":4,"stopSequences":["END"],"seed":7,"presencePenalty":0.1,"frequencyPenalty":0.2}}`,
		`{"contents":[{"role":"user","parts":[{"text":"Look."}]},{"role":"model","parts":[{"text":"I look.","thoughtSignature":"dGV4"},{"functionCall":{"id":"c1","name":"find","args":{"a_b":1}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"c2","name":"find","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"find","response":{"kg":17,"is_it":true}}},{"functionResponse":{"id":"c2","name":"find","response":{"result":"ok"}}}]}],"tools":[{"functionDeclarations":[{"name":"find","description":"Finds.","parametersJsonSchema":{"type":"object"}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["find"]}}}`,
		`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"},"thinkingConfig":{"thinkingBudget":1024,"includeThoughts":true}}}`,
	} {
		req, err := gemini.Decode([]byte(body), "gemini-2.5-flash", false)
		if err != nil || len(req.Warnings) > 0 {
			t.Fatalf("%s: %v %v", body, err, req)
		}
		if got, _ := encode(t, &req.LLM, gemini.Options{Model: "gemini-2.5-flash"}); got != body {
			t.Errorf("got\n%s\nwant\n%s", got, body)
		}
	}
}

// Clients write these where a call came without a signature.
func TestWordsInPlaceOfASignatureAreNone(t *testing.T) {
	for _, sign := range []string{"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"} {
		req, err := gemini.Decode([]byte(`{"contents":[{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"`+sign+`"},{"text":"I look.","thoughtSignature":"`+sign+`"},{"functionCall":{"name":"find"},"thoughtSignature":"`+sign+`"}]}]}`), "m", false)
		if err != nil {
			t.Fatal(err)
		}
		b := req.LLM.Turns[0].Blocks
		if len(b) != 3 || b[0].Kind != llm.BlockReasoning || b[0].Signature != "" || b[1].Kind != llm.BlockText || b[2].Kind != llm.BlockToolUse {
			t.Errorf("%s: %+v", sign, b)
		}
	}
}

func TestNamesInSnakeCaseAndGooglesSchemasAreRead(t *testing.T) {
	req, err := gemini.Decode([]byte(`{"system_instruction":{"parts":{"text":"x"}},"contents":[]}`), "m", false)
	if err == nil {
		t.Errorf("an object in place of parts is taken: %+v", req)
	}
	req, err = gemini.Decode([]byte(`{"system_instruction":{"parts":[{"text":"Be brief."}]},"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"iVBORw0K"}}]}],"generation_config":{"max_output_tokens":5},`+
		`"tools":[{"function_declarations":[{"name":"find","parameters":{"type":"OBJECT","properties":{"my_type":{"type":"STRING","nullable":true},"type":{"type":"ARRAY","min_items":"1","items":{"type":"INTEGER"}}},"required":["my_type"]}}]}],"tool_config":{"function_calling_config":{"mode":"AUTO"}}}`), "m", true)
	if err != nil {
		t.Fatal(err)
	}
	r := req.LLM
	if !r.Stream || r.Model != "m" || r.System[0].Text != "Be brief." || r.MaxTokens.Value != 5 || r.Turns[0].Blocks[0].Media.Format != "png" || r.ToolChoice.Kind != llm.ToolChoiceAuto {
		t.Errorf("%+v", r)
	}
	if want := `{"type":"object","properties":{"my_type":{"type":["string","null"]},"type":{"type":"array","minItems":"1","items":{"type":"integer"}}},"required":["my_type"]}`; string(r.Tools[0].Schema) != want {
		t.Errorf("schema %s", r.Tools[0].Schema)
	}
}

func TestCallsWithoutIDsArePairedByName(t *testing.T) {
	req, err := gemini.Decode([]byte(`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"a"}},{"functionCall":{"name":"b"}},{"functionCall":{"name":"a"}}]},{"role":"function","parts":[{"functionResponse":{"name":"a","response":{"output":1}}},{"functionResponse":{"name":"b","response":{"error":"gone"}}},{"functionResponse":{"name":"a","response":{"result":"x"}}}]}]}`), "m", false)
	if err != nil {
		t.Fatal(err)
	}
	calls, results := req.LLM.Turns[0].Blocks, req.LLM.Turns[1].Blocks
	for i, j := range []int{0, 1, 2} {
		if calls[i].ToolUse.ID == "" || calls[i].ToolUse.ID != results[j].ToolResult.ID {
			t.Errorf("call %d %q, result %d %q", i, calls[i].ToolUse.ID, j, results[j].ToolResult.ID)
		}
	}
	if results[1].ToolResult.Status != "error" || string(results[0].ToolResult.Content[0].JSON) != "1" || results[2].ToolResult.Content[0].Block.Text != "x" {
		t.Errorf("%+v", results)
	}
}

func TestBadRequestsNameTheField(t *testing.T) {
	for body, param := range map[string]string{
		`{`: "", `[]`: "", `{}`: "contents", `{"contents":[{"role":"system"}]}`: "contents[0].role", `{"contents":[{"parts":[{}]}]}`: "contents[0].parts[0]",
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"?"}}]}]}`:               "contents[0].parts[0].inlineData.data",
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"chemical/x","data":"eA=="}}]}]}`:           "contents[0].parts[0].inlineData.mimeType",
		`{"contents":[{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://b/k"}}]}]}`:       "contents[0].parts[0].fileData",
		`{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"candidateCount":2}}`:             "generationConfig.candidateCount",
		`{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"maxOutputTokens":"many"}}`:       "",
		`{"contents":[{"parts":[{"executableCode":{"code":"1"}}]}],"generationConfig":{"seed":null}}`: "contents[0].parts[0]",
	} {
		_, err := gemini.Decode([]byte(body), "m", false)
		if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != param {
			t.Errorf("%s: %v", body, err)
		}
	}
	req, err := gemini.Decode([]byte(`{"contents":[{"parts":[{"text":"x"}]}],"safetySettings":[],"cachedContent":"c","generationConfig":{"speechConfig":{}},"tools":[{"codeExecution":{}}]}`), "m", false)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, w := range req.Warnings {
		fields = append(fields, w.Code+" "+w.Field)
	}
	if diff := cmp.Diff([]string{"dropped tools[0].codeExecution", "dropped generationConfig.speechConfig", "dropped safetySettings", "dropped cachedContent"}, fields); diff != "" {
		t.Error(diff)
	}
}

// events are those of a response with thoughts of another model and of Gemini, a text and calls.
func events() []llm.Event {
	usage := &llm.Usage{Input: 5, Output: 9, CacheRead: llm.Some[int64](2), Reasoning: llm.Some[int64](4)}
	return []llm.Event{
		{Kind: llm.EventStart, Role: llm.RoleAssistant},
		{Kind: llm.EventBlockStart, Index: 0, Block: llm.BlockReasoning},
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Text: "Hm"},
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Text: "."},
		{Kind: llm.EventDelta, Index: 0, Block: llm.BlockReasoning, Signature: "Y2xhdWRl"},
		{Kind: llm.EventBlockEnd, Index: 0},
		{Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Text: "It \"is\" "},
		{Kind: llm.EventDelta, Index: 1, Block: llm.BlockText, Text: "granite."},
		{Kind: llm.EventBlockEnd, Index: 1},
		{Kind: llm.EventBlockStart, Index: 2, Block: llm.BlockReasoning},
		{Kind: llm.EventDelta, Index: 2, Block: llm.BlockReasoning, Signature: "gemini.c2ln"},
		{Kind: llm.EventBlockEnd, Index: 2},
		{Kind: llm.EventBlockStart, Index: 3, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c1", Name: "find"}},
		{Kind: llm.EventDelta, Index: 3, Block: llm.BlockToolUse, Text: `{"a"`},
		{Kind: llm.EventDelta, Index: 3, Block: llm.BlockToolUse, Text: `:1}`},
		{Kind: llm.EventBlockEnd, Index: 3},
		{Kind: llm.EventBlockStart, Index: 4, Block: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c2", Name: "find"}},
		{Kind: llm.EventBlockEnd, Index: 4},
		{Kind: llm.EventStop, Stop: llm.StopToolUse},
		{Kind: llm.EventUsage, Usage: usage},
	}
}

// parts collects the parts of an answer.
func parts(t *testing.T, body []byte) (out []string, finish string) {
	t.Helper()
	var r struct {
		Candidates []struct {
			Content struct {
				Parts []jsonx.Raw `json:"parts"`
			} `json:"content"`
			Finish string `json:"finishReason"`
		} `json:"candidates"`
	}
	if err := jsonx.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, p := range r.Candidates[0].Content.Parts {
		out = append(out, string(p))
	}
	return out, r.Candidates[0].Finish
}

func TestResponsesAreWrittenWholeAndStreamed(t *testing.T) {
	env := gemini.Envelope{ID: "r1", Model: "mine"}
	var f llm.Fold
	w := gemini.NewEvents(env)
	var stream []byte
	for _, ev := range events() {
		f.Add(&ev)
		stream = w.Append(stream, &ev)
	}
	stream = w.AppendEnd(stream, nil)
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	const sign = `,"thoughtSignature":"b3V0Y3JvcDpZMnhoZFdSbA=="`
	whole := gemini.AppendResponse(nil, env, f.Answer())
	got, finish := parts(t, whole)
	if diff := cmp.Diff([]string{`{"text":"Hm.","thought":true` + sign + `}`, `{"text":"It \"is\" granite."}`, `{"functionCall":{"id":"c1","name":"find","args":{"a":1}},"thoughtSignature":"c2ln"}`, `{"functionCall":{"id":"c2","name":"find","args":{}}}`}, got); diff != "" || finish != "STOP" {
		t.Errorf("whole, %s: %s", finish, diff)
	}
	const usage = `"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":16,"cachedContentTokenCount":2,"thoughtsTokenCount":4},"modelVersion":"mine","responseId":"r1"}`
	if !strings.HasSuffix(string(whole), usage) {
		t.Errorf("whole %s", whole)
	}
	var all []string
	finish = ""
	for line := range strings.SplitSeq(strings.TrimSuffix(string(stream), "\r\n\r\n"), "\r\n\r\n") {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || finish != "" {
			t.Fatalf("a line %q behind %q", line, finish)
		}
		var more []string
		more, finish = parts(t, []byte(data))
		all = append(all, more...)
		if finish != "" && !strings.HasSuffix(data, usage) {
			t.Errorf("the end is %s", data)
		}
	}
	if diff := cmp.Diff([]string{`{"text":"Hm","thought":true}`, `{"text":".","thought":true}`, `{"text":"","thought":true` + sign + `}`, `{"text":"It \"is\" "}`, `{"text":"granite."}`, `{"functionCall":{"id":"c1","name":"find","args":{"a":1}},"thoughtSignature":"c2ln"}`, `{"functionCall":{"id":"c2","name":"find","args":{}}}`, `{"text":""}`}, all); diff != "" || finish != "STOP" {
		t.Errorf("streamed, %s: %s", finish, diff)
	}

	// What a client sends back of either is the same turn, with the signatures of both models.
	for name, kept := range map[string][]string{"whole": got, "streamed": all} {
		req, err := gemini.Decode([]byte(`{"contents":[{"role":"model","parts":[`+strings.Join(kept, ",")+`]}]}`), "m", false)
		if err != nil {
			t.Fatal(err)
		}
		blocks := req.LLM.Turns[0].Blocks
		if blocks[0].Kind != llm.BlockReasoning || blocks[0].Text != "Hm." || blocks[0].Signature != "Y2xhdWRl" {
			t.Errorf("%s: the thought is %+v", name, blocks[0])
		}
		for i, b := range blocks {
			if b.Kind == llm.BlockToolUse && b.ToolUse.ID == "c1" && blocks[i-1].Signature != "gemini.c2ln" {
				t.Errorf("%s: before the call is %+v", name, blocks[i-1])
			}
		}
	}
}

func TestRedactedReasoningComesBack(t *testing.T) {
	body := gemini.AppendResponse(nil, gemini.Envelope{}, &llm.Response{Blocks: []llm.Block{{Kind: llm.BlockRedacted, Text: "c2VjcmV0"}}, Stop: llm.StopEnd})
	kept, _ := parts(t, body)
	req, err := gemini.Decode([]byte(`{"contents":[{"role":"model","parts":[`+strings.Join(kept, ",")+`]}]}`), "m", false)
	if err != nil || len(req.LLM.Turns[0].Blocks) != 1 || req.LLM.Turns[0].Blocks[0].Kind != llm.BlockRedacted || req.LLM.Turns[0].Blocks[0].Text != "c2VjcmV0" {
		t.Errorf("%+v %v", req, err)
	}
}

func TestErrorsAreWrittenInGooglesForm(t *testing.T) {
	e := &llm.Error{Code: llm.CodeLimitRequests, Status: 429, Message: "slow down", Fix: "Wait.", RetryAfter: "7", Param: "contents"}
	s := gemini.DecodeStatus(gemini.AppendError(nil, e))
	if diff := cmp.Diff(&gemini.StatusError{Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "slow down. Wait.", Reason: "limit.requests", RetryAfter: "7", Fields: []string{"contents"}}, s); diff != "" {
		t.Error(diff)
	}
	var r gemini.Reader
	data := strings.TrimSuffix(strings.TrimPrefix(string(gemini.AppendFailure(nil, e)), "data: "), "\r\n\r\n")
	if _, err := r.Append(nil, []byte(data)); !errors.As(err, new(*gemini.StatusError)) || errors.Is(err, io.EOF) {
		t.Errorf("in a stream: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"system_instruction":{"parts":[{"text":"x"}]},"contents":[{"parts":[{"text":"Hi"},{"functionCall":{"name":"a","args":{}}},{"functionResponse":{"name":"a","response":{"result":1}}}]}],"tools":[{"functionDeclarations":[{"name":"a","parameters":{"type":"OBJECT","nullable":true}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := gemini.Decode(body, "gemini-3-pro", false)
		if err != nil {
			return
		}
		var w jsonx.Writer
		if _, err := gemini.AppendRequest(&w, &req.LLM, gemini.Options{Model: "gemini-3-pro"}); err == nil && !jsonx.Valid(w.Buf) {
			t.Errorf("%s becomes %s", body, w.Buf)
		}
	})
}
