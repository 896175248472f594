package quota

import (
	"context"
	"sync"
	"time"
)

// Memory is a Bank for a process that is alone. What was used is forgotten with the process.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*entry
	periods int64
	sweep   int // draws until entries that are over are dropped
}

// entry is a counter of a Memory.
type entry struct {
	drawn  int64
	period int64 // of its own: none is used twice
	ends   time.Time
}

// NewMemory makes a bank; time.Now is the clock if now is nil.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{now: now, entries: map[string]*entry{}, sweep: sweepEvery}
}

// sweepEvery is after how many draws the counters of periods that are over are dropped.
const sweepEvery = 10_000

// Draw grants what the limits have left. There is no error.
func (m *Memory) Draw(_ context.Context, draws []Draw) ([]Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	grants := make([]Grant, len(draws))
	for i := range draws {
		d := &draws[i]
		e := m.entries[d.Counter]
		if e == nil || !e.ends.IsZero() && !now.Before(e.ends) {
			m.periods++
			e = &entry{period: m.periods, ends: d.Window.End(now)}
			m.entries[d.Counter] = e
		}
		g := &grants[i]
		g.Period = e.period
		if !e.ends.IsZero() {
			g.Ends = e.ends.Sub(now)
		}
		if left := d.Limit - e.drawn; left >= d.Need {
			g.Units = min(d.Want, left)
			e.drawn += g.Units
		}
		g.Left = d.Limit - e.drawn
	}
	m.drop(now, len(draws))
	return grants, nil
}

// drop forgets counters whose periods are over.
func (m *Memory) drop(now time.Time, draws int) {
	if m.sweep -= draws; m.sweep > 0 {
		return
	}
	m.sweep = max(sweepEvery, len(m.entries))
	for id, e := range m.entries {
		if !e.ends.IsZero() && !now.Before(e.ends) {
			delete(m.entries, id)
		}
	}
}

// Return gives back units.
func (m *Memory) Return(_ context.Context, returns []Return) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range returns {
		if e := m.entries[r.Counter]; e != nil && e.period == r.Period {
			e.drawn = max(0, e.drawn-r.Units)
		}
	}
	return nil
}

// Recalls is nil: nobody else draws.
func (m *Memory) Recalls() <-chan string { return nil }

// Seen is now: nobody else draws.
func (m *Memory) Seen() time.Time { return m.now() }
