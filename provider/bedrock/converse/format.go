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
// it (outputConfig.textFormat). Any other, and any wish that such a schema cannot
// say, gets a tool whose input is the answer: restoring makes it the answer's text.
// Where the model cannot be made to call it, or is not known to, the system prompt asks for it, and an
// answer that is JSON by itself is as good.
func (p *fitting) format() error {
	f := p.out.Format
	if f == nil {
		return nil
	}
	if p.model.any(native) && len(f.Schema) > 0 {
		var c closing
		schema := c.close(f.Schema)
		if c.open == "" {
			p.natively(schema, c.bound)
			return nil
		}
	}
	if len(f.Schema) > 0 && p.model.Vendor == "" && p.model.facts == nil {
		return nil // nothing is known of the model: what was asked is sent
	}
	if p.model.any(noTools) {
		p.out.Format = nil
		if err := p.refuse("response_format", "response_format: the model takes neither a schema for its answer nor tools on Bedrock"); err != nil {
			return err
		}
		p.instruct("Answer with one JSON object and nothing else." + following(f.Schema))
		return nil
	}
	return p.byTool()
}

// natively gives the model the schema, the rewritten one if there is one.
func (p *fitting) natively(schema jsonx.Raw, bound bool) {
	if bound {
		p.warn(llm.WarnChanged, "response_format", "bounds stand in the schema's descriptions, since AWS takes none")
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

// byTool has the answer given as a tool's input.
func (p *fitting) byTool() error {
	f := p.out.Format
	own := len(p.out.Tools)+len(p.own) > 0
	c := &p.out.ToolChoice
	if own && (c.Kind == llm.ToolChoiceAny || c.Kind == llm.ToolChoiceNamed) {
		// A call of one of the caller's tools is wanted, and no answer.
		p.out.Format = nil
		p.warn(llm.WarnDropped, "response_format", "the answer is the call of a tool")
		return nil
	}
	if f.Strict.Value {
		p.warn(llm.WarnChanged, "response_format", "the model is shown the schema and not held to it")
	}
	p.out.Format = nil
	p.f.reply = p.freeName()
	schema := f.Schema
	if len(schema) == 0 {
		schema = jsonx.Raw(anyObject)
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
	return nil
}

// freeName is a name for the tool that answers, which no other tool has.
func (p *fitting) freeName() string {
	used := map[string]bool{}
	p.eachName(func(name string) { used[name] = true }, nil)
	name := replyName
	for n := 2; used[name]; n++ {
		name = replyName + "_" + strconv.Itoa(n)
	}
	return name
}

// instruct puts a sentence behind the system prompt.
func (p *fitting) instruct(text string) {
	p.out.System = append(slices.Clip(p.out.System), llm.Block{Kind: llm.BlockText, Text: text})
}
