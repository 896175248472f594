package openairesponses_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/converse"
	responses "outcrop/wire/openairesponses"
)

var update = flag.Bool("update", false, "write the snapshots")

// TestGolden compares requests with snapshots of what becomes of them: Converse's body, what llm has
// besides, and the warnings.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/requests/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := snapshot(t, body)
		golden := strings.TrimSuffix(path, ".json") + ".out"
		if *update {
			if err := os.WriteFile(golden, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
		}
	}
}

func snapshot(t *testing.T, body []byte) []byte {
	t.Helper()
	r, err := responses.Decode(body, responses.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plain := r.LLM
	plain.TopK, plain.Reasoning, plain.ParallelTools, plain.WebSearch = llm.Opt[int64]{}, llm.Reasoning{}, llm.Opt[bool]{}, nil
	var w jsonx.Writer
	if _, err := converse.WriteRequest(&w, &plain); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, w.Buf, "", " "); err != nil {
		t.Fatalf("%v: %s", err, w.Buf)
	}
	q := &r.LLM
	fmt.Fprintf(&out, "\nmodel %s, stream %v, user %q, labels %v, effort %q, tier %q, parallel %v, search %s, cached %v for %q, sealed %v\n",
		q.Model, q.Stream, q.User, q.Metadata, q.Reasoning.Effort, q.ServiceTier, q.ParallelTools, q.WebSearch, q.AutoCache, q.CacheRetention, r.Sealed)
	for i, tool := range q.Tools {
		fmt.Fprintf(&out, "tool %s is %s\n", tool.Name, q.FieldName(llm.Field{Kind: llm.FieldToolName, Index: i}))
	}
	for _, m := range slices.Concat(q.Unmapped, q.ModelFields) {
		fmt.Fprintf(&out, "%s %s\n", m.Name, m.Value)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&out, "%s %s: %s\n", warning.Code, warning.Field, warning.Detail)
	}
	return out.Bytes()
}

// TestCallsAreWrittenAsTheirTools has the model call each tool of a request, and compares the items.
func TestCallsAreWrittenAsTheirTools(t *testing.T) {
	for path, calls := range map[string][]struct{ name, input, want string }{
		"codex": {
			{"functions__exec", `{"input":"ls\n"}`, `"type":"custom_tool_call","status":"completed","call_id":"c","name":"exec","namespace":"functions","input":"ls\n"`},
			{"functions__exec", `{"program":"ls"}`, `"input":"ls"`},
			{"functions__exec", `"ls"`, `"input":"ls"`},
			{"functions__exec", `{"a":1,"b":2}`, `"input":"{\"a\":1,\"b\":2}"`},
			{"functions__exec", `{}`, `"input":""`},
			{"tool_search", `{"query":"x"}`, `"type":"tool_search_call","status":"completed","call_id":"c","execution":"client","arguments":{"query":"x"}`},
			{"read_file", `{"path":"a"}`, `"type":"function_call","status":"completed","call_id":"c","name":"read_file","arguments":"{\"path\":\"a\"}"`},
			{"made_up", `{}`, `"type":"function_call","status":"completed","call_id":"c","name":"made_up","arguments":"{}"`},
		},
		"shells": {
			{"local_shell", `{"command":["ls"]}`, `"type":"local_shell_call","status":"completed","call_id":"c","action":{"type":"exec","env":{},"command":["ls"]}`},
			{"shell", `{"commands":["ls"]}`, `"type":"shell_call","status":"completed","call_id":"c","action":{"commands":["ls"]}`},
			{"apply_patch", `{"type":"delete_file","path":"a"}`, `"type":"apply_patch_call","status":"completed","call_id":"c","operation":{"type":"delete_file","path":"a"}`},
		},
	} {
		body, err := os.ReadFile("testdata/requests/" + path + ".json")
		if err != nil {
			t.Fatal(err)
		}
		r, err := responses.Decode(body, responses.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			resp := &llm.Response{Stop: llm.StopToolUse, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "c", Name: call.name, Input: jsonx.Raw(call.input)}}}}
			got := string(responses.AppendResponse(nil, responses.Envelope{ID: "resp_1", Tools: r.Tools}, resp, nil))
			if !strings.Contains(got, call.want) {
				t.Errorf("%s %s: %s, want %s", call.name, call.input, got, call.want)
			}
		}
	}
}

// TestReasoningComesBackByteForByte gives the output of a response back as input.
func TestReasoningComesBackByteForByte(t *testing.T) {
	for _, blocks := range [][]llm.Block{
		{{Kind: llm.BlockReasoning, Text: "I think \"ä\"\n", Signature: "c2ln/+=="}, {Kind: llm.BlockText, Text: "So."}},
		{{Kind: llm.BlockReasoning, Signature: "only"}, {Kind: llm.BlockRedacted, Text: "cmVkYWN0ZWQ="}, {Kind: llm.BlockText, Text: "So."}},
		{{Kind: llm.BlockReasoning, Text: strings.Repeat("long ", 5000), Signature: strings.Repeat("QUJD", 5000)}, {Kind: llm.BlockText, Text: "So."}},
		{{Kind: llm.BlockReasoning, Text: "unsigned", Plain: true}, {Kind: llm.BlockText, Text: "So."}},
	} {
		answer := responses.AppendResponse(nil, responses.Envelope{ID: "resp_1"}, &llm.Response{Blocks: blocks, Stop: llm.StopEnd}, nil)
		w := jsonx.Writer{}
		w.Object()
		w.Key("model")
		w.String("m")
		w.Key("input")
		w.Array()
		w.Raw(jsonx.Raw(`{"role":"user","content":"Hi"}`))
		for _, item := range responses.Output(answer) {
			w.Raw(item)
		}
		w.EndArray()
		w.EndObject()
		r, err := responses.Decode(w.Buf, responses.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []llm.Block
		for _, turn := range r.LLM.Turns[1:] {
			got = append(got, turn.Blocks...)
		}
		if fmt.Sprint(got) != fmt.Sprint(blocks) {
			t.Errorf("got %.200v, want %.200v", got, blocks)
		}
	}
}
