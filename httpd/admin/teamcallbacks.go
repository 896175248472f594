package admin

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
)

// redacted stands for a secret of a callback, as in LiteLLM.
const redacted = "***REDACTED***"

// callbackFields are those of POST /team/{team_id}/callback.
func callbackFields() []field {
	return []field{
		{name: "callback_name", form: text},
		{name: "callback_type", form: text, words: []string{"success", "failure", "success_and_failure"}},
		{name: "callback_vars", form: object},
	}
}

// callbackVars are the settings that a callback can have (litellm/types/utils.py, StandardCallbackDynamicParams).
func callbackVars() []string {
	return []string{
		"langfuse_public_key", "langfuse_secret", "langfuse_secret_key", "langfuse_host", "langfuse_environment", "langfuse_span_scope", "langfuse_prompt_version",
		"gcs_bucket_name", "gcs_path_service_account", "langsmith_api_key", "langsmith_project", "langsmith_base_url", "langsmith_sampling_rate", "langsmith_tenant_id",
		"humanloop_api_key", "arize_api_key", "arize_space_key", "arize_space_id", "arize_success_sampling_rate", "arize_error_sampling_rate", "arize_otlp_protocol",
		"posthog_api_key", "posthog_api_url", "wandb_api_key", "weave_project_id", "dd_api_key", "dd_site", "dd_agent_host", "dd_agent_port",
		"newrelic_api_key", "newrelic_region", "signoz_ingestion_endpoint", "signoz_ingestion_key", "turn_off_message_logging", "litellm_disabled_callbacks",
	}
}

// secretVar reports whether a setting of a callback is a secret.
func secretVar(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"key", "secret", "token", "password", "credential", "service_account"}, func(part string) bool { return strings.Contains(name, part) })
}

// callbackTeam reads the team of the path, whose callbacks its admins and those of its organization may see and change.
func (x *exchange) callbackTeam() (*thing, error) { return x.managed(x.r.PathValue("team_id")) }

// callbacksOf are the callbacks of a team.
func callbacksOf(t *thing) []jsonx.Raw {
	var all []jsonx.Raw
	if v := t.doc.metadata().get("logging"); v == nil || v.Kind() != '[' || jsonx.Unmarshal(v, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(v jsonx.Raw) bool { return v.Kind() != '{' })
}

// setCallbacks writes the callbacks of a team.
func (x *exchange) setCallbacks(t *thing, all []jsonx.Raw) error {
	metadata := t.doc.metadata()
	if all == nil {
		all = []jsonx.Raw{}
	}
	metadata.set("logging", jsonx.Array(all))
	t.doc.set("metadata", metadata.bytes())
	x.touch(t)
	return x.put(t)
}

// withoutSecrets is a document of a key or a team, in whose callbacks the secrets cannot be read.
func withoutSecrets(doc jsonx.Raw) jsonx.Raw {
	if doc == nil {
		return nil
	}
	t := &thing{doc: parse(doc)}
	all := callbacksOf(t)
	if len(all) == 0 {
		return doc
	}
	for i := range all {
		all[i] = redactedCallback(parse(all[i])).bytes()
	}
	metadata := t.doc.metadata()
	metadata.set("logging", jsonx.Array(all))
	t.doc.set("metadata", metadata.bytes())
	return t.doc.bytes()
}

// redactedCallback is a callback whose secrets cannot be read.
func redactedCallback(c *document) *document {
	if v := c.get("callback_vars"); v != nil && v.Kind() == '{' {
		vars := parse(v)
		for i := range vars.members {
			if secretVar(vars.members[i].Name) {
				vars.members[i].Value = quote(redacted)
			}
		}
		c.set("callback_vars", vars.bytes())
	}
	return c
}

// callbackNames are the names of the callbacks that are called after calls that succeed and that fail, and their settings.
func callbackNames(all []jsonx.Raw) (success, failure []string, vars *document) {
	vars = &document{}
	add := func(to *[]string, name string) {
		if !slices.Contains(*to, name) {
			*to = append(*to, name)
		}
	}
	for _, v := range all {
		c := redactedCallback(parse(v))
		name, kind := c.text("callback_name"), c.text("callback_type")
		if kind != "failure" {
			add(&success, name)
		}
		if kind != "success" {
			add(&failure, name)
		}
		for _, m := range parse(orNull(c.get("callback_vars"))).members {
			vars.set(m.Name, m.Value)
		}
	}
	return success, failure, vars
}

// callbackAnswer tells of a team's callbacks.
func callbackAnswer(t *thing, message string, withVars bool) []byte {
	success, failure, vars := callbackNames(callbacksOf(t))
	data := &document{}
	data.put("team_id", t.ID)
	data.set("success_callbacks", quoteAll(success))
	data.set("failure_callbacks", quoteAll(failure))
	if withVars {
		data.set("callback_vars", vars.bytes())
	}
	d := &document{}
	d.put("status", "success")
	if message != "" {
		d.put("message", message)
	}
	d.set("data", data.bytes())
	return d.bytes()
}

// getCallbacks serves GET /team/{team_id}/callback.
func (x *exchange) getCallbacks() ([]byte, error) {
	t, err := x.callbackTeam()
	if err != nil {
		return nil, err
	}
	return callbackAnswer(t, "", true), nil
}

// addCallback serves POST /team/{team_id}/callback: calls of the team are told to a service with an account of the team's own.
func (x *exchange) addCallback() ([]byte, error) {
	given, err := x.given(callbackFields())
	if err != nil {
		return nil, err
	}
	name, vars := given.text("callback_name"), given.get("callback_vars")
	if name == "" {
		return nil, invalid("callback_name", "callback_name must be given, such as langfuse.")
	}
	if vars == nil {
		return nil, invalid("callback_vars", "callback_vars must be given: an object with the settings of the callback, such as langfuse_public_key.")
	}
	settings := parse(vars)
	for i, m := range settings.members {
		switch text := jsonx.Word(m.Value); {
		case !slices.Contains(callbackVars(), m.Name):
			return nil, invalid("callback_vars", "callback_vars cannot have %s. It can have %s.", clip(m.Name), strings.Join(callbackVars(), ", "))
		case strings.HasPrefix(text, "os.environ/"):
			return nil, invalid("callback_vars", "callback_vars: %s must be the value itself; variables of the gateway's environment are not for teams.", m.Name)
		case m.Value.Kind() == '{' || m.Value.Kind() == '[' || m.Value.Kind() == 'n':
			return nil, invalid("callback_vars", "callback_vars: %s must be a text, not %s.", m.Name, jsonx.KindName(m.Value.Kind()))
		case m.Value.Kind() != '"':
			settings.members[i].Value = quote(string(m.Value))
		}
	}
	t, err := x.callbackTeam()
	if err != nil {
		return nil, err
	}
	kind := given.text("callback_type")
	if kind == "" {
		kind = "success_and_failure"
	}
	all := callbacksOf(t)
	for _, v := range all {
		if c := parse(v); c.text("callback_name") == name && c.text("callback_type") == kind {
			return nil, refused("callback_name", "callback_name = %s already exists in team_callback_settings, for team_id = %s and event = %s.", clip(name), t.ID, kind)
		}
	}
	c := &document{}
	c.put("callback_name", name)
	c.put("callback_type", kind)
	c.set("callback_vars", settings.bytes())
	if err := x.setCallbacks(t, append(all, c.bytes())); err != nil {
		return nil, err
	}
	d, err := x.teamShown(t)
	if err != nil {
		return nil, err
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("status")
		w.String("success")
		w.Key("data")
		w.Raw(withoutSecrets(d.bytes()))
		w.EndObject()
	}), nil
}

// removeCallback serves DELETE /team/{team_id}/callback/{callback_name}.
func (x *exchange) removeCallback() ([]byte, error) {
	t, err := x.callbackTeam()
	if err != nil {
		return nil, err
	}
	name, all := x.r.PathValue("callback_name"), callbacksOf(t)
	left := slices.DeleteFunc(slices.Clone(all), func(v jsonx.Raw) bool { return parse(v).text("callback_name") == name })
	if len(left) == len(all) {
		return nil, absent("callback_name", "callback_name = %s is not registered for team_id = %s.", clip(name), t.ID)
	}
	if err := x.setCallbacks(t, left); err != nil {
		return nil, err
	}
	return callbackAnswer(t, "Callback "+name+" removed for team "+t.ID, false), nil
}

// disableCallbacks serves POST /team/{team_id}/disable_logging.
func (x *exchange) disableCallbacks() ([]byte, error) {
	t, err := x.callbackTeam()
	if err != nil {
		return nil, err
	}
	if err := x.setCallbacks(t, nil); err != nil {
		return nil, err
	}
	return callbackAnswer(t, "Logging disabled for team "+t.ID, false), nil
}
