package route

import (
	"context"
	"errors"
	"time"

	"outcrop/llm"
)

// attemptError returns the failure of an attempt: the cause of its context's end, if that ended it.
func attemptError(call, attempt context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case call.Err() != nil:
		return cancelError(call, err)
	case attempt.Err() != nil:
		if cause := context.Cause(attempt); cause != nil && !errors.Is(cause, context.Canceled) {
			if own, ok := errors.AsType[*llm.Error](cause); ok {
				return own
			}
			return cause
		}
	}
	return err
}

// cancelError is the failure of a cancelled call: the cause if it is an *llm.Error, else that the
// client has gone.
func cancelError(call context.Context, err error) error {
	if reason, ok := errors.AsType[*llm.Error](context.Cause(call)); ok {
		own := *reason // other calls may have the same cause
		return &own
	}
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: err}
}

// late is the cause of the end of an attempt that took too long. Errors are made of it only where it is
// looked for, since each attempt has such a cause.
type late struct {
	limit time.Duration
	what  string // had to happen within limit
}

// lateAfter is the cause for a complete response.
func lateAfter(limit time.Duration) late { return late{limit, "the complete response"} }

func (l *late) Error() string {
	return "the model did not answer in time: " + l.limit.String() + " for " + l.what + "."
}

// As makes it an *llm.Error, a new one for each call.
func (l *late) As(target any) bool {
	to, ok := target.(**llm.Error)
	if !ok {
		return false
	}
	*to = &llm.Error{
		Code: llm.CodeTimeout, Status: 504, Actor: llm.ActorOperator,
		Message: l.Error(),
		Fix:     "Raise timeout or stream_timeout of the deployment, or request a shorter response.",
	}
	return true
}
