// Package diagnose turns a failed call to Bedrock into an llm.Error: a code of the
// public vocabulary, what lies behind it, whose move it is, and the next step,
// for a missing right with the IAM statement that gives it. It judges by AWS's
// status, error type and words; AWS's own words are kept as they are.
package diagnose

import (
	"cmp"
	"errors"
	"net"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/upstream"
	wire "outcrop/wire/converse"
)

// Case is the call that failed, as far as it helps to judge the failure. What is
// not known is empty.
type Case struct {
	Target llm.Target
	// Base is the base id of the model that was called.
	Base string
	// Stream is whether an answer was asked for as it comes.
	Stream bool
	// APIKey is whether the call was made with a Bedrock API key, and KeyRegion the
	// region that the key was made in, where the key tells it.
	APIKey    bool
	KeyRegion string
	// Now is the time of the answer by this machine's clock, Served by AWS's.
	Now, Served time.Time
	// Known is what is known of models and profiles; nil if nothing is.
	Known *catalog.Catalogue
	// Request is what was asked for, so that what AWS repeats of it stays out of the
	// log; nil for calls that carry nothing of a caller's.
	Request *llm.Request
}

// Fault gives the error for an answer that failed: AWS's words, a code of the
// public vocabulary, what lies behind it, and the next step.
//
// AWS's 400, 404, 408, 424, 429, 500 and 503 keep their status. Its 401 and 403
// are 403: 401 tells a client that its own key is wrong, and that key is the
// gateway's. Other statuses from 500 up, and answers that are cut, corrupt or
// empty, or too large, are 502.
func Fault(f *wire.Fault, c Case) *llm.Error {
	e := &llm.Error{
		Message: f.Message, RequestID: f.RequestID, RetryAfter: f.RetryAfter,
		Type: f.Type, UpstreamStatus: f.Status, Target: c.Target, Err: f.Err,
	}
	if f.Kind == wire.FaultLarge {
		e.Code, e.Status, e.Message = llm.CodeAnswerTooLarge, 502, "the answer from Bedrock is too large: "+f.Message+"."
		c.advise(e, &denial{})
		return e
	}
	if f.Kind != wire.FaultException {
		e.Code, e.Status, e.Message = llm.CodeInterrupted, 502, "the answer from Bedrock is not whole: "+f.Message
		if _, broke := errors.AsType[*net.OpError](f.Err); broke {
			e.Message += ": " + reason(f.Err)
		}
		c.advise(e, &denial{})
		return e
	}
	e.Upstream, e.Status = true, status(f.Status)
	if f.OriginalMessage != "" && !strings.Contains(f.Message, f.OriginalMessage) {
		e.Message += " (" + f.OriginalMessage + ")"
	}
	judged := *f
	judged.Message = llm.Clip(f.Message, maxJudged)
	var d denial
	e.Code, d = code(&judged, &c)
	e.Actor = d.actor()
	c.advise(e, &d)
	e.Logged = llm.Clip(unquoted(judged.Message), maxLogged)
	if rest, repeats := withoutRepeats(cmp.Or(e.Logged, e.Message), c.Request); repeats {
		e.Logged = rest
	}
	if e.Message == "" {
		e.Message = "Bedrock gave no reason."
	}
	return e
}

// maxJudged is as much of a message as is judged, in bytes: AWS's own words are
// shorter by far.
const maxJudged = 8 << 10

func status(aws int) int {
	switch {
	case aws == 401 || aws == 403:
		return 403
	case aws == 500 || aws == 503:
		return aws
	case aws >= 400 && aws < 500:
		return aws
	default:
		return 502
	}
}

// Transport gives the error for a call that got no answer: 503 if nothing could
// be reached, 502 if the connection broke or did not speak HTTP. An error that
// has a verdict already keeps it.
func Transport(err error, target llm.Target) *llm.Error {
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return copied(own)
	}
	e := &llm.Error{Code: llm.CodeUnreachable, Status: 502, Message: "the connection to Bedrock broke before an answer came", Target: target, Err: err}
	var up *upstream.Error
	if errors.As(err, &up) && up.Unreachable {
		e.Status, e.Message = 503, "Bedrock cannot be reached"
		e.Fix = "Check the endpoint's name and address, the route to it, its certificate and the proxy settings."
	}
	e.Message += ": " + reason(err) + "."
	e.Docs, e.Cause = Docs(e.Code), cmp.Or(e.Cause, meaning(e.Code))
	return e
}

// reason is what the operating system or TLS said, without the addresses that
// net's errors repeat.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return strings.ToValidUTF8(llm.Clip(err.Error(), 300), "?")
}

// Stream gives the error for a stream that failed while it was read: a fault of
// its own, or that of the connection.
func Stream(err error, c Case) *llm.Error {
	var own *llm.Error
	var fault *wire.Fault
	switch {
	case errors.As(err, &own):
		return copied(own)
	case errors.As(err, &fault):
		return Fault(fault, c)
	default:
		e := &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream from Bedrock broke off: " + reason(err), Target: c.Target, Err: err}
		c.advise(e, &denial{})
		return e
	}
}

// copied gives an error that may be written to: what ended a call from outside may
// have ended others too.
func copied(e *llm.Error) *llm.Error {
	c := *e
	return &c
}
