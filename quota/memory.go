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
	slices Slices    // of a sliding window
	until  time.Time // when the slices do not count any more
}

// over reports whether nothing of the counter counts.
func (e *entry) over(now time.Time) bool {
	return !e.ends.IsZero() && !now.Before(e.ends) && !now.Before(e.until)
}

// slice is the period that is under way.
func (e *entry) slice() Slice {
	return Slice{Period: e.period, Ends: e.ends.UnixMicro(), Units: e.drawn}
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
			next := &entry{period: m.periods, ends: d.Window.End(now)}
			if d.Window.Slice > 0 {
				next.until = next.ends.Add(d.Window.Length)
				if e != nil {
					next.slices = e.slices.Close(d.Window, now.UnixMicro(), e.slice())
				}
			}
			e = next
			m.entries[d.Counter] = e
		}
		g := &grants[i]
		e.drawn = plus(e.drawn, d.Debt)
		g.Period = e.period
		if !e.ends.IsZero() {
			g.Ends = e.ends.Sub(now)
		}
		left := d.Limit - e.drawn
		if d.Window.Slice > 0 {
			left -= e.slices.Units(d.Window, now.UnixMicro())
		}
		if left >= d.Need {
			g.Units = min(d.Want, left)
			e.drawn += g.Units
		}
		g.Left = left - g.Units
		if d.Window.Slice > 0 {
			g.Frees = e.slices.Frees(d.Window, now.UnixMicro(), e.slice(), d.Need-left)
		}
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
		if e.over(now) {
			delete(m.entries, id)
		}
	}
}

// Return gives back units.
func (m *Memory) Return(_ context.Context, returns []Return) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range returns {
		switch e := m.entries[r.Counter]; {
		case e == nil:
		case e.period == r.Period:
			e.drawn = max(0, e.drawn-r.Units)
		default:
			e.slices.Return(r.Period, r.Units)
		}
	}
	return nil
}

// Recalls is nil: nobody else draws.
func (m *Memory) Recalls() <-chan string { return nil }

// Seen is now: nobody else draws.
func (m *Memory) Seen() time.Time { return m.now() }
