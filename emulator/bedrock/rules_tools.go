package bedrock

import (
	"slices"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// checkTools refuses schemas that describe no object, and choices that the model
// does not take.
func checkTools(q *question) error {
	names := map[string]bool{}
	at := 0 // in toolConfig.tools, where cache points count too
	for i := range q.request.Tools {
		t := &q.request.Tools[i]
		if t.Other == nil {
			if err := checkInputSchema(t.Schema, at); err != nil {
				return err
			}
			if err := checkClaudeSchema(q, t.Schema, i); err != nil {
				return err
			}
			if names[t.Name] && q.native() {
				return returned("tools: Tool names must be unique.")
			}
			names[t.Name] = true
		}
		if at++; t.Cache != nil {
			at++
		}
	}
	if q.native() && q.info.Has(catalogue.NoOneCall) && q.at("tool_choice.disable_parallel_tool_use") != nil {
		return returned("tool_choice.%s.disable_parallel_tool_use: Extra inputs are not permitted", word(q.at("tool_choice.type")))
	}
	if !forcesTool(q) {
		return nil
	}
	choice := "toolConfig.toolChoice.any"
	if namesTool(q) {
		choice = "toolConfig.toolChoice.tool"
	}
	switch {
	case q.info.Has(catalogue.NoForcedTools) && q.native():
		return returned(`tool_choice: type "tool" and "any" are not supported for this model.`)
	case q.info.Has(catalogue.NoForcedTools), q.info.Has(catalogue.NoNamedTool) && namesTool(q):
		return unsupported(choice)
	}
	return nil
}

// checkResultMedia refuses what a model does not take within a tool's result.
// Nova's schema then does not know the turn any more (recorded exchange).
func checkResultMedia(q *question) error {
	return q.refuseFirst(func(p place, b *llm.Block) error {
		if p.inner < 0 {
			return nil
		}
		var kind string
		switch b.Kind {
		case llm.BlockImage:
			kind = "image"
		case llm.BlockDocument:
			kind = "document"
		case llm.BlockVideo:
			kind = "video"
		default: // no medium
			return nil
		}
		plain := b.Kind == llm.BlockDocument && slices.Contains(plainFormats, b.Media.Format)
		if b.Kind == llm.BlockVideo && q.info.Has(catalogue.NoResultVideo) ||
			b.Kind == llm.BlockDocument && !plain && q.info.Has(catalogue.NoResultPDF) {
			return malformedInput("#/messages/%d/content/%d: extraneous key [toolResult] is not permitted", p.turn, p.block)
		}
		if !q.info.TakesInResult(kind) {
			return invalid("This model doesn't support the %s field for user messages. Remove %s and try again.", kind, kind)
		}
		return nil
	})
}

// plainFormats are the documents that are text as they are.
var plainFormats = []string{"txt", "md", "csv", "html"} // never written to

// ownChoice reads the tool_choice of additionalModelRequestFields, which is Anthropic's
// own, into the common form
// (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use).
func (q *question) ownChoice() {
	field := q.field("tool_choice")
	if field == nil || !q.native() {
		return
	}
	var own struct {
		Type string `json:"type"`
		Name string `json:"name"`
		Once bool   `json:"disable_parallel_tool_use"`
	}
	if jsonx.Unmarshal(field, &own) != nil {
		return
	}
	if own.Once {
		q.request.ParallelTools = llm.Some(false)
	}
	switch own.Type {
	case "any":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceAny}
	case "tool":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: own.Name}
	case "none":
		q.request.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNone}
	}
}
