package route

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// slots let so many calls use each deployment at a time.
type slots struct {
	mu    sync.Mutex
	most  int
	taken map[string]int
	watch map[string]llm.Watcher
}

func newSlots(most int) *slots {
	return &slots{most: most, taken: map[string]int{}, watch: map[string]llm.Watcher{}}
}

func (s *slots) admit(_ context.Context, limits *llm.Limits, _ string) (func(), error) {
	id := limits.Deployment
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] >= s.most {
		return nil, &llm.Error{Code: llm.CodeRateLimited, Status: 429, RetryAfter: "1", Message: "full.", Err: llm.ErrFull}
	}
	s.taken[id]++
	s.watch[id] = limits.Watch
	return func() { s.end(id) }, nil
}

// end is what the gateway does when a call is over.
func (s *slots) end(id string) {
	s.mu.Lock()
	s.taken[id]--
	watch := s.watch[id]
	s.mu.Unlock()
	watch.Free()
}

// calm is a deployment that answers many calls at once.
type calm struct{ id string }

func (c calm) Targets(llm.Verb, string) ([]provider.Target, error) { return []provider.Target{c}, nil }
func (calm) Close() error                                          { return nil }
func (calm) Location() string                                      { return "" }
func (c calm) ID() string                                          { return c.id }

func (calm) Complete(context.Context, *llm.Request) (*llm.Response, error) {
	return &llm.Response{}, nil
}

func (calm) Stream(context.Context, *llm.Request) (llm.Stream, error) { return nil, io.EOF }

func bounded(name, id string) Entry {
	e := Entry{Name: name, ID: id, Model: id, Deployment: calm{id}, Timeout: time.Minute}
	e.Limits = &llm.Limits{Deployment: id, Parallel: llm.Some(int64(1))}
	return e
}

// crowd is a router of entries whose calls wait, without asking again by themselves.
type crowd struct {
	*Router
	*slots
	mu     sync.Mutex
	served []string
	ends   map[string]int
	queued int
	group  sync.WaitGroup
}

func crowded(most int, p Policy, entries ...Entry) *crowd {
	w := &crowd{slots: newSlots(most), ends: map[string]int{}}
	w.Router = New(Plan{Entries: entries, Policy: p}, Options{
		Queued: func(string) { w.mu.Lock(); w.queued++; w.mu.Unlock() },
		Waited: func(_, end string, _ time.Duration) { w.mu.Lock(); w.ends[end]++; w.queued--; w.mu.Unlock() },
	})
	for _, g := range w.table().all {
		g.queue.again = 24 * time.Hour
	}
	return w
}

// call makes a call that takes a time, and notes its name when a deployment has it.
func (w *crowd) call(ctx context.Context, name string, takes time.Duration, c llm.Call) error {
	c.Admit = w.admit
	resp, err := w.Complete(ctx, &llm.Request{Call: c})
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.served = append(w.served, name)
	w.mu.Unlock()
	time.Sleep(takes)
	w.end(resp.Meta.Deployment)
	return nil
}

// order is in which order calls were served.
func (w *crowd) order() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.served)
}

// at is how many calls a deployment has.
func (s *slots) at(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[id]
}

// begin is call in the background; it returns when the call is served or waits.
func (w *crowd) begin(t *testing.T, name string, c llm.Call) {
	w.group.Go(func() {
		if err := w.call(context.Background(), name, time.Second, c); err != nil {
			t.Error(name, err)
		}
	})
	synctest.Wait()
}

func priority(n int64) llm.Call {
	return llm.Call{Model: "granite", Routing: llm.Routing{Priority: llm.Some(n)}}
}

func TestCallsWaitInTheOrderOfTheirPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 10, Wait: time.Minute, Priority: 5}}, bounded("granite", "a"))
		w.begin(t, "first", priority(9))
		w.begin(t, "late", priority(9))
		w.begin(t, "usual", llm.Call{Model: "granite"})
		w.begin(t, "urgent", priority(0))
		w.begin(t, "also usual", priority(5))
		w.begin(t, "before all", priority(-1))
		began := time.Now()
		w.group.Wait()
		if got := strings.Join(w.order(), ", "); got != "first, before all, urgent, usual, also usual, late" {
			t.Errorf("served in the order %s", got)
		}
		if took := time.Since(began); took != 6*time.Second { // as long as the calls take, one after the other
			t.Errorf("took %s", took)
		}
		if w.ends[WaitServed] != 5 || w.queued != 0 {
			t.Errorf("%v, and %d still wait", w.ends, w.queued)
		}
	})
}

func TestACallWaitsForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 10, Wait: 30 * time.Second}}, bounded("granite", "a"))
		w.group.Go(func() { _ = w.call(t.Context(), "first", time.Hour, priority(0)) })
		synctest.Wait()
		for _, test := range []struct {
			own, takes time.Duration
		}{{0, 30 * time.Second}, {4 * time.Second, 4 * time.Second}, {time.Minute, 30 * time.Second}} {
			began := time.Now()
			c := priority(0)
			c.Routing.Timeout = test.own
			err := w.call(t.Context(), "second", 0, c)
			if e := llm.AsError(err); err == nil || e.Code != llm.CodeRateLimited || e.Status != 429 || !strings.Contains(e.Message, "has waited for "+test.takes.String()) {
				t.Error(err)
			}
			if took := time.Since(began); took != test.takes {
				t.Errorf("refused after %s; want %s", took, test.takes)
			}
		}
		w.group.Wait()
		if w.ends[WaitRefused] != 3 || w.table().all[0].queue.waiting.Load() != 0 {
			t.Errorf("%v", w.ends)
		}
	})
}

func TestAQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 1, Wait: time.Minute}}, bounded("granite", "a"))
		w.begin(t, "first", priority(5))
		var displaced error
		w.group.Go(func() { displaced = w.call(t.Context(), "displaced", 0, priority(5)) })
		synctest.Wait()
		if err := w.call(t.Context(), "no place", 0, priority(5)); err == nil || !strings.Contains(err.Error(), "queue_size") {
			t.Error(err)
		}
		w.begin(t, "urgent", priority(1))
		w.group.Wait()
		if displaced == nil || llm.AsError(displaced).Code != llm.CodeRateLimited || !strings.Contains(displaced.Error(), "lost its place") {
			t.Error(displaced)
		}
		if !slices.Equal(w.order(), []string{"first", "urgent"}) {
			t.Error(w.order())
		}
	})
}

func TestAClientThatGoesAwayLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 2, Wait: time.Minute}}, bounded("granite", "a"))
		w.begin(t, "first", priority(0))
		ctx, cancel := context.WithCancel(t.Context())
		var gone error
		w.group.Go(func() { gone = w.call(ctx, "gone", 0, priority(0)) })
		synctest.Wait()
		w.begin(t, "second", priority(0))
		cancel()
		synctest.Wait()
		if e := llm.AsError(gone); gone == nil || e.Code != llm.CodeClientGone {
			t.Error(gone)
		}
		if n := w.table().all[0].queue.waiting.Load(); n != 1 {
			t.Errorf("%d wait", n)
		}
		w.group.Wait()
		if !slices.Equal(w.order(), []string{"first", "second"}) || w.ends[WaitGone] != 1 {
			t.Error(w.order(), w.ends)
		}
	})
}

// TestNoCallWaitsWhileThereIsRoom makes many calls, of which some go away, some belong to a deployment and some give up, and checks
// that the deployments are never idle while one waits: all is over as soon as it can be.
func TestNoCallWaitsWhileThereIsRoom(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			const calls, each = 90, 2
			w := crowded(each, Policy{Queue: Queue{Size: calls, Wait: time.Hour}}, bounded("granite", "a"), bounded("granite", "b"), bounded("granite", "c"))
			began := time.Now()
			for i := range calls {
				w.group.Go(func() {
					c := priority(int64(i % 3))
					if i%9 == 0 {
						c.Deployment = "b"
					}
					if err := w.call(t.Context(), fmt.Sprint(i), time.Second, c); err != nil {
						t.Error(i, err)
					}
				})
				w.group.Go(func() { // one that goes away, perhaps just when it has its turn
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%5)*time.Second)
					defer cancel()
					c := priority(7)
					c.Admit = w.admit
					if resp, err := w.Complete(ctx, &llm.Request{Call: c}); err == nil {
						w.end(resp.Meta.Deployment)
					}
				})
			}
			w.group.Wait()
			if took := time.Since(began); took != calls/(3*each)*time.Second {
				t.Errorf("took %s", took)
			}
			for _, g := range w.table().all {
				if n := g.queue.waiting.Load(); n != 0 {
					t.Errorf("%d still wait for %s", n, g.name)
				}
			}
		})
	}
}

func TestACallForOneDeploymentKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 9, Wait: time.Minute}}, bounded("granite", "a"), bounded("granite", "b"))
		pinned := priority(0)
		pinned.Deployment = "a"
		w.begin(t, "first", pinned)
		w.begin(t, "pinned", pinned)
		began := time.Now()
		w.begin(t, "free", priority(0))
		if !slices.Equal(w.order(), []string{"first", "free"}) || time.Since(began) != 0 {
			t.Error(w.order())
		}
		w.group.Wait()
	})
}

// TestTheCallsOfOthersAreNoticed has the limit be free without anybody saying so, as where another replica's call has ended.
func TestTheCallsOfOthersAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crowded(1, Policy{Queue: Queue{Size: 9, Wait: time.Minute}}, bounded("granite", "a"))
		w.table().all[0].queue.again = 0
		w.taken["a"] = 1
		began := time.Now()
		time.AfterFunc(5*time.Second, func() { w.slots.mu.Lock(); w.taken["a"] = 0; w.slots.mu.Unlock() })
		if err := w.call(t.Context(), "late", 0, priority(0)); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second+askAgain {
			t.Error(took)
		}
	})
}

func TestAFallbackWithRoomComesBeforeTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Policy{Queue: Queue{Size: 9, Wait: time.Minute}, Fallbacks: Fallbacks{Default: []string{"slate"}}}
		w := crowded(1, p, bounded("granite", "a"), bounded("slate", "s"))
		began := time.Now()
		for i := range 3 {
			w.begin(t, fmt.Sprint(i), priority(0))
		}
		if len(w.order()) != 2 || w.at("s") != 1 || time.Since(began) != 0 {
			t.Error(w.order())
		}
		w.group.Wait()
		if took := time.Since(began); len(w.order()) != 3 || took != 2*time.Second {
			t.Error(w.order(), took)
		}
	})
}

func TestCallsThatEndTogetherDoNotWaitForEachOther(t *testing.T) {
	w := crowded(1, Policy{Queue: Queue{Size: 9, Wait: time.Hour}}, bounded("granite", "a"))
	w.taken["a"] = 1
	c := priority(0)
	c.Routing.NoQueue = true
	if err := w.call(t.Context(), "", 0, c); llm.AsError(err).Code != llm.CodeRateLimited {
		t.Error(err)
	}
}
