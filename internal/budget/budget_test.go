package budget_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/budget"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mb = 1 << 20

// total leaves 70 MB for large growth and 10 for small.
const total = 80 * mb

func lease(t *testing.T, b *budget.Budget, n int64) *budget.Lease {
	t.Helper()
	l := b.Lease()
	if err := l.Grow(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return l
}

// grow grows a lease in the background.
func grow(ctx context.Context, l *budget.Lease, n int64) <-chan error {
	done := make(chan error, 1)
	go func() { done <- l.Grow(ctx, n) }()
	synctest.Wait()
	return done
}

func TestMemoryIsGivenBack(t *testing.T) {
	b := budget.New(total, 0)
	l := lease(t, b, 30*mb)
	if err := l.Grow(t.Context(), 2000); err != nil {
		t.Fatal(err)
	}
	if got := b.Used(); got != 30*mb+2000 || l.Held() != got {
		t.Errorf("used %d, held %d", got, l.Held())
	}
	l.Shrink(10 * mb)
	if got := b.Used(); got != 20*mb+2000 {
		t.Errorf("used %d after shrinking", got)
	}
	l.Release()
	l.Release()
	if got := b.Used(); got != 0 || l.Held() != 0 {
		t.Errorf("used %d, held %d after release", got, l.Held())
	}
}

func TestFullBudgetIsWaitedForAndThenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Second)
		holder := lease(t, b, 60*mb)
		began := time.Now()
		if err := b.Lease().Grow(t.Context(), 20*mb); !errors.Is(err, budget.ErrFull) || time.Since(began) != time.Second {
			t.Errorf("%v after %v, want ErrFull after 1s", err, time.Since(began))
		}
		waiting := grow(t.Context(), b.Lease(), 20*mb)
		if b.Waiting() != 1 {
			t.Errorf("%d are waiting, want 1", b.Waiting())
		}
		holder.Release()
		if err := <-waiting; err != nil {
			t.Errorf("after the release: %v", err)
		}
		if b.Used() != 20*mb || b.Waiting() != 0 {
			t.Errorf("used %d, waiting %d", b.Used(), b.Waiting())
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		lease(t, b, 70*mb)
		ctx, cancel := context.WithCancelCause(t.Context())
		waiting := grow(ctx, b.Lease(), 2*mb)
		reason := errors.New("the client went away")
		cancel(reason)
		if err := <-waiting; !errors.Is(err, reason) {
			t.Errorf("got %v", err)
		}
		if b.Waiting() != 0 || b.Used() != 70*mb {
			t.Errorf("waiting %d, used %d", b.Waiting(), b.Used())
		}
	})
}

// Who waits is served in the order of arrival: a small one does not pass a large one by,
// which would otherwise wait for ever.
func TestOrderOfArrivalCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		first, second := lease(t, b, 40*mb), lease(t, b, 20*mb)
		large := grow(t.Context(), b.Lease(), 50*mb)
		little := grow(t.Context(), b.Lease(), 2*mb)
		second.Release()
		synctest.Wait()
		select {
		case err := <-little:
			t.Errorf("the later one was served first: %v", err)
		default:
		}
		first.Release()
		if err := errors.Join(<-large, <-little); err != nil {
			t.Error(err)
		}
	})
}

// One that gives up waiting makes room for those behind it.
func TestOneThatGivesUpLetsOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		lease(t, b, 40*mb)
		ctx, cancel := context.WithCancel(t.Context())
		large := grow(ctx, b.Lease(), 50*mb)
		little := grow(t.Context(), b.Lease(), 2*mb)
		cancel()
		if err := <-large; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := <-little; err != nil {
			t.Error(err)
		}
	})
}

// Holders that need more come before newcomers, and among them the one that has waited
// longest fails first, so that the others can go on.
func TestHoldersThatWaitForOneAnotherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		one, two := lease(t, b, 35*mb), lease(t, b, 35*mb)
		newcomer := grow(t.Context(), b.Lease(), 5*mb)
		time.Sleep(time.Second) // the bubble's clock
		a := grow(t.Context(), one, 10*mb)
		time.Sleep(time.Second)
		c := grow(t.Context(), two, 10*mb)
		if err := <-newcomer; !errors.Is(err, budget.ErrFull) {
			t.Errorf("the newcomer, who has waited longest: %v", err)
		}
		if err := <-a; !errors.Is(err, budget.ErrFull) {
			t.Errorf("the first holder: %v", err)
		}
		one.Release()
		if err := <-c; err != nil {
			t.Errorf("the second holder: %v", err)
		}
	})
}

func TestHoldersComeBeforeNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		one, two := lease(t, b, 30*mb), lease(t, b, 40*mb)
		newcomer := grow(t.Context(), b.Lease(), 40*mb)
		grown := grow(t.Context(), one, 5*mb)
		two.Release()
		if err := <-grown; err != nil {
			t.Error(err)
		}
		select {
		case err := <-newcomer:
			t.Errorf("the newcomer was served although 35 of 70 MB are held: %v", err)
		default:
		}
		one.Release()
		if err := <-newcomer; err != nil {
			t.Error(err)
		}
	})
}

// Large requests leave a part to small ones.
func TestSmallGrowthIsNotHeldUpByLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		lease(t, b, 70*mb)
		large := grow(t.Context(), b.Lease(), 20*mb)
		for range 10 {
			lease(t, b, budget.Piece) // fails the test if it waits until ErrFull
		}
		if err := b.Lease().Grow(t.Context(), 1); !errors.Is(err, budget.ErrFull) {
			t.Errorf("beyond the part for small growth: %v", err)
		}
		if err := <-large; !errors.Is(err, budget.ErrFull) {
			t.Error(err)
		}
	})
}

// A request that is larger than the budget is served when it is alone.
func TestLargerThanTheBudgetIsServedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(total, time.Minute)
		other := lease(t, b, 2*mb)
		huge := b.Lease()
		waiting := grow(t.Context(), huge, 500*mb)
		synctest.Wait()
		if b.Waiting() != 1 {
			t.Fatal("it is not waiting for the other one")
		}
		other.Release()
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		next := grow(t.Context(), b.Lease(), 2*mb)
		if err := huge.Grow(t.Context(), 100*mb); err != nil {
			t.Errorf("it is alone and needs more: %v", err)
		}
		huge.Release()
		if err := <-next; err != nil {
			t.Error(err)
		}
	})
}

func TestContextCarriesTheLease(t *testing.T) {
	b := budget.New(total, 0)
	l := b.Lease()
	ctx := budget.With(t.Context(), l)
	release, err := b.Acquire(ctx, 5*mb)
	if err != nil || l.Held() != 5*mb {
		t.Fatalf("held %d, %v", l.Held(), err)
	}
	release()
	release()
	if l.Held() != 0 || b.Used() != 0 {
		t.Errorf("held %d, used %d", l.Held(), b.Used())
	}
	own, err := b.Acquire(t.Context(), 5*mb)
	if err != nil || b.Used() != 5*mb || l.Held() != 0 {
		t.Errorf("without a lease in the context: used %d, held %d, %v", b.Used(), l.Held(), err)
	}
	own()
	if b.Used() != 0 {
		t.Errorf("used %d", b.Used())
	}
}

func TestNoBudgetGrantsEverything(t *testing.T) {
	var b *budget.Budget
	l := b.Lease()
	release, err := b.Acquire(budget.With(t.Context(), l), 1<<50)
	if err := errors.Join(err, l.Grow(t.Context(), 1<<50), budget.From(t.Context()).Grow(t.Context(), 1)); err != nil {
		t.Error(err)
	}
	l.Shrink(1)
	l.Release()
	if l.Held() != 0 {
		t.Error("a lease of no budget holds something")
	}
	release()
}

// Many leases at once never hold more than the budget together, and all is given back.
func TestManyLeases(t *testing.T) {
	b := budget.New(total, 0)
	var group sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		group.Go(func() {
			for round := range 50 {
				l := b.Lease()
				err := l.Grow(t.Context(), int64((i*round)%40+1)*mb)
				if used := b.Used(); used > total {
					err = errors.Join(err, errors.New("more than the budget was used"))
				}
				l.Release()
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	group.Wait()
	if err := errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...); err != nil {
		t.Error(err)
	}
	if b.Used() != 0 || b.Waiting() != 0 {
		t.Errorf("used %d, waiting %d", b.Used(), b.Waiting())
	}
}
