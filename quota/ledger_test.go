package quota_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/quota"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ledgers are ledgers on one bank: alone, or several.
func ledgers(t *testing.T, n int) ([]*quota.Ledger, *pool) {
	t.Helper()
	var all []*quota.Ledger
	var p *pool
	if n == 1 {
		all = append(all, quota.NewLedger(quota.NewMemory(nil), quota.Options{}))
	} else {
		p = newPool(time.Now, n)
		for _, m := range p.members {
			all = append(all, quota.NewLedger(m, quota.Options{}))
		}
	}
	t.Cleanup(func() {
		for _, l := range all {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return all, p
}

// crowd makes calls at once, spread over ledgers: each reserves units of a counter, and uses what use says. It
// returns what all have used, and how many passed.
func crowd(t *testing.T, all []*quota.Ledger, calls int, limit quota.Limit, reserve, least int64, use func(reserved int64) int64) (used int64, passed int) {
	t.Helper()
	var group sync.WaitGroup
	var total, count atomic.Int64
	for i := range calls {
		l := all[i%len(all)]
		group.Go(func() {
			r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/spend", limit), Units: reserve, Least: least}})
			if _, refused := errors.AsType[*quota.ExceededError](err); refused {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			n := use(r.Units(0))
			total.Add(n)
			count.Add(1)
			r.Settle(nil, []int64{n})
		})
	}
	group.Wait()
	return total.Load(), int(count.Load())
}

func TestALimitForNCallsLetsNThrough(t *testing.T) {
	for _, replicas := range []int{1, 2, 3, 7} {
		for _, n := range []int64{1, 5, 29, 100, 299} {
			all, p := ledgers(t, replicas)
			const each = 120_000_000
			used, passed := crowd(t, all, 300, quota.Limit{Units: n * each}, each, 1, func(r int64) int64 { return r })
			if int64(passed) != n || used != n*each {
				t.Errorf("%d replicas: %d of 300 calls passed and used %d, the limit is for %d", replicas, passed, used/each, n)
			}
			if p != nil && p.held("k/spend") != n*each {
				t.Errorf("%d replicas hold %d", replicas, p.held("k/spend"))
			}
		}
	}
}

// What was reserved and not used is free again, wherever it is: one after the other, all of the limit can be used.
func TestWhatIsNotUsedIsFreeAgain(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		all, _ := ledgers(t, replicas)
		limit := quota.Limit{Units: 400}
		used, _ := crowd(t, all, 300, limit, 40, 1, func(int64) int64 { return 10 })
		if used == 0 || used > 400 {
			t.Fatalf("%d of 400 were used at once", used)
		}
		for i := 0; used < 400; i++ {
			l := all[i%len(all)]
			r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/spend", limit), Units: 10}})
			if err != nil {
				t.Fatalf("%d replicas: after %d of 400: %v", replicas, used, err)
			}
			r.Settle(nil, []int64{10})
			used += 10
		}
		for _, l := range all {
			var exceeded *quota.ExceededError
			if _, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/spend", limit), Units: 1}}); !errors.As(err, &exceeded) || exceeded.Limit != 400 || exceeded.Left != 0 {
				t.Errorf("after all were used: %v, %+v", err, exceeded)
			}
		}
	}
}

func TestAtMostNCallsAtEveryInstant(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		all, _ := ledgers(t, replicas)
		limit := quota.Limit{Units: 5, Kind: quota.Held}
		var open, peak, passed atomic.Int64
		var group sync.WaitGroup
		for i := range 30 {
			l := all[i%len(all)]
			group.Go(func() {
				for range 60 {
					r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/parallel", limit), Units: 1}})
					if err != nil {
						continue
					}
					passed.Add(1)
					now := open.Add(1)
					for old := peak.Load(); now > old && !peak.CompareAndSwap(old, now); old = peak.Load() {
					}
					for range rand.IntN(3000) {
						open.Load()
					}
					open.Add(-1)
					r.Settle(nil, []int64{0})
				}
			})
		}
		group.Wait()
		if peak.Load() > 5 || passed.Load() < 50 {
			t.Errorf("%d replicas: %d at once, %d passed", replicas, peak.Load(), passed.Load())
		}
		// All slots are free again, for whichever replica asks.
		for _, l := range all {
			var held []*quota.Reservation
			for range 6 {
				if r, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/parallel", limit), Units: 1}}); err == nil {
					held = append(held, r)
				}
			}
			if len(held) != 5 {
				t.Errorf("%d replicas: %d of 5 slots are free afterwards", replicas, len(held))
			}
			for _, r := range held {
				r.Settle(nil, []int64{0})
			}
		}
	}
}

func TestAllCountersOrNone(t *testing.T) {
	all, _ := ledgers(t, 1)
	l := all[0]
	wide, narrow := l.Counter("wide", quota.Limit{Units: 10}), l.Counter("narrow", quota.Limit{Units: 1})
	uses := []quota.Use{{Counter: wide, Units: 3}, {Counter: narrow, Units: 1}}
	if _, err := hold(t.Context(), l, uses); err != nil {
		t.Fatal(err)
	}
	var exceeded *quota.ExceededError
	if _, err := hold(t.Context(), l, uses); !errors.As(err, &exceeded) || exceeded.Use != 1 || exceeded.Counter != "narrow" {
		t.Errorf("%v, %+v", err, exceeded)
	}
	if left := l.State(wide).Left; left != 7 {
		t.Errorf("%d are left of the counter that had enough; want 7", left)
	}
}

func TestAPeriodBeginsAnew(t *testing.T) {
	c := &clock{at: at("2026-01-01T00:00:00Z")}
	l := quota.NewLedger(quota.NewMemory(c.Now), quota.Options{Now: c.Now})
	defer func() { _ = l.Close() }()
	minute := l.Counter("k/requests", quota.Limit{Units: 2, Window: quota.Window{Length: time.Minute}})
	one := []quota.Use{{Counter: minute, Units: 1}}
	old, err := hold(t.Context(), l, one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold(t.Context(), l, one); err != nil {
		t.Fatal(err)
	}
	c.Advance(59 * time.Second)
	var exceeded *quota.ExceededError
	if _, err := hold(t.Context(), l, one); !errors.As(err, &exceeded) || exceeded.Resets != time.Second {
		t.Errorf("at 59 s: %v, %+v", err, exceeded)
	}
	c.Advance(time.Second)
	if s := l.State(minute); s.Left != 2 {
		t.Errorf("at 60 s: %+v", s)
	}
	if _, err := hold(t.Context(), l, one); err != nil {
		t.Errorf("at 60 s: %v", err)
	}
	old.Settle(nil, []int64{0}) // of the period that is over: nothing to give back
	if s := l.State(minute); s.Left != 1 || s.Resets != time.Minute {
		t.Errorf("after a call of the period before has ended: %+v", s)
	}
}

// A call that has used more than was reserved takes the rest from what is free, and what is missing from
// what is drawn next.
func TestMoreThanWasReserved(t *testing.T) {
	all, _ := ledgers(t, 1)
	l := all[0]
	c := l.Counter("k/tokens", quota.Limit{Units: 100})
	reserve := func(n int64) *quota.Reservation {
		t.Helper()
		r, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: n}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, second := reserve(10), reserve(60)
	if got := first.Settle(nil, []int64{50}); len(got) != 1 || got[0].Taken != 40 { // 10, and the 30 that were free
		t.Errorf("%+v", got)
	}
	if got := second.Settle(nil, []int64{5}); got[0].Taken != 5 || l.State(c).Left != 45 {
		t.Errorf("%+v, %d left of 100, 55 were used", got, l.State(c).Left)
	}
	if got := second.Settle(nil, []int64{60}); got != nil || l.State(c).Left != 45 {
		t.Errorf("a second end: %+v", got)
	}
}

func TestExtendTakesWhatIsFree(t *testing.T) {
	all, _ := ledgers(t, 1)
	l := all[0]
	c := l.Counter("k/spend", quota.Limit{Units: 10})
	r, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: 4}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ more, want int64 }{{3, 7}, {30, 10}} {
		if n, err := r.Extend(t.Context(), 0, tt.more); n != tt.want || err != nil {
			t.Errorf("%d more: %d reserved, %v", tt.more, n, err)
		}
	}
	n, err := r.Extend(t.Context(), 0, 1)
	if e, ok := errors.AsType[*quota.ExceededError](err); n != 10 || !ok || e.Use != 0 || e.Left != 0 {
		t.Errorf("more than there is: %d reserved, %v", n, err)
	}
}

// What another process has drawn ahead and does not use is there for a call that needs more.
func TestExtendRecallsWhatOthersHold(t *testing.T) {
	all, p := ledgers(t, 2)
	limit := quota.Limit{Units: 100}
	mine, other := all[0].Counter("k/spend", limit), all[1].Counter("k/spend", limit)
	r, err := hold(t.Context(), all[0], []quota.Use{{Counter: mine, Units: 40}})
	if err != nil {
		t.Fatal(err)
	}
	held, err := hold(t.Context(), all[1], []quota.Use{{Counter: other, Units: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for have := int64(40); have < 90; {
		n, err := r.Extend(t.Context(), 0, 90-have)
		if err != nil || n <= have {
			t.Fatalf("%d after %d, %v", n, have, err)
		}
		have = n
	}
	if _, err := r.Extend(t.Context(), 0, 1); err == nil {
		t.Error("it has more than there is")
	}
	r.Settle(nil, []int64{90})
	held.Settle(nil, []int64{10})
	if n := p.held("k/spend"); n != 100 {
		t.Errorf("%d units are held, want what was used", n)
	}
}

// A counter that has begun anew does not bound what was reserved before.
func TestExtendAfterItsPeriod(t *testing.T) {
	now := &clock{at: at("2026-01-01T00:00:00Z")}
	l := quota.NewLedger(quota.NewMemory(now.Now), quota.Options{Now: now.Now})
	defer l.Close()
	c := l.Counter("k/spend", quota.Limit{Units: 10, Window: quota.Window{Length: time.Minute}})
	r, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: 10}})
	if err != nil {
		t.Fatal(err)
	}
	now.Advance(2 * time.Minute)
	if n, err := r.Extend(t.Context(), 0, 1); n != quota.Unbounded || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// A warm counter asks nobody: what it needs was drawn ahead.
func TestAWarmCounterDoesNotAskTheBank(t *testing.T) {
	all, p := ledgers(t, 2)
	l := all[0]
	c := l.Counter("k/spend", quota.Limit{Units: 1_000_000})
	for range 100 {
		r, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: 10, Least: 1}})
		if err != nil {
			t.Fatal(err)
		}
		r.Settle(nil, []int64{1})
	}
	if n := p.asked(); n > 2 {
		t.Errorf("100 calls asked the bank %d times", n)
	}
}

func TestALimitThatChanges(t *testing.T) {
	all, _ := ledgers(t, 1)
	l := all[0]
	reserve := func(limit int64) error {
		_, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k/spend", quota.Limit{Units: limit}), Units: 1}})
		return err
	}
	for i, want := range []struct {
		limit  int64
		passes bool
	}{{1, true}, {1, false}, {3, true}, {3, true}, {3, false}, {2, false}, {4, true}, {4, false}} {
		if err := reserve(want.limit); (err == nil) != want.passes {
			t.Errorf("call %d, limit %d: %v", i, want.limit, err)
		}
	}
}

func TestTheBankIsAway(t *testing.T) {
	all, p := ledgers(t, 2)
	l := all[0]
	limit := quota.Limit{Units: 3}
	p.goAway(errors.New("no route"))
	if _, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k", limit), Units: 1}}); !errors.Is(err, quota.ErrAway) {
		t.Errorf("%v", err)
	}
	p.goAway(nil)
	if _, err := hold(t.Context(), l, []quota.Use{{Counter: l.Counter("k", limit), Units: 1}}); err != nil {
		t.Errorf("after it is back: %v", err)
	}
}

// A process that the bank has not heard of for long does not use its shares: others may have them by now.
func TestSharesOfALostProcessAreNotUsed(t *testing.T) {
	all, p := ledgers(t, 2)
	one := []quota.Use{{Counter: all[0].Counter("k", quota.Limit{Units: 1_000_000}), Units: 1}}
	for range 2 {
		if _, err := hold(t.Context(), all[0], one); err != nil {
			t.Fatal(err)
		}
	}
	p.mu.Lock()
	p.members[0].seen, p.away = time.Now().Add(-quota.Lifetime), errors.New("no route")
	p.mu.Unlock()
	if _, err := hold(t.Context(), all[0], one); !errors.Is(err, quota.ErrAway) {
		t.Errorf("with a share that may be another's: %v", err)
	}
	p.mu.Lock()
	p.members[0].seen, p.away = time.Time{}, nil
	p.mu.Unlock()
	if _, err := hold(t.Context(), all[0], one); err != nil {
		t.Errorf("after the bank has heard of it: %v", err)
	}
}

func TestACallThatIsGivenUpReservesNothing(t *testing.T) {
	all, p := ledgers(t, 2)
	limit := quota.Limit{Units: 1}
	held, err := hold(t.Context(), all[0], []quota.Use{{Counter: all[0].Counter("k", limit), Units: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hold(ctx, all[1], []quota.Use{{Counter: all[1].Counter("k", limit), Units: 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	held.Settle(nil, []int64{0})
	if r, err := hold(t.Context(), all[1], []quota.Use{{Counter: all[1].Counter("k", limit), Units: 1}}); err != nil || p.held("k") != 1 {
		t.Errorf("afterwards: %v, %v", r, err)
	}
}

func TestForgottenCountersReturnTheirShare(t *testing.T) {
	all, p := ledgers(t, 2)
	limit := quota.Limit{Units: 1600}
	r, err := hold(t.Context(), all[0], []quota.Use{{Counter: all[0].Counter("k", limit), Units: 1}})
	if err != nil {
		t.Fatal(err)
	}
	all[0].Forget("k")
	r.Settle(nil, []int64{0})
	if _, err := hold(t.Context(), all[1], []quota.Use{{Counter: all[1].Counter("k", limit), Units: 1600}}); err != nil || p.held("k") != 1600 {
		t.Errorf("the other cannot have all of them: %v", err)
	}
}

func TestNoReservationAfterTheEnd(t *testing.T) {
	l := quota.NewLedger(quota.NewMemory(nil), quota.Options{})
	c := l.Counter("k", quota.Limit{Units: 1})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := hold(t.Context(), l, []quota.Use{{Counter: c, Units: 1}}); !errors.Is(err, quota.ErrAway) {
		t.Errorf("%v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestMemoryForgetsPeriodsThatAreOver(t *testing.T) {
	c := &clock{at: at("2026-01-01T00:00:00Z")}
	m := quota.NewMemory(c.Now)
	draw := func(id string) quota.Grant {
		g, err := m.Draw(t.Context(), []quota.Draw{{Counter: id, Limit: 2, Window: quota.Window{Length: time.Second}, Need: 1, Want: 2}})
		if err != nil {
			t.Fatal(err)
		}
		return g[0]
	}
	first := draw("a")
	c.Advance(time.Second)
	for i := range 20_001 {
		draw(fmt.Sprint(i))
	}
	if again := draw("a"); again.Units != 2 || again.Period == first.Period {
		t.Errorf("%+v after %+v", again, first)
	}
}

func BenchmarkReserve(b *testing.B) {
	l := quota.NewLedger(quota.NewMemory(nil), quota.Options{})
	defer func() { _ = l.Close() }()
	uses := []quota.Use{
		{Counter: l.Counter("k/spend", quota.Limit{Units: 1 << 60}), Units: 100, Least: 1},
		{Counter: l.Counter("t/spend", quota.Limit{Units: 1 << 60}), Units: 100, Least: 1},
		{Counter: l.Counter("k/requests", quota.Limit{Units: 1 << 60, Window: quota.Window{Length: time.Minute}}), Units: 1},
		{Counter: l.Counter("k/parallel", quota.Limit{Units: 100, Kind: quota.Held}), Units: 1},
	}
	var room [4]quota.Settled
	var r quota.Reservation
	for b.Loop() {
		if err := l.Reserve(b.Context(), &r, uses); err != nil {
			b.Fatal(err)
		}
		r.Settle(room[:0], []int64{10, 10, 1, 0})
	}
}

// hold reserves in memory of its own.
func hold(ctx context.Context, l *quota.Ledger, uses []quota.Use) (*quota.Reservation, error) {
	r := &quota.Reservation{}
	return r, l.Reserve(ctx, r, uses)
}
