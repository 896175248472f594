package converse

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// replyName is the tool whose input is the answer, unless the caller has one of
// that name.
const replyName = "json_answer"

// format fits the wish for JSON. A model that takes a schema for its answer is given
// it (outputConfig.textFormat). Any other, and a schema that cannot be said there, gets
// a tool whose input is the answer: restoring makes it the answer's text. Where the
// model cannot be made to call it, or is not known to, the system prompt asks for it,
// and an answer that is JSON by itself is as good. Without a schema there is nothing
// that a tool could add: the system prompt asks for JSON.
func (p *adapter) format() error {
	f := p.out.Format
	if f == nil {
		return nil
	}
	reason := ""
	if p.model.any(native) && len(f.Schema) > 0 {
		var c closing
		schema := c.close(f.Schema)
		if c.open == "" {
			reason = p.room(&c)
		}
		if c.open == "" && reason == "" {
			p.natively(schema, &c)
			return nil
		}
	}
	if len(f.Schema) > 0 && p.model.Vendor == "" && p.model.facts == nil && !p.model.any(noNative) {
		return nil // nothing is known of the model: what was asked is sent
	}
	if p.called() {
		return nil
	}
	if len(f.Schema) == 0 || !describesObject(f.Schema) {
		p.byWords()
		return nil
	}
	if p.model.any(noTools) {
		p.out.Format = nil
		if err := p.refuseKind(llm.FieldFormat, "%s is not supported by this model: on "+p.model.host+" it has neither structured output nor tools"); err != nil {
			return err
		}
		p.instruct("Answer with one JSON object and nothing else." + following(f.Schema))
		return nil
	}
	p.byTool(reason)
	return nil
}

// called reports whether a call of one of the caller's tools is wanted, and no answer.
func (p *adapter) called() bool {
	c := p.out.ToolChoice
	if len(p.out.Tools)+len(p.own) == 0 || c.Kind != llm.ToolChoiceAny && c.Kind != llm.ToolChoiceNamed {
		return false
	}
	p.out.Format = nil
	p.warn(llm.WarnDropped, p.name(llm.FieldFormat), p.name(llm.FieldToolChoice)+" forces a tool call")
	return true
}

// describesObject reports whether the input of a tool can follow a schema, as it is an
// object.
func describesObject(schema jsonx.Raw) bool {
	members, err := jsonx.Members(schema)
	if err != nil {
		return false
	}
	kind := jsonx.Find(members, "type")
	return kind == nil || slices.Contains(typesOf(kind), "object")
}

// byWords asks for JSON in the system prompt. The answer is read as if it might come by
// a tool: its text passes once it begins like JSON, and without the fence around it.
func (p *adapter) byWords() {
	f := p.out.Format
	p.out.Format = nil
	p.f.reply, p.f.words = p.freeName(), true // which no tool has
	text := "Answer with one JSON object and nothing else, without a code block around it."
	if len(f.Schema) > 0 {
		p.warn(llm.WarnChanged, p.name(llm.FieldFormat), "the schema is passed to the model but is not enforced")
		text = "Answer with JSON and nothing else, without a code block around it." + following(f.Schema)
	}
	if len(p.out.Tools)+len(p.own) > 0 && p.out.ToolChoice.Kind != llm.ToolChoiceNone {
		text = "When you call no tool: " + text
	}
	p.instruct(text)
}

// natively gives the model the schema, the rewritten one if there is one.
func (p *adapter) natively(schema jsonx.Raw, c *closing) {
	if c.bound {
		p.warn(llm.WarnChanged, p.name(llm.FieldFormat), "bounds were moved to the schema's descriptions, because "+p.model.host+" does not support them")
	}
	if c.loose {
		p.warn(llm.WarnChanged, p.name(llm.FieldFormat), "oneOf was replaced by anyOf, because "+p.model.host+" does not support oneOf")
	}
	if schema != nil {
		format := *p.out.Format
		format.Schema = schema
		p.out.Format = &format
	}
}

func following(schema jsonx.Raw) string {
	if len(schema) == 0 {
		return ""
	}
	return " It must follow this JSON schema: " + string(schema)
}

// byTool has the answer given as a tool's input. reason is why it is not given by the
// model's own way; empty if it has none.
func (p *adapter) byTool(reason string) {
	f := p.out.Format
	own := len(p.out.Tools)+len(p.own) > 0
	c := &p.out.ToolChoice
	if reason != "" {
		reason += "; "
	}
	if f.Strict.Value || reason != "" {
		p.warn(llm.WarnChanged, p.name(llm.FieldFormat), reason+"the schema is passed to the model but is not enforced")
	}
	p.out.Format = nil
	p.f.reply = p.freeName()
	schema := f.Schema
	if topped, err := objectTop(schema, p.name(llm.FieldFormatSchema)); err == nil && topped != nil {
		schema = topped
	}
	description := "Gives the answer to the user as a JSON object."
	if f.Name != "" && f.Name != "response" {
		description += " It is called " + f.Name + "."
	}
	if f.Description != "" {
		description += " " + f.Description
	}
	tool := llm.Tool{Name: p.f.reply, Description: description, Schema: schema}
	none := c.Kind == llm.ToolChoiceNone
	if none && !p.seen.tools {
		p.out.Tools = nil // which are not to be called
		own = false
	}
	p.out.Tools = append(slices.Clip(p.out.Tools), tool)
	if p.stream && p.model.any(noStreamTools) {
		p.wholly()
	}
	switch {
	case p.free || p.model.any(neverForced|autoOnly) || !p.model.any(forces):
		*c = llm.ToolChoice{Kind: llm.ToolChoiceAuto}
		p.instruct("When the answer is ready, give it by calling the tool " + p.f.reply + " once; write no other text.")
	case own && !none:
		*c = llm.ToolChoice{Kind: llm.ToolChoiceAny}
	default:
		*c = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: p.f.reply}
	}
}

// freeName is a name for the tool that answers, which no other tool has.
func (p *adapter) freeName() string {
	used := map[string]bool{}
	p.eachName(func(name string) { used[name] = true }, nil)
	name := replyName
	for n := 2; used[name]; n++ {
		name = replyName + "_" + strconv.Itoa(n)
	}
	return name
}

// instruct puts a sentence behind the system prompt.
func (p *adapter) instruct(text string) {
	p.out.System = append(slices.Clip(p.out.System), llm.Block{Kind: llm.BlockText, Text: text})
}
