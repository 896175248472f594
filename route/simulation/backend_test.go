// Package simulation compares the router with LiteLLM's algorithm where deployments are slow, fail, throttle and recover. It
// contains tests only. The clock is virtual (testing/synctest), and all that is random has a seed.
package simulation

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// Times of a model that is well. A response takes prefill and a time for each token, and all of it varies by spread, the standard
// deviation of its logarithm.
const (
	prefill  = 200 * time.Millisecond
	perToken = 8 * time.Millisecond
	spread   = 0.25
	// refusing is how long a deployment takes to refuse a call.
	refusing = 60 * time.Millisecond
	// tokensMedian and tokensSpread are the output of a call.
	tokensMedian, tokensSpread = 100, 0.5
	// input is the prompt of a call, in tokens.
	input = 50
)

// phase is how a deployment behaves for a while. What is not set is as always.
type phase struct {
	from, to time.Duration
	slow     float64 // how many times as long a response takes
	fails    float64 // the share of calls that fail with status
	status   int
	hangs    bool // calls are never answered
	limit    float64
}

// spec is a deployment and its fate.
type spec struct {
	id, group string
	slots     int     // how many calls are served at once; the others wait
	limit     float64 // requests a second, beyond which calls are refused with 429 and a Retry-After
	weight    float64
	price     float64 // dollars a million tokens
	phases    []phase
}

// call is one call of the load, which is the same for all routers.
type call struct {
	number uint64
	at     time.Duration
	stream bool
	tokens int64

	attempts uint64 // at any deployment
	asked    map[string]int
}

// retryAfter is what a deployment that throttles asks for, in seconds.
const retryAfter = 2

// backend is a simulated deployment. It is a provider.Deployment, and its own only target.
type backend struct {
	spec

	index, seed uint64
	began       time.Time

	mu     sync.Mutex
	free   []time.Duration // when each slot is free
	bucket float64
	filled time.Duration
	asked  int
}

func newBackend(s spec, index int, seed uint64) *backend {
	return &backend{spec: s, index: uint64(index), seed: seed, began: time.Now(), free: make([]time.Duration, s.slots), bucket: s.limit}
}

// reply is what becomes of an attempt: a response, of which the first token arrives first, or a status. One that hangs has
// neither.
type reply struct {
	first, whole time.Duration // from now
	status       int
	hangs        bool
}

// ask decides what becomes of an attempt. A call that is given up still occupies its slot, as models finish what nobody waits for.
func (b *backend) ask(c *call) reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.began)
	c.attempts++
	b.asked++
	c.asked[b.id]++
	random := rand.New(rand.NewPCG(b.seed, c.number<<16|c.attempts<<8|b.index))
	quick := lognormal(random, refusing, spread)
	at := b.at(now)
	switch {
	case at.hangs:
		return reply{hangs: true}
	case at.limit > 0 && !b.admit(now, at.limit):
		return reply{first: quick, status: 429}
	case at.fails > 0 && random.Float64() < at.fails:
		return reply{first: quick, status: at.status}
	}
	slot := 0
	for i, t := range b.free {
		if t < b.free[slot] {
			slot = i
		}
	}
	slow := max(at.slow, 1)
	begin := max(now, b.free[slot]) - now
	noise := lognormal(random, time.Second, spread).Seconds() * slow
	first := begin + times(prefill, noise)
	whole := first + times(perToken, noise*float64(c.tokens))
	b.free[slot] = now + whole
	return reply{first: first, whole: whole}
}

// at is the behaviour at a time.
func (b *backend) at(now time.Duration) phase {
	for _, p := range b.phases {
		if p.from <= now && now < p.to {
			if p.limit == 0 {
				p.limit = b.limit
			}
			return p
		}
	}
	return phase{limit: b.limit}
}

// admit takes a token of a bucket that holds those of a second.
func (b *backend) admit(now time.Duration, limit float64) bool {
	b.bucket = min(limit, b.bucket+limit*(now-b.filled).Seconds())
	b.filled = now
	if b.bucket < 1 {
		return false
	}
	b.bucket--
	return true
}

func lognormal(random *rand.Rand, median time.Duration, sigma float64) time.Duration {
	return times(median, math.Exp(sigma*random.NormFloat64()))
}

func times(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// sleep waits for d, or until ctx ends.
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

// callKey is the key of a *call in a context.
type callKey struct{}

// begin makes an attempt, and waits until it is refused, if it is.
func (b *backend) begin(ctx context.Context) (reply, *call, error) {
	c, _ := ctx.Value(callKey{}).(*call)
	r := b.ask(c)
	if r.hangs {
		<-ctx.Done()
		return r, c, ctx.Err()
	}
	if r.status == 0 {
		return r, c, nil
	}
	if err := sleep(ctx, r.first); err != nil {
		return r, c, err
	}
	return r, c, refusal(r.status)
}

func refusal(status int) *llm.Error {
	e := &llm.Error{Code: llm.CodeServiceInternal, Status: status, UpstreamStatus: status, Upstream: true, Message: "the simulated deployment fails"}
	switch status {
	case 429:
		e.Code, e.RetryAfter = llm.CodeLimitRequests, strconv.Itoa(retryAfter)
	case 503:
		e.Code = llm.CodeUnavailable
	}
	return e
}

// Complete answers when the response is complete.
func (b *backend) Complete(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	r, c, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, r.whole); err != nil {
		return nil, err
	}
	return &llm.Response{Usage: llm.Usage{Input: input, Output: c.tokens}}, nil
}

// Stream answers at once, and the stream has the first token later.
func (b *backend) Stream(ctx context.Context, _ *llm.Request) (llm.Stream, error) {
	r, c, err := b.begin(ctx)
	if err != nil {
		return nil, err
	}
	return &tokens{ctx: ctx, reply: r, call: c, began: time.Now()}, nil
}

// Targets returns the deployment itself.
func (b *backend) Targets(llm.Verb, string) ([]provider.Target, error) {
	return []provider.Target{b}, nil
}

func (*backend) Close() error { return nil }

// Location is empty: the deployments are in no region.
func (*backend) Location() string { return "" }

// ID is the deployment's.
func (b *backend) ID() string { return b.id }

// Cost is the price of usage.
func (b *backend) Cost(_ string, u *llm.Usage) (llm.Cost, bool) {
	return llm.Cost(b.price * float64(u.Input+u.Output)), true
}

// piece is how often a stream sends something, at least.
const piece = time.Second

// tokens is a simulated stream: a first piece of text, others, and the end.
type tokens struct {
	ctx   context.Context
	reply reply
	call  *call
	began time.Time
	meta  llm.Meta
	sent  time.Duration // until when everything was sent
	ended bool
}

func (s *tokens) Next(ev *llm.Event) error {
	*ev = llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: "text"}
	switch {
	case s.ended:
		return io.EOF
	case s.sent == 0:
		s.sent = s.reply.first
	case s.sent+piece < s.reply.whole:
		s.sent += piece
	default:
		s.sent, s.ended = s.reply.whole, true
		*ev = llm.Event{Kind: llm.EventStop, Usage: &llm.Usage{Input: input, Output: s.call.tokens}}
	}
	return sleep(s.ctx, s.sent-time.Since(s.began))
}

func (*tokens) More() bool        { return false }
func (s *tokens) Meta() *llm.Meta { return &s.meta }
func (*tokens) Close() error      { return nil }
