package files

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
	wire "outcrop/wire/openaiapi"
)

// kept is how long it is remembered to whom something belongs.
const kept = 366 * 24 * time.Hour

// choice is how a request names the account that it is for, in LiteLLM's words.
type choice struct {
	model, provider string
	field           string // that the client has set
}

// choose reads the names of a request: given are those of its body, by member.
func (x *exchange) choose(given map[string]string) (choice, error) {
	query := x.r.URL.Query()
	var c choice
	for _, from := range []struct {
		field, value string
		provider     bool
	}{
		{"target_model_names", given["target_model_names"], false},
		{"model", given["model"], false},
		{"model", query.Get("model"), false},
		{"target_model_names", query.Get("target_model_names"), false},
		{"x-litellm-model", x.r.Header.Get("X-Litellm-Model"), false},
		{"custom_llm_provider", given["custom_llm_provider"], true},
		{"custom-llm-provider", x.r.Header.Get("Custom-Llm-Provider"), true},
		{"provider", query.Get("provider"), true},
		{"custom_llm_provider", query.Get("custom_llm_provider"), true},
	} {
		value := strings.TrimSpace(from.value)
		switch {
		case value == "":
		case from.provider && c.provider == "":
			c.provider, c.field = value, from.field
		case !from.provider && c.model == "":
			if strings.Contains(value, ",") {
				e := llm.Unsupported(from.field, "%s names several models, but a file is kept at one provider", from.field)
				e.Fix = "Name one model, and send a request for each provider."
				return c, e
			}
			c.model, c.field = value, from.field
		}
	}
	return c, nil
}

// account is where a request without an id goes.
func (x *exchange) account(c choice) (wire.ID, error) {
	found, ok := x.h.Gateway.Account(x.h.dialect, c.model, c.provider)
	if ok {
		return wire.ID{Model: found.Model, Deployment: found.Deployment}, nil
	}
	var e *llm.Error
	switch {
	case c.model != "" && !x.h.Gateway.Serves(c.model):
		e = llm.Invalid("model", "the model %q is not configured", llm.Clip(c.model, 200))
		e.Code, e.Status = llm.CodeModelNotFound, http.StatusNotFound
		e.Fix = "GET /v1/models lists the configured names."
		return wire.ID{}, e
	case c.model != "":
		e = llm.Unsupported(c.field, "no provider of the model %q has the API %s", llm.Clip(c.model, 200), "/v1/"+x.h.dialect)
	case c.provider != "":
		e = llm.Unsupported(c.field, "no configured model is of a provider %q that has the API %s", llm.Clip(c.provider, 100), "/v1/"+x.h.dialect)
	default:
		e = llm.Unsupported("", "no configured model's provider has the API %s", "/v1/"+x.h.dialect)
	}
	e.Code = llm.CodeFeature
	e.Fix = "Use a model of a provider that has it; the page openai-api.md of the documentation lists them."
	return wire.ID{}, e
}

// identify finds out what an id of the client's means. Ids of the provider's own, which clients may know
// from elsewhere, need the account's name, and are only for a client with the master key. param is the
// field of the body that has the id; empty if it is in the path.
func (x *exchange) identify(kind, text, param string, c choice) (wire.ID, error) {
	owner := x.call.Caller().Identity
	id, ok := wire.ParseID(kind, text)
	if ok {
		if owner == "" {
			return id, nil
		}
		s, err := x.h.keeper.Store(x.r.Context())
		if err == nil {
			err = s.OwnsObject(x.r.Context(), owner, kind, text)
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			return id, unknown(kind, text, param)
		case err != nil:
			return id, unreadable(err)
		}
		return id, nil
	}
	if owner != "" || !wire.IsID(text) {
		return id, unknown(kind, text, param)
	}
	id, err := x.account(c)
	id.Kind, id.Own = kind, text
	return id, err
}

// unknown is the error for an id that is none of the client's.
func unknown(kind, text, param string) error {
	what := "file"
	if kind == wire.KindBatch {
		what = "batch"
	}
	e := &llm.Error{
		Code: llm.CodeStateNotFound, Status: http.StatusNotFound, Param: param,
		Message: "there is no " + what + " " + string(jsonx.AppendString(nil, llm.Clip(text, 128))) + ".",
		Fix:     "Send the id as the gateway has given it, with the same key.",
	}
	if param != "" { // a field of a valid request for something else
		e.Status = http.StatusBadRequest
	}
	return e
}

// unreadable is the error of a store that cannot be used.
func unreadable(err error) error {
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusInternalServerError, Message: "the gateway's database cannot be used; look for this x-request-id in the gateway's log.", Err: err}
}

// owned remembers that things belong to the caller. For a client with the master key nothing needs to be
// remembered.
func (x *exchange) owned(kind string, ids ...string) error {
	owner := x.call.Caller().Identity
	if owner == "" {
		return nil
	}
	s, err := x.h.keeper.Store(x.r.Context())
	for _, id := range ids {
		if err == nil && id != "" {
			err = s.PutObject(x.r.Context(), owner, kind, id, x.h.now().Add(kept))
		}
	}
	if err != nil {
		return unreadable(err)
	}
	return nil
}

// keeps is which elements of a list the caller gets; nil for all.
func (x *exchange) keeps() (func(id string) bool, error) {
	owner := x.call.Caller().Identity
	if owner == "" {
		return nil, nil //nolint:nilnil // nothing is left out
	}
	s, err := x.h.keeper.Store(x.r.Context())
	if err != nil {
		return nil, unreadable(err)
	}
	return func(id string) bool { return s.OwnsObject(x.r.Context(), owner, x.h.kind, id) == nil }, nil
}

// forwarded is the query for the provider: the client's, without what names the account, and with ids as
// the provider has them.
func (x *exchange) forwarded(c choice) (string, wire.ID, error) {
	query := x.r.URL.Query()
	for _, name := range [...]string{"model", "target_model_names", "provider", "custom_llm_provider", "api-version"} {
		query.Del(name)
	}
	var at wire.ID
	if after := query.Get("after"); after != "" {
		id, ok := wire.ParseID(x.h.kind, after) // where to go on, whoever's it is
		if !ok {
			var err error
			if id, err = x.identify(x.h.kind, after, "after", c); err != nil {
				return "", at, err
			}
		}
		query.Set("after", id.Own)
		at = id
	}
	return query.Encode(), at, nil
}
