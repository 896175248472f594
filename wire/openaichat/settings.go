package openaichat

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// settings reads the settings that llm has a field for.
func (d *decoder) settings(w *wireRequest) error {
	r := &d.out.LLM
	r.Temperature, r.TopP, r.TopK = w.Temperature.Opt, w.TopP.Opt, w.TopK.Opt
	r.MaxTokens = w.MaxTokens.Opt
	field := "max_tokens"
	if w.MaxCompletionTokens.Set {
		if w.MaxTokens.Set && w.MaxTokens.Value != w.MaxCompletionTokens.Value {
			d.warn(llm.WarnDropped, "max_tokens")
		}
		r.MaxTokens, field = w.MaxCompletionTokens.Opt, "max_completion_tokens"
	}
	if r.MaxTokens.Set && r.MaxTokens.Value < 1 {
		return llm.Invalid(field, "%s must be at least 1, not %d", field, r.MaxTokens.Value)
	}
	if v := r.Temperature; v.Set && (v.Value < 0 || v.Value > 2) {
		return llm.Invalid("temperature", "temperature must be between 0 and 2, not %v", v.Value)
	}
	if v := r.TopP; v.Set && (v.Value < 0 || v.Value > 1) {
		return llm.Invalid("top_p", "top_p must be between 0 and 1, not %v", v.Value)
	}
	if v := r.TopK; v.Set && v.Value < 0 {
		return llm.Invalid("top_k", "top_k must not be negative, not %d", v.Value)
	}
	if err := d.stop(w.Stop); err != nil {
		return err
	}
	if err := d.reasoning(w); err != nil {
		return err
	}
	if w.N.Set {
		if w.N.Value < 1 {
			return llm.Invalid("n", "n must be at least 1, not %d", w.N.Value)
		}
		r.Choices = w.N.Value
	}
	if tier := w.ServiceTier.Value; tier == "auto" {
		r.ServiceTier = "default"
	} else {
		r.ServiceTier = tier
	}
	r.User = w.User.Value
	d.warnUnread("stream_options", w.StreamOptions.Rest)
	return nil
}

func (d *decoder) stop(words []string) error {
	if len(words) > maxStops {
		return llm.Invalid("stop", "stop must have at most %d strings, not %d", maxStops, len(words))
	}
	for _, s := range words {
		if s == "" {
			d.warn(llm.WarnDropped, "stop")
			continue
		}
		d.out.LLM.Stop = append(d.out.LLM.Stop, s)
	}
	return nil
}

func (d *decoder) reasoning(w *wireRequest) error {
	r := &d.out.LLM
	if err := d.effort(&w.ReasoningEffort); err != nil {
		return err
	}
	if len(w.Thinking) > 0 && w.Thinking.Kind() != 'n' {
		if w.Thinking.Kind() != '{' {
			return llm.Invalid("thinking", "thinking must be an object, not %s", jsonx.KindName(w.Thinking.Kind()))
		}
		r.Reasoning.Thinking = w.Thinking
	}
	return nil
}

type jsonSchema struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      jsonx.Raw      `json:"schema"`
	Strict      optional[bool] `json:"strict"`
	Rest        jsonx.Raw      `json:",embed"`
}

type responseFormat struct {
	Type       string      `json:"type"`
	JSONSchema *jsonSchema `json:"json_schema"`
	// ResponseSchema is LiteLLM's second location for a schema, with json_object.
	ResponseSchema jsonx.Raw `json:"response_schema"`
	// Schema stands beside the type with other vendors' json_object, and with its
	// companions in OpenAI's Responses (text.format).
	Schema      jsonx.Raw      `json:"schema"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Strict      optional[bool] `json:"strict"`
	Rest        jsonx.Raw      `json:",embed"`
}

func (d *decoder) format(w *wireRequest) error {
	f := &w.ResponseFormat
	d.warnUnread("response_format", f.Rest)
	out := &llm.Format{}
	field := "response_format.json_schema.schema"
	var given jsonx.Raw
	if f.Type == "json_schema" && f.JSONSchema == nil && len(f.Schema) > 0 {
		field = "response_format.schema"
		f.JSONSchema = &jsonSchema{Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict}
	}
	switch f.Type {
	case "", "text":
		if len(f.Schema) > 0 && f.Schema.Kind() != 'n' {
			d.warn(llm.WarnDropped, "response_format.schema")
		}
		return nil
	case "json_schema":
		if f.JSONSchema == nil || f.JSONSchema.Schema.Kind() != '{' {
			return llm.Invalid(field, "%s is required: a JSON schema, an object", field)
		}
		s := f.JSONSchema
		d.warnUnread("response_format.json_schema", s.Rest)
		out.Name, out.Description, out.Strict, given = s.Name, s.Description, s.Strict.Opt, s.Schema
	case "json_object":
		field, given = "response_format.response_schema", f.ResponseSchema
		if len(given) == 0 && len(f.Schema) > 0 {
			field, given = "response_format.schema", f.Schema
		}
		if len(given) > 0 && given.Kind() == 'n' {
			given = nil
		}
		if len(given) > 0 && given.Kind() != '{' {
			return llm.Invalid(field, "%s must be a JSON schema, an object, not %s", field, jsonx.KindName(given.Kind()))
		}
	default:
		return llm.Invalid("response_format.type", "response_format.type must be text, json_object or json_schema, not %q", f.Type)
	}
	if len(given) > 0 {
		if err := acyclic(field, given); err != nil {
			return err
		}
		schema, err := jsonx.Compact(given)
		if err != nil {
			return decodeError(err)
		}
		out.Schema = schema
	}
	d.out.LLM.Format = out
	return nil
}

// wellFormed checks the value of a parameter of OpenAI's that llm has no field for.
func wellFormed(m *jsonx.Member) error {
	wrong := func(want string) error {
		return llm.Invalid(m.Name, "%s must be %s, not %s", m.Name, want, jsonx.KindName(m.Value.Kind()))
	}
	switch m.Name {
	case "logprobs":
		if k := m.Value.Kind(); k != 't' && k != 'f' {
			return wrong("a boolean")
		}
	case "top_logprobs", "presence_penalty", "frequency_penalty":
		if m.Value.Kind() != '0' {
			return wrong("a number")
		}
		if _, err := strconv.ParseFloat(string(m.Value), 64); err != nil {
			return llm.Invalid(m.Name, "%s is too large a number", m.Name)
		}
	case "modalities":
		var words []string
		if jsonx.Unmarshal(m.Value, &words) != nil {
			return llm.Invalid(m.Name, "%s must be an array of strings", m.Name)
		}
	}
	return nil
}
