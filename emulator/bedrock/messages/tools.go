package messages

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

var (
	toolName = lazyregexp.New(`^[a-zA-Z0-9_-]{1,128}$`)
	callID   = lazyregexp.New(`^[a-zA-Z0-9_-]+$`)
)

// vendorTools are Anthropic's own tools on Bedrock with the betas that enable them; those
// without a beta are listed in a recorded refusal.
var vendorTools = map[string][]string{ // never written to
	"bash_20250124": nil, "text_editor_20250124": nil, "text_editor_20250429": nil, "text_editor_20250728": nil,
	"bash_20241022": {betaComputerOld}, "text_editor_20241022": {betaComputerOld}, "computer_20241022": {betaComputerOld},
	"computer_20250124": {betaComputer}, "computer_20251124": {betaComputerNew}, "memory_20250818": {betaContext},
	"tool_search_tool_regex_20251119": {betaToolSearch}, "tool_search_tool_bm25_20251119": {betaToolSearch},
}

func (b *body) tools(o *object) {
	v := o.take("tools")
	if v != nil {
		known := []string{"custom"}
		for kind, betas := range vendorTools {
			if betas == nil || slices.ContainsFunc(betas, b.has) {
				known = append(known, kind)
			}
		}
		for i, value := range b.list("tools", v) {
			b.tool(join("tools", strconv.Itoa(i)), value, known)
			if b.fault != nil {
				return
			}
		}
	}
	if choice := o.take("tool_choice"); choice != nil {
		b.toolChoice(choice)
	}
}

func (b *body) tool(path string, value jsonx.Raw, known []string) {
	kind := "custom" // a tool without a type is one
	if members, err := jsonx.Members(value); err == nil && jsonx.Find(members, "type") != nil {
		if kind = b.tag(path, value, known); kind == "" {
			return
		}
	}
	o := b.open(path, kind, value)
	if kind != "custom" {
		t := llm.Tool{Name: o.text("name", true), Other: &jsonx.Member{Name: kind, Value: value}}
		t.Cache = b.cacheControl(o)
		b.request.Tools = append(b.request.Tools, t)
		return
	}
	t := llm.Tool{Name: o.text("name", true), Description: o.text("description", false), Schema: o.need("input_schema"), Strict: o.boolean("strict")}
	t.Cache = b.cacheControl(o)
	if b.has(betaToolSearch) {
		o.boolean("defer_loading")
	}
	if b.has(betaToolExamples) {
		o.take("input_examples")
	}
	o.end()
	if b.fault != nil {
		return
	}
	if !toolName.MatchString(t.Name) {
		b.failf(join(o.path, "name"), "String should match pattern '%s'", toolName)
	}
	schema := b.object(join(o.path, "input_schema"), t.Schema)
	schema.word("type", true, "object")
	b.request.Tools = append(b.request.Tools, t)
}

func (b *body) knows(tool string) bool {
	return slices.ContainsFunc(b.request.Tools, func(t llm.Tool) bool { return t.Name == tool })
}

func (b *body) toolChoice(v jsonx.Raw) {
	kind := b.tag("tool_choice", v, []string{"any", "auto", "none", "tool"})
	if kind == "" {
		return
	}
	o := b.open("tool_choice", kind, v)
	r := b.request
	if kind != "none" {
		if once := o.boolean("disable_parallel_tool_use"); once.Value {
			r.ParallelTools = llm.Some(false)
		}
	}
	switch kind {
	case "auto":
		r.ToolChoice.Kind = llm.ToolChoiceAuto
	case "any":
		r.ToolChoice.Kind = llm.ToolChoiceAny
	case "none":
		r.ToolChoice.Kind = llm.ToolChoiceNone
	case "tool":
		r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: o.text("name", true)}
	}
	o.end()
	switch {
	case b.fault != nil:
	case len(r.Tools) == 0:
		b.failf("", "tool_choice may only be specified while providing tools")
	case kind == "tool" && !b.knows(r.ToolChoice.Name):
		b.failf("", "Tool '%s' not found in provided tools", r.ToolChoice.Name)
	}
	b.keep("tool_choice", v)
}
