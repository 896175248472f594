package route

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"outcrop/llm"
)

// admit goes on to the first candidate whose limits let the call use it, and returns it, with what is to be called if it fails;
// nil for nothing. If there is none, and only for want of room, the call waits, unless others are to be tried first: then the error
// is errUnwell. Otherwise it is an *llm.Error, the refusal that is over soonest: each says how long that takes.
func (c *call) admit(ctx context.Context, from *candidates, t *deployment, well bool) (failed func(), _ *deployment, _ error) {
	if c.req.Admit == nil {
		return nil, t, nil
	}
	waits := c.g.bounded && !c.req.Routing.NoQueue
	priority := c.table.policy.Queue.Priority
	if own := c.req.Routing.Priority; own.Set {
		priority = own.Value
	}
	if waits && c.g.queue.ahead(priority) {
		t.release()
		if well {
			return nil, nil, errUnwell
		}
		return c.wait(ctx, from, newWaiter(priority), nil)
	}
	failed, t, no := c.ask(ctx, from, t)
	switch {
	case no == nil:
		return failed, t, nil
	case !no.full || !waits:
		return nil, nil, no.err
	case well:
		return nil, nil, errUnwell
	}
	return c.wait(ctx, from, newWaiter(priority), no)
}

// refusal is that of all candidates.
type refusal struct {
	err *llm.Error // the one that is over soonest
	// full is whether one of them would have taken the call if it had fewer others, and apart whether another call might be taken.
	full, apart bool
}

// ask asks the candidates, from t on, until one takes the call.
func (c *call) ask(ctx context.Context, from *candidates, t *deployment) (failed func(), _ *deployment, _ *refusal) {
	var no *refusal
	defer func() { from.full = nil }()
	for t != nil {
		name := ""
		if t.Name != c.g.name {
			name = t.Name
		}
		if t.Limits == nil && name == "" {
			return nil, t, nil
		}
		failed, err := c.req.Admit(ctx, t.Limits, name)
		if err == nil {
			return failed, t, nil
		}
		t.release()
		e := llm.AsError(err)
		if e.Code != llm.CodeRateLimited && e.Code != llm.CodeBudget {
			return nil, nil, &refusal{err: e} // it is not about this deployment
		}
		if no == nil {
			no = &refusal{err: e, apart: from.fewer}
		} else if seconds(e) < seconds(no.err) {
			no.err = e
		}
		if errors.Is(e, llm.ErrFull) {
			no.full = true
		} else {
			no.apart = true
		}
		from.full = append(from.full, t)
		t = from.next(c.r.opt.Now())
	}
	return nil, nil, no
}

// wait is admit for a call that waits. no is the refusal that it has had; nil if others wait before it.
func (c *call) wait(ctx context.Context, from *candidates, w *waiter, no *refusal) (func(), *deployment, error) {
	q, p, began := &c.g.queue, &c.table.policy.Queue, time.Now()
	if c.patience.IsZero() {
		c.patience = began.Add(p.Wait)
		if own := c.req.Routing.Timeout; own > 0 && own < p.Wait {
			c.patience = began.Add(own)
		}
	}
	if no != nil {
		w.apart = no.apart
	}
	if !q.join(w, p.Size) {
		return nil, nil, fullError(refusalOf(no), "As many calls wait already as may (outcrop_settings.routing.queue_size).")
	}
	end := WaitRefused
	c.r.opt.Queued(c.g.name)
	defer func() {
		q.leave(w, end == WaitServed)
		c.r.opt.Waited(c.g.name, end, time.Since(began))
	}()
	patience, again := time.NewTimer(time.Until(c.patience)), time.NewTimer(cmp.Or(q.again, askAgain))
	defer patience.Stop()
	defer again.Stop()
	for turn := no != nil; ; { // a call that was refused asks again, as room may have come about before it waited
		if turn {
			failed, t, refused := c.ask(ctx, from, from.next(c.r.opt.Now()))
			switch {
			case refused == nil:
				end, c.start = WaitServed, c.r.opt.Now() // the time limit is that of a deployment
				return failed, t, nil
			case ctx.Err() != nil:
				end = WaitGone
				return nil, nil, llm.AsError(cancelError(ctx, ctx.Err()))
			case !refused.full:
				return nil, nil, refused.err
			}
			q.pass(w, refused.apart)
			no = refused
		}
		select {
		case <-w.turn:
			if q.lost(w) {
				return nil, nil, fullError(refusalOf(no), "The call has lost its place to one with a lower priority number.")
			}
			turn = true
		case <-again.C:
			turn = q.first(w)
			again.Reset(cmp.Or(q.again, askAgain))
		case <-patience.C:
			return nil, nil, fullError(refusalOf(no), "The call has waited for "+time.Since(began).Round(time.Millisecond).String()+".")
		case <-ctx.Done():
			end = WaitGone
			return nil, nil, llm.AsError(cancelError(ctx, ctx.Err()))
		}
	}
}

// refusalOf is the refusal that a call has had, or that of one that has not asked because others wait before it.
func refusalOf(no *refusal) *llm.Error {
	if no != nil {
		return no.err
	}
	return &llm.Error{
		Code: llm.CodeRateLimited, Status: 429, RetryAfter: "1", Err: llm.ErrFull,
		Message: "No deployments available for selected model: all have as many calls as they may have at a time, and others wait. Limit type: max_parallel_requests.",
		Fix:     "Wait for one of the calls to end.",
	}
}

// seconds is how many seconds a refusal asks to wait; 0 if it says nothing, which is that of a budget that does not begin anew.
func seconds(e *llm.Error) int {
	n, err := strconv.Atoi(e.RetryAfter)
	if err != nil {
		n = forever
	}
	return cmp.Or(n, forever)
}

// forever is longer than any Retry-After.
const forever = 1 << 40
