package openaichat

import (
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// memberClass determines how a member without a field in wireRequest is handled.
type memberClass uint8

const (
	modelField       memberClass = iota // a parameter of the model
	classExtension                      // a member of the target's API
	classUnmapped                       // OpenAI's; the provider decides what to do with it
	classNoEffect                       // LiteLLM's, without effect here: a warning
	classUnsupported                    // LiteLLM's; ignoring it would change the response's meaning
)

// known classifies OpenAI's and LiteLLM's members without a field.
func known(name string) memberClass {
	switch name {
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables", "additionalModelResponseFieldPaths", "serviceTier", "outputConfig":
		return classExtension
	case "seed", "store", "prompt_cache_key", "prediction", "verbosity",
		"logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "modalities", "logit_bias", "audio":
		return classUnmapped
	case "litellm_metadata", "tags", "caching", "cache", "num_retries", "timeout", "request_timeout", "max_retries", "fallbacks",
		"context_window_fallback_dict", "priority", "no-log", "litellm_call_id", "litellm_trace_id", "proxy_server_request":
		return classNoEffect
	case "guardrails", "mock_response", "user_config", "prompt_id", "prompt_variables", "custom_llm_provider", "modify_params":
		return classUnsupported
	default:
		return modelField
	}
}

// rest reads the members that wireRequest does not name.
func (d *decoder) rest(w *wireRequest) error {
	members, err := jsonx.Members(w.Rest)
	if err != nil {
		return decodeError(err)
	}
	if members, err = withBody(members); err != nil {
		return err
	}
	if members, err = d.clientSettings(members, d.allowClientSettings); err != nil {
		return err
	}
	var own map[string]bool
	if len(members) > 0 {
		own = make(map[string]bool, len(members))
	}
	for _, m := range members {
		if err := d.member(own, m); err != nil {
			return err
		}
	}
	d.betas()
	return nil
}

// withBody replaces extra_body by its members, as OpenAI's SDKs do themselves.
func withBody(members []jsonx.Member) ([]jsonx.Member, error) {
	at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "extra_body" && m.Value.Kind() != 'n' })
	if at < 0 {
		return members, nil
	}
	inner, err := jsonx.Members(members[at].Value)
	if err != nil {
		return nil, llm.Invalid("extra_body", "extra_body must be an object")
	}
	return slices.Replace(members, at, at+1, inner...), nil
}

func (d *decoder) member(own map[string]bool, m jsonx.Member) error {
	if m.Value.Kind() == 'n' {
		return nil
	}
	switch m.Name {
	case "additionalModelRequestFields":
		fields, err := jsonx.Members(m.Value)
		if err != nil {
			return llm.Invalid(m.Name, "%s must be an object", m.Name)
		}
		for _, f := range fields {
			if err := d.modelField(own, f); err != nil {
				return err
			}
		}
		return nil
	case "metadata":
		return d.labels(m)
	case "extra_headers":
		return d.headers(m)
	case "web_search_options":
		if m.Value.Kind() != '{' {
			return llm.Invalid(m.Name, "%s must be an object, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
		}
		if !slices.Contains(d.allowed, m.Name) {
			d.out.LLM.WebSearch = m.Value
			return nil
		}
	case "cache_control_injection_points":
		return d.inject(m)
	case "prompt_cache_retention":
		if !slices.Contains(d.allowed, m.Name) {
			return d.retention(m)
		}
	case "safety_identifier": // OpenAI's later name for user
		return d.identifier(m)
	}
	class := known(m.Name)
	if class != modelField && class != classExtension && slices.Contains(d.allowed, m.Name) {
		class = modelField
	}
	switch class {
	case classExtension:
		if jsonx.Find(d.out.LLM.Extensions, m.Name) != nil {
			return llm.Invalid(m.Name, "%s is set twice; send it once", m.Name)
		}
		d.out.LLM.Extensions = append(d.out.LLM.Extensions, m)
	case classUnmapped:
		if err := wellFormed(m); err != nil {
			return err
		}
		r := &d.out.LLM
		r.Unmapped = append(r.Unmapped, m)
		r.UnmappedAt = append(r.UnmappedAt, len(d.out.Warnings))
	case classNoEffect:
		if string(m.Value) != "false" && string(m.Value) != `"medium"` { // the default priority
			d.warn(llm.WarnDropped, m.Name)
		}
	case classUnsupported:
		if !jsonx.Empty(m.Value) {
			return d.refuse(m.Name, "%s is not supported by this model%s", m.Name, hintFor(m.Name))
		}
	case modelField:
		return d.modelField(own, m)
	}
	return nil
}

// retention is how long to cache the prompt: OpenAI knows in_memory, which is the default, and 24h.
func (d *decoder) retention(m jsonx.Member) error {
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

// identifier sets the user if the field user does not.
func (d *decoder) identifier(m jsonx.Member) error {
	var id string
	if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, &id) != nil {
		return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
	}
	if user := &d.out.LLM.User; *user == "" {
		*user = id
	} else if *user != id {
		d.warn(llm.WarnDropped, m.Name)
	}
	return nil
}

// modelField adds a parameter that is specific to the model. It may be at the top level or in
// additionalModelRequestFields, but not in both.
func (d *decoder) modelField(own map[string]bool, m jsonx.Member) error {
	if isClientSetting(m.Name) { // not a model parameter, and its value may be secret
		return llm.Unsupported(m.Name, "%s is not a model parameter%s", m.Name, hintFor("api_key"))
	}
	if isForeign(m.Name) {
		return foreign(m.Name)
	}
	if own[m.Name] {
		return llm.Invalid(m.Name, "%s is set twice, at the top level and in additionalModelRequestFields; send it once", m.Name)
	}
	if len(d.out.LLM.ModelFields) == maxFields {
		return llm.Invalid(m.Name, "%s: too many model parameters (limit %d)", m.Name, maxFields)
	}
	own[m.Name] = true
	d.out.LLM.ModelFields = append(d.out.LLM.ModelFields, m)
	return nil
}

func hintFor(name string) string {
	switch name {
	case "api_key", "user_config", "custom_llm_provider":
		return ": credentials and endpoints come from the gateway's configuration"
	default:
		return ""
	}
}
