package genai

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/transport"
	"outcrop/upstream"
	"outcrop/wire/gemini"
)

// cutError is a response that broke off, and answerError one that is not what the API sends, or that
// reports a failure.
type cutError struct{ what string }

func (e *cutError) Error() string { return e.what }
func (*cutError) Unwrap() error   { return io.ErrUnexpectedEOF }

type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// failed is the error for a response that failed after the host had accepted the call.
func (x *exchange) failed(err error) *llm.Error {
	t := x.target
	service := t.opt.Service
	broken := func(code llm.Code, message string) *llm.Error {
		return &llm.Error{Code: code, Status: http.StatusBadGateway, Message: message, Actor: llm.ActorProvider, Err: err}
	}
	var e *llm.Error
	var status *gemini.StatusError
	var blocked *gemini.BlockedError
	var unseen *gemini.NoImageError
	var cut *cutError
	var answer *answerError
	switch {
	case errors.As(err, &status):
		e = t.failure(status)
	case errors.As(err, &blocked):
		e = &llm.Error{
			Code: llm.CodeContentFiltered, Status: http.StatusBadRequest, Upstream: true, Type: blocked.Reason, UpstreamStatus: http.StatusOK,
			Message: service + " refuses the prompt: " + blocked.Error(),
			Fix:     "Change the prompt, or set safety_settings if the reason is SAFETY.",
		}
	case errors.As(err, &unseen):
		e = broken(llm.CodeModelError, service+" made no image: "+llm.Clip(unseen.Error(), 500))
		e.Upstream, e.Retry, e.Fix = true, llm.RetryNo, "Ask for an image in the prompt, and check that the model makes images."
	case errors.As(err, &cut):
		e = broken(llm.CodeInterrupted, "the response from "+service+" is incomplete: "+cut.what)
	case errors.As(err, &answer):
		e = broken(llm.CodeInterrupted, "the response from "+service+" cannot be read: "+llm.Clip(answer.Error(), 300))
	case errors.Is(err, transport.ErrTooLarge):
		e = broken(llm.CodeAnswerTooLarge, "the response from "+service+" is too large: "+err.Error()+".")
	case errors.Is(err, transport.ErrCut):
		e = broken(llm.CodeInterrupted, "the response from "+service+" is incomplete: "+err.Error())
	default:
		e = transport.Interrupted(service, err, x.meta.Destination)
		if e.Code == llm.CodeInterrupted {
			e.Actor = cmp.Or(e.Actor, llm.ActorProvider)
		}
	}
	e.Destination, e.RequestID = x.meta.Destination, cmp.Or(e.RequestID, x.meta.UpstreamID)
	return e
}

// Refusal returns the error for an error response in Google's form; nil if it is in another.
func Refusal(opt Options, resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	if gemini.DecodeStatus(body) == nil {
		return nil
	}
	return New(opt).refused(resp, body, to)
}

// refused is the error for a response with an error status.
func (t *Target) refused(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	s := gemini.DecodeStatus(body)
	if s == nil {
		s = &gemini.StatusError{Message: plain(body)}
	}
	if s.Code == 0 {
		s.Code = resp.Status
	}
	e := t.failure(s)
	e.Destination, e.UpstreamStatus, e.RequestID = to, resp.Status, requestID(resp.Header)
	if after := resp.Header.Get("Retry-After"); after != "" {
		e.RetryAfter = after
	}
	if jsonx.Valid(body) {
		e.Body = body
	}
	return e
}

// plain is the beginning of a body that is no error of the API's, such as a proxy's page.
func plain(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 1<<10)]), "?")), " ")
	return llm.Clip(text, 300)
}

// failure is the error for a failure that Google reports
// (https://ai.google.dev/gemini-api/docs/troubleshooting and
// https://cloud.google.com/apis/design/errors).
func (t *Target) failure(s *gemini.StatusError) *llm.Error {
	service := t.opt.Service
	e := &llm.Error{Upstream: true, Type: s.Status, Message: cmp.Or(s.Message, service+" gave no reason."), RetryAfter: s.RetryAfter}
	set := func(code llm.Code, status int, actor llm.Actor, fix string) {
		e.Code, e.Status, e.Actor, e.Fix = code, status, actor, fix
	}
	words := strings.ToLower(s.Message)
	says := func(all ...string) bool {
		return slices.ContainsFunc(all, func(w string) bool { return strings.Contains(words, w) })
	}
	switch kind := cmp.Or(s.Status, kindOf(s.Code)); {
	case says("api key expired", "api key has expired"):
		set(llm.CodeAPIKeyExpired, http.StatusForbidden, llm.ActorOperator, "Make a new API key, and set it in the gateway's configuration.")
	case s.Reason == "API_KEY_INVALID", says("api key not valid", "reported as leaked"), kind == "UNAUTHENTICATED" && !t.opt.Vertex:
		set(llm.CodeAPIKeyInvalid, http.StatusForbidden, llm.ActorOperator, "Check the API key of this model in the gateway's configuration, and that it has not been revoked.")
	case kind == "UNAUTHENTICATED":
		set(llm.CodeCredentialsInvalid, http.StatusForbidden, llm.ActorOperator, "Check vertex_credentials, or the default credentials of this machine (gcloud auth application-default login).")
		if e.Retry = llm.RetryNo; t.opt.Host.Refused() {
			e.Retry = llm.RetryAfterRefresh
		}
	case s.Reason == "BILLING_DISABLED", s.Reason == "BILLING_NOT_ACTIVE", says("billing", "prepayment credits", "credit balance"):
		set(llm.CodeBilling, http.StatusPaymentRequired, llm.ActorOperator, "Enable billing for the Google Cloud project of these credentials, or add credit.")
	case says("user location is not supported"):
		set(llm.CodeRegionBlocked, http.StatusForbidden, llm.ActorOperator, "Google does not serve the country that the gateway calls from; run it elsewhere, or use Vertex AI in a supported region.")
	case s.Reason == "SERVICE_DISABLED":
		set(llm.CodeNotGranted, http.StatusForbidden, llm.ActorOperator, "Enable the API in the project's Google Cloud console, and wait a few minutes.")
	case kind == "PERMISSION_DENIED":
		set(llm.CodeNotGranted, http.StatusForbidden, llm.ActorOperator, t.permission())
	case kind == "NOT_FOUND":
		set(llm.CodeModelUnknown, http.StatusNotFound, "", "Check the model's name in the gateway's configuration; "+service+" does not have "+t.opt.Model+", or not for this method or location.")
		e.Param = "model"
	case kind == "RESOURCE_EXHAUSTED":
		t.exhausted(e, s, words)
	case kind == "UNAVAILABLE":
		set(llm.CodeUnavailable, http.StatusServiceUnavailable, llm.ActorProvider, "")
	case kind == "DEADLINE_EXCEEDED":
		set(llm.CodeTimeout, http.StatusGatewayTimeout, llm.ActorProvider, "")
	case says("prohibited content", "violat") && kind == "INVALID_ARGUMENT":
		set(llm.CodeContentFiltered, http.StatusBadRequest, "", "Change the prompt.")
	case kind == "INVALID_ARGUMENT", kind == "FAILED_PRECONDITION", kind == "OUT_OF_RANGE", kind == "UNIMPLEMENTED":
		set(code(s, words), http.StatusBadRequest, "", "")
		if len(s.Fields) > 0 {
			e.Param = s.Fields[0]
		}
	case kind == "":
		set(llm.CodeUnreachable, http.StatusBadGateway, llm.ActorOperator, "Check api_base, and what stands between the gateway and "+service+".")
		e.Upstream = false
		e.Message = "the answer of " + service + " is not one of the API's: " + cmp.Or(s.Message, http.StatusText(s.Code))
	default: // INTERNAL, and names that are new
		set(llm.CodeServiceInternal, http.StatusInternalServerError, llm.ActorProvider, "")
	}
	return e
}

// permission is the next step after a denied permission.
func (t *Target) permission() string {
	if t.opt.Vertex {
		return "Grant the role Vertex AI User (roles/aiplatform.user) in the project to the identity of these credentials; a partner's model must be enabled in the Model Garden first."
	}
	return "Check which APIs and addresses the key is restricted to, and that its project may use the model."
}

// code is the code of an invalid request.
func code(s *gemini.StatusError, words string) llm.Code {
	switch {
	case strings.Contains(words, "thought_signature"), strings.Contains(words, "thought signature"):
		return llm.CodeThinking
	case strings.Contains(words, "unknown name"), strings.Contains(words, "cannot find field"):
		return llm.CodeUnknownField
	case strings.Contains(words, "function response parts"), strings.Contains(words, "function call turn"):
		return llm.CodeToolPairing
	case strings.Contains(words, "is not enabled for"), strings.Contains(words, "not supported for this model"):
		return llm.CodeFeature
	default:
		return diagnose.Request(s.Message)
	}
}

// exhausted reads which quota is used up: one of a minute comes back by itself.
func (t *Target) exhausted(e *llm.Error, s *gemini.StatusError, words string) {
	e.Code, e.Status = llm.CodeLimitRequests, http.StatusTooManyRequests
	has := func(part string) bool {
		named := func(id string) bool { return strings.Contains(strings.ToLower(id), part) }
		return slices.ContainsFunc(s.Quotas, named) || slices.ContainsFunc(s.Metrics, named)
	}
	switch {
	case has("perday") || strings.Contains(words, "limit: 0") || strings.Contains(words, "spending cap"):
		e.Code, e.Actor, e.Retry = llm.CodeServiceQuota, llm.ActorOperator, llm.RetryNo
		e.Fix = "Raise the quota of the project, enable billing for it, or wait until the day is over in California."
	case has("token"):
		e.Code = llm.CodeLimitTokens
	}
}

// kindOf is Google's name of an HTTP status, for an answer without one; empty if it has none.
func kindOf(status int) string {
	switch status {
	case 400, 413, 422:
		return "INVALID_ARGUMENT"
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 408, 504:
		return "DEADLINE_EXCEEDED"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 500, 502:
		return "INTERNAL"
	case 503:
		return "UNAVAILABLE"
	default:
		return ""
	}
}
