// Package awserror reads the failures of AWS's runtime APIs: error responses, exception frames in a
// stream, and streams that end too early.
package awserror

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"

	"outcrop/internal/jsonx"
	"outcrop/wire/eventstream"
)

// FaultKind classifies a failed response.
type FaultKind uint8

// Kinds of fault.
const (
	FaultException FaultKind = iota + 1 // AWS reported it: an error status, or an exception or error frame
	FaultCut                            // the response broke off
	FaultCorrupt                        // the content is not what the API sends: checksums, sizes, JSON, types
	FaultLarge                          // the response is larger, or has more content, than any model returns
	FaultEmpty                          // nothing arrived, or a response without its mandatory parts
)

// Fault is a failed response: a parsed error of AWS's, or a response that did not arrive complete.
type Fault struct {
	Kind FaultKind
	// Status is the HTTP status, or for an exception in a stream the status of its type in AWS's
	// service model; 0 unless Kind is FaultException.
	Status int
	// Type is AWS's name, such as ThrottlingException; empty if none was given.
	Type string
	// Message is AWS's own text, or the problem with the response.
	Message string
	// OriginalStatus and OriginalMessage come from the model's own server; 0 and empty if not
	// given.
	OriginalStatus  int
	OriginalMessage string
	// Resource is the ARN or name that AWS's error names; often empty.
	Resource string
	// Param is the field of the request that an error in OpenAI's form names; often empty.
	Param string
	// RequestID is the header x-amzn-RequestId, RetryAfter the header
	// Retry-After, as they were sent.
	RequestID  string
	RetryAfter string
	// InStream is whether the fault occurred inside a stream that AWS had accepted.
	InStream bool
	// Err is the underlying error, such as that of the connection.
	Err error
}

func (f *Fault) Error() string {
	if f.Kind != FaultException {
		return f.Message
	}
	name := f.Type
	if name == "" {
		name = "error without a type"
	}
	s := name + " (" + strconv.Itoa(f.Status) + ")"
	if f.Message != "" {
		s += ": " + f.Message
	}
	return s
}

func (f *Fault) Unwrap() error { return f.Err }

// Decode reads a response with an error status. errorType, requestID and retryAfter are the
// headers x-amzn-ErrorType, x-amzn-RequestId and Retry-After. The type comes from the header or
// else from the body; the message is the member message (the services) or Message (the
// authorization layer). If a body has neither, its beginning is the message.
func Decode(status int, errorType, requestID, retryAfter string, body []byte) *Fault {
	f := &Fault{Kind: FaultException, Status: status, Type: errorName(errorType), RequestID: requestID, RetryAfter: retryAfter}
	f.decode(body)
	return f
}

// decode reads the body of an error.
func (f *Fault) decode(body []byte) {
	members, err := jsonx.Members(jsonx.Raw(body))
	named := false
	for _, m := range members {
		switch m.Name {
		case "message", "Message":
			named = plain(m.Value, &f.Message) || named
		case "__type", "code":
			var name string
			if plain(m.Value, &name) && f.Type == "" {
				f.Type = errorName(name)
			}
		case "originalStatusCode":
			_ = jsonx.Unmarshal(m.Value, &f.OriginalStatus) // a value that is not a number is ignored
		case "originalMessage":
			plain(m.Value, &f.OriginalMessage)
		case "resourceName":
			plain(m.Value, &f.Resource)
		}
	}
	if err != nil || !named {
		f.Message = beginning(body)
	}
}

// plain reads a JSON string into text; false if the value is not a string.
func plain(value jsonx.Raw, text *string) bool {
	return value.Kind() == '"' && jsonx.Unmarshal(value, text) == nil
}

// errorName reduces the forms of an error type
// ("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/",
// "com.amazon.coral.service#ThrottlingException", "throttlingException") to the bare name.
func errorName(sent string) string {
	name, _, _ := strings.Cut(sent, ":")
	if _, behind, ok := strings.Cut(name, "#"); ok {
		name = behind
	}
	name = strings.TrimSpace(name)
	if name != "" && name[0] >= 'a' && name[0] <= 'z' {
		name = string(name[0]-'a'+'A') + name[1:]
	}
	return name
}

// maxBeginning is how many bytes are kept of a body that is not an AWS error.
const maxBeginning = 1 << 10

// beginning is the start of a body, made printable.
func beginning(body []byte) string {
	text := strings.ToValidUTF8(string(body[:min(len(body), maxBeginning)]), "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text))
}

// Exception reads a frame that reports an error: an exception of AWS's service model, or an error
// outside it. It returns nil for any other frame.
func Exception(frame *eventstream.Frame) *Fault {
	kind := frame.Header(eventstream.HeaderMessageType)
	failed := string(kind) == "error"
	if !failed && string(kind) != "exception" && frame.Header(eventstream.HeaderExceptionType) == nil {
		return nil
	}
	f := &Fault{Kind: FaultException, InStream: true}
	if failed {
		f.Type = errorName(string(frame.Header(eventstream.HeaderErrorCode)))
		f.Message = string(frame.Header(eventstream.HeaderErrorMessage))
	} else {
		f.Type = errorName(string(frame.Header(eventstream.HeaderExceptionType)))
	}
	if f.Message == "" {
		f.decode(frame.Payload)
	}
	f.Status = Status(f.Type)
	return f
}

// Ended interprets err, the error with which reading frames ended. some reports whether a frame has
// arrived, and complete whether the response was complete. It returns io.EOF for the regular end of
// a complete response, and a *Fault with InStream set for any other end.
func Ended(err error, some, complete bool) error {
	f := &Fault{InStream: true, Err: err}
	switch {
	case errors.Is(err, io.EOF) && complete:
		return io.EOF
	case errors.Is(err, io.EOF) && !some:
		f.Kind, f.Message = FaultEmpty, "the stream ended without an event"
	case errors.Is(err, io.EOF):
		f.Kind, f.Message = FaultCut, "the stream ended before the end of the response"
	case errors.Is(err, eventstream.ErrChecksum), errors.Is(err, eventstream.ErrTooLarge), errors.Is(err, eventstream.ErrMalformed):
		f.Kind, f.Message = FaultCorrupt, err.Error()
	case errors.Is(err, eventstream.ErrTruncated):
		f.Kind, f.Message = FaultCut, err.Error()
	default:
		f.Kind, f.Message = FaultCut, "the stream broke off"
	}
	if errors.Is(f.Err, io.EOF) {
		f.Err = io.ErrUnexpectedEOF // so that it is never mistaken for a regular end
	}
	return f
}

// Status is the HTTP status of an error type in AWS's service model of bedrock-runtime; 500 for an
// unknown type.
func Status(name string) int {
	switch name {
	case "ValidationException", "ServiceQuotaExceededException", "ConflictException":
		return 400
	case "AccessDeniedException":
		return 403
	case "ResourceNotFoundException":
		return 404
	case "ModelTimeoutException":
		return 408
	case "ModelErrorException", "ModelStreamErrorException":
		return 424
	case "ThrottlingException", "ModelNotReadyException":
		return 429
	case "ServiceUnavailableException":
		return 503
	default:
		return 500
	}
}
