// Package azure serves models of Azure OpenAI and of Azure AI Foundry. Their bodies are OpenAI's, so
// package openaicompat makes the calls; this package knows their addresses and credentials.
package azure

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"outcrop/internal/renew"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/azure/entra"
	"outcrop/provider/openaicompat"
	"outcrop/upstream"
)

//go:embed azure.json
var openAIFile []byte

//go:embed azure_ai.json
var foundryFile []byte

// Providers describes Azure OpenAI and Azure AI Foundry.
func Providers() []provider.Info {
	return []provider.Info{describe(openAIFile, openAI{}), describe(foundryFile, foundry{})}
}

// describe describes the service that a vendor's file describes.
func describe(file []byte, s service) provider.Info {
	f := openaicompat.NewFile(file)
	return provider.Info{
		Name: f.Name, Help: f.Title + ".",
		Options: sync.OnceValue(func() []provider.Option { return options(f.Vendor()) }),
		Configured: func(environ func(string) string) bool {
			return slices.ContainsFunc(f.BaseURLVariables, func(name string) bool { return environ(name) != "" })
		},
		Open: func(_ context.Context, p provider.Params) (provider.Deployment, error) {
			return open(p, f.Vendor(), s, upstream.Anywhere)
		},
	}
}

// options are the settings of a deployment, with LiteLLM's names and variables
// (https://docs.litellm.ai/docs/providers/azure).
func options(v *openaicompat.Vendor) []provider.Option {
	return append([]provider.Option{
		{Name: "api_base", Help: "URL of the resource, such as https://example.openai.azure.com; default " + strings.Join(v.BaseURLVariables, ", ") + ".", ClientSettable: true},
		{Name: "api_key", Help: "API key; default " + strings.Join(v.KeyVariables, ", ") + ".", Secret: true, ClientSettable: true},
		{Name: "api_version", Help: "API version, such as 2025-02-01-preview, or v1 for the API without versions; default AZURE_API_VERSION, then LiteLLM's default."},
		{Name: "azure_ad_token", Help: "Token of Entra ID instead of an API key; default AZURE_AD_TOKEN.", Secret: true},
		{Name: "tenant_id", Help: "Tenant of the application; default AZURE_TENANT_ID."},
		{Name: "client_id", Help: "Application, or the managed identity; default AZURE_CLIENT_ID."},
		{Name: "client_secret", Help: "Secret of the application; default AZURE_CLIENT_SECRET.", Secret: true},
		{Name: "azure_scope", Help: "Scope of tokens; default AZURE_SCOPE, then https://cognitiveservices.azure.com/.default."},
	}, openaicompat.ConnectionOptions()...)
}

// service says where a service has its APIs.
type service interface {
	// url is the address of an API for a deployment or model below a base URL; nil if the version does not
	// have it.
	url(base *url.URL, path, model, version string) *url.URL
	// version is the API version unless one is set.
	version() string
}

// openAI is Azure OpenAI.
type openAI struct{}

// version is LiteLLM's default (litellm/__init__.py, AZURE_DEFAULT_API_VERSION, 1.110.2).
func (openAI) version() string { return "2025-02-01-preview" }

// url follows https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference: deployments are in
// the path, unless the version is v1, latest or preview, which name the API without versions
// (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle).
func (openAI) url(base *url.URL, path, model, version string) *url.URL {
	u := *base
	root, deployments, named := strings.Cut(u.Path, "/openai/deployments/")
	u.Path, u.RawPath = strings.TrimSuffix(strings.TrimSuffix(root, "/openai/v1"), "/openai"), ""
	query := u.Query()
	if query.Get("api-version") != "" { // users paste the whole address from the portal
		version = query.Get("api-version")
	}
	query.Set("api-version", version)
	switch {
	case isV1(version) || strings.HasSuffix(root, "/openai/v1"):
		u.Path += "/openai/v1" + path
		if version != "preview" {
			query.Del("api-version")
		}
	case path == responsesPath && version < "2025-03-01": // the first version that has it is 2025-03-01-preview
		return nil
	case path == "/models" || path == responsesPath || path == "/files" || path == "/batches":
		u.Path += "/openai" + path
	default:
		if named {
			model, _, _ = strings.Cut(deployments, "/")
		}
		u.Path += "/openai/deployments/" + model + path
	}
	u.RawQuery = query.Encode()
	return &u
}

// isV1 reports whether a version is that of the API without versions.
func isV1(version string) bool { return version == "v1" || version == "latest" || version == "preview" }

// foundry is Azure AI Foundry.
type foundry struct{}

// version is LiteLLM's default (litellm/llms/azure_ai/chat/transformation.py, 1.110.2).
func (foundry) version() string { return "2024-05-01-preview" }

// url follows https://learn.microsoft.com/en-us/rest/api/aifoundry/modelinference: resources have the
// APIs of all their models under /models, servers of one model under /v1. Resources have the Responses API too, under
// /openai/v1 (https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/responses).
func (foundry) url(base *url.URL, path, _, version string) *url.URL {
	u := *base
	for _, ending := range []string{path, "/v1", "/models"} {
		u.Path = strings.TrimSuffix(u.Path, ending)
	}
	if path == responsesPath {
		if !strings.HasSuffix(u.Path, "/openai") {
			if !isResource(u.Hostname()) {
				return nil
			}
			u.Path += "/openai"
		}
		u.Path, u.RawPath, u.RawQuery = u.Path+"/v1"+path, "", "" // this API has no versions
		return &u
	}
	switch {
	case strings.HasSuffix(u.Host, ".services.ai.azure.com") && path != "/models":
		u.Path += "/models" + path
		query := u.Query()
		if query.Get("api-version") == "" {
			query.Set("api-version", version)
		}
		u.RawQuery = query.Encode()
	case strings.HasSuffix(u.Path, "/openai"):
		u.Path += "/v1" + path
	default:
		u.Path += "/v1" + path
	}
	return &u
}

// responsesPath is the path of the Responses API in the vendors' files.
const responsesPath = "/responses"

// isResource reports whether a host is that of a resource, which has several models.
func isResource(host string) bool {
	for _, domain := range [...]string{".services.ai.azure.com", ".cognitiveservices.azure.com", ".openai.azure.com"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

// open opens a deployment.
func open(p provider.Params, v *openaicompat.Vendor, s service, guard upstream.Guard) (provider.Deployment, error) {
	get := func(option string, variables ...string) (value, from string) {
		value, from = p.Values[option], option
		for _, name := range variables {
			if value == "" && p.Environ != nil {
				value, from = p.Environ(name), name
			}
		}
		return value, from
	}
	base, from := get("api_base", v.BaseURLVariables...)
	if base == "" {
		return nil, &provider.OptionError{Option: "api_base", Reason: "is required: the URL of the resource, such as https://example.openai.azure.com, here or in " + strings.Join(v.BaseURLVariables, " or ")}
	}
	u, err := openaicompat.ParseBase(base)
	if err != nil {
		reason := err.Error()
		if from != "api_base" {
			reason = from + ": " + reason
		}
		return nil, &provider.OptionError{Option: "api_base", Reason: reason}
	}
	e := &endpoint{vendor: v, service: s, base: u}
	e.version, _ = get("api_version", "AZURE_API_VERSION")
	e.version = cmp.Or(e.version, s.version())
	if e.key, e.origin = get("api_key", v.KeyVariables...); e.key == "" {
		if e.tokens, e.origin, err = entra.Open(get, defaultScope); err != nil {
			return nil, err
		}
	}
	client, err := openaicompat.Connect(p, guard)
	if err != nil {
		_ = e.Close() // it has no error
		return nil, err
	}
	return openaicompat.Open(p, v, e, client, &openaicompat.Overrides{
		Options: options(v), Own: []string{"azure_ad_token", "tenant_id", "client_id", "client_secret", "azure_scope"},
		Open: func(p provider.Params, guard upstream.Guard) (provider.Deployment, error) {
			return open(p, v, s, guard)
		},
	}), nil
}

// endpoint is a resource of Azure with its credentials.
type endpoint struct {
	vendor  *openaicompat.Vendor
	service service
	base    *url.URL
	version string
	key     string
	origin  string        // of the key or the tokens
	tokens  *renew.Source // nil if there is a key, or nothing
}

// URL is the address of an API for a model.
func (e *endpoint) URL(api openaicompat.API, model string) *url.URL {
	path := e.vendor.Path(api)
	if path == "" {
		return nil
	}
	return e.service.url(e.base, path, Deployment(model), e.version)
}

// Root is the resource.
func (e *endpoint) Root() *url.URL {
	u := *e.base
	u.Path, _, _ = strings.Cut(u.Path, "/openai")
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/models"), "/v1")
	u.RawPath, u.RawQuery = "", ""
	return &u
}

// Deployment is a model string without what LiteLLM's users write in front of it to name the kind of
// model: o_series/, gpt5_series/ and responses/.
func Deployment(model string) string {
	for _, prefix := range [...]string{"o_series/", "gpt5_series/", "responses/"} {
		model = strings.TrimPrefix(model, prefix)
	}
	return model
}

// Name is the deployment, which API versions without a deployment in the path have as the model.
func (e *endpoint) Name(model string) string { return Deployment(model) }

// Authorize sets the API key or the token.
func (e *endpoint) Authorize(ctx context.Context, h http.Header) ([]string, error) {
	switch {
	case e.key != "":
		h["Api-Key"] = []string{e.key}
		return []string{e.key}, nil
	case e.tokens == nil:
		return nil, e.Missing()
	}
	token, err := e.tokens.Get(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, tokenError(err)
	}
	h["Authorization"] = []string{"Bearer " + token}
	return []string{token}, nil
}

// Missing is the error of calls without credentials; nil if there are some.
func (e *endpoint) Missing() *llm.Error {
	if e.key != "" || e.tokens != nil {
		return nil
	}
	return &llm.Error{
		Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden,
		Message: "there are no credentials for " + e.vendor.Title + ".",
		Fix: "Set api_key in litellm_params of the model or " + strings.Join(e.vendor.KeyVariables, " or ") +
			"; for Entra ID set tenant_id, client_id and client_secret, or AZURE_CREDENTIAL=ManagedIdentityCredential.",
	}
}

// Identity identifies the resource and the credentials.
func (e *endpoint) Identity() (id, origin string) {
	sum := sha256.Sum256([]byte(e.key + "\x00" + e.origin))
	return e.vendor.Name + " " + e.base.Host + " " + hex.EncodeToString(sum[:8]), cmp.Or(e.origin, "no credentials")
}

// Close ends the refreshing of tokens.
func (e *endpoint) Close() error {
	if e.tokens != nil {
		e.tokens.Close()
	}
	return nil
}
