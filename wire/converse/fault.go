package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// Fault is a failed response.
type Fault = awserror.Fault

// FaultKind classifies a failed response.
type FaultKind = awserror.FaultKind

// Kinds of fault.
const (
	FaultException = awserror.FaultException
	FaultCut       = awserror.FaultCut
	FaultCorrupt   = awserror.FaultCorrupt
	FaultLarge     = awserror.FaultLarge
	FaultEmpty     = awserror.FaultEmpty
)

// DecodeFault reads a response with an error status; see awserror.Decode.
func DecodeFault(status int, errorType, requestID, retryAfter string, body []byte) *Fault {
	return awserror.Decode(status, errorType, requestID, retryAfter, body)
}

// Exception reads a frame that reports an error; see awserror.Exception.
func Exception(frame *eventstream.Frame) *Fault { return awserror.Exception(frame) }

// Ended interprets an error of a Decoder of frames; see awserror.Ended.
func Ended(err error, some, complete bool) error { return awserror.Ended(err, some, complete) }

// plain reads a JSON string into text; false if the value is not a string.
func plain(value jsonx.Raw, text *string) bool {
	return value.Kind() == '"' && jsonx.Unmarshal(value, text) == nil
}
