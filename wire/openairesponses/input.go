package openairesponses

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// item is an item of the input, with the members of all types.
type item struct {
	Type      string           `json:"type"`
	ID        optional[string] `json:"id"`
	Role      string           `json:"role"`
	Content   content          `json:"content"`
	CallID    optional[string] `json:"call_id"`
	Name      optional[string] `json:"name"`
	Namespace optional[string] `json:"namespace"`
	Arguments jsonx.Raw        `json:"arguments"` // a text; of tool_search_call an object
	Input     optional[string] `json:"input"`
	Output    jsonx.Raw        `json:"output"`
	Summary   list[part]       `json:"summary"`
	Encrypted optional[string] `json:"encrypted_content"`
	Tools     list[tool]       `json:"tools"`
	Action    jsonx.Raw        `json:"action"`
	Operation jsonx.Raw        `json:"operation"`
	Execution optional[string] `json:"execution"`
	Status    optional[string] `json:"status"`
	Rest      jsonx.Raw        `json:",embed"`
}

// content is a text, a list of parts, or null.
type content struct {
	text  llm.Opt[string]
	parts list[part]
}

func (c *content) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"':
		c.text.Set = true
		return jsonx.UnmarshalDecode(d, &c.text.Value)
	case '[':
		return jsonx.UnmarshalDecode(d, &c.parts)
	default:
		return jsonx.Fault("must be a string or an array of content parts, not %s", jsonx.KindName(d.PeekKind()))
	}
}

func (d *decoder) turn(i int, role llm.Role, blocks []llm.Block) {
	d.out.LLM.Turns = append(d.out.LLM.Turns, llm.Turn{Role: role, Blocks: blocks, Message: i + 1})
}

// Names of the functions by which a model uses tools that the client runs and for which the API has
// types of their own.
const (
	nameToolSearch = "tool_search"
	nameLocalShell = "local_shell"
	nameShell      = "shell"
	nameApplyPatch = "apply_patch"
)

// resolve puts texts that were extracted from the body back into an item.
func (d *decoder) resolve(it *item) {
	d.extracted.Text(&it.Content.text.Value)
	for _, parts := range []list[part]{it.Content.parts, it.Summary} {
		for i := range parts {
			d.extracted.Text(&parts[i].Text.Value)
		}
	}
	d.extracted.Text(&it.Input.Value)
	d.extracted.Raw(&it.Arguments)
	d.extracted.Raw(&it.Output)
	d.resolveTools(it.Tools)
}

// resolveTools puts texts that were extracted from the body back into tools.
func (d *decoder) resolveTools(tools []tool) {
	for i := range tools {
		d.extracted.Text(&tools[i].Description.Value)
		d.extracted.Raw(&tools[i].Parameters)
		d.resolveTools(tools[i].Tools)
	}
}

// item adds item i of the input to the request.
func (d *decoder) item(i int, it *item) error {
	if d.extracted != nil {
		d.resolve(it)
	}
	at := place{list: "input", item: i, part: none}
	switch it.Type {
	case "", "message":
		return d.message(at, it)
	case "reasoning":
		return d.reasoningItem(at, it)
	case "function_call":
		return d.functionCall(at, it)
	case "custom_tool_call":
		if err := required(at, "name", it.Name); err != nil {
			return err
		}
		return d.call(at, it, toolName{it.Namespace.Value, it.Name.Value}, textInput(it.Input.Value))
	case "tool_search_call":
		if it.Execution.Value == "server" {
			d.dropped(at, it)
			return nil
		}
		return d.call(at, it, toolName{"", nameToolSearch}, objectOf(it.Arguments))
	case "local_shell_call":
		return d.call(at, it, toolName{"", nameLocalShell}, objectOf(it.Action))
	case "shell_call":
		return d.call(at, it, toolName{"", nameShell}, objectOf(it.Action))
	case "apply_patch_call":
		return d.call(at, it, toolName{"", nameApplyPatch}, objectOf(it.Operation))
	case "function_call_output", "custom_tool_call_output", "local_shell_call_output", "shell_call_output", "apply_patch_call_output":
		return d.output(at, it)
	case "tool_search_output":
		return d.searchOutput(at, it)
	case "additional_tools":
		d.added = append(d.added, added{at.field("tools"), slices.Clone(it.Tools)})
		return nil
	case "compaction", "compaction_summary":
		return d.compaction(at, it)
	case "item_reference":
		return llm.Invalid(at.field("id"), "%s refers to an item that this gateway has not kept: %q", at.field("id"), it.ID.Value)
	case "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call", "computer_call":
		d.dropped(at, it)
		return nil
	case "computer_call_output", "mcp_approval_request", "mcp_approval_response", "compaction_trigger", "configuration_update":
		d.refusef(d.out.places.name(at.field("type")), "%s %s is not supported: it belongs to a tool or a service that only OpenAI's API has", d.out.places.name(at.field("type")), it.Type)
		return nil
	default:
		return d.invalid(at.field("type"), "must be message, reasoning, function_call, function_call_output, custom_tool_call, custom_tool_call_output or another type of the API, not %q", it.Type)
	}
}

// invalid makes an error about a field of an item, which is named as in the client's request.
func (d *decoder) invalid(field, format string, args ...any) error {
	field = d.out.places.name(field)
	return llm.Invalid(field, "%s "+format, slices.Insert(args, 0, any(field))...)
}

// dropped warns of an item that reports what a tool of OpenAI's did: the model has said what follows
// from it.
func (d *decoder) dropped(at place, it *item) {
	d.warnOnce(llm.WarnDropped, at.String(), "items of type "+it.Type+" are left out: they report what a tool of another server did")
}

func required(at place, name string, v optional[string]) error {
	if v.Value == "" {
		field := at.field(name)
		return llm.Invalid(field, "%s is required", field)
	}
	return nil
}

// message adds a message.
func (d *decoder) message(at place, it *item) error {
	if !it.Content.text.Set && it.Content.parts == nil && it.Role != "" {
		return d.invalid(at.field("content"), "is required: a string or an array of content parts")
	}
	d.unread(at, it.Rest)
	switch it.Role {
	case "user":
		blocks, err := d.content(at, llm.RoleUser, &it.Content)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			d.warnOnce(llm.WarnDropped, at.String(), "the message is empty")
			return nil
		}
		d.turn(at.item, llm.RoleUser, blocks)
	case "assistant":
		blocks, err := d.content(at, llm.RoleAssistant, &it.Content)
		if err != nil {
			return err
		}
		if len(blocks) > 0 {
			d.turn(at.item, llm.RoleAssistant, blocks)
		}
	case "system", "developer":
		return d.system(at, it)
	case "":
		return d.invalid(at.field("role"), "is required: user, assistant, system or developer")
	default:
		return d.invalid(at.field("role"), "must be user, assistant, system or developer, not %q", it.Role)
	}
	return nil
}

// The tags around instructions that are sent as user text. They are the same in every request, because
// the text is part of a prompt that may be cached.
const (
	systemBegin = "<system>\n"
	systemEnd   = "\n</system>"
)

// system adds instructions. Before the conversation they join the system prompt; inside it they become
// text of the user, in their place: at the front, they would change their meaning, and what is cached.
func (d *decoder) system(at place, it *item) error {
	blocks, err := d.content(at, llm.RoleSystem, &it.Content)
	if err != nil || len(blocks) == 0 {
		return err
	}
	if len(d.out.LLM.Turns) == 0 {
		d.out.LLM.System = append(d.out.LLM.System, blocks...)
		return nil
	}
	for j := range blocks {
		if b := &blocks[j]; b.Kind == llm.BlockText {
			b.Text = systemBegin + b.Text + systemEnd
		}
	}
	d.warnOnce(llm.WarnChanged, at.String(), "instructions inside the conversation are sent as user text")
	d.turn(at.item, llm.RoleUser, blocks)
	return nil
}

// reasoningItem adds what the model has thought, if the model can be given it again.
func (d *decoder) reasoningItem(at place, it *item) error {
	if it.Encrypted.Value != "" {
		s, own, ok := d.unseal(it.Encrypted.Value)
		switch {
		case ok:
			d.turn(at.item, llm.RoleAssistant, []llm.Block{s.block()})
			return nil
		case own:
			return d.invalid(at.field("encrypted_content"), "must be the text of the response, unchanged")
		}
		d.warnOnce(llm.WarnDropped, at.field("encrypted_content"), "only the server that has encrypted it can read it")
	}
	parts := it.Content.parts
	if len(parts) == 0 {
		parts = it.Summary
	}
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.Text.Value)
	}
	if text.Len() > 0 {
		d.turn(at.item, llm.RoleAssistant, []llm.Block{{Kind: llm.BlockReasoning, Text: text.String(), Plain: true}})
	}
	return nil
}

// functionCall adds a call of a function.
func (d *decoder) functionCall(at place, it *item) error {
	if err := required(at, "name", it.Name); err != nil {
		return err
	}
	var text string
	switch it.Arguments.Kind() {
	case '"':
		if err := jsonx.Unmarshal(it.Arguments, &text); err != nil {
			return litellm.DecodeError(err)
		}
	case '{': // some clients send the object itself
		text = string(it.Arguments)
	case 'n', jsonx.Kind(0):
	default:
		return d.invalid(at.field("arguments"), "must be a string, not %s", jsonx.KindName(it.Arguments.Kind()))
	}
	return d.call(at, it, toolName{it.Namespace.Value, it.Name.Value}, d.argumentsOf(at, text))
}

// argumentsOf reads the arguments of a call, a text with a JSON object. Any other text becomes the
// member arguments of an object, so that nothing is lost.
func (d *decoder) argumentsOf(at place, text string) jsonx.Raw {
	raw := jsonx.Raw(strings.TrimSpace(text))
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return jsonx.Raw("{}")
	case raw[0] == '{' && jsonx.Valid(raw):
		return raw
	}
	d.warnOnce(llm.WarnChanged, at.field("arguments"), "arguments that are no JSON object are sent as the member arguments of one")
	w := jsonx.Writer{}
	w.Object()
	w.Key("arguments")
	if jsonx.Valid(raw) {
		w.Raw(raw)
	} else {
		w.String(text)
	}
	w.EndObject()
	return w.Buf
}

// textInput is the input of a custom tool as arguments of a function.
func textInput(text string) jsonx.Raw {
	w := jsonx.Writer{}
	w.Object()
	w.Key(llm.CustomInput)
	w.String(text)
	w.EndObject()
	return w.Buf
}

func objectOf(v jsonx.Raw) jsonx.Raw {
	if v.Kind() == '{' {
		return v
	}
	var text string
	if v.Kind() == '"' && jsonx.Unmarshal(v, &text) == nil && jsonx.Valid([]byte(text)) && jsonx.Raw(text).Kind() == '{' {
		return jsonx.Raw(text)
	}
	return jsonx.Raw("{}")
}

// call adds a call of a tool.
func (d *decoder) call(at place, it *item, name toolName, arguments jsonx.Raw) error {
	id := it.CallID
	if id.Value == "" && (it.Type == "local_shell_call" || it.Type == "tool_search_call") {
		id = it.ID
	}
	if err := required(at, "call_id", id); err != nil {
		return err
	}
	use := &llm.ToolUse{ID: id.Value, Name: name.flat(), Input: arguments}
	d.calls = append(d.calls, namedCall{use, name})
	d.turn(at.item, llm.RoleAssistant, []llm.Block{{Kind: llm.BlockToolUse, ToolUse: use}})
	return nil
}

// output adds the result of a call.
func (d *decoder) output(at place, it *item) error {
	id := it.CallID
	if id.Value == "" && it.Type == "local_shell_call_output" { // the id of the call
		id = it.ID
	}
	if err := required(at, "call_id", id); err != nil {
		return err
	}
	result := &llm.ToolResult{ID: id.Value}
	if it.Status.Value == "failed" {
		result.Status = "error"
	}
	field := at.field("output")
	switch {
	case it.Type == "shell_call_output":
		text, err := d.shellOutput(field, it.Output)
		if err != nil {
			return err
		}
		result.Content = textResult(text)
	case it.Output.Kind() == '"':
		var text string
		if err := jsonx.Unmarshal(it.Output, &text); err != nil {
			return litellm.DecodeError(err)
		}
		result.Content = textResult(text)
	case it.Output.Kind() == '[':
		var c content
		if err := d.unmarshal(field, it.Output, &c); err != nil {
			return err
		}
		at.list, at.inOutput = "input", true
		blocks, err := d.content(at, llm.RoleUser, &c)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			if b.Kind != llm.BlockCachePoint {
				result.Content = append(result.Content, llm.ResultBlock{Block: b})
			}
		}
	case it.Type == "apply_patch_call_output" && !given(it.Output):
		result.Content = textResult(it.Status.Value)
	default:
		return d.invalid(field, "is required: a string or an array of content parts")
	}
	if len(result.Content) == 0 { // a tool that returned nothing has still answered
		result.Content = textResult("")
	}
	d.turn(at.item, llm.RoleUser, []llm.Block{{Kind: llm.BlockToolResult, ToolResult: result}})
	return nil
}

func textResult(text string) []llm.ResultBlock {
	return []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: text}}}
}

// shellOutput is what commands have printed, as text.
func (d *decoder) shellOutput(field string, raw jsonx.Raw) (string, error) {
	var outputs list[struct {
		Stdout  string    `json:"stdout"`
		Stderr  string    `json:"stderr"`
		Outcome jsonx.Raw `json:"outcome"`
		Rest    jsonx.Raw `json:",embed"`
	}]
	if err := d.unmarshal(field, raw, &outputs); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, o := range outputs {
		b.WriteString(o.Stdout)
		b.WriteString(o.Stderr)
		if given(o.Outcome) {
			b.WriteString("\n" + string(o.Outcome) + "\n")
		}
	}
	return b.String(), nil
}

// searchOutput adds the tools that a search has found, which the model can call from then on.
func (d *decoder) searchOutput(at place, it *item) error {
	d.added = append(d.added, added{at.field("tools"), slices.Clone(it.Tools)})
	if it.CallID.Value == "" { // a search of the server's, whose call is left out
		return nil
	}
	text := "No tools were found."
	if len(it.Tools) > 0 {
		names := make([]string, 0, len(it.Tools))
		for i := range it.Tools {
			names = append(names, it.Tools[i].names()...)
		}
		text = "These tools are available now: " + strings.Join(names, ", ")
	}
	d.turn(at.item, llm.RoleUser, []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: it.CallID.Value, Content: textResult(text)}}})
	return nil
}

// compaction adds the summary of what the conversation was before.
func (d *decoder) compaction(at place, it *item) error {
	s, own, ok := d.unseal(it.Encrypted.Value)
	switch {
	case ok && s.Summary != "":
		d.turn(at.item, llm.RoleUser, []llm.Block{{Kind: llm.BlockText, Text: summaryBegin + s.Summary}})
		return nil
	case own:
		return d.invalid(at.field("encrypted_content"), "must be the text of the response, unchanged")
	default:
		return d.invalid(at.field("encrypted_content"), "is the summary of a conversation that another server has encrypted, and cannot be read; send the conversation instead")
	}
}

// summaryBegin comes before the summary of a compacted conversation.
const summaryBegin = "This is a summary of the conversation so far:\n\n"

// unmarshal decodes the value of a field.
func (d *decoder) unmarshal(field string, raw jsonx.Raw, v any) error {
	err := jsonx.Unmarshal(raw, v)
	if err == nil {
		return nil
	}
	e := llm.AsError(litellm.DecodeError(err))
	if e.Param == "" {
		return d.invalid(field, "cannot be decoded: %s", e.Message)
	}
	if strings.Trim(e.Param[:1], "0123456789[") == "" { // the value is a list
		index, rest, more := strings.Cut(strings.Trim(e.Param, "[]"), ".")
		index = strings.TrimSuffix(index, "]")
		inner := field + "[" + index + "]"
		if more {
			inner += "." + rest
		}
		return d.invalid(inner, "%s", strings.TrimSpace(strings.TrimPrefix(e.Message, e.Param)))
	}
	return d.invalid(field+"."+e.Param, "%s", strings.TrimSpace(strings.TrimPrefix(e.Message, e.Param)))
}

// unread warns of members that no model reads, except where nothing is lost.
func (d *decoder) unread(at place, rest jsonx.Raw) {
	if len(rest) == 0 {
		return
	}
	members, err := jsonx.Members(rest)
	if err != nil { // it was decoded before
		return
	}
	for _, m := range members {
		switch m.Name {
		case "annotations", "logprobs", "phase", "caller", "created_by", "internal_chat_message_metadata_passthrough":
		default:
			if given(m.Value) && !jsonx.Empty(m.Value) {
				d.warnOnce(llm.WarnDropped, at.field(llm.Clip(m.Name, 128)), "the member "+m.Name+" is not supported")
			}
		}
	}
}
