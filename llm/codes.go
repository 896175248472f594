package llm

import (
	"maps"
	"slices"
)

// Verdict is what is always true of a code.
type Verdict struct {
	Actor   Actor
	Retry   Retry
	Meaning string
}

// Verdict gives what is always true of c; the zero Verdict if c is not in the
// vocabulary.
func (c Code) Verdict() Verdict { return codes[c] }

// Codes lists the whole vocabulary in alphabetical order; docs/errors.md is made
// from it.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// codes is never written to.
var codes = map[Code]Verdict{
	"gateway.bad_request":            {ActorCaller, RetryNo, "the request cannot be understood; the field is named"},
	"gateway.unsupported":            {ActorCaller, RetryNo, "the target cannot do this, and leaving it out would change the meaning; the field is named"},
	"gateway.too_large":              {ActorCaller, RetryNo, "the request is larger than general_settings.max_request_size_mb"},
	"gateway.slow_client":            {ActorCaller, RetryNo, "the request did not arrive in time"},
	"gateway.unauthorized":           {ActorCaller, RetryNo, "the caller's own key is missing or wrong"},
	"gateway.foreign_origin":         {ActorCaller, RetryNo, "without a master key only this machine is served, and the Host or Origin names another"},
	"gateway.model_not_found":        {ActorCaller, RetryNo, "no deployment has this name"},
	"gateway.not_found":              {ActorCaller, RetryNo, "no such path"},
	"gateway.method":                 {ActorCaller, RetryNo, "the path does not take this method"},
	"gateway.stopping":               {ActorOperator, RetryNowElsewhere, "this gateway is being stopped"},
	"gateway.client_gone":            {ActorCaller, RetryNo, "the client went away before the answer was whole"},
	"gateway.internal":               {ActorOperator, RetryNo, "a fault of Outcrop's own"},
	"credentials.missing":            {ActorOperator, RetryNo, "no credential source gave credentials; the sources tried are listed"},
	"credentials.invalid":            {ActorOperator, RetryNo, "the access key is unknown to AWS or deactivated"},
	"credentials.expired":            {ActorOperator, RetryAfterRefresh, "the session token, SSO session or web identity token has expired"},
	"credentials.signature_mismatch": {ActorOperator, RetryNo, "the secret key does not match, or something between rewrote the signed request"},
	"credentials.clock_skew":         {ActorOperator, RetryNo, "this machine's clock is off; both times are given"},
	"credentials.wrong_scope":        {ActorOperator, RetryNo, "signed for another region or service than the endpoint's"},
	"credentials.api_key_invalid":    {ActorOperator, RetryNo, "the Bedrock API key is wrong, or was made in another region"},
	"credentials.api_key_expired":    {ActorOperator, RetryNo, "a short-term Bedrock API key ran out"},
	"iam.identity_missing":           {ActorAWSAdmin, RetryNo, "no identity policy allows this action on this resource; the statement to add is given"},
	"iam.identity_deny":              {ActorAWSAdmin, RetryNo, "an identity policy denies it explicitly; adding an allow does not help"},
	"iam.scp_missing":                {ActorOrganisationAdmin, RetryNo, "no service control policy allows it"},
	"iam.scp_deny":                   {ActorOrganisationAdmin, RetryNo, "a service control policy denies it; its ARN where AWS gives one; region conditions and global profiles are explained"},
	"iam.boundary_missing":           {ActorAWSAdmin, RetryNo, "the permissions boundary does not allow it"},
	"iam.boundary_deny":              {ActorAWSAdmin, RetryNo, "the permissions boundary denies it"},
	"iam.session_missing":            {ActorOperator, RetryNo, "the session policy given when the role was assumed does not allow it"},
	"iam.session_deny":               {ActorOperator, RetryNo, "the session policy denies it"},
	"iam.vpce_missing":               {ActorAWSAdmin, RetryNo, "the VPC endpoint's policy does not allow it"},
	"iam.vpce_deny":                  {ActorAWSAdmin, RetryNo, "the VPC endpoint's policy denies it"},
	"iam.resource_deny":              {ActorAWSAdmin, RetryNo, "a resource policy denies it"},
	"iam.bearer_not_allowed":         {ActorAWSAdmin, RetryNo, "the principal behind the API key lacks bedrock:CallWithBearerToken"},
	"iam.denied":                     {ActorAWSAdmin, RetryNo, "AWS refuses and its words give no cause that is known; its words are kept"},
	"access.not_granted":             {ActorAWSAdmin, RetryNo, "the account has no access to this model"},
	"access.marketplace_permission":  {ActorAWSAdmin, RetryNo, "the first call must subscribe through AWS Marketplace, and the caller may not"},
	"access.marketplace_pending":     {ActorAWS, RetryLater, "the subscription is still being made"},
	"access.use_case_form":           {ActorAWSAdmin, RetryNo, "the provider's use case form has not been submitted"},
	"access.account_not_authorized":  {ActorAWS, RetryNo, "the account itself is not authorised; a support case"},
	"access.data_retention":          {ActorAWSAdmin, RetryNo, "the account's data retention mode does not suit the model"},
	"model.needs_profile":            {ActorOperator, RetryOtherTarget, "no on-demand throughput for the bare id; profiles that work are listed"},
	"model.unknown":                  {ActorCaller, RetryNo, "no such model identifier here; the nearest are listed"},
	"model.not_in_region":            {ActorCaller, RetryOtherTarget, "the model exists, but not in this region"},
	"model.wrong_geography":          {ActorCaller, RetryOtherTarget, "the profile's geography does not serve this source region"},
	"model.wrong_surface":            {ActorOperator, RetryOtherTarget, "the model is served by another API than the one called"},
	"model.legacy_inactive":          {ActorCaller, RetryNo, "legacy, and not used lately by this account; the successor is named"},
	"model.end_of_life":              {ActorCaller, RetryNo, "retired; the successor is named"},
	"model.not_ready":                {ActorAWS, RetryLater, "an imported or custom model is being loaded"},
	"model.feature_unsupported":      {ActorCaller, RetryNo, "the model lacks this feature (tools, streaming tools, system prompt, tool choice, modality, S3 source, token counting)"},
	"request.too_long":               {ActorCaller, RetryNo, "the prompt, or prompt plus max_tokens, exceeds the context window; the numbers are given where AWS gives them"},
	"request.max_tokens":             {ActorCaller, RetryNo, "max_tokens exceeds the model's output limit"},
	"request.conversation_order":     {ActorCaller, RetryNo, "turns do not alternate or do not start with a user turn"},
	"request.tool_pairing":           {ActorCaller, RetryNo, "tool results and tool calls do not match, or the tool configuration is missing"},
	"request.empty_content":          {ActorCaller, RetryNo, "a block or message is empty or blank"},
	"request.thinking":               {ActorCaller, RetryNo, "a thinking block is missing, misplaced, or its signature is missing or wrong"},
	"request.parameter_conflict":     {ActorCaller, RetryNo, "two settings exclude each other, or a value is out of its range"},
	"request.unknown_field":          {ActorCaller, RetryNo, "a field or tool type that the model's schema does not know"},
	"request.invalid":                {ActorCaller, RetryNo, "anything else that AWS calls a validation error"},
	"limit.requests":                 {ActorCaller, RetryLater, "too many requests a minute"},
	"limit.tokens":                   {ActorCaller, RetryLater, "too many tokens a minute"},
	"limit.tokens_per_day":           {ActorAWSAdmin, RetryNo, "the daily token quota is spent"},
	"limit.service_quota":            {ActorAWSAdmin, RetryNo, "a service quota is reached; an increase can be asked for"},
	"service.unavailable":            {ActorAWS, RetryNowElsewhere, "Bedrock is overloaded or down"},
	"service.timeout":                {ActorAWS, RetryNowElsewhere, "the model took too long"},
	"service.model_error":            {ActorAWS, RetryLater, "the model failed while answering"},
	"service.internal":               {ActorAWS, RetryLater, "an internal error at AWS"},
	"stream.interrupted":             {ActorAWS, RetryBeforeFirstToken, "the stream ended without its end: cut, stalled, corrupt or empty"},
	"stream.model_output":            {ActorCaller, RetryLater, "the model produced something that Bedrock could not parse, such as a broken tool call"},
	"network.unreachable":            {ActorOperator, RetryNowElsewhere, "name, route, TLS, proxy or endpoint failure before AWS answered"},
}
