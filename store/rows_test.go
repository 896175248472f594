package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"outcrop/store"
)

// timedID is an id such as the gateway makes: it begins with the time.
func timedID(at time.Time, n int) string { return fmt.Sprintf("%012x%020x", at.UnixMilli(), n) }

// TestCallsThatArePostedTogetherAreFoundOneByOne compares pages of the spend log with all calls, filtered one by one.
func TestCallsThatArePostedTogetherAreFoundOneByOne(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		dice := rand.New(rand.NewPCG(1, 2))
		midnight := day.Truncate(24 * time.Hour).Add(24 * time.Hour)
		var all []store.Row
		for batch := range 4 {
			var rows []store.Row
			for i := range 300 {
				r := call("", int64(i))
				r.Start = midnight.Add(time.Duration(batch-2)*20*time.Second + time.Duration(dice.Int64N(int64(25*time.Second)))).Truncate(time.Microsecond)
				r.RequestID = timedID(r.Start, len(all)+i)
				if dice.IntN(20) == 0 {
					r.RequestID = fmt.Sprint("chatcmpl-", len(all)+i)
				}
				r.Key, r.User, r.Team, r.Customer = fmt.Sprint("k", dice.IntN(3)), "u", "t", ""
				if dice.IntN(50) == 0 {
					r.User, r.Team, r.Customer = "rare", "", "c"
				}
				rows = append(rows, r)
			}
			all = append(all, rows...)
			post(t, s, int64(len(all)), rows...)
		}
		slices.SortFunc(all, func(a, b store.Row) int {
			return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.RequestID, a.RequestID))
		})
		check := func(f store.RowFilter) {
			t.Helper()
			var want []string
			for i := range all {
				r := &all[i]
				if (f.RequestID == "" || f.RequestID == r.RequestID) && (f.Key == "" || f.Key == r.Key) && (f.User == "" || f.User == r.User) &&
					(f.Team == "" || f.Team == r.Team) && (f.Customer == "" || f.Customer == r.Customer) &&
					(f.Start.IsZero() || !r.Start.Before(f.Start)) && (f.End.IsZero() || r.Start.Before(f.End)) {
					want = append(want, r.RequestID)
				}
			}
			total := len(want)
			if want = want[min(f.Offset, total):]; f.Limit > 0 {
				want = want[:min(f.Limit, len(want))]
			}
			page, n, err := s.Rows(t.Context(), f)
			var got []string
			for i := range page {
				got = append(got, page[i].RequestID)
			}
			if err != nil || n != total || !slices.Equal(got, want) {
				t.Errorf("%+v: %d rows of %d, %v; want %d of %d", f, len(got), n, err, len(want), total)
			}
		}
		check(store.RowFilter{})
		for range 200 {
			f := store.RowFilter{}
			if dice.IntN(2) == 0 {
				f.Key = fmt.Sprint("k", dice.IntN(4))
			}
			if dice.IntN(4) == 0 {
				f.User = []string{"u", "rare"}[dice.IntN(2)]
			}
			if dice.IntN(4) == 0 {
				f.Customer = "c"
			}
			if dice.IntN(2) == 0 {
				f.Start = midnight.Add(time.Duration(dice.Int64N(int64(100*time.Second)) - int64(50*time.Second)))
			}
			if dice.IntN(2) == 0 {
				f.End = midnight.Add(time.Duration(dice.Int64N(int64(100*time.Second)) - int64(50*time.Second)))
			}
			f.Offset, f.Limit = dice.IntN(3)*dice.IntN(200), dice.IntN(100)
			check(f)
		}
		for i := 0; i < len(all); i += 37 {
			check(store.RowFilter{RequestID: all[i].RequestID})
			check(store.RowFilter{RequestID: all[i].RequestID, Key: "k0", Limit: 1})
			check(store.RowFilter{RequestID: all[i].RequestID, End: all[i].Start})
		}
		check(store.RowFilter{RequestID: timedID(midnight, 1<<40)})
	})
}

// TestCallsOfOneKeyAreFewBlocks checks that what is written does not grow with the calls of a key.
func TestCallsOfOneKeyAreFewBlocks(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		var rows []store.Row
		for i := range 1000 {
			r := call("", 1)
			r.Start = day.Add(time.Duration(i) * time.Millisecond)
			r.RequestID = timedID(r.Start, i)
			rows = append(rows, r)
		}
		post(t, s, 1000, rows...)
		var n int
		if err := s.DB().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM spend_logs`).Scan(&n); err != nil || n != 4 {
			t.Errorf("%d blocks, %v; want 4", n, err)
		}
	})
}
