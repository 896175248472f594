package route

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/llm"
)

// The first pause is short, because most failures are over at once; each further one is ten times as long, up to the cap, because what
// is not over at once takes a while. Half of a pause is random, so that callers that failed together do not retry together.
const (
	backoffBase = 200 * time.Millisecond
	backoffCap  = 8 * time.Second
)

// backoff is the pause before a deployment is tried again that has failed a number of times before, at least the provider's
// Retry-After.
func backoff(failures int, after string, random func() float64) time.Duration {
	d := backoffBase
	for range min(failures, 2) {
		d = min(10*d, backoffCap)
	}
	d = d/2 + time.Duration(random()*float64(d/2))
	return max(d, retryAfter(after))
}

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3), 0 if there
// is none.
func retryAfter(s string) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// budget bounds the load that retries of a name add to a provider that fails for everybody: it
// starts full, each retry takes one, each success returns a tenth.
type budget struct{ tenths atomic.Int64 }

const budgetFull = 100 * 10

func (b *budget) fill() { b.tenths.Store(budgetFull) }

func (b *budget) earn() {
	if b.tenths.Load() < budgetFull {
		b.tenths.Add(1)
	}
}

func (b *budget) spend() bool {
	if b.tenths.Add(-10) >= 0 {
		return true
	}
	b.tenths.Add(10)
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shouldRetry decides whether another try follows a failure, and after which pause. tries and rounds are how many came before: a
// round is one try with each deployment.
func (c *call) shouldRetry(e *llm.Error, tries, rounds int, failed, next *deployment) (time.Duration, bool) {
	most, named := c.retries(e, failed)
	if tries >= most || e.Code == llm.CodeOverloaded || e.Code == llm.CodeAnswerTooLarge {
		return 0, false // a response arrived, and another attempt would find no more memory
	}
	r := c.r
	elsewhere := next != failed
	var pause time.Duration
	if elsewhere && rounds > 0 { // next has failed as well, a while ago
		pause = backoff(rounds-1, "", r.opt.Random)
	}
	switch e.CanRetry() {
	case llm.RetryLater, llm.RetryNowElsewhere, llm.RetryBeforeFirstToken:
		if ranOut(e) && !elsewhere {
			return 0, false // the gateway's own timeout expired; the same deployment would use it up again
		}
		if !elsewhere {
			pause = backoff(rounds-1, e.RetryAfter, r.opt.Random)
		}
	case llm.RetryAfterRefresh:
		if tries > 0 {
			return 0, false
		}
	case llm.RetryNo, llm.RetryOtherTarget:
		switch {
		case named && !elsewhere:
			pause = backoff(rounds-1, e.RetryAfter, r.opt.Random)
		case !named && (!elsewhere || e.Responsible() == llm.ActorCaller && !missing(e)):
			return 0, false // another deployment may have other credentials and permissions, but an invalid request is invalid everywhere
		}
	}
	if !elsewhere {
		pause = max(pause, c.table.policy.RetryAfter)
	}
	now := r.opt.Now()
	if elsewhere && next.well(now) {
		return pause, true // it adds no load to the failing deployment, and has its own time
	}
	if pause > longestPause || !elsewhere && now.Add(pause).Sub(c.start) >= cmp.Or(c.req.Routing.Timeout, next.Timeout) {
		return 0, false // the client gets the error at once, with the Retry-After
	}
	return pause, c.budget.spend()
}

// retries is how many retries may follow a failure: what the client asks for, what a policy says of failures of the class, or what
// the deployment has; and whether it is a policy that names the class.
func (c *call) retries(e *llm.Error, t *deployment) (n int, named bool) {
	if own := c.req.Routing.Retries; own.Set {
		return int(own.Value), false
	}
	p, ok := c.table.policy.NameRetries[c.g.name]
	if !ok {
		p = c.table.policy.Retries
	}
	if n, ok := p.ByClass[classOf(e)]; ok {
		return n, n > 0
	}
	if p.Default != nil {
		return *p.Default, false
	}
	return t.Retries, false
}

// note records a failure of a deployment, unless it was the call's.
func (r *Router) note(ownLimit bool, t *deployment, e *llm.Error) {
	gone := missing(e) && !strings.Contains(t.Model, "*") // behind a *, it is the caller's model that is missing
	if !atFault(e) && !gone || ownLimit && ranOut(e) {
		t.release()
		return
	}
	t.failed(e, &r.table().policy, t.Cooldown, r.opt.Now())
}

// ownLimit reports whether a client has limited the time of its call itself.
func ownLimit(c *llm.Call) bool { return c.Routing.Timeout > 0 || c.Routing.StreamTimeout > 0 }

// missing reports whether a model is not where it was asked for, and may be elsewhere.
func missing(e *llm.Error) bool {
	return e.CanRetry() == llm.RetryOtherTarget || e.Code == llm.CodeModelUnknown || e.Code == llm.CodeEndOfLife
}

// atFault reports whether the deployment or target caused a failure, and not the call.
func atFault(e *llm.Error) bool {
	switch {
	case e.Code == llm.CodeClientGone || e.Code == llm.CodeStopping || e.Code == llm.CodeOverloaded:
		return false
	case limited(e):
		return true
	case missing(e): // the model is missing there; another target may have it
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

// longestPause bounds how long a client waits for another attempt, and how long a cooldown lasts,
// whatever a Retry-After asks for.
const longestPause = time.Minute

// cooldown is how long a failed deployment is tried after the others; LiteLLM's default
// cooldown_time is the same.
const cooldown = 5 * time.Second
