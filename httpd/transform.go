package httpd

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Preview shows what providers would get, without a call of theirs.
type Preview interface {
	// Calls are the kinds of calls that can be shown, by LiteLLM's names of its functions.
	Calls() []string
	// Request returns what the provider would get for the body of a call of a kind. The error is an *llm.Error that says why
	// there is no request.
	Request(ctx context.Context, call string, body jsonx.Raw) (*Outgoing, error)
	// Parameters are those of OpenAI's chat completions that have an effect on what a model gets.
	Parameters(ctx context.Context, model string) ([]string, error)
}

// Outgoing is a request that a provider would get, with its credentials.
type Outgoing struct {
	URL    string
	Header http.Header
	Body   []byte
}

// supportedParameters lists the parameters of a model, as LiteLLM's path of this name does.
func (s *server) supportedParameters(w http.ResponseWriter, r *http.Request) {
	model := r.URL.Query().Get("model")
	if model == "" {
		s.refuse(w, r, unprocessable("model", "model must be given in the query, such as ?model=gpt-4o."))
		return
	}
	names, err := s.opt.Preview.Parameters(r.Context(), model)
	if err != nil {
		e := llm.Invalid("model", "Could not map model=%s: %s", printable(model), llm.AsError(err).Message)
		e.Fix = "GET /v1/models lists the names that can be called; the model has to be one for chats."
		s.refuse(w, r, e)
		return
	}
	var out jsonx.Writer
	out.Object()
	out.Key("supported_openai_params")
	out.Array()
	for _, name := range names {
		out.String(name)
	}
	out.EndArray()
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// unprocessable is the refusal of a request without a field that it needs, with LiteLLM's status.
func unprocessable(param, message string) *llm.Error {
	e := llm.Invalid(param, "%s", message)
	e.Status = http.StatusUnprocessableEntity
	return e
}

// transformRequest shows what the provider would get, as LiteLLM's path of this name does. As there, a call that comes to no
// request is no failure of the path, and has its reason in error.
func (s *server) transformRequest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxConnection))
	if err != nil {
		s.refuse(w, r, llm.Invalid("", "the body cannot be read, or is larger than 1 MiB"))
		return
	}
	inbound.Unread(w, r)
	call, request, refusal := s.transformed(body)
	if refusal != nil {
		s.refuse(w, r, refusal)
		return
	}
	var out jsonx.Writer
	out.Object()
	sent, err := s.opt.Preview.Request(r.Context(), call, request)
	if err == nil {
		sent.write(&out)
	}
	out.Key("error")
	if err == nil {
		out.Null()
	} else {
		out.String(llm.AsError(err).Message)
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// transformed reads the body.
func (s *server) transformed(body []byte) (call string, request jsonx.Raw, refusal *llm.Error) {
	var asked struct {
		Call jsonx.Raw `json:"call_type"`
		Body jsonx.Raw `json:"request_body"`
	}
	if err := jsonx.Unmarshal(body, &asked); err != nil {
		return "", nil, unprocessable("", "the request body is not valid: "+err.Error())
	}
	call = jsonx.Word(asked.Call)
	if kinds := s.opt.Preview.Calls(); !slices.Contains(kinds, call) {
		return "", nil, unprocessable("call_type", "call_type must be one of "+strings.Join(kinds, ", ")+", not "+printable(call)+".")
	}
	if asked.Body.Kind() != '{' {
		return "", nil, unprocessable("request_body", "request_body must be given: an object, such as the body of a request to /v1/chat/completions.")
	}
	return call, asked.Body, nil
}

// write writes the request without its credentials.
func (o *Outgoing) write(out *jsonx.Writer) {
	out.Key("raw_request_api_base")
	out.String(maskedAddress(o.URL))
	out.Key("raw_request_body")
	if _, err := jsonx.Members(o.Body); err == nil {
		out.Raw(o.Body)
	} else {
		out.Object()
		out.Key("error")
		out.String("the request's body is not a JSON object")
		out.EndObject()
	}
	out.Key("raw_request_headers")
	out.Object()
	names := make([]string, 0, len(o.Header))
	for name := range o.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.AnyKey(name)
		value := strings.Join(o.Header[name], ", ")
		if confidential(name) {
			value = mask
		}
		out.String(value)
	}
	out.EndObject()
}

// mask stands for a secret. LiteLLM leaves the ends of long ones; two letters of a key are two too many.
const mask = "*****"

// confidential reports whether a header or a member of a query with a name may be a secret.
func confidential(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "token", "key", "secret", "credential", "passw", "cookie", "signature"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// maskedAddress is an address without secrets.
func maskedAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return mask
	}
	if u.User != nil {
		u.User = url.User(mask)
	}
	if query := u.Query(); len(query) > 0 {
		hidden := false
		for name := range query {
			if confidential(name) {
				query[name], hidden = []string{mask}, true
			}
		}
		if hidden {
			u.RawQuery = query.Encode()
		}
	}
	return u.String()
}
