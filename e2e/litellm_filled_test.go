package e2e

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// fillStep is a call of LiteLLM's API that makes something in its database.
type fillStep struct {
	path, body string
	// saves are the names under which members of the answer are kept: later steps have {{name}} for their values.
	saves map[string]string
	// as is the name of the key that calls; empty for the master key.
	as string
	// times is how often it is called; 0 for once.
	times int
}

// fillSteps make something of all that LiteLLM manages without an enterprise licence, which organizations, tags of keys and
// replacing keys want. Names are those of the keys in the test's tables.
func fillSteps() []fillStep {
	key := func(name, members string) fillStep {
		return fillStep{path: "/key/generate", body: `{"key_alias": "` + name + `"` + members + `}`, saves: map[string]string{name: "key"}}
	}
	// A call costs about 0.000005 USD; one is more than tiny.
	const tiny = "0.000001"
	return []fillStep{
		{path: "/budget/new", body: `{"budget_id": "small", "max_budget": ` + tiny + `, "budget_duration": "30d"}`},
		{path: "/budget/new", body: `{"budget_id": "wide", "max_budget": 100, "soft_budget": 50, "tpm_limit": 100000, "rpm_limit": 1000, "max_parallel_requests": 9}`},

		{path: "/user/new", body: `{"user_id": "ann", "user_email": "ann@example.com", "user_alias": "Ann", "user_role": "internal_user", "max_budget": 50, "budget_duration": "30d", "tpm_limit": 90000, "rpm_limit": 900, "metadata": {"desk": 4}, "auto_create_key": false}`},
		{path: "/user/new", body: `{"user_id": "bob", "user_email": "bob@example.com", "user_role": "internal_user", "models": ["nova"], "auto_create_key": false}`},
		{path: "/user/new", body: `{"user_id": "eve", "user_role": "internal_user_viewer", "max_budget": ` + tiny + `, "auto_create_key": false}`},
		{path: "/user/new", body: `{"user_id": "root", "user_role": "proxy_admin", "auto_create_key": true, "key_alias": "admin"}`, saves: map[string]string{"admin": "key"}},

		{path: "/team/new", body: `{"team_id": "core", "team_alias": "Core", "models": ["nova", "fast", "added"], "model_aliases": {"fast": "nova"}, "max_budget": 40, "budget_duration": "7d", "tpm_limit": 80000, "rpm_limit": 800, "metadata": {"cost_center": "x-1"}, "members_with_roles": [{"role": "admin", "user_id": "ann"}]}`},
		{path: "/team/member_add", body: `{"team_id": "core", "member": {"role": "user", "user_id": "bob"}, "max_budget_in_team": ` + tiny + `}`},
		{path: "/team/new", body: `{"team_id": "spare", "team_alias": "Spare", "team_member_budget": 3, "team_member_budget_duration": "1d", "team_member_rpm_limit": 70}`},
		{path: "/team/member_add", body: `{"team_id": "spare", "member": [{"role": "user", "user_id": "eve"}, {"role": "user", "user_email": "new@example.com"}]}`},
		{path: "/team/new", body: `{"team_id": "shut", "blocked": true}`},
		{path: "/team/new", body: `{"team_id": "poor", "max_budget": ` + tiny + `}`},

		key("free", `, "user_id": "ann", "metadata": {"purpose": "tests"}, "max_budget": 10, "budget_duration": "1d", "max_parallel_requests": 20`),
		key("narrow", `, "models": ["nova"], "aliases": {"mine": "nova"}, "tpm_limit": 70000, "rpm_limit": 700`),
		key("blocked", ``),
		{path: "/key/block", body: `{"key": "{{blocked}}"}`},
		key("expired", `, "duration": "1s"`),
		key("later", `, "duration": "30d"`),
		key("spent", `, "max_budget": `+tiny),
		key("budgeted", `, "budget_id": "small"`),
		key("wide", `, "budget_id": "wide"`),
		key("rated", `, "rpm_limit": 1`),
		key("model rated", `, "model_rpm_limit": {"nova": 1}, "metadata": {"note": "n"}`),
		key("team", `, "team_id": "core"`),
		key("team shut", `, "team_id": "shut"`),
		key("team poor", `, "team_id": "poor"`),
		key("member", `, "team_id": "core", "user_id": "bob"`),
		key("of bob", `, "user_id": "bob"`),
		key("of eve", `, "user_id": "eve"`),
		key("info only", `, "key_type": "read_only"`),
		key("calls only", `, "key_type": "llm_api"`),
		key("management", `, "key_type": "management", "user_id": "root"`),
		key("routes", `, "allowed_routes": ["/v1/chat/completions"]`),
		{path: "/key/service-account/generate", body: `{"team_id": "core", "key_alias": "service", "metadata": {"service_account_id": "robot"}}`, saves: map[string]string{"service": "key"}},
		key("deleted", ``),
		{path: "/key/delete", body: `{"key_aliases": ["deleted"]}`},
		key("changed", ``),
		{path: "/key/update", body: `{"key": "{{changed}}", "models": ["other"], "metadata": {"changed": true}}`},

		{path: "/customer/new", body: `{"user_id": "shop", "alias": "Shop", "max_budget": 5, "blocked": false}`},
		{path: "/customer/new", body: `{"user_id": "cheap", "budget_id": "small"}`},
		{path: "/customer/new", body: `{"user_id": "barred"}`},
		{path: "/customer/block", body: `{"user_ids": ["barred"]}`},
		{path: "/tag/new", body: `{"name": "prod", "description": "Production", "models": []}`},
		{path: "/tag/new", body: `{"name": "costly", "max_budget": 7, "budget_duration": "1d"}`},

		{path: "/credentials", body: `{"credential_name": "aws", "credential_values": {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET", "aws_region_name": "us-east-1", "aws_bedrock_runtime_endpoint": "UPSTREAM"}, "credential_info": {"custom_llm_provider": "bedrock"}}`},
		{path: "/model/new", body: `{"model_name": "added", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0", "litellm_credential_name": "aws"}, "model_info": {"id": "id-added"}}`},
		{path: "/model/new", body: `{"model_name": "plain", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0", "aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET", "aws_region_name": "us-east-1", "aws_bedrock_runtime_endpoint": "UPSTREAM"}, "model_info": {"id": "id-plain", "mode": "chat"}}`},
		{path: "/access_group/new", body: `{"access_group": "basic", "model_names": ["plain"]}`},
		{path: "/v1/access_group", body: `{"access_group_name": "both", "description": "Both", "access_model_names": ["nova", "other"]}`, saves: map[string]string{"both": "access_group_id"}},
		key("grouped", `, "models": ["basic"]`),
		key("unified", `, "access_group_ids": ["{{both}}"], "models": ["nova"]`),

		{path: "/policies", body: `{"policy_name": "care", "description": "Care", "guardrails_add": ["mud"], "condition": {"model": "no.*"}}`, saves: map[string]string{"care": "policy_id"}},
		{path: "/policies/name/care/versions", body: `{}`, saves: map[string]string{"care draft": "policy_id"}},
		{path: "/policies/attachments", body: `{"policy_name": "care", "tags": ["dirty"]}`, saves: map[string]string{"attachment": "attachment_id"}},

		chatStep("free", "nova", `, "user": "shop", "metadata": {"tags": ["prod"]}`, 3),
		chatStep("team", "fast", ``, 2),
		chatStep("spent", "nova", ``, 1),
		chatStep("budgeted", "nova", ``, 1),
		chatStep("team poor", "nova", ``, 1),
		chatStep("member", "nova", ``, 1),
		chatStep("of eve", "nova", ``, 1),
		chatStep("wide", "other", `, "user": "cheap"`, 1),
		chatStep("service", "added", ``, 1),
	}
}

// chatStep is a call of a model that is paid.
func chatStep(key, model, members string, times int) fillStep {
	return fillStep{path: "/v1/chat/completions", as: key, times: times, body: chatBody(model, members)}
}

func chatBody(model, members string) string {
	return `{"model": "` + model + `", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]` + members + `}`
}

// filled holds what the steps have saved, by name.
type filled map[string]string

// expand puts what was saved in the place of {{name}}.
func (f filled) expand(text string) string {
	for name, value := range f {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// fill takes the steps.
func (f filled) fill(t *testing.T, proxy string, steps []fillStep) {
	t.Helper()
	for _, s := range steps {
		key := masterKey
		if s.as != "" {
			key = f[s.as]
		}
		for range max(1, s.times) {
			a := ask(t, proxy, "POST", s.path, key, f.expand(s.body))
			if a.status >= 300 {
				t.Errorf("%s %s as %q: %d %s", s.path, s.body, s.as, a.status, a.body)
				continue
			}
			var members map[string]jsonx.Raw
			if err := jsonx.Unmarshal(a.body, &members); err != nil && len(s.saves) > 0 {
				t.Fatalf("%s: %v: %s", s.path, err, a.body)
			}
			for name, member := range s.saves {
				var value string
				if err := jsonx.Unmarshal(members[member], &value); err != nil {
					t.Fatalf("%s: %s: %v: %s", s.path, member, err, a.body)
				}
				f[name] = value
			}
		}
	}
}
