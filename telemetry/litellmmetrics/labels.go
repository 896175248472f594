package litellmmetrics

import "slices"

// key is everything that labels say of a call: what has the same key is counted by the same series.
type key struct {
	endUser, keyHash, keyAlias, team, teamAlias, user, userEmail, org, orgAlias string
	requested, model, group, modelID, apiBase, provider                         string
	route, address, agent                                                       string
	status, class                                                               string
}

// value is what a label has for a key. A value that is not known is None, as Python writes it.
func (k *key) value(label string) string {
	var v string
	switch label {
	case "end_user":
		v = k.endUser
	case "hashed_api_key":
		v = k.keyHash
	case "api_key_alias":
		v = k.keyAlias
	case "team":
		v = k.team
	case "team_alias":
		v = k.teamAlias
	case "user":
		v = k.user
	case "user_email":
		v = k.userEmail
	case "org_id":
		v = k.org
	case "org_alias":
		v = k.orgAlias
	case "requested_model":
		return k.requested
	case "model", "litellm_model_name":
		v = k.model
	case "model_group":
		v = k.group
	case "model_id":
		v = k.modelID
	case "api_base":
		v = k.apiBase
	case "api_provider":
		v = k.provider
	case "route":
		v = k.route
	case "client_ip":
		v = k.address
	case "user_agent":
		v = k.agent
	case "status_code", "exception_status":
		v = k.status
	case "exception_class":
		v = k.class
	}
	if v == "" {
		return "None"
	}
	return v
}

// overflow replaces what callers choose or are, when there are too many series already.
func (k *key) overflow() {
	*k = key{requested: k.requested, model: k.model, group: k.group, modelID: k.modelID, apiBase: k.apiBase, provider: k.provider, status: k.status, class: k.class}
	for _, own := range [...]*string{&k.endUser, &k.keyHash, &k.keyAlias, &k.team, &k.teamAlias, &k.user, &k.userEmail, &k.org, &k.orgAlias, &k.route, &k.address, &k.agent} {
		*own = "other"
	}
}

// kind is the type of a metric.
type kind int

const (
	counter kind = iota
	gauge
	histogram
)

// metric is one of LiteLLM's (litellm/types/integrations/prometheus.py, 1.110.2).
type metric struct {
	name   string // without the suffix _total of counters
	kind   kind
	help   string
	labels []string
}

// caller are the labels of the key that most metrics have.
func caller(more ...string) []string {
	return append([]string{"hashed_api_key", "api_key_alias", "team", "team_alias"}, more...)
}

// Names of the metrics.
const (
	proxyTotal       = "litellm_proxy_total_requests_metric"
	proxyFailed      = "litellm_proxy_failed_requests_metric"
	requests         = "litellm_requests_metric"
	spendTotal       = "litellm_spend_metric"
	totalTokens      = "litellm_total_tokens_metric"
	inputTokens      = "litellm_input_tokens_metric"
	outputTokens     = "litellm_output_tokens_metric"
	cachedTokens     = "litellm_input_cached_tokens_metric"
	createdTokens    = "litellm_input_cache_creation_tokens_metric"
	reasoningTokens  = "litellm_output_reasoning_tokens_metric"
	providerRead     = "litellm_provider_cache_read_input_tokens_metric"
	providerWrite    = "litellm_provider_cache_creation_input_tokens_metric"
	images           = "litellm_images_generated_metric"
	apiLatency       = "litellm_llm_api_latency_metric"
	firstToken       = "litellm_llm_api_time_to_first_token_metric"
	totalLatency     = "litellm_request_total_latency_metric"
	overhead         = "litellm_overhead_latency_metric"
	queueTime        = "litellm_request_queue_time_seconds"
	perToken         = "litellm_deployment_latency_per_output_token"
	deploymentTotal  = "litellm_deployment_total_requests"
	deploymentGood   = "litellm_deployment_success_responses"
	deploymentBad    = "litellm_deployment_failure_responses"
	deploymentState  = "litellm_deployment_state"
	apiFailed        = "litellm_llm_api_failed_requests_metric"
	callbackFailures = "litellm_callback_logging_failures_metric"
	inFlight         = "litellm_in_flight_requests"
)

// metrics lists what is served. The labels service_tier and status_code of calls that have succeeded are constant.
func metrics() []metric {
	tokens := []string{"end_user", "hashed_api_key", "api_key_alias", "model", "team", "team_alias", "user", "user_email", "requested_model", "model_id", "api_provider"}
	cache := []string{"model", "hashed_api_key", "api_key_alias", "team", "team_alias", "end_user", "user", "model_id", "api_provider"}
	latency := []string{"model_group", "model", "hashed_api_key", "api_key_alias", "team", "team_alias", "requested_model", "end_user", "user", "model_id", "api_provider", "service_tier"}
	deployment := caller("model_group", "requested_model", "litellm_model_name", "model_id", "api_base", "api_provider", "client_ip", "user_agent")
	proxy := caller("end_user", "requested_model", "user", "user_email", "route", "client_ip", "user_agent", "model_id", "api_provider", "org_id", "org_alias")
	org := func(labels []string) []string { return append(slices.Clone(labels), "org_id", "org_alias") }
	paid := org([]string{"end_user", "hashed_api_key", "api_key_alias", "model", "team", "team_alias", "user", "user_email", "client_ip", "user_agent", "requested_model", "model_id", "api_provider"})
	return []metric{
		{proxyTotal, counter, "Requests of clients.", append(slices.Clone(proxy), "status_code")},
		{proxyFailed, counter, "Requests of clients that were not answered with success.", append(slices.Clone(proxy), "exception_status", "exception_class")},
		{requests, counter, "Calls of models.", paid},
		{spendTotal, counter, "Cost of calls, in US dollars.", append(slices.Clone(paid), "service_tier")},
		{totalTokens, counter, "Tokens of prompts and responses.", org(tokens)},
		{inputTokens, counter, "Tokens of prompts.", org(tokens)},
		{outputTokens, counter, "Tokens of responses.", org(tokens)},
		{cachedTokens, counter, "Tokens of prompts that the provider read from its cache.", tokens},
		{createdTokens, counter, "Tokens of prompts that the provider wrote to its cache.", tokens},
		{reasoningTokens, counter, "Tokens of reasoning.", tokens},
		{providerRead, counter, "Tokens that the provider read from its cache.", cache},
		{providerWrite, counter, "Tokens that the provider wrote to its cache.", cache},
		{images, counter, "Images that were made.", org(tokens)},
		{apiLatency, histogram, "Time of the provider's response, in seconds.", org(latency)},
		{firstToken, histogram, "Time from the call of the provider to the first content of a stream, in seconds.", org(latency)},
		{totalLatency, histogram, "Time from the arrival of a request to the end of its response, in seconds.", org(latency)},
		{overhead, histogram, "Time that the gateway itself has taken, in seconds.", []string{"model_group", "api_provider", "api_base", "litellm_model_name", "hashed_api_key", "api_key_alias", "model_id"}},
		{queueTime, histogram, "Time from the arrival of a request to the call of the provider, in seconds.", org([]string{"end_user", "hashed_api_key", "api_key_alias", "requested_model", "team", "team_alias", "user", "model", "model_id", "api_provider"})},
		{perToken, histogram, "Time of the provider's response for each token of it, in seconds.", org(caller("model_group", "litellm_model_name", "model_id", "api_base", "api_provider"))},
		{deploymentTotal, counter, "Calls of a deployment.", deployment},
		{deploymentGood, counter, "Calls of a deployment that have succeeded.", deployment},
		{deploymentBad, counter, "Calls of a deployment that have failed.", append(slices.Clone(deployment), "exception_status", "exception_class")},
		{deploymentState, gauge, "0 if the last call of a deployment has succeeded, 1 if the provider has failed it.", []string{"litellm_model_name", "model_id", "api_base", "api_provider"}},
		{apiFailed, counter, "Calls of models that have failed.", caller("end_user", "model", "user", "model_id")},
		{callbackFailures, counter, "Records of calls that could not be sent to a callback.", []string{"callback_name"}},
		{inFlight, gauge, "Calls in progress.", nil},
	}
}

// Names are the names of all metrics, for the configuration's checks.
func Names() (all []string) {
	for _, m := range metrics() {
		all = append(all, m.name)
	}
	return all
}

// Labels are the labels of a metric; nil for one that there is not.
func Labels(name string) []string {
	for _, m := range metrics() {
		if m.name == name {
			return m.labels
		}
	}
	return nil
}
