package openairesponses

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// rest reads the members that wireRequest does not name.
func (d *decoder) rest(w *wireRequest) error {
	members, err := litellm.Members(w.Rest)
	if err != nil {
		return err
	}
	d.common.Call, d.common.Warnings, d.common.Beta = &d.out.LLM.Call, &d.out.Warnings, d.opt.Beta
	d.common.AllowClientSettings = d.opt.AllowClientSettings != nil && d.opt.AllowClientSettings(w.Model)
	if members, err = d.common.Settings(members); err != nil {
		return err
	}
	for i := range members {
		if err := d.member(&members[i]); err != nil {
			return err
		}
	}
	d.common.Finish()
	return nil
}

// member reads a member of the API that llm has no field for, one of chat completions that LiteLLM's
// configurations and clients set for any endpoint, or a parameter of the model.
func (d *decoder) member(m *jsonx.Member) error {
	asks := !jsonx.Empty(m.Value)
	switch m.Name {
	case "store", "background", "previous_response_id", "conversation", // the gateway's own
		"stream_options": // obfuscation of the sizes of events, which the gateway does not add
		return nil
	case "client_metadata", "prompt_cache_options", "access_programs":
		if asks {
			d.warn(llm.WarnDropped, m.Name, "only OpenAI's API has it; the response is the same without it")
		}
		return nil
	case "context_management", "background_options", "image", "service_tier_options":
		if asks {
			d.warn(llm.WarnDropped, m.Name, "not supported; the request is sent as it is")
		}
		return nil
	case "prompt", "moderation":
		if asks {
			d.refusef(m.Name, "%s is not supported: it belongs to what OpenAI's API stores or runs itself", m.Name)
		}
		return nil
	case "prompt_cache_key":
		if m.Value.Kind() != '"' {
			return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
		}
		d.out.LLM.AutoCache = asks
		d.unmapped(m.Name, m.Value)
		return nil
	case "prompt_cache_retention":
		return d.retention(m)
	}
	if done, err := d.chatMember(m); done || err != nil {
		return err
	}
	if done, err := d.common.Member(m); done || err != nil {
		return err
	}
	return d.modelField(m)
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
		d.warn(llm.WarnDropped, m.Name, "must be in_memory or 24h")
	}
	return nil
}

// chatMember reads a parameter under its name in chat completions.
func (d *decoder) chatMember(m *jsonx.Member) (done bool, err error) {
	r := &d.out.LLM
	switch m.Name {
	case "max_tokens", "max_completion_tokens":
		if r.MaxTokens.Set {
			d.warn(llm.WarnDropped, m.Name, "max_output_tokens is set, too")
			return true, nil
		}
		err = d.value(m, &r.MaxTokens.Value)
		r.MaxTokens.Set = true
	case "top_k":
		err = d.value(m, &r.TopK.Value)
		r.TopK.Set = true
	case "stop":
		if m.Value.Kind() == '"' {
			r.Stop = make([]string, 1)
			err = d.value(m, &r.Stop[0])
		} else {
			err = d.value(m, &r.Stop)
		}
	case "reasoning_effort":
		if r.Reasoning.Effort == "" {
			err = d.value(m, &r.Reasoning.Effort)
		}
	case "thinking":
		if m.Value.Kind() != '{' {
			return true, llm.Invalid(m.Name, "%s must be an object, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
		}
		r.Reasoning.Thinking = m.Value
	case "seed", "presence_penalty", "frequency_penalty", "logit_bias":
		d.unmapped(m.Name, m.Value)
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "outputConfig":
		r.Extensions = append(r.Extensions, *m)
	case "additionalModelRequestFields":
		fields, err := jsonx.Members(m.Value)
		if err != nil {
			return true, llm.Invalid(m.Name, "%s must be an object", m.Name)
		}
		for i := range fields {
			if err := d.modelField(&fields[i]); err != nil {
				return true, err
			}
		}
	case "allowed_openai_params":
	default:
		return false, nil
	}
	return true, err
}

// value decodes the value of a member.
func (d *decoder) value(m *jsonx.Member, v any) error {
	if err := jsonx.Unmarshal(m.Value, v); err != nil {
		return llm.Invalid(m.Name, "%s cannot be decoded: %v", m.Name, err)
	}
	return nil
}

// modelField adds a parameter that is specific to the model.
func (d *decoder) modelField(m *jsonx.Member) error {
	r := &d.out.LLM
	switch err := litellm.CheckField(m.Name); {
	case err != nil:
		return err
	case jsonx.Find(r.ModelFields, m.Name) != nil:
		return llm.Invalid(m.Name, "%s is set twice, at the top level and in additionalModelRequestFields; send it once", m.Name)
	case len(r.ModelFields) == maxFields:
		return llm.Invalid(m.Name, "%s: too many model parameters (limit %d)", m.Name, maxFields)
	}
	r.ModelFields = append(r.ModelFields, *m)
	return nil
}
