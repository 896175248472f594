package claude

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/transport"
	"outcrop/upstream"
	"outcrop/wire/anthropic"
)

// cutError is a response that broke off, and corruptError one that is not what the API sends.
type cutError struct {
	what string
	err  error
}

func (e *cutError) Error() string { return e.what }
func (e *cutError) Unwrap() error { return e.err }

type corruptError struct{ err error }

func (e *corruptError) Error() string { return e.err.Error() }
func (e *corruptError) Unwrap() error { return e.err }

// answerError classifies an error of anthropic.ReadAnswer.
func answerError(err error) error {
	if failure, ok := errors.AsType[*anthropic.APIError](err); ok {
		return failure
	}
	return &corruptError{err}
}

// failed is the error for a response that failed after the host had accepted the call.
func (x *exchange) failed(err error) *llm.Error {
	t := x.target
	var e *llm.Error
	var failure *anthropic.APIError
	var cut *cutError
	var corrupt *corruptError
	switch {
	case errors.As(err, &failure):
		e = t.failure(failure, 0)
	case errors.As(err, &cut):
		e = t.broken(llm.CodeInterrupted, "the response from "+t.opt.Service+" is incomplete: "+cut.what, cut.err)
	case errors.As(err, &corrupt):
		e = t.broken(llm.CodeInterrupted, "the response from "+t.opt.Service+" cannot be read: "+llm.Clip(corrupt.Error(), 300), corrupt.err)
	case errors.Is(err, transport.ErrTooLarge):
		e = t.broken(llm.CodeAnswerTooLarge, "the response from "+t.opt.Service+" is too large: "+err.Error()+".", err)
	case errors.Is(err, transport.ErrCut):
		e = t.broken(llm.CodeInterrupted, "the response from "+t.opt.Service+" is incomplete: "+err.Error(), err)
	default:
		e = transport.Interrupted(t.opt.Service, err, t.opt.Destination)
		if e.Code == llm.CodeInterrupted {
			e.Actor = cmp.Or(e.Actor, llm.ActorProvider)
		}
	}
	e.Destination, e.RequestID = t.opt.Destination, cmp.Or(e.RequestID, x.meta.UpstreamID)
	return e
}

func (t *Target) broken(code llm.Code, message string, err error) *llm.Error {
	return &llm.Error{Code: code, Status: http.StatusBadGateway, Message: message, Actor: llm.ActorProvider, Err: err}
}

// refused is the error for a response with an error status.
func (t *Target) refused(resp *upstream.Response, body []byte) *llm.Error {
	h := resp.Header
	f, id := anthropic.DecodeFailure(body)
	if f == nil {
		if e := t.opt.Host.Refusal(resp, body, t.opt.Destination); e != nil {
			return e
		}
		f = &anthropic.APIError{Message: plain(body)}
	}
	e := t.failure(f, resp.Status)
	e.Destination, e.UpstreamStatus = t.opt.Destination, resp.Status
	e.RequestID, e.RetryAfter = cmp.Or(requestID(h), id), h.Get("Retry-After")
	if jsonx.Valid(body) {
		e.Body = body
	}
	if h.Get("X-Should-Retry") == "false" && e.CanRetry() != llm.RetryNo {
		e.Retry = llm.RetryNo
	}
	return e
}

// plain is the beginning of a body that is no error of the API's, such as a proxy's page.
func plain(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 1<<10)]), "?")), " ")
	return llm.Clip(text, 300)
}

// failure is the error for a failure that the host reports, by its type, or else by the status, which
// is 0 in a stream (https://platform.claude.com/docs/en/api/errors).
func (t *Target) failure(f *anthropic.APIError, status int) *llm.Error {
	e := &llm.Error{Upstream: true, Type: f.Type, Message: cmp.Or(f.Message, t.opt.Service+" gave no reason.")}
	words := strings.ToLower(f.Message)
	says := func(all ...string) bool {
		for _, w := range all {
			if strings.Contains(words, w) {
				return true
			}
		}
		return false
	}
	switch kind := kindOf(f.Type, status); {
	case says("credit balance is too low", "billing"), kind == "billing_error":
		e.Code, e.Status = llm.CodeBilling, http.StatusPaymentRequired
		e.Fix = "Add credit or a payment method to the " + t.opt.Service + " account that the key belongs to."
	case says("specified api usage limits", "usage limit"):
		e.Code, e.Status, e.Actor = llm.CodeServiceQuota, http.StatusTooManyRequests, llm.ActorOperator
		e.Fix = "Raise the spending limit of the workspace or the organization in the provider's console, or wait until it is reset."
	case kind == "authentication_error":
		// 401 would tell the client that its own key is wrong, and that key is the gateway's.
		e.Code, e.Status = llm.CodeAPIKeyInvalid, http.StatusForbidden
		e.Fix = "Check the credentials of this model in the gateway's configuration, and that they have not been revoked."
	case kind == "permission_error":
		e.Code, e.Status, e.Actor = llm.CodeNotGranted, http.StatusForbidden, llm.ActorOperator
		e.Fix = "Use credentials that may call this model, or have access granted to them in the provider's console."
	case kind == "not_found_error":
		e.Code, e.Status, e.Param = llm.CodeModelUnknown, http.StatusNotFound, "model"
		e.Fix = "Check the model's name in the gateway's configuration; " + t.opt.Service + " does not have " + t.opt.Model + ", or these credentials may not see it."
	case kind == "request_too_large":
		e.Code, e.Status = llm.CodeTooLong, http.StatusRequestEntityTooLarge
	case kind == "rate_limit_error":
		e.Code, e.Status = llm.CodeLimitRequests, http.StatusTooManyRequests
		if says("token") {
			e.Code = llm.CodeLimitTokens
		}
	case kind == "timeout_error":
		e.Code, e.Status, e.Actor = llm.CodeTimeout, http.StatusGatewayTimeout, llm.ActorProvider
	case kind == "overloaded_error":
		e.Code, e.Status, e.Actor = llm.CodeUnavailable, http.StatusServiceUnavailable, llm.ActorProvider
	case says("content filtering policy"):
		e.Code, e.Status = llm.CodeContentFiltered, http.StatusBadRequest
	case kind == "invalid_request_error":
		e.Code, e.Status = diagnose.Request(f.Message), http.StatusBadRequest
	case kind == "":
		e.Code, e.Status, e.Upstream = llm.CodeUnreachable, http.StatusBadGateway, false
		e.Message = "the answer of " + t.opt.Service + " is not one of the API's: " + cmp.Or(f.Message, http.StatusText(status))
		e.Fix = "Check api_base, and what stands between the gateway and " + t.opt.Service + "."
	default: // api_error, and types that are new
		e.Code, e.Status, e.Actor = llm.CodeServiceInternal, http.StatusInternalServerError, llm.ActorProvider
	}
	return e
}

// kindOf is the type of an error that has none, by its status: an answer of something in between, as
// far as its status is one of the API's; empty if it is not.
func kindOf(kind string, status int) string {
	if kind != "" && kind != "error" {
		return kind
	}
	switch status {
	case 400, 422:
		return "invalid_request_error"
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 408, 504:
		return "timeout_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 503, 529:
		return "overloaded_error"
	case 500, 502:
		return "api_error"
	default:
		return ""
	}
}
