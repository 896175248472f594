// Package provider is the contract between the pipeline and those who serve
// models. The mandatory part is small: an Info that says which settings there
// are and opens a Deployment, and a Deployment that completes and streams. All
// else is an optional interface that a Deployment may have.
package provider

import (
	"context"
	"log/slog"
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

// Readier is a Deployment that knows whether it could serve a call now.
type Readier interface {
	// Ready is nil, or an *llm.Error that says what is missing. It waits for no
	// more than ctx allows.
	Ready(ctx context.Context) error
}

// Lister is a Deployment that can say which models it reaches.
type Lister interface {
	Models(ctx context.Context) ([]Model, error)
}

// Model is a model that a deployment reaches.
type Model struct {
	// ID is what a call names: a model id, a profile id or an ARN.
	ID string
	// Name is the provider's name for people; empty if none.
	Name string
	// Owner is who made it; empty if unknown.
	Owner string
	// Kind is model or profile.
	Kind string
	// OnDemand is whether ID can be called as it is.
	OnDemand bool
	// Legacy is whether the provider calls it legacy.
	Legacy bool
}
