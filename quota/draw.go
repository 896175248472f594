package quota

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// drawTimeout bounds a conversation with a bank that several processes share, which may be away. One of this process's own, such
	// as a SQLite file, may be busy for longer, and is there even so.
	drawTimeout    = 2 * time.Second
	ownDrawTimeout = 10 * time.Second
	// recallTimeout bounds the wait for other processes to return what they do not need. One that is alive
	// answers in milliseconds.
	recallTimeout = time.Second
	// recallPause is between two draws of a call that waits for other processes.
	recallPause = 4 * time.Millisecond
	// strictFor is how long a process takes only what it needs after another has needed its share.
	strictFor = 2 * time.Second
	// refusalPause is how long the bank is not asked again after a refusal: calls that come in between wait for
	// it and are refused together, so that clients that do not heed refusals cost little.
	refusalPause = 10 * time.Millisecond
	// idleAfter is how long a process keeps a share of a small counter that no call needs.
	idleAfter = 100 * time.Millisecond
	// portion is the part of a limit that a process draws ahead.
	portion = 16
)

// waiter is a call that waits for units of a counter.
type waiter struct {
	units int64
	least int64 // that help
	done  chan struct{}

	// What has come of it; read after done.
	refused bool
	err     error
	pledged int64 // units of the share of period that are for this call
	period  int64
}

// request is what the bank is asked for one counter, for several calls together.
type request struct {
	waiters []*waiter
	chunk   int64 // more than the calls want
	debt    int64 // that the bank is told
	asking  bool
	began   time.Time
	recall  int64
}

// need is the least that helps one of the calls, and want what all would like.
func (q *request) need() (need, want int64) {
	need = math.MaxInt64
	for _, w := range q.waiters {
		need, want = min(need, w.least), plus(want, w.units)
	}
	if len(q.waiters) == 0 {
		need = 1
	}
	return need, want
}

// ask asks for units of a counter, together with the calls that ask already. l.mu is held.
func (l *Ledger) ask(c *Counter, w *waiter) *waiter {
	w.done = make(chan struct{})
	l.request(c, w)
	return w
}

// request asks for a counter; a waiter that is nil only draws ahead. l.mu is held.
func (l *Ledger) request(c *Counter, w *waiter) {
	q := c.asked
	switch {
	case q == nil:
		q = &request{began: l.now()}
		c.asked = q
		l.short = append(l.short, c)
		l.nudge()
	case q.asking:
		if c.late == nil {
			c.late = &request{began: l.now()}
		}
		q = c.late
	}
	if w != nil {
		q.waiters = append(q.waiters, w)
	}
}

// giveUp ends the wait of a call that has not been told anything, or takes back what was pledged to it. l.mu is
// held.
func (c *Counter) giveUp(w *waiter) {
	for _, q := range [...]*request{c.asked, c.late} {
		if q != nil {
			q.waiters = slices.DeleteFunc(q.waiters, func(other *waiter) bool { return other == w })
		}
	}
	c.redeem(w)
}

// redeem frees what was pledged to a call, for it to take. l.mu is held.
func (c *Counter) redeem(w *waiter) {
	if w.period == c.period {
		c.pledged = max(0, c.pledged-w.pledged)
	}
	w.pledged = 0
}

// ahead draws ahead if the share is small. l.mu is held.
func (l *Ledger) ahead(c *Counter) {
	if !l.shared || c.asked != nil || c.left <= 0 || c.dry {
		return
	}
	if chunk := l.chunk(c); chunk > 0 && c.free < chunk/4 {
		l.request(c, nil)
	}
}

// chunk is how much is drawn ahead: everything if nobody else draws on the bank.
func (l *Ledger) chunk(c *Counter) int64 {
	switch {
	case !l.shared:
		return math.MaxInt64
	case !c.strict.IsZero() && l.now().Before(c.strict):
		return 0
	case c.known:
		return min(c.limit.Units/portion, c.left/4)
	default:
		return c.limit.Units / portion
	}
}

// await waits for a waiter's end. l.mu is held, but not while it waits.
func (l *Ledger) await(ctx context.Context, w *waiter) error {
	l.mu.Unlock()
	defer l.mu.Lock()
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end tells the calls of a request how it ended.
func (q *request) end(refused bool, err error) {
	for _, w := range q.waiters {
		w.refused, w.err = refused, err
		close(w.done)
	}
}

// draw talks to the bank until the context ends.
func (l *Ledger) draw(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			l.fail(ErrAway)
			return
		case <-l.wake:
		case <-again.C:
		}
		if l.round(ctx) {
			again.Reset(recallPause)
		}
	}
}

// round gives back what is to be returned, and draws what is short. It reports whether calls wait for other
// processes.
func (l *Ledger) round(ctx context.Context) (again bool) {
	l.mu.Lock()
	now := l.now()
	var short, paused []*Counter
	for _, c := range l.short {
		if now.Before(c.pause) {
			paused = append(paused, c)
		} else {
			short = append(short, c)
		}
	}
	l.short, again = paused, len(paused) > 0
	again = l.tidy(now) || again
	draws := make([]Draw, len(short))
	for i, c := range short {
		draws[i] = l.drawing(c)
	}
	returns := l.returns
	l.returns = nil
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, l.patience())
	defer cancel()
	var err error
	if len(returns) > 0 {
		if err = l.bank.Return(ctx, returns); errors.Is(err, ErrAway) {
			l.mu.Lock()
			l.returns = append(returns, l.returns...) // the bank ignores those of periods that are over
			l.mu.Unlock()
		}
	}
	if len(draws) == 0 {
		return again || err != nil
	}
	asked := l.now()
	grants, err := l.bank.Draw(ctx, draws)
	if err == nil && len(grants) != len(draws) {
		err = errors.New("the bank has not answered every draw")
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrAway, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range short {
		q := c.asked
		q.asking = false
		switch {
		case err != nil:
			c.debt += q.debt
			c.asked = nil
			q.end(false, err)
		case l.granted(c, &grants[i], asked):
			c.asked = nil
			q.end(grants[i].Units == 0, nil)
		default: // others have been asked
			q.recall = grants[i].Recall
			l.short = append(l.short, c)
			again = true
			if c.late != nil {
				q.waiters = append(q.waiters, c.late.waiters...)
				c.late = nil
			}
		}
		if c.asked == nil && c.late != nil {
			c.asked, c.late = c.late, nil
			l.short = append(l.short, c)
			l.nudge()
		}
	}
	return again
}

// tidy returns the shares of small counters that no call has needed for a while: another process may need them
// more than this one, and would have to ask for them. It reports whether there are others. l.mu is held.
func (l *Ledger) tidy(now time.Time) bool {
	l.idle = slices.DeleteFunc(l.idle, func(c *Counter) bool {
		if now.Sub(c.used) < idleAfter && c.free > 0 {
			return false
		}
		c.idle = false
		l.giveBack(c)
		return true
	})
	return len(l.idle) > 0
}

// drawing is the draw for a counter. Where other processes compete for the units, the rest of the share goes
// back first: two that each hold a part of what a call needs would otherwise take turns for ever. l.mu is held.
func (l *Ledger) drawing(c *Counter) Draw {
	q := c.asked
	q.asking = true
	if c.slides() {
		l.roll(c, l.now()) // what is left of the last slice goes back first
	}
	need, want := q.need()
	spare := c.spare()
	if l.shared && (q.recall > 0 || l.now().Before(c.strict)) {
		l.giveBack(c)
		spare = 0
	}
	q.chunk = l.chunk(c)
	need = max(1, need-spare)
	debt := c.debt
	if q.debt = 0; c.slides() {
		q.debt, c.debt, debt = debt, 0, 0
	}
	want = max(need, plus(plus(want-min(want, spare), q.chunk), debt))
	return Draw{Counter: c.id, Limit: c.limit.Units, Window: c.limit.Window, Need: need, Want: want, Ahead: q.chunk, Debt: q.debt, Recall: q.recall}
}

// granted adopts the answer to a draw that was sent at a time, and reports whether it is the last. l.mu is held.
func (l *Ledger) granted(c *Counter, g *Grant, asked time.Time) bool {
	if !c.known || c.period != g.Period {
		l.renew(c)
		c.period, c.known = g.Period, true
	}
	c.left = g.Left
	c.ends = time.Time{}
	if g.Ends > 0 {
		c.ends = asked.Add(g.Ends)
	}
	if c.slides() {
		c.frees = l.now().Add(g.Frees)
	}
	if g.Units > 0 {
		c.gain(g.Units)
		c.pledge()
		if c.dropped {
			l.giveBack(c)
		}
		if l.now().Before(c.strict) { // another process needs what is left
			l.answer(c.id)
		}
		return true
	}
	c.dry = !l.shared && g.Left <= 0 && !c.slides() // in a sliding window, units are free before the slice is over
	if g.Recall > 0 && g.Used < c.limit.Units && l.now().Sub(c.asked.began) <= recallTimeout {
		return false
	}
	if l.shared && g.Left <= 0 {
		c.pause = l.now().Add(refusalPause)
	}
	return true
}

// pledge divides what is free among the calls that wait, first come, first served. l.mu is held.
func (c *Counter) pledge() {
	for _, w := range c.asked.waiters {
		if n := min(w.units, c.spare()); n >= w.least {
			w.pledged, w.period = n, c.period
			c.pledged += n
		}
	}
}

// fail ends all requests with an error.
func (l *Ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.short {
		for _, q := range [...]*request{c.asked, c.late} {
			if q != nil {
				q.end(false, err)
			}
		}
		c.asked, c.late = nil, nil
	}
	l.short = nil
}

// recall returns what other processes need, until the context ends.
func (l *Ledger) recall(ctx context.Context) {
	recalls := l.bank.Recalls()
	for {
		select {
		case <-ctx.Done():
			return
		case id, ok := <-recalls:
			if !ok {
				return
			}
			l.recalled(id)
		}
	}
}

// recalled returns the share of a counter, or of all for an empty id.
func (l *Ledger) recalled(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		for id := range l.counters {
			l.tighten(id)
		}
		return
	}
	l.tighten(id)
}

// tighten returns what is free of a counter, and takes only what is needed for a while.
func (l *Ledger) tighten(id string) {
	if c := l.counters[id]; c != nil {
		c.strict = l.now().Add(strictFor)
	}
	l.answer(id)
}

// answer returns the free units of a counter, also if there are none, which answers the recall.
func (l *Ledger) answer(id string) {
	back := Return{Counter: id}
	if c := l.counters[id]; c != nil {
		back.Period, back.Units = c.period, c.spare()
		c.free -= back.Units
	}
	l.returns = append(l.returns, back)
	l.nudge()
}

// plus adds numbers that are not negative; what would overflow is the largest number.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
