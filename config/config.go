// Package config reads the gateway's configuration, which is LiteLLM's
// config.yaml, and reports all problems at once, with their positions.
//
// keys.txt lists every key that LiteLLM knows and how Outcrop handles it. The checks
// and docs/configuration.md are derived from that list.
package config

import (
	_ "embed"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"outcrop/fetch"
	"outcrop/guard/ruleset"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/route"
	"outcrop/secrets"
)

// Responses is outcrop_settings.responses.
type Responses struct {
	// Retention is how long responses and conversations are kept; 0 if not configured.
	Retention time.Duration
}

// Config is a loaded configuration, with defaults filled in and references to the
// environment resolved. It is not modified after loading.
type Config struct {
	// Models are the entries of model_list in the order of the file. Entries with the
	// same name share its calls.
	Models []Model
	// Blocked are the entries that are listed and not served.
	Blocked []Model
	// General is general_settings.
	General General
	// Accounting is how budgets and rate limits are enforced.
	Accounting Accounting
	// DropParams is whether parameters that a model does not support are dropped
	// instead of rejected. It is the default of Model.DropParams.
	DropParams bool
	// Timeout is the maximum duration of a call, and the default of Model.Timeout. The
	// default is 600 s.
	Timeout time.Duration
	// StreamTimeout is Timeout for a streamed call.
	StreamTimeout time.Duration
	// NumRetries is how many times a failed call is retried. The default is 2.
	NumRetries int
	// KeepAlive is the interval between keep-alive comments in a stream without data,
	// 1 s to 300 s. The default is 15 s.
	KeepAlive time.Duration
	// Routing is how calls are distributed to the entries of a name, retried, and passed on to other names.
	Routing route.Policy
	// Guardrails are the checks of requests and responses.
	Guardrails []Guardrail
	// Policies say for which calls guardrails are in force besides; nil for none.
	Policies *ruleset.Set
	// GuardrailsAs is the section as it was written, in JSON, by which a change is recognized: rules cannot be compared.
	GuardrailsAs string
	// Attribution names what Bedrock is told of who calls; see gateway.Options.
	Attribution []string
	// SessionTags names which tags the sessions of roles in AWS have; see gateway.Options.
	SessionTags []string
	// Refresh is how often the providers' lists of models are refreshed. The default is
	// 900 s.
	Refresh time.Duration
	// Media is how images and files are fetched from URLs.
	Media Media
	// AccessKeys are the access keys with which clients may sign requests of AWS's own API.
	AccessKeys []AccessKey
	// Alerting is where alerts are sent.
	Alerting Alerting
	// Callbacks are the services that are told of calls.
	Callbacks Callbacks
	// Demands are what bodies of requests must and must not have.
	Demands Demands
	// Management is what the management API does beyond what requests say.
	Management Management
	// Anthropic is how Anthropic's Messages API is served.
	Anthropic AnthropicDoor
	// Responses is what is kept for clients of OpenAI's Responses API.
	Responses Responses
	// Cache is the cache of responses.
	Cache Cache
	// PassThrough are the endpoints that pass requests on to addresses of the operator's, and PassThroughTimeout is how long these may send
	// nothing, where an endpoint does not say otherwise; 0 for LiteLLM's 600 s.
	PassThrough        []PassThrough
	PassThroughTimeout time.Duration
	// NoPassThrough is whether clients cannot call the providers' own APIs.
	NoPassThrough bool
	// Skipped counts the entries of model_list that were skipped, because their provider
	// is not in Source.Providers.
	Skipped int
	// Environment is environment_variables: they take precedence over the
	// variables of the process.
	Environment map[string]Secret

	base *base
}

// General is general_settings.
type General struct {
	// Replacements replace the models that requests name.
	Replacements Replacements
	// MasterKey is the key that clients must send; if it is empty, anyone may call.
	MasterKey Secret
	// CertFile and KeyFile are the certificate and its key to serve HTTPS with; both are empty for
	// HTTP.
	CertFile, KeyFile string
	// MaxRequestSize is the maximum size of a request body, in bytes. The default is
	// 100 MiB.
	MaxRequestSize int64
	// MaxInFlight is the memory that all requests, fetched files and responses in flight
	// may use together, in bytes; 0 means a quarter of the memory of the process.
	MaxInFlight int64
	// AllowedIPs are the addresses from which clients may call; nil for any. ForwardedFor is whether the address is the
	// one that X-Forwarded-For names.
	AllowedIPs   []netip.Prefix
	ForwardedFor bool
	// Access is which paths may be called, and in which headers requests say who calls.
	Access Access
	// ClientCredentials is whether clients may override settings of every model.
	// Model.Callers is the effective policy of a model.
	ClientCredentials bool
	// Drain is whether a request takes the gateway out of service, and DrainToken what it must have; empty for nothing.
	Drain      bool
	DrainToken Secret
	// AlwaysUsage is whether OpenAI's streams end with their usage, unless the request says that they need not.
	AlwaysUsage bool
	// ForwardHeaders is for which models headers of the client's request go on to the provider.
	ForwardHeaders ForwardHeaders
	// Health is how models are checked.
	Health Health
	// KeyManagement is the secret manager; nil if there is none.
	KeyManagement *KeyManagement
}

// AccessKey is an entry of outcrop_settings.aws_door.access_keys.
type AccessKey struct {
	ID     string
	Secret Secret
	// Key is the virtual key that pays for requests which the access key signs; empty for the operator.
	Key Secret
}

// Media is outcrop_settings.media.
type Media struct {
	// Fetch enables fetching. The default is true.
	Fetch bool
	// Allow lists additional hosts and networks, which may be private.
	Allow []fetch.Rule
	// MaxSize is the maximum size of a file, in bytes. The default is 25 MiB.
	MaxSize int64
	// Timeout is the maximum time to fetch all files of a request. The default is 30 s.
	Timeout time.Duration
	// Proxy is the URL of the proxy to fetch through, which may contain a password;
	// empty for none.
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
	// Name is the name that clients request. It may contain one * that matches any text.
	Name string
	// ID identifies this deployment: model_info.id, or else 64 hexadecimal digits that
	// stay the same as long as the name and the settings of the entry do, except for
	// secrets. If an entry expands to several providers, a slash and the provider's name
	// are appended to model_info.id.
	ID string
	// Provider is the first segment of litellm_params.model.
	Provider string
	// Model is the rest. It may contain one *, which is replaced by the text that the *
	// in Name matches.
	Model string
	// Values are the provider's settings by name; a setting that is not set is absent.
	Values Values
	// Timeout is the maximum duration of a call.
	Timeout time.Duration
	// StreamTimeout is Timeout for a streamed call. FirstTimeout and IdleTimeout bound the time to its first content and the silence
	// within it; 0 for StreamTimeout.
	StreamTimeout, FirstTimeout, IdleTimeout time.Duration
	// Weight is the share of the calls, Order when the entry is tried, and Cooldown how long it is left alone; nil for the
	// default. Tags and TagPatterns say which calls select it. See route.Entry.
	Weight      float64
	Order       int
	Cooldown    *time.Duration
	Tags        []string
	TagPatterns []*regexp.Regexp
	// Region is where calls are processed, if that is said; see route.Entry.
	Region string
	// Silent are the names of the models to which calls of the entry are mirrored.
	Silent []string
	// BaseModel is the model behind the deployment, by the name under which prices and limits are known;
	// empty if Model says it.
	BaseModel string
	// Responses is whether chats go by the provider's Responses API, if it has one.
	Responses bool
	// Probe is how the model is called to find out how it does.
	Probe Probe
	// Price is what a token costs, instead of the built-in prices; nil for those.
	Price *llm.Prices
	// NumRetries is how many times a failed call is retried, 0 to 100.
	NumRetries int
	// KeepAlive is the interval between keep-alive comments in a stream without data.
	KeepAlive time.Duration
	// DropParams is whether parameters that the model does not support are dropped
	// instead of rejected.
	DropParams bool
	// Parameters are the defaults for requests that do not set them, under their names
	// in an OpenAI chat request. guardrailConfig applies to all calls.
	Parameters Parameters
	// Limits bound what the deployment may serve.
	Limits llm.Limits
	// Info is model_info as a JSON object, with references to the environment
	// unresolved; nil if there is none.
	Info jsonx.Raw
	// Guardrails name the guardrails that are in force for calls of the entry's name.
	Guardrails []string
	// AccessGroups are the names of groups of models, which lists of the models of keys, users and teams can
	// have.
	AccessGroups []string
	// Team is the id of the only team that may use the entry, and Public the name by which it does; empty for an entry
	// that is nobody's. The Name of such an entry is one that nobody asks for.
	Team, Public string
	// Blocked is whether the entry is not served.
	Blocked bool
	// Path is the path of the entry in the configuration, such as model_list[2].
	Path string
	// Position is where the entry begins.
	Position Position

	// Policy is which regions and inference profiles calls may use.
	Policy provider.Policy
	// Callers is which settings clients may set.
	Callers provider.ClientPolicy

	// Bare is whether the entry names no provider, so that Provider is the one that LiteLLM takes for the model.
	Bare bool
	// Incomplete is whether a setting of the provider was left out because of a problem. Only Inspect returns
	// such models.
	Incomplete bool

	options places // of each of Values and of the policy's settings
}

// OnBedrock reports whether the model is one of AWS Bedrock, at whichever of its hosts: bedrock_mantle/... are at
// bedrock-mantle.
func (m *Model) OnBedrock() bool { return OnBedrock(m.Provider) }

// OnBedrock reports whether a provider, by its name, is AWS Bedrock at one of its hosts.
func OnBedrock(provider string) bool { return provider == "bedrock" || provider == "bedrock_mantle" }

// Problem returns a problem for a setting that the provider rejects, with its position.
func (m *Model) Problem(err *provider.OptionError) Problem {
	p := Problem{Severity: Error, Path: m.Path + ".litellm_params." + err.Option, Message: err.Reason}
	at, ok := m.options.find(err.Option)
	if !ok {
		at.Position = m.Position
	}
	if at.path != "" {
		p.Path = at.path
	}
	p.File, p.Line, p.Column = at.File, at.Line, at.Column
	return p
}

// Position is a position in a file. Line and Column begin at 1 and count
// characters; a Line of 0 means that the position is unknown.
type Position struct {
	File         string
	Line, Column int
}

// Source is the input of Load.
type Source struct {
	// Name is the file's name, which messages show and include is relative to.
	Name string
	// Data is the content of the file.
	Data []byte
	// LookupEnv looks up an environment variable, usually os.LookupEnv. Nil means an
	// empty environment.
	LookupEnv func(name string) (string, bool)
	// ReadFile reads an included file, or one that a value stands for, usually os.ReadFile.
	// If it is nil, both are errors.
	ReadFile func(name string) ([]byte, error)
	// Secrets reads secrets by their names from the secret manager of the configuration,
	// usually all.Reader of package secrets. An error means that the manager gives nothing.
	// If it is nil, a secret manager is an error.
	Secrets func(s *secrets.Settings, names []string) (map[string]secrets.Result, error)
	// Providers are the available providers.
	Providers []provider.Info
	// AllowUnsupported reports keys of class Limits as warnings instead of errors.
	AllowUnsupported bool
	// SkipUnsupportedModels skips the entries of model_list whose provider is not in
	// Providers, with a warning for each.
	SkipUnsupportedModels bool
}

// Load reads a configuration. It returns all problems in the order of their
// positions; if one of them is an error, the Config is nil.
func Load(src Source) (*Config, []Problem) {
	cfg, problems := Inspect(src)
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error }) {
		return nil, problems
	}
	return cfg, problems
}

// Inspect reads a configuration as Load does, but returns the Config even if one of the
// problems is an error. In that case the Config holds what could be read, for further
// checks, and must not be served.
func Inspect(src Source) (*Config, []Problem) {
	l := newLoader(src)
	cfg := l.load()
	return cfg, l.sorted()
}

//go:embed default.yaml
var defaultYAML []byte

// Defaults returns the configuration that is used without a file: every Bedrock model
// by its id, with or without the prefix bedrock/, and the master key from
// LITELLM_MASTER_KEY. Name, Data and ReadFile of src are ignored.
func Defaults(src Source) (*Config, []Problem) {
	src.Name, src.Data, src.ReadFile = "(defaults)", defaultYAML, nil
	return Load(src)
}
