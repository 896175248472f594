package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	driversqlite "modernc.org/sqlite"
)

// maxStatements bounds the statements that a connection keeps. The texts of all that are executed often are fewer.
const maxStatements = 128

// connector opens connections to SQLite that keep the statements that they have read: SQLite takes longer to read a statement
// than to carry it out, and a gateway with few calls posts what they have cost one by one.
type connector struct{ driver.Connector }

func newConnector(dsn string) (connector, error) {
	c, err := driversqlite.NewConnector(dsn)
	return connector{c}, err
}

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection to SQLite is a %T", opened), opened.Close())
	}
	return &keepingConn{sqliteConn: conn, idle: map[string]statement{}}, nil
}

// sqliteConn is what connections to SQLite are (modernc.org/sqlite, NewConnector), but for what a keepingConn does itself.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what statements of SQLite are.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keepingConn is a connection that keeps its statements. As a driver's, it is used by one goroutine at a time.
type keepingConn struct {
	sqliteConn

	idle map[string]statement // those that nobody uses, by their texts
}

// Unwrap is the connection itself, which sqlite.Limit needs.
func (c *keepingConn) Unwrap() driver.Conn { return c.sqliteConn }

// Close closes the connection with its statements.
func (c *keepingConn) Close() error {
	var errs []error
	for _, s := range c.idle {
		errs = append(errs, s.Close())
	}
	clear(c.idle)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// take returns a statement that nobody uses.
func (c *keepingConn) take(ctx context.Context, text string) (statement, error) {
	if s, ok := c.idle[text]; ok {
		delete(c.idle, text)
		return s, nil
	}
	prepared, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of SQLite is a %T", prepared), prepared.Close())
	}
	return s, nil
}

// keep takes back a statement, unless it has failed or is not for rows, such as one that changes the schema.
func (c *keepingConn) keep(text string, s statement, err error) error {
	repeated := slices.ContainsFunc([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, func(verb string) bool { return strings.HasPrefix(text, verb) })
	if _, another := c.idle[text]; another || !repeated || err != nil {
		return s.Close()
	}
	if len(c.idle) >= maxStatements {
		for other, old := range c.idle { // any one
			delete(c.idle, other)
			if err := old.Close(); err != nil {
				return errors.Join(err, s.Close())
			}
			break
		}
	}
	c.idle[text] = s
	return nil
}

// ExecContext executes a statement.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if kept := c.keep(query, s, err); err == nil && kept != nil {
		return nil, kept
	}
	return result, err
}

// QueryContext executes a query.
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &keepingRows{rows, c, query, s}, nil
}

// keepingRows are rows whose connection keeps the statement when they are closed.
type keepingRows struct {
	driver.Rows

	conn *keepingConn
	text string
	s    statement
}

// Close ends the query.
func (r *keepingRows) Close() error {
	err := r.Rows.Close()
	return errors.Join(err, r.conn.keep(r.text, r.s, err))
}
