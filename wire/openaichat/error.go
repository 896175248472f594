package openaichat

import (
	"cmp"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
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
	w.Word(cmp.Or(e.Class, litellm.ErrorType(e.Status)))
	w.Key("param")
	w.StringOrNull(e.Param)
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

// errorCode returns OpenAI's code for an error if it has one, else the status.
func errorCode(e *llm.Error) string {
	if e.Class != "" { // LiteLLM's code is the status
		return strconv.Itoa(e.Status)
	}
	switch e.Code {
	case llm.CodeTooLong:
		return "context_length_exceeded"
	case llm.CodeModelNotFound, llm.CodeModelUnknown:
		return "model_not_found"
	case llm.CodeStateNotFound:
		if e.Param == "previous_response_id" {
			return "previous_response_not_found"
		}
		return "not_found"
	case llm.CodeContentFiltered: // as on Azure
		return "content_filter"
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
