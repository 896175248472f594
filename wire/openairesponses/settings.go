package openairesponses

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// reasoning is how the model shall think.
type reasoning struct {
	Effort  optional[string] `json:"effort"`
	Summary optional[string] `json:"summary"`
	Rest    jsonx.Raw        `json:",embed"`
}

// textSettings is the form of the response's text.
type textSettings struct {
	Format    *format          `json:"format"`
	Verbosity optional[string] `json:"verbosity"`
	Rest      jsonx.Raw        `json:",embed"`
}

type format struct {
	Type        string           `json:"type"`
	Name        string           `json:"name"`
	Description optional[string] `json:"description"`
	Schema      jsonx.Raw        `json:"schema"`
	Strict      optional[bool]   `json:"strict"`
	Rest        jsonx.Raw        `json:",embed"`
}

// settings reads the settings that llm has a field for.
func (d *decoder) settings(w *wireRequest) error {
	r := &d.out.LLM
	r.MaxTokens, r.Temperature, r.TopP = w.MaxOutputTokens.Opt, w.Temperature.Opt, w.TopP.Opt
	if v := r.MaxTokens; v.Set && v.Value < 1 {
		return llm.Invalid("max_output_tokens", "max_output_tokens must be at least 1, not %d", v.Value)
	}
	if v := r.Temperature; v.Set && (v.Value < 0 || v.Value > 2) {
		return llm.Invalid("temperature", "temperature must be between 0 and 2, not %v", v.Value)
	}
	if v := r.TopP; v.Set && (v.Value < 0 || v.Value > 1) {
		return llm.Invalid("top_p", "top_p must be between 0 and 1, not %v", v.Value)
	}
	if v := w.MaxToolCalls; v.Set {
		if v.Value < 1 {
			return llm.Invalid("max_tool_calls", "max_tool_calls must be at least 1, not %d", v.Value)
		}
		d.warn(llm.WarnDropped, "max_tool_calls", "it bounds the calls of tools that OpenAI's API runs itself")
	}
	switch tier := w.ServiceTier.Value; tier {
	case "auto":
		r.ServiceTier = "default"
	default:
		r.ServiceTier = tier
	}
	switch w.Truncation.Value {
	case "", "disabled":
	case "auto":
		d.warn(llm.WarnDropped, "truncation", "the input is sent whole; one that is too long is refused")
	default:
		return llm.Invalid("truncation", "truncation must be auto or disabled, not %q", w.Truncation.Value)
	}
	if v := w.TopLogprobs; v.Set && v.Value != 0 {
		if v.Value < 0 || v.Value > 20 {
			return llm.Invalid("top_logprobs", "top_logprobs must be between 0 and 20, not %d", v.Value)
		}
		d.unmapped("top_logprobs", jsonx.Raw(strconv.FormatInt(v.Value, 10)))
	}
	d.include(w.Include)
	if err := d.reasoning(w.Reasoning); err != nil {
		return err
	}
	return d.text(w.Text)
}

// unmapped adds a parameter that only the provider knows what to do with.
func (d *decoder) unmapped(name string, value jsonx.Raw) {
	r := &d.out.LLM
	r.Unmapped = append(r.Unmapped, jsonx.Member{Name: name, Value: value})
	r.UnmappedAt = append(r.UnmappedAt, len(d.out.Warnings))
}

// include reads what a response shall contain in addition. What belongs to tools that OpenAI's API runs
// is nowhere to be included.
func (d *decoder) include(words []string) {
	for i, word := range words {
		switch word {
		case "reasoning.encrypted_content":
			d.out.Sealed = true
		case "message.output_text.logprobs":
			d.unmapped("logprobs", jsonx.Raw("true"))
		case "message.input_image.image_url", "computer_call_output.output.image_url", "file_search_call.results", "web_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs":
		default:
			d.warn(llm.WarnDropped, "include["+strconv.Itoa(i)+"]", "it is not known")
		}
	}
}

func (d *decoder) reasoning(v *reasoning) error {
	if v == nil {
		return nil
	}
	switch word := v.Effort.Value; word {
	case "", "auto", "default":
	case "none", "minimal", "low", "medium", "high", "xhigh", "max":
		d.out.LLM.Reasoning.Effort = word
	default:
		return llm.Invalid("reasoning.effort", "reasoning.effort must be none, minimal, low, medium, high, xhigh or max, not %q", word)
	}
	switch word := v.Summary.Value; word {
	case "", "none":
	case "auto", "concise", "detailed":
		d.out.LLM.Reasoning.Summary = word
	default:
		return llm.Invalid("reasoning.summary", "reasoning.summary must be auto, concise or detailed, not %q", word)
	}
	members, err := jsonx.Members(v.Rest)
	if err != nil {
		return litellm.DecodeError(err)
	}
	for _, m := range members {
		switch m.Name {
		case "generate_summary": // the former name of summary
		case "context": // which reasoning of earlier turns the model sees: all that is sent, as far as it takes it
			if value := string(m.Value); value != `"auto"` && value != `"all_turns"` && given(m.Value) {
				d.warn(llm.WarnDropped, "reasoning.context", "the model is given all reasoning of the input that it takes")
			}
		default:
			if given(m.Value) && string(m.Value) != `"standard"` { // of mode
				d.warn(llm.WarnDropped, "reasoning."+llm.Clip(m.Name, 128), "not supported")
			}
		}
	}
	return nil
}

func (d *decoder) text(v *textSettings) error {
	if v == nil {
		return nil
	}
	switch word := v.Verbosity.Value; word {
	case "":
	case "low", "medium", "high":
		d.unmapped("verbosity", jsonx.AppendString(nil, word))
	default:
		return llm.Invalid("text.verbosity", "text.verbosity must be low, medium or high, not %q", word)
	}
	f := v.Format
	if f == nil {
		return nil
	}
	out := &llm.Format{}
	switch f.Type {
	case "", "text":
		return nil
	case "json_object":
	case "json_schema":
		if f.Schema.Kind() != '{' {
			return llm.Invalid("text.format.schema", "text.format.schema is required: a JSON schema, an object")
		}
		schema, err := jsonx.Compact(f.Schema)
		if err != nil {
			return litellm.DecodeError(err)
		}
		out = &llm.Format{Name: f.Name, Description: f.Description.Value, Schema: schema, Strict: f.Strict.Opt}
	default:
		return llm.Invalid("text.format.type", "text.format.type must be text, json_object or json_schema, not %q", f.Type)
	}
	d.out.LLM.Format = out
	return nil
}
