package store

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
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
	days, totals, groups := map[int64]bool{}, map[total]*Sums{}, grouping{}
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
		count(totals, day, r)
		for j := range r.Charges {
			b.charge(&r.Charges[j])
		}
	}
	groups.cut(b)
	b.days = slices.Sorted(maps.Keys(days))
	b.counters = slices.Sorted(maps.Keys(b.charges))
	b.sums = dailySums(totals)
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

// row is a Row as its document has it.
type row struct {
	Row

	Metadata jsonx.Raw `json:"metadata,omitzero"`
}

// document is the JSON of a row, or of several as an array, without their charges, which are in the counters. A row is posted
// whatever it has: texts that are not UTF-8 are repaired.
func document(rows ...*Row) string {
	w := jsonx.Writer{Buf: make([]byte, 0, 640*len(rows))}
	if len(rows) == 1 {
		writeRow(&w, rows[0])
		return string(w.Buf)
	}
	w.Array()
	for _, r := range rows {
		writeRow(&w, r)
	}
	w.EndArray()
	return string(w.Buf)
}

func writeRow(w *jsonx.Writer, r *Row) {
	w.Object()
	writeText(w, "request_id", r.RequestID)
	writeText(w, "call_type", r.CallType)
	writeText(w, "api_key", r.Key)
	writeText(w, "key_alias", r.KeyAlias)
	writeNumber(w, "cost", r.Cost)
	writeMoment(w, "start", r.Start)
	writeMoment(w, "first", r.First)
	writeMoment(w, "end", r.End)
	writeText(w, "model", r.Model)
	writeText(w, "model_id", r.Deployment)
	writeText(w, "model_group", r.Group)
	writeText(w, "provider", r.Provider)
	writeText(w, "user", r.User)
	writeText(w, "end_user", r.Customer)
	writeText(w, "team_id", r.Team)
	writeText(w, "organization_id", r.Organization)
	if len(r.Tags) > 0 {
		w.Key("request_tags")
		w.Array()
		for _, tag := range r.Tags {
			w.String(strings.ToValidUTF8(tag, "\uFFFD"))
		}
		w.EndArray()
	}
	writeText(w, "session_id", r.Session)
	writeText(w, "requester_ip_address", r.Address)
	writeNumber(w, "prompt_tokens", r.Input)
	writeNumber(w, "completion_tokens", r.Output)
	writeNumber(w, "cache_read", r.CacheRead)
	writeNumber(w, "cache_write", r.CacheWrite)
	writeNumber(w, "status", int64(r.Status))
	writeText(w, "code", r.Code)
	if len(r.Metadata) > 0 {
		w.Key("metadata")
		if jsonx.Valid(r.Metadata) {
			w.Raw(r.Metadata)
		} else {
			w.String(strings.ToValidUTF8(string(r.Metadata), "\uFFFD"))
		}
	}
	w.EndObject()
}

func writeText(w *jsonx.Writer, name, value string) {
	if value != "" {
		w.Key(name)
		w.String(strings.ToValidUTF8(value, "\uFFFD"))
	}
}

func writeNumber(w *jsonx.Writer, name string, value int64) {
	if value != 0 {
		w.Key(name)
		w.Int(value)
	}
}

func writeMoment(w *jsonx.Writer, name string, at time.Time) {
	at = at.UTC()
	if year := at.Year(); !at.IsZero() && year >= 0 && year <= 9999 { // others have no form in RFC 3339
		var text [len(time.RFC3339Nano) + 2]byte
		w.Key(name)
		w.Raw(append(at.AppendFormat(append(text[:0], '"'), time.RFC3339Nano), '"'))
	}
}
