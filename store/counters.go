package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/quota"
)

// counterKind is what a counter counts, as far as the store has to know it: what becomes of the shares of a replica that
// is gone.
type counterKind int

const (
	countsCalls    counterKind = iota // requests or tokens: what was drawn counts as used, because the calls were made
	countsMoney                       // what was used is posted, so what was drawn is free again
	countsParallel                    // the calls are over
)

// kindOf reads the kind of a counter from its id, which ends in /spend, /spend@ and the name of a model, or /parallel; others
// count calls.
func kindOf(id string) counterKind {
	switch {
	case strings.HasSuffix(id, "/parallel"):
		return countsParallel
	case strings.HasSuffix(id, "/spend") || strings.Contains(id, "/spend@"):
		return countsMoney
	default:
		return countsCalls
	}
}

// lasting reports whether a counter has no periods that would soon make up for a transaction that is lost.
func lasting(id string) bool { return kindOf(id) != countsCalls }

// suffix is an end of an id by which kindOf tells the kind.
func (k counterKind) suffix() string {
	switch k {
	case countsMoney:
		return "/spend"
	case countsParallel:
		return "/parallel"
	default:
		return ""
	}
}

func (k counterKind) calls() bool { return k == countsCalls }

// share is what a replica has drawn of a counter.
type share struct {
	replica     string
	held, acked int64 // held is that of the counter's period
	period      int64 // of the row
	mark        int64 // the number of the last transaction of its replica's bank that has changed it
	stored      bool  // it has a row
	alive       bool
}

// account is a locked counter with its shares.
type account struct {
	id                           string
	kind                         counterKind
	period, used, ends, recalled int64
	changed                      bool
	slices                       quota.Slices // of a sliding window

	own    share
	others []share
	now    int64
}

// accounts are the counters of a transaction, and what it is to write.
type accounts struct {
	now     int64
	replica string
	byID    map[string]*account
	order   []string // the ids, sorted
	kept    map[*account]bool
	dropped [][2]string // counter and replica
	notes   []note
}

// of returns a counter; nil if it does not exist.
func (a *accounts) of(id string) *account { return a.byID[bounded(id)] }

// keep says that the own share has changed.
func (a *accounts) keep(c *account) { a.kept[c] = true }

// drop deletes a share.
func (a *accounts) drop(c *account, s *share) {
	if s.stored {
		a.dropped = append(a.dropped, [2]string{c.id, s.replica})
	}
	s.held, s.stored = 0, false
}

// lockCounters locks the counters that exist until the end of the transaction, in the order of their ids, and reads them with their
// shares.
func (s *Store) lockCounters(ctx context.Context, tx *sql.Tx, sorted []string, replica string) (*accounts, error) {
	a := &accounts{replica: replica, byID: make(map[string]*account, len(sorted)), kept: map[*account]bool{}}
	if s.dialect == postgres {
		// One that another transaction makes from now on is not locked, and does not exist for this one.
		var locked []string
		for part := range slices.Chunk(sorted, listedValues[0]) {
			c := &condition{}
			c.in("id", part)
			rows, err := tx.QueryContext(ctx, c.after(`SELECT id FROM counters`, s.dialect.lock()), c.args...)
			ids, err := collect(rows, err, func(rows *sql.Rows, id *string) error { return rows.Scan(id) })
			if err != nil {
				return nil, err
			}
			locked = append(locked, ids...)
		}
		sorted = locked
	}
	// What follows is read after the locks, and so has what those before have committed; and so is the time.
	for part := range slices.Chunk(sorted, listedValues[0]) {
		c := &condition{}
		c.in("c.id", part)
		rows, err := tx.QueryContext(ctx, c.after(`SELECT c.id, c.period, c.used, c.ends, c.recalled, c.slices, `+s.dialect.clock()+`, s.replica, s.period, s.held, s.acked, s.mark, r.seen
			FROM counters AS c LEFT JOIN shares AS s ON s.counter = c.id LEFT JOIN replicas AS r ON r.id = s.replica`, ` ORDER BY c.id, s.replica`), c.args...)
		if _, err := collect(rows, err, a.scan); err != nil {
			return nil, err
		}
	}
	for _, c := range a.byID {
		c.now = a.now
	}
	return a, nil
}

func (a *accounts) scan(rows *sql.Rows, _ *struct{}) error {
	var c account
	var past string
	var replica sql.NullString
	var period, held, acked, mark, seen sql.NullInt64
	if err := rows.Scan(&c.id, &c.period, &c.used, &c.ends, &c.recalled, &past, &a.now, &replica, &period, &held, &acked, &mark, &seen); err != nil {
		return err
	}
	to := a.byID[c.id]
	if to == nil {
		var err error
		if c.slices, err = readSlices(past); err != nil {
			return fmt.Errorf("counter %s: %w", c.id, err)
		}
		to = &c
		to.kind, to.own = kindOf(c.id), share{replica: a.replica}
		a.byID[c.id] = to
		a.order = append(a.order, c.id)
	}
	if !replica.Valid {
		return nil
	}
	s := share{replica: replica.String, held: held.Int64, acked: acked.Int64, period: period.Int64, mark: mark.Int64, stored: true, alive: a.now-seen.Int64 <= Lifetime.Microseconds()}
	if period.Int64 != to.period {
		s.held = 0
	}
	if s.replica == a.replica {
		to.own = s
	} else {
		to.others = append(to.others, s)
	}
	return nil
}

// begin begins a new period if the last is over or there was none.
func (c *account) begin(w quota.Window) {
	if c.period != 0 && (c.ends == 0 || c.ends > c.now) {
		return
	}
	if w.Slice > 0 && c.period != 0 && c.ends != 0 {
		c.slices = c.slices.Close(w, c.now, c.open())
	} else {
		c.slices = nil
	}
	c.period++
	c.used, c.ends, c.changed = 0, micros(w.End(time.UnixMicro(c.now))), true
	c.own.held = 0
	for i := range c.others {
		c.others[i].held = 0
	}
}

// open is the period that is under way, with what was used and drawn in it.
func (c *account) open() quota.Slice {
	s := quota.Slice{Period: c.period, Ends: c.ends, Units: add(c.used, c.own.held)}
	for i := range c.others {
		s.Units = add(s.Units, c.others[i].held)
	}
	return s
}

// has reports whether a replica may have units of a share that count.
func (c *account) has(s *share, w quota.Window) bool {
	return s.held > 0 || w.Slice > 0 && s.stored && c.slices.Counts(w, c.now, s.period)
}

// back gives back units of the own share, and reports whether their period still counts.
func (c *account) back(period, units int64) bool {
	if period == c.period {
		c.own.held = max(0, c.own.held-max(0, units))
		return true
	}
	if !c.slices.Return(period, units) {
		return false
	}
	c.changed = true
	return true
}

// readSlices reads what the database has of slices; writeSlices writes it. It is empty for none.
func readSlices(text string) (s quota.Slices, err error) {
	if text != "" {
		err = jsonx.Unmarshal([]byte(text), &s)
	}
	return s, err
}

func writeSlices(s quota.Slices) (string, error) {
	if len(s) == 0 {
		return "", nil
	}
	text, err := jsonx.Marshal(s)
	return string(text), err
}

// fit fits the end of the period to a window that has changed.
func (c *account) fit(w quota.Window) {
	end := micros(w.End(time.UnixMicro(c.now)))
	if w.Length > 0 && w.Anchor.IsZero() && c.ends != 0 && c.ends <= end {
		return // the period has begun with its first use, before now
	}
	if c.ends != end {
		c.ends, c.changed = end, true
	}
}

// save writes what has changed.
func (a *accounts) save(ctx context.Context, tx *sql.Tx, d dialect) error {
	var counters, shares []any
	slices.Sort(a.order)
	for _, id := range a.order {
		c := a.byID[id]
		if c.changed {
			past, err := writeSlices(c.slices)
			if err != nil {
				return err
			}
			counters = append(counters, c.id, c.period, c.used, c.ends, c.recalled, past)
		}
		if a.kept[c] {
			shares = append(shares, c.id, a.replica, c.period, c.own.held, c.own.acked, c.own.mark)
		}
	}
	err := d.insert(ctx, tx, `INSERT INTO counters (id, period, used, ends, recalled, slices)`,
		`ON CONFLICT (id) DO UPDATE SET period = excluded.period, used = excluded.used, ends = excluded.ends, recalled = excluded.recalled, slices = excluded.slices`, 6, counters)
	if err != nil {
		return err
	}
	for _, d := range a.dropped {
		if _, err := tx.ExecContext(ctx, `DELETE FROM shares WHERE counter = $1 AND replica = $2`, d[0], d[1]); err != nil {
			return err
		}
	}
	return d.insert(ctx, tx, `INSERT INTO shares (counter, replica, period, held, acked, mark)`,
		`ON CONFLICT (counter, replica) DO UPDATE SET period = excluded.period, held = excluded.held, acked = excluded.acked, mark = excluded.mark`, 6, shares)
}

// ensure makes the counters that do not exist.
func (s *Store) ensure(ctx context.Context, sorted []string) error {
	args := make([]any, 0, len(sorted))
	for _, id := range sorted {
		args = append(args, id, int64(0), int64(0), int64(0), int64(0))
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		return s.dialect.insert(ctx, tx, `INSERT INTO counters (id, period, used, ends, recalled)`, `ON CONFLICT DO NOTHING`, 5, args)
	})
}

// maxID is how long an id of a counter, and of what rows of spend are summed for, is in the database, whose indexes bound
// it. Clients choose the ids of customers.
const maxID = 300

// bounded is the id as the database has it: one that is too long, has a NUL, or is not UTF-8, becomes what is left of it with
// the hash of the whole.
func bounded(id string) string {
	if len(id) <= maxID && utf8.ValidString(id) && !strings.Contains(id, "\x00") {
		return id
	}
	hash := sha256.Sum256([]byte(id))
	end := "~" + hex.EncodeToString(hash[:]) + kindOf(id).suffix() // what it counts must remain
	kept := id[:min(len(id), maxID-len(end))]
	return strings.ReplaceAll(strings.ToValidUTF8(kept, ""), "\x00", "") + end
}

// add and sub are sums and differences that stay at the ends of the range instead of leaving it.
func add(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

func sub(a, b int64) int64 {
	switch diff := a - b; {
	case a >= 0 && b < 0 && diff < 0:
		return math.MaxInt64
	case a < 0 && b > 0 && diff >= 0:
		return math.MinInt64
	default:
		return diff
	}
}
