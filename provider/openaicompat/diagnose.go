package openaicompat

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"outcrop/llm"
	"outcrop/provider/transport"
	wire "outcrop/wire/openaichat"
)

func isTooLarge(err error) bool { return errors.Is(err, transport.ErrTooLarge) }

// diagnose returns the error for a vendor's refusal: its words, a public code, who has to act, and the
// next step.
//
// Its 400, 402, 404, 408, 409, 413, 422, 429, 500, 503 and 504 keep their status. 401 and 403 become
// 403: 401 tells a client that its own key is wrong, and that key is the gateway's. Others are 502.
func (d *Deployment) diagnose(r *wire.RefusalError, to llm.Destination) *llm.Error {
	e := &llm.Error{
		Code: Classify(r), Status: clientStatus(r.Status), Message: maskKeys(r.Message), Param: r.Param, Upstream: true,
		UpstreamStatus: r.Status, Destination: to, Docs: d.vendor.Docs,
	}
	if r.Known {
		e.Type = typeOf(r)
	}
	if e.Message == "" {
		e.Message = d.vendor.Title + " gave no reason (status " + http.StatusText(r.Status) + ")."
	}
	switch e.Responsible() {
	case llm.ActorAWS:
		e.Actor = llm.ActorProvider
	case llm.ActorAWSAdmin, llm.ActorOrganizationAdmin:
		e.Actor = llm.ActorOperator
	case llm.ActorCaller, llm.ActorOperator, llm.ActorProvider:
	}
	e.Fix = d.fix(e.Code)
	if d.vendor.dialect != nil {
		e.Fix = cmp.Or(d.vendor.dialect.Fix(e.Code, to.ID), e.Fix)
	}
	if e.Code == llm.CodeBilling || e.Code.Persistent() {
		e.Retry = llm.RetryNo
	}
	return e
}

// typeOf is the vendor's name for an error: its code if it is a word, else its type.
func typeOf(r *wire.RefusalError) string {
	if r.Code != "" && strings.Trim(r.Code, "0123456789") != "" {
		return llm.Clip(r.Code, 100)
	}
	return llm.Clip(r.Type, 100)
}

// clientStatus is the status that the client gets.
func clientStatus(status int) int {
	switch status {
	case 401, 403:
		return http.StatusForbidden
	case 400, 402, 404, 408, 409, 413, 422, 429, 500, 503, 504:
		return status
	case 498, 529: // Groq's and Anthropic's for too little capacity
		return http.StatusServiceUnavailable
	default:
		if status > 404 && status < 500 {
			return http.StatusBadRequest
		}
		return http.StatusBadGateway
	}
}

// Classify is the public code of a refusal, by its code and type, its text, and its status, in this
// order: gateways between give every status to everything.
func Classify(r *wire.RefusalError) llm.Code {
	switch strings.ToLower(r.Code) {
	case "context_length_exceeded", "string_above_max_length", "max_context_length_exceeded", "request_too_large":
		return llm.CodeTooLong
	case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "payment_required", "insufficient_balance", "credits_exhausted":
		return llm.CodeBilling
	case "invalid_api_key", "invalid_authentication", "incorrect_api_key", "authentication_error":
		return llm.CodeAPIKeyInvalid
	case "model_not_found", "deploymentnotfound", "model_not_available", "unknown_model", "model_decommissioned":
		return llm.CodeModelUnknown
	case "content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed", "moderation_blocked":
		return llm.CodeContentFiltered
	case "unsupported_country_region_territory":
		return llm.CodeRegionBlocked
	case "unsupported_parameter", "unknown_parameter":
		return llm.CodeUnknownField
	case "rate_limit_exceeded", "ratelimitexceeded", "too_many_requests":
		return limit(r.Message)
	}
	text := strings.ToLower(r.Message)
	has := func(phrases ...string) bool {
		for _, p := range phrases {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	is := func(statuses ...int) bool { return slices.Contains(statuses, r.Status) }
	switch {
	case has("country", "territory", "region is not supported", "not available in your region") && is(400, 403, 451):
		return llm.CodeRegionBlocked
	case has("credit balance", "insufficient balance", "insufficient credits", "insufficient funds", "exceeded your current quota", "billing", "out of credits", "more credits", "spending limit", "payment") && is(400, 402, 403, 429):
		return llm.CodeBilling
	case r.Status == http.StatusPaymentRequired:
		return llm.CodeBilling
	case has("expired") && has("key", "token") && is(401, 403):
		return llm.CodeAPIKeyExpired
	case r.Status == http.StatusUnauthorized, has("api key", "api_key", "apikey") && has("invalid", "incorrect", "wrong", "not valid") && is(400, 403):
		return llm.CodeAPIKeyInvalid
	case has("context length", "context window", "maximum context", "context size", "prompt is too long", "too many tokens", "input is too long", "exceeds the model's maximum", "reduce the length", "maximum prompt length") && is(400, 413, 422, 500):
		return llm.CodeTooLong
	case r.Status == http.StatusRequestEntityTooLarge:
		return llm.CodeTooLong
	case has("content management policy", "content policy", "content filter", "content filtering", "safety system", "blocked input", "blocked output", "flagged", "moderation", "usage policies") && is(400, 403, 422):
		return llm.CodeContentFiltered
	case r.Status == http.StatusTooManyRequests:
		return limit(r.Message)
	case has("model") && has("not found", "does not exist", "not exist", "not supported", "unknown model", "no such model", "decommissioned", "not a valid model", "invalid model", "not available") && is(400, 404, 422) && !has("parameter", "image", "tool"):
		return llm.CodeModelUnknown
	case r.Status == http.StatusForbidden:
		return llm.CodeNotGranted
	case r.Status == http.StatusNotFound:
		return llm.CodeWrongSurface
	case is(400, 422):
		return invalid(r, has)
	case is(408, 504):
		return llm.CodeTimeout
	case is(409, 498, 502, 503, 529), has("overloaded", "at capacity", "no capacity") && r.Status >= 500:
		return llm.CodeUnavailable
	case r.Status >= 500:
		return llm.CodeServiceInternal
	case r.Status >= 400:
		return llm.CodeInvalid
	default: // an error that came with status 200
		return llm.CodeModelError
	}
}

// limit is the code of a rate limit.
func limit(message string) llm.Code {
	text := strings.ToLower(message)
	switch {
	case strings.Contains(text, "per day") || strings.Contains(text, "(tpd)") || strings.Contains(text, "daily"):
		return llm.CodeTokensPerDay
	case strings.Contains(text, "tokens per min") || strings.Contains(text, "(tpm)") || strings.Contains(text, "token rate limit"):
		return llm.CodeLimitTokens
	default:
		return llm.CodeLimitRequests
	}
}

// invalid is the code of a request that the vendor does not take.
func invalid(r *wire.RefusalError, has func(phrases ...string) bool) llm.Code {
	switch {
	case has("max_tokens", "max_completion_tokens") && has("too large", "at most", "exceed", "less than or equal", "maximum"):
		return llm.CodeMaxTokens
	case has("unrecognized request argument", "unknown parameter", "unsupported parameter", "extra inputs", "extra fields", "unexpected keyword", "not permitted", "unknown field", "property"):
		return llm.CodeUnknownField
	case has("tool_call", "tool call", "tool_calls") && has("must be followed", "not found", "preceding", "did not have response"):
		return llm.CodeToolPairing
	case has("does not support", "not support", "unsupported") && has("image", "vision", "tool", "function", "audio", "streaming", "response_format", "json_schema", "system", "feature"):
		return llm.CodeFeature
	case r.Code == "unsupported_value":
		return llm.CodeConflict
	default:
		return llm.CodeInvalid
	}
}

// fix is the next step.
func (d *Deployment) fix(code llm.Code) string {
	title := d.vendor.Title
	switch code {
	case llm.CodeAPIKeyInvalid, llm.CodeAPIKeyExpired:
		from := "api_key of the model"
		if _, origin := d.end.Identity(); origin != "" && origin != "api_key" && origin != "no key" {
			from = origin
		}
		return "Set " + from + " to a valid key of " + title + "."
	case llm.CodeBilling:
		return "Add credit to the account at " + title + " whose key the gateway uses, or raise its spending limit."
	case llm.CodeNotGranted:
		return "Give the key access to this model in the account at " + title + ", or use another key."
	case llm.CodeModelUnknown:
		return "Check the model's name in the list of " + title + "; outcrop models lists those that the key can call."
	case llm.CodeRegionBlocked:
		return "Call " + title + " from a country that it serves, or use another provider."
	case llm.CodeTooLong:
		return "Send a shorter conversation, or use a model with a larger context window."
	case llm.CodeContentFiltered:
		return "Change the content; the provider's usage policy decides."
	case llm.CodeMaxTokens:
		return "Lower max_tokens."
	case llm.CodeUnknownField:
		return "Leave the parameter out, or set drop_params or additional_drop_params for the model."
	case llm.CodeLimitRequests, llm.CodeLimitTokens:
		return "Send the request again later, or raise the limit of the account at " + title + "."
	case llm.CodeTokensPerDay:
		return "Wait until the limit of " + title + " is reset, or raise it."
	case llm.CodeWrongSurface:
		return "Check api_base of the model: " + title + " does not serve this path there."
	default:
		return ""
	}
}

// keyPrefixes begin keys of vendors, which some repeat in errors, whole or in part.
var keyPrefixes = [...]string{"sk-", "gsk_", "xai-", "pplx-", "csk-", "nvapi-", "hf_", "fw_", "key-", "AIza", "Bearer "}

// maskKeys hides what looks like a key in a vendor's message.
func maskKeys(s string) string {
	for _, prefix := range keyPrefixes {
		for from := 0; ; {
			i := strings.Index(s[from:], prefix)
			if i < 0 {
				break
			}
			at := from + i
			end := at + len(prefix)
			for end < len(s) && isKeyByte(s[end]) {
				end++
			}
			from = at + len(prefix)
			if end-from >= 8 && (at == 0 || !isKeyByte(s[at-1])) {
				s = s[:at] + "[secret]" + s[end:]
				from = at + len("[secret]")
			}
		}
	}
	return s
}

func isKeyByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' || c == '*' || c == '.'
}
