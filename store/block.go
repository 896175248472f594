package store

import (
	"maps"
	"slices"
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
	taken  []taken // most have one
	window quota.Window
	at     time.Time // when the call began whose window it is
}

// taken are units that come out of the share of a period.
type taken struct{ period, units int64 }

// of is what comes out of the share of a period.
func (c *charge) of(period int64) int64 {
	for _, t := range c.taken {
		if t.period == period {
			return t.units
		}
	}
	return 0
}

// add adds a charge of a call. The window is that of the latest call: limits change while rows wait.
func (c *charge) add(of *Charge, start time.Time) {
	if !start.Before(c.at) {
		c.window, c.at = of.Window, start
	}
	c.units = add(c.units, of.Units)
	if of.Taken <= 0 {
		return
	}
	for i := range c.taken {
		if t := &c.taken[i]; t.period == of.Period {
			t.units = add(t.units, of.Taken)
			return
		}
	}
	c.taken = append(c.taken, taken{of.Period, of.Taken})
}

// newBatch reckons what rows add to the tables. The ids of rows of another gateway are to be found by themselves, whatever
// they look like.
func newBatch(rows []Row, foreign bool) *batch {
	b := &batch{size: len(rows), charges: map[string]*charge{}}
	groups, c := grouping{}, counted{}
	for i := range rows {
		groups.add(group{dayOf(rows[i].Start), ownersOf(&rows[i])}, &rows[i])
	}
	// What calls add is found by long texts, which those of a group have in common for the most part.
	for i, of := range groups.rows {
		var recent charged
		alone := 0
		for _, r := range of {
			c.count(groups.keys[i].day, r)
			for j := range r.Charges {
				b.charge(&recent, j, &r.Charges[j], r.Start)
			}
			if foreign || !timed(r.RequestID, r.Start) {
				start := micros(r.Start)
				b.block(bounded(r.RequestID), start, start, 1, groups.keys[i].owners, document(r))
				alone++
			}
		}
		if alone > 0 {
			groups.rows[i] = slices.DeleteFunc(of, func(r *Row) bool { return foreign || !timed(r.RequestID, r.Start) })
		}
	}
	groups.cut(b)
	b.days = groups.days()
	b.counters = slices.Sorted(maps.Keys(b.charges))
	b.sums = c.dailySums()
	return b
}

// owners are the columns by which the spend log is filtered.
type owners struct{ key, user, team, customer string }

func ownersOf(r *Row) owners { return owners{r.Key, r.User, r.Team, r.Customer} }

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

// days are those of the groups, sorted.
func (g *grouping) days() (days []int64) {
	for i := range g.keys {
		days = append(days, g.keys[i].day)
	}
	slices.Sort(days)
	return slices.Compact(days)
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
	b.blocks = append(b.blocks, id, start, first, int64(n), bounded(of.key), bounded(of.user), bounded(of.team), bounded(of.customer), doc)
}

// timed reports whether an id says when its call began, as those of this gateway do: 32 hexadecimal digits, of which the first
// 12 are the milliseconds since 1970.
func timed(id string, start time.Time) bool {
	at, ok := timeOf(id)
	return ok && start.Sub(at).Abs() <= idTolerance
}

// timeOf is the time in an id; false if it has none.
func timeOf(id string) (time.Time, bool) {
	if len(id) != idDigits {
		return time.Time{}, false
	}
	var ms int64
	for i := range idDigits {
		digit := int64(id[i]) - '0'
		switch c := id[i]; {
		case '0' <= c && c <= '9':
		case 'a' <= c && c <= 'f':
			digit = int64(c) - 'a' + 10
		default:
			return time.Time{}, false
		}
		if i < timeDigits {
			ms = ms<<4 | digit
		}
	}
	return time.UnixMilli(ms), true
}

// idDigits are those of an id, of which the first timeDigits are its time.
const (
	idDigits   = 32
	timeDigits = 12
)

// charged are the charges of the last row by their positions: the next row has the same counters for the most part.
type charged [4]struct {
	counter string
	of      *charge
}

// charge adds a charge, which has a position in its row.
func (b *batch) charge(recent *charged, at int, of *Charge, start time.Time) {
	if at < len(recent) && recent[at].of != nil && recent[at].counter == of.Counter {
		recent[at].of.add(of, start)
		return
	}
	id := bounded(of.Counter)
	c := b.charges[id]
	if c == nil {
		c = &charge{}
		b.charges[id] = c
	}
	c.add(of, start)
	if at < len(recent) {
		recent[at].counter, recent[at].of = of.Counter, c
	}
}
