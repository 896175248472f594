// Command books fills a PostgreSQL with rows of spend, and says how many a second it takes, how long queries of usage
// take then, and for how long forgetting the oldest days keeps others waiting:
//
//	go run ./bench/books -rows 10000000
//
// It installs nothing: PostgreSQL must be on the machine (on Debian: apt-get install postgresql). The database is on the
// disk of the folder for temporary files, and is removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"outcrop/internal/postgres"
	"outcrop/store"
)

func main() {
	var s size
	flag.IntVar(&s.rows, "rows", 10_000_000, "rows to fill in")
	flag.IntVar(&s.days, "days", 30, "over how many days, today the last")
	flag.IntVar(&s.keys, "keys", 1000, "of how many keys; each 5 have a user, and each 20 a team")
	flag.IntVar(&s.batch, "batch", 4000, "rows in a transaction: as many as the gateway posts at once when so many wait")
	flag.IntVar(&s.replicas, "replicas", 3, "replicas that post at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "books:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, s size, out io.Writer) (err error) {
	server, err := postgres.Start(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	st, err := store.Open(ctx, store.Options{URL: server.URL()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	now := time.Now().UTC()
	w := &work{size: s, store: st, first: now.AddDate(0, 0, 1-s.days).Truncate(24 * time.Hour), now: now}
	if err := w.fill(ctx, out); err != nil {
		return err
	}
	if err := w.ask(ctx, out); err != nil {
		return err
	}
	return w.retain(ctx, out)
}

// fill posts all rows, and prints how fast: in all, and the slowest tenth.
func (w *work) fill(ctx context.Context, out io.Writer) error {
	begin, last, slowest := time.Now(), time.Now(), 0.0
	for part := range 10 {
		if err := w.post(ctx, part, 10); err != nil {
			return err
		}
		if rate := float64(w.rows) / 10 / time.Since(last).Seconds(); slowest == 0 || rate < slowest {
			slowest = rate
		}
		fmt.Fprintf(out, "  %d rows after %s\n", w.rows*(part+1)/10, time.Since(begin).Round(time.Second))
		last = time.Now()
	}
	fmt.Fprintf(out, "%d rows by %d replicas, %d in a transaction: %.0f rows a second, the slowest tenth %.0f\n",
		w.rows, w.replicas, w.batch, float64(w.rows)/time.Since(begin).Seconds(), slowest)
	return nil
}

// queries are those of the pages and endpoints of usage.
func (w *work) queries() []query {
	daily := func(f store.DailyFilter) func(ctx context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			sums, err := w.store.Daily(ctx, f)
			return len(sums), err
		}
	}
	rows := func(f store.RowFilter) func(ctx context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			page, _, err := w.store.Rows(ctx, f)
			return len(page), err
		}
	}
	week := w.now.AddDate(0, 0, -6)
	return []query{
		{"spend of each day, all keys", daily(store.DailyFilter{Kind: store.KindKey, By: []store.Column{store.ByDay}})},
		{"spend of each key", daily(store.DailyFilter{Kind: store.KindKey, By: []store.Column{store.ByKey}})},
		{"spend of each model", daily(store.DailyFilter{Kind: store.KindKey, By: []store.Column{store.ByModel}})},
		{"all days, models and keys of a team", daily(store.DailyFilter{Kind: store.KindTeam, IDs: []string{teamOf(0)}})},
		{"all days, models and keys of a user", daily(store.DailyFilter{Kind: store.KindUser, IDs: []string{userOf(0)}})},
		{"each team's days of the last week", daily(store.DailyFilter{Kind: store.KindTeam, Start: week, By: []store.Column{store.ByDay, store.ByID}})},
		{"each tag's days of the last week", daily(store.DailyFilter{Kind: store.KindTag, Start: week, By: []store.Column{store.ByDay, store.ByID}})},
		{"newest 100 rows of all", rows(store.RowFilter{Limit: 100})},
		{"newest 100 rows of a key", rows(store.RowFilter{Key: keyOf(7), Limit: 100})},
		{"100 rows of a team, the tenth page", rows(store.RowFilter{Team: teamOf(3), Offset: 900, Limit: 100})},
		{"100 rows of a day", rows(store.RowFilter{Start: week, End: week.Add(24 * time.Hour), Limit: 100})},
		{"a row by its request id", rows(store.RowFilter{RequestID: requestID(w.rows/2, w.at(w.rows/2)), Limit: 1})},
	}
}

type query struct {
	name string
	do   func(ctx context.Context) (rows int, err error)
}

// ask asks everything five times, and prints the median and the longest time.
func (w *work) ask(ctx context.Context, out io.Writer) error {
	for _, q := range w.queries() {
		var took []time.Duration
		rows := 0
		for range 5 {
			begin := time.Now()
			n, err := q.do(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			took, rows = append(took, time.Since(begin)), n
		}
		slices.Sort(took)
		fmt.Fprintf(out, "%-40s %8d rows, %9s, at most %9s\n", q.name, rows, took[2].Round(100*time.Microsecond), took[4].Round(100*time.Microsecond))
	}
	return nil
}

// retain forgets the older half of the days while rows are posted, and prints the longest posting before and during it.
func (w *work) retain(ctx context.Context, out io.Writer) error {
	before, err := w.longest(ctx, nil)
	if err != nil {
		return err
	}
	done, failure := make(chan struct{}), make(chan error, 1)
	var took time.Duration
	go func() {
		defer close(done)
		begin := time.Now()
		failure <- w.store.Retain(ctx, w.now.AddDate(0, 0, -w.days/2))
		took = time.Since(begin)
	}()
	during, err := w.longest(ctx, done)
	<-done
	if err := errors.Join(err, <-failure); err != nil {
		return err
	}
	fmt.Fprintf(out, "forgetting %d days took %s; the longest transaction of %d rows took %s meanwhile, and %s before\n",
		w.days/2, took.Round(time.Millisecond), w.batch, during.Round(time.Millisecond), before.Round(time.Millisecond))
	return nil
}

// longest posts rows of today, in at least 20 transactions and until done is closed unless it is nil, and returns how long
// the longest took.
func (w *work) longest(ctx context.Context, done <-chan struct{}) (longest time.Duration, err error) {
	for n := 0; n < 20 || done != nil; n++ {
		begin := time.Now()
		if err := w.transaction(ctx, 0, w.now); err != nil {
			return 0, err
		}
		longest = max(longest, time.Since(begin))
		select {
		case <-done:
			done = nil
		default:
		}
	}
	return longest, nil
}
