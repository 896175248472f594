package converse

import (
	"outcrop/internal/jsonx"
	"outcrop/wire/awserror"
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

// plain reads a JSON string into text; false if the value is not a string.
func plain(value jsonx.Raw, text *string) bool {
	return value.Kind() == '"' && jsonx.Unmarshal(value, text) == nil
}
