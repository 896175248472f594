package limits

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestARateOfNRequestsLetsNThrough(t *testing.T) {
	eachKind(t, func(t *testing.T, c *cluster) {
		s := c.up.add(&script{hold: true, most: 10})
		key := c.newKey(`{"rpm_limit":10}`)
		c.exactly(t, 10, 50, 429, s, func(i int) answer {
			return c.ask(question{key: key, script: s, at: next, stream: i%2 == 1})
		})
	})
}

// TestParallelCallsAreBoundedAtEveryInstant checks that no more calls are under way than a key may have, and that each
// place is free again after its call.
func TestParallelCallsAreBoundedAtEveryInstant(t *testing.T) {
	const places, clients = 5, 20
	eachKind(t, func(t *testing.T, c *cluster) {
		key := c.newKey(`{"max_parallel_requests":%d}`, places)
		full := func(when string) {
			t.Helper()
			s := c.up.add(&script{hold: true, most: places})
			c.exactly(t, places, 3*places, 429, s, func(i int) answer {
				return c.ask(question{key: key, script: s, at: next, stream: i%2 == 1})
			})
			if t.Failed() {
				t.Fatalf("%s there are not %d places", when, places)
			}
		}
		for range 5 {
			full("after calls that have ended")
		}
		s := c.up.add(&script{})
		var all sync.WaitGroup
		var passed, refused atomic.Int64
		for i := range clients {
			all.Go(func() {
				for n := range 25 {
					switch a := c.told(func() answer { return c.ask(question{key: key, script: s, at: next, stream: (i+n)%2 == 1}) }); {
					case a.whole:
						passed.Add(1)
					case a.status == 429:
						refused.Add(1)
					default:
						t.Errorf("a call is neither answered nor refused: %v", a)
					}
				}
			})
		}
		all.Wait()
		if s.peak > places || int(passed.Load()) != s.calls() {
			t.Errorf("at most %d calls were under way at once, want %d; %d reached the upstream, %d were answered", s.peak, places, s.calls(), passed.Load())
		}
		t.Logf("%d calls passed, %d were refused", passed.Load(), refused.Load())
		full("after many calls")
	})
}
