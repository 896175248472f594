package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// entityColumns are those of entities and of deleted_entities.
const entityColumns = `kind, id, alias, user_id, team_id, organization_id, created, updated, revision, doc`

func scanEntity(scan func(to ...any) error, e *Entity) error {
	var created, updated int64
	if err := scan(&e.Kind, &e.ID, &e.Alias, &e.UserID, &e.TeamID, &e.OrganizationID, &created, &updated, &e.Revision, &e.Doc); err != nil {
		return err
	}
	e.Created, e.Updated = moment(created), moment(updated)
	return nil
}

// Entity returns an entity; ErrNotFound if there is none.
func (s *Store) Entity(ctx context.Context, kind Kind, id string) (*Entity, error) {
	e := &Entity{}
	err := scanEntity(s.db.QueryRowContext(ctx, `SELECT `+entityColumns+` FROM entities WHERE kind = $1 AND id = $2`, string(kind), id).Scan, e)
	if err != nil {
		return nil, found(err)
	}
	return e, nil
}

// Entities returns a page of the entities that a filter selects, and how many it selects in all. Updated of one that
// was deleted is when that was, and Revision that of the deletion.
func (s *Store) Entities(ctx context.Context, f *Filter) (page []Entity, total int, err error) {
	table := "entities"
	if f.Deleted {
		table = "deleted_entities"
	}
	c := &condition{}
	c.add("kind = ?", string(f.Kind))
	if f.IDs != nil {
		c.in("id", f.IDs)
	}
	c.equal("alias", f.Alias)
	c.equal("user_id", f.UserID)
	c.equal("team_id", f.TeamID)
	c.equal("organization_id", f.OrganizationID)
	if f.Search != "" {
		c.add(`search LIKE ? ESCAPE '\'`, contains(f.Search))
	}
	if f.Limit > 0 || f.Offset > 0 {
		if err := s.db.QueryRowContext(ctx, c.after(`SELECT COUNT(*) FROM `+table), c.args...).Scan(&total); err != nil {
			return nil, 0, nothing(err)
		}
	}
	order := "created DESC, id DESC"
	if f.Ascending {
		order = "created, id"
	}
	c.page(order, f.Offset, f.Limit)
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT `+entityColumns+` FROM `+table), c.args...)
	page, err = collect(rows, err, func(rows *sql.Rows, e *Entity) error { return scanEntity(rows.Scan, e) })
	if f.Limit <= 0 && f.Offset <= 0 {
		total = len(page)
	}
	return page, total, nothing(err)
}

// nothing is nil for an error that says that a filter has a text which the database cannot have.
func nothing(err error) error {
	if unstorable(err) {
		return nil
	}
	return err
}

// Change makes a change, or nothing of it, and returns its revision. Entities to write whose Revision is greater
// than 0 must still have it (ErrConflict, also if they are gone); 0 writes regardless. A Created or Updated of the
// zero time is filled in. An entity to delete that does not exist is ErrNotFound. The errors name the entity.
func (s *Store) Change(ctx context.Context, c *Change) (revision int64, err error) {
	now := time.Now()
	err = s.within(ctx, func(tx *sql.Tx) error {
		if revision, err = s.write(ctx, tx, c, now); err != nil {
			return err
		}
		return s.tell(ctx, tx, []note{note(noteChange)})
	})
	if err != nil {
		return 0, err
	}
	s.listener.local([]note{note(noteChange)})
	return revision, nil
}

// write makes a change in a transaction.
func (s *Store) write(ctx context.Context, tx *sql.Tx, c *Change, now time.Time) (revision int64, err error) {
	// From here on until the end of the transaction, all other changes wait.
	if err := tx.QueryRowContext(ctx, `UPDATE revision SET n = n + 1 RETURNING n`).Scan(&revision); err != nil {
		return 0, err
	}
	w := writing{tx: tx, revision: revision, now: now, change: c}
	for i := range c.Put {
		if err := w.put(ctx, &c.Put[i]); err != nil {
			return 0, fmt.Errorf("%s %q: %w", c.Put[i].Kind, c.Put[i].ID, err)
		}
	}
	for _, ref := range c.Delete {
		if err := w.remove(ctx, ref); err != nil {
			return 0, fmt.Errorf("%s %q: %w", ref.Kind, ref.ID, err)
		}
	}
	return revision, nil
}

// writing is a change that is being made.
type writing struct {
	tx       *sql.Tx
	revision int64
	now      time.Time
	change   *Change
	position int
}

// stored returns an entity as it is; nil if there is none.
func (w *writing) stored(ctx context.Context, kind Kind, id string) (*Entity, error) {
	old, err := collect1(w.tx.QueryContext(ctx, `SELECT `+entityColumns+` FROM entities WHERE kind = $1 AND id = $2`, string(kind), id))
	if len(old) == 0 || err != nil {
		return nil, err
	}
	return &old[0], nil
}

func collect1(rows *sql.Rows, err error) ([]Entity, error) {
	return collect(rows, err, func(rows *sql.Rows, e *Entity) error { return scanEntity(rows.Scan, e) })
}

func (w *writing) put(ctx context.Context, e *Entity) error {
	old, err := w.stored(ctx, e.Kind, e.ID)
	if err != nil {
		return err
	}
	created, before := e.Created, ""
	switch {
	case old != nil && w.change.Create && e.Revision == 0:
		return ErrExists
	case e.Revision > 0 && (old == nil || old.Revision != e.Revision):
		return ErrConflict
	case old != nil:
		before = string(old.Doc)
		if created.IsZero() {
			created = old.Created
		}
	}
	if created.IsZero() {
		created = w.now
	}
	updated := e.Updated
	if updated.IsZero() {
		updated = w.now
	}
	_, err = w.tx.ExecContext(ctx, `INSERT INTO entities (`+entityColumns+`, search) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (kind, id) DO UPDATE SET alias = excluded.alias, user_id = excluded.user_id, team_id = excluded.team_id, organization_id = excluded.organization_id,
			created = excluded.created, updated = excluded.updated, revision = excluded.revision, doc = excluded.doc, search = excluded.search`,
		string(e.Kind), e.ID, e.Alias, e.UserID, e.TeamID, e.OrganizationID, micros(created), micros(updated), w.revision, string(e.Doc), strings.ToLower(e.Alias+"\n"+e.ID))
	if err != nil {
		return err
	}
	return w.audit(ctx, Ref{e.Kind, e.ID}, before, string(e.Doc))
}

func (w *writing) remove(ctx context.Context, ref Ref) error {
	old, err := w.stored(ctx, ref.Kind, ref.ID)
	if err != nil {
		return err
	}
	if old == nil {
		return ErrNotFound
	}
	// The same entity may be deleted twice in a change only if it was written in between, which it cannot.
	_, err = w.tx.ExecContext(ctx, `INSERT INTO deleted_entities (`+entityColumns+`, search)
		SELECT kind, id, alias, user_id, team_id, organization_id, created, CAST($1 AS BIGINT), CAST($2 AS BIGINT), doc, search FROM entities WHERE kind = $3 AND id = $4`,
		micros(w.now), w.revision, string(ref.Kind), ref.ID)
	if err != nil {
		return err
	}
	if _, err := w.tx.ExecContext(ctx, `DELETE FROM entities WHERE kind = $1 AND id = $2`, string(ref.Kind), ref.ID); err != nil {
		return err
	}
	return w.audit(ctx, ref, string(old.Doc), "")
}

func (w *writing) audit(ctx context.Context, ref Ref, before, after string) error {
	w.position++
	_, err := w.tx.ExecContext(ctx, `INSERT INTO audit (revision, position, at, actor, actor_key, action, kind, id, old_doc, new_doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		w.revision, w.position, micros(w.now), w.change.By, w.change.ByKey, w.change.Action, string(ref.Kind), ref.ID, before, after)
	return err
}

// Changes returns what was written or deleted after a revision, and the revision up to which that is complete. What was
// changed later than that may be among it.
func (s *Store) Changes(ctx context.Context, after int64) (refs []Ref, upto int64, err error) {
	// Whoever has taken a revision has ended before the next is taken, so all up to the one that is seen here are
	// seen by the statement after it.
	if err := s.db.QueryRowContext(ctx, `SELECT n FROM revision`).Scan(&upto); err != nil {
		return nil, 0, err
	}
	if upto == after {
		return nil, upto, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT kind, id FROM entities WHERE revision > $1 UNION SELECT kind, id FROM deleted_entities WHERE revision > $1`, after)
	refs, err = collect(rows, err, func(rows *sql.Rows, r *Ref) error { return rows.Scan(&r.Kind, &r.ID) })
	return refs, upto, err
}

// Revisions returns a channel that has a value after a change was made, by whichever replica. Several changes may be
// one value, and one may come without a change. It is closed when the store is closed. Notifications may be lost while
// the database cannot be reached, and do not come through every pooler, so Changes should be asked from time to time
// all the same.
func (s *Store) Revisions() <-chan struct{} { return s.listener.revisions() }

// AuditEntry is the change of one entity in the audit log.
type AuditEntry struct {
	Ref

	Revision int64
	At       time.Time
	// By, ByKey and Action are those of the Change.
	By, ByKey, Action string
	// Before and After are the documents; nil for an entity that was created or deleted.
	Before, After []byte
}

// AuditFilter selects entries of the audit log. Empty fields select all.
type AuditFilter struct {
	Kind       Kind
	ID         string
	By, Action string
	Start, End time.Time // Start is included, and End is not
	// Offset and Limit select a page, newest first; Limit 0 means all.
	Offset, Limit int
}

// Audit returns a page of the audit log, newest first, and how many entries the filter selects in all.
func (s *Store) Audit(ctx context.Context, f AuditFilter) (page []AuditEntry, total int, err error) {
	c := &condition{}
	c.equal("kind", string(f.Kind))
	c.equal("id", f.ID)
	c.equal("actor", f.By)
	c.equal("action", f.Action)
	c.between("at", f.Start, f.End)
	if err := s.db.QueryRowContext(ctx, c.after(`SELECT COUNT(*) FROM audit`), c.args...).Scan(&total); err != nil {
		return nil, 0, nothing(err)
	}
	c.page("revision DESC, position DESC", f.Offset, f.Limit)
	rows, err := s.db.QueryContext(ctx, c.after(`SELECT revision, at, actor, actor_key, action, kind, id, old_doc, new_doc FROM audit`), c.args...)
	page, err = collect(rows, err, func(rows *sql.Rows, a *AuditEntry) error {
		var at int64
		var before, after string
		if err := rows.Scan(&a.Revision, &at, &a.By, &a.ByKey, &a.Action, &a.Kind, &a.ID, &before, &after); err != nil {
			return err
		}
		a.At = moment(at)
		if before != "" {
			a.Before = []byte(before)
		}
		if after != "" {
			a.After = []byte(after)
		}
		return nil
	})
	return page, total, nothing(err)
}

// between adds that a column of times is in an interval.
func (c *condition) between(column string, start, end time.Time) {
	if !start.IsZero() {
		c.add(column+" >= ?", micros(start))
	}
	if !end.IsZero() {
		c.add(column+" < ?", micros(end))
	}
}
