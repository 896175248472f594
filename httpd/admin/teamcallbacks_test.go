package admin_test

import (
	"testing"

	"outcrop/store"
)

func TestATeamsCallbacksAreAddedShownWithoutSecretsAndRemoved(t *testing.T) {
	eachStore(t, func(w *world) {
		boss, member, stranger := w.user("boss", "internal_user"), w.user("mia", "internal_user"), w.user("stan", "internal_user")
		w.team("rocks", `,"metadata":{"use":"maps"}`, "admin:boss", "user:mia")
		const langfuse = `{"callback_name":"langfuse","callback_type":"success","callback_vars":{"langfuse_public_key":"pk-lf-1","langfuse_secret_key":"sk-lf-hidden","langfuse_host":"https://lf.example"}}`
		w.ask(boss, "/team/rocks/callback", langfuse).is(200, "status", "success", "data.team_id", "rocks", "data.metadata.logging.0.callback_name", "langfuse", "data.metadata.use", "maps").hasNone("sk-lf-hidden")
		w.master("/team/rocks/callback", langfuse).fails(400, "bad_request_error", "callback_name")
		w.master("/team/rocks/callback", `{"callback_name":"datadog","callback_vars":{"dd_api_key":"dd-hidden","dd_agent_port":8126}}`).is(200)
		w.ask(boss, "GET /team/rocks/callback", "").is(200, "status", "success", "data.team_id", "rocks", "data.success_callbacks", `["langfuse","datadog"]`, "data.failure_callbacks", `["datadog"]`,
			"data.callback_vars.langfuse_host", "https://lf.example", "data.callback_vars.langfuse_secret_key", "***REDACTED***", "data.callback_vars.dd_agent_port", "8126").hasNone("hidden")
		e, err := w.store.Entity(t.Context(), store.KindTeam, "rocks")
		if err != nil || read(t, e.Doc, "metadata", "logging", "0", "callback_vars", "langfuse_secret_key") != "sk-lf-hidden" {
			t.Errorf("%v; the store has %s", err, e.Doc)
		}
		w.master("GET /audit", "object_id=rocks").is(200, "audit_logs.0.endpoint", "/team/{team_id}/callback").hasNone("hidden")
		for _, key := range []string{member, stranger} {
			w.ask(key, "GET /team/rocks/callback", "").fails(403, "auth_error", "team_id")
			w.ask(key, "/team/rocks/callback", langfuse).fails(403, "auth_error", "team_id")
			w.ask(key, "DELETE /team/rocks/callback/langfuse", "").fails(403, "auth_error", "team_id")
		}
		w.ask(stranger, "GET /team/none/callback", "").fails(403, "auth_error", "team_id")
		w.master("GET /team/none/callback", "").fails(404, "not_found_error", "team_id")
		w.ask(boss, "DELETE /team/rocks/callback/langfuse", "").is(200, "status", "success", "message", "Callback langfuse removed for team rocks", "data.success_callbacks", `["datadog"]`)
		w.master("DELETE /team/rocks/callback/langfuse", "").fails(404, "not_found_error", "callback_name")
		w.master("/team/rocks/disable_logging", "").is(200, "message", "Logging disabled for team rocks", "data.success_callbacks", "[]", "data.failure_callbacks", "[]")
		w.master("GET /team/rocks/callback", "").is(200, "data.success_callbacks", "[]", "data.callback_vars", "{}")
		w.master("GET /team/info", "team_id=rocks").is(200, "team_info.metadata.use", "maps")
	})
}

func TestACallbackThatCannotBeIsRefused(t *testing.T) {
	eachStore(t, func(w *world) {
		w.team("rocks", "")
		for body, param := range map[string]string{
			`{"callback_vars":{}}`:         "callback_name",
			`{"callback_name":"langfuse"}`: "callback_vars",
			`{"callback_name":"langfuse","callback_type":"maybe","callback_vars":{}}`:                              "callback_type",
			`{"callback_name":"langfuse","callback_vars":[]}`:                                                      "callback_vars",
			`{"callback_name":"langfuse","callback_vars":{"langfuse_colour":"blue"}}`:                              "callback_vars",
			`{"callback_name":"langfuse","callback_vars":{"langfuse_secret_key":"os.environ/LITELLM_MASTER_KEY"}}`: "callback_vars",
			`{"callback_name":"langfuse","callback_vars":{"langfuse_host":{"a":1}}}`:                               "callback_vars",
		} {
			w.master("/team/rocks/callback", body).fails(422, "bad_request_error", param)
		}
	})
}
