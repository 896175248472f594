package bedrock

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	"outcrop/internal/jsonx"
)

// refusal is an error in AWS's form: the statuses are those of the service model, the
// words those of public reports and recorded exchanges.
type refusal struct {
	status  int
	kind    string // the exception's name, such as ValidationException
	message string
	// authorization is set for a refusal of the authorization layer in front of the
	// service, whose member is Message instead of message.
	authorization bool
	// code and param are those of an error in OpenAI's form; see openAIError.
	code, param string
}

func (r *refusal) Error() string { return r.kind + ": " + r.message }

// invalid is the service's 400 ValidationException.
func invalid(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: "ValidationException", message: fmt.Sprintf(format, args...)}
}

// invalidIdentifier is AWS's refusal of a model id that is unknown, or unknown in this
// region (recorded exchange).
func invalidIdentifier() *refusal { return invalid("The provided model identifier is invalid.") }

// notFound is a 404 ResourceNotFoundException.
func notFound(format string, args ...any) *refusal {
	return &refusal{status: http.StatusNotFound, kind: "ResourceNotFoundException", message: fmt.Sprintf(format, args...)}
}

// denied is the authorization layer's 403.
func denied(message string) *refusal {
	return &refusal{status: http.StatusForbidden, kind: "AccessDeniedException", message: message, authorization: true}
}

// unknownOperation is for a path that belongs to no operation.
func unknownOperation() *refusal {
	return &refusal{status: http.StatusNotFound, kind: "UnknownOperationException", message: "The requested operation is not recognized by the service."}
}

// refuse writes err in the form of the call's service.
func (c *call) refuse(err error) {
	if errors.Is(err, errGone) {
		return
	}
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{status: http.StatusInternalServerError, kind: "InternalServerException", message: "The system encountered an unexpected error during processing. Try your request again."}
	}
	if c.operation.service == serviceSTS {
		c.refuseXML(r)
		return
	}
	if c.speaksOpenAI() && (c.operation.service == serviceMantle || !r.authorization) {
		c.refuseOpenAI(r)
		return
	}
	key := "message"
	if r.authorization {
		key = "Message"
	}
	var w jsonx.Writer
	w.Object()
	w.Key(key)
	w.String(r.message)
	w.EndObject()
	c.Header().Set("Content-Type", "application/json")
	c.Header().Set("x-amzn-ErrorType", r.kind+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	c.WriteHeader(r.status)
	_, _ = c.Write(w.Buf) // the client has disconnected
}

// refuseXML writes an error in the Query protocol of STS; the names are those of the
// STS API reference, "Common Errors".
func (c *call) refuseXML(r *refusal) {
	code := r.kind
	switch r.kind {
	case "InvalidSignatureException":
		code = "SignatureDoesNotMatch"
	case "UnrecognizedClientException":
		code = "InvalidClientTokenId"
	case "ExpiredTokenException":
		code = "ExpiredToken"
	case "MissingAuthenticationTokenException":
		code = "MissingAuthenticationToken"
	case "IncompleteSignatureException":
		code = "IncompleteSignature"
	case "ValidationException":
		code = "ValidationError"
	case "AccessDeniedException":
		code = "AccessDenied"
	}
	type failure struct {
		Type    string `xml:"Type"`
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     failure  `xml:"Error"`
		RequestID string   `xml:"RequestId"`
	}{Error: failure{"Sender", code, r.message}, RequestID: c.id})
	if err != nil {
		body = nil // a struct of strings always marshals
	}
	c.Header().Set("Content-Type", "text/xml")
	c.WriteHeader(r.status)
	_, _ = c.Write(body) // as in refuse
}

// readBody reads the whole body, so that the answer does not truncate it.
func readBody(c *call) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c, c.request.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, kind: "RequestEntityTooLargeException", message: fmt.Sprintf("Request body exceeds the limit of %d bytes.", large.Limit)}
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	return body, nil
}
