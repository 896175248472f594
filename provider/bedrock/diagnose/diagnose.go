// Package diagnose turns a failed call to Bedrock into an llm.Error with a code
// of the public vocabulary. It judges by AWS's status and error type; AWS's own
// words are kept as they are.
package diagnose

import (
	"errors"
	"net"
	"strings"

	"outcrop/llm"
	"outcrop/upstream"
	wire "outcrop/wire/converse"
)

// Fault gives the error for an answer that failed. target is where the call went.
//
// AWS's 400, 404, 408, 424, 429, 500 and 503 keep their status. Its 401 and 403
// are 403: 401 tells a client that its own key is wrong, and that key is the
// gateway's. Other statuses from 500 up, and answers that are cut, corrupt or
// empty, are 502.
func Fault(f *wire.Fault, target llm.Target) *llm.Error {
	e := &llm.Error{
		Message: f.Message, RequestID: f.RequestID, RetryAfter: f.RetryAfter,
		Type: f.Type, UpstreamStatus: f.Status, Target: target, Err: f.Err,
	}
	if f.Kind != wire.FaultException {
		e.Code, e.Status, e.Message = llm.CodeInterrupted, 502, "the answer from Bedrock is not whole: "+f.Message
		if _, broke := errors.AsType[*net.OpError](f.Err); broke {
			e.Message += ": " + reason(f.Err)
		}
		return e
	}
	e.Upstream = true
	e.Code, e.Status = code(f), status(f.Status)
	if f.OriginalMessage != "" && !strings.Contains(f.Message, f.OriginalMessage) {
		e.Message += " (" + f.OriginalMessage + ")"
	}
	if e.Message == "" {
		e.Message = "Bedrock gave no reason."
	}
	return e
}

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

// code gives the verdict that AWS's error type allows, else the one that its
// status allows. Types and statuses are those of AWS's service model of
// bedrock-runtime and of the common errors of its services
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
func code(f *wire.Fault) llm.Code {
	switch f.Type {
	case "ValidationException", "ValidationError":
		switch {
		case tooLong(f.Message):
			return llm.CodeTooLong
		// AWS's words, from their beginning: further on a message may repeat what the
		// caller sent.
		case strings.HasPrefix(f.Message, "Invocation of model ID ") && strings.Contains(f.Message, " with on-demand throughput isn"): // ’t or 't
			return llm.CodeModelNeedsProfile
		case strings.HasPrefix(f.Message, "The provided model identifier is invalid"):
			return llm.CodeModelUnknown
		}
		return llm.CodeInvalid
	case "AccessDeniedException":
		return llm.CodeDenied
	case "UnrecognizedClientException", "InvalidClientTokenId":
		return llm.CodeCredentialsInvalid
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired":
		return llm.CodeCredentialsExpired
	case "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException":
		return llm.CodeSignature
	case "MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return llm.CodeCredentialsMissing
	case "ResourceNotFoundException":
		return llm.CodeModelUnknown
	case "ModelTimeoutException":
		return llm.CodeTimeout
	case "ModelErrorException", "ModelStreamErrorException":
		return llm.CodeModelError
	case "ModelNotReadyException":
		return llm.CodeModelNotReady
	case "ThrottlingException", "TooManyRequestsException":
		return llm.CodeLimitRequests
	case "ServiceQuotaExceededException":
		return llm.CodeServiceQuota
	case "InternalServerException", "InternalFailure":
		return llm.CodeServiceInternal
	case "ServiceUnavailableException", "ServiceUnavailable":
		return llm.CodeUnavailable
	default:
		return byStatus(f.Status)
	}
}

func byStatus(status int) llm.Code {
	switch status {
	case 401, 403:
		return llm.CodeDenied
	case 404:
		return llm.CodeModelUnknown
	case 408, 504:
		return llm.CodeTimeout
	case 413:
		return llm.CodeTooLong
	case 424:
		return llm.CodeModelError
	case 429:
		return llm.CodeLimitRequests
	case 500:
		return llm.CodeServiceInternal
	default:
		if status >= 400 && status < 500 {
			return llm.CodeInvalid
		}
		return llm.CodeUnavailable
	}
}

// tooLong knows the ways in which Bedrock and its models say that the prompt
// does not fit, as public clients match them.
func tooLong(message string) bool {
	for _, words := range []string{
		"Input is too long for requested model", "prompt is too long", "too many total text bytes",
		"input length and `max_tokens` exceed context limit",
	} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
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
func Stream(err error, target llm.Target) *llm.Error {
	var own *llm.Error
	var fault *wire.Fault
	switch {
	case errors.As(err, &own):
		return copied(own)
	case errors.As(err, &fault):
		return Fault(fault, target)
	default:
		return &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the stream from Bedrock broke off: " + reason(err), Target: target, Err: err}
	}
}

// copied gives an error that may be written to: what ended a call from outside may
// have ended others too.
func copied(e *llm.Error) *llm.Error {
	c := *e
	return &c
}
