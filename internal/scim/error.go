package scim

import (
	"fmt"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Type is the scimType of an error (RFC 7644, table 9).
type Type string

// Types.
const (
	InvalidFilter Type = "invalidFilter"
	InvalidPath   Type = "invalidPath"
	InvalidSyntax Type = "invalidSyntax"
	InvalidValue  Type = "invalidValue"
	Mutability    Type = "mutability"
	NoTarget      Type = "noTarget"
	TooMany       Type = "tooMany"
	Uniqueness    Type = "uniqueness"
)

// Error is a failure in SCIM's form.
type Error struct {
	Status int
	Type   Type // empty for none
	Detail string
}

func (e *Error) Error() string { return e.Detail }

// Fault is the error of a request that cannot be done: status 409 for what is not unique, otherwise 400.
func Fault(t Type, format string, args ...any) *Error {
	status := 400
	if t == Uniqueness {
		status = 409
	}
	detail := fmt.Sprintf(format, args...)
	if !strings.HasSuffix(detail, ".") {
		detail += "."
	}
	return &Error{Status: status, Type: t, Detail: strings.ToUpper(detail[:1]) + detail[1:]}
}

// Encode is the error's body.
func (e *Error) Encode() []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("schemas")
	w.Array()
	w.String(errorMessage)
	w.EndArray()
	if e.Type != "" {
		w.Key("scimType")
		w.String(string(e.Type))
	}
	w.Key("detail")
	w.String(e.Detail)
	w.Key("status")
	w.String(strconv.Itoa(e.Status))
	w.EndObject()
	return w.Buf
}

// List is a page of resources: start is the position of its first one from 1, and total how many there are in all.
func List(resources []jsonx.Raw, start, total int) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("schemas")
	w.Array()
	w.String(listResponse)
	w.EndArray()
	w.Key("totalResults")
	w.Int(int64(total))
	w.Key("startIndex")
	w.Int(int64(start))
	w.Key("itemsPerPage")
	w.Int(int64(len(resources)))
	w.Key("Resources")
	w.Raw(jsonx.Array(resources))
	w.EndObject()
	return w.Buf
}
