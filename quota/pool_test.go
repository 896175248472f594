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
	drew             []int64 // in which period a member drew last, by member
	slices           quota.Slices
}

// open is the period that is under way.
func (e *pooled) open() quota.Slice {
	s := quota.Slice{Period: e.period, Ends: e.ends.UnixMicro()}
	for _, n := range e.held {
		s.Units += n
	}
	return s
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
			e = &pooled{period: 1, ends: d.Window.End(now), held: make([]int64, len(m.members)), acked: make([]int64, len(m.members)), drew: make([]int64, len(m.members))}
			m.entries[d.Counter] = e
		}
		if !e.ends.IsZero() && !now.Before(e.ends) {
			if d.Window.Slice > 0 {
				e.slices = e.slices.Close(d.Window, now.UnixMicro(), e.open())
			}
			e.period, e.ends = e.period+1, d.Window.End(now)
			clear(e.held)
		}
		e.held[m.number] += d.Debt
		g := quota.Grant{Period: e.period, Left: d.Limit}
		if d.Window.Slice > 0 {
			g.Left -= e.slices.Units(d.Window, now.UnixMicro())
		}
		if !e.ends.IsZero() {
			g.Ends = e.ends.Sub(now)
		}
		waiting := false
		for i, held := range e.held {
			g.Left -= held
			old := d.Window.Slice > 0 && e.slices.Counts(d.Window, now.UnixMicro(), e.drew[i])
			waiting = waiting || i != m.number && (held > 0 || old) && (d.Recall == 0 || e.acked[i] < d.Recall)
		}
		lack := d.Need - g.Left
		switch {
		case g.Left >= d.Need:
			g.Units = min(g.Left, d.Want)
			g.Left -= g.Units
			e.held[m.number] += g.Units
			e.drew[m.number] = e.period
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
		if d.Window.Slice > 0 {
			g.Frees = e.slices.Frees(d.Window, now.UnixMicro(), e.open(), lack)
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
		if !r.Keeps {
			e.acked[m.number] = e.recalled
		}
		if e.period == r.Period {
			e.held[m.number] -= r.Units
		} else {
			e.slices.Return(r.Period, r.Units)
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
