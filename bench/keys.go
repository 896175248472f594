package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"outcrop/internal/postgres"
	"outcrop/store"
	"outcrop/tenant"
)

const (
	fewKeys = 10
	lotKeys = 100_000
	// keysTeam and keysUser have budgets and limits of their own, as each key has.
	keysTeam, keysUser = "bench-team", "bench-user"
)

// keyed is a gateway with keys, and where its books are.
type keyed struct {
	server

	keys  int
	used  int // how many of them call
	books store.Options
}

// secretKey is the n-th key. All are as long as the master key, so that all calls have one size.
func secretKey(n int) string { return fmt.Sprintf("sk-key-%012d", n) }

// keyed makes a database with keys, each of which has a budget, limits of requests, tokens and parallel calls, and
// belongs to a team and a user that have them too, and returns a gateway that uses it: PostgreSQL's with an address, and
// otherwise SQLite's in a folder of its own.
func (b *bench) keyed(ctx context.Context, name string, keys, used int, databaseURL string) (keyed, error) {
	*b.launches++
	dir := filepath.Join(b.dir, fmt.Sprintf("keys-%d", *b.launches))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return keyed{}, err
	}
	config, k := b.config, keyed{keys: keys, used: used, books: store.Options{Dir: dir, URL: databaseURL}}
	if databaseURL != "" {
		text, err := os.ReadFile(b.config)
		if err != nil {
			return keyed{}, err
		}
		config = filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(config, fmt.Appendf(text, "  database_url: %q\n", databaseURL), 0o600); err != nil {
			return keyed{}, err
		}
	}
	k.server = server{name: name, gateway: true, slow: 1, begin: func(ctx context.Context) (*process, error) {
		return b.outcropIn(ctx, config, dir)
	}}
	return k, k.fill(ctx)
}

// fill writes the keys, their team and their user to the database.
func (k keyed) fill(ctx context.Context) (err error) {
	s, err := store.Open(ctx, k.books)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := time.Now()
	const limits = `"max_budget":1000000,"rpm_limit":100000000,"tpm_limit":1000000000000,"max_parallel_requests":100000`
	entity := func(kind store.Kind, id, doc string, args ...any) store.Entity {
		return store.Entity{Kind: kind, ID: id, Created: now, Updated: now, Doc: fmt.Appendf(nil, doc, args...)}
	}
	put := []store.Entity{
		entity(store.KindTeam, keysTeam, `{"team_id":%q,`+limits+`}`, keysTeam),
		entity(store.KindUser, keysUser, `{"user_id":%q,`+limits+`}`, keysUser),
	}
	for n := range k.keys {
		hash := tenant.Hash(secretKey(n))
		put = append(put, entity(store.KindKey, hash, `{"token":%q,"key_name":"sk-...%04d","team_id":%q,"user_id":%q,"models":[],"metadata":{},`+limits+`}`, hash, n%10_000, keysTeam, keysUser))
		if len(put) >= 1000 || n == k.keys-1 {
			if _, err := s.Change(ctx, &store.Change{Create: true, By: "bench", Action: "/key/generate", Put: put}); err != nil {
				return err
			}
			put = nil
		}
	}
	return nil
}

// traffic is the calls of a kind, with each key that calls in turn.
func (k keyed) traffic(kind kind) traffic {
	t := kind.gateway()
	body := t.bytes[len(t.bytes)-t.size:]
	t.bytes = requestWith("/v1/chat/completions", secretKey(0), body)
	for n := 1; n < k.used; n++ {
		t.others = append(t.others, requestWith("/v1/chat/completions", secretKey(n), body))
	}
	return t
}

// check returns an error unless the books have so many calls of the keys, and of their team and user, and what these cost.
func (k keyed) check(ctx context.Context, calls int) (err error) {
	s, err := store.Open(ctx, k.books)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, kind := range []store.Kind{store.KindKey, store.KindTeam, store.KindUser} {
		sums, err := s.Daily(ctx, store.DailyFilter{Kind: kind, By: []store.Column{store.ByDay}})
		if err != nil {
			return err
		}
		var total store.Sums
		for _, d := range sums {
			total.Requests += d.Requests
			total.Cost += d.Cost
		}
		if total.Requests != int64(calls) || total.Cost <= 0 {
			return fmt.Errorf("%s: the books have %d calls of each %s, which cost %d; want %d", k.name, total.Requests, kind, total.Cost, calls)
		}
	}
	return nil
}

// keyedSide is a running side of which the calls are counted. Its books are nil if it keeps none.
type keyedSide struct {
	side

	books    *keyed
	made     int
	resident float64 // MB after all calls
}

// call makes calls.
func (k *keyedSide) call(ctx context.Context, connections, calls int) error {
	k.made += calls
	return closedLoop(ctx, k.address, k.traffic, connections, calls)
}

// quiet waits until the process does nothing more for a while, which is longer than a row of spend waits to be
// posted, and returns the processor time that it has used in all.
func (k *keyedSide) quiet(ctx context.Context) (time.Duration, error) {
	used, err := k.cpu()
	for err == nil {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(1500 * time.Millisecond):
		}
		before := used
		if used, err = k.cpu(); used-before <= clockTick {
			break
		}
	}
	return used, err
}

// keyRounds measures the processor time of a call in microseconds, until its spend is posted. The sides are warm: each
// key has made a call before. The books are compared with the number of calls at the end.
func (b *bench) keyRounds(ctx context.Context, k kind, sides []*keyedSide) (all []taken, err error) {
	calls := 20000
	if b.quick {
		calls /= 4
	}
	defer func() {
		for _, s := range sides {
			if s.process == nil {
				continue
			}
			err = errors.Join(err, s.stop())
			if s.books != nil && err == nil {
				err = s.books.check(ctx, s.made)
			}
		}
	}()
	for _, s := range sides {
		if s.side, err = s.run(ctx, k); err != nil {
			return nil, err
		}
		warm := max(calls/4, 3*b.connected)
		if s.books != nil {
			s.traffic = s.books.traffic(k)
			warm = max(warm, s.books.used)
		}
		if err := s.call(ctx, b.connected, warm); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	all = make([]taken, len(sides))
	for round := range b.rounds {
		for i := range turns(round, len(sides)) {
			s := sides[i]
			before, err := s.quiet(ctx)
			if err != nil {
				return nil, err
			}
			if err := s.call(ctx, b.connected, calls); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			after, err := s.quiet(ctx)
			if err != nil {
				return nil, err
			}
			all[i].add(s.name, float64((after-before).Microseconds())/float64(calls))
		}
	}
	for _, s := range sides {
		rss, err := s.rss()
		if err != nil {
			return nil, err
		}
		s.resident = float64(rss) / 1e6
	}
	return all, nil
}

// withKeys compares calls with keys that have budgets and limits, on SQLite and on PostgreSQL, with calls of a gateway
// that has none.
func withKeys(ctx context.Context, b *bench) (lines []line, err error) {
	database, err := postgres.Start(ctx, "")
	if err != nil && !errors.Is(err, postgres.ErrNotInstalled) {
		return nil, err
	}
	plain := b.two()[0]
	sides := []*keyedSide{{side: side{server: plain}}}
	add := func(name, url string) error {
		k, err := b.keyed(ctx, name, fewKeys, fewKeys, url)
		sides = append(sides, &keyedSide{side: side{server: k.server}, books: &k})
		return err
	}
	if err := add("SQLite", ""); err != nil {
		return nil, err
	}
	if database != nil {
		defer func() { err = errors.Join(err, database.Stop()) }()
		if err := add("PostgreSQL", database.URL()); err != nil {
			return nil, err
		}
	}
	all, err := b.keyRounds(ctx, kind{model: modelBurst}, sides)
	if err != nil {
		return nil, err
	}
	for _, with := range all[1:] {
		l := compare("chat with a key, "+with.name+": CPU per call", "µs", []taken{with, all[0]})
		l.Base, l.Limit = "without", limitKeys
		l.Note = fmt.Sprintf("each of %d keys, their team and their user with a budget and limits; the spend is posted", fewKeys)
		lines = append(lines, l)
	}
	return lines, nil
}

// manyKeys compares calls of a gateway with 100,000 keys, of which ten call or all in turn, with those of one with ten.
func manyKeys(ctx context.Context, b *bench) ([]line, error) {
	var sides []*keyedSide
	for _, n := range [...][2]int{{lotKeys, fewKeys}, {fewKeys, fewKeys}, {lotKeys, lotKeys}} {
		k, err := b.keyed(ctx, fmt.Sprint(n[0], " keys"), n[0], n[1], "")
		if err != nil {
			return nil, err
		}
		sides = append(sides, &keyedSide{side: side{server: k.server}, books: &k})
	}
	all, err := b.keyRounds(ctx, kind{model: modelBurst}, sides)
	if err != nil {
		return nil, err
	}
	var lines []line
	add := func(at int, of string, cpu, rss float64) {
		l := compare("chat with 100,000 keys, "+of+": CPU per call", "µs", []taken{all[at], all[1]})
		l.Base, l.Limit, l.Note = "ten keys", cpu, "SQLite; each key that calls has made a call before"
		few := sides[1].resident
		more := line{What: "  RSS more than with ten keys", Unit: "MB", Base: "ten keys", Limit: rss}
		more.Outcrop, more.Proxy = spreadOf([]float64{sides[at].resident - few}), spreadOf([]float64{few})
		lines = append(lines, l, more)
	}
	add(0, "of which ten call", limitManyKeys, limitKeysRSS)
	add(2, "which all call", 0, 0)
	return lines, nil
}
