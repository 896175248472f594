package llm

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// Defaults are an operator's parameters for calls of a model, decoded.
type Defaults struct {
	// Guardrail is in force for every call, in the form of Converse's guardrailConfig; nil for none. It
	// becomes Call.Guardrail, and is not in Request.
	Guardrail jsonx.Raw
	// Request has the other parameters, as a request that sets nothing else would have them.
	Request Request
	// Elsewhere are the names of the parameters that only bodies in the operator's dialect can have,
	// such as where to insert cache points: Request does not express them.
	Elsewhere []string
}

// Apply sets what a request leaves unset. Settings of one kind count as one: a request with an effort
// gets no thinking. Values are shared, not copied. It does not set the guardrail.
func (d *Defaults) Apply(r *Request) {
	if d == nil {
		return
	}
	own := &d.Request
	unset(&r.MaxTokens, own.MaxTokens)
	unset(&r.Temperature, own.Temperature)
	unset(&r.TopP, own.TopP)
	unset(&r.TopK, own.TopK)
	unset(&r.ParallelTools, own.ParallelTools)
	if r.Stop == nil {
		r.Stop = own.Stop
	}
	if r.Reasoning.Effort == "" && len(r.Reasoning.Thinking) == 0 {
		r.Reasoning = own.Reasoning
	}
	if r.Format == nil {
		r.Format = own.Format
	}
	if r.ServiceTier == "" && jsonx.Find(r.Extensions, "serviceTier") == nil {
		r.ServiceTier = own.ServiceTier
	}
	if r.CacheRetention == "" {
		r.CacheRetention = own.CacheRetention
	}
	if r.Choices == 0 {
		r.Choices = own.Choices
	}
	if r.WebSearch == nil {
		r.WebSearch = own.WebSearch
	}
	if r.Metadata == nil {
		r.Metadata = own.Metadata
	}
	d.ApplyTo(&r.Call)
	before := len(r.Unmapped)
	r.Unmapped = membersWith(r.Unmapped, own.Unmapped)
	for range r.Unmapped[before:] {
		r.UnmappedAt = append(r.UnmappedAt, 0)
	}
	r.ModelFields = membersWith(r.ModelFields, own.ModelFields)
	r.Extensions = membersWith(r.Extensions, own.Extensions)
}

// ApplyTo sets what a call leaves unset whose body passes as it is: its user and its headers.
func (d *Defaults) ApplyTo(c *Call) {
	if d == nil {
		return
	}
	if c.User == "" {
		c.User = d.Request.User
	}
	c.Headers = headersWith(c.Headers, d.Request.Headers)
}

// InBodies reports whether there are parameters that stand in bodies: others than the user and headers.
func (d *Defaults) InBodies() bool {
	r := &d.Request
	return r.MaxTokens.Set || r.Temperature.Set || r.TopP.Set || r.TopK.Set || r.ParallelTools.Set || r.Stop != nil ||
		r.Reasoning.Effort != "" || len(r.Reasoning.Thinking) > 0 || r.Format != nil || r.ServiceTier != "" || r.CacheRetention != "" ||
		r.Choices > 0 || r.WebSearch != nil || r.Metadata != nil || len(r.Unmapped)+len(r.ModelFields)+len(r.Extensions) > 0
}

func unset[T any](setting *Opt[T], value Opt[T]) {
	if !setting.Set {
		*setting = value
	}
}

// membersWith adds the members that are not among those of a request.
func membersWith(have, more []jsonx.Member) []jsonx.Member {
	own := have
	for _, m := range more {
		if jsonx.Find(own, m.Name) == nil {
			have = append(slices.Clip(have), m)
		}
	}
	return have
}

// headersWith adds the headers that are not among those of a request.
func headersWith(have, more []Label) []Label {
	own := have
	for _, h := range more {
		if !slices.ContainsFunc(own, func(l Label) bool { return strings.EqualFold(l.Name, h.Name) }) {
			have = append(slices.Clip(have), h)
		}
	}
	return have
}
