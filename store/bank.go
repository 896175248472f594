package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"outcrop/quota"
)

const (
	// beat is how often a bank says that its replica is alive.
	beat = 2 * time.Second
	// Lifetime is how long a replica counts as alive after its last sign of life. After that, others get its shares
	// of money and of parallel calls.
	Lifetime = quota.Lifetime
)

// Bank draws on the counters of a store for one replica. It implements quota.Bank.
type Bank struct {
	store    *Store
	replica  string
	recalls  *ids
	returned *ids
	cancel   context.CancelFunc
	done     chan struct{}

	mu   sync.Mutex
	seen time.Time // of the monotonic clock

	using  sync.Mutex // held during a transaction
	number int64      // of the last transaction; greater than those of earlier processes
	doubts map[string][]doubt
}

var _ quota.Bank = (*Bank)(nil)

// Bank returns the bank of a replica, and says that it is alive, from now until Close. The id names the replica's journal
// too: it is the same after a restart, and no other running process has it. After a restart, Post what the journal has,
// and then Reset.
func (s *Store) Bank(ctx context.Context, replica string) (*Bank, error) {
	b := &Bank{store: s, replica: replica, recalls: newIDs(), returned: newIDs(), done: make(chan struct{}), number: time.Now().UnixMicro(), doubts: map[string][]doubt{}}
	if err := b.beat(ctx); err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	s.listener.add(b)
	go b.run(run)
	return b, nil
}

func (b *Bank) run(ctx context.Context) {
	defer close(b.done)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			within, cancel := context.WithTimeout(ctx, Lifetime/2)
			_ = b.store.Sweep(within) // the next one tries again
			cancel()
			continue
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, Lifetime/2)
		if b.beat(within) == nil && b.settleAll(within) == nil { // an error: Seen tells, and the next beat tries again
			b.missed(within)
		}
		cancel()
		b.recalls.flush()
		b.returned.flush()
	}
}

// beat says that the replica is alive.
func (b *Bank) beat(ctx context.Context) error {
	began := time.Now()
	_, err := b.store.db.ExecContext(ctx, `INSERT INTO replicas (id, seen, posted) VALUES ($1, `+b.store.dialect.clock()+`, 0) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, b.replica)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = began
	return nil
}

// missed recalls what was recalled without an answer, in case the note was lost.
func (b *Bank) missed(ctx context.Context) {
	if b.Recalls() == nil {
		return
	}
	rows, err := b.store.db.QueryContext(ctx, `SELECT s.counter FROM shares AS s JOIN counters AS c ON c.id = s.counter
		WHERE s.replica = $1 AND s.held > 0 AND (s.period = c.period OR c.slices <> '') AND s.acked < c.recalled LIMIT 1000`, b.replica)
	counters, err := collect(rows, err, func(rows *sql.Rows, id *string) error { return rows.Scan(id) })
	if err != nil {
		return // the next beat tries again
	}
	for _, id := range counters {
		b.recalls.send(id)
	}
}

// Seen is when the database has last heard that the replica is alive, at the earliest. Lifetime after that, its
// shares may be given to others: it must not use them any more, and draw anew.
func (b *Bank) Seen() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// Recalls is as quota.Bank has it: nil for SQLite, which one replica has for itself.
func (b *Bank) Recalls() <-chan string {
	if !b.store.Shared() {
		return nil
	}
	return b.recalls.c
}

// Returned sends the ids of counters of which units have been returned by some replica, this one included, or of which
// a recall was answered; and an empty id if some may have been missed. A draw that waits for them should be repeated. It
// is closed when the bank is closed. If nobody reads it, nothing waits.
func (b *Bank) Returned() <-chan string { return b.returned.c }

// Close ends the signs of life. What the replica has drawn stays drawn until it counts as dead.
func (b *Bank) Close() error {
	b.store.listener.remove(b)
	b.cancel()
	<-b.done
	b.recalls.close()
	b.returned.close()
	return nil
}

// Draw is as quota.Bank has it.
func (b *Bank) Draw(ctx context.Context, draws []quota.Draw) ([]quota.Grant, error) {
	names := map[string]bool{}
	for i := range draws {
		names[bounded(draws[i].Counter)] = true
	}
	sorted := slices.Sorted(maps.Keys(names))
	grants := make([]quota.Grant, len(draws))
	number := b.transaction()
	defer b.using.Unlock()
	err := b.store.counting(ctx, sorted, b.replica, func(a *accounts) error {
		for _, id := range sorted {
			b.settle(a, a.byID[id])
		}
		for i := range draws {
			d := &draws[i]
			c := a.of(d.Counter)
			c.begin(d.Window)
			c.fit(d.Window)
			grants[i] = c.draw(d, b.replica, a)
			c.own.mark = number
		}
		return nil
	})
	if err != nil {
		for i := range grants {
			b.doubted(draws[i].Counter, doubt{number, grants[i].Period, add(grants[i].Units, draws[i].Debt), true})
		}
		return nil, err
	}
	b.settled(sorted)
	return grants, nil
}

// draw draws units.
func (c *account) draw(d *quota.Draw, replica string, a *accounts) quota.Grant {
	need := max(d.Need, 1)
	c.own.held = add(c.own.held, d.Debt)
	held, waiting := c.own.held, false
	for i := range c.others {
		o := &c.others[i]
		if !o.alive && !c.kind.calls() {
			a.drop(c, o)
			continue
		}
		held = add(held, o.held)
		// One that is gone cannot return anything.
		waiting = waiting || o.alive && c.has(o, d.Window) && (d.Recall == 0 || o.acked < d.Recall)
	}
	left := sub(sub(d.Limit, c.used), held)
	if d.Window.Slice > 0 {
		left = sub(left, c.slices.Units(d.Window, c.now))
	}
	lack := sub(need, left)
	g := quota.Grant{Left: left, Used: c.used, Period: c.period}
	if c.ends != 0 {
		g.Ends = time.Duration(c.ends-a.now) * time.Microsecond
	}
	switch {
	case left >= need:
		g.Units = min(max(d.Want, need), left)
		g.Left = left - g.Units
		c.own.held = add(c.own.held, g.Units)
		if g.Units != d.Want-d.Ahead { // there may be units to spare again
			c.own.acked = 0
		}
		a.keep(c)
	case waiting && d.Recall > 0:
		g.Recall = d.Recall
	case waiting:
		c.recalled++
		c.changed = true
		g.Recall = c.recalled
		a.notes = append(a.notes, recallNote(replica, c.id))
	}
	if d.Window.Slice > 0 {
		g.Frees = c.slices.Frees(d.Window, c.now, c.open(), lack)
	}
	if d.Debt > 0 {
		a.keep(c)
	}
	return g
}

// Return is as quota.Bank has it, and answers recalls of the counters. Units are also returned after an error, as soon as
// the database answers.
func (b *Bank) Return(ctx context.Context, returns []quota.Return) error {
	names := map[string]bool{}
	for i := range returns {
		names[bounded(returns[i].Counter)] = true
	}
	sorted := slices.Sorted(maps.Keys(names))
	number := b.transaction()
	defer b.using.Unlock()
	err := b.store.known(ctx, sorted, b.replica, func(a *accounts) error {
		for _, id := range sorted {
			if c := a.byID[id]; c != nil {
				b.settle(a, c)
			}
		}
		for i := range returns {
			r := &returns[i]
			c := a.of(r.Counter)
			if c == nil || !c.own.stored {
				continue
			}
			c.back(r.Period, r.Units)
			if c.own.mark = number; !r.Keeps {
				c.own.acked = c.recalled
			}
			a.keep(c)
			a.notes = append(a.notes, restoreNote(c.id))
		}
		return nil
	})
	if err != nil {
		for i := range returns {
			b.doubted(returns[i].Counter, doubt{number, returns[i].Period, returns[i].Units, false})
		}
		return err
	}
	b.settled(sorted)
	return nil
}

// Reset gives back all shares of the replica, which has none any more, because it was started again: those of requests and
// tokens count as used, because nobody knows how many calls were made.
func (b *Bank) Reset(ctx context.Context) error {
	rows, err := b.store.db.QueryContext(ctx, `SELECT counter FROM shares WHERE replica = $1 ORDER BY counter`, b.replica)
	counters, err := collect(rows, err, func(rows *sql.Rows, id *string) error { return rows.Scan(id) })
	if err != nil {
		return err
	}
	for part := range slices.Chunk(counters, listedValues[0]) {
		err := b.store.known(ctx, part, b.replica, func(a *accounts) error {
			for _, id := range part {
				c := a.of(id)
				if c == nil || !c.own.stored {
					continue
				}
				if c.kind.calls() && c.own.held > 0 {
					c.used = add(c.used, c.own.held)
					c.changed = true
				}
				c.own.held = 0
				a.drop(c, &c.own)
				a.notes = append(a.notes, restoreNote(c.id))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// counting runs a transaction with counters, which are made if they do not exist, locked.
func (s *Store) counting(ctx context.Context, sorted []string, replica string, do func(a *accounts) error) error {
	for {
		err := s.known(ctx, sorted, replica, func(a *accounts) error {
			if len(a.byID) < len(sorted) {
				return errMissing
			}
			return do(a)
		})
		if !errors.Is(err, errMissing) {
			return err
		}
		// They are made in the order of their ids, with nothing else locked: so nobody waits for one another.
		if err := s.ensure(ctx, sorted); err != nil {
			return err
		}
	}
}

// errMissing ends a transaction in which a counter does not exist yet.
var errMissing = errors.New("a counter is missing")

// known runs a transaction with those counters locked that exist, and writes what do changes of them.
func (s *Store) known(ctx context.Context, sorted []string, replica string, do func(a *accounts) error) error {
	if len(sorted) == 0 {
		return nil
	}
	var a *accounts
	err := s.within(ctx, func(tx *sql.Tx) (err error) {
		if s.dialect == postgres && !slices.ContainsFunc(sorted, lasting) {
			// Requests and tokens of a minute need not survive the server: nobody waits for its disk.
			if _, err := tx.ExecContext(ctx, `SET LOCAL synchronous_commit TO OFF`); err != nil {
				return err
			}
		}
		if a, err = s.lockCounters(ctx, tx, sorted, replica); err != nil {
			return err
		}
		if err := do(a); err != nil {
			return err
		}
		if err := a.save(ctx, tx, s.dialect); err != nil {
			return err
		}
		return s.tell(ctx, tx, a.notes)
	})
	if err == nil {
		s.listener.local(a.notes)
	}
	return err
}
