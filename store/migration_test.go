package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"outcrop/store"
)

// TestCallsOfAnEarlierVersionAreKept makes the spend log as it was before it had blocks, and opens it.
func TestCallsOfAnEarlierVersionAreKept(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			opt := store.Options{Dir: t.TempDir()}
			if kind == "postgres" {
				opt = shared(t)
			}
			s, err := store.Open(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			exec := func(statement string, args ...any) { t.Helper(); exec(t, s, statement, args...) }
			text, err := os.ReadFile("migrations/" + kind + "/spend.sql")
			if err != nil {
				t.Fatal(err)
			}
			before, _, ok := strings.Cut(string(text), "-- The sums of a day")
			if !ok {
				t.Fatal("the earlier tables are elsewhere")
			}
			exec(`DROP TABLE spend_logs`)
			exec(before)
			exec(`ALTER TABLE counters DROP COLUMN slices`)
			exec(`DROP TABLE spend_contents`)
			exec(`DELETE FROM goose_db_version WHERE version_id >= 9`)
			start := day.UnixMicro()
			if kind == "postgres" {
				exec(`CREATE TABLE spend_logs_earlier PARTITION OF spend_logs FOR VALUES FROM (0) TO (` + fmt.Sprint(start+1) + `)`)
			}
			exec(`INSERT INTO spend_logs (id, start, key, user_id, team_id, customer, doc) VALUES ($1, $2, 'hash', 'ann', '', '', $3)`,
				"earlier", start, fmt.Sprintf(`{"request_id":"earlier","start":%q,"cost":7,"api_key":"hash"}`, day.Format(time.RFC3339Nano)))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, opt)
			for _, f := range []store.RowFilter{{}, {RequestID: "earlier"}, {User: "ann", Limit: 5}, {Key: "hash", Start: day, End: day.Add(time.Second), Limit: 1}} {
				page, total, err := s.Rows(t.Context(), f)
				if err != nil || total != 1 || len(page) != 1 || page[0].RequestID != "earlier" || page[0].Cost != 7 {
					t.Errorf("%+v: %d rows of %d, %v", f, len(page), total, err)
				}
			}
			later := call("later", 1)
			later.Start = day.AddDate(0, 0, 2)
			post(t, s, 1, later)
			if page, _, err := s.Rows(t.Context(), store.RowFilter{}); err != nil || len(page) != 2 || page[0].RequestID != "later" {
				t.Errorf("then %d rows, %v", len(page), err)
			}
		})
	}
}
