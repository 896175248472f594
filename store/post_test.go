package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/quota"
	"outcrop/store"
)

// day is a time in whose day the tests' calls begin.
var day = time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)

func call(id string, cost int64) store.Row {
	return store.Row{
		RequestID: id, CallType: "acompletion", Key: "hash", KeyAlias: "Granite", Cost: cost, Start: day, First: day.Add(time.Second), End: day.Add(2 * time.Second),
		Model: "nova", Deployment: "d1", Group: "cheap", Provider: "bedrock", User: "u", Customer: "c", Team: "t", Organization: "o", Tags: []string{"x", "y", "x"}, Session: "s", Address: "::1",
		Input: 10, Output: 5, CacheRead: 3, CacheWrite: 2, Status: 200, Metadata: []byte(`{"a":[1]}`),
		Charges: []store.Charge{{Counter: store.SpendCounter(store.KindKey, "hash"), Units: cost}},
	}
}

func post(t *testing.T, s *store.Store, upto int64, rows ...store.Row) {
	t.Helper()
	if err := s.Post(t.Context(), "a", upto, rows); err != nil {
		t.Fatal(err)
	}
}

func TestARowIsPostedOnceAndReadAsItWas(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		want := call("r1", 120)
		for range 3 { // as after a crash before the journal knew of it
			post(t, s, 1, want)
		}
		failed := call("r2", 0)
		failed.Start, failed.Code, failed.Status, failed.Metadata, failed.Charges = day.Add(time.Hour), "throttled", 429, nil, nil
		post(t, s, 2, failed)
		post(t, s, 1, call("r3", 1)) // a position that was posted
		if n, err := s.Posted(ctx, "a"); err != nil || n != 2 {
			t.Errorf("posted %d, %v", n, err)
		}
		if n, err := s.Posted(ctx, "b"); err != nil || n != 0 {
			t.Errorf("another replica has posted %d, %v", n, err)
		}
		if got := spent(t, s, "key:hash/spend"); got != 120 {
			t.Errorf("spent %d", got)
		}
		rows, total, err := s.Rows(ctx, store.RowFilter{})
		if err != nil || total != 2 || len(rows) != 2 || rows[0].RequestID != "r2" {
			t.Fatalf("%+v of %d, %v", rows, total, err)
		}
		want.Charges = nil
		if got := fmt.Sprintf("%+v", rows[1]); got != fmt.Sprintf("%+v", want) {
			t.Errorf("got  %s\nwant %+v", got, want)
		}
		if rows[0].Code != "throttled" || rows[0].Status != 429 || rows[0].Metadata != nil {
			t.Errorf("the failure: %+v", rows[0])
		}

		all, err := s.Daily(ctx, store.DailyFilter{Kind: store.KindTag})
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		sums := store.Sums{Requests: 2, Failures: 1, Input: 20, Output: 10, CacheRead: 6, CacheWrite: 4, Cost: 120}
		if want := (store.DailySum{Day: "2026-03-04", Kind: store.KindTag, ID: "x", Key: "hash", Model: "nova", Group: "cheap", Provider: "bedrock", Sums: sums}); all[0] != want {
			t.Errorf("got %+v, want %+v", all[0], want)
		}
		for kind, id := range map[store.Kind]string{store.KindKey: "hash", store.KindUser: "u", store.KindTeam: "t", store.KindOrganization: "o", store.KindCustomer: "c", store.KindTag: "y"} {
			got, err := s.Daily(ctx, store.DailyFilter{Kind: kind, IDs: []string{id}, Start: day, End: day, Key: "hash", Model: "nova", Group: "cheap", Provider: "bedrock", By: []store.Column{}})
			if err != nil || len(got) != 1 || got[0].Sums != sums || got[0].Day != "" {
				t.Errorf("%s: %+v, %v", kind, got, err)
			}
		}
		for name, f := range map[string]store.DailyFilter{
			"another day": {Start: day.AddDate(0, 0, 1)}, "before": {End: day.AddDate(0, 0, -1), By: []store.Column{}}, "no ids": {IDs: []string{}}, "another key": {Key: "' OR ''='"},
		} {
			f.Kind = store.KindKey
			if got, err := s.Daily(ctx, f); err != nil || len(got) != 0 {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	})
}

func TestRowsThatHaveBeenPostedInAnotherBatchAreNotPostedAgain(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		var rows []store.Row
		for i := range 5 {
			row := call(fmt.Sprint("r", i), 10)
			row.Charges = []store.Charge{{Counter: "key:k/spend", Units: 10, Window: quota.Window{Months: 1}}}
			rows = append(rows, row)
		}
		post(t, s, 3, rows[:3]...)
		post(t, s, 5, rows[1:]...)
		post(t, s, 2, rows[:2]...)
		b, err := s.Bank(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		g, err := b.Draw(t.Context(), []quota.Draw{{Counter: "key:k/spend", Limit: 100, Window: quota.Window{Months: 1}, Need: 1, Want: 1}})
		if err != nil || g[0].Used != 50 {
			t.Errorf("five rows of 10 have used %+v, %v", g, err)
		}
		if posted, err := s.Posted(t.Context(), "a"); err != nil || posted != 5 {
			t.Errorf("posted up to %d, %v", posted, err)
		}
	})
}

func TestTheSpendLogIsFilteredAndPaged(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		var rows []store.Row
		for i := range 9 {
			r := call(fmt.Sprint("r", i), 1)
			r.Start, r.Key, r.User, r.Team, r.Customer = day.AddDate(0, 0, i/3), fmt.Sprint("k", i%2), fmt.Sprint("u", i%3), "", fmt.Sprint("c", i)
			rows = append(rows, r)
		}
		post(t, s, 9, rows...)
		for name, test := range map[string]struct {
			filter store.RowFilter
			want   string
			total  int
		}{
			"a request":          {store.RowFilter{RequestID: "r3"}, "r3", 1},
			"a key":              {store.RowFilter{Key: "k1"}, "r7 r5 r3 r1", 4},
			"a user":             {store.RowFilter{User: "u2"}, "r8 r5 r2", 3},
			"a team":             {store.RowFilter{Team: "t"}, "", 0},
			"a customer":         {store.RowFilter{Customer: "c4"}, "r4", 1},
			"from a time on":     {store.RowFilter{Start: day.AddDate(0, 0, 2)}, "r8 r7 r6", 3},
			"until a time":       {store.RowFilter{End: day.AddDate(0, 0, 1)}, "r2 r1 r0", 3},
			"an interval, paged": {store.RowFilter{Start: day, End: day.AddDate(0, 0, 2), Offset: 1, Limit: 2}, "r4 r3", 6},
			"an injection":       {store.RowFilter{Key: "' OR 1=1 --", User: `"; DROP TABLE spend_logs; --`}, "", 0},
			"what none can be":   {store.RowFilter{RequestID: "\x00\xff"}, "", 0},
		} {
			page, total, err := s.Rows(t.Context(), test.filter)
			var ids []string
			for i := range page {
				ids = append(ids, page[i].RequestID)
			}
			if got := strings.Join(ids, " "); err != nil || got != test.want || total != test.total {
				t.Errorf("%s: %q of %d, %v; want %q of %d", name, got, total, err, test.want, test.total)
			}
		}
	})
}

func TestAChargeComesOutOfTheShare(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b := bank(t, s, "a"), bank(t, s, "b")
		d := quota.Draw{Counter: "key:k/spend", Limit: 100, Window: quota.Window{Length: time.Hour}, Need: 1, Want: 60}
		draw(t, a, d)
		draw(t, b, quota.Draw{Counter: d.Counter, Limit: 100, Window: d.Window, Need: 1, Want: 10})
		charge := func(upto, units, taken, period int64) {
			t.Helper()
			post(t, s, upto, store.Row{RequestID: fmt.Sprint(upto), Start: day, Key: "k", Charges: []store.Charge{{Counter: d.Counter, Units: units, Taken: taken, Period: period, Window: d.Window}}})
		}
		charge(1, 25, 20, 1) // of a's 60, 40 are left, and 100-25-40-10 are free
		if g := draw(t, b, quota.Draw{Counter: d.Counter, Limit: 100, Window: d.Window, Need: 1, Want: 100}); g.Units != 25 || g.Used != 25 {
			t.Errorf("after the charge: %+v", g)
		}
		charge(2, 1, 1, 7)    // of another period
		charge(3, 1, 1000, 1) // more than there is
		if g := draw(t, a, quota.Draw{Counter: d.Counter, Limit: 100, Window: d.Window, Need: 1, Want: 100}); g.Units != 38 || g.Used != 27 {
			t.Errorf("after the others: %+v", g)
		}
		over(t, s, d.Counter)
		if got := spent(t, s, d.Counter); got != 0 {
			t.Errorf("%d spent in a period that is over", got)
		}
		charge(4, 9, 9, 1) // of a call that has begun in the period before
		counters, err := s.Counters(t.Context(), []string{d.Counter, "unknown"})
		if c := counters[d.Counter]; err != nil || len(counters) != 1 || c.Used != 9 || c.Period != 2 || time.Until(c.Ends) <= 59*time.Minute || time.Until(c.Ends) > time.Hour {
			t.Errorf("%+v, %v", counters, err)
		}
	})
}

func TestWhatIsSpentCanBeSet(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a := bank(t, s, "a")
		window := quota.Window{Days: 1}
		for _, units := range []int64{7, 0, 90} {
			if err := s.ResetSpend(t.Context(), "key:k/spend", units); err != nil {
				t.Fatal(err)
			}
			if got := spent(t, s, "key:k/spend"); got != units {
				t.Errorf("%d, want %d", got, units)
			}
		}
		if g := draw(t, a, quota.Draw{Counter: "key:k/spend", Limit: 100, Window: window, Need: 1, Want: 50}); g.Units != 10 || g.Used != 90 || g.Ends == 0 {
			t.Errorf("got %+v", g)
		}
		over(t, s, "key:k/spend")
		if err := s.ResetSpend(t.Context(), "key:k/spend", 95); err != nil {
			t.Fatal(err)
		}
		if g := draw(t, a, quota.Draw{Counter: "key:k/spend", Limit: 100, Window: window, Need: 1, Want: 50}); g.Units != 5 || g.Used != 95 || g.Ends == 0 || g.Period != 2 {
			t.Errorf("in the next period: %+v", g)
		}
	})
}

func TestReplicasPostTogetherAndNothingIsLostOrTwice(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		const replicas, batches, rows = 4, 6, 30
		var wg sync.WaitGroup
		for r := range replicas {
			wg.Go(func() {
				for i := range batches {
					var batch []store.Row
					for j := range rows {
						row := call(fmt.Sprintf("%d-%d-%d", r, i, j), 3)
						row.Model, row.Start = fmt.Sprint("m", (r+j)%5), day.AddDate(0, 0, j%3)
						row.Charges = append(row.Charges, store.Charge{Counter: fmt.Sprintf("team:%d/spend", (j*(r+1))%7), Units: 1})
						batch = append(batch, row)
					}
					var again sync.WaitGroup // the same batch, at the same time
					for range 2 {
						again.Go(func() {
							if err := s.Post(t.Context(), fmt.Sprint("r", r), int64((i+1)*rows), batch); err != nil {
								t.Error(err)
							}
						})
					}
					again.Wait()
				}
			})
		}
		wg.Wait()
		const calls = replicas * batches * rows
		if got := spent(t, s, "key:hash/spend"); got != 3*calls {
			t.Errorf("spent %d, want %d", got, 3*calls)
		}
		if _, total, err := s.Rows(t.Context(), store.RowFilter{Limit: 1}); err != nil || total != calls {
			t.Errorf("%d rows, %v", total, err)
		}
		sums, err := s.Daily(t.Context(), store.DailyFilter{Kind: store.KindTeam, By: []store.Column{store.ByModel}})
		total := int64(0)
		for _, sum := range sums {
			total += sum.Requests
		}
		if err != nil || total != calls || len(sums) != 5 {
			t.Errorf("the sums have %d calls: %+v, %v", total, sums, err)
		}
	})
}

func TestABatchIsPostedWholeOrNotWhenTheServerDies(t *testing.T) {
	s := open(t, shared(t))
	post(t, s, 1, call("first", 1))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for upto := int64(3); ; upto += 2 {
			rows := []store.Row{call(fmt.Sprint("x", upto), 1), call(fmt.Sprint("y", upto), 1)}
			for s.Post(t.Context(), "a", upto, rows) != nil { // until it is there
				if t.Context().Err() != nil {
					return
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range 3 {
		for n, first := int64(-1), int64(-1); n < 0 || n < first+5; { // until it is at work
			var err error
			if n, err = s.Posted(t.Context(), "a"); err != nil {
				n = -1
			} else if first < 0 {
				first = n
			}
		}
		if err := errors.Join(machine.Kill(), machine.Restart(t.Context())); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	wg.Wait()
	posted, err := s.Posted(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, err := s.Rows(t.Context(), store.RowFilter{Limit: 1})
	if got := spent(t, s, "key:hash/spend"); err != nil || got != posted || int64(rows) != posted {
		t.Errorf("%d rows and %d spent, want %d, %v", rows, got, posted, err)
	}
}

func TestNoRowIsSoOddThatTheOthersCannotBePosted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		odd := "\xff\x00" + strings.Repeat("long", 3000)
		row := store.Row{
			RequestID: odd, CallType: odd, Key: odd, KeyAlias: odd, Model: odd, Deployment: odd, Group: odd, Provider: odd, User: odd, Customer: odd, Team: odd, Organization: odd,
			Tags: []string{odd, ""}, Session: odd, Address: odd, Code: odd, Metadata: []byte(odd), Charges: []store.Charge{{Counter: odd, Units: 1}, {Counter: "", Units: 1}},
			Input: -1 << 63, Output: -5, Cost: -7,
		}
		future := call("future", 1)
		future.Start = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
		never := call("never", 1)
		never.Start = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
		old := call("old", 1)
		old.Start = time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)
		post(t, s, 6, row, future, never, old, call("r", 1), call("r", 1))
		if got := spent(t, s, odd); got != 1 {
			t.Errorf("spent %d", got)
		}
		if rows, total, err := s.Rows(t.Context(), store.RowFilter{Customer: odd}); err != nil || total != 1 || !strings.HasSuffix(rows[0].Customer, "long") {
			t.Errorf("%d rows, %v", total, err)
		}
		if got, err := s.Daily(t.Context(), store.DailyFilter{Kind: store.KindTag, IDs: []string{odd}}); err != nil || len(got) != 1 || got[0].Cost != 0 || got[0].Failures != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestOldRowsAreForgotten(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 5 {
			r := call(fmt.Sprint("r", i), 1)
			r.Start = day.AddDate(0, 0, i)
			post(t, s, int64(i+1), r)
		}
		left := func() string {
			rows, _, err := s.Rows(ctx, store.RowFilter{})
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for i := range rows {
				ids = append(ids, rows[i].RequestID)
			}
			slices.Sort(ids)
			return strings.Join(ids, " ")
		}
		for range 2 {
			if err := s.Retain(ctx, day.AddDate(0, 0, 3).Truncate(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got := left(); got != "r3 r4" {
				t.Errorf("left are %s", got)
			}
		}
		if got := spent(t, s, "key:hash/spend"); got != 5 {
			t.Errorf("spent %d", got)
		}
		// What comes later is posted all the same.
		post(t, s, 6, call("late", 1))
		if got := left(); got != "late r3 r4" {
			t.Errorf("left are %s", got)
		}
	})
}

func TestAReplicaPostsAfterAnotherHasDroppedTheDay(t *testing.T) {
	opt := shared(t)
	a, b := open(t, opt), open(t, opt)
	post(t, a, 1, call("r1", 1))
	if err := b.Retain(t.Context(), day.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	post(t, a, 2, call("r2", 1))
	if rows, _, err := b.Rows(t.Context(), store.RowFilter{}); err != nil || len(rows) != 1 || rows[0].RequestID != "r2" {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestPostingEndsWithItsContext(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Post(ctx, "a", 1, []store.Row{call("r", 1)}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := s.Retain(ctx, day); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if n, err := s.Posted(t.Context(), "a"); n != 0 || err != nil {
			t.Errorf("posted %d, %v", n, err)
		}
	})
}

// BenchmarkPost posts batches of 1000 rows of 50 keys, each with three counters.
func BenchmarkPost(b *testing.B) {
	for name, opt := range map[string]store.Options{"SQLite": {Dir: b.TempDir()}, "PostgreSQL": {}} {
		b.Run(name, func(b *testing.B) {
			if name == "PostgreSQL" {
				if machine == nil {
					need.Missing(b, postgres.ErrNotInstalled.Error())
				}
				opt.URL = machine.URL()
			}
			s, err := store.Open(b.Context(), opt)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			replica := fmt.Sprint(b.Name(), time.Now().UnixNano())
			const size = 1000
			batch := int64(0)
			for b.Loop() {
				rows := make([]store.Row, size)
				for i := range rows {
					r := call("", 3)
					r.Start = time.Now()
					r.RequestID = timedID(r.Start, int(batch)*size+i)
					r.Key, r.Team = fmt.Sprint("key", i%50), fmt.Sprint("team", i%5)
					r.Charges = []store.Charge{{Counter: store.SpendCounter(store.KindKey, r.Key), Units: 3}, {Counter: store.SpendCounter(store.KindTeam, r.Team), Units: 3}, {Counter: store.SpendCounter(store.KindUser, r.User), Units: 3}}
					rows[i] = r
				}
				batch++
				if err := s.Post(b.Context(), replica, batch*size, rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(batch*size)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
