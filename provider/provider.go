// Package provider is the contract between the pipeline and model providers. The mandatory part is
// small: an Info, which declares the settings and opens a Deployment, and a Deployment, which gives
// the Targets of a model. What a Target can do is an interface for each verb; everything else is an
// optional interface of a Deployment.
package provider

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"time"

	"outcrop/catalog"
	"outcrop/llm"
	"outcrop/upstream"
)

// Info describes a provider. It is a value; package provider/all lists them.
type Info struct {
	// Name is the first segment of the model strings that belong to it: bedrock
	// for bedrock/us.amazon.nova-pro-v1:0.
	Name string
	// Help describes the provider in one sentence.
	Help string
	// Options gives the settings of a deployment, by their names in litellm_params, which nobody modifies; flags,
	// checks and documentation are generated from them. Nil means that there are none.
	Options func() []Option
	// Has reports whether a text is the id or a name of one of the provider's models, as far as is known. If
	// it is, a model string without the provider's prefix is a typo. It may be nil.
	Has func(id string) bool
	// Configured reports whether an environment has what the provider's models need, such as a key,
	// so that the model * includes them. Nil means that it includes them always.
	Configured func(environ func(string) string) bool
	// Open opens a deployment. It checks the settings and resolves what it can in advance, without
	// network calls. An invalid setting is an *OptionError.
	Open func(ctx context.Context, p Params) (Deployment, error)
}

// Settings are those that Options gives.
func (i *Info) Settings() []Option {
	if i.Options == nil {
		return nil
	}
	return i.Options()
}

// Option is one setting of a deployment.
type Option struct {
	Name   string
	Help   string
	Secret bool // its value is never printed or logged
	// Listed reports whether the value may be a list or a mapping, which Params holds as JSON.
	Listed bool
	// ClientSettable reports whether clients may set it in a request, if the gateway's operator
	// allows that.
	ClientSettable bool
}

// OptionError is an invalid value of a setting.
type OptionError struct {
	Option string
	Reason string // what is wrong and what is accepted
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

// Params are a deployment's settings and what it shares with the others.
type Params struct {
	// Model is the model string without the provider's segment. It may contain one *, which stands
	// for the part that a wildcard name matches.
	Model string
	// Values are the settings by option name, with environment references resolved. A setting that
	// is not set is absent. They are the configuration's, and nobody modifies them.
	Values map[string]string
	// Upstream is the HTTP client.
	Upstream *upstream.Client
	// Environ looks up an environment variable; os.Getenv except in tests.
	Environ func(string) string
	Logger  *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Instance identifies this process to itself, in the header InstanceHeader of calls to addresses
	// that are not the provider's own, so that a gateway which is its own provider notices it; empty
	// to send none.
	Instance string
	// Note is copied into every llm.Destination, such as "emulator".
	Note string
	// DataDir is a folder for data that survives restarts; empty for none.
	DataDir string
	// Facts returns what is known of the model with an id, such as its limits; nil if nothing is, or if
	// the provider has a catalogue of its own. It may be nil itself.
	Facts func(model string) *catalog.Model
	// Responses is whether chats are to go by OpenAI's Responses API where the provider has that, because the
	// operator says that the models have no other.
	Responses bool
	// Policy restricts where calls may go.
	Policy Policy
	// ClientPolicy restricts which settings clients may set in requests; the zero value allows
	// none.
	ClientPolicy ClientPolicy
}

// WithDefaults returns p with an empty environment, no log, no facts and the system's clock where they are
// not set.
func (p Params) WithDefaults() Params {
	if p.Environ == nil {
		p.Environ = func(string) string { return "" }
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Facts == nil {
		p.Facts = func(string) *catalog.Model { return nil }
	}
	return p
}

// InstanceHeader is the header with Params.Instance.
const InstanceHeader = "X-Outcrop-Instance"

// ClientPolicy restricts which ClientSettable options clients may set in requests.
type ClientPolicy struct {
	// All allows every one.
	All bool
	// Names are the allowed options unless All is set, each with a pattern that must match the
	// whole value; nil allows any value.
	Names map[string]*regexp.Regexp
}

// Any reports whether clients may set any option.
func (a ClientPolicy) Any() bool { return a.All || len(a.Names) > 0 }

// Allows reports whether clients may set an option, and whether they may set it to this value.
func (a ClientPolicy) Allows(name, value string) (setting, withValue bool) {
	pattern, named := a.Names[name]
	switch {
	case named && pattern != nil && !a.All:
		return true, pattern.MatchString(value)
	default:
		return a.All || named, a.All || named
	}
}

// Policy restricts where a deployment's calls may go and ranks the targets. The zero Policy is the
// provider's default.
type Policy struct {
	// Strict sends every model id unchanged.
	Strict bool
	// Geographies are the provider's names of the geographies that may serve calls; own stands for
	// those that contain the call's region. It is nil if not configured.
	Geographies []string
	// Global reports whether a call may be served anywhere; unset if not configured.
	Global llm.Opt[bool]
	// Regions are the regions in which calls may be made, best first; nil for the deployment's own
	// region.
	Regions []string
	// Prefer is nearest, cheapest, or empty.
	Prefer string
}

// Deployment is a model, or the models that a wildcard matches, with the credentials to call it.
type Deployment interface {
	// Targets returns the targets by which a model can be called for a verb, best first and at
	// least one. Each of them implements the verb's interface: Chatter for llm.VerbChat, and so on.
	// model is Params.Model with the * replaced. If there is no target, the error is an *llm.Error
	// that says why. Targets does not block. Callers must not modify the slice.
	Targets(verb llm.Verb, model string) ([]Target, error)
	// Close ends background work, such as refreshing credentials. Open calls continue.
	io.Closer
}

// Observer is a Deployment that learns from refusals.
type Observer interface {
	// ReportRefusal records why a target refused a call. It reports whether Targets now returns
	// other targets, so that the call can be retried. It may ask the provider, within ctx.
	ReportRefusal(ctx context.Context, verb llm.Verb, model string, refused Target, e *llm.Error) bool
}

// Target is one region, API and id by which a model can be called. What it can do are the verbs'
// interfaces below.
type Target interface {
	// Location is where calls go, such as a region. If it is down, so are all targets with the same
	// location.
	Location() string
	// ID is the id that is called. A rate limit on one id does not affect others.
	ID() string
}

// Resident is implemented by Targets of which it may be known where calls are processed.
type Resident interface {
	// Places are all regions in which a call may be processed, as the provider calls them; none for any in the world. It reports
	// false if they are not known. Callers must not modify the slice.
	Places() (regions []string, known bool)
}

// Chatter is a Target for llm.VerbChat.
type Chatter interface {
	// Complete makes one attempt at a non-streaming call. A failure is an *llm.Error.
	Complete(ctx context.Context, req *llm.Request) (*llm.Response, error)
	// Stream makes one attempt at a streaming call. It returns as soon as the provider has accepted
	// the call; the caller closes the stream. A failure is an *llm.Error.
	Stream(ctx context.Context, req *llm.Request) (llm.Stream, error)
}

// Counter is a Target for llm.VerbCount.
type Counter interface {
	// CountTokens makes one attempt to count the tokens of a request. A failure is an *llm.Error; its
	// code is llm.CodeFeature if the model cannot count.
	CountTokens(ctx context.Context, req *llm.Request) (*llm.Count, error)
}

// RawCounter is a Passer that counts the tokens of calls in the dialects that it speaks.
type RawCounter interface {
	Passer
	// CountRaw makes one attempt to count the tokens of a call, as Counter.CountTokens does.
	CountRaw(ctx context.Context, raw *llm.Raw) (*llm.Count, error)
}

// Embedder is a Target for llm.VerbEmbed.
type Embedder interface {
	// Embed makes one attempt at a call for embeddings. A failure is an *llm.Error.
	Embed(ctx context.Context, req *llm.EmbedRequest) (*llm.EmbedResponse, error)
}

// Reranker is a Target for llm.VerbRerank.
type Reranker interface {
	// Rerank makes one attempt at a call for the relevance of documents. A failure is an *llm.Error.
	Rerank(ctx context.Context, req *llm.RerankRequest) (*llm.RerankResponse, error)
}

// Imager is a Target for llm.VerbImage.
type Imager interface {
	// MakeImages makes one attempt at a call for images. A failure is an *llm.Error; its code is
	// llm.CodeFeature if the model makes none, or cannot edit them.
	MakeImages(ctx context.Context, req *llm.ImageRequest) (*llm.ImageResponse, error)
}

// Passer is a Target for llm.VerbRaw and llm.VerbService, and one for llm.VerbChat that also speaks a client's dialect
// itself: bodies in that dialect reach the model without a translation.
type Passer interface {
	// Speaks reports whether Pass and PassStream take bodies of a dialect, such as
	// llm.DialectAnthropic. If it reports false after a call has failed, the target has turned out not to
	// speak the dialect, and the call is translated.
	Speaks(dialect string) bool
	// Pass makes one attempt at a non-streaming call. A failure is an *llm.Error.
	Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error)
	// PassStream makes one attempt at a streaming call; the caller closes the stream. A failure is
	// an *llm.Error.
	PassStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error)
}

// Chooser is a Passer that takes some calls only, even in a dialect that it speaks; the others are
// translated.
type Chooser interface {
	// Takes reports whether Pass and PassStream take the call, or for llm.VerbCount, CountRaw. If it reports
	// false after the call has failed, the target has turned out not to take such calls, and the call is
	// translated.
	Takes(verb llm.Verb, raw *llm.Raw) bool
}

// Speaker is a Deployment whose targets for llm.VerbChat are Passers, all of the same dialects.
type Speaker interface {
	// Dialects are the dialects whose bodies pass through, such as llm.DialectOpenAI.
	Dialects() []string
}

// Accounter is a Deployment whose account keeps what calls refer to later, such as files.
type Accounter interface {
	// Account identifies the account, without showing its credentials: deployments with the same text
	// share what is kept.
	Account() string
}

// Forwarder is a Deployment through which clients can call the provider's own API, whatever its paths.
type Forwarder interface {
	// Forward makes one request with the deployment's credentials, to an address of the provider's and to
	// no other. A response with an error status is a response. A failure is an *llm.Error.
	Forward(ctx context.Context, req *llm.Forward) (*llm.Forwarded, error)
}

// Guarder is a Target that applies llm.Call.Guardrail in each of its verbs, or refuses the call. No other
// target gets a call with a guardrail, except to count its tokens.
type Guarder interface {
	// Guards reports whether the target does so.
	Guards() bool
}

// Overridable is a Deployment whose settings requests can override.
type Overridable interface {
	// WithOverrides returns the deployment with a request's settings applied, and a function that
	// releases it. It does not block, and requests with the same settings share one deployment.
	// What that deployment learns and its failures do not affect this one. Settings that are not
	// allowed or invalid are an *llm.Error.
	WithOverrides(access *llm.ClientSettings) (override Deployment, release func(), err error)
}

// Readier is a Deployment that can report whether it is ready to serve calls.
type Readier interface {
	// Ready returns nil, or an *llm.Error that says what is missing. It waits no longer than ctx
	// allows.
	Ready(ctx context.Context) error
}

// Lister is a Deployment that can list its models.
type Lister interface {
	// Models returns the models that are known to be callable. It does not block.
	Models() []Model
	// Refresh reads the provider's lists again, except those that were read or attempted after the
	// given time, and returns their status.
	Refresh(ctx context.Context, after time.Time) []List
}

// Reviewer is a Deployment that can describe the configured model without a call.
type Reviewer interface {
	// Describe returns what is known about the model that a model string leads to, and where calls
	// of it go.
	Describe(model string) Model
	// Doubts returns settings that will probably fail at the first call, such as an unknown id. It
	// is empty if there are none.
	Doubts() []Doubt
}

// Doubt is a setting that will probably not work.
type Doubt struct {
	// Option is the setting: a name in Info.Options, model, or policy.regions; empty if it comes
	// from the environment.
	Option string
	// Message says what is wrong. Hint is the next step and may be empty.
	Message, Hint string
	// Mild reports whether calls probably still work for now.
	Mild bool
	// Local reports whether the doubt depends on where calls may be made.
	Local bool
	// Absent reports whether the doubt is that something is not set, such as a key.
	Absent bool
}

// RawLister is a Deployment that can return the provider's lists unparsed, for generating the
// catalogue.
type RawLister interface {
	// RawLists returns the response bodies by name, such as us-east-1-list-foundation-models.json.
	// If there is an error, some may be missing.
	RawLists(ctx context.Context) (map[string][]byte, error)
}

// List is the status of the provider's lists for one location.
type List struct {
	// Location is, for example, a region. Account is the provider's id of the account that lists;
	// empty if unknown.
	Location, Account string
	// At is when the lists were last read; zero if never.
	At               time.Time
	Models, Profiles int
	// Err is the error of the last attempt; nil if it succeeded.
	Err error
}

// Model is a model that a deployment can call. Unknown fields are empty or zero.
type Model struct {
	// ID is a model id or an ARN. Calls may also use one of Names, the first of which is the
	// recommended one, or one of Profiles.
	ID              string
	Names, Profiles []string
	// Base is the id of the model itself, whatever ID is.
	Base string
	// Title is the provider's display name.
	Title string
	// Owner is the model's maker.
	Owner string
	// Verb is what the model is for: llm.VerbChat, llm.VerbEmbed or llm.VerbRerank; 0 if unknown, or
	// if it is for something else.
	Verb llm.Verb
	// Target is where a call goes, with the reason.
	Target llm.Destination
	// Serves are the locations that may serve a call; Anywhere reports whether any location may.
	Serves   []string
	Anywhere bool
	// Context and MaxOutput are limits in tokens.
	Context, MaxOutput int64
	// Input and Output are the prices of a token; unset if calls are billed by something else.
	Input, Output llm.Opt[llm.Cost]
	// Facts are what the catalogue knows of the model; nil if nothing, or if the provider has a catalogue
	// of its own.
	Facts *catalog.Model
	// Entitlement is what the provider reports about the account's access: granted or refused.
	Entitlement Entitlement
	// Known reports whether anything is known about the model; if not, the following fields have no
	// meaning.
	Known bool
	// Active reports whether the model is neither legacy nor retired, and Ended whether it is
	// retired. If both are false, this is unknown.
	Active, Ended bool
	// Legacy reports whether the provider has retired the model or is going to; EndOfLife is the
	// day, and Successor the model to move to.
	Legacy    bool
	EndOfLife time.Time
	Successor string
	// Doubt says why calls will probably fail; empty if nothing is wrong.
	Doubt string
}

// Entitlement is what a provider reports about the account's access to a model.
type Entitlement string

// Entitlements.
const (
	EntitlementUnknown Entitlement = ""
	EntitlementGranted Entitlement = "granted"
	EntitlementRefused Entitlement = "refused"
)
