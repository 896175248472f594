package route

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/llm"
)

// health is how a deployment has lately been doing, as this process has seen it. With those of thousands of deployments, what is read
// of each is seldom in the processor's caches, so that what is read together is side by side: together with what precedes it in state,
// it has three lines of 64 bytes. The first is all that a call reads of a deployment to know whether it can have it, and the second
// what is compared.
type health struct {
	inFlight atomic.Int64
	waiting  waiting
	// until is when the cooldown ends, in nanoseconds since 1970; 0 if there is none. When it has ended, one call tries the
	// deployment, which may take until trial, while the others pass it by.
	until, trial atomic.Int64
	mu           sync.Mutex // held by those that change what follows, and to read it unless it is a mean

	first mean // time to the first content, in seconds
	token mean // time per output token of complete responses, in seconds
	whole mean // time of complete responses, in seconds
	size  mean // tokens of a call

	ok, fails fading // of a half-life of lately
	minute    minute
	streak    int32 // failures since the last success
	cooldowns int32 // since the last success
}

const (
	// lately is the half-life of what has been seen of successes and failures.
	lately = 10 * time.Second
	// manyInRow is how many failures in a row show that something is wrong, however many successes were before.
	manyInRow = 3
	// doubt is how many failures more than successes there must be, so that as many of one as of the other are no reason.
	doubt = 0.5
	// trialFor is how long a call that tries a deployment after a cooldown keeps the others away, at most.
	trialFor = 30 * time.Second
	// stale is the half-life of times that were measured, for comparing: what was slow long ago is tried again.
	stale = 30 * time.Second
	// patience is how many times its usual time a deployment may answer nobody, before it is compared by how long it has been silent.
	patience = 2
	// lost is how many times its usual time a deployment may answer none of several that wait, before it is left alone.
	lost = 5
	// leastSilence is no reason to leave a deployment alone, however fast it usually is.
	leastSilence = time.Second
	// unheard is what a deployment is taken to need that somebody already waits for and that has never answered, in seconds.
	unheard = 1e9
)

// waiting are the calls that a deployment has neither answered nor refused. A call that is answered late counts when it ends, and
// one that is never answered when its time limit has passed; that nobody is answered shows before that.
type waiting struct {
	calls atomic.Int64
	since atomic.Int64 // when one was answered last, or the first began to wait, in nanoseconds since 1970
}

func (w *waiting) begin(now time.Time) {
	if w.calls.Add(1) == 1 {
		w.since.Store(now.UnixNano())
	}
}

// end is called when a call no longer waits; answered is false if that was the end of its patience.
func (w *waiting) end(answered bool, now time.Time) {
	if w.calls.Add(-1); answered {
		w.since.Store(now.UnixNano())
	}
}

// silent is for how long nobody was answered although somebody waited, in seconds; false if nobody waits.
func (w *waiting) silent(now time.Time) (float64, bool) {
	if w.calls.Load() <= 0 {
		return 0, false
	}
	return max(now.Sub(time.Unix(0, w.since.Load())).Seconds(), 0), true
}

// minute counts what happens in a minute, on the clock.
type minute struct {
	tokens int64
	failed map[Class]int
	number int32 // since 1970
	lost   int32 // failed calls
}

// at is the present minute.
func (m *minute) at(now time.Time) *minute {
	if n := int32(now.Unix() / 60); n != m.number {
		*m = minute{number: n}
	}
	return m
}

// fading is a count whose past fades.
type fading struct {
	n  float64
	at int64 // nanoseconds since 1970
}

// add counts one, and returns the count.
func (f *fading) add(now int64) float64 {
	f.n = f.now(now) + 1
	f.at = now
	return f.n
}

func (f *fading) now(now int64) float64 {
	if f.n == 0 {
		return 0
	}
	return f.n * fade(now-f.at, lately)
}

// fade is what is left of a quantity after a time.
func fade(after int64, half time.Duration) float64 {
	return math.Exp2(-float64(max(after, 0)) / float64(half))
}

// mean is a mean in which the last ten or so samples count. It is read without a lock: that its value may be a sample newer than its
// time makes no difference.
type mean struct {
	bits atomic.Uint64 // of the value
	at   atomic.Int64  // of the last sample, in nanoseconds since 1970; 0 if there is none
}

const newSample = 0.2 // how much a new sample counts

// add adds a sample. Nobody else does so at the same time.
func (m *mean) add(sample float64, now int64) {
	value := sample
	if m.at.Load() != 0 {
		value = m.value() + newSample*(sample-m.value())
	}
	m.bits.Store(math.Float64bits(value))
	m.at.Store(now)
}

// value is the mean; 0 if there is none.
func (m *mean) value() float64 { return math.Float64frombits(m.bits.Load()) }

// compared is the mean as one would bet on it now; 0 if nothing is known.
func (m *mean) compared(now int64) float64 {
	at := m.at.Load()
	if at == 0 {
		return 0
	}
	return m.value() * fade(now-at, stale)
}

// well reports whether the deployment is not in cooldown.
func (h *health) well(now time.Time) bool { return h.until.Load() <= now.UnixNano() }

// open reports whether a call may claim the deployment: it is well, it answers, and after a cooldown nobody is trying it.
func (h *health) open(now time.Time) bool {
	return h.well(now) && h.trial.Load() <= now.UnixNano() && !h.stuck(now)
}

// stuck reports whether several calls wait and none has been answered for much longer than usual. Those that wait find out when
// that is over, and nobody else needs to wait for it: the time limit of calls is often minutes.
func (h *health) stuck(now time.Time) bool {
	if h.waiting.calls.Load() < manyInRow {
		return false
	}
	silent, _ := h.waiting.silent(now)
	if silent < leastSilence.Seconds() {
		return false
	}
	usual := max(h.first.value(), h.whole.value())
	return usual > 0 && silent > lost*usual
}

// back is when a deployment that is not well may be so again, in nanoseconds since 1970.
func (h *health) back(now time.Time) int64 {
	if h.stuck(now) {
		return now.Add(longestPause).UnixNano()
	}
	return h.until.Load()
}

// claim is well for a call that is going to use the deployment: after a cooldown, only one call gets it at a time, until one
// has succeeded.
func (h *health) claim(now time.Time) bool {
	until := h.until.Load()
	if until == 0 {
		return !h.stuck(now)
	}
	at := now.UnixNano()
	trial := h.trial.Load()
	return until <= at && trial <= at && !h.stuck(now) && h.trial.CompareAndSwap(trial, at+int64(trialFor))
}

// release gives back what was claimed and not used, or used without a result.
func (h *health) release() { h.trial.Store(0) }

// sample is what was measured of a call that succeeded.
type sample struct {
	took   time.Duration // to the first content of a stream, or the whole response
	stream bool
	tokens int64 // of the output; 0 if unknown
}

// succeeded notes a success.
func (h *health) succeeded(s sample, now time.Time) {
	at := now.UnixNano()
	h.mu.Lock()
	h.ok.add(at)
	h.streak, h.cooldowns = 0, 0
	if s.stream {
		h.first.add(s.took.Seconds(), at)
	} else {
		h.token.add(s.took.Seconds()/float64(max(s.tokens, 1)), at)
		h.whole.add(s.took.Seconds(), at)
	}
	h.mu.Unlock()
	if h.until.Load() != 0 {
		h.until.Store(0)
		h.trial.Store(0)
	}
}

// failed notes a failure that the deployment is to blame for, and begins a cooldown if that is the policy.
func (h *health) failed(e *llm.Error, p *Policy, own *time.Duration, now time.Time) {
	at := now.UnixNano()
	h.mu.Lock()
	defer h.mu.Unlock()
	fails := h.fails.add(at)
	m := h.minute.at(now)
	m.lost++
	h.streak++
	h.trial.Store(0)
	if p.NoCooldowns || own != nil && *own == 0 {
		return
	}
	if most, class, ok := p.AllowedFails.allowed(e); ok {
		if m.failed == nil {
			m.failed = map[Class]int{}
		}
		if m.failed[class]++; m.failed[class] <= most {
			return
		}
	} else if onTrial := h.until.Load() != 0; !onTrial && !atOnce(e) && h.streak < manyInRow && fails <= h.ok.now(at)+doubt {
		return
	}
	h.until.Store(now.Add(h.pause(e, p, own)).UnixNano())
	h.cooldowns++
}

// pause is how long the next cooldown is.
func (h *health) pause(e *llm.Error, p *Policy, own *time.Duration) time.Duration {
	if own != nil {
		return *own
	}
	d := p.Cooldown
	if d == 0 {
		d = cooldown
	}
	longest := max(d, longestPause)
	for range min(h.cooldowns, 6) {
		d = min(2*d, longest)
	}
	return min(max(d, retryAfter(e.RetryAfter)), longest)
}

// atOnce reports whether a failure says by itself that the next call would fail as well.
func atOnce(e *llm.Error) bool {
	return limited(e) || missing(e) || e.CanRetry() == llm.RetryNo
}

// used counts the tokens of a call.
func (h *health) used(tokens int64, now time.Time) {
	h.mu.Lock()
	h.minute.at(now).tokens += tokens
	h.size.add(float64(tokens), now.UnixNano())
	h.mu.Unlock()
}

// load are the tokens of this minute, together with those that calls in flight will probably have. A call that failed counts as
// one that was served: otherwise a deployment that fails would always be the one with the fewest tokens.
func (h *health) load(now time.Time) float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.minute.at(now)
	return float64(m.tokens) + max(h.size.value(), 1)*float64(int64(m.lost)+h.inFlight.Load())
}

// time is how long the deployment has lately taken, in seconds: to the first content, or for an output token. Times that are old
// count less as long as nobody waits for it, so that one call at a time finds out how it is. While it is silent for longer than
// usual it is as slow as its silence.
func (h *health) time(stream bool, now time.Time) float64 {
	silent, waited := h.waiting.silent(now)
	m := &h.token
	if stream && h.first.at.Load() != 0 {
		m = &h.first
	}
	switch {
	case !waited:
		return m.compared(now.UnixNano())
	case m.at.Load() == 0:
		return unheard
	}
	return m.value() * max(1, silent/(patience*max(h.first.value(), h.whole.value())))
}

// wait is how long a call would take, by what is known: the time of one, times those that are there already, for a deployment that
// has so many times the share of the others. Failures make it longer, as somebody has to be asked again.
func (h *health) wait(share float64, stream bool, now time.Time) float64 {
	t := h.time(stream, now)
	at := now.UnixNano()
	h.mu.Lock()
	ok, fails := h.ok.now(at), h.fails.now(at)
	h.mu.Unlock()
	return t * (float64(h.inFlight.Load()+1) / share) * (1 + 4*fails/(ok+fails+1))
}
