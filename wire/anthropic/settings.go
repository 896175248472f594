package anthropic

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// outputConfig is the setting of how a response is made.
type outputConfig struct {
	Effort optional[string] `json:"effort"`
	Format *outputFormat    `json:"format"`
	Rest   jsonx.Raw        `json:",embed"`
}

type outputFormat struct {
	Type   string    `json:"type"`
	Schema jsonx.Raw `json:"schema"`
	Rest   jsonx.Raw `json:",embed"`
}

// settings reads the settings that llm has a field for.
func (d *decoder) settings(w *wireRequest) error {
	r := &d.out.LLM
	r.MaxTokens, r.KeepMaxTokens = w.MaxTokens.Opt, true
	switch {
	case r.MaxTokens.Set && r.MaxTokens.Value < 1:
		return llm.Invalid("max_tokens", "max_tokens: Input should be greater than or equal to 1, not %d", r.MaxTokens.Value)
	case !r.MaxTokens.Set && !d.opt.Count && !d.opt.Unlimited:
		e := llm.Invalid("max_tokens", "max_tokens: Field required")
		e.Fix = "Add max_tokens, such as 1024."
		return e
	}
	r.Temperature, r.TopP, r.TopK = w.Temperature.Opt, w.TopP.Opt, w.TopK.Opt
	if v := r.Temperature; v.Set && (v.Value < 0 || v.Value > 1) {
		return llm.Invalid("temperature", "temperature: range: 0..1, not %v", v.Value)
	}
	if v := r.TopP; v.Set && (v.Value < 0 || v.Value > 1) {
		return llm.Invalid("top_p", "top_p: range: 0..1, not %v", v.Value)
	}
	if v := r.TopK; v.Set && v.Value < 0 {
		return llm.Invalid("top_k", "top_k: Input should be greater than or equal to 0, not %d", v.Value)
	}
	if len(w.Stop) > maxStops {
		return llm.Invalid("stop_sequences", "stop_sequences must have at most %d strings, not %d", maxStops, len(w.Stop))
	}
	for _, s := range w.Stop {
		if s == "" {
			d.warnOnce(llm.WarnDropped, "stop_sequences", "an empty stop sequence stops nothing")
			continue
		}
		r.Stop = append(r.Stop, s)
	}
	if given(w.Thinking) {
		if w.Thinking.Kind() != '{' {
			return llm.Invalid("thinking", "thinking: Input should be an object, not %s", jsonx.KindName(w.Thinking.Kind()))
		}
		r.Reasoning.Thinking = w.Thinking
	}
	switch tier := w.ServiceTier.Value; tier {
	case "auto": // the best that the account has, which is the provider's default
	case "standard_only":
		r.ServiceTier = "default"
	default:
		r.ServiceTier = tier
	}
	if err := d.output(w); err != nil {
		return err
	}
	return d.metadata(w.Metadata)
}

// output reads output_config. A system message inside the conversation may set the effort of its
// turn; the last one applies to the response that is requested.
func (d *decoder) output(w *wireRequest) error {
	r := &d.out.LLM
	c := w.OutputConfig
	if c == nil {
		c = &outputConfig{}
	}
	if err := checkEffort("output_config.effort", c.Effort.Value); err != nil {
		return err
	}
	r.Reasoning.Effort = c.Effort.Value
	if d.effort != "" && d.effort != c.Effort.Value {
		if c.Effort.Value != "" {
			d.warn(llm.WarnChanged, "output_config.effort", "set to "+d.effort+", as "+Param(d.effortField)+" asks for")
		}
		r.Reasoning.Effort = d.effort
	}
	d.unread("output_config", c.Rest)
	switch {
	case c.Format != nil:
		return d.format("output_config.format", c.Format)
	case w.OutputFormat != nil:
		return d.format("output_format", w.OutputFormat)
	default:
		return nil
	}
}

func checkEffort(field, word string) error {
	switch word {
	case "", "low", "medium", "high", "xhigh", "max":
		return nil
	default:
		return llm.Invalid(field, "%s: Input should be 'low', 'medium', 'high', 'xhigh' or 'max', not %q", field, word)
	}
}

func (d *decoder) format(field string, f *outputFormat) error {
	if f.Type != "json_schema" {
		return llm.Invalid(field+".type", "%s.type: Input should be 'json_schema', not %q", field, f.Type)
	}
	if f.Schema.Kind() != '{' {
		return llm.Invalid(field+".schema", "%s.schema: Field required: a JSON schema, an object", field)
	}
	schema, err := jsonx.Compact(f.Schema)
	if err != nil {
		return decodeError(err)
	}
	d.unread(field, f.Rest)
	d.out.LLM.Format = &llm.Format{Schema: schema}
	return nil
}

// metadata reads the client's own user. Other members, which Anthropic's API does not have, are
// labels.
func (d *decoder) metadata(v jsonx.Raw) error {
	if !given(v) {
		return nil
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return llm.Invalid("metadata", "metadata: Input should be an object, not %s", jsonx.KindName(v.Kind()))
	}
	if len(members) > maxFields {
		return llm.Invalid("metadata", "metadata must have at most %d members, not %d", maxFields, len(members))
	}
	r := &d.out.LLM
	for _, m := range members {
		var value string
		switch {
		case m.Value.Kind() == 'n':
			continue
		case m.Value.Kind() != '"':
			return llm.Invalid("metadata."+m.Name, "metadata.%s: Input should be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
		}
		if err := jsonx.Unmarshal(m.Value, &value); err != nil {
			return decodeError(err)
		}
		if m.Name == "user_id" {
			r.User = value
		} else {
			r.Metadata = append(r.Metadata, llm.Label{Name: m.Name, Value: value})
		}
	}
	return nil
}

// billingLine begins a block that Claude Code puts before its system prompt. It tells Anthropic the
// client's version and is not meant for the model.
const billingLine = "x-anthropic-billing-header:"

// system reads the top-level system prompt, which precedes system messages at the beginning of the
// conversation.
func (d *decoder) system(w *wireRequest) error {
	c := &w.System
	if c.object {
		return llm.Invalid("system", "system must be a string or an array of text blocks, not an object")
	}
	var blocks []llm.Block
	if c.text.Value != "" {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: c.text.Value})
	}
	for j := range c.blocks {
		b := &c.blocks[j]
		at := position{message: systemPrompt, block: j, inner: none}
		if b.Type != "text" {
			return llm.Invalid(at.String()+".type", "%s.type: Input should be 'text', not %q", at, b.Type)
		}
		if strings.HasPrefix(b.Text.Value, billingLine) {
			continue
		}
		var err error
		if blocks, err = d.block(blocks, at, llm.RoleSystem, b); err != nil {
			return err
		}
	}
	d.out.LLM.System = append(blocks, d.out.LLM.System...)
	return nil
}
