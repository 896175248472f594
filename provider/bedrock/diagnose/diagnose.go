// Package diagnose turns a failed call to Bedrock into an llm.Error: a public error code, the
// cause, who has to act, and the next step; for a missing permission with the IAM statement that
// grants it. It classifies by AWS's status, error type and message, and keeps AWS's own words.
package diagnose

import (
	"cmp"
	"errors"
	"net"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/transport"
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
			e.Message += ": " + transport.Reason(f.Err)
		}
		c.advise(e, &denial{})
		return e
	}
	e.Upstream, e.Status = true, status(f)
	if c.Request == nil { // the client wrote the field that AWS names
		e.Param = f.Param
	}
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
	e := transport.NoResponse("Bedrock", err, target)
	if _, own := errors.AsType[*llm.Error](err); !own {
		e.Docs, e.Cause = Docs(e.Code, target), cmp.Or(e.Cause, meaning(e.Code))
	}
	return e
}

// Stream returns the error for a stream that failed while it was read: a fault in the stream, or a
// connection error.
func Stream(err error, c Case) *llm.Error {
	if fault, ok := errors.AsType[*wire.Fault](err); ok {
		return Fault(fault, c)
	}
	e := transport.Interrupted("Bedrock", err, c.Target)
	if _, own := errors.AsType[*llm.Error](err); !own {
		c.advise(e, &denial{})
	}
	return e
}
