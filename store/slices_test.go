package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// TestAReturnToASliceThatFailsIsMadeOnce checks that units of a slice that is over go back although the transaction was not
// made, with the next one, and that those which a draw did not get do not.
func TestAReturnToASliceThatFailsIsMadeOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		const counter = "key:abc/requests"
		b := bank(t, s, "a")
		d := quota.Draw{Counter: counter, Limit: 10, Window: quota.Sliding(time.Hour, time.Hour), Need: 1, Want: 8}
		first := draw(t, b, d)
		exec(t, s, `UPDATE counters SET ends = $1 WHERE id = $2`, time.Now().Add(-time.Second).UnixMicro(), counter)
		d.Need = 10
		if g := draw(t, b, d); g.Period == first.Period || g.Units != 0 || g.Left != 2 {
			t.Fatalf("%+v after %+v", g, first)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Return(gone, []quota.Return{{Counter: counter, Period: first.Period, Units: 3}}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if _, err := b.Draw(gone, []quota.Draw{{Counter: counter, Limit: 10, Window: d.Window, Need: 1, Want: 1, Debt: 1}}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for range 2 {
			if g := draw(t, b, d); g.Units != 0 || g.Left != 5 {
				t.Fatalf("after three of eight were returned: %+v", g)
			}
		}
	})
}
