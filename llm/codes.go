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
	// Status is the HTTP status that a client gets; 0 if that depends on the
	// provider's answer.
	Status int
}

// Verdict gives what is always true of c; the zero Verdict if c is not in the
// vocabulary.
func (c Code) Verdict() Verdict {
	v := codes[c]
	v.Status = statuses[c]
	return v
}

// Codes lists the whole vocabulary in alphabetical order; docs/errors.md is made
// from it.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// codes is never written to.
var codes = map[Code]Verdict{
	"gateway.bad_request":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request cannot be understood; the field is named"},
	"gateway.unsupported":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the target cannot do this, and leaving it out would change the meaning; the field is named"},
	"gateway.media_unreachable":      {Actor: ActorCaller, Retry: RetryLater, Meaning: "an image or file could not be fetched from the address that the request gives: no such host, no answer in time, or a refusal; the field is named"},
	"gateway.too_large":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request is larger than general_settings.max_request_size_mb, or what it has fetched than outcrop_settings.media.max_mb"},
	"gateway.slow_client":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the request did not arrive in time"},
	"gateway.unauthorized":           {Actor: ActorCaller, Retry: RetryNo, Meaning: "the caller's own key is missing or wrong"},
	"gateway.foreign_origin":         {Actor: ActorCaller, Retry: RetryNo, Meaning: "without a master key only this machine is served, and the Host or Origin names another"},
	"gateway.model_not_found":        {Actor: ActorCaller, Retry: RetryNo, Meaning: "no deployment has this name"},
	"gateway.not_found":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "no such path"},
	"gateway.method":                 {Actor: ActorCaller, Retry: RetryNo, Meaning: "the path does not take this method"},
	"gateway.stopping":               {Actor: ActorOperator, Retry: RetryNowElsewhere, Meaning: "this gateway is being stopped"},
	"gateway.overloaded":             {Actor: ActorOperator, Retry: RetryLater, Meaning: "the requests and answers in flight use all of general_settings.max_in_flight_mb, and no memory became free while the call waited"},
	"gateway.client_gone":            {Actor: ActorCaller, Retry: RetryNo, Meaning: "the client went away before the answer was whole"},
	"gateway.internal":               {Actor: ActorOperator, Retry: RetryNo, Meaning: "a fault of Outcrop's own"},
	"gateway.log_unwritable":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "the readiness check's: log lines are being lost, or nobody reads them; calls are served all the same"},
	"credentials.missing":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "no credential source gave credentials; the sources tried are listed"},
	"credentials.invalid":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "the access key is unknown to AWS or deactivated"},
	"credentials.expired":            {Actor: ActorOperator, Retry: RetryAfterRefresh, Meaning: "the session token, SSO session or web identity token has expired"},
	"credentials.signature_mismatch": {Actor: ActorOperator, Retry: RetryNo, Meaning: "the secret key does not match, or something between rewrote the signed request"},
	"credentials.clock_skew":         {Actor: ActorOperator, Retry: RetryNo, Meaning: "this machine's clock is off; both times are given"},
	"credentials.wrong_scope":        {Actor: ActorOperator, Retry: RetryNo, Meaning: "signed for another region or service than the endpoint's"},
	"credentials.api_key_invalid":    {Actor: ActorOperator, Retry: RetryNo, Meaning: "the Bedrock API key is wrong, or was made in another region"},
	"credentials.api_key_expired":    {Actor: ActorOperator, Retry: RetryNo, Meaning: "a short-term Bedrock API key ran out"},
	"iam.identity_missing":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "no identity policy allows this action on this resource; the statement to add is given"},
	"iam.identity_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "an identity policy denies it explicitly; adding an allow does not help"},
	"iam.scp_missing":                {Actor: ActorOrganisationAdmin, Retry: RetryNo, Meaning: "no service control policy allows it"},
	"iam.scp_deny":                   {Actor: ActorOrganisationAdmin, Retry: RetryNo, Meaning: "a service control policy denies it; its ARN where AWS gives one; region conditions and global profiles are explained"},
	"iam.boundary_missing":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the permissions boundary does not allow it"},
	"iam.boundary_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the permissions boundary denies it"},
	"iam.session_missing":            {Actor: ActorOperator, Retry: RetryNo, Meaning: "the session policy given when the role was assumed does not allow it"},
	"iam.session_deny":               {Actor: ActorOperator, Retry: RetryNo, Meaning: "the session policy denies it"},
	"iam.vpce_missing":               {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the VPC endpoint's policy does not allow it"},
	"iam.vpce_deny":                  {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the VPC endpoint's policy denies it"},
	"iam.resource_deny":              {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "a resource policy denies it"},
	"iam.bearer_not_allowed":         {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the principal behind the API key lacks bedrock:CallWithBearerToken"},
	"iam.denied":                     {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "AWS refuses and its words give no cause that is known; its words are kept"},
	"access.not_granted":             {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the account has no access to this model"},
	"access.marketplace_permission":  {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the first call must subscribe through AWS Marketplace, and the caller may not"},
	"access.marketplace_pending":     {Actor: ActorAWS, Retry: RetryLater, Meaning: "the subscription is still being made"},
	"access.use_case_form":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the provider's use case form has not been submitted"},
	"access.account_not_authorized":  {Actor: ActorAWS, Retry: RetryNo, Meaning: "the account itself is not authorised; a support case"},
	"access.data_retention":          {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the account's data retention mode does not suit the model"},
	"model.needs_profile":            {Actor: ActorOperator, Retry: RetryOtherTarget, Meaning: "no on-demand throughput for the bare id; profiles that work are listed"},
	"model.unknown":                  {Actor: ActorCaller, Retry: RetryNo, Meaning: "no such model identifier here; the nearest are listed"},
	"model.not_in_region":            {Actor: ActorCaller, Retry: RetryOtherTarget, Meaning: "the model exists, but not in this region"},
	"model.wrong_geography":          {Actor: ActorCaller, Retry: RetryOtherTarget, Meaning: "the profile's geography does not serve this source region"},
	"model.wrong_surface":            {Actor: ActorOperator, Retry: RetryOtherTarget, Meaning: "the model is served by another API than the one called"},
	"model.legacy_inactive":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "legacy, and not used lately by this account; the successor is named"},
	"model.end_of_life":              {Actor: ActorCaller, Retry: RetryNo, Meaning: "retired; the successor is named"},
	"model.not_ready":                {Actor: ActorAWS, Retry: RetryLater, Meaning: "an imported or custom model is being loaded"},
	"model.feature_unsupported":      {Actor: ActorCaller, Retry: RetryNo, Meaning: "the model lacks this feature (tools, streaming tools, system prompt, tool choice, modality, S3 source, token counting)"},
	"request.too_long":               {Actor: ActorCaller, Retry: RetryNo, Meaning: "the prompt, or prompt plus max_tokens, exceeds the context window; the numbers are given where AWS gives them"},
	"request.max_tokens":             {Actor: ActorCaller, Retry: RetryNo, Meaning: "max_tokens exceeds the model's output limit"},
	"request.conversation_order":     {Actor: ActorCaller, Retry: RetryNo, Meaning: "turns do not alternate or do not start with a user turn"},
	"request.tool_pairing":           {Actor: ActorCaller, Retry: RetryNo, Meaning: "tool results and tool calls do not match, or the tool configuration is missing"},
	"request.empty_content":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "a block or message is empty or blank"},
	"request.thinking":               {Actor: ActorCaller, Retry: RetryNo, Meaning: "a thinking block is missing, misplaced, or its signature is missing or wrong"},
	"request.parameter_conflict":     {Actor: ActorCaller, Retry: RetryNo, Meaning: "two settings exclude each other, or a value is out of its range"},
	"request.unknown_field":          {Actor: ActorCaller, Retry: RetryNo, Meaning: "a field or tool type that the model's schema does not know"},
	"request.invalid":                {Actor: ActorCaller, Retry: RetryNo, Meaning: "anything else that AWS calls a validation error"},
	"limit.requests":                 {Actor: ActorCaller, Retry: RetryLater, Meaning: "too many requests a minute"},
	"limit.tokens":                   {Actor: ActorCaller, Retry: RetryLater, Meaning: "too many tokens a minute"},
	"limit.tokens_per_day":           {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "the daily token quota is spent"},
	"limit.service_quota":            {Actor: ActorAWSAdmin, Retry: RetryNo, Meaning: "a service quota is reached; an increase can be asked for"},
	"service.unavailable":            {Actor: ActorAWS, Retry: RetryNowElsewhere, Meaning: "Bedrock is overloaded or down"},
	"service.timeout":                {Actor: ActorAWS, Retry: RetryNowElsewhere, Meaning: "the model took too long"},
	"service.model_error":            {Actor: ActorAWS, Retry: RetryLater, Meaning: "the model failed while answering"},
	"service.internal":               {Actor: ActorAWS, Retry: RetryLater, Meaning: "an internal error at AWS"},
	"service.answer_too_large":       {Actor: ActorAWS, Retry: RetryNo, Meaning: "the answer is larger, or holds more values, than the gateway reads of one"},
	"stream.interrupted":             {Actor: ActorAWS, Retry: RetryBeforeFirstToken, Meaning: "the stream ended without its end: cut, stalled, corrupt or empty"},
	"stream.model_output":            {Actor: ActorCaller, Retry: RetryLater, Meaning: "the model produced something that Bedrock could not parse, such as a broken tool call"},
	"network.unreachable":            {Actor: ActorOperator, Retry: RetryNowElsewhere, Meaning: "name, route, TLS, proxy or endpoint failure before AWS answered"},
}

// statuses has the codes that always have the same status; it is never written to.
var statuses = map[Code]int{
	CodeBadRequest:         400,
	CodeUnsupported:        400,
	CodeMedia:              400, // as OpenAI answers for an image that it cannot download
	CodeUnauthorized:       401,
	CodeForeignOrigin:      403,
	CodeCredentialsMissing: 403,
	CodeModelNotFound:      404,
	CodeNotFound:           404,
	CodeMethod:             405,
	CodeSlowClient:         408,
	CodeTooLarge:           413,
	CodeClientGone:         499, // nginx's word for it; nobody reads it but the log
	CodeInternal:           500,
	CodeInterrupted:        502,
	CodeAnswerTooLarge:     502,
	CodeStopping:           503,
	CodeOverloaded:         503,
}
