package openaichat

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// function is the content of a tool of type function, and an element of functions, the predecessor
// of tools.
type function struct {
	Name         string           `json:"name"`
	Description  optional[string] `json:"description"`
	Parameters   jsonx.Raw        `json:"parameters"`
	Strict       optional[bool]   `json:"strict"`
	CacheControl *cacheControl    `json:"cache_control"`
	Rest         jsonx.Raw        `json:",embed"`
}

type tool struct {
	Type         string        `json:"type"`
	Function     *function     `json:"function"`
	CacheControl *cacheControl `json:"cache_control"`
	// Rest may have a tool in Converse's own form, as LiteLLM accepts it.
	Rest jsonx.Raw `json:",embed"`
}

// toolChoice is a string or an object: OpenAI's forms, and their equivalents in Anthropic's and
// Converse's API.
type toolChoice struct {
	word         string
	Type         string   `json:"type"`
	Name         string   `json:"name"`
	Function     named    `json:"function"`
	AllowedTools *allowed `json:"allowed_tools"`
	Tool         named    `json:"tool"`
	Auto         *named   `json:"auto"`
	Any          *named   `json:"any"`
	// OneCall is Anthropic's disable_parallel_tool_use, the inverse of parallel_tool_calls.
	OneCall optional[bool] `json:"disable_parallel_tool_use"`
	Rest    jsonx.Raw      `json:",embed"`
}

type named struct {
	Name string `json:"name"`
}

// allowed are the tools that may be called in this turn.
type allowed struct {
	Mode  string `json:"mode"`
	Tools list[struct {
		Type     string `json:"type"`
		Name     string `json:"name"`
		Function named  `json:"function"`
	}] `json:"tools"`
}

func (c *toolChoice) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		return jsonx.UnmarshalDecode(d, &c.word)
	case '{':
		type plain toolChoice
		return jsonx.UnmarshalDecode(d, (*plain)(c))
	default:
		return jsonx.Fault("must be a string or an object, not %s", jsonx.KindName(d.PeekKind()))
	}
}

// noParameters is the schema of a function without parameters.
const noParameters = `{"type":"object","properties":{}}`

func (d *decoder) tools(w *wireRequest) error {
	r := &d.out.LLM
	field, choice := "tool_choice", &w.ToolChoice
	if len(w.Functions) > 0 {
		if len(w.Tools) > 0 {
			return llm.Invalid("functions", "functions and tools are both set; send one of them")
		}
		d.out.Functions = true
		field, choice = "function_call", &w.FunctionCall
	}
	if n := max(len(w.Tools), len(w.Functions)); n > maxTools {
		return llm.Invalid("tools", "tools must have at most %d tools, not %d", maxTools, n)
	}
	for i := range w.Functions {
		field := "functions[" + strconv.Itoa(i) + "]"
		d.warnUnread(field, w.Functions[i].Rest)
		t, err := w.Functions[i].tool(field)
		if err != nil {
			return err
		}
		r.Tools = append(r.Tools, t)
	}
	for i := range w.Tools {
		have := len(r.Tools)
		if err := d.tool("tools["+strconv.Itoa(i)+"]", &w.Tools[i]); err != nil {
			return err
		}
		for j := have; j < len(r.Tools); j++ {
			r.Tools[j].Number = i + 1
		}
	}
	if len(r.Tools) > 0 {
		r.ParallelTools = w.ParallelToolCalls.Opt
	}
	return d.choice(field, choice)
}

func (d *decoder) choice(field string, c *toolChoice) error {
	r := &d.out.LLM
	word := c.word
	name := ""
	d.warnUnread(field, c.Rest)
	if c.OneCall.Set && !r.ParallelTools.Set {
		r.ParallelTools = llm.Some(!c.OneCall.Value)
	}
	switch {
	case word != "":
	case c.Type == "allowed_tools" && c.AllowedTools != nil:
		if err := d.allow(field, c.AllowedTools); err != nil {
			return err
		}
		word = c.AllowedTools.Mode
	case (c.Type == "function" || c.Type == "tool" || c.Type == "") && c.Function.Name+c.Name+c.Tool.Name != "":
		name = cmp.Or(c.Function.Name, c.Name, c.Tool.Name)
	case c.Type != "":
		word = c.Type
	case c.Auto != nil:
		word = "auto"
	case c.Any != nil:
		word = "any"
	}
	switch {
	case name != "":
		r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: name}
	case word == "":
		return nil
	case word == "auto":
		r.ToolChoice.Kind = llm.ToolChoiceAuto
	case word == "none":
		r.ToolChoice.Kind = llm.ToolChoiceNone
	case word == "required" || word == "any":
		r.ToolChoice.Kind = llm.ToolChoiceAny
	default:
		return llm.Invalid(field, `%s must be auto, none, required, {"type":"function","function":{"name":...}} or {"type":"allowed_tools","allowed_tools":{"mode":...,"tools":[...]}}`, field)
	}
	if kind := r.ToolChoice.Kind; kind != llm.ToolChoiceAny && kind != llm.ToolChoiceNamed {
		return nil
	}
	if len(r.Tools) == 0 {
		return llm.Invalid(field, "%s requires a tool, but tools is empty", field)
	}
	if name != "" && !hasTool(r.Tools, name) {
		return llm.Invalid(field, "%s names %q, which is not in tools", field, name)
	}
	return nil
}

// hasTool reports whether a tool has that name. A tool in Converse's own form may.
func hasTool(tools []llm.Tool, name string) bool {
	return slices.ContainsFunc(tools, func(t llm.Tool) bool { return t.Name == name || t.Other != nil })
}

// allow removes the tools that may not be called.
func (d *decoder) allow(field string, a *allowed) error {
	field += ".allowed_tools"
	if a.Mode != "auto" && a.Mode != "required" {
		return llm.Invalid(field+".mode", "%s.mode must be auto or required, not %q", field, a.Mode)
	}
	r := &d.out.LLM
	names := make(map[string]bool, len(a.Tools))
	for i := range a.Tools {
		t := &a.Tools[i]
		name := t.Function.Name + t.Name
		if t.Type != "function" || !hasTool(r.Tools, name) {
			return llm.Invalid(fmt.Sprintf("%s.tools[%d]", field, i), "%s.tools[%d] must be a function in tools, not %q %q", field, i, t.Type, name)
		}
		names[name] = true
	}
	if len(names) == 0 {
		return llm.Invalid(field+".tools", "%s.tools must name at least one tool", field)
	}
	r.Tools = slices.DeleteFunc(r.Tools, func(t llm.Tool) bool { return !names[t.Name] })
	return nil
}

// tool adds a tool.
func (d *decoder) tool(field string, t *tool) error {
	r := &d.out.LLM
	flat, isFlat, err := t.flat(field)
	if err != nil {
		return err
	}
	switch {
	case isFlat:
		d.warnUnread(field, flat.Rest)
		out, err := flat.tool(field)
		if err != nil {
			return err
		}
		if t.CacheControl != nil {
			out.Cache = t.CacheControl.point()
		}
		r.Tools = append(r.Tools, out)
		return nil
	case t.Type == "" && t.Function == nil && len(t.Rest) > 0:
		return d.nativeTool(field, t)
	case isOwn(t.Type):
		return d.ownTool(field, t)
	case t.Type == "custom":
		return llm.Unsupported(field+".type", "%s.type custom is not supported: the provider's tools take JSON, not free text; send a function with one parameter of type string", field)
	case t.Type != "" && t.Type != "function":
		return llm.Unsupported(field+".type", "%s.type must be function, not %q", field, t.Type)
	case t.Function == nil:
		return llm.Invalid(field+".function.name", "%s.function.name is required", field)
	}
	d.warnUnread(field, t.Rest)
	d.warnUnread(field+".function", t.Function.Rest)
	out, err := t.Function.tool(field + ".function")
	if err != nil {
		return err
	}
	if out.Cache == nil && t.CacheControl != nil {
		out.Cache = t.CacheControl.point()
	}
	r.Tools = append(r.Tools, out)
	return nil
}

// flat returns a tool whose members are next to its type, as in OpenAI's Responses API, or with
// input_schema for its parameters, as in Anthropic's Messages API; ok is false if t is neither.
// Clients of both APIs send such tools to chat completions as well.
func (t *tool) flat(field string) (f function, ok bool, err error) {
	if t.Function != nil || len(t.Rest) == 0 || t.Type != "" && t.Type != "function" && t.Type != "custom" {
		return f, false, nil
	}
	if members, err := jsonx.Members(t.Rest); err != nil || jsonx.Find(members, "name") == nil || t.Type == "custom" && jsonx.Find(members, "input_schema") == nil {
		return f, false, nil //nolint:nilerr // it is decoded as another form
	}
	var given struct {
		Name        string           `json:"name"`
		Description optional[string] `json:"description"`
		Parameters  jsonx.Raw        `json:"parameters"`
		InputSchema jsonx.Raw        `json:"input_schema"`
		Strict      optional[bool]   `json:"strict"`
		Rest        jsonx.Raw        `json:",embed"`
	}
	if err := unmarshalAt(field, t.Rest, &given); err != nil {
		return f, false, err
	}
	if len(given.InputSchema) > 0 {
		given.Parameters = given.InputSchema
	}
	return function{Name: given.Name, Description: given.Description, Parameters: given.Parameters, Strict: given.Strict, Rest: given.Rest}, true, nil
}

// tool returns a function as a tool. at is its path in the request.
func (f *function) tool(at string) (llm.Tool, error) {
	out := llm.Tool{Name: f.Name, Description: f.Description.Value, Strict: f.Strict.Opt}
	if f.Name == "" {
		return out, llm.Invalid(at+".name", "%s.name is required", at)
	}
	if f.CacheControl != nil {
		out.Cache = f.CacheControl.point()
	}
	switch {
	case len(f.Parameters) == 0 || f.Parameters.Kind() == 'n':
		out.Schema = jsonx.Raw(noParameters)
	case f.Parameters.Kind() != '{':
		return out, llm.Invalid(at+".parameters", "%s.parameters must be a JSON schema, an object, not %s", at, jsonx.KindName(f.Parameters.Kind()))
	default:
		out.Schema = f.Parameters
	}
	return out, acyclic(at+".parameters", out.Schema)
}

// nativeTool adds a tool in Converse's own form (Tool in Bedrock's service model); a tool that a
// function can express becomes one.
func (d *decoder) nativeTool(field string, t *tool) error {
	r := &d.out.LLM
	members, err := jsonx.Members(t.Rest)
	if err != nil || len(members) != 1 {
		return llm.Invalid(field+".type", "%s.type is required: function", field)
	}
	var out llm.Tool
	if t.CacheControl != nil {
		out.Cache = t.CacheControl.point()
	}
	switch m := &members[0]; m.Name {
	case "toolSpec":
		var spec struct {
			Name        string           `json:"name"`
			Description optional[string] `json:"description"`
			InputSchema struct {
				JSON jsonx.Raw `json:"json"`
			} `json:"inputSchema"`
			Strict optional[bool] `json:"strict"`
		}
		if err := unmarshalAt(field+".toolSpec", m.Value, &spec); err != nil {
			return err
		}
		f := function{Name: spec.Name, Description: spec.Description, Parameters: spec.InputSchema.JSON, Strict: spec.Strict, CacheControl: t.CacheControl}
		if out, err = f.tool(field + ".toolSpec"); err != nil {
			return err
		}
	case "cachePoint":
		var c cacheControl
		if err := unmarshalAt(field+".cachePoint", m.Value, &c); err != nil {
			return err
		}
		if len(r.Tools) == 0 {
			return llm.Invalid(field, "%s is a cache point without a tool before it", field)
		}
		r.Tools[len(r.Tools)-1].Cache = c.point()
		return nil
	default:
		out.Other = m
	}
	r.Tools = append(r.Tools, out)
	return nil
}

// isOwn reports whether a type is that of one of Anthropic's own tools, whose name ends with the
// date of its version (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview).
func isOwn(kind string) bool {
	name, day, ok := cutLast(kind, "_")
	return ok && name != "" && len(day) == len("20250124") && strings.Trim(day, "0123456789") == ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// ownTool adds a tool that the model's vendor has defined. Its members are next to its type or, as
// LiteLLM's users write them, in function and its parameters.
func (d *decoder) ownTool(field string, t *tool) error {
	members, err := jsonx.Members(t.Rest)
	if err != nil {
		return decodeError(err)
	}
	control := t.CacheControl
	if f := t.Function; f != nil {
		if f.Name != "" && jsonx.Find(members, "name") == nil {
			members = append(members, jsonx.Member{Name: "name", Value: jsonx.AppendString(nil, f.Name)})
		}
		if len(f.Parameters) > 0 && f.Parameters.Kind() != 'n' {
			further, err := jsonx.Members(f.Parameters)
			if err != nil {
				return llm.Invalid(field+".function.parameters", "%s.function.parameters must be an object", field)
			}
			members = append(members, further...)
		}
		if f.Description.Value != "" {
			d.warn(llm.WarnDropped, field+".function.description")
		}
		if f.Strict.Value {
			d.warn(llm.WarnDropped, field+".function.strict")
		}
		if control == nil {
			control = f.CacheControl
		}
		d.warnUnread(field+".function", f.Rest)
	}
	var out llm.Tool
	name := jsonx.Find(members, "name")
	if len(name) == 0 || jsonx.Unmarshal(name, &out.Name) != nil || out.Name == "" {
		return llm.Invalid(field+".name", "%s.name is required: the name of the tool", field)
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.String(t.Type)
	texts := map[string]bool{"type": true}
	for _, m := range members {
		if !texts[m.Name] {
			texts[m.Name] = true
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	out.Own = w.Buf
	if control != nil {
		out.Cache = control.point()
	}
	d.out.LLM.Tools = append(d.out.LLM.Tools, out)
	return nil
}
