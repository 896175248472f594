package store

import (
	"context"
	"time"
)

// PutObject keeps that something at a provider, such as a file, belongs to an owner. The id is that of the
// client, and names the provider's account too.
func (s *Store) PutObject(ctx context.Context, owner, kind, id string, expires time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO objects (id, owner, kind, expires) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id, owner) DO UPDATE SET expires = excluded.expires`, id, owner, kind, expires.Unix())
	return err
}

// OwnsObject returns nil if something belongs to an owner, else ErrNotFound.
func (s *Store) OwnsObject(ctx context.Context, owner, kind, id string) error {
	var one int
	return found(s.db.QueryRowContext(ctx, `SELECT 1 FROM objects WHERE id = $1 AND owner = $2 AND kind = $3`, id, owner, kind).Scan(&one))
}

// DeleteObject forgets that something belongs to an owner.
func (s *Store) DeleteObject(ctx context.Context, owner, id string) error {
	return changed(s.db.ExecContext(ctx, `DELETE FROM objects WHERE id = $1 AND owner = $2`, id, owner))
}

// Claim reports whether nobody else has claimed something, or the last claim of it has expired at a time. Of several
// replicas that claim the same, one is the first. Claims belong to no client.
func (s *Store) Claim(ctx context.Context, what string, now, expires time.Time) (first bool, err error) {
	result, err := s.db.ExecContext(ctx, `INSERT INTO objects (id, owner, kind, expires) VALUES ($1, '~claims', 'claim', $2)
		ON CONFLICT (id, owner) DO UPDATE SET expires = excluded.expires WHERE objects.expires <= $3`, bounded(what), expires.Unix(), now.Unix())
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
