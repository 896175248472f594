package store

import (
	"cmp"
	"context"
	"database/sql"
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

const (
	// searchBlocks is how many blocks the first query of a search reads at least and at most: calls that are alone in their
	// blocks are read many at once, and long blocks few.
	fewestBlocks, mostBlocks = 16, 4000
	// searchRows is about how many calls a query reads.
	searchRows = 4000
)

// Search looks for rows that the filter selects and takes reports true for, from a place on. It ends when it has found
// f.Limit of them, or has looked at about most calls, so that its time is bounded whatever is looked for; f.Offset and
// f.RequestID have no effect.
func (s *Store) Search(ctx context.Context, f RowFilter, from Place, most int, takes func(*Row) bool) (Found, error) {
	var found Found
	blocks := 4 * fewestBlocks
	for {
		part, err := s.part(ctx, &f, from, blocks)
		if err != nil {
			return Found{}, err
		}
		for i := range part.rows {
			r := &part.rows[i]
			found.Looked++
			if !takes(r) {
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
		case !from.Start.IsZero() && part.next.Start.After(from.Start): // all of them began when the last one did
			blocks *= 4
			continue
		}
		from = part.next
		if found.Looked >= most {
			found.Next = &from
			return found, nil
		}
		blocks = min(max(searchRows*part.blocks/max(part.calls, 1), fewestBlocks), mostBlocks)
	}
}

// part is what one query of a search has read.
type part struct {
	rows          []Row // newest first
	next          Place
	end           bool
	blocks, calls int // that were read
}

// part reads the rows of the next blocks. Blocks overlap: calls that are older than the start of the last block may also be
// in blocks that were not read, and come with the next part.
func (s *Store) part(ctx context.Context, f *RowFilter, from Place, blocks int) (p part, err error) {
	c := f.blocks()
	if !from.Start.IsZero() {
		c.add("first <= ?", micros(from.Start))
		c.add("start <= ?", micros(from.Start.Add(blockSpan)))
	}
	c.page("start DESC", 0, blocks)
	last := int64(0)
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT start, doc FROM spend_logs`), c.args...)
	_, err = collect(rows, err, func(rows *sql.Rows, _ *struct{}) error {
		var doc sql.RawBytes
		if err := rows.Scan(&last, &doc); err != nil {
			return err
		}
		stored, err := parseBlock(doc)
		if err != nil {
			return err
		}
		p.blocks, p.calls = p.blocks+1, p.calls+len(stored)
		for i := range stored {
			if r := &stored[i]; f.has(r) && from.after(r) {
				p.rows = append(p.rows, *r)
			}
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	p.end = p.blocks < blocks
	if !p.end {
		p.rows = slices.DeleteFunc(p.rows, func(r Row) bool { return micros(r.Start) <= last })
		p.next = Place{Start: moment(last + 1)}
	}
	slices.SortFunc(p.rows, func(a, b Row) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(b.RequestID, a.RequestID)) })
	return p, nil
}
