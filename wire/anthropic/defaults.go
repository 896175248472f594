package anthropic

import (
	"bytes"
	"slices"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Defaults returns an operator's parameters without those that a request has itself, also if it has
// null for one of them, and without those that the dialect cannot answer to, each of which is a
// warning. It is nil if none are left.
func (h *Head) Defaults(d *llm.Defaults) (*llm.Defaults, []llm.Warning) {
	if d == nil {
		return nil, nil
	}
	var warnings []llm.Warning
	warn := func(name, detail string) {
		warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: name, Detail: detail})
	}
	for _, name := range d.Elsewhere {
		warn(name, "this parameter of the gateway's operator applies to OpenAI's formats only")
	}
	own := *d
	own.Elsewhere = nil
	r := &own.Request
	if r.Choices > 1 {
		warn("n", "a message is one response")
	}
	r.Choices = 0
	for _, name := range h.Members {
		switch name {
		case "max_tokens":
			r.MaxTokens = llm.Opt[int64]{}
		case "temperature":
			r.Temperature = llm.Opt[float64]{}
		case "top_p":
			r.TopP = llm.Opt[float64]{}
		case "top_k":
			r.TopK = llm.Opt[int64]{}
		case "stop_sequences":
			r.Stop = nil
		case "thinking":
			r.Reasoning = llm.Reasoning{}
		case "service_tier":
			r.ServiceTier = ""
		case "output_format":
			r.Format = nil
		case "metadata":
			r.User, r.Metadata = "", nil
		}
	}
	return &own, warnings
}

// WithDefaults returns a body with the parameters that Head.Defaults has left, for targets that speak
// the dialect. It reports false if the dialect has no member for one of them, or the body may have it
// already: then the request must be decoded, and the parameters applied to that. User and Headers are
// the caller's business, as they are no part of the body.
func (h *Head) WithDefaults(body []byte, d *llm.Defaults) ([]byte, bool) {
	r := &d.Request
	switch {
	case r.Temperature.Set && r.Temperature.Value > 1, // which OpenAI's dialect has
		r.Reasoning.Effort != "", // which means something else for each model
		len(r.Reasoning.Thinking) > 0 && slices.Contains(h.Members, "output_config"),
		r.Format != nil, r.ServiceTier != "", r.ParallelTools.Set, r.CacheRetention != "", r.WebSearch != nil,
		len(r.Metadata)+len(r.Unmapped)+len(r.ModelFields)+len(r.Extensions) > 0:
		return nil, false
	}
	for _, l := range r.Headers {
		if httpfield.RuleOf(l.Name) != httpfield.Pass {
			return nil, false
		}
	}
	var w jsonx.Writer
	w.Object()
	if r.MaxTokens.Set {
		w.Key("max_tokens")
		w.Int(r.MaxTokens.Value)
	}
	number := func(name string, v llm.Opt[float64]) {
		if v.Set {
			w.Key(name)
			w.Float(v.Value)
		}
	}
	number("temperature", r.Temperature)
	number("top_p", r.TopP)
	if r.TopK.Set {
		w.Key("top_k")
		w.Int(r.TopK.Value)
	}
	if len(r.Stop) > 0 {
		w.Key("stop_sequences")
		w.Array()
		for _, s := range r.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if len(r.Reasoning.Thinking) > 0 {
		w.Key("thinking")
		w.Raw(r.Reasoning.Thinking)
	}
	if len(w.Buf) == 1 {
		return body, true
	}
	at := bytes.IndexByte(body, '{') + 1 // the body has members, at least model
	return slices.Concat(w.Buf, []byte{','}, body[at:]), true
}
