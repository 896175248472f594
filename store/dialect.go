package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// dialect is what a database has of its own.
type dialect int

const (
	sqlite dialect = iota
	postgres
)

// options are those of transactions. Those on PostgreSQL lock the rows that they change, and read after that what
// others have committed until then.
func (d dialect) options() *sql.TxOptions {
	if d == postgres {
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}

// clock is an expression of the time in microseconds. Replicas share that of PostgreSQL.
func (d dialect) clock() string {
	if d == postgres {
		return `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
	}
	return `CAST(ROUND((julianday('now') - 2440587.5) * 86400000) * 1000 AS BIGINT)` // to the millisecond
}

// position is the function that finds a text in another, and returns 0 where it is not.
func (d dialect) position() string {
	if d == postgres {
		return "strpos"
	}
	return "instr"
}

// lock ends a SELECT of rows that are to be locked in the order of their ids, which is that of their bytes whatever the
// database's language is. A transaction of SQLite has locked everything.
func (d dialect) lock() string {
	if d == postgres {
		return ` ORDER BY id COLLATE "C" FOR UPDATE`
	}
	return ""
}

// maxConnections is how many connections a store has to PostgreSQL if its URL does not say it.
const maxConnections = 16

func openPostgres(ctx context.Context, address string) (*Store, error) {
	config, connections, err := ParseURL(address)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute) // so that a server that was added gets its part
	s := &Store{db: pool{db}, dialect: postgres, listener: newListener(config)}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the tables of PostgreSQL at %s: %w", config.Host, err), db.Close())
	}
	return s, nil
}

// ParseURL reads the address of a PostgreSQL database, with the parameters that LiteLLM's Prisma takes, and says how many
// connections it wants. Its errors never have the password.
func ParseURL(address string) (config *pgx.ConnConfig, connections int, err error) {
	bad := errors.New("the database's URL cannot be read: it must be as postgres://USER:PASSWORD@HOST:PORT/NAME, with percent-encoding for special characters of the password")
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, 0, bad // the error of url.Parse has the URL, and so the password
	}
	// LiteLLM's URLs are Prisma's: prisma.io/docs/orm/overview/databases/postgresql#arguments
	query := u.Query()
	if schema := query.Get("schema"); schema != "" && query.Get("search_path") == "" {
		query.Set("search_path", pgx.Identifier{schema}.Sanitize())
	}
	connections, err = strconv.Atoi(cmp.Or(query.Get("connection_limit"), strconv.Itoa(maxConnections)))
	if err != nil || connections < 1 {
		return nil, 0, fmt.Errorf("connection_limit of the database's URL is %q: it must be a positive number", query.Get("connection_limit"))
	}
	for _, name := range []string{"schema", "connection_limit", "pool_timeout", "socket_timeout", "pgbouncer", "statement_cache_size", "sslaccept", "sslidentity", "max_connection_lifetime", "max_idle_connection_lifetime"} {
		query.Del(name)
	}
	// Statements without a name work behind a pooler that gives each transaction another connection.
	if !query.Has("default_query_exec_mode") {
		query.Set("default_query_exec_mode", "cache_describe")
	}
	u.RawQuery = query.Encode()
	config, err = pgx.ParseConfig(u.String())
	if err != nil {
		return nil, 0, bad // as above
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "outcrop"
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, 10*time.Second)
	return config, connections, nil
}

//go:embed migrations/*.sql migrations/sqlite migrations/postgres
var migrations embed.FS

// Migrations that differ between the databases: PostgreSQL keeps the rows of each day in a table of their own, and
// SQLite cannot take a primary key from a table.
const (
	spendMigration  = 7
	blocksMigration = 9
)

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	kind, folder, options := goose.DialectSQLite3, "sqlite", []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect == postgres {
		kind, folder = goose.DialectPostgres, "postgres"
		// Replicas that start together do it one after the other: the next looks once a second.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	spend, err := fs.ReadFile(files, folder+"/spend.sql")
	if err != nil {
		return err
	}
	blocks, err := fs.ReadFile(files, folder+"/blocks.sql")
	if err != nil {
		return err
	}
	execute := func(text []byte) *goose.GoFunc {
		return &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, string(text))
			return err
		}}
	}
	options = append(options, goose.WithGoMigrations(
		goose.NewGoMigration(spendMigration, execute(spend), nil),
		goose.NewGoMigration(blocksMigration, execute(blocks), nil),
	))
	provider, err := goose.NewProvider(kind, s.db.DB, files, options...)
	if err != nil {
		return err
	}
	if s.dialect == postgres {
		// The lock belongs to a connection, which a pooler may not keep: it is only taken if there is work.
		if ready, err := s.prepared(ctx, provider); ready || err != nil {
			return err
		}
	}
	_, err = provider.Up(ctx)
	return err
}

// prepared says whether all migrations have been made.
func (s *Store) prepared(ctx context.Context, provider *goose.Provider) (bool, error) {
	var table sql.NullString
	if err := s.db.QueryRowContext(ctx, `SELECT CAST(to_regclass('goose_db_version') AS TEXT)`).Scan(&table); err != nil || !table.Valid {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	return !pending, err
}

// code is PostgreSQL's code of an error: postgresql.org/docs/current/errcodes-appendix.html.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// collided says whether a transaction has failed because of another one, and can be repeated.
func collided(err error) bool {
	c := code(err)
	return c == pgDeadlock || c == pgSerialization
}

// closed says whether PostgreSQL has ended a connection, or was about to.
func closed(err error) bool { return strings.HasPrefix(code(err), pgShutdown) }

// unstorable says whether a text cannot be in the database, because it has a NUL or is not UTF-8.
func unstorable(err error) bool { return code(err) == pgEncoding }

const (
	pgDeadlock      = "40P01"
	pgSerialization = "40001"
	pgEncoding      = "22021"
	pgShutdown      = "57P0" // admin_shutdown, crash_shutdown, cannot_connect_now
)

// insertedRows are the numbers of rows that statements for many rows have, and listedValues those of values in lists,
// so that there are few different statements.
var (
	insertedRows = []int{64, 8, 7, 6, 5, 4, 3, 2, 1}
	listedValues = []int{512, 64, 8, 7, 6, 5, 4, 3, 2, 1}
)

// insert inserts rows of so many columns, whose values args has one after the other: strings and numbers, each column of
// one type. PostgreSQL gets them as an array for each column, in a statement that is the same for any number of rows: posting
// takes a fifth less processor time than with thousands of parameters (bench/books).
func (d dialect) insert(ctx context.Context, tx *sql.Tx, head, tail string, columns int, args []any) error {
	if d == postgres && len(args) > columns {
		arrays, err := transpose(columns, args)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, head+" SELECT "+unnested(arrays)+" "+tail, arrays...)
		return err
	}
	return d.insertValues(ctx, tx, head, tail, columns, args)
}

// transpose returns the columns of rows.
func transpose(columns int, args []any) ([]any, error) {
	arrays := make([]any, columns)
	rows := len(args) / columns
	for i := range columns {
		switch args[i].(type) {
		case string:
			arrays[i] = make([]string, 0, rows)
		default:
			arrays[i] = make([]int64, 0, rows)
		}
	}
	for i, value := range args {
		switch to := arrays[i%columns].(type) {
		case []string:
			text, ok := value.(string)
			if !ok {
				return nil, fmt.Errorf("column %d: %T in a column of strings", i%columns+1, value)
			}
			arrays[i%columns] = append(to, text)
		case []int64:
			number, ok := value.(int64)
			if !ok {
				return nil, fmt.Errorf("column %d: %T in a column of numbers", i%columns+1, value)
			}
			arrays[i%columns] = append(to, number)
		}
	}
	return arrays, nil
}

// unnested are columns that are parameters: unnest($1::text[]), unnest($2::bigint[]). Sets of one length are paired:
// postgresql.org/docs/current/xfunc-sql.html.
func unnested(arrays []any) string {
	columns := make([]string, len(arrays))
	for i, array := range arrays {
		name := "bigint"
		if _, ok := array.([]string); ok {
			name = "text"
		}
		columns[i] = fmt.Sprintf("unnest($%d::%s[])", i+1, name)
	}
	return strings.Join(columns, ", ")
}

// insertValues is insert with a parameter for each value. SQLite takes longer to read a statement than to insert its rows,
// so that many rows are inserted by one of moderate size, which is read once.
func (d dialect) insertValues(ctx context.Context, tx *sql.Tx, head, tail string, columns int, args []any) (err error) {
	text := func(rows int) string { return head + " VALUES " + d.tuples(rows, columns) + " " + tail }
	if many := insertedRows[0] * columns; len(args) >= many {
		stmt, err := tx.PrepareContext(ctx, text(insertedRows[0]))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for ; len(args) >= many; args = args[many:] {
			if _, err := stmt.ExecContext(ctx, args[:many]...); err != nil {
				return err
			}
		}
	}
	for len(args) > 0 {
		rows := 1
		for _, n := range insertedRows {
			if n*columns <= len(args) {
				rows = n
				break
			}
		}
		if _, err := tx.ExecContext(ctx, text(rows), args[:rows*columns]...); err != nil {
			return err
		}
		args = args[rows*columns:]
	}
	return nil
}

// tuples are rows of parameters: ($1, $2), ($3, $4), or for SQLite (?, ?), (?, ?). SQLite takes $1 for a name, and
// looks for each name in the list of all others, which takes most of the time of a statement with thousands.
func (d dialect) tuples(rows, columns int) string {
	b := make([]byte, 0, rows*columns*6)
	for i := range rows * columns {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%columns == 0:
			b = append(b, "), ("...)
		default:
			b = append(b, ", "...)
		}
		if d == sqlite {
			b = append(b, '?')
			continue
		}
		b = strconv.AppendInt(append(b, '$'), int64(i)+1, 10)
	}
	return string(append(b, ')'))
}

// condition collects the conditions of a query, and their values.
type condition struct {
	text strings.Builder
	args []any
}

// add adds a condition in which each ? is one of the values.
func (c *condition) add(text string, args ...any) {
	if c.text.Len() == 0 {
		c.text.WriteString(" WHERE ")
	} else {
		c.text.WriteString(" AND ")
	}
	c.write(text, args...)
}

// write writes text in which each ? is one of the values.
func (c *condition) write(text string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		c.args = append(c.args, arg)
		c.text.WriteString(before + "$" + strconv.Itoa(len(c.args)))
		text = after
	}
	c.text.WriteString(text)
}

// after is a statement that has the conditions after a text, and then the rest.
func (c *condition) after(text string, rest ...string) string {
	return text + c.text.String() + strings.Join(rest, "")
}

// equal adds that a column has a value, unless that is empty.
func (c *condition) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// in adds that a column has one of the values. The numbers of values are rounded up, as in insert.
func (c *condition) in(column string, values []string) {
	if len(values) == 0 {
		c.add("1 = 0")
		return
	}
	n := (len(values) + listedValues[0] - 1) / listedValues[0] * listedValues[0]
	for _, size := range listedValues {
		if size >= len(values) {
			n = size
		}
	}
	args := make([]any, n)
	for i := range args {
		args[i] = values[min(i, len(values)-1)]
	}
	c.add(column+" IN (?"+strings.Repeat(", ?", n-1)+")", args...)
}

// page adds the order and the page. limit 0 is all.
func (c *condition) page(order string, offset, limit int) {
	c.text.WriteString(" ORDER BY " + order)
	if limit > 0 {
		c.write(" LIMIT ? OFFSET ?", limit, offset)
	} else if offset > 0 {
		c.write(" LIMIT ? OFFSET ?", int64(1)<<62, offset)
	}
}
