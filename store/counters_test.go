package store_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

func TestUnitsStayInTheirRange(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b := bank(t, s, "a"), bank(t, s, "b")
		d := quota.Draw{Counter: "c", Limit: math.MaxInt64, Need: 1, Want: math.MaxInt64 - 5}
		draw(t, a, d)
		if g := draw(t, b, quota.Draw{Counter: "c", Limit: math.MaxInt64, Need: 1, Want: math.MaxInt64}); g.Units != 5 {
			t.Errorf("got %+v", g)
		}
		if g := draw(t, b, quota.Draw{Counter: "c", Limit: math.MinInt64, Need: 1, Want: 1}); g.Units != 0 || g.Left != math.MinInt64 {
			t.Errorf("got %+v", g)
		}
		for i := range 3 {
			row := store.Row{RequestID: fmt.Sprint(i), Start: time.Unix(1_700_000_000, 0), Key: "k", Cost: math.MaxInt64 - 1, Charges: []store.Charge{{Counter: "key:k/spend", Units: math.MaxInt64 - 1}, {Counter: "key:k/spend", Units: 7}}}
			if err := s.Post(t.Context(), "a", int64(i+1), []store.Row{row}); err != nil {
				t.Fatal(err)
			}
		}
		if got := spent(t, s, "key:k/spend"); got != math.MaxInt64 {
			t.Errorf("spent %d", got)
		}
		sums, err := s.Daily(t.Context(), store.DailyFilter{Kind: store.KindKey})
		if err != nil || len(sums) != 1 || sums[0].Cost != math.MaxInt64 || sums[0].Requests != 3 {
			t.Errorf("%+v, %v", sums, err)
		}
	})
}

func TestIdsThatADatabaseCannotHaveCountAllTheSame(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b := bank(t, s, "a"), bank(t, s, "b")
		long := strings.Repeat("é", 5000)
		for _, id := range []string{"customer:" + long + "/spend", "customer:" + long + "x/spend", "customer:\x00/parallel", "customer:\xff/spend@model/with/slashes", "'; DROP TABLE counters; --", strings.Repeat("/", 9000) + "/spend"} {
			draw(t, a, quota.Draw{Counter: id, Limit: 10, Need: 1, Want: 4})
			if g := draw(t, b, quota.Draw{Counter: id, Limit: 10, Need: 1, Want: 10}); g.Units != 6 {
				t.Errorf("%.30q: %+v", id, g)
			}
			if g := draw(t, b, quota.Draw{Counter: id, Limit: 10, Need: 1, Want: 10}); g.Recall == 0 {
				t.Errorf("%.30q: %+v", id, g)
			}
			if err := s.ResetSpend(t.Context(), id, 3); err != nil {
				t.Error(err)
			}
			if got := spent(t, s, id); got != 3 {
				t.Errorf("%.30q: %d", id, got)
			}
		}
	})
}
