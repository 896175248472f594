// Package diagnose turns a failed call to Bedrock into an llm.Error: a public error code, the
// cause, who has to act, and the next step; for a missing permission with the IAM statement that
// grants it. It classifies by AWS's status, error type and message, and keeps AWS's own words.
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

// Case describes the failed call, as far as it helps to diagnose the failure. Unknown fields are
// empty.
type Case struct {
	Target llm.Destination
	// Base is the base id of the model that was called.
	Base string
	// Stream reports whether a stream was requested.
	Stream bool
	// APIKey reports whether the call was made with a Bedrock API key, and KeyRegion the region in
	// which the key was created, if the key tells.
	APIKey    bool
	KeyRegion string
	// Now is the time of the response by this machine's clock, Served by AWS's.
	Now, Served time.Time
	// Known is the catalogue of models and profiles; nil if there is none.
	Known *catalog.Catalogue
	// Request is the client's request, so that what AWS repeats of it stays out of the log; nil for
	// calls without client content.
	Request *llm.Request
	// Names are the client's names for the fields of its request; nil for llm's own.
	Names llm.Names
}

// named is the client's name for a field.
func (c *Case) named(f llm.Field) string {
	client := llm.Call{Names: c.Names}
	return client.FieldName(f)
}

// name is named for a field without a position.
func (c *Case) name(kind llm.FieldKind) string { return c.named(llm.Field{Kind: kind}) }

// Fault returns the error for a failed response: AWS's message, a public error code, the cause, and
// the next step.
//
// AWS's 400, 404, 408, 413, 424, 429, 500 and 503 keep their status. Its 401 and 403 are 403: 401
// tells a client that its own key is wrong, and that key is the gateway's. Other statuses below 500
// are 400 with the name of an exception of AWS's; all others, and responses that are truncated,
// corrupt, empty or too large, are 502.
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

// maxJudged bounds the part of a message that is classified, in bytes; AWS's messages are far
// shorter.
const maxJudged = 8 << 10

// status is the status for the client. Only AWS's statuses are passed on: any other comes from
// something in between, and a client would attribute it to this gateway (407 would make it look for
// a proxy of its own). An exception of AWS's with a status that is new is a refusal of the request
// like any other.
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

// known reports whether AWS refuses calls by a status: 400, 403, 404, 408, 424, 429, 500 and 503 by
// its service model of bedrock-runtime, 401 of bedrock-mantle, and 413 of the load balancer for
// bodies over its limit.
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

// Transport returns the error for a call without a response: 503 if nothing could be reached, 502
// if the connection broke or did not speak HTTP. An *llm.Error is kept.
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

// filesUsedUp reports whether a connection failed for lack of file descriptors, including one of
// the resolver's, whose errors keep only the text.
func filesUsedUp(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || strings.Contains(err.Error(), syscall.EMFILE.Error())
}

// outward is the description of a failed connection for the client. It hides which resolver was
// asked, and why a client-supplied host is not called.
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

// Stream returns the error for a stream that failed while it was read: a fault in the stream, or a
// connection error.
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

// copied returns a copy that may be modified: the cause that ended a call may be shared with
// others.
func copied(e *llm.Error) *llm.Error {
	c := *e
	return &c
}
