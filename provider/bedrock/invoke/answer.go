package invoke

import (
	"errors"

	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/awserror"
)

// Tapped is what a response says of itself.
type Tapped struct {
	anthropic.Tapped
	// LatencyMs is AWS's own measurement; unset if it reported none.
	LatencyMs llm.Opt[int64]
}

// Whole reads the body of a response of InvokeModel with status 200. model is the client's name for
// the model; if it is empty, AWS's stays. The bytes of the body are unchanged otherwise. Anything
// that is not a message is a *awserror.Fault.
func Whole(body []byte, model string) (*anthropic.RawAnswer, error) {
	a, err := anthropic.ReadAnswer(body, model)
	switch failure, failed := errors.AsType[*anthropic.APIError](err); {
	case err == nil:
		return a, nil
	case failed:
		return nil, fault(failure, false)
	case errors.Is(err, anthropic.ErrEmpty), errors.Is(err, anthropic.ErrNotMessage):
		return nil, &awserror.Fault{Kind: awserror.FaultEmpty, Message: err.Error()}
	case errors.Is(err, anthropic.ErrManyValues):
		return nil, &awserror.Fault{Kind: awserror.FaultLarge, Message: err.Error()}
	default:
		return nil, corrupt(err)
	}
}

// Decode reads the body of a response of InvokeModel with status 200 in the common language.
// Anything that is not a message is a *awserror.Fault.
func Decode(body []byte) (*llm.Response, error) {
	if _, err := Whole(body, ""); err != nil {
		return nil, err
	}
	r, err := anthropic.DecodeResponse(body)
	if err != nil {
		return nil, corrupt(err)
	}
	return r, nil
}

func corrupt(err error) error {
	return &awserror.Fault{Kind: awserror.FaultCorrupt, Message: "the response cannot be decoded: " + err.Error(), Err: err}
}

// fault is an error in Anthropic's form as a failure of AWS's.
func fault(f *anthropic.APIError, inStream bool) *awserror.Fault {
	out := &awserror.Fault{Kind: awserror.FaultException, Message: f.Message, InStream: inStream}
	switch f.Type {
	case "invalid_request_error", "request_too_large":
		out.Type = "ValidationException"
	case "authentication_error", "permission_error", "billing_error":
		out.Type = "AccessDeniedException"
	case "not_found_error":
		out.Type = "ResourceNotFoundException"
	case "rate_limit_error":
		out.Type = "ThrottlingException"
	case "timeout_error":
		out.Type = "ModelTimeoutException"
	case "overloaded_error":
		out.Type = "ServiceUnavailableException"
	default:
		out.Type = "InternalServerException"
	}
	out.Status = awserror.Status(out.Type)
	return out
}
