package openaichat

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// memberClass determines how a member without a field in wireRequest is handled.
type memberClass uint8

const (
	modelField     memberClass = iota // a parameter of the model
	classExtension                    // a member of the target's API
	classUnmapped                     // OpenAI's; the provider decides what to do with it
)

// known classifies members that wireRequest and LiteLLM's additions to all dialects do not have.
func known(name string) memberClass {
	switch name {
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "outputConfig":
		return classExtension
	case "seed", "store", "prompt_cache_key", "prediction", "verbosity",
		"logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "modalities", "logit_bias", "audio":
		return classUnmapped
	default:
		return modelField
	}
}

// rest reads the members that wireRequest does not name.
func (d *decoder) rest(w *wireRequest) error {
	members, err := litellm.Members(w.Rest)
	if err != nil {
		return err
	}
	d.common.Call, d.common.Warnings = &d.out.LLM.Call, &d.out.Warnings
	if members, err = d.common.Settings(members); err != nil {
		return err
	}
	var own map[string]bool
	if len(members) > 0 {
		own = make(map[string]bool, len(members))
	}
	for i := range members {
		if err := d.member(own, &members[i]); err != nil {
			return err
		}
	}
	d.common.Finish()
	return nil
}

func (d *decoder) member(own map[string]bool, m *jsonx.Member) error {
	allowed := slices.Contains(d.allowed, m.Name) // by the client, which knows the model
	switch m.Name {
	case "additionalModelRequestFields":
		fields, err := jsonx.Members(m.Value)
		if err != nil {
			return llm.Invalid(m.Name, "%s must be an object", m.Name)
		}
		for i := range fields {
			if err := d.modelField(own, &fields[i]); err != nil {
				return err
			}
		}
		return nil
	case "web_search_options":
		if m.Value.Kind() != '{' {
			return llm.Invalid(m.Name, "%s must be an object, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
		}
		if !allowed {
			d.out.LLM.WebSearch = m.Value
			return nil
		}
	case "cache_control_injection_points":
		return d.inject(m)
	case "prompt_cache_retention":
		if !allowed {
			return d.retention(m)
		}
	}
	if !allowed || !litellm.IsSetting(m.Name) {
		if done, err := d.common.Member(m); done || err != nil {
			return err
		}
	}
	r := &d.out.LLM
	switch class := known(m.Name); {
	case class == classExtension:
		if jsonx.Find(r.Extensions, m.Name) != nil {
			return llm.Invalid(m.Name, "%s is set twice; send it once", m.Name)
		}
		r.Extensions = append(r.Extensions, *m)
	case class == classUnmapped && !allowed:
		if err := wellFormed(m); err != nil {
			return err
		}
		r.Unmapped = append(r.Unmapped, *m)
		r.UnmappedAt = append(r.UnmappedAt, len(d.out.Warnings))
	default:
		return d.modelField(own, m)
	}
	return nil
}

// retention is how long to cache the prompt: OpenAI knows in_memory, which is the default, and 24h.
func (d *decoder) retention(m *jsonx.Member) error {
	var word string
	if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, &word) != nil {
		return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
	}
	switch word {
	case "24h":
		d.out.LLM.CacheRetention = word
	case "in_memory", "in-memory", "":
	default:
		d.warn(llm.WarnDropped, m.Name)
	}
	return nil
}

// modelField adds a parameter that is specific to the model. It may be at the top level or in
// additionalModelRequestFields, but not in both.
func (d *decoder) modelField(own map[string]bool, m *jsonx.Member) error {
	if err := litellm.CheckField(m.Name); err != nil {
		return err
	}
	if own[m.Name] {
		return llm.Invalid(m.Name, "%s is set twice, at the top level and in additionalModelRequestFields; send it once", m.Name)
	}
	if len(d.out.LLM.ModelFields) == maxFields {
		return llm.Invalid(m.Name, "%s: too many model parameters (limit %d)", m.Name, maxFields)
	}
	own[m.Name] = true
	d.out.LLM.ModelFields = append(d.out.LLM.ModelFields, *m)
	return nil
}
