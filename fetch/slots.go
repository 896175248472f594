package fetch

import (
	"context"
	"slices"
	"sync"
)

// slots limits concurrent fetches over all requests. Nobody can take all of them: a host gets at
// most half, and a request that has some gets another one only while more are free than it has.
// Among the waiting, the request with the fewest slots comes first, so that one without any gets
// the first slot that is returned, however many URLs others have.
type slots struct {
	mu      sync.Mutex
	free    int
	hosts   map[string]int // slots in use by host
	waiting []*waiter      // in order of arrival
}

// share is a request's number of slots.
type share struct{ held int }

// waiter is a URL waiting to be fetched.
type waiter struct {
	share *share
	host  string
	ready chan struct{} // closed when it gets its slot
}

func newSlots() *slots { return &slots{free: perProcess, hosts: map[string]int{}} }

// take waits for a slot. It fails only if ctx ends.
func (p *slots) take(ctx context.Context, s *share, host string) error {
	w := &waiter{share: s, host: host, ready: make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.settle()
	p.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else { // it got the slot meanwhile
		p.put(s, host)
	}
	return context.Cause(ctx)
}

// give returns a slot.
func (p *slots) give(s *share, host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(s, host)
}

// put is give; mu is held.
func (p *slots) put(s *share, host string) {
	s.held--
	p.free++
	if p.hosts[host]--; p.hosts[host] == 0 {
		delete(p.hosts, host)
	}
	p.settle()
}

// settle assigns free slots to waiters that may have one; mu is held.
func (p *slots) settle() {
	for p.free > 0 {
		best := -1
		for i, w := range p.waiting {
			if p.hosts[w.host] < perHost && (w.share.held == 0 || w.share.held < p.free) && (best < 0 || w.share.held < p.waiting[best].share.held) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		w := p.waiting[best]
		p.waiting = slices.Delete(p.waiting, best, best+1)
		w.share.held++
		p.hosts[w.host]++
		p.free--
		close(w.ready)
	}
}
