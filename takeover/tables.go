package takeover

import (
	"slices"

	"outcrop/store"
)

// table is how rows of one of LiteLLM's tables become entities.
type table struct {
	name string
	kind store.Kind
	// id is the column with the id, and alias that with the name for people; empty for none.
	id, alias string
	// drop are columns that the document does not have: they have places of their own, or say nothing that anybody asks
	// for here.
	drop []string
	// kept are columns that the document has without an effect.
	kept []without
}

// without is a column or a member of the metadata that has an effect in LiteLLM and none in Outcrop.
type without struct {
	name   string
	reason string
	// weaker is whether something that LiteLLM refuses is let through, or changed differently.
	weaker bool
}

// everywhere are columns of all tables that no document has.
func everywhere() []string {
	return []string{"spend", "total_spend", "model_spend", "created_at", "updated_at"}
}

func keysTableOf() table {
	return table{
		name: keysTable, kind: store.KindKey, id: "token", alias: "key_alias",
		drop: []string{"token", "soft_budget_cooldown", "last_active", "settings_updated_at"},
		kept: []without{
			{"tpd_limit", "tokens a day are not limited", true},
			{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true},
			{"agent_id", "there are no agents", false},
			{"budget_fallbacks", "a key over its budget is refused, not sent to another model", false},
			{"permissions", "they are for LiteLLM's guardrails and pages", false},
			{"config", "keys have no settings of their own", false},
			{"auto_rotate", "keys are not replaced by themselves; use /key/regenerate", false},
		},
	}
}

func teamsTable() table {
	return table{
		name: "LiteLLM_TeamTable", kind: store.KindTeam, id: "team_id", alias: "team_alias",
		drop: []string{"admins", "members", "members_with_roles", "model_id"},
		kept: []without{
			{"tpd_limit", "tokens a day are not limited", true},
			{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true},
			{"default_team_member_models", "members have no models of their own", true},
			{"allow_team_guardrail_config", "there are no guardrails of teams", false},
		},
	}
}

func usersTable() table {
	return table{
		name: "LiteLLM_UserTable", kind: store.KindUser, id: "user_id", alias: "user_alias",
		drop: []string{"password", "password_reset_required", "last_breach_check_at", "teams", "team_id"},
		kept: []without{
			{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true},
			{"policies", "policies of users are not in force, also not in LiteLLM; set them for keys and teams", false},
			{"allowed_cache_controls", "users have no settings of the cache; keys have", false},
		},
	}
}

func organizationsTable() table {
	return table{
		name: "LiteLLM_OrganizationTable", kind: store.KindOrganization, id: "organization_id", alias: "organization_alias",
		kept: []without{{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true}},
	}
}

func projectsTable() table {
	return table{
		name: projectsTableName, kind: store.KindProject, id: "project_id", alias: "project_alias",
		drop: []string{"model_rpm_limit", "model_tpm_limit"}, // those that hold are in the metadata
		kept: []without{{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true}},
	}
}

func groupBudgetsTable() table {
	return table{name: groupBudgetsTableName, kind: store.KindGroupBudget, id: "access_group_name", alias: "access_group_name"}
}

func customersTable() table {
	return table{
		name: "LiteLLM_EndUserTable", kind: store.KindCustomer, id: "user_id", alias: "alias",
		kept: []without{
			{"models", "customers have no models of their own", true},
			{"object_permission_id", "what it permits of models, MCP servers, vector stores and agents is not checked", true},
			{"default_model", "it is for allowed_model_region", false},
		},
	}
}

func budgetsTable() table {
	return table{
		name: "LiteLLM_BudgetTable", kind: store.KindBudget, id: "budget_id",
		kept: []without{
			{"tpd_limit", "tokens a day are not limited", true},
			{"temp_budget_increase", "a budget that is shared is not raised for a time", false},
		},
	}
}

func tagsTable() table {
	return table{name: "LiteLLM_TagTable", kind: store.KindTag, id: "tag_name", alias: "tag_name", drop: []string{"tag_name"}}
}

func groupsTable() table {
	return table{
		name: "LiteLLM_AccessGroupTable", kind: store.KindAccessGroup, id: "access_group_id", alias: "access_group_name",
		kept: []without{
			{"access_mcp_server_ids", "there are no MCP servers", false},
			{"mcp_tool_permissions", "there are no MCP servers", false},
			{"access_agent_ids", "there are no agents", false},
			{"access_skill_names", "there are no skills", false},
		},
	}
}

// Tables that become entities by code of their own.
const (
	projectsTableName = "LiteLLM_ProjectTable"

	groupBudgetsTableName = "LiteLLM_ModelAccessGroupBudgetTable"

	oldKeysTable       = "LiteLLM_DeprecatedVerificationToken"
	membershipTable    = "LiteLLM_TeamMembership"
	orgMembershipTable = "LiteLLM_OrganizationMembership"
	aliasesTable       = "LiteLLM_ModelTable"
	modelsTable        = "LiteLLM_ProxyModelTable"
	credentialsTable   = "LiteLLM_CredentialsTable"

	policiesTableName    = "LiteLLM_PolicyTable"
	attachmentsTableName = "LiteLLM_PolicyAttachmentTable"

	spendLogsTable      = "LiteLLM_SpendLogs"
	goneKeysTable       = "LiteLLM_DeletedVerificationToken"
	goneTeamsTable      = "LiteLLM_DeletedTeamTable"
	membersInTeams      = "LiteLLM_TeamTable.members_with_roles"
	metadataGuardrails  = "calls are refused until the configuration has the guardrails of these names"
	metadataCredentials = "loggers of keys and teams are not taken, because their settings have credentials"
)

// inMetadata are members of the metadata of keys, users, teams and organisations.
func inMetadata() []without {
	return []without{
		{"guardrails", metadataGuardrails, false},
		{"enforced_params", "requests are not checked for parameters", true},
		{"tag_rpm_limit", "a key's calls with a tag are not limited", true},
		{"allowed_vector_store_indexes", "there are no vector stores", false},
		{"mcp_rpm_limit", "there are no MCP servers", false},
		{"end_user_budget_id", "customers without a budget of their own get none", true},
		{"throttle_on_budget_exceeded", "a key over its budget is refused, not slowed down", false},
		{"prompts", "there are no stored prompts", false},
		{"default_estimated_output_tokens_per_model", "default_estimated_output_tokens holds for all models", false},
		{"team_member_model_max_budget", "members have no budgets for single models", true},
	}
}

// secretMetadata are members of the metadata that are not taken, because they have credentials.
func secretMetadata() []string {
	return []string{"logging", "callback_settings", "secret_manager_settings"}
}

// jsonColumns are those that may be JSON within a text.
func jsonColumns() []string {
	return []string{"aliases", "config", "permissions", "metadata", "model_max_budget", "budget_limits", "budget_fallbacks", "router_settings", "model_info", "mcp_tool_permissions", "condition", "pipeline"}
}

// timeColumns are those of times.
func timeColumns() []string {
	return []string{"expires", "budget_reset_at", "last_rotation_at", "key_rotation_at", "temp_budget_expiry", "revoke_at", "published_at", "production_at"}
}

// apart says why rows of a table are not taken; taken is true for those that are.
func apart(name string) (reason string, taken bool) {
	switch name {
	case keysTable, "LiteLLM_TeamTable", "LiteLLM_UserTable", "LiteLLM_OrganizationTable", "LiteLLM_EndUserTable", "LiteLLM_BudgetTable", "LiteLLM_TagTable", "LiteLLM_AccessGroupTable",
		projectsTableName, groupBudgetsTableName, oldKeysTable, membershipTable, orgMembershipTable, aliasesTable, modelsTable, credentialsTable, spendLogsTable, policiesTableName, attachmentsTableName:
		return "", true
	case "LiteLLM_Config":
		return "settings that were made in LiteLLM's pages belong in config.yaml", false
	case "LiteLLM_GuardrailsTable":
		return "guardrails belong in config.yaml; calls of a policy, key or team that names one are refused until it is there", false
	case "LiteLLM_CacheConfig":
		return "where answers are kept belongs in litellm_settings.cache_params, or in POST /cache/settings", false
	case "LiteLLM_ObjectPermissionTable":
		return "what it permits of models, MCP servers, vector stores and agents is not checked", false
	case "LiteLLM_JWTKeyMapping", "LiteLLM_VerifiedSubject":
		return "keys are not found by JWTs", false
	case "LiteLLM_InvitationLink":
		return "nobody needs an invitation", false
	case goneKeysTable, goneTeamsTable:
		return "what was deleted stays deleted", false
	case "LiteLLM_AuditLog":
		return "the audit log begins with the take-over", false
	}
	if slices.Contains([]string{"LiteLLM_DailyUserSpend", "LiteLLM_DailyTeamSpend", "LiteLLM_DailyOrganizationSpend", "LiteLLM_DailyEndUserSpend", "LiteLLM_DailyTagSpend", "LiteLLM_DailyAgentSpend"}, name) {
		return "daily sums are made of the spend logs that are taken", false
	}
	return "Outcrop has no such things", false
}
