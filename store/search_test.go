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

// TestASearchFindsEachCallOnceAndLooksAtAPartAtATime compares searches, part by part, with all calls.
func TestASearchFindsEachCallOnceAndLooksAtAPartAtATime(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		dice := rand.New(rand.NewPCG(3, 4))
		midnight := day.Truncate(24 * time.Hour).Add(24 * time.Hour)
		var all []store.Row
		for batch := range 6 {
			var rows []store.Row
			for i := range 60 {
				r := call("", int64(i))
				r.Start = midnight.Add(time.Duration(batch-3)*7*time.Second + time.Duration(dice.Int64N(int64(9*time.Second)))).Truncate(time.Microsecond)
				if batch == 2 {
					r.Start = midnight.Add(time.Second) // all at once
				}
				r.RequestID = timedID(r.Start, len(all)+i)
				r.Key, r.User, r.Status = fmt.Sprint("k", dice.IntN(40)), "u", 200+dice.IntN(4)*100
				if dice.IntN(10) == 0 {
					r.RequestID = fmt.Sprint("chatcmpl-", len(all)+i)
				}
				rows = append(rows, r)
			}
			all = append(all, rows...)
			post(t, s, int64(len(all)), rows...)
		}
		slices.SortFunc(all, func(a, b store.Row) int {
			return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.RequestID, a.RequestID))
		})
		for _, f := range []store.RowFilter{{Limit: 1}, {Limit: 50}, {Limit: 100000}, {Key: "k7", Limit: 3}, {User: "u", Start: midnight.Add(-5 * time.Second), End: midnight.Add(6 * time.Second), Limit: 40}} {
			for turn, most := range []int{1, 300, 1 << 30} {
				hints := [][][]string{nil, {{`"status":5`, "nothing"}}, {{"cheap"}, {`"status":5`}}}[turn]
				takes := func(r *store.Row) bool { return r.Status == 500 }
				var want, got []string
				for i := range all {
					r := &all[i]
					if takes(r) && (f.Key == "" || r.Key == f.Key) && (f.Start.IsZero() || !r.Start.Before(f.Start) && r.Start.Before(f.End)) {
						want = append(want, r.RequestID)
					}
				}
				for from, turns := (store.Place{}), 0; ; turns++ {
					found, err := s.Search(t.Context(), f, from, most, store.Match{Takes: takes, Hints: hints})
					if err != nil || len(found.Rows) > f.Limit || turns > len(all) {
						t.Fatalf("%d rows, %v", len(found.Rows), err)
					}
					for i := range found.Rows {
						got = append(got, found.Rows[i].RequestID)
					}
					if found.Next == nil {
						break
					}
					if !from.Start.IsZero() && (found.Next.Start.After(from.Start) || *found.Next == from) {
						t.Fatalf("after %v comes %v", from, *found.Next)
					}
					from = *found.Next
				}
				if !slices.Equal(got, want) {
					t.Errorf("%+v, %d at a time: %d calls, want %d", f, most, len(got), len(want))
				}
			}
		}
	})
}

func TestDaysHaveRegionsCodesHitsAndTimes(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		var rows []store.Row
		for i := range 1000 {
			r := call(fmt.Sprint("r", i), 1)
			r.Region, r.End, r.First = "us-east-1", r.Start.Add(time.Duration(i+1)*time.Millisecond), r.Start.Add(time.Duration(i+1)*time.Millisecond/2)
			switch i % 100 {
			case 7:
				r.Status, r.Code = 429, "limit.requests"
			case 8:
				r.Cached = true
			case 9:
				r.Region = ""
			}
			rows = append(rows, r)
		}
		post(t, s, int64(len(rows)), rows...)
		for kind, want := range map[store.Kind]map[string]int64{
			store.KindRegion: {"us-east-1": 990, store.NoRegion: 10}, store.KindCode: {"limit.requests": 10}, store.KindCached: {store.CacheHit: 10},
		} {
			sums, err := s.Daily(t.Context(), store.DailyFilter{Kind: kind, Start: day, End: day, By: []store.Column{store.ByID}})
			got := map[string]int64{}
			for i := range sums {
				got[sums[i].ID] = sums[i].Requests
			}
			if err != nil || len(got) != len(want) {
				t.Errorf("%s: %v, %v", kind, got, err)
			}
			for id, n := range want {
				if got[id] != n {
					t.Errorf("%s %s: %d, want %d", kind, id, got[id], n)
				}
			}
		}
		times, err := s.Times(t.Context(), day, day)
		if err != nil || len(times) != 1 || times[0].Model != "nova" || times[0].Group != "cheap" || times[0].Took.Count() != 990 || times[0].First.Count() != 990 {
			t.Fatalf("%+v, %v", times, err)
		}
		for percent, want := range map[float64]time.Duration{50: 500 * time.Millisecond, 95: 950 * time.Millisecond, 99: 990 * time.Millisecond, 100: time.Second} {
			if got := times[0].Took.Percentile(percent); got < want*9/10 || got > want*6/5 {
				t.Errorf("p%v: %v, want about %v", percent, got, want)
			}
			if got := times[0].First.Percentile(percent); got < want*9/20 || got > want*6/10 {
				t.Errorf("p%v of first tokens: %v, want about %v", percent, got, want/2)
			}
		}
		if times, err := s.Times(t.Context(), day.AddDate(0, 0, 1), day.AddDate(0, 0, 2)); err != nil || len(times) != 0 {
			t.Errorf("of other days: %+v, %v", times, err)
		}
	})
}

func TestWhatWasAskedIsKeptBesideTheCalls(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		hostile := store.Content{RequestID: "b\x00", Start: day.Add(time.Hour), Request: []byte(`{"messages":"\u0000<b>"}`)}
		for range 2 {
			if err := s.KeepContents(t.Context(), []store.Content{{RequestID: "a", Start: day, Request: []byte(`{"x":1}`), Response: []byte(`"yes"`)}, hostile, hostile}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Contents(t.Context(), []string{"a", "c"})
		if a := got["a"]; err != nil || len(got) != 1 || string(a.Request) != `{"x":1}` || string(a.Response) != `"yes"` || !a.Start.Equal(day) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := s.Retain(t.Context(), day.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got, err = s.Contents(t.Context(), []string{"a", "b\x00"}); err != nil || len(got) != 1 {
			t.Errorf("what is old was not forgotten, or what is not was: %v, %v", got, err)
		}
	})
}
