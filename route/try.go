package route

import (
	"cmp"
	"context"
	"errors"
	"time"

	"outcrop/llm"
)

// Do calls do with the targets of a model until it succeeds or no other attempt can help, whatever
// the verb; do makes one attempt for a complete response within ctx. A failure is an *llm.Error;
// after several attempts, that of the last.
func Do[T any](ctx context.Context, r *Router, verb llm.Verb, c *llm.Call, do func(ctx context.Context, w way) (T, error)) (T, Served, error) {
	var result T
	served, err := r.try(ctx, verb, c, func(t *deployment, w way, start time.Time) error {
		limit, cause := t.Timeout, &t.late
		if own := c.Routing.Timeout; own > 0 {
			own := lateAfter(own)
			limit, cause = own.limit, &own
		}
		attempt, cancel := context.WithDeadlineCause(ctx, start.Add(limit), cause)
		defer cancel()
		var err error
		result, err = do(attempt, w)
		return attemptError(ctx, attempt, err)
	})
	if err != nil {
		var none T
		return none, served, err
	}
	var tokens int64
	if r, ok := any(result).(interface{ Used() *llm.Usage }); ok {
		served.used(r.Used())
		tokens = r.Used().Output
	}
	served.succeeded(tokens)
	return result, served, nil
}

// Open is Do for streaming responses: begin makes one attempt, and the stream that it returns
// outlives it. Open returns when the first event with content has arrived; nothing is retried
// afterwards.
func Open[E any, P event[E]](ctx context.Context, r *Router, verb llm.Verb, c *llm.Call, begin func(ctx context.Context, w way) (Source[E], error)) (Source[E], error) {
	var s *stream[E, P]
	own := ownLimit(c)
	served, err := r.try(ctx, verb, c, func(t *deployment, w way, _ time.Time) error {
		var err error
		s, err = open[E, P](ctx, limitsOf(t, c), func(ctx context.Context) (Source[E], error) { return begin(ctx, w) })
		if err == nil {
			target := w.Target
			s.failed = func(e *llm.Error) { // it does not keep c, which is part of the request
				r.noteTarget(t, target, e)
				r.note(own, t, e)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	served.opened()
	s.closed = func(u *llm.Usage) {
		served.used(u)
		served.deployment.inFlight.Add(-1)
	}
	served.note(s.Meta())
	return s, nil
}

// limitsOf are the limits on the silence of a stream: the client's, or the deployment's.
func limitsOf(t *deployment, c *llm.Call) silence {
	all := cmp.Or(c.Routing.StreamTimeout, c.Routing.Timeout)
	if all > 0 {
		return silence{all, all}
	}
	return silence{cmp.Or(t.FirstTimeout, t.StreamTimeout), cmp.Or(t.IdleTimeout, t.StreamTimeout)}
}

// attempt calls one target of a deployment; start is when the call arrived.
type attempt func(t *deployment, w way, start time.Time) error

// try makes attempts until one succeeds or no other can help: with the deployments of the name, and then with its fallbacks.
func (r *Router) try(ctx context.Context, verb llm.Verb, req *llm.Call, do attempt) (Served, error) {
	table := r.table()
	g, captured := table.names.find(req.Model)
	if g == nil {
		return Served{}, r.notConfigured(req.Model)
	}
	c := call{r: r, g: g, table: table, verb: verb, req: req, attempt: do, start: r.opt.Now()}
	c.begun = c.start
	first := hop{g: g, captured: captured, name: req.Model}
	if !c.canFallBack() {
		served, err := c.serve(ctx, first, false)
		return served, c.told(err, served.Deployment)
	}
	served, err := c.walk(ctx, first)
	return served, c.told(err, served.Deployment)
}

// told is the failure of a call with the deployment whose failure it is, and the attempts before it.
func (c *call) told(err error, deployment string) error {
	if e, ok := errors.AsType[*llm.Error](err); ok && (deployment != "" || len(c.tries) > 0) {
		with := *e
		with.Deployment, with.Tries, with.Retries, with.Fallbacks = deployment, c.tries, c.failed, c.hops
		return &with
	}
	return err
}

// serve makes attempts with the deployments of a name. If the name is to be well and none of its deployments is, or has room for
// the call, the error is errUnwell and no attempt was made. Of a failure, Served has the deployment whose it is.
func (c *call) serve(ctx context.Context, h hop, well bool) (Served, error) {
	r, g, req := c.r, h.g, c.req
	c.g, c.name = g, h.name
	c.budget = &g.budget
	if req.ClientSettings != nil {
		c.budget = &g.overrideBudget
	}
	do := c.guarded()
	from, e := c.candidates(&h)
	if e != nil {
		return Served{}, e
	}
	now := c.now()
	next := from.next(now)
	if well && !next.well(now) {
		return Served{}, errUnwell
	}
	var last *llm.Error
	var at string // the deployment of last
	for tries := 0; ; tries++ {
		failed, t, err := c.admit(ctx, &from, next, well)
		if err != nil {
			if last != nil {
				err = last
			}
			return Served{Deployment: at}, err
		}
		from.try(t)
		model := t.modelFor(h.captured)
		began := r.opt.Now()
		t.inFlight.Add(1)
		e := c.attend(ctx, t, model, do, began)
		explain(e, t.Facts, model)
		if e == nil {
			c.budget.earn()
			return Served{Deployment: t.ID, Retries: c.failed, Tries: c.tries, deployment: t, foreign: req.ClientSettings != nil, began: began, now: r.opt.Now, price: t.Price, facts: t.Facts, model: model}, nil
		}
		t.inFlight.Add(-1)
		if failed != nil {
			failed()
		}
		if req.Once {
			return Served{Deployment: t.ID}, e
		}
		next = from.next(r.opt.Now())
		pause, ok := c.shouldRetry(e, tries, from.rounds, t, next)
		if !ok && ctx.Err() == nil && worthAnother(e) {
			if higher := from.above(t.Order, r.opt.Now()); higher != nil {
				next.unclaim(t, higher)
				next, pause, tries, ok = higher, 0, -1, true
			}
		}
		if !ok || ctx.Err() != nil {
			next.unclaim(t, nil)
			return Served{Deployment: t.ID}, e
		}
		last, at = e, t.ID
		c.retry(ctx, e, pause)
		if next != t {
			c.start = r.opt.Now() // the time limit is that of a deployment
		}
		if pause > 0 && r.opt.Sleep(ctx, pause) != nil {
			return Served{Deployment: at}, e
		}
	}
}

// attend makes an attempt with a deployment, of which it is noted that somebody waits for it.
func (c *call) attend(ctx context.Context, t *deployment, model string, do attempt, began time.Time) *llm.Error {
	own := c.req.ClientSettings
	if own == nil { // a client's own account says nothing of the deployment
		t.waiting.begin(began)
	}
	if c.req.Mirror != nil && len(t.Silent) > 0 {
		c.req.Mirror(t.Silent)
	}
	e := c.tryDeployment(ctx, t, model, own, do)
	if own == nil {
		t.waiting.end(e == nil || !ranOut(e), c.r.opt.Now())
	}
	return e
}

// now is the present time: that of the beginning, as long as nothing has failed that takes time.
func (c *call) now() time.Time {
	if c.failed > 0 {
		return c.r.opt.Now()
	}
	return c.start
}

// guarded is the attempt with Bedrock's guardrail of the request, where there is one and it can be in force.
func (c *call) guarded() attempt {
	if len(c.req.Guardrail) > 0 && c.verb != llm.VerbCount && c.verb != llm.VerbService {
		return guarded(c.attempt)
	}
	return c.attempt
}

// ranOut reports whether an attempt was ended by the gateway's own time limit.
func ranOut(e *llm.Error) bool { return e.Code == llm.CodeTimeout && !e.Upstream }
