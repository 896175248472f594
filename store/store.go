// Package store keeps what clients of stateful APIs refer to in later calls: responses, and conversations.
// Everything belongs to its owner, the caller that made it, and has a time after which it is forgotten.
//
// The database is SQLite, in one file or in memory. The statements keep to what PostgreSQL has as well.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver of SQLite
)

// ErrNotFound is returned for what the store does not have, or has for another owner.
var ErrNotFound = errors.New("not found")

// FileName is the name of the database in the data folder.
const FileName = "state.db"

// MemoryBytes bounds a database in memory: the oldest responses and conversations are forgotten when they
// need more.
const MemoryBytes = 64 << 20

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the database. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	inMemory bool
}

// Open opens the database in a folder, or one in memory if the folder is empty, and creates or updates
// its tables.
func Open(ctx context.Context, dir string) (*Store, error) {
	name := "file::memory:"
	if dir != "" { // conversations are nobody else's affair
		f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening the database: %w", err)
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("opening the database: %w", err)
		}
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(2000)"}}
	if dir != "" {
		name = "file:" + (&url.URL{Path: filepath.Join(dir, FileName)}).EscapedPath()
		// A write survives the end of the process. What a power failure takes is the last writes.
		pragmas.Add("_pragma", "journal_mode(WAL)")
		pragmas.Add("_pragma", "synchronous(NORMAL)")
	}
	db, err := sql.Open("sqlite", name+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	// SQLite has one writer at a time, and each connection to memory has a database of its own.
	db.SetMaxOpenConns(1)
	s := &Store{db: db, inMemory: dir == ""}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the tables of %s: %w", name, err), db.Close())
	}
	return s, nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.db, files)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

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

// within runs a transaction.
func (s *Store) within(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// found is ErrNotFound for a result without rows.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// changed is ErrNotFound for a statement that has changed nothing.
func changed(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNotFound)
	}
	return nil
}
