package route

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"outcrop/llm"
)

// Queue is how calls wait while all deployments of a name have as many calls as they may have at a time. The zero value refuses
// them at once.
type Queue struct {
	// Size is how many calls of a name may wait, and Wait is for how long each may.
	Size int
	Wait time.Duration
	// Priority is that of calls that bring none. Calls with a lower number go first.
	Priority int64
}

// Ends of a wait.
const (
	WaitServed  = "served"  // a deployment had room
	WaitRefused = "refused" // none had, for as long as the call may wait, or a call of a lower number took its place
	WaitGone    = "gone"    // nobody waits for the response any more
)

// queue are the calls that wait for a deployment of a name: by priority, and those of the same in the order in which they came.
//
// When room may have come about, the first gets its turn: it asks the deployments again. If one takes it, it leaves, and the
// next has a turn, because there may be room for more than one. If none does, there is no room for those behind it either, unless
// it may not use all deployments, or not for want of room: then the next has a turn. So no room is overlooked while a call
// waits that could use it, and what ends a call costs one attempt in vain and not one of each call that waits.
type queue struct {
	waiting atomic.Int64 // calls; read without mu by calls that find none
	mu      sync.Mutex
	order   []*waiter
	came    uint64
	again   time.Duration // how often the first asks even so; usually each askAgain
}

// askAgain is how often the first call in a queue asks the deployments without having been told of room: other replicas count
// their calls for the same limits, and tell nobody.
const askAgain = 250 * time.Millisecond

// waiter is one call in a queue.
type waiter struct {
	priority int64
	came     uint64
	turn     chan struct{} // has room for one turn
	// apart is whether there may be room for others although there is none for this one.
	apart bool
	out   bool // it has lost its place to a call with a lower priority
}

func newWaiter(priority int64) *waiter {
	return &waiter{priority: priority, turn: make(chan struct{}, 1)}
}

// before orders waiters.
func (w *waiter) compare(o *waiter) int {
	return cmp.Or(cmp.Compare(w.priority, o.priority), cmp.Compare(w.came, o.came))
}

// give gives the waiter a turn; two that it has not taken are one.
func (w *waiter) give() {
	select {
	case w.turn <- struct{}{}:
	default:
	}
}

// ahead reports whether a call of a priority must not ask before those that wait: one of them has been refused for want of room
// anywhere, and comes before it.
func (q *queue) ahead(priority int64) bool {
	if q.waiting.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.order, func(w *waiter) bool { return w.priority <= priority && !w.apart })
}

// join adds a waiter, and reports whether there is a place for it. If there is none, the last one loses its place to one of a
// lower priority.
func (q *queue) join(w *waiter, size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.came = q.came
	q.came++
	if n := len(q.order); n >= size {
		if n == 0 || q.order[n-1].priority <= w.priority {
			return false
		}
		last := q.order[n-1]
		last.out = true
		q.remove(last)
		last.give()
	}
	at, _ := slices.BinarySearchFunc(q.order, w, (*waiter).compare)
	q.order = slices.Insert(q.order, at, w)
	q.waiting.Store(int64(len(q.order)))
	return true
}

// remove takes a waiter out, and gives the turn that it had, or would have had as the first, to the first of the others. q.mu is
// held.
func (q *queue) remove(w *waiter) {
	at := slices.Index(q.order, w)
	if at < 0 {
		return
	}
	q.order = slices.Delete(q.order, at, at+1)
	q.waiting.Store(int64(len(q.order)))
	had := at == 0
	select {
	case <-w.turn:
		had = true
	default:
	}
	if had && len(q.order) > 0 {
		q.order[0].give()
	}
}

// leave takes a waiter out that does not wait any longer. If it was served, there may be room for another.
func (q *queue) leave(w *waiter, served bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove(w)
	if served && len(q.order) > 0 {
		q.order[0].give()
	}
}

// lost reports whether a waiter has lost its place.
func (q *queue) lost(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return w.out
}

// first reports whether a waiter is the first.
func (q *queue) first(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.order) > 0 && q.order[0] == w
}

// pass notes that there was no room for a waiter in its turn. The next has one, if there may be room for others.
func (q *queue) pass(w *waiter, apart bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.apart = apart
	if at := slices.Index(q.order, w); apart && at >= 0 && at+1 < len(q.order) {
		q.order[at+1].give()
	}
}

// free gives the first a turn.
func (q *queue) free() {
	if q.waiting.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) > 0 {
		q.order[0].give()
	}
}

// Free is called when a call of the deployment is over, so that another may have its place. It is that of llm.Watcher.
func (s *state) Free() {
	if queues := s.queues.Load(); queues != nil {
		for _, q := range *queues {
			q.free()
		}
	}
}

// watch has the ends of calls at deployments told to the queues of the names that they serve.
func watch(groups []*group, p *Policy) {
	queues := map[*deployment][]*queue{}
	for _, g := range groups {
		for _, t := range g.deployments {
			if t.Limits != nil && t.Limits.Parallel.Set && p.Queue.Size > 0 {
				g.bounded = true
				queues[t] = append(queues[t], &g.queue)
			}
		}
	}
	for t, all := range queues {
		limits := *t.Limits
		limits.Watch = t.state
		t.Limits = &limits
		t.queues.Store(&all)
	}
}

// fullError says of a refusal that the call has waited, or could not wait.
func fullError(e *llm.Error, waited string) *llm.Error {
	told := *e
	told.Message += " " + waited
	return &told
}
