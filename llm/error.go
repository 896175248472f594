package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
)

// Code identifies what went wrong. Codes are public: they appear in the API's errors, the log, the
// metrics and the documentation. Codes that begin with gateway. are for requests that Outcrop
// itself refuses; the others are about the provider. The set is closed: see Codes.
type Code string

// Denied reports whether the code means a missing or denied permission.
func (c Code) Denied() bool { return strings.HasPrefix(string(c), "iam.") }

// Persistent reports whether the code describes a condition that lasts until somebody fixes it:
// wrong credentials, missing permissions, or no access to a model.
func (c Code) Persistent() bool {
	family, _, _ := strings.Cut(string(c), ".")
	return family == "iam" || family == "access" || family == "credentials"
}

// Codes of Outcrop's own refusals and failures.
const (
	CodeBadRequest    Code = "gateway.bad_request"       // the request cannot be understood
	CodeUnsupported   Code = "gateway.unsupported"       // understood, but the target cannot do it and leaving it out would change the meaning
	CodeMedia         Code = "gateway.media_unreachable" // an image or file could not be fetched from its address
	CodeTooLarge      Code = "gateway.too_large"         // over general_settings.max_request_size_mb or outcrop_settings.media.max_mb
	CodeSlowClient    Code = "gateway.slow_client"       // the request did not arrive in time
	CodeUnauthorized  Code = "gateway.unauthorized"      // the gateway's key is missing or wrong
	CodeKeyBlocked    Code = "gateway.key_blocked"       // the key, its user or its team is blocked
	CodeKeyExpired    Code = "gateway.key_expired"       // the key has expired
	CodeModelDenied   Code = "gateway.model_denied"      // the key may not use the model
	CodeRouteDenied   Code = "gateway.route_denied"      // the key may not call the path
	CodeBudget        Code = "gateway.budget_exceeded"   // a budget is used up
	CodeRateLimited   Code = "gateway.rate_limited"      // a limit of requests, tokens or parallel calls is reached
	CodeLimitsAway    Code = "gateway.limits_away"       // limits cannot be checked
	CodeGuardrail     Code = "gateway.guardrail"         // a guardrail has refused the request or the response
	CodeGuardrailAway Code = "gateway.guardrail_away"    // a guardrail that must be asked gives no verdict
	CodeForeignOrigin Code = "gateway.foreign_origin"    // no master key, and a Host or Origin that is not this machine
	CodeAddressDenied Code = "gateway.address_denied"    // general_settings.allowed_ips does not have the client's address
	CodeTokenDenied   Code = "gateway.token_denied"      // a token that is in order belongs to nobody who may call
	CodeIdentityAway  Code = "gateway.identity_away"     // the public keys of the identity provider cannot be read
	CodeModelNotFound Code = "gateway.model_not_found"   // no deployment of this name
	CodeNotFound      Code = "gateway.not_found"         // no such path
	CodeStateNotFound Code = "gateway.state_not_found"   // no response, conversation or item of this id
	CodeMethod        Code = "gateway.method"            // the path exists, the method does not
	CodeStopping      Code = "gateway.stopping"          // the gateway is shutting down
	CodeOverloaded    Code = "gateway.overloaded"        // general_settings.max_in_flight_mb is used up
	CodeClientGone    Code = "gateway.client_gone"       // the client closed the connection; only the log shows it
	CodeInternal      Code = "gateway.internal"          // a fault in Outcrop itself
	CodeLogUnwritable Code = "gateway.log_unwritable"    // the log cannot be written; only the readiness check reports it
)

// Codes of a provider's refusals and failures. Codes lists their meanings.
const (
	CodeCredentialsMissing Code = "credentials.missing"
	CodeCredentialsInvalid Code = "credentials.invalid"
	CodeCredentialsExpired Code = "credentials.expired"
	CodeSignature          Code = "credentials.signature_mismatch"
	CodeClockSkew          Code = "credentials.clock_skew"
	CodeWrongScope         Code = "credentials.wrong_scope"
	CodeAPIKeyInvalid      Code = "credentials.api_key_invalid"
	CodeAPIKeyExpired      Code = "credentials.api_key_expired"

	CodeIdentityMissing  Code = "iam.identity_missing"
	CodeIdentityDeny     Code = "iam.identity_deny"
	CodeSCPMissing       Code = "iam.scp_missing"
	CodeSCPDeny          Code = "iam.scp_deny"
	CodeBoundaryMissing  Code = "iam.boundary_missing"
	CodeBoundaryDeny     Code = "iam.boundary_deny"
	CodeSessionMissing   Code = "iam.session_missing"
	CodeSessionDeny      Code = "iam.session_deny"
	CodeEndpointMissing  Code = "iam.vpce_missing"
	CodeEndpointDeny     Code = "iam.vpce_deny"
	CodeResourceDeny     Code = "iam.resource_deny"
	CodeBearerNotAllowed Code = "iam.bearer_not_allowed"
	CodeDenied           Code = "iam.denied"

	CodeNotGranted            Code = "access.not_granted"
	CodeMarketplacePermission Code = "access.marketplace_permission"
	CodeMarketplacePending    Code = "access.marketplace_pending"
	CodeUseCaseForm           Code = "access.use_case_form"
	CodeAccountNotAuthorized  Code = "access.account_not_authorized"
	CodeDataRetention         Code = "access.data_retention"
	CodeBilling               Code = "access.billing"
	CodeRegionBlocked         Code = "access.region"

	CodeModelUnknown      Code = "model.unknown"
	CodeModelNeedsProfile Code = "model.needs_profile"
	CodeModelNotInRegion  Code = "model.not_in_region"
	CodeModelWrongPlace   Code = "model.wrong_geography"
	CodeWrongSurface      Code = "model.wrong_surface"
	CodeLegacyInactive    Code = "model.legacy_inactive"
	CodeEndOfLife         Code = "model.end_of_life"
	CodeModelNotReady     Code = "model.not_ready"
	CodeFeature           Code = "model.feature_unsupported"

	CodeTooLong      Code = "request.too_long"
	CodeMaxTokens    Code = "request.max_tokens"
	CodeOrder        Code = "request.conversation_order"
	CodeToolPairing  Code = "request.tool_pairing"
	CodeEmpty        Code = "request.empty_content"
	CodeThinking     Code = "request.thinking"
	CodeConflict     Code = "request.parameter_conflict"
	CodeUnknownField Code = "request.unknown_field"
	CodeInvalid      Code = "request.invalid"

	CodeContentFiltered Code = "request.content_filtered"

	CodeLimitRequests Code = "limit.requests"
	CodeLimitTokens   Code = "limit.tokens"
	CodeTokensPerDay  Code = "limit.tokens_per_day"
	CodeServiceQuota  Code = "limit.service_quota"

	CodeUnavailable     Code = "service.unavailable"
	CodeTimeout         Code = "service.timeout"
	CodeModelError      Code = "service.model_error"
	CodeServiceInternal Code = "service.internal"
	CodeAnswerTooLarge  Code = "service.answer_too_large"
	CodeInterrupted     Code = "stream.interrupted"
	CodeModelOutput     Code = "stream.model_output"
	CodeUnreachable     Code = "network.unreachable"
	// CodeUnknownRegion is for a region that AWS does not have.
	CodeUnknownRegion Code = "network.unknown_region"
)

// Actor is who has to act to resolve an error.
type Actor string

// Actors.
const (
	ActorCaller            Actor = "caller"             // the client that sent the request
	ActorOperator          Actor = "operator"           // the gateway's operator
	ActorAWSAdmin          Actor = "aws_admin"          // an administrator of the AWS account
	ActorOrganizationAdmin Actor = "organisation_admin" // an administrator of the AWS organization; the value is older than the spelling here, and clients read it
	ActorAWS               Actor = "aws"                // AWS itself: wait, use another region, or open a support case
	ActorProvider          Actor = "provider"           // another provider itself: wait, use another one, or ask its support
)

// Retry says whether another attempt can help.
type Retry string

// Values of Retry.
const (
	RetryNo               Retry = "no"
	RetryLater            Retry = "later"              // after a pause
	RetryNowElsewhere     Retry = "now_elsewhere"      // at once, preferably at another target
	RetryOtherTarget      Retry = "other_target"       // only at another target
	RetryAfterRefresh     Retry = "after_refresh"      // with fresh credentials
	RetryBeforeFirstToken Retry = "before_first_token" // as long as no content has reached the client
)

// Error is the failure type of every part of Outcrop. The frontend logs it once and writes it in
// the client's dialect.
type Error struct {
	Code Code
	// Status is the HTTP status that the client gets.
	Status int
	// Message is what went wrong; for a provider's refusal, the provider's own words, unchanged.
	// Values from the client's request are quoted in it (%q), and the log leaves quoted values out.
	Message string
	// Logged is Message for the log, without what it repeats of the client's request; empty if
	// leaving out quoted values is enough.
	Logged string
	// Class is LiteLLM's type of a refusal that it has as well, such as budget_exceeded; empty for none.
	Class string
	// Param is the field of the client's request that the error is about, such as
	// messages[2].content; empty if none.
	Param string
	// Cause is one sentence on what lies behind the message; empty if the message is enough.
	Cause string
	// Fix is the next step, one sentence; empty if none is known.
	Fix string
	// Statement is the IAM statement that is missing, a JSON object; empty if none.
	// Statements are all statements to add, if there are several; the first is Statement.
	Statement  jsonx.Raw
	Statements []jsonx.Raw
	// Docs is the URL of a documentation page; empty if none.
	Docs string
	// Actor and Retry override those of Code if not empty.
	Actor Actor
	Retry Retry

	// Upstream is set if the provider reported the error; otherwise Outcrop inferred it.
	Upstream bool
	// Type is the provider's name for the error, such as ThrottlingException.
	Type string
	// UpstreamStatus is the provider's HTTP status; 0 if it sent none.
	UpstreamStatus int
	// RequestID is the provider's request id.
	RequestID string
	// RetryAfter is the provider's Retry-After header, as it was sent.
	RetryAfter string
	// Destination is where the failed call went, and Tries are the attempts before the last one.
	Destination Destination
	Tries       []Try
	// Deployment is the id of the deployment whose failure this is, and Retries and Fallbacks count the further attempts and the
	// other models that were tried; empty if the call reached no deployment.
	Deployment         string
	Retries, Fallbacks int

	// Body is the provider's error as it was sent, without credentials, for clients that speak the
	// provider's own API; empty if there is none.
	Body jsonx.Raw

	// Err is the underlying error, for errors.Is and the log; clients never see it.
	Err error
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Param != "" {
		s += " (" + e.Param + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Responsible returns who has to act: Actor, or else the actor of Code.
func (e *Error) Responsible() Actor {
	if e.Actor != "" {
		return e.Actor
	}
	return e.Code.Info().Actor
}

// CanRetry reports whether another attempt can help: Retry, or else the retry advice of Code.
func (e *Error) CanRetry() Retry {
	if e.Retry != "" {
		return e.Retry
	}
	return e.Code.Info().Retry
}

// AsError returns err as an *Error; any other error becomes CodeInternal.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Status: 500, Message: "internal error", Err: err}
}

// Invalid makes the error, with status 400, for a malformed field of the client's request.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Code: CodeBadRequest, Status: 400, Param: Clip(param, maxParam), Message: Clip(fmt.Sprintf(format, args...), maxMessage)}
}

// Unsupported makes the error, with status 400, for a valid field that the target does not support.
func Unsupported(param, format string, args ...any) *Error {
	return &Error{Code: CodeUnsupported, Status: 400, Param: Clip(param, maxParam), Message: Clip(fmt.Sprintf(format, args...), maxMessage)}
}

// Droppable is Unsupported for a field that drop_params drops instead, which is its fix.
func Droppable(param, format string, args ...any) *Error {
	e := Unsupported(param, format, args...)
	e.Fix = "Leave " + param + " out, or set drop_params to drop unsupported parameters."
	return e
}

// Refuse is for a field that the target lacks and whose absence changes the meaning: it returns an error, or
// under drop_params calls warn, which drops the field with a warning.
func (c *Call) Refuse(warn func(code, field, detail string), field, format string, args ...any) error {
	if c.DropParams {
		warn(WarnDropped, field, "")
		return nil
	}
	return Droppable(field, format, args...)
}

// Overloaded makes the error for a call that the memory budget refused. err is the reason: ErrFull
// of package internal/budget, or the cause of a context's end.
func Overloaded(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		own := *e // other calls may have the same error
		return &own
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeClientGone, Status: 499, Message: "the client went away", Err: err}
	}
	return &Error{
		Code: CodeOverloaded, Status: 503, RetryAfter: "5", Err: err,
		Message: "the requests and responses in flight use all the memory that the gateway reserves for them.",
		Fix:     "Send the request again in a few seconds; the gateway's operator can raise general_settings.max_in_flight_mb or add replicas.",
	}
}

// Parts of an error that come from the client's request are bounded, in bytes: the request may
// contain a name of any length, and the error is returned and logged.
const (
	maxMessage = 1 << 10
	maxParam   = 256
)

// Clip cuts s to at most n bytes, between characters, and marks the cut.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	end := max(0, n-len(mark))
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
