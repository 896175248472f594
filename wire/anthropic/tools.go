package anthropic

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tool is a tool of any type: the client's own (custom), one that Anthropic has defined and the
// client runs, or one that Anthropic's API runs. Its members are read by type.
type tool struct {
	Type         optional[string] `json:"type"`
	Name         optional[string] `json:"name"`
	Description  optional[string] `json:"description"`
	InputSchema  jsonx.Raw        `json:"input_schema"`
	Strict       optional[bool]   `json:"strict"`
	Deferred     optional[bool]   `json:"defer_loading"`
	Callers      list[string]     `json:"allowed_callers"`
	CacheControl *cacheControl    `json:"cache_control"`
	Rest         jsonx.Raw        `json:",embed"`
}

type toolChoice struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	OneCall optional[bool] `json:"disable_parallel_tool_use"`
	Rest    jsonx.Raw      `json:",embed"`
}

// toolChange is the tool of a tool_addition or tool_removal block: a reference to a tool, or the
// definition of one.
type toolChange struct {
	Type       string    `json:"type"`
	Name       string    `json:"name"`
	Definition *tool     `json:"definition"`
	Rest       jsonx.Raw `json:",embed"`
}

// placeholder is the tool that Claude Code sends, with defer_loading, only so that the API accepts
// references to tools.
const placeholder = "DeferredToolPlaceholder"

// unfolded is a tool of the client, with what determines its place.
type unfolded struct {
	tool     llm.Tool
	deferred bool
}

func (d *decoder) tools(w *wireRequest) error {
	r := &d.out.LLM
	if n := len(w.Tools) + len(d.added); n > maxTools {
		return llm.Invalid("tools", "tools must have at most %d tools, not %d", maxTools, n)
	}
	var all []unfolded
	grows := false // the client adds tools when it has found them
	for i := range w.Tools {
		t := &w.Tools[i]
		if t.Name.Value == placeholder && t.Deferred.Value {
			grows = true
			continue
		}
		out, ok, err := d.tool("tools["+strconv.Itoa(i)+"]", t)
		if err != nil {
			return err
		}
		if ok {
			out.Number = i + 1
			all = append(all, unfolded{out, t.Deferred.Value})
		}
	}
	for i := range d.added {
		n := len(w.Tools) + i
		out, ok, err := d.tool("tools["+strconv.Itoa(n)+"]", &d.added[i])
		if err != nil {
			return err
		}
		if ok && !slices.ContainsFunc(all, func(t unfolded) bool { return t.tool.Name == out.Name }) {
			out.Number = n + 1
			all = append(all, unfolded{out, true})
		}
	}
	r.Tools = d.ordered(all, grows)
	return d.choice(w.ToolChoice)
}

// ordered returns the tools in an order that a later request of the same conversation keeps; the
// package comment explains it.
func (d *decoder) ordered(all []unfolded, grows bool) []llm.Tool {
	plain := !slices.ContainsFunc(all, func(t unfolded) bool { return t.deferred })
	grows = grows || !slices.ContainsFunc(all, func(t unfolded) bool { return t.deferred && !d.known[t.tool.Name] })
	var tools []llm.Tool
	for _, t := range all {
		if plain || !grows || !t.deferred {
			tools = append(tools, t.tool)
		}
	}
	if plain || !grows {
		return tools
	}
	for _, t := range all { // of a part of the conversation that is no longer there
		if t.deferred && !d.known[t.tool.Name] {
			tools = append(tools, t.tool)
		}
	}
	for _, name := range d.found {
		at := slices.IndexFunc(all, func(t unfolded) bool { return t.deferred && t.tool.Name == name })
		if at >= 0 {
			tools = append(tools, all[at].tool)
		}
	}
	return tools
}

// refer notes a reference to a tool.
func (d *decoder) refer(name string) {
	if d.known[name] || len(d.found) == maxTools {
		return
	}
	if d.known == nil {
		d.known = map[string]bool{}
	}
	d.known[name] = true
	d.found = append(d.found, name)
}

// toolChange handles a change of the tools in the middle of the conversation. The tools stand before
// the conversation in every prompt, so they stay as they are, and a text says what has changed.
func (d *decoder) toolChange(blocks []llm.Block, at position, b *block) ([]llm.Block, error) {
	field := at.String() + ".tool"
	if b.Tool == nil {
		return nil, llm.Invalid(field, "%s: Field required", field)
	}
	name := b.Tool.Name
	if t := b.Tool.Definition; t != nil {
		if name = t.Name.Value; b.Type == "tool_addition" {
			d.added = append(d.added, *t)
		}
	} else if b.Tool.Type != "" && b.Tool.Type != "tool_reference" {
		d.refusef(field, "%s: only tools that the client runs are supported, not %q", field, b.Tool.Type)
		return blocks, nil
	}
	if name == "" {
		return nil, llm.Invalid(field+".name", "%s.name: Field required", field)
	}
	text := available(name)
	if b.Type == "tool_removal" {
		text = "The tool " + name + " is no longer available. Do not call it."
	} else {
		d.refer(name)
	}
	d.warnOnce(llm.WarnChanged, at.String(), "changes of tools inside the conversation are sent as text")
	return append(blocks, llm.Block{Kind: llm.BlockText, Text: text}), nil
}

// tool returns a tool. ok is false if it is refused, or dropped under drop_params, or needs none.
func (d *decoder) tool(field string, t *tool) (out llm.Tool, ok bool, err error) {
	kind := t.Type.Value
	switch {
	case kind == "" || kind == "custom":
		out, err = d.custom(field, t)
		return out, err == nil, err
	case strings.HasPrefix(kind, "tool_search_tool_"):
		if t.CacheControl != nil {
			d.warn(llm.WarnDropped, field+".cache_control", "the tool is not sent")
		}
		d.warn(llm.WarnChanged, field, "tools cannot be searched by this model; all of them are sent")
		return out, false, nil
	case strings.HasPrefix(kind, "web_search_"):
		return out, false, d.webSearch(field, t)
	case runByServer(kind):
		d.refusef(field, "%s: %s is a tool that Anthropic's API runs; Bedrock does not have it", field, kind)
		return out, false, nil
	case !isOwn(kind):
		return out, false, llm.Invalid(field+".type", "%s: Input tag %q found using 'type' does not match any of the expected tags: 'bash_20250124', 'computer_20250124', "+
			"'custom', 'memory_20250818', 'text_editor_20250728'", field, kind)
	}
	out, err = ownTool(field, t)
	return out, err == nil, err
}

// runByServer reports whether a tool is one that Anthropic's API runs itself.
func runByServer(kind string) bool {
	for _, prefix := range []string{"web_fetch_", "code_execution_", "advisor_", "mcp_toolset", "mcp_"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// isOwn reports whether a type is that of one of Anthropic's own tools, whose name ends with the
// date of its version.
func isOwn(kind string) bool {
	i := strings.LastIndexByte(kind, '_')
	return i > 0 && len(kind)-i-1 == len("20250124") && strings.Trim(kind[i+1:], "0123456789") == ""
}

func (d *decoder) custom(field string, t *tool) (llm.Tool, error) {
	out := llm.Tool{Name: t.Name.Value, Description: t.Description.Value, Strict: t.Strict.Opt, Cache: t.CacheControl.point(), Schema: t.InputSchema}
	switch {
	case out.Name == "":
		return out, llm.Invalid(field+".name", "%s.name: Field required", field)
	case !given(t.InputSchema):
		return out, llm.Invalid(field+".input_schema", "%s.input_schema: Field required", field)
	case t.InputSchema.Kind() != '{':
		return out, llm.Invalid(field+".input_schema", "%s.input_schema: Input should be a JSON schema, an object, not %s", field, jsonx.KindName(t.InputSchema.Kind()))
	}
	if len(t.Callers) > 0 && !slices.Contains(t.Callers, "direct") {
		d.refusef(field+".allowed_callers", "%s.allowed_callers: only direct calls are supported", field)
	}
	d.unread(field, t.Rest)
	return out, nil
}

// ownTool returns a tool that Anthropic has defined, as the client wrote it, except for what says how
// the prompt is made of it.
func ownTool(field string, t *tool) (llm.Tool, error) {
	out := llm.Tool{Name: t.Name.Value, Cache: t.CacheControl.point()}
	if out.Name == "" && !strings.Contains(t.Type.Value, "_toolset_") {
		return out, llm.Invalid(field+".name", "%s.name: Field required", field)
	}
	members, err := jsonx.Members(t.Rest)
	if err != nil {
		return out, decodeError(err)
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.String(t.Type.Value)
	if out.Name != "" {
		w.Key("name")
		w.String(out.Name)
	}
	if t.Description.Set {
		w.Key("description")
		w.String(t.Description.Value)
	}
	if given(t.InputSchema) {
		w.Key("input_schema")
		w.Raw(t.InputSchema)
	}
	if t.Strict.Set {
		w.Key("strict")
		w.Bool(t.Strict.Value)
	}
	w.Members(members)
	w.EndObject()
	out.Own = w.Buf
	return out, nil
}

// webSearch has the model search the web by what the provider has for it. The request is the
// client's wish as OpenAI's web_search_options; the provider refuses it for models without a search,
// because a model that cannot search would make something up.
func (d *decoder) webSearch(field string, t *tool) error {
	members, err := jsonx.Members(t.Rest)
	if err != nil {
		return decodeError(err)
	}
	for _, m := range members {
		if empty(m.Value) {
			continue
		}
		switch m.Name {
		case "allowed_domains", "blocked_domains":
			d.refusef(field+"."+m.Name, "%s.%s is not supported: the search cannot be limited to domains", field, m.Name)
		default:
			d.warn(llm.WarnDropped, field+"."+m.Name, "the search has no such setting")
		}
	}
	d.out.LLM.WebSearch = jsonx.Raw("{}")
	return nil
}

func (d *decoder) choice(c *toolChoice) error {
	const field = "tool_choice"
	if c == nil {
		return nil
	}
	r := &d.out.LLM
	d.unread(field, c.Rest)
	if c.OneCall.Value && len(r.Tools) > 0 {
		r.ParallelTools = llm.Some(false)
	}
	searches := len(r.WebSearch) > 0
	switch c.Type {
	case "auto":
		r.ToolChoice.Kind = llm.ToolChoiceAuto
	case "none":
		r.ToolChoice.Kind = llm.ToolChoiceNone
	case "any":
		r.ToolChoice.Kind = llm.ToolChoiceAny
		if len(r.Tools) > 0 {
			return nil
		}
		if searches {
			d.forced()
		}
	case "tool":
		switch {
		case c.Name == "":
			return llm.Invalid(field+".name", "tool_choice.name: Field required")
		case hasTool(r.Tools, c.Name):
			r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: c.Name}
		case searches && c.Name == "web_search":
			d.forced()
		case r.DropParams:
			d.warn(llm.WarnDropped, field, "the tool that it names was dropped")
		case d.refused > 0: // it names what is refused anyway
		default:
			return llm.Invalid(field+".name", "tool_choice.name: tool %q not found in tools", c.Name)
		}
	case "":
		return llm.Invalid(field+".type", "tool_choice.type: Field required")
	default:
		return llm.Invalid(field+".type", "tool_choice: Input tag %q found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'", c.Type)
	}
	return d.withTools()
}

// withTools drops a choice that means nothing, as there are no tools; any needs one.
func (d *decoder) withTools() error {
	r := &d.out.LLM
	if len(r.Tools) > 0 {
		return nil
	}
	if r.ToolChoice.Kind == llm.ToolChoiceAny && !r.DropParams && d.refused == 0 {
		return llm.Invalid("tool_choice", "tool_choice may only be specified while providing tools")
	}
	r.ToolChoice = llm.ToolChoice{}
	return nil
}

// forced leaves it to the model whether it searches: a provider's own search cannot be forced.
func (d *decoder) forced() {
	d.out.LLM.ToolChoice = llm.ToolChoice{}
	d.warn(llm.WarnDropped, "tool_choice", "the model decides itself whether it searches the web")
}

func hasTool(tools []llm.Tool, name string) bool {
	return slices.ContainsFunc(tools, func(t llm.Tool) bool { return t.Name == name })
}
