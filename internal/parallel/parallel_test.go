package parallel

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryCallIsMadeAndNoMoreThanTheLimitAtATime(t *testing.T) {
	var made, now, most atomic.Int64
	gate := make(chan struct{}, 3)
	err := Do(t.Context(), 50, 3, func(context.Context, int) error {
		gate <- struct{}{}
		most.Store(max(most.Load(), now.Add(1)))
		made.Add(1)
		now.Add(-1)
		<-gate
		return nil
	})
	if err != nil || made.Load() != 50 || most.Load() > 3 {
		t.Errorf("%d calls, %d at a time, error %v", made.Load(), most.Load(), err)
	}
}

func TestTheFirstFailureEndsTheRest(t *testing.T) {
	broken := errors.New("broken")
	var after atomic.Int64
	err := Do(t.Context(), 1000, 2, func(ctx context.Context, i int) error {
		if i == 0 {
			return broken
		}
		<-ctx.Done()
		after.Add(1)
		return ctx.Err()
	})
	if !errors.Is(err, broken) || after.Load() > 2 {
		t.Errorf("error %v, and %d calls after it", err, after.Load())
	}
}

func TestAPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if p := recover(); p != "stone" {
			t.Errorf("the panic was %v", p)
		}
	}()
	_ = Do(t.Context(), 3, 3, func(_ context.Context, i int) error {
		if i == 1 {
			panic("stone")
		}
		return nil
	})
	t.Error("no panic")
}

func TestAnEndedContextIsReported(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	err := Do(ctx, 10, 1, func(context.Context, int) error {
		cancel(gone)
		return nil
	})
	if !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	if err := Do(t.Context(), 0, 4, nil); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}
