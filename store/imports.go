package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"outcrop/quota"
)

// Imported is what a take-over has last seen of an entity in another gateway's database.
type Imported struct {
	Ref

	// Doc is the document that was made of it.
	Doc []byte
	// Spent is what it had spent there, in 10⁻¹² USD, and Resets when its budget begins anew there; the zero time
	// for never.
	Spent  int64
	Resets time.Time
}

// Addition is what a take-over adds to a counter: a negative number takes from it, down to 0.
type Addition struct {
	Counter string
	Units   int64
	// Window is when the counter begins anew, for one that does not exist yet or whose period is over.
	Window quota.Window
}

// Import is a part of a take-over.
type Import struct {
	// Change are the entities; nil for none.
	Change *Change
	// Add is for counters, each at most once.
	Add []Addition
	// Seen are the records to write, and Gone those to delete.
	Seen []Imported
	Gone []Ref
}

// Imports returns all records of a take-over.
func (s *Store) Imports(ctx context.Context) (map[Ref]Imported, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT kind, id, doc, spent, resets FROM imports`)
	all, err := collect(rows, err, func(rows *sql.Rows, i *Imported) error {
		var resets int64
		if err := rows.Scan(&i.Kind, &i.ID, &i.Doc, &i.Spent, &resets); err != nil {
			return err
		}
		i.Resets = moment(resets)
		return nil
	})
	byRef := make(map[Ref]Imported, len(all))
	for _, i := range all {
		byRef[i.Ref] = i
	}
	return byRef, err
}

// Import makes a part of a take-over, or nothing of it: entities, counters and records change in one transaction, so that
// a part which is repeated adds nothing twice. Its errors are those of Change.
func (s *Store) Import(ctx context.Context, part *Import) error {
	windows, units := map[string]quota.Window{}, map[string]int64{}
	for _, a := range part.Add {
		id := bounded(a.Counter)
		windows[id], units[id] = a.Window, add(units[id], a.Units)
	}
	sorted := slices.Sorted(maps.Keys(units))
	if err := s.ensureMissing(ctx, sorted); err != nil {
		return err
	}
	now := time.Now()
	var notes []note
	err := s.within(ctx, func(tx *sql.Tx) error {
		notes = nil
		if part.Change != nil {
			if _, err := s.write(ctx, tx, part.Change, now); err != nil {
				return err
			}
			notes = append(notes, note(noteChange))
		}
		for _, ref := range part.Gone {
			if _, err := tx.ExecContext(ctx, `DELETE FROM imports WHERE kind = $1 AND id = $2`, string(ref.Kind), ref.ID); err != nil {
				return err
			}
		}
		var seen []any
		for _, i := range part.Seen {
			seen = append(seen, string(i.Kind), i.ID, string(i.Doc), i.Spent, micros(i.Resets))
		}
		err := s.dialect.insert(ctx, tx, `INSERT INTO imports (kind, id, doc, spent, resets)`,
			`ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc, spent = excluded.spent, resets = excluded.resets`, 5, seen)
		if err != nil {
			return err
		}
		a, err := s.lockCounters(ctx, tx, sorted, "")
		if err != nil {
			return err
		}
		for _, id := range sorted {
			c := a.byID[id]
			if c == nil {
				return ErrNotFound // it was deleted since ensureMissing, which nobody does
			}
			c.begin(windows[id])
			if c.ends == 0 {
				c.fit(windows[id])
			}
			c.used, c.changed = max(0, add(c.used, units[id])), true
			notes = append(notes, restoreNote(c.id))
		}
		if err := a.save(ctx, tx, s.dialect); err != nil {
			return err
		}
		return s.tell(ctx, tx, notes)
	})
	if err == nil {
		s.listener.local(notes)
	}
	return err
}

// ImportRows adds rows of another gateway's spend log, with the sums of their days, and says how many: those with the
// request ids of rows that are there already are left out. They charge no counters.
func (s *Store) ImportRows(ctx context.Context, rows []Row) (added int, err error) {
	all := newBatch(rows, true)
	if err := s.makeDays(ctx, all.days, time.Now()); err != nil {
		return 0, err
	}
	err = s.within(ctx, func(tx *sql.Tx) error {
		// Those who import rows wait for one another here, and so see the rows of those before.
		if _, err := tx.ExecContext(ctx, `UPDATE revision SET n = n`); err != nil {
			return err
		}
		fresh, err := missing(ctx, tx, rows)
		if err != nil {
			return err
		}
		added = len(fresh)
		b := newBatch(fresh, true)
		if err := s.dialect.insert(ctx, tx, blockInsert, "", blockColumns, b.blocks); err != nil {
			return err
		}
		return s.dialect.insert(ctx, tx, dailyInsert, dailyConflict, dailyColumns, b.sums)
	})
	return added, err
}

// missing are the rows whose ids the spend log does not have at their times; of several with one id, the first.
func missing(ctx context.Context, tx *sql.Tx, rows []Row) ([]Row, error) {
	known := make(map[string]bool, len(rows))
	for part := range slices.Chunk(rows, listedValues[0]) {
		ids := make([]string, len(part))
		first, last := part[0].Start, part[0].Start
		for i := range part {
			ids[i] = bounded(part[i].RequestID)
			if part[i].Start.Before(first) {
				first = part[i].Start
			}
			if part[i].Start.After(last) {
				last = part[i].Start
			}
		}
		c := &condition{}
		c.add("id <> ''") // the index has only these
		c.in("id", ids)
		c.between("start", first, last.Add(time.Microsecond))                                      // only some days' tables are searched
		found, err := tx.QueryContext(ctx, `SELECT id FROM spend_logs`+c.text.String(), c.args...) //nolint:gosec // c has placeholders only
		have, err := collect(found, err, func(rows *sql.Rows, id *string) error { return rows.Scan(id) })
		if err != nil {
			return nil, err
		}
		for _, id := range have {
			known[id] = true
		}
	}
	var fresh []Row
	for i := range rows {
		if id := bounded(rows[i].RequestID); !known[id] {
			known[id] = true
			fresh = append(fresh, rows[i])
		}
	}
	return fresh, nil
}
