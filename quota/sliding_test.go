package quota_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/quota"
)

const (
	span  = time.Minute
	slice = 5 * time.Second
)

// event is what a call has used of a limit, and when it passed.
type event struct {
	at    time.Time
	units int64
}

// worst is the most that events have used in a span, wherever it begins. They are in the order of time.
func worst(events []event, span time.Duration) (most int64) {
	var sum int64
	first := 0
	for _, e := range events {
		sum += e.units
		for !e.at.Before(events[first].at.Add(span)) {
			sum -= events[first].units
			first++
		}
		most = max(most, sum)
	}
	return most
}

// inUse is what a window has to count at least, and at most, at a time.
func inUse(events []event, now time.Time) (least, most int64) {
	for _, e := range events {
		if now.Before(e.at.Add(span)) {
			least += e.units
		}
		if now.Before(e.at.Add(span + slice)) {
			most += e.units
		}
	}
	return least, most
}

// TestNoSpanHasMoreThanASlidingLimit sends calls at random times, in bursts and one by one, some of which take longer than a
// slice and use less than they have reserved. A naive model of all of them says what each span has used, and that a call is
// not refused while the limit, counted in whole slices, has enough.
func TestNoSpanHasMoreThanASlidingLimit(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		passed, refused := 0, 0
		for seed := range uint64(40) {
			t.Run(fmt.Sprintf("%d replicas, seed %d", replicas, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, r := arrivals(t, replicas, rand.New(rand.NewPCG(seed, 1)))
					passed, refused = passed+p, refused+r
				})
			})
		}
		if passed < 4000 || refused < 4000 {
			t.Errorf("%d calls passed, and %d were refused", passed, refused)
		}
	}
}

func arrivals(t *testing.T, replicas int, random *rand.Rand) (passed, refused int) {
	all, _ := ledgers(t, replicas)
	limit := quota.Limit{Units: 1 + random.Int64N(300), Window: quota.Sliding(span, slice)}
	biggest := 1 + random.Int64N(max(1, limit.Units/3))
	var events []event // what was reserved, until it is known what was used
	type open struct {
		r     *quota.Reservation
		ends  time.Time
		event int
		used  int64
	}
	var calls []open
	for range 600 {
		if random.IntN(4) == 0 {
			time.Sleep(time.Duration(random.Int64N(int64(7 * time.Second))))
		} else {
			time.Sleep(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
		}
		now := time.Now()
		kept := calls[:0]
		for _, c := range calls {
			if now.Before(c.ends) {
				kept = append(kept, c)
				continue
			}
			c.r.Settle(nil, []int64{c.used})
			events[c.event].units = c.used
		}
		calls = kept
		synctest.Wait()
		l := all[random.IntN(len(all))]
		units := 1 + random.Int64N(biggest)
		r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/tokens", limit), Units: units}})
		at := time.Now()
		if e, ok := errors.AsType[*quota.ExceededError](err); ok {
			refused++
			if _, most := inUse(events, at); most+units <= limit.Units {
				t.Fatalf("%d units are refused: at most %d of %d are in use", units, most, limit.Units)
			}
			if e.Resets <= 0 || e.Resets > span+slice {
				t.Fatalf("units are said to be free in %s", e.Resets)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		passed++
		used := units
		if random.IntN(2) == 0 {
			used = random.Int64N(units + 1)
		}
		if least, _ := inUse(events, at); least+units > limit.Units {
			t.Fatalf("%d units pass while %d of %d are in use", units, least, limit.Units)
		}
		events = append(events, event{at, units})
		calls = append(calls, open{r, at.Add(time.Duration(random.Int64N(int64(20 * time.Second)))), len(events) - 1, used})
	}
	for _, c := range calls {
		c.r.Settle(nil, []int64{c.used})
		events[c.event].units = c.used
	}
	if most := worst(events, span); most > limit.Units {
		t.Errorf("%d of %d units in one span", most, limit.Units)
	}
	return passed, refused
}

// Units are free when the refusal says so, and not before.
func TestASlidingLimitSaysWhenUnitsAreFree(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			all, _ := ledgers(t, replicas)
			l := all[0]
			c := l.Counter("k/requests", quota.Limit{Units: 10, Window: quota.Sliding(span, slice)})
			take := func(units int64) error {
				r, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: units}})
				if err == nil {
					r.Settle(nil, []int64{units})
				}
				return err
			}
			if err := take(4); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
			if err := take(6); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				units, left int64
				resets      time.Duration
			}{{3, 0, 45 * time.Second}, {5, 4, 20 * time.Second}} {
				e, ok := errors.AsType[*quota.ExceededError](take(step.units))
				if !ok || e.Left != step.left || (e.Resets-step.resets).Abs() > time.Second/10 {
					t.Fatalf("%d units: %+v, want %+v", step.units, e, step)
				}
				if s := l.State(c); s.Limit != 10 || s.Left != step.left || s.Resets != e.Resets {
					t.Errorf("%+v after %+v", s, e)
				}
				time.Sleep(e.Resets - time.Second/2)
				if err := take(step.units); err == nil {
					t.Fatalf("%d units pass before they are free", step.units)
				}
				time.Sleep(time.Second/2 + 20*time.Millisecond)
			}
			if err := take(10); err != nil {
				t.Errorf("after all are free: %v", err)
			}
		})
	}
}

// What a call has used beyond its reservation counts when it is known, whatever is left, on all replicas, and no longer than
// any other.
func TestMoreThanWasReservedOfASlidingLimit(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		for _, later := range []time.Duration{0, 12 * time.Second, 2 * time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				all, _ := ledgers(t, replicas)
				limit := quota.Limit{Units: 100, Window: quota.Sliding(span, slice)}
				take := func(l *quota.Ledger, units int64) (*quota.Reservation, error) {
					return hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/tokens", limit), Units: units}})
				}
				r, err := take(all[0], 10)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(later)
				r.Settle(nil, []int64{1000})
				synctest.Wait()
				for _, l := range all {
					if _, err := take(l, 1); err == nil {
						t.Errorf("after %s: a call passes", later)
					}
				}
				time.Sleep(span - time.Second)
				if _, err := take(all[len(all)-1], 1); err == nil {
					t.Errorf("after %s: a call passes soon", later)
				}
				time.Sleep(slice + 2*time.Second)
				if _, err := take(all[len(all)-1], 100); err != nil {
					t.Errorf("after %s: %v", later, err)
				}
			})
		}
	}
}

// Units that a process has drawn and not used are another's, also if the slice in which it drew them is over.
func TestSharesOfSlicesThatAreOverAreRecalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := ledgers(t, 2)
		limit := quota.Limit{Units: 160, Window: quota.Sliding(span, slice)}
		take := func(l *quota.Ledger, units int64) error {
			r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/requests", limit), Units: units}})
			if err == nil {
				r.Settle(nil, []int64{units})
			}
			return err
		}
		if err := take(all[0], 1); err != nil { // draws ten ahead
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if err := take(all[1], 159); err != nil {
			t.Errorf("of 160, one was used: %v", err)
		}
		if err := take(all[1], 1); err == nil {
			t.Error("161 of 160 pass")
		}
	})
}

func TestSlidingWindowsAreNotAnchored(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	if w := quota.Sliding(span, slice); !w.End(now).Equal(now.Add(slice)) {
		t.Errorf("a slice ends at %s", w.End(now))
	}
}

func BenchmarkReserveSliding(b *testing.B) {
	l := quota.NewLedger(quota.NewMemory(nil), quota.Options{})
	defer func() { _ = l.Close() }()
	uses := []quota.Use{{Counter: l.Counter("k/requests", quota.Limit{Units: 1 << 60, Window: quota.Sliding(span, slice)}), Units: 1}}
	var room [1]quota.Settled
	var r quota.Reservation
	for b.Loop() {
		if err := l.Reserve(b.Context(), &r, uses); err != nil {
			b.Fatal(err)
		}
		r.Settle(room[:0], []int64{1})
	}
}
