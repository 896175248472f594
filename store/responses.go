package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Response is a response with the input that it answers.
type Response struct {
	// ID names the response, and Owner is who has asked for it.
	ID, Owner string
	// Previous is the id of the response that it continues; empty for none. Conversation is that of the
	// conversation that it belongs to; empty for none.
	Previous, Conversation string
	Created, Expires       time.Time
	// Body is the response, a JSON object, and Input an array of the items of its request, without those
	// that it continues.
	Body, Input []byte
}

// PutResponse keeps a response, in place of one with the same id and owner. What it continues lasts as
// long as it does.
func (s *Store) PutResponse(ctx context.Context, r *Response) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO responses (id, owner, previous, conversation, created, expires, body, input)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body, input = excluded.input, expires = excluded.expires WHERE responses.owner = excluded.owner`,
			r.ID, r.Owner, r.Previous, r.Conversation, r.Created.Unix(), r.Expires.Unix(), string(r.Body), string(r.Input))
		if err != nil || r.Previous == "" {
			return err
		}
		const day = 24 * 60 * 60 // what is extended every day is not written at each call
		_, err = tx.ExecContext(ctx, `WITH RECURSIVE chain (id, previous) AS (
				SELECT id, previous FROM responses WHERE id = $1 AND owner = $2
				UNION SELECT r.id, r.previous FROM responses AS r JOIN chain ON r.id = chain.previous WHERE r.owner = $2
			) UPDATE responses SET expires = $3 WHERE expires < $4 AND id IN (SELECT id FROM chain)`,
			r.Previous, r.Owner, r.Expires.Unix(), r.Expires.Unix()-day)
		return err
	})
}

// Response returns a response; ErrNotFound if the owner has none of this id.
func (s *Store) Response(ctx context.Context, owner, id string) (*Response, error) {
	r := &Response{ID: id, Owner: owner}
	var created, expires int64
	err := s.db.QueryRowContext(ctx, `SELECT previous, conversation, created, expires, body, input FROM responses WHERE id = $1 AND owner = $2`, id, owner).
		Scan(&r.Previous, &r.Conversation, &created, &expires, &r.Body, &r.Input)
	if err != nil {
		return nil, found(err)
	}
	r.Created, r.Expires = time.Unix(created, 0), time.Unix(expires, 0)
	return r, nil
}

// maxChain is how many responses one may continue.
const maxChain = 10_000

// Chain returns a response and those that it continues, the oldest first. bound is how many bytes they may
// have; more are an *OverBoundError. If one is missing, the error is ErrNotFound.
func (s *Store) Chain(ctx context.Context, owner, id string, bound int64) ([]*Response, error) {
	var chain []*Response
	for size := int64(0); id != ""; {
		r, err := s.Response(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		if size += int64(len(r.Body) + len(r.Input)); size > bound || len(chain) == maxChain {
			return nil, &OverBoundError{bound}
		}
		chain = append(chain, r)
		id = r.Previous
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return chain, nil
}

// OverBoundError is a history that is larger than a request may be.
type OverBoundError struct{ Bound int64 }

func (e *OverBoundError) Error() string { return fmt.Sprintf("more than %d bytes are kept", e.Bound) }

// DeleteResponse forgets a response.
func (s *Store) DeleteResponse(ctx context.Context, owner, id string) error {
	return changed(s.db.ExecContext(ctx, `DELETE FROM responses WHERE id = $1 AND owner = $2`, id, owner))
}
