package store

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/quota"
)

// The spend log has calls in blocks: a row of spend_logs is one call or several of the same key, user, team and customer,
// one after the other. So a gateway with many calls of a key writes few rows, and few entries of indexes.
const (
	// blockRows and blockSpan bound a block, of which a reader may need one call only.
	blockRows = 250
	blockSpan = 10 * time.Second
	// idTolerance is how far the time in the id of a call may be from its start. An id that has another time, or none, as
	// those of other gateways have, is in a column that is indexed, and its call is alone in its block.
	idTolerance = 2 * time.Second
)

const (
	blockColumns = 9
	blockInsert  = `INSERT INTO spend_logs (id, start, first, n, key, user_id, team_id, customer, doc)`
)

// batch is what rows add to the tables.
type batch struct {
	size     int
	blocks   []any // of spend_logs
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

// newBatch reckons what rows add to the tables. The ids of rows of another gateway are to be found by themselves, whatever
// they look like.
func newBatch(rows []Row, foreign bool) *batch {
	b := &batch{size: len(rows), charges: map[string]*charge{}}
	days, totals, aspects, groups := map[int64]bool{}, map[total]*Sums{}, map[aspect]*Sums{}, grouping{}
	for i := range rows {
		r := &rows[i]
		day := dayOf(r.Start)
		days[day] = true
		if foreign || !timed(r.RequestID, r.Start) {
			start := micros(r.Start)
			b.block(bounded(r.RequestID), start, start, 1, ownersOf(r), document(r))
		} else {
			groups.add(group{day, ownersOf(r)}, r)
		}
		count(totals, aspects, day, r)
		for j := range r.Charges {
			b.charge(&r.Charges[j])
		}
	}
	groups.cut(b)
	b.days = slices.Sorted(maps.Keys(days))
	b.counters = slices.Sorted(maps.Keys(b.charges))
	b.sums = dailySums(totals, aspects)
	return b
}

// owners are the columns by which the spend log is filtered.
type owners struct{ key, user, team, customer string }

func ownersOf(r *Row) owners {
	return owners{bounded(r.Key), bounded(r.User), bounded(r.Team), bounded(r.Customer)}
}

// group is what the calls of a block have in common.
type group struct {
	day int64
	owners
}

// grouping are calls by their groups, in the order in which the groups first came.
type grouping struct {
	at   map[group]int
	keys []group
	rows [][]*Row
}

func (g *grouping) add(of group, r *Row) {
	at, ok := g.at[of]
	if !ok {
		if g.at == nil {
			g.at = map[group]int{}
		}
		at = len(g.keys)
		g.at[of], g.keys, g.rows = at, append(g.keys, of), append(g.rows, nil)
	}
	g.rows[at] = append(g.rows[at], r)
}

// cut makes blocks of the groups.
func (g *grouping) cut(b *batch) {
	for i, rows := range g.rows {
		slices.SortStableFunc(rows, func(a, b *Row) int { return a.Start.Compare(b.Start) })
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && n < blockRows && rows[n].Start.Sub(rows[0].Start) < blockSpan {
				n++
			}
			b.block("", micros(rows[0].Start), micros(rows[n-1].Start), n, g.keys[i].owners, document(rows[:n]...))
			rows = rows[n:]
		}
	}
}

// block adds a row of spend_logs.
func (b *batch) block(id string, first, start int64, n int, of owners, doc string) {
	b.blocks = append(b.blocks, id, start, first, int64(n), of.key, of.user, of.team, of.customer, doc)
}

// timed reports whether an id says when its call began, as those of this gateway do: 32 hexadecimal digits, of which the first
// 12 are the milliseconds since 1970.
func timed(id string, start time.Time) bool {
	at, ok := timeOf(id)
	return ok && start.Sub(at).Abs() <= idTolerance
}

// timeOf is the time in an id; false if it has none.
func timeOf(id string) (time.Time, bool) {
	var b [16]byte
	if len(id) != 2*len(b) {
		return time.Time{}, false
	}
	if _, err := hex.Decode(b[:], []byte(id)); err != nil || strings.ContainsAny(id, "ABCDEF") {
		return time.Time{}, false
	}
	var ms int64
	for _, c := range b[:6] {
		ms = ms<<8 | int64(c)
	}
	return time.UnixMilli(ms), true
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
	if of.Taken > 0 {
		c.taken[of.Period] = add(c.taken[of.Period], of.Taken)
	}
}
