package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/quota"
	"outcrop/store"
)

// bank returns the bank of a replica.
func bank(t *testing.T, s *store.Store, replica string) *store.Bank {
	t.Helper()
	b, err := s.Bank(t.Context(), replica)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// draw draws on a counter.
func draw(t *testing.T, b *store.Bank, d quota.Draw) quota.Grant {
	t.Helper()
	grants, err := b.Draw(t.Context(), []quota.Draw{d})
	if err != nil || len(grants) != 1 {
		t.Fatalf("%v, %v", grants, err)
	}
	return grants[0]
}

func give(t *testing.T, b *store.Bank, r ...quota.Return) {
	t.Helper()
	if err := b.Return(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func spent(t *testing.T, s *store.Store, counter string) int64 {
	t.Helper()
	used, err := s.Spent(t.Context(), []string{counter})
	if err != nil {
		t.Fatal(err)
	}
	return used[counter]
}

// over ends the period of a counter.
func over(t *testing.T, s *store.Store, counter string) {
	t.Helper()
	exec(t, s, `UPDATE counters SET ends = 1 WHERE id = $1`, counter)
}

// die makes a replica one that was not seen for a long time.
func die(t *testing.T, s *store.Store, b *store.Bank, replica string) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `UPDATE replicas SET seen = seen - $1 WHERE id = $2`, store.Lifetime.Microseconds()+1_000_000, replica)
}

func TestAReplicaAloneIsAnsweredAtOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		b := bank(t, s, "a")
		for i, step := range []struct {
			need, want, limit int64
			units, left       int64
		}{
			{1, 5, 10, 5, 5},
			{1, 7, 10, 5, 0},   // what is left
			{1, 1, 10, 0, 0},   // refused
			{2, 9, 13, 3, 0},   // the limit was raised
			{5, 5, 17, 0, 4},   // too little
			{1, 1, 7, 0, -6},   // the limit was lowered
			{0, 0, 100, 1, 86}, // at least one
			{9, 4, 100, 9, 77}, // at least what is needed
			{1, 1, 0, 0, -23},  // no limit above zero
			{1, 1, -5, 0, -28}, // nor below
			{1, 99, 24, 1, 0},  // the last
			{1, 1, 24, 0, 0},   // and no more
			{1, 1, 1 << 40, 1, 1<<40 - 25},
		} {
			g := draw(t, b, quota.Draw{Counter: "key:k/requests", Limit: step.limit, Need: step.need, Want: step.want})
			if g.Units != step.units || g.Left != step.left || g.Recall != 0 || g.Used != 0 || g.Period != 1 || g.Ends != 0 {
				t.Errorf("step %d: %+v", i, g)
			}
		}
		give(t, b, quota.Return{Counter: "key:k/requests", Period: 1, Units: 20})
		if g := draw(t, b, quota.Draw{Counter: "key:k/requests", Limit: 24, Need: 1, Want: 99}); g.Units != 19 {
			t.Errorf("after a return: %+v", g)
		}
		give(t, b, quota.Return{Counter: "key:k/requests", Period: 1, Units: 1000}, quota.Return{Counter: "key:k/requests", Period: 1, Units: -5}, quota.Return{Counter: "unknown", Units: 5})
		if g := draw(t, b, quota.Draw{Counter: "key:k/requests", Limit: 24, Need: 1, Want: 99}); g.Units != 24 {
			t.Errorf("after more was returned than was held: %+v", g)
		}
	})
}

func TestDrawsOfOneCallAreAnsweredInTheirOrder(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		b := bank(t, s, "a")
		var draws []quota.Draw
		for i := range 20 {
			draws = append(draws, quota.Draw{Counter: fmt.Sprint("c", (i*7)%10), Limit: int64((i*7)%10) + 1, Need: 1, Want: 100})
		}
		grants, err := b.Draw(t.Context(), draws)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range grants {
			want := draws[i].Limit
			if i >= 10 {
				want = 0 // the counter was drawn on before, in the same call
			}
			if g.Units != want {
				t.Errorf("draw %d: %+v, want %d", i, g, want)
			}
		}
		if grants, err := b.Draw(t.Context(), nil); err != nil || len(grants) != 0 {
			t.Errorf("of nothing: %v, %v", grants, err)
		}
	})
}

func TestAPeriodThatIsOverBeginsAnew(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b := bank(t, s, "a"), bank(t, s, "b")
		d := quota.Draw{Counter: "key:k/requests", Limit: 10, Window: quota.Window{Length: time.Hour}, Need: 1, Want: 6}
		g := draw(t, a, d)
		if g.Units != 6 || g.Period != 1 || g.Ends <= 59*time.Minute || g.Ends > time.Hour {
			t.Errorf("the first: %+v", g)
		}
		over(t, s, d.Counter)
		if g := draw(t, b, d); g.Units != 6 || g.Left != 4 || g.Period != 2 {
			t.Errorf("in the next period: %+v", g)
		}
		give(t, a, quota.Return{Counter: d.Counter, Period: 1, Units: 6}) // too late
		if g := draw(t, a, d); g.Units != 4 || g.Period != 2 {
			t.Errorf("what the other has left: %+v", g)
		}
		if g := draw(t, a, quota.Draw{Counter: d.Counter, Limit: 10, Window: quota.Window{Length: time.Minute}, Need: 1, Want: 1, Recall: 0}); g.Ends > time.Minute {
			t.Errorf("with a shorter window: %+v", g)
		}
		if g := draw(t, a, quota.Draw{Counter: d.Counter, Limit: 10, Need: 1, Want: 1}); g.Ends != 0 || g.Period != 2 {
			t.Errorf("without a window: %+v", g)
		}
		if g := draw(t, a, quota.Draw{Counter: d.Counter, Limit: 10, Window: quota.Window{Months: 1}, Need: 1, Want: 1}); g.Ends <= 0 || g.Period != 2 {
			t.Errorf("with a window by the calendar: %+v", g)
		}
	})
}

func TestSharesAreRecalledOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b, c := bank(t, s, "a"), bank(t, s, "b"), bank(t, s, "c")
		d := quota.Draw{Counter: "key:k/spend", Limit: 10, Need: 2, Want: 5}
		draw(t, a, d)
		draw(t, b, d)
		first := draw(t, c, d)
		if first.Units != 0 || first.Recall != 1 {
			t.Fatalf("the first draw: %+v", first)
		}
		d.Recall = first.Recall
		if g := draw(t, c, d); g.Recall != 1 || g.Units != 0 {
			t.Errorf("again, before anybody has answered: %+v", g)
		}
		give(t, a, quota.Return{Counter: d.Counter, Period: 1, Units: 1})
		if g := draw(t, c, d); g.Recall != 1 || g.Units != 0 || g.Left != 1 {
			t.Errorf("after one has answered, with too little: %+v", g)
		}
		give(t, b, quota.Return{Counter: d.Counter, Period: 1})
		if g := draw(t, c, d); g.Recall != 0 || g.Units != 0 || g.Left != 1 {
			t.Errorf("after all have answered: %+v", g)
		}
		d.Recall = 0
		again := draw(t, c, d)
		if again.Recall != 2 {
			t.Errorf("a new draw recalls anew: %+v", again)
		}
		give(t, b, quota.Return{Counter: d.Counter, Period: 1, Units: 3})
		d.Recall = again.Recall
		if g := draw(t, c, d); g.Units != 4 || g.Recall != 0 {
			t.Errorf("after enough was returned: %+v", g)
		}
	})
}

func TestWhatADeadReplicaHasDrawn(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		for counter, want := range map[string]int64{"key:k/spend": 10, "key:k/spend@a/b": 10, "key:k/parallel": 10, "key:k/requests": 3, "key:k/tokens": 3} {
			gone, b := bank(t, s, "gone "+counter), bank(t, s, "b")
			draw(t, gone, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 7})
			die(t, s, gone, "gone "+counter)
			if g := draw(t, b, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 10}); g.Units != want {
				t.Errorf("%s: %+v, want %d", counter, g, want)
			}
			if g := draw(t, b, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 10}); g.Units != 0 || g.Recall != 0 {
				t.Errorf("%s is used up, and one that is dead is not asked: %+v", counter, g)
			}
			// It comes back, and does not know yet.
			back := bank(t, s, "gone "+counter)
			give(t, back, quota.Return{Counter: counter, Period: 1, Units: 7})
			if g := draw(t, back, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 10}); g.Units != 7*(10-want)/7 {
				t.Errorf("%s after it has come back: %+v", counter, g)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhatAReplicaHasDrawnBeforeItWasStartedAgain(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		for counter, want := range map[string]int64{"key:k/spend": 10, "key:k/parallel": 10, "key:k/requests": 3} {
			a := bank(t, s, "a")
			draw(t, a, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 7})
			draw(t, a, quota.Draw{Counter: counter + "/over", Window: quota.Window{Length: time.Hour}, Limit: 10, Need: 1, Want: 7})
			over(t, s, counter+"/over")
			again := bank(t, s, "a")
			if err := again.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if g := draw(t, again, quota.Draw{Counter: counter, Limit: 10, Need: 1, Want: 10}); g.Units != want || g.Used != 10-want {
				t.Errorf("%s: %+v, want %d", counter, g, want)
			}
			if g := draw(t, again, quota.Draw{Counter: counter + "/over", Window: quota.Window{Length: time.Hour}, Limit: 10, Need: 1, Want: 10}); g.Units != 10 || g.Used != 0 {
				t.Errorf("%s in a new period: %+v", counter, g)
			}
		}
	})
}

// TestManyNeverExceedALimitAndUseItUp draws as the ledger does: ahead, with recalls answered by what no call has reserved.
func TestManyNeverExceedALimitAndUseItUp(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		const limit, replicas, callers = 500, 3, 8
		stores := []*store.Store{s, s, s}
		counters := []string{"key:k/requests", "team:t/requests"}
		var used [2]atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var calls, answers sync.WaitGroup
		stop := make(chan struct{})
		for r := range replicas {
			b := bank(t, stores[r], fmt.Sprint("r", r))
			var mu sync.Mutex
			var free [2]int64
			answer := func(i int) {
				mu.Lock()
				units := free[i]
				free[i] = 0
				mu.Unlock()
				if err := b.Return(ctx, []quota.Return{{Counter: counters[i], Period: 1, Units: units}}); err != nil {
					t.Error(err)
				}
			}
			answers.Go(func() {
				tick := time.NewTicker(5 * time.Millisecond) // SQLite tells nobody of recalls
				defer tick.Stop()
				for {
					select {
					case <-stop:
						answer(0)
						answer(1)
						return
					case <-tick.C:
						if b.Recalls() == nil {
							answer(0)
							answer(1)
						}
					case id := <-b.Recalls():
						for i := range counters {
							if id == counters[i] || id == "" {
								answer(i)
							}
						}
					}
				}
			})
			for range callers {
				calls.Go(func() {
					recall := [2]int64{}
					for done := [2]bool{}; !done[0] || !done[1]; {
						var draws []quota.Draw
						var of []int
						mu.Lock()
						for i := range counters {
							if free[i] > 0 {
								free[i]--
								used[i].Add(1)
							} else if !done[i] {
								draws, of = append(draws, quota.Draw{Counter: counters[i], Limit: limit, Need: 1, Want: 20, Recall: recall[i]}), append(of, i)
							}
						}
						mu.Unlock()
						grants, err := b.Draw(ctx, draws)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for j, g := range grants {
							i := of[j]
							recall[i] = g.Recall
							done[i] = g.Units == 0 && g.Recall == 0
							free[i] += g.Units
						}
						mu.Unlock()
					}
				})
			}
		}
		calls.Wait()
		close(stop)
		answers.Wait()
		for i := range used {
			// Each replica's callers stop when all is drawn; what another replica returns after that is left.
			rest := bank(t, s, "rest")
			for g := draw(t, rest, quota.Draw{Counter: counters[i], Limit: limit, Need: 1, Want: 1}); g.Units > 0; g = draw(t, rest, quota.Draw{Counter: counters[i], Limit: limit, Need: 1, Want: 1}) {
				used[i].Add(1)
			}
			if got := used[i].Load(); got != limit {
				t.Errorf("%s: %d were used of %d", counters[i], got, limit)
			}
			if err := rest.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestDrawsInAnyOrderDoNotBlockOneAnother(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		a, b := bank(t, s, "a"), bank(t, s, "b")
		var wg sync.WaitGroup
		for i, bank := range []*store.Bank{a, b, a, b, a, b} {
			wg.Go(func() {
				for round := range 30 {
					var draws []quota.Draw
					var returns []quota.Return
					var charges []store.Charge
					for j := range 6 {
						id := fmt.Sprintf("%c%d/spend", 'a'+(j*(i+1)+round)%7, round/10)
						draws = append(draws, quota.Draw{Counter: id, Limit: 1000, Need: 1, Want: 2})
						returns = append(returns, quota.Return{Counter: id, Period: 1, Units: 2})
						charges = append(charges, store.Charge{Counter: id, Units: 1})
					}
					if _, err := bank.Draw(t.Context(), draws); err != nil {
						t.Error(err)
					}
					if err := s.Post(t.Context(), fmt.Sprint("poster", i), int64(round+1), []store.Row{{RequestID: fmt.Sprint(i, "-", round), Start: time.Now(), Key: "k", Charges: charges}}); err != nil {
						t.Error(err)
					}
					if err := bank.Return(t.Context(), returns); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestRecallsAndReturnsReachTheOtherReplicas(t *testing.T) {
	opt := shared(t)
	a, b := bank(t, open(t, opt), "a"), bank(t, open(t, opt), "b")
	for _, c := range []<-chan string{a.Recalls(), b.Recalls(), a.Returned(), b.Returned()} {
		if id := <-c; id != "" {
			t.Errorf("before anything was missed: %q", id)
		}
	}
	d := quota.Draw{Counter: "key:k/spend", Limit: 5, Need: 1, Want: 5}
	draw(t, a, d)
	if g := draw(t, b, d); g.Recall == 0 {
		t.Errorf("got %+v", g)
	}
	if id := <-a.Recalls(); id != d.Counter {
		t.Errorf("recalled %q", id)
	}
	give(t, a, quota.Return{Counter: d.Counter, Period: 1, Units: 2})
	if id := <-b.Returned(); id != d.Counter {
		t.Errorf("returned %q", id)
	}
	select {
	case id := <-b.Recalls():
		t.Errorf("its own recall of %q", id)
	default:
	}
	// One that draws after a recall is told at once, because it had no share when that came.
	late := bank(t, open(t, opt), "late")
	if id := <-late.Recalls(); id != "" {
		t.Errorf("got %q", id)
	}
	if g := draw(t, late, d); g.Units != 2 {
		t.Errorf("got %+v", g)
	}
	if id := <-late.Recalls(); id != d.Counter {
		t.Errorf("recalled %q", id)
	}
	// A recall whose note was lost is found in the table.
	if g := draw(t, b, d); g.Recall == 0 {
		t.Errorf("got %+v", g)
	}
	if id := <-a.Recalls(); id != d.Counter { // the note
		t.Errorf("recalled %q", id)
	}
	if id := <-a.Recalls(); id != d.Counter { // nobody has answered
		t.Errorf("recalled %q", id)
	}
}

func TestABankIsSeenAndClosed(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		before := time.Now()
		b, err := s.Bank(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if seen := b.Seen(); seen.Before(before) || seen.After(time.Now()) {
			t.Errorf("seen at %s", seen)
		}
		if (b.Recalls() != nil) != s.Shared() {
			t.Errorf("recalls of a store that is shared %v: %v", s.Shared(), b.Recalls())
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		for range b.Returned() { // until it is closed
		}
		if s.Shared() {
			for range b.Recalls() {
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Bank(ctx, "b"); !errors.Is(err, context.Canceled) {
			t.Errorf("a bank that cannot begin: %v", err)
		}
		if _, err := b.Draw(ctx, []quota.Draw{{Counter: "c", Limit: 1}}); !errors.Is(err, context.Canceled) {
			t.Errorf("a draw that cannot: %v", err)
		}
	})
}
