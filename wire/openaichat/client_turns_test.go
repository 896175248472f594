package openaichat

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// A client of the Responses API sends each item as a turn of its own, and OpenAI's API refuses calls whose
// results are not directly behind their message.
func TestCallsAndResultsInTurnsOfTheirOwnAreOneMessageAndItsResults(t *testing.T) {
	assistant := func(b llm.Block) llm.Turn { return llm.Turn{Role: llm.RoleAssistant, Blocks: []llm.Block{b}} }
	call := func(id string) llm.Turn {
		return assistant(llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: "find", Input: jsonx.Raw(`{}`)}})
	}
	png, _ := llm.ParseBase64([]byte("iVBORw0KGgo=")) // a constant
	result := func(id string, status string, content ...llm.ResultBlock) llm.Turn {
		return llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: id, Status: status, Content: content}}}}
	}
	req := &llm.Request{Turns: []llm.Turn{
		{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Look."}}},
		assistant(llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}), assistant(llm.Block{Kind: llm.BlockText, Text: "Both."}), call("c1"), call("c2"),
		result("c1", "", llm.ResultBlock{Block: llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: png}}}),
		result("c2", "error", llm.ResultBlock{Block: llm.Block{Kind: llm.BlockText, Text: "none"}}),
		{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "And now?"}}},
	}}
	var w jsonx.Writer
	warnings, err := AppendRequest(&w, req, "m", &Form{Reasoning: "reasoning_content"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `"messages":[{"role":"user","content":"Look."},` +
		`{"role":"assistant","content":"Both.","reasoning_content":"Hm.","tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"find","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"c1","content":"(the file follows in the next message)"},{"role":"tool","tool_call_id":"c2","content":"none"},` +
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},{"type":"text","text":"And now?"}]}]`
	if got := string(w.Buf); !strings.Contains(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	var fields []string
	for _, warning := range warnings {
		fields = append(fields, warning.Code+" "+warning.Field)
	}
	if got := strings.Join(fields, ", "); got != "changed messages[5].content, dropped messages[5].content.is_error" {
		t.Errorf("warnings %s", got)
	}
}

func TestANameOfAFileKeepsItsExtension(t *testing.T) {
	pdf, _ := llm.ParseBase64([]byte("JVBERi0xLjQK")) // a constant
	for name, want := range map[string]string{"": "document.pdf", "survey": "survey.pdf", "survey.PDF": "survey.PDF", "a.b": "a.b.pdf"} {
		req := &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf", Name: name, Base64: pdf}}}}}}
		var w jsonx.Writer
		if _, err := AppendRequest(&w, req, "m", &Form{}); err != nil || !strings.Contains(string(w.Buf), `"filename":"`+want+`"`) {
			t.Errorf("%q: %v %s", name, err, w.Buf)
		}
	}
}
