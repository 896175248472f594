package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Conversation is a list of items that responses continue and add to.
type Conversation struct {
	// ID names the conversation, and Owner is who has made it.
	ID, Owner        string
	Created, Expires time.Time
	// Metadata are the client's labels, a JSON object.
	Metadata []byte
}

// Item is an item of a conversation.
type Item struct {
	ID string
	// Deployment is the id of the deployment that made it in the API's own format; empty for none.
	Deployment string
	Body       []byte // a JSON object
}

// PutConversation keeps a conversation, in place of one with the same id and owner.
func (s *Store) PutConversation(ctx context.Context, c *Conversation) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO conversations (id, owner, created, expires, metadata) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, expires = excluded.expires WHERE conversations.owner = excluded.owner`,
		c.ID, c.Owner, c.Created.Unix(), c.Expires.Unix(), string(c.Metadata))
	return err
}

// Conversation returns a conversation; ErrNotFound if the owner has none of this id.
func (s *Store) Conversation(ctx context.Context, owner, id string) (*Conversation, error) {
	c := &Conversation{ID: id, Owner: owner}
	var created, expires int64
	err := s.db.QueryRowContext(ctx, `SELECT created, expires, metadata FROM conversations WHERE id = $1 AND owner = $2`, id, owner).Scan(&created, &expires, &c.Metadata)
	if err != nil {
		return nil, found(err)
	}
	c.Created, c.Expires = time.Unix(created, 0), time.Unix(expires, 0)
	return c, nil
}

// DeleteConversation forgets a conversation and its items.
func (s *Store) DeleteConversation(ctx context.Context, owner, id string) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if err := changed(tx.ExecContext(ctx, `DELETE FROM conversations WHERE id = $1 AND owner = $2`, id, owner)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM conversation_items WHERE conversation = $1`, id)
		return err
	})
}

// AddItems adds items to the end of a conversation, which then lasts until a time.
func (s *Store) AddItems(ctx context.Context, owner, id string, expires time.Time, items []Item) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if err := changed(tx.ExecContext(ctx, `UPDATE conversations SET expires = $1 WHERE id = $2 AND owner = $3`, expires.Unix(), id, owner)); err != nil {
			return err
		}
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, `SELECT MAX(position) FROM conversation_items WHERE conversation = $1`, id).Scan(&last); err != nil {
			return err
		}
		for i := range items {
			_, err := tx.ExecContext(ctx, `INSERT INTO conversation_items (conversation, position, id, body, deployment) VALUES ($1, $2, $3, $4, $5)`,
				id, last.Int64+1+int64(i), items[i].ID, string(items[i].Body), items[i].Deployment)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Items returns all items of a conversation in their order. bound is how many bytes they may have; more are
// an *OverBoundError.
func (s *Store) Items(ctx context.Context, owner, id string, bound int64) (items []Item, err error) {
	if _, err := s.Conversation(ctx, owner, id); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, body, deployment FROM conversation_items WHERE conversation = $1 ORDER BY position`, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	size := int64(0)
	for rows.Next() {
		var it Item
		if err := rows.Scan(&it.ID, &it.Body, &it.Deployment); err != nil {
			return nil, err
		}
		if size += int64(len(it.Body)); size > bound {
			return nil, &OverBoundError{bound}
		}
		items = append(items, it)
	}
	return items, rows.Err()
}

// DeleteItem removes an item from a conversation.
func (s *Store) DeleteItem(ctx context.Context, owner, conversation, item string) error {
	if _, err := s.Conversation(ctx, owner, conversation); err != nil {
		return err
	}
	return changed(s.db.ExecContext(ctx, `DELETE FROM conversation_items WHERE conversation = $1 AND id = $2`, conversation, item))
}
