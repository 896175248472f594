// Package budget bounds the memory that a process sets aside for what is in flight.
// One Budget is shared by all calls; each call takes its share through a Lease, waits
// when nothing is left, and fails when it has waited for too long.
package budget

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrFull is the failure of a lease that could not grow within the wait.
var ErrFull = errors.New("the memory for requests and responses in flight is used up")

// DefaultWait bounds how long a lease waits to grow.
const DefaultWait = 15 * time.Second

// Piece is how far a lease may grow and count as small, in bytes. A part of every budget is
// kept for small leases, so that large requests, however many and however slow, do not
// keep ordinary ones from being answered.
const Piece = 1 << 20

// smallShare is the part of a budget that only small growth can take: one in smallShare
// bytes.
const smallShare = 8

// Budget is an amount of memory. It is safe for use by many goroutines.
type Budget struct {
	total int64
	wait  time.Duration

	mu    sync.Mutex
	small int64 // taken of the part for small growth
	large int64 // taken of the rest
	queue []*waiter
}

// New makes a budget of total bytes, at least 1, whose leases wait for as long as wait
// says, DefaultWait if that is 0.
func New(total int64, wait time.Duration) *Budget {
	if wait == 0 {
		wait = DefaultWait
	}
	return &Budget{total: max(1, total), wait: wait}
}

// Total is the size of the budget in bytes.
func (b *Budget) Total() int64 { return b.total }

// Used is how much of the budget is taken, in bytes. It is more than Total while a lease
// that is larger than the budget is served alone.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.small + b.large
}

// Waiting is how many leases are waiting to grow.
func (b *Budget) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// Lease gives a lease of nothing, which grows and shrinks with what its holder needs. A
// nil Budget gives a nil Lease, which is never refused.
func (b *Budget) Lease() *Lease {
	if b == nil {
		return nil
	}
	return &Lease{b: b}
}

// Lease is one holder's share of a budget. Its methods may be called by several
// goroutines.
//
// A holder that grows while it holds something already may wait for others that wait
// for it. No such wait outlasts the budget's, and the one that has waited longest is the
// first to fail and to give back what it holds. A holder that knows what it will need
// takes it at once.
type Lease struct {
	b *Budget

	// These are guarded by b.mu.
	small, large int64
}

// waiter is a growth that waits for its turn.
type waiter struct {
	lease   *Lease
	n       int64
	granted chan struct{} // closed when it is granted
}

// Grow takes n more bytes. When they are not there it waits, in the order of arrival
// but behind whoever holds a large share already and needs more, since those give back
// what they hold when they have it. A lease that would be larger than the budget waits
// until nobody else has a large share, and is granted then.
//
// The error is ErrFull, or the cause of ctx's end.
func (l *Lease) Grow(ctx context.Context, n int64) error {
	if l == nil || n <= 0 {
		return nil
	}
	b := l.b
	b.mu.Lock()
	if l.small+l.large+n <= Piece && b.small+n <= b.total/smallShare {
		b.small += n
		l.small += n
		b.mu.Unlock()
		return nil
	}
	w := &waiter{lease: l, n: n, granted: make(chan struct{})}
	b.enqueue(w)
	b.grant()
	b.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	default:
	}
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	var err error
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
		err = ErrFull
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.queue, w)
	if i < 0 { // it was granted in the last moment
		return nil
	}
	b.queue = slices.Delete(b.queue, i, i+1)
	b.grant() // those behind it may need less
	return err
}

// enqueue puts a waiter behind the others, or behind those that hold a large share if
// it does.
func (b *Budget) enqueue(w *waiter) {
	at := len(b.queue)
	if w.lease.large > 0 {
		if i := slices.IndexFunc(b.queue, func(q *waiter) bool { return q.lease.large == 0 }); i >= 0 {
			at = i
		}
	}
	b.queue = slices.Insert(b.queue, at, w)
}

// grant lets go on who can, in the queue's order.
func (b *Budget) grant() {
	for len(b.queue) > 0 {
		w := b.queue[0]
		if b.large+w.n > b.total-b.total/smallShare && b.large != w.lease.large {
			return
		}
		b.large += w.n
		w.lease.large += w.n
		b.queue[0] = nil
		b.queue = b.queue[1:]
		close(w.granted)
	}
}

// Held is how much the lease holds, in bytes.
func (l *Lease) Held() int64 {
	if l == nil {
		return 0
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.small + l.large
}

// Total is the size of the lease's budget in bytes; 0 if there is none.
func (l *Lease) Total() int64 {
	if l == nil {
		return 0
	}
	return l.b.total
}

// Shrink gives back n bytes, or all that the lease holds if that is less.
func (l *Lease) Shrink(n int64) {
	if l == nil || n <= 0 {
		return
	}
	b := l.b
	b.mu.Lock()
	defer b.mu.Unlock()
	large := min(n, l.large)
	l.large -= large
	b.large -= large
	small := min(n-large, l.small)
	l.small -= small
	b.small -= small
	b.grant()
}

// Release gives back all that the lease holds. The lease can grow again.
func (l *Lease) Release() {
	if l != nil {
		l.Shrink(l.Held())
	}
}

// Acquire takes n bytes for a lease of its own, or for the one in ctx if there is one,
// and gives what takes them back. A nil Budget grants everything. The error is that of
// Grow.
func (b *Budget) Acquire(ctx context.Context, n int64) (release func(), err error) {
	l := From(ctx)
	if l == nil || l.b != b {
		l = b.Lease()
	}
	if err := l.Grow(ctx, n); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { l.Shrink(n) }), nil
}

// key is the context's key for a lease.
type key struct{}

// With gives a context that carries a call's lease to where its memory is needed.
func With(ctx context.Context, l *Lease) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, l)
}

// From gives the lease that ctx carries; nil, which is never refused, if there is none.
func From(ctx context.Context) *Lease {
	l, _ := ctx.Value(key{}).(*Lease)
	return l
}
