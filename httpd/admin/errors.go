package admin

import (
	"fmt"
	"net/http"
	"strconv"

	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
)

// LiteLLM's types of errors (litellm/proxy/_types.py, ProxyErrorTypes).
const (
	typeAuth       = "auth_error"
	typeNotFound   = "not_found_error"
	typeBadRequest = "bad_request_error"
	typeInternal   = "internal_server_error"
	typeNoStore    = "no_db_connection"
	typeMember     = "team_member_permission_error"
)

// Error is a failure in LiteLLM's form.
type Error struct {
	Status        int
	Type, Message string
	// Param is the field that the error is about; empty for none.
	Param string
	// Err is the cause, for the log only.
	Err error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// write writes an error. An error of a field also has the member detail, which is how LiteLLM's framework tells
// wrong values.
func write(w http.ResponseWriter, e *Error) {
	var out jsonx.Writer
	out.Object()
	out.Key("error")
	out.Object()
	out.Key("message")
	out.String(e.Message)
	out.Key("type")
	out.String(e.Type)
	out.Key("param")
	out.StringOrNull(e.Param)
	out.Key("code")
	out.String(strconv.Itoa(e.Status))
	out.EndObject()
	if e.Status == http.StatusUnprocessableEntity {
		out.Key("detail")
		out.Array()
		out.Object()
		out.Key("type")
		out.String("value_error")
		out.Key("loc")
		out.Array()
		out.String("body")
		if e.Param != "" {
			out.String(e.Param)
		}
		out.EndArray()
		out.Key("msg")
		out.String(e.Message)
		out.EndObject()
		out.EndArray()
	}
	out.EndObject()
	door.WriteJSON(w, e.Status, out.Buf)
}

// invalid is the error of a field whose value has the wrong form.
func invalid(param, format string, args ...any) error {
	return &Error{Status: http.StatusUnprocessableEntity, Type: typeBadRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// refused is the error of a request that cannot be done.
func refused(param, format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Type: typeBadRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// absent is the error of a thing that does not exist.
func absent(param, format string, args ...any) error {
	return &Error{Status: http.StatusNotFound, Type: typeNotFound, Param: param, Message: fmt.Sprintf(format, args...)}
}

// forbidden is the error of a caller who may not do something.
func forbidden(param, format string, args ...any) error {
	return &Error{Status: http.StatusForbidden, Type: typeAuth, Param: param, Message: fmt.Sprintf(format, args...)}
}
