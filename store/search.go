package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// Place is a place in the spend log, newest first: the call that was last looked at. The zero Place is before the newest.
type Place struct {
	Start time.Time
	ID    string // the request id; empty if it is before all calls that began then
}

// after reports whether a row comes after the place.
func (p *Place) after(r *Row) bool {
	if p.Start.IsZero() {
		return true
	}
	order := r.Start.Compare(p.Start)
	return order < 0 || order == 0 && p.ID != "" && r.RequestID < p.ID
}

// Found is a part of the spend log that was searched.
type Found struct {
	// Rows are those that were looked for, newest first.
	Rows []Row
	// Looked is how many calls were looked at, and Next where to go on; nil at the end of the log.
	Looked int
	Next   *Place
}

// Match is what a search looks for.
type Match struct {
	// Takes reports whether a row is looked for.
	Takes func(*Row) bool
	// Hints are texts in small letters of which the JSON of a row that is looked for has, in any case of letters, one of each
	// list: blocks without them are not read as JSON, which takes most of the time of a search. nil for none.
	Hints [][]string
}

// may reports whether a block may have a row that is looked for.
func (m *Match) may(doc []byte) bool {
	if len(m.Hints) == 0 {
		return true
	}
	small := bytes.ToLower(doc)
	for _, one := range m.Hints {
		if !slices.ContainsFunc(one, func(hint string) bool { return bytes.Contains(small, []byte(hint)) }) {
			return false
		}
	}
	return true
}

const (
	// searchRows is about how many calls a query of a search reads at most.
	searchRows = 4000
	// fewestBlocks is how many blocks it reads at least: what is older than the last of them comes later.
	fewestBlocks = 8
	// spare is how many calls are read beyond those that are expected to be enough.
	spare = 20
)

// Search looks for rows that the filter selects and that match, from a place on. It ends when it has found f.Limit of them,
// or has looked at about most calls, so that its time is bounded whatever is looked for; f.Offset and f.RequestID have no effect.
func (s *Store) Search(ctx context.Context, f RowFilter, from Place, most int, m Match) (Found, error) {
	var found Found
	want, widened := f.Limit+spare, 1
	for {
		part, err := s.part(ctx, &f, from, min(want, searchRows)*widened, &m)
		if err != nil {
			return Found{}, err
		}
		found.Looked += part.calls
		for i := range part.rows {
			r := &part.rows[i]
			if !m.Takes(r) {
				continue
			}
			found.Rows = append(found.Rows, *r)
			if len(found.Rows) == f.Limit && (i+1 < len(part.rows) || !part.end) {
				found.Next = &Place{r.Start, r.RequestID}
				return found, nil
			}
		}
		switch {
		case part.end:
			return found, nil
		case !from.Start.IsZero() && (part.next == from || part.next.Start.After(from.Start)): // all of them began when the last one did, or after it
			widened *= 4
			continue
		}
		from, widened = part.next, 1
		if found.Looked >= most {
			found.Next = &from
			return found, nil
		}
		// As many as will be enough if the next ones have as many that match.
		want = (f.Limit-len(found.Rows))*found.Looked/max(len(found.Rows), 1) + spare
	}
}

// part is what one query of a search has read.
type part struct {
	rows  []Row // newest first
	next  Place
	end   bool
	calls int // that were read, or passed over
}

// part reads the rows of the next blocks, with about so many calls. Blocks overlap: calls that are older than the start of the
// last block may also be in blocks that were not read, and come with the next part.
func (s *Store) part(ctx context.Context, f *RowFilter, from Place, calls int, m *Match) (p part, err error) {
	c := f.blocks()
	if !from.Start.IsZero() {
		c.add("first <= ?", micros(from.Start))
		c.add("start <= ?", micros(from.Start.Add(blockSpan)))
	}
	limit := max(calls, fewestBlocks)
	c.page("start DESC", 0, limit)
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT start, n, doc FROM spend_logs`), c.args...)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	last, blocks := int64(0), 0
	for (p.calls < calls || blocks < fewestBlocks) && rows.Next() {
		var n int
		var doc sql.RawBytes
		if err := rows.Scan(&last, &n, &doc); err != nil {
			return p, err
		}
		p.calls += n
		blocks++
		if !m.may(doc) {
			continue
		}
		stored, err := parseBlock(doc)
		if err != nil {
			return p, err
		}
		for i := range stored {
			if r := &stored[i]; f.has(r) && from.after(r) {
				p.rows = append(p.rows, *r)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return p, err
	}
	if p.end = (p.calls < calls || blocks < fewestBlocks) && blocks < limit; !p.end {
		p.rows = slices.DeleteFunc(p.rows, func(r Row) bool { return micros(r.Start) <= last })
		p.next = Place{Start: moment(last + 1)}
	}
	slices.SortFunc(p.rows, func(a, b Row) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.RequestID, a.RequestID)) })
	return p, nil
}
