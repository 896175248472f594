// Package provider is the contract between the pipeline and those who serve
// models. The mandatory part is small: an Info that says which settings there
// are and opens a Deployment, and a Deployment that completes and streams. All
// else is an optional interface that a Deployment may have.
package provider

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"outcrop/llm"
	"outcrop/upstream"
)

// Info describes a provider. It is a value; package provider/all lists them.
type Info struct {
	// Name is the first segment of the model strings that belong to it: bedrock
	// for bedrock/us.amazon.nova-pro-v1:0.
	Name string
	// Help says in a sentence what it is.
	Help string
	// Options are the settings that a deployment may have, as litellm_params
	// names them; flags, checks and documentation are made from them.
	Options []Option
	// Open makes a deployment. It checks the settings and resolves all that can
	// be resolved ahead, without a call over the network; a wrong setting is an
	// *OptionError.
	Open func(ctx context.Context, p Params) (Deployment, error)
}

// Option is one setting of a deployment.
type Option struct {
	Name   string
	Help   string
	Secret bool // its value is never shown
	// Listed is whether the value may be a list or a mapping, which Params then has
	// as JSON.
	Listed bool
	// ClientSettable is whether a caller may bring the setting with a request, where whoever
	// runs the gateway allows it.
	ClientSettable bool
}

// OptionError is a setting with a value that cannot be.
type OptionError struct {
	Option string
	Reason string // what is wrong and what is accepted
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Reason }

// Params are a deployment's settings and what it shares with the others.
type Params struct {
	// Model is the model string without the provider's segment. It may hold one *
	// for the part that a wildcard name matched.
	Model string
	// Values are the settings by option name, with environment references
	// resolved. A setting that was not given is absent.
	Values map[string]string
	// Upstream is the HTTP client.
	Upstream *upstream.Client
	// Environ looks up an environment variable; os.Getenv but for tests.
	Environ func(string) string
	Logger  *slog.Logger
	// Now is the clock.
	Now func() time.Time
	// Note is put into every llm.Target, such as "emulator".
	Note string
	// DataDir is a folder for what may outlast a restart; empty for none.
	DataDir string
	// Policy says where calls may go.
	Policy Policy
	// ClientPolicy says which settings callers may bring; the zero value is none.
	ClientPolicy ClientPolicy
}

// ClientPolicy says which of the options that are Brought callers may bring.
type ClientPolicy struct {
	// All is whether they may bring every one.
	All bool
	// Names are those that they may bring otherwise, each with what its value must
	// match as a whole; nil for any value.
	Names map[string]*regexp.Regexp
}

// Any reports whether callers may bring anything.
func (a ClientPolicy) Any() bool { return a.All || len(a.Names) > 0 }

// Allows reports whether callers may bring a setting, and with this value.
func (a ClientPolicy) Allows(name, value string) (setting, withValue bool) {
	pattern, named := a.Names[name]
	switch {
	case named && pattern != nil && !a.All:
		return true, pattern.MatchString(value)
	default:
		return a.All || named, a.All || named
	}
}

// Policy says where a deployment's calls may go and which of several ways is the
// better one. The zero Policy is the provider's default.
type Policy struct {
	// Strict is whether a model is called exactly as it is written.
	Strict bool
	// Geographies are the parts of the world that may serve calls, in the provider's
	// words, own for those that hold the region of the call; nil if nothing was said.
	Geographies []string
	// Global is whether a call may be served anywhere; unset if nothing was said.
	Global llm.Opt[bool]
	// Regions are where calls may be made, best first; nil for the region that the
	// deployment has otherwise.
	Regions []string
	// Prefer is nearest, cheapest, or empty.
	Prefer string
}

// Deployment is a model somewhere, or a family of them behind a wildcard, with
// the credentials to reach it.
type Deployment interface {
	// Complete makes one try at a whole answer. model is Params.Model with the *
	// filled in. A failure is an *llm.Error.
	Complete(ctx context.Context, model string, req *llm.Request) (*llm.Response, error)
	// Stream makes one try at an answer as it comes. It returns as soon as the
	// provider has accepted the call; the caller closes the stream. A failure is
	// an *llm.Error.
	Stream(ctx context.Context, model string, req *llm.Request) (llm.Stream, error)
}

// Targeter is a Deployment that knows several ways to reach a model.
type Targeter interface {
	// Targets gives the ways to reach a model, the best first: one at least, or why
	// there is none as an *llm.Error. It waits for nothing. The slice is not to be
	// written to.
	Targets(model string) ([]Target, error)
	// ReportRefusal is told how a way refused a call. It reports whether Targets has other
	// ways now, so that the call can be made once more. To find out it may ask the
	// provider, within ctx.
	ReportRefusal(ctx context.Context, model string, refused Target, e *llm.Error) bool
}

// Target is one way to reach a model.
type Target interface {
	// Complete and Stream are those of Deployment, by this way.
	Complete(ctx context.Context, req *llm.Request) (*llm.Response, error)
	Stream(ctx context.Context, req *llm.Request) (llm.Stream, error)
	// Location is where it leads, such as a region; when that is down so are all ways
	// that lead there.
	Location() string
	// ID is what is called there; a limit on one id is none on the others.
	ID() string
}

// Overridable is a Deployment that takes settings which requests bring.
type Overridable interface {
	// WithOverrides gives the deployment as it is with the settings of a request, and a
	// function that ends the request's use of it. It waits for nothing, and requests
	// with the same settings get the same. What the guest learns and how it fares is
	// nothing to its host. Settings that may not be brought, or cannot be, are an
	// *llm.Error.
	WithOverrides(access *llm.ClientSettings) (override Deployment, release func(), err error)
}

// Readier is a Deployment that knows whether it could serve a call now.
type Readier interface {
	// Ready is nil, or an *llm.Error that says what is missing. It waits for no
	// more than ctx allows.
	Ready(ctx context.Context) error
}

// Lister is a Deployment that can say which models it reaches.
type Lister interface {
	// Models gives the models that can be called, as far as is known. It waits for
	// nothing.
	Models() []Model
	// Refresh has the provider's lists read again, but for those that were tried
	// after a moment, and says how they stand.
	Refresh(ctx context.Context, after time.Time) []List
}

// Reviewer is a Deployment that can say, without a call, what it knows of the model
// that its settings name.
type Reviewer interface {
	// Describe gives what is known of the model that a model string leads to, and where
	// a call of it goes.
	Describe(model string) Model
	// Doubts gives what in the settings will probably fail at the first call, such as
	// an id that nobody knows. It is empty if nothing is doubtful.
	Doubts() []Doubt
}

// Doubt is a setting that will probably not work.
type Doubt struct {
	// Option is the setting: a name of Info.Options, model, or policy.regions; empty if
	// it is none of the deployment's, but of the environment.
	Option string
	// Message is what is wrong, and Hint the next step, which may be empty.
	Message, Hint string
	// Mild is whether calls probably work all the same, for now.
	Mild bool
}

// RawLister is a Deployment that gives the provider's lists as the provider
// answers them, for those who make tables of them.
type RawLister interface {
	// RawLists gives the bodies of the answers by a name for each, such as
	// us-east-1-list-foundation-models.json. With an error some may be missing.
	RawLists(ctx context.Context) (map[string][]byte, error)
}

// List says how the provider's lists for one place stand.
type List struct {
	// Location is such as a region, Account the provider's name for who lists; empty if
	// unknown.
	Location, Account string
	// At is when the lists were read; zero if they never were.
	At               time.Time
	Models, Profiles int
	// Err is why the last reading failed; nil if it did not.
	Err error
}

// Model is a model that a deployment reaches. What is not known is empty or zero.
type Model struct {
	// ID is what a call names: a model id or an ARN. A call may also name one of
	// Names, of which the first is the one for people to write, or one of Profiles.
	ID              string
	Names, Profiles []string
	// Title is the provider's name for people.
	Title string
	// Owner is who made it.
	Owner string
	// Target is where a call goes, with the reason.
	Target llm.Destination
	// Serves are the places that may serve a call, and Anywhere is whether any may.
	Serves   []string
	Anywhere bool
	// Context and MaxOutput are limits in tokens.
	Context, MaxOutput int64
	// Input and Output are the prices of a token.
	Input, Output llm.Opt[llm.Cost]
	// Entitlement is what the provider says of the account's right to call: granted or
	// refused.
	Entitlement Entitlement
	// Known is whether anything is known of the model; else what follows says nothing.
	Known bool
	// Active is whether the provider says that it is neither legacy nor retired, and
	// Ended whether it is retired. Where both are false nobody has said.
	Active, Ended bool
	// Legacy is whether the provider is going to retire the model, or has; EndOfLife
	// is the day, and Successor the model to move to.
	Legacy    bool
	EndOfLife time.Time
	Successor string
	// Doubt is why calls will probably fail; empty if nothing is doubtful.
	Doubt string
}

// Entitlement is what a provider says of the right to call a model.
type Entitlement string

// Words of Access.
const (
	EntitlementUnknown Entitlement = ""
	EntitlementGranted Entitlement = "granted"
	EntitlementRefused Entitlement = "refused"
)
