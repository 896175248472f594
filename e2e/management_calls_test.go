package e2e

// managementCall is a call of the management API, which is made on LiteLLM and on Outcrop.
type managementCall struct {
	method string
	// endpoint is the path in LiteLLM's openapi.json, and path the same with a call's values; empty for the same.
	endpoint, path string
	body           string
	// saves are as those of fillStep.
	saves map[string]string
}

// managementCalls make, change, show and delete something of each kind, as LiteLLM's documentation does.
func managementCalls() []managementCall {
	get := func(endpoint, path string) managementCall {
		return managementCall{method: "GET", endpoint: endpoint, path: path}
	}
	post := func(endpoint, body string) managementCall {
		return managementCall{method: "POST", endpoint: endpoint, body: body}
	}
	with := func(method, endpoint, path, body string) managementCall {
		return managementCall{method: method, endpoint: endpoint, path: path, body: body}
	}
	saving := func(name, member string, c managementCall) managementCall {
		c.saves = map[string]string{name: member}
		return c
	}
	return []managementCall{
		post("/budget/new", `{"budget_id": "page", "max_budget": 3, "budget_duration": "1d"}`),
		post("/budget/update", `{"budget_id": "page", "max_budget": 4}`),
		post("/budget/info", `{"budgets": ["page"]}`),
		get("/budget/settings", "/budget/settings?budget_id=page"),

		post("/user/new", `{"user_id": "page", "user_email": "page@example.com", "user_role": "internal_user", "max_budget": 9, "auto_create_key": false}`),
		post("/user/update", `{"user_id": "page", "max_budget": 10}`),
		post("/user/bulk_update", `{"users": [{"user_id": "page", "max_budget": 11}]}`),
		get("/user/info", "/user/info?user_id=page"),
		get("/v2/user/info", "/v2/user/info?user_id=page"),

		post("/team/new", `{"team_id": "page", "team_alias": "Page", "models": ["nova"], "max_budget": 9}`),
		post("/team/update", `{"team_id": "page", "max_budget": 10}`),
		post("/team/member_add", `{"team_id": "page", "member": {"role": "user", "user_id": "page"}, "max_budget_in_team": 2}`),
		post("/team/member_update", `{"team_id": "page", "user_id": "page", "max_budget_in_team": 3}`),
		post("/team/bulk_member_add", `{"team_id": "page", "members": [{"role": "user", "user_id": "bob"}]}`),
		with("POST", "/team/{team_id}/member/{user_id}/reset_spend", "/team/page/member/page/reset_spend", `{"reset_to": 0}`),
		with("POST", "/team/{team_id}/member/{user_id}/reset_budget", "/team/page/member/page/reset_budget", `{}`),
		with("PATCH", "/team/{team_id}", "/team/page", `{"metadata": {"page": 1}}`),
		post("/team/permissions_bulk_update", `{"team_ids": ["page"], "permissions": ["/key/list"]}`),
		post("/team/model/add", `{"team_id": "page", "models": ["other"]}`),
		post("/team/model/delete", `{"team_id": "page", "models": ["other"]}`),
		post("/team/block", `{"team_id": "page"}`),
		post("/team/unblock", `{"team_id": "page"}`),
		get("/team/info", "/team/info?team_id=page"),
		get("/team/permissions_list", "/team/permissions_list?team_id=page"),
		get("/team/metadata_schema", ""),
		post("/team/permissions_update", `{"team_id": "page", "team_member_permissions": ["/key/info"]}`),
		with("POST", "/team/{team_id}/callback", "/team/page/callback", `{"callback_name": "langfuse", "callback_type": "success", "callback_vars": {"langfuse_public_key": "pk", "langfuse_secret_key": "sk", "langfuse_host": "http://127.0.0.1:9"}}`),
		get("/team/{team_id}/callback", "/team/page/callback"),
		with("DELETE", "/team/{team_id}/callback/{callback_name}", "/team/page/callback/langfuse", ``),
		with("POST", "/team/{team_id}/disable_logging", "/team/page/disable_logging", ``),
		post("/project/new", `{"project_id": "page", "team_id": "page", "models": ["nova"], "max_budget": 1}`),
		post("/project/update", `{"project_id": "page", "max_budget": 2}`),
		get("/project/info", "/project/info?project_id=none"),
		with("DELETE", "/project/delete", "/project/delete", `{"project_ids": ["page"]}`),
		get("/team/{team_id}/members/me", "/team/page/members/me"),

		saving("key", "key", post("/key/generate", `{"key_alias": "page", "user_id": "page", "max_budget": 5, "duration": "1d", "metadata": {"page": true}}`)),
		saving("keyed", "key", post("/key/generate", `{"key_alias": "page of a team", "team_id": "page"}`)),
		post("/team/key/bulk_update", `{"team_id": "page", "key_ids": ["{{keyed}}"], "update_fields": {"max_budget": 1}}`),
		post("/key/update", `{"key": "{{key}}", "max_budget": 6}`),
		post("/key/bulk_update", `{"keys": [{"key": "{{key}}", "max_budget": 7}]}`),
		post("/key/block", `{"key": "{{key}}"}`),
		post("/key/unblock", `{"key": "{{key}}"}`),
		get("/key/info", "/key/info?key={{key}}"),
		get("/key/list", "/key/list?return_full_object=true&key_alias=page"),
		with("POST", "/key/{key}/reset_spend", "/key/{{key}}/reset_spend", `{"reset_to": 0}`),
		saving("key", "key", post("/key/regenerate", `{"key": "{{key}}"}`)),
		saving("key", "key", with("POST", "/key/{key}/regenerate", "/key/{{key}}/regenerate", `{}`)),
		saving("service", "key", post("/key/service-account/generate", `{"team_id": "page", "key_alias": "page service", "metadata": {"service_account_id": "page"}}`)),
		post("/key/delete", `{"keys": ["{{key}}", "{{service}}"]}`),
		post("/key/health", ``),

		post("/team/member_delete", `{"team_id": "page", "user_id": "page"}`),
		post("/team/delete", `{"team_ids": ["page"]}`),
		post("/user/delete", `{"user_ids": ["page"]}`),

		post("/customer/new", `{"user_id": "page", "alias": "Page", "budget_id": "page"}`),
		post("/customer/update", `{"user_id": "page", "alias": "Page 2"}`),
		post("/customer/block", `{"user_ids": ["page"]}`),
		post("/customer/unblock", `{"user_ids": ["page"]}`),
		get("/customer/info", "/customer/info?end_user_id=page"),
		post("/customer/delete", `{"user_ids": ["page"]}`),
		post("/budget/delete", `{"id": "page"}`),

		post("/tag/new", `{"name": "page", "description": "Page", "models": []}`),
		post("/tag/update", `{"name": "page", "description": "Page 2", "models": []}`),
		post("/tag/info", `{"names": ["page"]}`),
		post("/tag/delete", `{"name": "page"}`),

		post("/organization/new", `{"organization_alias": "page", "models": ["nova"]}`),
		get("/organization/info", "/organization/info?organization_id=none"),
		with("PATCH", "/v2/organization/{organization_id}", "/v2/organization/none", `{"max_budget": 1}`),
		get("/organization/spend/report", "/organization/spend/report?organization_id=none&start_date=2026-01-01&end_date=2026-01-02"),

		post("/credentials", `{"credential_name": "page", "credential_values": {"aws_region_name": "us-east-1"}, "credential_info": {"custom_llm_provider": "bedrock"}}`),
		get("/credentials/by_name/{credential_name}", "/credentials/by_name/page"),
		with("PATCH", "/credentials/{credential_name}", "/credentials/page", `{"credential_name": "page", "credential_values": {"aws_region_name": "us-west-2"}, "credential_info": {}}`),
		post("/model/new", `{"model_name": "page", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0", "aws_region_name": "us-east-1"}, "model_info": {"id": "page"}}`),
		post("/model/update", `{"model_name": "page", "litellm_params": {"model": "bedrock/us.amazon.nova-lite-v1:0"}, "model_info": {"id": "page"}}`),
		with("PATCH", "/model/{model_id}/update", "/model/page/update", `{"model_info": {"mode": "chat"}}`),
		post("/model/block", `{"model_id": "page"}`),
		post("/model/unblock", `{"model_id": "page"}`),
		get("/v2/model/info", "/v2/model/info?modelId=page"),
		get("/model_group/info", "/model_group/info?model_group=page"),
		saving("policy", "policy_id", post("/policies", `{"policy_name": "page", "description": "Page", "guardrails_add": []}`)),
		get("/policies/list", ""),
		get("/policies/{policy_id}", "/policies/{{policy}}"),
		get("/policies/name/{policy_name}/versions", "/policies/name/page/versions"),
		saving("draft", "policy_id", with("POST", "/policies/name/{policy_name}/versions", "/policies/name/page/versions", `{}`)),
		get("/policies/compare", "/policies/compare?version_a={{policy}}&version_b={{draft}}"),
		with("PUT", "/policies/{policy_id}", "/policies/{{draft}}", `{"description": "Page 2"}`),
		with("PUT", "/policies/{policy_id}/status", "/policies/{{draft}}/status", `{"version_status": "published"}`),
		saving("attachment", "attachment_id", post("/policies/attachments", `{"policy_name": "page", "scope": "*"}`)),
		get("/policies/attachments/list", ""),
		get("/policies/attachments/{attachment_id}", "/policies/attachments/{{attachment}}"),
		post("/policies/resolve", `{"tags": []}`),
		get("/policies/{policy_id}/resolved-guardrails", "/policies/{{policy}}/resolved-guardrails"),
		post("/policies/test-pipeline", `{"pipeline": {"mode": "pre_call", "steps": [{"guardrail": "mud", "on_pass": "allow", "on_fail": "block"}]}, "test_messages": [{"role": "user", "content": "mud"}]}`),
		post("/policies/attachments/estimate-impact", `{"policy_name": "page", "teams": ["Cor*"]}`),
		get("/policy/list", ""),
		get("/policy/info/{policy_name}", "/policy/info/care"),
		post("/policy/test", `{"tags": ["dirty"]}`),
		post("/policy/validate", `{"policies": {"page": {"guardrails": {"add": ["mud"]}}}}`),
		get("/cache/ping", ""),
		get("/cache/settings", ""),
		post("/cache/settings/test", `{"cache_settings": {"type": "redis", "host": "127.0.0.1", "port": "9"}}`),
		with("DELETE", "/policies/attachments/{attachment_id}", "/policies/attachments/{{attachment}}", ``),
		with("DELETE", "/policies/{policy_id}", "/policies/{{draft}}", ``),
		with("DELETE", "/policies/name/{policy_name}/all-versions", "/policies/name/page/all-versions", ``),
		post("/model_group/make_public", `{"model_groups": ["page"]}`),
		post("/model_hub/update_useful_links", `{"useful_links": {"Docs": "https://example.com"}}`),
		get("/public/model_hub", ""),
		get("/public/model_hub/info", ""),
		get("/public/v1/model_hub", "/public/v1/model_hub?page_size=10"),
		get("/public/v1/model_hub/{facet}", "/public/v1/model_hub/modes"),
		get("/model/info", "/model/info?litellm_model_id=page"),
		get("/v1/model/info", "/v1/model/info?litellm_model_id=page"),
		get("/model/deprecations", "/model/deprecations?warn_within_days=60"),
		get("/v1/model/deprecations", ""),
		get("/credentials/by_model/{model_id}", "/credentials/by_model/page"),
		with("DELETE", "/credentials/{credential_name}", "/credentials/page", ``),
		post("/access_group/new", `{"access_group": "page", "model_names": ["page"]}`),
		get("/access_group/{access_group}/info", "/access_group/page/info"),
		with("PUT", "/access_group/{access_group}/budget", "/access_group/page/budget", `{"max_budget": 5, "budget_duration": "1d"}`),
		get("/access_group/{access_group}/budget", "/access_group/page/budget"),
		with("DELETE", "/access_group/{access_group}/budget", "/access_group/page/budget", ``),
		with("PUT", "/access_group/{access_group}/update", "/access_group/page/update", `{"model_names": ["page"]}`),
		with("DELETE", "/access_group/{access_group}/delete", "/access_group/page/delete", ``),
		post("/model/delete", `{"id": "page"}`),
		saving("group", "access_group_id", post("/v1/access_group", `{"access_group_name": "page", "access_model_names": ["nova"]}`)),
		get("/v1/access_group/{access_group_id}", "/v1/access_group/{{group}}"),
		with("PUT", "/v1/access_group/{access_group_id}", "/v1/access_group/{{group}}", `{"description": "Page"}`),
		with("DELETE", "/v1/access_group/{access_group_id}", "/v1/access_group/{{group}}", ``),

		post("/spend/calculate", `{"model": "nova", "messages": [{"role": "user", "content": "hello"}]}`),
		post("/cache/settings", `{"cache_settings": {"type": "local"}}`),
	}
}
