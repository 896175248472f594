// Command pages measures the pages of a gateway whose spend log has many calls: how long a browser's first page takes, how long
// each request takes while the table of calls is scrolled and filtered to its end, and what an open page of live calls adds to
// the processor time of a call:
//
//	go run ./bench/pages -database sqlite
//	go run ./bench/pages -database postgres -rows 100000
//	go run ./bench/pages -rows 0 -rounds 12      only the processor time of calls
//
// It installs nothing: PostgreSQL must be on the machine for -database postgres. The gateway is a process of its own, and
// the upstream is a part of this one.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"outcrop/internal/postgres"
	"outcrop/store"
)

// settings are what is measured.
type settings struct {
	database       string
	rows, keys     int
	rounds, calls  int
	clients, looks int
}

func main() {
	var s settings
	flag.StringVar(&s.database, "database", "sqlite", "sqlite or postgres")
	flag.IntVar(&s.rows, "rows", 100_000, "calls in the spend log, of the last seven days; 0 to leave the pages out")
	flag.IntVar(&s.keys, "keys", 50, "of how many keys")
	flag.IntVar(&s.rounds, "rounds", 0, "pairs of a round without an open page and one with it; 0 to leave them out")
	flag.IntVar(&s.calls, "calls", 20_000, "calls of a round")
	flag.IntVar(&s.clients, "clients", 16, "clients that call at a time")
	flag.IntVar(&s.looks, "looks", 20, "how often each page is loaded")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, s *settings, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "pages")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	address := ""
	if s.database == "postgres" {
		server, err := postgres.Start(ctx, "")
		if err != nil {
			return err
		}
		defer func() { _ = server.Stop() }() // its folder is removed whatever it says
		address = server.URL()
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if s.rows > 0 {
		if err := fill(ctx, s, data, address, out); err != nil {
			return err
		}
	}
	up, err := startUpstream(ctx)
	if err != nil {
		return err
	}
	defer up.close()
	g, err := startGateway(ctx, dir, data, address, up.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	if s.rows > 0 {
		if err := look(ctx, s, g, out); err != nil {
			return err
		}
	}
	if s.rounds > 0 {
		return compare(ctx, s, g, out)
	}
	return nil
}

// fill fills the spend log.
func fill(ctx context.Context, s *settings, dir, address string, out io.Writer) (err error) {
	opt := store.Options{Dir: dir, URL: address}
	if address != "" {
		opt.Dir = ""
	}
	st, err := store.Open(ctx, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	began, first := time.Now(), time.Now().UTC().AddDate(0, 0, -7)
	step := 7 * 24 * time.Hour / time.Duration(s.rows)
	const batch = 2000
	for at := 0; at < s.rows; at += batch {
		rows := make([]store.Row, 0, batch)
		for i := at; i < min(at+batch, s.rows); i++ {
			rows = append(rows, rowOf(i, s.keys, first.Add(time.Duration(i)*step)))
		}
		if err := st.Post(ctx, "bench", int64(at+len(rows)), rows); err != nil {
			return err
		}
	}
	if address != "" {
		if err := analyze(ctx, address); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s: %d calls in %v\n", s.database, s.rows, time.Since(began).Round(time.Millisecond))
	return nil
}

// analyze has PostgreSQL count what is in its tables, as its autovacuum does by itself within a minute or two of their growth.
func analyze(ctx context.Context, address string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "ANALYZE")
	return errors.Join(err, db.Close())
}

// rowOf is a call of the spend log: one of a hundred has failed, one of fifty has a warning, and one of 20,000 is what the
// search for what is rare looks for.
func rowOf(i, keys int, at time.Time) store.Row {
	models := [...]string{"amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-5", "us.anthropic.claude-haiku-4-5"}
	groups := [...]string{"nova-lite", "claude-sonnet-5", "claude-haiku-4-5"}
	regions := [...]string{"us-east-1", "us-west-2", "eu-central-1"}
	n := i % 3
	r := store.Row{
		RequestID: fmt.Sprintf("%012x%020x", at.UnixMilli(), i), CallType: "openai_chat", Key: fmt.Sprintf("%064x", i%keys), KeyAlias: fmt.Sprint("key-", i%keys), Cost: int64(i%1000) * 1_000_000,
		Start: at, First: at.Add(time.Duration(100+i%300) * time.Millisecond), End: at.Add(time.Duration(400+i%5000) * time.Millisecond),
		Model: models[n], Group: groups[n], Region: regions[i%7%3], Provider: "bedrock", Deployment: "d", User: fmt.Sprint("user-", i%keys/5), Team: fmt.Sprint("team-", i%keys/20), Address: "10.0.0.1",
		Input: int64(i % 3000), Output: int64(i % 700), Status: 200,
	}
	switch {
	case i%20_000 == 13_000:
		r.Metadata = []byte(`{"outcrop":{"warnings":[{"code":"dropped","field":"rare_field"}]}}`)
	case i%100 == 0:
		r.Status, r.Code, r.Cost = 429, "upstream.throttled", 0
		r.Metadata = []byte(`{"error_information":{"error_code":"429","error_class":"upstream.throttled","error_message":"Too many requests, please wait before trying again."},"outcrop":{"reason":"on demand"}}`)
	case i%50 == 1:
		r.Metadata = []byte(`{"outcrop":{"warnings":[{"code":"dropped","field":"logit_bias"}]}}`)
	}
	return r
}
