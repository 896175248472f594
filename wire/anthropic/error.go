package anthropic

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendError appends Anthropic's error object: {"type":"error","error":{"type","message"},
// "request_id"}. Outcrop's details are in error.outcrop. requestID is the value of the header
// request-id; the member is left out if it is empty.
func AppendError(dst []byte, e *llm.Error, requestID string) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("type")
	w.Word("error")
	w.Key("error")
	w.Object()
	w.Key("type")
	w.Word(errorType(Status(e)))
	w.Key("message")
	w.String(fullMessage(e))
	w.Key("outcrop")
	e.WriteVerdict(&w)
	w.EndObject()
	if requestID != "" {
		w.Key("request_id")
		w.String(requestID)
	}
	w.EndObject()
	return w.Buf
}

// Status is the HTTP status for an error. It is that of e, except that an overload is 529, by which
// Anthropic's clients know it: of AWS, which answers 503, and of the gateway.
func Status(e *llm.Error) int {
	if e.Status == 503 && (e.Code == llm.CodeUnavailable || e.Code == llm.CodeOverloaded) {
		return overloaded
	}
	return e.Status
}

// overloaded is Anthropic's status for an overload.
const overloaded = 529

// errorType returns Anthropic's type for a status (https://platform.claude.com/docs/en/api/errors).
func errorType(status int) string {
	switch status {
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
	case 424: // the model failed, which is not the client's fault
		return "api_error"
	case 429:
		return "rate_limit_error"
	case overloaded:
		return "overloaded_error"
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "api_error"
}

// ShouldRetry is the value of the header x-should-retry: true or false, by which Anthropic's clients
// repeat a call or do not, whatever its status; empty if the status alone tells them right. It is
// only set where the status would mislead them: they repeat 408, 409, 429 and all from 500 on, and
// Claude Code also 401.
func ShouldRetry(e *llm.Error) string {
	status := Status(e)
	repeats := status == 401 || status == 408 || status == 409 || status == 429 || status >= 500
	switch e.CanRetry() {
	case llm.RetryNo:
		if repeats {
			return "false"
		}
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
		if status == 424 {
			return "true"
		}
	default: // the same call can succeed only if somebody changes something
	}
	return ""
}

// fullMessage is the message in Anthropic's words, followed by the next step.
func fullMessage(e *llm.Error) string {
	s := InWords(e, nil).Message
	fix := e.Fix
	if param := Param(e.Param); e.Param != "" && param != e.Param && !e.Upstream {
		s = strings.ReplaceAll(s, e.Param, param)
		fix = strings.ReplaceAll(fix, e.Param, param)
	}
	if strings.HasSuffix(s, extraWords) && e.Upstream {
		return s // clients compare the words
	}
	if fix != "" {
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
		s += " " + fix
	}
	return s
}

// extraWords are Anthropic's words for a member that it does not know.
const extraWords = "Extra inputs are not permitted"
