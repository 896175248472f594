package route

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// The backoff doubles from its base up to its cap. Half of it is random, so that callers that
// failed together do not retry together.
const (
	backoffBase = 200 * time.Millisecond
	backoffCap  = 8 * time.Second
)

// backoff is the pause after a number of failed attempts, at least the provider's Retry-After.
func backoff(tries int, after string, random func() float64) time.Duration {
	d := backoffCap
	if tries < 5 {
		d = min(d, backoffBase<<tries)
	}
	d = d/2 + time.Duration(random()*float64(d/2))
	return max(d, retryAfter(after))
}

// retryAfter reads a Retry-After header (RFC 9110, section 10.2.3), 0 if there
// is none.
func retryAfter(s string) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// budget bounds the load that retries of a name add to a provider that fails for everybody: it
// starts full, each retry takes one, each success returns a tenth.
type budget struct{ tenths atomic.Int64 }

const budgetFull = 100 * 10

func (b *budget) fill() { b.tenths.Store(budgetFull) }

func (b *budget) earn() {
	if b.tenths.Load() < budgetFull {
		b.tenths.Add(1)
	}
}

func (b *budget) spend() bool {
	if b.tenths.Add(-10) >= 0 {
		return true
	}
	b.tenths.Add(10)
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
