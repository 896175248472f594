package admin

import (
	"net/http"

	"outcrop/store"
)

// endpoint is one endpoint of the API.
type endpoint struct {
	method string
	// paths are its path, and others of the same meaning, in http.ServeMux's form.
	paths []string
	about string
	// who may call it at all; do decides about the rest.
	who who
	do  func(x *exchange) ([]byte, error)
	// status is that of the answer; 0 for 200.
	status int
}

// with makes a handler of a method with an argument.
func with[T any](do func(x *exchange, arg T) ([]byte, error), arg T) func(x *exchange) ([]byte, error) {
	return func(x *exchange) ([]byte, error) { return do(x, arg) }
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// endpoints is the table of the API: who may call what follows LiteLLM (litellm/proxy/_types.py, LiteLLMRoutes).
func endpoints() []endpoint {
	var all []endpoint
	for _, part := range [][]endpoint{keyEndpoints(), userEndpoints(), teamEndpoints(), organizationEndpoints(), projectEndpoints(), otherEndpoints(), modelEndpoints(), policyEndpoints(), spendEndpoints(), usageEndpoints()} {
		all = append(all, part...)
	}
	return all
}

func keyEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/key/generate"}, "makes a key", members, (*exchange).generateKey, 0},
		{post, []string{"/key/service-account/generate"}, "makes a key of a team and of no user", members, (*exchange).generateServiceKey, 0},
		{get, []string{"/key/info"}, "a key with what it has spent; the caller's own if none is named", anyone, (*exchange).getKey, 0},
		{post, []string{"/v2/key/info"}, "several keys", anyone, (*exchange).getKeys, 0},
		{post, []string{"/key/update"}, "changes a key", members, (*exchange).updateKey, 0},
		{post, []string{"/key/bulk_update"}, "changes several keys", admins, (*exchange).updateKeys, 0},
		{post, []string{"/key/delete"}, "deletes keys", members, (*exchange).deleteKeys, 0},
		{post, []string{"/key/block"}, "blocks a key", members, with((*exchange).blockKey, true), 0},
		{post, []string{"/key/unblock"}, "unblocks a key", members, with((*exchange).blockKey, false), 0},
		{post, []string{"/key/regenerate", "/key/{key}/regenerate"}, "gives a key a new secret", members, (*exchange).regenerateKey, 0},
		{post, []string{"/key/{key}/reset_spend"}, "sets what a key has spent to less", members, (*exchange).resetKey, 0},
		{get, []string{"/key/list"}, "lists keys", anyone, (*exchange).listKeys, 0},
		{get, []string{"/key/aliases"}, "lists the aliases of keys", readers | leader | user, (*exchange).listAliases, 0},
		{post, []string{"/key/health"}, "says that the caller's key works", anyone, (*exchange).keyHealth, 0},
	}
}

func userEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/user/new"}, "makes a user, with a key", leaders, (*exchange).newUser, 0},
		{post, []string{"/user/update"}, "changes a user", leaders, (*exchange).updateUser, 0},
		{post, []string{"/user/bulk_update"}, "changes several users", admins, (*exchange).updateUsers, 0},
		{post, []string{"/user/delete"}, "deletes users, with their keys", leaders, (*exchange).deleteUsers, 0},
		{get, []string{"/user/info"}, "a user with keys and teams; the caller if none is named", anyone, (*exchange).getUser, 0},
		{get, []string{"/v2/user/info"}, "a user without keys and teams", anyone, (*exchange).getUserOnly, 0},
		{get, []string{"/user/list"}, "lists users", readers | leader, (*exchange).listUsers, 0},
		{get, []string{"/user/filter/ui"}, "finds users by id and e-mail address", readers | leader, (*exchange).filterUsers, 0},
		{get, []string{"/user/available_users"}, "how many users and teams there are; a licence bounds neither", readers, (*exchange).availableUsers, 0},
		{get, []string{"/user/available_roles"}, "the roles that a user can have", anyone, (*exchange).availableRoles, 0},
	}
}

func teamEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/team/new"}, "makes a team", leaders, (*exchange).newTeam, 0},
		{post, []string{"/team/update"}, "changes a team", members, (*exchange).updateTeam, 0},
		{post, []string{"/team/delete"}, "deletes teams, with their keys", leaders, (*exchange).deleteTeams, 0},
		{post, []string{"/team/block"}, "blocks the keys of a team", leaders, with((*exchange).blockTeam, true), 0},
		{post, []string{"/team/unblock"}, "unblocks them", leaders, with((*exchange).blockTeam, false), 0},
		{get, []string{"/team/info"}, "a team with keys and members", anyone, (*exchange).getTeam, 0},
		{get, []string{"/team/list"}, "lists teams", anyone, (*exchange).listTeams, 0},
		{get, []string{"/v2/team/list"}, "lists teams by pages", anyone, (*exchange).listTeamPages, 0},
		{get, []string{"/team/metadata_schema"}, "which members the metadata of teams is meant to have", anyone, (*exchange).teamMetadata, 0},
		{get, []string{"/team/available"}, "the teams that anyone may join", anyone, (*exchange).availableTeams, 0},
		{post, []string{"/team/member_add"}, "adds members to a team", members, (*exchange).addMembers, 0},
		{post, []string{"/team/member_update"}, "changes a member of a team", members, (*exchange).updateMember, 0},
		{post, []string{"/team/member_delete"}, "removes a member of a team", members, (*exchange).removeMember, 0},
		{post, []string{"/team/{team_id}/member/{user_id}/reset_spend"}, "sets what a member has spent to less", members, (*exchange).resetMember, 0},
		{post, []string{"/team/{team_id}/member/{user_id}/reset_budget"}, "gives a member the team's default limits again", members, (*exchange).unlimitMember, 0},
		{post, []string{"/team/bulk_member_add"}, "adds several members to a team", admins, (*exchange).addManyMembers, 0},
		{http.MethodPatch, []string{"/team/{team_id}"}, "changes a team, and single members of its metadata", leaders, (*exchange).patchTeam, 0},
		{post, []string{"/team/permissions_bulk_update"}, "lets members of several teams call more", leaders, (*exchange).permitMany, 0},
		{post, []string{"/team/key/bulk_update"}, "changes several keys of a team alike", members, (*exchange).updateTeamKeys, 0},
		{get, []string{"/team/{team_id}/members/me"}, "the caller's own membership in a team", anyone, (*exchange).ownMembership, 0},
		{get, []string{"/team/{team_id}/callback"}, "to which services calls of a team are told, with secrets masked", anyone, (*exchange).getCallbacks, 0},
		{post, []string{"/team/{team_id}/callback"}, "has calls of a team told to a service, with an account of the team's own", anyone, (*exchange).addCallback, 0},
		{http.MethodDelete, []string{"/team/{team_id}/callback/{callback_name}"}, "ends that", anyone, (*exchange).removeCallback, 0},
		{post, []string{"/team/{team_id}/disable_logging"}, "ends it for all services", admins, (*exchange).disableCallbacks, 0},
		{get, []string{"/team/spend/by_user"}, "what the users of teams have spent in them", anyone, (*exchange).spendByUser, 0},
		{post, []string{"/team/model/add"}, "allows models to a team", leaders, with((*exchange).teamModels, true), 0},
		{post, []string{"/team/model/delete"}, "takes models from a team", leaders, with((*exchange).teamModels, false), 0},
		{get, []string{"/team/permissions_list"}, "what members may do with a team's keys", readers | leader | user, (*exchange).listPermissions, 0},
		{post, []string{"/team/permissions_update"}, "changes that", members, (*exchange).updatePermissions, 0},
	}
}

func organizationEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/organization/new"}, "makes an organization", admins, (*exchange).newOrganization, 0},
		{http.MethodPatch, []string{"/organization/update"}, "changes an organization", admins, (*exchange).updateOrganization, 0},
		{http.MethodPatch, []string{"/v2/organization/{organization_id}"}, "changes some fields of an organization", admins, (*exchange).patchOrganization, 0},
		{http.MethodDelete, []string{"/organization/delete"}, "deletes organizations, with their teams and keys", leaders, (*exchange).deleteOrganizations, 0},
		{get, []string{"/organization/list"}, "lists organizations", anyone, (*exchange).listOrganizations, 0},
		{get, []string{"/organization/info"}, "an organization with its teams and members", anyone, (*exchange).getOrganization, 0},
		{post, []string{"/organization/info"}, "several organizations", anyone, (*exchange).getOrganizations, 0},
		{post, []string{"/organization/member_add"}, "adds members to an organization", leaders, (*exchange).addOrgMembers, 0},
		{http.MethodPatch, []string{"/organization/member_update"}, "changes a member of an organization", leaders, (*exchange).updateOrgMember, 0},
		{http.MethodDelete, []string{"/organization/member_delete"}, "removes a member of an organization", leaders, (*exchange).removeOrgMember, 0},
	}
}

func projectEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/project/new"}, "makes a project of a team", anyone, (*exchange).newProject, 0},
		{post, []string{"/project/update"}, "changes a project", anyone, (*exchange).updateProject, 0},
		{http.MethodDelete, []string{"/project/delete"}, "deletes projects that have no keys", admins, (*exchange).deleteProjects, 0},
		{get, []string{"/project/info"}, "a project", anyone, (*exchange).getProject, 0},
		{get, []string{"/project/list"}, "lists the projects of the caller's teams", anyone, (*exchange).listProjects, 0},
	}
}

func otherEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/customer/new", "/end_user/new"}, "makes a customer", admins, (*exchange).newCustomer, 0},
		{post, []string{"/customer/update", "/end_user/update"}, "changes a customer", admins, (*exchange).updateCustomer, 0},
		{post, []string{"/customer/delete", "/end_user/delete"}, "deletes customers", admins, (*exchange).deleteCustomers, 0},
		{get, []string{"/customer/info", "/end_user/info"}, "a customer", readers, (*exchange).getCustomer, 0},
		{get, []string{"/customer/list", "/end_user/list"}, "lists customers", readers, (*exchange).listCustomers, 0},
		{post, []string{"/customer/block", "/end_user/block"}, "blocks customers", admins, with((*exchange).blockCustomers, true), 0},
		{post, []string{"/customer/unblock", "/end_user/unblock"}, "unblocks customers", admins, with((*exchange).blockCustomers, false), 0},
		{post, []string{"/budget/new"}, "makes a budget that several can have", admins, (*exchange).newBudget, 0},
		{post, []string{"/budget/update"}, "changes a budget", admins, (*exchange).updateBudget, 0},
		{post, []string{"/budget/info"}, "several budgets", readers, (*exchange).getBudgets, 0},
		{get, []string{"/budget/settings"}, "the fields of a budget", readers, (*exchange).budgetSettings, 0},
		{get, []string{"/budget/list"}, "lists budgets", readers, (*exchange).listBudgets, 0},
		{post, []string{"/budget/delete"}, "deletes a budget", admins, (*exchange).deleteBudget, 0},
		{post, []string{"/tag/new"}, "makes a tag with limits", admins, with((*exchange).putTag, true), 0},
		{post, []string{"/tag/update"}, "changes a tag", admins, with((*exchange).putTag, false), 0},
		{post, []string{"/tag/info"}, "several tags", readers, (*exchange).getTags, 0},
		{get, []string{"/tag/list"}, "lists tags", readers, (*exchange).listTags, 0},
		{post, []string{"/tag/delete"}, "deletes a tag", admins, (*exchange).deleteTag, 0},
		{post, []string{"/v1/access_group", "/v1/unified_access_group"}, "makes an access group", admins, with((*exchange).putGroup, true), http.StatusCreated},
		{get, []string{"/v1/access_group", "/v1/unified_access_group"}, "lists access groups", readers, (*exchange).listGroups, 0},
		{get, []string{"/v1/access_group/{access_group_id}", "/v1/unified_access_group/{access_group_id}"}, "an access group", readers, (*exchange).getGroup, 0},
		{http.MethodPut, []string{"/v1/access_group/{access_group_id}", "/v1/unified_access_group/{access_group_id}"}, "changes an access group", admins, with((*exchange).putGroup, false), 0},
		{http.MethodDelete, []string{"/v1/access_group/{access_group_id}", "/v1/unified_access_group/{access_group_id}"}, "deletes an access group", admins, (*exchange).deleteGroup, http.StatusNoContent},
		{post, []string{"/access_group/new"}, "puts models into an access group", admins, (*exchange).newModelGroup, 0},
		{get, []string{"/access_group/list"}, "lists the access groups that models are in", readers, (*exchange).listModelGroups, 0},
		{get, []string{"/access_group/{access_group}/info"}, "one of them", readers, (*exchange).getModelGroup, 0},
		{http.MethodPut, []string{"/access_group/{access_group}/update"}, "sets the models of an access group", admins, (*exchange).updateModelGroup, 0},
		{http.MethodDelete, []string{"/access_group/{access_group}/delete"}, "takes all models out of an access group", admins, (*exchange).deleteModelGroup, 0},
		{get, []string{"/access_group/{access_group}/budget"}, "what all who may use an access group may spend on it, and have spent", readers, (*exchange).getGroupBudget, 0},
		{http.MethodPut, []string{"/access_group/{access_group}/budget"}, "sets that", admins, (*exchange).putGroupBudget, 0},
		{http.MethodDelete, []string{"/access_group/{access_group}/budget"}, "takes it back", admins, (*exchange).deleteGroupBudget, 0},
		{post, []string{"/invitation/new"}, "makes an invitation", leaders, (*exchange).newInvitation, 0},
		{get, []string{"/invitation/info"}, "an invitation", readers, (*exchange).getInvitation, 0},
		{post, []string{"/invitation/update"}, "changes an invitation", admins, (*exchange).updateInvitation, 0},
		{post, []string{"/invitation/delete"}, "deletes an invitation", leaders, (*exchange).deleteInvitation, 0},
		{get, []string{"/audit"}, "who has changed what", readers, (*exchange).listAudit, 0},
		{get, []string{"/audit/{id}"}, "one change", readers, (*exchange).getAudit, 0},
	}
}

func modelEndpoints() []endpoint {
	return []endpoint{
		{post, []string{"/model/new"}, "adds a model", admins, (*exchange).newModel, 0},
		{post, []string{"/model/update"}, "changes a model", admins, (*exchange).updateModel, 0},
		{http.MethodPatch, []string{"/model/{model_id}/update"}, "changes some settings of a model", admins, (*exchange).patchModel, 0},
		{post, []string{"/model/delete"}, "deletes a model", admins, (*exchange).deleteModel, 0},
		{post, []string{"/model/block"}, "takes a model out of service, and keeps it", admins, with((*exchange).blockModel, true), 0},
		{post, []string{"/model/unblock"}, "puts it back into service", admins, with((*exchange).blockModel, false), 0},
		{post, []string{"/model_group/make_public"}, "sets which models GET /public/model_hub shows to everybody", admins, (*exchange).makePublic, 0},
		{post, []string{"/model_hub/update_useful_links"}, "sets the links that GET /public/model_hub/info shows", admins, (*exchange).updateLinks, 0},
		{post, []string{"/credentials"}, "makes a credential that models can name", admins, (*exchange).newCredential, 0},
		{get, []string{"/credentials"}, "lists credentials, with their secrets masked", admins, (*exchange).listCredentials, 0},
		{get, []string{"/credentials/by_name/{credential_name}"}, "a credential, with its secrets masked", admins, (*exchange).getCredential, 0},
		{get, []string{"/credentials/by_model/{model_id}"}, "the settings that reach a model, with their secrets masked", admins, (*exchange).modelCredential, 0},
		{http.MethodPatch, []string{"/credentials/{credential_name}"}, "changes a credential", admins, (*exchange).patchCredential, 0},
		{http.MethodDelete, []string{"/credentials/{credential_name}"}, "deletes a credential", admins, (*exchange).deleteCredential, 0},
		{get, []string{passThroughPath}, "lists endpoints that pass requests on, or shows one, with their secrets masked", admins, (*exchange).listPassThroughs, 0},
		{get, []string{passThroughPath + "/team/{team_id}"}, "lists those that a team may call", admins, (*exchange).teamPassThroughs, 0},
		{post, []string{passThroughPath}, "adds an endpoint that passes requests on", admins, (*exchange).newPassThrough, 0},
		{post, []string{passThroughPath + "/{endpoint_id}"}, "changes one", admins, (*exchange).updatePassThrough, 0},
		{http.MethodDelete, []string{passThroughPath}, "deletes one", admins, (*exchange).deletePassThrough, 0},
	}
}

func policyEndpoints() []endpoint {
	return []endpoint{
		{get, []string{"/policies/list"}, "lists policies of guardrails", readers, (*exchange).listPolicies, 0},
		{post, []string{"/policies"}, "makes a policy, which is in force at once", admins, (*exchange).newPolicy, 0},
		{get, []string{"/policies/compare"}, "how two versions of a policy differ", readers, (*exchange).compareVersions, 0},
		{post, []string{"/policies/resolve"}, "which policies and guardrails are in force for a call", readers, (*exchange).resolvePolicies, 0},
		{get, []string{"/policies/name/{policy_name}/versions"}, "lists the versions of a policy", readers, (*exchange).listVersions, 0},
		{post, []string{"/policies/name/{policy_name}/versions"}, "makes a draft from a version", admins, (*exchange).newVersion, 0},
		{http.MethodDelete, []string{"/policies/name/{policy_name}/all-versions"}, "deletes a policy with all versions", admins, (*exchange).deleteVersions, 0},
		{get, []string{"/policies/{policy_id}"}, "a version of a policy", readers, (*exchange).getPolicy, 0},
		{http.MethodPut, []string{"/policies/{policy_id}"}, "changes a draft", admins, (*exchange).updatePolicy, 0},
		{http.MethodDelete, []string{"/policies/{policy_id}"}, "deletes a version", admins, (*exchange).deletePolicy, 0},
		{get, []string{"/policies/{policy_id}/" + resolvedGuardrails}, "the guardrails of a version, with what it inherits", readers, (*exchange).guardrailsOfPolicy, 0},
		{post, []string{"/policies/test-pipeline"}, "what a pipeline makes of messages that no model gets", admins, (*exchange).testPipeline, 0},
		{http.MethodPut, []string{"/policies/{policy_id}/status"}, "publishes a draft, or puts a published version in force", admins, (*exchange).setVersion, 0},
		{get, []string{"/policies/attachments/list"}, "lists for which calls policies are in force", readers, (*exchange).listAttachments, 0},
		{post, []string{"/policies/attachments"}, "attaches a policy to calls", admins, (*exchange).newAttachment, 0},
		{post, []string{"/policies/attachments/estimate-impact"}, "for which keys and teams an attachment would be", readers, (*exchange).estimateImpact, 0},
		{get, []string{"/policies/attachments/{attachment_id}"}, "an attachment", readers, (*exchange).getAttachment, 0},
		{http.MethodDelete, []string{"/policies/attachments/{attachment_id}"}, "deletes an attachment", admins, (*exchange).deleteAttachment, 0},
		{get, []string{"/cache/settings"}, "where answers are kept, without secrets", admins, (*exchange).getCacheSettings, 0},
		{post, []string{"/cache/settings"}, "sets where answers are kept; an empty object for nowhere", admins, (*exchange).putCacheSettings, 0},
		{post, []string{"/cache/settings/test"}, "whether the Valkey or Redis of settings answers", admins, (*exchange).testCacheSettings, 0},
		{get, []string{"/policy/list"}, "the policies in force, with their guardrails", readers, (*exchange).loadedPolicies, 0},
		{get, []string{"/policy/info/{policy_name}"}, "one of them", readers, (*exchange).loadedPolicy, 0},
		{post, []string{"/policy/test"}, "which policies are in force for a call", readers, (*exchange).testPolicies, 0},
		{post, []string{"/policy/validate"}, "what is wrong with policies in the form of the configuration's file", readers, (*exchange).validatePolicies, 0},
	}
}

func spendEndpoints() []endpoint {
	own := readers | leader | user | userViewer
	return []endpoint{
		{get, []string{"/spend/logs"}, "calls with what they have cost", own, (*exchange).spendLogs, 0},
		{get, []string{"/spend/logs/v2"}, "a page of calls with what they have cost", own, with((*exchange).spendPages, true), 0},
		{get, []string{"/spend/logs/ui"}, "the same; with a request_id, of any time", own, with((*exchange).spendPages, false), 0},
		{get, []string{"/spend/logs/ui/{request_id}"}, "what a call has asked and was answered, if it was kept", own, (*exchange).oneContent, 0},
		{get, []string{"/spend/logs/search"}, "the calls that match a query, newest first, a part at a time", own, (*exchange).searchSpend, 0},
		{post, []string{"/spend/calculate"}, "what a prompt will cost, or a response has cost", own, (*exchange).calculate, 0},
		{get, []string{"/spend/keys"}, "what keys have spent", own, (*exchange).spendKeys, 0},
		{get, []string{"/spend/users"}, "what users have spent", own, (*exchange).spendUsers, 0},
		{get, []string{"/spend/tags"}, "what calls with tags have cost", own, with((*exchange).spendTags, false), 0},
		{get, []string{"/global/spend"}, "what the last 30 days have cost", readers, (*exchange).globalSpend, 0},
		{get, []string{"/global/spend/logs"}, "what each of the last 30 days has cost", readers, (*exchange).globalLogs, 0},
		{get, []string{"/global/spend/keys"}, "the same by keys", readers, (*exchange).globalKeys, 0},
		{get, []string{"/global/spend/teams"}, "the same by teams", readers, (*exchange).globalTeams, 0},
		{get, []string{"/global/spend/models"}, "the same by models", readers, with((*exchange).globalBy, store.ByModel), 0},
		{get, []string{"/global/spend/provider"}, "the same by providers", readers, with((*exchange).globalBy, store.ByProvider), 0},
		{get, []string{"/global/spend/tags"}, "the same by tags", readers, with((*exchange).spendTags, true), 0},
		{get, []string{"/global/spend/report"}, "what days have cost by teams, customers or keys", readers, (*exchange).report, 0},
		{get, []string{"/key/spend/report"}, "what the caller's key has cost by models", anyone, ownReport(store.KindKey, "api_key"), 0},
		{get, []string{"/user/spend/report"}, "what the caller's user has cost by keys and models", anyone, ownReport(store.KindUser, "internal_user_id"), 0},
		{get, []string{"/team/spend/report"}, "what the team of the caller's key has cost by keys and models", anyone, ownReport(store.KindTeam, "team_id"), 0},
		{get, []string{"/organization/spend/report"}, "what an organization has cost by keys, models and teams", anyone, (*exchange).organizationReport, 0},
		{get, []string{"/tag/distinct"}, "the tags that calls had", readers, (*exchange).distinctTags, 0},
		{get, []string{"/tag/summary"}, "how much each tag was used", readers, (*exchange).tagSummary, 0},
		{get, []string{"/tag/dau"}, "how many users have called with each tag in each of the last seven days", readers, with((*exchange).activeUsers, 1), 0},
		{get, []string{"/tag/wau"}, "the same of seven weeks", readers, with((*exchange).activeUsers, 7), 0},
		{get, []string{"/tag/mau"}, "the same of seven times 30 days", readers, with((*exchange).activeUsers, 30), 0},
		{get, []string{"/tag/user-agent/per-user-analytics"}, "how much users have used by their tools in the last 30 days", readers, (*exchange).userAnalytics, 0},
		{post, []string{"/global/spend/reset"}, "sets what all keys and teams have spent to nothing", master, (*exchange).resetAll, 0},
		{get, []string{"/global/activity"}, "how many requests and tokens days had", readers | leader | user, (*exchange).globalActivity, 0},
		{get, []string{"/global/activity/model"}, "the same by the ten models that were called most", readers | leader | user, (*exchange).activityModels, 0},
		{get, []string{"/global/activity/cache_hits"}, "how many calls the response cache has answered", readers | leader | user, (*exchange).cacheHits, 0},
		{get, []string{"/global/activity/calls"}, "how long calls took, with which codes they have failed, and how many the response cache has answered", readers, (*exchange).callActivity, 0},
		{get, []string{"/provider/budgets"}, "the budgets of providers, and what is spent of them", readers, (*exchange).providerBudgets, 0},
		{get, []string{"/user/daily/activity"}, "what days have cost by models and keys", own, daily(store.KindUser, "user_id", false), 0},
		{get, []string{"/user/daily/activity/aggregated"}, "the same, with all days in one answer", own, daily(store.KindUser, "user_id", true), 0},
		{get, []string{"/team/daily/activity"}, "the same of teams", own, daily(store.KindTeam, "team_ids", false), 0},
		{get, []string{"/team/daily/activity/aggregated"}, "the same, with all days in one answer", own, daily(store.KindTeam, "team_ids", true), 0},
		{get, []string{"/organization/daily/activity"}, "the same of organizations", readers | leader, daily(store.KindOrganization, "organization_ids", false), 0},
		{get, []string{"/organization/daily/activity/aggregated"}, "the same, with all days in one answer", readers | leader, daily(store.KindOrganization, "organization_ids", true), 0},
		{get, []string{"/tag/daily/activity"}, "the same of tags", readers, daily(store.KindTag, "tags", false), 0},
		{get, []string{"/tag/daily/activity/aggregated"}, "the same, with all days in one answer", readers, daily(store.KindTag, "tags", true), 0},
		{get, []string{"/region/daily/activity"}, "the same of regions", readers, daily(store.KindRegion, "regions", false), 0},
		{get, []string{"/region/daily/activity/aggregated"}, "the same, with all days in one answer", readers, daily(store.KindRegion, "regions", true), 0},
		{get, []string{"/customer/daily/activity", "/end_user/daily/activity"}, "the same of customers", readers, daily(store.KindCustomer, "end_user_ids", false), 0},
		{get, []string{"/customer/daily/activity/aggregated", "/end_user/daily/activity/aggregated"}, "the same, with all days in one answer", readers, daily(store.KindCustomer, "end_user_ids", true), 0},
	}
}

// usageEndpoints are the parts of /daily/activity: the keys that have spent most, found or of one model, and all of it as a file.
func usageEndpoints() []endpoint {
	own := readers | leader | user | userViewer
	var all []endpoint
	for _, of := range [...]struct {
		kind     store.Kind
		ids      string
		who      who
		prefixes []string
	}{
		{store.KindUser, "user_id", own, []string{"/user"}},
		{store.KindTeam, "team_ids", own, []string{"/team"}},
		{store.KindOrganization, "organization_ids", readers | leader, []string{"/organization"}},
		{store.KindTag, "tags", readers, []string{"/tag"}},
		{store.KindCustomer, "end_user_ids", readers, []string{"/customer", "/end_user"}},
	} {
		add := func(path, about string, do func(x *exchange, kind store.Kind, ids string) ([]byte, error)) {
			paths := make([]string, len(of.prefixes))
			for i, prefix := range of.prefixes {
				paths[i] = prefix + "/daily/activity/" + path
			}
			all = append(all, endpoint{get, paths, about, of.who, func(x *exchange) ([]byte, error) { return do(x, of.kind, of.ids) }, 0})
		}
		add("aggregated/keys", "what keys have cost, the dearest first", (*exchange).usageKeys)
		add("aggregated/search", "the same of keys by parts of their names, hashes and users", (*exchange).searchUsage)
		add("aggregated/model_top_keys", "the keys that have spent most on a model", (*exchange).modelKeys)
		add("export", "what days have cost, as CSV or JSON", (*exchange).exportUsage)
		if of.kind == store.KindUser {
			add("aggregated/users", "what the users of keys have cost, the dearest first", (*exchange).usageUsers)
			add("aggregated/cache_leakage_keys", "the keys that have had most tokens of prompts outside of providers' caches", (*exchange).leakyKeys)
		}
	}
	return all
}

func ownReport(kind store.Kind, name string) func(x *exchange) ([]byte, error) {
	return func(x *exchange) ([]byte, error) { return x.ownReport(kind, name) }
}

func daily(kind store.Kind, ids string, whole bool) func(x *exchange) ([]byte, error) {
	return func(x *exchange) ([]byte, error) { return x.activity(kind, ids, whole) }
}
