package quota

import "time"

// roll begins a new period if the last one is over. l.mu is held.
func (l *Ledger) roll(c *Counter, now time.Time) {
	if !c.ends.IsZero() && !now.Before(c.ends) {
		l.renew(c)
	}
}

// renew forgets the share of a period that is over. l.mu is held.
func (l *Ledger) renew(c *Counter) {
	left, debt := int64(0), int64(0)
	if c.slides() {
		left, debt = c.left, c.debt
		l.giveBackOf(c, c.period, c.free, false)
	}
	c.free, c.pledged, c.debt, c.left, c.dry, c.known, c.ends = 0, 0, debt, left, false, false, time.Time{}
}

// slides reports whether units of periods that are over still count.
func (c *Counter) slides() bool { return c.limit.Window.Slice > 0 }

// giveBackOf returns units of a share, which may be of a period that is over, and keeps others or not. l.mu is held.
func (l *Ledger) giveBackOf(c *Counter, period, units int64, keeps bool) {
	if units > 0 {
		l.returns = append(l.returns, Return{Counter: c.id, Period: period, Units: units, Keeps: keeps})
		l.nudge()
	}
}

// resets is how long it takes until units are free.
func (c *Counter) resets(now time.Time) time.Duration {
	switch {
	case c.slides():
		return max(0, c.frees.Sub(now))
	case c.ends.IsZero():
		return 0
	default:
		return c.ends.Sub(now)
	}
}

// giveBack returns the free units of a counter; l.mu is held.
func (l *Ledger) giveBack(c *Counter) {
	n := c.spare()
	l.giveBackOf(c, c.period, n, false)
	c.free -= n
}

// spare are the units of the share that nobody waits for.
func (c *Counter) spare() int64 { return max(0, c.free-c.pledged) }
