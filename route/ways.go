package route

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// call is one call on its way through the deployments of a name.
type call struct {
	r      *Router
	g      *group
	once   once
	start  time.Time
	failed int // tries
	budget *budget
}

// retry counts a failed try that is followed by another.
func (c *call) retry(ctx context.Context, e *llm.Error, pause time.Duration) {
	c.failed++
	c.r.opt.Retried(c.g.name, e)
	c.r.opt.Logger.LogAttrs(ctx, slog.LevelDebug, "trying again", slog.String("name", c.g.name), slog.String("code", string(e.Code)),
		slog.String("target", e.Target.String()), slog.Duration("after", pause))
}

// maxLearned bounds how often a call is made again because a refusal taught
// something: what no list says is guessed, and a guess may be wrong.
const maxLearned = 3

// through tries the ways of one deployment in their order, as long as a failure
// says that the next can help: by the deployment's own judgement, which
// num_retries does not count, or because the place failed. It gives nil when one
// has served.
func (c *call) through(ctx context.Context, t *target, model string) *llm.Error {
	ways, err := t.find(model)
	if err != nil {
		return llm.AsError(err)
	}
	ways = t.ways.order(ways, c.r.opt.Now())
	var tried []provider.Target
	learned := 0
	for i := 0; ; {
		way := ways[i]
		err := c.once(t, way, c.start)
		if err == nil {
			t.ways.recovered(way)
			return nil
		}
		e := llm.AsError(err)
		if ctx.Err() != nil {
			return e
		}
		tried = append(tried, way)
		if learned < maxLearned && t.targeter != nil && t.targeter.Learn(ctx, model, way, e) {
			if others := t.untried(model, tried, c.r.opt.Now()); len(others) > 0 {
				learned++
				ways, i = others, 0
				c.retry(ctx, e, 0)
				continue
			}
		}
		c.r.noteWay(t, way, e)
		if i++; i == len(ways) || !c.elsewhere(e, t, ways[i]) {
			return e
		}
		c.retry(ctx, e, 0)
	}
}

// elsewhere decides whether a failure calls for the next way of a deployment.
func (c *call) elsewhere(e *llm.Error, t *target, next provider.Target) bool {
	switch e.CanRetry() {
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
	case llm.RetryNo, llm.RetryOtherTarget, llm.RetryAfterRefresh:
		return false
	}
	now := c.r.opt.Now()
	if !atFault(e) || now.Sub(c.start) >= t.Timeout {
		return false
	}
	return t.ways.well(next, now) || c.budget.spend()
}

// find gives the ways to a model, one at least.
func (t *target) find(model string) ([]provider.Target, error) {
	if t.targeter == nil {
		return []provider.Target{only{t.Deployment, model}}, nil
	}
	return t.targeter.Targets(model)
}

// untried gives the ways that a call has not tried, in the order of find.
func (t *target) untried(model string, tried []provider.Target, now time.Time) []provider.Target {
	ways, err := t.find(model)
	if err != nil {
		return nil
	}
	return t.ways.order(slices.DeleteFunc(slices.Clone(ways), func(w provider.Target) bool {
		return slices.ContainsFunc(tried, func(o provider.Target) bool { return o.Place() == w.Place() && o.ID() == w.ID() })
	}), now)
}

// noteWay remembers that a way failed. A right that is missing is no reason to go
// another way the next time: whoever mends it would be refused there for the next
// one, and nobody has asked for the other place.
func (r *Router) noteWay(t *target, way provider.Target, e *llm.Error) {
	if t.targeter != nil && atFault(e) && !e.Code.Standing() {
		t.ways.failed(way, !placeFailed(e), r.unwellUntil(e), r.opt.Now().UnixNano())
	}
}

// placeFailed reports whether a failure is of the whole place. Limits, rights and
// what a model does are those of one id, and so is our own patience: some answers
// are long.
func placeFailed(e *llm.Error) bool {
	switch e.Code {
	case llm.CodeUnavailable, llm.CodeServiceInternal, llm.CodeUnreachable, llm.CodeInterrupted:
		return true
	default:
		return false
	}
}

// only is the one way of a deployment that knows no others.
type only struct {
	provider.Deployment
	model string
}

func (o only) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	return o.Deployment.Complete(ctx, o.model, req)
}

func (o only) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	return o.Deployment.Stream(ctx, o.model, req)
}

func (only) Place() string { return "" }

func (o only) ID() string { return o.model }

// health remembers which ways of a deployment have failed lately: a whole place,
// or one id in it. Times are in nanoseconds since
// 1970.
type health struct {
	latest atomic.Int64 // until when anything is unwell
	mu     sync.Mutex
	until  map[spot]int64
}

// spot is a place, or with an id one id there.
type spot struct{ place, id string }

// maxUnwell bounds what is remembered; behind a wildcard clients choose the ids.
const maxUnwell = 1024

func (h *health) failed(way provider.Target, one bool, until, now int64) {
	at := spot{place: way.Place()}
	if one {
		at.id = way.ID()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[spot]int64{}
	}
	if len(h.until) >= maxUnwell {
		for s, until := range h.until {
			if until <= now {
				delete(h.until, s)
			}
		}
		if len(h.until) >= maxUnwell {
			clear(h.until)
		}
	}
	h.until[at] = until
	h.latest.Store(max(h.latest.Load(), until))
}

// recovered forgets that a way has failed.
func (h *health) recovered(way provider.Target) {
	if h.latest.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, spot{place: way.Place()})
	delete(h.until, spot{way.Place(), way.ID()})
	if len(h.until) == 0 {
		h.latest.Store(0)
	}
}

// well reports whether a way has not failed lately.
func (h *health) well(way provider.Target, now time.Time) bool {
	at := now.UnixNano()
	if h.latest.Load() <= at {
		return true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until[spot{place: way.Place()}] <= at && h.until[spot{way.Place(), way.ID()}] <= at
}

// order puts the well ways in front and leaves their order as it is otherwise.
func (h *health) order(ways []provider.Target, now time.Time) []provider.Target {
	if len(ways) < 2 || h.latest.Load() <= now.UnixNano() {
		return ways
	}
	out := make([]provider.Target, 0, len(ways))
	var unwell []provider.Target
	for _, w := range ways {
		if h.well(w, now) {
			out = append(out, w)
		} else {
			unwell = append(unwell, w)
		}
	}
	return append(out, unwell...)
}
