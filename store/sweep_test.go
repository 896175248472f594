package store_test

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"outcrop/store"
)

func TestWhatNobodyNeedsAnyMoreIsSwept(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		const day = 24 * time.Hour
		ago := func(d time.Duration) int64 { return time.Now().Add(-d).UnixMicro() }
		for _, r := range []struct {
			id     string
			seen   int64
			posted int64
		}{{"alive", ago(0), 0}, {"away", ago(6 * day), 0}, {"gone", ago(8 * day), 0}, {"posted", ago(8 * day), 5}, {"forgotten", ago(400 * day), 5}} {
			exec(t, s, `INSERT INTO replicas (id, seen, posted) VALUES ($1, $2, $3)`, r.id, r.seen, r.posted)
		}
		for id, ends := range map[string]int64{
			"key:a/requests": ago(8 * day), "key:b/requests": ago(6 * day), "key:c@m/tokens": ago(8 * day), "key:d/tokens": ago(8 * day),
			"key:a/spend": ago(8 * day), "key:a/spend@30d": ago(8 * day), "key:a/parallel": 0, "key:e/requests": 0,
		} {
			exec(t, s, `INSERT INTO counters (id, period, used, ends, recalled) VALUES ($1, 1, 2, $2, 0)`, id, ends)
		}
		for _, share := range [][2]string{{"key:d/tokens", "alive"}, {"key:b/requests", "away"}, {"key:c@m/tokens", "gone"}, {"key:a/spend", "posted"}, {"key:a/parallel", "gone"}} {
			exec(t, s, `INSERT INTO shares (counter, replica, period, held, acked, mark) VALUES ($1, $2, 1, 3, 0, 0)`, share[0], share[1])
		}
		for range 2 { // a second time changes nothing
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			for query, want := range map[string][]string{
				`SELECT id FROM replicas ORDER BY id`:         {"alive", "away", "posted"},
				`SELECT counter FROM shares ORDER BY counter`: {"key:b/requests", "key:d/tokens"},
				`SELECT id FROM counters ORDER BY id`:         {"key:a/parallel", "key:a/spend", "key:a/spend@30d", "key:b/requests", "key:d/tokens", "key:e/requests"},
			} {
				if got := words(t, s.DB(), query); !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", query, got, want)
				}
			}
		}
	})
}

// words are the texts that a query selects.
func words(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			t.Fatal(err)
		}
		all = append(all, word)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}
