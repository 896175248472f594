package model

import (
	"testing"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestAPromptScriptsAConversation(t *testing.T) {
	t.Parallel()
	models, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	info := models.Model("anthropic.claude-sonnet-4-6")
	m := New(0)
	tools := []llm.Tool{{Name: "Read", Schema: jsonx.Raw(`{"type":"object"}`)}, {Name: "Bash", Schema: jsonx.Raw(`{"type":"object"}`)}}
	text := func(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }
	req := &llm.Request{Tools: tools, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{
		text("<reminder>Read it with Bash.</reminder>"),
		text(`[[call: Read {"path":"a","deep":{"b":[1]}}]] [[call: Bash {}]] [[call: Write {}]] [[then]] [[call: Bash {"command":"ls"}]] [[then]] [[answer: done]]`),
	}}}}
	var got []string
	for range 4 {
		answer := m.Answer(info, req)
		said := ""
		results := llm.Turn{Role: llm.RoleUser}
		for _, b := range answer.Blocks {
			if b.Kind == llm.BlockToolUse {
				said += b.ToolUse.Name + string(b.ToolUse.Input) + " "
				results.Blocks = append(results.Blocks, llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: b.ToolUse.ID, Content: []llm.ResultBlock{{Block: text("fine")}}}})
			} else {
				said += b.Text
			}
		}
		got = append(got, said)
		if results.Blocks == nil {
			results.Blocks = []llm.Block{text("Thanks.")}
		}
		req.Turns = append(req.Turns, llm.Turn{Role: llm.RoleAssistant, Blocks: answer.Blocks}, results)
	}
	want := []string{`Read{"path":"a","deep":{"b":[1]}} Bash{} `, `Bash{"command":"ls"} `, "done", "You said: Thanks."}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("answer %d: got %q, want %q", i, got[i], want[i])
		}
	}
	forbidden := &llm.Request{Tools: tools, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{text("Do NOT call any tools, such as Read or Bash.")}}}}
	if answer := m.Answer(info, forbidden); answer.Stop != llm.StopEnd {
		t.Errorf("no tools wanted: got %+v", answer.Blocks)
	}
	req.Tools = nil
	req.Turns = req.Turns[:1]
	if answer := m.Answer(info, req); answer.Stop != llm.StopEnd {
		t.Errorf("without tools: got %+v", answer.Blocks)
	}
}
