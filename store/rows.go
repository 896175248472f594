package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// RowFilter selects rows of the spend log. Empty fields select all.
type RowFilter struct {
	RequestID, Key, User, Team, Customer string
	Start, End                           time.Time // by the start of the call: Start is included, and End is not
	// Offset and Limit select a page, newest first; Limit 0 means all.
	Offset, Limit int
}

// MostCounted is how many rows Rows counts: all of millions would be read for the count alone.
const MostCounted = 100_000

// Rows returns a page of the spend log, newest first, and how many rows the filter selects in all; more than MostCounted
// are MostCounted+1. The rows have no Charges.
func (s *Store) Rows(ctx context.Context, f RowFilter) (page []Row, total int, err error) {
	switch {
	case f.RequestID != "":
		page, err = s.called(ctx, &f)
		total = len(page)
	case f.Limit <= 0:
		page, err = s.rowsOf(ctx, &f, f.blocks())
		total = len(page)
	default:
		if page, err = s.newest(ctx, &f); err == nil {
			total, err = s.countRows(ctx, &f)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(page, func(a, b Row) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.RequestID, a.RequestID))
	})
	page = page[min(f.Offset, len(page)):]
	if f.Limit > 0 {
		page = page[:min(f.Limit, len(page))]
	}
	return page, min(total, MostCounted+1), nil
}

// blocks are the conditions for the blocks that have rows of the filter, whatever their request ids are.
func (f *RowFilter) blocks() *condition {
	c := &condition{}
	c.equal("key", bounded(f.Key))
	for _, by := range [][2]string{{"user_id", f.User}, {"team_id", f.Team}, {"customer", f.Customer}} {
		if by[1] != "" {
			c.add(by[0] + " <> ''") // the index has only these
			c.equal(by[0], bounded(by[1]))
		}
	}
	if !f.Start.IsZero() {
		c.add("start >= ?", micros(f.Start))
	}
	if !f.End.IsZero() {
		c.add("first < ?", micros(f.End))
		c.add("start < ?", micros(f.End.Add(blockSpan))) // the index has this
	}
	return c
}

// has reports whether the filter selects a row of a block that its conditions select.
func (f *RowFilter) has(r *Row) bool {
	at := micros(r.Start)
	return (f.Start.IsZero() || at >= micros(f.Start)) && (f.End.IsZero() || at < micros(f.End)) && (f.RequestID == "" || r.RequestID == f.RequestID)
}

// called are the rows with a request id: where it is indexed, and where it says that they are.
func (s *Store) called(ctx context.Context, f *RowFilter) ([]Row, error) {
	c := f.blocks()
	c.add("id <> ''") // the index has only these
	c.equal("id", bounded(f.RequestID))
	page, err := s.rowsOf(ctx, f, c)
	at, timed := timeOf(f.RequestID)
	if err != nil || !timed || len(page) > 0 {
		return page, err
	}
	c = f.blocks()
	c.add("id = ''")
	c.add("start >= ?", micros(at.Add(-idTolerance)))
	c.add("start <= ?", micros(at.Add(idTolerance+blockSpan)))
	c.add(s.dialect.position()+"(doc, ?) > 0", f.RequestID)
	return s.rowsOf(ctx, f, c)
}

// newest are the rows of the blocks that the filter's page needs, and perhaps more. Each block has at least one row, which is
// as new as its start, so the first so many blocks have so many rows; others that begin after the oldest row of these may
// have rows among them.
func (s *Store) newest(ctx context.Context, f *RowFilter) ([]Row, error) {
	c := f.blocks()
	c.page("start DESC", 0, f.Offset+f.Limit)
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT start, first, n FROM spend_logs`), c.args...)
	type block struct{ start, first, n int64 }
	blocks, err := collect(rows, err, func(rows *sql.Rows, b *block) error { return rows.Scan(&b.start, &b.first, &b.n) })
	if err != nil || len(blocks) == 0 {
		return nil, err
	}
	oldest, most := blocks[0].first, int64(f.Offset+f.Limit)
	for _, b := range blocks {
		if oldest = min(oldest, b.first); f.cuts(b.first, b.start) {
			b.n = 1 // at least
		}
		if most -= b.n; most <= 0 {
			break
		}
	}
	c = f.blocks()
	c.add("start >= ?", oldest)
	return s.rowsOf(ctx, f, c)
}

// cuts reports whether the filter's interval cuts a block.
func (f *RowFilter) cuts(first, start int64) bool {
	return !f.Start.IsZero() && first < micros(f.Start) || !f.End.IsZero() && start >= micros(f.End)
}

// rowsOf are the rows of blocks that the filter selects.
func (s *Store) rowsOf(ctx context.Context, f *RowFilter, c *condition) (all []Row, err error) {
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT id, doc FROM spend_logs`), c.args...)
	_, err = collect(rows, err, func(rows *sql.Rows, _ *struct{}) error {
		var id string
		var doc []byte
		if err := rows.Scan(&id, &doc); err != nil {
			return err
		}
		stored, err := parseBlock(doc)
		if err != nil {
			return err
		}
		for i := range stored {
			if r := &stored[i]; id != "" || f.has(r) { // conditions know all about a row that is alone
				all = append(all, *r)
			}
		}
		return nil
	})
	return all, err
}

// countRows counts the rows that the filter selects: those of blocks within its interval by their number, and those of
// blocks that it cuts by reading them.
func (s *Store) countRows(ctx context.Context, f *RowFilter) (total int, err error) {
	within := f.blocks()
	if !f.Start.IsZero() {
		within.add("first >= ?", micros(f.Start))
	}
	if !f.End.IsZero() {
		within.add("start < ?", micros(f.End))
	}
	within.write(" LIMIT ?", MostCounted+1)
	if err := s.db.QueryRowContext(ctx, within.after(`SELECT COALESCE(SUM(n), 0) FROM (SELECT n FROM spend_logs`, ") AS counted"), within.args...).Scan(&total); err != nil || total > MostCounted {
		return total, err
	}
	var cut []*condition
	if !f.Start.IsZero() {
		c := f.blocks()
		c.add("first < ?", micros(f.Start))
		c.add("start < ?", micros(f.Start.Add(blockSpan)))
		cut = append(cut, c)
	}
	if !f.End.IsZero() {
		c := f.blocks()
		c.add("start >= ?", micros(f.End))
		if !f.Start.IsZero() {
			c.add("first >= ?", micros(f.Start)) // the others are counted
		}
		cut = append(cut, c)
	}
	for _, c := range cut {
		rows, err := s.rowsOf(ctx, f, c)
		if err != nil {
			return 0, err
		}
		total += len(rows)
	}
	return total, nil
}
