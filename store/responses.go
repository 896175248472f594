package store

import (
	"context"
	"database/sql"
	"errors"
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
	// Model is the name by which its model was called. Deployment is the id of the deployment that made it in
	// the API's own format, and Upstream the provider's id of it if the provider keeps it; empty otherwise.
	Model, Deployment, Upstream string
	// Items are the ids of the items of its output by which a request may refer to them, beside those from
	// which the response's own id can be told. They are written, and not read.
	Items []string
	// Body is the response, a JSON object, and Input an array of the items of its request, without those
	// that it continues.
	Body, Input []byte
}

// PutResponse keeps a response, in place of one with the same id and owner. What it continues lasts as
// long as it does.
func (s *Store) PutResponse(ctx context.Context, r *Response) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO responses (id, owner, previous, conversation, created, expires, body, input, model, deployment, upstream)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body, input = excluded.input, expires = excluded.expires,
				model = excluded.model, deployment = excluded.deployment, upstream = excluded.upstream WHERE responses.owner = excluded.owner`,
			r.ID, r.Owner, r.Previous, r.Conversation, r.Created.Unix(), r.Expires.Unix(), string(r.Body), string(r.Input), r.Model, r.Deployment, r.Upstream)
		if err != nil {
			return err
		}
		for _, item := range r.Items {
			if _, err := tx.ExecContext(ctx, `INSERT INTO response_items (id, response) VALUES ($1, $2) ON CONFLICT DO NOTHING`, item, r.ID); err != nil {
				return err
			}
		}
		if r.Previous == "" {
			return nil
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
	err := s.db.QueryRowContext(ctx, `SELECT previous, conversation, created, expires, body, input, model, deployment, upstream FROM responses WHERE id = $1 AND owner = $2`, id, owner).
		Scan(&r.Previous, &r.Conversation, &created, &expires, &r.Body, &r.Input, &r.Model, &r.Deployment, &r.Upstream)
	if err != nil {
		return nil, found(err)
	}
	r.Created, r.Expires = time.Unix(created, 0), time.Unix(expires, 0)
	return r, nil
}

// ResponseOfItem returns the response to whose output an item belongs, one of Response.Items; ErrNotFound if
// the owner has none.
func (s *Store) ResponseOfItem(ctx context.Context, owner, item string) (*Response, error) {
	var id string
	err := s.db.QueryRowContext(ctx, `SELECT r.id FROM response_items AS i JOIN responses AS r ON r.id = i.response WHERE i.id = $1 AND r.owner = $2`, item, owner).Scan(&id)
	if err != nil {
		return nil, found(err)
	}
	return s.Response(ctx, owner, id)
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

// DeleteResponse forgets a response, and its events.
func (s *Store) DeleteResponse(ctx context.Context, owner, id string) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if err := changed(tx.ExecContext(ctx, `DELETE FROM responses WHERE id = $1 AND owner = $2`, id, owner)); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM response_items WHERE response = $1`, `DELETE FROM response_events WHERE response = $1`} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Event is an event of the stream of a response.
type Event struct {
	Number int64  // its sequence_number
	Body   []byte // as it was sent
}

// AddEvents keeps events of a response, unless that has been deleted.
func (s *Store) AddEvents(ctx context.Context, response string, events []Event) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		for i := range events {
			_, err := tx.ExecContext(ctx, `INSERT INTO response_events (response, number, body) SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM responses WHERE id = $1) ON CONFLICT DO NOTHING`,
				response, events[i].Number, string(events[i].Body))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// maxEvents is how many events one read returns.
const maxEvents = 1000

// Events returns events of a response in their order, from those with a greater number than after on. There
// are at most a thousand; none is the end.
func (s *Store) Events(ctx context.Context, owner, response string, after int64) (events []Event, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT e.number, e.body FROM response_events AS e JOIN responses AS r ON r.id = e.response
		WHERE e.response = $1 AND r.owner = $2 AND e.number > $3 ORDER BY e.number LIMIT $4`, response, owner, after, maxEvents)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.Number, &e.Body); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}
