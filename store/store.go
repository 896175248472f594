// Package store is the database: what clients of stateful APIs refer to in later calls, the keys, users, teams
// and other entities that calls belong to, the counters of what they have used, and what calls have cost.
//
// It is SQLite, in one file or in memory, or PostgreSQL, which replicas share. The statements are the same.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var (
	// ErrNotFound is returned for what the store does not have, or has for another owner.
	ErrNotFound = errors.New("not found")
	// ErrExists is returned for an entity that is to be created, and exists.
	ErrExists = errors.New("it exists already")
	// ErrConflict is returned for a change of an entity that somebody else has changed since it was read.
	ErrConflict = errors.New("it was changed by somebody else in the meantime")
)

// FileName is the name of SQLite's database in the data folder.
const FileName = "state.db"

// MemoryBytes bounds a database in memory: the oldest responses and conversations are forgotten when they
// need more.
const MemoryBytes = 64 << 20

// Options say where the database is.
type Options struct {
	// Dir is the folder of a SQLite database. Without Dir and URL, the database is in memory.
	Dir string
	// URL is the address of a PostgreSQL database, such as postgres://user:password@host:5432/name. Dir has no
	// meaning then. The parameters that Prisma adds, and LiteLLM has, are understood or ignored.
	URL string
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	db       pool
	dialect  dialect
	inMemory bool
	listener *listener
	days     partitions
}

// Open opens the database, and creates or updates its tables. Its errors never have the URL's password.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.URL != "" {
		return openPostgres(ctx, opt.URL)
	}
	name := "file::memory:"
	if opt.Dir != "" { // conversations are nobody else's affair
		f, err := os.OpenFile(filepath.Join(opt.Dir, FileName), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening the database: %w", err)
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("opening the database: %w", err)
		}
	}
	// A transaction that will write waits for the one before it when it begins, not in its middle.
	settings := url.Values{"_pragma": {"busy_timeout(2000)"}, "_txlock": {"immediate"}}
	if opt.Dir != "" {
		name = "file:" + (&url.URL{Path: filepath.Join(opt.Dir, FileName)}).EscapedPath()
		// A write survives the end of the process. What a power failure takes is the last writes.
		settings.Add("_pragma", "journal_mode(WAL)")
		settings.Add("_pragma", "synchronous(NORMAL)")
		settings.Add("_pragma", "temp_store(MEMORY)") // what a statement for many rows would undo goes to a file otherwise
	}
	c, err := newConnector(name + "?" + settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	db := sql.OpenDB(c)
	// SQLite has one writer at a time, and each connection to memory has a database of its own.
	db.SetMaxOpenConns(1)
	s := &Store{db: pool{db}, dialect: sqlite, inMemory: opt.Dir == "", listener: newListener(nil)}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the tables of %s: %w", name, err), db.Close())
	}
	return s, nil
}

// Shared says whether other processes may have the same database.
func (s *Store) Shared() bool { return s.dialect == postgres }

// Ping asks the database whether it is there.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// Close closes the database. Its banks must have been closed before.
func (s *Store) Close() error {
	s.listener.close()
	return s.db.Close()
}

// Expire forgets what has expired at a time, and of a database in memory what is over its bound.
func (s *Store) Expire(ctx context.Context, now time.Time) error {
	if err := s.forget(ctx, now.Unix()); err != nil || !s.inMemory {
		return err
	}
	for {
		var size, oldest sql.NullInt64
		err := s.db.QueryRowContext(ctx, `SELECT
			(SELECT COALESCE(SUM(LENGTH(body) + LENGTH(input)), 0) FROM responses) + (SELECT COALESCE(SUM(LENGTH(body)), 0) FROM conversation_items)
				+ (SELECT COALESCE(SUM(LENGTH(body)), 0) FROM response_events),
			(SELECT MIN(expires) FROM (SELECT expires FROM responses UNION ALL SELECT expires FROM conversations) AS all_expire)`).Scan(&size, &oldest)
		if err != nil || size.Int64 <= MemoryBytes || !oldest.Valid {
			return err
		}
		if err := s.forget(ctx, oldest.Int64); err != nil {
			return err
		}
	}
}

func (s *Store) forget(ctx context.Context, until int64) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM response_items WHERE response IN (SELECT id FROM responses WHERE expires <= $1)`,
			`DELETE FROM response_events WHERE response IN (SELECT id FROM responses WHERE expires <= $1)`,
			`DELETE FROM responses WHERE expires <= $1`,
			`DELETE FROM conversation_items WHERE conversation IN (SELECT id FROM conversations WHERE expires <= $1)`,
			`DELETE FROM conversations WHERE expires <= $1`,
			`DELETE FROM objects WHERE expires <= $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, until); err != nil {
				return err
			}
		}
		return nil
	})
}

// attempts is how often a transaction is tried that PostgreSQL has ended for the sake of another.
const attempts = 5

// within runs a transaction, more than once if it collides with another: what do changes besides the database,
// it must set anew each time.
func (s *Store) within(ctx context.Context, do func(tx *sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		tx, err := s.db.BeginTx(ctx, s.dialect.options())
		if err != nil {
			return err
		}
		if err = do(tx); err == nil {
			err = tx.Commit()
		} else if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) && !closed(err) { // done: ctx has ended it
			err = errors.Join(err, undo)
		}
		if attempt == attempts || !collided(err) {
			return err
		}
	}
}

// found is ErrNotFound for a result without rows.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) || unstorable(err) {
		return ErrNotFound
	}
	return err
}

// changed is ErrNotFound for a statement that has changed nothing.
func changed(result sql.Result, err error) error {
	if err != nil {
		return found(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNotFound)
	}
	return nil
}

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(rows *sql.Rows, to *T) error) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, one)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// micros is a time in the database: microseconds since 1970, and 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the time of micros, in UTC.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// contains makes a pattern of LIKE, with \ for ESCAPE, that a text in lower case matches if it contains another.
func contains(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}
