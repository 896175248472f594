package simulation

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/route"
)

// seeds are those of the runs that a result is made of.
func seeds() []uint64 { return []uint64{11, 22} }

// result is what became of the calls of a scenario.
type result struct {
	calls, answered int
	whole, first    []float64 // seconds until the response was complete, and of streams until the first token; infinite for failures; sorted
	share           map[string]float64
	attempts        int
	second          []tally // by when the call arrived
}

// tally are calls of a second.
type tally struct {
	calls, answered int
	took            float64
}

func (r *result) goodput() float64 { return float64(r.answered) / float64(r.calls) }

// at is a percentile of sorted times.
func at(times []float64, share float64) float64 {
	if len(times) == 0 {
		return 0
	}
	return times[min(int(share*float64(len(times))), len(times)-1)]
}

// strategies are those that are compared. LiteLLM's two by usage choose alike.
func strategies() []route.Strategy {
	return []route.Strategy{route.Shuffle, route.LeastBusy, route.UsageV2, route.Latency, route.Cost}
}

// run plays a scenario with a router, once for each seed.
func run(t *testing.T, s *scenario, of func(all []*backend, seed uint64) router) *result {
	t.Helper()
	r := &result{share: map[string]float64{}}
	for _, seed := range seeds() {
		synctest.Test(t, func(t *testing.T) { r.play(t.Context(), s, of, seed) })
	}
	for id := range r.share {
		r.share[id] /= float64(r.attempts)
	}
	slices.Sort(r.whole)
	slices.Sort(r.first)
	return r
}

func (r *result) play(ctx context.Context, s *scenario, of func(all []*backend, seed uint64) router, seed uint64) {
	var all []*backend
	for i, d := range s.deployments {
		all = append(all, newBackend(d, i, seed))
	}
	under := of(all, seed)
	var mu sync.Mutex
	var wg sync.WaitGroup
	began := time.Now()
	for _, c := range s.calls(seed) {
		time.Sleep(c.at - time.Since(began))
		wg.Go(func() {
			first, err := under.serve(context.WithValue(ctx, callKey{}, c), c)
			took := (time.Since(began) - c.at).Seconds()
			mu.Lock()
			defer mu.Unlock()
			r.note(c, first.Seconds(), took, err)
		})
	}
	wg.Wait()
	for _, b := range all {
		r.share[b.id] += float64(b.asked)
		r.attempts += b.asked
	}
}

func (r *result) note(c *call, first, took float64, err error) {
	second := int(c.at / time.Second)
	for len(r.second) <= second {
		r.second = append(r.second, tally{})
	}
	at := &r.second[second]
	r.calls++
	at.calls++
	if err != nil {
		first, took = math.Inf(1), math.Inf(1)
	} else {
		r.answered++
		at.answered++
		at.took += took
	}
	r.whole = append(r.whole, took)
	if c.stream {
		r.first = append(r.first, first)
	}
}
