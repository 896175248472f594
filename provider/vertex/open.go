package vertex

import (
	"context"
	_ "embed"
	"net/http"
	"net/url"
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/genai"
	"outcrop/provider/openaicompat"
	"outcrop/upstream"
)

//go:embed open.json
var openFile []byte

//go:embed mistral.json
var mistralFile []byte

// openName is the name of an open model: its publisher's name and its own.
var openName = lazyregexp.New(`^[a-z][a-z0-9-]{1,60}/[A-Za-z0-9][A-Za-z0-9_.@-]{0,120}$`)

// isMistral reports whether a model is Mistral's, which has an API of its own.
func isMistral(model string) bool {
	return strings.HasPrefix(model, "mistralai/") || strings.HasPrefix(model, "mistral-") || strings.HasPrefix(model, "codestral")
}

// ownName is a model string without the publisher of Gemini and Claude, whose APIs do not name it.
func ownName(model string) string {
	for _, prefix := range [...]string{"google/gemini-", "anthropic/claude-", "google/text-"} {
		if strings.HasPrefix(model, prefix) {
			return model[strings.IndexByte(model, '/')+1:]
		}
	}
	return model
}

// isOpen reports whether a model has OpenAI's API here.
func isOpen(model string) bool {
	if isMistral(model) { // the path has the name
		return modelName.MatchString(strings.TrimPrefix(model, "mistralai/"))
	}
	return openName.MatchString(model)
}

// openDeployment makes the deployment that calls open models, or those of Mistral, by OpenAI's API.
func (d *deployment) openDeployment(v *openaicompat.Vendor, mistral bool) *openaicompat.Deployment {
	p := d.params
	p.Instance = d.instance()
	return openaicompat.Open(p, v, &openEndpoint{host: &host{d: d}, mistral: mistral}, d.client, &openaicompat.Overrides{})
}

// openTargets returns the one way to an open model. The address has the project, which must be known.
func (d *deployment) openTargets(verb llm.Verb, model string) ([]provider.Target, error) {
	if d.project == "" {
		e := &llm.Error{
			Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Destination: d.to(model),
			Message: "this model has no Google Cloud project, without which open models cannot be called.",
			Fix:     "Set vertex_project of the model, or the environment variable VERTEXAI_PROJECT.",
		}
		return nil, e
	}
	if isMistral(model) {
		return d.mistral.Targets(verb, model)
	}
	return d.open.Targets(verb, model)
}

// openEndpoint is Vertex AI with OpenAI's API: one endpoint for all open models, which the body names,
// and rawPredict for those of Mistral.
type openEndpoint struct {
	host    *host
	mistral bool
}

// URL is the address of chat completions for a model.
func (e *openEndpoint) URL(api openaicompat.API, model string) *url.URL {
	switch {
	case api != openaicompat.APIChat:
		return nil
	case e.mistral:
		return e.host.path("mistralai", strings.TrimPrefix(model, "mistralai/")+":rawPredict")
	default:
		d := e.host.d
		return d.base.JoinPath("projects", d.project, "locations", d.location, "endpoints", "openapi", "chat", "completions")
	}
}

// StreamURL is the address of streaming chats.
func (e *openEndpoint) StreamURL(model string) *url.URL {
	if e.mistral {
		return e.host.path("mistralai", strings.TrimPrefix(model, "mistralai/")+":streamRawPredict")
	}
	return e.URL(openaicompat.APIChat, model)
}

// Root is the address of the API.
func (e *openEndpoint) Root() *url.URL { return e.host.d.base }

// Name is the name of the model in bodies: Mistral's go without publisher and version.
func (e *openEndpoint) Name(model string) string {
	if e.mistral {
		model, _, _ = strings.Cut(strings.TrimPrefix(model, "mistralai/"), "@")
	}
	return model
}

// Authorize adds the key, or a token.
func (e *openEndpoint) Authorize(ctx context.Context, h http.Header) ([]string, error) {
	return e.host.Authorize(ctx, h)
}

// Refusal reads an error of Google's own.
func (e *openEndpoint) Refusal(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	return genai.Refusal(genai.Options{Host: e.host, Service: service, Model: to.ID, Vertex: true}, resp, body, to)
}

// Missing returns nil: whether there are credentials is only known after asking for them.
func (e *openEndpoint) Missing() *llm.Error { return nil }

// Identity is that of the deployment.
func (e *openEndpoint) Identity() (id, origin string) {
	id, _ = e.host.d.Identity()
	return id, e.host.d.origin
}

// Close does nothing: the deployment closes its tokens.
func (e *openEndpoint) Close() error { return nil }

var (
	_ openaicompat.Namer    = (*openEndpoint)(nil)
	_ openaicompat.Refuser  = (*openEndpoint)(nil)
	_ openaicompat.Streamer = (*openEndpoint)(nil)
)
