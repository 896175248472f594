package route

import (
	"cmp"
	"math"
	"slices"
	"time"

	"outcrop/llm"
)

// tier are the deployments of a name with the same order.
type tier struct {
	order int
	all   []*deployment
	// health is that of each, so that comparing many takes no look at the deployments.
	health []*health
	// sums are the cumulative weights, which end at 1; nil if all have the same.
	sums []float64
}

// tiersOf sorts deployments into tiers, the lowest order first.
func tiersOf(all []*deployment) (tiers []tier) {
	byOrder := map[int]int{}
	for _, t := range all {
		i, ok := byOrder[t.Order]
		if !ok {
			i = len(tiers)
			byOrder[t.Order] = i
			tiers = append(tiers, tier{order: t.Order})
		}
		tiers[i].all = append(tiers[i].all, t)
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(a.order, b.order) })
	for i := range tiers {
		tiers[i] = newTier(tiers[i].order, tiers[i].all)
	}
	return tiers
}

func newTier(order int, all []*deployment) tier {
	health := make([]*health, len(all))
	for i, t := range all {
		health[i] = &t.health
	}
	return tier{order: order, all: all, health: health, sums: sumsOf(all)}
}

// sumsOf are the cumulative shares of deployments: by their weights if any has one, else by requests, else by tokens a minute.
func sumsOf(all []*deployment) []float64 {
	for _, of := range []func(t *deployment) float64{(*deployment).weight, (*deployment).requests, (*deployment).tokens} {
		var sum float64
		for _, t := range all {
			sum += of(t)
		}
		if sum <= 0 || math.IsInf(sum, 0) {
			continue
		}
		sums := make([]float64, len(all))
		var upTo float64
		for i, t := range all {
			upTo += of(t) / sum
			sums[i] = upTo
		}
		return sums
	}
	return nil
}

func (t *deployment) weight() float64 { return t.Weight }

// requests and tokens are a deployment's limits of a minute; 0 for none.
func (t *deployment) requests() float64 {
	if t.Limits == nil {
		return 0
	}
	return float64(t.Limits.Requests.Value)
}

func (t *deployment) tokens() float64 {
	if t.Limits == nil {
		return 0
	}
	return float64(t.Limits.Tokens.Value)
}

// Of more deployments than manyDeployments, a sample is compared, and not all, so that a call costs the same however many there are.
const (
	manyDeployments = 32
	sampled         = 8
)

// candidates are the deployments of a name for a call, one at a time.
type candidates struct {
	r     *Router
	g     *group
	p     *Policy
	tiers []tier
	call  *llm.Call
	model func(t *deployment) string

	tried  []*deployment  // in this round
	rounds int            // that have ended
	room   [4]*deployment // for tried
	full   []*deployment  // whose limits have just refused the call
	fewer  bool           // the name has others
}

// next returns the deployment to be tried next: one that is well and was not tried, as the strategy ranks them, else one in
// cooldown. When all have been tried another round begins, in which the one that has failed last has its turn after the others. The
// deployment is claimed, if it is well. It is nil only if the limits of all have refused the call.
func (c *candidates) next(now time.Time) *deployment {
	t := c.untried(now)
	if t != nil || len(c.tried) == 0 {
		return t
	}
	c.rounds++
	c.tried = append(c.tried[:0], c.tried[len(c.tried)-1])
	if t = c.untried(now); t == nil {
		c.tried = c.tried[:0]
		t = c.untried(now)
	}
	return t
}

// untried is next within a round; nil if all have been tried.
func (c *candidates) untried(now time.Time) *deployment {
	for i := range c.tiers {
		if t := c.choose(&c.tiers[i], now); t != nil {
			return t
		}
	}
	var soonest *deployment
	for i := range c.tiers {
		for _, t := range c.tiers[i].all {
			if (soonest == nil || t.back(now) < soonest.back(now)) && !c.wasTried(t) {
				soonest = t
			}
		}
	}
	return soonest
}

// above leaves out the deployments up to an order, and returns the next of the others; nil if there is none.
func (c *candidates) above(order int, now time.Time) *deployment {
	at := slices.IndexFunc(c.tiers, func(t tier) bool { return t.order > order })
	if at < 0 {
		return nil
	}
	c.tiers, c.fewer, c.rounds = c.tiers[at:], true, 0
	return c.next(now)
}

// unclaim gives back the claim of a candidate that is not used, unless it is one of two that are.
func (t *deployment) unclaim(but, or *deployment) {
	if t != but && t != or {
		t.release()
	}
}

func (c *candidates) wasTried(t *deployment) bool {
	return slices.Contains(c.tried, t) || slices.Contains(c.full, t)
}

// free reports whether a deployment is well and was not tried.
func (c *candidates) free(from *tier, i int, now time.Time) bool {
	return from.health[i].open(now) && (len(c.tried)+len(c.full) == 0 || !c.wasTried(from.all[i]))
}

// try notes that a deployment is tried.
func (c *candidates) try(t *deployment) {
	if c.tried == nil {
		c.tried = c.room[:0]
	}
	c.tried = append(c.tried, t)
}

// choose returns a deployment of a tier that is well and was not tried, claimed; nil if there is none.
func (c *candidates) choose(from *tier, now time.Time) *deployment {
	if len(from.all) == 1 {
		if t := from.all[0]; !c.wasTried(t) && t.claim(now) {
			return t
		}
		return nil
	}
	if c.p.Affinity != "" && c.call.Alike != nil {
		if key, ok := c.call.Alike(string(c.p.Affinity)); ok {
			return c.same(from, key, now)
		}
	}
	var rank func(i int) float64
	switch c.p.Strategy {
	case LeastBusy:
		rank = func(i int) float64 { return float64(from.health[i].inFlight.Load()) }
	case Usage, UsageV2:
		rank = func(i int) float64 { return from.health[i].load(now) }
	case Latency:
		rank = func(i int) float64 { return from.health[i].time(c.call.Stream, now) }
	case Cost:
		tokens := &llm.Usage{Input: 1000, Output: 1000}
		rank = func(i int) float64 { return c.price(from.all[i], tokens) }
	case TwoChoices:
		return c.twoChoices(from, now)
	case Shuffle, "":
		return c.shuffle(from, now)
	}
	return c.lowest(from, rank, now)
}

// golden is the fraction of the golden ratio, as a fraction of 2^64: its multiples are spread evenly, however many there are.
const golden = 0x9E3779B97F4A7C15

// turn is the index of the deployment whose turn it is, by their shares.
func (c *candidates) turn(from *tier) int {
	n := c.g.turn.Add(1) - 1
	if from.sums == nil {
		return int(n % uint64(len(from.all)))
	}
	return from.at(float64((n*golden)>>11) / (1 << 53))
}

// at is the index of the deployment whose share has a point in [0, 1).
func (f *tier) at(point float64) int {
	if f.sums == nil {
		return min(int(point*float64(len(f.all))), len(f.all)-1)
	}
	i, found := slices.BinarySearch(f.sums, point)
	if found {
		i++ // a share begins where the one before ends
	}
	return min(i, len(f.sums)-1)
}

// shuffle gives each its share. The turn of one that cannot be used is lost, so that its share goes to all others by theirs.
func (c *candidates) shuffle(from *tier, now time.Time) *deployment {
	for range min(2*len(from.all), 32) {
		if t := from.all[c.turn(from)]; !c.wasTried(t) && t.claim(now) {
			return t
		}
	}
	return c.lowest(from, func(int) float64 { return 0 }, now)
}

// lowest returns the deployment that ranks lowest. Of those that rank alike, each has its turn.
func (c *candidates) lowest(from *tier, rank func(i int) float64, now time.Time) *deployment {
	for {
		n := len(from.all)
		start, step, most := c.turn(from), 1, n
		if n > manyDeployments {
			start, step, most = int(c.r.opt.Random()*float64(n)), 1+int(c.r.opt.Random()*float64(n/sampled)), sampled
		}
		// Which of them are free is found out before any is ranked, so that the processor waits for the memory of all at once.
		var room [manyDeployments]int
		free := room[:0]
		for i := range most {
			if at := (start + i*step) % n; c.free(from, at, now) {
				free = append(free, at)
			}
		}
		best, lowest := -1, math.Inf(1)
		for _, at := range free {
			if v := rank(at); best < 0 || v < lowest-math.Abs(lowest)*c.near() {
				best, lowest = at, v
			}
		}
		if best < 0 && n > manyDeployments {
			best = c.any(from, now)
		}
		if best < 0 {
			return nil
		}
		if t := from.all[best]; t.claim(now) {
			return t
		}
	}
}

// near is by how much a rank must be lower to be better, as a share of the other.
func (c *candidates) near() float64 {
	if c.p.Strategy == Latency {
		return c.p.LatencyBuffer / (1 + c.p.LatencyBuffer)
	}
	return 0
}

// any is the index of a deployment that can be used, wherever it is; -1 if there is none.
func (c *candidates) any(from *tier, now time.Time) int {
	start, n := c.turn(from), len(from.all)
	for i := range n {
		if at := (start + i) % n; c.free(from, at, now) {
			return at
		}
	}
	return -1
}

// same returns the same deployment for the same key, as long as it can be used and is not much busier than the others: the one
// with the highest hash together with the key, so that only its keys move when a deployment is left out.
func (c *candidates) same(from *tier, key uint64, now time.Time) *deployment {
	n := len(from.all)
	start, most := 0, min(n, manyDeployments)
	if n > most {
		start = int(mix(key) % uint64(n)) // of so many, only some can be compared, which are the same for the key
	}
	var open int64
	for i := range most {
		open += from.health[(start+i)%n].inFlight.Load()
	}
	bound := 2*open/int64(most) + 4
	for _, busy := range []bool{false, true} {
		var best *deployment
		lowest := math.Inf(1)
		for i := range most {
			at := (start + i) % n
			t := from.all[at]
			if !busy && from.health[at].inFlight.Load() > bound {
				continue
			}
			if v := -float64(mix(key ^ t.hash)); v < lowest && c.free(from, at, now) {
				best, lowest = t, v
			}
		}
		if best != nil && best.claim(now) {
			return best
		}
	}
	return c.shuffle(from, now)
}

// mix spreads a number over all numbers (the finalizer of SplitMix64, https://prng.di.unimi.it/splitmix64.c).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// twoChoices takes two at random, by their shares, and returns the one with the shorter expected wait. One with twice the share is
// as busy with twice the calls.
func (c *candidates) twoChoices(from *tier, now time.Time) *deployment {
	random := func() int {
		for range 8 {
			i := from.at(c.r.opt.Random())
			if c.free(from, i, now) {
				return i
			}
		}
		return -1
	}
	a, b := random(), random()
	for range 4 {
		if b >= 0 && b == a {
			b = random()
		}
	}
	if a < 0 || b >= 0 && from.wait(b, c.call.Stream, now) < from.wait(a, c.call.Stream, now) {
		a = b
	}
	if a >= 0 && from.all[a].claim(now) {
		return from.all[a]
	}
	return c.lowest(from, func(int) float64 { return 0 }, now)
}

// wait is the expected wait of a deployment with a share.
func (f *tier) wait(i int, stream bool, now time.Time) float64 {
	share := 1 / float64(len(f.all))
	if f.sums != nil {
		share = f.sums[i]
		if i > 0 {
			share -= f.sums[i-1]
		}
	}
	return f.health[i].wait(share*float64(len(f.all)), stream, now)
}

// price is what tokens cost, which are a thousand of a prompt and of a response; those without a known price come last, as with
// LiteLLM, which takes them for a dollar a token.
func (c *candidates) price(t *deployment, tokens *llm.Usage) float64 {
	p := t.pricer(c.model(t))
	if p == nil {
		return math.MaxFloat64
	}
	cost, ok := p.Cost("", tokens)
	if !ok {
		return math.MaxFloat64
	}
	return float64(c.r.opt.Adjustments.Of(t.Provider, c.model(t), cost).Cost)
}
