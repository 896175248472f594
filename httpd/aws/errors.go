package aws

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/eventstream"
)

// WriteError sends an error in AWS's form: the exception's name in x-amzn-errortype, and a body with
// the message. What AWS itself said is passed on unchanged; what Outcrop adds is in headers. A client
// that has gone gets nothing.
//
// AWS's SDKs retry no 401, 408, 424 or 529, and read the pause only from x-amz-retry-after, in
// milliseconds.
func (h *Handler) WriteError(w http.ResponseWriter, e *llm.Error) {
	if e.Code == llm.CodeClientGone {
		return
	}
	status, kind := exception(e)
	body := []byte(e.Body)
	if !e.Upstream || !hasMessage(e.Body) {
		body = appendMessage(nil, message(e))
	}
	head := w.Header()
	head.Del("Www-Authenticate") // for AWS's clients a refused key is a 403
	door.FailureHead(head, e)
	if head.Get("X-Amzn-Requestid") == "" { // SDKs print it with every error
		head["X-Amzn-Requestid"] = head["X-Request-Id"]
	}
	if pause, ok := retryAfter(e); ok {
		head["Retry-After"] = []string{strconv.FormatInt(int64((pause+time.Second-1)/time.Second), 10)}
		head["X-Amz-Retry-After"] = []string{strconv.FormatInt(pause.Milliseconds(), 10)}
	}
	head["X-Amzn-Errortype"] = []string{kind}
	diagnosis(head, e)
	door.WriteJSON(w, status, body)
}

// retryAfter is the pause that an error asks for.
func retryAfter(e *llm.Error) (time.Duration, bool) {
	seconds, err := strconv.Atoi(e.RetryAfter)
	return time.Duration(seconds) * time.Second, err == nil && seconds > 0
}

// exception returns the status and the name of an exception of AWS's service model for an error
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html). What AWS itself
// answered is kept, except for statuses that are not AWS's own; the provider has replaced those.
func exception(e *llm.Error) (status int, name string) {
	switch status = e.Status; status {
	case 401, 403:
		status, name = 403, "AccessDeniedException"
	case 404:
		name = "ResourceNotFoundException"
	case 429:
		name = "ThrottlingException"
	case 424:
		name = "ModelErrorException"
	case 500:
		name = "InternalServerException"
	default:
		status, name = 503, "ServiceUnavailableException"
		if e.Status < 500 {
			status, name = 400, "ValidationException"
		}
	}
	if e.Upstream && e.UpstreamStatus == e.Status && e.Status >= 400 && e.Status < 500 {
		status = e.Status // such as 408, ModelTimeoutException
	}
	if strings.HasSuffix(e.Type, "Exception") || e.Type != "" && !e.Upstream {
		name = e.Type
	}
	return status, name
}

// hasMessage reports whether a body is an error that AWS's SDKs can read: an object with the member
// message, or Message, as AWS's authorization layer writes it.
func hasMessage(body jsonx.Raw) bool {
	members, err := jsonx.Members(body)
	return err == nil && slices.ContainsFunc(members, func(m jsonx.Member) bool {
		return (m.Name == "message" || m.Name == "Message") && m.Value.Kind() == '"'
	})
}

// message is an error's message, followed by the next step.
func message(e *llm.Error) string {
	s := e.Message
	if e.Fix != "" {
		if !strings.HasSuffix(s, ".") {
			s += "."
		}
		s += " " + e.Fix
	}
	return s
}

func appendMessage(dst []byte, text string) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("message")
	w.String(text)
	w.EndObject()
	return w.Buf
}

// maxHeader bounds a header of the diagnosis, in bytes.
const maxHeader = 2 << 10

// diagnosis sets the headers with what Outcrop knows about an error.
func diagnosis(h http.Header, e *llm.Error) {
	set := func(name, value string) {
		if value != "" {
			h["X-Outcrop-"+name] = []string{printable(value)}
		}
	}
	set("Code", string(e.Code))
	set("Cause", e.Cause)
	set("Actor", string(e.Responsible()))
	set("Fix", e.Fix)
	set("Retry", string(e.CanRetry()))
	set("Docs", e.Docs)
	statements := e.Statements
	if len(statements) == 0 && len(e.Statement) > 0 {
		statements = []jsonx.Raw{e.Statement}
	}
	for _, s := range statements {
		if compact, err := jsonx.Compact(s); err == nil && len(compact) <= maxHeader {
			h["X-Outcrop-Statement"] = append(h["X-Outcrop-Statement"], printable(string(compact)))
		}
	}
}

// printable makes a text fit into a header: one line of ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		default:
			return r
		}
	}, llm.Clip(s, maxHeader))
}

// modelled reports whether an exception is one that AWS's clients know in the stream of an operation
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html,
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html). Others
// lose their message, or are not noticed at all.
func modelled(operation, name string) bool {
	switch name {
	case "internalServerException", "modelStreamErrorException", "serviceUnavailableException", "throttlingException", "validationException":
		return true
	case "modelTimeoutException":
		return operation == "invoke-with-response-stream"
	default:
		return false
	}
}

// AppendFailure appends the frame that ends a stream that broke off: an exception that no client
// retries after it has read part of the response
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
func AppendFailure(dst []byte, e *llm.Error) []byte {
	return eventstream.Append(dst, []eventstream.Header{
		{Name: eventstream.HeaderExceptionType, Value: "modelStreamErrorException"},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "exception"},
	}, appendMessage(nil, message(e)))
}
