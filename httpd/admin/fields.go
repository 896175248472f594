package admin

import (
	"slices"

	"outcrop/tenant"
)

// The tables say what each field of a request is. The names are LiteLLM's
// (litellm/types/proxy/management_endpoints and litellm/models).

// limits are the fields of everything that can be limited.
func limits() []field {
	return []field{
		{name: "max_budget", form: money},
		{name: "soft_budget", form: money},
		{name: "budget_duration", form: period},
		{name: "tpm_limit", form: whole},
		{name: "rpm_limit", form: whole},
		{name: "max_parallel_requests", form: whole},
		{name: "model_max_budget", form: object, std: "{}"},
	}
}

// folds are the fields that LiteLLM keeps in the metadata (LiteLLM_ManagementEndpoint_MetadataFields).
func folds() []field {
	return []field{
		{name: "model_rpm_limit", form: object, at: folded},
		{name: "model_tpm_limit", form: object, at: folded},
		{name: "default_estimated_output_tokens", form: whole, at: folded},
		{name: "default_estimated_output_tokens_per_model", form: object, at: folded},
		{name: "mcp_rpm_limit", form: object, at: folded, kept: true},
		{name: "tag_rpm_limit", form: object, at: folded, kept: true},
		{name: "rpm_limit_type", form: text, at: folded, kept: true, words: []string{"guaranteed_throughput", "best_effort_throughput", "dynamic"}},
		{name: "tpm_limit_type", form: text, at: folded, kept: true, words: []string{"guaranteed_throughput", "best_effort_throughput", "dynamic"}},
		{name: "enforced_params", form: texts, at: folded, kept: true},
		{name: "allowed_vector_store_indexes", form: list, at: folded, kept: true},
		{name: "throttle_on_budget_exceeded", form: truth, at: folded, kept: true},
		{name: "enable_prompt_caching", form: truth, at: folded, kept: true},
		{name: "end_user_budget_id", form: text, at: folded, kept: true},
		{name: "disable_global_guardrails", form: truth, at: folded, kept: true, admins: true},
		{name: "guardrails", form: texts, at: folded},
		{name: "prompts", form: texts, at: folded, kept: true},
		{name: "tags", form: texts, at: folded},
		{name: passesAllowed, form: texts, at: folded, kept: true, admins: true},
		{name: passesDenied, form: texts, at: folded, kept: true, admins: true},
	}
}

// passing are fields of what can be granted endpoints of the operator's: a key or a team.
func passing(fields []field) []field {
	for _, name := range [...]string{passesAllowed, passesDenied} {
		find(fields, name).kept = false
	}
	return fields
}

// keyFields are those of /key/generate and /key/update.
func keyFields() []field {
	common := folds()
	find(common, "enforced_params").kept = false // LiteLLM asks for those of keys only
	return slices.Concat(limits(), passing(common), []field{
		{name: "key", form: text, at: spoken},
		{name: "key_alias", form: text},
		{name: "duration", form: period, at: spoken},
		{name: "models", form: texts, std: "[]"},
		{name: "spend", form: money, at: spoken, admins: true},
		{name: "user_id", form: text},
		{name: "team_id", form: text},
		{name: "organization_id", form: text},
		{name: "project_id", form: text},
		{name: "agent_id", form: text, kept: true},
		{name: "budget_id", form: text, admins: true},
		{name: "budget_limits", form: list},
		{name: "budget_fallbacks", form: object, std: "{}", kept: true},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "metadata", form: object, std: "{}"},
		{name: "temp_budget_increase", form: money, at: folded, admins: true},
		{name: "temp_budget_expiry", form: date, at: folded, admins: true},
		{name: "allowed_cache_controls", form: list, std: "[]", kept: true},
		{name: "allowed_routes", form: texts, std: "[]", admins: true},
		{name: "config", form: object, std: "{}", kept: true},
		{name: "permissions", form: object, std: "{}", kept: true, admins: true},
		{name: "aliases", form: object, std: "{}"},
		{name: "policies", form: texts},
		{name: "object_permission", form: object, kept: true},
		{name: "blocked", form: truth},
		{name: "access_group_ids", form: texts},
		{name: "router_settings", form: routing},
		{name: "key_type", form: text, words: []string{"default", "llm_api", "management", "read_only"}},
		{name: "auto_rotate", form: truth, std: "false", kept: true},
		{name: "rotation_interval", form: period, kept: true},
		{name: "send_invite_email", form: truth, at: spoken, kept: true},
	})
}

// regenerateFields are those of /key/regenerate beside those of a key.
func regenerateFields() []field {
	return append(keyFields(), field{name: "new_key", form: text, at: spoken}, field{name: "grace_period", form: period, at: spoken}, field{name: "new_master_key", form: text, at: spoken})
}

// userRoles are the roles that a user can have.
func userRoles() []string {
	return []string{string(tenant.RoleAdmin), string(tenant.RoleAdminViewer), string(tenant.RoleUser), string(tenant.RoleUserViewer)}
}

// userFields are those of /user/new and /user/update.
func userFields() []field {
	return slices.Concat(limits(), folds(), []field{
		{name: "user_id", form: text, at: spoken},
		{name: "user_email", form: text},
		{name: "user_alias", form: text},
		{name: "user_role", form: text, words: userRoles()},
		{name: "sso_user_id", form: text, kept: true},
		{name: "models", form: texts, std: "[]"},
		{name: "metadata", form: object, std: "{}"},
		{name: "spend", form: money, at: spoken, admins: true},
		{name: "allowed_cache_controls", form: list, std: "[]", kept: true},
		{name: "policies", form: texts, std: "[]", kept: true},
		{name: "object_permission", form: object, kept: true},
		{name: "teams", form: list, at: spoken},
		{name: "organizations", form: texts, at: spoken},
		{name: "auto_create_key", form: truth, at: spoken},
		{name: "send_invite_email", form: truth, at: spoken, kept: true},
		{name: "password", form: text, at: spoken},
		{name: "key_alias", form: text, at: spoken},
		{name: "duration", form: period, at: spoken},
		{name: "team_id", form: text, at: spoken},
		{name: "aliases", form: object, at: spoken},
		{name: "config", form: object, at: spoken},
		{name: "permissions", form: object, at: spoken, admins: true},
		{name: "blocked", form: truth, at: spoken},
	})
}

// teamFields are those of /team/new and /team/update.
func teamFields() []field {
	return slices.Concat(limits(), passing(folds()), []field{
		{name: "team_id", form: text, at: spoken},
		{name: "team_alias", form: text},
		{name: "organization_id", form: text},
		{name: "members_with_roles", form: list, at: spoken},
		{name: "admins", form: texts, at: spoken},
		{name: "members", form: texts, at: spoken},
		{name: "team_member_permissions", form: texts},
		{name: "metadata", form: object, std: "{}"},
		{name: "models", form: texts, std: "[]"},
		{name: "model_aliases", form: object},
		{name: "blocked", form: truth, std: "false"},
		{name: "spend", form: money, at: spoken, admins: true},
		{name: "budget_limits", form: list},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "team_member_budget", form: money},
		{name: "team_member_budget_duration", form: period},
		{name: "team_member_rpm_limit", form: whole},
		{name: "team_member_tpm_limit", form: whole},
		{name: "team_member_key_duration", form: period},
		{name: "team_member_model_max_budget", form: object, kept: true},
		{name: "default_team_member_models", form: texts},
		{name: "policies", form: texts},
		{name: "object_permission", form: object, kept: true},
		{name: "router_settings", form: routing},
		{name: "access_group_ids", form: texts},
		{name: "secret_manager_settings", form: object, at: folded, kept: true},
		{name: "enforced_file_expires_after", form: object, at: folded, kept: true},
		{name: "enforced_batch_output_expires_after", form: object, at: folded, kept: true},
		{name: "require_trace_id", form: truth, at: folded, kept: true},
		{name: "allow_team_guardrail_config", form: truth, std: "false", kept: true},
	})
}

// memberFields are those of a member of a team.
func memberFields() []field {
	return []field{
		{name: "team_id", form: text, at: spoken},
		{name: "organization_id", form: text, at: spoken},
		{name: "member", form: anything, at: spoken},
		{name: "user_id", form: text, at: spoken},
		{name: "user_email", form: text, at: spoken},
		{name: "role", form: text},
		{name: "max_budget_in_team", form: money},
		{name: "max_budget_in_organization", form: money},
		{name: "budget_duration", form: period},
		{name: "tpm_limit", form: whole},
		{name: "rpm_limit", form: whole},
		{name: "allowed_models", form: texts},
		{name: "temp_budget_increase", form: money},
		{name: "temp_budget_expiry", form: date},
		{name: "model_max_budget", form: object, kept: true},
	}
}

// organizationFields are those of an organisation.
func organizationFields() []field {
	return slices.Concat(limits(), folds(), []field{
		{name: "organization_id", form: text, at: spoken},
		{name: "organization_alias", form: text},
		{name: "budget_id", form: text},
		{name: "models", form: texts, std: "[]"},
		{name: "metadata", form: object, std: "{}"},
		{name: "spend", form: money, at: spoken, admins: true},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "object_permission", form: object, kept: true},
	})
}

// projectFields are those of a project.
func projectFields() []field {
	return slices.Concat(limits(), folds(), []field{
		{name: "project_id", form: text, at: spoken},
		{name: "project_alias", form: text},
		{name: "description", form: text},
		{name: "team_id", form: text},
		{name: "budget_id", form: text},
		{name: "models", form: texts, std: "[]"},
		{name: "blocked", form: truth, std: "false"},
		{name: "metadata", form: object, std: "{}"},
		{name: "model_itpm_limit", form: object, at: folded},
		{name: "model_otpm_limit", form: object, at: folded},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "policies", form: texts, at: folded},
		{name: "object_permission", form: object, kept: true},
	})
}

// customerFields are those of a customer.
func customerFields() []field {
	return slices.Concat(limits(), []field{
		{name: "user_id", form: text, at: spoken},
		{name: "alias", form: text},
		{name: "blocked", form: truth, std: "false"},
		{name: "budget_id", form: text},
		{name: "spend", form: money, at: spoken},
		{name: "allowed_model_region", form: text, words: []string{"eu", "us"}},
		{name: "default_model", form: text, kept: true},
		{name: "models", form: texts, std: "[]"},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "object_permission", form: object, kept: true},
	})
}

// budgetFields are those of a budget.
func budgetFields() []field {
	return slices.Concat(limits(), []field{
		{name: "budget_id", form: text, at: spoken},
		{name: "tpd_limit", form: whole, kept: true},
		{name: "budget_reset_at", form: date, at: spoken},
		{name: "allowed_models", form: texts},
	})
}

// tagFields are those of a tag.
func tagFields() []field {
	return slices.Concat(limits(), []field{
		{name: "name", form: text, at: spoken},
		{name: "description", form: text},
		{name: "models", form: texts, std: "[]"},
		{name: "model_info", form: object, kept: true},
		{name: "budget_id", form: text},
		{name: "spend", form: money, at: spoken},
	})
}

// groupFields are those of an access group.
func groupFields() []field {
	return []field{
		{name: "access_group_name", form: text},
		{name: "description", form: text},
		{name: "access_model_names", form: texts, std: "[]"},
		{name: "access_mcp_server_ids", form: texts, std: "[]", kept: true},
		{name: "mcp_tool_permissions", form: object, kept: true},
		{name: "access_agent_ids", form: texts, std: "[]", kept: true},
		{name: "access_skill_names", form: texts, std: "[]", kept: true},
		{name: "assigned_team_ids", form: texts, std: "[]"},
		{name: "assigned_key_ids", form: texts, std: "[]"},
	}
}
