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

// tools fits the definitions of tools. A conversation that speaks of tool calls is
// taken only beside tools, whichever they are (AWS: The toolConfig field must be
// defined when using toolUse and toolResult content blocks); where the caller
// defined none those that the conversation uses are defined.
func (p *adapter) tools() error {
	if err := p.search(); err != nil {
		return err
	}
	if p.model.any(noTools) && (len(p.out.Tools) > 0 || p.seen.tools) {
		if p.seen.tools {
			return llm.Unsupported("messages", "the conversation speaks of tool calls, and the model takes no tools on Bedrock")
		}
		p.out.Tools, p.out.ToolChoice, p.out.ParallelTools = nil, llm.ToolChoice{}, llm.Opt[bool]{}
		return p.refuse("tools", "tools: the model takes none on Bedrock")
	}
	if err := p.distinct(); err != nil {
		return err
	}
	if c := p.out.ToolChoice; c.Kind == llm.ToolChoiceNamed && p.toolNamed(c.Name) < 0 && !p.hasOther() {
		return llm.Invalid("tool_choice", "tool_choice names %q, which is none of the tools", c.Name)
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

// wholly has the call made as a whole although a stream is wanted.
func (p *adapter) wholly() {
	if !p.f.Whole {
		p.f.Whole = true
		p.warn(llm.WarnChanged, "stream", "the model takes no tools while streaming; the answer comes at once")
	}
}

// tool names the caller's tool at a place of p.out.Tools.
func (p *adapter) tool(i int) string {
	return "tools[" + strconv.Itoa(p.out.Tools[i].At(i)) + "]"
}

// distinct refuses two tools of one name: a call could not be told apart. One that is
// the same in all is left out.
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
				p.warn(llm.WarnDropped, p.tool(i), "it stands twice")
				again = append(again, i)
				continue
			}
			return llm.Invalid(p.tool(i)+".function.name", "tools[%d] and tools[%d] have the same name %q", first, i, t.Name)
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

// sameTool reports whether two tools say the same of what is called.
func sameTool(a, b *llm.Tool) bool {
	return a.Name == b.Name && a.Description == b.Description && a.Strict == b.Strict && bytes.Equal(a.Schema, b.Schema) && bytes.Equal(a.Own, b.Own)
}

// defineUsed defines the tools that the conversation uses.
// Those that the model's maker has defined are there already, elsewhere.
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
	p.warn(llm.WarnChanged, "tools", "those that the conversation uses are defined, since it cannot speak of calls without any")
}

func usedTool(name string) llm.Tool {
	return llm.Tool{
		Name: name, Schema: jsonx.Raw(anyObject),
		Description: "It was called earlier in the conversation and is gone. Do not call it.",
	}
}

// strict leaves strict out where the model does not take it, or cannot follow the
// schema as it is, and closes the schemas of strict tools, as AWS wants them.
func (p *adapter) strict() {
	owned := false
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if !t.Strict.Value || t.Other != nil {
			continue
		}
		schema, detail := p.strictly(t.Schema, p.tool(i)+".function.parameters")
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
		p.warn(llm.WarnDropped, p.tool(i)+".function.strict", detail)
	}
}

// strictly gives the closed schema of a strict tool, nil if it needs no change; or says
// why the tool cannot be strict.
func (p *adapter) strictly(given jsonx.Raw, field string) (schema jsonx.Raw, detail string) {
	switch {
	case p.model.any(noStrict):
		return nil, "the model takes none"
	case p.strictUse.tools == maxStrict:
		return nil, "AWS takes " + strconv.Itoa(maxStrict) + " strict tools"
	case p.model.any(noTopUnion) && isUnion(given):
		return nil, "AWS takes no union at the top of a tool's schema"
	}
	c := closing{tool: true}
	if schema = c.close(given); c.open != "" || c.bound {
		return nil, "AWS takes no " + firstOf(c.open, "bounds") + " in a strict schema"
	}
	if detail = p.room(&c); detail != "" {
		return nil, detail
	}
	p.strictUse.tools++
	if c.loose {
		p.warn(llm.WarnChanged, field, "oneOf is anyOf, since AWS takes no other in a strict schema")
	}
	return schema, ""
}

// room counts what a closed schema needs of the limits that the model has; it says
// what there is no room for.
func (p *adapter) room(c *closing) (detail string) {
	if !p.model.any(schemaLimits) {
		return ""
	}
	if detail = p.strictUse.takes(c); detail != "" {
		return "AWS takes at most " + detail
	}
	return ""
}

// choice fits tool_choice and parallel_tool_calls, once it is known which tools
// there are and whether the model is asked to think.
func (p *adapter) choice() error {
	c := &p.out.ToolChoice
	forced := c.Kind == llm.ToolChoiceAny || c.Kind == llm.ToolChoiceNamed
	switch {
	case !forced:
	case p.free:
		*c = llm.ToolChoice{Kind: llm.ToolChoiceAuto}
		p.warn(llm.WarnChanged, "tool_choice", "it is auto, since reasoning excludes another")
	case p.model.any(neverForced | autoOnly):
		*c = llm.ToolChoice{}
		if err := p.refuse("tool_choice", "tool_choice: the model cannot be made to call a tool on Bedrock"); err != nil {
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

// onlyNamed says the choice of one tool to a model that takes any and no name: any
// of that one.
func (p *adapter) onlyNamed() {
	i := p.toolNamed(p.out.ToolChoice.Name)
	p.out.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceAny}
	if len(p.out.Tools) > 1 && i >= 0 {
		p.out.Tools = []llm.Tool{p.out.Tools[i]}
		p.warn(llm.WarnChanged, "tool_choice", "the model is shown the named tool alone")
	}
}

// toolNamed is the place of the tool of a name; -1 if there is none.
func (p *adapter) toolNamed(name string) int {
	return slices.IndexFunc(p.out.Tools, func(t llm.Tool) bool { return t.Other == nil && t.Name == name })
}

// hasOther reports whether a tool is in a form that only Converse understands.
func (p *adapter) hasOther() bool {
	return slices.ContainsFunc(p.out.Tools, func(t llm.Tool) bool { return t.Other != nil })
}

// parallel keeps a Claude to one tool call at a time. Its own setting tool_choice
// then stands for toolChoice, with which it would conflict
// (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use). So
// it does for a choice among tools of Anthropic's, of which toolChoice does not know.
func (p *adapter) parallel() error {
	c := p.out.ToolChoice
	wish := p.out.ParallelTools
	p.out.ParallelTools = llm.Opt[bool]{}
	once := wish.Set && !wish.Value && len(p.out.Tools)+len(p.own) > 0 && c.Kind != llm.ToolChoiceNone
	if once && !p.model.any(oneCall) { // clients for agents say it in every request
		p.warn(llm.WarnDropped, "parallel_tool_calls", "the model may always call several tools at once on Bedrock")
		once = false
	}
	amongOwn := len(p.own) > 0 && (c.Kind == llm.ToolChoiceAny || c.Kind == llm.ToolChoiceNamed)
	if !once && !amongOwn {
		return nil
	}
	if p.given("tool_choice") != nil {
		field := "tool_choice"
		if once {
			field = "parallel_tool_calls"
		}
		return llm.Invalid(field, "%s is given twice, here and by additionalModelRequestFields.tool_choice", field)
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
