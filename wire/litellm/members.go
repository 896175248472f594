package litellm

import (
	"slices"
	"strings"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Reader reads the members that LiteLLM adds to every dialect into a call.
type Reader struct {
	// Call is the call to fill. DropParams must be set before, and User if the dialect has it.
	Call *llm.Call
	// AllowClientSettings is whether connection settings are accepted.
	AllowClientSettings bool
	// Beta are values of the header anthropic-beta; Finish adds them to the call's headers.
	Beta []string
	// Warnings is where warnings about members without effect are added.
	Warnings *[]llm.Warning
}

// Members splits the members of a body that its dialect does not name. extra_body is replaced by its
// members, as OpenAI's SDKs do themselves, and null members are left out.
func Members(rest jsonx.Raw) ([]jsonx.Member, error) {
	members, err := jsonx.Members(rest)
	if err != nil {
		return nil, DecodeError(err)
	}
	isNull := func(m jsonx.Member) bool { return m.Value.Kind() == 'n' }
	members = slices.DeleteFunc(members, isNull)
	at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "extra_body" })
	if at < 0 {
		return members, nil
	}
	inner, err := jsonx.Members(members[at].Value)
	if err != nil {
		return nil, llm.Invalid("extra_body", "extra_body must be an object")
	}
	return slices.Replace(members, at, at+1, slices.DeleteFunc(inner, isNull)...), nil
}

// Settings reads the connection settings among members, and returns the other members. Settings that
// are not accepted are refused: none is a parameter of a model, so that no secret is forwarded as
// one, and no call runs with other permissions than its client asked for.
func (r *Reader) Settings(members []jsonx.Member) ([]jsonx.Member, error) {
	var settings map[string]string
	others := members[:0]
	for i := range members {
		m := &members[i]
		switch {
		case !isForeign(m.Name) && !isClientSetting(m.Name):
			others = append(others, *m)
		case jsonx.Empty(m.Value):
		case isForeign(m.Name):
			return nil, foreign(m.Name)
		case !r.AllowClientSettings:
			e := llm.Unsupported(m.Name, "%s may not be set by clients for this model%s", m.Name, fromConfiguration)
			e.Fix = "Remove " + m.Name + ", or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
			return nil, e
		default:
			var value string
			if err := text(m, &value); err != nil {
				return nil, err
			}
			if settings == nil {
				settings = map[string]string{}
			}
			settings[m.Name] = value
		}
	}
	r.Call.ClientSettings = llm.NewClientSettings(settings)
	return others, nil
}

// fromConfiguration tells why a setting is refused.
const fromConfiguration = ": credentials and endpoints come from the gateway's configuration"

// SetsConnection reports whether a member sets how the provider is reached, or with whose credentials.
func SetsConnection(name string) bool { return isForeign(name) || isClientSetting(name) }

// CheckField refuses a parameter of the model whose name is that of a connection setting.
func CheckField(name string) error {
	switch {
	case isClientSetting(name): // its value may be secret
		return llm.Unsupported(name, "%s is not a model parameter%s", name, fromConfiguration)
	case isForeign(name):
		return foreign(name)
	default:
		return nil
	}
}

func text(m *jsonx.Member, to *string) error {
	if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, to) != nil {
		return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
	}
	return nil
}

// Member reads a member that Settings returned, if it is one of LiteLLM's; it reports false if it is
// not.
func (r *Reader) Member(m *jsonx.Member) (own bool, err error) {
	switch m.Name {
	case "safety_identifier": // OpenAI's later name for user
		return true, r.user(m)
	case "metadata":
		return true, r.labels(m)
	case "tags":
		return true, r.tags(m.Name, m.Value)
	case "litellm_metadata":
		return true, r.proxyLabels(m)
	case "guardrails":
		return true, r.guardrails(m.Name, m.Value)
	case "policies":
		return true, r.policies(m)
	case "extra_headers":
		return true, r.headers(m)
	case "no-log":
		r.Call.NoLog = r.Call.NoLog || string(m.Value) == "true"
		return true, nil
	}
	if isRouting(m.Name) {
		return true, r.routing(m)
	}
	switch settingOf(m.Name) {
	case noEffect:
		if value := string(m.Value); value != "false" && value != `"medium"` { // the default priority
			r.dropped(m.Name)
		}
		return true, nil
	case unsupported:
		return true, r.unsupported(m)
	default:
		return false, nil
	}
}

// user sets the user, unless it is already set.
func (r *Reader) user(m *jsonx.Member) error {
	var id string
	if err := text(m, &id); err != nil {
		return err
	}
	if r.Call.User == "" {
		r.Call.User = id
	} else if r.Call.User != id {
		r.dropped(m.Name)
	}
	return nil
}

func (r *Reader) unsupported(m *jsonx.Member) error {
	switch {
	case jsonx.Empty(m.Value):
		return nil
	case r.Call.DropParams:
		r.dropped(m.Name)
		return nil
	}
	hint := ""
	if m.Name == "user_config" || m.Name == "custom_llm_provider" {
		hint = fromConfiguration
	}
	return llm.Droppable(m.Name, "%s is not supported by this model%s", m.Name, hint)
}

func (r *Reader) dropped(field string) {
	*r.Warnings = append(*r.Warnings, llm.Warning{Code: llm.WarnDropped, Field: field})
}

// labels reads metadata, whose values are strings in OpenAI's API; numbers and booleans are accepted
// in their JSON form. Nested values are LiteLLM's own and are ignored.
func (r *Reader) labels(m *jsonx.Member) error {
	members, err := jsonx.Members(m.Value)
	if err != nil {
		return llm.Invalid(m.Name, "%s must be an object", m.Name)
	}
	for _, v := range members {
		value := string(v.Value)
		switch v.Value.Kind() {
		case '"':
			if err := jsonx.Unmarshal(v.Value, &value); err != nil {
				return DecodeError(err)
			}
		case '0', 't', 'f':
		case 'n':
			continue
		default:
			switch {
			case v.Name == "tags" && v.Value.Kind() == '[':
				if err := r.tags(m.Name+".tags", v.Value); err != nil {
					return err
				}
				continue
			case v.Name == "guardrails":
				if err := r.guardrails(m.Name+".guardrails", v.Value); err != nil {
					return err
				}
				continue
			}
			r.dropped(m.Name + "." + v.Name)
			continue
		}
		r.Call.Metadata = append(r.Call.Metadata, llm.Label{Name: v.Name, Value: value})
	}
	return nil
}

// tags reads the gateway's labels of the call.
func (r *Reader) tags(field string, value jsonx.Raw) error {
	var tags []string
	if jsonx.Unmarshal(value, &tags) != nil || slices.Contains(tags, "") {
		return llm.Invalid(field, "%s must be an array of strings that are not empty", field)
	}
	r.Call.Tags = append(r.Call.Tags, tags...)
	return nil
}

// policies reads which of the gateway's policies a request asks for.
func (r *Reader) policies(m *jsonx.Member) error {
	names, err := Policies(m.Name, m.Value)
	r.Call.Policies = append(r.Call.Policies, names...)
	return err
}

// Policies reads the names of policies in a request: a list.
func Policies(field string, value jsonx.Raw) (names []string, err error) {
	if jsonx.Unmarshal(value, &names) != nil || slices.Contains(names, "") {
		return nil, llm.Invalid(field, "%s must be an array of names of policies", field)
	}
	return names, nil
}

// guardrails reads which of the gateway's guardrails a request asks for.
func (r *Reader) guardrails(field string, value jsonx.Raw) error {
	names, err := Guardrails(field, value)
	r.Call.Guardrails = append(r.Call.Guardrails, names...)
	return err
}

// Guardrails reads the names of guardrails in a request: a list whose items are names, or mappings from names to settings of the call, or one such
// mapping. Settings of a call are refused: they are not supported.
func Guardrails(field string, value jsonx.Raw) (names []string, err error) {
	items := []jsonx.Raw{value}
	if value.Kind() == '[' {
		items = nil
		if err := jsonx.Unmarshal(value, &items); err != nil {
			return nil, DecodeError(err)
		}
	}
	for _, item := range items {
		var name string
		switch {
		case item.Kind() == '"' && value.Kind() == '[' && jsonx.Unmarshal(item, &name) == nil && name != "":
			names = append(names, name)
			continue
		case item.Kind() != '{':
			return nil, llm.Invalid(field, "%s must be an array of names of guardrails", field)
		}
		members, err := jsonx.Members(item)
		if err != nil {
			return nil, DecodeError(err)
		}
		for _, m := range members {
			var set struct {
				Body jsonx.Raw `json:"extra_body"`
			}
			if jsonx.Unmarshal(m.Value, &set) == nil && len(set.Body) > 0 && !jsonx.Empty(set.Body) {
				return nil, llm.Unsupported(field, "%s: settings of a guardrail for one call (extra_body) are not supported", field)
			}
			names = append(names, m.Name)
		}
	}
	return names, nil
}

// proxyLabels reads litellm_metadata, of which only the tags and guardrails have an effect.
func (r *Reader) proxyLabels(m *jsonx.Member) error {
	members, err := jsonx.Members(m.Value)
	if err != nil {
		return llm.Invalid(m.Name, "%s must be an object", m.Name)
	}
	for _, v := range members {
		switch {
		case v.Value.Kind() == 'n':
		case v.Name == "tags":
			if err := r.tags(m.Name+".tags", v.Value); err != nil {
				return err
			}
		case v.Name == "guardrails":
			if err := r.guardrails(m.Name+".guardrails", v.Value); err != nil {
				return err
			}
		case !jsonx.Empty(v.Value):
			r.dropped(m.Name + "." + v.Name)
		}
	}
	return nil
}

// headers reads extra_headers, an object of strings.
func (r *Reader) headers(m *jsonx.Member) error {
	members, err := jsonx.Members(m.Value)
	if err != nil {
		return llm.Invalid(m.Name, "%s must be an object", m.Name)
	}
	for _, h := range members {
		field := m.Name + "." + h.Name
		var value string
		if h.Value.Kind() != '"' || jsonx.Unmarshal(h.Value, &value) != nil {
			return llm.Invalid(field, "%s must be a string", field)
		}
		switch {
		case !httpfield.IsToken(h.Name):
			return llm.Invalid(m.Name, "%s: invalid header name %q", m.Name, h.Name)
		case !httpfield.IsValue(value):
			return llm.Invalid(field, "%s contains a character that is not allowed in a header", field)
		case strings.EqualFold(h.Name, "anthropic-beta"):
			r.Beta = append(slices.Clip(r.Beta), value)
			continue
		case httpfield.RuleOf(h.Name) == httpfield.Refuse:
			return llm.Unsupported(field, "%s cannot be set by clients: the gateway sets it itself", field)
		}
		r.Call.Headers = append(r.Call.Headers, llm.Label{Name: h.Name, Value: value})
	}
	return nil
}

// Finish passes on the values of the header anthropic-beta, a comma-separated list or a JSON array.
// The provider decides what to do with them.
func (r *Reader) Finish() {
	var words []string
	for _, value := range r.Beta {
		var array []string
		if jsonx.Unmarshal([]byte(value), &array) != nil {
			array = strings.Split(value, ",")
		}
		for _, word := range array {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	if len(words) > 0 {
		r.Call.Headers = append(r.Call.Headers, llm.Label{Name: "anthropic-beta", Value: strings.Join(words, ",")})
	}
}

// isClientSetting reports whether a member is one of LiteLLM's connection settings of a deployment, which
// clients may send where they are allowed to (https://docs.litellm.ai/docs/proxy/clientside_auth).
// None of them is a model parameter: settings that are not accepted are refused, so that no secret
// is forwarded as a model parameter and no call runs with other permissions than its client asked
// for.
func isClientSetting(name string) bool {
	switch name {
	case "api_key", "api_base", "base_url", "region_name", "model_id", "ssl_verify", "ssl_certificate", "ssl_certificate_key":
		return true
	default:
		return strings.HasPrefix(name, "aws_")
	}
}

// isForeign reports whether a member is one of LiteLLM's connection settings of other providers, or
// of additional headers, which may contain a secret. They are not model parameters either, and AWS
// repeats unknown fields in its errors.
func isForeign(name string) bool {
	switch name {
	case "headers", "default_headers", "organization", "api_version", "api_type", "litellm_credential_name",
		"tenant_id", "client_id", "client_secret", "gcs_bucket_name", "bucket_name":
		return true
	}
	for _, prefix := range [...]string{"vertex_", "azure_", "s3_", "watsonx_", "oci_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// foreign refuses a member for which isForeign is true.
func foreign(name string) error {
	e := llm.Unsupported(name, "%s is not supported: it sets the connection to another provider", name)
	e.Fix = "Remove " + name + "."
	if name == "headers" || name == "default_headers" {
		e.Message = name + " is not supported: extra_headers sets headers of the request to the provider."
		e.Fix = "Send them as extra_headers, without credentials."
	}
	return e
}

// setting is how a setting of LiteLLM's own client or proxy is handled.
type setting uint8

const (
	noSetting   setting = iota
	noEffect            // it changes nothing about the response here: a warning
	unsupported         // ignoring it would change the response
)

// settingOf classifies a member.
func settingOf(name string) setting {
	switch name {
	case "caching", "cache", "max_retries", "litellm_call_id", "litellm_trace_id", "proxy_server_request":
		return noEffect
	case "mock_response", "user_config", "prompt_id", "prompt_variables", "custom_llm_provider", "modify_params":
		return unsupported
	default:
		return noSetting
	}
}

// IsSetting reports whether a member is a setting of LiteLLM's own client or proxy, which no provider
// needs.
func IsSetting(name string) bool {
	return name == "tags" || name == "guardrails" || name == "policies" || name == "litellm_metadata" || name == "no-log" || isRouting(name) || settingOf(name) != noSetting
}
