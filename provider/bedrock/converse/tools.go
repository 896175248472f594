package converse

import (
	"bytes"
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// anyObject is the schema of an object of which nothing is known.
const anyObject = `{"type":"object"}`

// tools adapts the tool definitions. A conversation with tool calls requires tool definitions,
// whichever they are (AWS: The toolConfig field must be defined when using toolUse and toolResult
// content blocks); if the client defined none, those that the conversation uses are defined.
func (p *adapter) tools() error {
	if err := p.search(); err != nil {
		return err
	}
	if p.model.any(noTools) && (len(p.out.Tools) > 0 || p.seen.tools) {
		if p.seen.tools {
			return llm.Unsupported(p.name(llm.FieldMessages), "%s contain tool calls or results, and tools are not supported by this model on %s", p.name(llm.FieldMessages), p.model.host)
		}
		p.out.Tools, p.out.ToolChoice, p.out.ParallelTools = nil, llm.ToolChoice{}, llm.Opt[bool]{}
		return p.refuseKind(llm.FieldTools, "%s are not supported by this model on "+p.model.host)
	}
	if err := p.distinct(); err != nil {
		return err
	}
	if c := p.out.ToolChoice; c.Kind == llm.ToolChoiceNamed && p.toolNamed(c.Name) < 0 && !p.hasOther() {
		return llm.Invalid(p.name(llm.FieldToolChoice), "%s names %q, which is not in %s", p.name(llm.FieldToolChoice), c.Name, p.name(llm.FieldTools))
	}
	if err := p.placeClaudeTools(); err != nil {
		return err
	}
	if err := p.tidySchemas(); err != nil {
		return err
	}
	if len(p.out.Tools) == 0 && p.seen.tools && p.extension("toolConfig") == nil {
		p.defineUsed()
	}
	p.strict()
	none := p.out.ToolChoice.Kind == llm.ToolChoiceNone && !p.seen.tools // which leaves them out
	if p.stream && p.model.any(noStreamTools) && (len(p.out.Tools) > 0 && !none || p.extension("toolConfig") != nil) {
		p.wholly()
	}
	return nil
}

// wholly makes a non-streaming call although a stream was requested.
func (p *adapter) wholly() {
	if !p.f.Whole {
		p.f.Whole = true
		p.warn(llm.WarnChanged, p.name(llm.FieldStream), "this model does not support tools while streaming; the response arrives in one piece")
	}
}

// tool names a field of the client's tool at an index of p.out.Tools.
func (p *adapter) tool(kind llm.FieldKind, i int) string {
	return p.named(llm.Field{Kind: kind, Index: p.out.Tools[i].At(i)})
}

// distinct refuses two tools of one name, whose calls would be ambiguous. An identical repetition is
// dropped.
func (p *adapter) distinct() error {
	if len(p.out.Tools) < 2 {
		return nil
	}
	seen := make(map[string]int, len(p.out.Tools))
	var again []int
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if t.Other != nil {
			continue
		}
		if first, twice := seen[t.Name]; twice {
			if sameTool(&p.out.Tools[first], t) {
				p.warn(llm.WarnDropped, p.tool(llm.FieldTool, i), "it stands twice")
				again = append(again, i)
				continue
			}
			return llm.Invalid(p.tool(llm.FieldToolName, i), "%s and %s have the same name %q", p.tool(llm.FieldTool, first), p.tool(llm.FieldTool, i), t.Name)
		}
		seen[t.Name] = i
	}
	if len(again) > 0 {
		tools := make([]llm.Tool, 0, len(p.out.Tools)-len(again))
		for i := range p.out.Tools {
			if !slices.Contains(again, i) {
				tools = append(tools, p.out.Tools[i])
			}
		}
		p.out.Tools = tools
	}
	return nil
}

// sameTool reports whether two tools have the same definition.
func sameTool(a, b *llm.Tool) bool {
	return a.Name == b.Name && a.Description == b.Description && a.Strict == b.Strict && bytes.Equal(a.Schema, b.Schema) && bytes.Equal(a.Own, b.Own)
}

// defineUsed defines the tools that the conversation uses. Anthropic's built-in tools are already
// defined elsewhere.
func (p *adapter) defineUsed() {
	var tools []llm.Tool
	known := map[string]bool{}
	for _, name := range p.own {
		known[name] = true
	}
	add := func(t llm.Tool, name string) {
		if !known[name] {
			known[name] = true
			tools = append(tools, t)
		}
	}
	results := false
	for _, turn := range p.out.Turns {
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			switch {
			case b.Kind == llm.BlockToolResult:
				results = true
			case b.Kind != llm.BlockToolUse:
			case b.ToolUse.Type == llm.ServerSide:
				other := jsonx.Member{Name: "systemTool", Value: jsonx.Raw(`{"name":` + string(jsonx.AppendString(nil, b.ToolUse.Name)) + `}`)}
				add(llm.Tool{Other: &other}, b.ToolUse.Name)
			default:
				add(usedTool(b.ToolUse.Name), b.ToolUse.Name)
			}
		}
	}
	if len(tools) == 0 && (results || len(p.own) > 0) {
		add(usedTool("tool"), "tool")
	}
	p.out.Tools = tools
	p.warn(llm.WarnChanged, p.name(llm.FieldTools), "definitions of the tools that the messages use were added, because "+p.model.host+" requires them")
}

func usedTool(name string) llm.Tool {
	return llm.Tool{
		Name: name, Schema: jsonx.Raw(anyObject),
		Description: "It was called earlier in the conversation and is gone. Do not call it.",
	}
}

// strict drops strict if the model does not support it or its schema, and closes the schemas of
// strict tools, as AWS requires.
func (p *adapter) strict() {
	owned := false
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if !t.Strict.Value || t.Other != nil {
			continue
		}
		schema, detail := p.strictly(t.Schema, p.tool(llm.FieldToolSchema, i))
		if detail == "" && schema == nil {
			continue
		}
		if !owned {
			p.out.Tools, owned = slices.Clone(p.out.Tools), true
			t = &p.out.Tools[i]
		}
		if detail == "" {
			t.Schema = schema
			continue
		}
		t.Strict = llm.Opt[bool]{}
		p.warn(llm.WarnDropped, p.tool(llm.FieldToolStrict, i), detail)
	}
}

// strictly returns the closed schema of a strict tool, nil if it needs no change, or why the tool
// cannot be strict.
func (p *adapter) strictly(given jsonx.Raw, field string) (schema jsonx.Raw, detail string) {
	switch {
	case p.model.any(noStrict):
		return nil, "not supported by this model"
	case p.strictUse.tools == maxStrict:
		return nil, p.model.host + " accepts at most " + strconv.Itoa(maxStrict) + " strict tools"
	case p.model.any(noTopUnion) && isUnion(given):
		return nil, p.model.host + " does not support a union at the top level of a tool's schema"
	}
	c := closing{tool: true}
	if schema = c.close(given); c.open != "" || c.bound {
		return nil, p.model.host + " does not support " + firstOf(c.open, "bounds") + " in a strict schema"
	}
	if detail = p.room(&c); detail != "" {
		return nil, detail
	}
	p.strictUse.tools++
	if c.loose {
		p.warn(llm.WarnChanged, field, "oneOf was replaced by anyOf, because "+p.model.host+" does not support oneOf in a strict schema")
	}
	return schema, ""
}

// room counts a closed schema against the model's limits, and says which one it exceeds.
func (p *adapter) room(c *closing) (detail string) {
	if !p.model.any(schemaLimits) {
		return ""
	}
	if detail = p.strictUse.takes(c); detail != "" {
		return p.model.host + " accepts at most " + detail
	}
	return ""
}

// choice adapts tool_choice and parallel_tool_calls, after tools and reasoning.
func (p *adapter) choice() error {
	c := &p.out.ToolChoice
	forced := c.Kind == llm.ToolChoiceAny || c.Kind == llm.ToolChoiceNamed
	switch {
	case !forced:
	case p.free:
		*c = llm.ToolChoice{Kind: llm.ToolChoiceAuto}
		p.warn(llm.WarnChanged, p.name(llm.FieldToolChoice), "set to auto, because reasoning does not allow another value")
	case p.model.any(neverForced | autoOnly):
		*c = llm.ToolChoice{}
		if err := p.refuseKind(llm.FieldToolChoice, "%s: this model cannot be forced to call a tool on "+p.model.host); err != nil {
			return err
		}
	case c.Kind == llm.ToolChoiceNamed && p.model.any(noNamed):
		p.onlyNamed()
	}
	if c.Kind == llm.ToolChoiceAuto && p.model.any(autoOnly) {
		*c = llm.ToolChoice{} // which is the same
	}
	return p.parallel()
}

// onlyNamed expresses the choice of one tool to a model that supports any but no name: any, with
// only that tool.
func (p *adapter) onlyNamed() {
	i := p.toolNamed(p.out.ToolChoice.Name)
	p.out.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceAny}
	if len(p.out.Tools) > 1 && i >= 0 {
		p.out.Tools = []llm.Tool{p.out.Tools[i]}
		p.warn(llm.WarnChanged, p.name(llm.FieldToolChoice), "only the named tool was sent, because this model does not support a choice by name")
	}
}

// toolNamed is the index of the tool of a name; -1 if there is none.
func (p *adapter) toolNamed(name string) int {
	return slices.IndexFunc(p.out.Tools, func(t llm.Tool) bool { return t.Other == nil && t.Name == name })
}

// hasOther reports whether a tool is in a form that only Converse understands.
func (p *adapter) hasOther() bool {
	return slices.ContainsFunc(p.out.Tools, func(t llm.Tool) bool { return t.Other != nil })
}

// parallel limits a Claude model to one tool call at a time. Its own setting tool_choice then
// replaces toolChoice, with which it would conflict
// (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use). It does the
// same for a choice among Anthropic's built-in tools, which toolChoice does not support.
func (p *adapter) parallel() error {
	c := p.out.ToolChoice
	wish := p.out.ParallelTools
	p.out.ParallelTools = llm.Opt[bool]{}
	once := wish.Set && !wish.Value && len(p.out.Tools)+len(p.own) > 0 && c.Kind != llm.ToolChoiceNone
	if once && !p.model.any(oneCall) { // clients for agents say it in every request
		p.warn(llm.WarnDropped, p.name(llm.FieldParallelTools), "not supported by this model, which may call several tools at once")
		once = false
	}
	amongOwn := len(p.own) > 0 && (c.Kind == llm.ToolChoiceAny || c.Kind == llm.ToolChoiceNamed)
	if !once && !amongOwn {
		return nil
	}
	if p.given("tool_choice") != nil {
		field := p.name(llm.FieldToolChoice)
		if once {
			field = p.name(llm.FieldParallelTools)
		}
		return llm.Invalid(field, "%s and %s are both set; send only one of them", field, p.named(llm.Field{Kind: llm.FieldModelFields, Name: "tool_choice"}))
	}
	choice := `{"type":"auto"`
	switch c.Kind {
	case llm.ToolChoiceAny:
		choice = `{"type":"any"`
	case llm.ToolChoiceNamed:
		choice = `{"type":"tool","name":` + string(jsonx.AppendString(nil, c.Name))
	default:
	}
	if once {
		choice += `,"disable_parallel_tool_use":true`
	}
	p.field("tool_choice", choice+"}")
	p.out.ToolChoice = llm.ToolChoice{}
	return nil
}
