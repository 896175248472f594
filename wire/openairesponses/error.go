package openairesponses

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// FailureCode is OpenAI's code of a response that failed. Codex 0.171.0 repeats a call after
// rate_limit_exceeded and server_error, and reports the others at once.
func FailureCode(e *llm.Error) string {
	switch e.Code {
	case llm.CodeTooLong:
		return "context_length_exceeded"
	case llm.CodeLimitRequests, llm.CodeLimitTokens:
		return "rate_limit_exceeded"
	case llm.CodeTokensPerDay, llm.CodeServiceQuota:
		return "insufficient_quota"
	case llm.CodeUnavailable, llm.CodeOverloaded:
		return "server_is_overloaded"
	default:
	}
	switch {
	case e.Status == 429:
		return "rate_limit_exceeded"
	case e.Status >= 400 && e.Status < 500 && e.Status != 408 && e.Status != 424:
		return "invalid_prompt"
	default:
		return "server_error"
	}
}

// retrySeconds is the pause that a client shall make after a throttle if the provider names none.
const retrySeconds = "5"

// RetryAfter is the value of the header retry-after for an error: that of the provider, or for a
// throttle without one a few seconds, because Codex gives up at a 429 without the header; empty if the
// call need not be repeated.
func RetryAfter(e *llm.Error) string {
	switch {
	case e.RetryAfter != "":
		return e.RetryAfter
	case e.Status == 429 && FailureCode(e) == "rate_limit_exceeded":
		return retrySeconds
	default:
		return ""
	}
}

// appendFailure writes the error of a response that failed.
func appendFailure(w *jsonx.Writer, e *llm.Error) {
	w.Object()
	w.Key("code")
	w.Word(FailureCode(e))
	w.Key("message")
	w.String(message(e))
	w.Key("outcrop")
	e.WriteVerdict(w)
	w.EndObject()
}

// message is the message followed by the next step. Codex reads from it how long to wait after a
// throttle.
func message(e *llm.Error) string {
	s := e.Message
	if e.Upstream && e.Type != "" {
		s = e.Type + ": " + s
	}
	add := func(more string) {
		if more == "" {
			return
		}
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
		s += " " + more
	}
	if FailureCode(e) == "rate_limit_exceeded" {
		after := RetryAfter(e)
		if after == "" {
			after = retrySeconds
		}
		if strings.Trim(after, "0123456789") == "" {
			add("Please try again in " + after + "s.")
		}
	}
	add(e.Fix)
	return s
}
