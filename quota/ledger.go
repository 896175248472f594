package quota

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Kind is what becomes of the units that a call has reserved.
type Kind uint8

// Kinds.
const (
	// Used units are gone: requests, tokens and money. What was reserved and not used is free again.
	Used Kind = iota
	// Held units are free again when the call ends: parallel calls.
	Held
)

// Limit is what a counter allows.
type Limit struct {
	Window Window
	// Units is the most in a period of Window.
	Units int64
	Kind  Kind
}

// Ledger serves calls from shares of counters that it draws from a bank. A call that finds its units in the
// shares asks nobody. It is safe for concurrent use.
type Ledger struct {
	bank   Bank
	now    func() time.Time
	shared bool // other processes draw on the bank

	mu       sync.Mutex
	counters map[string]*Counter
	short    []*Counter // to be drawn on
	returns  []Return
	idle     []*Counter // small counters with a share that nobody may need
	closed   bool
	wake     chan struct{} // has room for one
	over     sync.WaitGroup
	stop     context.CancelFunc
}

// Options are the settings of a Ledger.
type Options struct {
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// NewLedger makes a ledger that draws on a bank, until Close.
func NewLedger(bank Bank, opt Options) *Ledger {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Ledger{bank: bank, now: opt.Now, shared: bank.Recalls() != nil, counters: map[string]*Counter{}, wake: make(chan struct{}, 1), stop: stop}
	l.over.Go(func() { l.draw(ctx) })
	if l.shared {
		l.over.Go(func() { l.recall(ctx) })
	}
	return l
}

// patience is how long a conversation with the bank may take.
func (l *Ledger) patience() time.Duration {
	if l.shared {
		return drawTimeout
	}
	return ownDrawTimeout
}

// Close ends the work in the background, and returns to the bank what no call has reserved. Calls that wait
// are refused with ErrAway.
func (l *Ledger) Close() error {
	l.mu.Lock()
	l.closed = true
	for _, c := range l.counters {
		l.giveBack(c)
	}
	returns := l.returns
	l.returns = nil
	l.mu.Unlock()
	l.stop()
	l.over.Wait()
	if len(returns) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.patience())
	defer cancel()
	return l.bank.Return(ctx, returns)
}

// Counter is a counter as this process sees it: its limit, and the share that it has. Its fields are the
// ledger's. A call uses a dozen counters whose memory it seldom finds in the processor's cache, so what each call needs is
// together: from the end of the limit to strict.
type Counter struct {
	id    string
	limit Limit

	free    int64     // units of the share that no call has reserved
	pledged int64     // those of them that were drawn for calls which have yet to reserve them
	debt    int64     // units used without a share, to be paid from the next
	period  int64     // of the share
	left    int64     // what the bank had left at the last draw
	known   bool      // the bank has been asked in this period
	dry     bool      // the limit was used up in this period, and nobody else can return units
	idle    bool      // it is in the list of counters whose share goes back soon
	dropped bool      // it was forgotten
	ends    time.Time // of the period; the zero time if it does not end
	strict  time.Time // until then, only what is needed is drawn, and what is not needed returned

	used  time.Time // when a call ended last, of a bank that is shared
	pause time.Time // until then, the bank is not asked

	asked *request // for the bank, or before it
	late  *request // of calls that came while the bank was asked

	frees time.Time // when units of a sliding window are free that were not at the last draw
}

// Counter returns the counter of an id with a limit. If the counter exists, the limit replaces its own, and its
// share is drawn anew.
func (l *Ledger) Counter(id string, limit Limit) *Counter {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counters[id]
	if c == nil {
		c = &Counter{id: id, limit: limit}
		l.counters[id] = c
		return c
	}
	if c.limit != limit {
		c.limit, c.dry, c.pause = limit, false, time.Time{}
		l.giveBack(c)
	}
	return c
}

// Refresh makes the next call ask the bank about a counter, because what was used of it has been changed.
func (l *Ledger) Refresh(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.counters[id]; c != nil {
		c.dry, c.pause = false, time.Time{}
		l.giveBack(c)
	}
}

// Forget drops a counter that no new call will use, and returns its share.
func (l *Ledger) Forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.counters[id]; c != nil {
		l.giveBack(c)
		c.dropped = true
		delete(l.counters, id)
	}
}

// nudge wakes the goroutine that draws.
func (l *Ledger) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Use is what a call needs of a counter.
type Use struct {
	Counter *Counter
	// Units are at least 1.
	Units int64
	// Least is how many do, if there are not as many as Units; 0 for Units.
	Least int64
}

// least is how many units the call needs.
func (u *Use) least() int64 {
	if u.Least <= 0 {
		return u.Units
	}
	return min(u.Least, u.Units)
}

// ExceededError is the error for a call that a limit does not allow.
type ExceededError struct {
	// Use is the position of what could not be had.
	Use     int
	Counter string
	Limit   int64
	// Left are the units that are free, as far as this process knows.
	Left int64
	// Resets is how long it takes until units are free, if none are returned before: the rest of the period; 0 if it does
	// not end.
	Resets time.Duration
}

// Error says which limit it is.
func (e *ExceededError) Error() string {
	return fmt.Sprintf("the limit of %d for %s is used up", e.Limit, e.Counter)
}

// maxUses bounds the limits of one call.
const maxUses = 64

// lifetimeMargin is how long before its end a share is no longer used: clocks and calls take time.
const lifetimeMargin = 2 * time.Second

// maxTries bounds how often a call asks for units that others then take.
const maxTries = 100

// Reserve reserves units of all counters or of none, and makes r, which has none, their reservation. It waits for the bank
// only if the shares do not have them. A refusal is an *ExceededError; other errors are ErrAway, with its cause, and the
// context's. r is empty then.
func (l *Ledger) Reserve(ctx context.Context, r *Reservation, uses []Use) error {
	if len(uses) > maxUses {
		return fmt.Errorf("a call has %d limits; the most is %d", len(uses), maxUses)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var stages [maxUses]stage
	for range maxTries {
		short, err := l.check(uses, stages[:])
		if err != nil {
			return err
		}
		if len(short) == 0 {
			l.take(r, uses)
			return nil
		}
		for _, s := range short {
			if err == nil {
				err = l.await(ctx, s.waiter)
			}
		}
		for _, s := range short {
			uses[s.use].Counter.giveUp(s.waiter)
			stages[s.use] = stages[s.use].after(s.waiter)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: too many calls compete for its units", ErrAway)
}

// stage is how far the search for the units of a use has come.
type stage struct {
	whole   bool // the bank does not have all units that the call would like
	refused bool // it has none
}

// after is the stage after a request to the bank.
func (s stage) after(w *waiter) stage {
	if !w.refused {
		return s
	}
	return stage{whole: true, refused: s.whole}
}

// shortage is a use whose units are being drawn.
type shortage struct {
	use    int
	waiter *waiter
}

// check finds the uses whose units are missing, and asks for them. l.mu is held.
func (l *Ledger) check(uses []Use, stages []stage) ([]shortage, error) {
	if l.closed {
		return nil, ErrAway
	}
	var short []shortage
	now := l.now()
	lost := l.shared && now.Sub(l.bank.Seen()) > Lifetime-lifetimeMargin
	for i := range uses {
		u, c := &uses[i], uses[i].Counter
		l.roll(c, now)
		if lost { // other processes may have the share by now, or else it goes back before the next draw
			c.pledged = 0
			l.giveBack(c)
		}
		switch s := &stages[i]; {
		case c.spare() >= u.Units:
		case c.spare() >= u.least() && (s.whole || c.dry):
		case c.dry, s.refused, s.whole && u.least() == u.Units:
			for _, s := range short {
				uses[s.use].Counter.giveUp(s.waiter)
			}
			return nil, c.exceeded(i, now)
		case s.whole:
			short = append(short, shortage{i, l.ask(c, &waiter{units: u.Units, least: u.least()})})
		default:
			short = append(short, shortage{i, l.ask(c, &waiter{units: u.Units, least: u.Units})})
		}
	}
	return short, nil
}

// take reserves what check has found. l.mu is held.
func (l *Ledger) take(r *Reservation, uses []Use) {
	r.l, r.parts = l, r.room[:0]
	for i := range uses {
		c := uses[i].Counter
		n := min(uses[i].Units, c.spare())
		c.free -= n
		r.parts = append(r.parts, part{c, n, c.period})
		l.ahead(c)
	}
}

// gain adds units to the share, of which what was used without one is paid.
func (c *Counter) gain(units int64) {
	paid := min(c.debt, units)
	c.debt -= paid
	c.free += units - paid
}

func (c *Counter) exceeded(use int, now time.Time) error {
	e := &ExceededError{Use: use, Counter: c.id, Limit: c.limit.Units, Left: c.free + max(c.left, 0)}
	e.Resets = c.resets(now)
	return e
}

// State is what is left of a counter.
type State struct {
	Limit int64
	// Left are the units that are free, as far as this process knows.
	Left int64
	// Resets is how long the period lasts, or how long it takes until units of a sliding window are free; 0 if it does not
	// end or has not begun.
	Resets time.Duration
}

// State returns what is left of a counter, without asking the bank.
func (l *Ledger) State(c *Counter) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.roll(c, now)
	s := State{Limit: c.limit.Units, Left: c.limit.Units, Resets: c.resets(now)}
	if c.known || s.Resets > 0 {
		s.Left = c.free + max(c.left, 0)
	}
	return s
}

// Reservation is what a call has reserved: nothing at first, and after Settle. It is used by one goroutine, and not copied.
type Reservation struct {
	l     *Ledger // nil if nothing is reserved
	parts []part
	room  [Usual]part
}

// Usual is the number of uses from which on a reservation takes more memory than its own: key, team and user with a limit
// each of requests, tokens and parallel calls.
const Usual = 9

// Active reports whether anything is reserved.
func (r *Reservation) Active() bool { return r.l != nil }

// part is what is reserved of one counter.
type part struct {
	counter *Counter
	units   int64
	period  int64
}

// Units are what is reserved of a use, by its position.
func (r *Reservation) Units(use int) int64 { return r.parts[use].units }

// Unbounded is what a reservation of a period that is over has: the counter has begun anew, and what the call uses
// from then on is counted when it ends.
const Unbounded = math.MaxInt64

// Extend reserves more units of a use, or fewer if there are not as many, and returns how many the use has then. It
// waits for the bank only if the share has none. If there is none at all, the error is an *ExceededError; other errors
// are those of Reserve.
func (r *Reservation) Extend(ctx context.Context, use int, units int64) (int64, error) {
	p := &r.parts[use]
	if n, ok := r.grow(p, units); ok {
		return n, nil
	}
	var more Reservation
	if err := r.l.Reserve(ctx, &more, []Use{{Counter: p.counter, Units: units, Least: 1}}); err != nil {
		if e, ok := errors.AsType[*ExceededError](err); ok {
			e.Use = use
		}
		return p.units, err
	}
	if got := more.parts[0]; got.period == p.period {
		p.units += got.units
		return p.units, nil
	}
	more.Settle(nil, []int64{0})
	return Unbounded, nil
}

// grow reserves units of the share, and reports whether it has any.
func (r *Reservation) grow(p *part, units int64) (int64, bool) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	c := p.counter
	r.l.roll(c, r.l.now())
	if !c.known || c.period != p.period {
		return Unbounded, true
	}
	n := min(units, c.spare())
	c.free -= n
	p.units += n
	r.l.ahead(c)
	return p.units, n > 0
}

// Settled is what a call has taken of a counter's share.
type Settled struct {
	// Taken are the units that were used and came out of the share of Period.
	Taken, Period int64
}

// Settle ends the reservation: used are the units that the call has used of each counter, in the order of the
// uses; those of Held counters do not matter. The result is appended to dst. A second call does nothing.
func (r *Reservation) Settle(dst []Settled, used []int64) []Settled {
	l := r.l
	if l == nil {
		return dst
	}
	r.l = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for i := range r.parts {
		p := &r.parts[i]
		c := p.counter
		l.roll(c, now)
		s := Settled{Period: p.period}
		current := c.known && c.period == p.period
		switch n := used[i]; {
		case c.limit.Kind == Held:
			n = 0
			fallthrough
		case n <= p.units:
			s.Taken = max(n, 0)
			switch {
			case current:
				c.gain(p.units - s.Taken)
			case c.slides():
				l.giveBackOf(c, p.period, p.units-s.Taken, c.spare() > 0)
			}
		case current, c.slides(): // more than was reserved
			more := min(n-p.units, c.spare())
			c.free -= more
			c.debt += n - p.units - more
			s.Taken = p.units + more
			if c.slides() && c.debt > 0 { // it counts until it is old enough, and so has to be known at once
				l.request(c, nil)
			}
		default:
			s.Taken = p.units
		}
		switch {
		case now.Before(c.strict) || c.dropped:
			l.giveBack(c)
		case l.shared && c.free > 0 && !c.idle && c.limit.Units < portion:
			c.idle = true
			l.idle = append(l.idle, c)
			l.nudge()
		}
		if l.shared {
			c.used = now
		}
		dst = append(dst, s)
	}
	return dst
}
