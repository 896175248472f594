// Package route decides which deployment serves a call, and is the only place
// that tries again. It does so on proof: nothing of the answer has reached the
// client, and the failure says that another try can help.
//
// It knows nothing of any provider.
package route

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// Entry is one deployment under a model name.
type Entry struct {
	// Name is the model name that clients use; it may hold one *.
	Name string
	// ID is unique; a client may name it instead of Name.
	ID string
	// Model is the deployment's model string; a * in it is what Name's * stood for.
	Model      string
	Deployment provider.Deployment
	// Timeout bounds a whole answer, all tries together.
	Timeout time.Duration
	// StreamTimeout bounds the provider's silence before and within a stream.
	StreamTimeout time.Duration
	// Retries is how many tries may follow the first.
	Retries int
	// Settings are for whoever translates the calls.
	Settings
}

// Settings are how calls of a name are translated. Those of a name's first entry
// count for all its deployments.
type Settings struct {
	// DropParams is whether settings that the target cannot keep are left out with
	// a warning where they would otherwise be refused.
	DropParams bool
	// KeepAlive is the silence after which a stream shows a sign of life.
	KeepAlive time.Duration
	// AllowClientSettings is whether requests may bring settings of the deployment; which, is for
	// each deployment to say.
	AllowClientSettings bool
	// Parameters are for requests that do not set them, by the names of an OpenAI chat
	// request.
	Parameters []jsonx.Member
}

// Options are the router's settings; zero values are good defaults.
type Options struct {
	// Sleep waits for d, or until ctx ends; time-based but for tests.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random gives a number in [0, 1); for tests.
	Random func() float64
	// Now is the clock; for tests.
	Now    func() time.Time
	Logger *slog.Logger
	// Retried is told of each failure that is tried again; for metrics.
	Retried func(name string, err *llm.Error)
}

// Router serves calls. It is safe for use by many goroutines.
type Router struct {
	names *names
	opt   Options
}

// group is all deployments of one name.
type group struct {
	name           string
	deployments    []*deployment
	turn           atomic.Uint64
	budget         budget
	overrideBudget budget // for calls that bring settings of their own
}

// deployment is a deployment and how it has been lately.
type deployment struct {
	Entry
	targeter provider.Targeter // nil if the deployment is the only way
	// cooldownUntil is in nanoseconds since 1970; 0 when well.
	cooldownUntil atomic.Int64
	cooldowns     cooldowns
}

// New makes a router. Entries of one name form a group that shares its calls out
// evenly.
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
	var groups []*group
	byName := map[string]*group{}
	join := func(name string, t *deployment) {
		g := byName[name]
		if g == nil {
			g = &group{name: name}
			g.budget.fill()
			g.overrideBudget.fill()
			byName[name] = g
			groups = append(groups, g)
		}
		g.deployments = append(g.deployments, t)
	}
	var all []*deployment
	for _, e := range entries {
		t := &deployment{Entry: e}
		t.targeter, _ = e.Deployment.(provider.Targeter)
		all = append(all, t)
		join(e.Name, t)
	}
	for _, t := range all { // a deployment's id is a name too, unless one has that name
		if t.ID != "" && byName[t.ID] == nil && !strings.Contains(t.Model, "*") {
			join(t.ID, t)
		}
	}
	return &Router{names: newNames(groups), opt: opt}
}

// Group is the configured name that a model name falls under, such as bedrock/*;
// empty if none. It is a bounded set, fit for a metric's label.
func (r *Router) Group(name string) string {
	if g, _ := r.names.find(name); g != nil {
		return g.name
	}
	return ""
}

// Settings gives how calls of a model name are translated; the zero value if the
// name is not configured.
func (r *Router) Settings(name string) Settings {
	if g, _ := r.names.find(name); g != nil {
		return g.deployments[0].Settings
	}
	return Settings{}
}

// Complete gets a whole answer. A failure is an *llm.Error; of several tries the
// last one's.
func (r *Router) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	var resp *llm.Response
	err := r.try(ctx, req, func(t *deployment, target provider.Target, start time.Time) error {
		attempt, cancel := context.WithDeadlineCause(ctx, start.Add(t.Timeout), timeoutError(t.Timeout, "the complete response"))
		defer cancel()
		var err error
		resp, err = target.Complete(attempt, req)
		return attemptError(ctx, attempt, err)
	}, func(t *deployment, retries int) {
		resp.Meta.Deployment, resp.Meta.Retries = t.ID, retries
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// Stream gets an answer as it comes. It returns when the first event with
// content is there, and until then tries again as Complete does.
func (r *Router) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	var s *stream
	err := r.try(ctx, req, func(t *deployment, target provider.Target, _ time.Time) error {
		var err error
		s, err = open(ctx, t.StreamTimeout, target, req)
		if err == nil {
			s.failed = func(e *llm.Error) {
				r.noteTarget(t, target, e)
				r.note(t, e)
			}
		}
		return err
	}, func(t *deployment, retries int) {
		s.Meta().Deployment, s.Meta().Retries = t.ID, retries
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// attempt makes one try by a way of a deployment's; start is when the call came.
type attempt func(t *deployment, target provider.Target, start time.Time) error

// try makes tries until one succeeds or no other can help. done is told which
// deployment served and how many tries had failed before.
func (r *Router) try(ctx context.Context, req *llm.Request, once attempt, done func(t *deployment, failed int)) error {
	name := req.Model
	g, captured := r.names.find(name)
	if g == nil {
		e := &llm.Error{
			Code: llm.CodeModelNotFound, Status: 404, Param: "model",
			Message: "the model " + quote(name) + " is not configured.",
			Fix:     "GET /v1/models lists the configured names.",
		}
		if meant := r.names.meant(name); meant != "" {
			e.Fix = "Use " + quote(meant) + ", the name configured for this model."
		}
		return e
	}
	c := call{r: r, g: g, attempt: once, start: r.opt.Now(), budget: &g.budget}
	if req.ClientSettings != nil {
		c.budget = &g.overrideBudget
	}
	order := g.order(c.start)
	for tries := 0; ; tries++ {
		t := order[tries%len(order)]
		model := t.Model
		if captured != "" || strings.Contains(model, "*") {
			model = strings.Replace(model, "*", captured, 1)
		}
		e := c.tryDeployment(ctx, t, model, req.ClientSettings)
		if e == nil {
			c.budget.earn()
			done(t, c.failed)
			return nil
		}
		next := order[(tries+1)%len(order)]
		pause, ok := r.shouldRetry(e, tries, c.budget, t, next, c.start)
		if !ok || ctx.Err() != nil {
			return e
		}
		c.retry(ctx, e, pause)
		if pause > 0 && r.opt.Sleep(ctx, pause) != nil {
			return e
		}
	}
}

// shouldRetry decides whether another try follows a failure, and after which pause.
func (r *Router) shouldRetry(e *llm.Error, tries int, left *budget, failed, next *deployment, start time.Time) (time.Duration, bool) {
	if tries >= failed.Retries || e.Code == llm.CodeOverloaded || e.Code == llm.CodeAnswerTooLarge {
		return 0, false // an answer came, and another one would find no more room
	}
	elsewhere := next != failed
	var pause time.Duration
	switch e.CanRetry() {
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
		if e.Code == llm.CodeTimeout && !e.Upstream && !elsewhere {
			return 0, false // our own patience is spent; the same place again would spend it twice
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
			return 0, false // another deployment may have other credentials and rights, but a wrong request is wrong everywhere
		}
	}
	now := r.opt.Now()
	if pause > longestPause || now.Add(pause).Sub(start) >= next.Timeout {
		return 0, false // the client hears of it at once, with the Retry-After
	}
	if elsewhere && next.healthy(now) {
		return pause, true // it adds no load to what fails
	}
	return pause, left.spend()
}

// note remembers how a target fared.
func (r *Router) note(t *deployment, e *llm.Error) {
	if atFault(e) {
		t.cooldownUntil.Store(r.cooldownUntil(e))
	}
}

// atFault reports whether a failure is the target's and not the call's.
func atFault(e *llm.Error) bool {
	switch {
	case e.Code == llm.CodeClientGone || e.Code == llm.CodeStopping || e.Code == llm.CodeOverloaded:
		return false
	case limited(e):
		return true
	case e.CanRetry() == llm.RetryOtherTarget: // the model is not there; another may be
		return false
	default:
		return e.Responsible() != llm.ActorCaller
	}
}

// limited reports whether a failure is a limit on how much is called.
func limited(e *llm.Error) bool {
	return e.Code == llm.CodeLimitRequests || e.Code == llm.CodeLimitTokens
}

// cooldownUntil is until when what has failed stands behind the others, in
// nanoseconds since 1970.
func (r *Router) cooldownUntil(e *llm.Error) int64 {
	return r.opt.Now().Add(min(max(cooldown, retryAfter(e.RetryAfter)), longestPause)).UnixNano()
}

// healthy reports whether the target has not failed lately.
func (t *deployment) healthy(now time.Time) bool { return t.cooldownUntil.Load() <= now.UnixNano() }

// longestPause is as long as a client is kept waiting for another try, and as a
// target stands behind the others, whatever a Retry-After asks for.
const longestPause = time.Minute

// cooldown is how long a target that failed stands behind the others; LiteLLM's
// cooldown_time is as long.
const cooldown = 5 * time.Second

// order gives the targets in the order in which to try them: the well ones, each
// call beginning with the next one, then the unwell ones, the soonest well first.
// All are there: the last one is always tried.
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

// attemptError gives the failure of an attempt: what ended its context if that is what
// happened.
func attemptError(call, attempt context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case call.Err() != nil:
		return cancelError(call, err)
	case attempt.Err() != nil:
		if cause := context.Cause(attempt); cause != nil && !errors.Is(cause, context.Canceled) {
			return cause
		}
	}
	return err
}

// cancelError is the failure of a call that was ended from outside: by its client, who
// went away, or by whoever gave a reason.
func cancelError(call context.Context, err error) error {
	if reason, ok := errors.AsType[*llm.Error](context.Cause(call)); ok {
		own := *reason // the reason may have ended other calls too
		return &own
	}
	return &llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away", Err: err}
}

func timeoutError(limit time.Duration, what string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeTimeout, Status: 504, Actor: llm.ActorOperator,
		Message: "the model did not answer in time: " + limit.String() + " for " + what + ".",
		Fix:     "Raise timeout or stream_timeout of the deployment, or request a shorter response.",
	}
}

func quote(s string) string { return `"` + llm.Clip(s, 200) + `"` }
