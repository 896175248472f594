// Package vertex serves models of Google's Vertex AI: Gemini, Claude, and the open models of the Model
// Garden.
package vertex

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/claude"
	"outcrop/provider/genai"
	"outcrop/provider/modellist"
	"outcrop/provider/openaicompat"
	"outcrop/provider/overrides"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// service is the name in errors, and defaultLocation is LiteLLM's.
const (
	service         = "Vertex AI"
	defaultLocation = "us-central1"
)

// Provider describes Vertex AI.
func Provider() provider.Info {
	all := &pool{open: openaicompat.NewFile(openFile), mistral: openaicompat.NewFile(mistralFile)}
	return provider.Info{
		Name:    "vertex_ai",
		Help:    "Google's Vertex AI: Gemini, Claude, Mistral and open models with Google Cloud credentials.",
		Options: sync.OnceValue(options),
		Configured: func(environ func(string) string) bool {
			return environ("VERTEXAI_PROJECT") != "" || environ("GOOGLE_APPLICATION_CREDENTIALS") != ""
		},
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return open(all, p, upstream.Anywhere)
		},
	}
}

// options are the settings that a deployment may have.
func options() []provider.Option {
	return append([]provider.Option{
		{Name: "api_key", Help: "API key of Google Cloud, instead of credentials; without vertex_project calls go without one, to the API for keys (express mode).", Secret: true, ClientSettable: true},
		{Name: "vertex_project", Help: "Google Cloud project; default VERTEXAI_PROJECT, GOOGLE_CLOUD_PROJECT, then that of the credentials."},
		{Name: "vertex_location", Help: "Location: a region, us, eu or global; default VERTEXAI_LOCATION, VERTEX_LOCATION, GOOGLE_CLOUD_LOCATION, " + defaultLocation + "."},
		{Name: "vertex_credentials", Help: "JSON of Google Cloud credentials, or the path of a file with it; default GOOGLE_APPLICATION_CREDENTIALS, then the machine's default credentials.", Secret: true, Listed: true},
		{Name: "api_base", Help: "URL of the API, instead of Google's for the location; default VERTEXAI_API_BASE.", ClientSettable: true},
	}, transport.Options()...)
}

// deployment is one model, or all behind a wildcard.
type deployment struct {
	params   provider.Params
	client   *upstream.Client
	base     *url.URL
	own      bool // base is Google's
	location string
	project  string        // empty for that of the credentials
	key      func() string // an API key instead of tokens; a function, because formatters print fields; nil for none
	tokens   *tokens       // nil if there is a key
	pool     *pool
	release  func()
	who      string // identifies the credentials without showing them
	origin   string // where they come from
	listed   *modellist.List
	open     *openaicompat.Deployment // of open models
	mistral  *openaicompat.Deployment // of Mistral's
}

// open opens a deployment. An invalid setting is a *provider.OptionError.
func open(all *pool, p provider.Params, guard upstream.Guard) (*deployment, error) {
	p = p.WithDefaults()
	d := &deployment{params: p, pool: all}
	client, settings, err := transport.Connect(p, guard)
	if err != nil {
		return nil, err
	}
	d.client = client
	d.location = d.locate()
	if !name.MatchString(d.location) {
		return nil, &provider.OptionError{Option: "vertex_location", Reason: "a location is a region such as us-central1, us, eu, or global"}
	}
	if err := d.address(); err != nil {
		return nil, err
	}
	project, err := d.credentials(settings)
	if err != nil {
		return nil, err
	}
	d.project = cmp.Or(p.Values["vertex_project"], p.Environ("VERTEXAI_PROJECT"), p.Environ("GOOGLE_CLOUD_PROJECT"), project)
	if d.key != nil { // the environment's project is that of other credentials
		d.project = p.Values["vertex_project"]
	}
	if d.project != "" && !projectName.MatchString(d.project) {
		d.release()
		return nil, &provider.OptionError{Option: "vertex_project", Reason: "a project is its id, such as rocks-123456, or its number"}
	}
	d.listed = d.list()
	d.open, d.mistral = d.openDeployment(all.open.Vendor(), false), d.openDeployment(all.mistral.Vendor(), true)
	return d, nil
}

// locate is the location of calls. A key without a project has one for all
// (https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview).
func (d *deployment) locate() string {
	p := &d.params
	if p.Values["api_key"] != "" && p.Values["vertex_project"] == "" {
		return "global"
	}
	location := p.Values["vertex_location"]
	for _, name := range locationVariables {
		location = cmp.Or(location, p.Environ(name))
	}
	return cmp.Or(location, defaultLocation)
}

// locationVariables are the variables with the location of deployments that set none, the first one first.
// It is never written to.
var locationVariables = [...]string{"VERTEXAI_LOCATION", "VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION"}

// credentials takes the key or the source of tokens, and returns the project that comes with it.
func (d *deployment) credentials(settings upstream.Settings) (project string, err error) {
	p := d.params
	d.release = func() {}
	if key := p.Values["api_key"]; key != "" {
		if !transport.IsSecret(key) {
			return "", &provider.OptionError{Option: "api_key", Reason: "the key has a space or a character that no header can carry; check for a line break at its end"}
		}
		sum := sha256.Sum256([]byte(key))
		d.key, d.who, d.origin = func() string { return key }, hex.EncodeToString(sum[:8]), "api_key"
		return "", nil
	}
	guard := upstream.Anywhere
	if p.Values["vertex_credentials"] != "" {
		guard = p.Upstream.Guard()
	}
	forTokens, err := tokenClient(p.Upstream, settings, guard)
	if err != nil {
		return "", err
	}
	id, sum, project, err := newIdentity(p, forTokens)
	if err != nil {
		return "", err
	}
	d.who, d.origin = hex.EncodeToString(sum[:8]), originOf(p)
	d.tokens, d.release = d.pool.take(identityKey{sum, guard}, id, p.Now)
	return project, nil
}

// Forms of names in paths. They are never written to.
var (
	name        = lazyregexp.New(`^[a-z][a-z0-9-]{1,40}$`)
	projectName = lazyregexp.New(`^[a-z0-9][a-z0-9:.-]{1,80}$`)
	modelName   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.@-]{0,120}$`)
)

// address sets base: Google's for the location
// (https://cloud.google.com/vertex-ai/docs/general/locations).
func (d *deployment) address() error {
	base, from := d.params.Values["api_base"], "api_base"
	if base == "" {
		base, from = d.params.Environ("VERTEXAI_API_BASE"), "VERTEXAI_API_BASE"
	}
	if base == "" {
		d.own = true
		switch d.location {
		case "global":
			base = "https://aiplatform.googleapis.com"
		case "us", "eu":
			base = "https://aiplatform." + d.location + ".rep.googleapis.com"
		default:
			base = "https://" + d.location + "-aiplatform.googleapis.com"
		}
	}
	u, err := transport.BaseURL(base)
	if err != nil {
		return &provider.OptionError{Option: "api_base", Reason: transport.From(from, "api_base", err)}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if last := u.Path[strings.LastIndexByte(u.Path, '/')+1:]; last != "v1" && last != "v1beta1" {
		u.Path += "/v1"
	}
	d.base = u
	return nil
}

// Targets returns the one way to a model.
func (d *deployment) Targets(verb llm.Verb, model string) ([]provider.Target, error) {
	if model = ownName(model); isOpen(model) {
		return d.openTargets(verb, model)
	}
	if !modelName.MatchString(model) {
		e := llm.Invalid("model", "model %q is not the name of a model that is served here: Gemini, Claude, Mistral and open models are, such as gemini-2.5-pro, claude-sonnet-4-5@20250929 and meta/llama-4-maverick-17b-128e-instruct-maas", llm.Clip(model, 100))
		return nil, e
	}
	if strings.HasPrefix(model, "claude") {
		to := d.to(model)
		if d.key != nil && d.project == "" {
			e := llm.Unsupported("model", "Vertex AI serves Claude only in a project, which api_key alone does not name")
			e.Code, e.Destination, e.Fix = llm.CodeFeature, to, "Set vertex_project of the model, or use vertex_credentials."
			return nil, e
		}
		to.API = "messages"
		plain, _, _ := strings.Cut(model, "@")
		return []provider.Target{claude.New(claude.Options{
			Host: &claudeHost{&host{d: d, model: model}}, Client: d.client, Service: service, Model: model, Name: plain, Destination: to, Location: d.location, Instance: d.instance(),
			Known: d.params.Facts(model),
		})}, nil
	}
	return []provider.Target{d.gemini(model)}, nil
}

// gemini is a Gemini model.
func (d *deployment) gemini(model string) *genai.Target {
	return genai.New(genai.Options{
		Host: &host{d: d, model: model}, Client: d.client, Service: service, Model: model, Vertex: true,
		Destination: d.to(model), Location: d.location, Instance: d.instance(),
	})
}

// to is where calls of a model go, for the record.
func (d *deployment) to(model string) llm.Destination {
	return llm.Destination{Provider: "vertex_ai", Region: d.location, ID: model, Note: d.params.Note}
}

// instance is sent to addresses other than Google's own.
func (d *deployment) instance() string {
	if d.own {
		return ""
	}
	return d.params.Instance
}

// Ready returns nil if there is a key, or a token and a project.
func (d *deployment) Ready(ctx context.Context) error {
	if d.key != nil {
		return nil
	}
	_, _, err := d.authorize(ctx)
	return err
}

// authorize returns a token and the project of calls.
func (d *deployment) authorize(ctx context.Context) (token, project string, err error) {
	token, project, err = d.tokens.get(ctx)
	if err != nil {
		return "", "", withoutToken(err)
	}
	if project = cmp.Or(d.project, project); project == "" {
		return "", "", &llm.Error{
			Code: llm.CodeCredentialsMissing, Status: 403, Message: "this model has no Google Cloud project, and its credentials belong to none.",
			Fix: "Set vertex_project of the model, or the environment variable VERTEXAI_PROJECT.",
		}
	}
	return token, project, nil
}

// WithOverrides returns the deployment with a request's api_key and api_base. It is made for the
// request: nothing has to be opened, and there are no tokens.
func (d *deployment) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	own := []string{"vertex_credentials", "vertex_project"}
	p, guard, err := overrides.Keyed(d.params, options(), own, access)
	if err != nil {
		return nil, nil, err
	}
	made, err := open(d.pool, p, guard)
	if err != nil {
		return nil, nil, overrides.AsRequests(err)
	}
	return made, func() { _ = made.Close() }, nil
}

// Format writes the model string for every verb, because the settings contain secrets.
func (d *deployment) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("vertex_ai deployment of " + d.params.Model))
}

// Close ends the fetching of tokens.
func (d *deployment) Close() error {
	d.release()
	return nil
}

var _ provider.Readier = (*deployment)(nil)
