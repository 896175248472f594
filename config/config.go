// Package config reads the gateway's configuration, which is LiteLLM's
// config.yaml, and says in one go everything that is wrong with it and where.
//
// Every key that LiteLLM knows stands in keys.txt with what Outcrop does about
// it; the checks and docs/configuration.md are made from that one list.
package config

import (
	_ "embed"
	"slices"
	"time"

	"outcrop/fetch"
	"outcrop/internal/jsonx"
	"outcrop/provider"
)

// Config is what a configuration says, with defaults filled in and references
// to the environment resolved. It is a plain value and is not changed once
// loaded.
type Config struct {
	// Models are the entries of model_list in the order of the file. Several of
	// one name share its calls.
	Models []Model
	// General is general_settings.
	General General
	// DropParams is whether parameters that a model does not take are left out
	// instead of refused; Model.DropParams is what counts for a model.
	DropParams bool
	// Timeout is the longest that a call may take; Model.Timeout is what counts
	// for a model. The default is 600 s.
	Timeout time.Duration
	// StreamTimeout is Timeout for a streamed call.
	StreamTimeout time.Duration
	// NumRetries is how often a failed call is tried again. The default is 2.
	NumRetries int
	// KeepAlive is the time between two signs of life in a silent stream, 1 s to
	// 300 s. The default is 15 s.
	KeepAlive time.Duration
	// Refresh is how often the providers' lists of models are read. The default is
	// 900 s.
	Refresh time.Duration
	// Media is how images and files at addresses are fetched.
	Media Media
	// Skipped counts the entries of model_list that were left out, as their provider is
	// none of Source.Providers.
	Skipped int
	// Environment is environment_variables: they take precedence over the
	// variables of the process.
	Environment map[string]Secret
}

// General is what general_settings says.
type General struct {
	// MasterKey is the key that callers show; empty means that anyone may call.
	MasterKey Secret
	// MaxRequestSize is the largest request body that is read, in bytes. The
	// default is 100 MiB.
	MaxRequestSize int64
	// MaxInFlight is the memory that requests, fetched files and answers in flight may
	// take together, in bytes; 0 for a quarter of what the process is granted.
	MaxInFlight int64
	// ClientCredentials is whether callers may bring settings to every model;
	// Model.Callers is what counts for a model.
	ClientCredentials bool
}

// Media is what outcrop_settings.media says.
type Media struct {
	// Fetch is whether anything is fetched. The default is true.
	Fetch bool
	// Allow opens hosts and networks that are not public.
	Allow []fetch.Rule
	// MaxSize is the largest file, in bytes. The default is 25 MiB.
	MaxSize int64
	// Timeout is the longest that the files of a request may take. The default is 30 s.
	Timeout time.Duration
	// Proxy is the address of the proxy that is fetched through, which may hold a
	// password; empty for none.
	Proxy Secret
}

// Getenv looks up an environment variable in c.Environment, then by environ.
func (c *Config) Getenv(environ func(string) string) func(string) string {
	return func(name string) string {
		if v, ok := c.Environment[name]; ok {
			return v.Reveal()
		}
		return environ(name)
	}
}

// Model is an entry of model_list: a deployment under a public name. All
// settings are the effective ones: the entry's own, else those of the whole
// file, else the defaults.
type Model struct {
	// Name is what callers ask for. It may hold one * that stands for any text.
	Name string
	// ID names this very deployment: model_info.id, else 64 hexadecimal digits
	// that are the same at every start as long as the entry's name and settings,
	// secrets apart, stay the same. Where an entry stands for several providers, a
	// slash and the provider's name follow model_info.id.
	ID string
	// Provider is the first segment of litellm_params.model.
	Provider string
	// Model is the rest. It may hold one *, for the text that stands for the one
	// in Name.
	Model string
	// Values are the provider's settings by name; one that was not given is
	// absent.
	Values Values
	// Timeout is the longest that a call may take.
	Timeout time.Duration
	// StreamTimeout is Timeout for a streamed call.
	StreamTimeout time.Duration
	// NumRetries is how often a failed call is tried again, 0 to 100.
	NumRetries int
	// KeepAlive is the time between two signs of life in a silent stream.
	KeepAlive time.Duration
	// DropParams is whether parameters that the model does not take are left out
	// instead of refused.
	DropParams bool
	// Parameters are for calls that do not set them, in the words of an OpenAI chat
	// request. guardrailConfig counts for all calls.
	Parameters Parameters
	// Info is model_info as a JSON object, references to the environment left as
	// they stand; nil if there is none.
	Info jsonx.Raw
	// Path is the entry's place in the configuration, such as model_list[2].
	Path string
	// Position is where the entry begins.
	Position Position

	// Policy says where calls may go.
	Policy provider.Policy
	// Callers says which settings callers may bring.
	Callers provider.ClientPolicy

	options map[string]place // where each of Values stands, and the policy's settings
}

// Problem says where in the file a setting stands that the provider refuses.
func (m *Model) Problem(err *provider.OptionError) Problem {
	p := Problem{Severity: Error, Path: m.Path + ".litellm_params." + err.Option, Message: err.Reason}
	at, ok := m.options[err.Option]
	if !ok {
		at.Position = m.Position
	}
	if at.path != "" {
		p.Path = at.path
	}
	p.File, p.Line, p.Column = at.File, at.Line, at.Column
	return p
}

// Position is a place in a file. Line and Column begin at 1 and count
// characters; a Line of 0 means that there is no such place.
type Position struct {
	File         string
	Line, Column int
}

// Source is where a configuration comes from.
type Source struct {
	// Name is the file's name, for messages and as what include is relative to.
	Name string
	// Data is what the file holds.
	Data []byte
	// LookupEnv looks up an environment variable; os.LookupEnv but for tests. Nil
	// stands for an empty environment.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads a file that is included; os.ReadFile but for tests. Nil
	// makes an include an error.
	ReadFile func(name string) ([]byte, error)
	// Providers are the providers that there are.
	Providers []provider.Info
	// AllowUnsupported makes warnings of the errors about settings of LiteLLM's
	// that limit callers and that Outcrop does not enforce.
	AllowUnsupported bool
	// SkipUnsupportedModels leaves out the entries of model_list whose provider is none
	// of Providers, with a warning for each.
	SkipUnsupportedModels bool
}

// Load reads a configuration. The problems are all that there are, in the
// order of their positions; if one of them is an error, the Config is nil.
func Load(src Source) (*Config, []Problem) {
	l := newLoader(src)
	cfg := l.load()
	problems := l.sorted()
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return cfg, problems
}

//go:embed default.yaml
var defaultYAML []byte

// Defaults is the configuration without any file: every model of Bedrock by
// its id, with bedrock/ in front or without, and the master key from
// LITELLM_MASTER_KEY. Name, Data and ReadFile of src do not count.
func Defaults(src Source) (*Config, []Problem) {
	src.Name, src.Data, src.ReadFile = "(defaults)", defaultYAML, nil
	return Load(src)
}
