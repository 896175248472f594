package converse

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// WriteRequest writes r as a request body of Converse or ConverseStream, with a writer that may
// store large content separately. Neighbouring turns of one role become one message. A field that
// Converse cannot express is an *llm.Error (CodeUnsupported or CodeBadRequest) that names it; a
// field that is dropped or changed is a warning. The caller handles Model, Stream and settings that
// only a model knows: Reasoning, TopK and ParallelTools must already be in ModelFields, User and
// Metadata in the extension requestMetadata; Headers are not part of the body.
func WriteRequest(w *jsonx.Writer, r *llm.Request) ([]llm.Warning, error) {
	e := &encoder{w: *w}
	e.request(r)
	*w = e.w
	if e.err != nil {
		return nil, e.err
	}
	return e.warnings, nil
}

// encoder writes a request. It keeps its first error.
type encoder struct {
	w        jsonx.Writer
	warnings []llm.Warning
	err      error
	// answer is whether blocks of a response are written: content from AWS goes back unchanged,
	// including unknown members.
	answer bool
}

// position locates a block in an llm.Request. It is formatted only when a message needs it.
type position struct {
	call       *llm.Call // whose words name it; nil for llm's own
	system     bool
	turn       int
	block      int
	result     int // of the block inside a tool result
	haveResult bool
}

func (p position) String() string {
	f := llm.Field{Kind: llm.FieldBlock, Index: p.turn, Block: p.block}
	if p.call != nil && p.haveResult && !p.system {
		f.Kind, f.Number = llm.FieldResultPart, p.result
		return p.call.FieldName(f)
	}
	if p.call != nil && !p.system {
		return p.call.FieldName(f)
	}
	s := f.String()
	if p.system {
		s = "system[" + strconv.Itoa(p.block) + "]"
	}
	if p.haveResult {
		s += ".content[" + strconv.Itoa(p.result) + "]"
	}
	return s
}

// invalidf and unsupported record why a field cannot be written; the reason follows the field's
// name.
func (e *encoder) invalidf(field, format string, args ...any) {
	e.fail(llm.Invalid(field, "%s "+format, append([]any{field}, args...)...))
}

func (e *encoder) unsupported(field, what string) {
	e.fail(llm.Unsupported(field, "%s %s", field, what))
}

func (e *encoder) fail(err *llm.Error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) warn(code, field string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field})
}

func (e *encoder) request(r *llm.Request) {
	switch {
	case r.TopK.Set:
		e.unsupported("top_k", "is not a parameter of Converse; only some models accept it")
	case r.Reasoning.Effort != "" || len(r.Reasoning.Thinking) > 0:
		e.unsupported("reasoning", "is not a parameter of Converse; only some models accept it")
	case r.ParallelTools.Set && !r.ParallelTools.Value && len(r.Tools) > 0:
		e.unsupported("parallel_tool_calls", "is not a parameter of Converse; only some models accept it")
	}
	extensions := e.extensions(r)
	w := &e.w
	w.Object()
	if len(r.Turns) > 0 {
		w.Key("messages")
		e.turns(&r.Call, r.Turns)
	}
	if len(r.System) > 0 {
		w.Key("system")
		w.Array()
		for i := range r.System {
			e.block(&r.System[i], position{call: &r.Call, system: true, block: i})
		}
		w.EndArray()
	}
	e.settings(r)
	e.tools(r)
	if output := outputConfig(extensions); r.Format != nil || len(output) > 0 {
		e.output(r.Format, output)
	}
	if r.ServiceTier != "" {
		w.Key("serviceTier")
		w.Object()
		w.Key("type")
		w.String(r.ServiceTier)
		w.EndObject()
	}
	if len(r.ModelFields) > 0 {
		w.Key("additionalModelRequestFields")
		w.Object()
		w.Members(r.ModelFields)
		w.EndObject()
	}
	for _, m := range extensions {
		if m.Name != "outputConfig" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
}

// extensions returns r's extensions, after checking that none of them duplicates a field.
func (e *encoder) extensions(r *llm.Request) []jsonx.Member {
	for i, m := range r.Extensions {
		if m.Name == "outputConfig" && m.Value.Kind() != '{' {
			e.invalidf(m.Name, "must be an object, not %s", jsonx.KindName(m.Value.Kind()))
		}
		if field := fieldOf(m.Name, r); field == m.Name {
			e.invalidf(m.Name, "is set twice; send it once")
		} else if field != "" {
			e.invalidf(m.Name, "and %s are both set; send one of them", field)
		}
		for _, before := range r.Extensions[:i] {
			if before.Name == m.Name {
				e.invalidf(m.Name, "is set twice; send it once")
			}
		}
	}
	return r.Extensions
}

// fieldOf returns the field of r that corresponds to a member of Converse's body; empty if none
// does.
func fieldOf(member string, r *llm.Request) string {
	switch {
	case member == "messages" && len(r.Turns) > 0, member == "system" && len(r.System) > 0,
		member == "additionalModelRequestFields" && len(r.ModelFields) > 0:
		return member
	case member == "inferenceConfig" && r.MaxTokens.Set:
		return "max_tokens"
	case member == "inferenceConfig" && r.Temperature.Set:
		return "temperature"
	case member == "inferenceConfig" && r.TopP.Set:
		return "top_p"
	case member == "inferenceConfig" && len(r.Stop) > 0:
		return "stop"
	case member == "toolConfig" && len(r.Tools) > 0:
		return "tools"
	case member == "toolConfig" && r.ToolChoice.Kind != llm.ToolChoiceUnset:
		return "tool_choice"
	case member == "serviceTier" && r.ServiceTier != "":
		return "service_tier"
	default:
		return ""
	}
}

// outputConfig returns the members of the extension of that name.
func outputConfig(extensions []jsonx.Member) []jsonx.Member {
	for _, m := range extensions {
		if m.Name == "outputConfig" {
			members, _ := jsonx.Members(m.Value) // known to be an object
			return members
		}
	}
	return nil
}

func (e *encoder) output(f *llm.Format, others []jsonx.Member) {
	w := &e.w
	w.Key("outputConfig")
	w.Object()
	if f != nil {
		e.format(f)
	}
	for _, m := range others {
		if f != nil && m.Name == "textFormat" {
			e.invalidf("format", "and outputConfig.textFormat are both set; send one of them")
		}
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
}

// format writes the schema of a response, which Converse expects as a string that contains JSON.
func (e *encoder) format(f *llm.Format) {
	if len(f.Schema) == 0 {
		e.unsupported("format.schema", "is required: Converse needs a JSON schema for a JSON response")
		return
	}
	if f.Strict.Set && !f.Strict.Value {
		e.warn(llm.WarnDropped, "format.strict") // Converse always enforces the schema
	}
	w := &e.w
	w.Key("textFormat")
	w.Object()
	w.Key("structure")
	w.Object()
	w.Key("jsonSchema")
	w.Object()
	if f.Description != "" {
		w.Key("description")
		w.String(f.Description)
	}
	if f.Name != "" {
		w.Key("name")
		w.String(f.Name)
	}
	w.Key("schema")
	w.String(string(f.Schema))
	w.EndObject()
	w.EndObject()
	w.Key("type")
	w.String("json_schema")
	w.EndObject()
}

func hasSettings(r *llm.Request) bool {
	return r.MaxTokens.Set || r.Temperature.Set || r.TopP.Set || len(r.Stop) > 0
}

func (e *encoder) settings(r *llm.Request) {
	if !hasSettings(r) {
		return
	}
	w := &e.w
	w.Key("inferenceConfig")
	w.Object()
	if r.MaxTokens.Set {
		w.Key("maxTokens")
		w.Int(r.MaxTokens.Value)
	}
	if len(r.Stop) > 0 {
		w.Key("stopSequences")
		w.Array()
		for _, stop := range r.Stop {
			w.String(stop)
		}
		w.EndArray()
	}
	if r.Temperature.Set {
		w.Key("temperature")
		w.Float(r.Temperature.Value)
	}
	if r.TopP.Set {
		w.Key("topP")
		w.Float(r.TopP.Value)
	}
	w.EndObject()
}

// turns writes the conversation, merging neighbouring turns of one role into one message.
func (e *encoder) turns(call *llm.Call, turns []llm.Turn) {
	w := &e.w
	w.Array()
	for i := 0; i < len(turns); {
		role := turns[i].Role
		w.Object()
		w.Key("content")
		w.Array()
		for ; i < len(turns) && turns[i].Role == role; i++ {
			for j := range turns[i].Blocks {
				e.block(&turns[i].Blocks[j], position{call: call, turn: turns[i].Number(i), block: j})
			}
		}
		w.EndArray()
		w.Key("role")
		w.String(string(role))
		w.EndObject()
	}
	w.EndArray()
}

// tools writes toolConfig. Converse cannot express "no tool": the tools are left out, unless the
// conversation contains tool calls, which Converse accepts only with tools; then they stay, and a
// warning says that the model chooses.
func (e *encoder) tools(r *llm.Request) {
	if len(r.Tools) == 0 {
		if k := r.ToolChoice.Kind; k == llm.ToolChoiceAny || k == llm.ToolChoiceNamed {
			e.invalidf("tool_choice", "requires a tool, but tools is empty")
		}
		return
	}
	if r.ToolChoice.Kind == llm.ToolChoiceNone {
		if !speaksOfTools(r.Turns) {
			return
		}
		e.warn(llm.WarnDropped, "tool_choice")
	}
	w := &e.w
	w.Key("toolConfig")
	w.Object()
	switch r.ToolChoice.Kind {
	case llm.ToolChoiceUnset, llm.ToolChoiceNone:
	case llm.ToolChoiceAuto:
		w.Key("toolChoice")
		w.Raw(jsonx.Raw(`{"auto":{}}`))
	case llm.ToolChoiceAny:
		w.Key("toolChoice")
		w.Raw(jsonx.Raw(`{"any":{}}`))
	case llm.ToolChoiceNamed:
		w.Key("toolChoice")
		w.Object()
		w.Key("tool")
		w.Object()
		w.Key("name")
		w.String(r.ToolChoice.Name)
		w.EndObject()
		w.EndObject()
	}
	w.Key("tools")
	w.Array()
	for i := range r.Tools {
		e.tool(&r.Tools[i], i)
	}
	w.EndArray()
	w.EndObject()
}

func speaksOfTools(turns []llm.Turn) bool {
	for _, turn := range turns {
		for _, b := range turn.Blocks {
			if b.Kind == llm.BlockToolUse || b.Kind == llm.BlockToolResult {
				return true
			}
		}
	}
	return false
}

func (e *encoder) tool(t *llm.Tool, i int) {
	w := &e.w
	w.Object()
	if t.Other != nil {
		w.AnyKey(t.Other.Name)
		w.Raw(t.Other.Value)
	} else {
		w.Key("toolSpec")
		w.Object()
		if t.Description != "" {
			w.Key("description")
			w.String(t.Description)
		}
		w.Key("inputSchema")
		w.Object()
		w.Key("json")
		switch {
		case len(t.Schema) == 0:
			w.Raw(jsonx.Raw(`{"type":"object","properties":{}}`)) // a function without arguments
		case t.Schema.Kind() != '{':
			e.invalidf("tools["+strconv.Itoa(i)+"].schema", "must be an object, not %s", jsonx.KindName(t.Schema.Kind()))
		default:
			w.Raw(t.Schema)
		}
		w.EndObject()
		w.Key("name")
		w.String(t.Name)
		if t.Strict.Set {
			w.Key("strict")
			w.Bool(t.Strict.Value)
		}
		w.EndObject()
	}
	w.EndObject()
	if t.Cache != nil {
		w.Object()
		e.cachePoint(t.Cache, nil)
		w.EndObject()
	}
}
