package litellm

import (
	"slices"
	"strings"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Read reads the members of a body that its dialect does not name into call, model and user
// included. It returns the parameters that are specific to the model, and warnings about members
// without effect.
func (o *Options) Read(call *llm.Call, rest jsonx.Raw) ([]jsonx.Member, []llm.Warning, error) {
	members, err := jsonx.Members(rest)
	if err != nil {
		return nil, nil, invalid(err)
	}
	if members, err = unwrapped(members); err != nil {
		return nil, nil, err
	}
	r := reader{call: call}
	if members, err = r.first(o, members); err != nil {
		return nil, nil, err
	}
	for i := range members {
		if err := r.member(&members[i]); err != nil {
			return nil, nil, err
		}
	}
	if len(r.settings) > 0 {
		call.ClientSettings = llm.NewClientSettings(r.settings)
	}
	return r.fields, r.warnings, nil
}

// unwrapped replaces extra_body by its members, as OpenAI's SDKs do themselves.
func unwrapped(members []jsonx.Member) ([]jsonx.Member, error) {
	at := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "extra_body" })
	if at < 0 {
		return members, nil
	}
	var inner []jsonx.Member
	if members[at].Value.Kind() != 'n' {
		var err error
		if inner, err = jsonx.Members(members[at].Value); err != nil {
			return nil, llm.Invalid("extra_body", "extra_body must be an object")
		}
	}
	return slices.Replace(members, at, at+1, inner...), nil
}

type reader struct {
	call     *llm.Call
	allow    bool // connection settings are accepted
	settings map[string]string
	fields   []jsonx.Member
	warnings []llm.Warning
}

// first reads what decides how the other members are read, and returns the others.
func (r *reader) first(o *Options, members []jsonx.Member) ([]jsonx.Member, error) {
	rest := members[:0]
	for _, m := range members {
		var err error
		switch {
		case m.Value.Kind() == 'n':
		case m.Name == "model":
			err = text(m, &r.call.Model)
		case m.Name == "drop_params":
			if jsonx.Unmarshal(m.Value, &r.call.DropParams) != nil {
				err = llm.Invalid(m.Name, "%s must be a boolean, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
			}
		default:
			rest = append(rest, m)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Model != "" {
		r.call.Model = o.Model
	}
	switch model := r.call.Model; {
	case model == "":
		return nil, llm.Invalid("model", "model is required and must not be empty")
	case len(model) > maxModel:
		return nil, llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(model))
	}
	r.call.DropParams = r.call.DropParams || o.DropParams != nil && o.DropParams(r.call.Model)
	r.allow = o.AllowClientSettings != nil && o.AllowClientSettings(r.call.Model)
	return rest, nil
}

func text(m jsonx.Member, to *string) error {
	if m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, to) != nil {
		return llm.Invalid(m.Name, "%s must be a string, not %s", m.Name, jsonx.KindName(m.Value.Kind()))
	}
	return nil
}

func (r *reader) member(m *jsonx.Member) error {
	switch m.Name {
	case "user", "safety_identifier": // OpenAI's old and new name
		var id string
		if err := text(*m, &id); err != nil {
			return err
		}
		if r.call.User != "" && r.call.User != id {
			r.dropped(m.Name)
			return nil
		}
		r.call.User = id
		return nil
	case "metadata":
		return r.labels(m)
	case "extra_headers":
		return r.headers(m)
	}
	switch {
	case isForeign(m.Name):
		if jsonx.Empty(m.Value) {
			return nil
		}
		return foreign(m.Name)
	case isClientSetting(m.Name):
		return r.setting(m)
	case noEffect(m.Name):
		if string(m.Value) != "false" {
			r.dropped(m.Name)
		}
		return nil
	case ownClient(m.Name):
		if jsonx.Empty(m.Value) {
			return nil
		}
		if r.call.DropParams {
			r.dropped(m.Name)
			return nil
		}
		e := llm.Unsupported(m.Name, "%s is not supported: it is a setting of LiteLLM's own client", m.Name)
		e.Fix = "Leave " + m.Name + " out, or set drop_params to drop unsupported parameters."
		return e
	case len(r.fields) == maxFields:
		return llm.Invalid(m.Name, "%s: too many model parameters (limit %d)", m.Name, maxFields)
	case jsonx.Find(r.fields, m.Name) != nil:
		return llm.Invalid(m.Name, "%s is set twice, at the top level and in extra_body; send it once", m.Name)
	}
	r.fields = append(r.fields, *m)
	return nil
}

func (r *reader) dropped(field string) {
	r.warnings = append(r.warnings, llm.Warning{Code: llm.WarnDropped, Field: field})
}

// setting reads a connection setting. None is a model parameter: settings that are not accepted are
// refused, so that no secret is forwarded and no call runs with other permissions than its client
// asked for.
func (r *reader) setting(m *jsonx.Member) error {
	if jsonx.Empty(m.Value) {
		return nil
	}
	if !r.allow {
		e := llm.Unsupported(m.Name, "%s may not be set by clients for this model", m.Name)
		e.Fix = "Remove " + m.Name + ", or ask the gateway's operator to list it in configurable_clientside_auth_params of the model."
		return e
	}
	var value string
	if err := text(*m, &value); err != nil {
		return err
	}
	if r.settings == nil {
		r.settings = map[string]string{}
	}
	r.settings[m.Name] = value
	return nil
}

// labels reads metadata, whose values are strings; numbers and booleans are kept as written.
func (r *reader) labels(m *jsonx.Member) error {
	members, err := jsonx.Members(m.Value)
	if err != nil {
		return llm.Invalid(m.Name, "%s must be an object", m.Name)
	}
	for _, v := range members {
		value := string(v.Value)
		switch v.Value.Kind() {
		case '"':
			if err := jsonx.Unmarshal(v.Value, &value); err != nil {
				return invalid(err)
			}
		case '0', 't', 'f':
		case 'n':
			continue
		default:
			r.dropped(m.Name + "." + v.Name)
			continue
		}
		r.call.Metadata = append(r.call.Metadata, llm.Label{Name: v.Name, Value: value})
	}
	return nil
}

// headers reads extra_headers, an object of strings.
func (r *reader) headers(m *jsonx.Member) error {
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
		case httpfield.RuleOf(h.Name) == httpfield.Refuse:
			return llm.Unsupported(field, "%s cannot be set by clients: the gateway sets it itself", field)
		}
		r.call.Headers = append(r.call.Headers, llm.Label{Name: h.Name, Value: value})
	}
	return nil
}

// isClientSetting reports whether a member is one of LiteLLM's connection settings of a deployment.
func isClientSetting(name string) bool {
	switch name {
	case "api_key", "api_base", "base_url", "region_name", "model_id", "ssl_verify", "ssl_certificate", "ssl_certificate_key":
		return true
	default:
		return strings.HasPrefix(name, "aws_")
	}
}

// isForeign reports whether a member is a connection setting of another provider, which may contain
// a secret.
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

func foreign(name string) error {
	e := llm.Unsupported(name, "%s is not supported: it sets the connection to another provider", name)
	e.Fix = "Remove " + name + "."
	if name == "headers" || name == "default_headers" {
		e.Message = name + " is not supported: extra_headers sets headers of the request to the provider."
		e.Fix = "Send them as extra_headers, without credentials."
	}
	return e
}

// noEffect reports whether a member is a setting of LiteLLM's client or proxy that changes nothing
// about the response.
func noEffect(name string) bool {
	switch name {
	case "litellm_metadata", "tags", "caching", "cache", "num_retries", "timeout", "request_timeout", "max_retries", "fallbacks",
		"priority", "no-log", "litellm_call_id", "litellm_trace_id", "proxy_server_request", "allowed_openai_params", "store":
		return true
	default:
		return false
	}
}

// ownClient reports whether a member is a setting of LiteLLM's client that would change the
// response.
func ownClient(name string) bool {
	switch name {
	case "mock_response", "user_config", "custom_llm_provider", "guardrails":
		return true
	default:
		return false
	}
}
