// Package diagnose turns a failed call to Bedrock into an llm.Error: a code of the
// public vocabulary, what lies behind it, whose move it is, and the next step,
// for a missing right with the IAM statement that gives it. It judges by AWS's
// status, error type and words; AWS's own words are kept as they are.
package diagnose

import (
	"cmp"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/upstream"
	wire "outcrop/wire/converse"
)

// Case is the call that failed, as far as it helps to judge the failure. What is
// not known is empty.
type Case struct {
	Target llm.Destination
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
// AWS's 400, 404, 408, 413, 424, 429, 500 and 503 keep their status. Its 401 and 403
// are 403: 401 tells a client that its own key is wrong, and that key is the
// gateway's. Other statuses below 500 are 400 with the name of an exception of AWS's;
// all else, and answers that are cut, corrupt, empty or too large, are 502.
func Fault(f *wire.Fault, c Case) *llm.Error {
	e := &llm.Error{
		Message: f.Message, RequestID: f.RequestID, RetryAfter: f.RetryAfter,
		Type: f.Type, UpstreamStatus: f.Status, Destination: c.Target, Err: f.Err,
	}
	if f.Kind == wire.FaultLarge {
		e.Code, e.Status, e.Message = llm.CodeAnswerTooLarge, 502, "the response from Bedrock is too large: "+f.Message+"."
		c.advise(e, &denial{})
		return e
	}
	if f.Kind != wire.FaultException {
		e.Code, e.Status, e.Message = llm.CodeInterrupted, 502, "the response from Bedrock is incomplete: "+f.Message
		if _, broke := errors.AsType[*net.OpError](f.Err); broke {
			e.Message += ": " + reason(f.Err)
		}
		c.advise(e, &denial{})
		return e
	}
	e.Upstream, e.Status = true, status(f)
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

// status is the status for the client. Only statuses of AWS's own are passed on:
// another is that of something in between, and a client would take it for one of
// this gateway's (407 has it look for a proxy of its own). An exception of AWS's with
// a status that is new is a refusal of the request like any other.
func status(f *wire.Fault) int {
	switch {
	case f.Status == 401:
		return 403
	case known(f.Status):
		return f.Status
	case f.Status >= 400 && f.Status < 500 && named(f):
		return 400
	default:
		return 502
	}
}

// known reports whether AWS refuses calls by a status: 400, 403, 404, 408, 424, 429,
// 500 and 503 by its service model of bedrock-runtime, 401 of bedrock-mantle, and 413
// of the front door for bodies over its limit.
func known(status int) bool {
	switch status {
	case 400, 401, 403, 404, 408, 413, 424, 429, 500, 503:
		return true
	default:
		return false
	}
}

// named reports whether an answer has the name of an exception of AWS's.
func named(f *wire.Fault) bool { return strings.HasSuffix(f.Type, "Exception") }

// Transport gives the error for a call that got no answer: 503 if nothing could
// be reached, 502 if the connection broke or did not speak HTTP. An error that
// has a verdict already keeps it.
func Transport(err error, target llm.Destination) *llm.Error {
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return copied(own)
	}
	e := &llm.Error{Code: llm.CodeUnreachable, Status: 502, Message: "the connection to Bedrock failed before a response arrived", Destination: target, Err: err}
	var up *upstream.Error
	if errors.As(err, &up) && up.Unreachable {
		e.Status, e.Message = 503, "Bedrock cannot be reached"
		e.Fix = "Check the endpoint's name and address, the network route to it, its certificate and the proxy settings."
	}
	if filesUsedUp(err) {
		e.Message = "this gateway has no file descriptor left for a connection to Bedrock"
		e.Fix = "Increase the process's limit of open files (ulimit -n, LimitNOFILE); process_open_fds in /metrics shows how many are in use."
		e.Cause, e.Retry = "Each connection uses a file descriptor, and the limit of the process or the machine has been reached.", llm.RetryLater
	}
	begin := e.Message + ": "
	e.Message, e.Logged = begin+outward(err)+".", begin+reason(err)+"."
	e.Docs, e.Cause = Docs(e.Code), cmp.Or(e.Cause, meaning(e.Code))
	return e
}

// filesUsedUp reports whether a connection could not be made for want of files, be
// it one of the resolver's, whose errors keep only the words.
func filesUsedUp(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || strings.Contains(err.Error(), syscall.EMFILE.Error())
}

// outward is what a caller is told of a connection that failed: neither which resolver
// was asked, nor of a host that the caller has named why it is not called.
func outward(err error) string {
	if hidden, ok := errors.AsType[*upstream.NotPublicError](err); ok {
		return hidden.Error()
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return reason(err)
	case filesUsedUp(err):
		return syscall.EMFILE.Error()
	case dns.IsNotFound:
		return "DNS does not know the host " + strconv.Quote(llm.Clip(dns.Name, 260))
	case dns.IsTimeout:
		return "the DNS lookup timed out for the host " + strconv.Quote(llm.Clip(dns.Name, 260))
	default:
		return "the DNS lookup failed for the host " + strconv.Quote(llm.Clip(dns.Name, 260))
	}
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
		e := &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream from Bedrock was interrupted: " + outward(err), Destination: c.Target, Err: err}
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
