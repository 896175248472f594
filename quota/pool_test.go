package quota_test

import (
	"context"
	"sync"
	"time"

	"outcrop/quota"
)

// pool is a bank for several ledgers, with the shares of each.
type pool struct {
	mu      sync.Mutex
	now     func() time.Time
	entries map[string]*pooled
	members []*member
	draws   int
	away    error
}

type pooled struct {
	period, recalled int64
	ends             time.Time
	held, acked      []int64 // by member
}

func newPool(now func() time.Time, members int) *pool {
	p := &pool{now: now, entries: map[string]*pooled{}}
	for i := range members {
		p.members = append(p.members, &member{pool: p, number: i, recalls: make(chan string, 1000)})
	}
	return p
}

// member is the bank of one ledger.
type member struct {
	*pool
	number  int
	recalls chan string
	seen    time.Time // the zero time for now
}

func (m *member) Seen() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.seen.IsZero() {
		return m.seen
	}
	return m.now()
}

func (m *member) Recalls() <-chan string { return m.recalls }

func (m *member) Draw(_ context.Context, draws []quota.Draw) ([]quota.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return nil, m.away
	}
	m.draws++
	var grants []quota.Grant
	now := m.now()
	for _, d := range draws {
		e := m.entries[d.Counter]
		if e == nil {
			e = &pooled{period: 1, ends: d.Window.End(now), held: make([]int64, len(m.members)), acked: make([]int64, len(m.members))}
			m.entries[d.Counter] = e
		}
		if !e.ends.IsZero() && !now.Before(e.ends) {
			e.period, e.ends = e.period+1, d.Window.End(now)
			clear(e.held)
		}
		g := quota.Grant{Period: e.period, Left: d.Limit}
		if !e.ends.IsZero() {
			g.Ends = e.ends.Sub(now)
		}
		waiting := false
		for i, held := range e.held {
			g.Left -= held
			waiting = waiting || i != m.number && held > 0 && (d.Recall == 0 || e.acked[i] < d.Recall)
		}
		switch {
		case g.Left >= d.Need:
			g.Units = min(g.Left, d.Want)
			g.Left -= g.Units
			e.held[m.number] += g.Units
			if g.Units != d.Want-d.Ahead {
				e.acked[m.number] = 0
			}
		case waiting && d.Recall == 0:
			e.recalled++
			g.Recall = e.recalled
			for i, other := range m.members {
				if i != m.number {
					other.recalls <- d.Counter
				}
			}
		case waiting:
			g.Recall = d.Recall
		}
		grants = append(grants, g)
	}
	return grants, nil
}

func (m *member) Return(_ context.Context, returns []quota.Return) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return m.away
	}
	for _, r := range returns {
		e := m.entries[r.Counter]
		if e == nil {
			continue
		}
		e.acked[m.number] = e.recalled
		if e.period == r.Period {
			e.held[m.number] -= r.Units
		}
	}
	return nil
}

// held is what all members hold of a counter.
func (p *pool) held(id string) (sum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.entries[id].held {
		sum += n
	}
	return sum
}

func (p *pool) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.draws
}

func (p *pool) goAway(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = err
}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
