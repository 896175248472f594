// Package openaicompat serves models of every vendor with OpenAI's API. What differs between vendors is
// data: a file in the folder vendors. The decision is docs/adr/0009-vendors-are-data.md.
package openaicompat

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/modellist"
	"outcrop/upstream"
)

// Providers describes the built-in vendors, with their aliases.
func Providers() []provider.Info {
	var out []provider.Info
	for _, f := range builtIn() {
		out = append(out, f.Providers()...)
	}
	return out
}

// Providers describes a vendor, once for each of its names.
func (v *Vendor) Providers() []provider.Info {
	f := &File{Head: &v.Head, vendor: func() *Vendor { return v }}
	return f.Providers()
}

// options are the settings of a deployment.
func (v *Vendor) options() []provider.Option {
	base := "URL below which the APIs are"
	if v.BaseURL != "" {
		base += "; default " + strings.Join(append(append([]string{}, v.BaseURLVariables...), v.BaseURL), ", ")
	}
	key := "API key"
	if len(v.KeyVariables) > 0 {
		key += "; default " + strings.Join(v.KeyVariables, ", ")
	}
	all := []provider.Option{
		{Name: "api_base", Help: base + ".", ClientSettable: true},
		{Name: "api_key", Help: key + ".", Secret: true, ClientSettable: true},
	}
	for _, name := range sortedKeys(v.HeaderOptions) {
		all = append(all, provider.Option{Name: name, Help: "Value of the header " + v.HeaderOptions[name] + "."})
	}
	return append(all, ConnectionOptions()...)
}

// open opens a deployment of a vendor.
func (v *Vendor) open(p provider.Params, guard upstream.Guard) (provider.Deployment, error) {
	p = p.WithDefaults()
	end, err := v.endpoint(p)
	if err != nil {
		return nil, err
	}
	client, err := Connect(p, guard)
	if err != nil {
		return nil, err
	}
	return Open(p, v, end, client, &v.overrides), nil
}

// API is one of a vendor's APIs.
type API string

// APIs of vendors, as they stand in llm.Destination. Those that take a client's body as it is have the
// names of its dialect.
const (
	APIChat       API = "chat"
	APIResponses  API = "responses"
	APIEmbeddings API = "embeddings"
	APIRerank     API = "rerank"
	APIModels     API = "models"

	APICompletions      API = llm.DialectText
	APIImageGenerations API = llm.DialectImageGenerations
	APIImageEdits       API = llm.DialectImageEdits
	APIImageVariations  API = llm.DialectImageVariations
	APISpeech           API = llm.DialectSpeech
	APITranscriptions   API = llm.DialectTranscriptions
	APITranslations     API = llm.DialectTranslations
	APIModerations      API = llm.DialectModerations
	APIFiles            API = llm.DialectFiles
	APIBatches          API = llm.DialectBatches
)

// apis lists all of them.
func apis() []API {
	return []API{
		APIChat, APIResponses, APIEmbeddings, APIRerank, APIModels, APICompletions, APIImageGenerations, APIImageEdits, APIImageVariations,
		APISpeech, APITranscriptions, APITranslations, APIModerations, APIFiles, APIBatches,
	}
}

// Path is the path of an API below the base URL; empty if the vendor does not have it.
func (v *Vendor) Path(api API) string {
	a := &v.APIs
	switch api {
	case APIChat:
		return a.Chat
	case APIResponses:
		return a.Responses
	case APIEmbeddings:
		return a.Embeddings
	case APIRerank:
		return a.Rerank
	case APIModels:
		return a.Models
	case APICompletions:
		return a.Completions
	case APIImageGenerations:
		return a.ImageGenerations
	case APIImageEdits:
		return a.ImageEdits
	case APIImageVariations:
		return a.ImageVariations
	case APISpeech:
		return a.Speech
	case APITranscriptions:
		return a.Transcriptions
	case APITranslations:
		return a.Translations
	case APIModerations:
		return a.Moderations
	case APIFiles:
		return a.Files
	case APIBatches:
		return a.Batches
	default:
		return ""
	}
}

// Endpoint is where a deployment's calls go, and how they are authenticated.
type Endpoint interface {
	// URL is the address of an API for a model, which nobody modifies; nil if there is none.
	URL(api API, model string) *url.URL
	// Root is the address below which the paths of the service's own API are.
	Root() *url.URL
	// Authorize sets the headers that authenticate a call, and returns the secrets in them. A failure
	// is an *llm.Error. It does not wait for the network if it can be avoided.
	Authorize(ctx context.Context, h http.Header) (secrets []string, err error)
	// Missing is the error of every call if there are no credentials; nil if there are some.
	Missing() *llm.Error
	// Identity identifies the credentials without showing them, and says for people where they come
	// from.
	Identity() (id, origin string)
	// Close ends background work.
	Close() error
}

// Namer is an Endpoint whose models have other names in bodies than in model strings.
type Namer interface {
	// Name is the model's name in bodies.
	Name(model string) string
}

// Streamer is an Endpoint with another address for streaming chats.
type Streamer interface {
	// StreamURL is the address of streaming calls of chat completions for a model.
	StreamURL(model string) *url.URL
}

// Refuser is an Endpoint with errors of its own.
type Refuser interface {
	// Refusal is the error for a response with an error status; nil if it is in OpenAI's form.
	Refusal(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error
}

// Deployment is a model of a vendor, or all behind a wildcard.
type Deployment struct {
	params provider.Params
	vendor *Vendor
	end    Endpoint
	client *upstream.Client

	overrides *Overrides

	noResponses atomic.Bool // the server has turned out not to have the Responses API
	noCount     atomic.Bool // the server has turned out not to count the tokens of requests

	mu      sync.Mutex
	listed  *modellist.List              // nil until it is needed
	first   targeted                     // of the first model that was asked for, which without a wildcard is the only one
	targets map[string][]provider.Target // of the others
}

// targeted is a target and what Targets says of it. A deployment has one within itself, because a configuration may have
// thousands of deployments, and the garbage collector looks at each object.
type targeted struct {
	target target
	native nativeTarget
	list   [1]provider.Target // empty if there is none
	model  string
}

// fill makes it the target of a model.
func (t *targeted) fill(d *Deployment, model string) {
	t.model = model
	t.target.fill(d, model)
	t.list[0] = &t.target
	if d.vendor.dialect != nil {
		t.native = nativeTarget{&t.target}
		t.list[0] = &t.native
	}
}

// Open opens a deployment of a vendor at an endpoint. The overrides may be those of other deployments too.
func Open(p provider.Params, v *Vendor, end Endpoint, client *upstream.Client, o *Overrides) *Deployment {
	return &Deployment{params: p.WithDefaults(), vendor: v, end: end, client: client, overrides: o}
}

// maxTargets bounds the targets that are kept: behind a wildcard clients choose the models.
const maxTargets = 1000

// Targets returns the one target of a model.
func (d *Deployment) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.first.list[0] == nil:
		d.first.fill(d, model)
		return d.first.list[:], nil
	case d.first.model == model:
		return d.first.list[:], nil
	}
	if known := d.targets[model]; known != nil {
		return known, nil
	}
	if d.targets == nil {
		d.targets = map[string][]provider.Target{}
	}
	if len(d.targets) >= maxTargets {
		clear(d.targets)
	}
	made := &targeted{}
	made.fill(d, model)
	d.targets[model] = made.list[:]
	return made.list[:], nil
}

// Close ends background work.
func (d *Deployment) Close() error { return d.end.Close() }

// Format writes the model string for every verb, because the settings contain secrets.
func (d *Deployment) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(d.vendor.Name + " deployment of " + d.params.Model))
}

// target is one model of a deployment.
type target struct {
	d        *Deployment
	id       string
	name     string // the model in bodies
	location string
	responds bool        // chats go by the Responses API, because the model has no other, or the operator wants it
	sealer   string      // who encrypts the model's reasoning there; empty if nobody does
	noTools  atomic.Bool // the model has refused functions in chat completions while it reasons
	// noResponses is whether the model has turned out not to have the Responses API, although its server has.
	noResponses atomic.Bool
	chat        *url.URL
	stream      *url.URL // of streaming chats
}

// fill makes it the target of a model.
func (t *target) fill(d *Deployment, model string) {
	facts := d.params.Facts(model)
	model, t.responds = d.answersByResponses(model, facts)
	t.d, t.id, t.name, t.chat = d, model, model, d.end.URL(APIChat, model)
	t.stream = t.chat
	if namer, ok := d.end.(Namer); ok {
		t.name = namer.Name(model)
	}
	if s, ok := d.end.(Streamer); ok {
		t.stream = s.StreamURL(model)
	}
	if d.vendor.Quirks.SealsReasoning && facts != nil && facts.Reasoning.Value {
		t.sealer = d.sealer()
	}
	for _, api := range []API{APIChat, APIResponses, APIEmbeddings, APIRerank} {
		if u := d.end.URL(api, model); u != nil {
			t.location = u.Host
			break
		}
	}
}

// sealer is who encrypts reasoning for this deployment: the vendor, for the account at the address. Which keys are of
// one account is not known, so another key counts as another account. Neither the key nor the address can be read from
// it.
func (d *Deployment) sealer() string {
	return d.vendor.Name + "-" + digest(d.Account())
}

// Format writes the model for every verb, because the deployment's settings contain secrets.
func (t *target) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(t.d.vendor.Name + " target of " + t.id))
}

// Location is the host that is called.
func (t *target) Location() string { return t.location }

// Places are the region that is called, if the vendor has regions.
func (t *target) Places() ([]string, bool) {
	to := t.to("")
	return to.Places()
}

// ID is the model.
func (t *target) ID() string { return t.id }

// address is where chats go.
func (t *target) address(stream bool) *url.URL {
	if stream {
		return t.stream
	}
	return t.chat
}

// to is the destination of calls of an API.
func (t *target) to(api API) llm.Destination {
	return llm.Destination{Provider: t.d.vendor.Name, API: string(api), Region: t.d.region(), ID: t.id, Note: t.d.params.Note}
}
