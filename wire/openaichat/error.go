package openaichat

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendError appends OpenAI's error object. message, type, param and code are always present;
// Outcrop's details are in error.outcrop.
func AppendError(dst []byte, e *llm.Error) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("error")
	w.Object()
	w.Key("message")
	w.String(fullMessage(e))
	w.Key("type")
	w.Word(errorType(e.Status))
	w.Key("param")
	if e.Param == "" {
		w.Null()
	} else {
		w.String(e.Param)
	}
	w.Key("code")
	w.String(errorCode(e))
	w.Key("outcrop")
	e.WriteVerdict(&w)
	w.EndObject()
	w.EndObject()
	return w.Buf
}

// fullMessage is the message followed by the next step.
func fullMessage(e *llm.Error) string {
	s := e.Message
	if e.Upstream && e.Type != "" {
		s = e.Type + ": " + s
	}
	if e.Fix != "" {
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
		s += " " + e.Fix
	}
	return s
}

// errorType returns OpenAI's type for a status.
func errorType(status int) string {
	switch {
	case status == 401:
		return "authentication_error"
	case status == 403:
		return "permission_error"
	case status == 404:
		return "not_found_error"
	case status == 429:
		return "rate_limit_error"
	case status < 500:
		return "invalid_request_error"
	default:
		return "internal_server_error"
	}
}

// errorCode returns OpenAI's code for an error if it has one, else the status.
func errorCode(e *llm.Error) string {
	switch e.Code {
	case llm.CodeTooLong:
		return "context_length_exceeded"
	case llm.CodeModelNotFound, llm.CodeModelUnknown:
		return "model_not_found"
	case llm.CodeUnauthorized:
		return "invalid_api_key"
	case llm.CodeLimitRequests, llm.CodeLimitTokens:
		return "rate_limit_exceeded"
	case llm.CodeTokensPerDay:
		return "insufficient_quota"
	default:
		return strconv.Itoa(e.Status)
	}
}
