package fetch

import (
	"context"
	"slices"
	"sync"
)

// places are what is fetched at the same time, over all requests. Nobody can hold
// all of them: a host has at most half, and a request that has some gets another one
// only while more are free than it has. Of those who wait, the request that has the
// fewest comes first, so that one with none yet gets the first place that is given
// back, however many addresses others have.
type places struct {
	mu      sync.Mutex
	free    int
	hosts   map[string]int // places that each host has
	waiting []*waiter      // in the order in which they came
}

// share is what a request has of the places.
type share struct{ held int }

// waiter is an address that is to be fetched.
type waiter struct {
	share *share
	host  string
	ready chan struct{} // closed when it has its place
}

func newPlaces() *places { return &places{free: perProcess, hosts: map[string]int{}} }

// take waits for a place. It fails only when ctx ends.
func (p *places) take(ctx context.Context, s *share, host string) error {
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
	} else { // it was given meanwhile
		p.put(s, host)
	}
	return context.Cause(ctx)
}

// give gives a place back.
func (p *places) give(s *share, host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(s, host)
}

// put is give; mu is held.
func (p *places) put(s *share, host string) {
	s.held--
	p.free++
	if p.hosts[host]--; p.hosts[host] == 0 {
		delete(p.hosts, host)
	}
	p.settle()
}

// settle hands free places to those who wait and may have one; mu is held.
func (p *places) settle() {
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
