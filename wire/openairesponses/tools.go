package openairesponses

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// tool is a tool of the request, with the members of all types that are translated.
type tool struct {
	Type        string           `json:"type"`
	Name        string           `json:"name"`
	Description optional[string] `json:"description"`
	Parameters  jsonx.Raw        `json:"parameters"`
	Strict      optional[bool]   `json:"strict"`
	Format      *grammar         `json:"format"`
	Tools       list[tool]       `json:"tools"` // of a namespace
	Execution   optional[string] `json:"execution"`
	Rest        jsonx.Raw        `json:",embed"`
}

// grammar is the form of a custom tool's input.
type grammar struct {
	Type       string    `json:"type"`
	Syntax     string    `json:"syntax"`
	Definition string    `json:"definition"`
	Rest       jsonx.Raw `json:",embed"`
}

// raw is the grammar as an endpoint of the dialect takes it.
func (g *grammar) raw() jsonx.Raw {
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word("grammar")
	w.Key("syntax")
	w.String(g.Syntax)
	w.Key("definition")
	w.String(g.Definition)
	w.EndObject()
	return w.Buf
}

// callKind is how a call of a tool is written.
type callKind uint8

const (
	callFunction   callKind = iota
	callCustom              // custom_tool_call, whose input is text
	callToolSearch          // tool_search_call
	callLocalShell          // local_shell_call
	callShell               // shell_call
	callApplyPatch          // apply_patch_call
)

// toolName is the name of a tool in a namespace; the namespace is empty for most.
type toolName struct{ namespace, name string }

// maxToolName is the longest name of a tool that all providers take.
const maxToolName = 64

// flat is the name by which a model knows a tool in a namespace. It depends on nothing else, so that the
// prompt of a conversation stays the same from turn to turn.
func (n toolName) flat() string {
	if n.namespace == "" {
		return n.name
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, n.namespace+"__"+n.name)
	if len(name) <= maxToolName && name == n.namespace+"__"+n.name {
		return name
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(n.namespace + "\x00" + n.name)) // it never fails
	mark := "_" + strconv.FormatUint(uint64(h.Sum32()), 36)
	return name[:min(len(name), maxToolName-len(mark))] + mark
}

// Tools are the tools of a request as the client knows them, by the names that the model has for them.
type Tools struct{ byName map[string]ownTool }

type ownTool struct {
	toolName
	kind callKind
}

// of returns the client's tool of a name; a name that the model has made up is that of a function.
func (t *Tools) of(name string) ownTool {
	if t != nil {
		if own, ok := t.byName[name]; ok {
			return own
		}
	}
	return ownTool{toolName: toolName{name: name}}
}

// names lists the tools that a tool is or contains, by the names that the model has for them.
func (t *tool) names() []string {
	if t.Type != "namespace" {
		return []string{t.Name}
	}
	var all []string
	for i := range t.Tools {
		all = append(all, toolName{t.Name, t.Tools[i].Name}.flat())
	}
	return all
}

// tools reads the tools: those of the request, and those that items of the input bring.
func (d *decoder) tools(w *wireRequest) error {
	r := &d.out.LLM
	d.out.Tools = &Tools{byName: map[string]ownTool{}}
	if err := d.toolList("tools", "", w.Tools); err != nil {
		return err
	}
	for _, a := range d.added {
		if err := d.toolList(a.field, "", a.tools); err != nil {
			return err
		}
	}
	if len(r.Tools) > maxTools {
		return llm.Invalid("tools", "tools must have at most %d tools, not %d", maxTools, len(r.Tools))
	}
	for _, c := range d.calls {
		c.use.Name = c.name.flat()
	}
	if len(r.Tools) > 0 {
		r.ParallelTools = w.Parallel.Opt
		if r.ParallelTools.Value { // which is the default
			r.ParallelTools = llm.Opt[bool]{}
		}
	}
	return d.choice(&w.ToolChoice)
}

func (d *decoder) toolList(field, namespace string, tools []tool) error {
	for i := range tools {
		if err := d.tool(field+"["+strconv.Itoa(i)+"]", namespace, &tools[i]); err != nil {
			return err
		}
	}
	return nil
}

// tool adds a tool of the request.
func (d *decoder) tool(at, namespace string, t *tool) error {
	switch t.Type {
	case "function":
		return d.function(at, namespace, t)
	case "custom":
		return d.custom(at, namespace, t)
	case "namespace":
		switch {
		case namespace != "":
			return d.invalid(at+".type", "must be function or custom inside a namespace, not %q", t.Type)
		case t.Name == "":
			return d.invalid(at+".name", "is required")
		}
		return d.toolList(at+".tools", t.Name, t.Tools)
	case "tool_search":
		if t.Execution.Value != "client" {
			d.warnOnce(llm.WarnDropped, d.out.places.name(at), "the model is given all tools, and need not search for them")
			return nil
		}
		if !given(t.Parameters) {
			t.Parameters = jsonx.Raw(searchSchema)
		}
		return d.add(at, callToolSearch, toolName{"", nameToolSearch}, llm.Tool{Description: t.Description.Value, Schema: t.Parameters})
	case "local_shell":
		return d.add(at, callLocalShell, toolName{"", nameLocalShell}, llm.Tool{Description: "Runs a command on the user's machine, and returns what it prints.", Schema: jsonx.Raw(localShellSchema)})
	case "shell":
		if environment := environmentOf(t.Rest); environment != "" && environment != "local" {
			d.refusef(d.out.places.name(at+".environment"), "%s %s is not supported: only OpenAI's API has containers", d.out.places.name(at+".environment"), environment)
			return nil
		}
		return d.add(at, callShell, toolName{"", nameShell}, llm.Tool{Description: "Runs commands in a shell on the user's machine, and returns what they print.", Schema: jsonx.Raw(shellSchema)})
	case "apply_patch":
		return d.add(at, callApplyPatch, toolName{"", nameApplyPatch}, llm.Tool{Description: patchAbout, Schema: jsonx.Raw(patchSchema)})
	case "web_search", "web_search_preview", "web_search_2025_08_26", "web_search_preview_2025_03_11":
		d.out.LLM.WebSearch, d.out.LLM.WebSearchOptional = jsonx.Raw("{}"), true
		return nil
	case "":
		return d.invalid(at+".type", "is required, such as function")
	case "file_search", "code_interpreter", "image_generation", "mcp", "computer", "computer_use_preview", "programmatic_tool_calling":
		d.refusef(d.out.places.name(at), "%s is not supported: only OpenAI's API runs tools of type %s", d.out.places.name(at), t.Type)
		return nil
	default:
		return d.invalid(at+".type", "must be function, custom, namespace or another type of the API, not %q", t.Type)
	}
}

func environmentOf(rest jsonx.Raw) string {
	var shell struct {
		Environment struct {
			Type string    `json:"type"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"environment"`
		Rest jsonx.Raw `json:",embed"`
	}
	if len(rest) == 0 || jsonx.Unmarshal(rest, &shell) != nil {
		return ""
	}
	return shell.Environment.Type
}

// The schemas of the arguments of tools that the API defines without one.
const (
	noParameters     = `{"type":"object","properties":{}}`
	searchSchema     = `{"type":"object","properties":{"query":{"type":"string","description":"What the tool must be able to do."},"limit":{"type":"integer"}},"required":["query"]}`
	localShellSchema = `{"type":"object","properties":{"type":{"type":"string","enum":["exec"]},"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"env":{"type":"object","additionalProperties":{"type":"string"}},"timeout_ms":{"type":"integer"},"working_directory":{"type":"string"},"user":{"type":"string"}},"required":["command"]}`
	shellSchema      = `{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"The commands, each a line for the shell."},"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}`
	patchSchema      = `{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},"diff":{"type":"string"}},"required":["type","path"]}`
	patchAbout       = "Creates, changes or deletes a file on the user's machine. The diff is in the V4A format: for create_file each line of the file begins with +; for update_file sections begin with @@ and a line that shows where they belong, and lines begin with a space, + or -."
)

// function adds a function.
func (d *decoder) function(at, namespace string, t *tool) error {
	out := llm.Tool{Description: t.Description.Value, Strict: t.Strict.Opt}
	switch {
	case !given(t.Parameters):
		out.Schema = jsonx.Raw(noParameters)
	case t.Parameters.Kind() != '{':
		return d.invalid(at+".parameters", "must be a JSON schema, an object, not %s", jsonx.KindName(t.Parameters.Kind()))
	default:
		out.Schema = t.Parameters
	}
	d.unreadTool(at, t)
	return d.add(at, callFunction, toolName{namespace, t.Name}, out)
}

// custom adds a tool with free text as input: a function with one text. A grammar becomes part of the
// description, for targets that enforce none.
func (d *decoder) custom(at, namespace string, t *tool) error {
	about := t.Description.Value
	if f := t.Format; f != nil {
		switch f.Type {
		case "", "text":
		case "grammar":
			if about != "" {
				about += "\n\n"
			}
			about += "The argument " + llm.CustomInput + " is plain text, not JSON. It must follow this grammar (" + f.Syntax + "):\n" + f.Definition
			d.warnOnce(llm.WarnChanged, d.out.places.name(at+".format"), "only a model with a Responses API enforces the grammar; to others it is described")
		default:
			return d.invalid(at+".format.type", "must be text or grammar, not %q", f.Type)
		}
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("type")
	w.Word("object")
	w.Key("properties")
	w.Object()
	w.Key(llm.CustomInput)
	w.Object()
	w.Key("type")
	w.Word("string")
	w.EndObject()
	w.EndObject()
	w.Key("required")
	w.Array()
	w.Word(llm.CustomInput)
	w.EndArray()
	w.Key("additionalProperties")
	w.Bool(false)
	w.EndObject()
	d.unreadTool(at, t)
	custom := &llm.CustomTool{Description: t.Description.Value}
	if f := t.Format; f != nil && f.Type == "grammar" {
		custom.Format = f.raw()
	}
	return d.add(at, callCustom, toolName{namespace, t.Name}, llm.Tool{Description: about, Schema: w.Buf, Custom: custom})
}

// unreadTool warns of members of a tool that have no effect, except where nothing is lost.
func (d *decoder) unreadTool(at string, t *tool) {
	if len(t.Rest) == 0 {
		return
	}
	members, err := jsonx.Members(t.Rest)
	if err != nil { // it was decoded before
		return
	}
	for _, m := range members {
		switch m.Name {
		case "defer_loading", // the tool is offered at once
			"output_schema": // of what the client returns
		default:
			if given(m.Value) && !jsonx.Empty(m.Value) {
				d.warnOnce(llm.WarnDropped, d.out.places.name(at+"."+llm.Clip(m.Name, 128)), "the member "+m.Name+" of tools is not supported")
			}
		}
	}
}

// add adds a tool, unless an earlier item has brought it: an input may bring the same tool several
// times.
func (d *decoder) add(at string, kind callKind, name toolName, t llm.Tool) error {
	if name.name == "" {
		return d.invalid(at+".name", "is required")
	}
	own := ownTool{name, kind}
	t.Name = name.flat()
	if have, ok := d.out.Tools.byName[t.Name]; ok {
		if have != own {
			return d.invalid(at+".name", "%q is the name of another tool, too", name.name)
		}
		return nil
	}
	d.out.Tools.byName[t.Name] = own
	d.out.places.tools = append(d.out.places.tools, at)
	t.Number = len(d.out.places.tools)
	d.out.LLM.Tools = append(d.out.LLM.Tools, t)
	return nil
}

// toolChoice is a word, or an object that names a tool, or some of them.
type toolChoice struct {
	word      string
	Type      string      `json:"type"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace"`
	Mode      string      `json:"mode"`
	Tools     list[named] `json:"tools"`
	Function  named       `json:"function"` // chat completions' form
	Rest      jsonx.Raw   `json:",embed"`
}

type named struct {
	Type      string    `json:"type"`
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	Rest      jsonx.Raw `json:",embed"`
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

func (d *decoder) choice(c *toolChoice) error {
	const field = "tool_choice"
	r := &d.out.LLM
	word, name := c.word, toolName{}
	switch c.Type {
	case "":
	case "function", "custom":
		name = toolName{c.Namespace, c.Name + c.Function.Name}
		if name.name == "" {
			return llm.Invalid(field+".name", "%s.name is required", field)
		}
	case "allowed_tools":
		if err := d.allow(c); err != nil {
			return err
		}
		word = c.Mode
	case nameApplyPatch, nameShell, nameLocalShell:
		name = toolName{"", c.Type}
	default:
		d.refusef(field, "%s of type %q is not supported: only OpenAI's API runs such tools", field, c.Type)
		return nil
	}
	switch {
	case name.name != "":
		if _, ok := d.out.Tools.byName[name.flat()]; !ok {
			return llm.Invalid(field, "%s names %q, which is not in tools", field, name.name)
		}
		r.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: name.flat()}
	case word == "":
	case word == "auto":
		r.ToolChoice.Kind = llm.ToolChoiceAuto
	case word == "none":
		r.ToolChoice.Kind = llm.ToolChoiceNone
	case word == "required":
		r.ToolChoice.Kind = llm.ToolChoiceAny
		if len(r.Tools) == 0 {
			return llm.Invalid(field, "%s requires a tool, but tools has none that the model can call", field)
		}
	default:
		return llm.Invalid(field, `%s must be auto, none, required, {"type":"function","name":...} or {"type":"allowed_tools","mode":...,"tools":[...]}`, field)
	}
	return nil
}

// allow removes the tools that may not be called.
func (d *decoder) allow(c *toolChoice) error {
	r := &d.out.LLM
	names := make(map[string]bool, len(c.Tools))
	for i, t := range c.Tools {
		if t.Type != "function" && t.Type != "custom" {
			continue // one that is not given to the model
		}
		name := toolName{t.Namespace, t.Name}.flat()
		if _, ok := d.out.Tools.byName[name]; !ok {
			at := "tool_choice.tools[" + strconv.Itoa(i) + "].name"
			return llm.Invalid(at, "%s is %q, which is not in tools", at, t.Name)
		}
		names[name] = true
	}
	if len(names) == 0 {
		return llm.Invalid("tool_choice.tools", "tool_choice.tools must name at least one function or custom tool")
	}
	r.Tools = slices.DeleteFunc(r.Tools, func(t llm.Tool) bool { return !names[t.Name] })
	return nil
}
