// Package takeover reads the database of a LiteLLM proxy, and writes what it has of keys, users, teams, budgets and spend to
// a store. It only reads there.
//
// The tables and columns are those of LiteLLM 1.110.2 (litellm_proxy_extras/schema.prisma).
package takeover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

// Source is the database of a LiteLLM proxy, as it was at one moment. It is not safe for concurrent use.
type Source struct {
	conn   *pgx.Conn
	tx     pgx.Tx
	tables []string // LiteLLM's, sorted
}

// keysTable is the table without which a database is not LiteLLM's.
const keysTable = "LiteLLM_VerificationToken"

// Open connects to the database at a URL, as store.ParseURL takes it, and begins a transaction that only reads and sees
// one moment. Its errors never have the password.
func Open(ctx context.Context, url string) (*Source, error) {
	config, _, err := store.ParseURL(url)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to LiteLLM's database at %s: %w", config.Host, err)
	}
	s := &Source{conn: conn}
	if err := s.begin(ctx, config.Database); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *Source) begin(ctx context.Context, database string) (err error) {
	if s.tx, err = s.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err != nil {
		return fmt.Errorf("reading LiteLLM's database: %w", err)
	}
	rows, err := s.tx.Query(ctx, `SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND c.relname LIKE 'LiteLLM\_%' ORDER BY c.relname`)
	if err != nil {
		return fmt.Errorf("reading LiteLLM's database: %w", err)
	}
	if s.tables, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return fmt.Errorf("reading LiteLLM's database: %w", err)
	}
	if !s.has(keysTable) {
		return fmt.Errorf("the database %s has no table %s, so it is not LiteLLM's; tables in another schema need ?schema=NAME in the URL", database, keysTable)
	}
	return nil
}

// Close ends the transaction and the connection.
func (s *Source) Close(ctx context.Context) error {
	var err error
	if s.tx != nil {
		if err = s.tx.Rollback(ctx); errors.Is(err, pgx.ErrTxClosed) {
			err = nil
		}
	}
	return errors.Join(err, s.conn.Close(ctx))
}

func (s *Source) has(table string) bool { return slices.Contains(s.tables, table) }

// each reads the rows of a table, without some columns, in an order; a table that this version of LiteLLM does not have
// has no rows. An error of do ends the reading.
func (s *Source) each(ctx context.Context, table, order string, without []string, do func(row) error) error {
	if !s.has(table) {
		return nil
	}
	name := pgx.Identifier{table}.Sanitize()
	from := name
	if len(without) > 0 {
		rows, err := s.tx.Query(ctx, `SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL ($2) ORDER BY attnum`, name, without)
		if err != nil {
			return fmt.Errorf("reading %s: %w", table, err)
		}
		columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("reading %s: %w", table, err)
		}
		for i, c := range columns {
			columns[i] = pgx.Identifier{c}.Sanitize()
		}
		from = `(SELECT ` + strings.Join(columns, ", ") + ` FROM ` + name + `)`
	}
	query := `SELECT CAST(to_jsonb(r) AS TEXT) FROM ` + from + ` AS r`
	if order != "" {
		query += ` ORDER BY ` + order
	}
	rows, err := s.tx.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("reading %s: %w", table, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("reading %s: %w", table, err)
		}
		members, err := jsonx.Members(text)
		if err != nil {
			return fmt.Errorf("reading %s: %w", table, err)
		}
		if err := do(row{members}); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", table, err)
	}
	return nil
}

// mostCounted is up to where rows of tables that are not taken are counted.
const mostCounted = 1_000_000

// count says how many rows a table has, up to mostCounted.
func (s *Source) count(ctx context.Context, table string) (n int, err error) {
	err = s.tx.QueryRow(ctx, fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT 1 FROM %s LIMIT %d) AS r`, pgx.Identifier{table}.Sanitize(), mostCounted)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", table, err)
	}
	return n, nil
}

// row is a row of a table, as PostgreSQL's to_jsonb has it.
type row struct{ members []jsonx.Member }

// get is a column, or a member of a JSON object; nil if it is absent or null.
func (r row) get(name string) jsonx.Raw {
	v := jsonx.Find(r.members, name)
	if len(v) == 0 || v.Kind() == 'n' {
		return nil
	}
	return v
}

// json is a column of JSON. Some of LiteLLM's are JSON within a text.
func (r row) json(name string) jsonx.Raw { return unwrapped(r.get(name)) }

func unwrapped(v jsonx.Raw) jsonx.Raw {
	if v.Kind() != '"' {
		return v
	}
	var text string
	if jsonx.Unmarshal(v, &text) != nil || !jsonx.Valid([]byte(text)) {
		return v
	}
	if inner := jsonx.Raw(strings.TrimSpace(text)); inner.Kind() == '{' || inner.Kind() == '[' {
		return inner
	}
	return v
}

// object is a column that is a JSON object; empty if it is none.
func (r row) object(name string) row {
	v := r.json(name)
	if v.Kind() != '{' {
		return row{}
	}
	members, err := jsonx.Members(v)
	if err != nil {
		return row{}
	}
	return row{members}
}

// list are the objects of a column that is a JSON list.
func (r row) list(name string) []row {
	var items []jsonx.Raw
	if v := r.json(name); v.Kind() != '[' || jsonx.Unmarshal(v, &items) != nil {
		return nil
	}
	var all []row
	for _, item := range items {
		if item.Kind() != '{' {
			continue
		}
		if members, err := jsonx.Members(item); err == nil {
			all = append(all, row{members})
		}
	}
	return all
}

// texts are the texts of a column that is a list.
func (r row) texts(name string) []string {
	var list []string
	if v := r.json(name); v.Kind() != '[' || jsonx.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
}

// text is a text; empty if it is none.
func (r row) text(name string) string {
	var text string
	if v := r.get(name); v.Kind() != '"' || jsonx.Unmarshal(v, &text) != nil {
		return ""
	}
	return text
}

// time is a time, which LiteLLM's tables have without a zone, in UTC; the zero time if there is none.
func (r row) time(name string) time.Time {
	text := r.text(name)
	for _, form := range [...]string{"2006-01-02T15:04:05.999999", time.RFC3339Nano} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// empty reports whether a value says nothing: it is absent, null, false, 0, or an empty text, list or object.
func empty(v jsonx.Raw) bool {
	switch string(v) {
	case "", "null", "false", "0", `""`, "[]", "{}":
		return true
	}
	return false
}
