package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxRowsInMemory is how many rows of spend a database in memory keeps.
const maxRowsInMemory = 20_000

// Post adds rows of a replica's journal, in one transaction and once: they become rows of the spend log, the sums of their
// days, and units used of their counters, which come out of the replica's shares. upto is the number of the last of
// them in the journal. Those up to the number Posted are ignored, so a batch can be posted again whenever it is not sure
// whether it was, also in other parts: a transaction of a process that was killed may still end after Posted was asked for.
func (s *Store) Post(ctx context.Context, replica string, upto int64, rows []Row) error {
	b := newBatch(rows, false)
	if err := s.ensureMissing(ctx, b.counters); err != nil {
		return fmt.Errorf("posting what calls have cost: %w", err)
	}
	for again := false; ; again = true {
		if err := s.makeDays(ctx, b.days, time.Now()); err != nil {
			return fmt.Errorf("making tables for what calls have cost: %w", err)
		}
		posted, err := s.post(ctx, replica, upto, b)
		if overlap := posted - (upto - int64(len(rows))); errors.Is(err, errOverlap) {
			return s.Post(ctx, replica, upto, rows[overlap:])
		}
		if code(err) == pgCheck && !again { // another replica has dropped the table of an old day
			s.days.forget()
			continue
		}
		if err != nil {
			return fmt.Errorf("posting what calls have cost: %w", err)
		}
		return nil
	}
}

// Posted returns the number of the last row of a replica's journal that was posted; 0 for none.
func (s *Store) Posted(ctx context.Context, replica string) (int64, error) {
	var posted int64
	err := s.db.QueryRowContext(ctx, `SELECT posted FROM replicas WHERE id = $1`, replica).Scan(&posted)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return posted, err
}

// errOverlap ends a transaction of which some rows have been posted.
var errOverlap = errors.New("some rows have been posted")

// post posts a batch, unless all of it has been. For errOverlap, the number of the last row that has been is returned.
func (s *Store) post(ctx context.Context, replica string, upto int64, b *batch) (posted int64, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `INSERT INTO replicas (id, seen, posted) VALUES ($1, 0, 0) ON CONFLICT (id) DO UPDATE SET posted = replicas.posted RETURNING posted`, replica).Scan(&posted)
		if err != nil || posted >= upto {
			return err
		}
		if posted > upto-int64(b.size) {
			return errOverlap
		}
		if _, err := tx.ExecContext(ctx, `UPDATE replicas SET posted = $1 WHERE id = $2`, upto, replica); err != nil {
			return err
		}
		if err := s.dialect.insert(ctx, tx, blockInsert, "", blockColumns, b.blocks); err != nil {
			return err
		}
		if s.inMemory {
			_, err := tx.ExecContext(ctx, `DELETE FROM spend_logs WHERE start < (SELECT start FROM (
				SELECT start, SUM(n) OVER (ORDER BY start DESC) AS newer FROM spend_logs) WHERE newer > $1 ORDER BY start DESC LIMIT 1)`, maxRowsInMemory)
			if err != nil {
				return err
			}
		}
		if err := s.dialect.insert(ctx, tx, dailyInsert, dailyConflict, dailyColumns, b.sums); err != nil {
			return err
		}
		// Calls that draw on the counters wait from here on.
		return s.charge(ctx, tx, replica, b)
	})
	return posted, err
}

// charge adds to the counters, and takes from the shares, what the rows of a batch have cost.
func (s *Store) charge(ctx context.Context, tx *sql.Tx, replica string, b *batch) error {
	if len(b.counters) == 0 {
		return nil
	}
	a, err := s.lockCounters(ctx, tx, b.counters, replica)
	if err != nil {
		return err
	}
	for _, id := range b.counters {
		c, charge := a.byID[id], b.charges[id]
		if c == nil {
			return fmt.Errorf("counter %q: %w", id, ErrNotFound)
		}
		c.begin(charge.window)
		if c.ends == 0 {
			c.fit(charge.window)
		}
		c.used, c.changed = add(c.used, charge.units), true
		if taken := charge.of(c.period); taken > 0 && c.own.held > 0 {
			c.own.held = max(0, c.own.held-taken)
			a.keep(c)
		}
	}
	return a.save(ctx, tx, s.dialect)
}

// ensureMissing makes the counters that do not exist, if there are any.
func (s *Store) ensureMissing(ctx context.Context, sorted []string) error {
	known, err := s.Counters(ctx, sorted)
	if err != nil || len(known) == len(sorted) {
		return err
	}
	return s.ensure(ctx, slices.DeleteFunc(slices.Clone(sorted), func(id string) bool { _, ok := known[id]; return ok }))
}
