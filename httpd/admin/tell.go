package admin

import (
	"cmp"
	"strings"

	"outcrop/alert"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// toldAs is the type of the alerts about an endpoint; empty if nobody is told of it. The endpoints are LiteLLM's
// (litellm/proxy/management_helpers/utils.py, send_management_endpoint_alert), and those that do the same.
func toldAs(path string) alert.Type {
	switch path {
	case "/key/generate", "/key/service-account/generate":
		return alert.KeyCreated
	case "/key/update", "/key/bulk_update", "/key/regenerate", "/key/block", "/key/unblock":
		return alert.KeyUpdated
	case "/key/delete":
		return alert.KeyDeleted
	case "/team/new":
		return alert.TeamCreated
	case "/team/update", "/team/block", "/team/unblock":
		return alert.TeamUpdated
	case "/team/delete":
		return alert.TeamDeleted
	case "/user/new":
		return alert.UserCreated
	case "/user/update", "/user/bulk_update":
		return alert.UserUpdated
	case "/user/delete":
		return alert.UserDeleted
	default:
		return ""
	}
}

// toldFields are the fields of a request that an alert repeats. Keys and metadata are not among them.
func toldFields() []string {
	return []string{
		"key_alias", "key_aliases", "user_id", "user_ids", "user_email", "user_alias", "user_role", "team_id", "team_ids", "team_alias", "organization_id",
		"models", "max_budget", "soft_budget", "budget_duration", "duration", "rpm_limit", "tpm_limit", "max_parallel_requests",
	}
}

// tell sends the alert about a request that has changed something, if anybody wants it.
func (x *exchange) tell(e endpoint) {
	if e.paths[0] == "/model/new" {
		x.tellModel()
		return
	}
	about := toldAs(e.paths[0])
	if alerts := x.h.opt.Alerts; about != "" && alerts != nil && alerts.Wants(about) {
		alerts.Send(alert.Alert{Type: about, Level: alert.High, Text: x.told(about)})
	}
}

// tellModel sends the alert about a model that was added, which has none of its settings, among them secrets.
func (x *exchange) tellModel() {
	alerts := x.h.opt.Alerts
	if alerts == nil || !alerts.Wants(alert.ModelAdded) {
		return
	}
	members, err := x.object()
	if err != nil {
		return
	}
	given := &document{members}
	text := "*New Model Added*\nModel Name: `" + alert.Plain(llm.Clip(given.text("model_name"), 200)) + "`\n"
	if base := parse(orNull(given.get("model_info"))).text("base_model"); base != "" {
		text += "Base Model: `" + alert.Plain(llm.Clip(base, 200)) + "`\n"
	}
	alerts.Send(alert.Alert{Type: alert.ModelAdded, Level: alert.Low, Text: text})
}

// told says what was changed by whom, as LiteLLM does.
func (x *exchange) told(about alert.Type) string {
	words := strings.Split(string(about), "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + ": `" + alert.Plain(cmp.Or(value, "None")) + "`\n") }
	b.WriteString("`" + strings.Join(words, " ") + "`\n*Action Done by:*\n")
	line("created_by_user_id", cmp.Or(x.caller.name(), "Unknown"))
	line("created_by_user_role", string(x.caller.Role))
	if x.caller.Key != "" {
		line("created_by_key", x.caller.Key)
	}
	b.WriteString("\n*Arguments passed:*\n")
	members, err := x.object()
	if err != nil {
		return b.String()
	}
	for _, name := range toldFields() {
		v := jsonx.Find(members, name)
		if v == nil {
			continue
		}
		value := string(v)
		if v.Kind() == '"' && jsonx.Unmarshal(v, &value) != nil {
			continue
		}
		line(name, llm.Clip(value, 200))
	}
	return b.String()
}
