// Package litellm reads what LiteLLM's proxy accepts in the body of a request of any kind, beside
// the members of the request's dialect: settings of the connection, additional headers, labels, the
// operator's parameters, and settings of LiteLLM's own client.
//
// The members are described at https://docs.litellm.ai/docs/proxy/clientside_auth,
// https://docs.litellm.ai/docs/completion/drop_params and
// https://docs.litellm.ai/docs/proxy/request_headers.
package litellm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Options change how a body is decoded.
type Options struct {
	// Model, if not empty, replaces the body's model, as in /openai/deployments/{model}/embeddings.
	Model string
	// DropParams reports whether, for a model, unsupported parameters are dropped with a warning
	// instead of being refused. Nil means no.
	DropParams func(model string) bool
	// AllowClientSettings reports whether, for a model, clients may supply connection settings such
	// as api_key; the deployment decides which. Nil means no.
	AllowClientSettings func(model string) bool
	// Parameters returns, for a model, members that are added to bodies without them. Nil means
	// none.
	Parameters func(model string) []jsonx.Member
}

// Bounds on one request, so that its decoded form stays within a few times the body's size.
const (
	maxValues = 500_000    // members and elements in the whole body
	maxFields = 1024       // members that the dialect does not name
	maxModel  = 2048 + 128 // AWS's bound on model ids, in bytes; LiteLLM's prefixes are short
)

// CheckBody refuses a body with too many values, before any of them is decoded.
func CheckBody(body []byte) error {
	if jsonx.ManyValues(body, maxValues) {
		return llm.Invalid("", "the request body has too many values (limit %d)", maxValues)
	}
	return nil
}

// CheckModel refuses a request without a model, or with one of excessive length.
func CheckModel(model string) error {
	switch {
	case model == "":
		return llm.Invalid("model", "model is required and must not be empty")
	case len(model) > maxModel:
		return llm.Invalid("model", "model must be at most %d bytes long, not %d", maxModel, len(model))
	default:
		return nil
	}
}

// Decode decodes a body into v, after the operator's parameters have been added and the members
// removed that additional_drop_params names. It returns a warning for each removed member. Its error
// is an *llm.Error with status 400 that names the field.
func Decode(body []byte, opt *Options, v any) ([]llm.Warning, error) {
	if err := CheckBody(body); err != nil {
		return nil, err
	}
	p, err := opt.AddParameters(body)
	if err != nil {
		return nil, err
	}
	names, err := dropped(p.Body)
	if err != nil {
		return nil, err
	}
	warnings := p.Warnings
	if names != nil {
		found, err := p.Drop(names)
		if err != nil {
			return nil, err
		}
		warnings = append(found, warnings...)
	}
	return warnings, Unmarshal(p.Body, v)
}

// Unmarshal decodes a JSON value. Its error is an *llm.Error with status 400 that names the field.
func Unmarshal(data []byte, v any) error { return DecodeError(jsonx.Unmarshal(data, v)) }

// DecodeError is an error of jsonx about a request's body as an *llm.Error with status 400 that names
// the field; nil for nil.
func DecodeError(err error) error {
	if err == nil {
		return nil
	}
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return llm.Invalid("", "the request body cannot be decoded: %v", err)
	}
	switch {
	case e.Syntax && e.Path != "":
		return llm.Invalid(e.Path, "the request body is not valid JSON: %s, at %s (byte %d)", e.Reason, e.Path, e.Offset)
	case e.Syntax:
		return llm.Invalid("", "the request body is not valid JSON: %s (byte %d)", e.Reason, e.Offset)
	case e.Path == "":
		return llm.Invalid("", "the request body %s (JSON object expected)", e.Reason)
	default:
		return llm.Invalid(e.Path, "%s %s", e.Path, e.Reason)
	}
}

// dropList is the member that names members to remove.
const dropList = "additional_drop_params"

// dropped returns the names in additional_drop_params; nil if there is no such member.
func dropped(body []byte) ([]string, error) {
	if !bytes.Contains(body, []byte(`"`+dropList+`"`)) || !jsonx.Valid(body) {
		return nil, nil // decoding reports what is wrong with it
	}
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, DecodeError(err)
	}
	list := jsonx.Find(members, dropList)
	if list == nil {
		return nil, nil
	}
	names := []string{}
	if list.Kind() != 'n' && jsonx.Unmarshal(list, &names) != nil {
		return nil, llm.Invalid(dropList, "%s must be an array of strings", dropList)
	}
	return names, nil
}

// FaultAt makes an error about an element of the array that is being decoded, for use inside
// UnmarshalJSONFrom.
func FaultAt(index int, format string, args ...any) error {
	return &jsonx.Error{Path: "[" + strconv.Itoa(index) + "]", Reason: fmt.Sprintf(format, args...)}
}

// Optional is a member that may be absent or null.
type Optional[T any] struct{ llm.Opt[T] }

// UnmarshalJSONFrom decodes the value; null leaves the setting unset.
func (o *Optional[T]) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	o.Set = true
	return jsonx.UnmarshalDecode(d, &o.Value)
}
