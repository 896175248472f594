package store

import (
	"context"
	"database/sql"
)

// pool is a database whose connections a restart of PostgreSQL may have closed without its notice. What is done outside of
// a transaction, and the beginning of one, is tried again on another connection then. Each statement that is executed
// outside of a transaction may be repeated: it may have been carried out before the connection ended.
type pool struct{ *sql.DB }

// elsewhere calls do until the connection that it got was not closed already. Those that were are given up one after the
// other.
func elsewhere[T any](do func() (T, error)) (T, error) {
	for range maxConnections {
		v, err := do()
		if !closed(err) {
			return v, err
		}
	}
	return do()
}

func (p pool) BeginTx(ctx context.Context, opt *sql.TxOptions) (*sql.Tx, error) {
	return elsewhere(func() (*sql.Tx, error) { return p.DB.BeginTx(ctx, opt) })
}

func (p pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return elsewhere(func() (*sql.Rows, error) { return p.DB.QueryContext(ctx, query, args...) })
}

func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	row, _ := elsewhere(func() (*sql.Row, error) { // Scan returns the error too
		row := p.DB.QueryRowContext(ctx, query, args...)
		return row, row.Err()
	})
	return row
}

func (p pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return elsewhere(func() (sql.Result, error) { return p.DB.ExecContext(ctx, query, args...) })
}
