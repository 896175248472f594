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
	"slices"
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

// Decode decodes a body into v, after the operator's parameters have been added and the members
// removed that additional_drop_params names. It returns a warning for each removed member. Its error
// is an *llm.Error with status 400 that names the field.
func Decode(body []byte, opt *Options, v any) ([]llm.Warning, error) {
	if jsonx.ManyValues(body, maxValues) {
		return nil, llm.Invalid("", "the request body has too many values (limit %d)", maxValues)
	}
	body, warnings, err := opt.prepare(body)
	if err != nil {
		return nil, err
	}
	return warnings, invalid(jsonx.Unmarshal(body, v))
}

// Unmarshal decodes a JSON value. Its error is an *llm.Error with status 400 that names the field.
func Unmarshal(data []byte, v any) error { return invalid(jsonx.Unmarshal(data, v)) }

func invalid(err error) error {
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

// prepare returns the body with the operator's parameters that it does not set itself, and without
// what additional_drop_params names.
func (o *Options) prepare(body []byte) ([]byte, []llm.Warning, error) {
	if o.Parameters == nil && !bytes.Contains(body, []byte(`"`+dropList+`"`)) {
		return body, nil, nil
	}
	if !jsonx.Valid(body) {
		return body, nil, nil // decoding reports what is wrong with it
	}
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, nil, invalid(err)
	}
	if o.Parameters != nil {
		for _, p := range o.Parameters(o.model(members)) {
			if jsonx.Find(members, p.Name) == nil {
				members = append(members, p)
			}
		}
	}
	var drop []string
	if list := jsonx.Find(members, dropList); list != nil && list.Kind() != 'n' {
		if jsonx.Unmarshal(list, &drop) != nil {
			return nil, nil, llm.Invalid(dropList, "%s must be an array of strings", dropList)
		}
	}
	var warnings []llm.Warning
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+256)}
	w.Object()
	for _, m := range members {
		switch {
		case m.Name == dropList:
		case m.Name != "model" && slices.Contains(drop, m.Name):
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: m.Name})
		default:
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf, warnings, nil
}

// model is the model that the request names; empty if there is none.
func (o *Options) model(members []jsonx.Member) string {
	name := o.Model
	if name == "" {
		_ = jsonx.Unmarshal(jsonx.Find(members, "model"), &name) // decoding reports what is wrong with it
	}
	return name
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
