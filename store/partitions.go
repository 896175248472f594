package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	dayLength = 24 * time.Hour
	// ahead is for how many days there are tables in advance.
	ahead = 3
	// partitionsLock is the key of the lock under which tables of days are made and dropped.
	partitionsLock = 0x6f757463726f70 // "outcrop"
	pgCheck        = "23514"          // also that no table has the row's day
	pgPending      = "55000"          // also that a table is half detached
)

// partitions are the days, counted from 1970, that are known to have a table on PostgreSQL.
type partitions struct {
	mu   sync.Mutex
	made map[int64]bool
}

func (p *partitions) has(day int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[day]
}

func (p *partitions) add(day int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil {
		p.made = map[int64]bool{}
	}
	p.made[day] = true
}

func (p *partitions) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = nil
}

// dayOf is the day of a time in UTC, counted from 1970.
func dayOf(t time.Time) int64 {
	us, length := micros(t), dayLength.Microseconds()
	day := us / length
	if us%length < 0 {
		day--
	}
	return day
}

// tablePrefix is followed by the date, as in spend_logs_20260131.
const (
	tablePrefix = "spend_logs_"
	tableDate   = "20060102"
)

func tableOf(day int64) string {
	return tablePrefix + time.Unix(0, 0).UTC().AddDate(0, 0, int(day)).Format(tableDate)
}

// makeDays makes the tables of days, and of today and those that come next, unless they are there.
func (s *Store) makeDays(ctx context.Context, days []int64, now time.Time) error {
	if s.dialect != postgres {
		return nil
	}
	for i := range int64(ahead) {
		days = append(slices.Clip(days), dayOf(now)+i)
	}
	for _, day := range days {
		if s.days.has(day) {
			continue
		}
		if err := s.within(ctx, func(tx *sql.Tx) error { return makeDay(ctx, tx, day) }); err != nil {
			return err
		}
		s.days.add(day)
	}
	return nil
}

// makeDay makes the table of a day. It becomes a part of the whole by ATTACH, during which others may read and write that:
// postgresql.org/docs/current/ddl-partitioning.html.
func makeDay(ctx context.Context, tx *sql.Tx, day int64) error {
	name := tableOf(day)
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(partitionsLock)); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil || there {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE `+name+` (LIKE spend_logs INCLUDING ALL)`); err != nil {
		return err
	}
	length := dayLength.Microseconds()
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE spend_logs ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`, name, day*length, (day+1)*length))
	return err
}

// Retain forgets rows of the spend log from before a time, block by block. On PostgreSQL, a day's rows go together when all of the day
// is before it, and nothing waits for that. What the calls have asked and were answered goes with them. The daily sums, and what counters have used, remain.
func (s *Store) Retain(ctx context.Context, before time.Time) error {
	if err := s.retainContents(ctx, before); err != nil {
		return err
	}
	if s.dialect == postgres {
		return s.dropDays(ctx, dayOf(before))
	}
	for {
		result, err := s.db.ExecContext(ctx, `DELETE FROM spend_logs WHERE rowid IN (SELECT rowid FROM spend_logs WHERE start < $1 LIMIT 50)`, micros(before))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
}

// dropDays drops the tables of the days before one. If another replica is doing it, it does nothing.
func (s *Store) dropDays(ctx context.Context, before int64) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var locked bool
	if err := conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, int64(partitionsLock+1)).Scan(&locked); err != nil || !locked {
		return err
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(partitionsLock+1))
		err = errors.Join(err, unlock)
	}()
	rows, err := conn.QueryContext(ctx, `SELECT c.relname, i.inhrelid IS NOT NULL FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
		WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('spend_logs')) AND c.relname LIKE 'spend\_logs\_%'`)
	type table struct {
		name     string
		attached bool
	}
	tables, err := collect(rows, err, func(rows *sql.Rows, t *table) error { return rows.Scan(&t.name, &t.attached) })
	if err != nil {
		return err
	}
	for _, t := range tables {
		date, err := time.Parse(tableDate, strings.TrimPrefix(t.name, tablePrefix))
		if err != nil || dayOf(date) >= before {
			continue // it is not one of ours, or not old
		}
		name := tableOf(dayOf(date))
		if t.attached {
			_, err := conn.ExecContext(ctx, `ALTER TABLE spend_logs DETACH PARTITION `+name+` CONCURRENTLY`)
			if code(err) == pgPending { // an earlier attempt was interrupted
				_, err = conn.ExecContext(ctx, `ALTER TABLE spend_logs DETACH PARTITION `+name+` FINALIZE`)
			}
			if err != nil {
				return err
			}
		}
		if _, err := conn.ExecContext(ctx, `DROP TABLE IF EXISTS `+name); err != nil {
			return err
		}
	}
	s.days.forget()
	return nil
}
