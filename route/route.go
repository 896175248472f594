// Package route decides which deployment serves a call, and is the only place that retries. It
// retries only when nothing of the response has reached the client and the failure indicates that
// another attempt can help.
//
// It knows nothing of any provider.
package route

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/catalog"
	"outcrop/internal/jsonx"
	"outcrop/internal/wildcard"
	"outcrop/llm"
	"outcrop/provider"
)

// Entry is one deployment under a model name.
type Entry struct {
	// Name is the model name that clients use; each * in it stands for one character or more.
	Name string
	// ID is unique; a client may name it instead of Name.
	ID string
	// Provider is the name of the deployment's provider.
	Provider string
	// Model is the deployment's model string; the * in it are replaced by what those of Name matched.
	Model      string
	Deployment provider.Deployment
	// Timeout bounds a complete response, over all attempts at the deployment; another deployment has its own.
	Timeout time.Duration
	// StreamTimeout bounds the provider's silence before and within a stream. FirstTimeout and IdleTimeout replace it before
	// the first content and after it; 0 for none.
	StreamTimeout, FirstTimeout, IdleTimeout time.Duration
	// Retries is how many attempts may follow the first.
	Retries int
	// Region is where the deployment's calls are processed, as the operator says; empty if that is not said. It counts where the
	// provider does not know better.
	Region string
	// Price computes the cost of the deployment's responses instead of the provider's prices; nil for
	// those.
	Price llm.Pricer
	// Limits bound what the deployment may serve; nil for no limits. They hold for calls with llm.Call.Admit.
	Limits *llm.Limits
	// Facts returns what is known of a model, which is Model with the * replaced: its prices, where neither
	// Price nor the provider has some, and its limits; nil if nothing is known. It may be nil itself.
	Facts func(model string) *catalog.Model
	// Silent are the names of models to which the deployment's calls are mirrored, see llm.Call.Mirror.
	Silent []string
	// Order is when the deployment is tried: those of the lowest order first. Weight is its share among those of the same order,
	// in proportion to the others'; if none has one, all have the same.
	Order  int
	Weight float64
	// Cooldown is how long the deployment is left alone after failures, 0 for not at all; nil for the policy's.
	Cooldown *time.Duration
	// Tags select the deployment, if the policy is by tags, and so does a User-Agent that one of TagPatterns matches, as
	// "User-Agent: VALUE".
	Tags        []string
	TagPatterns []*regexp.Regexp
	// Settings are for the frontend that translates the calls.
	Settings
}

// Settings control how calls of a name are translated. Those of a name's first entry apply to all
// its deployments.
type Settings struct {
	// DropParams is whether unsupported parameters are dropped with a warning instead of being
	// refused.
	DropParams bool
	// KeepAlive is the silence after which a stream sends a keep-alive comment.
	KeepAlive time.Duration
	// AllowClientSettings is whether clients may supply deployment settings; each deployment
	// decides which.
	AllowClientSettings bool
	// Parameters are defaults for requests that do not set them, by their names in an OpenAI chat
	// request.
	Parameters []jsonx.Member
	// Defaults are Parameters decoded, for frontends of other dialects, and the guardrail of every call;
	// nil for none.
	Defaults *llm.Defaults
	// AccessGroups are the names of the groups of models that the entry is in. The settings of a name have those
	// of all of its deployments.
	AccessGroups []string
	// Guardrails name the gateway's guardrails that are in force for calls of the entry. The settings of a name have those of
	// all of its deployments.
	Guardrails []string
	// Team is the only team that may use the entry, and Public the name by which it does; empty if it is nobody's.
	Team, Public string
	// Spoken are the dialects that deployments of the name speak, and Deployments the deployments' ids; New
	// sets them.
	Spoken      []Spoken
	Deployments []string
	// Capacity is what all deployments of the name that have limits take together in a minute; nil if none has one. The router
	// sets it.
	Capacity *llm.Capacity
	// Policy is how calls are routed, and FallsBack whether calls of the name may go on with others; the router sets them.
	Policy    *Policy
	FallsBack bool
}

// Spoken is a dialect that some of a name's deployments speak, so that its bodies can pass through.
type Spoken struct {
	Dialect string
	All     bool // all deployments of the name speak it
}

// Speaks reports whether some, and whether all deployments of the name speak a dialect.
func (s *Settings) Speaks(dialect string) (some, all bool) {
	for _, d := range s.Spoken {
		if d.Dialect == dialect {
			return true, d.All
		}
	}
	return false, false
}

// Options are the router's settings. The zero values are usable.
type Options struct {
	// Sleep waits for d, or until ctx ends; tests can replace it.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random returns a number in [0, 1); tests can replace it.
	Random func() float64
	// Now is the clock; tests can replace it.
	Now    func() time.Time
	Logger *slog.Logger
	// Retried is called for each failure that is retried; for metrics.
	Retried func(name string, err *llm.Error)
	// Queued is called for each call that begins to wait for a deployment of a name, and Waited when it ends to, with one of the Wait
	// constants; for metrics.
	Queued func(name string)
	Waited func(name, end string, took time.Duration)
	// Providers are the names of all providers, also of those without an entry, for errors about names.
	Providers []string
	// Adjustments are the operator's, of what providers charge; nil for none.
	Adjustments *llm.Adjustments
}

// Router serves calls. It is safe for concurrent use.
type Router struct {
	current atomic.Pointer[table]
	opt     Options
}

// group is all deployments of one name.
type group struct {
	*shared

	name         string
	deployments  []*deployment
	tiers        []tier
	spoken       []Spoken // by its own deployments
	common       []Spoken // and, where all do, by those of reach too
	accessGroups []string
	guardrails   []string
	ids          []string
	capacity     *llm.Capacity
	policy       *Policy  // the table's, or its own
	settings     Settings // of calls of its name
	bounded      bool     // calls can wait in its queue
	reach        []*group // that its calls may go on with
	terms        rememberedTerms
}

// shared is what the groups of a name have in common in the tables of a router that follow each other.
type shared struct {
	turn           atomic.Uint64
	budget         budget
	overrideBudget budget // for calls with client settings
	queue          queue
}

// deployment is a deployment and its recent health. What calls read of it comes first.
type deployment struct {
	*state
	hash     uint64                // of its id
	observer provider.Observer     // nil if the deployment does not learn from refusals
	late     late                  // the cause of the end of attempts for complete responses that take too long
	alone    atomic.Pointer[group] // of its id, see names.alone; nil until somebody has called that
	Entry
}

// state is what is remembered of a deployment in the tables that follow each other.
type state struct {
	cooling atomic.Pointer[cooldowns] // of its targets; nil as long as none has failed
	queues  atomic.Pointer[[]*queue]  // of the names that it serves; nil for none
	health
}

// New makes a router. Entries of one name form a group that distributes its calls.
func New(plan Plan, opt Options) *Router {
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	if opt.Random == nil {
		opt.Random = rand.Float64
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Retried == nil {
		opt.Retried = func(string, *llm.Error) {}
	}
	if opt.Queued == nil {
		opt.Queued = func(string) {}
	}
	if opt.Waited == nil {
		opt.Waited = func(_, _ string, _ time.Duration) {}
	}
	r := &Router{opt: opt}
	r.Set(plan)
	return r
}

// spoken lists the dialects of deployments.
func spoken(deployments []*deployment) (all []Spoken) {
	count := map[string]int{}
	for _, t := range deployments {
		if speaker, ok := t.Deployment.(provider.Speaker); ok {
			for _, dialect := range speaker.Dialects() {
				count[dialect]++
			}
		}
	}
	for _, dialect := range slices.Sorted(maps.Keys(count)) {
		all = append(all, Spoken{dialect, count[dialect] == len(deployments)})
	}
	return all
}

// Group returns the configured name that serves a model name, such as bedrock/*; empty if none. The
// set is bounded, so that it can be a metric's label.
func (r *Router) Group(name string) string {
	if g, _ := r.table().names.find(name); g != nil {
		return g.name
	}
	return ""
}

// Alternative returns a configured name for the model that a name which is not configured seems to
// mean: one that serves the same model, or the name under which a wildcard does; empty if there is
// none.
func (r *Router) Alternative(name string) string {
	if same := r.table().names.same(name); same != "" {
		return same
	}
	return r.table().names.meant(name)
}

// Mirrors reports whether calls of any deployment are mirrored.
func (r *Router) Mirrors() bool { return r.table().mirrors }

// TeamModel returns the name of an entry that a team uses by another; empty if there is none.
func (r *Router) TeamModel(team, public string) string { return r.table().teams[team][public] }

// Settings returns how calls of a model name are translated, which nobody may change; the zero value if the name is not
// configured.
func (r *Router) Settings(name string) *Settings {
	if g, _ := r.table().names.find(name); g != nil {
		return &g.settings
	}
	return new(Settings)
}

// modelFor is the deployment's model string for what the * of the name have matched. If the name has more of them, it is the whole name
// without the provider, as in LiteLLM.
func (t *deployment) modelFor(captured string) string {
	stars := strings.Count(t.Model, "*")
	switch {
	case stars == 0:
		return t.Model
	case wildcard.Parts(captured) > stars:
		return strings.TrimPrefix(wildcard.Fill(t.Name, captured), t.Provider+"/")
	default:
		return wildcard.Fill(t.Model, captured)
	}
}

func quote(s string) string { return `"` + llm.Clip(s, 200) + `"` }
