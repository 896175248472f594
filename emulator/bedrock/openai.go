package bedrock

import (
	"net/http"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
)

// This file says what OpenAI's APIs have in common: which host a request is for, which model it calls,
// and how it is refused.

// Operations of OpenAI's APIs; the names are the emulator's own.
const (
	createResponse = "CreateResponse"
	createChat     = "CreateChatCompletion"
	listModels     = "ListModels"
)

func (c *call) speaksOpenAI() bool {
	return slices.Contains([]string{createResponse, createChat, listModels}, c.operation.name)
}

// prefix begins the service's IAM actions.
func (s service) prefix() string {
	if s == serviceMantle {
		return string(s)
	}
	return "bedrock"
}

// place finds out which host a request of OpenAI's APIs is for. The Host says so, or the service in the
// scope of the signature. A request with an API key at any other host is for the host that has the
// model by this name: bedrock-runtime has profiles, and bedrock-mantle all others.
func (e *Emulator) place(c *call) {
	if !c.speaksOpenAI() {
		return
	}
	model := word(memberOf(c.body, "model"))
	c.parameter = model
	if c.operation.name == listModels {
		return
	}
	labels := strings.Split(c.request.Host, ".")
	_, _, scoped := scopeOf(c.request.Header.Get("Authorization"))
	switch {
	case slices.Contains(labels, "bedrock-mantle"):
		c.operation.service = serviceMantle
	case slices.ContainsFunc(labels, func(label string) bool { return strings.HasPrefix(label, "bedrock-runtime") }):
	case scoped == string(serviceMantle):
		c.operation.service = serviceMantle
	case scoped == "" && (c.atMantle(model) || c.catalogue.Model(model) == nil && !c.profile(model)):
		c.operation.service = serviceMantle
	}
	if c.operation.service == serviceMantle {
		c.operation.resource = ""
		// The form of recorded ids.
		c.Header().Set("x-amzn-requestid", "req_"+strings.ReplaceAll(c.id, "-", ""))
		c.Header().Set("x-request-id", "req_"+strings.ReplaceAll(c.id, "-", ""))
	}
}

// profile reports whether an id is that of a profile in some region.
func (c *call) profile(id string) bool {
	_, base, _ := strings.Cut(id, ".")
	return c.catalogue.Model(base) != nil
}

// atMantle reports whether bedrock-mantle has a model by this id in some region.
func (c *call) atMantle(id string) bool {
	return slices.ContainsFunc(c.catalogue.All(), func(m *catalogue.Model) bool { return m.Mantle.ID == id })
}

// streams reports whether the body asks for a stream.
func (c *call) streams() bool { return string(memberOf(c.body, "stream")) == "true" }

// inference is the permission for a call at bedrock-mantle: calls belong to projects, and there are no ARNs
// of models (Service Authorization Reference, "Actions, resources, and condition keys for Amazon Bedrock
// Powered by AWS Mantle").
func (e *Emulator) inference(c *call) requirement {
	return requirement{
		action:   c.action(),
		resource: "arn:" + partition(c.region) + ":bedrock-mantle:" + c.region + ":" + e.options.Account + ":project/default",
	}
}

// identifyOpenAI returns the model of a call of OpenAI's APIs. has reports whether the host has the API for
// a model.
func (e *Emulator) identifyOpenAI(c *call, has func(*catalogue.Model) bool) (*catalogue.Model, error) {
	var m *catalogue.Model
	if c.operation.service == serviceMantle {
		all := c.catalogue.AtMantle(c.region)
		at := slices.IndexFunc(all, func(m *catalogue.Model) bool { return m.Mantle.ID == c.parameter })
		if at < 0 {
			return nil, &refusal{
				status: http.StatusNotFound, kind: "ResourceNotFoundException", code: "model_not_found",
				message: "The model '" + c.parameter + "' does not exist",
			}
		}
		m = all[at]
	} else {
		var err error
		if m, err = e.identify(c); err != nil {
			return nil, err
		}
	}
	if !has(m) {
		return nil, invalid("The model '%s' does not support the '%s' API", c.parameter, strings.TrimPrefix(c.request.URL.Path, "/openai"))
	}
	return m, e.admit(c, m)
}

// listModels lists the models that bedrock-mantle has in the region.
func (e *Emulator) listModels(c *call) error {
	w := jsonx.Writer{}
	w.Object()
	w.Key("object")
	w.Word("list")
	w.Key("data")
	w.Array()
	for _, m := range c.catalogue.AtMantle(c.region) {
		maker, _, _ := strings.Cut(m.Mantle.ID, ".")
		w.Object()
		w.Key("id")
		w.String(m.Mantle.ID)
		w.Key("object")
		w.Word("model")
		w.Key("created")
		w.Int(m.Start.Unix())
		w.Key("owned_by")
		w.String(maker)
		w.Key("status")
		w.Word("available")
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// openAIError returns the code and the type of a refusal in OpenAI's form. Those of an invalid request are from
// public reports, the others are an assumption.
func openAIError(r *refusal) (code, kind string) {
	code = r.code
	switch r.status {
	case http.StatusUnauthorized:
		code, kind = "invalid_api_key", "authentication_error"
	case http.StatusForbidden:
		code, kind = "access_denied", "permission_denied_error"
	case http.StatusTooManyRequests:
		code, kind = "rate_limit_exceeded", "rate_limit_error"
	default:
		kind = "invalid_request_error"
		if r.status >= http.StatusInternalServerError || r.status == http.StatusRequestTimeout || r.status == http.StatusFailedDependency {
			code, kind = "server_error", "server_error"
		}
	}
	if code == "" {
		code = "validation_error"
	}
	return code, kind
}

// refuseOpenAI writes an error in OpenAI's form.
func (c *call) refuseOpenAI(r *refusal) {
	unknown := *r
	if c.operation.service == serviceMantle && slices.Contains([]string{"InvalidSignatureException", "UnrecognizedClientException", "MissingAuthenticationTokenException", "IncompleteSignatureException", "ExpiredTokenException"}, r.kind) {
		unknown.status = http.StatusUnauthorized
	}
	c.Header().Set("Content-Type", "application/json")
	c.WriteHeader(unknown.status)
	_, _ = c.Write(openAIErrorBody(&unknown)) // the client has disconnected
}

// openAIErrorBody is a refusal in OpenAI's form.
func openAIErrorBody(r *refusal) []byte {
	code, kind := openAIError(r)
	w := jsonx.Writer{}
	w.Object()
	w.Key("error")
	w.Object()
	w.Key("code")
	w.String(code)
	w.Key("message")
	w.String(r.message)
	w.Key("param")
	w.StringOrNull(r.param)
	w.Key("type")
	w.Word(kind)
	w.EndObject()
	w.EndObject()
	return w.Buf
}
