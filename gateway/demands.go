package gateway

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Demands are what the bodies of requests must and must not have, whatever their dialect (LiteLLM 1.110.2,
// litellm/proxy/auth/auth_checks.py and litellm_pre_call_utils.py).
type Demands struct {
	// User is whether they must have user: general_settings.enforce_user_param.
	User bool
	// Members are those that they must have, such as user or metadata.generation_name: general_settings.enforced_params.
	// ServiceMembers are for keys of service accounts besides: general_settings.service_account_settings.
	Members, ServiceMembers []string
	// NoTags is whether metadata.tags is refused: general_settings.reject_clientside_metadata_tags.
	NoTags bool
}

// Demand checks a request's body against what the operator and the caller's key demand. A body that cannot be read is left
// to its dialect. The error is an *llm.Error with LiteLLM's status.
func (c *Call) Demand(contentType string, body []byte) error {
	d, own, service := c.set.Demands, []string(nil), false
	if t := c.caller.tenant; t != nil {
		own, service = t.Demands()
	}
	if !d.User && !d.NoTags && len(d.Members)+len(own) == 0 && (!service || len(d.ServiceMembers) == 0) {
		return nil
	}
	members, ok := fieldsOf(contentType, body)
	if !ok {
		return nil
	}
	if d.NoTags && memberOf(jsonx.Find(members, "metadata"), "tags") {
		return &llm.Error{
			Code: llm.CodeBadRequest, Status: 400, Class: "bad_request_error", Param: "metadata.tags", Message: "Client-side 'metadata.tags' not allowed in request.",
			Fix: "Tags are those of the key and of its team (general_settings.reject_clientside_metadata_tags).",
		}
	}
	if d.User && jsonx.Find(members, "user") == nil {
		return missing("user", "'user' param not passed in. 'enforce_user_param'=True")
	}
	if !service {
		d.ServiceMembers = nil
	}
	for _, list := range [...][]string{d.Members, d.ServiceMembers, own} {
		for _, name := range list {
			first, second, nested := strings.Cut(name, ".")
			switch v := jsonx.Find(members, first); {
			case v == nil:
				return missing(first, "BadRequest please pass param="+first+" in request body. This is a required param")
			case nested && !memberOf(v, second):
				return missing(name, "BadRequest please pass param=["+first+"]["+second+"] in request body. This is a required param")
			}
		}
	}
	return nil
}

// missing is the refusal of a body without a member.
func missing(name, message string) *llm.Error {
	return &llm.Error{Code: llm.CodeUnauthorized, Status: 401, Class: "auth_error", Param: name, Message: message + ".", Fix: "Send " + name + "; the gateway's operator demands it of all requests with this key."}
}

// memberOf reports whether a value is an object with a member. Forms have objects as texts.
func memberOf(v jsonx.Raw, name string) bool {
	if v.Kind() == '"' {
		v = jsonx.Raw(jsonx.Word(v))
	}
	members, err := jsonx.Members(v)
	return err == nil && jsonx.Find(members, name) != nil
}

// longestField bounds what is read of a form's field that is no file.
const longestField = 1 << 20

// fieldsOf are the members of a JSON object, or the fields of a form with their texts.
func fieldsOf(contentType string, body []byte) (members []jsonx.Member, ok bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		members, err := jsonx.Members(body)
		return members, err == nil
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return members, errors.Is(err, io.EOF)
		}
		value := jsonx.Raw("true") // of a file
		if part.FileName() == "" {
			text, err := io.ReadAll(io.LimitReader(part, longestField))
			if err != nil {
				return nil, false
			}
			value = jsonx.AppendString(nil, strings.ToValidUTF8(string(text), "\uFFFD"))
		}
		members = append(members, jsonx.Member{Name: part.FormName(), Value: value})
	}
}
