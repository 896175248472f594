// Package anthropic serves Claude by Anthropic's own API.
package anthropic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/claude"
	"outcrop/provider/modellist"
	"outcrop/provider/overrides"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// Facts of the API (https://platform.claude.com/docs/en/api/overview).
const (
	service = "Anthropic"
	origin  = "https://api.anthropic.com"
	version = "2023-06-01" // of the header anthropic-version
)

// oauthBeta is the beta without which the API refuses tokens of a login, which begin with oauthToken,
// and which it takes in the header Authorization (https://github.com/anthropics/claude-code).
const (
	oauthBeta  = "oauth-2025-04-20"
	oauthToken = "sk-ant-oat"
)

// Provider describes Anthropic's API.
func Provider() provider.Info {
	return provider.Info{
		Name:    "anthropic",
		Help:    "Anthropic's own API: Claude.",
		Options: sync.OnceValue(options),
		Configured: func(environ func(string) string) bool {
			return environ("ANTHROPIC_API_KEY") != "" || environ("ANTHROPIC_AUTH_TOKEN") != ""
		},
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return open(p, upstream.Anywhere)
		},
	}
}

// options are the settings that a deployment may have.
func options() []provider.Option {
	return append([]provider.Option{
		{Name: "api_key", Help: "API key, or the token of a login; default ANTHROPIC_API_KEY, then ANTHROPIC_AUTH_TOKEN.", Secret: true, ClientSettable: true},
		{Name: "api_base", Help: "URL of the API, instead of " + origin + "; default ANTHROPIC_API_BASE, then ANTHROPIC_BASE_URL.", ClientSettable: true},
	}, transport.Options()...)
}

// deployment is one model, or all behind a wildcard.
type deployment struct {
	params provider.Params
	client *upstream.Client
	host   *host
	listed *modellist.List
}

// host is the API with a key.
type host struct {
	message, count *url.URL
	models         *url.URL
	key            func() string // a function, because formatters print fields
	origin         string        // where the key comes from
	bearer         bool          // the key is a token for the header Authorization
}

// open opens a deployment. An invalid setting is a *provider.OptionError. A missing key is an error of
// each call, so that the other deployments can serve.
func open(p provider.Params, guard upstream.Guard) (*deployment, error) {
	p = p.WithDefaults()
	client, _, err := transport.Connect(p, guard)
	if err != nil {
		return nil, err
	}
	h, err := newHost(p)
	if err != nil {
		return nil, err
	}
	d := &deployment{params: p, client: client, host: h}
	d.listed = d.list()
	return d, nil
}

func newHost(p provider.Params) (*host, error) {
	base, from := p.Values["api_base"], "api_base"
	for _, name := range []string{"ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"} {
		if base == "" {
			base, from = p.Environ(name), name
		}
	}
	if base == "" {
		base = origin
	}
	u, err := transport.BaseURL(base)
	if err != nil {
		return nil, &provider.OptionError{Option: "api_base", Reason: transport.From(from, "api_base", err)}
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/messages"), "/v1") + "/v1/messages"
	h := &host{message: u, count: u.JoinPath("count_tokens"), models: u.JoinPath("..", "models")}
	key := p.Values["api_key"]
	h.origin = "api_key"
	if key == "" {
		key, h.origin = p.Environ("ANTHROPIC_API_KEY"), "ANTHROPIC_API_KEY"
	}
	h.bearer = strings.HasPrefix(key, oauthToken)
	if token := p.Environ("ANTHROPIC_AUTH_TOKEN"); key == "" && token != "" {
		key, h.origin, h.bearer = token, "ANTHROPIC_AUTH_TOKEN", true
	}
	if !transport.IsSecret(key) {
		return nil, &provider.OptionError{Option: "api_key", Reason: "the key has a space or a character that no header can carry; check for a line break at its end"}
	}
	h.key = func() string { return key }
	return h, nil
}

// Address is where an operation goes.
func (h *host) Address(op claude.Operation) *url.URL {
	if op == claude.Count {
		return h.count
	}
	return h.message
}

// Authorize adds the key and the version of the API.
func (h *host) Authorize(_ context.Context, header http.Header) ([]string, error) {
	header.Set("Anthropic-Version", version)
	key := h.key()
	switch {
	case key == "":
		return nil, missingKey()
	case !h.bearer:
		header.Set("X-Api-Key", key)
	default:
		header.Set("Authorization", "Bearer "+key)
		betas := header.Get("Anthropic-Beta")
		switch {
		case !strings.HasPrefix(key, oauthToken) || strings.Contains(betas, oauthBeta):
		case betas == "":
			header.Set("Anthropic-Beta", oauthBeta)
		default:
			header.Set("Anthropic-Beta", betas+","+oauthBeta)
		}
	}
	return []string{key}, nil
}

// Edits returns nil: bodies are Anthropic's.
func (h *host) Edits(claude.Operation) []jsonx.Edit { return nil }

// Refusal returns nil: all errors are in Anthropic's form.
func (h *host) Refusal(*upstream.Response, []byte, llm.Destination) *llm.Error { return nil }

func missingKey() *llm.Error {
	return &llm.Error{
		Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Message: "this model has no API key for Anthropic.",
		Fix: "Set api_key of the model, or the environment variable ANTHROPIC_API_KEY.",
	}
}

// Targets returns the one way to a model.
func (d *deployment) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	return []provider.Target{d.target(model, "messages")}, nil
}

func (d *deployment) target(model, api string) *claude.Target {
	return claude.New(claude.Options{
		Host: d.host, Client: d.client, Service: service, Model: model, Name: model,
		Destination: llm.Destination{Provider: "anthropic", API: api, ID: model, Note: d.params.Note},
		Location:    d.host.message.Host, Instance: d.instance(), Known: d.params.Facts(model),
	})
}

// instance is sent to addresses other than Anthropic's own.
func (d *deployment) instance() string {
	if d.host.message.Scheme+"://"+d.host.message.Host == origin {
		return ""
	}
	return d.params.Instance
}

// Ready returns nil if there is a key.
func (d *deployment) Ready(context.Context) error {
	if d.host.key() == "" {
		return missingKey()
	}
	return nil
}

// Doubts reports a missing key.
func (d *deployment) Doubts() []provider.Doubt {
	if d.host.key() != "" {
		return nil
	}
	return []provider.Doubt{{Option: "api_key", Message: "there is no API key for Anthropic", Hint: "set api_key, or the environment variable ANTHROPIC_API_KEY", Absent: true}}
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
	_, _ = f.Write([]byte("anthropic deployment of " + d.params.Model))
}

// Dialects are Anthropic's.
func (d *deployment) Dialects() []string { return []string{llm.DialectAnthropic} }

// Forward makes a request for Anthropic's API, in the version that the client asks for.
func (d *deployment) Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error) {
	root := *d.host.message
	root.Path, root.RawPath = strings.TrimSuffix(root.Path, "/v1/messages"), ""
	f := transport.Forwarding{
		Client: d.client, Service: service, Provider: "anthropic", Note: d.params.Note, Root: &root, Instance: d.instance(),
		Authorize: func(ctx context.Context, h http.Header) ([]string, error) {
			wanted := h.Get("Anthropic-Version")
			secrets, err := d.host.Authorize(ctx, h)
			if wanted != "" {
				h.Set("Anthropic-Version", wanted)
			}
			return secrets, err
		},
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
