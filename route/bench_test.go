package route

import (
	"fmt"
	"testing"
	"time"

	"outcrop/llm"
)

// BenchmarkNext is the choice of the first candidate, of many and of few.
func BenchmarkNext(b *testing.B) {
	for _, strategy := range Strategies() {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", strategy, n), func(b *testing.B) {
				var entries []Entry
				for i := range n {
					entries = append(entries, Entry{ID: fmt.Sprintf("a/%d", i), Price: price(1)})
				}
				w := newWorld(Policy{Strategy: strategy}, entries...)
				g, now := w.table().all[0], w.now
				call := llm.Call{Model: "a"}
				for b.Loop() {
					from := candidates{r: w.Router, g: g, p: &w.table().policy, tiers: g.tiers, call: &call, model: func(t *deployment) string { return t.Model }}
					t := from.next(now)
					t.succeeded(sample{took: time.Second, tokens: 1}, now)
				}
			})
		}
	}
}
