package anthropic_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// The requests of a conversation as a coding agent sends them: the cache mark moves to the end, the
// system message is a list at first and then a string, and tools that were found stand in the middle
// of the list.
var agentTurns = []struct {
	tools    []string // + before a name: deferred
	messages []string
}{
	{[]string{"Bash", "Edit", "+DeferredToolPlaceholder", "Write"}, []string{
		`{"role":"user","content":[{"type":"text","text":"Fetch a page.","cache_control":{"type":"ephemeral"}}]}`,
		`{"role":"system","content":[{"type":"text","text":"Nine kilobytes.","cache_control":{"type":"ephemeral"}}],"output_config":{"effort":"medium"}}`,
	}},
	{[]string{"Bash", "Edit", "+WebFetch", "+DeferredToolPlaceholder", "Write"}, []string{
		`{"role":"user","content":[{"type":"text","text":"Fetch a page."}]}`,
		`{"role":"system","content":"Nine kilobytes.","output_config":{"effort":"medium"}}`,
		`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"tool_use","id":"a","name":"ToolSearch","input":{"query":"fetch"}}]}`,
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"WebFetch"}]},{"type":"text","text":"Found.","cache_control":{"type":"ephemeral"}}]}`,
	}},
	{[]string{"+Ask", "Bash", "Edit", "+NotebookEdit", "+WebFetch", "+DeferredToolPlaceholder", "Write"}, []string{
		`{"role":"user","content":[{"type":"text","text":"Fetch a page."}]}`,
		`{"role":"system","content":"Nine kilobytes.","output_config":{"effort":"medium"}}`,
		`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"tool_use","id":"a","name":"ToolSearch","input":{"query":"fetch"}}]}`,
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"WebFetch"}]},{"type":"text","text":"Found."}]}`,
		`{"role":"assistant","content":[{"type":"tool_use","id":"b","name":"ToolSearch","input":{"query":"ask"}}]}`,
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":[{"type":"tool_reference","tool_name":"NotebookEdit"},{"type":"tool_reference","tool_name":"Ask"}]}]}`,
		`{"role":"system","content":"At the end.","clear_at":"never"}`,
	}},
}

func agentBody(tools, messages []string) string {
	var list []string
	for _, name := range tools {
		name, deferred := strings.CutPrefix(name, "+")
		tool := `{"name":"` + name + `","description":"d","input_schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}`
		if deferred {
			tool += `,"defer_loading":true`
		}
		list = append(list, tool+"}")
	}
	return `{"model":"granite","messages":[` + strings.Join(messages, ",") + `],"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.332.18b;"},` +
		`{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral"}}],"tools":[` + strings.Join(list, ",") + `],` +
		`"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s\"}"},"max_tokens":128000,"thinking":{"type":"adaptive","display":"omitted"},` +
		`"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"output_config":{"effort":"medium"},"stream":true}`
}

// withoutMarks is a body of Converse's without cache points, which move from turn to turn.
func withoutMarks(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for k, inner := range v {
			out[k] = withoutMarks(inner)
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range v {
			if o, ok := inner.(object); !ok || o["cachePoint"] == nil {
				out = append(out, withoutMarks(inner))
			}
		}
		return out
	default:
		return v
	}
}

// TestPromptsBeginAsTheOnesBefore: what one request of a conversation says is the beginning of what
// the next one says, in each of the parts of which prompts are made, so that caches hit.
func TestPromptsBeginAsTheOnesBefore(t *testing.T) {
	var before object
	for i, turn := range agentTurns {
		upstream, r, err := translate([]byte(agentBody(turn.tools, turn.messages)), anthropic.Options{})
		if err != nil {
			t.Fatal(err)
		}
		now := withoutMarks(any(parsed(t, upstream))).(object)
		if before != nil {
			if diff := cmp.Diff(before["system"], now["system"]); diff != "" {
				t.Errorf("request %d: %s", i, diff)
			}
			begins(t, before["toolConfig"].(object)["tools"], now["toolConfig"].(object)["tools"])
			begins(t, blocksOf(before), blocksOf(now))
		}
		before = now
		for _, tool := range r.LLM.Tools {
			if tool.Name == "DeferredToolPlaceholder" {
				t.Error("the placeholder is sent")
			}
		}
		if r.LLM.User == "" || r.LLM.Reasoning.Effort != "medium" {
			t.Errorf("%+v", r.LLM)
		}
		for _, w := range r.Warnings {
			if w.Detail == "" {
				t.Errorf("a warning without an explanation: %+v", w)
			}
		}
	}
	var names []string
	for _, tool := range before["toolConfig"].(object)["tools"].([]any) {
		names = append(names, tool.(object)["toolSpec"].(object)["name"].(string))
	}
	if want := []string{"Bash", "Edit", "Write", "WebFetch", "NotebookEdit", "Ask"}; !slices.Equal(names, want) {
		t.Errorf("the tools are %v, want %v", names, want)
	}
	text, _ := json.Marshal(before)
	for _, want := range []string{"The tool WebFetch is available.", "The tool Ask is available.", `\u003csystem\u003e\nNine kilobytes.\n\u003c/system\u003e`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	if strings.Contains(string(text), "billing") {
		t.Error("the line for Anthropic's billing is sent")
	}
}

// blocksOf are the blocks of all messages with their roles: neighbours of one role are one message.
func blocksOf(body object) any {
	all := []any{}
	for _, m := range body["messages"].([]any) {
		for _, b := range m.(object)["content"].([]any) {
			all = append(all, []any{m.(object)["role"], b})
		}
	}
	return all
}

func begins(t *testing.T, before, now any) {
	t.Helper()
	a, b := before.([]any), now.([]any)
	if diff := cmp.Diff(a, b[:min(len(a), len(b))]); diff != "" {
		t.Errorf("what was said before has changed: %s", diff)
	}
}

// TestOrderOfTools covers clients that list all deferred tools at once, and a conversation that has
// lost its beginning.
func TestOrderOfTools(t *testing.T) {
	found := `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"s","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"C"}]}]}`
	for _, c := range []struct {
		name     string
		tools    []string
		messages []string
		want     string
	}{
		{"all listed, none found", []string{"+C", "A", "+B", "s"}, nil, "C A B s"},
		{"all listed, one found", []string{"+B", "+C", "A", "s"}, []string{found}, "B C A s"},
		{"listed when found", []string{"+C", "A", "s"}, []string{found}, "A s C"},
		{"after a compaction", []string{"A", "+B", "+C", "+DeferredToolPlaceholder", "s"}, []string{found}, "A s B C"},
		{"defined and found in turn", []string{"A", "+C", "+D", "s"}, []string{
			`{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_reference","name":"D"}}]}`,
			`{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"X","input_schema":{}}}}]}`,
			`{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"A","input_schema":{}}}},{"type":"tool_removal","tool":{"type":"tool_definition","definition":{"name":"Y","input_schema":{}}}}]}`,
			found,
		}, "A s D X C"},
		{"a tool of that name", []string{"A", "DeferredToolPlaceholder"}, nil, "A DeferredToolPlaceholder"},
	} {
		body := agentBody(c.tools, append([]string{`{"role":"user","content":"Hi"}`}, c.messages...))
		r, err := anthropic.Decode([]byte(body), anthropic.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tool := range r.LLM.Tools {
			names = append(names, tool.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestToolNumbersAreTheClients: errors and warnings name a tool by its place in the client's list.
func TestToolNumbersAreTheClients(t *testing.T) {
	turn := agentTurns[2]
	r, err := anthropic.Decode([]byte(agentBody(turn.tools, turn.messages)), anthropic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.LLM.Tools {
		tool := &r.LLM.Tools[i]
		if name := strings.TrimPrefix(turn.tools[tool.At(i)], "+"); name != tool.Name {
			t.Errorf("tool %s has the number of %s", tool.Name, name)
		}
	}
	if n := r.LLM.Turns[1].Number(1); n != 1 || r.LLM.Turns[1].Role != llm.RoleUser {
		t.Errorf("turn 1 is message %d", n)
	}
}
