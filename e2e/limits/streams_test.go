package limits

import (
	"fmt"
	"testing"
)

// TestAClientThatLeavesAStreamPaysForWhatWasMade checks that it pays for no more than the model has written, and that the
// rest of its reservation is free again: it pays for exactly as many calls.
func TestAClientThatLeavesAStreamPaysForWhatWasMade(t *testing.T) {
	const length, whole, made, clients, calls = 40, 40 * price, 12, 6, 10
	eachKind(t, func(t *testing.T, c *cluster) {
		key := c.newKey(`{"max_budget":%s}`, dollars(calls*whole))
		s := c.up.add(&script{tokens: length, pause: made})
		for range clients {
			if a := c.ask(question{key: key, script: s, at: next, stream: true, leave: 3}); a.pieces != 3 {
				t.Fatalf("a client that leaves after three pieces: %v", a)
			}
		}
		eventually(t, "the gateway hangs up", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.left == clients
		})
		var ids []string
		eventually(t, "the calls are in the spend log", func() bool {
			ids, _ = c.rows(key)
			return len(ids) >= clients
		})
		spent := c.spent(0, key)
		if spent < clients*2*price || spent > clients*(made+1)*price || len(ids) != clients {
			t.Errorf("%d calls cost %d tokens, want between 2 and %d for each of %d", len(ids), spent/price, made+1, clients)
		}
		for at := range c.replicas {
			if got := c.spent(at, key); got != spent {
				t.Errorf("replica %d says %s was spent, the first %s", at, dollars(got), dollars(spent))
			}
		}
		// The last call may cost more than is left.
		rest := (calls*int64(whole) - spent + whole - 1) / whole
		plain := c.up.add(&script{tokens: length})
		for n := range rest + 3 {
			if a := c.ask(question{key: key, script: plain, at: next}); a.whole != (n < rest) {
				t.Errorf("call %d of %d that the rest pays for: %v", n+1, rest, a)
			}
		}
		want := spent + rest*whole
		eventually(t, fmt.Sprintf("%s was spent", dollars(want)), func() bool { return c.spent(0, key) == want })
	})
}
