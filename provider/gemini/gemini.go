// Package gemini serves Gemini models by Google AI Studio's API.
package gemini

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/genai"
	"outcrop/provider/modellist"
	"outcrop/provider/overrides"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// Facts of the API (https://ai.google.dev/api).
const (
	service = "Google AI Studio"
	origin  = "https://generativelanguage.googleapis.com"
	version = "v1beta"
)

// Provider describes Google AI Studio.
func Provider() provider.Info {
	return provider.Info{
		Name:    "gemini",
		Help:    "Google AI Studio: Gemini with an API key.",
		Options: sync.OnceValue(options),
		Configured: func(environ func(string) string) bool {
			return environ("GEMINI_API_KEY") != "" || environ("GOOGLE_API_KEY") != ""
		},
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return open(p, upstream.Anywhere)
		},
	}
}

// options are the settings that a deployment may have.
func options() []provider.Option {
	return append([]provider.Option{
		{Name: "api_key", Help: "API key; default GEMINI_API_KEY, then GOOGLE_API_KEY.", Secret: true, ClientSettable: true},
		{Name: "api_base", Help: "URL of the API, instead of " + origin + "; default GEMINI_API_BASE. The version follows it unless it has one.", ClientSettable: true},
	}, transport.Options()...)
}

// deployment is one model, or all behind a wildcard.
type deployment struct {
	params provider.Params
	client *upstream.Client
	base   *url.URL
	key    func() string // a function, because formatters print fields
	origin string        // where the key comes from
	listed *modellist.List
}

// open opens a deployment. An invalid setting is a *provider.OptionError. A missing key is an error of
// each call, so that the other deployments can serve.
func open(p provider.Params, guard upstream.Guard) (*deployment, error) {
	p = p.WithDefaults()
	client, _, err := transport.Connect(p, guard)
	if err != nil {
		return nil, err
	}
	base, from := p.Values["api_base"], "api_base"
	if base == "" {
		base, from = cmp.Or(p.Environ("GEMINI_API_BASE"), origin), "GEMINI_API_BASE"
	}
	u, err := transport.BaseURL(base)
	if err != nil {
		return nil, &provider.OptionError{Option: "api_base", Reason: transport.From(from, "api_base", err)}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if last := u.Path[strings.LastIndexByte(u.Path, '/')+1:]; last != "v1" && last != "v1beta" && last != "v1alpha" {
		u.Path += "/" + version
	}
	key, keyFrom := p.Values["api_key"], "api_key"
	for _, name := range []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"} {
		if key == "" {
			key, keyFrom = p.Environ(name), name
		}
	}
	if !transport.IsSecret(key) {
		return nil, &provider.OptionError{Option: "api_key", Reason: "the key has a space or a character that no header can carry; check for a line break at its end"}
	}
	d := &deployment{params: p, client: client, base: u, key: func() string { return key }, origin: keyFrom}
	d.listed = d.list()
	return d, nil
}

// host is the API for one model.
type host struct {
	d     *deployment
	model string
}

// Address is where an operation goes.
func (h *host) Address(operation string) *url.URL {
	u := h.d.base.JoinPath("models", url.PathEscape(h.model)+":"+operation)
	if operation == genai.Stream {
		u.RawQuery = "alt=sse"
	}
	return u
}

// Authorize adds the key.
func (h *host) Authorize(_ context.Context, header http.Header) ([]string, error) {
	key := h.d.key()
	if key == "" {
		return nil, missingKey()
	}
	header["X-Goog-Api-Key"] = []string{key}
	return []string{key}, nil
}

// Refused reports false: there is one key.
func (*host) Refused() bool { return false }

func missingKey() *llm.Error {
	return &llm.Error{
		Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Message: "this model has no API key for " + service + ".",
		Fix: "Set api_key of the model, or the environment variable GEMINI_API_KEY.",
	}
}

// Targets returns the one way to a model.
func (d *deployment) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	model = strings.TrimPrefix(model, "models/")
	if model == "" || strings.ContainsAny(model, "/?#%:") {
		return nil, llm.Invalid("model", "model %q is not the name of a Gemini model; write it like gemini-2.5-pro", llm.Clip(model, 100))
	}
	return []provider.Target{d.target(model)}, nil
}

func (d *deployment) target(model string) *genai.Target {
	return genai.New(genai.Options{
		Host: &host{d, model}, Client: d.client, Service: service, Model: model, Resource: "models/" + model,
		Destination: llm.Destination{Provider: "gemini", ID: model, Note: d.params.Note}, Location: d.base.Host, Instance: d.instance(),
	})
}

// instance is sent to addresses other than Google's own.
func (d *deployment) instance() string {
	if d.base.Scheme+"://"+d.base.Host == origin {
		return ""
	}
	return d.params.Instance
}

// Ready returns nil if there is a key.
func (d *deployment) Ready(context.Context) error {
	if d.key() == "" {
		return missingKey()
	}
	return nil
}

// Doubts reports a missing key, and a model that Google has shut down.
func (d *deployment) Doubts() []provider.Doubt {
	var doubts []provider.Doubt
	if doubt := genai.Retired(d.params.Model); doubt != nil {
		doubts = append(doubts, *doubt)
	}
	if d.key() != "" {
		return doubts
	}
	return append(doubts, provider.Doubt{Option: "api_key", Message: "there is no API key for " + service, Hint: "set api_key, or the environment variable GEMINI_API_KEY", Absent: true})
}

// WithOverrides returns the deployment with a request's api_key and api_base. It is made for the
// request: nothing has to be opened.
func (d *deployment) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	p, guard, err := overrides.Keyed(d.params, options(), nil, access)
	if err != nil {
		return nil, nil, err
	}
	made, err := open(p, guard)
	if err != nil {
		return nil, nil, overrides.AsRequests(err)
	}
	return made, func() {}, nil
}

// Format writes the model string for every verb, because the settings contain secrets.
func (d *deployment) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("gemini deployment of " + d.params.Model))
}

// Dialects are Gemini's.
func (d *deployment) Dialects() []string { return []string{llm.DialectGemini} }

// Forward makes a request for Google AI Studio's API, whose paths begin with a version.
func (d *deployment) Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error) {
	root := *d.base
	root.Path, root.RawPath = root.Path[:strings.LastIndexByte(root.Path, '/')], ""
	f := transport.Forwarding{
		Client: d.client, Service: service, Provider: "gemini", Note: d.params.Note, Root: &root, Instance: d.instance(),
		Authorize: (&host{d: d}).Authorize,
	}
	return f.Forward(ctx, req)
}

// Close does nothing: there is no background work.
func (d *deployment) Close() error { return nil }

var (
	_ provider.Overridable = (*deployment)(nil)
	_ provider.Readier     = (*deployment)(nil)
	_ provider.Speaker     = (*deployment)(nil)
	_ provider.Forwarder   = (*deployment)(nil)
)
