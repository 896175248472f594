package simulation

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/route"
)

// LiteLLM's defaults (litellm/constants.py of 1.110.2).
const (
	litellmCooldown     = 5 * time.Second
	litellmFailedShare  = 0.5  // of the calls of a clock minute, above which a deployment is in cooldown
	litellmFewest       = 5    // calls in the minute, below which the share does not count
	litellmAloneFailing = 1000 // calls in the minute that all fail, for a group of one
	litellmFirstDelay   = 500 * time.Millisecond
	litellmLongestDelay = 8 * time.Second
	litellmJitter       = 750 * time.Millisecond
	litellmSamples      = 10   // times that the mean is of
	litellmTimedOut     = 1000 // seconds that a timeout counts for
)

// litellm is the algorithm of LiteLLM 1.110.2, from what its source and running it show.
type litellm struct {
	strategy route.Strategy
	groups   map[string][]*neighbour
	random   *random

	mu       sync.Mutex
	measured bool // some deployment has times
}

// neighbour is what LiteLLM remembers of a deployment.
type neighbour struct {
	*backend

	cooledUntil time.Time
	inFlight    int
	minute      int64
	ok, failed  int
	used        int64     // tokens of the minute
	times       []float64 // seconds per output token
	firsts      []float64 // seconds to the first token
}

var errCooling = errors.New("all deployments are in cooldown")

func newLiteLLM(strategy route.Strategy, all []*backend, seed uint64) *litellm {
	l := &litellm{strategy: strategy, groups: map[string][]*neighbour{}, random: newRandom(seed)}
	for _, b := range all {
		l.groups[b.group] = append(l.groups[b.group], &neighbour{backend: b})
	}
	return l
}

// serve tries the name, and then its fallback.
func (l *litellm) serve(ctx context.Context, c *call) (time.Duration, error) {
	began := time.Now()
	first, err := l.retry(ctx, main, c)
	if err != nil && len(l.groups[spare]) > 0 {
		first, err = l.retry(ctx, spare, c)
	}
	if err != nil {
		return 0, err
	}
	return first.Sub(began), nil
}

// retry makes attempts with a group. Between those of a group of several it waits for nothing, and it makes no more when none of
// them is well. With a group of one it waits after each attempt, even the last.
func (l *litellm) retry(ctx context.Context, name string, c *call) (time.Time, error) {
	first, err := l.attempt(ctx, name, c)
	for n := 0; err != nil && len(l.healthy(name)) > 0; n++ {
		if len(l.groups[name]) == 1 {
			if err := sleep(ctx, l.delay(n, err)); err != nil {
				return first, err
			}
		}
		if n == retries {
			break
		}
		first, err = l.attempt(ctx, name, c)
	}
	return first, err
}

// delay is the pause after a number of retries: what the provider asks for, or twice as long each time.
func (l *litellm) delay(n int, err error) time.Duration {
	if e, ok := errors.AsType[*llm.Error](err); ok && e.RetryAfter != "" {
		seconds, _ := strconv.Atoi(e.RetryAfter)
		return time.Duration(seconds) * time.Second
	}
	return min(litellmFirstDelay<<n, litellmLongestDelay) + times(litellmJitter, l.random.float())
}

// attempt calls a deployment that is not in cooldown, which may be one that has just failed the call. It returns when the first
// token had arrived, after the end.
func (l *litellm) attempt(ctx context.Context, name string, c *call) (time.Time, error) {
	d := l.choose(name, c)
	if d == nil {
		return time.Time{}, errCooling
	}
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	first, err := d.call(within, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	d.inFlight--
	d.turn()
	if err != nil {
		l.failed(d, err, len(l.groups[name]) == 1)
		return first, err
	}
	d.ok++
	d.used += input + c.tokens
	l.measured = true
	d.times = sampled(d.times, time.Since(began).Seconds()/float64(max(c.tokens, 1)))
	if c.stream {
		d.firsts = sampled(d.firsts, first.Sub(began).Seconds())
	}
	return first, nil
}

// call makes an attempt.
func (d *neighbour) call(ctx context.Context, c *call) (first time.Time, err error) {
	r := d.ask(c)
	switch {
	case r.hangs:
		<-ctx.Done()
		return first, ctx.Err()
	case r.status != 0:
		if err := sleep(ctx, r.first); err != nil {
			return first, err
		}
		return first, refusal(r.status)
	}
	if c.stream {
		if err := sleep(ctx, r.first); err != nil {
			return first, err
		}
		// The timeout is that of the first token, and then of each one.
		ctx = context.WithoutCancel(ctx)
		first = time.Now()
		return first, sleep(ctx, r.whole-r.first)
	}
	if err := sleep(ctx, r.whole); err != nil {
		return first, err
	}
	return time.Now(), nil
}

func sampled(samples []float64, one float64) []float64 {
	if len(samples) == litellmSamples {
		samples = samples[1:]
	}
	return append(slices.Clone(samples), one)
}

// turn forgets the counts of an earlier minute of the clock.
func (d *neighbour) turn() {
	if m := time.Now().Unix() / 60; m != d.minute {
		d.minute, d.ok, d.failed, d.used = m, 0, 0, 0
	}
}

// failed counts a failure, and begins a cooldown: after a rate limit at once, and otherwise when most calls of the minute have
// failed. A group of one has none but for calls that all fail.
func (l *litellm) failed(d *neighbour, err error, alone bool) {
	d.failed++
	status, pause := 408, litellmCooldown
	if e, ok := errors.AsType[*llm.Error](err); ok {
		status = e.Status
		if seconds, err := strconv.Atoi(e.RetryAfter); err == nil {
			pause = time.Duration(seconds) * time.Second
		}
	} else {
		d.times = sampled(d.times, litellmTimedOut)
		l.measured = true
	}
	all := d.ok + d.failed
	switch {
	case status == 429 && !alone:
	case d.ok == 0 && all >= litellmAloneFailing:
	case !alone && all >= litellmFewest && float64(d.failed) > litellmFailedShare*float64(all):
	case status == 401 || status == 402 || status == 404:
	default:
		return
	}
	d.cooledUntil = time.Now().Add(pause)
}

// healthy lists the deployments of a group that are not in cooldown.
func (l *litellm) healthy(name string) (all []*neighbour) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.well(name)
}

func (l *litellm) well(name string) (all []*neighbour) {
	for _, d := range l.groups[name] {
		if !d.cooledUntil.After(time.Now()) {
			d.turn()
			all = append(all, d)
		}
	}
	return all
}

// choose applies the strategy. The deployment counts as called.
func (l *litellm) choose(name string, c *call) *neighbour {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.well(name)
	if len(all) == 0 {
		return nil
	}
	var d *neighbour
	switch l.strategy {
	case route.LeastBusy: // the first of those with as many
		d = slices.MinFunc(all, func(a, b *neighbour) int { return cmp.Compare(a.inFlight, b.inFlight) })
	case route.Cost:
		d = slices.MinFunc(all, func(a, b *neighbour) int { return cmp.Compare(a.price, b.price) })
	case route.Usage, route.UsageV2:
		d = l.lowest(all, func(d *neighbour) float64 { return float64(d.used) })
	case route.Latency:
		for _, d := range all {
			if l.measured && len(d.times) == 0 {
				d.times = []float64{0} // which stays among the samples
			}
		}
		d = l.lowest(all, func(d *neighbour) float64 {
			if c.stream && len(d.firsts) > 0 {
				return mean(d.firsts)
			}
			return mean(d.times)
		})
	case route.Shuffle, route.TwoChoices:
		d = l.drawn(all)
	}
	d.inFlight++
	return d
}

// drawn draws lots by weight.
func (l *litellm) drawn(all []*neighbour) *neighbour {
	var sum float64
	for _, d := range all {
		sum += d.weight
	}
	at := l.random.float()
	if sum == 0 {
		return all[int(at*float64(len(all)))]
	}
	at *= sum
	for _, d := range all {
		if at -= d.weight; at < 0 {
			return d
		}
	}
	return all[len(all)-1]
}

// lowest draws lots among those that rank lowest.
func (l *litellm) lowest(all []*neighbour, rank func(*neighbour) float64) *neighbour {
	lowest := math.Inf(1)
	var best []*neighbour
	for _, d := range all {
		switch v := rank(d); {
		case v < lowest:
			lowest, best = v, []*neighbour{d}
		case v == lowest:
			best = append(best, d)
		}
	}
	return best[int(l.random.float()*float64(len(best)))]
}

func mean(samples []float64) (m float64) {
	for _, s := range samples {
		m += s / float64(len(samples))
	}
	return m
}
