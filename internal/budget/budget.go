// Package budget bounds the memory for requests and responses in flight. All calls share one
// Budget; each call takes its share through a Lease, waits if nothing is left, and fails if it has
// waited for too long.
package budget

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrFull is the error of a lease that could not grow within the wait.
var ErrFull = errors.New("the memory for requests and responses in flight is used up")

// DefaultWait bounds how long a lease waits to grow.
const DefaultWait = 15 * time.Second

// Piece is the size, in bytes, up to which a lease counts as small. A part of every budget is
// reserved for small leases, so that large requests, however many and however slow, cannot block
// ordinary ones.
const Piece = 1 << 20

// smallShare is the reserved part of a budget: one in smallShare bytes.
const smallShare = 8

// Budget is an amount of memory. It is safe for concurrent use.
type Budget struct {
	total int64
	wait  time.Duration

	mu    sync.Mutex
	small int64 // taken from the part for small leases
	large int64 // taken from the rest
	queue []*waiter
}

// New makes a budget of total bytes, at least 1, whose leases wait at most wait, or DefaultWait if
// that is 0.
func New(total int64, wait time.Duration) *Budget {
	if wait == 0 {
		wait = DefaultWait
	}
	return &Budget{total: max(1, total), wait: wait}
}

// Total is the size of the budget in bytes.
func (b *Budget) Total() int64 { return b.total }

// Used is how much of the budget is taken, in bytes. It exceeds Total while a lease that is larger
// than the budget is served alone.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.small + b.large
}

// Waiting is the number of leases that wait to grow.
func (b *Budget) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// Lease returns an empty lease, which grows and shrinks as its holder needs. A nil Budget returns a
// nil Lease, which is never refused.
func (b *Budget) Lease() *Lease {
	if b == nil {
		return nil
	}
	return &Lease{b: b}
}

// Lease is one holder's share of a budget. Its methods are safe for concurrent use.
//
// A holder that grows while it already holds memory may wait for others that wait for it. Such a
// wait ends with the budget's limit: the one that has waited longest fails first and releases its
// memory. A holder that knows what it will need should take it at once.
type Lease struct {
	b *Budget

	// b.mu guards these.
	small, large int64
}

// waiter is a request to grow that waits for its turn.
type waiter struct {
	lease   *Lease
	n       int64
	granted chan struct{} // closed when granted
}

// Grow takes n more bytes. If they are not available it waits, in the order of arrival, except that
// leases that already hold a large share come first, since they release it when they are done. A
// lease that would be larger than the budget waits until no other lease has a large share, and is
// then granted.
//
// The error is ErrFull, or the cause of ctx's end.
func (l *Lease) Grow(ctx context.Context, n int64) error {
	if l == nil || n <= 0 {
		return nil
	}
	b := l.b
	b.mu.Lock()
	if l.growSmall(n) {
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
	if i < 0 { // it was granted at the last moment
		return nil
	}
	b.queue = slices.Delete(b.queue, i, i+1)
	b.grant() // the next in the queue may need less
	return err
}

// TryGrow is Grow without a wait: it reports false if the bytes are not available at once, or others wait for theirs.
func (l *Lease) TryGrow(n int64) bool {
	if l == nil || n <= 0 {
		return true
	}
	b := l.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.growSmall(n) {
		return true
	}
	if len(b.queue) > 0 || b.large+n > b.total-b.total/smallShare {
		return false
	}
	b.large += n
	l.large += n
	return true
}

// growSmall takes bytes of the part for small leases, if it has them. b.mu is held.
func (l *Lease) growSmall(n int64) bool {
	b := l.b
	if l.small+l.large+n > Piece || b.small+n > b.total/smallShare {
		return false
	}
	b.small += n
	l.small += n
	return true
}

// enqueue appends a waiter to the queue, or inserts it after those that hold a large share if it
// holds one itself.
func (b *Budget) enqueue(w *waiter) {
	at := len(b.queue)
	if w.lease.large > 0 {
		if i := slices.IndexFunc(b.queue, func(q *waiter) bool { return q.lease.large == 0 }); i >= 0 {
			at = i
		}
	}
	b.queue = slices.Insert(b.queue, at, w)
}

// grant serves waiters in the queue's order, as far as memory allows.
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

// Shrink releases n bytes, or everything if the lease holds less.
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

// Release releases everything. The lease can grow again.
func (l *Lease) Release() {
	if l != nil {
		l.Shrink(l.Held())
	}
}

// Acquire takes n bytes for a new lease, or for the one in ctx if there is one, and returns a
// function that releases them. A nil Budget grants everything. The error is that of Grow.
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

// With returns a context with a call's lease, for the code that needs its memory.
func With(ctx context.Context, l *Lease) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, l)
}

// From returns the lease in ctx; nil, which is never refused, if there is none.
func From(ctx context.Context) *Lease {
	l, _ := ctx.Value(key{}).(*Lease)
	return l
}
