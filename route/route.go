// Package route decides which deployment serves a call, and is the only place that retries. It
// retries only when nothing of the response has reached the client and the failure indicates that
// another attempt can help.
//
// It knows nothing of any provider.
package route

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/catalog"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// Entry is one deployment under a model name.
type Entry struct {
	// Name is the model name that clients use; it may contain one *.
	Name string
	// ID is unique; a client may name it instead of Name.
	ID string
	// Provider is the name of the deployment's provider.
	Provider string
	// Model is the deployment's model string; a * in it is replaced by what Name's * matched.
	Model      string
	Deployment provider.Deployment
	// Timeout bounds a complete response, over all attempts.
	Timeout time.Duration
	// StreamTimeout bounds the provider's silence before and within a stream.
	StreamTimeout time.Duration
	// Retries is how many attempts may follow the first.
	Retries int
	// Price computes the cost of the deployment's responses instead of the provider's prices; nil for
	// those.
	Price llm.Pricer
	// Limits bound what the deployment may serve; nil for no limits. They hold for calls with llm.Call.Admit.
	Limits *llm.Limits
	// Facts returns what is known of a model, which is Model with the * replaced: its prices, where neither
	// Price nor the provider has some, and its limits; nil if nothing is known. It may be nil itself.
	Facts func(model string) *catalog.Model
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
	// Spoken are the dialects that deployments of the name speak, and Deployments the deployments' ids; New
	// sets them.
	Spoken      []Spoken
	Deployments []string
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
	// Providers are the names of all providers, also of those without an entry, for errors about names.
	Providers []string
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
	spoken       []Spoken
	accessGroups []string
	ids          []string
}

// shared is what the groups of a name have in common in the tables of a router that follow each other.
type shared struct {
	turn           atomic.Uint64
	budget         budget
	overrideBudget budget // for calls with client settings
}

// deployment is a deployment and its recent health.
type deployment struct {
	Entry
	observer provider.Observer // nil if the deployment does not learn from refusals
	// cooldownUntil is in nanoseconds since 1970; 0 if healthy.
	cooldownUntil atomic.Int64
	cooldowns     cooldowns
	late          late // the cause of the end of attempts for complete responses that take too long
}

// New makes a router. Entries of one name form a group that distributes its calls evenly.
func New(entries []Entry, opt Options) *Router {
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
	r := &Router{opt: opt}
	r.Set(entries)
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

// Settings returns how calls of a model name are translated; the zero value if the name is not
// configured.
func (r *Router) Settings(name string) Settings {
	if g, _ := r.table().names.find(name); g != nil {
		s := g.deployments[0].Settings
		s.Spoken, s.Deployments, s.AccessGroups = g.spoken, g.ids, g.accessGroups
		return s
	}
	return Settings{}
}

// Do calls do with the targets of a model until it succeeds or no other attempt can help, whatever
// the verb; do makes one attempt for a complete response within ctx. A failure is an *llm.Error;
// after several attempts, that of the last.
func Do[T any](ctx context.Context, r *Router, verb llm.Verb, c *llm.Call, do func(ctx context.Context, w way) (T, error)) (T, Served, error) {
	var result T
	served, err := r.try(ctx, verb, c, func(t *deployment, w way, start time.Time) error {
		attempt, cancel := context.WithDeadlineCause(ctx, start.Add(t.Timeout), &t.late)
		defer cancel()
		var err error
		result, err = do(attempt, w)
		return attemptError(ctx, attempt, err)
	})
	if err != nil {
		var none T
		return none, served, err
	}
	return result, served, nil
}

// Open is Do for streaming responses: begin makes one attempt, and the stream that it returns
// outlives it. Open returns when the first event with content has arrived; nothing is retried
// afterwards.
func Open[E any, P event[E]](ctx context.Context, r *Router, verb llm.Verb, c *llm.Call, begin func(ctx context.Context, w way) (Source[E], error)) (Source[E], error) {
	var s *stream[E, P]
	served, err := r.try(ctx, verb, c, func(t *deployment, w way, _ time.Time) error {
		var err error
		s, err = open[E, P](ctx, t.StreamTimeout, func(ctx context.Context) (Source[E], error) { return begin(ctx, w) })
		if err == nil {
			s.failed = func(e *llm.Error) {
				r.noteTarget(t, w.Target, e)
				r.note(t, e)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	served.note(s.Meta())
	return s, nil
}

// attempt calls one target of a deployment; start is when the call arrived.
type attempt func(t *deployment, w way, start time.Time) error

// try makes attempts until one succeeds or no other can help.
func (r *Router) try(ctx context.Context, verb llm.Verb, req *llm.Call, do attempt) (Served, error) {
	name := req.Model
	g, captured := r.table().names.find(name)
	if g == nil {
		return Served{}, r.notConfigured(name)
	}
	if len(req.Guardrail) > 0 && verb != llm.VerbCount && verb != llm.VerbService {
		do = guarded(do)
	}
	c := call{r: r, g: g, name: name, verb: verb, attempt: do, start: r.opt.Now(), budget: &g.budget}
	if req.ClientSettings != nil {
		c.budget = &g.overrideBudget
	}
	order := g.order(c.start)
	if req.Deployment != "" {
		if order = g.only(req.Deployment); order == nil {
			return Served{}, goneError(name)
		}
	}
	var last *llm.Error
	for tries, at := 0, 0; ; tries, at = tries+1, at+1 {
		failed, e := c.admit(ctx, req.Admit, order, &at)
		if e != nil {
			return Served{}, cmp.Or(last, e)
		}
		t := order[at%len(order)]
		model := t.modelFor(captured)
		e = c.tryDeployment(ctx, t, model, req.ClientSettings)
		explain(e, t.Facts, model)
		if e != nil && failed != nil {
			failed()
		}
		if e == nil {
			c.budget.earn()
			return Served{Deployment: t.ID, Retries: c.failed, price: t.Price, facts: t.Facts, model: model}, nil
		}
		if req.Once {
			return Served{}, e
		}
		next := order[(at+1)%len(order)]
		pause, ok := r.shouldRetry(e, tries, c.budget, t, next, c.start)
		if !ok || ctx.Err() != nil {
			return Served{}, e
		}
		c.retry(ctx, e, pause)
		if pause > 0 && r.opt.Sleep(ctx, pause) != nil {
			return Served{}, e
		}
		last = e
	}
}

// modelFor is the deployment's model string for what the name's * has matched.
func (t *deployment) modelFor(captured string) string {
	if captured == "" && !strings.Contains(t.Model, "*") {
		return t.Model
	}
	return strings.Replace(t.Model, "*", captured, 1)
}

// shouldRetry decides whether another try follows a failure, and after which pause.
func (r *Router) shouldRetry(e *llm.Error, tries int, retries *budget, failed, next *deployment, start time.Time) (time.Duration, bool) {
	if tries >= failed.Retries || e.Code == llm.CodeOverloaded || e.Code == llm.CodeAnswerTooLarge {
		return 0, false // a response arrived, and another attempt would find no more memory
	}
	elsewhere := next != failed
	var pause time.Duration
	switch e.CanRetry() {
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
		if e.Code == llm.CodeTimeout && !e.Upstream && !elsewhere {
			return 0, false // the gateway's own timeout expired; the same deployment would use it up again
		}
		if !elsewhere {
			pause = backoff(tries, e.RetryAfter, r.opt.Random)
		}
	case llm.RetryAfterRefresh:
		if tries > 0 {
			return 0, false
		}
	case llm.RetryNo, llm.RetryOtherTarget:
		if !elsewhere || e.Responsible() == llm.ActorCaller {
			return 0, false // another deployment may have other credentials and permissions, but an invalid request is invalid everywhere
		}
	}
	now := r.opt.Now()
	if pause > longestPause || now.Add(pause).Sub(start) >= next.Timeout {
		return 0, false // the client gets the error at once, with the Retry-After
	}
	if elsewhere && next.healthy(now) {
		return pause, true // it adds no load to the failing deployment
	}
	return pause, retries.spend()
}

// note records the health of a deployment after a failure.
func (r *Router) note(t *deployment, e *llm.Error) {
	if atFault(e) {
		t.cooldownUntil.Store(r.cooldownUntil(e))
	}
}

// atFault reports whether the deployment or target caused a failure, and not the call.
func atFault(e *llm.Error) bool {
	switch {
	case e.Code == llm.CodeClientGone || e.Code == llm.CodeStopping || e.Code == llm.CodeOverloaded:
		return false
	case limited(e):
		return true
	case e.CanRetry() == llm.RetryOtherTarget: // the model is missing there; another target may have it
		return false
	default:
		return e.Responsible() != llm.ActorCaller
	}
}

// limited reports whether a failure is a rate limit.
func limited(e *llm.Error) bool {
	return e.Code == llm.CodeLimitRequests || e.Code == llm.CodeLimitTokens
}

// cooldownUntil is until when a failed deployment is tried after the others, in nanoseconds since
// 1970.
func (r *Router) cooldownUntil(e *llm.Error) int64 {
	return r.opt.Now().Add(min(max(cooldown, retryAfter(e.RetryAfter)), longestPause)).UnixNano()
}

// healthy reports whether the deployment has not failed recently.
func (t *deployment) healthy(now time.Time) bool { return t.cooldownUntil.Load() <= now.UnixNano() }

// longestPause bounds how long a client waits for another attempt, and how long a cooldown lasts,
// whatever a Retry-After asks for.
const longestPause = time.Minute

// cooldown is how long a failed deployment is tried after the others; LiteLLM's default
// cooldown_time is the same.
const cooldown = 5 * time.Second

// order returns the deployments in the order in which to try them: first the healthy ones, in
// round-robin order, then the others, the one whose cooldown ends first leading. It returns all of
// them, so that a call is always attempted.
func (g *group) order(now time.Time) []*deployment {
	if len(g.deployments) == 1 {
		return g.deployments
	}
	n := len(g.deployments)
	first := int((g.turn.Add(1) - 1) % uint64(n))
	order := make([]*deployment, 0, n)
	var cooling []*deployment
	for i := range n {
		t := g.deployments[(first+i)%n]
		if t.healthy(now) {
			order = append(order, t)
		} else {
			cooling = append(cooling, t)
		}
	}
	for len(cooling) > 0 {
		soonest := 0
		for i, t := range cooling {
			if t.cooldownUntil.Load() < cooling[soonest].cooldownUntil.Load() {
				soonest = i
			}
		}
		order = append(order, cooling[soonest])
		cooling = append(cooling[:soonest], cooling[soonest+1:]...)
	}
	return order
}

func quote(s string) string { return `"` + llm.Clip(s, 200) + `"` }
