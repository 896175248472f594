package llm

import (
	"maps"
	"slices"
)

// CodeInfo describes a code; it holds for every error with that code.
type CodeInfo struct {
	Actor   Actor
	Retry   Retry
	Meaning string
	// Status is the HTTP status that a client gets; 0 if that depends on the
	// provider's answer.
	Status int
}

// Info returns the description of c; the zero CodeInfo if c is not in the vocabulary.
func (c Code) Info() CodeInfo {
	v := codes[c]
	v.Status = statuses[c]
	return v
}

// Codes lists the whole vocabulary in alphabetical order; docs/errors.md is generated from it.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// codes is never written to.
var codes = map[Code]CodeInfo{
	"gateway.bad_request":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request is not valid; the error names the field"},
	"gateway.unsupported":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the model or this gateway cannot do what the request asks for; the error names the field"},
	"gateway.media_unreachable":      {Actor: ActorCaller, Retry: RetryLater, Meaning: "an image or file in the request could not be fetched; the error names the field and the reason"},
	"gateway.too_large":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request, or what it refers to, is larger than general_settings.max_request_size_mb or outcrop_settings.media.max_mb allows"},
	"gateway.slow_client":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request did not arrive in time"},
	"gateway.unauthorized":           {Actor: ActorCaller, Retry: RetryNo, Meaning: "the gateway's key or token is missing from the request, or wrong"},
	"gateway.key_blocked":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "the key, its user or its team is blocked"},
	"gateway.key_expired":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "the key has expired"},
	"gateway.model_denied":           {Actor: ActorOperator, Retry: RetryNo, Meaning: "the key, its team or its user may not use this model"},
	"gateway.route_denied":           {Actor: ActorOperator, Retry: RetryNo, Meaning: "the key may not call this path"},
	"gateway.budget_exceeded":        {Actor: ActorOperator, Retry: RetryNo, Meaning: "a budget is used up: of the key, or of what it belongs to"},
	"gateway.rate_limited":           {Actor: ActorCaller, Retry: RetryLater, Meaning: "a limit of the gateway is reached: requests or tokens a minute, or calls at a time"},
	"gateway.guardrail":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "a guardrail of the gateway does not let the request or the response through; the message has the guardrail's reason"},
	"gateway.guardrail_away":         {Actor: ActorOperator, Retry: RetryLater, Meaning: "a guardrail that must check the call gives no verdict, and the call may not go on without one"},
	"gateway.limits_away":            {Actor: ActorOperator, Retry: RetryLater, Meaning: "the limits of the key cannot be checked, because the database or Valkey cannot be reached"},
	"gateway.address_denied":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "general_settings.allowed_ips does not have the address that the request comes from"},
	"gateway.token_denied":           {Actor: ActorOperator, Retry: RetryNo, Meaning: "a valid token belongs to a user or team that is not here, to none, or to an e-mail domain that may not call"},
	"gateway.identity_away":          {Actor: ActorOperator, Retry: RetryLater, Meaning: "a token cannot be checked, because the public keys of the identity provider cannot be read"},
	"gateway.foreign_origin":         {Actor: ActorCaller, Retry: RetryNo, Meaning: "without a master key the gateway serves only this machine, and the request's Host or Origin names another"},
	"gateway.model_not_found":        {Actor: ActorCaller, Retry: RetryNo, Meaning: "the gateway has no model of this name"},
	"gateway.not_found":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "no such path"},
	"gateway.state_not_found":        {Actor: ActorCaller, Retry: RetryNo, Meaning: "the gateway knows no response, conversation, item, file or batch of this id for this caller"},
	"gateway.method":                 {Actor: ActorCaller, Retry: RetryNo, Meaning: "the path does not take this method"},
	"gateway.stopping":               {Actor: ActorOperator, Retry: RetryNowElsewhere, Meaning: "this gateway is shutting down"},
	"gateway.overloaded":             {Actor: ActorOperator, Retry: RetryLater, Meaning: "the requests and responses in flight use all of general_settings.max_in_flight_mb, and no memory became free while the call waited"},
	"gateway.client_gone":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the client closed the connection before the response was complete"},
	"gateway.internal":               {Actor: ActorOperator, Retry: RetryNo, Meaning: "a fault in Outcrop itself"},
	"gateway.log_unwritable":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "log lines are being lost because the log cannot be written; only the readiness check reports it, and calls are still served"},
	"credentials.missing":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "no credentials for the provider were found"},
	"credentials.invalid":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "AWS does not know the access key, or it is deactivated"},
	"credentials.expired":            {Actor: ActorOperator, Retry: RetryAfterRefresh, Meaning: "the session token, SSO session or web identity token has expired"},
	"credentials.signature_mismatch": {Actor: ActorOperator, Retry: RetryNo, Meaning: "the secret key does not belong to the access key, or something between Outcrop and AWS changed the request after it was signed"},
	"credentials.clock_skew":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "this machine's clock is wrong"},
	"credentials.wrong_scope":        {Actor: ActorOperator, Retry: RetryNo, Meaning: "the request was signed for another region or service than the one that received it"},
	"credentials.api_key_invalid":    {Actor: ActorOperator, Retry: RetryNo, Meaning: "the API key is wrong, or belongs to another region"},
	"credentials.api_key_expired":    {Actor: ActorOperator, Retry: RetryNo, Meaning: "the API key has expired"},
	"iam.identity_missing":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "no IAM policy allows this call"},
	"iam.identity_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "an IAM policy explicitly denies this call, so allowing it elsewhere does not help"},
	"iam.scp_missing":                {Actor: ActorOrganizationAdmin, Retry: RetryNo, Meaning: "no service control policy of the organization allows this call"},
	"iam.scp_deny":                   {Actor: ActorOrganizationAdmin, Retry: RetryNo, Meaning: "a service control policy of the organization denies this call"},
	"iam.boundary_missing":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the permissions boundary does not allow this call"},
	"iam.boundary_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the permissions boundary denies this call"},
	"iam.session_missing":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "the session policy of the assumed role does not allow this call"},
	"iam.session_deny":               {Actor: ActorOperator, Retry: RetryNo, Meaning: "the session policy of the assumed role denies this call"},
	"iam.vpce_missing":               {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the VPC endpoint's policy does not allow this call"},
	"iam.vpce_deny":                  {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the VPC endpoint's policy denies this call"},
	"iam.resource_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "a resource policy denies this call"},
	"iam.bearer_not_allowed":         {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the identity behind the API key may not use API keys (bedrock:CallWithBearerToken)"},
	"iam.denied":                     {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "AWS denies this call without saying which policy is the reason"},
	"access.not_granted":             {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the account has no access to this model"},
	"access.marketplace_permission":  {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the first call of this model subscribes to it in AWS Marketplace, and the caller may not subscribe"},
	"access.marketplace_pending":     {Actor: ActorAWS, Retry: RetryLater, Meaning: "the AWS Marketplace subscription of this model is still being set up"},
	"access.use_case_form":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the model's provider requires its use case form to be filled in first"},
	"access.account_not_authorized":  {Actor: ActorAWS, Retry: RetryNo, Meaning: "AWS has not cleared this account for the operation"},
	"access.billing":                 {Actor: ActorOperator, Retry: RetryNo, Meaning: "the account has no credit left, or its spending limit is reached"},
	"access.region":                  {Actor: ActorOperator, Retry: RetryNo, Meaning: "the provider does not serve the country or region that the call comes from"},
	"access.data_retention":          {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the account's data retention mode does not allow this model"},
	"model.needs_profile":            {Actor: ActorOperator, Retry: RetryOtherTarget, Meaning: "this model can be called only through an inference profile"},
	"model.unknown":                  {Actor: ActorCaller, Retry: RetryNo, Meaning: "there is no model with this id, in this region or at this provider"},
	"model.not_in_region":            {Actor: ActorCaller, Retry: RetryOtherTarget, Meaning: "this model is not available in this region"},
	"model.wrong_geography":          {Actor: ActorCaller, Retry: RetryOtherTarget, Meaning: "this inference profile cannot be called from this region"},
	"model.wrong_surface":            {Actor: ActorOperator, Retry: RetryOtherTarget, Meaning: "this model is served by another API than the one that was called"},
	"model.legacy_inactive":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "this model is legacy, and closed to accounts that have not used it recently"},
	"model.end_of_life":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "this model is retired"},
	"model.not_ready":                {Actor: ActorAWS, Retry: RetryLater, Meaning: "an imported or custom model is being loaded"},
	"model.feature_unsupported":      {Actor: ActorCaller, Retry: RetryNo, Meaning: "this model does not have the feature that the request uses, such as tools, images or a system prompt"},
	"request.too_long":               {Actor: ActorCaller, Retry: RetryNo, Meaning: "the prompt, or the prompt and max_tokens together, exceed the model's context window"},
	"request.max_tokens":             {Actor: ActorCaller, Retry: RetryNo, Meaning: "max_tokens is more than the model can write"},
	"request.conversation_order":     {Actor: ActorCaller, Retry: RetryNo, Meaning: "the messages are not in an order that the model accepts"},
	"request.tool_pairing":           {Actor: ActorCaller, Retry: RetryNo, Meaning: "tool calls and tool results do not match, or the tools are missing"},
	"request.empty_content":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "a message or a part of one is empty"},
	"request.thinking":               {Actor: ActorCaller, Retry: RetryNo, Meaning: "a thinking block is missing, misplaced, or its signature is missing or wrong"},
	"request.parameter_conflict":     {Actor: ActorCaller, Retry: RetryNo, Meaning: "two settings exclude each other, or a value is out of range"},
	"request.unknown_field":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "the model does not know a field or tool type in the request"},
	"request.content_filtered":       {Actor: ActorCaller, Retry: RetryNo, Meaning: "the provider's content filter refuses the request"},
	"request.invalid":                {Actor: ActorCaller, Retry: RetryNo, Meaning: "the provider rejects the request as invalid"},
	"limit.requests":                 {Actor: ActorCaller, Retry: RetryLater, Meaning: "too many requests per minute"},
	"limit.tokens":                   {Actor: ActorCaller, Retry: RetryLater, Meaning: "too many tokens per minute"},
	"limit.tokens_per_day":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the quota of tokens per day is used up"},
	"limit.service_quota":            {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "a service quota is reached"},
	"service.unavailable":            {Actor: ActorAWS, Retry: RetryNowElsewhere, Meaning: "the provider is overloaded or down"},
	"service.timeout":                {Actor: ActorAWS, Retry: RetryNowElsewhere, Meaning: "the model took too long to answer"},
	"service.model_error":            {Actor: ActorAWS, Retry: RetryLater, Meaning: "the model failed while answering"},
	"service.internal":               {Actor: ActorAWS, Retry: RetryLater, Meaning: "an internal error at the provider"},
	"service.answer_too_large":       {Actor: ActorAWS, Retry: RetryNo, Meaning: "the response is larger, or has more values, than the gateway accepts"},
	"stream.interrupted":             {Actor: ActorAWS, Retry: RetryBeforeFirstToken, Meaning: "the stream broke off before the response was complete"},
	"stream.model_output":            {Actor: ActorCaller, Retry: RetryLater, Meaning: "the model produced something that the provider could not parse, such as a broken tool call"},
	"network.unknown_region":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "AWS has no region of this name"},
	"network.unreachable":            {Actor: ActorOperator, Retry: RetryNowElsewhere, Meaning: "the provider could not be reached: a failure of name resolution, route, TLS, proxy or endpoint"},
}

// statuses has the codes whose HTTP status is fixed; it is never written to.
var statuses = map[Code]int{
	CodeBadRequest:         400,
	CodeUnsupported:        400,
	CodeMedia:              400, // as in OpenAI's API for an image that it cannot download
	CodeUnauthorized:       401,
	CodeKeyBlocked:         401,
	CodeKeyExpired:         401,
	CodeModelDenied:        403,
	CodeRouteDenied:        403,
	CodeRateLimited:        429,
	CodeLimitsAway:         503,
	CodeGuardrail:          400,
	CodeGuardrailAway:      503,
	CodeForeignOrigin:      403,
	CodeAddressDenied:      403,
	CodeIdentityAway:       503,
	CodeCredentialsMissing: 403,
	CodeModelNotFound:      404,
	CodeNotFound:           404,
	CodeStateNotFound:      404,
	CodeMethod:             405,
	CodeSlowClient:         408,
	CodeTooLarge:           413,
	CodeClientGone:         499, // as in nginx; only the log shows it
	CodeInternal:           500,
	CodeInterrupted:        502,
	CodeAnswerTooLarge:     502,
	CodeStopping:           503,
	CodeOverloaded:         503,
}
