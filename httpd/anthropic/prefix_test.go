package anthropic_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Parts of the requests of a growing conversation, as Claude Code 2.1.332 sends them.
const (
	agentSystem = `[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.332.18b; cc_entrypoint=sdk-cli;"},{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Many rules.","cache_control":{"type":"ephemeral"}}]`
	agentRest   = `"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s\"}"},"max_tokens":32000,"thinking":{"type":"adaptive","display":"omitted"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"output_config":{"effort":"medium"},"stream":true`
	agentBetas  = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24"
	agentTool   = `{"name":"NAME","description":"The tool NAME.","input_schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"text":{"type":"string"}},"additionalProperties":false}`
	placeholder = `{"name":"DeferredToolPlaceholder","description":"It keeps the list of tools open.","input_schema":{"type":"object"},"defer_loading":true}`
)

// agentTools are tools by name; those with a * are deferred.
func agentTools(names ...string) string {
	var all []string
	for _, name := range names {
		deferred, is := strings.CutSuffix(name, "*")
		text := strings.ReplaceAll(agentTool, "NAME", deferred)
		if is {
			text += `,"defer_loading":true`
		}
		all = append(all, text+"}")
	}
	last := len(all) - 1
	return "[" + strings.Join(slices.Insert(all, last, placeholder), ",") + "]"
}

// agentRequests are four requests of one conversation: the cache mark moves to the last block, the
// message of the system changes from a list to a string, and tools that were found come into the
// middle of the list.
func agentRequests(model string) []string {
	const (
		user    = `{"role":"user","content":[{"type":"text","text":"Read the page."}]}`
		listed  = `{"role":"system","content":[{"type":"text","text":"The environment.","cache_control":{"type":"ephemeral"}}]}`
		plain   = `{"role":"system","content":"The environment."}`
		search  = `{"role":"assistant","content":[{"type":"text","text":"I search."},{"type":"tool_use","id":"toolu_1","name":"ToolSearch","input":{"text":"web"}}]}`
		found   = `{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":[{"type":"tool_reference","tool_name":"WebFetch"}]MARK},{"type":"text","text":"Tool loaded."LAST}]}`
		fetch   = `{"role":"assistant","content":[{"type":"tool_use","id":"toolu_2","name":"WebFetch","input":{"text":"a"}},{"type":"tool_use","id":"toolu_3","name":"Bash","input":{"text":"ls"}}]}`
		fetched = `{"role":"user","content":[{"tool_use_id":"toolu_2","type":"tool_result","content":"A page.","is_error":false},{"tool_use_id":"toolu_3","type":"tool_result","content":"a.txt"LAST}]}`
		answer  = `{"role":"assistant","content":[{"type":"text","text":"Done."}]}`
		more    = `{"role":"user","content":[{"type":"text","text":"Thanks. More."LAST}]}`
	)
	mark := func(message string, last bool) string {
		text := ""
		if last {
			text = `,"cache_control":{"type":"ephemeral"}`
		}
		return strings.ReplaceAll(strings.ReplaceAll(message, "LAST", text), "MARK", "")
	}
	request := func(tools string, messages ...string) string {
		for i := range messages {
			messages[i] = mark(messages[i], i == len(messages)-1)
		}
		return `{"model":"` + model + `","messages":[` + strings.Join(messages, ",") + `],"system":` + agentSystem + `,"tools":` + tools + "," + agentRest + "}"
	}
	before, after := agentTools("Bash", "Read", "ToolSearch", "Write"), agentTools("Bash", "Read", "ToolSearch", "WebFetch*", "Write")
	return []string{
		request(before, user, listed),
		request(after, user, plain, search, found),
		request(after, user, plain, search, found, fetch, fetched),
		request(after, user, plain, search, found, fetch, fetched, answer, more),
	}
}

// marks are what moves: cache marks of either API.
var marks = regexp.MustCompile(`,"cache_control":\{"type":"ephemeral"\}|,\{"cachePoint":\{"type":"default"\}\}`)

// prefix is what a model reads of a body, in its order, without cache marks: tools, system, messages.
func prefix(t *testing.T, body string) (tools, system, messages []string) {
	t.Helper()
	var b struct {
		Tools      []json.RawMessage `json:"tools"`
		ToolConfig struct {
			Tools []json.RawMessage `json:"tools"`
		} `json:"toolConfig"`
		System   []json.RawMessage `json:"system"`
		Messages []json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal([]byte(marks.ReplaceAllString(body, "")), &b); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	texts := func(all []json.RawMessage) (out []string) {
		for _, v := range all {
			out = append(out, string(v))
		}
		return out
	}
	return texts(append(b.Tools, b.ToolConfig.Tools...)), texts(b.System), texts(b.Messages)
}

// TestPrefixesOfAGrowingConversationAreStable holds what is sent of each request against the next:
// the earlier one, without its cache mark, is the beginning of the later one byte for byte, so that
// caches are hit.
func TestPrefixesOfAGrowingConversationAreStable(t *testing.T) {
	u := startUpstream(t, http.NotFoundHandler())
	u.refuses(func(string, string) string { return "It is only read." })
	s := startGateway(t, u, "", "")
	for _, model := range []string{"claude", "opus", "claude-converse", "nova", "qwen"} {
		t.Run(model, func(t *testing.T) {
			var tools, system, messages []string
			for i, body := range agentRequests(model) {
				s.message(t, body, "Anthropic-Beta", agentBetas)
				calls := u.taken()
				if len(calls) != 1 {
					t.Fatalf("request %d: %d calls", i, len(calls))
				}
				sent := calls[0].body
				moreTools, nowSystem, more := prefix(t, sent)
				if i > 0 {
					if model == "claude" || model == "opus" { // deferred tools are not in the prompt until they are found
						moreTools = slices.DeleteFunc(moreTools, func(tool string) bool { return strings.Contains(tool, `"WebFetch"`) })
						// A string is one text block, in Anthropic's dialect.
						more[1] = strings.Replace(more[1], `"The environment."`, `[{"type":"text","text":"The environment."}]`, 1)
					}
					last := len(messages) - 1
					switch {
					case len(moreTools) < len(tools) || !slices.Equal(moreTools[:len(tools)], tools):
						t.Errorf("request %d: tools\n%s\nbegan\n%s", i, strings.Join(moreTools, "\n"), strings.Join(tools, "\n"))
					case !slices.Equal(nowSystem, system):
						t.Errorf("request %d: system\n%s\nwas\n%s", i, nowSystem, system)
					case len(more) <= last || !slices.Equal(more[:last+1], messages):
						t.Errorf("request %d: messages\n%s\nbegan\n%s", i, strings.Join(more, "\n"), strings.Join(messages, "\n"))
					}
				}
				tools, system, messages = moreTools, nowSystem, more
				marked := strings.Contains(sent, "cache_control") || strings.Contains(sent, "cachePoint")
				if marked == (model == "qwen") {
					t.Errorf("request %d: marked %t: %s", i, marked, sent)
				}
			}
		})
	}
}
