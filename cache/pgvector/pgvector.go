// Package pgvector keeps the answers of the response cache in PostgreSQL, and finds them by the similarity of what was asked with the
// extension vector (https://github.com/pgvector/pgvector).
package pgvector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"outcrop/cache"
)

// Store keeps each answer in a row. It connects, and makes its table, with the first command, so that a gateway starts while the
// server is away.
type Store struct {
	db        *sql.DB
	preparing sync.WaitGroup

	mu      sync.Mutex
	ready   bool
	attempt *attempt // nil if none is under way
	closed  bool
}

var _ cache.Index = (*Store)(nil)

// Bounds of what the store takes of the server.
const (
	maxConnections = 8
	prepareTimeout = 30 * time.Second
)

// Open makes a store in the database of config. It makes no connection.
func Open(config *pgx.ConnConfig) *Store {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute)
	return &Store{db: db}
}

// lock is held while the table is made: replicas that start at the same time would disturb each other.
const lock = 0x6f75746372630001

// tables make the table. What it has is lost when the server crashes, and is in no replica of it, which costs a cache
// little and saves the server half of the work.
const tables = `
CREATE UNLOGGED TABLE IF NOT EXISTS outcrop_response_cache (
	key    text PRIMARY KEY,
	answer bytea NOT NULL,
	ends   timestamptz,
	scope  text,
	place  vector
);
CREATE INDEX IF NOT EXISTS outcrop_response_cache_scope ON outcrop_response_cache (scope) WHERE scope IS NOT NULL;
CREATE INDEX IF NOT EXISTS outcrop_response_cache_ends ON outcrop_response_cache (ends) WHERE ends IS NOT NULL;
`

// attempt is an attempt to make the table, for which callers wait.
type attempt struct {
	done chan struct{}
	err  error
}

var errClosed = errors.New("the cache is closed")

// prepared waits until the table is there, or ctx ends. The table is made in the background: that takes as long as it takes, whoever
// waits.
func (s *Store) prepared(ctx context.Context) error {
	s.mu.Lock()
	if s.ready || s.closed {
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return errClosed
		}
		return nil
	}
	a := s.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		s.attempt = a
		s.preparing.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), prepareTimeout)
			defer cancel()
			err := s.prepare(ctx)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.attempt, s.ready, a.err = nil, err == nil, err
			close(a.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) prepare(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing after Commit
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lock)); err != nil {
		return err
	}
	there := false
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')").Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.ExecContext(ctx, "CREATE EXTENSION vector"); err != nil {
			return fmt.Errorf("the database has no extension vector, and it cannot be created (let its owner run CREATE EXTENSION vector): %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, tables, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("making the table outcrop_response_cache: %w", err)
	}
	return tx.Commit()
}

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) (value []byte, err error) {
	if err := s.prepared(ctx); err != nil {
		return nil, err
	}
	err = s.db.QueryRowContext(ctx, "SELECT answer FROM outcrop_response_cache WHERE key = $1 AND (ends IS NULL OR ends > now())", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

// Set keeps a value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.put(ctx, `INSERT INTO outcrop_response_cache (key, answer, ends) VALUES ($1, $2, now() + $3::bigint * interval '1 millisecond')
		ON CONFLICT (key) DO UPDATE SET answer = excluded.answer, ends = excluded.ends`, key, value, lifetime(ttl))
}

// SetAt keeps a value, which Nearest finds at a place.
func (s *Store) SetAt(ctx context.Context, key string, value []byte, ttl time.Duration, at cache.Place) error {
	return s.put(ctx, `INSERT INTO outcrop_response_cache (key, answer, ends, scope, place) VALUES ($1, $2, now() + $3::bigint * interval '1 millisecond', $4, $5::vector)
		ON CONFLICT (key) DO UPDATE SET answer = excluded.answer, ends = excluded.ends, scope = excluded.scope, place = excluded.place`,
		key, value, lifetime(ttl), at.Scope, text(at.Vector))
}

// put executes a statement that keeps a value, and deletes some whose time is over: as many as writes make in the long run.
func (s *Store) put(ctx context.Context, statement string, args ...any) error {
	if err := s.prepared(ctx); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, statement, args...); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, `DELETE FROM outcrop_response_cache WHERE key IN (SELECT key FROM outcrop_response_cache WHERE ends <= now() LIMIT 10 FOR UPDATE SKIP LOCKED)`)
	return err
}

// lifetime is a time to live in milliseconds; null for without an end.
func lifetime(ttl time.Duration) sql.NullInt64 {
	return sql.NullInt64{Int64: max(1, ttl.Milliseconds()), Valid: ttl > 0}
}

// text is a vector as the extension reads it.
func text(v []float32) string {
	b := make([]byte, 0, 12*len(v)+2)
	for i, f := range v {
		b = append(b, "[,"[min(i, 1)])
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return string(append(b, ']'))
}

// Nearest returns the value at the nearest place of a scope. All of the scope are compared, so that none is missed.
func (s *Store) Nearest(ctx context.Context, at cache.Place) (found cache.Near, ok bool, err error) {
	if err := s.prepared(ctx); err != nil {
		return found, false, err
	}
	err = s.db.QueryRowContext(ctx, `SELECT key, answer, 1 - (place <=> $2::vector) FROM outcrop_response_cache
		WHERE scope = $1 AND vector_dims(place) = $3 AND (ends IS NULL OR ends > now()) ORDER BY place <=> $2::vector LIMIT 1`,
		at.Scope, text(at.Vector), len(at.Vector)).Scan(&found.Key, &found.Value, &found.Similarity)
	if errors.Is(err, sql.ErrNoRows) {
		return cache.Near{}, false, nil
	}
	return found, err == nil, err
}

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	if err := s.prepared(ctx); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "DELETE FROM outcrop_response_cache WHERE key = ANY($1)", keys)
	return err
}

// Flush forgets everything.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.prepared(ctx); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "DELETE FROM outcrop_response_cache")
	return err
}

// Ping reports whether the server answers, and has the table.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.prepared(ctx); err != nil {
		return err
	}
	return s.db.PingContext(ctx)
}

// Close ends the connections.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.preparing.Wait()
	return s.db.Close()
}
