package transport

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"

	"outcrop/llm"
	"outcrop/upstream"
)

// NoResponse returns the error for a call of a service without a response: 503 if nothing could be
// reached, 502 if the connection broke or did not speak HTTP. An *llm.Error is kept. service is the
// name of the service, such as Bedrock.
func NoResponse(service string, err error, to llm.Destination) *llm.Error {
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return Copy(own)
	}
	e := &llm.Error{Code: llm.CodeUnreachable, Status: 502, Message: "the connection to " + service + " failed before a response arrived", Destination: to, Err: err}
	var up *upstream.Error
	if errors.As(err, &up) && up.Unreachable {
		e.Status, e.Message = 503, service+" cannot be reached"
		e.Fix = "Check the endpoint's name and address, the network route to it, its certificate and the proxy settings."
	}
	if filesUsedUp(err) {
		e.Message = "this gateway has no file descriptor left for a connection to " + service
		e.Fix = "Increase the process's limit of open files (ulimit -n, LimitNOFILE); process_open_fds in /metrics shows how many are in use."
		e.Cause, e.Retry = "Each connection uses a file descriptor, and the limit of the process or the machine has been reached.", llm.RetryLater
	}
	begin := e.Message + ": "
	e.Message, e.Logged = begin+outward(err)+".", begin+Reason(err)+"."
	return e
}

// Interrupted returns the error for a response of a service that broke off while it was read: 502. An
// *llm.Error is kept.
func Interrupted(service string, err error, to llm.Destination) *llm.Error {
	if own, ok := errors.AsType[*llm.Error](err); ok {
		return Copy(own)
	}
	return &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream from " + service + " was interrupted: " + outward(err), Destination: to, Err: err}
}

// Copy returns a copy that may be modified: the cause that ended a call may be shared with others.
func Copy(e *llm.Error) *llm.Error {
	c := *e
	return &c
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
		return Reason(err)
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

// Reason is what the operating system or TLS said, without the addresses that net's errors repeat.
func Reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return strings.ToValidUTF8(llm.Clip(err.Error(), 300), "?")
}
