package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"outcrop/internal/jsonx"
)

// maxContentsInMemory is of how many calls a database in memory keeps what was asked and answered.
const maxContentsInMemory = 500

// Content is what a call has asked and was answered. Each of the fields is JSON, and nil for none.
type Content struct {
	RequestID string
	Start     time.Time
	// Request is the body of the request, and Response the answer.
	Request, Response []byte
}

const (
	contentColumns  = 3
	contentInsert   = `INSERT INTO spend_contents (id, start, doc)`
	contentConflict = `ON CONFLICT (id) DO NOTHING`
)

// KeepContents keeps what calls have asked and were answered, beside their rows of the spend log. Those of a call that is
// known already are ignored.
func (s *Store) KeepContents(ctx context.Context, all []Content) error {
	args := make([]any, 0, contentColumns*len(all))
	seen := make(map[string]bool, len(all)) // a statement may not insert an id twice
	for i := range all {
		c := &all[i]
		if id := bounded(c.RequestID); !seen[id] {
			seen[id] = true
			args = append(args, id, micros(c.Start), c.document())
		}
	}
	err := s.within(ctx, func(tx *sql.Tx) error {
		if err := s.dialect.insert(ctx, tx, contentInsert, contentConflict, contentColumns, args); err != nil {
			return err
		}
		if !s.inMemory {
			return nil
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM spend_contents WHERE id NOT IN (SELECT id FROM spend_contents ORDER BY start DESC LIMIT $1)`, maxContentsInMemory)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping what calls have asked and were answered: %w", err)
	}
	return nil
}

// document is the JSON of a content.
func (c *Content) document() string {
	var w jsonx.Writer
	w.Object()
	for _, m := range c.members() {
		if len(*m.value) > 0 {
			w.Key(m.name)
			w.Raw(*m.value)
		}
	}
	w.EndObject()
	return string(w.Buf)
}

// contentMember is a member of the document.
type contentMember struct {
	name  string
	value *[]byte
}

func (c *Content) members() []contentMember {
	return []contentMember{{"proxy_server_request", &c.Request}, {"response", &c.Response}}
}

// Contents returns what calls have asked and were answered, by their request ids. Those of which nothing is kept are missing.
func (s *Store) Contents(ctx context.Context, ids []string) (map[string]Content, error) {
	all := map[string]Content{}
	for part := range slices.Chunk(ids, listedValues[0]) {
		short := make([]string, len(part))
		for i, id := range part {
			short[i] = bounded(id)
		}
		c := &condition{}
		c.in("id", short)
		rows, err := s.db.QueryContext(ctx, c.after(`SELECT id, start, doc FROM spend_contents`), c.args...)
		_, err = collect(rows, err, func(rows *sql.Rows, _ *struct{}) error {
			var id string
			var start int64
			var doc []byte
			if err := rows.Scan(&id, &start, &doc); err != nil {
				return err
			}
			members, err := jsonx.Members(doc)
			if err != nil {
				return fmt.Errorf("what the call %s has asked: %w", id, err)
			}
			got := Content{RequestID: id, Start: moment(start)}
			for _, m := range got.members() {
				*m.value = jsonx.Find(members, m.name)
			}
			all[id] = got
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// retainContents forgets what calls from before a time have asked and were answered.
func (s *Store) retainContents(ctx context.Context, before time.Time) error {
	for {
		result, err := s.db.ExecContext(ctx, `DELETE FROM spend_contents WHERE id IN (SELECT id FROM spend_contents WHERE start < $1 ORDER BY start LIMIT 200)`, micros(before))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
}
