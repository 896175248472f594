package route

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// call is one call with its state over the deployments of a name.
type call struct {
	r       *Router
	table   *table
	verb    llm.Verb
	req     *llm.Call
	attempt attempt

	g      *group // at present
	name   string // as the client, or the list of fallbacks, has it
	start  time.Time
	begun  time.Time // of the first attempt
	failed int       // failed attempts
	tries  []llm.Try // the first mostTries of them
	hops   int       // fallbacks that were tried
	budget *budget

	as     *group     // whose settings the call has, in walk; nil if they must be asked for
	denied *llm.Error // the last refusal to have those of a name

	patience time.Time // until when it waits for a deployment; the zero time if it has not waited
}

// mostTries bounds how many attempts of a call are told.
const mostTries = 20

// retry counts a failed attempt that is followed by another.
func (c *call) retry(ctx context.Context, e *llm.Error, pause time.Duration) {
	c.failed++
	if len(c.tries) < mostTries {
		c.tries = append(c.tries, llm.Try{Destination: e.Destination, Code: e.Code, At: c.r.opt.Now().Sub(c.begun)})
	}
	c.r.opt.Retried(c.g.name, e)
	c.r.opt.Logger.LogAttrs(ctx, slog.LevelDebug, "trying again", slog.String("name", c.g.name), slog.String("code", string(e.Code)),
		slog.String("target", e.Destination.String()), slog.Duration("after", pause))
}

// maxObserved bounds how often a call is retried because a refusal revealed something new:
// alternatives without a list are guesses, which may be wrong.
const maxObserved = 3

// tryTargets tries the targets of one deployment in order, as long as another one can help: because
// the deployment reports so, which num_retries does not count, or because a location failed. It
// returns nil if one has served the call.
func (c *call) tryTargets(ctx context.Context, t *deployment, model string, do attempt) *llm.Error {
	targets, err := t.Deployment.Targets(c.verb, model)
	if err != nil {
		return c.meant(llm.AsError(err))
	}
	if targets = c.staying(t, targets); len(targets) == 0 {
		return awayError(c.name, c.req.Routing.Regions)
	}
	targets = t.cooling.Load().order(targets, c.r.opt.Now())
	var tried []provider.Target
	var first *llm.Error // the first refusal of a model at an API
	learned := 0
	for i := 0; ; {
		target := targets[i]
		err := do(t, way{target, t.Facts, model}, c.start)
		if err == nil {
			t.cooling.Load().recovered(target)
			return nil
		}
		e := llm.AsError(err)
		if ctx.Err() != nil {
			return e
		}
		tried = append(tried, target)
		if first == nil && e.Code == llm.CodeWrongSurface {
			first = e
		}
		if learned < maxObserved && t.observer != nil && t.observer.ReportRefusal(ctx, c.verb, model, target, e) {
			if others := c.staying(t, t.untried(c.verb, model, tried, c.r.opt.Now())); len(others) > 0 {
				learned++
				targets, i = others, 0
				c.retry(ctx, e, 0)
				continue
			}
		}
		if e.Code == llm.CodeWrongSurface {
			e = cmp.Or(first, e) // the model is refused at each API, and the first is the one that it should have
		}
		c.r.noteTarget(t, target, e)
		if i++; i == len(targets) || !c.shouldFailOver(e, t, targets[i]) {
			return e
		}
		c.retry(ctx, e, 0)
	}
}

// shouldFailOver decides whether to try the next target of a deployment after a failure.
func (c *call) shouldFailOver(e *llm.Error, t *deployment, next provider.Target) bool {
	switch e.CanRetry() {
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
	case llm.RetryNo, llm.RetryOtherTarget, llm.RetryAfterRefresh:
		return false
	}
	now := c.r.opt.Now()
	if !atFault(e) || now.Sub(c.start) >= t.Timeout {
		return false
	}
	return t.cooling.Load().healthy(next, now) || c.budget.spend()
}

// untried returns the targets that a call has not tried, healthy ones first.
func (t *deployment) untried(verb llm.Verb, model string, tried []provider.Target, now time.Time) []provider.Target {
	targets, err := t.Deployment.Targets(verb, model)
	if err != nil {
		return nil
	}
	return t.cooling.Load().order(slices.DeleteFunc(slices.Clone(targets), func(w provider.Target) bool {
		return slices.ContainsFunc(tried, func(o provider.Target) bool { return o.Location() == w.Location() && o.ID() == w.ID() })
	}), now)
}

// noteTarget records the failure of a target. A missing permission does not start a cooldown: an
// operator who adds it would then get refusals from the next target, at a location that nobody
// asked for.
func (r *Router) noteTarget(t *deployment, target provider.Target, e *llm.Error) {
	if atFault(e) && !e.Code.Persistent() {
		t.cooldowns().failed(target, !locationFailed(e), r.cooldownUntil(e), r.opt.Now().UnixNano())
	}
}

// locationFailed reports whether a failure affects a whole location. Limits, permissions and model
// behaviour concern a single id, and so does the gateway's own timeout, because some responses are
// long.
func locationFailed(e *llm.Error) bool {
	switch e.Code {
	case llm.CodeUnavailable, llm.CodeServiceInternal, llm.CodeUnreachable, llm.CodeInterrupted:
		return true
	default:
		return false
	}
}

// cooldowns remembers which targets of a deployment have failed recently: a whole location, or one
// id in it; nil remembers none. Times are in nanoseconds since 1970.
type cooldowns struct {
	latest atomic.Int64 // when the last cooldown ends
	mu     sync.Mutex
	until  map[healthKey]int64
}

// healthKey is a location, or with an id one target there.
type healthKey struct{ location, id string }

// cooldowns are those of the deployment's targets, to which one can be added.
func (s *state) cooldowns() *cooldowns {
	if h := s.cooling.Load(); h != nil {
		return h
	}
	s.cooling.CompareAndSwap(nil, &cooldowns{})
	return s.cooling.Load()
}

// maxCooldowns bounds the number of entries; behind a wildcard clients choose the ids.
const maxCooldowns = 1024

func (h *cooldowns) failed(target provider.Target, one bool, until, now int64) {
	at := healthKey{location: target.Location()}
	if one {
		at.id = target.ID()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[healthKey]int64{}
	}
	if len(h.until) >= maxCooldowns {
		for s, until := range h.until {
			if until <= now {
				delete(h.until, s)
			}
		}
		if len(h.until) >= maxCooldowns {
			clear(h.until)
		}
	}
	h.until[at] = until
	h.latest.Store(max(h.latest.Load(), until))
}

// recovered forgets the failures of a target.
func (h *cooldowns) recovered(target provider.Target) {
	if h == nil || h.latest.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, healthKey{location: target.Location()})
	delete(h.until, healthKey{target.Location(), target.ID()})
	if len(h.until) == 0 {
		h.latest.Store(0)
	}
}

// healthy reports whether a target has not failed recently.
func (h *cooldowns) healthy(target provider.Target, now time.Time) bool {
	at := now.UnixNano()
	if h == nil || h.latest.Load() <= at {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until[healthKey{location: target.Location()}] <= at && h.until[healthKey{target.Location(), target.ID()}] <= at
}

// order moves the healthy targets to the front and otherwise keeps the order.
func (h *cooldowns) order(targets []provider.Target, now time.Time) []provider.Target {
	if len(targets) < 2 || h == nil || h.latest.Load() <= now.UnixNano() {
		return targets
	}
	out := make([]provider.Target, 0, len(targets))
	var cooling []provider.Target
	for _, w := range targets {
		if h.healthy(w, now) {
			out = append(out, w)
		} else {
			cooling = append(cooling, w)
		}
	}
	return append(out, cooling...)
}
