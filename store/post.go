package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/quota"
)

// maxRowsInMemory is how many rows of spend a database in memory keeps.
const maxRowsInMemory = 20_000

// Post adds rows of a replica's journal, in one transaction and once: they become rows of the spend log, the sums of their
// days, and units used of their counters, which come out of the replica's shares. upto is the number of the last of
// them in the journal. Those up to the number Posted are ignored, so a batch can be posted again whenever it is not sure
// whether it was, also in other parts: a transaction of a process that was killed may still end after Posted was asked for.
func (s *Store) Post(ctx context.Context, replica string, upto int64, rows []Row) error {
	b := newBatch(rows)
	if err := s.ensureMissing(ctx, b.counters); err != nil {
		return fmt.Errorf("posting what calls have cost: %w", err)
	}
	for again := false; ; again = true {
		if err := s.makeDays(ctx, b.days, time.Now()); err != nil {
			return fmt.Errorf("making tables for what calls have cost: %w", err)
		}
		posted, err := s.post(ctx, replica, upto, b)
		if overlap := posted - (upto - int64(len(rows))); errors.Is(err, errOverlap) {
			return s.Post(ctx, replica, upto, rows[overlap:])
		}
		if code(err) == pgCheck && !again { // another replica has dropped the table of an old day
			s.days.forget()
			continue
		}
		if err != nil {
			return fmt.Errorf("posting what calls have cost: %w", err)
		}
		return nil
	}
}

// Posted returns the number of the last row of a replica's journal that was posted; 0 for none.
func (s *Store) Posted(ctx context.Context, replica string) (int64, error) {
	var posted int64
	err := s.db.QueryRowContext(ctx, `SELECT posted FROM replicas WHERE id = $1`, replica).Scan(&posted)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return posted, err
}

// errOverlap ends a transaction of which some rows have been posted.
var errOverlap = errors.New("some rows have been posted")

// post posts a batch, unless all of it has been. For errOverlap, the number of the last row that has been is returned.
func (s *Store) post(ctx context.Context, replica string, upto int64, b *batch) (posted int64, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `INSERT INTO replicas (id, seen, posted) VALUES ($1, 0, 0) ON CONFLICT (id) DO UPDATE SET posted = replicas.posted RETURNING posted`, replica).Scan(&posted)
		if err != nil || posted >= upto {
			return err
		}
		if posted > upto-int64(b.size) {
			return errOverlap
		}
		if _, err := tx.ExecContext(ctx, `UPDATE replicas SET posted = $1 WHERE id = $2`, upto, replica); err != nil {
			return err
		}
		if err := s.dialect.insert(ctx, tx, `INSERT INTO spend_logs (id, start, key, user_id, team_id, customer, doc)`, `ON CONFLICT DO NOTHING`, 7, b.rows); err != nil {
			return err
		}
		if s.inMemory {
			_, err := tx.ExecContext(ctx, `DELETE FROM spend_logs WHERE start < (SELECT start FROM spend_logs ORDER BY start DESC LIMIT 1 OFFSET $1)`, maxRowsInMemory)
			if err != nil {
				return err
			}
		}
		if err := s.dialect.insert(ctx, tx, dailyInsert, dailyConflict, dailyColumns, b.sums); err != nil {
			return err
		}
		// Calls that draw on the counters wait from here on.
		return s.charge(ctx, tx, replica, b)
	})
	return posted, err
}

// charge adds to the counters, and takes from the shares, what the rows of a batch have cost.
func (s *Store) charge(ctx context.Context, tx *sql.Tx, replica string, b *batch) error {
	if len(b.counters) == 0 {
		return nil
	}
	a, err := s.lockCounters(ctx, tx, b.counters, replica)
	if err != nil {
		return err
	}
	for _, id := range b.counters {
		c, charge := a.byID[id], b.charges[id]
		if c == nil {
			return fmt.Errorf("counter %q: %w", id, ErrNotFound)
		}
		c.begin(charge.window)
		if c.ends == 0 {
			c.fit(charge.window)
		}
		c.used, c.changed = add(c.used, charge.units), true
		if taken := charge.taken[c.period]; taken > 0 && c.own.held > 0 {
			c.own.held = max(0, c.own.held-taken)
			a.keep(c)
		}
	}
	return a.save(ctx, tx, s.dialect)
}

// ensureMissing makes the counters that do not exist, if there are any.
func (s *Store) ensureMissing(ctx context.Context, sorted []string) error {
	known, err := s.Counters(ctx, sorted)
	if err != nil || len(known) == len(sorted) {
		return err
	}
	return s.ensure(ctx, slices.DeleteFunc(slices.Clone(sorted), func(id string) bool { _, ok := known[id]; return ok }))
}

// batch is what rows add to the tables.
type batch struct {
	size     int
	rows     []any // of spend_logs
	sums     []any // of daily_spend
	days     []int64
	counters []string // the ids, sorted
	charges  map[string]*charge
}

// charge is the sum of the charges of a counter.
type charge struct {
	units  int64
	taken  map[int64]int64 // by period
	window quota.Window
}

func newBatch(rows []Row) *batch {
	b := &batch{size: len(rows), charges: map[string]*charge{}}
	days, daily := map[int64]bool{}, map[dailyKey]*Sums{}
	for i := range rows {
		r := &rows[i]
		days[dayOf(r.Start)] = true
		b.rows = append(b.rows, bounded(r.RequestID), micros(r.Start), bounded(r.Key), bounded(r.User), bounded(r.Team), bounded(r.Customer), document(r))
		sum(daily, r)
		for j := range r.Charges {
			b.charge(&r.Charges[j])
		}
	}
	b.days = slices.Sorted(maps.Keys(days))
	b.counters = slices.Sorted(maps.Keys(b.charges))
	// All replicas write the sums in one order, so that none waits for one that waits for it.
	keys := slices.SortedFunc(maps.Keys(daily), dailyKey.compare)
	for _, k := range keys {
		s := daily[k]
		b.sums = append(b.sums, k.day, string(k.kind), k.id, k.key, k.model, k.group, k.provider, s.Input, s.Output, s.CacheRead, s.CacheWrite, s.Cost, s.Requests, s.Failures)
	}
	return b
}

func (b *batch) charge(of *Charge) {
	id := bounded(of.Counter)
	c := b.charges[id]
	if c == nil {
		c = &charge{taken: map[int64]int64{}}
		b.charges[id] = c
	}
	c.window = of.Window
	c.units = add(c.units, of.Units)
	c.taken[of.Period] = add(c.taken[of.Period], max(0, of.Taken))
}

// row is a Row as its document has it.
type row struct {
	Row

	Metadata jsonx.Raw `json:"metadata,omitzero"`
}

// document is the JSON of a row, without its charges, which are in the counters. A row is posted whatever it has:
// texts that are not UTF-8 are repaired.
func document(r *Row) string {
	w := jsonx.Writer{Buf: make([]byte, 0, 512)}
	text := func(name, value string) {
		if value != "" {
			w.Key(name)
			w.String(strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	number := func(name string, value int64) {
		if value != 0 {
			w.Key(name)
			w.Int(value)
		}
	}
	moment := func(name string, at time.Time) {
		if year := at.UTC().Year(); !at.IsZero() && year >= 0 && year <= 9999 { // others have no form in RFC 3339
			w.Key(name)
			w.Word(at.UTC().Format(time.RFC3339Nano))
		}
	}
	w.Object()
	text("request_id", r.RequestID)
	text("call_type", r.CallType)
	text("api_key", r.Key)
	text("key_alias", r.KeyAlias)
	number("cost", r.Cost)
	moment("start", r.Start)
	moment("first", r.First)
	moment("end", r.End)
	text("model", r.Model)
	text("model_id", r.Deployment)
	text("model_group", r.Group)
	text("provider", r.Provider)
	text("user", r.User)
	text("end_user", r.Customer)
	text("team_id", r.Team)
	text("organization_id", r.Organization)
	if len(r.Tags) > 0 {
		w.Key("request_tags")
		w.Array()
		for _, tag := range r.Tags {
			w.String(strings.ToValidUTF8(tag, "\uFFFD"))
		}
		w.EndArray()
	}
	text("session_id", r.Session)
	text("requester_ip_address", r.Address)
	number("prompt_tokens", r.Input)
	number("completion_tokens", r.Output)
	number("cache_read", r.CacheRead)
	number("cache_write", r.CacheWrite)
	number("status", int64(r.Status))
	text("code", r.Code)
	if len(r.Metadata) > 0 {
		w.Key("metadata")
		if jsonx.Valid(r.Metadata) {
			w.Raw(r.Metadata)
		} else {
			w.String(strings.ToValidUTF8(string(r.Metadata), "\uFFFD"))
		}
	}
	w.EndObject()
	return string(w.Buf)
}

// Sums are those of calls: their number, how many of them have failed, their tokens, and their cost in 10⁻¹² USD. Input
// includes CacheRead and CacheWrite.
type Sums struct {
	Requests, Failures                   int64
	Input, Output, CacheRead, CacheWrite int64
	Cost                                 int64
}

// dailyKey is the key of daily_spend.
type dailyKey struct {
	kind                                 Kind
	id, day, key, model, group, provider string
}

func (k dailyKey) compare(l dailyKey) int {
	return cmp.Or(cmp.Compare(k.kind, l.kind), cmp.Compare(k.id, l.id), cmp.Compare(k.day, l.day), cmp.Compare(k.key, l.key),
		cmp.Compare(k.model, l.model), cmp.Compare(k.group, l.group), cmp.Compare(k.provider, l.provider))
}

// sum adds a row to the sums of all that it counts for.
func sum(daily map[dailyKey]*Sums, r *Row) {
	k := dailyKey{day: r.Start.UTC().Format(time.DateOnly), key: bounded(r.Key), model: bounded(r.Model), group: bounded(r.Group), provider: bounded(r.Provider)}
	count := func(kind Kind, id string) {
		if id == "" {
			return
		}
		k.kind, k.id = kind, bounded(id)
		s := daily[k]
		if s == nil {
			s = &Sums{}
			daily[k] = s
		}
		s.Requests++
		if r.Code != "" || r.Status >= 400 {
			s.Failures++
		}
		s.Input, s.Output = add(s.Input, max(0, r.Input)), add(s.Output, max(0, r.Output))
		s.CacheRead, s.CacheWrite = add(s.CacheRead, max(0, r.CacheRead)), add(s.CacheWrite, max(0, r.CacheWrite))
		s.Cost = add(s.Cost, max(0, r.Cost))
	}
	count(KindKey, r.Key)
	count(KindUser, r.User)
	count(KindTeam, r.Team)
	count(KindOrganization, r.Organization)
	count(KindCustomer, r.Customer)
	tags := slices.Clone(r.Tags)
	slices.Sort(tags)
	for _, tag := range slices.Compact(tags) {
		count(KindTag, tag)
	}
}

const (
	dailyColumns = 14
	dailyInsert  = `INSERT INTO daily_spend (day, kind, id, key, model, model_group, provider, input, output, cache_read, cache_write, cost, requests, failures)`
	// A sum that is too large for the column stays at its largest value.
	dailyConflict = `ON CONFLICT (kind, id, day, key, model, model_group, provider) DO UPDATE SET
		requests = daily_spend.requests + excluded.requests, failures = daily_spend.failures + excluded.failures,
		input = CASE WHEN daily_spend.input > 9223372036854775807 - excluded.input THEN 9223372036854775807 ELSE daily_spend.input + excluded.input END,
		output = CASE WHEN daily_spend.output > 9223372036854775807 - excluded.output THEN 9223372036854775807 ELSE daily_spend.output + excluded.output END,
		cache_read = CASE WHEN daily_spend.cache_read > 9223372036854775807 - excluded.cache_read THEN 9223372036854775807 ELSE daily_spend.cache_read + excluded.cache_read END,
		cache_write = CASE WHEN daily_spend.cache_write > 9223372036854775807 - excluded.cache_write THEN 9223372036854775807 ELSE daily_spend.cache_write + excluded.cache_write END,
		cost = CASE WHEN daily_spend.cost > 9223372036854775807 - excluded.cost THEN 9223372036854775807 ELSE daily_spend.cost + excluded.cost END`
)
